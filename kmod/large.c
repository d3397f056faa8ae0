// SPDX-License-Identifier: GPL-2.0
/*
 * Large objects: each a run of pages of its own, up to 4 MiB.
 *
 * Called by malloc.c with no lock held; sleeps as gfp says.
 */
#include <linux/mm.h>
#include "large.h"
#include "node.h"
#include "stats.h"

/* Bytes that an object of @size bytes takes. */
size_t gom_large_size(size_t size)
{
	return ALIGN(size, GOM_PAGE_SIZE);
}

/*
 * The object starts at a multiple of the largest power of two that divides
 * @size.  With @direct its pages are the kernel's for nobody else: for flags
 * that charge or constrain them.
 */
void *gom_large_alloc(size_t size, gfp_t gfp, int node, bool direct)
{
	struct gom_run_request req = {
		.npages = gom_large_size(size) >> GOM_PAGE_SHIFT,
		.align = max(1UL, (size & -size) >> GOM_PAGE_SHIFT),
		.class = GOM_CLASS_LARGE,
		.direct = direct,
	};
	struct mspan *span;
	void *obj;
	int nid;

	if (size > GOMALLOC_MAX_SIZE)
		return NULL;
	nid = gom_node_for(node, gfp);
	span = gom_node_alloc_span(nid, &req, gfp);
	if (!span)
		return NULL;
	gom_stats_grown(GOM_CLASS_LARGE);
	obj = (void *)span->start;
	gom_node_count_alloc(nid, obj);
	if (want_init_on_alloc(gfp))
		memset(obj, 0, req.npages * GOM_PAGE_SIZE);
	return obj;
}
