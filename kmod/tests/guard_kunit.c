// SPDX-License-Identifier: GPL-2.0
/*
 * Guarded objects: what is hidden, when, and that it comes back.  What a fault
 * brings is selftests/guard.sh's, as only reads that may fail are made here.
 */
#include <linux/mman.h>
#include <linux/sizes.h>
#include <linux/topology.h>
#include <linux/uaccess.h>
#include "gom_test.h"
#include "guard.h"
#include "guarded.h"
#include "mheap.h"
#include "sample.h"
#include "tracked.h"

/* So large that its node is entitled to two guarded spans. */
#define HEAP	(SZ_16M)

/* Every object is sampled, and may be guarded a jiffy after the last. */
static int guard_init(struct kunit *test)
{
	int err = gom_test_init(test);
	unsigned int i;
	void **parts;

	if (err)
		return err;
	if (!IS_ENABLED(CONFIG_X86_64))
		kunit_skip(test, "not on this machine");
	parts = kunit_kcalloc(test, HEAP / SZ_1M, sizeof(*parts), GFP_KERNEL);
	if (!parts)
		return -ENOMEM;
	for (i = 0; i < HEAP / SZ_1M; i++)
		parts[i] = gomalloc_node(SZ_1M, GFP_KERNEL | __GFP_THISNODE,
					 numa_mem_id());
	((struct gom_test *)test->priv)->own = parts;
	gom_guard_interval = 1;
	return gom_sample_set_rate(1);
}

static void guard_exit(struct kunit *test)
{
	struct gom_test *t = test->priv;
	void **parts = t ? t->own : NULL;
	unsigned int i;

	gom_guard_interval = 0;
	for (i = 0; parts && i < HEAP / SZ_1M; i++)
		gofree(parts[i]);
	gom_test_exit(test);
}

static bool is_guarded(const void *obj)
{
	struct gom_tracked_info info;

	return gom_tracked_find_guarded(obj, &info);
}

/* An object that is guarded: some that come before it are not. */
static void *guarded(struct kunit *test, size_t size)
{
	unsigned int tries;
	void *obj;

	for (tries = 0; tries < 200; tries++) {
		obj = gom_test_alloc(size, GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, obj);
		if (is_guarded(obj))
			return obj;
		gofree(obj);
		msleep(20);
	}
	KUNIT_FAIL(test, "none of %zu bytes has a guard", size);
	return NULL;
}

static bool is_readable(const void *at)
{
	u8 byte;

	return !copy_from_kernel_nofault(&byte, at, 1);
}

static const size_t sizes[] = { 1, 8, 13, 64, 100, 192, 1000, 2048, 4096 };

/* All of it and no more, until it is free. */
static void bounds(struct kunit *test)
{
	unsigned int i, left = 0, right = 0;
	void *obj, *page, *beside;

	for (i = 0; i < 4 * ARRAY_SIZE(sizes); i++) {
		size_t size = sizes[i % ARRAY_SIZE(sizes)];

		obj = guarded(test, size);
		KUNIT_ASSERT_NOT_NULL(test, obj);
		page = PTR_ALIGN_DOWN(obj, PAGE_SIZE);
		beside = (void *)((unsigned long)page ^ PAGE_SIZE);
		KUNIT_EXPECT_EQ(test, gosize(obj), size);
		KUNIT_EXPECT_TRUE(test, IS_ALIGNED((unsigned long)obj,
						   gom_test_alignment(size)));
		memset(obj, 0xff, size);
		KUNIT_EXPECT_TRUE(test, is_readable(obj + size - 1));
		KUNIT_EXPECT_FALSE(test, is_readable(beside));
		KUNIT_EXPECT_FALSE(test, is_readable(beside + PAGE_SIZE - 1));
		if (beside < page) {
			left++;
			KUNIT_EXPECT_PTR_EQ(test, obj, page);
		} else {
			right++;
			KUNIT_EXPECT_LT(test, beside - (obj + size),
					max(gom_test_alignment(size), 8UL));
		}
		gofree(obj);
		KUNIT_EXPECT_FALSE(test, is_readable(obj));
		KUNIT_EXPECT_FALSE(test, is_readable(obj + size - 1));
		KUNIT_EXPECT_FALSE(test, is_readable(beside));
	}
	KUNIT_EXPECT_GT(test, left, 0);
	KUNIT_EXPECT_GT(test, right, 0);
}

/* Copies to user space stop where the page does. */
static void usercopy(struct kunit *test)
{
	unsigned long addr = kunit_vm_mmap(test, NULL, 0, 2 * PAGE_SIZE,
					   PROT_READ | PROT_WRITE,
					   MAP_ANONYMOUS | MAP_PRIVATE, 0);
	void __user *user = (void __user *)addr;
	void *obj = guarded(test, 64);

	KUNIT_ASSERT_NE(test, addr, 0);
	KUNIT_ASSERT_NOT_NULL(test, obj);
	KUNIT_EXPECT_EQ(test, copy_to_user(user, obj, 64), 0);
	if (PTR_ALIGN_DOWN(obj, PAGE_SIZE) == obj)
		KUNIT_EXPECT_NE(test, copy_to_user(user, obj - 8, 64), 0);
	else
		KUNIT_EXPECT_NE(test, copy_to_user(user, obj, 64 + 8), 0);
	gofree(obj);
	KUNIT_EXPECT_NE(test, copy_to_user(user, gom_test_hide(obj), 64), 0);
}

/* What goes back to the heap can be read, all of it. */
static void comes_back(struct kunit *test)
{
	void *obj = guarded(test, 64);
	void *span = PTR_ALIGN_DOWN(obj, GOM_PAGE_SIZE);

	KUNIT_ASSERT_NOT_NULL(test, obj);
	gofree(obj);
	KUNIT_EXPECT_FALSE(test, is_readable(obj));
	gom_guard_interval = 0;
	gomalloc_free_os_memory();
	KUNIT_EXPECT_TRUE(test, is_readable(span));
	KUNIT_EXPECT_TRUE(test, is_readable(span + PAGE_SIZE));
	KUNIT_EXPECT_EQ(test, gom_node(gom_node_of(obj))->tracked.nguards, 0);
}

/* What is not beside the hidden page is looked at when it is freed. */
static void gap(struct kunit *test)
{
	void *obj;

	do {
		obj = guarded(test, 60);
		KUNIT_ASSERT_NOT_NULL(test, obj);
		if (PTR_ALIGN_DOWN(obj, PAGE_SIZE) != obj)
			break;
		gofree(obj);
	} while (true);
	*(u8 *)gom_test_hide(obj + 61) = 1;
	gofree(obj);
	gom_test_expect_report(test, GOM_OVERRUN, obj);
}

static void freed_twice(struct kunit *test)
{
	void *obj = guarded(test, 100);

	KUNIT_ASSERT_NOT_NULL(test, obj);
	gofree(obj);
	gofree(obj);
	gom_test_expect_report(test, GOM_DOUBLE_FREE, obj);
	gofree(gom_test_hide(obj + 8));
	gom_test_expect_report(test, GOM_INTERIOR_FREE, obj + 8);
}

/* Those that were freed are in a list, and hidden. */
static void two_freed(struct kunit *test)
{
	void *first = guarded(test, 64), *second = guarded(test, 64);
	struct gom_tracked_info info;

	KUNIT_ASSERT_NOT_NULL(test, first);
	KUNIT_ASSERT_NOT_NULL(test, second);
	gofree(first);
	gofree(second);
	KUNIT_ASSERT_TRUE(test, gom_tracked_find_guarded(first, &info));
	KUNIT_EXPECT_PTR_EQ(test, info.obj, first);
	KUNIT_EXPECT_TRUE(test, info.held);
	KUNIT_EXPECT_EQ(test, info.bucket, 0);
}

/* At most as many as the heap is entitled to, and seldom. */
static void few(struct kunit *test)
{
	struct gom_tracked_info info;
	void *objs[64];
	unsigned int i, n = 0;

	for (i = 0; i < ARRAY_SIZE(objs); i++) {
		objs[i] = gom_test_alloc(32, GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, objs[i]);
		n += gom_tracked_find_guarded(objs[i], &info);
		msleep(20);
	}
	KUNIT_EXPECT_GT(test, n, 0);
	KUNIT_EXPECT_LE(test, n, (HEAP + SZ_2M) / GOM_PAGE_SIZE / 1024);
	for (i = 0; i < ARRAY_SIZE(objs); i++)
		gofree(objs[i]);
	gom_guard_interval = 1000;
	objs[0] = guarded(test, 32);
	objs[1] = gom_test_alloc(32, GFP_KERNEL);
	KUNIT_EXPECT_FALSE(test, is_guarded(objs[1]));
	gofree(objs[0]);
	gofree(objs[1]);
}

/* A heap that has become small gives them back, freed objects' as well. */
static void trimmed(struct kunit *test)
{
	struct gom_test *t = test->priv;
	void **parts = t->own, *obj = guarded(test, 32);
	struct gom_node *node;
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, obj);
	node = gom_node(gom_node_of(obj));
	gofree(obj);
	gom_guard_interval = 0;
	gom_guarded_trim(node);
	KUNIT_EXPECT_GT(test, node->tracked.nguards, 0);
	for (i = 0; i < HEAP / SZ_1M; i++) {
		gofree(parts[i]);
		parts[i] = NULL;
	}
	gom_mheap_release(&node->heap, ULONG_MAX);
	gom_guarded_trim(node);
	KUNIT_EXPECT_EQ(test, node->tracked.nguards, 0);
	KUNIT_EXPECT_TRUE(test, is_readable(obj));
}

static void churn(void *arg, struct rnd_state *rnd)
{
	unsigned int i;
	void *obj;

	for (i = 0; i < 32; i++) {
		size_t size = gom_test_random_size(rnd, SZ_8K);

		obj = gomalloc(size, GFP_KERNEL);
		if (obj)
			memset(obj, i, size);
		gofree(obj);
	}
}

static void shed(struct kunit *test)
{
	gomalloc_free_os_memory();
}

static void crowd(struct kunit *test)
{
	static const struct gom_test_crowd many = {
		.work = churn,
		.meanwhile = shed,
		.msecs = 1000,
	};

	gom_test_crowd_run(test, &many);
}

static struct kunit_case guard_cases[] = {
	KUNIT_CASE(bounds),
	KUNIT_CASE(usercopy),
	KUNIT_CASE(comes_back),
	KUNIT_CASE(gap),
	KUNIT_CASE(freed_twice),
	KUNIT_CASE(two_freed),
	KUNIT_CASE(few),
	KUNIT_CASE(trimmed),
	KUNIT_CASE(crowd),
	{}
};

static struct kunit_suite guard_suite = {
	.name = "gomalloc_guard",
	.init = guard_init,
	.exit = guard_exit,
	.test_cases = guard_cases,
};

kunit_test_suite(guard_suite);
