// SPDX-License-Identifier: GPL-2.0
/*
 * What the kernel gets when it is short of memory: that counts are true, that
 * scans take what harms least, and that they may come at any time.
 */
#include <kunit/static_stub.h>
#include <linux/cpumask.h>
#include <linux/delay.h>
#include <linux/shrinker.h>
#include <linux/sizes.h>
#include <linux/workqueue.h>
#include "gom_test.h"
#include "shrink.h"

#define LARGE	SZ_64K
#define SMALL	1024
#define NR	512

static unsigned long count(int nid)
{
	struct shrink_control sc = { .nid = nid };

	return gom_shrink_count(NULL, &sc);
}

static unsigned long scan(int nid, unsigned long wanted)
{
	struct shrink_control sc = {
		.nid = nid, .nr_to_scan = wanted, .nr_scanned = wanted,
	};

	return gom_shrink_scan(NULL, &sc);
}

/* All there is, as reclaim would have it; returns how much that was. */
static unsigned long scan_all(int nid)
{
	unsigned long got, sum = 0;

	while ((got = scan(nid, 128)) != SHRINK_STOP)
		sum += got;
	return sum;
}

static unsigned long pages_held(void)
{
	struct gomalloc_stats s;

	gomalloc_read_stats(&s);
	return s.heap_sys >> PAGE_SHIFT;
}

static unsigned int cached(void)
{
	unsigned int class, n = 0;

	for (class = 1; class < GOM_NR_SPAN_CLASSES; class++)
		n += gom_mcache_count(0, class);
	return n;
}

static void fill(struct kunit *test, void **objs, unsigned int n, size_t size)
{
	unsigned int i;

	for (i = 0; i < n; i++) {
		objs[i] = gomalloc(size, GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, objs[i]);
	}
}

static void empty(void **objs, unsigned int n)
{
	unsigned int i;

	for (i = 0; i < n; i++)
		gofree(objs[i]);
}

static void **places(struct kunit *test)
{
	void **objs = kunit_kcalloc(test, NR, sizeof(*objs), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, objs);
	return objs;
}

static void nothing(struct kunit *test)
{
	int nid = numa_mem_id();

	KUNIT_EXPECT_EQ(test, scan(nid, 128), SHRINK_STOP);
	KUNIT_EXPECT_EQ(test, count(nid), SHRINK_EMPTY);
	KUNIT_EXPECT_EQ(test, scan(nid, 128), SHRINK_STOP);
}

/* Free runs are counted to the page and go first. */
static void free_runs(struct kunit *test)
{
	unsigned long before, held, got;
	int nid = numa_mem_id();
	void **objs = places(test);
	unsigned int warm;

	fill(test, objs, 16, SMALL);
	empty(objs, 16);
	scan_all(nid);
	before = pages_held();
	fill(test, objs, 16, SMALL);
	fill(test, objs + 16, 32, LARGE);
	empty(objs + 16, 32);
	empty(objs, 16);
	warm = cached();
	KUNIT_EXPECT_GT(test, warm, 0);
	held = pages_held();
	KUNIT_EXPECT_GE(test, count(nid), 32 * LARGE / PAGE_SIZE);
	KUNIT_EXPECT_LE(test, count(nid), held - before);
	got = scan(nid, 100);
	KUNIT_EXPECT_GE(test, got, 100);
	KUNIT_EXPECT_NE(test, got, SHRINK_STOP);
	KUNIT_EXPECT_EQ(test, held - pages_held(), got);
	KUNIT_EXPECT_EQ(test, cached(), warm);
}

/* Then the lists, then the CPU's cache; and what was held is all back. */
static void all_tiers(struct kunit *test)
{
	int nid = numa_mem_id();
	void **objs = places(test);
	unsigned long held, got;

	scan_all(nid);
	fill(test, objs, NR, SMALL);
	empty(objs, NR);
	KUNIT_EXPECT_GT(test, cached(), 0);
	held = pages_held();
	/* What CPUs cache is counted once a second. */
	msleep(1100);
	KUNIT_EXPECT_GE(test, count(nid), NR * SMALL / PAGE_SIZE);
	KUNIT_EXPECT_LE(test, count(nid), held);
	got = scan_all(nid);
	KUNIT_EXPECT_EQ(test, got, held);
	KUNIT_EXPECT_EQ(test, pages_held(), 0);
	KUNIT_EXPECT_EQ(test, cached(), 0);
	KUNIT_EXPECT_EQ(test, count(nid), SHRINK_EMPTY);
}

/* One object of each span lives: nothing else is idle then. */
static void sparse(struct kunit *test)
{
	unsigned int n = gom_class[gom_size_class(SMALL)].nelems, i;
	int nid = numa_mem_id();
	void **objs = places(test);

	scan_all(nid);
	fill(test, objs, NR, SMALL);
	for (i = 0; i < NR; i++)
		if (gom_mspan_offset(gom_arena_span(objs[i]), objs[i]) >= SMALL)
			gofree(objs[i]);
		else
			gom_test_fill(objs[i], SMALL, i);
	scan_all(nid);
	KUNIT_EXPECT_EQ(test, count(nid), SHRINK_EMPTY);
	KUNIT_EXPECT_EQ(test, scan(nid, 128), SHRINK_STOP);
	KUNIT_EXPECT_EQ(test, pages_held(), NR / n * GOM_PAGE_SIZE / PAGE_SIZE);
	for (i = 0; i < NR; i += n) {
		KUNIT_EXPECT_TRUE(test, gom_test_filled(objs[i], SMALL, i));
		gofree(objs[i]);
	}
}

static void off(struct kunit *test)
{
	int nid = numa_mem_id();
	void *obj = gomalloc(LARGE, GFP_KERNEL);

	gofree(obj);
	KUNIT_EXPECT_LT(test, count(nid), SHRINK_EMPTY);
	gom_shrink_enabled = false;
	KUNIT_EXPECT_EQ(test, count(nid), SHRINK_EMPTY);
	gom_shrink_enabled = true;
	KUNIT_EXPECT_LT(test, count(nid), SHRINK_EMPTY);
}

static long use_cpu(void *data)
{
	void *objs[64];
	int i;

	for (i = 0; i < ARRAY_SIZE(objs); i++)
		objs[i] = gomalloc(SMALL, GFP_KERNEL);
	for (i = 0; i < ARRAY_SIZE(objs); i++)
		gofree(objs[i]);
	return 0;
}

/* The last resort takes all of it, from all CPUs and nodes. */
static void oom(struct kunit *test)
{
	struct gom_shrink_stats before, after;
	unsigned long held;
	int cpu;

	gom_shrink_read(&before);
	for_each_online_cpu(cpu)
		work_on_cpu(cpu, use_cpu, NULL);
	held = pages_held();
	KUNIT_EXPECT_GT(test, held, 0);
	KUNIT_EXPECT_EQ(test, gom_shrink_oom(), held);
	KUNIT_EXPECT_EQ(test, pages_held(), 0);
	gom_shrink_read(&after);
	KUNIT_EXPECT_EQ(test, after.oom_released - before.oom_released,
			held << PAGE_SHIFT);
	KUNIT_EXPECT_EQ(test, gom_shrink_oom(), 0);
}

static unsigned int reclaims;

/* The page allocator, short of memory each time. */
static struct page *get_pages_short(int nid, gfp_t gfp, unsigned int order)
{
	int other;

	for_each_online_node(other)
		scan(other, 128);
	if (++reclaims % 16 == 0)
		gom_shrink_oom();
	return alloc_pages_node(nid, gfp, order);
}

/* Reclaim from inside of gomalloc, wherever that takes pages. */
static void inside(struct kunit *test)
{
	struct gom_test *t = test->priv;
	void **objs = places(test);
	size_t *sizes = kunit_kcalloc(test, NR, sizeof(*sizes), GFP_KERNEL);
	unsigned int step, i;

	KUNIT_ASSERT_NOT_NULL(test, sizes);
	reclaims = 0;
	kunit_activate_static_stub(test, gom_mheap_get_pages, get_pages_short);
	for (step = 0; step < 10 * NR; step++) {
		i = gom_test_random(test, NR);
		if (objs[i]) {
			KUNIT_EXPECT_TRUE(test, gom_test_filled(objs[i], sizes[i],
								i));
			gofree(objs[i]);
			objs[i] = NULL;
			continue;
		}
		sizes[i] = gom_test_random_size(&t->rnd, SZ_128K);
		objs[i] = gomalloc(sizes[i], GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, objs[i]);
		gom_test_fill(objs[i], sizes[i], i);
	}
	kunit_deactivate_static_stub(test, gom_mheap_get_pages);
	KUNIT_EXPECT_GT(test, reclaims, 100);
	gom_test_expect_valid(test);
	empty(objs, NR);
}

static struct kunit_case shrink_cases[] = {
	KUNIT_CASE(nothing),
	KUNIT_CASE(free_runs),
	KUNIT_CASE_SLOW(all_tiers),
	KUNIT_CASE(sparse),
	KUNIT_CASE(off),
	KUNIT_CASE_SLOW(oom),
	KUNIT_CASE_SLOW(inside),
	{}
};

static struct kunit_suite shrink_suite = {
	.name = "gomalloc_shrink",
	.init = gom_test_init,
	.exit = gom_test_exit,
	.test_cases = shrink_cases,
};

kunit_test_suite(shrink_suite);
