/* SPDX-License-Identifier: GPL-2.0 */
/*
 * goreserve - objects set aside for when memory cannot be had.
 *
 * For interrupt handlers and for error paths that must not fail: as long as a
 * reserve holds n objects, the next n allocations from it succeed, in whatever
 * context.  Documentation/pools.rst says what to use when.
 */
#ifndef _LINUX_GORESERVE_H
#define _LINUX_GORESERVE_H

#include <linux/bits.h>
#include <linux/gfp.h>
#include <linux/types.h>

struct goreserve;

/* Most objects that a reserve can be told to hold. */
#define GORESERVE_MAX	BIT(20)

/**
 * struct goreserve_stats - what a reserve holds and did
 * @nr: objects that it is to hold
 * @held: objects that it holds: the next so many allocations do not fail
 * @lowest: the fewest that it has held
 * @taken: allocations that it served
 * @kept: frees and refills that went to it
 * @fails: allocations that returned %NULL
 *
 * @held == @kept - @taken while nobody uses the reserve.
 */
struct goreserve_stats {
	unsigned int nr;
	unsigned int held;
	unsigned int lowest;
	u64 taken;
	u64 kept;
	u64 fails;
};

struct goreserve *goreserve_create(const char *name, size_t size,
				   unsigned int nr, gfp_t gfp);
void goreserve_destroy(struct goreserve *reserve);
void *goreserve_alloc(struct goreserve *reserve, gfp_t gfp);
void goreserve_free(struct goreserve *reserve, void *obj);
int goreserve_refill(struct goreserve *reserve, gfp_t gfp);
void goreserve_read_stats(struct goreserve *reserve,
			  struct goreserve_stats *stats);

#endif /* _LINUX_GORESERVE_H */
