// SPDX-License-Identifier: GPL-2.0
/*
 * Misuse: each kind is reported, nothing else is disturbed, and the object in
 * question is not handed out again.
 */
#include <linux/sizes.h>
#include <linux/vmalloc.h>
#include "gom_test.h"
#include "malloc.h"
#include "mheap.h"
#include "nolock.h"
#include "scavenge.h"
#include "tiny.h"

/* Whether @obj is among the next objects of @size that are handed out. */
static bool handed_out(struct kunit *test, const void *obj, size_t size)
{
	enum { NR = 300 };
	void **objs = kunit_kcalloc(test, NR, sizeof(*objs), GFP_KERNEL);
	bool found = false;
	int i;

	KUNIT_ASSERT_NOT_NULL(test, objs);
	for (i = 0; i < NR; i++) {
		objs[i] = gom_test_alloc(size, GFP_KERNEL);
		found |= objs[i] == obj;
	}
	gofree_bulk(NR, objs);
	return found;
}

static void double_free(struct kunit *test)
{
	static const size_t sizes[] = { 8, 24, 1024, 4608, SZ_32K };
	void *obj, *a, *b;
	int i;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		obj = gom_test_alloc(sizes[i], GFP_KERNEL);
		gofree(obj);
		gofree(obj);
		gom_test_expect_report(test, GOM_DOUBLE_FREE, obj);
		gofree_nolock(obj);
		gom_test_expect_report(test, GOM_DOUBLE_FREE, obj);
		/* It is there once, not twice. */
		a = gom_test_alloc(sizes[i], GFP_KERNEL);
		b = gom_test_alloc(sizes[i], GFP_KERNEL);
		KUNIT_EXPECT_PTR_NE(test, a, b);
		gofree(a);
		gofree(b);
	}
}

/* Where the object is by then: stack, ready stock, span, or gone with it. */
static void double_free_later(struct kunit *test)
{
	enum { NR = 200 };
	void **objs = kunit_kcalloc(test, NR, sizeof(*objs), GFP_KERNEL);
	void *keep;
	int i;

	KUNIT_ASSERT_NOT_NULL(test, objs);
	for (i = 0; i < NR; i++)
		objs[i] = gom_test_alloc(64, GFP_KERNEL);
	keep = objs[NR - 1];
	for (i = 0; i < NR - 1; i++)
		gofree(objs[i]);
	for (i = 0; i < NR - 1; i++) {
		gofree(objs[i]);
		gom_test_expect_report(test, GOM_DOUBLE_FREE, objs[i]);
	}
	/* All but @keep's span go, and with them what tells objects apart. */
	gom_scavenge_caches();
	for (i = 0; i < NR - 1; i++) {
		bool stale = gom_arena_class(objs[i]) == GOM_CLASS_FREE;

		gofree(objs[i]);
		gom_test_expect_report(test, stale ? GOM_STALE_FREE :
				       GOM_DOUBLE_FREE, objs[i]);
	}
	gofree(keep);
	gom_scavenge_caches();
	gofree(keep);
	gom_test_expect_report(test, GOM_STALE_FREE, keep);
	gomalloc_free_os_memory();
	gofree(keep);
	gom_test_expect_report(test, GOM_FOREIGN_FREE, keep);
}

/*
 * The key was overwritten between two frees of an object: the first free
 * after that passes, and the span's bitmap finds the second.
 */
static void double_free_overwritten(struct kunit *test)
{
	void *obj = gom_test_alloc(256, GFP_KERNEL);
	void *beside = gom_test_alloc(256, GFP_KERNEL);

	gofree(obj);
	*(unsigned long *)obj = 0;
	gofree(obj);
	gom_scavenge_caches();
	gom_test_expect_report(test, GOM_DOUBLE_FREE, obj);
	gofree(beside);
}

static void write_after_free(struct kunit *test)
{
	static const size_t sizes[] = { 8, 64, 1024, 4096 };
	void *obj, *next;
	int i;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		obj = gom_test_alloc(sizes[i], GFP_KERNEL);
		gofree(obj);
		*(unsigned long *)obj ^= 1;
		next = gom_test_alloc(sizes[i], GFP_KERNEL);
		gom_test_expect_report(test, GOM_WRITE_AFTER_FREE, obj);
		KUNIT_EXPECT_NOT_NULL(test, next);
		KUNIT_EXPECT_PTR_NE(test, next, obj);
		gofree(next);
		KUNIT_EXPECT_FALSE(test, handed_out(test, obj, sizes[i]));
		gom_test_expect_valid(test);
		/* To the books it is live, so this gets it back. */
		gofree(obj);
	}
}

/* The write is found too where the object went back to its span. */
static void write_after_free_in_span(struct kunit *test)
{
	void *keep = gom_test_alloc(512, GFP_KERNEL);
	void *obj = gom_test_alloc(512, GFP_KERNEL);

	KUNIT_ASSERT_PTR_EQ(test, gom_arena_span(keep), gom_arena_span(obj));
	gofree(obj);
	gom_scavenge_caches();
	*(unsigned long *)obj = 0;
	KUNIT_EXPECT_FALSE(test, handed_out(test, obj, 512));
	gom_test_expect_report(test, GOM_WRITE_AFTER_FREE, obj);
	gom_test_expect_valid(test);
	gofree(obj);
	gofree(keep);
}

static void write_after_free_tiny(struct kunit *test)
{
	void *obj = gom_test_alloc(3, GFP_KERNEL), *next;
	void *block = gom_tiny_block(obj);

	KUNIT_EXPECT_NULL(test, gom_tiny_drain(0));
	gofree(obj);
	*(unsigned long *)block = 0;
	next = gom_test_alloc(3, GFP_KERNEL);
	gom_test_expect_report(test, GOM_WRITE_AFTER_FREE, block);
	KUNIT_EXPECT_NOT_NULL(test, next);
	KUNIT_EXPECT_PTR_NE(test, gom_tiny_block(next), block);
	gom_test_expect_valid(test);
	gofree(next);
	/* Nothing frees a block that is kept out of use, so start it anew. */
	gofree(gom_tiny_cut_new(block, 7, &next));
	if (next)
		gom_malloc_put(GOM_CLASS_TINY, next);
}

static char in_module_data[64];

static void foreign(struct kunit *test)
{
	unsigned long on_stack[8];
	void *vmem = vmalloc(PAGE_SIZE);
	struct page *page = alloc_page(GFP_KERNEL);
	const void *ptrs[] = {
		on_stack,
		vmem,
		page_address(page),
		(void *)page_address(page) + 64,
		in_module_data,
		foreign,
		schedule,
		(void *)0x400000UL,
		(void *)0x7ffffffff000UL,
		(void *)17UL,
		(void *)-1UL,
		(void *)-4096UL,
		(void *)0xdead000000000100UL,
		(void *)gomalloc_hot.first - 8,
		(void *)gomalloc_hot.first + (gomalloc_hot.nr_arenas << GOM_ARENA_SHIFT),
	};
	int i;

	KUNIT_ASSERT_NOT_NULL(test, vmem);
	KUNIT_ASSERT_NOT_NULL(test, page);
	memset(page_address(page), 0x5a, PAGE_SIZE);
	for (i = 0; i < ARRAY_SIZE(ptrs); i++) {
		gofree(ptrs[i]);
		gom_test_expect_report(test, GOM_FOREIGN_FREE, ptrs[i]);
		gofree_nolock(ptrs[i]);
		gom_test_expect_report(test, GOM_FOREIGN_FREE, ptrs[i]);
		gofree_sensitive(ptrs[i]);
		gom_test_expect_report(test, GOM_FOREIGN_FREE, ptrs[i]);
		KUNIT_EXPECT_FALSE(test, gomalloc_owns(ptrs[i]));
		KUNIT_EXPECT_EQ(test, gosize(ptrs[i]), 0);
	}
	for (i = 0; i < PAGE_SIZE; i++)
		KUNIT_ASSERT_EQ(test, ((u8 *)page_address(page))[i], 0x5a);
	__free_page(page);
	vfree(vmem);
}

/* Any value at all; few of them are kernel pointers, so few are skipped. */
static void random_pointers(struct kunit *test)
{
	struct gom_test *t = test->priv;
	unsigned int i, tried = 0;

	for (i = 0; i < 2000; i++) {
		u64 bits = (u64)prandom_u32_state(&t->rnd) << 32 |
			   prandom_u32_state(&t->rnd);
		void *ptr = (void *)(i % 2 ? bits : bits >> (i % 40));

		/* A slab object's page would be kfree()'s. */
		if (ZERO_OR_NULL_PTR(ptr) || virt_addr_valid(ptr))
			continue;
		gofree(ptr);
		gom_test_expect_report(test, GOM_FOREIGN_FREE, ptr);
		tried++;
	}
	KUNIT_EXPECT_GT(test, tried, 1000);
}

/* Every byte inside of objects, and behind the last one of a span. */
static void interior(struct kunit *test)
{
	static const size_t sizes[] = { 8, 48, 832 };
	unsigned int offset;
	char *obj;
	int i;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		obj = gom_test_alloc(sizes[i], GFP_KERNEL);
		gom_test_fill(obj, sizes[i], i);
		for (offset = 1; offset < sizes[i]; offset++) {
			gofree(obj + offset);
			gom_test_expect_report(test, GOM_INTERIOR_FREE,
					       obj + offset);
			gofree_nolock(obj + offset);
			gom_test_expect_report(test, GOM_INTERIOR_FREE,
					       obj + offset);
		}
		KUNIT_EXPECT_TRUE(test, gom_test_filled(obj, sizes[i], i));
		KUNIT_EXPECT_EQ(test, gosize(obj), sizes[i]);
		gofree(obj);
	}
}

static void behind_the_last(struct kunit *test)
{
	unsigned int class = gom_size_class(48);
	void *obj = gom_test_alloc(48, GFP_KERNEL), *end;
	struct mspan *span = gom_arena_span(obj);

	KUNIT_ASSERT_LT(test, gom_class[class].nelems * 48, GOM_PAGE_SIZE);
	end = gom_mspan_object(span, span->nelems);
	gofree(end);
	gom_test_expect_report(test, GOM_INTERIOR_FREE, end);
	gofree(obj);
}

/* What gofree() would refuse must not be wiped before. */
static void sensitive(struct kunit *test)
{
	char *large = gom_test_alloc(SZ_64K, GFP_KERNEL);
	unsigned int n = gom_class[gom_size_class(64)].nelems, i;
	void **objs = kunit_kcalloc(test, n, sizeof(*objs), GFP_KERNEL);
	char *first, *second;

	/* All of a span, so that two of them lie side by side. */
	KUNIT_ASSERT_NOT_NULL(test, objs);
	for (i = 0; i < n; i++)
		objs[i] = gom_test_alloc(64, GFP_KERNEL);
	first = gom_mspan_object(gom_arena_span(objs[0]), 0);
	second = first + 64;
	gom_test_fill(first, 64, 1);
	gom_test_fill(second, 64, 2);
	gofree_sensitive(first + 8);
	gom_test_expect_report(test, GOM_INTERIOR_FREE, first + 8);
	KUNIT_EXPECT_TRUE(test, gom_test_filled(first, 64, 1));
	KUNIT_EXPECT_TRUE(test, gom_test_filled(second, 64, 2));

	gofree_sensitive(first);
	gofree_sensitive(first);
	gom_test_expect_report(test, GOM_DOUBLE_FREE, first);
	for (i = 0; i < n; i++)
		if (objs[i] != first)
			gofree(objs[i]);

	gom_test_fill(large, SZ_64K, 3);
	gofree_sensitive(large + GOM_PAGE_SIZE);
	gom_test_expect_report(test, GOM_INTERIOR_FREE, large + GOM_PAGE_SIZE);
	KUNIT_EXPECT_TRUE(test, gom_test_filled(large, SZ_64K, 3));
	gofree_sensitive(large);
	gofree_sensitive(large);
	gom_test_expect_report(test, GOM_STALE_FREE, large);
}

/* Before 6.14 kfree() of what is not slab's drops a reference to its page. */
static void freed_by_kernel(struct kunit *test)
{
	char *obj = gom_test_alloc(192, GFP_KERNEL);
	struct page *page = virt_to_page(obj);
	int i;

	if (!GOM_COMPAT_KFREE_PUTS_PAGES)
		kunit_skip(test, "kfree() drops no reference");
	gom_test_fill(obj, 192, 5);
	for (i = 0; i < 3; i++)
		put_page(page);
	KUNIT_EXPECT_GT(test, page_count(page), 1);
	KUNIT_EXPECT_TRUE(test, gom_test_filled(obj, 192, 5));
	gofree(obj);
	gomalloc_free_os_memory();
}

static void large(struct kunit *test)
{
	char *obj = gom_test_alloc(100000, GFP_KERNEL);
	char *keep = gom_test_alloc(100000, GFP_KERNEL);
	size_t at;

	gom_test_fill(obj, 100000, 1);
	for (at = 8; at < gosize(obj); at += 4088) {
		gofree(obj + at);
		gom_test_expect_report(test, GOM_INTERIOR_FREE, obj + at);
	}
	KUNIT_EXPECT_TRUE(test, gom_test_filled(obj, 100000, 1));
	gofree(obj);
	gofree(obj);
	gom_test_expect_report(test, GOM_STALE_FREE, obj);
	gofree(keep);
	gomalloc_free_os_memory();
	gofree(obj);
	gom_test_expect_report(test, GOM_FOREIGN_FREE, obj);
}

static void tiny(struct kunit *test)
{
	char *a = gom_test_alloc(4, GFP_KERNEL);
	char *b = gom_test_alloc(3, GFP_KERNEL);
	int i;

	KUNIT_ASSERT_PTR_EQ(test, b, a + 4);
	for (i = 1; i < 4; i++) {
		gofree(a + i);
		gom_test_expect_report(test, GOM_INTERIOR_FREE, a + i);
	}
	/* Where the CPU will cut next there is nothing yet. */
	gofree(b + 3);
	gom_test_expect_report(test, GOM_DOUBLE_FREE, b + 3);
	gofree(a);
	gofree(a);
	gom_test_expect_report(test, GOM_DOUBLE_FREE, a);
	gofree_nolock(a);
	gom_test_expect_report(test, GOM_DOUBLE_FREE, a);
	KUNIT_EXPECT_EQ(test, gosize(b), 3);
	gofree(b);
	gofree(b);
	gom_test_expect_report(test, GOM_DOUBLE_FREE, b);
	gom_scavenge_caches();
	gofree(b);
	gom_test_expect_report(test, GOM_STALE_FREE, b);
}

static void realloc_of_nothing(struct kunit *test)
{
	void *large = gom_test_alloc(SZ_64K, GFP_KERNEL);

	gofree(large);
	KUNIT_EXPECT_NULL(test, gorealloc(large, 100, GFP_KERNEL));
	gom_test_expect_report(test, GOM_STALE_FREE, large);
}

/* Nothing is said of what is live, and nothing made of what is not. */
static void use_of_freed(struct kunit *test)
{
	static const size_t sizes[] = { 3, 8, 24, 1024, 4608, SZ_32K };
	void *obj;
	int i;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		obj = gom_test_alloc(sizes[i], GFP_KERNEL);
		KUNIT_EXPECT_GE(test, gosize(obj), sizes[i]);
		if (i) {
			KUNIT_EXPECT_EQ(test, gosize(obj + 1), 0);
			gom_test_expect_report(test, GOM_INTERIOR_FREE,
					       obj + 1);
		}
		gofree(obj);
		KUNIT_EXPECT_EQ(test, gosize(obj), 0);
		gom_test_expect_report(test, GOM_USE_AFTER_FREE, obj);
		KUNIT_EXPECT_NULL(test, gorealloc(obj, 5000, GFP_KERNEL));
		gom_test_expect_report(test, GOM_USE_AFTER_FREE, obj);
		KUNIT_EXPECT_NULL(test, gorealloc(obj, 1, GFP_KERNEL));
		gom_test_expect_report(test, GOM_USE_AFTER_FREE, obj);
	}
}

/* It is not linked into anything, which would outlast it. */
static void rcu_free_of_freed(struct kunit *test)
{
	struct rcu_head *obj;
	void *large;

	obj = gom_test_alloc(64, GFP_KERNEL);
	gofree(obj);
	KUNIT_EXPECT_TRUE(test, __gofree_rcu(obj + 1));
	gom_test_expect_report(test, GOM_DOUBLE_FREE, obj + 1);
	large = gom_test_alloc(SZ_64K, GFP_KERNEL);
	gofree(large);
	KUNIT_EXPECT_TRUE(test, __gofree_rcu(large));
	gom_test_expect_report(test, GOM_STALE_FREE, large);
}

/* kmalloc() and kfree() are no misuse. */
static void slab_is_not_foreign(struct kunit *test)
{
	u64 frees = gom_malloc_forwarded_frees();
	void *obj = kmalloc(100, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, obj);
	KUNIT_EXPECT_FALSE(test, gomalloc_owns(obj));
	KUNIT_EXPECT_GE(test, gosize(obj), 100);
	gofree(obj);
	gofree_sensitive(kmalloc(100, GFP_KERNEL));
	gokvfree(kmalloc(100, GFP_KERNEL));
	gofree_nolock(kmalloc(100, GFP_KERNEL));
	gom_nolock_flush(0);
	KUNIT_EXPECT_EQ(test, gom_malloc_forwarded_frees(), frees + 4);
}

/* The report says who: here, this function. */
static void caller_is_named(struct kunit *test)
{
	unsigned long start = (unsigned long)caller_is_named;
	void *obj = gom_test_alloc(64, GFP_KERNEL);
	struct gom_report_record last;

	gofree(obj);
	gofree(obj);
	gom_test_expect_report(test, GOM_DOUBLE_FREE, obj);
	gom_report_last(&last);
	KUNIT_EXPECT_GT(test, last.caller, start);
	KUNIT_EXPECT_LT(test, last.caller, start + SZ_4K);
	KUNIT_EXPECT_EQ(test, last.class, gom_size_class(64));
}

static void names(struct kunit *test)
{
	int i, k;

	for (i = 0; i < GOM_NR_MISUSES; i++) {
		KUNIT_ASSERT_NOT_NULL(test, gom_report_name(i));
		for (k = 0; k < i; k++)
			KUNIT_EXPECT_STRNEQ(test, gom_report_name(i),
					    gom_report_name(k));
	}
}

static struct kunit_case misuse_cases[] = {
	KUNIT_CASE(double_free),
	KUNIT_CASE(double_free_later),
	KUNIT_CASE(double_free_overwritten),
	KUNIT_CASE(write_after_free),
	KUNIT_CASE(write_after_free_in_span),
	KUNIT_CASE(write_after_free_tiny),
	KUNIT_CASE(foreign),
	KUNIT_CASE(random_pointers),
	KUNIT_CASE(interior),
	KUNIT_CASE(behind_the_last),
	KUNIT_CASE(sensitive),
	KUNIT_CASE(freed_by_kernel),
	KUNIT_CASE(large),
	KUNIT_CASE(tiny),
	KUNIT_CASE(realloc_of_nothing),
	KUNIT_CASE(use_of_freed),
	KUNIT_CASE(rcu_free_of_freed),
	KUNIT_CASE(slab_is_not_foreign),
	KUNIT_CASE(caller_is_named),
	KUNIT_CASE(names),
	{}
};

static struct kunit_suite misuse_suite = {
	.name = "gomalloc_misuse",
	.init = gom_test_init,
	.exit = gom_test_exit,
	.test_cases = misuse_cases,
};

kunit_test_suite(misuse_suite);
