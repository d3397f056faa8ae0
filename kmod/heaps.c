// SPDX-License-Identifier: GPL-2.0
/*
 * The heaps of clients there are: their registry, how they come and go, their
 * limits and figures.  goheap.c knows what is in one.
 *
 * Clients call it, and client.c when one of them goes; the registry is asked
 * by goheap.c on every free.  Called with no lock held, in any context but NMI
 * unless said otherwise.
 */
#include <linux/export.h>
#include <linux/hash.h>
#include <linux/memcontrol.h>
#include <linux/rculist.h>
#include <linux/seqlock.h>
#include <linux/slab.h>
#include <linux/string.h>
#include "fail.h"
#include "goheap.h"
#include "granules.h"
#include "heaps.h"
#include "report.h"
#include "site.h"
#include "stats.h"

#define ALL_FLAGS	(GOHEAP_FREE_WHOLE | GOHEAP_ACCOUNT | GOHEAP_CALLSITES)

/* Lines that tell what a heap was destroyed with. */
#define TELL_MAX	16

static struct kmem_cache *heap_cache;

#define REGISTRY_BITS	8

/**
 * struct chain - heaps whose addresses hash alike
 * @heaps: they
 * @left: turns when one leaves, so that its figures are seen once
 * @gone_mallocs: objects ever allocated from those that have left
 * @gone_bytes: their bytes
 */
struct chain {
	struct hlist_head heaps;
	seqcount_raw_spinlock_t left;
	u64 gone_mallocs;
	u64 gone_bytes;
};

/*
 * All heaps by address, so the memory of one that goes serves the same chain
 * again: who follows a chain under RCU may begin anew, but misses none.
 */
static struct chain registry[1 << REGISTRY_BITS];
static DEFINE_RAW_SPINLOCK(registry_lock);
static u32 last_id;

/* === The registry ======================================================== */

static struct chain *chain_of(const struct goheap *heap)
{
	return &registry[hash_ptr(heap, REGISTRY_BITS)];
}

/*
 * Whether any value at all is a heap.  Caller holds RCU off, so that its memory
 * stays a heap's.
 */
bool gom_heaps_has(const struct goheap *heap)
{
	const struct goheap *at;

	hlist_for_each_entry_rcu(at, &chain_of(heap)->heaps, hash)
		if (at == heap)
			return true;
	return false;
}

/* The same for now, to who does not hold RCU off. */
bool gom_heaps_knows(const struct goheap *heap)
{
	bool entered;

	rcu_read_lock();
	entered = gom_heaps_has(heap);
	rcu_read_unlock();
	return entered;
}

static void enter(struct goheap *heap)
{
	unsigned long flags;

	raw_spin_lock_irqsave(&registry_lock, flags);
	heap->id = ++last_id;
	hlist_add_head_rcu(&heap->hash, &chain_of(heap)->heaps);
	raw_spin_unlock_irqrestore(&registry_lock, flags);
}

static void leave(struct goheap *heap)
{
	struct chain *chain = chain_of(heap);
	unsigned long flags;

	/* Nothing came or went since it was closed. */
	WARN_ON_ONCE(gom_goheap_live(heap) || gom_goheap_bytes(heap) ||
		     heap->npages);
	raw_spin_lock_irqsave(&registry_lock, flags);
	write_seqcount_begin(&chain->left);
	hlist_del_rcu(&heap->hash);
	chain->gone_mallocs += heap->mallocs;
	chain->gone_bytes += heap->total_bytes;
	write_seqcount_end(&chain->left);
	raw_spin_unlock_irqrestore(&registry_lock, flags);
}

/* === Telling what is left ================================================ */

static const char *creator_of(const struct goheap *heap, char *buf, size_t len)
{
	if (!heap->creator)
		return "an unknown place";
	gom_site_name(heap->creator, buf, len);
	return buf;
}

static void tell_sites(struct goheap *heap)
{
	char name[GOM_SITE_NAME_LEN];
	struct gom_heapsite row;
	unsigned int lines = 0;
	u32 id = 0;

	for (; lines < TELL_MAX; id = row.site->id) {
		if (!gom_heapsite_next(&heap->sites, id, &row))
			return;
		if (!row.live)
			continue;
		lines++;
		gom_site_name(row.site, name, sizeof(name));
		pr_warn("gomalloc:   %llu bytes in %llu objects, from %s\n",
			row.bytes, row.live, name);
	}
}

/* Returns how many lines there may be yet. */
static unsigned int tell_span(const struct mspan *span, unsigned int lines)
{
	void *obj = (void *)span->start;

	while (lines && (obj = gom_granules_next(span, obj))) {
		pr_warn("gomalloc:   %zu bytes at %p\n",
			gom_goheap_size(obj), obj);
		obj += gom_granules_size(span, obj);
		lines--;
		if (gom_granules_is_solo(span))
			break;
	}
	return lines;
}

static void tell_objects(struct goheap *heap)
{
	unsigned int lines = TELL_MAX;
	struct mspan *span;

	if (heap->current_span)
		lines = tell_span(heap->current_span, lines);
	list_for_each_entry(span, &heap->room, siblings)
		lines = tell_span(span, lines);
	list_for_each_entry(span, &heap->full, siblings)
		lines = tell_span(span, lines);
}

/* A closed heap is destroyed with objects in it: which, by who if known. */
static void tell(struct goheap *heap)
{
	char name[GOM_SITE_NAME_LEN];

	pr_warn("gomalloc: heap %s#%u of %s is destroyed with %llu objects, %llu bytes:\n",
		heap->name, heap->id, creator_of(heap, name, sizeof(name)),
		gom_goheap_live(heap), gom_goheap_bytes(heap));
	if (gom_goheap_counts(heap))
		tell_sites(heap);
	else
		tell_objects(heap);
}

/* To the log, the heaps that @module leaves behind. */
void gom_heaps_report(const char *module)
{
	char name[GOM_SITE_NAME_LEN];
	struct goheap_stats s;
	struct goheap *heap;
	u64 at = 0;

	for (; (at = gom_heaps_place(at)) != U64_MAX; at++) {
		rcu_read_lock();
		heap = gom_heaps_at(at);
		if (heap && heap->creator && !heap->creator->gone &&
		    !strcmp(heap->creator->module, module)) {
			gom_heaps_read(heap, &s);
			pr_warn("gomalloc: %s is unloaded and did not destroy heap %s#%u: %llu bytes in %llu objects, %llu bytes of pages, from %s\n",
				module, heap->name, heap->id, s.bytes,
				s.objects, s.held,
				creator_of(heap, name, sizeof(name)));
		}
		rcu_read_unlock();
	}
}

/* === The API ============================================================= */

static void set_limit(struct goheap *heap, u64 soft, u64 hard)
{
	unsigned long flags;

	raw_spin_lock_irqsave(&heap->lock, flags);
	heap->soft = soft;
	heap->hard = hard;
	raw_spin_unlock_irqrestore(&heap->lock, flags);
}

static void free_heap(struct goheap *heap)
{
	gom_heapsite_destroy(&heap->sites);
	if (heap->memcg)
		mem_cgroup_put(heap->memcg);
	kmem_cache_free(heap_cache, heap);
	gom_meta_add(-(long)sizeof(*heap));
}

/* The lock is the memory's, not the heap's: see struct goheap. */
static void construct(void *mem)
{
	struct goheap *heap = mem;

	raw_spin_lock_init(&heap->lock);
	heap->dying = true;
}

/* All but @lock and @hash. */
static struct goheap *alloc_heap(gfp_t gfp)
{
	struct goheap *heap = gom_try(HEAP, sizeof(*heap), gfp,
				      kmem_cache_alloc(heap_cache, gfp));
	unsigned long flags;

	if (!heap)
		return NULL;
	gom_meta_add(sizeof(*heap));
	/* For those who still use the one that it was. */
	raw_spin_lock_irqsave(&heap->lock, flags);
	memset((void *)heap + offsetof(struct goheap, id), 0,
	       sizeof(*heap) - offsetof(struct goheap, id));
	INIT_LIST_HEAD(&heap->room);
	INIT_LIST_HEAD(&heap->full);
	raw_spin_unlock_irqrestore(&heap->lock, flags);
	return heap;
}

/**
 * goheap_create - create a heap
 * @name: what files and logs call it, up to 31 plain characters; it need not
 *	be the only one of this name
 * @params: limits and flags; %NULL for none
 *
 * It takes no page before the first object is allocated.  A heap of a module
 * that is named in the parameter callsites is counted by call site, as with
 * %GOHEAP_CALLSITES.
 *
 * With %GOHEAP_ACCOUNT its pages are charged to the memory cgroup that the
 * calling task charges now, whoever allocates, and go back to the kernel as
 * soon as they are free; headers and maps are not charged.
 *
 * Context: process; sleeps.
 * Return: the heap; ERR_PTR(-EINVAL) without a name, for unknown flags or a
 *	soft limit above the hard one; ERR_PTR(-ENOMEM).
 */
struct goheap *goheap_create(const char *name,
			     const struct goheap_params *params)
{
	static const struct goheap_params none;
	struct goheap *heap;

	if (!params)
		params = &none;
	if (!name || params->flags & ~ALL_FLAGS ||
	    (params->hard && params->soft > params->hard))
		return ERR_PTR(-EINVAL);
	heap = alloc_heap(GFP_KERNEL);
	if (!heap)
		return ERR_PTR(-ENOMEM);
	gom_name_set(heap->name, name);
	heap->soft = params->soft;
	heap->hard = params->hard;
	heap->flags = params->flags;
	heap->creator = gom_site_get(_RET_IP_, GFP_KERNEL);
	if (heap->creator && READ_ONCE(heap->creator->counted))
		heap->flags |= GOHEAP_CALLSITES;
	if (heap->flags & GOHEAP_ACCOUNT)
		heap->memcg = get_mem_cgroup_from_mm(NULL);
	enter(heap);
	return heap;
}
EXPORT_SYMBOL_GPL(goheap_create);

/**
 * goheap_destroy - free a heap with all its objects
 * @heap: from goheap_create(); %NULL and error pointers are ignored
 *
 * Takes time for each span, not for each object.  Objects that are left are
 * listed in the log, unless the heap has %GOHEAP_FREE_WHOLE.  Nobody may use
 * the heap or an object of it any more: frees that come later are reported.
 * Those that gofree_rcu(), gofree_rcu_mightsleep() and gofree_nolock() have
 * deferred it waits for.
 *
 * What is no heap, or was destroyed before, is reported and left alone.
 *
 * Context: any but NMI; process if an object was given to gofree_rcu() or
 *	gofree_nolock().
 * Return: how many objects were left.
 */
unsigned long goheap_destroy(struct goheap *heap)
{
	unsigned long left;

	if (IS_ERR_OR_NULL(heap))
		return 0;
	gom_goheap_wait(heap);
	if (!gom_goheap_close(heap)) {
		gom_report(GOM_NO_HEAP, heap, _RET_IP_);
		return 0;
	}
	left = gom_goheap_live(heap);
	if (left && !(heap->flags & GOHEAP_FREE_WHOLE))
		tell(heap);
	gom_goheap_free_whole(heap, false);
	leave(heap);
	free_heap(heap);
	return left;
}
EXPORT_SYMBOL_GPL(goheap_destroy);

/**
 * goheap_reset - free all objects of a heap
 * @heap: the heap, which stays
 *
 * As goheap_destroy() and goheap_create() again, but cheaper: a heap that has
 * one page keeps it.  Its peak and what was counted stay.  Nothing is listed.
 *
 * Context: as goheap_destroy().
 * Return: how many objects there were.
 */
unsigned long goheap_reset(struct goheap *heap)
{
	unsigned long left, flags;

	gom_goheap_wait(heap);
	if (!gom_goheap_close(heap)) {
		gom_report(GOM_NO_HEAP, heap, _RET_IP_);
		return 0;
	}
	left = gom_goheap_live(heap);
	gom_goheap_free_whole(heap, true);
	raw_spin_lock_irqsave(&heap->lock, flags);
	heap->dying = false;
	raw_spin_unlock_irqrestore(&heap->lock, flags);
	return left;
}
EXPORT_SYMBOL_GPL(goheap_reset);

/**
 * goheap_set_limit - limit the pages that a heap holds
 * @heap: the heap
 * @soft: bytes from which on it looks for room in the pages that it has before
 *	it takes more, and takes no more than it needs; 0 for no limit
 * @hard: bytes beyond which allocations return %NULL, but for those with
 *	%__GFP_NOFAIL; 0 for no limit
 *
 * Pages count, not objects: a page is 8 KiB.  Headers and maps do not.  What is
 * held already stays.  The limits of gomalloc as a whole hold as well.
 *
 * Context: any but NMI.
 * Return: 0; -EINVAL if @soft is above @hard, or @heap is none, which is
 *	reported.
 */
int goheap_set_limit(struct goheap *heap, u64 soft, u64 hard)
{
	bool known;

	if (hard && soft > hard)
		return -EINVAL;
	/* RCU keeps the memory a heap's, should it be destroyed now. */
	rcu_read_lock();
	known = !IS_ERR_OR_NULL(heap) && gom_heaps_has(heap);
	if (known)
		set_limit(heap, soft, hard);
	rcu_read_unlock();
	if (known)
		return 0;
	gom_report(GOM_NO_HEAP, heap, _RET_IP_);
	return -EINVAL;
}
EXPORT_SYMBOL_GPL(goheap_set_limit);

void gom_heaps_read(struct goheap *heap, struct goheap_stats *stats)
{
	unsigned long flags;

	raw_spin_lock_irqsave(&heap->lock, flags);
	*stats = (struct goheap_stats) {
		.objects = gom_goheap_live(heap),
		.bytes = gom_goheap_bytes(heap),
		.peak = max(heap->peak, gom_goheap_bytes(heap)),
		.mallocs = heap->mallocs,
		.frees = heap->frees,
		.total_bytes = heap->total_bytes,
		.held = (u64)heap->npages << GOM_PAGE_SHIFT,
		.soft = heap->soft,
		.hard = heap->hard,
		.soft_hits = heap->soft_hits,
		.hard_fails = heap->hard_fails,
	};
	raw_spin_unlock_irqrestore(&heap->lock, flags);
}

/**
 * goheap_read_stats - what a heap holds
 * @heap: the heap
 * @stats: filled in
 *
 * Context: any but NMI.
 * Return: 0; -EINVAL if @heap is none, which is reported.
 */
int goheap_read_stats(struct goheap *heap, struct goheap_stats *stats)
{
	bool known;

	rcu_read_lock();
	known = !IS_ERR_OR_NULL(heap) && gom_heaps_has(heap);
	if (known)
		gom_heaps_read(heap, stats);
	rcu_read_unlock();
	if (known)
		return 0;
	gom_report(GOM_NO_HEAP, heap, _RET_IP_);
	return -EINVAL;
}
EXPORT_SYMBOL_GPL(goheap_read_stats);

/* === All heaps =========================================================== */

void gom_heaps_add(struct gom_heaps_sum *sum, struct goheap *heap)
{
	unsigned long flags;

	KUNIT_STATIC_STUB_REDIRECT(gom_heaps_add, sum, heap);
	raw_spin_lock_irqsave(&heap->lock, flags);
	sum->heaps++;
	sum->nspans += heap->nspans;
	sum->npages += heap->npages;
	sum->live += gom_goheap_live(heap);
	sum->bytes += gom_goheap_bytes(heap);
	sum->mallocs += heap->mallocs;
	sum->total_bytes += heap->total_bytes;
	raw_spin_unlock_irqrestore(&heap->lock, flags);
}

/* Caller holds RCU off. */
static void add_chain(struct gom_heaps_sum *sum, const struct chain *chain)
{
	struct gom_heaps_sum so_far = *sum;
	struct goheap *heap;
	unsigned int seq;

	/*
	 * None that leaves meanwhile is missed or, as its memory may come back
	 * at the head of the chain, seen twice.  A chain is short, and turns
	 * once for each heap that is created and destroyed.
	 */
	do {
		seq = read_seqcount_begin(&chain->left);
		*sum = so_far;
		sum->mallocs += chain->gone_mallocs;
		sum->total_bytes += chain->gone_bytes;
		hlist_for_each_entry_rcu(heap, &chain->heaps, hash)
			gom_heaps_add(sum, heap);
	} while (read_seqcount_retry(&chain->left, seq));
}

/* What was ever allocated is never less than who asked before has seen. */
void gom_heaps_sum(struct gom_heaps_sum *sum)
{
	unsigned int i;

	*sum = (struct gom_heaps_sum) {};
	rcu_read_lock();
	for (i = 0; i < ARRAY_SIZE(registry); i++)
		add_chain(sum, &registry[i]);
	rcu_read_unlock();
}

/* A place is a chain of the registry, above, and the number in it. */
#define PLACE_SHIFT	32

struct goheap *gom_heaps_at(u64 at)
{
	struct goheap *heap;
	u32 n = at;

	hlist_for_each_entry_rcu(heap, &registry[at >> PLACE_SHIFT].heaps, hash)
		if (!n--)
			return heap;
	return NULL;
}

u64 gom_heaps_place(u64 at)
{
	struct goheap *heap = NULL;
	u64 chain;

	rcu_read_lock();
	for (chain = at >> PLACE_SHIFT; chain < ARRAY_SIZE(registry); chain++) {
		heap = gom_heaps_at(at);
		if (heap)
			break;
		at = (chain + 1) << PLACE_SHIFT;
	}
	rcu_read_unlock();
	return heap ? at : U64_MAX;
}

int __init gom_heaps_init(void)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(registry); i++)
		seqcount_raw_spinlock_init(&registry[i].left, &registry_lock);
	heap_cache = gom_try(HEAP_CACHE, 0, GFP_KERNEL,
			     kmem_cache_create("gomalloc_goheap",
					       sizeof(struct goheap), 0,
					       SLAB_TYPESAFE_BY_RCU,
					       construct));
	return heap_cache ? 0 : -ENOMEM;
}

/* Heaps that clients have left; their pages stay allocated. */
void gom_heaps_exit(void)
{
	struct hlist_node *next;
	struct goheap *heap;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(registry); i++)
		hlist_for_each_entry_safe(heap, next, &registry[i].heaps, hash)
			free_heap(heap);
	kmem_cache_destroy(heap_cache);
}
