// SPDX-License-Identifier: GPL-2.0
/*
 * Reserves: that they hold what they promise when there is nothing else, and
 * fill up again.  A mempool on top of gomalloc, which promises the same to
 * those who can wait, is held to it here as well.
 */
#include <linux/hrtimer.h>
#include <linux/mempool.h>
#include <linux/sizes.h>
#include "gom_test.h"
#include "goreserve.h"
#include "mheap.h"

#define NR	16
#define SIZE	SZ_64K
#define QUIET	(GFP_ATOMIC | __GFP_NOWARN)

static struct goreserve *new_reserve(struct kunit *test, size_t size,
				     unsigned int nr)
{
	struct goreserve *r = goreserve_create("test", size, nr, GFP_KERNEL);

	KUNIT_ASSERT_FALSE(test, IS_ERR(r));
	return r;
}

static struct goreserve_stats stats_of(struct goreserve *r)
{
	struct goreserve_stats s;

	goreserve_read_stats(r, &s);
	return s;
}

static void expect_held(struct kunit *test, struct goreserve *r,
			unsigned int held)
{
	struct goreserve_stats s = stats_of(r);

	KUNIT_EXPECT_EQ(test, s.held, held);
	KUNIT_EXPECT_EQ(test, s.held, s.kept - s.taken);
}

static void no_memory_from_now_on(struct kunit *test)
{
	gomalloc_free_os_memory();
	gom_test_fail_all(test, GOM_TEST_BLOCKS);
}

static void memory_again(struct kunit *test)
{
	gom_test_fail_none(test);
}

/* While there is memory the reserve stays whole. */
static void untouched(struct kunit *test)
{
	struct goreserve *r = new_reserve(test, 256, NR);
	void *objs[2 * NR];
	int i;

	for (i = 0; i < ARRAY_SIZE(objs); i++) {
		objs[i] = goreserve_alloc(r, QUIET);
		KUNIT_EXPECT_GE(test, gosize(objs[i]), 256);
	}
	expect_held(test, r, NR);
	for (i = 0; i < ARRAY_SIZE(objs); i++)
		goreserve_free(r, objs[i]);
	goreserve_free(r, NULL);
	expect_held(test, r, NR);
	KUNIT_EXPECT_EQ(test, stats_of(r).taken, 0);
	KUNIT_EXPECT_EQ(test, stats_of(r).lowest, NR);
	goreserve_destroy(r);
}

/* All that it holds and no more; then what is freed comes back. */
static void without_memory(struct kunit *test)
{
	struct goreserve *r = new_reserve(test, SIZE, NR);
	void *objs[NR];
	int i;

	no_memory_from_now_on(test);
	for (i = 0; i < NR; i++) {
		objs[i] = goreserve_alloc(r, QUIET | (i % 2 ? __GFP_ZERO : 0));
		KUNIT_ASSERT_NOT_NULL(test, objs[i]);
		if (i % 2)
			KUNIT_EXPECT_NULL(test, memchr_inv(objs[i], 0, SIZE));
		memset(objs[i], 0xa5, SIZE);
	}
	expect_held(test, r, 0);
	KUNIT_EXPECT_NULL(test, goreserve_alloc(r, QUIET));
	KUNIT_EXPECT_NULL(test, goreserve_alloc(r, GFP_KERNEL | __GFP_NOWARN));
	KUNIT_EXPECT_EQ(test, stats_of(r).fails, 2);
	KUNIT_EXPECT_EQ(test, stats_of(r).lowest, 0);
	KUNIT_EXPECT_EQ(test, goreserve_refill(r, QUIET), -ENOMEM);
	goreserve_free(r, objs[0]);
	expect_held(test, r, 1);
	objs[0] = goreserve_alloc(r, QUIET | __GFP_ZERO);
	KUNIT_ASSERT_NOT_NULL(test, objs[0]);
	KUNIT_EXPECT_NULL(test, memchr_inv(objs[0], 0, SIZE));
	memory_again(test);
	KUNIT_EXPECT_EQ(test, goreserve_refill(r, GFP_KERNEL), 0);
	expect_held(test, r, NR);
	for (i = 0; i < NR; i++)
		goreserve_free(r, objs[i]);
	expect_held(test, r, NR);
	goreserve_destroy(r);
}

static u64 max_fails(void)
{
	struct gomalloc_stats s;

	gomalloc_read_stats(&s);
	return s.max_fails;
}

/* The same of small objects, at the hard limit. */
static void at_the_limit(struct kunit *test)
{
	struct goreserve *r = new_reserve(test, 1024, NR);
	void *beside[256], *objs[NR];
	int n = 0, i;
	u64 fails;

	gomalloc_set_memory_max(1);
	while (n < ARRAY_SIZE(beside) && (beside[n] = gom_test_alloc(1024, QUIET)))
		n++;
	KUNIT_EXPECT_LT(test, n, ARRAY_SIZE(beside));
	fails = max_fails();
	for (i = 0; i < NR; i++) {
		objs[i] = goreserve_alloc(r, QUIET);
		KUNIT_EXPECT_NOT_NULL(test, objs[i]);
	}
	/* A failure is what the caller sees of it. */
	KUNIT_EXPECT_EQ(test, max_fails(), fails);
	KUNIT_EXPECT_EQ(test, stats_of(r).taken, NR);
	KUNIT_EXPECT_NULL(test, goreserve_alloc(r, QUIET));
	KUNIT_EXPECT_EQ(test, max_fails(), fails + 1);
	gomalloc_set_memory_max(S64_MAX);
	/* They may be freed like any other, and the reserve refilled. */
	gofree_bulk(NR, objs);
	gofree_bulk(n, beside);
	KUNIT_EXPECT_EQ(test, goreserve_refill(r, GFP_KERNEL), 0);
	expect_held(test, r, NR);
	goreserve_destroy(r);
}

static void bad_arguments(struct kunit *test)
{
	struct goreserve *r;

	KUNIT_EXPECT_PTR_EQ(test, goreserve_create("0", 0, 1, GFP_KERNEL),
			    ERR_PTR(-EINVAL));
	KUNIT_EXPECT_PTR_EQ(test, goreserve_create("none", 8, 0, GFP_KERNEL),
			    ERR_PTR(-EINVAL));
	KUNIT_EXPECT_PTR_EQ(test, goreserve_create("huge", GOMALLOC_MAX_SIZE + 1,
						   1, GFP_KERNEL),
			    ERR_PTR(-EINVAL));
	KUNIT_EXPECT_PTR_EQ(test, goreserve_create("many", 8, GORESERVE_MAX + 1,
						   GFP_KERNEL),
			    ERR_PTR(-EINVAL));
	KUNIT_EXPECT_PTR_EQ(test, goreserve_create("charged", 8, 1,
						   GFP_KERNEL_ACCOUNT),
			    ERR_PTR(-EINVAL));
	/* More than there is memory for: nothing is left behind. */
	no_memory_from_now_on(test);
	KUNIT_EXPECT_PTR_EQ(test, goreserve_create("short", SIZE, NR,
						   GFP_KERNEL | __GFP_NOWARN),
			    ERR_PTR(-ENOMEM));
	memory_again(test);
	goreserve_destroy(NULL);
	goreserve_destroy(ERR_PTR(-ENOMEM));

	r = new_reserve(test, 64, 1);
	goreserve_destroy(r);
	goreserve_destroy(r);
	gom_test_expect_report(test, GOM_POOL_GONE, r);
}

/* What it lacks it does not take from somebody else's. */
static void foreign_free(struct kunit *test)
{
	struct goreserve *r = new_reserve(test, SIZE, 2);
	struct page *page = alloc_page(GFP_KERNEL);
	void *slab = kmalloc(64, GFP_KERNEL), *obj;

	KUNIT_ASSERT_NOT_NULL(test, page);
	no_memory_from_now_on(test);
	obj = goreserve_alloc(r, QUIET);
	memory_again(test);
	goreserve_free(r, gom_test_alloc(64, GFP_KERNEL));
	goreserve_free(r, slab);
	goreserve_free(r, page_address(page));
	gom_test_expect_report(test, GOM_FOREIGN_FREE, page_address(page));
	expect_held(test, r, 1);
	goreserve_free(r, obj);
	expect_held(test, r, 2);
	__free_page(page);
	goreserve_destroy(r);
}

/* Take both that @r holds; what CPUs had cached goes to @beside first. */
static void take_both(struct kunit *test, struct goreserve *r, void **objs,
		      void ***beside)
{
	void **obj;

	no_memory_from_now_on(test);
	*beside = NULL;
	while ((obj = gom_test_hide(goreserve_alloc(r, QUIET))) &&
	       !stats_of(r).taken) {
		*obj = *beside;
		*beside = obj;
	}
	objs[0] = obj;
	objs[1] = gom_test_hide(goreserve_alloc(r, QUIET));
	memory_again(test);
}

static void free_beside(void **beside)
{
	void **next;

	for (; beside; beside = next) {
		next = *beside;
		gofree(beside);
	}
}

/* Of what lies in a reserve, be there room for it or not. */
static void double_free(struct kunit *test)
{
	static const size_t sizes[] = { 1, 8, 200, SIZE };
	void *objs[2], **beside;
	struct goreserve *r;
	int i;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		r = new_reserve(test, sizes[i], 2);
		take_both(test, r, objs, &beside);
		KUNIT_ASSERT_NOT_NULL(test, objs[0]);
		KUNIT_ASSERT_NOT_NULL(test, objs[1]);
		goreserve_free(r, objs[0]);
		goreserve_free(r, objs[0]);
		gom_test_expect_report(test, GOM_DOUBLE_FREE, objs[0]);
		expect_held(test, r, 1);
		goreserve_free(r, objs[1]);
		goreserve_free(r, objs[0]);
		gom_test_expect_report(test, GOM_DOUBLE_FREE, objs[0]);
		expect_held(test, r, 2);
		if (sizes[i] <= GOMALLOC_MAX_SMALL) {
			gofree(objs[1]);
			gom_test_expect_report(test, GOM_DOUBLE_FREE, objs[1]);
		}
		free_beside(beside);
		goreserve_destroy(r);
	}
}

/* What somebody writes to while the reserve has it is not given out. */
static void written(struct kunit *test)
{
	struct goreserve *r = new_reserve(test, 64, 2);
	void *objs[2], **beside;

	take_both(test, r, objs, &beside);
	KUNIT_ASSERT_NOT_NULL(test, objs[1]);
	goreserve_free(r, objs[0]);
	goreserve_free(r, objs[1]);
	*(unsigned long *)objs[0] = 5;
	no_memory_from_now_on(test);
	KUNIT_EXPECT_PTR_EQ(test, goreserve_alloc(r, QUIET), objs[1]);
	KUNIT_EXPECT_NULL(test, goreserve_alloc(r, QUIET));
	memory_again(test);
	gom_test_expect_report(test, GOM_WRITE_AFTER_FREE, objs[0]);
	expect_held(test, r, 0);
	gofree_bulk(2, objs);
	free_beside(beside);
	goreserve_destroy(r);
}

static void views(struct kunit *test)
{
	struct goreserve *first = new_reserve(test, 64, 3);
	struct goreserve *second = new_reserve(test, 128, 5);
	struct gom_reserve_view v;

	KUNIT_ASSERT_TRUE(test, gom_reserve_read(0, &v));
	KUNIT_EXPECT_EQ(test, v.size, 64);
	KUNIT_EXPECT_EQ(test, v.stats.nr, 3);
	KUNIT_EXPECT_STREQ(test, v.name, "test");
	KUNIT_ASSERT_TRUE(test, gom_reserve_read(v.id + 1, &v));
	KUNIT_EXPECT_EQ(test, v.stats.held, 5);
	KUNIT_EXPECT_FALSE(test, gom_reserve_read(v.id + 1, &v));
	goreserve_destroy(first);
	goreserve_destroy(second);
	KUNIT_EXPECT_FALSE(test, gom_reserve_read(0, &v));
}

/* What a scan for leaks is told: each with all of its places. */
static void roots(struct kunit *test)
{
	static const unsigned int nr[] = { 3, 20, 7 };
	struct goreserve *r[ARRAY_SIZE(nr)];
	struct gom_reserve_cursor at = {};
	unsigned int seen[ARRAY_SIZE(nr)] = {}, i, j;
	void *words[8];
	size_t bytes;

	for (i = 0; i < ARRAY_SIZE(nr); i++)
		r[i] = new_reserve(test, 64, nr[i]);
	while ((bytes = gom_reserve_roots(&at, words, ARRAY_SIZE(words)))) {
		for (i = 0; i < ARRAY_SIZE(nr) - 1 && words[0] != r[i]; i++)
			;
		KUNIT_EXPECT_PTR_EQ(test, words[0], (void *)r[i]);
		for (j = 1; j < bytes / sizeof(*words); j++)
			seen[i] += gomalloc_owns(words[j]);
	}
	for (i = 0; i < ARRAY_SIZE(nr); i++) {
		KUNIT_EXPECT_EQ(test, seen[i], nr[i]);
		goreserve_destroy(r[i]);
	}
}

/* === Everybody at once =================================================== */

static struct common {
	struct goreserve *reserve;
	int turns;
	atomic_t wrong;
	atomic_t empty;
	atomic_t served;
} common;

/*
 * There are as many objects as CPUs, and each holds one at most: none may
 * find the reserve empty.  The limit keeps gomalloc() from helping out.
 */
static void take_and_keep(void *arg, struct rnd_state *rnd)
{
	int i;

	for (i = 0; i < common.turns; i++) {
		unsigned long *obj = goreserve_alloc(common.reserve, QUIET);

		if (!obj) {
			atomic_inc(&common.empty);
			continue;
		}
		if (xchg(obj, 1))
			atomic_inc(&common.wrong);
		if (prandom_u32_state(rnd) % 4 == 0)
			cpu_relax();
		xchg(obj, 0);
		goreserve_free(common.reserve, obj);
		atomic_inc(&common.served);
	}
}

/* And all of it is whole. */
static void no_more_than_the_reserve(struct kunit *test, unsigned int nr)
{
	void *objs[NR];
	int i;

	gomalloc_free_os_memory();
	gomalloc_set_memory_max(1);
	for (i = 0; i < nr; i++) {
		objs[i] = goreserve_alloc(common.reserve, QUIET | __GFP_ZERO);
		KUNIT_ASSERT_NOT_NULL(test, objs[i]);
	}
	for (i = 0; i < nr; i++)
		goreserve_free(common.reserve, objs[i]);
}

/* Each found one, had it alone, and left it there. */
static void expect_right(struct kunit *test, unsigned int nr)
{
	KUNIT_EXPECT_EQ(test, atomic_read(&common.wrong), 0);
	KUNIT_EXPECT_EQ(test, atomic_read(&common.empty), 0);
	KUNIT_EXPECT_GT(test, atomic_read(&common.served), 100);
	KUNIT_EXPECT_EQ(test, stats_of(common.reserve).taken,
			atomic_read(&common.served) + nr);
	expect_held(test, common.reserve, nr);
}

static void crowd(struct kunit *test)
{
	struct gom_test_crowd crowd = { .work = take_and_keep, .msecs = 1000 };
	unsigned int nr = num_online_cpus();

	KUNIT_ASSERT_LE(test, nr, NR);
	common = (struct common){ .reserve = new_reserve(test, SIZE, nr) };
	common.turns = 200;
	no_more_than_the_reserve(test, nr);
	gom_test_crowd_run(test, &crowd);
	gomalloc_set_memory_max(S64_MAX);
	expect_right(test, nr);
	goreserve_destroy(common.reserve);
}

struct interrupter {
	struct hrtimer timer;
	struct rnd_state rnd;
	unsigned long rounds;
};

static enum hrtimer_restart interrupt(struct hrtimer *timer)
{
	struct interrupter *irq = container_of(timer, struct interrupter, timer);

	take_and_keep(NULL, &irq->rnd);
	WRITE_ONCE(irq->rounds, irq->rounds + 1);
	/* At any point of what the thread does. */
	hrtimer_forward_now(timer, ns_to_ktime(20 * NSEC_PER_USEC +
			    prandom_u32_state(&irq->rnd) % (1 << 17)));
	return HRTIMER_RESTART;
}

/*
 * In hardirq, in the middle of what a thread on the same CPU does with the
 * other of two.
 */
static void from_interrupt(struct kunit *test)
{
	struct interrupter *irq = kunit_kzalloc(test, sizeof(*irq), GFP_KERNEL);
	unsigned long end_at = jiffies + 60 * HZ;
	struct rnd_state rnd = {};

	KUNIT_ASSERT_NOT_NULL(test, irq);
	prandom_seed_state(&irq->rnd, 1);
	common = (struct common){ .reserve = new_reserve(test, SIZE, 2) };
	common.turns = 1;
	no_more_than_the_reserve(test, 2);
	gom_compat_hrtimer_setup(&irq->timer, interrupt, CLOCK_MONOTONIC,
				 HRTIMER_MODE_REL_PINNED);
	hrtimer_start(&irq->timer, 0, HRTIMER_MODE_REL_PINNED);
	while (READ_ONCE(irq->rounds) < 1000 && time_before(jiffies, end_at)) {
		take_and_keep(NULL, &rnd);
		cond_resched();
	}
	hrtimer_cancel(&irq->timer);
	gomalloc_set_memory_max(S64_MAX);
	expect_right(test, 2);
	KUNIT_EXPECT_GE(test, irq->rounds, 1000);
	goreserve_destroy(common.reserve);
}

/* === A mempool on gomalloc =============================================== */

static void *mempool_gomalloc(gfp_t gfp, void *size)
{
	return gomalloc((size_t)size, gfp);
}

static void mempool_gofree(void *obj, void *size)
{
	gofree(obj);
}

static void mempool(struct kunit *test)
{
	mempool_t *pool = mempool_create(NR, mempool_gomalloc, mempool_gofree,
					 (void *)SIZE);
	void *objs[NR];
	int i;

	KUNIT_ASSERT_NOT_NULL(test, pool);
	no_memory_from_now_on(test);
	for (i = 0; i < NR; i++) {
		objs[i] = mempool_alloc(pool, GFP_ATOMIC);
		KUNIT_ASSERT_NOT_NULL(test, objs[i]);
		KUNIT_EXPECT_TRUE(test, gomalloc_owns(objs[i]));
	}
	KUNIT_EXPECT_NULL(test, mempool_alloc(pool, GFP_ATOMIC));
	mempool_free(objs[0], pool);
	objs[0] = mempool_alloc(pool, GFP_KERNEL);
	KUNIT_EXPECT_NOT_NULL(test, objs[0]);
	memory_again(test);
	for (i = 0; i < NR; i++)
		mempool_free(objs[i], pool);
	mempool_destroy(pool);
}

static struct kunit_case goreserve_cases[] = {
	KUNIT_CASE(untouched),
	KUNIT_CASE(without_memory),
	KUNIT_CASE(at_the_limit),
	KUNIT_CASE(bad_arguments),
	KUNIT_CASE(foreign_free),
	KUNIT_CASE(double_free),
	KUNIT_CASE(written),
	KUNIT_CASE(views),
	KUNIT_CASE(roots),
	KUNIT_CASE_SLOW(crowd),
	KUNIT_CASE_SLOW(from_interrupt),
	KUNIT_CASE(mempool),
	{}
};

static struct kunit_suite goreserve_suite = {
	.name = "gomalloc_goreserve",
	.init = gom_test_init,
	.exit = gom_test_exit,
	.test_cases = goreserve_cases,
};

kunit_test_suite(goreserve_suite);
