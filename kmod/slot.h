/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _GOM_SLOT_H
#define _GOM_SLOT_H

#include <linux/lockdep.h>
#include <linux/log2.h>
#include "mspan.h"
#include "node.h"
#include "tracked.h"

/* Pages of an empty span that is worth keeping. */
#define GOM_SPARE_PAGES	1

/* span->bucket of a tracked span. */
enum gom_tracked_span { GOM_SPAN_PLAIN, GOM_SPAN_GUARDED };

/**
 * struct gom_slot - a slot and the object in it
 * @start: the slot's address; of a guarded object, its page's
 * @size: its bytes
 * @obj: the object
 * @record: of the object
 */
struct gom_slot {
	void *start;
	size_t size;
	void *obj;
	struct gom_record *record;
};

static inline struct gom_tracked *gom_tracked_of(const struct mspan *span)
{
	return &gom_node(span->nid)->tracked;
}

/* Of a span that is shared: its one page is cut evenly. */
static inline unsigned int gom_slot_shift(const struct mspan *span)
{
	return GOM_PAGE_SHIFT - ilog2(span->nelems);
}

static inline unsigned int gom_slot_index(const struct mspan *span,
					  const void *ptr)
{
	if (span->nelems == 1)
		return 0;
	return gom_mspan_offset(span, ptr) >> gom_slot_shift(span);
}

static inline void *gom_slot_start(const struct mspan *span, unsigned int slot)
{
	if (span->nelems == 1)
		return (void *)span->start;
	return (void *)(span->start +
			((unsigned long)slot << gom_slot_shift(span)));
}

static inline void *gom_slot_object(const struct mspan *span, unsigned int slot)
{
	return gom_slot_start(span, slot) + gom_mspan_records(span)[slot].left;
}

struct gom_slot gom_slot_at(const struct mspan *span, unsigned int slot);
struct gom_slot gom_slot_around(const void *ptr);

void *gom_slot_alloc(const struct gom_tracked_request *req,
		     struct gom_record *record);

/* The rest with the lock held. */

/* @n objects more that are live.  Caller holds the lock. */
static inline void gom_slot_count_live(struct gom_tracked *tracked,
				       const struct gom_record *record, int n)
{
	lockdep_assert_held(&tracked->lock);
	tracked->live += n;
	tracked->live_bytes += n * (s64)record->bytes;
}

void *gom_slot_take(struct gom_tracked *tracked, struct mspan *span,
		    const struct gom_record *record);
struct mspan *gom_slot_put(struct gom_tracked *tracked, struct mspan *span,
			   unsigned int slot);
struct mspan *gom_slot_let_go(struct gom_tracked *tracked, struct mspan *span);

#endif /* _GOM_SLOT_H */
