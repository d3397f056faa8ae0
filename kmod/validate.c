// SPDX-License-Identifier: GPL-2.0
/*
 * Walk everything and check that the books balance.
 *
 * What is checked, beside the shape of lists, trees and maps:
 *
 *   mheap->pages == free_pages + large_pages + pages of its mcentrals' spans
 *		    + pages of its tracked objects + of goheaps
 *   mcentral->nalloc == bits set in its spans
 *   span->nalloc == weight of its bitmap
 *   arena->nfree == pages of free runs in it
 *   each cached object is out of its span, once, with its key whole
 *   a block of a tiny span has a mask other than 0 exactly if it is live
 *   tiny mallocs - frees == objects in the masks
 *   of each goheap: objects, bytes, pages == what its spans' maps say, and all
 *		    heaps' spans are those that the arena map shows
 *   heap_inuse == alloc + mcache_free + mcentral_free + span_waste
 *   sys == heap_inuse + heap_idle + meta_sys
 *   what CPUs took of each other's budgets sums up to 0
 *   each object in a pool lives; with those out they are news - drops
 *
 * All CPUs are stopped for the walk.  Every transition that these depend on
 * is made with preemption off, but for spans and blocks on their way between
 * tiers: meeting one of those gives -EAGAIN.
 */
#include <linux/bitmap.h>
#include <linux/export.h>
#include <linux/stop_machine.h>
#include <linux/vmalloc.h>
#include "arena.h"
#include "fail.h"
#include "goheap.h"
#include "gopool.h"
#include "granules.h"
#include "heaps.h"
#include "mcache.h"
#include "node.h"
#include "stats.h"
#include "tiny.h"

/**
 * struct tally - what the walk counts of a node
 * @pages: pages that the arena map shows
 * @free_pages: of these, in free runs
 * @nruns: free runs
 * @large: large objects
 * @large_pages: their pages
 * @tracked: tracked objects
 * @held: freed ones that keep their slots
 * @tracked_bytes: what their records say
 * @tracked_spans: their spans
 * @tracked_pages: the pages of those
 * @heap_spans: spans of goheaps
 * @nspans: spans by class
 * @npages: their pages
 * @nelems: objects that they have room for
 * @nalloc: objects out by class
 */
struct tally {
	unsigned long pages;
	unsigned long free_pages;
	unsigned long nruns;
	unsigned long large;
	unsigned long large_pages;
	unsigned long tracked;
	unsigned long held;
	u64 tracked_bytes;
	unsigned long tracked_spans;
	unsigned long tracked_pages;
	unsigned long heap_spans;
	unsigned long nspans[GOM_NR_SPAN_CLASSES];
	unsigned long npages[GOM_NR_SPAN_CLASSES];
	unsigned long nelems[GOM_NR_SPAN_CLASSES];
	unsigned long nalloc[GOM_NR_SPAN_CLASSES];
};

struct walk {
	struct tally *tally;	/* by node */
	u64 tiny_live;
	unsigned long cleared;	/* bits of cached objects, for now */
	const char *error;
	u64 found;
	u64 expected;
	bool moving;
};

/* Remember the first thing that is wrong. */
static bool same(struct walk *w, const char *what, u64 found, u64 expected)
{
	if (found == expected)
		return true;
	if (!w->error) {
		w->error = what;
		w->found = found;
		w->expected = expected;
	}
	return false;
}

static void check_tiny(struct walk *w, struct mspan *span)
{
	atomic_t *masks = gom_mspan_masks(span);
	unsigned int i;

	for (i = 0; i < span->nelems; i++) {
		u32 mask = atomic_read(&masks[i]);
		u32 ends = mask >> GOM_TINY_BLOCK;

		if (!mask && test_bit(i, span->bits))
			w->moving = true;
		else
			same(w, "tiny block: an object in a free one", !!mask,
			     test_bit(i, span->bits));
		w->tiny_live += hweight32(ends);
	}
}

/* Spans of small objects; cached ones have their bits cleared by now. */
static void check_small(struct walk *w, struct mspan *span)
{
	struct tally *t = &w->tally[span->nid];

	same(w, "span: bucket", span->bucket, gom_mcentral_bucket(span));
	same(w, "span: objects", span->nelems,
	     span->npages * GOM_PAGE_SIZE / gom_class[span->class].size);
	t->nspans[span->class]++;
	t->npages[span->class] += span->npages;
	t->nelems[span->class] += span->nelems;
	t->nalloc[span->class] += span->nalloc;
	if (span->class == GOM_CLASS_TINY)
		check_tiny(w, span);
}

static void check_tracked(struct walk *w, struct mspan *span)
{
	struct tally *t = &w->tally[span->nid];
	unsigned int slot, n = 0;

	for_each_set_bit(slot, span->inline_bits, span->nelems) {
		n++;
		if (gom_mspan_records(span)[slot].held) {
			t->held++;
			continue;
		}
		t->tracked_bytes += gom_mspan_records(span)[slot].bytes;
		t->tracked++;
	}
	same(w, "tracked: objects of a span", n, span->nalloc);
	t->tracked_spans++;
	t->tracked_pages += span->npages;
}

static void check_granules(struct walk *w, struct mspan *span)
{
	const unsigned long *holes = gom_granules_holes(span);
	const unsigned long *ends = gom_granules_ends(span);

	w->tally[span->nid].heap_spans++;
	if (gom_granules_is_solo(span))
		return;
	same(w, "goheap: holes of a span", bitmap_weight(holes, span->nelems),
	     span->holes);
	same(w, "goheap: an object ends in a hole",
	     bitmap_intersects(holes, ends, span->nelems), false);
	same(w, "goheap: a hole above the top",
	     find_next_bit(holes, span->nelems, span->top), span->nelems);
	same(w, "goheap: an object above the top",
	     find_next_bit(ends, span->nelems, span->top), span->nelems);
}

/* Returns how many pages the thing at @page takes. */
static unsigned int check_pages(struct walk *w, struct arena *arena,
				unsigned int page, unsigned long addr)
{
	struct mspan *span = *gom_arena_slot(arena, page);
	u8 class = arena->class[page];
	struct tally *t;
	unsigned int i;

	if (!same(w, "arena: span does not start where it is entered",
		  span->start, addr) ||
	    !same(w, "arena: class is not the span's", class, span->class) ||
	    !same(w, "arena: span leaves it",
		  page + span->npages <= GOM_ARENA_PAGES, true))
		return 1;
	for (i = page; i < page + span->npages; i++) {
		same(w, "arena: class of a page", arena->class[i], class);
		if (class == GOM_CLASS_FREE)
			continue;
		same(w, "arena: bias of a page", arena->bias[i], -(u32)addr);
		same(w, "arena: span of a page", (unsigned long)*gom_arena_slot(arena, i),
		     (unsigned long)span);
	}
	t = &w->tally[span->nid];
	t->pages += span->npages;
	if (class == GOM_CLASS_FREE) {
		same(w, "run: state", span->state, MSPAN_FREE);
		t->free_pages += span->npages;
		t->nruns++;
		if (i < GOM_ARENA_PAGES && arena->class[i] == class)
			same(w, "run: not joined to its neighbour",
			     (*gom_arena_slot(arena, i))->nid == span->nid, false);
	} else if (span->state == MSPAN_MOVING) {
		w->moving = true;
	} else if (class == GOM_CLASS_LARGE) {
		t->large++;
		t->large_pages += span->npages;
	} else if (class == GOM_CLASS_TRACKED) {
		check_tracked(w, span);
	} else if (class == GOM_CLASS_HEAP) {
		check_granules(w, span);
	} else {
		check_small(w, span);
	}
	return span->npages;
}

/* The arena at @base, page by page. */
static void check_arena(struct walk *w, struct arena *arena, unsigned long base)
{
	unsigned int page = 0, n, owned = 0, free = 0;

	while (page < GOM_ARENA_PAGES && !w->error) {
		n = 1;
		if (arena->class[page] != GOM_CLASS_NONE) {
			n = check_pages(w, arena, page,
					base + page * GOM_PAGE_SIZE);
			owned += n;
			if (arena->class[page] == GOM_CLASS_FREE)
				free += n;
		}
		page += n;
	}
	same(w, "arena: pages free", free, atomic_read(&arena->nfree));
	/* A block on its way in or out is accounted, but not mapped. */
	if (owned < arena->nowned)
		w->moving = true;
	else
		same(w, "arena: pages owned", owned, arena->nowned);
}

static void check_arenas(struct walk *w)
{
	unsigned long i;

	for (i = 0; i < gomalloc_hot.nr_arenas && !w->error; i++)
		if (gom_arena_at(i))
			check_arena(w, gom_arena_at(i), gomalloc_hot.first +
				    (i << GOM_ARENA_SHIFT));
}

static void check_heap(struct walk *w, struct mheap *heap, struct tally *t)
{
	unsigned long nruns = 0, last = 0;
	struct rb_node *node;

	for (node = rb_first(&heap->free); node; node = rb_next(node)) {
		struct mspan *run = rb_entry(node, struct mspan, node);

		same(w, "heap: runs in order", run->npages >= last, true);
		last = run->npages;
		nruns++;
	}
	same(w, "heap: runs in the tree", nruns, heap->nruns);
	same(w, "heap: runs in the map", t->nruns, heap->nruns);
	same(w, "heap: free pages", t->free_pages, heap->free_pages);
	same(w, "heap: large objects", t->large, heap->large);
	same(w, "heap: large pages", t->large_pages, heap->large_pages);
	if (!w->moving)
		same(w, "heap: pages", t->pages, heap->pages);
}

static void check_tally(struct walk *w, struct gom_tracked *tracked,
			struct tally *t)
{
	same(w, "tracked: objects", t->tracked, tracked->live);
	same(w, "tracked: freed ones that keep their slots", t->held,
	     tracked->nheld);
	same(w, "tracked: bytes", t->tracked_bytes, tracked->live_bytes);
	same(w, "tracked: spans", t->tracked_spans, tracked->nspans);
	same(w, "tracked: pages", t->tracked_pages, tracked->npages);
}

static void add_heap_span(struct walk *w, const struct goheap *heap,
			  const struct mspan *span, struct gom_heaps_sum *sum)
{
	unsigned int live;

	same(w, "goheap: whose span it is", (unsigned long)span->goheap,
	     (unsigned long)heap);
	sum->nspans++;
	sum->npages += span->npages;
	if (gom_granules_is_solo(span)) {
		sum->live++;
		sum->bytes += span->npages * GOM_PAGE_SIZE;
		return;
	}
	same(w, "goheap: span that is empty", gom_granules_is_empty(span) &&
	     span != heap->current_span, false);
	live = bitmap_weight(gom_granules_ends(span), span->nelems);
	sum->live += live;
	sum->bytes += (span->nelems - gom_granules_free(span)) * GOM_GRANULE;
	/* Their tags. */
	if (gom_goheap_counts(heap))
		sum->bytes -= live * GOM_GRANULE;
}

/* Returns how many spans the heap has. */
static unsigned long check_goheap(struct walk *w, const struct goheap *heap)
{
	struct gom_heaps_sum sum = {};
	const struct mspan *span;

	if (heap->current_span)
		add_heap_span(w, heap, heap->current_span, &sum);
	list_for_each_entry(span, &heap->room, siblings)
		add_heap_span(w, heap, span, &sum);
	list_for_each_entry(span, &heap->full, siblings)
		add_heap_span(w, heap, span, &sum);
	same(w, "goheap: spans", sum.nspans, heap->nspans);
	same(w, "goheap: pages", sum.npages, heap->npages);
	if (heap->dying) {
		w->moving = true;
		return sum.nspans;
	}
	same(w, "goheap: objects", sum.live, gom_goheap_live(heap));
	same(w, "goheap: bytes", sum.bytes, gom_goheap_bytes(heap));
	same(w, "goheap: pages charged", heap->npages <= heap->charged, true);
	/* Pages are charged before they are asked for. */
	if (heap->npages < heap->charged)
		w->moving = true;
	return sum.nspans;
}

static void check_goheaps(struct walk *w)
{
	unsigned long mapped = 0, listed = 0;
	struct gom_heaps_sum sum;
	u64 at = 0;
	int nid;

	for (; (at = gom_heaps_place(at)) != U64_MAX; at++)
		listed += check_goheap(w, gom_heaps_at(at));
	for_each_gom_node(nid)
		mapped += w->tally[nid].heap_spans;
	same(w, "goheap: spans of all", listed, mapped);
	gom_heaps_sum(&sum);
	same(w, "goheap: pages of all", sum.npages, gom_goheap_pages());
}

static void check_central(struct walk *w, struct mcentral *central,
			  struct tally *t)
{
	unsigned int class = central->class, nempty = 0, b;
	unsigned long idle = 0;
	struct mspan *span;

	same(w, "central: spans", t->nspans[class], central->nspans);
	same(w, "central: pages", t->npages[class], central->npages);
	same(w, "central: room", t->nelems[class], central->nelems);
	same(w, "central: objects out", t->nalloc[class], central->nalloc);
	if (!central->sparse)
		same(w, "central: ready", central->nready <= central->max_ready,
		     true);
	for (b = 0; b < GOM_NR_BUCKETS; b++) {
		same(w, "central: bucket marked",
		     !!(central->nonempty & BIT(b)),
		     !hlist_empty(&central->bucket[b]));
		hlist_for_each_entry(span, &central->bucket[b], list) {
			nempty += b == GOM_EMPTY_BUCKET;
			same(w, "central: span in its bucket", span->bucket, b);
			same(w, "central: class of a span", span->class, class);
			same(w, "central: node of a span", span->nid,
			     central->nid);
			idle += span->nalloc ? 0 : span->nelems;
		}
	}
	same(w, "central: empty spans", nempty, central->nempty);
	same(w, "central: low-water marks",
	     central->low_ready <= central->nready &&
	     central->low_spare <= central->nspare &&
	     central->low_empty <= central->nempty, true);
	same(w, "central: room in empty spans", idle, central->nidle);
}

/*
 * Objects in a cache: mark them as not out while @out is false, so that one
 * that is there twice is found, and set things right again when it is true.
 */
static void check_cached(struct walk *w, unsigned int class, void **objs,
			 unsigned int n, bool out)
{
	unsigned int i, index;
	struct mspan *span;

	for (i = 0; i < n && !(w->error && !out); i++) {
		if (!same(w, "cache: class of an object",
			  gom_arena_class(objs[i]), class))
			return;
		span = gom_arena_span(objs[i]);
		index = gom_class_index(class, gom_mspan_offset(span, objs[i]));
		if (out) {
			/* Only what was cleared, and in the same order. */
			if (!w->cleared)
				return;
			w->cleared--;
			__set_bit(index, span->bits);
			continue;
		}
		same(w, "cache: address of an object", (unsigned long)objs[i],
		     (unsigned long)gom_mspan_object(span, index));
		same(w, "cache: key of an object", *(unsigned long *)objs[i],
		     gom_key(objs[i]));
		if (same(w, "cache: object is out, once",
			 __test_and_clear_bit(index, span->bits), true))
			w->cleared++;
	}
}

static void check_cpu(struct walk *w, unsigned int class, int cpu, bool out)
{
	struct gomalloc_head *head = per_cpu_ptr(&gomalloc_mcache.head[class], cpu);
	struct mcache_cold *cold = per_cpu_ptr(gom_mcache_cold, cpu);
	struct mcache_class *c = &cold->class[class];

	check_cached(w, class, (void **)head->slots,
		     (head->top - head->slots) / sizeof(void *), out);
	check_cached(w, class, c->other->slot, c->nother, out);
}

static void check_stock(struct walk *w, struct mcentral *central, bool out)
{
	struct magazine *mag;
	unsigned int n = 0;

	for (mag = central->full; mag; mag = mag->next) {
		check_cached(w, central->class, mag->slot, mag->count, out);
		same(w, "central: magazine within its slots",
		     mag->count <= mag->cap &&
		     mag->bottom == __gomalloc_bottom(), true);
		n += mag->count;
	}
	same(w, "central: ready", n, central->nready);
	for (n = 0, mag = central->spare; mag; mag = mag->next, n++)
		same(w, "central: empty magazine", mag->count, 0);
	same(w, "central: empty magazines", n, central->nspare);
}

static void check_caches(struct walk *w, bool out)
{
	unsigned int class;
	int cpu, nid;

	for (class = 1; class < GOM_NR_SPAN_CLASSES; class++) {
		for_each_possible_cpu(cpu)
			check_cpu(w, class, cpu, out);
		for_each_gom_node(nid)
			check_stock(w, gom_central(nid, class), out);
	}
}

static void check_weights(struct walk *w)
{
	unsigned long i;

	for (i = 0; i < gomalloc_hot.nr_arenas && !w->error; i++) {
		struct arena *arena = gom_arena_at(i);
		unsigned int page;

		for (page = 0; arena && page < GOM_ARENA_PAGES; page++) {
			struct mspan *span;

			if (arena->class[page] == GOM_CLASS_NONE ||
			    arena->class[page] >= GOM_CLASS_LARGE)
				continue;
			span = *gom_arena_slot(arena, page);
			if (span->state != MSPAN_INUSE)
				continue;
			same(w, "span: weight of its bitmap",
			     bitmap_weight(span->bits, span->nelems),
			     span->nalloc);
		}
	}
}

static void check_equations(struct walk *w)
{
	u64 tiny_mallocs, tiny_frees;
	struct gomalloc_stats s;

	gom_stats_read(&s);
	gom_tiny_count(&tiny_mallocs, &tiny_frees);
	same(w, "stats: bytes in spans", s.alloc + s.mcache_free +
	     s.mcentral_free + s.span_waste, s.heap_inuse);
	same(w, "stats: bytes held from the kernel",
	     s.heap_inuse + s.heap_idle + s.meta_sys, s.sys);
	same(w, "stats: bytes held as they were counted", s.sys,
	     gom_sys_bytes());
	same(w, "stats: tiny objects", w->tiny_live,
	     tiny_mallocs - tiny_frees);
}

static void check_budgets(struct walk *w)
{
	long stolen = 0;
	int cpu;

	for_each_possible_cpu(cpu)
		stolen += per_cpu_ptr(gom_mcache_cold, cpu)->stolen;
	same(w, "budget: what CPUs took of each other's", stolen, 0);
}

/* What get and put count they have not done yet, or the other way round. */
static void check_pools(struct walk *w)
{
	same(w, "pools: objects that do not live", gom_pool_damaged(), 0);
	w->moving |= !gom_pool_balanced();
}

static int walk(void *data)
{
	struct walk *w = data;
	unsigned int class;
	int nid;

	check_budgets(w);
	check_weights(w);
	if (!w->error)
		check_caches(w, false);
	if (!w->error)
		check_arenas(w);
	for_each_gom_node(nid) {
		if (w->error)
			break;
		check_heap(w, &gom_node(nid)->heap, &w->tally[nid]);
		check_tally(w, &gom_node(nid)->tracked, &w->tally[nid]);
		for (class = 1; class < GOM_NR_SPAN_CLASSES; class++)
			check_central(w, gom_central(nid, class),
				      &w->tally[nid]);
	}
	if (!w->error)
		check_goheaps(w);
	check_caches(w, true);
	check_pools(w);
	if (!w->error && !w->moving)
		check_equations(w);
	return 0;
}

/**
 * gomalloc_validate - check the allocator's books and structures
 *
 * Stops all CPUs while it looks at every page and every cached object: for
 * tests and for hunting a corruption, not for production.
 *
 * Context: process; sleeps.
 * Return: 0 if all is well; -EAGAIN if memory was on its way between tiers,
 *	so that not all could be checked; -EUCLEAN, with the reason in the
 *	log, if something is wrong; -ENOMEM.
 */
int gomalloc_validate(void)
{
	struct walk w = {};

	w.tally = gom_try(TALLY, nr_node_ids * sizeof(*w.tally), GFP_KERNEL,
			  kvcalloc(nr_node_ids, sizeof(*w.tally), GFP_KERNEL));
	if (!w.tally)
		return -ENOMEM;
	stop_machine(walk, &w, NULL);
	kvfree(w.tally);
	if (w.error) {
		pr_err("gomalloc: invalid: %s: found %llu, expected %llu\n",
		       w.error, w.found, w.expected);
		return -EUCLEAN;
	}
	return w.moving ? -EAGAIN : 0;
}
EXPORT_SYMBOL_GPL(gomalloc_validate);
