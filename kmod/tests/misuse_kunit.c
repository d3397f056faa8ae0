// SPDX-License-Identifier: GPL-2.0
/*
 * Misuse: each kind is reported once, of the right pointer, the object is
 * left alone, and nothing else is disturbed.  What the books say afterwards
 * is checked after every case by gom_test_exit().
 */
#include <linux/slab.h>
#include <linux/sizes.h>
#include <linux/vmalloc.h>
#include "gom_test.h"

static void double_free(struct kunit *test)
{
	static const size_t sizes[] = { 8, 24, 64, 1000, SZ_8K, SZ_32K };
	void *obj, *again;
	int i;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		obj = gom_test_alloc(sizes[i], GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, obj);
		gofree(obj);
		gofree(gom_test_hide(obj));
		gom_test_expect_report(test, GOM_DOUBLE_FREE, obj);
		gofree_nolock(gom_test_hide(obj));
		gom_test_expect_report(test, GOM_DOUBLE_FREE, obj);

		/* It is in the cache once: two allocations give two objects. */
		obj = gom_test_alloc(sizes[i], GFP_KERNEL);
		again = gom_test_alloc(sizes[i], GFP_KERNEL);
		KUNIT_EXPECT_PTR_NE(test, obj, again);
		gofree(obj);
		gofree(again);
	}
}

static void double_free_after_others(struct kunit *test)
{
	void *objs[300];
	int i;

	for (i = 0; i < ARRAY_SIZE(objs); i++)
		objs[i] = gom_test_alloc(128, GFP_KERNEL);
	for (i = 0; i < ARRAY_SIZE(objs); i++)
		gofree(objs[i]);
	/* By now in a central list's stock, or in its span. */
	gofree(gom_test_hide(objs[0]));
	gom_test_expect_report(test, GOM_DOUBLE_FREE, objs[0]);
}

static void write_after_free(struct kunit *test)
{
	unsigned long *obj = gom_test_alloc(96, GFP_KERNEL);
	unsigned long *other, key;

	gofree(obj);
	obj = gom_test_hide(obj);
	key = *obj;
	*obj = 0xdead;
	other = gom_test_alloc(96, GFP_KERNEL);
	gom_test_expect_report(test, GOM_WRITE_AFTER_FREE, obj);
	KUNIT_EXPECT_NOT_NULL(test, other);
	KUNIT_EXPECT_PTR_NE(test, other, obj);
	gofree(other);

	/* Kept out of use: still allocated to the books.  Give it back. */
	KUNIT_EXPECT_NE(test, *obj, key);
	gofree(obj);
}

static void write_after_free_slow(struct kunit *test)
{
	unsigned long *obj = gom_test_alloc(96, GFP_KERNEL);
	void *other;

	/* Through the spans, so that a refill meets it. */
	gofree(obj);
	other = gom_test_alloc(96, GFP_KERNEL);
	KUNIT_ASSERT_PTR_EQ(test, (void *)obj, other);
	other = gom_test_alloc(96, GFP_KERNEL);
	gofree(gom_test_hide(obj));
	gomalloc_free_os_memory();
	obj = gom_test_hide(obj);
	*obj = 0xdead;
	KUNIT_EXPECT_PTR_NE(test, gom_test_alloc(96, GFP_KERNEL), (void *)obj);
	gom_test_expect_report(test, GOM_WRITE_AFTER_FREE, obj);
	gofree(obj);
	gofree(other);
	gomalloc_free_os_memory();
}

static void interior(struct kunit *test)
{
	static const size_t sizes[] = { 16, 48, 96, 1408, SZ_8K, 28672 };
	char *obj;
	int i;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		size_t offsets[] = { 1, 8, sizes[i] / 2, sizes[i] - 1 };
		int j;

		obj = gom_test_alloc(sizes[i], GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, obj);
		memset(obj, 0x5a, sizes[i]);
		for (j = 0; j < ARRAY_SIZE(offsets); j++) {
			gofree(gom_test_hide(obj + offsets[j]));
			gom_test_expect_report(test, GOM_INTERIOR_FREE,
					       obj + offsets[j]);
			gofree_nolock(gom_test_hide(obj + offsets[j]));
			gom_test_expect_report(test, GOM_INTERIOR_FREE,
					       obj + offsets[j]);
		}
		KUNIT_EXPECT_NULL(test, memchr_inv(obj, 0x5a, sizes[i]));
		gofree(obj);
	}
}

/* Behind the last object of a span lies no object, but room for a pointer. */
static void one_past_the_last(struct kunit *test)
{
	unsigned int class = gom_size_class(48), n = gom_class[class].nelems;
	void **objs = kunit_kcalloc(test, n, sizeof(*objs), GFP_KERNEL);
	char *last = NULL;
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, objs);
	for (i = 0; i < n; i++) {
		objs[i] = gom_test_alloc(48, GFP_KERNEL);
		if ((char *)objs[i] > last)
			last = objs[i];
	}
	KUNIT_ASSERT_PTR_EQ(test, gom_arena_span(last), gom_arena_span(objs[0]));
	gofree(gom_test_hide(last + 48));
	gom_test_expect_report(test, GOM_INTERIOR_FREE, last + 48);
	for (i = 0; i < n; i++)
		gofree(objs[i]);
}

static int in_module;

static void foreign(struct kunit *test)
{
	struct page *page = alloc_page(GFP_KERNEL);
	void *vm = vmalloc(PAGE_SIZE);
	int on_stack;
	const void *ptrs[] = {
		&on_stack, &in_module, vm, &foreign, page_address(page),
		(void *)0x1234, (void *)0x7f0000001000, (void *)-8L,
		high_memory, high_memory + SZ_1G,
	};
	int i;

	for (i = 0; i < ARRAY_SIZE(ptrs); i++) {
		KUNIT_EXPECT_FALSE(test, gomalloc_owns(ptrs[i]));
		gofree(gom_test_hide((void *)ptrs[i]));
		gom_test_expect_report(test, GOM_FOREIGN_FREE, ptrs[i]);
		gofree_nolock(gom_test_hide((void *)ptrs[i]));
		gom_test_expect_report(test, GOM_FOREIGN_FREE, ptrs[i]);
	}
	vfree(vm);
	__free_page(page);
}

/* kmalloc's pointers are not foreign, but passed on. */
static void slab_is_not_foreign(struct kunit *test)
{
	gofree(kmalloc(64, GFP_KERNEL));
	gofree_nolock(kmalloc(64, GFP_KERNEL));
	gofree_sensitive(kmalloc(64, GFP_KERNEL));
	gokvfree(kmalloc(64, GFP_KERNEL));
}

static void stale(struct kunit *test)
{
	void *small = gom_test_alloc(64, GFP_KERNEL);
	void *pin = gom_test_alloc(SZ_64K, GFP_KERNEL);

	gofree(small);
	/* Caches to spans, the span to a free run, the run to the kernel. */
	gomalloc_free_os_memory();
	gofree(gom_test_hide(small));
	gom_test_expect_report(test, GOM_FOREIGN_FREE, small);

	small = gom_test_alloc(SZ_64K, GFP_KERNEL);
	gofree(small);
	gofree(gom_test_hide(small));
	gom_test_expect_report(test, GOM_STALE_FREE, small);
	gofree(pin);
}

static void large(struct kunit *test)
{
	char *obj = gom_test_alloc(100000, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, obj);
	gofree(gom_test_hide(obj + GOM_PAGE_SIZE));
	gom_test_expect_report(test, GOM_INTERIOR_FREE, obj + GOM_PAGE_SIZE);
	gofree(gom_test_hide(obj + 8));
	gom_test_expect_report(test, GOM_INTERIOR_FREE, obj + 8);
	gofree(obj);
	gofree(gom_test_hide(obj));
	gom_test_expect_report(test, GOM_STALE_FREE, obj);
}

static void tiny(struct kunit *test)
{
	char *a = gom_test_alloc(5, GFP_KERNEL);
	char *b = gom_test_alloc(3, GFP_KERNEL);

	KUNIT_ASSERT_PTR_EQ(test, b, a + 5);
	gofree(gom_test_hide(a + 2));
	gom_test_expect_report(test, GOM_INTERIOR_FREE, a + 2);
	gofree(a);
	gofree(gom_test_hide(a));
	gom_test_expect_report(test, GOM_DOUBLE_FREE, a);
	gofree_nolock(gom_test_hide(a));
	gom_test_expect_report(test, GOM_DOUBLE_FREE, a);
	/* Where nothing has been cut yet. */
	gofree(gom_test_hide(b + 3));
	gom_test_expect_report(test, GOM_DOUBLE_FREE, b + 3);
	gofree(b);
}

static void realloc_of_freed(struct kunit *test)
{
	void *obj = gom_test_alloc(SZ_64K, GFP_KERNEL);

	gofree(obj);
	KUNIT_EXPECT_NULL(test, gorealloc(gom_test_hide(obj), 10, GFP_KERNEL));
	gom_test_expect_report(test, GOM_STALE_FREE, obj);
}

/* The report says who: here, this function. */
static void caller_is_named(struct kunit *test)
{
	struct gom_report_record last;
	unsigned long start = (unsigned long)caller_is_named;
	void *obj = gom_test_alloc(64, GFP_KERNEL);

	gofree(obj);
	gofree(gom_test_hide(obj));
	gom_test_expect_report(test, GOM_DOUBLE_FREE, obj);
	gom_report_last(&last);
	KUNIT_EXPECT_GT(test, last.caller, start);
	KUNIT_EXPECT_LT(test, last.caller, start + 4096);
	KUNIT_EXPECT_EQ(test, last.class, gom_size_class(64));
}

static struct kunit_case misuse_cases[] = {
	KUNIT_CASE(double_free),
	KUNIT_CASE(double_free_after_others),
	KUNIT_CASE(write_after_free),
	KUNIT_CASE(write_after_free_slow),
	KUNIT_CASE(interior),
	KUNIT_CASE(one_past_the_last),
	KUNIT_CASE(foreign),
	KUNIT_CASE(slab_is_not_foreign),
	KUNIT_CASE(stale),
	KUNIT_CASE(large),
	KUNIT_CASE(tiny),
	KUNIT_CASE(realloc_of_freed),
	KUNIT_CASE(caller_is_named),
	{}
};

static struct kunit_suite misuse_suite = {
	.name = "gomalloc_misuse",
	.init = gom_test_init,
	.exit = gom_test_exit,
	.test_cases = misuse_cases,
};
kunit_test_suite(misuse_suite);
