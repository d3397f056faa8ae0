// SPDX-License-Identifier: GPL-2.0
/*
 * Per-CPU caches: magazines, the busy flag, interrupts, budget and idle stock.
 */
#include <linux/delay.h>
#include <linux/hrtimer.h>
#include <linux/sizes.h>
#include "gom_test.h"
#include "scavenge.h"
#include "tiny.h"

/* The cases are bound to CPU 0. */
static struct gomalloc_head *head_of(unsigned int class)
{
	return per_cpu_ptr(&gomalloc_mcache.head[class], 0);
}

static struct mcache_class *cold_of(unsigned int class)
{
	return &per_cpu_ptr(gom_mcache_cold, 0)->class[class];
}

/* Slots of the loaded magazine. */
static unsigned int loaded_cap(unsigned int class)
{
	return (head_of(class)->end - head_of(class)->slots) / sizeof(void *);
}

/* Slots of both. */
static unsigned int capacity(unsigned int class)
{
	return loaded_cap(class) + cold_of(class)->other->cap;
}

static bool in_magazine(const struct magazine *mag, unsigned int n,
			const void *obj)
{
	while (n)
		if (mag->slot[--n] == obj)
			return true;
	return false;
}

static void last_in_first_out(struct kunit *test)
{
	void *a = gom_test_alloc(64, GFP_KERNEL);
	void *b = gom_test_alloc(64, GFP_KERNEL);
	void *c, *d;

	gofree(a);
	gofree(b);
	c = gom_test_alloc(64, GFP_KERNEL);
	d = gom_test_alloc(64, GFP_KERNEL);
	KUNIT_EXPECT_PTR_EQ(test, c, b);
	KUNIT_EXPECT_PTR_EQ(test, d, a);
	gofree(c);
	gofree(d);
}

/* Whoever finds the flag taken does without the cache, sizes of all kinds. */
static void busy(struct kunit *test)
{
	static const size_t sizes[] = { 3, 64, 1024, SZ_32K, SZ_64K };
	unsigned int i, round, cached;
	void *objs[ARRAY_SIZE(sizes)];
	bool all;

	for (i = 0; i < ARRAY_SIZE(sizes); i++)
		gofree(gom_test_alloc(sizes[i], GFP_KERNEL));
	cached = gom_mcache_count(0, gom_size_class(64));
	KUNIT_EXPECT_GT(test, cached, 0);
	for (round = 0; round < 200; round++) {
		preempt_disable();
		all = gom_mcache_trylock();
		for (i = 0; i < ARRAY_SIZE(sizes); i++) {
			objs[i] = gom_test_alloc(sizes[i], GFP_ATOMIC);
			all = all && objs[i] && gosize(objs[i]) >= sizes[i];
			if (objs[i])
				memset(objs[i], 0xff, sizes[i]);
		}
		all = all && !gom_mcache_trylock();
		for (i = 0; i < ARRAY_SIZE(sizes); i++)
			gofree(objs[i]);
		all = all && !gom_mcache_trylock();
		gom_mcache_unlock();
		preempt_enable();
		KUNIT_ASSERT_TRUE(test, all);
	}
	KUNIT_EXPECT_EQ(test, gom_mcache_count(0, gom_size_class(64)), cached);
}

/* What cases before this one did makes no class a frequent visitor. */
static void forget_visits(void)
{
	unsigned int class;

	for (class = 1; class < GOM_NR_SPAN_CLASSES; class++)
		cold_of(class)->visits_seen = cold_of(class)->refills +
					      cold_of(class)->flushes;
}

/* Magazines that miss grow, and all of a CPU's keep within its budget. */
static void capacity_in_budget(struct kunit *test)
{
	struct mcache_cold *cold = per_cpu_ptr(gom_mcache_cold, 0);
	unsigned int class, first, most = 0, i, n;
	unsigned long bytes = 0;
	void **objs = kunit_kcalloc(test, 1000, sizeof(*objs), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, objs);
	KUNIT_EXPECT_EQ(test, cold->capacity, 0);
	forget_visits();
	objs[0] = gom_test_alloc(64, GFP_KERNEL);
	gofree(objs[0]);
	first = capacity(gom_size_class(64));
	KUNIT_EXPECT_GT(test, first, 0);
	for (class = 1; class < GOMALLOC_NR_CLASSES; class++) {
		n = min(30UL, SZ_64K / gom_class[class].size);
		for (i = 0; i < n; i++)
			objs[i] = gom_test_alloc(gom_class[class].size,
						 GFP_KERNEL);
		gofree_bulk(n, objs);
		/* A look at idle stock may shrink it later. */
		most = max(most, capacity(gom_size_class(64)));
	}
	KUNIT_EXPECT_GT(test, most, first);
	for (class = 1; class < GOM_NR_SPAN_CLASSES; class++) {
		KUNIT_EXPECT_LE(test, gom_mcache_count(0, class),
				capacity(class));
		KUNIT_EXPECT_LE(test, loaded_cap(class), GOM_MAGAZINE_MAX);
		KUNIT_EXPECT_LE(test, cold_of(class)->other->cap,
				GOM_MAGAZINE_MAX);
		bytes += capacity(class) * gom_class[class].size;
	}
	KUNIT_EXPECT_EQ(test, cold->capacity, bytes);
	/* So small a heap has the least there is. */
	KUNIT_EXPECT_GT(test, bytes, SZ_16K);
	KUNIT_EXPECT_LE(test, bytes, SZ_256K);
}

/* Who visits the central list all the time gets some slots all the same. */
static void beyond_budget(struct kunit *test)
{
	struct mcache_cold *cold = per_cpu_ptr(gom_mcache_cold, 0);
	unsigned int class = gom_size_class(SZ_8K), i, round;
	unsigned long full = SZ_1M;
	void *objs[16];

	forget_visits();
	/* As if the others had it all. */
	cold->capacity += full;
	for (round = 0; round < 100; round++) {
		for (i = 0; i < ARRAY_SIZE(objs); i++)
			objs[i] = gom_test_alloc(SZ_8K, GFP_KERNEL);
		gofree_bulk(ARRAY_SIZE(objs), objs);
		if (round == 0)
			KUNIT_EXPECT_EQ(test, capacity(class), 0);
	}
	KUNIT_EXPECT_EQ(test, capacity(class), 4);
	cold->capacity -= full;
	KUNIT_EXPECT_EQ(test, cold->capacity, 4 * SZ_8K);
}

/* Objects go to and fro; the least capacity that the CPU had meanwhile. */
static unsigned int churn(struct kunit *test, unsigned int class)
{
	unsigned int n = 0, most = 400, low = UINT_MAX, i;
	void **objs = kunit_kcalloc(test, most, sizeof(*objs), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, objs);
	for (i = 0; i < 30000; i++) {
		if (n == 0 || (n < most && gom_test_random(test, 2)))
			objs[n++] = gom_test_alloc(64, GFP_KERNEL);
		else
			gofree(objs[--n]);
		low = min(low, capacity(class));
	}
	gofree_bulk(n, objs);
	return low;
}

/*
 * While objects go to and fro in spans with much room, a CPU keeps few, or no
 * span would run empty; not so where spans are full.
 */
static void sparse_spans(struct kunit *test)
{
	unsigned int class = gom_size_class(64), i, nr = 4000;
	void **objs = kunit_kcalloc(test, nr, sizeof(*objs), GFP_KERNEL);
	unsigned int few = 2 * GOM_MAGAZINE_FIRST;

	KUNIT_ASSERT_NOT_NULL(test, objs);
	for (i = 0; i < nr; i++)
		objs[i] = gom_test_alloc(64, GFP_KERNEL);
	KUNIT_EXPECT_GT(test, churn(test, class), few);
	for (i = 0; i < nr; i++) {
		if (i % 8 == 0)
			continue;
		gofree(objs[i]);
		objs[i] = NULL;
	}
	/* Stock would serve what follows. */
	while (gom_mcentral_shed(gom_central(numa_mem_id(), class)))
		;
	KUNIT_EXPECT_GT(test, capacity(class), few);
	KUNIT_EXPECT_LE(test, churn(test, class), few);
	for (i = 0; i < nr; i++)
		if (!objs[i])
			objs[i] = gom_test_alloc(64, GFP_KERNEL);
	KUNIT_EXPECT_GT(test, capacity(class), few);
	gofree_bulk(nr, objs);
}

/* Stock that nothing was taken from goes back while others miss. */
static void idle_stock(struct kunit *test)
{
	unsigned int class = gom_size_class(96), busy_class, i, k;
	void *objs[32];

	for (i = 0; i < ARRAY_SIZE(objs); i++)
		objs[i] = gom_test_alloc(96, GFP_KERNEL);
	gofree_bulk(ARRAY_SIZE(objs), objs);
	KUNIT_ASSERT_GT(test, gom_mcache_count(0, class), 0);
	busy_class = gom_size_class(SZ_16K);
	for (i = 0; i < 5000 && capacity(class); i++) {
		for (k = 0; k < ARRAY_SIZE(objs); k++)
			objs[k] = gom_test_alloc(SZ_16K, GFP_KERNEL);
		gofree_bulk(ARRAY_SIZE(objs), objs);
	}
	KUNIT_EXPECT_EQ(test, gom_mcache_count(0, class), 0);
	KUNIT_EXPECT_EQ(test, capacity(class), 0);
	KUNIT_EXPECT_GT(test, capacity(busy_class), 0);
}

static void drain(struct kunit *test)
{
	unsigned int class;
	int cpu, nid, i;
	void *objs[64];

	for (class = 1; class < GOMALLOC_NR_CLASSES; class++) {
		for (i = 0; i < ARRAY_SIZE(objs); i++)
			objs[i] = gom_test_alloc(gom_class[class].size,
						 GFP_KERNEL);
		gofree_bulk(ARRAY_SIZE(objs), objs);
	}
	gofree(gom_test_alloc(3, GFP_KERNEL));
	gom_scavenge_caches();
	for (class = 1; class < GOM_NR_SPAN_CLASSES; class++) {
		for_each_possible_cpu(cpu)
			KUNIT_EXPECT_EQ(test, gom_mcache_count(cpu, class), 0);
		for_each_gom_node(nid) {
			struct mcentral *c = gom_central(nid, class);

			KUNIT_EXPECT_EQ(test, c->nready, 0);
			KUNIT_EXPECT_EQ(test, c->nspans, 0);
		}
	}
	KUNIT_EXPECT_EQ(test, per_cpu_ptr(gom_mcache_cold, 0)->capacity, 0);
	gom_scavenge_caches();
}

/*
 * At the edge of a magazine a pair goes back and forth between the two and
 * needs the central list no more.
 */
static void edge(struct kunit *test)
{
	unsigned int class = gom_size_class(64), cap, i, n;
	unsigned long refills, flushes;
	void **objs = kunit_kcalloc(test, 1000, sizeof(*objs), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, objs);
	for (n = 0; n < 4; n++) {
		for (i = 0; i < 1000; i++)
			objs[i] = gom_test_alloc(64, GFP_KERNEL);
		gofree_bulk(1000, objs);
	}
	cap = loaded_cap(class);
	KUNIT_ASSERT_GT(test, cap, 1);
	KUNIT_ASSERT_GT(test, cold_of(class)->other->cap, 1);
	/* Empty the loaded one, and then some. */
	n = gom_mcache_count(0, class) - cold_of(class)->nother;
	for (i = 0; i < n; i++)
		objs[i] = gom_test_alloc(64, GFP_KERNEL);
	refills = cold_of(class)->refills;
	flushes = cold_of(class)->flushes;
	for (i = 0; i < 10 * cap; i++) {
		objs[n] = gom_test_alloc(64, GFP_KERNEL);
		objs[n + 1] = gom_test_alloc(64, GFP_KERNEL);
		gofree(objs[n]);
		gofree(objs[n + 1]);
	}
	KUNIT_EXPECT_LE(test, cold_of(class)->refills, refills + 1);
	KUNIT_EXPECT_LE(test, cold_of(class)->flushes, flushes + 1);
	gofree_bulk(n, objs);
}

/* What one flushes is what another loads: pointers and magazine. */
static void magazine_passes(struct kunit *test)
{
	unsigned int class = gom_size_class(1024), i, n;
	struct mcentral *c = gom_central(numa_mem_id(), class);
	void **objs = kunit_kcalloc(test, 1000, sizeof(*objs), GFP_KERNEL);
	struct magazine *mag;

	KUNIT_ASSERT_NOT_NULL(test, objs);
	for (n = 0; n < 4; n++) {
		for (i = 0; i < 1000; i++)
			objs[i] = gom_test_alloc(1024, GFP_KERNEL);
		gofree_bulk(1000, objs);
	}
	mag = c->full;
	KUNIT_ASSERT_NOT_NULL(test, mag);
	n = gom_mcache_count(0, class) + 1;
	for (i = 0; i < n; i++)
		objs[i] = gom_test_alloc(1024, GFP_KERNEL);
	KUNIT_EXPECT_EQ(test, head_of(class)->slots, (unsigned long)mag->slot);
	KUNIT_EXPECT_TRUE(test, in_magazine(mag, mag->count, objs[n - 1]));
	gofree_bulk(n, objs);
}

/* A size's class is in the magazine of the CPU that frees, whoever allocated. */
static void constant_size(struct kunit *test)
{
	void *a = gom_test_hide(gomalloc(48, GFP_KERNEL)), *b;

	KUNIT_EXPECT_EQ(test, gom_arena_class(a), gom_size_class(48));
	gofree(a);
	b = gom_test_alloc(48, GFP_KERNEL);
	KUNIT_EXPECT_PTR_EQ(test, a, b);
	gofree(b);
}

#define NR_HELD	32

struct holder {
	struct rnd_state rnd;
	void *objs[NR_HELD];
	size_t sizes[NR_HELD];
	unsigned long rounds;
	unsigned long bad;
};

/* Free one and allocate another, in whatever context. */
static void turn_over(struct holder *h, gfp_t gfp)
{
	unsigned int i = prandom_u32_state(&h->rnd) % NR_HELD;

	if (h->objs[i] && !gom_test_filled(h->objs[i], h->sizes[i], i))
		h->bad++;
	gofree(h->objs[i]);
	h->sizes[i] = gom_test_random_size(&h->rnd, SZ_64K);
	h->objs[i] = gomalloc(h->sizes[i], gfp);
	if (h->objs[i])
		gom_test_fill(h->objs[i], h->sizes[i], i);
	h->rounds++;
}

static void free_held(struct kunit *test, struct holder *h)
{
	int i;

	for (i = 0; i < NR_HELD; i++) {
		if (h->objs[i])
			KUNIT_EXPECT_TRUE(test,
					  gom_test_filled(h->objs[i],
							  h->sizes[i], i));
		gofree(h->objs[i]);
	}
	KUNIT_EXPECT_EQ(test, h->bad, 0);
}

struct interrupter {
	struct hrtimer timer;
	struct holder holder;
	bool in_hardirq;
	bool was_busy;
};

static enum hrtimer_restart interrupt(struct hrtimer *timer)
{
	struct interrupter *irq = container_of(timer, struct interrupter, timer);
	int i;

	irq->in_hardirq |= in_hardirq();
	irq->was_busy |= __this_cpu_read(gomalloc_mcache.busy);
	for (i = 0; i < 4; i++)
		turn_over(&irq->holder, GFP_ATOMIC | __GFP_NOWARN);
	hrtimer_forward_now(timer, ns_to_ktime(150 * NSEC_PER_USEC));
	return HRTIMER_RESTART;
}

/* A timer's interrupts allocate and free on the CPU on which a thread does. */
static void interrupts(struct kunit *test)
{
	struct interrupter *irq = kunit_kzalloc(test, sizeof(*irq), GFP_KERNEL);
	struct holder *mine = kunit_kzalloc(test, sizeof(*mine), GFP_KERNEL);
	unsigned long end = jiffies + 2 * HZ;

	KUNIT_ASSERT_NOT_NULL(test, irq);
	KUNIT_ASSERT_NOT_NULL(test, mine);
	prandom_seed_state(&irq->holder.rnd, 2);
	prandom_seed_state(&mine->rnd, 3);
	gom_compat_hrtimer_setup(&irq->timer, interrupt, CLOCK_MONOTONIC,
				 HRTIMER_MODE_REL_PINNED);
	hrtimer_start(&irq->timer, ns_to_ktime(NSEC_PER_MSEC),
		      HRTIMER_MODE_REL_PINNED);
	while (time_before(jiffies, end)) {
		int i;

		for (i = 0; i < 100; i++)
			turn_over(mine, GFP_KERNEL);
		cond_resched();
	}
	hrtimer_cancel(&irq->timer);
	KUNIT_EXPECT_TRUE(test, irq->in_hardirq);
	KUNIT_EXPECT_GT(test, irq->holder.rounds, 1000);
	KUNIT_EXPECT_GT(test, mine->rounds, 1000);
	kunit_info(test, "%lu rounds of the timer, %lu beside, busy %s\n",
		   irq->holder.rounds, mine->rounds,
		   irq->was_busy ? "met" : "not met");
	free_held(test, &irq->holder);
	free_held(test, mine);
}

static struct kunit_case mcache_cases[] = {
	KUNIT_CASE(last_in_first_out),
	KUNIT_CASE(busy),
	KUNIT_CASE(capacity_in_budget),
	KUNIT_CASE(beyond_budget),
	KUNIT_CASE(sparse_spans),
	KUNIT_CASE(idle_stock),
	KUNIT_CASE(drain),
	KUNIT_CASE(edge),
	KUNIT_CASE(magazine_passes),
	KUNIT_CASE(constant_size),
	KUNIT_CASE_SLOW(interrupts),
	{}
};

static struct kunit_suite mcache_suite = {
	.name = "gomalloc_mcache",
	.init = gom_test_init,
	.exit = gom_test_exit,
	.test_cases = mcache_cases,
};

kunit_test_suite(mcache_suite);
