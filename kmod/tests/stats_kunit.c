// SPDX-License-Identifier: GPL-2.0
/*
 * Statistics: exact for known sequences, and adding up after any.
 */
#include <linux/sizes.h>
#include "gom_test.h"
#include "malloc.h"
#include "tiny.h"

static void check(struct kunit *test, struct gomalloc_stats *s)
{
	u64 mallocs, frees;

	gomalloc_read_stats(s);
	gom_tiny_count(&mallocs, &frees);
	KUNIT_EXPECT_EQ(test, s->heap_inuse, s->alloc + s->mcache_free +
			s->mcentral_free + s->span_waste);
	KUNIT_EXPECT_EQ(test, s->heap_sys, s->heap_inuse + s->heap_idle);
	KUNIT_EXPECT_EQ(test, s->sys, s->heap_sys + s->meta_sys);
	KUNIT_EXPECT_EQ(test, s->mallocs - s->frees, s->heap_objects);
	KUNIT_EXPECT_GE(test, s->peak_sys, s->sys);
	KUNIT_EXPECT_GE(test, s->total_alloc, s->alloc);
	KUNIT_EXPECT_GE(test, mallocs, frees);
	KUNIT_EXPECT_EQ(test, s->limit, S64_MAX);
	KUNIT_EXPECT_EQ(test, s->max, S64_MAX);
}

#define NR	10

/* Bytes and objects, of every class and then some, one size at a time. */
static void known_sequences(struct kunit *test)
{
	struct gomalloc_stats a, b, c;
	void *objs[NR];
	unsigned int class, i;
	size_t size;

	for (class = 1; class < GOMALLOC_NR_CLASSES + 3; class++) {
		size = class < GOMALLOC_NR_CLASSES ? gom_class[class].size :
			SZ_32K << (class - GOMALLOC_NR_CLASSES + 1);
		check(test, &a);
		for (i = 0; i < NR; i++) {
			objs[i] = gom_test_alloc(size, GFP_KERNEL);
			KUNIT_ASSERT_NOT_NULL(test, objs[i]);
		}
		check(test, &b);
		KUNIT_EXPECT_EQ(test, b.mallocs - a.mallocs, NR);
		KUNIT_EXPECT_EQ(test, b.frees, a.frees);
		KUNIT_EXPECT_EQ(test, b.heap_objects - a.heap_objects, NR);
		KUNIT_EXPECT_EQ(test, b.alloc - a.alloc, NR * size);
		KUNIT_EXPECT_EQ(test, b.total_alloc - a.total_alloc, NR * size);
		gofree_bulk(NR, objs);
		check(test, &c);
		KUNIT_EXPECT_EQ(test, c.mallocs, b.mallocs);
		KUNIT_EXPECT_EQ(test, c.frees - b.frees, NR);
		KUNIT_EXPECT_EQ(test, c.heap_objects, a.heap_objects);
		KUNIT_EXPECT_EQ(test, c.alloc, a.alloc);
		KUNIT_EXPECT_EQ(test, c.total_alloc, b.total_alloc);
	}
}

/* Objects are counted one by one, bytes by the block. */
static void tiny(struct kunit *test)
{
	struct gomalloc_stats a, b, c;
	void *objs[16];
	int i;

	check(test, &a);
	for (i = 0; i < ARRAY_SIZE(objs); i++)
		objs[i] = gom_test_alloc(4, GFP_KERNEL);
	check(test, &b);
	KUNIT_EXPECT_EQ(test, b.mallocs - a.mallocs, 16);
	KUNIT_EXPECT_EQ(test, b.heap_objects - a.heap_objects, 16);
	KUNIT_EXPECT_EQ(test, b.alloc - a.alloc, 4 * GOM_TINY_BLOCK);
	gofree_bulk(ARRAY_SIZE(objs), objs);
	check(test, &c);
	KUNIT_EXPECT_EQ(test, c.frees - b.frees, 16);
	KUNIT_EXPECT_EQ(test, c.heap_objects, a.heap_objects);
}

static void class_figures(struct kunit *test)
{
	unsigned int class = gom_size_class(1024), i;
	struct gom_class_stats s;
	void *objs[20];

	gom_stats_class(class, &s);
	KUNIT_EXPECT_EQ(test, s.nspans, 0);
	KUNIT_EXPECT_EQ(test, s.live, 0);
	for (i = 0; i < ARRAY_SIZE(objs); i++)
		objs[i] = gom_test_alloc(1024, GFP_KERNEL);
	for (i = 0; i < 7; i++)
		gofree(objs[i]);
	gom_stats_class(class, &s);
	KUNIT_EXPECT_EQ(test, s.live, ARRAY_SIZE(objs) - 7);
	KUNIT_EXPECT_EQ(test, s.nspans * gom_class[class].nelems,
			s.live + s.mcache + s.ready + s.spans_free);
	KUNIT_EXPECT_EQ(test, s.mcache, gom_mcache_count(0, class));
	gofree_bulk(ARRAY_SIZE(objs) - 7, objs + 7);
}

/* What slab serves is slab's to count, but how often is told. */
static void forwarded(struct kunit *test)
{
	u64 mallocs = gom_malloc_forwarded();
	u64 frees = gom_malloc_forwarded_frees();
	struct gomalloc_stats a, b;
	void *obj, *large;

	check(test, &a);
	obj = gom_test_alloc(100, GFP_KERNEL_ACCOUNT);
	check(test, &b);
	KUNIT_EXPECT_EQ(test, gom_malloc_forwarded(), mallocs + 1);
	KUNIT_EXPECT_EQ(test, b.mallocs, a.mallocs);
	KUNIT_EXPECT_EQ(test, b.sys, a.sys);
	large = gom_test_alloc(20000, GFP_KERNEL_ACCOUNT);
	check(test, &b);
	KUNIT_EXPECT_EQ(test, gom_malloc_forwarded(), mallocs + 1);
	KUNIT_EXPECT_EQ(test, b.mallocs, a.mallocs + 1);
	KUNIT_EXPECT_EQ(test, b.heap_inuse - a.heap_inuse, gosize(large));
	gofree(obj);
	gofree(large);
	KUNIT_EXPECT_EQ(test, gom_malloc_forwarded_frees(), frees + 1);
	check(test, &b);
	KUNIT_EXPECT_EQ(test, b.heap_inuse, a.heap_inuse);
}

static void peak(struct kunit *test)
{
	struct gomalloc_stats a, b;
	void *obj;
	u64 sys;

	gomalloc_read_stats(&a);
	/* Above whatever the cases before this one have reached. */
	obj = gom_test_alloc(SZ_1M, GFP_KERNEL);
	gomalloc_read_stats(&b);
	sys = b.sys;
	KUNIT_EXPECT_GE(test, sys, a.sys + SZ_1M);
	KUNIT_EXPECT_GE(test, b.peak_sys, sys);
	gofree(obj);
	gomalloc_free_os_memory();
	gomalloc_read_stats(&b);
	KUNIT_EXPECT_LT(test, b.sys, sys);
	KUNIT_EXPECT_GE(test, b.peak_sys, sys);
}

/*
 * The class's spans are made to hold more than they ever did, full to the
 * last object, and then less; nobody looks at them meanwhile if @unseen.
 */
static void check_peak(struct kunit *test, unsigned int class, bool unseen)
{
	const struct gom_class *c = &gom_class[class];
	u64 span = c->npages * GOM_PAGE_SIZE, nspans, held;
	struct gom_class_stats s;
	unsigned int i, n;
	void **objs;

	gom_stats_class(class, &s);
	nspans = s.peak_held / span + 70;
	held = nspans * span;
	n = nspans * c->nelems;
	objs = kvmalloc_array(n, sizeof(*objs), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, objs);
	for (i = 0; i < n; i++)
		objs[i] = gom_test_alloc(c->size, GFP_KERNEL);
	if (!unseen) {
		gom_stats_class(class, &s);
		KUNIT_EXPECT_EQ(test, s.held, held);
		KUNIT_EXPECT_EQ(test, s.peak_held, held);
		KUNIT_EXPECT_EQ(test, s.live_bytes, (u64)n * c->size);
	}
	gofree_bulk(n, objs);
	gomalloc_free_os_memory();
	gom_stats_class(class, &s);
	KUNIT_EXPECT_EQ(test, s.held, 0);
	if (unseen) {
		KUNIT_EXPECT_LE(test, s.peak_held, held);
		KUNIT_EXPECT_GE(test, s.peak_held + (s.peak_held >> 6) + span,
				held);
		KUNIT_EXPECT_GE(test, s.peak_live + span,
				s.peak_held / span * c->nelems * c->size);
	} else {
		KUNIT_EXPECT_EQ(test, s.peak_held, held);
		KUNIT_EXPECT_EQ(test, s.peak_live, (u64)n * c->size);
	}
	for (i = 0; i < c->nelems; i++)
		objs[i] = gom_test_alloc(c->size, GFP_KERNEL);
	held = s.peak_held;
	gom_stats_class(class, &s);
	KUNIT_EXPECT_EQ(test, s.held, span);
	KUNIT_EXPECT_EQ(test, s.peak_held, held);
	gofree_bulk(c->nelems, objs);
	kvfree(objs);
}

static void class_peak(struct kunit *test)
{
	check_peak(test, gom_size_class(1024), false);
	check_peak(test, gom_size_class(1024), true);
	check_peak(test, gom_size_class(192), true);
	KUNIT_EXPECT_EQ(test, gom_stats_waste(0, 0), 0);
	KUNIT_EXPECT_EQ(test, gom_stats_waste(3, 4), 2500);
	KUNIT_EXPECT_EQ(test, gom_stats_waste(5, 4), 0);
}

static void large_figures(struct kunit *test)
{
	struct gom_class_stats a, b;
	void *obj;

	gom_stats_class(GOM_CLASS_LARGE, &a);
	obj = gom_test_alloc(SZ_2M, GFP_KERNEL);
	gom_stats_class(GOM_CLASS_LARGE, &b);
	KUNIT_EXPECT_EQ(test, b.live, a.live + 1);
	KUNIT_EXPECT_EQ(test, b.held, a.held + SZ_2M);
	KUNIT_EXPECT_EQ(test, b.live_bytes, b.held);
	KUNIT_EXPECT_GE(test, b.peak_held, b.held);
	KUNIT_EXPECT_EQ(test, b.peak_live, b.peak_held);
	gofree(obj);
}

#define NR_HELD	512

struct held {
	void *obj;
	size_t size;
};

/* The model: a count of objects and of the bytes that they say they have. */
static void random_workload(struct kunit *test)
{
	struct held *held = kunit_kcalloc(test, NR_HELD, sizeof(*held),
					  GFP_KERNEL);
	struct gom_test *t = test->priv;
	u64 objs = 0, bytes = 0, mallocs = 0, frees = 0;
	struct gomalloc_stats s, first;
	unsigned int round;

	KUNIT_ASSERT_NOT_NULL(test, held);
	check(test, &first);
	for (round = 0; round < 20000; round++) {
		struct held *h = &held[gom_test_random(test, NR_HELD)];

		if (h->obj) {
			objs--;
			frees++;
			bytes -= h->size;
			gofree(h->obj);
			h->obj = NULL;
			continue;
		}
		/* From 8 bytes on, as tiny bytes are counted by the block. */
		h->size = max(8, gom_test_random_size(&t->rnd, SZ_64K));
		h->obj = gom_test_alloc(h->size, GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, h->obj);
		h->size = gosize(h->obj);
		objs++;
		mallocs++;
		bytes += h->size;
		if (round % 500)
			continue;
		check(test, &s);
		KUNIT_EXPECT_EQ(test, s.heap_objects - first.heap_objects, objs);
		KUNIT_EXPECT_EQ(test, s.alloc - first.alloc, bytes);
		KUNIT_EXPECT_EQ(test, s.mallocs - first.mallocs, mallocs);
		KUNIT_EXPECT_EQ(test, s.frees - first.frees, frees);
		gom_test_expect_valid(test);
	}
	for (round = 0; round < NR_HELD; round++)
		gofree(held[round].obj);
}

static struct kunit_case stats_cases[] = {
	KUNIT_CASE(known_sequences),
	KUNIT_CASE(tiny),
	KUNIT_CASE(class_figures),
	KUNIT_CASE(class_peak),
	KUNIT_CASE(large_figures),
	KUNIT_CASE(forwarded),
	KUNIT_CASE(peak),
	KUNIT_CASE_SLOW(random_workload),
	{}
};

static struct kunit_suite stats_suite = {
	.name = "gomalloc_stats",
	.init = gom_test_init,
	.exit = gom_test_exit,
	.test_cases = stats_cases,
};

kunit_test_suite(stats_suite);
