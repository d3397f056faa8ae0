// SPDX-License-Identifier: GPL-2.0
/*
 * Nodes: one page heap and one set of central lists per NUMA node, made at
 * load and destroyed at unload.
 */
#include <linux/slab.h>
#include "node.h"
#include "stats.h"

struct gom_node **gom_nodes __ro_after_init;

static unsigned int ready_total(void)
{
	unsigned int class, n = 0;

	for (class = 1; class < GOM_NR_SPAN_CLASSES; class++)
		n += gom_mcentral_max_ready(class);
	return n;
}

static struct gom_node *node_create(int nid)
{
	size_t ready_bytes = ready_total() * sizeof(void *);
	struct gom_node *node;
	unsigned int class;
	void **ready;

	node = kvzalloc(sizeof(*node) + ready_bytes, GFP_KERNEL);
	if (!node)
		return NULL;
	gom_meta_add(sizeof(*node) + ready_bytes);
	gom_mheap_setup(&node->heap, nid);
	ready = (void **)(node + 1);
	for (class = 1; class < GOM_NR_SPAN_CLASSES; class++) {
		gom_mcentral_setup(&node->central[class], class, nid, ready);
		ready += gom_mcentral_max_ready(class);
	}
	return node;
}

void gom_node_exit(void)
{
	size_t bytes = sizeof(struct gom_node) + ready_total() * sizeof(void *);
	int nid;

	for_each_gom_node(nid) {
		if (!gom_nodes[nid])
			continue;
		kvfree(gom_nodes[nid]);
		gom_meta_add(-(long)bytes);
	}
	kfree(gom_nodes);
}

int __init gom_node_init(void)
{
	int nid;

	gom_nodes = kcalloc(nr_node_ids, sizeof(*gom_nodes), GFP_KERNEL);
	if (!gom_nodes)
		return -ENOMEM;
	for_each_gom_node(nid) {
		gom_nodes[nid] = node_create(nid);
		if (!gom_nodes[nid]) {
			gom_node_exit();
			return -ENOMEM;
		}
	}
	return 0;
}
