// SPDX-License-Identifier: GPL-2.0
/*
 * Allocation and free that wait for nothing: what they find taken they do
 * without, and what they cannot free at once is freed soon after.
 */
#include <linux/hrtimer.h>
#include <linux/irq_work.h>
#include <linux/sizes.h>
#include "gom_test.h"
#include "mcentral.h"
#include "nolock.h"

/* Leaves objects of @size in the stack, in the central list or in both. */
static void stock(struct kunit *test, size_t size, unsigned int n)
{
	void *objs[64];
	unsigned int i;

	for (i = 0; i < n; i++)
		objs[i] = gom_test_alloc(size, GFP_KERNEL);
	gofree_bulk(n, objs);
}

static void arguments(struct kunit *test)
{
	stock(test, 64, 8);
	KUNIT_EXPECT_PTR_EQ(test, gomalloc_nolock(0, 0, NUMA_NO_NODE),
			    ZERO_SIZE_PTR);
	KUNIT_EXPECT_NULL(test, gomalloc_nolock(SZ_32K + 1, 0, NUMA_NO_NODE));
	KUNIT_EXPECT_NULL(test, gomalloc_nolock(64, __GFP_ACCOUNT,
						NUMA_NO_NODE));
	KUNIT_EXPECT_NULL(test, gomalloc_nolock(64, 0, MAX_NUMNODES));
	KUNIT_EXPECT_NULL(test, gomalloc_nolock(64, 0, -2));
	gofree_nolock(NULL);
	gofree_nolock(ZERO_SIZE_PTR);
}

/* It takes what is there, and never from the kernel. */
static void what_is_there(struct kunit *test)
{
	struct gomalloc_stats before, after;
	void *objs[64];
	int n = 0, i;

	KUNIT_EXPECT_NULL(test, gomalloc_nolock(64, 0, NUMA_NO_NODE));
	stock(test, 64, 20);
	gomalloc_read_stats(&before);
	while (n < ARRAY_SIZE(objs)) {
		objs[n] = gom_test_hide(gomalloc_nolock(64, __GFP_ZERO,
							NUMA_NO_NODE));
		if (!objs[n])
			break;
		KUNIT_EXPECT_NULL(test, memchr_inv(objs[n], 0, 64));
		gom_test_fill(objs[n], 64, n);
		n++;
	}
	KUNIT_EXPECT_GE(test, n, 20);
	gomalloc_read_stats(&after);
	KUNIT_EXPECT_EQ(test, after.heap_objects, before.heap_objects + n);
	KUNIT_EXPECT_EQ(test, after.mallocs, before.mallocs + n);
	KUNIT_EXPECT_EQ(test, after.sys, before.sys);
	for (i = 0; i < n; i++) {
		KUNIT_EXPECT_TRUE(test, gom_test_filled(objs[i], 64, i));
		gofree_nolock(objs[i]);
	}
	gom_nolock_flush(0);
	KUNIT_EXPECT_EQ(test, gom_test_live(), before.heap_objects);
}

/* The cache is taken: the central list has objects; its lock too: nothing. */
static void all_taken(struct kunit *test)
{
	struct mcentral *c = gom_central(numa_mem_id(), gom_size_class(64));
	void *cached, *central, *none, *keep;
	unsigned long flags;

	keep = gom_test_alloc(64, GFP_KERNEL);
	stock(test, 64, 8);
	preempt_disable();
	cached = gomalloc_nolock(64, 0, NUMA_NO_NODE);
	gom_mcache_trylock();
	central = gomalloc_nolock(64, 0, NUMA_NO_NODE);
	raw_spin_lock_irqsave(&c->lock, flags);
	none = gomalloc_nolock(64, 0, NUMA_NO_NODE);
	raw_spin_unlock_irqrestore(&c->lock, flags);
	gom_mcache_unlock();
	preempt_enable();
	KUNIT_EXPECT_NOT_NULL(test, cached);
	KUNIT_EXPECT_NOT_NULL(test, central);
	KUNIT_EXPECT_NULL(test, none);
	gofree(cached);
	gofree(central);
	gofree(keep);
}

/* Of every kind, freed while the cache is taken. */
static void deferred(struct kunit *test)
{
	static const u32 sizes[] = { 3, 8, 64, SZ_32K, SZ_64K, 100000 };
	void *objs[ARRAY_SIZE(sizes) + 1], *last;
	u64 live = gom_test_live(), left;
	int i;

	for (i = 0; i < ARRAY_SIZE(sizes); i++)
		objs[i] = gom_test_alloc(sizes[i], GFP_KERNEL);
	objs[i] = kmalloc(100, GFP_KERNEL);
	/* So that the block of the tiny one has nobody to keep it. */
	last = gom_test_alloc(4, GFP_KERNEL);
	gofree(last);

	local_irq_disable();
	gom_mcache_trylock();
	for (i = 0; i < ARRAY_SIZE(objs); i++)
		gofree_nolock(objs[i]);
	left = gom_test_live();
	gom_mcache_unlock();
	local_irq_enable();
	gom_nolock_flush(0);
	/* The tiny one at once, by its mask; the others later. */
	KUNIT_EXPECT_EQ(test, left, live + ARRAY_SIZE(sizes) - 1);
	KUNIT_EXPECT_EQ(test, gom_test_live(), live);
	gom_test_expect_valid(test);
}

/* More than a stack holds, in one go, with no interrupt in between. */
static void overflow(struct kunit *test)
{
	enum { NR = 500 };
	void **objs = kunit_kcalloc(test, NR, sizeof(*objs), GFP_KERNEL);
	u64 live = gom_test_live();
	int i;

	KUNIT_ASSERT_NOT_NULL(test, objs);
	for (i = 0; i < NR; i++)
		objs[i] = gom_test_alloc(i % 5 ? 512 : 5, GFP_KERNEL);
	local_irq_disable();
	for (i = 0; i < NR; i++)
		gofree_nolock(objs[i]);
	local_irq_enable();
	gom_nolock_flush(0);
	KUNIT_EXPECT_EQ(test, gom_test_live(), live);
}

struct bell {
	struct hrtimer timer;
	struct rnd_state rnd;
	void *objs[32];
	size_t sizes[32];
	unsigned long got;
	unsigned long failed;
	unsigned long bad;
	unsigned long busy;
};

/* Whatever it interrupts, gomalloc's own paths included. */
static enum hrtimer_restart ring(struct hrtimer *timer)
{
	struct bell *bell = container_of(timer, struct bell, timer);
	int k;

	bell->busy += __this_cpu_read(gomalloc_mcache.busy);
	for (k = 0; k < 4; k++) {
		unsigned int i = prandom_u32_state(&bell->rnd) %
				 ARRAY_SIZE(bell->objs);

		if (bell->objs[i] &&
		    !gom_test_filled(bell->objs[i], bell->sizes[i], i))
			bell->bad++;
		gofree_nolock(bell->objs[i]);
		bell->sizes[i] = gom_test_random_size(&bell->rnd, SZ_2K);
		bell->objs[i] = gomalloc_nolock(bell->sizes[i], 0, NUMA_NO_NODE);
		if (bell->objs[i]) {
			gom_test_fill(bell->objs[i], bell->sizes[i], i);
			bell->got++;
		} else {
			bell->failed++;
		}
	}
	hrtimer_forward_now(timer, ns_to_ktime(150 * NSEC_PER_USEC));
	return HRTIMER_RESTART;
}

static void interrupts(struct kunit *test)
{
	struct gom_test *t = test->priv;
	struct bell *bell = kunit_kzalloc(test, sizeof(*bell), GFP_KERNEL);
	unsigned long end = jiffies + HZ;
	void *objs[16] = {};
	int i;

	KUNIT_ASSERT_NOT_NULL(test, bell);
	prandom_seed_state(&bell->rnd, 5);
	gom_compat_hrtimer_setup(&bell->timer, ring, CLOCK_MONOTONIC,
				 HRTIMER_MODE_REL_PINNED);
	hrtimer_start(&bell->timer, ns_to_ktime(NSEC_PER_MSEC),
		      HRTIMER_MODE_REL_PINNED);
	while (time_before(jiffies, end)) {
		i = gom_test_random(test, ARRAY_SIZE(objs));
		gofree(objs[i]);
		objs[i] = gomalloc(gom_test_random_size(&t->rnd, SZ_2K),
				   GFP_KERNEL);
	}
	hrtimer_cancel(&bell->timer);
	kunit_info(test, "%lu got, %lu failed, %lu times busy\n", bell->got,
		   bell->failed, bell->busy);
	KUNIT_EXPECT_GT(test, bell->got, 100);
	KUNIT_EXPECT_EQ(test, bell->bad, 0);
	gofree_bulk(ARRAY_SIZE(objs), objs);
	gofree_bulk(ARRAY_SIZE(bell->objs), bell->objs);
}

static struct kunit_case nolock_cases[] = {
	KUNIT_CASE(arguments),
	KUNIT_CASE(what_is_there),
	KUNIT_CASE(all_taken),
	KUNIT_CASE(deferred),
	KUNIT_CASE(overflow),
	KUNIT_CASE_SLOW(interrupts),
	{}
};

static struct kunit_suite nolock_suite = {
	.name = "gomalloc_nolock",
	.init = gom_test_init,
	.exit = gom_test_exit,
	.test_cases = nolock_cases,
};

kunit_test_suite(nolock_suite);
