/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _GOM_HELD_H
#define _GOM_HELD_H

#include "gom.h"

struct gom_site;

/**
 * struct gom_held - what is live of what was allocated at a call site
 * @site: the site
 * @exact: counted; else estimated from samples
 * @objects: objects
 * @bytes: their bytes, rounded up to size classes
 * @oldest: ktime_get_mono_fast_ns() at the first one's allocation
 * @newest: and at the last one's; of the samples, if that is what there is
 */
struct gom_held {
	const struct gom_site *site;
	bool exact;
	u64 objects;
	u64 bytes;
	u64 oldest;
	u64 newest;
};

/* Room for gom_held_age()'s longest. */
#define GOM_HELD_AGE_LEN	24

u64 gom_held_ms(u64 when, u64 now);
const char *gom_held_age(u64 when, u64 now, char *buf);
struct gom_held *gom_held_collect(const char *module, bool gone,
				  unsigned int *n);
void gom_held_report(const char *module);

#endif /* _GOM_HELD_H */
