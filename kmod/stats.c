// SPDX-License-Identifier: GPL-2.0
/*
 * Statistics: sums over what the tiers count.
 *
 * Nothing here is kept for its own sake but the bytes held and the peaks.
 * Live objects are what left the spans less what lies in the caches; frees are
 * what was allocated less what lives.  A reader stops nobody and takes no lock
 * for longer than one heap's counters, so sums over busy CPUs are off by what
 * moves meanwhile; a figure that would come out negative for that reason is
 * shown as 0.
 */
#include <linux/export.h>
#include <linux/math64.h>
#include <linux/spinlock.h>
#include <linux/string.h>
#include "budget.h"
#include "goheap.h"
#include "heaps.h"
#include "limit.h"
#include "mcache.h"
#include "mheap.h"
#include "node.h"
#include "report.h"
#include "size_class.h"
#include "stats.h"
#include "tiny.h"

atomic_long_t gom_sys;
atomic_long_t gom_meta;
atomic_long_t gom_profile_meta;
static atomic_long_t peak_sys;

void gom_sys_add(long bytes)
{
	long now = atomic_long_add_return(bytes, &gom_sys);
	long peak = atomic_long_read(&peak_sys);

	while (now > peak && !atomic_long_try_cmpxchg(&peak_sys, &peak, now))
		;
}

static u64 less(u64 a, u64 b)
{
	return a > b ? a - b : 0;
}

/* In hundredths of a percent; 0 of nothing. */
u64 gom_stats_percent(u64 part, u64 whole)
{
	return whole ? div64_u64(part * 10000, whole) : 0;
}

/* The part of @held that @live does not use. */
u64 gom_stats_waste(u64 live, u64 held)
{
	return gom_stats_percent(less(held, live), held);
}

/* === Peaks =============================================================== */

/*
 * Of each class the most bytes that its spans have held, and what of them was
 * live then.  What TCMalloc calls realized fragmentation: free objects cost
 * memory only while a class holds the most.
 */
struct peak {
	unsigned long held;
	unsigned long live;
};

/*
 * Live bytes are counted on all CPUs, so who takes spans looks only where the
 * peak is this part higher than when somebody looked last.
 */
#define PEAK_SHIFT	6

static struct peak peaks[GOM_CLASS_HEAP + 1];
static DEFINE_RAW_SPINLOCK(peak_lock);

/* Enter what @stats says of the class, and what the peak is now into it. */
static void update_peak(struct peak *peak, struct gom_class_stats *stats)
{
	unsigned long flags;

	raw_spin_lock_irqsave(&peak_lock, flags);
	if (stats->held > peak->held) {
		WRITE_ONCE(peak->held, stats->held);
		peak->live = stats->live_bytes;
	} else if (stats->held == peak->held) {
		peak->live = max_t(u64, peak->live, stats->live_bytes);
	}
	stats->peak_held = peak->held;
	stats->peak_live = peak->live;
	raw_spin_unlock_irqrestore(&peak_lock, flags);
}

static unsigned long held_pages(unsigned int class, int nid)
{
	switch (class) {
	case GOM_CLASS_LARGE:
		return gom_glance(gom_node(nid)->heap.large_pages);
	case GOM_CLASS_TRACKED:
		return gom_glance(gom_node(nid)->tracked.npages);
	default:
		return gom_glance(gom_central(nid, class)->npages);
	}
}

static unsigned long held_bytes(unsigned int class)
{
	unsigned long pages = 0;
	int nid;

	if (class == GOM_CLASS_HEAP)
		return gom_goheap_pages() << GOM_PAGE_SHIFT;
	for_each_gom_node(nid)
		pages += held_pages(class, nid);
	return pages << GOM_PAGE_SHIFT;
}

/* @class took a span from the heap.  Any context but NMI; no lock held. */
void gom_stats_grown(unsigned int class)
{
	unsigned long peak = READ_ONCE(peaks[class].held);
	struct gom_class_stats stats;

	if (held_bytes(class) > peak + (peak >> PEAK_SHIFT))
		gom_stats_class(class, &stats);
}

/* === Sums ================================================================ */

static void sum_large(struct gom_class_stats *stats)
{
	int nid;

	for_each_gom_node(nid) {
		struct mheap *heap = &gom_node(nid)->heap;

		stats->nspans += gom_glance(heap->large);
		stats->mallocs += gom_glance(heap->large_mallocs);
	}
	stats->held = held_bytes(GOM_CLASS_LARGE);
	stats->live = stats->nspans;
	stats->live_bytes = stats->held;
}

/* Of what was ever allocated, only what no other class has counted. */
static void sum_tracked(struct gom_class_stats *stats)
{
	int nid;

	for_each_gom_node(nid) {
		struct gom_tracked *tracked = &gom_node(nid)->tracked;
		unsigned long flags;

		raw_spin_lock_irqsave(&tracked->lock, flags);
		stats->nspans += tracked->nspans;
		stats->held += (u64)tracked->npages << GOM_PAGE_SHIFT;
		stats->live += tracked->live;
		stats->live_bytes += tracked->live_bytes;
		stats->mallocs += tracked->mallocs;
		raw_spin_unlock_irqrestore(&tracked->lock, flags);
	}
}

static void sum_heaps(struct gom_class_stats *stats)
{
	struct gom_heaps_sum sum;

	gom_heaps_sum(&sum);
	stats->nspans = sum.nspans;
	stats->held = (u64)sum.npages << GOM_PAGE_SHIFT;
	stats->live = sum.live;
	stats->live_bytes = sum.bytes;
	stats->mallocs = sum.mallocs;
}

static void sum_small(unsigned int class, struct gom_class_stats *stats)
{
	const struct gom_class *c = &gom_class[class];
	u64 out = 0, room = 0;
	int cpu, nid;

	for_each_gom_node(nid) {
		struct mcentral *central = gom_central(nid, class);

		stats->nspans += gom_glance(central->nspans);
		stats->ready += gom_glance(central->nready);
		stats->locks += gom_glance(central->locks);
		stats->batches += gom_glance(central->refills) +
				  gom_glance(central->flushes);
		out += gom_glance(central->nalloc);
		room += gom_glance(central->nelems);
	}
	for_each_possible_cpu(cpu) {
		struct mcache_cold *cold = per_cpu_ptr(gom_mcache_cold, cpu);

		stats->mcache += gom_mcache_count(cpu, class);
		stats->mallocs += gom_mcache_mallocs(cpu, class);
		stats->refills += gom_glance(cold->class[class].refills);
		stats->flushes += gom_glance(cold->class[class].flushes);
	}
	stats->held = held_bytes(class);
	stats->tails = less(stats->held, room * c->size);
	stats->live = less(out, stats->mcache + stats->ready);
	stats->live_bytes = stats->live * c->size;
	stats->spans_free = less(room, out);
}

void gom_stats_class(unsigned int class, struct gom_class_stats *stats)
{
	memset(stats, 0, sizeof(*stats));
	if (class == GOM_CLASS_LARGE)
		sum_large(stats);
	else if (class == GOM_CLASS_TRACKED)
		sum_tracked(stats);
	else if (class == GOM_CLASS_HEAP)
		sum_heaps(stats);
	else
		sum_small(class, stats);
	update_peak(&peaks[class], stats);
}

void gom_stats_cpu(int cpu, struct gom_cpu_stats *stats)
{
	struct mcache_cold *cold = per_cpu_ptr(gom_mcache_cold, cpu);
	unsigned int class, n;

	memset(stats, 0, sizeof(*stats));
	for (class = 1; class < GOM_NR_SPAN_CLASSES; class++) {
		stats->mallocs += gom_mcache_mallocs(cpu, class);
		stats->refills += gom_glance(cold->class[class].refills);
		stats->flushes += gom_glance(cold->class[class].flushes);
		n = gom_mcache_count(cpu, class);
		stats->objects += n;
		stats->bytes += (u64)n * gom_class[class].size;
	}
	stats->capacity = gom_glance(cold->capacity);
	stats->budget = gom_budget_of(cold);
	stats->steals = gom_glance(cold->steals);
}

void gom_stats_node(int nid, struct gom_node_stats *stats)
{
	struct gom_node *node = gom_node(nid);
	struct mheap *heap = &node->heap;
	unsigned long flags;

	raw_spin_lock_irqsave(&heap->lock, flags);
	stats->sys = (u64)heap->pages << GOM_PAGE_SHIFT;
	stats->idle = (u64)heap->free_pages << GOM_PAGE_SHIFT;
	raw_spin_unlock_irqrestore(&heap->lock, flags);
	stats->inuse = stats->sys - stats->idle;
	stats->home_frees = atomic_long_read(&node->home_frees);
	stats->home_batches = atomic_long_read(&node->home_batches);
	stats->misses = atomic_long_read(&node->misses);
}

static void add_class(struct gomalloc_stats *s, unsigned int class)
{
	const struct gom_class *c = &gom_class[class];
	struct gom_class_stats cs;

	gom_stats_class(class, &cs);
	s->heap_inuse += cs.held;
	s->alloc += cs.live_bytes;
	s->total_alloc += cs.mallocs * c->size;
	s->mcache_free += cs.mcache * c->size;
	s->mcentral_free += (cs.ready + cs.spans_free) * c->size;
	s->central_locks += cs.locks;
	s->central_batches += cs.batches;
	s->span_waste += cs.tails;
	/* Objects of the tiny class are blocks; tiny.c counts what is in them. */
	if (class != GOM_CLASS_TINY) {
		s->mallocs += cs.mallocs;
		s->heap_objects += cs.live;
	}
}

static void add_tracked(struct gomalloc_stats *s, struct gom_tracked *tracked)
{
	unsigned long flags;
	u64 held;

	raw_spin_lock_irqsave(&tracked->lock, flags);
	held = (u64)tracked->npages << GOM_PAGE_SHIFT;
	s->heap_inuse += held;
	s->alloc += tracked->live_bytes;
	s->span_waste += held - tracked->live_bytes;
	s->tracked_sys += held;
	s->tracked_objects += tracked->live;
	s->heap_objects += tracked->live;
	s->mallocs += tracked->mallocs;
	s->total_alloc += tracked->total_bytes;
	raw_spin_unlock_irqrestore(&tracked->lock, flags);
}

static void add_goheaps(struct gomalloc_stats *s)
{
	struct gom_heaps_sum sum;
	u64 held;

	gom_heaps_sum(&sum);
	held = (u64)sum.npages << GOM_PAGE_SHIFT;
	s->heap_inuse += held;
	s->alloc += sum.bytes;
	s->span_waste += less(held, sum.bytes);
	s->heap_objects += sum.live;
	s->mallocs += sum.mallocs;
	s->total_alloc += sum.total_bytes;
}

static void add_heap(struct gomalloc_stats *s, struct mheap *heap)
{
	unsigned long flags;

	raw_spin_lock_irqsave(&heap->lock, flags);
	s->heap_sys += heap->pages << GOM_PAGE_SHIFT;
	s->heap_idle += heap->free_pages << GOM_PAGE_SHIFT;
	s->heap_released += heap->released << GOM_PAGE_SHIFT;
	s->heap_inuse += heap->large_pages << GOM_PAGE_SHIFT;
	s->alloc += heap->large_pages << GOM_PAGE_SHIFT;
	s->total_alloc += heap->large_total;
	s->mallocs += heap->large_mallocs;
	s->heap_objects += heap->large;
	raw_spin_unlock_irqrestore(&heap->lock, flags);
}

void gom_stats_read(struct gomalloc_stats *s)
{
	u64 tiny_mallocs, tiny_frees;
	unsigned int class;
	int nid, i;

	memset(s, 0, sizeof(*s));
	for (class = 1; class < GOM_NR_SPAN_CLASSES; class++)
		add_class(s, class);
	for_each_gom_node(nid) {
		add_heap(s, &gom_node(nid)->heap);
		add_tracked(s, &gom_node(nid)->tracked);
	}
	add_goheaps(s);
	gom_tiny_count(&tiny_mallocs, &tiny_frees);
	s->mallocs += tiny_mallocs;
	s->heap_objects += less(tiny_mallocs, tiny_frees);
	s->frees = less(s->mallocs, s->heap_objects);
	s->meta_sys = atomic_long_read(&gom_meta);
	s->profile_sys = atomic_long_read(&gom_profile_meta);
	s->sys = s->heap_sys + s->meta_sys;
	s->peak_sys = max_t(u64, atomic_long_read(&peak_sys), s->sys);
	s->limit = gom_limit_get(GOM_LIMIT_SOFT);
	s->limit_hits = gom_limit_hits();
	s->max = gom_limit_get(GOM_LIMIT_HARD);
	s->max_fails = gom_limit_fails();
	s->max_exceeded = gom_limit_exceeded();
	for (i = 0; i < GOM_NR_MISUSES; i++)
		s->misuses += gom_report_count(i);
}

/**
 * gomalloc_read_stats - what the allocator holds
 * @stats: filled in
 *
 * Go's runtime.ReadMemStats, but it stops nobody.
 *
 * Context: any but NMI.
 */
void gomalloc_read_stats(struct gomalloc_stats *stats)
{
	gom_stats_read(stats);
}
EXPORT_SYMBOL_GPL(gomalloc_read_stats);

/*
 * Tell what clients left behind, a line per class; returns how many objects.
 * The caches were drained.
 */
int gom_stats_leaks(void)
{
	struct gom_heaps_sum heaps;
	struct gom_class_stats cs;
	unsigned int class;
	int leaked = 0, nid;

	for (class = 1; class < GOM_NR_SPAN_CLASSES; class++) {
		gom_stats_class(class, &cs);
		if (!cs.live)
			continue;
		leaked += cs.live;
		pr_warn("gomalloc: leaked %llu %s of %u bytes in %llu spans\n",
			cs.live, class == GOM_CLASS_TINY ? "tiny blocks" : "objects",
			gom_class[class].size, cs.nspans);
	}
	for_each_gom_node(nid) {
		struct gom_tracked *tracked = &gom_node(nid)->tracked;
		struct mheap *heap = &gom_node(nid)->heap;

		if (tracked->live) {
			leaked += tracked->live;
			pr_warn("gomalloc: leaked %lu tracked objects of %llu bytes in all\n",
				tracked->live, tracked->live_bytes);
		}
		if (!heap->large)
			continue;
		leaked += heap->large;
		pr_warn("gomalloc: leaked %lu large objects in %lu pages of %lu KiB\n",
			heap->large, heap->large_pages, GOM_PAGE_SIZE >> 10);
	}
	gom_heaps_sum(&heaps);
	if (heaps.heaps) {
		leaked += heaps.live;
		pr_warn("gomalloc: leaked %lu heaps with %llu objects of %llu bytes in all\n",
			heaps.heaps, heaps.live, heaps.bytes);
	}
	return leaked;
}
