/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _GOM_TRACKED_H
#define _GOM_TRACKED_H

#include <linux/list.h>
#include <linux/log2.h>
#include <linux/spinlock.h>
#include "gom.h"

struct gom_bucket;
struct gom_node;
struct gom_site;
struct mspan;

/*
 * Slots of spans that tracked objects share: powers of two, these to those.
 * A page has as many of the smallest as the header has bits, 64 bytes each on
 * 64-bit kernels with pages of 4 KiB.
 */
#define GOM_SLOT_SHIFT_MIN	(GOM_PAGE_SHIFT - 1 - ilog2(BITS_PER_LONG))
#define GOM_SLOT_SHIFT_MAX	(GOM_PAGE_SHIFT - 1)
#define GOM_NR_SLOT_SHIFTS	(GOM_SLOT_SHIFT_MAX - GOM_SLOT_SHIFT_MIN + 1)

/* As long as fewer are live on a node they share its spans in any case. */
#define GOM_TRACKED_FEW		32

/**
 * struct gom_tracked - the tracked objects of a node
 * @lock: guards all that follows, and the spans and their records
 * @room: spans with a free slot, by the slots' size
 * @spare: an empty span kept for the next object
 * @held: checked objects that were freed and keep their slots a while longer,
 *	the oldest first; NULL for none
 * @held_last: the last of them
 * @held_bytes: what their slots take
 * @nheld: how many
 * @guards: empty spans for guarded objects
 * @nguards: spans for these, empty or not
 * @nspans: spans, @spare and @guards included
 * @npages: their pages
 * @live: live objects
 * @live_bytes: their bytes, rounded up to size classes
 * @mallocs: objects ever tracked that no class has counted: tiny and large
 * @total_bytes: their bytes
 */
struct gom_tracked {
	raw_spinlock_t lock;
	struct hlist_head room[GOM_NR_SLOT_SHIFTS];
	struct mspan *spare;
	void *held;
	void *held_last;
	size_t held_bytes;
	unsigned long nheld;
	struct hlist_head guards;
	unsigned long nguards;
	unsigned long nspans;
	unsigned long npages;
	unsigned long live;
	u64 live_bytes;
	u64 mallocs;
	u64 total_bytes;
};

/**
 * struct gom_tracked_info - a tracked object
 * @obj: its address
 * @size: bytes, as gosize() says
 * @caller: site of its allocation
 * @counted: it is in the counters of @caller
 * @bucket: its bucket's id, 0 if it is not in the profile
 * @when: ktime_get_mono_fast_ns() at its allocation
 * @held: it was freed
 */
struct gom_tracked_info {
	void *obj;
	u32 size;
	struct gom_site *caller;
	bool counted;
	bool held;
	u32 bucket;
	u64 when;
};

enum gom_tracked_free {
	GOM_TRACKED_FREED,
	GOM_TRACKED_NOT_LIVE,	/* freed before */
	GOM_TRACKED_INSIDE,	/* no object begins here */
};

/**
 * struct gom_tracked_request - an allocation to track
 * @size: bytes wanted
 * @bytes: what they count for: rounded up to the size class
 * @gfp: the caller's flags
 * @node: the node
 * @class: the size class that counted it, or 0
 * @caller: return address
 * @sampled: enter it into the profile
 */
struct gom_tracked_request {
	size_t size;
	u32 bytes;
	gfp_t gfp;
	int node;
	unsigned int class;
	unsigned long caller;
	bool sampled;
};

void gom_tracked_setup(struct gom_tracked *tracked);
void gom_tracked_shed(struct gom_tracked *tracked);
void *gom_tracked_alloc(const struct gom_tracked_request *req);
enum gom_tracked_free gom_tracked_free(const void *ptr, unsigned long caller);
bool gom_tracked_resize(const void *ptr, size_t size);
void gom_tracked_tell(const void *ptr);
bool gom_tracked_begins(const void *ptr);
bool gom_tracked_may_live(const void *ptr);
void gom_tracked_defer(const void *ptr);
size_t gom_tracked_size(const void *ptr);
void *gom_tracked_object(const void *ptr);
u64 gom_tracked_failed(void);

bool gom_tracked_find(const void *ptr, struct gom_tracked_info *info);
bool gom_tracked_find_guarded(const void *ptr, struct gom_tracked_info *info);
void gom_tracked_walk(bool (*visit)(const struct gom_tracked_info *info,
				    void *arg), void *arg);

#endif /* _GOM_TRACKED_H */
