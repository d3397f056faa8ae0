// SPDX-License-Identifier: GPL-2.0
/*
 * A heap of a client: its objects, its spans, and how all of them go at once.
 * heaps.c creates and destroys it.
 *
 * A heap has spans of its own with a class byte of their own, which keeps its
 * objects off the fast path of gofree(): no other object pays for being told
 * from them.  Objects of all sizes share the spans, see granules.c; above a
 * page each has a span to itself.  Spans are as long as suits the heap, so that
 * to destroy it takes few steps, none of which looks at an object.
 *
 * A free finds the heap through the span's header.  What it reads there may
 * be another's by now, so the heap counts only if it is in the registry, and
 * the span only if it is the heap's when looked at again under its lock: a
 * pointer into a heap that is gone is reported, whatever its pages have become.
 *
 * Called with no lock held, in any context but NMI unless said otherwise.
 */
#include <linux/export.h>
#include <linux/log2.h>
#include <linux/memcontrol.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>
#include <linux/string.h>
#include "arena.h"
#include "fail.h"
#include "goheap.h"
#include "granules.h"
#include "heaps.h"
#include "large.h"
#include "limit.h"
#include "node.h"
#include "nolock.h"
#include "report.h"
#include "site.h"
#include "stats.h"
#include "trace.h"

/* A new span is this part of the heap: what is idle of it costs no more. */
#define GROW_SHIFT	3

/* Spans with room to look at for an object; of a heap at its soft limit. */
#define LOOKS		16
#define LOOKS_MOST	64

/* A span of which this part is free has room; once full, this part. */
#define ROOM_SHIFT	5
#define AGAIN_SHIFT	4

/* A span without room for so few granules is full, whatever is free of it. */
#define SMALL_GRANULES	32

/* Spans to take from a heap at a time when it goes. */
#define BATCH		16

/* Where a span is: mspan->bucket. */
enum place {
	IS_CURRENT,
	HAS_ROOM,
	IS_FULL,
};

/* Pages of all heaps. */
static atomic_long_t pages;

unsigned long gom_goheap_pages(void)
{
	return atomic_long_read(&pages);
}

/**
 * struct request - an object wanted
 * @n: granules, its tag's included
 * @align: of its address, a power of two and a granule at least
 * @bytes: what it counts for
 * @row: who wants it; NULL if that is not counted
 */
struct request {
	unsigned int n;
	size_t align;
	size_t bytes;
	struct gom_heapsite *row;
};

/* === Where a pointer leads =============================================== */

/* The heap that @ptr's page says it is of, or NULL.  Caller holds RCU off. */
static struct goheap *heap_of(const void *ptr)
{
	struct arena *arena = gom_arena_of(ptr);
	unsigned int page = gom_arena_page(ptr);
	struct goheap *heap;

	if (!arena || READ_ONCE(arena->class[page]) != GOM_CLASS_HEAP)
		return NULL;
	heap = READ_ONCE(READ_ONCE(*gom_arena_slot(arena, page))->goheap);
	return gom_heaps_has(heap) ? heap : NULL;
}

/* The span of @heap around @ptr, or NULL.  Caller holds its lock. */
static struct mspan *span_of(const struct goheap *heap, const void *ptr)
{
	struct arena *arena = gom_arena_of(ptr);
	unsigned int page = gom_arena_page(ptr);
	struct mspan *span;

	lockdep_assert_held(&heap->lock);
	if (heap->dying ||
	    READ_ONCE(arena->class[page]) != GOM_CLASS_HEAP)
		return NULL;
	span = READ_ONCE(*gom_arena_slot(arena, page));
	if (!gom_mspan_in_use(span) ||
	    READ_ONCE(span->class) != GOM_CLASS_HEAP ||
	    READ_ONCE(span->goheap) != heap ||
	    (unsigned long)ptr - READ_ONCE(span->start) >=
	    READ_ONCE(span->npages) * GOM_PAGE_SIZE)
		return NULL;
	return span;
}

/**
 * struct around - the heap and the span around a pointer, locked
 * @heap: the heap
 * @span: the span
 * @flags: of the CPU before
 */
struct around {
	struct goheap *heap;
	struct mspan *span;
	unsigned long flags;
};

/* False if it is in none.  Caller holds RCU off. */
static __always_inline bool lock_around(struct around *at, const void *ptr)
{
	at->heap = heap_of(ptr);
	if (!at->heap)
		return false;
	raw_spin_lock_irqsave(&at->heap->lock, at->flags);
	at->span = span_of(at->heap, ptr);
	if (likely(at->span))
		return true;
	raw_spin_unlock_irqrestore(&at->heap->lock, at->flags);
	return false;
}

static __always_inline void unlock(const struct around *at)
{
	raw_spin_unlock_irqrestore(&at->heap->lock, at->flags);
}

/* === Objects of a span =================================================== */

static unsigned long *tag_of(struct mspan *span, void *obj)
{
	if (gom_granules_is_solo(span))
		return &span->tag;
	return obj + gom_granules_size(span, obj) - GOM_GRANULE;
}

/* What an object has behind it, unless it has the span to itself. */
static size_t tag_bytes(const struct goheap *heap)
{
	return gom_goheap_counts(heap) ? GOM_GRANULE : 0;
}

/* What of an object is its owner's. */
static size_t bytes_of(const struct goheap *heap, const struct mspan *span,
		       const void *obj)
{
	size_t bytes = gom_granules_size(span, obj);

	return gom_granules_is_solo(span) ? bytes : bytes - tag_bytes(heap);
}

static __always_inline void count_in(struct goheap *heap, struct mspan *span,
				     void *obj, const struct request *req)
{
	heap->mallocs++;
	heap->total_bytes += req->bytes;
	if (unlikely(gom_goheap_counts(heap)))
		*tag_of(span, obj) = gom_heapsite_malloc(req->row, req->bytes);
}

/* So many are free.  What lives was never more than before a free, or is. */
static void count_out(struct goheap *heap, u64 objects, u64 bytes)
{
	heap->peak = max(heap->peak, gom_goheap_bytes(heap));
	heap->frees += objects;
	heap->freed_bytes += bytes;
}

/* === Spans of a heap ===================================================== */

/* The span is MOVING, and in no list.  Caller holds the lock. */
static void let_go(struct goheap *heap, struct mspan *span)
{
	lockdep_assert_held(&heap->lock);
	if (span->bucket != IS_CURRENT)
		list_del(&span->siblings);
	else
		heap->current_span = NULL;
	heap->nspans--;
	heap->npages -= span->npages;
	heap->charged -= span->npages;
	atomic_long_sub(span->npages, &pages);
	span->state = MSPAN_MOVING;
	/* Who holds no lock sees no object here any more. */
	if (!gom_granules_is_solo(span))
		WRITE_ONCE(span->top, 0);
}

/* The kernel wipes what goes back to it at once.  Without @span, nothing. */
static void free_span(struct mspan *span)
{
	if (!span)
		return;
	if (want_init_on_free() && !span->direct)
		memset((void *)span->start, 0, span->npages * GOM_PAGE_SIZE);
	gom_mheap_free(span);
}

static void put_in_list(struct goheap *heap, struct mspan *span)
{
	bool room = !gom_granules_is_solo(span) &&
		    gom_granules_free(span) >= span->nelems >> ROOM_SHIFT;

	span->bucket = room ? HAS_ROOM : IS_FULL;
	list_add(&span->siblings, room ? &heap->room : &heap->full);
}

/*
 * Make @span, in no list, the current one if it has more room than that.
 * Returns a span that has to go: none but the current one is ever empty.
 */
static struct mspan *compete(struct goheap *heap, struct mspan *span)
{
	struct mspan *old = heap->current_span;
	bool empty = old && gom_granules_is_empty(old);

	if (old && gom_granules_free(old) >= gom_granules_free(span)) {
		put_in_list(heap, span);
		return NULL;
	}
	if (empty)
		let_go(heap, old);
	else if (old)
		put_in_list(heap, old);
	span->bucket = IS_CURRENT;
	heap->current_span = span;
	return empty ? old : NULL;
}

/* @span, from the list of those with room, had none for @n granules. */
static void pass_over(struct goheap *heap, struct mspan *span, unsigned int n)
{
	if (n > SMALL_GRANULES) {
		list_move_tail(&span->siblings, &heap->room);
		return;
	}
	span->bucket = IS_FULL;
	list_move(&span->siblings, &heap->full);
}

static void *take_from_room(struct goheap *heap, const struct request *req,
			    unsigned int looks, struct mspan **empty)
{
	struct mspan *span, *next;
	void *obj;

	list_for_each_entry_safe(span, next, &heap->room, siblings) {
		if (!looks--)
			break;
		obj = gom_granules_take(span, req->n, req->align);
		if (!obj) {
			pass_over(heap, span, req->n);
			continue;
		}
		list_del(&span->siblings);
		*empty = compete(heap, span);
		count_in(heap, span, obj, req);
		return obj;
	}
	return NULL;
}

/* An object from the spans at hand, or NULL. */
static void *take(struct goheap *heap, const struct request *req,
		  unsigned int looks)
{
	struct mspan *span, *empty = NULL;
	unsigned long flags;
	void *obj = NULL;

	raw_spin_lock_irqsave(&heap->lock, flags);
	span = heap->dying ? NULL : heap->current_span;
	if (span)
		obj = gom_granules_take(span, req->n, req->align);
	if (obj)
		count_in(heap, span, obj, req);
	else if (!heap->dying)
		obj = take_from_room(heap, req, looks, &empty);
	raw_spin_unlock_irqrestore(&heap->lock, flags);
	free_span(empty);
	return obj;
}

/* An object of a new span; NULL if the heap is being destroyed. */
static void *take_new(struct goheap *heap, struct mspan *span,
		      const struct request *req)
{
	void *obj = (void *)span->start;
	struct mspan *empty = NULL;
	unsigned long flags;

	raw_spin_lock_irqsave(&heap->lock, flags);
	if (heap->dying) {
		heap->charged -= span->npages;
		raw_spin_unlock_irqrestore(&heap->lock, flags);
		return NULL;
	}
	span->goheap = heap;
	heap->nspans++;
	heap->npages += span->npages;
	atomic_long_add(span->npages, &pages);
	if (gom_granules_is_solo(span)) {
		put_in_list(heap, span);
	} else {
		obj = gom_granules_take(span, req->n, req->align);
		empty = compete(heap, span);
	}
	gom_mspan_use(span);
	count_in(heap, span, obj, req);
	raw_spin_unlock_irqrestore(&heap->lock, flags);
	free_span(empty);
	gom_stats_grown(GOM_CLASS_HEAP);
	return obj;
}

/* === Growing ============================================================= */

/* Whether @npages more were beyond @limit; 0 is none. */
static bool exceeds(const struct goheap *heap, u64 limit, unsigned int npages)
{
	u64 bytes = (u64)(heap->charged + npages) << GOM_PAGE_SHIFT;

	return limit && bytes > limit;
}

/* The one span that may be empty, if it is; it has to go. */
static struct mspan *let_empty_go(struct goheap *heap)
{
	struct mspan *span = heap->current_span;

	if (heap->dying || !span || !gom_granules_is_empty(span))
		return NULL;
	let_go(heap, span);
	return span;
}

/*
 * Charge pages to the heap; false if its hard limit forbids, even without what
 * is of no use to it.  More than an object needs, not @must, is refused at the
 * soft one, too, and not counted.
 */
static bool charge(struct goheap *heap, unsigned int npages, gfp_t gfp,
		   bool must)
{
	bool nofail = gfp & __GFP_NOFAIL;
	struct mspan *empty = NULL;
	unsigned long flags;
	bool soft, hard, ok;

	raw_spin_lock_irqsave(&heap->lock, flags);
	hard = exceeds(heap, heap->hard, npages);
	if (hard && must) {
		empty = let_empty_go(heap);
		hard = exceeds(heap, heap->hard, npages);
	}
	soft = exceeds(heap, heap->soft, npages);
	ok = must ? !hard || nofail : !hard && !soft;
	if (ok)
		heap->charged += npages;
	heap->soft_hits += ok && soft;
	heap->hard_fails += must && !ok;
	raw_spin_unlock_irqrestore(&heap->lock, flags);
	free_span(empty);
	return ok;
}

static void uncharge(struct goheap *heap, unsigned int npages)
{
	unsigned long flags;

	raw_spin_lock_irqsave(&heap->lock, flags);
	heap->charged -= npages;
	raw_spin_unlock_irqrestore(&heap->lock, flags);
}

/* A span for granules, or for one large object; charged to the memcg. */
static struct mspan *alloc_span(struct goheap *heap,
				const struct gom_run_request *run, bool solo,
				gfp_t gfp)
{
	int nid = gom_node_for(NUMA_NO_NODE, gfp);
	struct mem_cgroup *old = NULL;
	struct mspan *span;

	if (run->direct) {
		gfp |= __GFP_ACCOUNT;
		old = set_active_memcg(heap->memcg);
	}
	span = gom_node_alloc_span(nid, run, gfp);
	if (run->direct)
		set_active_memcg(old);
	if (!span)
		return NULL;
	gom_node_count_alloc(nid, (void *)span->start);
	if (solo) {
		span->nelems = 1;
	} else if (gom_mspan_cut_slots(span, span->npages * GOM_PAGE_GRANULES,
				       gfp)) {
		gom_mheap_free(span);
		return NULL;
	}
	return span;
}

static struct mspan *charge_span(struct goheap *heap,
				 const struct gom_run_request *run, bool solo,
				 gfp_t gfp, bool must)
{
	struct mspan *span;

	if (!charge(heap, run->npages, gfp, must))
		return NULL;
	span = alloc_span(heap, run, solo, gfp);
	if (!span)
		uncharge(heap, run->npages);
	return span;
}

/* Pages of a span that suits the size of the heap. */
static unsigned int suitable(const struct goheap *heap)
{
	unsigned long part = gom_glance(heap->npages) >> GROW_SHIFT;

	part = min_t(unsigned long, part, GOM_GRANULES_MAX_PAGES);
	return part ? rounddown_pow_of_two(part) : 1;
}

/* A span as long as suits the heap, or as @req needs if need be. */
static struct mspan *grow(struct goheap *heap, const struct request *req,
			  bool solo, gfp_t gfp)
{
	size_t bytes = (size_t)req->n << GOM_GRANULE_SHIFT;
	struct gom_run_request run = {
		.npages = solo ? 0 : suitable(heap),
		.align = max(1UL, req->align >> GOM_PAGE_SHIFT),
		.class = GOM_CLASS_HEAP,
		.direct = heap->flags & GOHEAP_ACCOUNT,
	};
	unsigned int need = DIV_ROUND_UP(bytes, GOM_PAGE_SIZE);
	struct mspan *span;

	if (run.npages > need) {
		span = charge_span(heap, &run, solo, GOM_GFP_EASY(gfp),
				   false);
		if (span)
			return span;
	}
	run.npages = need;
	return charge_span(heap, &run, solo, gfp, true);
}

static bool meets_soft(const struct goheap *heap)
{
	u64 soft = READ_ONCE(heap->soft);

	return soft && ((u64)gom_glance(heap->charged) + 1) << GOM_PAGE_SHIFT >
		       soft;
}

static void *alloc_more(struct goheap *heap, const struct request *req,
			bool solo, gfp_t gfp, unsigned long caller)
{
	struct mspan *span;
	void *obj = NULL;

	if (!gom_heaps_knows(heap)) {
		gom_report(GOM_NO_HEAP, heap, caller);
		return NULL;
	}
	if (!solo && meets_soft(heap))
		obj = take(heap, req, LOOKS_MOST);
	if (obj)
		return obj;
	span = grow(heap, req, solo, gfp);
	/* Others may have brought room meanwhile, and now it is worth a look. */
	if (!span)
		return solo ? NULL : take(heap, req, LOOKS_MOST);
	obj = take_new(heap, span, req);
	if (!obj) {
		gom_mheap_free(span);
		gom_report(GOM_NO_HEAP, heap, caller);
	}
	return obj;
}

/*
 * The row of @site, which @fresh becomes if it has none.  Who comes late to a
 * heap that is closed gets none.
 */
static struct gom_heapsite *find_row(struct goheap *heap,
				     const struct gom_site *site,
				     struct gom_heapsite *fresh)
{
	struct gom_heapsite *row = NULL;
	unsigned long flags;

	raw_spin_lock_irqsave(&heap->lock, flags);
	if (!heap->dying) {
		row = gom_heapsite_find(&heap->sites, site);
		if (!row && fresh) {
			gom_heapsite_add(&heap->sites, fresh);
			row = fresh;
		}
	}
	raw_spin_unlock_irqrestore(&heap->lock, flags);
	return row;
}

/* The row of @caller; NULL without memory. */
static noinline struct gom_heapsite *row_of(struct goheap *heap,
					    unsigned long caller, gfp_t gfp)
{
	struct gom_site *site = gom_site_get(caller, gfp);
	struct gom_heapsite *row, *fresh;

	if (!site)
		return NULL;
	row = find_row(heap, site, NULL);
	if (row)
		return row;
	fresh = gom_heapsite_alloc(site, gfp);
	row = find_row(heap, site, fresh);
	if (row != fresh)
		kfree(fresh);
	return row;
}

static noinline void *alloc_failed(size_t size, gfp_t gfp, unsigned long caller)
{
	if (gom_limit_refuses(gom_large_size(size)))
		gom_limit_fail(size, gfp, caller);
	return NULL;
}

/* All that alloc() is not fast for. */
static noinline void *alloc_slow(struct goheap *heap, size_t size, gfp_t gfp,
				 unsigned long caller)
{
	bool solo = size > GOM_PAGE_SIZE;
	struct request req;
	void *obj = NULL;

	if (IS_ERR_OR_NULL(heap)) {
		gom_report(GOM_NO_HEAP, heap, caller);
		return NULL;
	}
	if (unlikely(!size))
		return ZERO_SIZE_PTR;
	if (unlikely(size > GOMALLOC_MAX_SIZE) ||
	    WARN_ON_ONCE(gfp & GFP_ZONEMASK))
		return NULL;
	might_alloc(gfp);
	gfp &= ~__GFP_ACCOUNT;
	if (gom_fails(GOM_FAIL_HEAP_REQUEST, size, gfp))
		return NULL;
	req.bytes = solo ? gom_large_size(size) : ALIGN(size, GOM_GRANULE);
	req.n = req.bytes >> GOM_GRANULE_SHIFT;
	req.align = max(size & -size, GOM_GRANULE);
	req.row = NULL;
	if (gom_goheap_counts(heap)) {
		req.n += solo ? 0 : tag_bytes(heap) >> GOM_GRANULE_SHIFT;
		req.row = row_of(heap, caller, gfp);
	}
	if (!solo)
		obj = take(heap, &req, LOOKS);
	if (!obj)
		obj = alloc_more(heap, &req, solo, gfp, caller);
	if (unlikely(!obj))
		return alloc_failed(size, gfp, caller);
	if (want_init_on_alloc(gfp))
		memset(obj, 0, req.bytes);
	trace_gomalloc_alloc(caller, obj, size, req.bytes, gfp, NUMA_NO_NODE);
	return obj;
}

/* What needs no more than room behind the last object of the current span. */
static __always_inline void *alloc(struct goheap *heap, size_t size, gfp_t gfp,
				   unsigned long caller)
{
	size_t bytes = ALIGN(size, GOM_GRANULE);
	struct mspan *span;
	unsigned long flags;
	void *obj = NULL;

	if (IS_ERR_OR_NULL(heap) || gom_fail_is_armed() ||
	    unlikely(size - 1 >= GOM_PAGE_SIZE || gfp & GFP_ZONEMASK ||
		     gom_goheap_counts(heap)))
		return alloc_slow(heap, size, gfp, caller);
	might_alloc(gfp);
	raw_spin_lock_irqsave(&heap->lock, flags);
	span = heap->current_span;
	if (likely(span && !heap->dying))
		obj = gom_granules_bump(span, bytes >> GOM_GRANULE_SHIFT,
					max(size & -size, GOM_GRANULE));
	if (likely(obj)) {
		heap->mallocs++;
		heap->total_bytes += bytes;
	}
	raw_spin_unlock_irqrestore(&heap->lock, flags);
	if (unlikely(!obj))
		return alloc_slow(heap, size, gfp, caller);
	if (want_init_on_alloc(gfp))
		memset(obj, 0, bytes);
	trace_gomalloc_alloc(caller, obj, size, bytes, gfp, NUMA_NO_NODE);
	return obj;
}

/* The same for those who are not in such a hurry. */
static noinline void *alloc_for(struct goheap *heap, size_t size, gfp_t gfp,
				unsigned long caller)
{
	return alloc(heap, size, gfp, caller);
}

/* === Freeing ============================================================= */

/* Returns the span if it is empty now, and known to nobody but the caller. */
static struct mspan *put(struct goheap *heap, struct mspan *span, void *obj)
{
	bool solo = gom_granules_is_solo(span);
	size_t bytes = bytes_of(heap, span, obj);

	lockdep_assert_held(&heap->lock);
	count_out(heap, 1, bytes);
	if (unlikely(gom_goheap_counts(heap)))
		gom_heapsite_free(*tag_of(span, obj), bytes);
	/* While it is not anybody else's. */
	if (!solo && want_init_on_free())
		memset(obj, 0, bytes);
	if (!solo)
		gom_granules_give(span, obj, bytes + tag_bytes(heap));
	if (solo || (gom_granules_is_empty(span) &&
		     span->bucket != IS_CURRENT)) {
		let_go(heap, span);
		return span;
	}
	if (span->bucket == IS_FULL &&
	    gom_granules_free(span) >= span->nelems >> AGAIN_SHIFT) {
		span->bucket = HAS_ROOM;
		list_move(&span->siblings, &heap->room);
	}
	return NULL;
}

static noinline void refuse(enum gom_granules_what what, const void *ptr,
			    unsigned long caller)
{
	gom_report(what == GOM_GRANULES_INSIDE ? GOM_INTERIOR_FREE :
						 GOM_DOUBLE_FREE, ptr, caller);
}

/*
 * Free what @ptr, into a page of the class, points to, or report it.  Caller
 * holds RCU off.
 */
void gom_goheap_free(const void *ptr, unsigned long caller)
{
	enum gom_granules_what what = GOM_GRANULES_LIVE;
	struct mspan *empty = NULL;
	struct around at;

	if (unlikely(!lock_around(&at, ptr))) {
		gom_report(GOM_STALE_FREE, ptr, caller);
		return;
	}
	if (likely(gom_granules_begins(at.span, ptr)))
		empty = put(at.heap, at.span, (void *)ptr);
	else
		what = gom_granules_check(at.span, ptr);
	unlock(&at);
	free_span(empty);
	if (unlikely(what != GOM_GRANULES_LIVE))
		refuse(what, ptr, caller);
}

/* An object of the heap that @ptr is in. */
void *gom_goheap_alloc_beside(const void *ptr, size_t size, gfp_t gfp,
			      unsigned long caller)
{
	struct goheap *heap;

	rcu_read_lock();
	heap = heap_of(ptr);
	rcu_read_unlock();
	if (heap)
		return alloc_for(heap, size, gfp, caller);
	gom_report(GOM_STALE_FREE, ptr, caller);
	return NULL;
}

/* @ptr is to be freed later, by RCU or gofree_nolock().  Any context. */
void gom_goheap_defer(const void *ptr)
{
	struct goheap *heap;

	rcu_read_lock();
	heap = heap_of(ptr);
	if (heap && !READ_ONCE(heap->late))
		WRITE_ONCE(heap->late, true);
	rcu_read_unlock();
}

/* Bytes of the live object at @ptr; any context. */
size_t gom_goheap_size(const void *ptr)
{
	struct mspan *span = gom_arena_span(ptr);

	return bytes_of(span->goheap, span, ptr);
}

/*
 * Both are of any @ptr into a page of the class, in any context, and take no
 * lock, but RCU is held off: what they read is the map of a span that was there,
 * and what they say was right then.  gom_goheap_free() asks again.
 */

/* Whether a live object begins at @ptr. */
bool gom_goheap_begins(const void *ptr)
{
	struct mspan span;

	return gom_mspan_glimpse(gom_arena_span(ptr), GOM_CLASS_HEAP, &span) &&
	       gom_granules_begins(&span, ptr);
}

/* Whether @ptr lies in a live object. */
bool gom_goheap_holds(const void *ptr)
{
	struct mspan span;

	return gom_mspan_glimpse(gom_arena_span(ptr), GOM_CLASS_HEAP, &span) &&
	       gom_granules_check(&span, ptr) != GOM_GRANULES_NOT_LIVE;
}

static void fill_info(struct gom_goheap_info *info, const struct around *at,
		      void *obj)
{
	info->obj = obj;
	info->size = bytes_of(at->heap, at->span, obj);
	info->site = gom_goheap_counts(at->heap) ?
		     gom_heapsite_of(*tag_of(at->span, obj)) : NULL;
	info->whole = at->heap->flags & GOHEAP_FREE_WHOLE;
}

/* The live object around any address; false if there is none. */
bool gom_goheap_find(const void *ptr, struct gom_goheap_info *info)
{
	struct around at;
	bool found;

	rcu_read_lock();
	found = lock_around(&at, ptr);
	if (found) {
		found = gom_granules_check(at.span, ptr) !=
			GOM_GRANULES_NOT_LIVE;
		if (found)
			fill_info(info, &at,
				  gom_granules_object(at.span, ptr));
		unlock(&at);
	}
	rcu_read_unlock();
	return found;
}

/* The first live object that begins at @from or above, but below @end. */
bool gom_goheap_next(const void *from, const void *end,
		     struct gom_goheap_info *info)
{
	struct around at;
	bool found;
	void *obj;

	rcu_read_lock();
	found = lock_around(&at, from);
	if (found) {
		obj = gom_granules_next(at.span, from);
		found = obj && obj < end;
		if (found)
			fill_info(info, &at, obj);
		unlock(&at);
	}
	rcu_read_unlock();
	return found;
}

/* === All at once ========================================================= */

/* Wait for frees that are on their way, if there may be some. */
void gom_goheap_wait(struct goheap *heap)
{
	bool late;
	int cpu;

	rcu_read_lock();
	late = gom_heaps_has(heap) && READ_ONCE(heap->late);
	if (late)
		WRITE_ONCE(heap->late, false);
	rcu_read_unlock();
	if (!late)
		return;
	rcu_barrier();
	for_each_possible_cpu(cpu)
		gom_nolock_flush(cpu);
}

/*
 * No object comes or goes from here on; false if it is no heap, or closed.
 * What lives is counted as free as soon as it is told.
 */
bool gom_goheap_close(struct goheap *heap)
{
	unsigned long flags;
	bool open = false;

	rcu_read_lock();
	if (!IS_ERR_OR_NULL(heap) && gom_heaps_has(heap)) {
		raw_spin_lock_irqsave(&heap->lock, flags);
		open = !heap->dying;
		heap->dying = true;
		raw_spin_unlock_irqrestore(&heap->lock, flags);
	}
	rcu_read_unlock();
	return open;
}

/* Up to BATCH spans of @list, for their pages to be given back. */
static void gather(struct goheap *heap, struct list_head *list,
		   struct hlist_head *spans)
{
	struct mspan *span;
	unsigned long flags;
	unsigned int n;

	raw_spin_lock_irqsave(&heap->lock, flags);
	for (n = 0; n < BATCH && !list_empty(list); n++) {
		span = list_first_entry(list, struct mspan, siblings);
		let_go(heap, span);
		hlist_add_head(&span->list, spans);
	}
	raw_spin_unlock_irqrestore(&heap->lock, flags);
}

static void free_list(struct goheap *heap, struct list_head *list)
{
	struct hlist_node *next;
	struct mspan *span;

	while (!list_empty(list)) {
		HLIST_HEAD(spans);

		gather(heap, list, &spans);
		hlist_for_each_entry_safe(span, next, &spans, list)
			free_span(span);
	}
}

/* The current span stays, without objects, if it is as short as can be. */
static void clear_current(struct goheap *heap, bool keep)
{
	struct mspan *span = heap->current_span;
	unsigned long flags;

	if (!span)
		return;
	keep &= span->npages == 1;
	if (keep && want_init_on_free())
		memset((void *)span->start, 0, GOM_PAGE_SIZE);
	raw_spin_lock_irqsave(&heap->lock, flags);
	if (keep)
		gom_granules_clear(span);
	else
		let_go(heap, span);
	raw_spin_unlock_irqrestore(&heap->lock, flags);
	if (!keep)
		free_span(span);
}

/* All objects of a heap that is closed. */
void gom_goheap_free_whole(struct goheap *heap, bool keep)
{
	unsigned long flags;

	raw_spin_lock_irqsave(&heap->lock, flags);
	count_out(heap, gom_goheap_live(heap), gom_goheap_bytes(heap));
	raw_spin_unlock_irqrestore(&heap->lock, flags);
	gom_heapsite_forget(&heap->sites);
	free_list(heap, &heap->full);
	free_list(heap, &heap->room);
	clear_current(heap, keep);
}

/* === The API ============================================================= */

/**
 * goheap_alloc - allocate memory from a heap
 * @heap: the heap
 * @size: bytes wanted; 0 gives %ZERO_SIZE_PTR
 * @gfp: as for kmalloc(), but for zones, which are refused; %__GFP_ACCOUNT is
 *	ignored, as that is the heap's to say
 *
 * The object is for gofree() and its like, or goes with the heap.
 *
 * Context: any that kmalloc() allows with @gfp.
 * Return: the object, or %NULL.
 */
void *goheap_alloc(struct goheap *heap, size_t size, gfp_t gfp)
{
	return alloc(heap, size, gfp, _RET_IP_);
}
EXPORT_SYMBOL_GPL(goheap_alloc);

/**
 * goheap_memdup - duplicate memory in a heap
 * @heap: the heap
 * @src: what to copy
 * @len: bytes
 * @gfp: as for goheap_alloc()
 *
 * Context: as goheap_alloc().
 * Return: the copy, or %NULL.
 */
void *goheap_memdup(struct goheap *heap, const void *src, size_t len, gfp_t gfp)
{
	void *copy = alloc_for(heap, len, gfp, _RET_IP_);

	return ZERO_OR_NULL_PTR(copy) ? copy : memcpy(copy, src, len);
}
EXPORT_SYMBOL_GPL(goheap_memdup);

static char *copy_string(struct goheap *heap, const char *s, size_t len,
			 gfp_t gfp, unsigned long caller)
{
	return gom_make_string(alloc_for(heap, len + 1, gfp, caller), s, len);
}

/**
 * goheap_strdup - duplicate a string in a heap
 * @heap: the heap
 * @s: the string, or %NULL
 * @gfp: as for goheap_alloc()
 *
 * Context: as goheap_alloc().
 * Return: the copy, or %NULL.
 */
char *goheap_strdup(struct goheap *heap, const char *s, gfp_t gfp)
{
	return s ? copy_string(heap, s, strlen(s), gfp, _RET_IP_) : NULL;
}
EXPORT_SYMBOL_GPL(goheap_strdup);

/**
 * goheap_strndup - duplicate a string of limited length in a heap
 * @heap: the heap
 * @s: the string, or %NULL
 * @max: copy at most this many bytes, not counting the final NUL
 * @gfp: as for goheap_alloc()
 *
 * Context: as goheap_alloc().
 * Return: the copy, NUL-terminated, or %NULL.
 */
char *goheap_strndup(struct goheap *heap, const char *s, size_t max, gfp_t gfp)
{
	return s ? copy_string(heap, s, strnlen(s, max), gfp, _RET_IP_) : NULL;
}
EXPORT_SYMBOL_GPL(goheap_strndup);
