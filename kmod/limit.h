/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _GOM_LIMIT_H
#define _GOM_LIMIT_H

#include <linux/types.h>

/**
 * enum gom_limit - which of the two
 * @GOM_LIMIT_SOFT: the heap gives back what is idle rather than exceed it
 * @GOM_LIMIT_HARD: an allocation fails rather than exceed it
 * @GOM_NR_LIMITS: how many there are
 */
enum gom_limit {
	GOM_LIMIT_SOFT,
	GOM_LIMIT_HARD,
	GOM_NR_LIMITS,
};

s64 gom_limit_get(enum gom_limit which);
s64 gom_limit_set(enum gom_limit which, s64 bytes);

/* Whether so many bytes more are within both. */
bool gom_limit_allows(long bytes);

/* The soft one: would so many bytes more exceed it; they do; it is near. */
bool gom_limit_meets(long bytes);
void gom_limit_hit(long bytes);
bool gom_limit_pressed(void);
bool gom_limit_trim_due(void);

/* The hard one: might they be refused; take them or not; take them anyhow. */
bool gom_limit_refuses(long bytes);
bool gom_limit_charge(long bytes);
void gom_limit_exceed(long bytes);
void gom_limit_uncharge(long bytes);
void gom_limit_fail(size_t size, gfp_t gfp, unsigned long caller);

u64 gom_limit_hits(void);
u64 gom_limit_fails(void);
u64 gom_limit_exceeded(void);
long gom_limit_charged(void);

#endif /* _GOM_LIMIT_H */
