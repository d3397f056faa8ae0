// SPDX-License-Identifier: GPL-2.0
/*
 * The limits: what the hard one refuses and what it does not, what both make
 * the heap give back, and what is taken for a limit.
 */
#include <linux/preempt.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/workqueue.h>
#include "gom_test.h"
#include "limitfile.h"
#include "scavenge.h"

#define QUIET	(GFP_KERNEL | __GFP_NOWARN)

/* What headers, maps and magazines may take meanwhile. */
#define SLACK	SZ_16K

/* A hard limit of @room more than is held now. */
static void set_room(long room)
{
	gomalloc_set_memory_max(gom_sys_bytes() + room);
}

/* Objects of @size until there are no more; returns how many. */
static unsigned int fill(void **objs, unsigned int max, size_t size, gfp_t gfp)
{
	unsigned int n = 0;

	while (n < max) {
		objs[n] = gom_test_alloc(size, gfp);
		if (!objs[n])
			break;
		n++;
	}
	return n;
}

static void drop(void **objs, unsigned int n)
{
	while (n)
		gofree(objs[--n]);
}

#define NR	8192

static void **new_array(struct kunit *test)
{
	void **objs = kunit_kcalloc(test, NR, sizeof(*objs), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, objs);
	return objs;
}

/* Every way to get memory from the kernel, and flags of its own. */
static const struct {
	size_t size;
	gfp_t gfp;
} kinds[] = {
	{ 3, QUIET },
	{ 64, QUIET },
	{ 4608, QUIET },
	{ SZ_8K, QUIET },
	{ SZ_16K, QUIET },
	{ SZ_64K, QUIET },
	{ SZ_16K, QUIET | __GFP_DMA32 },
	{ SZ_16K, QUIET | __GFP_NORETRY },
	{ 64, GFP_NOWAIT | __GFP_NOWARN },
	{ SZ_64K, GFP_ATOMIC | __GFP_NOWARN },
};

/* Nearly all of the room is had, none beyond it, and one more is refused. */
static void fails(struct kunit *test)
{
	struct gomalloc_stats before, after;
	unsigned int i, n, most;
	void **objs = new_array(test);
	s64 max;

	for (i = 0; i < ARRAY_SIZE(kinds); i++) {
		size_t size = kinds[i].size;

		gomalloc_free_os_memory();
		gomalloc_read_stats(&before);
		set_room(SZ_256K + SLACK);
		max = gom_limit_get(GOM_LIMIT_HARD);
		most = min(size < 8 ? NR : (SZ_256K + SLACK) / size + 1, NR + 0UL);
		n = fill(objs, most, size, kinds[i].gfp);
		gomalloc_read_stats(&after);
		/* Tiny objects run out of places in the array. */
		if (size >= 64) {
			KUNIT_EXPECT_LT_MSG(test, n, most, "%zu bytes", size);
			KUNIT_EXPECT_EQ(test, after.max_fails,
					before.max_fails + 1);
			KUNIT_EXPECT_GE_MSG(test, n * size, SZ_256K / 3 * 2,
					    "%zu bytes", size);
		}
		KUNIT_EXPECT_EQ(test, after.max, max);
		KUNIT_EXPECT_LE(test, after.heap_sys + before.meta_sys, max);
		KUNIT_EXPECT_LE(test, after.sys, max + SLACK);
		KUNIT_EXPECT_EQ(test, after.max_exceeded, before.max_exceeded);
		KUNIT_EXPECT_EQ(test, gom_limit_charged(), after.heap_sys);
		gom_test_expect_valid(test);
		/* It does no harm to what is there. */
		gomalloc_set_memory_max(S64_MAX);
		drop(objs, n);
	}
	gomalloc_free_os_memory();
	gomalloc_read_stats(&after);
	KUNIT_EXPECT_EQ(test, gom_limit_charged(), after.heap_sys);
}

static void nofail(struct kunit *test)
{
	struct gomalloc_stats before, after;
	unsigned int i;
	void *obj;

	for (i = 0; i < ARRAY_SIZE(kinds); i++) {
		/* Flags that kmalloc() itself would refuse together. */
		if (kinds[i].gfp != QUIET || kinds[i].size > SZ_8K)
			continue;
		gomalloc_free_os_memory();
		gomalloc_read_stats(&before);
		set_room(0);
		obj = gom_test_alloc(kinds[i].size, QUIET);
		KUNIT_EXPECT_NULL(test, obj);
		obj = gom_test_alloc(kinds[i].size, GFP_KERNEL | __GFP_NOFAIL);
		KUNIT_EXPECT_NOT_NULL(test, obj);
		gomalloc_read_stats(&after);
		KUNIT_EXPECT_EQ(test, after.max_fails, before.max_fails + 1);
		KUNIT_EXPECT_EQ(test, after.max_exceeded,
				before.max_exceeded + 1);
		KUNIT_EXPECT_GT(test, after.sys, after.max);
		KUNIT_EXPECT_EQ(test, gom_limit_charged(), after.heap_sys);
		gofree(obj);
	}
	/* What is idle serves it first, and then there is nothing to count. */
	gomalloc_set_memory_max(S64_MAX);
	obj = gom_test_alloc(SZ_64K, GFP_KERNEL);
	set_room(0);
	gofree(obj);
	gomalloc_read_stats(&before);
	obj = gom_test_alloc(SZ_8K, GFP_KERNEL | __GFP_NOFAIL);
	KUNIT_EXPECT_NOT_NULL(test, obj);
	gofree(obj);
	gomalloc_read_stats(&after);
	KUNIT_EXPECT_EQ(test, after.max_exceeded, before.max_exceeded);
}

/* However it is cut up and whoever keeps it: what is free makes room. */
static void idle_serves(struct kunit *test)
{
	static const size_t sizes[] = { 3, 8, 64, 1000, 4608, SZ_16K, SZ_64K };
	struct gomalloc_stats before, after;
	void **objs = new_array(test);
	unsigned int i, k, n;
	void *obj;

	gomalloc_read_stats(&before);
	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		for (k = 0; k < ARRAY_SIZE(sizes); k++) {
			/* So many are in one state or another when freed. */
			gomalloc_set_memory_max(S64_MAX);
			n = fill(objs, min(NR - 1UL, SZ_256K / sizes[i]),
				 sizes[i], GFP_KERNEL);
			if (sizes[i] < 8)
				n += fill(objs + n, 1, SZ_256K, GFP_KERNEL);
			drop(objs, n);
			set_room(0);
			obj = gom_test_alloc(sizes[k], GFP_KERNEL);
			KUNIT_EXPECT_NOT_NULL_MSG(test, obj,
						  "%zu after %zu bytes",
						  sizes[k], sizes[i]);
			KUNIT_EXPECT_LE(test, gom_sys_bytes(),
					gom_limit_get(GOM_LIMIT_HARD) + SLACK);
			gofree(obj);
		}
	}
	gomalloc_read_stats(&after);
	KUNIT_EXPECT_EQ(test, after.max_fails, before.max_fails);
	KUNIT_EXPECT_EQ(test, after.max_exceeded, before.max_exceeded);
}

/* The long span that a class in use takes does not fit, one object does. */
static void one_fits(struct kunit *test)
{
	const struct gom_class *class = &gom_class[gom_size_class(4608)];
	struct gomalloc_stats before, after;
	void **objs = new_array(test);
	unsigned int n;

	KUNIT_ASSERT_GT(test, class->npages, class->npages_short + 1);
	n = fill(objs, 2 * class->nelems, 4608, GFP_KERNEL);
	set_room(0);
	n += fill(objs + n, NR - 1 - n, 4608, QUIET);
	gomalloc_read_stats(&before);
	set_room((class->npages_short + 1) * GOM_PAGE_SIZE);
	objs[n] = gom_test_alloc(4608, GFP_KERNEL);
	KUNIT_EXPECT_NOT_NULL(test, objs[n]);
	gomalloc_read_stats(&after);
	KUNIT_EXPECT_EQ(test, after.heap_sys, before.heap_sys +
			class->npages_short * GOM_PAGE_SIZE);
	drop(objs, n + 1);
}

static void lifted(struct kunit *test)
{
	s64 max;
	void *obj;

	set_room(0);
	max = gom_limit_get(GOM_LIMIT_HARD);
	KUNIT_EXPECT_NULL(test, gom_test_alloc(SZ_64K, QUIET));
	KUNIT_EXPECT_EQ(test, gomalloc_set_memory_max(-1), max);
	KUNIT_EXPECT_NULL(test, gom_test_alloc(SZ_64K, QUIET));
	KUNIT_EXPECT_EQ(test, gomalloc_set_memory_max(S64_MAX), max);
	KUNIT_EXPECT_EQ(test, gomalloc_set_memory_max(-1), S64_MAX);
	obj = gom_test_alloc(SZ_64K, QUIET);
	KUNIT_EXPECT_NOT_NULL(test, obj);
	gofree(obj);
}

/* With locks held: nobody sleeps for it, and idle runs make room here too. */
static void atomic(struct kunit *test)
{
	unsigned int i, failed = 0;
	void *objs[8], *obj;

	for (i = 0; i < ARRAY_SIZE(objs); i++)
		objs[i] = gom_test_alloc(SZ_64K, GFP_KERNEL);
	set_room(0);
	preempt_disable();
	for (i = 0; i < 100; i++)
		failed += !gom_test_alloc(SZ_256K, GFP_ATOMIC | __GFP_NOWARN);
	preempt_enable();
	KUNIT_EXPECT_EQ(test, failed, 100);
	drop(objs, ARRAY_SIZE(objs));
	preempt_disable();
	obj = gom_test_alloc(SZ_128K, GFP_ATOMIC | __GFP_NOWARN | __GFP_DMA32);
	preempt_enable();
	KUNIT_EXPECT_NOT_NULL(test, obj);
	gofree(obj);
}

/* So much that it is not all in the central lists. */
#define NR_CACHED	256

struct cached {
	size_t size;
	bool ok;
	void *objs[NR_CACHED];
};

static long cache_some(void *data)
{
	struct cached *c = data;
	unsigned int n = fill(c->objs, NR_CACHED, c->size, GFP_KERNEL);

	drop(c->objs, n);
	c->ok = n == NR_CACHED;
	return 0;
}

/* Have another CPU cache objects of @size; it keeps some of them. */
static int cache_elsewhere(struct kunit *test, size_t size)
{
	struct cached *c = kunit_kzalloc(test, sizeof(*c), GFP_KERNEL);
	int cpu = cpumask_any_but(cpu_online_mask, 0);

	KUNIT_ASSERT_NOT_NULL(test, c);
	if (cpu >= nr_cpu_ids)
		kunit_skip(test, "there is one CPU");
	c->size = size;
	KUNIT_ASSERT_EQ(test, work_on_cpu(cpu, cache_some, c), 0);
	KUNIT_ASSERT_TRUE(test, c->ok);
	KUNIT_ASSERT_GT(test, gom_mcache_count(cpu, gom_size_class(size)), 0);
	return cpu;
}

/* What other CPUs cache is got back by who may wait, for the class and others. */
static void caches_of_others(struct kunit *test)
{
	static const size_t wanted[] = { 1024, 64, SZ_8K };
	unsigned int i, n;
	void **objs = new_array(test);
	struct gom_cpu_stats stats;
	int cpu;

	for (i = 0; i < ARRAY_SIZE(wanted); i++) {
		cpu = cache_elsewhere(test, 1024);
		gomalloc_set_memory_max(SZ_4K);
		/* All that is at hand here; nobody waits for that. */
		n = fill(objs, NR, wanted[i], GFP_NOWAIT | __GFP_NOWARN);
		KUNIT_ASSERT_LT(test, n, NR);
		gom_stats_cpu(cpu, &stats);
		KUNIT_ASSERT_GT(test, stats.objects, 0);
		objs[n] = gom_test_alloc(wanted[i], GFP_KERNEL);
		KUNIT_EXPECT_NOT_NULL_MSG(test, objs[n], "%zu bytes", wanted[i]);
		gom_stats_cpu(cpu, &stats);
		KUNIT_EXPECT_EQ(test, stats.objects, 0);
		gofree(objs[n]);
		drop(objs, n);
		gomalloc_set_memory_max(S64_MAX);
		gomalloc_free_os_memory();
	}
}

/**
 * struct crowded - what threads on all CPUs find at the limit
 * @max: bytes of pages that must never be exceeded
 * @objs: what they hold
 * @over: times that it was
 * @failed: allocations that were refused
 * @had: allocations that were not
 */
struct crowded {
	long max;
	void *objs[64];
	atomic_t over;
	atomic_t failed;
	atomic_t had;
};

static long heap_bytes(void)
{
	unsigned long pages = 0;
	int nid;

	for_each_gom_node(nid)
		pages += READ_ONCE(gom_node(nid)->heap.pages);
	return pages << GOM_PAGE_SHIFT;
}

static void grow_and_shrink(void *arg, struct rnd_state *rnd)
{
	struct crowded *c = arg;
	int i;

	for (i = 0; i < 64; i++) {
		gfp_t gfp = prandom_u32_state(rnd) % 8 ? GFP_NOWAIT : GFP_KERNEL;
		void *obj = gomalloc(SZ_32K + prandom_u32_state(rnd) % SZ_128K,
				     gfp | __GFP_NOWARN);

		atomic_inc(obj ? &c->had : &c->failed);
		if (heap_bytes() > c->max)
			atomic_inc(&c->over);
		gofree(xchg(&c->objs[prandom_u32_state(rnd) %
				     ARRAY_SIZE(c->objs)], obj));
	}
}

static void in_parallel(struct kunit *test)
{
	struct crowded *c = kunit_kzalloc(test, sizeof(*c), GFP_KERNEL);
	struct gom_test_crowd crowd = {
		.work = grow_and_shrink, .arg = c, .msecs = 1500,
	};
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, c);
	c->max = heap_bytes() + SZ_2M;
	set_room(SZ_2M);
	gom_test_crowd_run(test, &crowd);
	gomalloc_set_memory_max(S64_MAX);
	KUNIT_EXPECT_EQ(test, atomic_read(&c->over), 0);
	KUNIT_EXPECT_GT(test, atomic_read(&c->had), 0);
	KUNIT_EXPECT_GT(test, atomic_read(&c->failed), 0);
	for (i = 0; i < ARRAY_SIZE(c->objs); i++)
		gofree(c->objs[i]);
	KUNIT_EXPECT_EQ(test, gom_limit_charged(), heap_bytes());
}

static void pressed(struct kunit *test)
{
	s64 held = gom_sys_bytes();

	KUNIT_EXPECT_FALSE(test, gom_limit_pressed());
	gomalloc_set_memory_limit(held * 2);
	KUNIT_EXPECT_FALSE(test, gom_limit_pressed());
	gomalloc_set_memory_limit(held + held / 50);
	KUNIT_EXPECT_TRUE(test, gom_limit_pressed());
	gomalloc_set_memory_limit(held / 2);
	KUNIT_EXPECT_TRUE(test, gom_limit_pressed());
}

/*
 * The scavenger retains a tenth of what was in use; near the soft limit
 * nothing, not even a page in a full arena.
 */
static void scavenged(struct kunit *test)
{
	void **objs = new_array(test);
	struct gomalloc_stats s;
	unsigned int i, n;

	n = fill(objs, 64, SZ_64K, GFP_KERNEL);
	KUNIT_ASSERT_EQ(test, n, 64);
	gofree(objs[--n]);
	gomalloc_set_memory_limit(gom_sys_bytes() + SZ_4K);
	gomalloc_read_stats(&s);
	KUNIT_ASSERT_GE(test, s.heap_idle, SZ_64K);
	KUNIT_ASSERT_TRUE(test, gom_limit_pressed());
	gom_scavenge_switch(true);
	for (i = 0; i < 100; i++) {
		gomalloc_read_stats(&s);
		if (!s.heap_idle)
			break;
		schedule_timeout_uninterruptible(HZ / 20);
	}
	gom_scavenge_switch(false);
	KUNIT_EXPECT_EQ(test, s.heap_idle, 0);
	KUNIT_EXPECT_EQ(test, s.heap_sys, n * SZ_64K);
	drop(objs, n);
}

/* The soft limit makes CPUs empty their caches, some time soon. */
static void trims(struct kunit *test)
{
	void *objs[200] = {};
	struct gom_cpu_stats stats = {};
	unsigned int i;
	int cpu;

	cpu = cache_elsewhere(test, 1024);
	gomalloc_set_memory_limit(SZ_4K);
	for (i = 0; i < ARRAY_SIZE(objs); i++) {
		objs[i] = gom_test_alloc(SZ_32K, GFP_KERNEL);
		KUNIT_EXPECT_NOT_NULL(test, objs[i]);
		gom_stats_cpu(cpu, &stats);
		if (!stats.objects)
			break;
		schedule_timeout_uninterruptible(HZ / 50);
	}
	KUNIT_EXPECT_EQ(test, stats.objects, 0);
	drop(objs, min_t(unsigned int, i + 1, ARRAY_SIZE(objs)));
}

static int set(const char *text)
{
	return gom_limitfile_set(GOM_LIMIT_HARD, text, strlen(text));
}

static void text(struct kunit *test)
{
	static const struct {
		const char *text;
		s64 bytes;
	} good[] = {
		{ "1M", SZ_1M }, { "1048576", SZ_1M }, { "1024k", SZ_1M },
		{ "0x100000", SZ_1M }, { "0X1p", 1LL << 50 },
		{ "0x1E", 0 }, { "04000000", SZ_1M }, { "3g\n", 3LL << 30 },
		{ "5t", 5LL << 40 }, { "7E", 7LL << 60 }, { "none", S64_MAX },
		{ "none\n", S64_MAX }, { "9223372036854775807", S64_MAX },
	};
	static const char * const bad[] = {
		"", "\n", "0", "1", "1023K", "-1", "-1M", "+1M", " 1M", "1M ",
		"1M\n\n", "1MB", "1MK", "M", "12Q", "1.5G", "1,5G", "lots",
		"None", "nonesuch", "0x", "0xM", "08M", "8E", "16E", "8192P",
		"9223372036854775808", "18446744073709551616",
		"99999999999999999999G", "0x10000000000000000",
		"00000000000000000000000000000001M", "64M\tx", "\x01",
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(good); i++) {
		/* Too small: it is a number all the same. */
		KUNIT_EXPECT_EQ_MSG(test, set(good[i].text),
				    good[i].bytes ? 0 : -EINVAL, "%s",
				    good[i].text);
		if (good[i].bytes)
			KUNIT_EXPECT_EQ_MSG(test, gomalloc_set_memory_max(-1),
					    good[i].bytes, "%s", good[i].text);
	}
	set("2M");
	for (i = 0; i < ARRAY_SIZE(bad); i++)
		KUNIT_EXPECT_EQ_MSG(test, set(bad[i]), -EINVAL, "%s", bad[i]);
	KUNIT_EXPECT_EQ(test, gom_limitfile_set(GOM_LIMIT_HARD, "4M\0", 3),
			-EINVAL);
	KUNIT_EXPECT_EQ(test, gomalloc_set_memory_max(-1), SZ_2M);
	KUNIT_EXPECT_EQ(test, gomalloc_set_memory_limit(-1), S64_MAX);
}

/* What is idle goes when the limit is set. */
static void set_below(struct kunit *test)
{
	void *keep = gom_test_alloc(SZ_2M, GFP_KERNEL);
	struct gomalloc_stats s;

	gofree(gom_test_alloc(SZ_1M, GFP_KERNEL));
	gomalloc_read_stats(&s);
	KUNIT_EXPECT_GE(test, s.heap_idle, SZ_1M);
	KUNIT_EXPECT_EQ(test, set("1M"), 0);
	gomalloc_read_stats(&s);
	KUNIT_EXPECT_EQ(test, s.heap_idle, 0);
	KUNIT_EXPECT_EQ(test, s.heap_sys, SZ_2M);
	KUNIT_EXPECT_EQ(test, s.max, SZ_1M);
	gofree(keep);
}

static void limit_exit(struct kunit *test)
{
	gomalloc_set_memory_limit(S64_MAX);
	gomalloc_set_memory_max(S64_MAX);
	gom_test_exit(test);
}

static struct kunit_case limit_cases[] = {
	KUNIT_CASE(fails),
	KUNIT_CASE(nofail),
	KUNIT_CASE_SLOW(idle_serves),
	KUNIT_CASE(one_fits),
	KUNIT_CASE(lifted),
	KUNIT_CASE(atomic),
	KUNIT_CASE(caches_of_others),
	KUNIT_CASE_SLOW(in_parallel),
	KUNIT_CASE(pressed),
	KUNIT_CASE_SLOW(scavenged),
	KUNIT_CASE_SLOW(trims),
	KUNIT_CASE(text),
	KUNIT_CASE(set_below),
	{}
};

static struct kunit_suite limit_suite = {
	.name = "gomalloc_limit",
	.init = gom_test_init,
	.exit = limit_exit,
	.test_cases = limit_cases,
};

kunit_test_suite(limit_suite);
