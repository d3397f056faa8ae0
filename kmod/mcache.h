/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _GOM_MCACHE_H
#define _GOM_MCACHE_H

#include <linux/percpu.h>
#include "magazine.h"

/* Visits of one kind in a row that say that objects do not go to and fro. */
#define GOM_STREAK_LONG	8

/**
 * struct mcache_cold - what only the slow paths touch of a CPU's cache
 * @capacity: bytes that the magazines of this CPU would hold, were all full
 * @stolen: bytes of budget that this CPU took from others, negative if they
 *	took more; budget.c's
 * @steals: times it took some
 * @ticks: visits to central lists
 * @ticks_seen: when the scavenger last looked
 * @refused: magazines not enlarged as that would exceed the budget
 * @refused_seen: when the scavenger last looked
 * @scan: the class that was last looked at for unused stock, counted on
 * @class: by span class
 * @class.other: the magazine beside the loaded one
 * @class.nother: objects in it, for who may not follow the pointer
 * @class.refills: magazines filled from the central list
 * @class.flushes: magazines emptied into it
 * @class.mallocs: objects allocated while somebody else held the cache, less
 *	those that were counted and could not be had
 * @class.mallocs_seen: gom_mcache_mallocs() at the last look
 * @class.visits_seen: refills and flushes then
 * @class.turned: the two magazines have changed places since
 * @class.streak: refills since the last flush, or less than 0, flushes since
 *	the last refill; but no more than GOM_STREAK_LONG
 */
struct mcache_cold {
	unsigned long capacity;
	long stolen;
	unsigned long steals;
	unsigned int ticks;
	unsigned int ticks_seen;
	unsigned int refused;
	unsigned int refused_seen;
	unsigned int scan;
	struct mcache_class {
		struct magazine *other;
		unsigned int nother;
		bool turned;
		s8 streak;
		unsigned long refills;
		unsigned long flushes;
		unsigned long mallocs;
		unsigned long mallocs_seen;
		unsigned long visits_seen;
	} class[GOM_NR_SPAN_CLASSES];
};

extern struct mcache_cold __percpu *gom_mcache_cold;

/* Caller has preemption off. */
static __always_inline bool gom_mcache_trylock(void)
{
	if (unlikely(__this_cpu_read(gomalloc_mcache.busy)))
		return false;
	__this_cpu_write(gomalloc_mcache.busy, 1);
	/* What the holder does stays between the two stores; so does unlock. */
	barrier();
	return true;
}

static __always_inline void gom_mcache_unlock(void)
{
	barrier();
	__this_cpu_write(gomalloc_mcache.busy, 0);
}

int gom_mcache_init(void);
void gom_mcache_exit(void);

void *gom_mcache_refill(unsigned int class, gfp_t gfp, int node);
void gom_mcache_flush(unsigned int class, void *obj);
void *gom_mcache_take_nolock(unsigned int class, int node);
void gom_mcache_drain(int cpu);
bool gom_mcache_trim(void);
unsigned int gom_mcache_count(int cpu, unsigned int class);
unsigned long gom_mcache_mallocs(int cpu, unsigned int class);

#endif /* _GOM_MCACHE_H */
