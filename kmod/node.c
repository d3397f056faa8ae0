// SPDX-License-Identifier: GPL-2.0
/*
 * Nodes: one page heap and one set of central lists per NUMA node, made at
 * load and destroyed at unload.  Spans are got through here, as what one
 * central list keeps empty may serve another before the heap has to grow.
 */
#include <linux/kmemleak.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include "drain.h"
#include "fail.h"
#include "limit.h"
#include "node.h"
#include "stats.h"
#include "trace.h"

struct gom_node **gom_nodes __ro_after_init;
DEFINE_STATIC_KEY_FALSE(gom_numa);

/*
 * Spans to take back between two looks at the heap, and looks at most: one
 * request pays for a bounded part, and the next ones for the rest.
 */
#define TAKE_BACK	16
#define TAKE_BACK_LOOKS	4

/* Who is about to fail waits so long for other CPUs at most. */
#define DRAIN_JIFFIES	(HZ / 2)

/* Objects that wait in the stock may be this part of the heap as it grows. */
#define STOCK_SHIFT	6

/* Empty spans of any class to the heap; false if there are none. */
static bool take_back_spans(struct gom_node *node)
{
	unsigned int class, n = 0;

	for (class = 1; class < GOM_NR_SPAN_CLASSES && n < TAKE_BACK; class++)
		if (gom_mcentral_has_empty(&node->central[class]))
			n += gom_mcentral_trim(&node->central[class],
					       TAKE_BACK - n);
	return n;
}

/*
 * Of the stock, if there is more than @enough bytes of it, some of the class
 * that has most to its spans; false if there is not.
 */
static bool take_back_stock(struct gom_node *node, unsigned long enough)
{
	unsigned long bytes, sum = 0, most = 0;
	unsigned int class, richest = 0;

	for (class = 1; class < GOM_NR_SPAN_CLASSES; class++) {
		bytes = gom_glance(node->central[class].nready) *
			gom_class[class].size;
		sum += bytes;
		if (bytes > most) {
			most = bytes;
			richest = class;
		}
	}
	if (sum <= enough)
		return false;
	gom_mcentral_shed(&node->central[richest]);
	return true;
}

/* How much stock may stay while the heap grows. */
static unsigned long enough_stock(const struct gom_node *node)
{
	return gom_glance(node->heap.pages) << GOM_PAGE_SHIFT >> STOCK_SHIFT;
}

/*
 * Return a bounded part of what the node's lists keep, empty spans first;
 * false if they keep nothing.
 */
bool gom_node_shed_some(int nid)
{
	struct gom_node *node = gom_node(nid);

	return take_back_spans(node) || take_back_stock(node, 0);
}

/* Return all that the node's lists keep; stops for others where @gfp may. */
void gom_node_shed(int nid, gfp_t gfp)
{
	unsigned long looks;
	unsigned int class;

	for (class = 1; class < GOM_NR_SPAN_CLASSES; class++) {
		looks = gom_mcentral_looks(gom_central(nid, class));
		while (looks-- && gom_mcentral_shed(gom_central(nid, class)))
			if (gfpflags_allow_blocking(gfp))
				cond_resched();
	}
	gom_tracked_shed(&gom_node(nid)->tracked);
}

/* The same, but no more than one who may not sleep should do at a time. */
static void take_back_some(int nid)
{
	int looks;

	for (looks = 0; looks < TAKE_BACK_LOOKS; looks++)
		if (!gom_node_shed_some(nid))
			break;
}

/* All that the lists of @nid keep, of all nodes unless @gfp forbids. */
static void take_back_all(int nid, gfp_t gfp)
{
	int other;

	for_each_gom_node(other)
		if (other == nid || !(gfp & __GFP_THISNODE))
			gom_node_shed(other, gfp);
}

/* A little of it, as long as that may help; NULL if it does not. */
static struct mspan *alloc_idle(int nid, const struct gom_run_request *req,
				gfp_t gfp)
{
	struct gom_node *node = gom_node(nid);
	struct mspan *span;
	int looks;

	for (looks = 0; looks < TAKE_BACK_LOOKS; looks++) {
		span = gom_mheap_alloc_idle(nid, req, gfp);
		if (span)
			return span;
		if (!take_back_spans(node) &&
		    !take_back_stock(node, enough_stock(node)))
			return NULL;
	}
	return gom_mheap_alloc_idle(nid, req, gfp);
}

/* Whether to wait for CPUs' caches.  Reclaim must not wait for anybody. */
static bool may_drain(gfp_t gfp)
{
	return gfpflags_allow_blocking(gfp) && !(gfp & __GFP_NORETRY) &&
	       !(current->flags & PF_MEMALLOC);
}

/*
 * A span where the hard limit refuses more: all that the lists keep is taken
 * back, on any node as it makes room, then what CPUs cache.  Only after that
 * __GFP_NOFAIL may exceed it.  Who may not sleep, or has another way out, does
 * part of it.
 */
static struct mspan *alloc_at_max(int nid, const struct gom_run_request *req,
				  gfp_t gfp)
{
	gfp_t may_fail = gfp;
	struct mspan *span;

	if (gfp & __GFP_NOFAIL)
		may_fail = (gfp & ~__GFP_NOFAIL) | __GFP_NOWARN;
	if (gfpflags_allow_blocking(gfp) && !(gfp & __GFP_NORETRY))
		take_back_all(nid, gfp & ~__GFP_THISNODE);
	else
		take_back_some(nid);
	span = gom_mheap_alloc(nid, req, may_fail);
	if (!span && may_drain(gfp)) {
		gom_drain_hurry(DRAIN_JIFFIES);
		take_back_all(nid, gfp & ~__GFP_THISNODE);
		span = gom_mheap_alloc(nid, req, may_fail);
	}
	if (!span && (gfp & __GFP_NOFAIL))
		span = gom_mheap_alloc(nid, req, gfp);
	return span;
}

/* That was not enough for the soft limit: CPUs' caches, some time soon. */
static void trim_caches(long bytes, gfp_t gfp)
{
	if ((gfp & __GFP_KSWAPD_RECLAIM) && gom_limit_meets(bytes) &&
	    gom_limit_trim_due())
		gom_drain_ask_all();
}

/*
 * A span for @req: from idle runs, then some of what the central lists keep,
 * then the kernel's without effort; and where memory is short or limited all
 * that they keep, before the kernel is asked as the caller asks.
 */
static struct mspan *alloc_span(int nid, const struct gom_run_request *req,
				gfp_t gfp)
{
	long bytes = req->npages * GOM_PAGE_SIZE;
	bool limited = gom_limit_meets(bytes);
	struct mspan *span = NULL;

	/* Nothing that is taken back serves these. */
	if (req->direct && !limited)
		return gom_mheap_alloc(nid, req, gfp);
	if (!req->direct)
		span = alloc_idle(nid, req, gfp);
	if (!span && !limited)
		span = gom_mheap_alloc(nid, req, GOM_GFP_EASY(gfp));
	if (span)
		return span;
	/* That was all that the caller wants to be done for it. */
	if (!limited && GOM_GFP_EASY(gfp) == gfp)
		return NULL;
	if (!limited || gfpflags_allow_blocking(gfp))
		take_back_all(nid, gfp);
	if (limited)
		trim_caches(bytes, gfp);
	return gom_mheap_alloc(nid, req, gfp);
}

struct mspan *gom_node_alloc_span(int nid, const struct gom_run_request *req,
				  gfp_t gfp)
{
	long bytes = req->npages * GOM_PAGE_SIZE;
	bool refused = gom_limit_refuses(bytes);
	struct mspan *span = NULL;

	if (!refused)
		span = alloc_span(nid, req, gfp);
	else if (!req->direct)
		span = alloc_idle(nid, req, gfp);
	/* Others may have been faster.  Some want no effort. */
	if (!span && GOM_GFP_EASY(gfp) != gfp &&
	    (refused || gom_limit_refuses(bytes)))
		span = alloc_at_max(nid, req, gfp);
	if (!span)
		return NULL;
	trace_gomalloc_span_alloc(span);
	/*
	 * kmemleak is to read what is in it, and never to report it.  Tracked
	 * objects it knows one by one.
	 */
	if (req->class != GOM_CLASS_TRACKED)
		kmemleak_alloc((void *)span->start, bytes, 0,
			       GOM_GFP_META(gfp));
	return span;
}

/*
 * The node nearest to @nid that our memory can come from now; one whose memory
 * is all movable does not count.
 */
int gom_node_nearest(int nid)
{
	int near, i;

	for_each_gom_node_near(near, i, nid)
		if (gom_node_has_memory(near))
			return near;
	return nid;
}

/*
 * Sort nodes by their distance from @nid.  Of equal ones those behind it come
 * first, and after the last the first, so that not all nodes that run full
 * turn to one.
 */
static void sort_near(struct gom_node *node, int nid)
{
	int other = nid, i, n;

	for (n = 0; n < num_possible_nodes(); n++) {
		for (i = n; i > 1 && node_distance(nid, node->near[i - 1]) >
				     node_distance(nid, other); i--)
			node->near[i] = node->near[i - 1];
		node->near[i] = other;
		other = next_node_in(other, node_possible_map);
	}
}

static size_t node_bytes(void)
{
	return struct_size((struct gom_node *)NULL, near, num_possible_nodes());
}

/* Where its own CPUs have it near, if it is there by now. */
static struct gom_node *node_create(int nid)
{
	int home = node_online(nid) ? nid : NUMA_NO_NODE;
	struct gom_node *node = gom_try(NODE, node_bytes(), GFP_KERNEL,
					kvzalloc_node(node_bytes(), GFP_KERNEL,
						      home));
	unsigned int class;

	if (!node)
		return NULL;
	gom_meta_add(node_bytes());
	sort_near(node, nid);
	gom_mheap_setup(&node->heap, nid);
	gom_tracked_setup(&node->tracked);
	for (class = 1; class < GOM_NR_SPAN_CLASSES; class++)
		gom_mcentral_setup(&node->central[class], class, nid);
	return node;
}

void gom_node_exit(void)
{
	int nid;

	for_each_gom_node(nid) {
		if (!gom_nodes[nid])
			continue;
		kvfree(gom_nodes[nid]);
		gom_meta_add(-(long)node_bytes());
	}
	kfree(gom_nodes);
}

int __init gom_node_init(void)
{
	int nid;

	if (num_possible_nodes() > 1)
		static_branch_enable(&gom_numa);
	gom_nodes = gom_try(NODES, nr_node_ids * sizeof(*gom_nodes), GFP_KERNEL,
			    kcalloc(nr_node_ids, sizeof(*gom_nodes),
				    GFP_KERNEL));
	if (!gom_nodes)
		return -ENOMEM;
	/* As for the arena map, where that is made. */
	kmemleak_not_leak(gom_nodes);
	for_each_gom_node(nid) {
		gom_nodes[nid] = node_create(nid);
		if (!gom_nodes[nid]) {
			gom_node_exit();
			return -ENOMEM;
		}
	}
	return 0;
}
