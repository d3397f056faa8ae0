// SPDX-License-Identifier: GPL-2.0
/*
 * Memory that cannot be had, at every depth: the n-th request fails, for n
 * from the first to beyond the last, alone or with all that follow.  An
 * allocation then succeeds by another way or returns NULL, and leaves nothing
 * behind.
 */
#include <kunit/static_stub.h>
#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/sizes.h>
#include "gom_test.h"
#include "gom_test_fail.h"
#include "mheap.h"
#include "mspan.h"

static const u32 sizes[] = {
	5, 8, 64, 1000, 4608, SZ_16K, SZ_32K, SZ_64K, 100000, SZ_1M, SZ_4M,
};

static int mspan_cut(struct mspan *span, gfp_t gfp)
{
	return fails_now() ? -ENOMEM : REAL(gom_mspan_cut(span, gfp));
}

/* One allocation under @failure; returns whether there was an object. */
static bool try(struct kunit *test, size_t size)
{
	u64 live = gom_test_live();
	void *obj;

	failure.calls = 0;
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
	unsigned int i, failed = 0, deepest = 0;
	bool empty;

	failure.onwards = onwards;
	for (i = 0; i < 2 * ARRAY_SIZE(sizes); i++) {
		empty = i % 2;
		for (failure.nth = 0; ; failure.nth++) {
			gomalloc_free_os_memory();
			if (!empty) {
				failure.calls = 1000;
				failure.onwards = false;
				gofree(gom_test_alloc(SZ_128K, GFP_KERNEL));
				failure.onwards = onwards;
			}
			failed += !try(test, sizes[i / 2]);
			KUNIT_ASSERT_LT(test, failure.nth, 100);
			if (failure.calls <= failure.nth)
				break;
		}
		deepest = max(deepest, failure.nth);
	}
	failure.nth = UINT_MAX;
	/* One failure is made up for by the next attempt, or by another node. */
	if (onwards)
		KUNIT_EXPECT_GT(test, failed, 0);
	kunit_info(test, "%u of the attempts returned NULL, %u calls at most\n",
		   failed, deepest);
}

static void pages(struct kunit *test)
{
	kunit_activate_static_stub(test, gom_mheap_get_pages, get_pages);
	fail_each(test, false);
	fail_each(test, true);
}

static void headers(struct kunit *test)
{
	kunit_activate_static_stub(test, gom_mspan_alloc, mspan_alloc);
	fail_each(test, false);
	fail_each(test, true);
}

static void bitmaps(struct kunit *test)
{
	kunit_activate_static_stub(test, gom_mspan_cut, mspan_cut);
	fail_each(test, false);
	fail_each(test, true);
}

/* All three counted as one. */
static void everything(struct kunit *test)
{
	kunit_activate_static_stub(test, gom_mheap_get_pages, get_pages);
	kunit_activate_static_stub(test, gom_mspan_alloc, mspan_alloc);
	kunit_activate_static_stub(test, gom_mspan_cut, mspan_cut);
	fail_each(test, false);
	fail_each(test, true);
}

/* With no memory for anything there is NULL for every size, and no more. */
static void nothing_at_all(struct kunit *test)
{
	void *objs[3];
	int i;

	failure = (struct failure){ .onwards = true };
	kunit_activate_static_stub(test, gom_mheap_get_pages, get_pages);
	for (i = 0; i < ARRAY_SIZE(sizes); i++)
		KUNIT_EXPECT_FALSE(test, try(test, sizes[i]));
	KUNIT_EXPECT_EQ(test, gomalloc_bulk(64, GFP_KERNEL, 3, objs), 0);
	KUNIT_EXPECT_NULL(test, gostrdup("none", GFP_KERNEL));
	KUNIT_EXPECT_NULL(test, goasprintf(GFP_KERNEL, "%d", 12345678));
	KUNIT_EXPECT_NULL(test, gomemdup("none", 5, GFP_KERNEL));
	failure.nth = UINT_MAX;
}

/* What was there stays as it was. */
static void failing_realloc(struct kunit *test)
{
	char *obj = gom_test_alloc(64, GFP_KERNEL);

	gom_test_fill(obj, 64, 9);
	failure = (struct failure){ .onwards = true };
	kunit_activate_static_stub(test, gom_mheap_get_pages, get_pages);
	KUNIT_EXPECT_NULL(test, gorealloc(obj, SZ_4M, GFP_KERNEL));
	KUNIT_EXPECT_NULL(test, gorealloc_array(obj, SZ_1M, 4, GFP_KERNEL));
	KUNIT_EXPECT_TRUE(test, gom_test_filled(obj, 64, 9));
	gofree(obj);
	failure.nth = UINT_MAX;
}

static void bulk_in_the_middle(struct kunit *test)
{
	void *objs[64] = {};
	u64 live = gom_test_live();

	failure = (struct failure){ .nth = 2, .onwards = true };
	kunit_activate_static_stub(test, gom_mspan_cut, mspan_cut);
	/*
	 * Four in a span: the third span is one too many.  With several nodes
	 * it is asked for twice, without effort and with.
	 */
	KUNIT_EXPECT_EQ(test, gomalloc_bulk(2048, GFP_KERNEL, 64, objs), 0);
	KUNIT_EXPECT_EQ(test, failure.calls, num_possible_nodes() > 1 ? 4 : 3);
	KUNIT_EXPECT_EQ(test, gom_test_live(), live);
	failure.nth = UINT_MAX;
}

/* There is no memory to remember it until the grace period has passed. */
static void rcu_at_once(struct kunit *test)
{
	u64 live = gom_test_live();
	void *obj = gom_test_alloc(SZ_64K, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, obj);
	gomalloc_free_os_memory();
	failure = (struct failure){ .onwards = true };
	kunit_activate_static_stub(test, gom_mheap_get_pages, get_pages);
	gofree_rcu_mightsleep(obj);
	failure.nth = UINT_MAX;
	KUNIT_EXPECT_GT(test, failure.calls, 0);
	KUNIT_EXPECT_EQ(test, gom_test_live(), live);
}

/* The page allocator fails, and gokvmalloc() has vmalloc(). */
static void vmalloc_instead(struct kunit *test)
{
	void *mem;

	failure = (struct failure){ .onwards = true };
	kunit_activate_static_stub(test, gom_mheap_get_pages, get_pages);
	mem = gokvzalloc(SZ_64K, GFP_KERNEL);
	failure.nth = UINT_MAX;
	KUNIT_ASSERT_NOT_NULL(test, mem);
	KUNIT_EXPECT_TRUE(test, is_vmalloc_addr(mem));
	KUNIT_EXPECT_NULL(test, memchr_inv(mem, 0, SZ_64K));
	gokvfree(mem);
}

#ifdef CONFIG_FAILSLAB
/*
 * The kernel's own fault injection: also what has no seam of its own, the
 * arena and the magazines.
 */
static void injected(struct kunit *test)
{
	unsigned int i, nth, left;
	void *obj, *other;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		for (nth = 1; ; nth++) {
			gomalloc_free_os_memory();
			current->fail_nth = nth;
			obj = gom_test_alloc(sizes[i], GFP_ATOMIC | __GFP_NOWARN);
			other = gom_test_alloc(sizes[i], GFP_ATOMIC | __GFP_NOWARN);
			gofree(obj);
			gofree(other);
			left = current->fail_nth;
			current->fail_nth = 0;
			gom_test_expect_valid(test);
			KUNIT_ASSERT_LT(test, nth, 100);
			if (left)
				break;
		}
		/* Whether it got by or not: something did fail, and more than once. */
		KUNIT_EXPECT_GT(test, nth, 2);
	}
}
#else
static void injected(struct kunit *test)
{
	kunit_skip(test, "there is no CONFIG_FAILSLAB");
}
#endif

static struct kunit_case fail_cases[] = {
	KUNIT_CASE_SLOW(pages),
	KUNIT_CASE_SLOW(headers),
	KUNIT_CASE_SLOW(bitmaps),
	KUNIT_CASE_SLOW(everything),
	KUNIT_CASE(nothing_at_all),
	KUNIT_CASE(failing_realloc),
	KUNIT_CASE(bulk_in_the_middle),
	KUNIT_CASE(rcu_at_once),
	KUNIT_CASE(vmalloc_instead),
	KUNIT_CASE_SLOW(injected),
	{}
};

static struct kunit_suite fail_suite = {
	.name = "gomalloc_fail",
	.init = gom_test_init,
	.exit = gom_test_exit,
	.test_cases = fail_cases,
};

kunit_test_suite(fail_suite);
