/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _GOM_GOHEAP_H
#define _GOM_GOHEAP_H

#include <linux/goheap.h>
#include <linux/list.h>
#include <linux/spinlock.h>
#include "heapsite.h"
#include "mspan.h"
#include "name.h"

struct gom_site;
struct mem_cgroup;

/**
 * struct goheap - a heap
 * @hash: in heaps.c's registry; under registry_lock, read under RCU
 * @lock: guards all from @dying on, the heap's spans and their maps
 * @name: as its creator calls it, what is no plain character replaced by '_'
 * @id: a number of its own, as names may be the same
 * @flags: GOHEAP_ flags
 * @memcg: who is charged, with GOHEAP_ACCOUNT
 * @creator: site of goheap_create(); NULL where memory was short
 * @sites: rows of heapsite.c, with GOHEAP_CALLSITES
 * @late: frees may be on their way, from RCU or gofree_nolock()
 * @dying: no object is allocated or freed any more
 * @current_span: objects are allocated from it; in none of the lists
 * @room: spans that have room
 * @full: spans that have little, and large objects
 * @nspans: spans in use
 * @npages: their pages
 * @charged: pages against the limits: @npages and those that are on their way
 * @soft: the soft limit in bytes, 0 for none
 * @hard: the hard limit in bytes, 0 for none
 * @soft_hits: times that it grew beyond @soft
 * @hard_fails: times that it did not grow beyond @hard
 * @mallocs: objects ever allocated
 * @total_bytes: their bytes
 * @frees: objects ever freed
 * @freed_bytes: their bytes
 * @peak: the most that lived before a free
 *
 * The memory of one that is gone is another's, and nothing else's, as long as
 * RCU is held off; so is @lock.
 */
struct goheap {
	struct hlist_node hash;
	raw_spinlock_t lock;
	u32 id;
	char name[GOM_NAME_LEN];
	unsigned int flags;
	struct mem_cgroup *memcg;
	struct gom_site *creator;
	struct rb_root sites;
	bool late;
	bool dying;
	struct mspan *current_span;
	struct list_head room;
	struct list_head full;
	unsigned long nspans;
	unsigned long npages;
	unsigned long charged;
	u64 soft;
	u64 hard;
	u64 soft_hits;
	u64 hard_fails;
	u64 mallocs;
	u64 total_bytes;
	u64 frees;
	u64 freed_bytes;
	u64 peak;
};

/**
 * struct gom_goheap_info - an object of a heap
 * @obj: its address
 * @size: bytes, as gosize() says
 * @site: who allocated it; NULL if that is not counted
 * @whole: it is to be freed with its heap
 */
struct gom_goheap_info {
	void *obj;
	u32 size;
	struct gom_site *site;
	bool whole;
};

static inline u64 gom_goheap_live(const struct goheap *heap)
{
	return heap->mallocs - heap->frees;
}

static inline u64 gom_goheap_bytes(const struct goheap *heap)
{
	return heap->total_bytes - heap->freed_bytes;
}

/* Whether its objects are counted by call site. */
static inline bool gom_goheap_counts(const struct goheap *heap)
{
	return heap->flags & GOHEAP_CALLSITES;
}

/* Of any pointer into a page of the class. */
void gom_goheap_free(const void *ptr, unsigned long caller);
void *gom_goheap_alloc_beside(const void *ptr, size_t size, gfp_t gfp,
			      unsigned long caller);
bool gom_goheap_find(const void *ptr, struct gom_goheap_info *info);
void gom_goheap_defer(const void *ptr);
bool gom_goheap_begins(const void *ptr);
bool gom_goheap_holds(const void *ptr);

/* Of a live object. */
size_t gom_goheap_size(const void *ptr);

/* All objects of all heaps, and their pages. */
bool gom_goheap_next(const void *from, const void *end,
		     struct gom_goheap_info *info);
unsigned long gom_goheap_pages(void);

/* All of one, for heaps.c. */
void gom_goheap_wait(struct goheap *heap);
bool gom_goheap_close(struct goheap *heap);
void gom_goheap_free_whole(struct goheap *heap, bool keep);

#endif /* _GOM_GOHEAP_H */
