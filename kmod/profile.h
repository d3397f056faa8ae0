/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _GOM_PROFILE_H
#define _GOM_PROFILE_H

#include "gom.h"

struct gom_bucket;
struct gom_site;

/* Frames kept of a stack, from the allocation's caller outwards. */
#define GOM_STACK_MAX		32

/* Ages of freed samples, by the power of two of nanoseconds. */
#define GOM_NR_LIFETIMES	64

/**
 * struct gom_bucket_view - what was sampled of one size from one stack
 * @id: the bucket's number, from 1 on
 * @size: bytes of each object, rounded up to its class
 * @allocs: objects sampled
 * @frees: of these, freed
 * @peak: of these, live when the estimated bytes in use were the most ever
 * @nr: frames in @site
 * @site: the stack, innermost frame first
 *
 * Counts are as they would be at the rate of today, whatever it was when the
 * objects were sampled.
 */
struct gom_bucket_view {
	u32 id;
	u32 size;
	u64 allocs;
	u64 frees;
	u64 peak;
	unsigned int nr;
	struct gom_site *site[GOM_STACK_MAX];
};

struct gom_bucket *gom_profile_bucket(unsigned long caller, u32 size, gfp_t gfp);
void gom_profile_malloc(struct gom_bucket *bucket);
void gom_profile_free(struct gom_bucket *bucket, s64 age);

void gom_profile_set_rate(unsigned long bytes);
unsigned long gom_profile_rate(void);
unsigned long gom_profile_rate_of(u32 size);
u64 gom_profile_scale(u64 n, u32 size);

bool gom_profile_next(u32 *id, struct gom_bucket_view *view);
struct gom_site *gom_profile_caller(const struct gom_bucket *bucket);
u32 gom_profile_id(const struct gom_bucket *bucket);
u64 gom_profile_lifetimes(unsigned int i);
u64 gom_profile_peak(void);
void gom_profile_exit(void);

#endif /* _GOM_PROFILE_H */
