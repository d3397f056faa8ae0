/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _GOM_SHRINK_H
#define _GOM_SHRINK_H

#include <linux/types.h>

struct shrinker;
struct shrink_control;

/**
 * struct gom_shrink_stats - what went back as the kernel was short of memory
 * @scans: times the shrinker was asked to give something back
 * @released: bytes that it gave
 * @oom_released: bytes that went back before somebody would have been killed
 */
struct gom_shrink_stats {
	u64 scans;
	u64 released;
	u64 oom_released;
};

/* The parameter: false turns the shrinker and the OOM notifier off. */
extern bool gom_shrink_enabled;

int gom_shrink_init(void);
void gom_shrink_exit(void);
void gom_shrink_read(struct gom_shrink_stats *stats);

/* Seams for tests: what the kernel calls. */
unsigned long gom_shrink_count(struct shrinker *shrinker,
			       struct shrink_control *sc);
unsigned long gom_shrink_scan(struct shrinker *shrinker,
			      struct shrink_control *sc);
unsigned long gom_shrink_oom(void);

#endif /* _GOM_SHRINK_H */
