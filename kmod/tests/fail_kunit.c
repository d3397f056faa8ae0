// SPDX-License-Identifier: GPL-2.0
/*
 * Memory that cannot be had, at every depth: the n-th request fails, for n
 * from the first to beyond the last, alone or with all that follow.  An
 * allocation then succeeds by another way or returns NULL, and leaves nothing
 * behind.  Here several sites fail at once; fault_kunit.c has each by itself.
 */
#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/sizes.h>
#include "gom_test.h"
#include "mheap.h"
#include "mspan.h"

static const u32 sizes[] = {
	5, 8, 64, 1000, 4608, SZ_16K, SZ_32K, SZ_64K, 100000, SZ_1M, SZ_4M,
};

/* One allocation where some may fail; returns whether there was an object. */
static bool try(struct kunit *test, size_t size)
{
	u64 live = gom_test_live();
	void *obj;

	obj = gom_test_alloc(size, GFP_KERNEL | __GFP_NOWARN);
	if (obj) {
		KUNIT_EXPECT_GE(test, gosize(obj), size);
		memset(obj, 0xff, size);
		KUNIT_EXPECT_EQ(test, gom_test_live(), live + 1);
		gofree(obj);
	}
	KUNIT_EXPECT_EQ(test, gom_test_live(), live);
	gom_test_expect_valid(test);
	return obj;
}

/*
 * Each depth of each size, from an empty heap and from one with idle runs
 * that the request must be cut from.
 */
static void fail_each(struct kunit *test, bool onwards)
{
	unsigned int i, nth, failed = 0, deepest = 0;
	bool empty;

	for (i = 0; i < 2 * ARRAY_SIZE(sizes); i++) {
		empty = i % 2;
		for (nth = 0; ; nth++) {
			gomalloc_free_os_memory();
			gom_test_failure.end = 0;
			if (!empty)
				gofree(gom_test_alloc(SZ_128K, GFP_KERNEL));
			gom_test_fail_nth(nth, onwards);
			failed += !try(test, sizes[i / 2]);
			KUNIT_ASSERT_LT(test, nth, 100);
			if (gom_test_failure.calls <= nth)
				break;
		}
		deepest = max(deepest, nth);
	}
	/* One failure is made up for by the next attempt, or by another node. */
	if (onwards)
		KUNIT_EXPECT_GT(test, failed, 0);
	kunit_info(test, "%u of the attempts returned NULL, %u calls at most\n",
		   failed, deepest);
}

static void fail_at(struct kunit *test, u64 sites)
{
	gom_test_may_fail(test, sites);
	fail_each(test, false);
	fail_each(test, true);
	gom_test_fail_none(test);
}

static void pages(struct kunit *test)
{
	fail_at(test, GOM_TEST_BLOCKS);
}

static void headers(struct kunit *test)
{
	fail_at(test, BIT_ULL(GOM_FAIL_HEADER));
}

static void bitmaps(struct kunit *test)
{
	fail_at(test, BIT_ULL(GOM_FAIL_BITMAP));
}

static void maps(struct kunit *test)
{
	fail_at(test, BIT_ULL(GOM_FAIL_ARENA) | BIT_ULL(GOM_FAIL_CHUNK));
}

/* All counted as one, magazines too. */
static void everything(struct kunit *test)
{
	fail_at(test, GOM_TEST_BLOCKS | BIT_ULL(GOM_FAIL_HEADER) |
		BIT_ULL(GOM_FAIL_BITMAP) | BIT_ULL(GOM_FAIL_ARENA) |
		BIT_ULL(GOM_FAIL_CHUNK) | BIT_ULL(GOM_FAIL_MAGAZINE));
}

/* With no memory for anything there is NULL for every size, and no more. */
static void nothing_at_all(struct kunit *test)
{
	void *objs[3];
	int i;

	gom_test_fail_all(test, GOM_TEST_BLOCKS);
	for (i = 0; i < ARRAY_SIZE(sizes); i++)
		KUNIT_EXPECT_FALSE(test, try(test, sizes[i]));
	KUNIT_EXPECT_EQ(test, gomalloc_bulk(64, GFP_KERNEL, 3, objs), 0);
	KUNIT_EXPECT_NULL(test, gostrdup("none", GFP_KERNEL));
	KUNIT_EXPECT_NULL(test, goasprintf(GFP_KERNEL, "%d", 12345678));
	KUNIT_EXPECT_NULL(test, gomemdup("none", 5, GFP_KERNEL));
	gom_test_fail_none(test);
}

/* What was there stays as it was. */
static void failing_realloc(struct kunit *test)
{
	char *obj = gom_test_alloc(64, GFP_KERNEL);

	gom_test_fill(obj, 64, 9);
	gom_test_fail_all(test, GOM_TEST_BLOCKS);
	KUNIT_EXPECT_NULL(test, gorealloc(obj, SZ_4M, GFP_KERNEL));
	KUNIT_EXPECT_NULL(test, gorealloc_array(obj, SZ_1M, 4, GFP_KERNEL));
	KUNIT_EXPECT_TRUE(test, gom_test_filled(obj, 64, 9));
	gofree(obj);
	gom_test_fail_none(test);
}

/* Four are in a span: many are there by the time that one is missing. */
static void bulk_in_the_middle(struct kunit *test)
{
	void *objs[64] = {};
	u64 live = gom_test_live();
	unsigned int nth, n = 0;

	gom_test_may_fail(test, BIT_ULL(GOM_FAIL_HEADER));
	for (nth = 0; !n && nth < 100; nth++) {
		gomalloc_free_os_memory();
		gom_test_fail_nth(nth, true);
		n = gomalloc_bulk(2048, GFP_KERNEL, 64, objs);
		KUNIT_EXPECT_EQ(test, gom_test_live(), live + n);
	}
	gom_test_fail_none(test);
	KUNIT_EXPECT_EQ(test, n, 64);
	KUNIT_EXPECT_GT(test, nth, 16);
	gofree_bulk(n, objs);
}

/* There is no memory to remember it until the grace period has passed. */
static void rcu_at_once(struct kunit *test)
{
	u64 live = gom_test_live();
	void *obj = gom_test_alloc(SZ_64K, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, obj);
	gomalloc_free_os_memory();
	gom_test_fail_all(test, GOM_TEST_BLOCKS);
	gofree_rcu_mightsleep(obj);
	gom_test_fail_none(test);
	KUNIT_EXPECT_GT(test, gom_test_failure.calls, 0);
	KUNIT_EXPECT_EQ(test, gom_test_live(), live);
}

/* The page allocator fails, and gokvmalloc() has vmalloc(). */
static void vmalloc_instead(struct kunit *test)
{
	void *mem;

	gom_test_fail_all(test, GOM_TEST_BLOCKS);
	mem = gokvzalloc(SZ_64K, GFP_KERNEL);
	gom_test_fail_none(test);
	KUNIT_ASSERT_NOT_NULL(test, mem);
	KUNIT_EXPECT_TRUE(test, is_vmalloc_addr(mem));
	KUNIT_EXPECT_NULL(test, memchr_inv(mem, 0, SZ_64K));
	gokvfree(mem);
}

static struct kunit_case fail_cases[] = {
	KUNIT_CASE_SLOW(pages),
	KUNIT_CASE_SLOW(headers),
	KUNIT_CASE_SLOW(bitmaps),
	KUNIT_CASE_SLOW(maps),
	KUNIT_CASE_SLOW(everything),
	KUNIT_CASE(nothing_at_all),
	KUNIT_CASE(failing_realloc),
	KUNIT_CASE(bulk_in_the_middle),
	KUNIT_CASE(rcu_at_once),
	KUNIT_CASE(vmalloc_instead),
	{}
};

static struct kunit_suite fail_suite = {
	.name = "gomalloc_fail",
	.init = gom_test_init,
	.exit = gom_test_exit,
	.test_cases = fail_cases,
};

kunit_test_suite(fail_suite);
