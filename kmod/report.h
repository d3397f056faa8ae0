/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _GOM_REPORT_H
#define _GOM_REPORT_H

#include <linux/types.h>

enum gom_misuse {
	GOM_DOUBLE_FREE,	/* the object is free already */
	GOM_WRITE_AFTER_FREE,	/* its key was overwritten while it was free */
	GOM_FOREIGN_FREE,	/* no span of ours and no slab object */
	GOM_INTERIOR_FREE,	/* inside of an object, or where none begins */
	GOM_STALE_FREE,		/* in pages that hold no objects any more */
	GOM_DEVM_FREE,		/* freed for a device that has it not */
	GOM_POOL_GONE,		/* a pool or reserve that there is none of */
	GOM_POOL_FOREIGN,	/* put into a pool that cannot have given it */
	GOM_POOL_DOUBLE_PUT,	/* put into a pool that has it */
	GOM_NO_HEAP,		/* no goheap, or one that was destroyed */
	GOM_OVERRUN,		/* touched behind its end; checked ones only */
	GOM_UNDERRUN,		/* touched before its start; checked ones only */
	GOM_USE_AFTER_FREE,	/* used after its free, if it is known so soon */
	GOM_ATOMIC_WAIT,	/* a request that may wait, by who may not */
	GOM_NR_MISUSES,
};

/**
 * struct gom_report_record - the last report, for tests and post mortems
 * @what: the kind
 * @ptr: the pointer at fault
 * @caller: who passed it; 0 where that is not known any more
 * @class: the class byte of its page
 */
struct gom_report_record {
	enum gom_misuse what;
	const void *ptr;
	unsigned long caller;
	unsigned int class;
};

struct gom_site;

bool gom_report(enum gom_misuse what, const void *ptr, unsigned long caller);
bool gom_report_late(enum gom_misuse what, const void *ptr,
		     const struct gom_site *owner);
u64 gom_report_count(enum gom_misuse what);
const char *gom_report_name(enum gom_misuse what);
void gom_report_last(struct gom_report_record *record);

#endif /* _GOM_REPORT_H */
