/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _GOM_NODE_H
#define _GOM_NODE_H

#include <linux/atomic.h>
#include <linux/jump_label.h>
#include <linux/mm.h>
#include <linux/nodemask.h>
#include <linux/topology.h>
#include "mcentral.h"
#include "mheap.h"
#include "tracked.h"

/**
 * struct gom_node - the tiers that a NUMA node has of its own
 * @heap: its pages
 * @central: its spans, by span class
 * @tracked: its tracked objects
 * @home_frees: objects of its classes that came home from other nodes' CPUs
 * @home_batches: in so many batches
 * @misses: allocations that were to be its memory and are another node's
 * @near: all nodes, itself first, then by their distance from it
 */
struct gom_node {
	struct mheap heap;
	struct mcentral central[GOM_NR_SPAN_CLASSES];
	struct gom_tracked tracked;
	atomic_long_t home_frees;
	atomic_long_t home_batches;
	atomic_long_t misses;
	s16 near[];
};

extern struct gom_node **gom_nodes;

/* Whether there may ever be a second node: what that takes is off otherwise. */
DECLARE_STATIC_KEY_FALSE(gom_numa);

/* The nodes that may ever have memory; all are set up at load. */
#define for_each_gom_node(nid)	for_each_node(nid)

/* The same from @from on outwards; @i counts. */
#define for_each_gom_node_near(nid, i, from)				\
	for ((i) = 0; (i) < num_possible_nodes() &&			\
	     ((nid) = gom_nodes[from]->near[i], true); (i)++)

static inline struct gom_node *gom_node(int nid)
{
	return gom_nodes[nid];
}

static inline struct mcentral *gom_central(int nid, unsigned int class)
{
	return &gom_nodes[nid]->central[class];
}

/*
 * The node of an object of ours.  Its page knows even where its span is gone,
 * as that of an object which was freed twice may be.
 */
static inline int gom_node_of(const void *obj)
{
	return page_to_nid(virt_to_page(obj));
}

/*
 * Whether there is memory of @nid to be had.  A node that was added after load
 * may lie beyond the arena map as a whole: one that gave blocks from there and
 * no other counts as one without.
 */
static inline bool gom_node_has_memory(int nid)
{
	const struct mheap *heap = &gom_node(nid)->heap;

	return node_state(nid, N_NORMAL_MEMORY) &&
	       (likely(!gom_glance(heap->beyond)) || gom_glance(heap->grown));
}

int gom_node_nearest(int nid);

/*
 * The node to ask for memory where @nid is wished for, or with NUMA_NO_NODE
 * the calling CPU's: without memory of its own the nearest that has some,
 * unless @gfp insists.  Memory may come and go, so it is looked up each time.
 */
static inline int gom_node_for(int nid, gfp_t gfp)
{
	if (nid == NUMA_NO_NODE)
		nid = numa_mem_id();
	if (static_branch_unlikely(&gom_numa) && !(gfp & __GFP_THISNODE) &&
	    unlikely(!gom_node_has_memory(nid)))
		nid = gom_node_nearest(nid);
	return nid;
}

/* The node that the calling CPU's cache is filled from. */
static inline int gom_node_local(void)
{
	return gom_node_for(NUMA_NO_NODE, 0);
}

/* @n objects of @nid were returned to it, by a CPU of whatever node. */
static inline void gom_node_count_home(int nid, unsigned int n)
{
	if (!static_branch_unlikely(&gom_numa) || nid == gom_node_local())
		return;
	atomic_long_add(n, &gom_node(nid)->home_frees);
	atomic_long_inc(&gom_node(nid)->home_batches);
}

/* @obj, or NULL, was allocated where memory of @nid was wanted. */
static inline void gom_node_count_alloc(int nid, const void *obj)
{
	if (static_branch_unlikely(&gom_numa) && obj && gom_node_of(obj) != nid)
		atomic_long_inc(&gom_node(nid)->misses);
}

struct mspan *gom_node_alloc_span(int nid, const struct gom_run_request *req,
				  gfp_t gfp);
void gom_node_shed(int nid, gfp_t gfp);
bool gom_node_shed_some(int nid);
int gom_node_init(void);
void gom_node_exit(void);

#endif /* _GOM_NODE_H */
