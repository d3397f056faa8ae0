// SPDX-License-Identifier: GPL-2.0
/*
 * CPUs that go away while they cache objects.
 */
#include <linux/cpu.h>
#include <linux/sizes.h>
#include <linux/workqueue.h>
#include "gom_test.h"
#include "nolock.h"

static int victim(struct kunit *test)
{
	int cpu = cpumask_any_but(cpu_online_mask, 0);

	if (cpu >= nr_cpu_ids)
		kunit_skip(test, "there is one CPU");
	return cpu;
}

#define PER_SIZE	8

static const u16 sizes[] = { 3, 7, 8, 64, 1000, 4096, 20000 };

struct cargo {
	void *live[ARRAY_SIZE(sizes)];
	bool ok;
};

/* On the CPU that is to go: fill its caches, leave some objects alive. */
static long load_up(void *data)
{
	void *objs[ARRAY_SIZE(sizes)][PER_SIZE];
	struct cargo *cargo = data;
	int i, k;

	cargo->ok = true;
	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		for (k = 0; k < PER_SIZE; k++) {
			objs[i][k] = gomalloc(sizes[i], GFP_KERNEL);
			cargo->ok &= !!objs[i][k];
		}
	}
	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		for (k = 1; k < PER_SIZE; k++)
			gofree(objs[i][k]);
		cargo->live[i] = objs[i][0];
		if (objs[i][0])
			gom_test_fill(objs[i][0], sizes[i], i);
	}
	return 0;
}

static unsigned int cached_on(int cpu)
{
	unsigned int class, n = 0;

	for (class = 1; class < GOM_NR_SPAN_CLASSES; class++)
		n += gom_mcache_count(cpu, class);
	return n;
}

static void down_and_up(struct kunit *test)
{
	int cpu = victim(test), round, i;
	struct cargo cargo;

	for (round = 0; round < 3; round++) {
		KUNIT_ASSERT_EQ(test, work_on_cpu(cpu, load_up, &cargo), 0);
		KUNIT_EXPECT_TRUE(test, cargo.ok);
		KUNIT_EXPECT_GT(test, cached_on(cpu), 0);
		KUNIT_ASSERT_EQ(test, remove_cpu(cpu), 0);
		KUNIT_EXPECT_EQ(test, cached_on(cpu), 0);
		KUNIT_EXPECT_EQ(test, per_cpu_ptr(gom_mcache_cold, cpu)->capacity,
				0);
		gom_test_expect_valid(test);
		/* What the dead CPU allocated lives on, and is freed by others. */
		for (i = 0; i < ARRAY_SIZE(sizes); i++) {
			KUNIT_EXPECT_TRUE(test, gom_test_filled(cargo.live[i],
								sizes[i], i));
			gofree(cargo.live[i]);
		}
		KUNIT_ASSERT_EQ(test, add_cpu(cpu), 0);
	}
	/* It starts anew, like any other. */
	KUNIT_ASSERT_EQ(test, work_on_cpu(cpu, load_up, &cargo), 0);
	KUNIT_EXPECT_GT(test, cached_on(cpu), 0);
	for (i = 0; i < ARRAY_SIZE(sizes); i++)
		gofree(cargo.live[i]);
}

static long defer_one(void *data)
{
	void **obj = data;

	*obj = gomalloc(SZ_64K, GFP_KERNEL);
	gofree_nolock(*obj);
	return 0;
}

/* Frees that an interrupt was to do are done before the CPU is gone. */
static void deferred(struct kunit *test)
{
	struct gomalloc_stats before, after;
	int cpu = victim(test);
	void *obj = NULL;

	gomalloc_read_stats(&before);
	KUNIT_ASSERT_EQ(test, work_on_cpu(cpu, defer_one, &obj), 0);
	KUNIT_ASSERT_NOT_NULL(test, obj);
	KUNIT_ASSERT_EQ(test, remove_cpu(cpu), 0);
	gomalloc_read_stats(&after);
	KUNIT_EXPECT_EQ(test, after.heap_objects, before.heap_objects);
	KUNIT_ASSERT_EQ(test, add_cpu(cpu), 0);
}

struct shared {
	void *slots[64];
	int cpu;
};

static void exchange(void *arg, struct rnd_state *rnd)
{
	struct shared *s = arg;
	int i;

	for (i = 0; i < 50; i++) {
		void *obj = gomalloc(gom_test_random_size(rnd, SZ_32K),
				     GFP_KERNEL);
		u32 slot = prandom_u32_state(rnd) % ARRAY_SIZE(s->slots);

		gofree(xchg(&s->slots[slot], obj));
	}
}

static struct shared *shared;

static void flip(struct kunit *test)
{
	/* A CPU to which a thread is bound may refuse for a moment. */
	if (!remove_cpu(shared->cpu))
		KUNIT_EXPECT_EQ(test, add_cpu(shared->cpu), 0);
}

/* CPUs go and come while threads on all of them allocate and free. */
static void under_load(struct kunit *test)
{
	struct gom_test_crowd crowd = {
		.work = exchange, .msecs = 1000, .meanwhile = flip,
	};
	int i;

	shared = kunit_kzalloc(test, sizeof(*shared), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, shared);
	shared->cpu = victim(test);
	crowd.arg = shared;
	gom_test_crowd_run(test, &crowd);
	for (i = 0; i < ARRAY_SIZE(shared->slots); i++)
		gofree(shared->slots[i]);
}

static struct kunit_case hotplug_cases[] = {
	KUNIT_CASE_SLOW(down_and_up),
	KUNIT_CASE_SLOW(deferred),
	KUNIT_CASE_SLOW(under_load),
	{}
};

static struct kunit_suite hotplug_suite = {
	.name = "gomalloc_hotplug",
	.init = gom_test_init,
	.exit = gom_test_exit,
	.test_cases = hotplug_cases,
};

kunit_test_suite(hotplug_suite);
