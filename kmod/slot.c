// SPDX-License-Identifier: GPL-2.0
/*
 * The slots that tracked objects live in: how spans are cut into them, which
 * is taken, and what becomes of a span whose slots are all free.
 *
 * Slots are powers of two, and an object takes one up to LOOSE times as large
 * as it needs where that saves a span: samples are few and of all sizes, and
 * pages to themselves would take more than what they tell is worth.  Where
 * there are but a FEW, what is cut anew is cut coarsely, and they share
 * whatever has room.
 *
 * For tracked.c, quarantine.c and guarded.c, in any context but NMI.  What
 * says so wants the lock of struct gom_tracked held, all else takes it.
 */
#include <linux/bitmap.h>
#include <linux/log2.h>
#include "arena.h"
#include "checked.h"
#include "debug.h"
#include "mspan.h"
#include "node.h"
#include "slot.h"
#include "stats.h"

/* How much larger a slot may be than the smallest that would do, as a shift. */
#define LOOSE_SHIFT	3

/*
 * The samples of a heap of some megabytes, and the smallest slots that are cut
 * for these: see design.rst.
 */
#define FEW			GOM_TRACKED_FEW
#define COARSE_SHIFT		(GOM_SLOT_SHIFT_MAX - 1)

/* One bit for each slot, in the header. */
static_assert(GOM_PAGE_SIZE >> GOM_SLOT_SHIFT_MIN <=
	      MSPAN_INLINE_WORDS * BITS_PER_LONG);

/* The slot of @span with the object that lies or lay in it. */
struct gom_slot gom_slot_at(const struct mspan *span, unsigned int slot)
{
	struct gom_slot at = {
		.start = gom_slot_start(span, slot),
		.size = span->nelems == 1 ? span->npages * GOM_PAGE_SIZE :
					    BIT(gom_slot_shift(span)),
		.obj = gom_slot_object(span, slot),
		.record = &gom_mspan_records(span)[slot],
	};

	if (at.record->checks & GOM_CHECK_GUARD) {
		at.start = PTR_ALIGN_DOWN(at.obj, PAGE_SIZE);
		at.size = PAGE_SIZE;
	}
	return at;
}

/* The same where @ptr is in a span that stays one. */
struct gom_slot gom_slot_around(const void *ptr)
{
	const struct mspan *span = gom_arena_span(ptr);

	return gom_slot_at(span, gom_slot_index(span, ptr));
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
	return gom_glance(tracked->live) < FEW;
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

/* Take a free slot of @span.  Caller holds the lock. */
void *gom_slot_take(struct gom_tracked *tracked, struct mspan *span,
		    const struct gom_record *record)
{
	unsigned int slot = find_first_zero_bit(span->inline_bits, span->nelems);

	lockdep_assert_held(&tracked->lock);
	__set_bit(slot, span->inline_bits);
	gom_mspan_records(span)[slot] = *record;
	if (++span->nalloc == span->nelems && span->nelems > 1)
		hlist_del(&span->list);
	gom_slot_count_live(tracked, record, 1);
	return gom_slot_object(span, slot);
}

/* Put a span that nobody else knows to use.  Caller holds the lock. */
static void *use_span(struct gom_tracked *tracked, struct mspan *span,
		      const struct gom_record *record)
{
	lockdep_assert_held(&tracked->lock);
	gom_mspan_use(span);
	if (span->nelems > 1)
		hlist_add_head(&span->list, room_of(tracked, gom_slot_shift(span)));
	return gom_slot_take(tracked, span, record);
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
			obj = gom_slot_take(tracked, hlist_entry(room->first,
								 struct mspan,
								 list), record);
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
	tracked = gom_tracked_of(span);
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

/*
 * From @req's node, then from what other nodes have cut, as a span that its
 * own memory does not give would be entered there.
 */
void *gom_slot_alloc(const struct gom_tracked_request *req,
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

/* === Slots that go back ================================================== */

/*
 * Free slot @slot; returns true if @span is empty now, and known to nobody
 * but the caller.  Caller holds the lock.
 */
static bool put(struct gom_tracked *tracked, struct mspan *span,
		unsigned int slot)
{
	lockdep_assert_held(&tracked->lock);
	__clear_bit(slot, span->inline_bits);
	if (span->nalloc-- == span->nelems && span->nelems > 1)
		hlist_add_head(&span->list, room_of(tracked, gom_slot_shift(span)));
	if (span->nalloc)
		return false;
	if (span->nelems > 1)
		hlist_del(&span->list);
	return true;
}

/* The span is the heap's again.  Caller holds the lock. */
struct mspan *gom_slot_let_go(struct gom_tracked *tracked, struct mspan *span)
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
	if (span->bucket == GOM_SPAN_GUARDED) {
		hlist_add_head(&span->list, &tracked->guards);
		return NULL;
	}
	if (span->npages <= GOM_SPARE_PAGES)
		swap(tracked->spare, span);
	return span ? gom_slot_let_go(tracked, span) : NULL;
}

/*
 * Slot @slot is free again.  Returns a span to be freed once the lock is, or
 * NULL.  Caller holds the lock.
 */
struct mspan *gom_slot_put(struct gom_tracked *tracked, struct mspan *span,
			   unsigned int slot)
{
	return put(tracked, span, slot) ? keep_spare(tracked, span) : NULL;
}
