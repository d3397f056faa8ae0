// SPDX-License-Identifier: GPL-2.0
/*
 * What makes an attacker's life harder: nothing of the allocator's lies beside
 * objects, a key never reaches a client, the compiler knows sizes for whoever
 * asks it to, and what user space copies too much of is found where it can be.
 */
#define GOMALLOC_FORTIFY

#include <linux/goheap.h>
#include <linux/mman.h>
#include <linux/uaccess.h>
#include "gom_test.h"
#include "magazine.h"
#include "mspan.h"
#include "sample.h"

/* No page of gomalloc's, whatever it is used for. */
static void apart(struct kunit *test, const void *ptr)
{
	KUNIT_EXPECT_NOT_NULL(test, ptr);
	KUNIT_EXPECT_EQ(test, gom_arena_class(ptr), GOM_CLASS_NONE);
}

static void object_is_apart(struct kunit *test, const void *obj)
{
	struct mspan *span = gom_arena_span(obj);

	apart(test, span);
	apart(test, gom_arena_of(obj));
	apart(test, gom_arena_slot(gom_arena_of(obj), gom_arena_page(obj)));
	if (span->bits)
		apart(test, span->bits);
}

static void magazines_are_apart(struct kunit *test, unsigned int class)
{
	struct gomalloc_head *head = raw_cpu_ptr(&gomalloc_mcache.head[class]);
	struct mcache_cold *cold = raw_cpu_ptr(gom_mcache_cold);

	apart(test, head);
	apart(test, (void *)head->slots);
	apart(test, cold->class[class].other);
}

/* Headers, bitmaps, masks, records, maps, magazines. */
static void metadata(struct kunit *test)
{
	static const size_t sizes[] = { 1, 8, 64, 192, 5000, 100000 };
	struct goheap *heap = goheap_create("hardening", NULL);
	unsigned int i, counted;
	void *obj;

	KUNIT_ASSERT_FALSE(test, IS_ERR_OR_NULL(heap));
	apart(test, heap);
	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		/* Plain, and as one that has a record. */
		for (counted = 0; counted < 2; counted++) {
			gom_sample_set_rate(counted);
			obj = gom_test_alloc(sizes[i], GFP_KERNEL);
			KUNIT_ASSERT_NOT_NULL(test, obj);
			object_is_apart(test, obj);
			gofree(obj);
		}
		if (gom_size_class(sizes[i]))
			magazines_are_apart(test, gom_size_class(sizes[i]));
		obj = gom_test_hide(goheap_alloc(heap, sizes[i], GFP_KERNEL));
		KUNIT_ASSERT_NOT_NULL(test, obj);
		object_is_apart(test, obj);
	}
	gom_sample_set_rate(0);
	goheap_destroy(heap);
	apart(test, gom_nodes[numa_mem_id()]);
	apart(test, gomalloc_hot.arenas);
}

/* Neither 0 nor even; of an object that is out nothing tells it. */
static void keys(struct kunit *test)
{
	unsigned int class;
	unsigned long *obj;

	KUNIT_EXPECT_EQ(test, gomalloc_hot.secret & 1, 1);
	KUNIT_EXPECT_NE(test, gomalloc_hot.secret >> 8, 0);
	for (class = 1; class < GOMALLOC_NR_CLASSES; class++) {
		obj = gom_test_alloc(gom_class[class].size, GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, obj);
		KUNIT_EXPECT_EQ(test, *obj, 0);
		gofree(obj);
		KUNIT_EXPECT_EQ(test, *obj, gom_key(obj));
	}
}

#define bytes_known(ptr)	__builtin_object_size(ptr, 0)

static void sizes_known(struct kunit *test)
{
	void *obj = gomalloc(64, GFP_KERNEL);

	KUNIT_EXPECT_EQ(test, bytes_known(obj), 64);
	gofree(obj);
	obj = gozalloc(100, GFP_KERNEL);
	KUNIT_EXPECT_EQ(test, bytes_known(obj), 100);
	gofree(obj);
	obj = gomalloc_node(1000, GFP_KERNEL, NUMA_NO_NODE);
	KUNIT_EXPECT_EQ(test, bytes_known(obj), 1000);
	gofree(obj);
	obj = gomalloc(100000, GFP_KERNEL);
	KUNIT_EXPECT_EQ(test, bytes_known(obj), 100000);
	gofree(obj);
}

static void __user *user_memory(struct kunit *test, size_t size)
{
	unsigned long addr = kunit_vm_mmap(test, NULL, 0, size,
					   PROT_READ | PROT_WRITE,
					   MAP_ANONYMOUS | MAP_PRIVATE, 0);

	KUNIT_ASSERT_NE(test, addr, 0);
	KUNIT_ASSERT_LT(test, addr, (unsigned long)TASK_SIZE);
	return (void __user *)addr;
}

/*
 * CONFIG_HARDENED_USERCOPY lets a copy go beyond an object, beyond its page and
 * beyond its span: pages that are no slab's and not compound it knows nothing of.
 */
static void usercopy_is_not_stopped(struct kunit *test)
{
	void __user *user = user_memory(test, PAGE_SIZE);
	void *obj = gom_test_alloc(64, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, obj);
	KUNIT_EXPECT_EQ(test, copy_to_user(user, obj, 128), 0);
	gofree(obj);
}

/* What was written is found when the object is freed; it is not stopped either. */
static void usercopy_overruns(struct kunit *test)
{
	void __user *user = user_memory(test, PAGE_SIZE);
	void *obj;

	KUNIT_ASSERT_EQ(test, gom_sample_set_debug("Z"), 0);
	obj = gom_test_alloc(64, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, obj);
	KUNIT_EXPECT_EQ(test, copy_from_user(obj, user, 64), 0);
	gofree(obj);
	obj = gom_test_alloc(64, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, obj);
	KUNIT_EXPECT_EQ(test, copy_from_user(obj, user, 65), 0);
	gofree(obj);
	gom_test_expect_report(test, GOM_OVERRUN, obj);
}

static struct kunit_case hardening_cases[] = {
	KUNIT_CASE(metadata),
	KUNIT_CASE(keys),
	KUNIT_CASE(sizes_known),
	KUNIT_CASE(usercopy_is_not_stopped),
	KUNIT_CASE(usercopy_overruns),
	{}
};

static struct kunit_suite hardening_suite = {
	.name = "gomalloc_hardening",
	.init = gom_test_init,
	.exit = gom_test_exit,
	.test_cases = hardening_cases,
};

kunit_test_suite(hardening_suite);
