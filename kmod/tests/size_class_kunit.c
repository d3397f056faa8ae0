// SPDX-License-Identifier: GPL-2.0
/*
 * Size classes: every size, and every offset of every class.
 */
#include <linux/sizes.h>
#include "gom_test.h"

/* Whether objects of @class serve @size with the alignment that it is due. */
static bool serves(unsigned int class, size_t size)
{
	u32 bytes = gom_class[class].size;

	return bytes >= size && IS_ALIGNED(bytes, size & -size);
}

static void smallest_that_serves(struct kunit *test)
{
	unsigned int class = 1;
	size_t size;

	for (size = 1; size <= GOMALLOC_MAX_SMALL; size++) {
		if (__gomalloc_is_tiny(size))
			continue;
		class = 1;
		while (class < GOMALLOC_NR_CLASSES && !serves(class, size))
			class++;
		KUNIT_ASSERT_LT_MSG(test, class, GOMALLOC_NR_CLASSES,
				    "size %zu", size);
		KUNIT_EXPECT_EQ_MSG(test, gom_size_class(size), class,
				    "size %zu", size);
		KUNIT_EXPECT_EQ_MSG(test, __gomalloc_const_class(size), class,
				    "size %zu", size);
	}
	KUNIT_EXPECT_EQ(test, class, GOMALLOC_NR_CLASSES - 1);
}

static void powers_are_aligned(struct kunit *test)
{
	size_t size;

	for (size = 8; size <= GOMALLOC_MAX_SMALL; size *= 2)
		KUNIT_EXPECT_EQ(test, gom_class[gom_size_class(size)].size,
				size);
}

static void no_class(struct kunit *test)
{
	static const size_t large[] = {
		GOMALLOC_MAX_SMALL + 1, SZ_64K, SZ_4M, SZ_4M + 1, SIZE_MAX,
	};
	unsigned int tiny = 0, i;
	size_t size;

	KUNIT_EXPECT_EQ(test, gom_size_class(0), 0);
	for (size = 1; size < 32; size++) {
		bool is_tiny = size <= 4;

		KUNIT_EXPECT_EQ(test, __gomalloc_is_tiny(size), is_tiny);
		KUNIT_EXPECT_EQ(test, !gom_size_class(size), is_tiny);
		tiny += is_tiny;
	}
	KUNIT_EXPECT_EQ(test, tiny, 4);
	for (i = 0; i < ARRAY_SIZE(large); i++)
		KUNIT_EXPECT_EQ(test, gom_size_class(large[i]), 0);
}

static void geometry(struct kunit *test)
{
	unsigned int class;

	for (class = 1; class < GOM_NR_SPAN_CLASSES; class++) {
		const struct gom_class *c = &gom_class[class];
		size_t bytes = c->npages * GOM_PAGE_SIZE;
		size_t tail = bytes - c->nelems * c->size;

		KUNIT_EXPECT_GE(test, c->nelems, 1);
		KUNIT_EXPECT_LT_MSG(test, tail, c->size, "class %u", class);
		/* The bound that the table is made to. */
		KUNIT_EXPECT_LE_MSG(test, tail, bytes / 8, "class %u", class);
		if (class > 1 && class < GOMALLOC_NR_CLASSES)
			KUNIT_EXPECT_GT(test, c->size, c[-1].size);
	}
	KUNIT_EXPECT_EQ(test, gom_class[GOM_CLASS_TINY].size, 16);
}

/* Counts first: an expectation for each of a million offsets takes long. */
static void division(struct kunit *test)
{
	unsigned int class, bad_index = 0, bad_divides = 0;
	u32 offset;

	for (class = 1; class < GOM_NR_SPAN_CLASSES; class++) {
		const struct gom_class *c = &gom_class[class];
		u32 bytes = c->npages * GOM_PAGE_SIZE;
		bool fast = class != GOM_CLASS_TINY;

		for (offset = 0; offset < bytes; offset++) {
			bad_index += gom_class_index(class, offset) !=
				     offset / c->size;
			bad_divides += gom_class_divides(class, offset) !=
				       (fast && offset % c->size == 0);
		}
		KUNIT_EXPECT_EQ_MSG(test, bad_index, 0, "class %u", class);
		KUNIT_EXPECT_EQ_MSG(test, bad_divides, 0, "class %u", class);
	}
}

/* The fast path of gofree() leaves these to others. */
static void not_divided(struct kunit *test)
{
	static const u8 bytes[] = {
		GOM_CLASS_NONE, GOM_CLASS_TINY, GOM_CLASS_LARGE, GOM_CLASS_FREE,
	};
	u32 offset;
	int i;

	for (i = 0; i < ARRAY_SIZE(bytes); i++)
		for (offset = 0; offset < SZ_64K; offset += 8)
			if (gom_class_divides(bytes[i], offset))
				KUNIT_FAIL(test, "class byte %u, offset %u",
					   bytes[i], offset);
}

static struct kunit_case size_class_cases[] = {
	KUNIT_CASE(smallest_that_serves),
	KUNIT_CASE(powers_are_aligned),
	KUNIT_CASE(no_class),
	KUNIT_CASE(geometry),
	KUNIT_CASE(division),
	KUNIT_CASE(not_divided),
	{}
};

static struct kunit_suite size_class_suite = {
	.name = "gomalloc_size_class",
	.test_cases = size_class_cases,
};

kunit_test_suite(size_class_suite);
