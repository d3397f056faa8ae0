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

/* The most that a CPU may have, in shares. */
#define SHARES_MAX	4

/* One of so many CPUs may take something at each look, but not more. */
#define CPUS_PER_STEAL	8
#define STEALS_MAX	8

static DEFINE_MUTEX(budget_lock);

static unsigned long share(void)
{
	unsigned long bytes = gom_sys_bytes();

	return clamp_t(unsigned long,
		       (bytes >> BUDGET_SHIFT) / num_online_cpus(),
		       BUDGET_MIN, BUDGET_MAX);
}

/* A share shrinks with the heap, what was taken does not. */
static unsigned long part(const struct mcache_cold *cold, unsigned long share)
{
	long bytes = share + gom_glance(cold->stolen);

	return clamp_t(long, bytes, LEFT_MIN, SHARES_MAX * share);
}

unsigned long gom_budget_of(const struct mcache_cold *cold)
{
	return part(cold, share());
}

/* Visits to central lists since the last look. */
static unsigned int misses(const struct mcache_cold *cold)
{
	return gom_glance(cold->ticks) - cold->ticks_seen;
}

/* Whether it was refused a larger magazine since. */
static bool wants(const struct mcache_cold *cold)
{
	return gom_glance(cold->refused) != cold->refused_seen;
}

/* Who wants, may have a step more and misses most; NULL if nobody does. */
static struct mcache_cold *find_thief(unsigned long share, unsigned long step)
{
	struct mcache_cold *cold, *thief = NULL;
	int cpu;

	for_each_online_cpu(cpu) {
		cold = per_cpu_ptr(gom_mcache_cold, cpu);
		if (wants(cold) &&
		    part(cold, share) + step <= SHARES_MAX * share &&
		    (!thief || misses(cold) > misses(thief)))
			thief = cold;
	}
	return thief;
}

/* Who has a step to spare and misses least. */
static struct mcache_cold *find_victim(unsigned long share, unsigned long step)
{
	struct mcache_cold *cold, *victim = NULL;
	int cpu;

	for_each_online_cpu(cpu) {
		cold = per_cpu_ptr(gom_mcache_cold, cpu);
		if (part(cold, share) >= LEFT_MIN + step &&
		    (!victim || misses(cold) < misses(victim)))
			victim = cold;
	}
	return victim;
}

/* Returns whether one CPU took something from another. */
static bool steal(unsigned long share)
{
	unsigned long step = share >> STEP_SHIFT;
	struct mcache_cold *thief = find_thief(share, step);
	struct mcache_cold *victim = find_victim(share, step);

	if (!thief || !victim || misses(victim) * 5 >= misses(thief) * 4)
		return false;
	/* Both or none, to who has stopped all CPUs. */
	preempt_disable();
	WRITE_ONCE(thief->stolen, thief->stolen + (long)step);
	WRITE_ONCE(victim->stolen, victim->stolen - (long)step);
	preempt_enable();
	WRITE_ONCE(thief->steals, thief->steals + 1);
	thief->refused_seen = gom_glance(thief->refused);
	return true;
}

void gom_budget_shift(void)
{
	int n = min(1 + num_online_cpus() / CPUS_PER_STEAL, STEALS_MAX), cpu;
	unsigned long each = share();
	struct mcache_cold *cold;

	mutex_lock(&budget_lock);
	while (n-- && steal(each))
		;
	for_each_possible_cpu(cpu) {
		cold = per_cpu_ptr(gom_mcache_cold, cpu);
		cold->ticks_seen = gom_glance(cold->ticks);
		cold->refused_seen = gom_glance(cold->refused);
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
