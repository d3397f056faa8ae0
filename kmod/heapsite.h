/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _GOM_HEAPSITE_H
#define _GOM_HEAPSITE_H

#include <linux/rbtree.h>
#include "gom.h"

struct gom_site;

/**
 * struct gom_heapsite - what a call site has of a goheap's objects
 * @node: in the heap's tree
 * @site: the site
 * @live: objects
 * @bytes: their bytes
 * @mallocs: objects ever allocated
 * @total: their bytes
 * @counted: of @live, those in the counters of @site
 * @counted_bytes: of @bytes, likewise
 */
struct gom_heapsite {
	struct rb_node node;
	struct gom_site *site;
	u64 live;
	u64 bytes;
	u64 mallocs;
	u64 total;
	u64 counted;
	u64 counted_bytes;
};

void gom_heapsite_destroy(struct rb_root *sites);

struct gom_heapsite *gom_heapsite_alloc(struct gom_site *site, gfp_t gfp);
struct gom_heapsite *gom_heapsite_find(const struct rb_root *sites,
				       const struct gom_site *site);
void gom_heapsite_add(struct rb_root *sites, struct gom_heapsite *row);

unsigned long gom_heapsite_malloc(struct gom_heapsite *row, size_t bytes);
void gom_heapsite_free(unsigned long tag, size_t bytes);
struct gom_site *gom_heapsite_of(unsigned long tag);
void gom_heapsite_forget(struct rb_root *sites);
bool gom_heapsite_next(const struct rb_root *sites, u32 id,
		       struct gom_heapsite *row);

#endif /* _GOM_HEAPSITE_H */
