/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Heaps of gomalloc that are freed whole.
 *
 * A heap has spans of its own.  Objects of all sizes share them, any CPU may
 * allocate and free, and gofree() and the rest of linux/gomalloc.h take its
 * objects without being told.  goheap_destroy() gives the spans back, not the
 * objects.  Documentation/heaps.rst tells when that is worth it.
 *
 * Objects are aligned as gomalloc() aligns those of 5 bytes or more, and take
 * their size rounded up to 8 bytes; above a page of 8 KiB, whole pages.
 */
#ifndef _LINUX_GOHEAP_H
#define _LINUX_GOHEAP_H

#include <linux/bits.h>
#include <linux/cleanup.h>
#include <linux/gomalloc.h>

struct goheap;

/* It is destroyed with objects in it, on purpose. */
#define GOHEAP_FREE_WHOLE	BIT(0)
/* Its pages are charged to the memcg of the task that creates it. */
#define GOHEAP_ACCOUNT		BIT(1)
/* Its objects are counted by call site, at 8 bytes each. */
#define GOHEAP_CALLSITES	BIT(2)

/**
 * struct goheap_params - what a heap is to be
 * @soft: bytes of pages from which on it looks for room in the pages that it
 *	has and takes no more than it needs; 0 for no limit
 * @hard: bytes of pages beyond which allocations fail; 0 for no limit
 * @flags: GOHEAP_ flags
 */
struct goheap_params {
	u64 soft;
	u64 hard;
	unsigned int flags;
};

/**
 * struct goheap_stats - what a heap holds
 * @objects: live objects
 * @bytes: their bytes, as gosize() says
 * @peak: the most that @bytes has been
 * @mallocs: objects ever allocated
 * @frees: objects ever freed, one by one or whole
 * @total_bytes: bytes ever allocated
 * @held: bytes of pages that it holds
 * @soft: the soft limit in bytes, 0 for none
 * @hard: the hard limit in bytes, 0 for none
 * @soft_hits: times that it grew beyond @soft
 * @hard_fails: times that it did not grow beyond @hard
 */
struct goheap_stats {
	u64 objects;
	u64 bytes;
	u64 peak;
	u64 mallocs;
	u64 frees;
	u64 total_bytes;
	u64 held;
	u64 soft;
	u64 hard;
	u64 soft_hits;
	u64 hard_fails;
};

struct goheap *goheap_create(const char *name,
			     const struct goheap_params *params);
unsigned long goheap_destroy(struct goheap *heap);
unsigned long goheap_reset(struct goheap *heap);
int goheap_set_limit(struct goheap *heap, u64 soft, u64 hard);
int goheap_read_stats(struct goheap *heap, struct goheap_stats *stats);

void *goheap_alloc(struct goheap *heap, size_t size, gfp_t gfp)
	__alloc_size(2) __malloc;
void *goheap_memdup(struct goheap *heap, const void *src, size_t len, gfp_t gfp)
	__realloc_size(3);
char *goheap_strdup(struct goheap *heap, const char *s, gfp_t gfp) __malloc;
char *goheap_strndup(struct goheap *heap, const char *s, size_t max, gfp_t gfp)
	__malloc;

/**
 * goheap_zalloc - allocate zeroed memory from a heap
 * @heap: the heap
 * @size: bytes wanted
 * @gfp: as for goheap_alloc()
 *
 * Context: as goheap_alloc().
 * Return: the object, all gosize() bytes of it zero, or %NULL.
 */
static __always_inline __alloc_size(2)
void *goheap_zalloc(struct goheap *heap, size_t size, gfp_t gfp)
{
	return goheap_alloc(heap, size, gfp | __GFP_ZERO);
}

DEFINE_FREE(goheap_destroy, struct goheap *, goheap_destroy(_T))

#endif /* _LINUX_GOHEAP_H */
