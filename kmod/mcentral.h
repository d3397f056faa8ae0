/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _GOM_MCENTRAL_H
#define _GOM_MCENTRAL_H

#include <linux/spinlock.h>
#include "mspan.h"

/* A span with f objects free is in bucket fls(f) - 1: the fullest come first. */
#define GOM_NR_BUCKETS	16
#define GOM_NO_BUCKET	GOM_NR_BUCKETS

/**
 * struct mcentral - the spans of a class on a node
 * @lock: guards all that follows
 * @nonempty: bit b set: @bucket[b] has a span
 * @class: the span class
 * @nid: the node
 * @nready: objects in @ready
 * @max_ready: how many @ready can hold
 * @ready: objects that one CPU flushed and the next takes as they are
 * @nspans: spans
 * @nalloc: objects of the spans that are out: in @ready, cached or live
 * @refills: batches taken
 * @refills_seen: @refills when somebody last looked for idle stock
 * @flushes: batches given
 * @cut: spans ever cut
 * @bucket: spans with room, by how full they are
 */
struct mcentral {
	raw_spinlock_t lock;
	u16 nonempty;
	u8 class;
	s16 nid;
	u16 nready;
	u16 max_ready;
	void **ready;
	unsigned long nspans;
	unsigned long nalloc;
	unsigned long refills;
	unsigned long refills_seen;
	unsigned long flushes;
	unsigned long cut;
	struct hlist_head bucket[GOM_NR_BUCKETS];
};

unsigned int gom_mcentral_max_ready(unsigned int class);
void gom_mcentral_setup(struct mcentral *central, unsigned int class, int nid,
			void **ready);

unsigned int gom_mcentral_take(struct mcentral *central, void **slots,
			       unsigned int n);
unsigned int gom_mcentral_trytake(struct mcentral *central, void **slots,
				  unsigned int n);
void gom_mcentral_give(unsigned int class, void **objs, unsigned int n,
		       struct hlist_head *empty);
bool gom_mcentral_is_optional(unsigned int class);
void *gom_mcentral_grow(struct mcentral *central, gfp_t gfp);
void gom_mcentral_shed(struct mcentral *central, bool idle_only);

#endif /* _GOM_MCENTRAL_H */
