// SPDX-License-Identifier: GPL-2.0
/*
 * Tracked objects: those of which gomalloc remembers who allocated them and
 * when, because they were sampled for the profile or because their module's
 * call sites are counted.
 *
 * They live in spans of their own, with a record for each slot, so that no
 * other object pays for being told from them: the class byte of their pages
 * keeps them off the fast path of gofree().  Slots are powers of two, and an
 * object takes one up to LOOSE times as large as it needs where that saves a
 * span: samples are few and of all sizes, and pages to themselves would take
 * more than what they tell is worth.  Where there are but a FEW, what is cut
 * anew is cut coarsely, and they share whatever has room.
 *
 * Objects that the parameter debug has checked are tracked as well.  Theirs is
 * the middle of a slot, and freed ones keep it for a while, so that what is
 * written to them then is found: checked.c.
 *
 * Called by malloc.c with no lock held, in any context but NMI.
 */
#include <linux/bitmap.h>
#include <linux/llist.h>
#include <linux/log2.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/timekeeping.h>
#include <linux/workqueue.h>
#include "arena.h"
#include "checked.h"
#include "debug.h"
#include "guard.h"
#include "mspan.h"
#include "node.h"
#include "profile.h"
#include "site.h"
#include "stats.h"
#include "tracked.h"

/* How much larger a slot may be than the smallest that would do, as a shift. */
#define LOOSE_SHIFT	3

/*
 * The samples of a heap of some megabytes, and the smallest slots that are cut
 * for these: see design.rst.
 */
#define FEW			GOM_TRACKED_FEW
#define COARSE_SHIFT		(GOM_SLOT_SHIFT_MAX - 1)

/* What the slots of checked objects that were freed may take. */
#define HELD_MOST		SZ_1M

/* Pages of an empty span that is worth keeping. */
#define SPARE_PAGES	1

/* span->bucket of a tracked span. */
enum { IS_PLAIN, IS_GUARDED };

/* One bit for each slot, in the header. */
static_assert(GOM_PAGE_SIZE >> GOM_SLOT_SHIFT_MIN <=
	      MSPAN_INLINE_WORDS * BITS_PER_LONG);

static atomic64_t failed;

/* Allocations that were to be tracked and were not, for want of memory. */
u64 gom_tracked_failed(void)
{
	return atomic64_read(&failed);
}

static struct gom_tracked *tracked_of(const struct mspan *span)
{
	return &gom_node(span->nid)->tracked;
}

/* Of a span that is shared: its one page is cut evenly. */
static unsigned int slot_shift(const struct mspan *span)
{
	return GOM_PAGE_SHIFT - ilog2(span->nelems);
}

static unsigned int slot_of(const struct mspan *span, const void *ptr)
{
	if (span->nelems == 1)
		return 0;
	return gom_mspan_offset(span, ptr) >> slot_shift(span);
}

static void *start_of(const struct mspan *span, unsigned int slot)
{
	if (span->nelems == 1)
		return (void *)span->start;
	return (void *)(span->start + ((unsigned long)slot << slot_shift(span)));
}

static void *object_of(const struct mspan *span, unsigned int slot)
{
	return start_of(span, slot) + gom_mspan_records(span)[slot].left;
}

/* The slot of @span with the object that lies or lay in it. */
static struct gom_slot slot_at(const struct mspan *span, unsigned int slot)
{
	struct gom_slot at = {
		.start = start_of(span, slot),
		.size = span->nelems == 1 ? span->npages * GOM_PAGE_SIZE :
					    BIT(slot_shift(span)),
		.obj = object_of(span, slot),
		.record = &gom_mspan_records(span)[slot],
	};

	if (at.record->checks & GOM_CHECK_GUARD) {
		at.start = PTR_ALIGN_DOWN(at.obj, PAGE_SIZE);
		at.size = PAGE_SIZE;
	}
	return at;
}

/**
 * struct cut - how a span for an object is cut
 * @npages: pages of the span
 * @nelems: slots of the span
 * @shift: of the size that a slot must have, above GOM_SLOT_SHIFT_MAX if there
 *	is but one
 */
struct cut {
	unsigned int npages;
	unsigned int nelems;
	unsigned int shift;
};

static bool are_few(const struct gom_tracked *tracked)
{
	return READ_ONCE(tracked->live) < FEW;
}

/* For a slot of @size bytes. */
static struct cut cut_for(const struct gom_tracked *tracked, size_t size)
{
	struct cut cut = {
		.npages = DIV_ROUND_UP(size, GOM_PAGE_SIZE),
		.nelems = 1,
		.shift = max_t(unsigned int, order_base_2(size),
			       GOM_SLOT_SHIFT_MIN),
	};
	unsigned int coarse = are_few(tracked) ? COARSE_SHIFT : 0;

	if (cut.shift <= GOM_SLOT_SHIFT_MAX)
		cut.nelems = GOM_PAGE_SIZE >> max(cut.shift, coarse);
	return cut;
}

static struct hlist_head *room_of(struct gom_tracked *tracked,
				  unsigned int shift)
{
	return &tracked->room[shift - GOM_SLOT_SHIFT_MIN];
}

/* Caller holds the lock. */
static void count_live(struct gom_tracked *tracked,
		       const struct gom_record *record, int n)
{
	lockdep_assert_held(&tracked->lock);
	tracked->live += n;
	tracked->live_bytes += n * (s64)record->bytes;
}

/* Take a free slot of @span.  Caller holds the lock. */
static void *take_slot(struct gom_tracked *tracked, struct mspan *span,
		       const struct gom_record *record)
{
	unsigned int slot = find_first_zero_bit(span->inline_bits, span->nelems);

	lockdep_assert_held(&tracked->lock);
	__set_bit(slot, span->inline_bits);
	gom_mspan_records(span)[slot] = *record;
	if (++span->nalloc == span->nelems && span->nelems > 1)
		hlist_del(&span->list);
	count_live(tracked, record, 1);
	return object_of(span, slot);
}

/* Put a span that nobody else knows to use.  Caller holds the lock. */
static void *use_span(struct gom_tracked *tracked, struct mspan *span,
		      const struct gom_record *record)
{
	lockdep_assert_held(&tracked->lock);
	span->state = MSPAN_INUSE;
	if (span->nelems > 1)
		hlist_add_head(&span->list, room_of(tracked, slot_shift(span)));
	return take_slot(tracked, span, record);
}

/* A slot of a span at hand, or NULL. */
static void *take(struct gom_tracked *tracked, const struct cut *cut,
		  const struct gom_record *record)
{
	unsigned int shift = cut->shift, most;
	struct mspan *spare;
	unsigned long flags;
	void *obj = NULL;

	most = GOM_SLOT_SHIFT_MAX;
	if (!are_few(tracked))
		most = min(shift + LOOSE_SHIFT, most);
	raw_spin_lock_irqsave(&tracked->lock, flags);
	for (; shift <= most && !obj; shift++) {
		struct hlist_head *room = room_of(tracked, shift);

		if (!hlist_empty(room))
			obj = take_slot(tracked,
					hlist_entry(room->first, struct mspan, list),
					record);
	}
	spare = tracked->spare;
	if (!obj && spare && spare->npages == cut->npages &&
	    spare->nelems == cut->nelems) {
		tracked->spare = NULL;
		obj = use_span(tracked, spare, record);
	}
	raw_spin_unlock_irqrestore(&tracked->lock, flags);
	return obj;
}

/* A slot of a new span, or NULL. */
static void *take_new(const struct gom_tracked_request *req,
		      const struct cut *cut, const struct gom_record *record,
		      gfp_t gfp)
{
	struct gom_run_request run = {
		.npages = cut->npages,
		.align = cut->nelems > 1 ? 1 :
			 max(1UL, (req->size & -req->size) >> GOM_PAGE_SHIFT),
		.class = GOM_CLASS_TRACKED,
	};
	struct gom_tracked *tracked;
	unsigned long flags;
	struct mspan *span;
	void *obj;

	span = gom_node_alloc_span(req->node, &run, gfp);
	if (!span)
		return NULL;
	if (gom_mspan_cut_slots(span, cut->nelems, gfp)) {
		gom_mheap_free(span);
		return NULL;
	}
	tracked = tracked_of(span);
	raw_spin_lock_irqsave(&tracked->lock, flags);
	tracked->nspans++;
	tracked->npages += span->npages;
	obj = use_span(tracked, span, record);
	raw_spin_unlock_irqrestore(&tracked->lock, flags);
	gom_stats_grown(GOM_CLASS_TRACKED);
	return obj;
}

/* A slot of a span that a node has at hand, the nearest first, or NULL. */
static void *take_elsewhere(const struct cut *cut,
			    const struct gom_record *record, int nid)
{
	void *obj;
	int other, i;

	for_each_gom_node_near(other, i, nid) {
		obj = take(&gom_node(other)->tracked, cut, record);
		if (obj)
			return obj;
	}
	return NULL;
}

/* === Slots that go back ================================================== */

/*
 * Free slot @slot; returns true if @span is empty now, and known to nobody
 * but the caller.  Caller holds the lock.
 */
static bool put_slot(struct gom_tracked *tracked, struct mspan *span,
		     unsigned int slot)
{
	lockdep_assert_held(&tracked->lock);
	__clear_bit(slot, span->inline_bits);
	if (span->nalloc-- == span->nelems && span->nelems > 1)
		hlist_add_head(&span->list, room_of(tracked, slot_shift(span)));
	if (span->nalloc)
		return false;
	if (span->nelems > 1)
		hlist_del(&span->list);
	return true;
}

/* The span is the heap's again.  Caller holds the lock. */
static struct mspan *let_go(struct gom_tracked *tracked, struct mspan *span)
{
	lockdep_assert_held(&tracked->lock);
	tracked->nspans--;
	tracked->npages -= span->npages;
	span->state = MSPAN_MOVING;
	return span;
}

/*
 * Keep an empty span, as the next sample is likely to want one like it: where
 * few live at a time each would take and free a span.  Returns what is to be
 * freed for it, or instead of it.  Caller holds the lock.
 */
static struct mspan *keep_spare(struct gom_tracked *tracked, struct mspan *span)
{
	lockdep_assert_held(&tracked->lock);
	if (span->bucket == IS_GUARDED) {
		hlist_add_head(&span->list, &tracked->guards);
		return NULL;
	}
	if (span->npages <= SPARE_PAGES)
		swap(tracked->spare, span);
	return span ? let_go(tracked, span) : NULL;
}

/*
 * What was held, and is in the list no longer, need not wait any more.  One that
 * was written to stays out of use, and to the books it is live again.
 */
static void release(struct gom_tracked *tracked, const void *obj)
{
	struct mspan *span = gom_arena_span(obj), *over = NULL;
	unsigned int i = slot_of(span, obj);
	struct gom_slot slot = slot_at(span, i);
	bool intact = gom_checked_rest(&slot);
	unsigned long flags;

	raw_spin_lock_irqsave(&tracked->lock, flags);
	slot.record->held = false;
	slot.record->bucket = NULL;
	slot.record->counted = false;
	tracked->nheld--;
	if (!intact)
		count_live(tracked, slot.record, 1);
	else if (put_slot(tracked, span, i))
		over = keep_spare(tracked, span);
	raw_spin_unlock_irqrestore(&tracked->lock, flags);
	if (over)
		gom_mheap_free(over);
}

/*
 * The object held longest, if all take more than @most bytes and it is a guarded
 * one, if that is wanted; NULL if not.
 */
static void *take_held(struct gom_tracked *tracked, size_t most, bool guarded)
{
	struct gom_slot slot;
	unsigned long flags;
	struct mspan *span;
	void *obj = NULL;

	raw_spin_lock_irqsave(&tracked->lock, flags);
	if (tracked->held_bytes > most) {
		span = gom_arena_span(tracked->held);
		slot = slot_at(span, slot_of(span, tracked->held));
		if (!guarded || slot.record->checks & GOM_CHECK_GUARD) {
			obj = tracked->held;
			tracked->held = slot.record->next;
			tracked->held_bytes -= slot.size;
		}
	}
	raw_spin_unlock_irqrestore(&tracked->lock, flags);
	return obj;
}

/* Keep the slot of a checked object that was freed for a while. */
static void hold(struct gom_tracked *tracked, void *obj,
		 const struct gom_slot *slot)
{
	struct mspan *span;
	unsigned long flags;

	raw_spin_lock_irqsave(&tracked->lock, flags);
	slot->record->next = NULL;
	if (tracked->held) {
		span = gom_arena_span(tracked->held_last);
		gom_mspan_records(span)[slot_of(span, tracked->held_last)].next =
			obj;
	} else {
		tracked->held = obj;
	}
	tracked->held_last = obj;
	tracked->held_bytes += slot->size;
	raw_spin_unlock_irqrestore(&tracked->lock, flags);
}

/* How often to try the lock where nobody may wait for it. */
#define LOCK_TRIES	100000

/* === Guarded objects ===================================================== */

/* At most one page in so many is a guard or has one, and so many on a node. */
#define GUARDED_SHIFT	10
#define GUARDED_MOST	64UL

static void prepare_guards(struct work_struct *work);
static DECLARE_WORK(guards_work, prepare_guards);

static void *take_guard(struct gom_tracked *tracked, struct gom_record *record)
{
	struct mspan *span;
	unsigned long flags;
	void *obj = NULL;

	raw_spin_lock_irqsave(&tracked->lock, flags);
	if (!hlist_empty(&tracked->guards)) {
		span = hlist_entry(tracked->guards.first, struct mspan, list);
		hlist_del(&span->list);
		obj = take_slot(tracked, span, record);
	}
	raw_spin_unlock_irqrestore(&tracked->lock, flags);
	return obj;
}

/*
 * An object with a page that faults beside it, or NULL.  Those that were freed
 * stay hidden as long as there are others.
 */
static void *take_guarded(struct gom_tracked *tracked,
			  struct gom_record *record, gfp_t gfp)
{
	void *obj = take_guard(tracked, record), *oldest;

	if (obj)
		return obj;
	/* To wake somebody up, as who allocates with the scheduler's locks may not. */
	if (gfp & __GFP_KSWAPD_RECLAIM)
		queue_work(system_unbound_wq, &guards_work);
	oldest = take_held(tracked, 0, true);
	if (!oldest)
		return NULL;
	release(tracked, oldest);
	return take_guard(tracked, record);
}

/* How many guarded spans the node's heap is large enough for. */
static unsigned long entitled(struct gom_node *node)
{
	return min(READ_ONCE(node->heap.pages) >> GUARDED_SHIFT, GUARDED_MOST);
}

static void prepare_guard(struct gom_node *node, int nid)
{
	struct gom_run_request run = {
		.npages = 1,
		.align = 1,
		.class = GOM_CLASS_TRACKED,
	};
	struct mspan *span = gom_node_alloc_span(nid, &run,
						 GOM_GFP_EASY(GFP_KERNEL) |
						 __GFP_THISNODE);
	struct gom_tracked *tracked;
	unsigned long flags;

	if (!span)
		return;
	if (gom_mspan_cut_slots(span, 1, GOM_GFP_EASY(GFP_KERNEL)) ||
	    !gom_guard_prepare(span)) {
		gom_mheap_free(span);
		return;
	}
	tracked = tracked_of(span);
	raw_spin_lock_irqsave(&tracked->lock, flags);
	span->bucket = IS_GUARDED;
	span->state = MSPAN_INUSE;
	hlist_add_head(&span->list, &tracked->guards);
	tracked->nguards++;
	tracked->nspans++;
	tracked->npages += span->npages;
	raw_spin_unlock_irqrestore(&tracked->lock, flags);
}

/*
 * A worker: one for each node at a time, and no more than one in a second, as
 * all CPUs hear of it when an entry of the linear map is split.
 */
static void prepare_guards(struct work_struct *work)
{
	static unsigned long next = INITIAL_JIFFIES;
	int nid;

	if (time_before(jiffies, next))
		return;
	next = jiffies + HZ;
	for_each_gom_node(nid)
		if (READ_ONCE(gom_node(nid)->tracked.nguards) <
		    entitled(gom_node(nid)))
			prepare_guard(gom_node(nid), nid);
}

/* Nobody allocates any more. */
void gom_tracked_exit(void)
{
	cancel_work_sync(&guards_work);
}

/* === Allocation ========================================================== */

/*
 * From @req's node, then from what other nodes have cut, as a span that its
 * own memory does not give would be entered there.
 */
static void *take_somehow(const struct gom_tracked_request *req,
			  struct gom_record *record)
{
	struct gom_tracked *tracked = &gom_node(req->node)->tracked;
	struct cut cut = cut_for(tracked, gom_checked_layout(record, req->size));
	gfp_t gfp = GOM_GFP_EASY(req->gfp);
	void *obj;

	obj = take(tracked, &cut, record);
	if (!obj && static_branch_unlikely(&gom_numa) &&
	    !(gfp & __GFP_THISNODE)) {
		obj = take_new(req, &cut, record, gfp | __GFP_THISNODE);
		if (!obj)
			obj = take_elsewhere(&cut, record, req->node);
	}
	return obj ?: take_new(req, &cut, record, gfp);
}

/* What a class has not counted. */
static void count_malloc(const void *obj, u32 bytes)
{
	struct gom_tracked *tracked = tracked_of(gom_arena_span(obj));
	unsigned long flags;

	raw_spin_lock_irqsave(&tracked->lock, flags);
	tracked->mallocs++;
	tracked->total_bytes += bytes;
	raw_spin_unlock_irqrestore(&tracked->lock, flags);
}

/* Who it is that allocates; false without memory or if nobody cares. */
static bool fill_record(struct gom_record *record,
			const struct gom_tracked_request *req)
{
	if (req->sampled)
		record->bucket = gom_profile_bucket(req->caller, req->bytes,
						    req->gfp);
	if (record->bucket)
		record->site = gom_profile_caller(record->bucket);
	else
		record->site = gom_site_get(req->caller, req->gfp);
	record->counted = record->site && READ_ONCE(record->site->counted);
	if (record->bucket && gom_guard_due(req->size))
		record->checks = GOM_CHECKS_GUARDED;
	else
		record->checks = gom_debug_checks(req->size, record->site);
	record->bytes = req->bytes;
	record->size = req->bytes;
	record->when = ktime_get_mono_fast_ns();
	if (record->bucket || record->counted || record->checks)
		return true;
	if (req->sampled || !record->site)
		atomic64_inc(&failed);
	return false;
}

static void count_in(const struct gom_record *record)
{
	if (record->bucket)
		gom_profile_malloc(record->bucket);
	if (record->counted)
		gom_site_malloc(&record->site->exact, 1, record->bytes);
}

static void count_out(const struct gom_record *record)
{
	if (record->bucket)
		gom_profile_free(record->bucket,
				 ktime_get_mono_fast_ns() - record->when);
	if (record->counted)
		gom_site_free(&record->site->exact, 1, record->bytes);
}

static void begin_checked(const void *obj)
{
	struct mspan *span = gom_arena_span(obj);
	struct gom_slot slot = slot_at(span, slot_of(span, obj));

	gom_checked_begin(&slot);
}

/* A guarded one if there is a page for it; if not, @record is a plain one's. */
static void *alloc_guarded(const struct gom_tracked_request *req,
			   struct gom_record *record)
{
	struct gom_record plain = *record;
	void *obj;

	gom_checked_layout(record, req->size);
	obj = take_guarded(&gom_node(req->node)->tracked, record, req->gfp);
	if (obj)
		return obj;
	*record = plain;
	record->checks = gom_debug_checks(req->size, record->site);
	return NULL;
}

/*
 * An object that is remembered.  NULL if nobody wants to remember it, or if
 * there is no memory to be had without effort: then it is to be allocated
 * as any other.
 */
void *gom_tracked_alloc(const struct gom_tracked_request *req)
{
	struct gom_record record = {};
	void *obj = NULL;

	if (!fill_record(&record, req))
		return NULL;
	if (record.checks & GOM_CHECK_GUARD)
		obj = alloc_guarded(req, &record);
	if (!obj)
		obj = take_somehow(req, &record);
	if (!obj) {
		atomic64_inc(&failed);
		return NULL;
	}
	gom_node_count_alloc(req->node, obj);
	count_in(&record);
	if (!req->class)
		count_malloc(obj, record.bytes);
	if (record.checks)
		begin_checked(obj);
	if (want_init_on_alloc(req->gfp))
		memset(obj, 0, record.size);
	return obj;
}

/* === Objects by address ================================================== */

/*
 * The span around @ptr if that is in pages of ours.  Caller holds the lock of
 * their node.  An empty span is taken out under it, but entered until later,
 * so its header may be gone or another's by now: mspan.c keeps it a header as
 * long as interrupts are off, which keeps the arena as well, and one that is
 * ours under this lock stays so.
 */
static struct mspan *span_of(const struct gom_tracked *tracked, const void *ptr)
{
	struct arena *arena = gom_arena_of(ptr);
	unsigned int page = gom_arena_page(ptr);
	struct mspan *span;

	if (!arena || READ_ONCE(arena->class[page]) != GOM_CLASS_TRACKED)
		return NULL;
	span = READ_ONCE(*gom_arena_slot(arena, page));
	if (READ_ONCE(span->state) != MSPAN_INUSE ||
	    READ_ONCE(span->class) != GOM_CLASS_TRACKED ||
	    tracked_of(span) != tracked ||
	    (unsigned long)ptr - READ_ONCE(span->start) >=
	    READ_ONCE(span->npages) * GOM_PAGE_SIZE)
		return NULL;
	return span;
}

/* Where nothing else keeps the arena around. */
static unsigned int class_of(const void *ptr)
{
	unsigned int class;

	rcu_read_lock();
	class = gom_arena_class(ptr);
	rcu_read_unlock();
	return class;
}

/* Whose lock guards the page that @ptr lies in. */
static struct gom_tracked *tracked_around(const void *ptr)
{
	return &gom_node(gom_node_of(ptr))->tracked;
}

static bool is_live(const struct mspan *span, unsigned int slot)
{
	return test_bit(slot, span->inline_bits) &&
	       !gom_mspan_records(span)[slot].held;
}

/* Whether the live object at @ptr is one.  Caller holds the lock. */
static enum gom_tracked_free check(const struct mspan *span, const void *ptr)
{
	unsigned int slot;

	if (!span)
		return GOM_TRACKED_NOT_LIVE;
	slot = slot_of(span, ptr);
	if (object_of(span, slot) != ptr)
		return GOM_TRACKED_INSIDE;
	return is_live(span, slot) ? GOM_TRACKED_FREED : GOM_TRACKED_NOT_LIVE;
}

/* === Free ================================================================ */

/* A checked object that was found live, and is nobody's but ours now. */
static void end_checked(struct gom_tracked *tracked, void *obj,
			unsigned long caller)
{
	struct mspan *span = gom_arena_span(obj);
	struct gom_slot slot = slot_at(span, slot_of(span, obj));
	void *oldest;

	gom_checked_end(&slot, caller);
	hold(tracked, obj, &slot);
	while ((oldest = take_held(tracked, HELD_MOST, false)))
		release(tracked, oldest);
}

/* Free the tracked object at @ptr, which lies in a page of ours. */
enum gom_tracked_free gom_tracked_free(const void *ptr, unsigned long caller)
{
	struct gom_tracked *tracked;
	enum gom_tracked_free how;
	struct gom_record record;
	struct mspan *span, *over = NULL;
	unsigned long flags;

	tracked = tracked_around(ptr);
	raw_spin_lock_irqsave(&tracked->lock, flags);
	span = span_of(tracked, ptr);
	how = check(span, ptr);
	if (how == GOM_TRACKED_FREED) {
		unsigned int slot = slot_of(span, ptr);

		record = gom_mspan_records(span)[slot];
		count_live(tracked, &record, -1);
		/* While it is not anybody else's; what is long waits. */
		if (record.checks) {
			gom_mspan_records(span)[slot].held = true;
			tracked->nheld++;
		} else {
			if (want_init_on_free() && span->npages <= SPARE_PAGES)
				memset((void *)ptr, 0, record.size);
			if (put_slot(tracked, span, slot))
				over = keep_spare(tracked, span);
		}
	}
	raw_spin_unlock_irqrestore(&tracked->lock, flags);
	if (how != GOM_TRACKED_FREED)
		return how;
	count_out(&record);
	if (record.checks)
		end_checked(tracked, (void *)ptr, caller);
	if (over) {
		if (want_init_on_free() && over->npages > SPARE_PAGES)
			memset((void *)ptr, 0, record.size);
		gom_mheap_free(over);
	}
	return how;
}

/*
 * A checked object is to have @size bytes, no more than it had.  False if it
 * is not checked, or its end is not.
 */
bool gom_tracked_resize(const void *ptr, size_t size)
{
	struct gom_tracked *tracked;
	unsigned long flags;
	struct mspan *span;
	bool exact = false;
	struct gom_slot slot;

	if (class_of(ptr) != GOM_CLASS_TRACKED)
		return false;
	tracked = tracked_around(ptr);
	raw_spin_lock_irqsave(&tracked->lock, flags);
	span = span_of(tracked, ptr);
	if (check(span, ptr) == GOM_TRACKED_FREED) {
		slot = slot_at(span, slot_of(span, ptr));
		exact = slot.record->checks & GOM_CHECK_EXACT;
	}
	raw_spin_unlock_irqrestore(&tracked->lock, flags);
	/* The object is the caller's, so its slot stays. */
	if (exact)
		gom_checked_resize(&slot, size);
	return exact;
}

/*
 * The live object at @ptr is to be freed later, and is a link of a list until
 * then: which may be longer than what was asked for.  Any context.
 */
void gom_tracked_defer(const void *ptr)
{
	struct mspan *span = gom_arena_span(ptr);
	struct gom_slot slot = slot_at(span, slot_of(span, ptr));

	if (slot.record->checks & GOM_CHECK_EXACT &&
	    slot.record->size < sizeof(struct llist_node))
		gom_checked_resize(&slot, sizeof(struct llist_node));
}

/* Say what is known of the object that is or was at @ptr. */
void gom_tracked_tell(const void *ptr)
{
	struct gom_record record = {};
	struct gom_tracked *tracked;
	unsigned long flags;
	struct mspan *span;

	if (class_of(ptr) != GOM_CLASS_TRACKED)
		return;
	tracked = tracked_around(ptr);
	raw_spin_lock_irqsave(&tracked->lock, flags);
	span = span_of(tracked, ptr);
	if (span)
		record = gom_mspan_records(span)[slot_of(span, ptr)];
	raw_spin_unlock_irqrestore(&tracked->lock, flags);
	gom_checked_tell(&record);
}

/* Whether a live tracked object begins at @ptr, of a page of ours. */
bool gom_tracked_begins(const void *ptr)
{
	unsigned long flags;
	struct gom_tracked *tracked = tracked_around(ptr);
	bool begins;

	raw_spin_lock_irqsave(&tracked->lock, flags);
	begins = check(span_of(tracked, ptr), ptr) == GOM_TRACKED_FREED;
	raw_spin_unlock_irqrestore(&tracked->lock, flags);
	return begins;
}

static void fill_info(struct gom_tracked_info *info, const struct mspan *span,
		      unsigned int slot)
{
	const struct gom_record *record = &gom_mspan_records(span)[slot];

	info->obj = object_of(span, slot);
	info->size = record->size;
	info->caller = record->site;
	info->counted = record->counted;
	/* Of one that is held, that leads to the next. */
	info->bucket = record->bucket && !record->held ?
		       gom_profile_id(record->bucket) : 0;
	info->when = record->when;
	info->held = record->held;
}

/* Not in a redzone in front of it, that is. */
static bool is_inside(const struct mspan *span, unsigned int slot,
		      const void *ptr)
{
	return ptr >= object_of(span, slot);
}

/* The live tracked object around any address; false if there is none. */
bool gom_tracked_find(const void *ptr, struct gom_tracked_info *info)
{
	struct gom_tracked *tracked;
	unsigned long flags;
	struct mspan *span;
	bool found = false;

	if (class_of(ptr) != GOM_CLASS_TRACKED)
		return false;
	tracked = tracked_around(ptr);
	raw_spin_lock_irqsave(&tracked->lock, flags);
	span = span_of(tracked, ptr);
	if (span && is_live(span, slot_of(span, ptr)) &&
	    is_inside(span, slot_of(span, ptr), ptr)) {
		fill_info(info, span, slot_of(span, ptr));
		found = true;
	}
	raw_spin_unlock_irqrestore(&tracked->lock, flags);
	return found;
}

/*
 * The guarded object, live or held, in whose two pages @ptr is; false if there
 * is none or the lock is taken.  Any context.
 */
bool gom_tracked_find_guarded(const void *ptr, struct gom_tracked_info *info)
{
	unsigned int tries = LOCK_TRIES;
	struct gom_tracked *tracked;
	unsigned long flags;
	struct mspan *span;
	bool found = false;

	if (class_of(ptr) != GOM_CLASS_TRACKED)
		return false;
	tracked = tracked_around(ptr);
	/* Unless it was under this lock that the CPU has faulted. */
	while (!raw_spin_trylock_irqsave(&tracked->lock, flags)) {
		if (!tries--)
			return false;
		cpu_relax();
	}
	span = span_of(tracked, ptr);
	if (span && span->bucket == IS_GUARDED && span->nalloc) {
		fill_info(info, span, 0);
		found = true;
	}
	raw_spin_unlock_irqrestore(&tracked->lock, flags);
	return found;
}

/*
 * Bytes of the live tracked object around @ptr, whether one may begin there, and
 * where it begins: any context, with RCU held off.  0 and NULL if its span has
 * just gone.
 */
size_t gom_tracked_size(const void *ptr)
{
	struct mspan span;

	if (!gom_mspan_glimpse(gom_arena_span(ptr), GOM_CLASS_TRACKED, &span))
		return 0;
	return gom_mspan_records(&span)[slot_of(&span, ptr)].size;
}

bool gom_tracked_may_live(const void *ptr)
{
	struct mspan span;
	unsigned int slot;

	if (!gom_mspan_glimpse(gom_arena_span(ptr), GOM_CLASS_TRACKED, &span))
		return false;
	slot = slot_of(&span, ptr);
	return object_of(&span, slot) == ptr &&
	       !READ_ONCE(gom_mspan_records(&span)[slot].held);
}

void *gom_tracked_object(const void *ptr)
{
	struct mspan span;

	if (!gom_mspan_glimpse(gom_arena_span(ptr), GOM_CLASS_TRACKED, &span))
		return NULL;
	return object_of(&span, slot_of(&span, ptr));
}

/* The objects of the span that begins at @page; false if @visit has enough. */
static bool visit_span(void *page,
		       bool (*visit)(const struct gom_tracked_info *info,
				     void *arg), void *arg)
{
	struct gom_tracked_info info;
	struct gom_tracked *tracked;
	unsigned long flags;
	struct mspan *span;
	unsigned int slot;
	bool more = true;

	tracked = tracked_around(page);
	raw_spin_lock_irqsave(&tracked->lock, flags);
	span = span_of(tracked, page);
	if (span && span->start == (unsigned long)page) {
		for_each_set_bit(slot, span->inline_bits, span->nelems) {
			if (!is_live(span, slot))
				continue;
			fill_info(&info, span, slot);
			more = visit(&info, arg);
			if (!more)
				break;
		}
	}
	raw_spin_unlock_irqrestore(&tracked->lock, flags);
	return more;
}

/*
 * Call @visit for every live tracked object until it returns false.  It is
 * called with the node's lock held, which is let go of between spans: what
 * comes and goes meanwhile may be visited or not.  Process context.
 */
void gom_tracked_walk(bool (*visit)(const struct gom_tracked_info *info,
				    void *arg), void *arg)
{
	unsigned long i;

	for (i = 0; i < gomalloc_hot.nr_arenas; i++) {
		void *page = (void *)gomalloc_hot.first + (i << GOM_ARENA_SHIFT);
		void *end = page + GOM_ARENA_SIZE;

		if (!gom_arena_at(i))
			continue;
		for (; page < end; page += GOM_PAGE_SIZE)
			if (class_of(page) == GOM_CLASS_TRACKED &&
			    !visit_span(page, visit, arg))
				return;
		cond_resched();
	}
}

/* Who allocates cannot find one any more. */
static bool shed_guard(struct gom_tracked *tracked)
{
	struct mspan *span = NULL;
	unsigned long flags;

	raw_spin_lock_irqsave(&tracked->lock, flags);
	if (!hlist_empty(&tracked->guards)) {
		span = hlist_entry(tracked->guards.first, struct mspan, list);
		hlist_del(&span->list);
		span->bucket = IS_PLAIN;
		tracked->nguards--;
		let_go(tracked, span);
	}
	raw_spin_unlock_irqrestore(&tracked->lock, flags);
	if (span)
		gom_mheap_free(span);
	return span;
}

/* Give back guarded spans that the heap is too small for by now. */
void gom_tracked_trim(struct gom_node *node)
{
	struct gom_tracked *tracked = &node->tracked;
	void *obj;

	while (READ_ONCE(tracked->nguards) > entitled(node)) {
		if (shed_guard(tracked))
			continue;
		obj = take_held(tracked, 0, true);
		if (!obj)
			break;
		release(tracked, obj);
	}
}

/* Give back the slots that wait, and the span that is kept. */
void gom_tracked_shed(struct gom_tracked *tracked)
{
	struct mspan *span;
	unsigned long flags;
	void *obj;

	while ((obj = take_held(tracked, 0, false)))
		release(tracked, obj);
	while (shed_guard(tracked))
		;
	raw_spin_lock_irqsave(&tracked->lock, flags);
	span = tracked->spare;
	tracked->spare = NULL;
	if (span)
		let_go(tracked, span);
	raw_spin_unlock_irqrestore(&tracked->lock, flags);
	if (span)
		gom_mheap_free(span);
}

void gom_tracked_setup(struct gom_tracked *tracked)
{
	raw_spin_lock_init(&tracked->lock);
}
