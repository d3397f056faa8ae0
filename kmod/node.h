/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _GOM_NODE_H
#define _GOM_NODE_H

#include <linux/nodemask.h>
#include "mcentral.h"
#include "mheap.h"
#include "tracked.h"

/**
 * struct gom_node - the tiers that a NUMA node has of its own
 * @heap: its pages
 * @central: its spans, by span class
 * @tracked: its tracked objects
 */
struct gom_node {
	struct mheap heap;
	struct mcentral central[GOM_NR_SPAN_CLASSES];
	struct gom_tracked tracked;
};

extern struct gom_node **gom_nodes;

/* The nodes that may ever have memory; all are set up at load. */
#define for_each_gom_node(nid)	for_each_node(nid)

static inline struct gom_node *gom_node(int nid)
{
	return gom_nodes[nid];
}

static inline struct mcentral *gom_central(int nid, unsigned int class)
{
	return &gom_nodes[nid]->central[class];
}

struct mspan *gom_node_alloc_span(int nid, const struct gom_run_request *req,
				  gfp_t gfp);
void gom_node_shed(int nid, gfp_t gfp);
int gom_node_init(void);
void gom_node_exit(void);

#endif /* _GOM_NODE_H */
