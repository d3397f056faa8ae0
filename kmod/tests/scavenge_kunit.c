// SPDX-License-Identifier: GPL-2.0
/*
 * The scavenger: what it gives back, what it leaves, what it takes for that,
 * when it sleeps; and the budgets that CPUs take from each other.
 */
#include <linux/cpumask.h>
#include <linux/delay.h>
#include <linux/ktime.h>
#include <linux/sizes.h>
#include "arena.h"
#include "budget.h"
#include "gom_test.h"
#include "scavenge.h"

#define NR	512
#define SIZE	8192

/* What may stay when all is idle. */
static u64 slack(void)
{
	return SZ_1M + (u64)num_online_cpus() * SZ_64K;
}

/* Stacks and sites that other suites have left are nobody's to give back. */
static u64 beyond_use(void)
{
	struct gomalloc_stats s;

	gomalloc_read_stats(&s);
	return s.sys - s.alloc - s.profile_sys;
}

static u64 held(void)
{
	struct gomalloc_stats s;

	gomalloc_read_stats(&s);
	return s.heap_sys;
}

static u64 rounds(void)
{
	struct gom_scavenge_stats s;

	gom_scavenge_read(&s);
	return s.rounds;
}

static void **fill(struct kunit *test)
{
	void **objs = kunit_kcalloc(test, NR, sizeof(*objs), GFP_KERNEL);
	int i;

	KUNIT_ASSERT_NOT_NULL(test, objs);
	for (i = 0; i < NR; i++) {
		objs[i] = gomalloc(SIZE, GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, objs[i]);
	}
	return objs;
}

static void empty(void **objs, int from, int to, int step)
{
	for (; from < to; from += step)
		gofree(objs[from]);
}

static void switched_off(struct kunit *test)
{
	void **objs = fill(test);
	u64 seen;

	KUNIT_EXPECT_FALSE(test, gom_scavenge_is_on());
	empty(objs, 0, NR, 1);
	seen = rounds();
	msleep(1000);
	KUNIT_EXPECT_EQ(test, rounds(), seen);
	KUNIT_EXPECT_GT(test, beyond_use(), slack());
}

/* All goes, then it sleeps; the next to be idle wakes it. */
static void gives_back(struct kunit *test)
{
	void **objs;
	u64 seen;
	int i;

	gom_scavenge_switch(true);
	for (i = 0; i < 2; i++) {
		objs = fill(test);
		KUNIT_EXPECT_TRUE(test, READ_ONCE(gom_scavenge_awake));
		empty(objs, 0, NR, 1);
		EVENTUALLY(test, beyond_use() <= slack());
		EVENTUALLY(test, !READ_ONCE(gom_scavenge_awake));
		seen = rounds();
		msleep(1000);
		KUNIT_EXPECT_EQ(test, rounds(), seen);
	}
	gom_scavenge_switch(false);
	KUNIT_EXPECT_FALSE(test, gom_scavenge_is_on());
}

/* A tenth beyond what is in use may stay; no more, once the peak is old. */
static void retains(struct kunit *test)
{
	struct gom_scavenge_stats s;
	void **objs = fill(test);
	u64 inuse;

	gom_scavenge_switch(true);
	empty(objs, 0, NR / 2, 1);
	EVENTUALLY(test, held() <= (u64)NR / 2 * SIZE * 5 / 4);
	EVENTUALLY(test, !READ_ONCE(gom_scavenge_awake));
	gom_scavenge_read(&s);
	inuse = (u64)NR / 2 * SIZE;
	KUNIT_EXPECT_GE(test, s.goal, inuse * 110 / 100 - SZ_64K);
	KUNIT_EXPECT_LE(test, held(), inuse * 115 / 100 + SZ_512K);
	gom_test_expect_valid(test);
	gom_scavenge_switch(false);
	empty(objs, NR / 2, NR, 1);
}

/* However much there is to do. */
static void paced(struct kunit *test)
{
	struct gom_scavenge_stats before, after;
	u64 began = ktime_get_ns(), end = began + 5 * NSEC_PER_SEC, took;
	void **objs;

	gom_scavenge_read(&before);
	gom_scavenge_switch(true);
	while (ktime_get_ns() < end) {
		objs = fill(test);
		empty(objs, 0, NR, 2);
		msleep(100);
		empty(objs, 1, NR, 2);
		kunit_kfree(test, objs);
		msleep(100);
	}
	gom_scavenge_switch(false);
	took = ktime_get_ns() - began;
	gom_scavenge_read(&after);
	kunit_info(test, "%llu us of %llu ms for %llu bytes in %llu rounds",
		   (after.nsecs - before.nsecs) / NSEC_PER_USEC,
		   took / NSEC_PER_MSEC, after.released - before.released,
		   after.rounds - before.rounds);
	KUNIT_EXPECT_GT(test, after.rounds, before.rounds);
	/* One percent, what may be saved up, and a batch begun too late. */
	KUNIT_EXPECT_LE(test, after.nsecs - before.nsecs,
			took / 100 + 200 * NSEC_PER_MSEC);
}

/* Emptiest arenas first, and those that are nearly full not at all. */
static void emptiest_first(struct kunit *test)
{
	struct mheap *heap = &gom_node(numa_mem_id())->heap;
	unsigned int level = 0, max_level = 0;
	struct gom_sweep sweep = {};
	void **objs = fill(test);
	unsigned long pages;
	int i, n = 0;

	/* The later, the more are freed. */
	for (i = 0; i < NR; i++) {
		if (gom_test_random(test, NR) < i) {
			gofree(objs[i]);
			objs[i] = NULL;
		}
	}
	gom_scavenge_caches();
	while ((pages = gom_mheap_sweep(heap, &sweep, GOM_SWEEP_LEVELS - 1,
					ULONG_MAX))) {
		KUNIT_EXPECT_GE(test, sweep.level, level);
		level = sweep.level;
		max_level = max(max_level, level);
		n++;
	}
	KUNIT_EXPECT_GT(test, n, 0);
	KUNIT_EXPECT_LT(test, max_level, GOM_SWEEP_LEVELS - 1);
	gom_test_expect_valid(test);
	empty(objs, 0, NR, 1);
}

/* A sweep that comes back to a page which is within a run by now. */
static void within_a_run(struct kunit *test)
{
	struct mheap *heap = &gom_node(numa_mem_id())->heap;
	struct gom_sweep sweep = {};
	void **objs = fill(test);
	unsigned int page;

	empty(objs, 0, NR, 1);
	gom_scavenge_caches();
	for (page = 1; page < GOM_ARENA_PAGES; page++) {
		sweep.arena = gom_arena_next(0);
		KUNIT_ASSERT_LT(test, sweep.arena, gomalloc_hot.nr_arenas);
		sweep.page = page;
		sweep.level = 0;
		gom_mheap_sweep(heap, &sweep, 1, 1);
	}
	gom_test_expect_valid(test);
}

static long stolen_sum(void)
{
	long sum = 0;
	int cpu;

	for_each_possible_cpu(cpu)
		sum += per_cpu_ptr(gom_mcache_cold, cpu)->stolen;
	return sum;
}

/* As if @cpu had missed so often, and been refused larger magazines. */
static void miss(int cpu, unsigned int ticks, bool refused)
{
	struct mcache_cold *cold = per_cpu_ptr(gom_mcache_cold, cpu);

	WRITE_ONCE(cold->ticks, cold->ticks + ticks);
	WRITE_ONCE(cold->refused, cold->refused + refused);
}

static void budgets(struct kunit *test)
{
	int other = cpumask_next(0, cpu_online_mask), i;
	struct mcache_cold *mine, *others;
	unsigned long share;

	if (other >= nr_cpu_ids)
		kunit_skip(test, "there is one CPU");
	mine = per_cpu_ptr(gom_mcache_cold, 0);
	others = per_cpu_ptr(gom_mcache_cold, other);
	gom_budget_reset();
	share = gom_budget_of(mine);
	KUNIT_EXPECT_EQ(test, share, gom_budget_of(others));

	/* Who misses but could have grown takes nothing. */
	gom_budget_shift();
	miss(0, 1000, false);
	gom_budget_shift();
	KUNIT_EXPECT_EQ(test, mine->stolen, 0);
	/* Nor does who misses hardly more than all others. */
	for_each_online_cpu(i)
		miss(i, 1000, !i);
	gom_budget_shift();
	KUNIT_EXPECT_EQ(test, mine->stolen, 0);

	for (i = 0; i < 1000; i++) {
		miss(0, 1000, true);
		gom_budget_shift();
		KUNIT_EXPECT_EQ(test, stolen_sum(), 0);
	}
	KUNIT_EXPECT_GT(test, gom_budget_of(mine), share);
	KUNIT_EXPECT_LT(test, gom_budget_of(others), share);
	for_each_online_cpu(i)
		KUNIT_EXPECT_GE(test, gom_budget_of(per_cpu_ptr(gom_mcache_cold, i)),
				SZ_64K);
	gom_test_expect_valid(test);
	gom_budget_reset();
	KUNIT_EXPECT_EQ(test, gom_budget_of(mine), share);
	KUNIT_EXPECT_EQ(test, stolen_sum(), 0);
}

/* A CPU whose budget was taken gives magazines up until it fits again. */
static void over_budget(struct kunit *test)
{
	struct mcache_cold *mine = per_cpu_ptr(gom_mcache_cold, 0);
	static const size_t sizes[] = { 64, 256, 1024, 2048, 4096 };
	void *objs[200];
	int i, k, round;

	for (round = 0; round < 4; round++) {
		for (i = 0; i < ARRAY_SIZE(sizes); i++) {
			for (k = 0; k < ARRAY_SIZE(objs); k++)
				objs[k] = gomalloc(sizes[i], GFP_KERNEL);
			for (k = 0; k < ARRAY_SIZE(objs); k++)
				gofree(objs[k]);
		}
	}
	KUNIT_EXPECT_GT(test, mine->capacity, SZ_64K);
	WRITE_ONCE(mine->stolen, -(long)SZ_1G);
	KUNIT_EXPECT_EQ(test, gom_budget_of(mine), SZ_64K);
	gom_mcache_trim();
	KUNIT_EXPECT_LE(test, mine->capacity, SZ_64K);
	WRITE_ONCE(mine->stolen, 0);
}

static struct kunit_case cases[] = {
	KUNIT_CASE_SLOW(switched_off),
	KUNIT_CASE_SLOW(gives_back),
	KUNIT_CASE_SLOW(retains),
	KUNIT_CASE_SLOW(paced),
	KUNIT_CASE(emptiest_first),
	KUNIT_CASE(within_a_run),
	KUNIT_CASE(budgets),
	KUNIT_CASE(over_budget),
	{}
};

static struct kunit_suite suite = {
	.name = "gomalloc_scavenge",
	.init = gom_test_init,
	.exit = gom_test_exit,
	.test_cases = cases,
};

kunit_test_suite(suite);
