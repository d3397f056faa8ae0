// SPDX-License-Identifier: GPL-2.0
/*
 * Objects of a device: that they are there while it is, and gone with it.
 */
#include <linux/device.h>
#include <linux/err.h>
#include <linux/gomalloc_devm.h>
#include <linux/sizes.h>
#include "gom_test.h"
#include "mheap.h"

static struct device *new_device(struct kunit *test)
{
	struct device *dev = root_device_register("gomalloc_kunit");

	KUNIT_ASSERT_FALSE(test, IS_ERR(dev));
	return dev;
}

/* One of each kind, with its contents; all go with the device. */
static void kinds(struct kunit *test)
{
	struct device *dev = new_device(test);
	u64 live = gom_test_live();
	char *s;
	u32 *a;

	s = devm_gomalloc(dev, 100, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, s);
	KUNIT_EXPECT_TRUE(test, gomalloc_owns(s));
	KUNIT_EXPECT_GE(test, gosize(s), 100);
	s = devm_gozalloc(dev, SZ_64K, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, s);
	KUNIT_EXPECT_NULL(test, memchr_inv(s, 0, SZ_64K));
	KUNIT_EXPECT_NOT_NULL(test, devm_gomalloc_array(dev, 3, 7, GFP_ATOMIC));
	a = devm_gocalloc(dev, 30, sizeof(*a), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, a);
	KUNIT_EXPECT_NULL(test, memchr_inv(a, 0, 30 * sizeof(*a)));
	a = devm_gomemdup(dev, "abcdefg", 8, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, a);
	KUNIT_EXPECT_STREQ(test, (char *)a, "abcdefg");
	s = devm_gostrdup(dev, "hot", GFP_KERNEL);
	KUNIT_EXPECT_STREQ(test, s, "hot");
	s = devm_goasprintf(dev, GFP_KERNEL, "%s%d", "channel", 5);
	KUNIT_EXPECT_STREQ(test, s, "channel5");
	KUNIT_EXPECT_EQ(test, gom_test_live(), live + 7);
	root_device_unregister(dev);
	KUNIT_EXPECT_EQ(test, gom_test_live(), live);
}

/* Nothing waits for the driver to leave. */
static void expect_bare(struct kunit *test, struct device *dev)
{
	KUNIT_EXPECT_TRUE(test, list_empty(&dev->devres_head));
}

static void nothing(struct kunit *test)
{
	struct device *dev = new_device(test);
	u64 live = gom_test_live();

	KUNIT_EXPECT_PTR_EQ(test, devm_gomalloc(dev, 0, GFP_KERNEL),
			    ZERO_SIZE_PTR);
	KUNIT_EXPECT_NULL(test, devm_gostrdup(dev, NULL, GFP_KERNEL));
	KUNIT_EXPECT_NULL(test, devm_gocalloc(dev, SIZE_MAX, 2, GFP_KERNEL));
	devm_gofree(dev, NULL);
	devm_gofree(dev, ZERO_SIZE_PTR);
	KUNIT_EXPECT_EQ(test, gom_test_live(), live);
	expect_bare(test, dev);
	root_device_unregister(dev);
}

static void freed_early(struct kunit *test)
{
	struct device *dev = new_device(test);
	u64 live = gom_test_live();
	void *a = devm_gomalloc(dev, 64, GFP_KERNEL);
	void *b = gom_test_hide(devm_gomalloc(dev, 64, GFP_KERNEL));
	void *mine = gom_test_alloc(64, GFP_KERNEL);

	devm_gofree(dev, a);
	KUNIT_EXPECT_EQ(test, gom_test_live(), live + 2);
	devm_gofree(dev, a);
	gom_test_expect_report(test, GOM_DEVM_FREE, a);
	devm_gofree(dev, mine);
	gom_test_expect_report(test, GOM_DEVM_FREE, mine);
	KUNIT_EXPECT_PTR_EQ(test, devm_goadopt(dev, mine, GFP_KERNEL), mine);
	devm_gofree(dev, mine);
	devm_gofree(dev, b);
	KUNIT_EXPECT_EQ(test, gom_test_live(), live);
	root_device_unregister(dev);
	KUNIT_EXPECT_EQ(test, gom_test_live(), live);
}

static void resized(struct kunit *test)
{
	struct device *dev = new_device(test);
	u64 live = gom_test_live();
	char *s = devm_gorealloc(dev, NULL, 8, GFP_KERNEL), *more;

	KUNIT_ASSERT_NOT_NULL(test, s);
	strscpy(s, "seven..", 8);
	more = gom_test_hide(devm_gorealloc(dev, s, 4000, GFP_KERNEL));
	KUNIT_ASSERT_NOT_NULL(test, more);
	KUNIT_EXPECT_STREQ(test, more, "seven..");
	KUNIT_EXPECT_EQ(test, gom_test_live(), live + 1);
	KUNIT_EXPECT_NULL(test, devm_gorealloc(dev, &live, 100, GFP_KERNEL));
	gom_test_expect_report(test, GOM_DEVM_FREE, &live);
	KUNIT_EXPECT_PTR_EQ(test, devm_gorealloc(dev, more, 0, GFP_KERNEL),
			    ZERO_SIZE_PTR);
	KUNIT_EXPECT_EQ(test, gom_test_live(), live);
	KUNIT_EXPECT_NOT_NULL(test, devm_gorealloc(dev, NULL, 5, GFP_KERNEL));
	root_device_unregister(dev);
	KUNIT_EXPECT_EQ(test, gom_test_live(), live);
}

static void no_memory(struct kunit *test)
{
	struct device *dev = new_device(test);
	u64 live = gom_test_live();

	gom_test_fail_all(test, GOM_TEST_BLOCKS);
	KUNIT_EXPECT_NULL(test, devm_gomalloc(dev, SZ_64K,
					      GFP_KERNEL | __GFP_NOWARN));
	gom_test_fail_none(test);
	KUNIT_EXPECT_EQ(test, gom_test_live(), live);
	expect_bare(test, dev);
	root_device_unregister(dev);
}

/* What is to remember the object cannot be had: nor can the object. */
static void not_remembered(struct kunit *test)
{
	struct device *dev = new_device(test);
	u64 live = gom_test_live();
	void *obj = gom_test_alloc(64, GFP_KERNEL);

	gom_test_fail_all(test, BIT_ULL(GOM_FAIL_DEVRES));
	KUNIT_EXPECT_NULL(test, devm_goadopt(dev, obj, GFP_KERNEL));
	gom_test_fail_none(test);
	KUNIT_EXPECT_EQ(test, gom_test_live(), live);
	expect_bare(test, dev);
	root_device_unregister(dev);
}

static struct kunit_case devm_cases[] = {
	KUNIT_CASE(kinds),
	KUNIT_CASE(nothing),
	KUNIT_CASE(freed_early),
	KUNIT_CASE(resized),
	KUNIT_CASE(no_memory),
	KUNIT_CASE(not_remembered),
	{}
};

static struct kunit_suite devm_suite = {
	.name = "gomalloc_devm",
	.init = gom_test_init,
	.exit = gom_test_exit,
	.test_cases = devm_cases,
};

kunit_test_suite(devm_suite);
