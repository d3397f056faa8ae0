/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _GOM_MSPAN_H
#define _GOM_MSPAN_H

#include <asm/barrier.h>
#include <linux/list.h>
#include <linux/rbtree.h>
#include "gom.h"
#include "size_class.h"

struct gom_bucket;
struct gom_site;
struct goheap;

enum mspan_state {
	MSPAN_FREE,		/* a free run, in mheap->free */
	MSPAN_MOVING,		/* between mheap and its user, either way */
	MSPAN_INUSE,		/* an mcentral's, tracked.c's, a goheap's or large */
};

#define MSPAN_INLINE_WORDS	2

/**
 * struct mspan - the header of a span or of a free run
 * @node: FREE: in mheap->free
 * @list: INUSE, some object free: in mcentral->bucket[@bucket]
 * @inline_bits: @bits of spans with few objects, and of tracked ones
 * @siblings: of a goheap: in one of its lists, but for its current span
 * @goheap: whose it is
 * @top: of a goheap, shared: no granule from this one on is taken
 * @holes: of a goheap, shared: granules below @top that are free
 * @tag: of a goheap, one object: as heapsite.c tags objects
 * @start: address of the first page
 * @bits: bit i set: object i was handed out to a cache or a client; NULL for
 *	large objects, the records for tracked ones, two maps for granules
 * @npages: pages
 * @nelems: objects that there is room for; granules of a goheap's span, 1 of
 *	one with one object
 * @nalloc: of these, out: bits set; not of goheaps
 * @class: as in the arena map
 * @state: enum mspan_state
 * @bucket: which list of the mcentral, NO_BUCKET while full; goheap.c's of a
 *	goheap, tracked.c's of tracked objects
 * @direct: the pages go back to the kernel at once when freed
 * @nid: node of the pages
 * @hint: no object below word @hint of @bits is free; of a goheap, the granule
 *	at which to look for a hole next
 *
 * Written under mcentral->lock, of tracked objects gom_tracked->lock, of a
 * goheap its lock, while INUSE, under mheap->lock while FREE and by its one holder while MOVING.
 */
struct mspan {
	union {
		struct rb_node node;
		struct {
			struct hlist_node list;
			unsigned long inline_bits[MSPAN_INLINE_WORDS];
		};
		struct {
			struct list_head siblings;
			struct goheap *goheap;
			union {
				struct {
					u16 top;
					u16 holes;
				};
				unsigned long tag;
			};
		};
	};
	unsigned long start;
	unsigned long *bits;
	u32 npages;
	u16 nelems;
	u16 nalloc;
	u8 class;
	u8 state;
	u8 bucket;
	u8 direct;
	s16 nid;
	u16 hint;
};

/**
 * struct gom_record - what is remembered of a tracked object
 * @bucket: in the profile; NULL if it was not sampled
 * @next: once it is @held: the object that was freed after it
 * @site: who allocated it
 * @when: ktime_get_mono_fast_ns() then
 * @bytes: its size, rounded up to its size class
 * @size: bytes that are its owner's: @bytes, or what was asked for where its
 *	end is checked
 * @stack: who allocated and who freed it, by checked.c; 0 if not known
 * @left: bytes of its slot in front of it
 * @checks: GOM_CHECK_ flags
 * @counted: it is in the counters of @site
 * @held: it was freed, and its slot is not to be used again yet
 */
struct gom_record {
	union {
		struct gom_bucket *bucket;
		void *next;
	};
	struct gom_site *site;
	u64 when;
	u32 bytes;
	u32 size;
	u32 stack[2];
	u16 left;
	u8 checks;
	bool counted;
	bool held;
};

/* @span is its user's from here on.  Caller holds the lock for that. */
static inline void gom_mspan_use(struct mspan *span)
{
	/* All that it is comes first.  Pairs with gom_mspan_in_use(). */
	smp_store_release(&span->state, MSPAN_INUSE);
}

/*
 * Whether @span is in use, for who does not hold the lock that keeps it so and
 * may be led here by a stale pointer: what is read of it afterwards was written
 * for this use or a later one.
 */
static inline bool gom_mspan_in_use(const struct mspan *span)
{
	/* Pairs with gom_mspan_use(). */
	return smp_load_acquire(&span->state) == MSPAN_INUSE;
}

static inline u32 gom_mspan_offset(const struct mspan *span, const void *ptr)
{
	return (unsigned long)ptr - span->start;
}

static inline void *gom_mspan_object(const struct mspan *span, unsigned int i)
{
	return (void *)(span->start + i * gom_class[span->class].size);
}

/* The live masks of a tiny span, one word per block; tiny.c's. */
static inline atomic_t *gom_mspan_masks(const struct mspan *span)
{
	return (atomic_t *)(span->bits + BITS_TO_LONGS(span->nelems));
}

/* A record for each slot of a span of tracked objects; tracked.c's. */
static inline struct gom_record *gom_mspan_records(const struct mspan *span)
{
	return (struct gom_record *)span->bits;
}

/* Hand objects of a span out in random order, not the lowest first. */
extern bool gom_mspan_random;

int gom_mspan_init(void);
void gom_mspan_exit(void);

struct mspan *gom_mspan_alloc(gfp_t gfp);
void gom_mspan_free(struct mspan *span);
int gom_mspan_cut(struct mspan *span, gfp_t gfp);
int gom_mspan_cut_slots(struct mspan *span, unsigned int nelems, gfp_t gfp);
void gom_mspan_uncut(struct mspan *span);
bool gom_mspan_glimpse(const struct mspan *span, unsigned int class,
		       struct mspan *copy);
unsigned int gom_mspan_take(struct mspan *span, void **slots, unsigned int n);
bool gom_mspan_give(struct mspan *span, unsigned int i);

#endif /* _GOM_MSPAN_H */
