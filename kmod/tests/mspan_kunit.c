// SPDX-License-Identifier: GPL-2.0
/*
 * Spans of pages that no heap knows: keys, and the bitmap against a model.
 */
#include <linux/bitmap.h>
#include <linux/gfp.h>
#include "gom_test.h"
#include "mspan.h"

static size_t span_bytes(unsigned int class)
{
	return gom_class[class].npages * GOM_PAGE_SIZE;
}

static struct mspan *make(struct kunit *test, unsigned int class)
{
	struct mspan *span = gom_mspan_alloc(GFP_KERNEL);
	void *pages = alloc_pages_exact(span_bytes(class), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, span);
	KUNIT_ASSERT_NOT_NULL(test, pages);
	KUNIT_EXPECT_EQ(test, span->state, MSPAN_MOVING);
	memset(pages, 0xa5, span_bytes(class));
	span->start = (unsigned long)pages;
	span->class = class;
	span->npages = gom_class[class].npages;
	KUNIT_ASSERT_EQ(test, gom_mspan_cut(span, GFP_KERNEL), 0);
	return span;
}

static void unmake(struct mspan *span)
{
	gom_mspan_uncut(span);
	free_pages_exact((void *)span->start, span_bytes(span->class));
	gom_mspan_free(span);
}

/* Every object has its key, and so has the address behind the last one. */
static void keys(struct kunit *test)
{
	unsigned int class, phantoms = 0;

	for (class = 1; class < GOM_NR_SPAN_CLASSES; class++) {
		const struct gom_class *c = &gom_class[class];
		struct mspan *span = make(test, class);
		unsigned long obj = span->start;
		unsigned long end = obj + span_bytes(class);
		unsigned int i, bad = 0;

		KUNIT_EXPECT_EQ(test, span->nelems, c->nelems);
		for (i = 0; i < c->nelems; i++, obj += c->size)
			bad += *(unsigned long *)obj != gom_key((void *)obj);
		KUNIT_EXPECT_EQ_MSG(test, bad, 0, "class %u", class);
		if (obj < end) {
			phantoms++;
			KUNIT_EXPECT_EQ_MSG(test, *(unsigned long *)obj,
					    gom_key((void *)obj),
					    "class %u", class);
		}
		unmake(span);
	}
	KUNIT_EXPECT_GT(test, phantoms, 10);
}

static void take_all(struct kunit *test)
{
	unsigned int class;

	for (class = 1; class < GOM_NR_SPAN_CLASSES; class++) {
		unsigned int n = gom_class[class].nelems, i, bad = 0;
		struct mspan *span = make(test, class);
		void **objs = kunit_kcalloc(test, n + 1, sizeof(*objs),
					    GFP_KERNEL);

		KUNIT_ASSERT_NOT_NULL(test, objs);
		KUNIT_EXPECT_EQ(test, gom_mspan_take(span, objs, n + 1), n);
		KUNIT_EXPECT_EQ(test, span->nalloc, n);
		KUNIT_EXPECT_EQ(test, gom_mspan_take(span, objs, 1), 0);
		for (i = 0; i < n; i++)
			bad += objs[i] != (void *)(span->start +
						   i * gom_class[class].size);
		/* The second, failed take must have stored nothing. */
		KUNIT_EXPECT_EQ_MSG(test, bad, 0, "class %u", class);
		KUNIT_EXPECT_FALSE(test, gom_mspan_give(span, n));
		unmake(span);
	}
}

static void check(struct kunit *test, struct mspan *span,
		  const unsigned long *model)
{
	unsigned int n = span->nelems;
	unsigned int first = find_first_zero_bit(model, n);

	KUNIT_EXPECT_TRUE(test, bitmap_equal(span->bits, model, n));
	KUNIT_EXPECT_EQ(test, span->nalloc, bitmap_weight(model, n));
	KUNIT_EXPECT_LE(test, span->hint * BITS_PER_LONG,
			round_up(first, BITS_PER_LONG));
}

static void model(struct kunit *test)
{
	static const u16 sizes[] = { 8, 24, 64, 80, 512, 832, 4608, 32768 };
	DECLARE_BITMAP(model, GOM_PAGE_SIZE / 8);
	unsigned int s, round, n, i, k, got, want, took;
	void *objs[100];

	for (s = 0; s <= ARRAY_SIZE(sizes); s++) {
		unsigned int class = s < ARRAY_SIZE(sizes) ?
			gom_size_class(sizes[s]) : GOM_CLASS_TINY;
		struct mspan *span = make(test, class);

		n = span->nelems;
		took = 0;
		bitmap_zero(model, GOM_PAGE_SIZE / 8);
		for (round = 0; round < 300; round++) {
			/* Runs of more taking than giving, and the reverse. */
			if (gom_test_random(test, 10) < (round / 50 % 2 ? 3 : 7)) {
				want = 1 + gom_test_random(test, ARRAY_SIZE(objs));
				got = gom_mspan_take(span, objs, want);
				KUNIT_EXPECT_EQ(test, got,
						min(want, n - bitmap_weight(model, n)));
				for (k = 0; k < got; k++) {
					i = find_first_zero_bit(model, n);
					KUNIT_EXPECT_PTR_EQ(test, objs[k],
							    gom_mspan_object(span, i));
					__set_bit(i, model);
				}
				took += got;
			} else {
				for (k = 0; k < 50; k++) {
					i = gom_test_random(test, n);
					KUNIT_EXPECT_EQ(test,
							gom_mspan_give(span, i),
							__test_and_clear_bit(i, model));
				}
			}
			check(test, span, model);
		}
		KUNIT_EXPECT_GT(test, took, n);
		unmake(span);
	}
}

/* All objects of @span by their indices. */
static void take_one_by_one(struct kunit *test, struct mspan *span,
			    u16 *order)
{
	DECLARE_BITMAP(seen, GOM_PAGE_SIZE / 8) = {};
	unsigned int n = span->nelems, i, k, doubled = 0;
	void *obj;

	for (k = 0; k < n; k++) {
		KUNIT_ASSERT_EQ(test, gom_mspan_take(span, &obj, 1), 1);
		i = gom_class_index(span->class, gom_mspan_offset(span, obj));
		KUNIT_ASSERT_LT(test, i, n);
		KUNIT_ASSERT_PTR_EQ(test, obj, gom_mspan_object(span, i));
		doubled += __test_and_set_bit(i, seen);
		order[k] = i;
	}
	KUNIT_EXPECT_EQ(test, doubled, 0);
	KUNIT_EXPECT_EQ(test, gom_mspan_take(span, &obj, 1), 0);
}

static bool rises(const u16 *order, unsigned int n)
{
	unsigned int k;

	for (k = 1; k < n && order[k - 1] < order[k]; k++)
		;
	return k == n;
}

/* Of two fresh spans each object comes once, in orders that say nothing. */
static void random_order(struct kunit *test)
{
	static const u16 sizes[] = { 8, 24, 64, 80, 512 };
	u16 *a = kunit_kcalloc(test, GOM_PAGE_SIZE / 8, 2 * sizeof(*a),
			       GFP_KERNEL);
	u16 *b = a + GOM_PAGE_SIZE / 8;
	unsigned int s, n;

	KUNIT_ASSERT_NOT_NULL(test, a);
	WRITE_ONCE(gom_mspan_random, true);
	for (s = 0; s < ARRAY_SIZE(sizes); s++) {
		unsigned int class = gom_size_class(sizes[s]);
		struct mspan *one = make(test, class), *other = make(test, class);

		n = one->nelems;
		take_one_by_one(test, one, a);
		take_one_by_one(test, other, b);
		KUNIT_EXPECT_FALSE(test, rises(a, n));
		KUNIT_EXPECT_FALSE(test, rises(b, n));
		KUNIT_EXPECT_NE(test, memcmp(a, b, n * sizeof(*a)), 0);
		unmake(other);
		unmake(one);
	}
}

/* Each of 16 objects comes first in some 64 of 1024 spans. */
static void random_first(struct kunit *test)
{
	unsigned int class = gom_size_class(512), i, k;
	unsigned int first[16] = {};

	KUNIT_ASSERT_GE(test, gom_class[class].nelems, 16);
	WRITE_ONCE(gom_mspan_random, true);
	for (k = 0; k < 16 * 64; k++) {
		struct mspan *span = make(test, class);
		void *obj;

		KUNIT_EXPECT_EQ(test, gom_mspan_take(span, &obj, 1), 1);
		i = gom_class_index(class, gom_mspan_offset(span, obj));
		if (i < ARRAY_SIZE(first))
			first[i]++;
		unmake(span);
	}
	for (i = 0; i < ARRAY_SIZE(first); i++)
		KUNIT_EXPECT_GT(test, first[i], 16);
}

/* The setting may change while objects are out. */
static void random_now_and_then(struct kunit *test)
{
	struct mspan *span = make(test, gom_size_class(24));
	DECLARE_BITMAP(model, GOM_PAGE_SIZE / 8) = {};
	unsigned int round, i, k, got;
	void *objs[40];

	for (round = 0; round < 200; round++) {
		WRITE_ONCE(gom_mspan_random, round % 3);
		got = gom_mspan_take(span, objs, ARRAY_SIZE(objs));
		KUNIT_EXPECT_EQ(test, got,
				min_t(unsigned int, ARRAY_SIZE(objs),
				      span->nelems -
				      bitmap_weight(model, span->nelems)));
		for (k = 0; k < got; k++) {
			i = gom_class_index(span->class,
					    gom_mspan_offset(span, objs[k]));
			KUNIT_EXPECT_FALSE(test, __test_and_set_bit(i, model));
		}
		for (k = 0; k < 60; k++) {
			i = gom_test_random(test, span->nelems);
			KUNIT_EXPECT_EQ(test, gom_mspan_give(span, i),
					__test_and_clear_bit(i, model));
		}
		check(test, span, model);
	}
	unmake(span);
}

static int mspan_init(struct kunit *test)
{
	int err = gom_test_init(test);
	struct gom_test *state = test->priv;

	if (err)
		return err;
	state->own = (void *)(long)gom_mspan_random;
	WRITE_ONCE(gom_mspan_random, false);
	return 0;
}

static void mspan_exit(struct kunit *test)
{
	struct gom_test *state = test->priv;

	WRITE_ONCE(gom_mspan_random, state->own);
	gom_test_exit(test);
}

static struct kunit_case mspan_cases[] = {
	KUNIT_CASE(keys),
	KUNIT_CASE(take_all),
	KUNIT_CASE(model),
	KUNIT_CASE(random_order),
	KUNIT_CASE(random_first),
	KUNIT_CASE(random_now_and_then),
	{}
};

static struct kunit_suite mspan_suite = {
	.name = "gomalloc_mspan",
	.init = mspan_init,
	.exit = mspan_exit,
	.test_cases = mspan_cases,
};

kunit_test_suite(mspan_suite);
