// SPDX-License-Identifier: GPL-2.0
/*
 * The page heap: the choice of runs against naive scans, the whole against
 * an array with an entry per page.
 */
#include <linux/sizes.h>
#include <linux/vmalloc.h>
#include "gom_test.h"
#include "limit.h"
#include "mheap.h"

static struct mspan *run_of(struct rb_node *node)
{
	return rb_entry_safe(node, struct mspan, node);
}

/* Whether @run has @npages pages at a multiple of @align pages, and where. */
static bool fits(const struct mspan *run, unsigned int npages,
		 unsigned int align, unsigned long *at)
{
	unsigned long end = run->start + run->npages * GOM_PAGE_SIZE;

	for (*at = run->start; *at + npages * GOM_PAGE_SIZE <= end;
	     *at += GOM_PAGE_SIZE)
		if (IS_ALIGNED(*at, align * GOM_PAGE_SIZE))
			return true;
	return false;
}

/* Of all runs that fit the smallest, of these the lowest. */
static struct mspan *naive_fit(struct mheap *heap, unsigned int npages,
			       unsigned int align, unsigned int *skipped)
{
	struct mspan *best = NULL, *run;
	struct rb_node *node;
	unsigned long at;

	*skipped = 0;
	for (node = rb_first(&heap->free); node; node = rb_next(node)) {
		run = run_of(node);
		if (!fits(run, npages, align, &at))
			continue;
		if (!best || run->npages < best->npages ||
		    (run->npages == best->npages && run->start < best->start))
			best = run;
	}
	for (node = rb_first(&heap->free); best && node; node = rb_next(node)) {
		run = run_of(node);
		if (run == best)
			break;
		*skipped += run->npages >= npages;
	}
	return best;
}

/* How many runs that do not fit may make an aligned search settle for less. */
#define PATIENCE	16

static void compare(struct kunit *test, struct mheap *heap,
		    unsigned int npages, unsigned int align)
{
	struct mspan *run = gom_mheap_best_fit(heap, npages, align), *best;
	unsigned int skipped;
	unsigned long at;

	best = naive_fit(heap, npages, align, &skipped);
	if (skipped < PATIENCE)
		KUNIT_EXPECT_PTR_EQ(test, run, best);
	else if (run)
		KUNIT_EXPECT_TRUE(test, fits(run, npages, align, &at));
}

static bool less(struct rb_node *a, const struct rb_node *b)
{
	const struct mspan *x = rb_entry(a, struct mspan, node);
	const struct mspan *y = rb_entry(b, struct mspan, node);

	return x->npages == y->npages ? x->start < y->start :
					x->npages < y->npages;
}

/* Runs that exist as headers only. */
static void best_fit(struct kunit *test)
{
	enum { NR_RUNS = 64 };
	struct mspan *runs = kunit_kcalloc(test, NR_RUNS, sizeof(*runs),
					   GFP_KERNEL);
	unsigned int round, n, i, tries;
	struct mheap heap = {};

	KUNIT_ASSERT_NOT_NULL(test, runs);
	for (round = 0; round < 100; round++) {
		unsigned long addr = GOM_ARENA_SIZE;

		heap.free = RB_ROOT;
		n = gom_test_random(test, NR_RUNS + 1);
		for (i = 0; i < n; i++) {
			addr += (1 + gom_test_random(test, 8)) * GOM_PAGE_SIZE;
			runs[i].start = addr;
			/* Few lengths in half of the rounds: many are equal. */
			runs[i].npages = 1 + gom_test_random(test, round % 2 ?
							     4 : 40);
			addr += runs[i].npages * GOM_PAGE_SIZE;
			rb_add(&runs[i].node, &heap.free, less);
		}
		for (tries = 0; tries < 20; tries++)
			compare(test, &heap,
				1 + gom_test_random(test, round % 2 ? 5 : 45),
				1 << gom_test_random(test, 6));
	}
}

#define NR_SPANS	200

/**
 * struct model - what is allocated, page by page
 * @owner: of each page of the linear map, which object it belongs to, 0: none
 * @objs: the objects' addresses, NULL: none
 * @npages: their lengths
 */
struct model {
	u8 *owner;
	void *objs[NR_SPANS];
	unsigned int npages[NR_SPANS];
};

static u8 *owner_of(struct model *m, const void *obj)
{
	return m->owner + (((unsigned long)obj - gomalloc_hot.first) >>
			   GOM_PAGE_SHIFT);
}

static void mark(struct kunit *test, struct model *m, int i, bool set)
{
	u8 *owner = owner_of(m, m->objs[i]);
	unsigned int p;

	for (p = 0; p < m->npages[i]; p++) {
		if (owner[p] != (set ? 0 : i + 1))
			KUNIT_FAIL(test, "page %u of object %d belongs to %u",
				   p, i, owner[p]);
		owner[p] = set ? i + 1 : 0;
	}
}

static unsigned long idle_pages(void)
{
	unsigned long pages = 0;
	int nid;

	for_each_gom_node(nid)
		pages += gom_node(nid)->heap.free_pages;
	return pages;
}

static unsigned long held_pages(void)
{
	unsigned long pages = 0;
	int nid;

	for_each_gom_node(nid)
		pages += gom_node(nid)->heap.pages;
	return pages;
}

/* Nothing but the test allocates, so the heap's next choice is known. */
static void allocate(struct kunit *test, struct model *m, int i,
		     unsigned int npages, unsigned int align)
{
	struct mheap *heap = &gom_node(numa_mem_id())->heap;
	const struct gom_run_request req = {
		.npages = npages, .align = align, .class = GOM_CLASS_LARGE,
	};
	unsigned long expected = 0;
	unsigned int skipped;
	struct mspan *span;
	struct mspan *best = naive_fit(heap, npages, align, &skipped);

	if (best)
		fits(best, npages, align, &expected);
	span = gom_mheap_alloc(heap->nid, &req, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, span);
	KUNIT_EXPECT_EQ(test, span->npages, npages);
	KUNIT_EXPECT_TRUE(test, IS_ALIGNED(span->start, align * GOM_PAGE_SIZE));
	if (best && skipped < PATIENCE)
		KUNIT_EXPECT_EQ(test, span->start, expected);
	KUNIT_EXPECT_PTR_EQ(test, gom_arena_span((void *)span->start), span);
	m->objs[i] = (void *)span->start;
	m->npages[i] = npages;
	mark(test, m, i, true);
}

static void release(struct kunit *test, struct model *m, int i)
{
	mark(test, m, i, false);
	KUNIT_EXPECT_EQ(test, gom_mheap_free_large(m->objs[i]), 0);
	m->objs[i] = NULL;
}

/*
 * The naive heap's free pages are those that the real one holds and that no
 * object owns; validation finds runs that touch.
 */
static void check(struct kunit *test, struct model *m)
{
	unsigned long used = 0;
	int i;

	for (i = 0; i < NR_SPANS; i++)
		if (m->objs[i])
			used += m->npages[i];
	KUNIT_EXPECT_EQ(test, held_pages(), used + idle_pages());
	gom_test_expect_valid(test);
}

static void model(struct kunit *test)
{
	struct model *m = kunit_kzalloc(test, sizeof(*m), GFP_KERNEL);
	unsigned int round, npages, align;
	int i;

	static_assert(NR_SPANS < 255);
	KUNIT_ASSERT_NOT_NULL(test, m);
	m->owner = vzalloc(gomalloc_hot.nr_arenas * GOM_ARENA_PAGES);
	KUNIT_ASSERT_NOT_NULL(test, m->owner);
	for (round = 0; round < 3000; round++) {
		i = gom_test_random(test, NR_SPANS);
		if (m->objs[i]) {
			release(test, m, i);
			continue;
		}
		npages = 1 + gom_test_random(test, round % 16 ? 12 : 64);
		align = 1;
		if (gom_test_random(test, 3) == 0)
			align = 1 << gom_test_random(test, fls(npages - 1) + 1);
		allocate(test, m, i, npages, align);
		if (round % 100 == 0)
			check(test, m);
	}
	for (i = 0; i < NR_SPANS; i++)
		if (m->objs[i])
			release(test, m, i);
	check(test, m);
	vfree(m->owner);
}

/* However an arena's worth was cut up, it is whole again when all is free. */
static void coalescing(struct kunit *test)
{
	const struct gom_run_request whole = {
		.npages = 32, .align = 1, .class = GOM_CLASS_LARGE,
	};
	struct gom_run_request one = {
		.npages = 1, .align = 1, .class = GOM_CLASS_LARGE,
	};
	int nid = numa_mem_id(), i, k;
	struct mheap *heap = &gom_node(nid)->heap;
	struct mspan *span, *pieces[32];
	unsigned long start;
	u8 order[32];

	for (k = 0; k < 8; k++) {
		span = gom_mheap_alloc(nid, &whole, GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, span);
		start = span->start;
		KUNIT_EXPECT_EQ(test, gom_mheap_free_large((void *)start), 0);
		KUNIT_ASSERT_EQ(test, heap->nruns, 1);
		for (i = 0; i < 32; i++) {
			pieces[i] = gom_mheap_alloc(nid, &one, GFP_KERNEL);
			KUNIT_ASSERT_NOT_NULL(test, pieces[i]);
		}
		gom_test_shuffle(test, order, 32);
		for (i = 0; i < 32; i++) {
			void *obj = (void *)pieces[order[i]]->start;

			KUNIT_EXPECT_EQ(test, gom_mheap_free_large(obj), 0);
			gom_test_expect_valid(test);
		}
		KUNIT_EXPECT_EQ(test, heap->nruns, 1);
	}
}

/*
 * More runs of the right length in the wrong place than an aligned search
 * looks at; the block that the heap then grows by must still be used.
 */
static void misplaced_runs(struct kunit *test)
{
	enum { NR = 24, PAGES = 8 };
	struct gom_run_request req = { .align = 1, .class = GOM_CLASS_LARGE };
	static const u8 cut[] = { 1, PAGES, 2 * PAGES - 1 - PAGES };
	int nid = numa_mem_id(), i, k;
	void *objs[NR][3], *large[NR];
	struct mspan *span;

	for (i = 0; i < NR; i++) {
		req.npages = 2 * PAGES;
		span = gom_mheap_alloc(nid, &req, GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, span);
		gom_mheap_free_large((void *)span->start);
		for (k = 0; k < 3; k++) {
			req.npages = cut[k];
			span = gom_mheap_alloc(nid, &req, GFP_KERNEL);
			KUNIT_ASSERT_NOT_NULL(test, span);
			objs[i][k] = (void *)span->start;
		}
	}
	for (i = 0; i < NR; i++)
		KUNIT_EXPECT_EQ(test, gom_mheap_free_large(objs[i][1]), 0);
	for (i = 0; i < NR; i++) {
		large[i] = gom_test_alloc(PAGES * GOM_PAGE_SIZE, GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, large[i]);
		KUNIT_EXPECT_TRUE(test, IS_ALIGNED((unsigned long)large[i],
						   PAGES * GOM_PAGE_SIZE));
	}
	for (i = 0; i < NR; i++) {
		gofree(large[i]);
		gofree(objs[i][0]);
		gofree(objs[i][2]);
	}
}

static void release_all(struct kunit *test)
{
	struct gomalloc_stats before, after;
	void *keep = gom_test_alloc(SZ_64K, GFP_KERNEL), *objs[8];
	size_t released;
	int i;

	for (i = 0; i < ARRAY_SIZE(objs); i++)
		objs[i] = gom_test_alloc(SZ_128K + i * SZ_16K, GFP_KERNEL);
	for (i = 0; i < ARRAY_SIZE(objs); i++)
		gofree(objs[i]);
	gomalloc_read_stats(&before);
	KUNIT_EXPECT_GT(test, before.heap_idle, SZ_1M);
	released = gomalloc_free_os_memory();
	gomalloc_read_stats(&after);
	KUNIT_EXPECT_EQ(test, released, before.heap_idle);
	KUNIT_EXPECT_EQ(test, after.heap_idle, 0);
	KUNIT_EXPECT_EQ(test, after.heap_sys, SZ_64K);
	KUNIT_EXPECT_EQ(test, after.heap_released - before.heap_released,
			released);
	KUNIT_EXPECT_EQ(test, gomalloc_free_os_memory(), 0);
	gofree(keep);
}

static void direct(struct kunit *test)
{
	const struct gom_run_request req = {
		.npages = 5, .align = 1, .class = GOM_CLASS_LARGE,
		.direct = true,
	};
	void *beside = gom_test_alloc(SZ_64K, GFP_KERNEL);
	unsigned long held, idle;
	struct mspan *span;

	gofree(beside);
	held = held_pages();
	idle = idle_pages();
	KUNIT_EXPECT_GE(test, idle, SZ_64K >> GOM_PAGE_SHIFT);
	/* Not from the idle run that would fit, and not left behind as one. */
	span = gom_mheap_alloc(numa_mem_id(), &req, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, span);
	KUNIT_EXPECT_EQ(test, held_pages(), held + 5);
	KUNIT_EXPECT_EQ(test, idle_pages(), idle);
	gom_test_expect_valid(test);
	KUNIT_EXPECT_EQ(test, gom_mheap_free_large((void *)span->start), 0);
	KUNIT_EXPECT_EQ(test, held_pages(), held);
	KUNIT_EXPECT_EQ(test, idle_pages(), idle);
}

static void free_large_refuses(struct kunit *test)
{
	char *obj = gom_test_alloc(SZ_64K, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, obj);
	KUNIT_EXPECT_EQ(test, gom_mheap_free_large(obj + 1), -EINVAL);
	KUNIT_EXPECT_EQ(test, gom_mheap_free_large(obj + GOM_PAGE_SIZE),
			-EINVAL);
	KUNIT_EXPECT_EQ(test, gom_mheap_free_large(obj), 0);
	KUNIT_EXPECT_EQ(test, gom_mheap_free_large(obj), -ESTALE);
}

/* Soft: what is idle goes back and growth is as small as can be. */
static void limit(struct kunit *test)
{
	u64 hits = gom_limit_hits();
	struct gomalloc_stats s;
	void *objs[32], *idle;
	s64 bound;
	int i;

	idle = gom_test_alloc(SZ_512K, GFP_KERNEL);
	gofree(idle);
	gomalloc_read_stats(&s);
	bound = s.sys + SZ_256K;
	KUNIT_EXPECT_EQ(test, gomalloc_set_memory_limit(bound), S64_MAX);
	KUNIT_EXPECT_EQ(test, gomalloc_set_memory_limit(-1), bound);
	for (i = 0; i < ARRAY_SIZE(objs); i++) {
		objs[i] = gom_test_alloc(SZ_128K, GFP_KERNEL);
		KUNIT_EXPECT_NOT_NULL(test, objs[i]);
	}
	gomalloc_read_stats(&s);
	KUNIT_EXPECT_GT(test, s.limit_hits, hits);
	KUNIT_EXPECT_EQ(test, s.limit, bound);
	KUNIT_EXPECT_EQ(test, s.heap_idle, 0);
	KUNIT_EXPECT_EQ(test, s.heap_sys, ARRAY_SIZE(objs) * SZ_128K);
	KUNIT_EXPECT_EQ(test, gomalloc_set_memory_limit(S64_MAX), bound);
	for (i = 0; i < ARRAY_SIZE(objs); i++)
		gofree(objs[i]);
}

static void limit_exit(struct kunit *test)
{
	gomalloc_set_memory_limit(S64_MAX);
	gom_test_exit(test);
}

static struct kunit_case mheap_cases[] = {
	KUNIT_CASE(best_fit),
	KUNIT_CASE(model),
	KUNIT_CASE(coalescing),
	KUNIT_CASE(misplaced_runs),
	KUNIT_CASE(release_all),
	KUNIT_CASE(direct),
	KUNIT_CASE(free_large_refuses),
	KUNIT_CASE(limit),
	{}
};

static struct kunit_suite mheap_suite = {
	.name = "gomalloc_mheap",
	.init = gom_test_init,
	.exit = limit_exit,
	.test_cases = mheap_cases,
};

kunit_test_suite(mheap_suite);
