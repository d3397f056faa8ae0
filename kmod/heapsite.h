/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _GOM_HEAPSITE_H
#define _GOM_HEAPSITE_H

#include <linux/list.h>
#include "gom.h"

struct gom_site;

/**
 * struct gom_heapsite - what a call site has of a goheap's objects
 * @node: in struct gom_heapsites
 * @site: the site
 * @live: objects
 * @bytes: their bytes
 * @mallocs: objects ever allocated
 * @total: their bytes
 * @counted: of @live, those in the counters of @site
 * @counted_bytes: of @bytes, likewise
 */
struct gom_heapsite {
	struct hlist_node node;
	struct gom_site *site;
	u64 live;
	u64 bytes;
	u64 mallocs;
	u64 total;
	u64 counted;
	u64 counted_bytes;
};

#define GOM_HEAPSITE_BUCKETS	16

/* Of one heap, under its lock. */
struct gom_heapsites {
	struct hlist_head bucket[GOM_HEAPSITE_BUCKETS];
};

struct gom_heapsites *gom_heapsite_create(gfp_t gfp);
void gom_heapsite_destroy(struct gom_heapsites *sites);

struct gom_heapsite *gom_heapsite_alloc(struct gom_site *site, gfp_t gfp);
struct gom_heapsite *gom_heapsite_find(struct gom_heapsites *sites,
				       const struct gom_site *site);
void gom_heapsite_add(struct gom_heapsites *sites, struct gom_heapsite *row);

unsigned long gom_heapsite_malloc(struct gom_heapsite *row, size_t bytes);
void gom_heapsite_free(unsigned long tag, size_t bytes);
struct gom_site *gom_heapsite_of(unsigned long tag);
void gom_heapsite_forget(struct gom_heapsites *sites);
bool gom_heapsite_read(struct gom_heapsites *sites, unsigned int n,
		       struct gom_heapsite *row);

#endif /* _GOM_HEAPSITE_H */
