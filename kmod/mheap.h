/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _GOM_MHEAP_H
#define _GOM_MHEAP_H

#include <linux/rbtree.h>
#include <linux/spinlock.h>
#include "mspan.h"

/* For how many of the scavenger's rounds what was in use counts as recent. */
#define GOM_RECENT_ROUNDS	8

/**
 * struct mheap - the pages of a NUMA node
 * @lock: guards all that follows
 * @free: free runs by (pages, address), both ascending
 * @nid: the node
 * @pages: pages held from the kernel
 * @free_pages: pages in @free
 * @nruns: runs in @free
 * @headers: headers of nothing, for the next span or run
 * @nheaders: how many
 * @large_pages: pages of large objects
 * @large: live large objects
 * @large_mallocs: large objects ever allocated
 * @large_total: bytes of large objects ever allocated
 * @released: pages ever given back to the kernel
 * @traded: of these, as others were about to be taken
 * @grown: blocks ever taken from the kernel
 * @frees: spans ever taken back
 * @recent: pages in use at the scavenger's last rounds; its alone
 * @beyond: blocks given back at once as the arena map does not reach them
 *
 * @pages == @free_pages + @large_pages + pages of spans that the node's
 * mcentrals, gom_tracked and goheaps hold + pages of MOVING spans.
 */
struct mheap {
	raw_spinlock_t lock;
	int nid;
	struct rb_root free;
	unsigned long pages;
	unsigned long free_pages;
	unsigned long nruns;
	struct hlist_head headers;
	unsigned int nheaders;
	unsigned long large_pages;
	unsigned long large;
	u64 large_mallocs;
	u64 large_total;
	u64 released;
	u64 traded;
	u64 grown;
	unsigned long frees;
	unsigned long recent[GOM_RECENT_ROUNDS];
	u64 beyond;
};

/**
 * struct gom_run_request - what is asked of the heap
 * @npages: pages wanted
 * @align: address alignment in pages, a power of two and no more than a block
 *	of @npages has by itself: @npages rounded up to a power of two
 * @class: class byte of the span
 * @direct: pages of their own, straight from and back to the kernel
 */
struct gom_run_request {
	unsigned int npages;
	unsigned int align;
	u8 class;
	bool direct;
};

/* Arenas by how much of them is in use; in those of level 0 nothing is. */
#define GOM_SWEEP_LEVELS	32

/**
 * struct gom_sweep - how far a pass over a heap's free runs has come
 * @level: of the arenas that it is at, 0 to begin with: the emptiest come first
 * @higher: how many levels on the next arenas are that it has seen, 0 for none
 * @arena: which arena
 * @page: which page of it
 */
struct gom_sweep {
	unsigned int level;
	unsigned int higher;
	unsigned long arena;
	unsigned int page;
};

void gom_mheap_setup(struct mheap *heap, int nid);

struct mspan *gom_mheap_alloc(int nid, const struct gom_run_request *req,
			      gfp_t gfp);
struct mspan *gom_mheap_alloc_idle(int nid, const struct gom_run_request *req,
				   gfp_t gfp);
void gom_mheap_free(struct mspan *span);
void gom_mheap_free_list(struct hlist_head *spans);
int gom_mheap_free_large(const void *ptr);
unsigned long gom_mheap_sweep(struct mheap *heap, struct gom_sweep *sweep,
			      unsigned int levels, unsigned long max);
unsigned long gom_mheap_release(struct mheap *heap, unsigned long max);

/* Seams for tests: the page allocator, and the choice of a run. */
struct page *gom_mheap_get_pages(int nid, gfp_t gfp, unsigned int order);
struct mspan *gom_mheap_best_fit(struct mheap *heap, unsigned int npages,
				 unsigned int align);

#endif /* _GOM_MHEAP_H */
