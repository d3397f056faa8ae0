// SPDX-License-Identifier: GPL-2.0
/*
 * Central lists, driven directly: one class of which nothing else is out.
 */
#include <linux/delay.h>
#include <linux/mm.h>
#include "gom_test.h"
#include "mcentral.h"
#include "mheap.h"

#define SIZE	1024

static unsigned int class_of_test(void)
{
	return gom_size_class(SIZE);
}

static unsigned int per_span(void)
{
	return gom_class[class_of_test()].nelems;
}

static struct mcentral *central_of_test(void)
{
	return gom_central(numa_mem_id(), class_of_test());
}

static void give(void **objs, unsigned int n)
{
	unsigned int i;

	for (i = 0; i < n; i++)
		*(unsigned long *)objs[i] = gom_key(objs[i]);
	gom_mcentral_give(class_of_test(), objs, n);
}

static void shed(struct mcentral *c)
{
	while (gom_mcentral_shed(c))
		;
}

/* All objects of @n new spans, in address order within each. */
static void take_spans(struct kunit *test, void **objs, unsigned int n)
{
	struct mcentral *c = central_of_test();
	unsigned int i;

	for (i = 0; i < n; i++, objs += per_span()) {
		objs[0] = gom_mcentral_grow(c, GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, objs[0]);
		KUNIT_ASSERT_EQ(test,
				gom_mcentral_take(c, objs + 1, per_span() - 1),
				per_span() - 1);
	}
	KUNIT_EXPECT_EQ(test, c->nspans, n);
	KUNIT_EXPECT_EQ(test, c->nalloc, n * per_span());
	KUNIT_EXPECT_EQ(test, c->nonempty, 0);
}

static void fullest_first(struct kunit *test)
{
	/* How many objects of each span come back. */
	static const u8 back[] = { 5, 1, 7, 2 };
	struct mcentral *c = central_of_test();
	void *objs[4 * 8], *obj;
	unsigned int i, k, n = per_span(), room[4], most;

	KUNIT_ASSERT_EQ(test, n, 8);
	take_spans(test, objs, 4);
	for (i = 0; i < 4; i++) {
		give(objs + i * n, back[i]);
		room[i] = back[i];
	}
	KUNIT_EXPECT_EQ(test, c->nready, 0);
	for (k = 0; k < 5 + 1 + 7 + 2; k++) {
		KUNIT_ASSERT_EQ(test, gom_mcentral_take(c, &obj, 1), 1);
		/* No span may be fuller by a power of two than the one used. */
		for (i = 0; i < 4; i++)
			if (gom_arena_span(obj) == gom_arena_span(objs[i * n]))
				break;
		KUNIT_ASSERT_LT(test, i, 4);
		for (most = 0; most < 4; most++)
			if (room[most])
				KUNIT_EXPECT_LE(test, fls(room[i]),
						fls(room[most]));
		KUNIT_EXPECT_PTR_EQ(test, obj, objs[i * n + back[i] - room[i]]);
		room[i]--;
	}
	KUNIT_EXPECT_EQ(test, gom_mcentral_take(c, &obj, 1), 0);
	for (i = 0; i < 4; i++)
		give(objs + i * n, n);
}

static struct magazine *magazine_of(struct kunit *test, void **objs,
				    unsigned int n)
{
	struct magazine *mag = gom_magazine_alloc(n);
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, mag);
	for (i = 0; i < n; i++) {
		*(unsigned long *)objs[i] = gom_key(objs[i]);
		mag->slot[i] = objs[i];
	}
	mag->count = n;
	return mag;
}

/* What one flushes the next takes, as it is, without a look at its span. */
static void ready_stock(struct kunit *test)
{
	struct mcentral *c = central_of_test();
	struct magazine *mag, *empty;
	unsigned int n = per_span();
	unsigned int wanted = 0;
	void *objs[2 * 8];

	take_spans(test, objs, 2);
	mag = magazine_of(test, objs, n);

	/* No empty one to give for it: emptied into the spans. */
	KUNIT_ASSERT_NULL(test, c->spare);
	KUNIT_EXPECT_PTR_EQ(test, gom_mcentral_flush(c, mag, &wanted), mag);
	KUNIT_EXPECT_EQ(test, wanted, n);
	KUNIT_EXPECT_EQ(test, mag->count, 0);
	KUNIT_EXPECT_EQ(test, c->nready, 0);
	KUNIT_EXPECT_EQ(test, c->nalloc, n);
	gom_magazine_free(mag);

	mag = magazine_of(test, objs + n, n);
	gom_mcentral_add_spare(c, per_span());
	wanted = 0;
	empty = gom_mcentral_flush(c, mag, &wanted);
	KUNIT_EXPECT_PTR_NE(test, empty, mag);
	KUNIT_EXPECT_EQ(test, wanted, 0);
	KUNIT_EXPECT_EQ(test, empty->count, 0);
	KUNIT_EXPECT_EQ(test, c->nready, n);
	KUNIT_EXPECT_EQ(test, c->nalloc, n);
	KUNIT_EXPECT_PTR_EQ(test, gom_mcentral_refill(c, empty), mag);
	KUNIT_EXPECT_EQ(test, mag->count, n);
	KUNIT_EXPECT_PTR_EQ(test, mag->slot[0], objs[n]);
	KUNIT_EXPECT_EQ(test, c->nready, 0);
	KUNIT_EXPECT_PTR_EQ(test, c->spare, empty);

	/* One by one from the stock, until the magazine is a spare one. */
	wanted = 0;
	empty = gom_mcentral_flush(c, mag, &wanted);
	KUNIT_EXPECT_EQ(test, gom_mcentral_take(c, objs, n), n);
	KUNIT_EXPECT_PTR_EQ(test, objs[0], mag->slot[n - 1]);
	KUNIT_EXPECT_NULL(test, c->full);
	KUNIT_EXPECT_PTR_EQ(test, c->spare, mag);
	give(objs, n);
	gom_magazine_free(empty);
}

/* Beyond so many objects a magazine is emptied whatever spares there are. */
static void stock_is_bounded(struct kunit *test)
{
	struct mcentral *c = central_of_test();
	u32 max = c->max_ready;
	struct magazine *mag;
	unsigned int wanted = 0;
	void *objs[8];

	take_spans(test, objs, 1);
	mag = magazine_of(test, objs, per_span());
	gom_mcentral_add_spare(c, per_span());
	c->max_ready = per_span() - 1;
	KUNIT_EXPECT_PTR_EQ(test, gom_mcentral_flush(c, mag, &wanted), mag);
	c->max_ready = max;
	KUNIT_EXPECT_EQ(test, wanted, 0);
	KUNIT_EXPECT_EQ(test, mag->count, 0);
	KUNIT_EXPECT_EQ(test, c->nready, 0);
	gom_magazine_free(mag);
}

/* Where much room is in spans, objects go there and not to the stock. */
static void sparse_spans(struct kunit *test)
{
	struct mcentral *c = central_of_test();
	unsigned int n = per_span(), wanted = 0, i;
	void *objs[4 * 8], *back[2 * 8];
	struct magazine *mag;

	take_spans(test, objs, 4);
	KUNIT_EXPECT_FALSE(test, c->sparse);
	/* A span's worth is no sign of anything. */
	for (i = 0; i < 4; i++)
		give(objs + i * n, n / 4);
	KUNIT_EXPECT_FALSE(test, c->sparse);
	for (i = 0; i < 4; i++)
		give(objs + i * n + n / 4, n / 4);
	KUNIT_EXPECT_TRUE(test, c->sparse);

	mag = gom_magazine_alloc(n / 4);
	KUNIT_ASSERT_NOT_NULL(test, mag);
	mag = gom_mcentral_refill(c, mag);
	KUNIT_ASSERT_EQ(test, mag->count, n / 4);
	for (i = 0; i < mag->count; i++)
		*(unsigned long *)mag->slot[i] = gom_key(mag->slot[i]);
	gom_mcentral_add_spare(c, n);
	KUNIT_ASSERT_PTR_EQ(test, gom_mcentral_flush(c, mag, &wanted), mag);
	KUNIT_EXPECT_EQ(test, wanted, 0);
	KUNIT_EXPECT_EQ(test, c->nready, 0);
	gom_magazine_free(mag);

	/* Full again. */
	KUNIT_EXPECT_EQ(test, gom_mcentral_take(c, back, 2 * n - 1), 2 * n - 1);
	mag = gom_mcentral_refill(c, gom_magazine_alloc(n));
	KUNIT_ASSERT_EQ(test, mag->count, 1);
	KUNIT_EXPECT_FALSE(test, c->sparse);
	KUNIT_EXPECT_GT(test, c->max_ready, 0);
	back[2 * n - 1] = mag->slot[0];
	gom_magazine_free(mag);
	give(back, 2 * n);
	for (i = 0; i < 4; i++)
		give(objs + i * n + n / 2, n / 2);
}

static void shed_when_idle(struct kunit *test)
{
	struct mcentral *c = central_of_test();
	struct magazine *mag;
	unsigned int wanted;
	void *objs[8], *obj;

	take_spans(test, objs, 1);
	mag = magazine_of(test, objs, per_span() - 1);
	gom_mcentral_add_spare(c, per_span());
	mag = gom_mcentral_flush(c, mag, &wanted);
	KUNIT_ASSERT_EQ(test, c->nready, per_span() - 1);
	/* Here it begins to watch. */
	gom_mcentral_shed_unused(c);
	/* All was taken and came back: it is needed, and stays. */
	mag = gom_mcentral_refill(c, mag);
	KUNIT_EXPECT_EQ(test, c->nready, 0);
	mag = gom_mcentral_flush(c, mag, &wanted);
	KUNIT_EXPECT_EQ(test, gom_mcentral_take(c, &obj, 1), 1);
	msleep(100);
	gom_mcentral_shed_unused(c);
	KUNIT_EXPECT_EQ(test, c->nready, per_span() - 2);
	/* Another CPU's look comes at once. */
	gom_mcentral_shed_unused(c);
	KUNIT_EXPECT_EQ(test, c->nready, per_span() - 2);
	msleep(100);
	gom_mcentral_shed_unused(c);
	KUNIT_EXPECT_EQ(test, c->nready, 0);
	KUNIT_EXPECT_NULL(test, c->full);
	KUNIT_EXPECT_EQ(test, c->nalloc, 2);
	give(&obj, 1);
	give(objs + per_span() - 1, 1);
	gom_magazine_free(mag);
}

/* Empty spans stay with the class, serve last, and leave when asked. */
static void empty_spans_stay(struct kunit *test)
{
	struct mcentral *c = central_of_test();
	struct mheap *heap = &gom_node(c->nid)->heap;
	void *objs[3 * 8], *obj;
	unsigned long idle;

	take_spans(test, objs, 3);
	idle = heap->free_pages;
	KUNIT_EXPECT_FALSE(test, gom_mcentral_has_empty(c));
	give(objs, 2 * per_span() + 1);
	KUNIT_EXPECT_TRUE(test, gom_mcentral_has_empty(c));
	KUNIT_EXPECT_EQ(test, c->nspans, 3);
	KUNIT_EXPECT_EQ(test, heap->free_pages, idle);
	KUNIT_EXPECT_EQ(test, gom_mcentral_take(c, &obj, 1), 1);
	KUNIT_EXPECT_PTR_EQ(test, obj, objs[2 * per_span()]);
	KUNIT_EXPECT_EQ(test, gom_mcentral_trim(c, 1), 1);
	KUNIT_EXPECT_EQ(test, gom_mcentral_trim(c, 5), 1);
	KUNIT_EXPECT_EQ(test, gom_mcentral_trim(c, 5), 0);
	KUNIT_EXPECT_EQ(test, c->nspans, 1);
	KUNIT_EXPECT_GT(test, heap->free_pages, idle);
	give(objs + 2 * per_span(), per_span());
}

/* The heap does not grow for one class while another keeps spans empty. */
static void empty_spans_serve_others(struct kunit *test)
{
	struct mcentral *c = central_of_test();
	struct mheap *heap = &gom_node(c->nid)->heap;
	enum { NR = 64 };
	void **objs = kunit_kcalloc(test, NR * per_span(), sizeof(*objs),
				    GFP_KERNEL);
	u64 grown;
	void *obj;

	KUNIT_ASSERT_NOT_NULL(test, objs);
	take_spans(test, objs, NR);
	/* All of the heap is in spans; its blocks lie anywhere. */
	gom_mheap_release(heap, ULONG_MAX);
	give(objs, NR * per_span());
	KUNIT_EXPECT_EQ(test, c->nspans, NR);
	grown = heap->grown;
	/* The smallest block is a span of this size. */
	obj = gom_test_alloc(SZ_32K, GFP_KERNEL);
	KUNIT_EXPECT_NOT_NULL(test, obj);
	KUNIT_EXPECT_EQ(test, heap->grown, grown);
	KUNIT_EXPECT_LT(test, c->nspans, NR);
	gofree(obj);
}

static void empty_spans_return(struct kunit *test)
{
	struct mcentral *c = central_of_test();
	struct mheap *heap = &gom_node(c->nid)->heap;
	unsigned long idle = heap->free_pages;
	enum { NR = 3 * 8 };
	void *objs[NR];
	u8 order[NR];
	int i;

	take_spans(test, objs, 3);
	gom_test_shuffle(test, order, NR);
	for (i = 0; i < NR; i++) {
		give(objs + order[i], 1);
		shed(c);
		KUNIT_EXPECT_EQ(test, c->nalloc, NR - 1 - i);
	}
	KUNIT_EXPECT_EQ(test, c->nspans, 0);
	KUNIT_EXPECT_EQ(test, c->nonempty, 0);
	KUNIT_EXPECT_GT(test, heap->free_pages, idle);
	KUNIT_EXPECT_EQ(test, heap->free_pages, heap->pages);
}

/* Both copies in one batch, its span empty in between or not. */
static void double_return(struct kunit *test)
{
	struct mcentral *c = central_of_test();
	void *objs[8], *twice[2];

	take_spans(test, objs, 1);
	twice[0] = objs[3];
	twice[1] = objs[3];
	give(twice, 2);
	shed(c);
	gom_test_expect_report(test, GOM_DOUBLE_FREE, objs[3]);
	KUNIT_EXPECT_EQ(test, c->nalloc, per_span() - 1);

	objs[3] = objs[0];
	objs[0] = objs[7];
	give(objs + 1, 6);
	shed(c);
	KUNIT_EXPECT_EQ(test, c->nalloc, 1);
	twice[0] = objs[0];
	twice[1] = objs[0];
	give(twice, 2);
	shed(c);
	gom_test_expect_report(test, GOM_DOUBLE_FREE, objs[0]);
	KUNIT_EXPECT_EQ(test, c->nspans, 0);
}

/* The second copy comes when its span is no more. */
static void double_return_late(struct kunit *test)
{
	struct mcentral *c = central_of_test();
	void *objs[8], *late;

	take_spans(test, objs, 1);
	late = objs[5];
	give(objs, per_span());
	shed(c);
	KUNIT_ASSERT_EQ(test, c->nspans, 0);
	give(&late, 1);
	shed(c);
	gom_test_expect_report(test, GOM_DOUBLE_FREE, late);
}

/*
 * A class takes short spans until long ones pay, and where there is no longer
 * block.
 */
static void young_classes(struct kunit *test)
{
	const unsigned int class = gom_size_class(6656);
	const struct gom_class *c = &gom_class[class];
	struct mcentral *central = gom_central(numa_mem_id(), class);
	void *objs[16];
	unsigned int i;

	KUNIT_ASSERT_GT(test, c->npages, c->npages_short);
	KUNIT_ASSERT_LT(test, c->young + 2, ARRAY_SIZE(objs));
	for (i = 0; i < c->young; i++) {
		objs[i] = gom_mcentral_grow(central, GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, objs[i]);
		KUNIT_EXPECT_EQ(test, gom_arena_span(objs[i])->npages,
				c->npages_short);
		KUNIT_EXPECT_EQ(test, gom_arena_span(objs[i])->nelems,
				c->nelems_short);
	}
	objs[i] = gom_mcentral_grow(central, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, objs[i]);
	KUNIT_EXPECT_EQ(test, gom_arena_span(objs[i])->npages, c->npages);
	KUNIT_EXPECT_EQ(test, central->npages,
			c->young * c->npages_short + c->npages);
	KUNIT_EXPECT_EQ(test, central->nelems,
			c->young * c->nelems_short + c->nelems);
	gom_test_expect_valid(test);
	gom_test_fail_all(test, GOM_TEST_BLOCKS);
	gom_test_failure.bytes = 2 * GOM_PAGE_SIZE;
	gom_mheap_release(&gom_node(numa_mem_id())->heap, ULONG_MAX);
	i++;
	objs[i] = gom_mcentral_grow(central, GFP_KERNEL);
	gom_test_fail_none(test);
	KUNIT_ASSERT_NOT_NULL(test, objs[i]);
	KUNIT_EXPECT_EQ(test, gom_arena_span(objs[i])->npages, c->npages_short);
	for (; i < ARRAY_SIZE(objs); i--) {
		*(unsigned long *)objs[i] = gom_key(objs[i]);
		gom_mcentral_give(class, &objs[i], 1);
	}
	shed(central);
	KUNIT_EXPECT_EQ(test, central->npages, 0);
	KUNIT_EXPECT_EQ(test, central->nelems, 0);
}

static struct kunit_case mcentral_cases[] = {
	KUNIT_CASE(fullest_first),
	KUNIT_CASE(ready_stock),
	KUNIT_CASE(stock_is_bounded),
	KUNIT_CASE(sparse_spans),
	KUNIT_CASE(empty_spans_stay),
	KUNIT_CASE(empty_spans_serve_others),
	KUNIT_CASE(shed_when_idle),
	KUNIT_CASE(empty_spans_return),
	KUNIT_CASE(double_return),
	KUNIT_CASE(double_return_late),
	KUNIT_CASE(young_classes),
	{}
};

static struct kunit_suite mcentral_suite = {
	.name = "gomalloc_mcentral",
	.init = gom_test_init,
	.exit = gom_test_exit,
	.test_cases = mcentral_cases,
};

kunit_test_suite(mcentral_suite);
