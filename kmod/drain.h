/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _GOM_DRAIN_H
#define _GOM_DRAIN_H

#include <linux/types.h>

int gom_drain_init(void);
void gom_drain_exit(void);

/* Empty the caches of all CPUs and wait for that; process context. */
void gom_drain_cpus(void);
/*
 * The same without a lock, for who must not wait for ever: for at most
 * @timeout jiffies, and not for CPUs that come or go meanwhile.
 */
void gom_drain_hurry(unsigned long timeout);
/* Empty the caches of this CPU, at once; process context. */
void gom_drain_here(void);
/* Whether @cpu caches anything; a guess while it is at work. */
bool gom_drain_is_worth(int cpu);
/* Have @cpu empty its own soon; any context in which a task can be woken. */
void gom_drain_ask(int cpu);
/* Whether it may be asked for other than dire need: not if nohz_full. */
bool gom_drain_may_disturb(int cpu);
/* All that may and cache anything. */
void gom_drain_ask_all(void);
/*
 * Have @cpu give up what of it is not used; false if it was told to before and
 * has not come to it.
 */
bool gom_drain_trim(int cpu);
/* Wait for what CPUs were asked for. */
void gom_drain_flush(void);
/* Time that this has taken on all CPUs. */
u64 gom_drain_nsecs(void);

#endif /* _GOM_DRAIN_H */
