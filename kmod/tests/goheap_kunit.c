// SPDX-License-Identifier: GPL-2.0
/*
 * Heaps of clients: all that is done to objects, one by one and whole; what
 * heaps hold, and must not; misuse; and memory that cannot be had.
 */
#include <kunit/static_stub.h>
#include <linux/module.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/sizes.h>
#include <linux/string.h>
#include "goheap.h"
#include "gom_test.h"
#include "granules.h"
#include "heaps.h"
#include "mheap.h"
#include "sample.h"
#include "scan.h"
#include "site.h"
#include "views.h"

#define QUIET	(GFP_KERNEL | __GFP_NOWARN)

static const struct goheap_params whole = { .flags = GOHEAP_FREE_WHOLE };

static struct goheap *create(struct kunit *test,
			     const struct goheap_params *params)
{
	struct goheap *heap = goheap_create("test", params);

	KUNIT_ASSERT_FALSE(test, IS_ERR(heap));
	return heap;
}

static void *get(struct goheap *heap, size_t size)
{
	return gom_test_hide(goheap_alloc(heap, size, QUIET));
}

static struct goheap_stats read(struct kunit *test, struct goheap *heap)
{
	struct goheap_stats s = {};

	KUNIT_EXPECT_EQ(test, goheap_read_stats(heap, &s), 0);
	KUNIT_EXPECT_EQ(test, s.objects, s.mallocs - s.frees);
	return s;
}

/* === One by one ========================================================== */

static const u32 sizes[] = {
	1, 4, 5, 8, 9, 24, 64, 65, 100, 512, 1000, 4096, 5000, SZ_8K, 9000,
	SZ_8K + 1, SZ_16K, 30000, SZ_32K, SZ_32K + 1, SZ_64K, 100000, SZ_1M, SZ_4M,
};

static size_t room_for(size_t size)
{
	return ALIGN(size, size > GOM_PAGE_SIZE ? GOM_PAGE_SIZE : 8);
}

static void each_size(struct kunit *test)
{
	struct goheap *heap = create(test, NULL);
	void *objs[ARRAY_SIZE(sizes)];
	struct goheap_stats s;
	u64 bytes = 0;
	int i;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		size_t align = max(gom_test_alignment(sizes[i]), 8UL);

		objs[i] = get(heap, sizes[i]);
		KUNIT_ASSERT_NOT_NULL(test, objs[i]);
		KUNIT_EXPECT_TRUE(test, IS_ALIGNED((unsigned long)objs[i], align));
		KUNIT_EXPECT_EQ(test, gosize(objs[i]), room_for(sizes[i]));
		KUNIT_EXPECT_TRUE(test, gomalloc_owns(objs[i]));
		KUNIT_EXPECT_EQ(test, gom_arena_class(objs[i]), GOM_CLASS_HEAP);
		gom_test_fill(objs[i], gosize(objs[i]), i);
		bytes += room_for(sizes[i]);
	}
	gom_test_expect_valid(test);
	s = read(test, heap);
	KUNIT_EXPECT_EQ(test, s.objects, ARRAY_SIZE(sizes));
	KUNIT_EXPECT_EQ(test, s.bytes, bytes);
	KUNIT_EXPECT_EQ(test, s.total_bytes, bytes);
	KUNIT_EXPECT_GE(test, s.held, bytes);
	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		KUNIT_EXPECT_TRUE(test, gom_test_filled(objs[i], gosize(objs[i]), i));
		gofree(objs[i]);
	}
	gom_test_expect_valid(test);
	s = read(test, heap);
	KUNIT_EXPECT_EQ(test, s.objects, 0);
	KUNIT_EXPECT_EQ(test, s.bytes, 0);
	KUNIT_EXPECT_EQ(test, s.peak, bytes);
	KUNIT_EXPECT_EQ(test, goheap_destroy(heap), 0);
}

static void zero_and_too_large(struct kunit *test)
{
	struct goheap *heap = create(test, NULL);

	KUNIT_EXPECT_PTR_EQ(test, get(heap, 0), ZERO_SIZE_PTR);
	KUNIT_EXPECT_NULL(test, get(heap, GOMALLOC_MAX_SIZE + 1));
	KUNIT_EXPECT_NULL(test, get(heap, SIZE_MAX));
	KUNIT_EXPECT_EQ(test, read(test, heap).mallocs, 0);
	KUNIT_EXPECT_EQ(test, read(test, heap).held, 0);
	KUNIT_EXPECT_EQ(test, goheap_destroy(heap), 0);
}

static void zeroed(struct kunit *test)
{
	struct goheap *heap = create(test, &whole);
	int i, round;
	void *obj;

	for (round = 0; round < 2; round++) {
		for (i = 0; i < ARRAY_SIZE(sizes); i++) {
			obj = goheap_zalloc(heap, sizes[i], QUIET);
			KUNIT_ASSERT_NOT_NULL(test, obj);
			KUNIT_EXPECT_NULL(test, memchr_inv(obj, 0, gosize(obj)));
			memset(obj, 0xff, gosize(obj));
			gofree(obj);
		}
	}
	goheap_destroy(heap);
}

static void copies(struct kunit *test)
{
	struct goheap *heap = create(test, &whole);
	char *s = goheap_strdup(heap, "heap", QUIET);

	KUNIT_EXPECT_STREQ(test, s, "heap");
	KUNIT_EXPECT_STREQ(test, goheap_strndup(heap, "heaps", 4, QUIET), "heap");
	KUNIT_EXPECT_STREQ(test, goheap_strndup(heap, "he", 4, QUIET), "he");
	KUNIT_EXPECT_STREQ(test, (char *)goheap_memdup(heap, s, 5, QUIET), "heap");
	KUNIT_EXPECT_PTR_EQ(test, goheap_memdup(heap, s, 0, QUIET), ZERO_SIZE_PTR);
	KUNIT_EXPECT_NULL(test, goheap_strdup(heap, NULL, QUIET));
	KUNIT_EXPECT_NULL(test, goheap_strndup(heap, NULL, 1, QUIET));
	KUNIT_EXPECT_EQ(test, goheap_destroy(heap), 4);
}

static void reallocated(struct kunit *test)
{
	struct goheap *heap = create(test, NULL);
	char *obj = goheap_zalloc(heap, 10, QUIET);
	size_t size, old = 10;

	KUNIT_ASSERT_NOT_NULL(test, obj);
	gom_test_fill(obj, old, 1);
	for (size = 16; size <= SZ_128K; size *= 2) {
		obj = gorealloc(obj, size, QUIET | __GFP_ZERO);
		KUNIT_ASSERT_NOT_NULL(test, obj);
		KUNIT_EXPECT_TRUE(test, gom_test_filled(obj, old, 1));
		KUNIT_EXPECT_EQ(test, gom_arena_class(obj), GOM_CLASS_HEAP);
		KUNIT_EXPECT_EQ(test, read(test, heap).objects, 1);
		gom_test_fill(obj, size, 1);
		old = size;
	}
	KUNIT_EXPECT_PTR_EQ(test, gorealloc(obj, 5, QUIET), (void *)obj);
	KUNIT_EXPECT_PTR_EQ(test, gorealloc(obj, 0, QUIET), ZERO_SIZE_PTR);
	KUNIT_EXPECT_EQ(test, read(test, heap).objects, 0);
	gom_test_expect_valid(test);
	goheap_destroy(heap);
}

struct with_head {
	long before;
	struct rcu_head rcu;
};

/* By every function that frees. */
static void frees(struct kunit *test)
{
	struct goheap *heap = create(test, NULL);
	struct with_head *head = get(heap, sizeof(*head));
	void *objs[8];
	int i;

	KUNIT_ASSERT_NOT_NULL(test, head);
	gofree_sensitive(get(heap, 100));
	gofree_sensitive(get(heap, SZ_64K));
	KUNIT_EXPECT_EQ(test, read(test, heap).objects, 1);
	for (i = 0; i < ARRAY_SIZE(objs); i++)
		objs[i] = i % 2 ? get(heap, 100 * i) : gomalloc(100, QUIET);
	gofree_bulk(ARRAY_SIZE(objs), objs);
	KUNIT_EXPECT_EQ(test, read(test, heap).objects, 1);
	gokvfree(get(heap, SZ_16K));
	/* The heap waits for these. */
	gofree_rcu(head, rcu);
	gofree_nolock(get(heap, 100));
	gofree_nolock(get(heap, SZ_64K));
	KUNIT_EXPECT_EQ(test, goheap_destroy(heap), 0);
}

/* The heap waits for what RCU has been given alone, too. */
static void frees_later(struct kunit *test)
{
	struct goheap *heap = create(test, NULL);

	gofree_rcu_mightsleep(get(heap, 100));
	KUNIT_EXPECT_EQ(test, goheap_reset(heap), 0);
	gofree_rcu_mightsleep(get(heap, SZ_64K));
	KUNIT_EXPECT_EQ(test, goheap_destroy(heap), 0);
	gom_test_expect_valid(test);
}

/* Within its limits or not at all. */
static void grows_in_its_heap(struct kunit *test)
{
	const struct goheap_params params = { .hard = SZ_64K };
	struct goheap *heap = create(test, &params);
	void *obj = get(heap, 100);

	KUNIT_EXPECT_NULL(test, gokvrealloc(obj, SZ_1M, QUIET));
	KUNIT_EXPECT_NULL(test, gokvrealloc(obj, SZ_8M, QUIET));
	obj = gokvrealloc(obj, SZ_32K, QUIET);
	KUNIT_EXPECT_NOT_NULL(test, obj);
	KUNIT_EXPECT_EQ(test, read(test, heap).objects, 1);
	gofree(obj);
	KUNIT_EXPECT_EQ(test, goheap_destroy(heap), 0);
}

/* === Where objects lie =================================================== */

/* Objects of all sizes share what few of them need. */
static void shares_pages(struct kunit *test)
{
	struct goheap *heap = create(test, &whole);
	int i;

	KUNIT_EXPECT_EQ(test, read(test, heap).held, 0);
	for (i = 1; i <= 30; i++)
		KUNIT_EXPECT_NOT_NULL(test, get(heap, 8 * i));
	KUNIT_EXPECT_EQ(test, read(test, heap).held, GOM_PAGE_SIZE);
	KUNIT_EXPECT_EQ(test, goheap_destroy(heap), 30);
}

#define NR	4096

static void **new_array(struct kunit *test)
{
	void **objs = kunit_kcalloc(test, NR, sizeof(*objs), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, objs);
	return objs;
}

static void fill(struct kunit *test, struct goheap *heap, void **objs,
		 unsigned int n, size_t size)
{
	unsigned int i;

	for (i = 0; i < n; i++) {
		objs[i] = get(heap, size);
		KUNIT_ASSERT_NOT_NULL(test, objs[i]);
		gom_test_fill(objs[i], size, i);
	}
}

/* What was freed here and there is used again before the heap grows. */
static void fills_holes(struct kunit *test)
{
	struct goheap *heap = create(test, &whole);
	void **objs = new_array(test);
	unsigned int i;
	u64 held;

	fill(test, heap, objs, NR, 64);
	held = read(test, heap).held;
	KUNIT_EXPECT_LE(test, held, NR * 64 * 5 / 4);
	for (i = 0; i < NR; i += 2)
		gofree(objs[i]);
	gom_test_expect_valid(test);
	for (i = 0; i < NR; i += 2) {
		objs[i] = get(heap, 64);
		KUNIT_ASSERT_NOT_NULL(test, objs[i]);
		gom_test_fill(objs[i], 64, i);
	}
	KUNIT_EXPECT_LE(test, read(test, heap).held, held + held / 8);
	for (i = 0; i < NR; i++)
		KUNIT_EXPECT_TRUE(test, gom_test_filled(objs[i], 64, i));
	gom_test_expect_valid(test);
	KUNIT_EXPECT_EQ(test, goheap_destroy(heap), NR);
}

/* Spans that run empty go back, all but the one that is allocated from. */
static void gives_spans_back(struct kunit *test)
{
	struct goheap *heap = create(test, NULL);
	void **objs = new_array(test);
	unsigned int i;
	u64 held;

	fill(test, heap, objs, NR, 64);
	held = read(test, heap).held;
	for (i = 0; i < NR; i++)
		gofree(objs[i]);
	KUNIT_EXPECT_LE(test, read(test, heap).held, held / 4);
	gom_test_expect_valid(test);
	KUNIT_EXPECT_EQ(test, goheap_destroy(heap), 0);
}

/* An object of a page and its tag do not fit into a span of a page. */
static void empty_gives_way(struct kunit *test)
{
	struct goheap_params params = { .flags = GOHEAP_CALLSITES };
	struct goheap *heap = create(test, &params);
	void **objs = new_array(test), *obj;
	unsigned int n = 0, i, nspans;

	/* A span of four pages, with one object. */
	do {
		objs[n] = get(heap, 1000);
		KUNIT_ASSERT_NOT_NULL(test, objs[n]);
	} while (n++ < 1000 && heap->current_span->npages < 4);
	for (i = 0; i < n - 1; i++)
		gofree(objs[i]);
	KUNIT_EXPECT_EQ(test, heap->nspans, 1);
	for (i = 0; i < 3; i++)
		objs[i] = get(heap, 8000);
	objs[3] = get(heap, 5000);
	KUNIT_EXPECT_EQ(test, heap->nspans, 1);
	/* One of a page is the current one, and empty. */
	obj = get(heap, 4000);
	KUNIT_EXPECT_EQ(test, heap->nspans, 2);
	KUNIT_EXPECT_EQ(test, heap->current_span->npages, 1);
	gofree_bulk(4, objs);
	gofree(obj);
	nspans = heap->nspans;
	obj = get(heap, GOM_PAGE_SIZE);
	KUNIT_EXPECT_EQ(test, nspans, 2);
	KUNIT_EXPECT_EQ(test, heap->nspans, 1);
	gom_test_expect_valid(test);
	gofree(obj);
	gofree(objs[n - 1]);
	KUNIT_EXPECT_EQ(test, goheap_destroy(heap), 0);
}

/* Random sizes come and go; nothing overlaps, nothing is lost. */
static void anything(struct kunit *test)
{
	struct gom_test *t = test->priv;
	struct goheap *heap = create(test, &whole);
	void **objs = new_array(test);
	u64 bytes = 0, live = 0;
	u32 op, i;

	for (op = 0; op < 40000; op++) {
		i = gom_test_random(test, 1024);
		if (objs[i]) {
			if (!gom_test_filled(objs[i], gosize(objs[i]), i))
				KUNIT_FAIL(test, "object %u is damaged", i);
			bytes -= gosize(objs[i]);
			live--;
			gofree(objs[i]);
			objs[i] = NULL;
			continue;
		}
		objs[i] = get(heap, gom_test_random_size(&t->rnd, SZ_64K));
		KUNIT_ASSERT_NOT_NULL(test, objs[i]);
		gom_test_fill(objs[i], gosize(objs[i]), i);
		bytes += gosize(objs[i]);
		live++;
		if (!(op % 5000))
			gom_test_expect_valid(test);
	}
	gom_test_expect_valid(test);
	KUNIT_EXPECT_EQ(test, read(test, heap).bytes, bytes);
	KUNIT_EXPECT_LE(test, read(test, heap).held, bytes * 3 / 2);
	KUNIT_EXPECT_EQ(test, goheap_destroy(heap), live);
}

/* === Whole =============================================================== */

static void destroyed_whole(struct kunit *test)
{
	struct goheap *heap = create(test, &whole), *other = create(test, &whole);
	struct gomalloc_stats before, after;
	void **objs = new_array(test);
	void *kept;

	gomalloc_read_stats(&before);
	fill(test, heap, objs, NR, 64);
	KUNIT_EXPECT_NOT_NULL(test, get(heap, SZ_1M));
	kept = get(other, 64);
	KUNIT_ASSERT_NOT_NULL(test, kept);
	gom_test_fill(kept, 64, 1);
	KUNIT_EXPECT_EQ(test, goheap_destroy(heap), NR + 1);
	gom_test_expect_valid(test);
	gomalloc_read_stats(&after);
	KUNIT_EXPECT_EQ(test, after.mallocs, before.mallocs + NR + 2);
	KUNIT_EXPECT_EQ(test, after.frees, before.frees + NR + 1);
	KUNIT_EXPECT_EQ(test, after.alloc, before.alloc + 64);
	KUNIT_EXPECT_EQ(test, after.total_alloc,
			before.total_alloc + (NR + 1) * 64 + SZ_1M);
	/* Too late. */
	gofree(objs[1]);
	gom_test_expect_report(test, GOM_STALE_FREE, objs[1]);
	KUNIT_EXPECT_TRUE(test, gom_test_filled(kept, 64, 1));
	KUNIT_EXPECT_EQ(test, goheap_destroy(other), 1);
}

/* What is left is told, unless that is the intention. */
static void left(struct kunit *test)
{
	struct goheap_params params = { .flags = GOHEAP_CALLSITES };
	struct goheap *heap = create(test, NULL);

	get(heap, 10);
	get(heap, SZ_64K);
	KUNIT_EXPECT_EQ(test, goheap_destroy(heap), 2);
	heap = create(test, &params);
	get(heap, 10);
	get(heap, SZ_64K);
	KUNIT_EXPECT_EQ(test, goheap_destroy(heap), 2);
}

static void reset(struct kunit *test)
{
	struct goheap *heap = create(test, NULL);
	void **objs = new_array(test);
	int round;
	void *obj;

	KUNIT_EXPECT_EQ(test, goheap_reset(heap), 0);
	for (round = 0; round < 5; round++) {
		fill(test, heap, objs, round * 500, 100);
		KUNIT_EXPECT_NOT_NULL(test, get(heap, SZ_64K));
		KUNIT_EXPECT_EQ(test, goheap_reset(heap), round * 500 + 1);
		KUNIT_EXPECT_EQ(test, read(test, heap).objects, 0);
		KUNIT_EXPECT_EQ(test, read(test, heap).bytes, 0);
		KUNIT_EXPECT_LE(test, read(test, heap).held, GOM_PAGE_SIZE);
		gom_test_expect_valid(test);
	}
	/* A small one stays where it is. */
	goheap_reset(heap);
	obj = get(heap, 10);
	KUNIT_EXPECT_EQ(test, goheap_reset(heap), 1);
	KUNIT_EXPECT_EQ(test, read(test, heap).held, GOM_PAGE_SIZE);
	KUNIT_EXPECT_PTR_EQ(test, get(heap, 10), obj);
	gofree(obj);
	KUNIT_EXPECT_EQ(test, goheap_destroy(heap), 0);
}

#define NR_HEAPS	600

static void many(struct kunit *test)
{
	struct goheap **heaps;
	struct gom_heaps_sum sum;
	unsigned int i, n = 0;
	u64 at = 0;

	heaps = kunit_kcalloc(test, NR_HEAPS, sizeof(*heaps), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, heaps);
	for (i = 0; i < NR_HEAPS; i++) {
		heaps[i] = create(test, &whole);
		KUNIT_EXPECT_NOT_NULL(test, get(heaps[i], 1 + i));
	}
	gom_heaps_sum(&sum);
	KUNIT_EXPECT_EQ(test, sum.heaps, NR_HEAPS);
	KUNIT_EXPECT_EQ(test, sum.live, NR_HEAPS);
	for (; (at = gom_heaps_place(at)) != U64_MAX; at++)
		n++;
	KUNIT_EXPECT_EQ(test, n, NR_HEAPS);
	gom_test_expect_valid(test);
	for (i = 0; i < NR_HEAPS; i++)
		KUNIT_EXPECT_EQ(test, goheap_destroy(heaps[i]), 1);
	gom_heaps_sum(&sum);
	KUNIT_EXPECT_EQ(test, sum.heaps, 0);
}

static struct goheap *first, *mate;

/* Calls the real thing: stubs work for the threads of a test only. */
#define REAL(call)				\
({						\
	struct kunit *__test = current->kunit_test;	\
						\
	current->kunit_test = NULL;		\
	typeof(call) __ret = (call);		\
	current->kunit_test = __test;		\
	__ret;					\
})

/* As soon as @first is reached, what stands behind it has gone. */
static void add_heap(struct gom_heaps_sum *sum, struct goheap *heap)
{
	if (heap == first && mate) {
		goheap_destroy(mate);
		mate = NULL;
	}
	REAL(({ gom_heaps_add(sum, heap); 0; }));
}

/* What was ever allocated never falls, not even while a heap goes. */
static void left_meanwhile(struct kunit *test)
{
	struct gom_heaps_sum before, sum;
	struct goheap *heap;
	unsigned int i;
	u64 at = 0;

	for (i = 0; i < NR_HEAPS; i++)
		KUNIT_EXPECT_NOT_NULL(test, get(create(test, &whole), 100));
	gom_heaps_sum(&before);
	/* One that is the second of its chain. */
	while ((at = gom_heaps_place(at)) != U64_MAX && !(u32)at)
		at++;
	KUNIT_ASSERT_NE(test, at, U64_MAX);
	first = gom_heaps_at(at - 1);
	mate = gom_heaps_at(at);
	kunit_activate_static_stub(test, gom_heaps_add, add_heap);
	gom_heaps_sum(&sum);
	kunit_deactivate_static_stub(test, gom_heaps_add);
	KUNIT_EXPECT_NULL(test, mate);
	KUNIT_EXPECT_EQ(test, sum.heaps, NR_HEAPS - 1);
	KUNIT_EXPECT_EQ(test, sum.mallocs, before.mallocs);
	KUNIT_EXPECT_EQ(test, sum.total_bytes, before.total_bytes);
	while ((at = gom_heaps_place(0)) != U64_MAX) {
		heap = gom_heaps_at(at);
		KUNIT_EXPECT_EQ(test, goheap_destroy(heap), 1);
	}
}

/* The checks of the books see what is wrong with a map. */
static void damaged(struct kunit *test)
{
	struct goheap *heap = create(test, &whole);
	struct mspan *span;
	unsigned long *maps;
	void *obj;

	get(heap, 100);
	obj = get(heap, 100);
	KUNIT_ASSERT_NOT_NULL(test, obj);
	span = gom_arena_span(obj);
	maps = span->bits;
	change_bit(3, maps);
	KUNIT_EXPECT_EQ(test, gomalloc_validate(), -EUCLEAN);
	change_bit(3, maps);
	change_bit(span->nelems + 5, maps);
	KUNIT_EXPECT_EQ(test, gomalloc_validate(), -EUCLEAN);
	change_bit(span->nelems + 5, maps);
	heap->freed_bytes += 8;
	KUNIT_EXPECT_EQ(test, gomalloc_validate(), -EUCLEAN);
	heap->freed_bytes -= 8;
	gom_test_expect_valid(test);
	KUNIT_EXPECT_EQ(test, goheap_destroy(heap), 2);
}

/* === Misuse ============================================================== */

static void bad_frees(struct kunit *test)
{
	struct goheap *heap = create(test, NULL);
	char *a = get(heap, 64), *b = get(heap, 64), *large = get(heap, SZ_64K);

	KUNIT_ASSERT_TRUE(test, a && b && large);
	gofree(a + 8);
	gom_test_expect_report(test, GOM_INTERIOR_FREE, a + 8);
	gofree(a + 3);
	gom_test_expect_report(test, GOM_INTERIOR_FREE, a + 3);
	gofree(large + 8);
	gom_test_expect_report(test, GOM_INTERIOR_FREE, large + 8);
	gofree(large + GOM_PAGE_SIZE);
	gom_test_expect_report(test, GOM_INTERIOR_FREE, large + GOM_PAGE_SIZE);
	gofree_nolock(a + 8);
	gom_test_expect_report(test, GOM_INTERIOR_FREE, a + 8);
	gofree(a);
	gofree(a);
	gom_test_expect_report(test, GOM_DOUBLE_FREE, a);
	gofree_nolock(a);
	gom_test_expect_report(test, GOM_DOUBLE_FREE, a);
	gofree_sensitive(a);
	gom_test_expect_report(test, GOM_DOUBLE_FREE, a);
	gofree(b + 64);
	gom_test_expect_report(test, GOM_DOUBLE_FREE, b + 64);
	gofree(large);
	gofree(large);
	gom_test_expect_report(test, GOM_STALE_FREE, large);
	gom_test_expect_valid(test);
	gofree(b);
	KUNIT_EXPECT_EQ(test, goheap_destroy(heap), 0);
}

static void bad_heaps(struct kunit *test)
{
	struct goheap *heap = create(test, &whole), *bad;
	struct goheap_stats s;

	KUNIT_EXPECT_NOT_NULL(test, get(heap, 10));
	KUNIT_EXPECT_EQ(test, goheap_destroy(heap), 1);
	KUNIT_EXPECT_EQ(test, goheap_destroy(heap), 0);
	gom_test_expect_report(test, GOM_NO_HEAP, heap);
	KUNIT_EXPECT_EQ(test, goheap_reset(heap), 0);
	gom_test_expect_report(test, GOM_NO_HEAP, heap);
	KUNIT_EXPECT_EQ(test, goheap_read_stats(heap, &s), -EINVAL);
	gom_test_expect_report(test, GOM_NO_HEAP, heap);
	KUNIT_EXPECT_EQ(test, goheap_set_limit(heap, 0, 0), -EINVAL);
	gom_test_expect_report(test, GOM_NO_HEAP, heap);
	KUNIT_EXPECT_NULL(test, get(heap, 10));
	gom_test_expect_report(test, GOM_NO_HEAP, heap);
	KUNIT_EXPECT_EQ(test, goheap_destroy(NULL), 0);
	KUNIT_EXPECT_EQ(test, goheap_destroy(ERR_PTR(-ENOMEM)), 0);
	KUNIT_EXPECT_NULL(test, get(NULL, 10));
	gom_test_expect_report(test, GOM_NO_HEAP, NULL);
	bad = ERR_PTR(-ENOMEM);
	KUNIT_EXPECT_NULL(test, get(bad, 10));
	gom_test_expect_report(test, GOM_NO_HEAP, bad);
	KUNIT_EXPECT_EQ(test, goheap_reset(bad), 0);
	gom_test_expect_report(test, GOM_NO_HEAP, bad);
	/* No heap at all, but memory. */
	bad = (struct goheap *)test;
	KUNIT_EXPECT_EQ(test, goheap_destroy(bad), 0);
	gom_test_expect_report(test, GOM_NO_HEAP, bad);
}

static void bad_params(struct kunit *test)
{
	struct goheap_params params = { .flags = BIT(31) };
	struct goheap *heap;

	KUNIT_EXPECT_EQ(test, PTR_ERR(goheap_create("x", &params)), -EINVAL);
	KUNIT_EXPECT_EQ(test, PTR_ERR(goheap_create(NULL, NULL)), -EINVAL);
	params = (struct goheap_params){ .soft = SZ_1M, .hard = SZ_64K };
	KUNIT_EXPECT_EQ(test, PTR_ERR(goheap_create("x", &params)), -EINVAL);
	heap = goheap_create("a name / with\nmore than 31 characters", NULL);
	KUNIT_ASSERT_FALSE(test, IS_ERR(heap));
	KUNIT_EXPECT_STREQ(test, heap->name, "a_name_/_with_more_than_31_char");
	KUNIT_EXPECT_EQ(test, goheap_set_limit(heap, SZ_1M, SZ_64K), -EINVAL);
	goheap_destroy(heap);
}

/* === Limits ============================================================== */

static void hard_limit(struct kunit *test)
{
	struct goheap_params params = {
		.hard = SZ_256K, .flags = GOHEAP_FREE_WHOLE,
	};
	struct goheap *heap = create(test, &params);
	struct goheap_stats s;
	unsigned int n = 0;
	void *obj;

	while (get(heap, 1000) && n < 1000)
		n++;
	/* Pages are used up to where one more would not fit. */
	KUNIT_EXPECT_GE(test, n * 1000, SZ_256K / 8 * 7);
	s = read(test, heap);
	KUNIT_EXPECT_EQ(test, s.held, SZ_256K);
	KUNIT_EXPECT_EQ(test, s.hard_fails, 1);
	KUNIT_EXPECT_NULL(test, get(heap, SZ_64K));
	KUNIT_EXPECT_EQ(test, read(test, heap).hard_fails, 2);
	obj = goheap_alloc(heap, 5000, GFP_KERNEL | __GFP_NOFAIL);
	KUNIT_EXPECT_NOT_NULL(test, obj);
	KUNIT_EXPECT_GT(test, read(test, heap).held, SZ_256K);
	KUNIT_EXPECT_EQ(test, goheap_set_limit(heap, 0, SZ_1M), 0);
	KUNIT_EXPECT_NOT_NULL(test, get(heap, SZ_64K));
	goheap_reset(heap);
	goheap_set_limit(heap, 0, SZ_64K);
	KUNIT_EXPECT_NULL(test, get(heap, SZ_64K + 1));
	KUNIT_EXPECT_EQ(test, goheap_destroy(heap), 0);
}

/* What is of no use keeps nothing from being allocated. */
static void limited_without_use(struct kunit *test)
{
	struct goheap_params params = { .hard = SZ_64K };
	struct goheap *heap = create(test, &params);
	void *obj = get(heap, 10);

	KUNIT_EXPECT_NULL(test, get(heap, SZ_64K));
	KUNIT_EXPECT_EQ(test, read(test, heap).hard_fails, 1);
	gofree(obj);
	KUNIT_EXPECT_EQ(test, read(test, heap).held, GOM_PAGE_SIZE);
	obj = get(heap, SZ_64K);
	KUNIT_EXPECT_NOT_NULL(test, obj);
	KUNIT_EXPECT_EQ(test, read(test, heap).held, SZ_64K);
	KUNIT_EXPECT_EQ(test, read(test, heap).hard_fails, 1);
	KUNIT_EXPECT_NULL(test, get(heap, 10));
	gom_test_expect_valid(test);
	gofree(obj);
	KUNIT_EXPECT_NOT_NULL(test, get(heap, 10));
	goheap_reset(heap);
	KUNIT_EXPECT_EQ(test, goheap_destroy(heap), 0);
}

static void soft_limit(struct kunit *test)
{
	struct goheap_params params = {
		.soft = SZ_256K, .flags = GOHEAP_FREE_WHOLE,
	};
	struct goheap *heap = create(test, &params);
	void **objs = new_array(test);

	fill(test, heap, objs, 250, 1000);
	KUNIT_EXPECT_EQ(test, read(test, heap).soft_hits, 0);
	fill(test, heap, objs + 250, 50, 1000);
	KUNIT_EXPECT_GT(test, read(test, heap).soft_hits, 0);
	KUNIT_EXPECT_EQ(test, read(test, heap).hard_fails, 0);
	/* Beyond it the heap takes no more than it needs. */
	KUNIT_EXPECT_LE(test, read(test, heap).held,
			300 * 1000 + 300 * 1000 / 8 + GOM_PAGE_SIZE);
	gom_test_expect_valid(test);
	goheap_destroy(heap);
}

/* The limit of all memory holds for heaps. */
static void common_limit(struct kunit *test)
{
	struct goheap *heap = create(test, &whole);
	struct gomalloc_stats before, after;
	unsigned int n = 0;

	gomalloc_read_stats(&before);
	gomalloc_set_memory_max(gom_sys_bytes() + SZ_256K);
	while (get(heap, 1000) && n < 1000)
		n++;
	gomalloc_read_stats(&after);
	KUNIT_EXPECT_GT(test, n, 150);
	KUNIT_EXPECT_LE(test, n, 262);
	KUNIT_EXPECT_EQ(test, after.max_fails, before.max_fails + 1);
	KUNIT_EXPECT_EQ(test, read(test, heap).hard_fails, 0);
	gomalloc_set_memory_max(S64_MAX);
	KUNIT_EXPECT_NOT_NULL(test, get(heap, 1000));
	goheap_destroy(heap);
}

/* Pages that are charged to somebody do not become anybody else's. */
static void accounted(struct kunit *test)
{
	struct goheap_params params = {
		.flags = GOHEAP_ACCOUNT | GOHEAP_FREE_WHOLE,
	};
	struct goheap *heap = create(test, &params);
	struct gomalloc_stats s;
	void **objs = new_array(test);

	gofree(gomalloc(SZ_128K, GFP_KERNEL));
	fill(test, heap, objs, NR, 64);
	get(heap, SZ_64K);
	gom_test_expect_valid(test);
	gomalloc_free_os_memory();
	goheap_destroy(heap);
	gomalloc_read_stats(&s);
	KUNIT_EXPECT_EQ(test, s.heap_idle, 0);
}

/* === Who allocates ======================================================= */

static noinline void *from_here(struct goheap *heap, size_t size)
{
	void *obj = goheap_alloc(heap, size, QUIET);

	/* Not as a tail call. */
	barrier();
	return obj;
}

static bool row_of(struct goheap *heap, u32 id, struct gom_heapsite *row)
{
	unsigned long flags;
	bool found;

	raw_spin_lock_irqsave(&heap->lock, flags);
	found = gom_heapsite_next(&heap->sites, id, row);
	raw_spin_unlock_irqrestore(&heap->lock, flags);
	return found;
}

static void call_sites(struct kunit *test)
{
	struct goheap_params params = { .flags = GOHEAP_CALLSITES };
	struct goheap *heap = create(test, &params);
	struct gom_heapsite row = {};
	void *a, *large, *b;

	a = from_here(heap, 100);
	b = from_here(heap, 8);
	large = from_here(heap, SZ_64K);
	KUNIT_ASSERT_TRUE(test, a && b && large);
	KUNIT_EXPECT_EQ(test, gosize(a), 104);
	KUNIT_EXPECT_EQ(test, gosize(b), 8);
	KUNIT_EXPECT_EQ(test, gosize(large), SZ_64K);
	gom_test_fill(a, 104, 1);
	gom_test_fill(b, 8, 2);
	gom_test_fill(large, SZ_64K, 3);
	gom_test_expect_valid(test);
	KUNIT_ASSERT_TRUE(test, row_of(heap, 0, &row));
	KUNIT_EXPECT_EQ(test, row.live, 3);
	KUNIT_EXPECT_EQ(test, row.bytes, 112 + SZ_64K);
	KUNIT_EXPECT_EQ(test, row.counted, 0);
	KUNIT_EXPECT_EQ(test, read(test, heap).bytes, 112 + SZ_64K);
	KUNIT_EXPECT_FALSE(test, row_of(heap, row.site->id, &row));
	gofree(large);
	gofree(a);
	KUNIT_ASSERT_TRUE(test, row_of(heap, 0, &row));
	KUNIT_EXPECT_EQ(test, row.live, 1);
	KUNIT_EXPECT_EQ(test, row.bytes, 8);
	KUNIT_EXPECT_EQ(test, row.mallocs, 3);
	gom_test_expect_valid(test);
	gofree(b);
	KUNIT_EXPECT_EQ(test, goheap_destroy(heap), 0);
}

#define NR_SITES	100

/* Each has a row, whatever came first, until the heap goes. */
static void many_sites(struct kunit *test)
{
	struct goheap_params params = {
		.flags = GOHEAP_CALLSITES | GOHEAP_FREE_WHOLE,
	};
	struct goheap *heap = create(test, &params);
	unsigned long code = (unsigned long)goheap_alloc;
	struct gom_heapsite row = {};
	u32 i, n, id = 0;
	void *obj;

	obj = from_here(heap, 8);
	KUNIT_ASSERT_NOT_NULL(test, obj);
	for (i = 0; i < 3 * NR_SITES; i++) {
		n = i * 37 % NR_SITES;
		obj = gom_goheap_alloc_beside(obj, 8 + 8 * n, QUIET, code + n);
		KUNIT_ASSERT_NOT_NULL(test, obj);
	}
	for (n = 0; row_of(heap, id, &row); n++) {
		KUNIT_EXPECT_GT(test, row.site->id, id);
		id = row.site->id;
		if (row.site->ip - code >= NR_SITES)
			continue;
		KUNIT_EXPECT_EQ(test, row.live, 3);
		KUNIT_EXPECT_EQ(test, row.bytes,
				3 * 8 * (row.site->ip - code + 1));
	}
	KUNIT_EXPECT_EQ(test, n, NR_SITES + 1);
	KUNIT_EXPECT_EQ(test, goheap_reset(heap), 3 * NR_SITES + 1);
	for (n = 0, id = 0; row_of(heap, id, &row); n++) {
		KUNIT_EXPECT_EQ(test, row.live, 0);
		KUNIT_EXPECT_EQ(test, row.bytes, 0);
		KUNIT_EXPECT_GE(test, row.mallocs, 1);
		id = row.site->id;
	}
	KUNIT_EXPECT_EQ(test, n, NR_SITES + 1);
	KUNIT_EXPECT_EQ(test, goheap_destroy(heap), 0);
}

/* Of a module that is counted, in the site's own counters as well. */
static void counted_sites(struct kunit *test)
{
	struct gom_heapsite row = {};
	struct gom_site *site;
	struct goheap *heap;

	gom_sample_set_counted(module_name(THIS_MODULE));
	heap = create(test, &whole);
	KUNIT_ASSERT_TRUE(test, heap->flags & GOHEAP_CALLSITES);
	from_here(heap, 100);
	KUNIT_ASSERT_TRUE(test, row_of(heap, 0, &row));
	site = row.site;
	KUNIT_EXPECT_EQ(test, row.counted, 1);
	KUNIT_EXPECT_EQ(test, atomic64_read(&site->exact.live), 1);
	KUNIT_EXPECT_EQ(test, atomic64_read(&site->exact.live_bytes), 104);
	gofree(from_here(heap, SZ_64K));
	KUNIT_EXPECT_EQ(test, atomic64_read(&site->exact.live), 1);
	from_here(heap, 20);
	/* What is counted stays so until it is free. */
	gom_sample_set_counted("");
	from_here(heap, 20);
	KUNIT_EXPECT_EQ(test, atomic64_read(&site->exact.live), 2);
	KUNIT_EXPECT_EQ(test, goheap_destroy(heap), 3);
	KUNIT_EXPECT_EQ(test, atomic64_read(&site->exact.live), 0);
	KUNIT_EXPECT_EQ(test, atomic64_read(&site->exact.live_bytes), 0);
}

/* === Leaks =============================================================== */

static void *known;

static size_t suspects(struct kunit *test)
{
	struct gom_scan scan;
	size_t n;

	KUNIT_ASSERT_EQ(test, gom_scan_run(&scan), 0);
	n = scan.nsuspects;
	gom_scan_free(&scan);
	return n;
}

static void scanned(struct kunit *test)
{
	struct goheap *heap = create(test, NULL), *free = create(test, &whole);
	void **obj, **from;

	/* Somebody knows @from, and it knows @obj by its inside. */
	obj = gomalloc(100, GFP_KERNEL);
	from = goheap_zalloc(heap, 48, GFP_KERNEL);
	KUNIT_ASSERT_TRUE(test, obj && from);
	from[2] = (void *)obj + 50;
	WRITE_ONCE(known, from + 1);
	KUNIT_EXPECT_EQ(test, suspects(test), 0);
	/* Nobody does. */
	WRITE_ONCE(known, NULL);
	KUNIT_EXPECT_EQ(test, suspects(test), 2);
	/* Nobody need know one that is freed whole. */
	gofree(from);
	from = goheap_zalloc(free, 48, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, from);
	from[5] = obj;
	KUNIT_EXPECT_EQ(test, suspects(test), 0);
	from[5] = NULL;
	KUNIT_EXPECT_EQ(test, suspects(test), 1);
	gofree(obj);
	goheap_destroy(free);
	KUNIT_EXPECT_EQ(test, goheap_destroy(heap), 0);
}

/* === Memory that cannot be had =========================================== */

static void fail_each(struct kunit *test, unsigned int flags, bool onwards)
{
	struct goheap_params params = { .flags = flags };
	struct goheap *heap = create(test, &params);
	unsigned int i, nth, failed = 0;
	void *obj;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		for (nth = 0; ; nth++) {
			gom_test_fail_nth(nth, onwards);
			obj = get(heap, sizes[i]);
			if (obj) {
				KUNIT_EXPECT_GE(test, gosize(obj), sizes[i]);
				memset(obj, 0xff, sizes[i]);
				gofree(obj);
			}
			failed += !obj;
			KUNIT_EXPECT_EQ(test, read(test, heap).objects, 0);
			gom_test_expect_valid(test);
			KUNIT_ASSERT_LT(test, nth, 100);
			if (gom_test_failure.calls <= nth)
				break;
			KUNIT_EXPECT_EQ(test, goheap_reset(heap), 0);
			gomalloc_free_os_memory();
		}
		/* Not from what is there. */
		gom_test_failure.end = 0;
		goheap_destroy(heap);
		gomalloc_free_os_memory();
		heap = create(test, &params);
	}
	goheap_destroy(heap);
	if (onwards)
		KUNIT_EXPECT_GT(test, failed, ARRAY_SIZE(sizes));
}

static void exhaustion(struct kunit *test)
{
	gom_test_may_fail(test, GOM_TEST_BLOCKS | BIT_ULL(GOM_FAIL_HEADER) |
			  BIT_ULL(GOM_FAIL_SLOTS));
	fail_each(test, 0, false);
	fail_each(test, 0, true);
	fail_each(test, GOHEAP_ACCOUNT, true);
	gom_test_fail_none(test);
}

/* === Everything at once ================================================== */

#define NR_SLOTS	256

static struct shared {
	struct goheap *heap[2];
	void *slots[NR_SLOTS];
	void *fresh[NR_SLOTS];
	atomic_t bad;
	atomic_t ops;
	unsigned int invalid;
	unsigned int checked;
} *shared;

static void put(void *obj)
{
	size_t size = gosize(obj);

	if (!obj)
		return;
	if (!gom_test_filled(obj, size, size))
		atomic_inc(&shared->bad);
	if (size % 64)
		gofree(obj);
	else
		gofree_nolock(obj);
}

static void *make(struct rnd_state *rnd)
{
	struct goheap *heap = shared->heap[prandom_u32_state(rnd) % 2];
	size_t size = gom_test_random_size(rnd, SZ_64K);
	gfp_t gfp = prandom_u32_state(rnd) % 2 ? GFP_KERNEL | __GFP_NOWARN :
						 GFP_ATOMIC | __GFP_NOWARN;
	void *obj = goheap_alloc(heap, size, gfp);

	if (obj && size % 4 == 1) {
		void *more = gorealloc(obj, size + size / 2, gfp);

		obj = more ?: obj;
	}
	if (obj)
		gom_test_fill(obj, gosize(obj), gosize(obj));
	return obj;
}

/* Objects go from CPU to CPU, and heaps of one's own come and go. */
static void exchange(void *arg, struct rnd_state *rnd)
{
	struct goheap *own;
	unsigned int i;

	for (i = 0; i < 64; i++) {
		put(xchg(&shared->slots[prandom_u32_state(rnd) % NR_SLOTS],
			 make(rnd)));
		atomic_inc(&shared->ops);
	}
	own = goheap_create("own", &whole);
	if (IS_ERR(own))
		return;
	for (i = 0; i < 50; i++)
		goheap_alloc(own, gom_test_random_size(rnd, SZ_1K), QUIET);
	if (goheap_destroy(own) != 50)
		atomic_inc(&shared->bad);
}

static void validate(struct kunit *test)
{
	int err = gomalloc_validate();

	shared->checked += !err;
	shared->invalid += err && err != -EAGAIN;
}

static void crowd(struct kunit *test)
{
	struct gom_test_crowd crowd = {
		.work = exchange, .msecs = 2000, .meanwhile = validate,
	};
	struct goheap_params params = { .soft = SZ_1M, .hard = SZ_4M };
	int i;

	shared = kunit_kzalloc(test, sizeof(*shared), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, shared);
	shared->heap[0] = create(test, NULL);
	params.flags = GOHEAP_CALLSITES;
	shared->heap[1] = create(test, &params);
	gom_test_crowd_run(test, &crowd);
	for (i = 0; i < NR_SLOTS; i++)
		put(shared->slots[i]);
	kunit_info(test, "%d objects, %u checks passed\n",
		   atomic_read(&shared->ops), shared->checked);
	/* A busy host does not get far. */
	KUNIT_EXPECT_GE(test, atomic_read(&shared->ops), 64);
	KUNIT_EXPECT_EQ(test, atomic_read(&shared->bad), 0);
	KUNIT_EXPECT_EQ(test, shared->invalid, 0);
	KUNIT_EXPECT_EQ(test, goheap_destroy(shared->heap[0]), 0);
	KUNIT_EXPECT_EQ(test, goheap_destroy(shared->heap[1]), 0);
}

/* Frees that come while the heap goes are late, and no more than that. */
static void free_some(void *arg, struct rnd_state *rnd)
{
	void **slot = &shared->slots[prandom_u32_state(rnd) % NR_SLOTS];
	struct gom_goheap_info info;
	void *obj = xchg(slot, NULL);

	if (!obj)
		return;
	gom_goheap_find(obj, &info);
	gofree(obj);
}

static void refill(struct kunit *test)
{
	struct goheap *heap = create(test, &whole);
	int i;

	/* All at once, so that there are some left when it goes. */
	for (i = 0; i < NR_SLOTS; i++)
		shared->fresh[i] = get(heap, 500);
	for (i = 0; i < NR_SLOTS; i++)
		WRITE_ONCE(shared->slots[i], shared->fresh[i]);
	goheap_destroy(heap);
	for (i = 0; i < NR_SLOTS; i++)
		xchg(&shared->slots[i], NULL);
	validate(test);
}

static void late_frees(struct kunit *test)
{
	struct gom_test_crowd crowd = {
		.work = free_some, .msecs = 1000, .meanwhile = refill,
	};
	struct gom_test *t = test->priv;

	shared = kunit_kzalloc(test, sizeof(*shared), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, shared);
	gom_test_crowd_run(test, &crowd);
	KUNIT_EXPECT_EQ(test, shared->invalid, 0);
	/* However many there were; a page may have become another heap's. */
	t->reports[GOM_STALE_FREE] = gom_report_count(GOM_STALE_FREE);
	t->reports[GOM_DOUBLE_FREE] = gom_report_count(GOM_DOUBLE_FREE);
	t->reports[GOM_INTERIOR_FREE] = gom_report_count(GOM_INTERIOR_FREE);
	t->reports[GOM_FOREIGN_FREE] = gom_report_count(GOM_FOREIGN_FREE);
}

/* Heaps come, and go with what they have counted. */
static void come_and_go(void *arg, struct rnd_state *rnd)
{
	struct goheap *heap = goheap_create("fleeting", &whole);
	unsigned int i;

	if (IS_ERR(heap))
		return;
	for (i = 0; i < 10; i++)
		get(heap, 100);
	goheap_destroy(heap);
	atomic_inc(&shared->ops);
}

static struct gom_heaps_sum last_sum;

static void compare_sums(struct kunit *test)
{
	struct gom_heaps_sum sum;
	unsigned int i;

	for (i = 0; i < 500; i++) {
		gom_heaps_sum(&sum);
		shared->invalid += sum.mallocs < last_sum.mallocs ||
				   sum.total_bytes < last_sum.total_bytes;
		last_sum = sum;
	}
}

/* All that was allocated is counted in the end, and never less meanwhile. */
static void sums(struct kunit *test)
{
	struct gom_test_crowd crowd = {
		.work = come_and_go, .msecs = 2000, .meanwhile = compare_sums,
	};
	struct gom_heaps_sum before, after;

	shared = kunit_kzalloc(test, sizeof(*shared), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, shared);
	gom_heaps_sum(&before);
	last_sum = before;
	gom_test_crowd_run(test, &crowd);
	gom_heaps_sum(&after);
	KUNIT_EXPECT_EQ(test, shared->invalid, 0);
	KUNIT_EXPECT_GT(test, atomic_read(&shared->ops), 0);
	KUNIT_EXPECT_EQ(test, after.mallocs - before.mallocs,
			10 * atomic_read(&shared->ops));
	KUNIT_EXPECT_EQ(test, after.total_bytes - before.total_bytes,
			10 * 104 * atomic_read(&shared->ops));
	KUNIT_EXPECT_EQ(test, after.heaps, before.heaps);
}

/* Who looks at a map without a lock may go on when its span has gone. */
static void maps_stay(struct kunit *test)
{
	struct goheap *heap = create(test, &whole);
	void *obj = get(heap, 100);
	struct mspan *span, copy;

	KUNIT_ASSERT_NOT_NULL(test, obj);
	span = gom_arena_span(obj);
	rcu_read_lock();
	KUNIT_EXPECT_TRUE(test, gom_mspan_glimpse(span, GOM_CLASS_HEAP, &copy));
	KUNIT_EXPECT_TRUE(test, gom_granules_begins(&copy, obj));
	goheap_destroy(heap);
	/* KASAN knows whether that is there. */
	gom_granules_begins(&copy, obj + 8);
	gom_granules_check(&copy, obj + 2048);
	KUNIT_EXPECT_FALSE(test, gom_mspan_glimpse(span, GOM_CLASS_HEAP,
						   &copy) && copy.bits);
	rcu_read_unlock();
}

static struct kunit_case goheap_cases[] = {
	KUNIT_CASE(each_size),
	KUNIT_CASE(zero_and_too_large),
	KUNIT_CASE(zeroed),
	KUNIT_CASE(copies),
	KUNIT_CASE(reallocated),
	KUNIT_CASE(frees),
	KUNIT_CASE(frees_later),
	KUNIT_CASE(grows_in_its_heap),
	KUNIT_CASE(shares_pages),
	KUNIT_CASE(fills_holes),
	KUNIT_CASE(gives_spans_back),
	KUNIT_CASE(empty_gives_way),
	KUNIT_CASE(anything),
	KUNIT_CASE(destroyed_whole),
	KUNIT_CASE(left),
	KUNIT_CASE(reset),
	KUNIT_CASE(many),
	KUNIT_CASE(left_meanwhile),
	KUNIT_CASE(damaged),
	KUNIT_CASE(maps_stay),
	KUNIT_CASE(bad_frees),
	KUNIT_CASE(bad_heaps),
	KUNIT_CASE(bad_params),
	KUNIT_CASE(hard_limit),
	KUNIT_CASE(limited_without_use),
	KUNIT_CASE(soft_limit),
	KUNIT_CASE(common_limit),
	KUNIT_CASE(accounted),
	KUNIT_CASE(call_sites),
	KUNIT_CASE(many_sites),
	KUNIT_CASE(counted_sites),
	KUNIT_CASE(scanned),
	KUNIT_CASE_SLOW(exhaustion),
	KUNIT_CASE_SLOW(crowd),
	KUNIT_CASE_SLOW(late_frees),
	KUNIT_CASE_SLOW(sums),
	{}
};

static struct kunit_suite goheap_suite = {
	.name = "gomalloc_goheap",
	.init = gom_test_init,
	.exit = gom_test_exit,
	.test_cases = goheap_cases,
};

kunit_test_suite(goheap_suite);
