// SPDX-License-Identifier: GPL-2.0
/*
 * Pools: where an object is looked for, what a cycle takes away and what it
 * leaves, who else empties them, and what is found of misuse.
 */
#include <linux/atomic.h>
#include <linux/cpu.h>
#include <linux/delay.h>
#include <linux/hrtimer.h>
#include <linux/shrinker.h>
#include <linux/sizes.h>
#include <linux/workqueue.h>
#include "gom_test.h"
#include "gopool.h"
#include "mheap.h"
#include "scavenge.h"
#include "shrink.h"

/**
 * struct thing - what the pools of these cases have
 * @magic: THING while it is made
 * @taken: somebody has it
 * @contents: its users' own
 */
struct thing {
	u32 magic;
	atomic_t taken;
	u64 contents[6];
};

#define THING	0x7417e5

/* What constructor and destructor did; both run at any time on any CPU. */
static struct maker {
	atomic_t made;
	atomic_t unmade;
	atomic_t wrong;
	int error;
} maker;

static int make_thing(void *obj, gfp_t gfp, void *arg)
{
	struct maker *m = arg;
	struct thing *t = obj;

	if (m->error)
		return m->error;
	atomic_inc(&m->made);
	*t = (struct thing){ .magic = THING };
	return 0;
}

static void unmake_thing(void *obj, void *arg)
{
	struct maker *m = arg;
	struct thing *t = obj;

	if (t->magic != THING || atomic_read(&t->taken))
		atomic_inc(&m->wrong);
	t->magic = 0;
	atomic_inc(&m->unmade);
}

static const struct gopool_params things = {
	.ctor = make_thing,
	.dtor = unmake_thing,
	.arg = &maker,
};

static struct gopool *new_pool(struct kunit *test,
			       const struct gopool_params *params)
{
	struct gopool *pool;

	maker = (struct maker){};
	pool = gopool_create("things", sizeof(struct thing), params);
	KUNIT_ASSERT_FALSE(test, IS_ERR(pool));
	return pool;
}

static struct gopool_stats stats_of(struct gopool *pool)
{
	struct gopool_stats s;

	gopool_read_stats(pool, &s);
	return s;
}

/* The equations of struct gopool_stats, of a pool that nobody uses. */
static void expect_balanced(struct kunit *test, struct gopool *pool)
{
	struct gopool_stats s = stats_of(pool);

	KUNIT_EXPECT_EQ(test, s.gets, s.hits + s.shared + s.steals + s.victims +
				      s.news + s.fails);
	KUNIT_EXPECT_EQ(test, s.out + s.in_slots + s.in_rings + s.in_victims,
			s.news - s.drops);
	gom_test_expect_valid(test);
}

/* With nothing out: all that was made was unmade, once and whole. */
static void end(struct kunit *test, struct gopool *pool)
{
	expect_balanced(test, pool);
	KUNIT_EXPECT_EQ(test, stats_of(pool).out, 0);
	gopool_destroy(pool);
	KUNIT_EXPECT_EQ(test, atomic_read(&maker.made),
			atomic_read(&maker.unmade));
	KUNIT_EXPECT_EQ(test, atomic_read(&maker.wrong), 0);
}

#define NR	24

static void get_all(struct kunit *test, struct gopool *pool, void **objs, int n)
{
	int i;

	for (i = 0; i < n; i++) {
		objs[i] = gom_test_hide(gopool_get(pool, GFP_KERNEL));
		KUNIT_ASSERT_NOT_NULL(test, objs[i]);
	}
}

static void put_all(struct gopool *pool, void **objs, int n)
{
	int i;

	for (i = 0; i < n; i++)
		gopool_put(pool, objs[i]);
}

/* An object comes back as it was put, and is made once. */
static void contents(struct kunit *test)
{
	struct gopool *pool = new_pool(test, &things);
	struct thing *t = gopool_get(pool, GFP_KERNEL), *again;
	int i;

	KUNIT_ASSERT_NOT_NULL(test, t);
	for (i = 0; i < 100; i++) {
		t->contents[5] = i;
		gopool_put(pool, t);
		again = gom_test_hide(gopool_get(pool, GFP_KERNEL | __GFP_ZERO));
		KUNIT_EXPECT_PTR_EQ(test, again, t);
		KUNIT_EXPECT_EQ(test, again->contents[5], i);
	}
	KUNIT_EXPECT_EQ(test, atomic_read(&maker.made), 1);
	KUNIT_EXPECT_EQ(test, stats_of(pool).hits, 100);
	gopool_put(pool, t);
	gopool_put(pool, NULL);
	KUNIT_EXPECT_EQ(test, stats_of(pool).in_slots, 1);
	end(test, pool);
}

/* The slot first, then the ring from its head. */
static void order(struct kunit *test)
{
	struct gopool *pool = new_pool(test, &things);
	void *objs[NR];
	int i;

	get_all(test, pool, objs, NR);
	KUNIT_EXPECT_EQ(test, stats_of(pool).out, NR);
	put_all(pool, objs, NR);
	KUNIT_EXPECT_EQ(test, stats_of(pool).in_rings, NR - 1);
	KUNIT_EXPECT_PTR_EQ(test, gopool_get(pool, GFP_KERNEL), objs[0]);
	for (i = NR - 1; i > 0; i--)
		KUNIT_EXPECT_PTR_EQ(test, gopool_get(pool, GFP_KERNEL), objs[i]);
	KUNIT_EXPECT_EQ(test, stats_of(pool).news, NR);
	KUNIT_EXPECT_EQ(test, stats_of(pool).shared, NR - 1);
	put_all(pool, objs, NR);
	end(test, pool);
}

static void no_room(struct kunit *test)
{
	struct gopool_params few = things;
	struct gopool *pool;
	void *objs[NR];

	few.capacity = 3;
	pool = new_pool(test, &few);
	get_all(test, pool, objs, NR);
	put_all(pool, objs, NR);
	KUNIT_EXPECT_EQ(test, stats_of(pool).in_slots, 1);
	KUNIT_EXPECT_EQ(test, stats_of(pool).in_rings, 4);
	KUNIT_EXPECT_EQ(test, stats_of(pool).drops, NR - 5);
	KUNIT_EXPECT_EQ(test, atomic_read(&maker.unmade), NR - 5);
	end(test, pool);
}

/* Without constructor and destructor, of any size. */
static void plain(struct kunit *test)
{
	static const size_t sizes[] = { 1, 4, 5, 64, 5000, SZ_64K };
	struct gopool *pool;
	void *objs[NR];
	int i;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		pool = gopool_create("plain", sizes[i], NULL);
		KUNIT_ASSERT_FALSE(test, IS_ERR(pool));
		get_all(test, pool, objs, NR);
		put_all(pool, objs, NR);
		get_all(test, pool, objs, NR);
		KUNIT_EXPECT_EQ(test, stats_of(pool).news, NR);
		KUNIT_EXPECT_GE(test, gosize(objs[0]), sizes[i]);
		put_all(pool, objs, NR);
		expect_balanced(test, pool);
		gopool_destroy(pool);
	}
}

static void constructor_fails(struct kunit *test)
{
	struct gopool *pool = new_pool(test, &things);
	struct gomalloc_stats before, after;
	void *obj = gopool_get(pool, GFP_KERNEL);

	gomalloc_read_stats(&before);
	maker.error = -EIO;
	KUNIT_EXPECT_NULL(test, gopool_get(pool, GFP_KERNEL));
	KUNIT_EXPECT_NULL(test, gopool_get(pool, GFP_ATOMIC));
	gomalloc_read_stats(&after);
	KUNIT_EXPECT_EQ(test, after.heap_objects, before.heap_objects);
	KUNIT_EXPECT_EQ(test, stats_of(pool).fails, 2);
	/* What is made already needs no constructor. */
	gopool_put(pool, obj);
	KUNIT_EXPECT_PTR_EQ(test, gopool_get(pool, GFP_KERNEL), obj);
	gopool_put(pool, obj);
	end(test, pool);
}

static void no_memory(struct kunit *test)
{
	struct gopool *pool = gopool_create("large", SZ_64K, NULL);

	KUNIT_ASSERT_FALSE(test, IS_ERR(pool));
	gom_test_fail_all(test, GOM_TEST_BLOCKS);
	KUNIT_EXPECT_NULL(test, gopool_get(pool, GFP_KERNEL | __GFP_NOWARN));
	gom_test_fail_none(test);
	KUNIT_EXPECT_EQ(test, stats_of(pool).fails, 1);
	expect_balanced(test, pool);
	gopool_destroy(pool);
}

/* === Cycles ============================================================== */

/* All survive one cycle, and what nobody takes goes with the second. */
static void cycles(struct kunit *test)
{
	struct gopool *pool = new_pool(test, &things);
	void *objs[NR], *taken;

	get_all(test, pool, objs, NR);
	put_all(pool, objs, NR);
	gom_pool_trim(0);
	KUNIT_EXPECT_EQ(test, stats_of(pool).in_victims, NR);
	KUNIT_EXPECT_EQ(test, stats_of(pool).drops, 0);
	expect_balanced(test, pool);
	taken = gopool_get(pool, GFP_KERNEL);
	KUNIT_EXPECT_EQ(test, stats_of(pool).victims, 1);
	KUNIT_EXPECT_EQ(test, stats_of(pool).news, NR);
	gopool_put(pool, taken);
	gom_pool_trim(0);
	KUNIT_EXPECT_EQ(test, stats_of(pool).drops, NR - 1);
	KUNIT_EXPECT_EQ(test, stats_of(pool).in_victims, 1);
	KUNIT_EXPECT_PTR_EQ(test, gopool_get(pool, GFP_KERNEL), taken);
	gopool_put(pool, taken);
	gom_pool_trim(0);
	gom_pool_trim(0);
	KUNIT_EXPECT_EQ(test, atomic_read(&maker.unmade), NR);
	KUNIT_EXPECT_FALSE(test, gom_pool_is_worth(0));
	end(test, pool);
}

/* A slot that is in use goes through cycles without loss. */
static void in_use(struct kunit *test)
{
	struct gopool *pool = new_pool(test, &things);
	void *obj = gopool_get(pool, GFP_KERNEL);
	int i;

	for (i = 0; i < 50; i++) {
		gopool_put(pool, obj);
		gom_pool_trim(0);
		KUNIT_EXPECT_PTR_EQ(test, gopool_get(pool, GFP_KERNEL), obj);
		gom_pool_trim(0);
	}
	KUNIT_EXPECT_EQ(test, atomic_read(&maker.made), 1);
	gopool_put(pool, obj);
	end(test, pool);
}

/* What the scavenger does not know of it would never take. */
static void scavenged(struct kunit *test)
{
	struct gopool *pool = new_pool(test, &things);
	void *obj;

	gom_scavenge_switch(true);
	obj = gopool_get(pool, GFP_KERNEL);
	EVENTUALLY(test, !READ_ONCE(gom_scavenge_awake));
	gopool_put(pool, obj);
	KUNIT_EXPECT_TRUE(test, READ_ONCE(gom_scavenge_awake));
	KUNIT_EXPECT_EQ(test, stats_of(pool).drops, 0);
	EVENTUALLY(test, stats_of(pool).drops == 1);
	EVENTUALLY(test, !READ_ONCE(gom_scavenge_awake));
	gom_scavenge_switch(false);
	end(test, pool);
}

static struct gopool *others;

static long put_many(void *data)
{
	void *objs[NR];
	int i;

	for (i = 0; i < NR; i++)
		objs[i] = gopool_get(others, GFP_KERNEL);
	put_all(others, objs, NR);
	return 0;
}

static int other_cpu(struct kunit *test)
{
	int cpu = cpumask_any_but(cpu_online_mask, 0);

	if (cpu >= nr_cpu_ids)
		kunit_skip(test, "there is one CPU");
	return cpu;
}

/* Other CPUs' rings and victims, but not their slots. */
static void steal(struct kunit *test)
{
	int cpu = other_cpu(test);
	void *objs[NR + 1];

	others = new_pool(test, &things);
	KUNIT_ASSERT_EQ(test, work_on_cpu(cpu, put_many, NULL), 0);
	get_all(test, others, objs, NR);
	KUNIT_EXPECT_EQ(test, stats_of(others).steals, NR - 1);
	KUNIT_EXPECT_EQ(test, stats_of(others).news, NR + 1);
	KUNIT_EXPECT_EQ(test, stats_of(others).in_slots, 1);
	put_all(others, objs, NR);
	gopool_drain(others);
	KUNIT_EXPECT_EQ(test, stats_of(others).drops, NR + 1);
	end(test, others);
}

static void offline(struct kunit *test)
{
	int cpu = other_cpu(test);

	others = new_pool(test, &things);
	KUNIT_ASSERT_EQ(test, work_on_cpu(cpu, put_many, NULL), 0);
	KUNIT_EXPECT_TRUE(test, gom_pool_is_worth(cpu));
	KUNIT_EXPECT_EQ(test, gom_pool_bytes(cpu),
			NR * gomalloc_size_roundup(sizeof(struct thing)));
	KUNIT_ASSERT_EQ(test, remove_cpu(cpu), 0);
	KUNIT_EXPECT_EQ(test, gom_pool_bytes(cpu), 0);
	KUNIT_EXPECT_FALSE(test, gom_pool_is_worth(cpu));
	KUNIT_EXPECT_EQ(test, stats_of(others).drops, NR);
	KUNIT_ASSERT_EQ(test, add_cpu(cpu), 0);
	KUNIT_ASSERT_EQ(test, work_on_cpu(cpu, put_many, NULL), 0);
	KUNIT_EXPECT_EQ(test, stats_of(others).drops, NR);
	end(test, others);
}

/* === Giving memory back ================================================== */

/* gomalloc_free_os_memory() reaches every CPU. */
static void given_back(struct kunit *test)
{
	int cpu;

	others = new_pool(test, &things);
	for_each_online_cpu(cpu)
		work_on_cpu(cpu, put_many, NULL);
	KUNIT_EXPECT_EQ(test, stats_of(others).drops, 0);
	gomalloc_free_os_memory();
	KUNIT_EXPECT_EQ(test, stats_of(others).drops, stats_of(others).news);
	end(test, others);
}

#define LARGE	SZ_64K

/* The shrinker counts what pools have and gets it. */
static void shrunk(struct kunit *test)
{
	struct shrink_control sc = { .nid = numa_mem_id() };
	struct gopool *pool = gopool_create("large", LARGE, NULL);
	unsigned long pages = NR * LARGE >> PAGE_SHIFT, got = 0, n;
	void *objs[NR];

	KUNIT_ASSERT_FALSE(test, IS_ERR(pool));
	get_all(test, pool, objs, NR);
	put_all(pool, objs, NR);
	/* What CPUs have is counted once a second, and asked for so often. */
	msleep(1100);
	KUNIT_EXPECT_GE(test, gom_shrink_count(NULL, &sc), pages);
	sc.nr_to_scan = pages + 64;
	sc.nr_scanned = sc.nr_to_scan;
	n = gom_shrink_scan(NULL, &sc);
	if (n != SHRINK_STOP)
		got = n;
	KUNIT_EXPECT_GE(test, got, pages);
	KUNIT_EXPECT_EQ(test, stats_of(pool).drops, NR);
	expect_balanced(test, pool);
	gopool_destroy(pool);
}

/* === Everybody at once =================================================== */

/* Whoever has one has it alone. */
static struct thing *take(struct gopool *pool, gfp_t gfp)
{
	struct thing *t = gopool_get(pool, gfp);

	if (t && (t->magic != THING || atomic_cmpxchg(&t->taken, 0, 1)))
		atomic_inc(&maker.wrong);
	return t;
}

static void give(struct gopool *pool, struct thing *t)
{
	if (t && !atomic_xchg(&t->taken, 0))
		atomic_inc(&maker.wrong);
	gopool_put(pool, t);
}

static void use(struct gopool *pool, gfp_t gfp)
{
	struct thing *t = take(pool, gfp);

	if (t)
		t->contents[0]++;
	give(pool, t);
}

/* What is on its way from a CPU to another. */
static struct thing *mail[NR];

/*
 * Some at a time; and every other CPU gets what the others put, so that there
 * is nothing left for it but to steal.
 */
static void use_some(void *arg, struct rnd_state *rnd)
{
	u32 n = prandom_u32_state(rnd) % 8, i, round;
	struct gopool *pool = arg;
	struct thing *held[8];

	for (round = 0; round < 20; round++) {
		for (i = 0; i < n; i++)
			held[i] = take(pool, GFP_KERNEL);
		use(pool, GFP_KERNEL);
		for (i = 0; i < n; i++)
			give(pool, held[i]);
		for (i = 0; i < NR; i++)
			give(pool, xchg(&mail[i], raw_smp_processor_id() % 2 ?
						  NULL : take(pool, GFP_KERNEL)));
	}
}

static void disturb(struct kunit *test)
{
	struct gom_pool_view view;

	gopool_drain(others);
	gom_pool_trim(0);
	KUNIT_EXPECT_TRUE(test, gom_pool_read(0, &view));
	KUNIT_EXPECT_NE(test, gomalloc_validate(), -EUCLEAN);
}

static void crowd(struct kunit *test)
{
	struct gom_test_crowd crowd = {
		.work = use_some, .msecs = 1000, .meanwhile = disturb,
	};
	int i;

	others = new_pool(test, &things);
	crowd.arg = others;
	gom_test_crowd_run(test, &crowd);
	for (i = 0; i < NR; i++)
		give(others, xchg(&mail[i], NULL));
	KUNIT_EXPECT_GT(test, stats_of(others).hits, 100);
	KUNIT_EXPECT_GT(test, stats_of(others).shared, 100);
	if (num_online_cpus() > 1)
		KUNIT_EXPECT_GT(test, stats_of(others).steals, 100);
	end(test, others);
}

/* The last object of a ring, which its CPU and another want. */
static void use_last(void *arg, struct rnd_state *rnd)
{
	struct thing *first, *second;
	struct gopool *pool = arg;
	int i;

	for (i = 0; i < 10 * NR; i++) {
		first = take(pool, GFP_KERNEL);
		if (raw_smp_processor_id() % 2) {
			give(pool, xchg(&mail[i % NR], first));
			continue;
		}
		second = take(pool, GFP_KERNEL);
		give(pool, first);
		give(pool, second);
		give(pool, xchg(&mail[i % NR], NULL));
	}
}

static void last_one(struct kunit *test)
{
	struct gom_test_crowd crowd = { .work = use_last, .msecs = 2000 };
	struct gopool_params few = things;
	int i;

	few.capacity = 1;
	others = new_pool(test, &few);
	crowd.arg = others;
	gom_test_crowd_run(test, &crowd);
	for (i = 0; i < NR; i++)
		give(others, xchg(&mail[i], NULL));
	end(test, others);
}

struct interrupter {
	struct hrtimer timer;
	struct gopool *pool;
	struct thing *kept;
	unsigned long rounds;
};

static enum hrtimer_restart interrupt(struct hrtimer *timer)
{
	struct interrupter *irq = container_of(timer, struct interrupter, timer);
	struct thing *first = take(irq->pool, GFP_ATOMIC | __GFP_NOWARN);

	use(irq->pool, GFP_ATOMIC | __GFP_NOWARN);
	/* The next one gives it, so that there may be one more or less. */
	swap(irq->kept, first);
	give(irq->pool, first);
	if (irq->rounds++ % 2)
		give(irq->pool, xchg(&irq->kept, NULL));
	hrtimer_forward_now(timer, ns_to_ktime(50 * NSEC_PER_USEC));
	return HRTIMER_RESTART;
}

/* A timer's interrupts and a thread have one CPU's slot and ring in common. */
static void interrupts(struct kunit *test)
{
	struct interrupter *irq = kunit_kzalloc(test, sizeof(*irq), GFP_KERNEL);
	unsigned long end_at = jiffies + 60 * HZ, rounds = 0;
	struct thing *held[4];

	KUNIT_ASSERT_NOT_NULL(test, irq);
	irq->pool = new_pool(test, &things);
	gom_compat_hrtimer_setup(&irq->timer, interrupt, CLOCK_MONOTONIC,
				 HRTIMER_MODE_REL_PINNED);
	hrtimer_start(&irq->timer, ns_to_ktime(NSEC_PER_MSEC),
		      HRTIMER_MODE_REL_PINNED);
	/* As many as it takes, on a machine that is busy as well. */
	while (READ_ONCE(irq->rounds) < 2000 && time_before(jiffies, end_at)) {
		int i, j;

		for (i = 0; i < 200; i++) {
			use(irq->pool, GFP_KERNEL);
			for (j = 0; j < ARRAY_SIZE(held); j++)
				held[j] = take(irq->pool, GFP_KERNEL);
			for (j = 0; j < ARRAY_SIZE(held); j++)
				give(irq->pool, held[j]);
		}
		if (++rounds % 16 == 0)
			gom_pool_trim(0);
		cond_resched();
	}
	hrtimer_cancel(&irq->timer);
	give(irq->pool, irq->kept);
	KUNIT_EXPECT_GE(test, irq->rounds, 2000);
	end(test, irq->pool);
}

/* === Misuse ============================================================== */

static void bad_arguments(struct kunit *test)
{
	struct gopool_params many = { .capacity = GOPOOL_CAPACITY_MAX + 1 };

	KUNIT_EXPECT_PTR_EQ(test, gopool_create("none", 0, NULL),
			    ERR_PTR(-EINVAL));
	KUNIT_EXPECT_PTR_EQ(test, gopool_create("huge", GOMALLOC_MAX_SIZE + 1,
						NULL), ERR_PTR(-EINVAL));
	KUNIT_EXPECT_PTR_EQ(test, gopool_create("many", 64, &many),
			    ERR_PTR(-EINVAL));
	gopool_destroy(NULL);
	gopool_destroy(ERR_PTR(-EINVAL));
}

/* What others are to read: one word, whatever it was. */
static void names(struct kunit *test)
{
	struct gopool *pool = gopool_create("a \"b\\c\n\xff", 8, NULL);
	struct gopool *none = gopool_create(NULL, 8, NULL);
	struct gom_pool_view view = {};

	KUNIT_ASSERT_FALSE(test, IS_ERR(pool) || IS_ERR(none));
	KUNIT_EXPECT_TRUE(test, gom_pool_read(0, &view));
	KUNIT_EXPECT_STREQ(test, view.name, "a__b_c__");
	KUNIT_EXPECT_TRUE(test, gom_pool_read(view.id + 1, &view));
	KUNIT_EXPECT_STREQ(test, view.name, "-");
	KUNIT_EXPECT_FALSE(test, gom_pool_read(view.id + 1, &view));
	gopool_destroy(none);
	gopool_destroy(pool);
}

/* Of what lies in the slot it is always found. */
static void double_put(struct kunit *test)
{
	struct gopool *pool = new_pool(test, &things);
	void *obj = gopool_get(pool, GFP_KERNEL);

	gopool_put(pool, obj);
	gopool_put(pool, obj);
	gom_test_expect_report(test, GOM_POOL_DOUBLE_PUT, obj);
	KUNIT_EXPECT_EQ(test, stats_of(pool).bad, 1);
	KUNIT_EXPECT_EQ(test, stats_of(pool).in_slots, 1);
	KUNIT_EXPECT_EQ(test, stats_of(pool).in_rings, 0);
	end(test, pool);
}

/* With a look at all of them, of any, wherever it is. */
static void double_put_checked(struct kunit *test)
{
	struct gopool_params checked = things;
	struct gopool *pool;
	void *objs[NR];
	int i;

	gom_pool_check = true;
	pool = new_pool(test, &things);
	gom_pool_check = false;
	get_all(test, pool, objs, 1);
	put_all(pool, objs, 1);
	gopool_put(pool, objs[0]);
	gom_test_expect_report(test, GOM_POOL_DOUBLE_PUT, objs[0]);
	end(test, pool);

	checked.check = true;
	pool = new_pool(test, &checked);
	get_all(test, pool, objs, NR);
	put_all(pool, objs, NR);
	for (i = 0; i < NR; i++) {
		gopool_put(pool, objs[i]);
		gom_test_expect_report(test, GOM_POOL_DOUBLE_PUT, objs[i]);
	}
	gom_pool_trim(0);
	for (i = 0; i < NR; i++) {
		gopool_put(pool, objs[i]);
		gom_test_expect_report(test, GOM_POOL_DOUBLE_PUT, objs[i]);
	}
	get_all(test, pool, objs, NR);
	KUNIT_EXPECT_EQ(test, stats_of(pool).news, NR);
	put_all(pool, objs, NR);
	end(test, pool);
}

/*
 * An interrupt comes, or the thread goes elsewhere, when a get has done the
 * first half: the slot that it leaves takes nothing unseen.
 */
static void put_midway(struct kunit *test)
{
	struct gopool_params checked = things;
	void *small = gom_test_alloc(8, GFP_KERNEL), *found, *obj;
	struct gopool *pool;

	checked.check = true;
	pool = new_pool(test, &checked);
	this_cpu_inc(pool->cpu->gets);
	found = this_cpu_xchg(pool->cpu->slot, pool->empty);
	gopool_put(pool, small);
	gom_test_expect_report(test, GOM_POOL_FOREIGN, small);
	obj = __gopool_get(pool, GFP_KERNEL, found);
	gopool_put(pool, obj);
	gofree(small);
	end(test, pool);
}

/* Left alone: of another size, another allocator, no object at all. */
static void foreign_put(struct kunit *test)
{
	struct gopool_params checked = things;
	struct gopool *pool;
	void *small = gom_test_alloc(8, GFP_KERNEL);
	struct thing *slab = kmalloc(sizeof(*slab), GFP_KERNEL);
	struct thing on_stack;

	checked.check = true;
	pool = new_pool(test, &checked);
	gopool_put(pool, small);
	gom_test_expect_report(test, GOM_POOL_FOREIGN, small);
	gopool_put(pool, slab);
	gom_test_expect_report(test, GOM_POOL_FOREIGN, slab);
	gopool_put(pool, &on_stack);
	gom_test_expect_report(test, GOM_POOL_FOREIGN, &on_stack);
	gofree(small);
	kfree(slab);
	end(test, pool);
}

/* What a scan for leaks is told: of each CPU, and what lies in its slot. */
static void roots(struct kunit *test)
{
	struct gopool *first = new_pool(test, &things);
	struct gopool *second = new_pool(test, &things);
	void *obj = gopool_get(second, GFP_KERNEL);
	void *words[GOM_POOL_ROOTS_BYTES / sizeof(void *)];
	unsigned int n = 0, seen = 0, i, cpus = num_possible_cpus();
	struct gom_pool_cursor at = {};
	size_t bytes;

	gopool_put(second, obj);
	for (; (bytes = gom_pool_roots(&at, words)); n++) {
		KUNIT_EXPECT_PTR_EQ(test, words[0],
				    (void *)(n < cpus ? first : second));
		for (i = 1; i < bytes / sizeof(*words); i++)
			seen += words[i] == obj;
	}
	KUNIT_EXPECT_EQ(test, n, 2 * cpus);
	KUNIT_EXPECT_EQ(test, seen, 1);
	gopool_destroy(first);
	end(test, second);
}

static void gone(struct kunit *test)
{
	struct gopool *pool = new_pool(test, &things);
	struct thing *obj = gopool_get(pool, GFP_KERNEL);

	/* What is out is its owner's. */
	gopool_destroy(pool);
	KUNIT_EXPECT_EQ(test, obj->magic, THING);
	KUNIT_EXPECT_EQ(test, atomic_read(&maker.unmade), 0);
	gopool_destroy(pool);
	gom_test_expect_report(test, GOM_POOL_GONE, pool);
	KUNIT_EXPECT_NULL(test, gopool_get(pool, GFP_KERNEL));
	gom_test_expect_report(test, GOM_POOL_GONE, pool);
	gopool_put(pool, obj);
	gom_test_expect_report(test, GOM_POOL_GONE, pool);
	gofree(obj);
}

/* A module that goes and leaves its pool: nobody calls into it any more. */
static void owner_gone(struct kunit *test)
{
	struct gopool *pool = new_pool(test, &things);
	struct gom_pool_view view;
	void *obj = gopool_get(pool, GFP_KERNEL);

	gopool_put(pool, obj);
	gom_pool_retire(NULL);
	KUNIT_EXPECT_TRUE(test, gom_pool_read(0, &view));
	gom_pool_retire(THIS_MODULE);
	KUNIT_EXPECT_FALSE(test, gom_pool_read(0, &view));
	gom_pool_drain(0);
	KUNIT_EXPECT_EQ(test, atomic_read(&maker.unmade), 0);
	/* All of it is leaked, which this case must not do. */
	gom_pool_adopt(pool);
	end(test, pool);
}

static struct kunit_case gopool_cases[] = {
	KUNIT_CASE(contents),
	KUNIT_CASE(order),
	KUNIT_CASE(no_room),
	KUNIT_CASE(plain),
	KUNIT_CASE(constructor_fails),
	KUNIT_CASE(no_memory),
	KUNIT_CASE(cycles),
	KUNIT_CASE(in_use),
	KUNIT_CASE_SLOW(scavenged),
	KUNIT_CASE(steal),
	KUNIT_CASE_SLOW(offline),
	KUNIT_CASE(given_back),
	KUNIT_CASE_SLOW(shrunk),
	KUNIT_CASE_SLOW(crowd),
	KUNIT_CASE_SLOW(last_one),
	KUNIT_CASE_SLOW(interrupts),
	KUNIT_CASE(bad_arguments),
	KUNIT_CASE(names),
	KUNIT_CASE(double_put),
	KUNIT_CASE(double_put_checked),
	KUNIT_CASE(put_midway),
	KUNIT_CASE(foreign_put),
	KUNIT_CASE(roots),
	KUNIT_CASE(gone),
	KUNIT_CASE(owner_gone),
	{}
};

static struct kunit_suite gopool_suite = {
	.name = "gomalloc_gopool",
	.init = gom_test_init,
	.exit = gom_test_exit,
	.test_cases = gopool_cases,
};

kunit_test_suite(gopool_suite);
