/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _GOM_MCENTRAL_H
#define _GOM_MCENTRAL_H

#include <linux/spinlock.h>
#include "magazine.h"
#include "mspan.h"

/*
 * A span with f objects free is in bucket fls(f) - 1: the fullest come first.
 * The last bucket has those of which nothing is out.
 */
#define GOM_NR_BUCKETS		(GOM_PAGE_SHIFT - 1)
#define GOM_EMPTY_BUCKET	(GOM_NR_BUCKETS - 1)
#define GOM_NO_BUCKET		GOM_NR_BUCKETS

/**
 * struct mcentral - the spans of a class on a node
 * @lock: guards all that follows
 * @nonempty: bit b set: @bucket[b] has a span
 * @class: the span class
 * @nid: the node
 * @sparse: the spans have much room, and some should rather run empty
 * @nready: objects in @full
 * @max_ready: how many that may be, as objects are to go to their spans if
 *	these are @sparse
 * @full: magazines with objects, of this node all
 * @spare: empty magazines
 * @nspare: how many
 * @nempty: spans of which nothing is out
 * @low_ready: the fewest that @nready has been since @since
 * @low_spare: the same of @nspare
 * @low_empty: the same of @nempty
 * @since: jiffies when somebody last began to watch these
 * @nspans: spans
 * @npages: their pages
 * @nelems: objects that they have room for
 * @nidle: of these, in spans of which nothing is out
 * @nalloc: of these, out: in @full, cached or live
 * @refills: magazines and single objects taken
 * @flushes: magazines and smaller batches given
 * @locks: times @lock was taken for one of these
 * @bucket: spans with room, by how full they are
 */
struct mcentral {
	raw_spinlock_t lock;
	u16 nonempty;
	u8 class;
	s16 nid;
	bool sparse;
	u32 nready;
	u32 max_ready;
	struct magazine *full;
	struct magazine *spare;
	u32 nspare;
	u32 nempty;
	u32 low_ready;
	u32 low_spare;
	u32 low_empty;
	unsigned long since;
	unsigned long nspans;
	unsigned long npages;
	unsigned long nelems;
	unsigned long nidle;
	unsigned long nalloc;
	unsigned long refills;
	unsigned long flushes;
	unsigned long locks;
	struct hlist_head bucket[GOM_NR_BUCKETS];
};

static inline bool gom_mcentral_has_empty(const struct mcentral *central)
{
	return READ_ONCE(central->bucket[GOM_EMPTY_BUCKET].first);
}

/* Where @span belongs by how many of its objects are out. */
static inline unsigned int gom_mcentral_bucket(const struct mspan *span)
{
	unsigned int room = span->nelems - span->nalloc;

	if (!span->nalloc)
		return GOM_EMPTY_BUCKET;
	return room ? fls(room) - 1 : GOM_NO_BUCKET;
}

void gom_mcentral_setup(struct mcentral *central, unsigned int class, int nid);

unsigned int gom_mcentral_take(struct mcentral *central, void **slots,
			       unsigned int n);
unsigned int gom_mcentral_trytake(struct mcentral *central, void **slots,
				  unsigned int n);
struct magazine *gom_mcentral_refill(struct mcentral *central,
				     struct magazine *mag);
void gom_mcentral_give(unsigned int class, void **objs, unsigned int n);
struct magazine *gom_mcentral_flush(struct mcentral *central,
				    struct magazine *mag, unsigned int *wanted);
void gom_mcentral_add_spare(struct mcentral *central, unsigned int cap);
void *gom_mcentral_grow(struct mcentral *central, gfp_t gfp);
unsigned int gom_mcentral_trim(struct mcentral *central, unsigned int max);
unsigned long gom_mcentral_looks(const struct mcentral *central);
bool gom_mcentral_shed(struct mcentral *central);
bool gom_mcentral_shed_unused(struct mcentral *central);

#endif /* _GOM_MCENTRAL_H */
