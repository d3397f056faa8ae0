/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _GOM_SCAVENGE_H
#define _GOM_SCAVENGE_H

#include <linux/compiler.h>
#include <linux/types.h>
#include <asm/barrier.h>

/**
 * struct gom_scavenge_stats - what the scavenger did
 * @rounds: times it looked at everything
 * @released: bytes that it gave back to the kernel
 * @nsecs: time that it and the CPUs' trimming took
 * @goal: bytes of heap that it would keep now
 */
struct gom_scavenge_stats {
	u64 rounds;
	u64 released;
	u64 nsecs;
	u64 goal;
};

extern bool gom_scavenge_awake;

void gom_scavenge_rouse(void);

/*
 * Something may become idle: see to it that the scavenger looks.  Any context
 * but NMI, under any lock but the timers'.
 */
static inline void gom_scavenge_wake(void)
{
	/* What was done comes first.  Pairs with smp_mb() in fall_asleep(). */
	smp_mb();
	if (unlikely(!READ_ONCE(gom_scavenge_awake)))
		gom_scavenge_rouse();
}

int gom_scavenge_init(void);
void gom_scavenge_exit(void);

/* Returns what caches and ready stocks hold to their spans. */
void gom_scavenge_caches(void);

/* Off: nothing is given back unless asked for. */
void gom_scavenge_switch(bool on);
bool gom_scavenge_is_on(void);
void gom_scavenge_read(struct gom_scavenge_stats *stats);

#endif /* _GOM_SCAVENGE_H */
