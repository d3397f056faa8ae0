// SPDX-License-Identifier: GPL-2.0
/*
 * Every site at which memory is asked for fails, each call of it by itself and
 * with all that follow; and the fault attribute, for everybody at once.  The
 * last case finds sites that nothing has made to fail.
 */
#include <linux/device.h>
#include <linux/err.h>
#include <linux/goheap.h>
#include <linux/gomalloc_devm.h>
#include <linux/gopool.h>
#include <linux/goreserve.h>
#include <linux/hrtimer.h>
#include <linux/irq_work.h>
#include <linux/ktime.h>
#include <linux/sched/mm.h>
#include <linux/sizes.h>
#include "failfile.h"
#include "gom_test.h"
#include "sample.h"
#include "scan.h"
#include "site.h"

#define QUIET	(GFP_KERNEL | __GFP_NOWARN)

/* === Each call of each site ============================================== */

/*
 * Each use of the allocator below asks for memory at the site it is for, bears
 * it if there is none, as is documented, and leaves nothing behind.
 */

static const u32 sizes[] = { 5, 8, 16, 64, 1000, SZ_64K };

static void use_objects(struct kunit *test)
{
	void *objs[ARRAY_SIZE(sizes)];
	unsigned int i;

	gomalloc_free_os_memory();
	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		objs[i] = gom_test_alloc(sizes[i], QUIET);
		if (!objs[i])
			continue;
		KUNIT_EXPECT_GE(test, gosize(objs[i]), sizes[i]);
		gom_test_fill(objs[i], sizes[i], i);
	}
	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		KUNIT_EXPECT_TRUE(test, !objs[i] ||
				  gom_test_filled(objs[i], sizes[i], i));
		gofree(objs[i]);
	}
}

/* That there is no record is no reason for there to be no object. */
static void use_tracked(struct kunit *test)
{
	void *obj;

	gomalloc_free_os_memory();
	gom_sample_set_rate(1);
	/* All sites of ours are to be made anew. */
	gom_site_retire(THIS_MODULE);
	obj = gom_test_alloc(64, QUIET);
	KUNIT_EXPECT_NOT_NULL(test, obj);
	gofree(obj);
	gom_sample_set_rate(0);
}

static void use_owners(struct kunit *test)
{
	int err = gom_sample_set_debug("U");
	void *obj;

	if (err)
		KUNIT_EXPECT_EQ(test, err, -ENOMEM);
	obj = gom_test_alloc(64, QUIET);
	KUNIT_EXPECT_NOT_NULL(test, obj);
	gofree(obj);
	gom_sample_set_debug("");
}

static void use_heap(struct kunit *test)
{
	static const struct goheap_params params = {
		.flags = GOHEAP_CALLSITES,
	};
	struct goheap *heap = goheap_create("fault", &params);
	void *objs[2];

	if (IS_ERR(heap)) {
		KUNIT_EXPECT_EQ(test, PTR_ERR(heap), -ENOMEM);
		return;
	}
	gom_site_retire(THIS_MODULE);
	objs[0] = goheap_alloc(heap, 64, QUIET);
	objs[1] = goheap_alloc(heap, SZ_64K, QUIET);
	KUNIT_EXPECT_EQ(test, goheap_destroy(heap), !!objs[0] + !!objs[1]);
}

static void use_slab(struct kunit *test)
{
	void *obj = gom_test_alloc(64, QUIET | __GFP_ACCOUNT);

	KUNIT_EXPECT_FALSE(test, gomalloc_owns(obj));
	gofree(obj);
}

/* What cannot be had leaves the object as it was. */
static void resize(struct kunit *test, size_t size)
{
	void *obj = kmalloc(64, GFP_KERNEL), *more;

	KUNIT_ASSERT_NOT_NULL(test, obj);
	gom_test_fill(obj, 64, 1);
	more = gom_test_hide(gorealloc(obj, size, QUIET)) ?: obj;
	KUNIT_EXPECT_TRUE(test, gom_test_filled(more, 64, 1));
	gofree(more);
}

static void use_slab_resize(struct kunit *test)
{
	resize(test, 200);
}

static void use_slab_in_place(struct kunit *test)
{
	resize(test, KMALLOC_MAX_CACHE_SIZE + 1);
}

static void use_area(struct kunit *test)
{
	void *mem = gokvmalloc(2 * GOMALLOC_MAX_SIZE, QUIET);

	KUNIT_EXPECT_TRUE(test, !mem || is_vmalloc_addr(mem));
	gokvfree(mem);
}

static void use_device(struct kunit *test)
{
	struct device *dev = root_device_register("gomalloc_fault");

	KUNIT_ASSERT_FALSE(test, IS_ERR(dev));
	devm_gomalloc(dev, 64, QUIET);
	root_device_unregister(dev);
}

static void use_pool(struct kunit *test)
{
	struct gopool *pool = gopool_create("fault", 64, NULL);

	if (IS_ERR(pool)) {
		KUNIT_EXPECT_EQ(test, PTR_ERR(pool), -ENOMEM);
		return;
	}
	gopool_put(pool, gopool_get(pool, QUIET));
	gopool_destroy(pool);
}

static void use_validate(struct kunit *test)
{
	int err = gomalloc_validate();

	KUNIT_EXPECT_TRUE(test, !err || err == -EAGAIN || err == -ENOMEM);
}

/* Objects that a scan finds, as nothing has a pointer to them. */
static unsigned long hidden[16];

static void use_scan(struct kunit *test)
{
	struct gom_scan scan;
	unsigned int i;
	int err;

	for (i = 0; i < ARRAY_SIZE(hidden); i++)
		hidden[i] = ~(unsigned long)gom_test_alloc(64, QUIET);
	err = gom_scan_run(&scan);
	if (err)
		KUNIT_EXPECT_EQ(test, err, -ENOMEM);
	gom_scan_free(&scan);
	for (i = 0; i < ARRAY_SIZE(hidden); i++)
		gofree((void *)~hidden[i]);
}

struct use {
	enum gom_fail_site site;
	void (*use)(struct kunit *test);
};

static const struct use uses[] = {
	{ GOM_FAIL_REQUEST, use_objects },
	{ GOM_FAIL_BLOCK, use_objects },
	{ GOM_FAIL_HEADER, use_objects },
	{ GOM_FAIL_BITMAP, use_objects },
	{ GOM_FAIL_ARENA, use_objects },
	{ GOM_FAIL_CHUNK, use_objects },
	{ GOM_FAIL_MAGAZINE, use_objects },
	{ GOM_FAIL_SLOTS, use_tracked },
	{ GOM_FAIL_SITE, use_tracked },
	{ GOM_FAIL_SITE_NAME, use_tracked },
	{ GOM_FAIL_SITE_ID, use_tracked },
	{ GOM_FAIL_LAST_NAME, use_tracked },
	{ GOM_FAIL_BUCKET, use_tracked },
	{ GOM_FAIL_BUCKET_ID, use_tracked },
	{ GOM_FAIL_STACK, use_owners },
	{ GOM_FAIL_STACK_DEPOT, use_owners },
	{ GOM_FAIL_HEAP, use_heap },
	{ GOM_FAIL_HEAP_REQUEST, use_heap },
	{ GOM_FAIL_HEAP_ROW, use_heap },
	{ GOM_FAIL_SLAB, use_slab },
	{ GOM_FAIL_SLAB_RESIZE, use_slab_resize },
	{ GOM_FAIL_SLAB_IN_PLACE, use_slab_in_place },
	{ GOM_FAIL_AREA, use_area },
	{ GOM_FAIL_DEVRES, use_device },
	{ GOM_FAIL_POOL_CPUS, use_pool },
	{ GOM_FAIL_TALLY, use_validate },
	{ GOM_FAIL_SCAN, use_scan },
	{ GOM_FAIL_MARKS, use_scan },
	{ GOM_FAIL_MARKS_TREE, use_scan },
	{ GOM_FAIL_TASKS, use_scan },
	{ GOM_FAIL_SUSPECTS, use_scan },
};

static bool is_there(enum gom_fail_site site)
{
	return IS_ENABLED(CONFIG_STACKDEPOT) || (site != GOM_FAIL_STACK &&
						 site != GOM_FAIL_STACK_DEPOT);
}

static void fail_each(struct kunit *test, const struct use *use, bool onwards)
{
	u64 live = gom_test_live();
	unsigned int nth = 0;
	bool more = true;

	for (nth = 0; more; nth++) {
		gom_test_may_fail(test, BIT_ULL(use->site));
		gom_test_fail_nth(nth, onwards);
		use->use(test);
		more = gom_test_failure.calls > nth;
		gom_test_fail_none(test);
		gom_test_expect_valid(test);
		KUNIT_EXPECT_EQ(test, gom_test_live(), live);
		KUNIT_ASSERT_LT(test, nth, 100);
	}
	/* It is called. */
	KUNIT_EXPECT_GT(test, nth, 1);
}

static void name_use(const struct use *use, char *name)
{
	strscpy(name, gom_fail_name(use->site), KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(use, uses, name_use);

static void each_call(struct kunit *test)
{
	const struct use *use = test->param_value;

	if (!is_there(use->site))
		kunit_skip(test, "there is no CONFIG_STACKDEPOT");
	fail_each(test, use, false);
	fail_each(test, use, true);
}

#ifdef CONFIG_FAULT_INJECTION

/* === The attribute ======================================================= */

static struct gom_fail_count count_of(enum gom_fail_site site)
{
	struct gom_fail_count count;

	gom_fail_read(site, &count);
	return count;
}

static bool fails(size_t size, gfp_t gfp)
{
	void *obj = gom_test_alloc(size, gfp);

	gofree(obj);
	return !obj;
}

/* An object that is there already is not to be had, and nobody pays for it. */
static void hits(struct kunit *test)
{
	unsigned long calls;
	struct goheap *heap;
	void *obj;
	int i;

	heap = goheap_create("fault", NULL);
	KUNIT_ASSERT_FALSE(test, IS_ERR(heap));
	gofree(goheap_alloc(heap, 64, GFP_KERNEL));
	KUNIT_EXPECT_FALSE(test, fails(64, GFP_KERNEL));
	KUNIT_ASSERT_TRUE(test, gom_test_set_probability(100));
	KUNIT_EXPECT_TRUE(test, fails(64, QUIET));
	obj = gom_test_hide(gomalloc(64, QUIET));
	KUNIT_EXPECT_NULL(test, obj);
	obj = gom_test_hide(gozalloc(64, QUIET));
	KUNIT_EXPECT_NULL(test, obj);
	KUNIT_EXPECT_NULL(test, gostrdup("on purpose", QUIET));
	KUNIT_EXPECT_NULL(test, gom_test_hide(goheap_alloc(heap, 64, QUIET)));
	KUNIT_ASSERT_TRUE(test, gom_test_set_probability(0));
	/* The first one is looked at, as the CPU counts on from there. */
	KUNIT_EXPECT_FALSE(test, fails(64, GFP_KERNEL));
	calls = count_of(GOM_FAIL_REQUEST).calls;
	for (i = 0; i < 100; i++)
		KUNIT_EXPECT_FALSE(test, fails(64, GFP_KERNEL));
	KUNIT_EXPECT_EQ(test, count_of(GOM_FAIL_REQUEST).calls, calls);
	KUNIT_EXPECT_EQ(test, goheap_destroy(heap), 0);
}

/* Those which the page allocator gives with __GFP_NOFAIL. */
static const u32 surest[] = { 5, 64, 1000, SZ_4K, SZ_8K };

/*
 * Whose flags allow it, fails, reserves or not.  Who must not fail does not,
 * even if all fails that is asked for with less than that.
 */
static void flags(struct kunit *test)
{
	unsigned int i, noreclaim;

	for (i = 0; i < ARRAY_SIZE(surest); i++) {
		gomalloc_free_os_memory();
		KUNIT_ASSERT_TRUE(test, gom_test_set_probability(100));
		KUNIT_EXPECT_TRUE(test, fails(surest[i], QUIET));
		KUNIT_EXPECT_TRUE(test, fails(surest[i], GFP_ATOMIC));
		KUNIT_EXPECT_TRUE(test, fails(surest[i], GFP_NOWAIT));
		KUNIT_EXPECT_TRUE(test, fails(surest[i], GFP_ATOMIC |
					      __GFP_MEMALLOC));
		noreclaim = memalloc_noreclaim_save();
		KUNIT_EXPECT_TRUE(test, fails(surest[i], QUIET));
		memalloc_noreclaim_restore(noreclaim);
		KUNIT_EXPECT_FALSE(test, fails(surest[i], GFP_KERNEL |
					       __GFP_NOFAIL));
		gom_fail_settings.ignore_gfp_wait = true;
		KUNIT_EXPECT_FALSE(test, fails(surest[i], QUIET));
		KUNIT_EXPECT_TRUE(test, fails(surest[i], GFP_ATOMIC));
		gom_test_set_probability(0);
		gom_test_expect_valid(test);
	}
}

/* The kernel's settings mean what they mean in failslab. */
static void settings(struct kunit *test)
{
	struct gom_fail_settings *s = &gom_fail_settings;
	unsigned int i;

	KUNIT_EXPECT_EQ(test, gom_failfile_set_probability(101), -EINVAL);
	KUNIT_ASSERT_TRUE(test, gom_test_set_probability(100));
	s->only = GOM_FAIL_REQUEST;
	s->attr.interval = 3;
	s->attr.count = 0;
	for (i = 1; i <= 9; i++)
		KUNIT_EXPECT_EQ(test, fails(64, QUIET), i % 3 == 0);
	s->attr.interval = 1;
	atomic_set(&s->attr.times, 2);
	for (i = 1; i <= 4; i++)
		KUNIT_EXPECT_EQ(test, fails(64, QUIET), i <= 2);
	atomic_set(&s->attr.times, -1);
	atomic_set(&s->attr.space, 1000);
	for (i = 1; i <= 12; i++)
		KUNIT_EXPECT_EQ(test, fails(100, QUIET), i >= 10);
	atomic_set(&s->attr.space, 0);
	s->attr.task_filter = true;
	KUNIT_EXPECT_FALSE(test, fails(64, QUIET));
	current->make_it_fail = 1;
	KUNIT_EXPECT_TRUE(test, fails(64, QUIET));
	current->make_it_fail = 0;
	s->attr.task_filter = false;
	/* What is there needs no page. */
	s->only = GOM_FAIL_BLOCK;
	KUNIT_EXPECT_FALSE(test, fails(64, QUIET));
	KUNIT_EXPECT_TRUE(test, fails(SZ_1M, QUIET));
}

/* A reserve is for when there is no other memory. */
static void reserve(struct kunit *test)
{
	struct goreserve *r = goreserve_create("fault", 64, 3, GFP_KERNEL);
	void *objs[3];
	int i;

	KUNIT_ASSERT_FALSE(test, IS_ERR(r));
	KUNIT_ASSERT_TRUE(test, gom_test_set_probability(100));
	for (i = 0; i < ARRAY_SIZE(objs); i++) {
		objs[i] = goreserve_alloc(r, QUIET);
		KUNIT_EXPECT_NOT_NULL(test, objs[i]);
	}
	KUNIT_EXPECT_NULL(test, gom_test_hide(goreserve_alloc(r, QUIET)));
	KUNIT_EXPECT_EQ(test, goreserve_refill(r, QUIET), -ENOMEM);
	gom_test_set_probability(0);
	for (i = 0; i < ARRAY_SIZE(objs); i++)
		goreserve_free(r, objs[i]);
	goreserve_destroy(r);
}

/* === Everybody at once =================================================== */

#define NR_SLOTS	256
#define TIMER_NSECS	(200 * NSEC_PER_USEC)

/**
 * struct shared - objects on their way from one context to another
 * @slots: each holds one or none; taken and put by xchg()
 * @heap: for some of the objects
 * @bad: objects whose contents were not what was put into them
 * @ops: objects asked for
 * @none: and not had
 * @invalid: times that the books did not balance
 * @rnd: the softirq's and the interrupt's own
 * @timer: its softirq allocates
 * @work: so does the interrupt that it asks for
 */
static struct shared {
	void *slots[NR_SLOTS];
	struct goheap *heap;
	atomic_t bad;
	atomic_t ops;
	atomic_t none;
	unsigned int invalid;
	struct rnd_state rnd[2];
	struct hrtimer timer;
	struct irq_work work;
} *shared;

static void put(void *obj)
{
	size_t size = gosize(obj);

	if (!obj)
		return;
	if (!gom_test_filled(obj, size, size))
		atomic_inc(&shared->bad);
	gofree(obj);
}

static void *get(size_t size, unsigned int how, gfp_t gfp)
{
	void *obj, *more;

	switch (how % 8) {
	case 0:
		return goheap_alloc(shared->heap, size, gfp);
	case 1:
		return gozalloc(size, gfp);
	case 2:
		return gomalloc_bulk(size, gfp, 1, &obj) ? obj : NULL;
	case 3:
		obj = gomalloc(1 + size / 2, gfp);
		more = obj ? gom_test_hide(gorealloc(obj, size, gfp)) : NULL;
		if (!more)
			gofree(obj);
		return more;
	case 4:
		return gomalloc_node(size, gfp, first_memory_node);
	default:
		return gomalloc(size, gfp);
	}
}

static void step(struct rnd_state *rnd, gfp_t gfp)
{
	size_t size = gom_test_random_size(rnd, SZ_64K);
	void *obj = get(size, prandom_u32_state(rnd), gfp);

	atomic_inc(&shared->ops);
	if (obj)
		gom_test_fill(obj, gosize(obj), gosize(obj));
	else
		atomic_inc(&shared->none);
	put(xchg(&shared->slots[prandom_u32_state(rnd) % NR_SLOTS], obj));
}

static void work(void *arg, struct rnd_state *rnd)
{
	unsigned int i;

	for (i = 0; i < 64; i++)
		step(rnd, i % 4 ? QUIET : GFP_ATOMIC | __GFP_NOWARN);
}

static void interrupt(struct irq_work *w)
{
	step(&shared->rnd[1], GFP_ATOMIC | __GFP_NOWARN);
}

static enum hrtimer_restart tick(struct hrtimer *timer)
{
	step(&shared->rnd[0], GFP_ATOMIC | __GFP_NOWARN);
	irq_work_queue(&shared->work);
	hrtimer_forward_now(timer, ns_to_ktime(TIMER_NSECS));
	return HRTIMER_RESTART;
}

static void validate(struct kunit *test)
{
	int err = gomalloc_validate();

	shared->invalid += err && err != -EAGAIN && err != -ENOMEM;
	gomalloc_free_os_memory();
}

static void crowd(struct kunit *test, unsigned long percent)
{
	static const struct gom_test_crowd c = {
		.work = work, .msecs = 1500, .meanwhile = validate,
	};
	unsigned long failed = count_of(GOM_FAIL_BLOCK).failed;
	int i;

	shared = kunit_kzalloc(test, sizeof(*shared), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, shared);
	shared->heap = goheap_create("fault", NULL);
	KUNIT_ASSERT_FALSE(test, IS_ERR(shared->heap));
	prandom_seed_state(&shared->rnd[0], 7);
	prandom_seed_state(&shared->rnd[1], 8);
	init_irq_work(&shared->work, interrupt);
	gom_compat_hrtimer_setup(&shared->timer, tick, CLOCK_MONOTONIC,
				 HRTIMER_MODE_REL_SOFT);
	KUNIT_EXPECT_TRUE(test, gom_test_set_probability(percent));
	hrtimer_start(&shared->timer, ns_to_ktime(TIMER_NSECS),
		      HRTIMER_MODE_REL_SOFT);
	gom_test_crowd_run(test, &c);
	hrtimer_cancel(&shared->timer);
	irq_work_sync(&shared->work);
	gom_test_set_probability(0);
	for (i = 0; i < NR_SLOTS; i++)
		put(shared->slots[i]);
	kunit_info(test, "%d of %d requests came to nothing\n",
		   atomic_read(&shared->none), atomic_read(&shared->ops));
	KUNIT_EXPECT_EQ(test, goheap_destroy(shared->heap), 0);
	KUNIT_EXPECT_GT(test, atomic_read(&shared->none), 10);
	KUNIT_EXPECT_GT(test, count_of(GOM_FAIL_BLOCK).failed, failed);
	KUNIT_EXPECT_EQ(test, atomic_read(&shared->bad), 0);
	KUNIT_EXPECT_EQ(test, shared->invalid, 0);
}

static void crowd_plain(struct kunit *test)
{
	crowd(test, 10);
}

static void crowd_tracked(struct kunit *test)
{
	KUNIT_ASSERT_EQ(test, gom_sample_set_rate(1), 0);
	KUNIT_ASSERT_EQ(test, gom_sample_set_counted(KBUILD_MODNAME), 0);
	crowd(test, 20);
}

static void crowd_checked(struct kunit *test)
{
	KUNIT_ASSERT_EQ(test, gom_sample_set_debug("FZP"), 0);
	crowd(test, 20);
}

#endif

/* === All sites =========================================================== */

/* What files ask for, and what the load does, is selftests/faults.sh's. */
static void every_site(struct kunit *test)
{
	struct gom_fail_count count;
	unsigned long calls = 0, failed = 0;
	enum gom_fail_site site;

	for (site = 0; site < GOM_FAIL_FILE; site++) {
		gom_fail_read(site, &count);
		calls += count.calls;
		failed += count.failed;
	}
	kunit_info(test, "%lu of %lu calls failed at %d sites\n", failed,
		   calls, GOM_FAIL_FILE);
	if (!failed)
		kunit_skip(test, "no case has run that makes them fail");
	for (site = 0; site < GOM_FAIL_FILE; site++) {
		gom_fail_read(site, &count);
		if (is_there(site))
			KUNIT_EXPECT_GT_MSG(test, count.failed, 0,
					    "%s never failed",
					    gom_fail_name(site));
	}
}

static struct kunit_case fault_cases[] = {
	KUNIT_CASE_PARAM(each_call, use_gen_params),
#ifdef CONFIG_FAULT_INJECTION
	KUNIT_CASE(hits),
	KUNIT_CASE_SLOW(flags),
	KUNIT_CASE(settings),
	KUNIT_CASE(reserve),
	KUNIT_CASE_SLOW(crowd_plain),
	KUNIT_CASE_SLOW(crowd_tracked),
	KUNIT_CASE_SLOW(crowd_checked),
#endif
	KUNIT_CASE(every_site),
	{}
};

static struct kunit_suite fault_suite = {
	.name = "gomalloc_fault",
	.init = gom_test_init,
	.exit = gom_test_exit,
	.test_cases = fault_cases,
};

kunit_test_suite(fault_suite);
