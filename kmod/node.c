// SPDX-License-Identifier: GPL-2.0
/*
 * Nodes: one page heap and one set of central lists per NUMA node, made at
 * load and destroyed at unload.  Spans are got through here, as what one
 * central list keeps empty may serve another before the heap has to grow.
 */
#include <linux/slab.h>
#include "node.h"
#include "stats.h"

struct gom_node **gom_nodes __ro_after_init;

/* Spans to take back between two looks at the heap. */
#define TAKE_BACK	16

/* Objects that wait in the stock may be this part of the heap as it grows. */
#define STOCK_SHIFT	5

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

/* The stock of all classes to their spans, if there is much of it. */
static bool take_back_stock(struct gom_node *node)
{
	unsigned long bytes = 0, limit;
	unsigned int class;

	for (class = 1; class < GOM_NR_SPAN_CLASSES; class++)
		bytes += READ_ONCE(node->central[class].nready) *
			 gom_class[class].size;
	limit = READ_ONCE(node->heap.pages) << GOM_PAGE_SHIFT >> STOCK_SHIFT;
	if (bytes <= limit)
		return false;
	for (class = 1; class < GOM_NR_SPAN_CLASSES; class++)
		gom_mcentral_shed(&node->central[class], false);
	return true;
}

/*
 * A span for @req.  The heap grows only when what the central lists keep
 * empty does not do either.
 */
struct mspan *gom_node_alloc_span(int nid, const struct gom_run_request *req,
				  gfp_t gfp)
{
	struct gom_node *node = gom_node(nid);
	struct mspan *span;

	if (!req->direct) {
		do {
			span = gom_mheap_alloc_idle(nid, req, gfp);
			if (span)
				return span;
		} while (take_back_spans(node) || take_back_stock(node));
	}
	return gom_mheap_alloc(nid, req, gfp);
}

static struct gom_node *node_create(int nid)
{
	struct gom_node *node = kvzalloc(sizeof(*node), GFP_KERNEL);
	unsigned int class;

	if (!node)
		return NULL;
	gom_meta_add(sizeof(*node));
	gom_mheap_setup(&node->heap, nid);
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
		gom_meta_add(-(long)sizeof(struct gom_node));
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
