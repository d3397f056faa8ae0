// SPDX-License-Identifier: GPL-2.0
/*
 * How much each CPU may cache.
 *
 * The budget of all CPUs together is a part of the heap; each has the same
 * share at first.  A CPU whose magazines may not grow any more although it
 * misses takes a step from the one that misses least, after TCMalloc's
 * per-CPU caches; the other finds itself over its budget and gives magazines
 * up when it is next looked at.  What CPUs took from each other sums up to 0.
 *
 * gom_budget_of() is called by mcache.c in any context; the others by the
 * scavenger and by hotplug, which may sleep.
 */
#include <linux/cpumask.h>
#include <linux/minmax.h>
#include <linux/mutex.h>
#include <linux/percpu.h>
#include <linux/preempt.h>
#include <linux/sizes.h>
#include "budget.h"
#include "mcache.h"
#include "stats.h"

/* All CPUs: this part of what is held, but each at least and at most so much. */
#define BUDGET_SHIFT	5
#define BUDGET_MIN	(192 * SZ_1K)
#define BUDGET_MAX	SZ_1M

/* What is taken at a time: a part of a share; and what is left in any case. */
#define STEP_SHIFT	3
#define LEFT_MIN	SZ_64K

/* One of so many CPUs may take something at each look. */
#define CPUS_PER_STEAL	8

static DEFINE_MUTEX(budget_lock);

static unsigned long share(void)
{
	unsigned long bytes = gom_sys_bytes();

	return clamp_t(unsigned long,
		       (bytes >> BUDGET_SHIFT) / num_online_cpus(),
		       BUDGET_MIN, BUDGET_MAX);
}

unsigned long gom_budget_of(const struct mcache_cold *cold)
{
	long bytes = share() + READ_ONCE(cold->stolen);

	/* A share shrinks with the heap, what was taken does not. */
	return max_t(long, bytes, LEFT_MIN);
}

/* Visits to central lists since the last look. */
static unsigned int misses(const struct mcache_cold *cold)
{
	return READ_ONCE(cold->ticks) - cold->ticks_seen;
}

/* Whether it was refused a larger magazine since. */
static bool wants(const struct mcache_cold *cold)
{
	return READ_ONCE(cold->refused) != cold->refused_seen;
}

/* Who wants and misses most; NULL if nobody wants. */
static struct mcache_cold *find_thief(void)
{
	struct mcache_cold *cold, *thief = NULL;
	int cpu;

	for_each_online_cpu(cpu) {
		cold = per_cpu_ptr(gom_mcache_cold, cpu);
		if (wants(cold) && (!thief || misses(cold) > misses(thief)))
			thief = cold;
	}
	return thief;
}

/* Who has a step to spare and misses least. */
static struct mcache_cold *find_victim(unsigned long step)
{
	struct mcache_cold *cold, *victim = NULL;
	int cpu;

	for_each_online_cpu(cpu) {
		cold = per_cpu_ptr(gom_mcache_cold, cpu);
		if (gom_budget_of(cold) >= LEFT_MIN + step &&
		    (!victim || misses(cold) < misses(victim)))
			victim = cold;
	}
	return victim;
}

/* Returns whether one CPU took something from another. */
static bool steal(unsigned long step)
{
	struct mcache_cold *thief = find_thief();
	struct mcache_cold *victim = find_victim(step);

	if (!thief || !victim || misses(victim) * 5 >= misses(thief) * 4)
		return false;
	/* Both or none, to who has stopped all CPUs. */
	preempt_disable();
	WRITE_ONCE(thief->stolen, thief->stolen + (long)step);
	WRITE_ONCE(victim->stolen, victim->stolen - (long)step);
	preempt_enable();
	WRITE_ONCE(thief->steals, thief->steals + 1);
	thief->refused_seen = READ_ONCE(thief->refused);
	return true;
}

void gom_budget_shift(void)
{
	int n = 1 + num_online_cpus() / CPUS_PER_STEAL, cpu;
	struct mcache_cold *cold;

	mutex_lock(&budget_lock);
	while (n-- && steal(share() >> STEP_SHIFT))
		;
	for_each_possible_cpu(cpu) {
		cold = per_cpu_ptr(gom_mcache_cold, cpu);
		cold->ticks_seen = READ_ONCE(cold->ticks);
		cold->refused_seen = READ_ONCE(cold->refused);
	}
	mutex_unlock(&budget_lock);
}

void gom_budget_reset(void)
{
	int cpu;

	mutex_lock(&budget_lock);
	preempt_disable();
	for_each_possible_cpu(cpu)
		WRITE_ONCE(per_cpu_ptr(gom_mcache_cold, cpu)->stolen, 0);
	preempt_enable();
	mutex_unlock(&budget_lock);
}
