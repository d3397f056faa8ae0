// SPDX-License-Identifier: GPL-2.0
/*
 * Guarded objects: spans of one object with a page beside it that faults, a few
 * of which a worker has ready on each node.  guard.c is about the pages.
 *
 * tracked.c allocates, scavenge.c and drain.c shed, with no lock held.
 */
#include <linux/jiffies.h>
#include <linux/list.h>
#include <linux/workqueue.h>
#include "guard.h"
#include "guarded.h"
#include "mspan.h"
#include "node.h"
#include "quarantine.h"
#include "slot.h"

/* At most one page in so many is a guard or has one, and so many on a node. */
#define GUARDED_SHIFT	10
#define GUARDED_MOST	64UL

static void prepare_some(struct work_struct *unused);
static DECLARE_WORK(work, prepare_some);

static void *take(struct gom_tracked *tracked, const struct gom_record *record)
{
	struct mspan *span;
	unsigned long flags;
	void *obj = NULL;

	raw_spin_lock_irqsave(&tracked->lock, flags);
	if (!hlist_empty(&tracked->guards)) {
		span = hlist_entry(tracked->guards.first, struct mspan, list);
		hlist_del(&span->list);
		obj = gom_slot_take(tracked, span, record);
	}
	raw_spin_unlock_irqrestore(&tracked->lock, flags);
	return obj;
}

/*
 * An object with a page that faults beside it, or NULL.  Those that were freed
 * stay hidden as long as there are others.
 */
void *gom_guarded_take(struct gom_tracked *tracked,
		       const struct gom_record *record, gfp_t gfp)
{
	void *obj = take(tracked, record), *oldest;

	if (obj)
		return obj;
	/* To wake somebody up, as who allocates with the scheduler's locks may not. */
	if (gfp & __GFP_KSWAPD_RECLAIM)
		queue_work(system_unbound_wq, &work);
	oldest = gom_quarantine_take(tracked, 0, true);
	if (!oldest)
		return NULL;
	gom_quarantine_release(tracked, oldest);
	return take(tracked, record);
}

/* How many guarded spans the node's heap is large enough for. */
static unsigned long entitled(struct gom_node *node)
{
	return min(gom_glance(node->heap.pages) >> GUARDED_SHIFT, GUARDED_MOST);
}

static void prepare(struct gom_node *node, int nid)
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
	tracked = gom_tracked_of(span);
	raw_spin_lock_irqsave(&tracked->lock, flags);
	span->bucket = GOM_SPAN_GUARDED;
	gom_mspan_use(span);
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
static void prepare_some(struct work_struct *unused)
{
	static unsigned long next = INITIAL_JIFFIES;
	int nid;

	if (time_before(jiffies, next))
		return;
	next = jiffies + HZ;
	for_each_gom_node(nid)
		if (gom_glance(gom_node(nid)->tracked.nguards) <
		    entitled(gom_node(nid)))
			prepare(gom_node(nid), nid);
}

/* Give back one that is empty: who allocates cannot find it any more. */
bool gom_guarded_shed(struct gom_tracked *tracked)
{
	struct mspan *span = NULL;
	unsigned long flags;

	raw_spin_lock_irqsave(&tracked->lock, flags);
	if (!hlist_empty(&tracked->guards)) {
		span = hlist_entry(tracked->guards.first, struct mspan, list);
		hlist_del(&span->list);
		span->bucket = GOM_SPAN_PLAIN;
		tracked->nguards--;
		gom_slot_let_go(tracked, span);
	}
	raw_spin_unlock_irqrestore(&tracked->lock, flags);
	if (span)
		gom_mheap_free(span);
	return span;
}

/* Give back guarded spans that the heap is too small for by now. */
void gom_guarded_trim(struct gom_node *node)
{
	struct gom_tracked *tracked = &node->tracked;
	void *obj;

	while (gom_glance(tracked->nguards) > entitled(node)) {
		if (gom_guarded_shed(tracked))
			continue;
		obj = gom_quarantine_take(tracked, 0, true);
		if (!obj)
			break;
		gom_quarantine_release(tracked, obj);
	}
}

/* Nobody allocates any more. */
void gom_guarded_exit(void)
{
	cancel_work_sync(&work);
}
