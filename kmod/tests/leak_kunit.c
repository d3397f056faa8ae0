// SPDX-License-Identifier: GPL-2.0
/*
 * Scans for leaks: what is suspect and what is not, by where its pointers are.
 *
 * A case's own stack is not looked at, as it is the scan's, but the suite's
 * data are: there pointers that a scan must not see are kept inverted.
 */
#include <linux/completion.h>
#include <linux/delay.h>
#include <linux/kthread.h>
#include <linux/list.h>
#include <linux/sched/signal.h>
#include "gom_test.h"
#include "sample.h"
#include "profile.h"
#include "scan.h"
#include "site.h"
#include "tiny.h"

#define NR_SLOTS	8

/* What a scan sees, and what it does not. */
static unsigned long shown[NR_SLOTS];
static unsigned long hidden[NR_SLOTS];
static DEFINE_PER_CPU(unsigned long, shown_by_cpu);

static void show(unsigned int i, const void *ptr)
{
	WRITE_ONCE(shown[i], (unsigned long)ptr);
}

static void *object(unsigned int i)
{
	return (void *)~READ_ONCE(hidden[i]);
}

/* A new object that only object(@i) knows. */
static void hide_new(struct kunit *test, unsigned int i, size_t size)
{
	void *obj = gom_test_alloc(size, GFP_KERNEL | __GFP_ZERO);

	KUNIT_ASSERT_NOT_NULL(test, obj);
	WRITE_ONCE(hidden[i], ~(unsigned long)obj);
	show(i, NULL);
}

static void free_hidden(unsigned int i)
{
	gofree(object(i));
	show(i, NULL);
}

/* Let @from have a pointer to @to. */
static void point(unsigned int from, unsigned int word, void *to)
{
	WRITE_ONCE(((void **)object(from))[word], to);
}

static const struct gom_suspect *find(const struct gom_scan *scan,
				      unsigned long addr)
{
	size_t i;

	for (i = 0; i < scan->nsuspects; i++)
		if (scan->suspect[i].addr == addr)
			return &scan->suspect[i];
	return NULL;
}

/*
 * A scan that finds @n suspects.  An old value on the stack of a task that is
 * at work may hide one for a moment, so that is tried again.
 */
static void scan_for(struct kunit *test, struct gom_scan *scan, size_t n)
{
	unsigned int tries;

	for (tries = 0; tries < 5; tries++) {
		if (tries) {
			gom_scan_free(scan);
			msleep(50);
		}
		KUNIT_ASSERT_EQ(test, gom_scan_run(scan), 0);
		if (scan->nsuspects == n)
			return;
	}
	KUNIT_EXPECT_EQ(test, scan->nsuspects, n);
}

/* A scan finds the objects whose bits are set in @suspects, and no others. */
static void expect_suspects(struct kunit *test, unsigned int n,
			    unsigned int suspects)
{
	unsigned int i, nsuspects = hweight32(suspects);
	struct gom_scan scan;

	scan_for(test, &scan, nsuspects);
	for (i = 0; i < n; i++)
		KUNIT_EXPECT_EQ_MSG(test, !!find(&scan, (unsigned long)object(i)),
				    !!(suspects & BIT(i)), "object %u", i);
	gom_scan_free(&scan);
}

static const size_t sizes[] = {
	8, 16, 24, 64, 200, 1000, 8192, 20000, 32768, 100000, SZ_1M
};

/* One of each size; with a pointer, and without. */
static void known_or_not(struct kunit *test)
{
	const struct gom_suspect *suspect;
	struct gom_scan scan;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		hide_new(test, 0, sizes[i]);
		show(0, object(0));
		expect_suspects(test, 1, 0);
		show(0, NULL);
		scan_for(test, &scan, 1);
		KUNIT_EXPECT_EQ(test, scan.objects, 1);
		suspect = find(&scan, (unsigned long)object(0));
		KUNIT_EXPECT_NOT_NULL(test, suspect);
		if (suspect) {
			KUNIT_EXPECT_EQ(test, suspect->size, gosize(object(0)));
			KUNIT_EXPECT_NULL(test, suspect->site);
		}
		gom_scan_free(&scan);
		free_hidden(0);
	}
}

/* Data, an object, an object: whole or in parts. */
static void chain(struct kunit *test)
{
	hide_new(test, 0, 64);
	hide_new(test, 1, 4096);
	hide_new(test, 2, 200);
	point(0, 7, object(1));
	point(1, 511, object(2));
	show(0, object(0));
	expect_suspects(test, 3, 0);
	point(1, 511, NULL);
	expect_suspects(test, 3, BIT(2));
	point(0, 7, NULL);
	point(1, 511, object(2));
	expect_suspects(test, 3, BIT(1) | BIT(2));
	show(0, NULL);
	expect_suspects(test, 3, BIT(0) | BIT(1) | BIT(2));
	free_hidden(0);
	free_hidden(1);
	free_hidden(2);
}

/*
 * A long list.  When its head is not known any more, an old value on the stack
 * of some sleeping task may still be the address of an object in it, and of
 * 20000 one often is.  That one knows the rest, so suspect are the first
 * objects of the list: a few, or all.
 */
static void long_chain(struct kunit *test)
{
	void **obj, **last = NULL, *list = NULL;
	unsigned int i, n = 20000;
	struct gom_scan scan;

	for (i = 0; i < n; i++) {
		obj = gomalloc(gom_test_random(test, 2) ? 32 : 64,
			       GFP_KERNEL | __GFP_ZERO);
		KUNIT_ASSERT_NOT_NULL(test, obj);
		obj[1] = list;
		list = obj;
	}
	show(0, list);
	expect_suspects(test, 0, 0);
	show(0, NULL);
	KUNIT_ASSERT_EQ(test, gom_scan_run(&scan), 0);
	KUNIT_ASSERT_GT(test, scan.nsuspects, 0);
	KUNIT_ASSERT_LE(test, scan.nsuspects, n);
	for (i = 0, obj = list; i < scan.nsuspects; i++) {
		last = obj;
		obj = obj[1];
	}
	KUNIT_EXPECT_NOT_NULL(test, find(&scan, (unsigned long)list));
	KUNIT_EXPECT_NOT_NULL(test, find(&scan, (unsigned long)last));
	KUNIT_EXPECT_NULL(test, find(&scan, (unsigned long)obj));
	gom_scan_free(&scan);
	while ((obj = list)) {
		list = obj[1];
		gofree(obj);
	}
}

/* Any byte of an object stands for it, and none of its neighbours'. */
static void interior(struct kunit *test)
{
	static const size_t offsets[] = { 0, 1, 8, 100, 191 };
	unsigned int i;

	hide_new(test, 0, 192);
	hide_new(test, 1, 192);
	hide_new(test, 2, 100000);
	show(1, object(1));
	show(2, object(2) + 8192 * 5 + 123);
	for (i = 0; i < ARRAY_SIZE(offsets); i++) {
		show(0, object(0) + offsets[i]);
		expect_suspects(test, 3, 0);
	}
	show(0, object(0) - 1);
	expect_suspects(test, 3, BIT(0));
	show(0, object(0) + 192);
	expect_suspects(test, 3, BIT(0));
	show(2, object(2) + gosize(object(2)));
	expect_suspects(test, 3, BIT(0) | BIT(2));
	free_hidden(0);
	free_hidden(1);
	free_hidden(2);
}

/* Objects that know each other, and nobody knows them. */
static void cycle(struct kunit *test)
{
	hide_new(test, 0, 48);
	hide_new(test, 1, 300);
	point(0, 0, object(1));
	point(1, 3, object(0));
	expect_suspects(test, 2, BIT(0) | BIT(1));
	show(0, object(1));
	expect_suspects(test, 2, 0);
	show(0, NULL);
	free_hidden(0);
	free_hidden(1);
}

/* What a large object ends with, and what points into its middle. */
static void large(struct kunit *test)
{
	hide_new(test, 0, SZ_256K);
	hide_new(test, 1, 24);
	point(0, SZ_256K / sizeof(void *) - 1, object(1));
	show(0, object(0) + SZ_128K + 8);
	expect_suspects(test, 2, 0);
	show(0, NULL);
	expect_suspects(test, 2, BIT(0) | BIT(1));
	free_hidden(0);
	free_hidden(1);
}

static void per_cpu_data(struct kunit *test)
{
	int cpu;

	hide_new(test, 0, 80);
	for_each_possible_cpu(cpu) {
		per_cpu(shown_by_cpu, cpu) = (unsigned long)object(0);
		expect_suspects(test, 1, 0);
		per_cpu(shown_by_cpu, cpu) = 0;
	}
	expect_suspects(test, 1, BIT(0));
	free_hidden(0);
}

/* A block is suspect when nobody knows any of its objects. */
static void tiny(struct kunit *test)
{
	hide_new(test, 0, 3);
	hide_new(test, 1, 3);
	KUNIT_ASSERT_PTR_EQ(test, gom_tiny_block(object(0)),
			    gom_tiny_block(object(1)));
	/* The CPU still cuts from it. */
	expect_suspects(test, 0, 0);
	KUNIT_ASSERT_NULL(test, gom_tiny_drain(0));
	show(1, object(1));
	expect_suspects(test, 1, 0);
	show(1, NULL);
	expect_suspects(test, 1, BIT(0));
	free_hidden(0);
	expect_suspects(test, 0, BIT(0));
	free_hidden(1);
	expect_suspects(test, 0, 0);
}

/* Free ones are not suspect, be they in a magazine or in a span. */
static void freed(struct kunit *test)
{
	static const size_t some[] = { 3, 8, 192, 8192, 100000 };
	unsigned int i, k;
	void *objs[64];

	for (i = 0; i < ARRAY_SIZE(some); i++) {
		for (k = 0; k < ARRAY_SIZE(objs); k++)
			objs[k] = gom_test_alloc(some[i], GFP_KERNEL);
		for (k = 0; k < ARRAY_SIZE(objs); k++) {
			KUNIT_EXPECT_NOT_NULL(test, objs[k]);
			gofree(objs[k]);
		}
	}
	expect_suspects(test, 0, 0);
	gomalloc_free_os_memory();
	expect_suspects(test, 0, 0);
}

struct sleeper {
	struct completion ready;
	struct completion go;
};

static int sleep_on(void *data)
{
	struct sleeper *sleeper = data;
	void *on_stack;

	WRITE_ONCE(on_stack, object(0));
	complete(&sleeper->ready);
	wait_for_completion(&sleeper->go);
	return !READ_ONCE(on_stack);
}

static void task_stack(struct kunit *test)
{
	struct sleeper sleeper;
	struct task_struct *task;

	init_completion(&sleeper.ready);
	init_completion(&sleeper.go);
	hide_new(test, 0, 512);
	task = kthread_run(sleep_on, &sleeper, "gom_test_sleeper");
	KUNIT_ASSERT_FALSE(test, IS_ERR(task));
	get_task_struct(task);
	wait_for_completion(&sleeper.ready);
	expect_suspects(test, 1, 0);
	complete(&sleeper.go);
	KUNIT_EXPECT_EQ(test, kthread_stop(task), 0);
	put_task_struct(task);
	expect_suspects(test, 1, BIT(0));
	free_hidden(0);
}

struct with_rcu {
	unsigned long first;
	struct rcu_head rcu;
};

/* Nobody knows them but RCU, for a while. */
static void left_to_rcu(struct kunit *test)
{
	struct with_rcu *obj;
	unsigned int i;

	for (i = 0; i < 100; i++) {
		obj = gom_test_alloc(sizeof(*obj), GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, obj);
		gofree_rcu(obj, rcu);
	}
	expect_suspects(test, 0, 0);
	rcu_barrier();
}

static void interrupted(struct kunit *test)
{
	struct gom_scan scan;

	hide_new(test, 0, 64);
	allow_signal(SIGUSR1);
	send_sig(SIGUSR1, current, 1);
	KUNIT_EXPECT_EQ(test, gom_scan_run(&scan), -EINTR);
	KUNIT_EXPECT_NULL(test, scan.suspect);
	flush_signals(current);
	disallow_signal(SIGUSR1);
	expect_suspects(test, 1, BIT(0));
	free_hidden(0);
}

/* The same for tracked objects, of which more is known. */
static void tracked(struct kunit *test)
{
	static const size_t some[] = { 3, 40, 192, 5000, 100000 };
	unsigned long rate = gom_profile_rate();
	const struct gom_suspect *suspect;
	u64 before = ktime_get_mono_fast_ns();
	struct gom_scan scan;
	unsigned int i;

	KUNIT_ASSERT_EQ(test, gom_sample_set_rate(1), 0);
	for (i = 0; i < ARRAY_SIZE(some); i++) {
		hide_new(test, i, some[i]);
		KUNIT_EXPECT_EQ(test, gom_arena_class(object(i)),
				GOM_CLASS_TRACKED);
	}
	KUNIT_EXPECT_EQ(test, gom_sample_set_rate(rate), 0);
	for (i = 0; i < ARRAY_SIZE(some); i++)
		show(i, object(i) + some[i] - 1);
	expect_suspects(test, ARRAY_SIZE(some), 0);
	for (i = 0; i < ARRAY_SIZE(some); i++)
		show(i, NULL);
	show(7, object(4));
	point(4, 100, object(1));
	scan_for(test, &scan, 3);
	for (i = 0; i < ARRAY_SIZE(some); i++) {
		suspect = find(&scan, (unsigned long)object(i));
		KUNIT_EXPECT_EQ(test, !suspect, i == 1 || i == 4);
		if (!suspect)
			continue;
		KUNIT_EXPECT_EQ(test, suspect->size, gosize(object(i)));
		KUNIT_EXPECT_NOT_NULL(test, suspect->site);
		KUNIT_EXPECT_GE(test, suspect->when, before);
		KUNIT_EXPECT_LE(test, suspect->when, scan.when);
	}
	gom_scan_free(&scan);
	show(7, NULL);
	for (i = 0; i < ARRAY_SIZE(some); i++)
		free_hidden(i);
	expect_suspects(test, 0, 0);
}

#define NR_SHARED	256

/* Known by data, every one; but each for a short time. */
static unsigned long shared[NR_SHARED];
static atomic64_t serial;

static void churn(void *arg, struct rnd_state *rnd)
{
	unsigned int i;

	for (i = 0; i < 100; i++) {
		size_t size = sizeof(u64) + gom_test_random_size(rnd, SZ_64K);
		void *obj = gomalloc(size, GFP_KERNEL);

		if (!obj)
			continue;
		/* Two that live in one place in turn are not the same. */
		*(u64 *)obj = atomic64_inc_return(&serial);
		obj = (void *)xchg(&shared[prandom_u32_state(rnd) % NR_SHARED],
				   (unsigned long)obj);
		gofree(obj);
	}
}

static void scan_meanwhile(struct kunit *test)
{
	struct gom_scan scan;

	KUNIT_EXPECT_EQ(test, gom_scan_run(&scan), 0);
	KUNIT_EXPECT_EQ(test, scan.nsuspects, 0);
	gom_scan_free(&scan);
}

static void run_crowd(struct kunit *test)
{
	const struct gom_test_crowd crowd = {
		.work = churn, .msecs = 2000, .meanwhile = scan_meanwhile,
	};
	unsigned int i;

	gom_test_crowd_run(test, &crowd);
	scan_meanwhile(test);
	for (i = 0; i < NR_SHARED; i++) {
		gofree((void *)shared[i]);
		shared[i] = 0;
	}
}

/* Spans come and go under the scan, and nothing is lost. */
static void crowd(struct kunit *test)
{
	run_crowd(test);
}

static void tracked_crowd(struct kunit *test)
{
	KUNIT_ASSERT_EQ(test, gom_sample_set_rate(1), 0);
	run_crowd(test);
}

static struct kunit_case leak_cases[] = {
	KUNIT_CASE(known_or_not),
	KUNIT_CASE(chain),
	KUNIT_CASE(long_chain),
	KUNIT_CASE(interior),
	KUNIT_CASE(cycle),
	KUNIT_CASE(large),
	KUNIT_CASE(per_cpu_data),
	KUNIT_CASE(tiny),
	KUNIT_CASE(freed),
	KUNIT_CASE(task_stack),
	KUNIT_CASE(left_to_rcu),
	KUNIT_CASE(interrupted),
	KUNIT_CASE(tracked),
	KUNIT_CASE(crowd),
	KUNIT_CASE(tracked_crowd),
	{}
};

static struct kunit_suite leak_suite = {
	.name = "gomalloc_leak",
	.init = gom_test_init,
	.exit = gom_test_exit,
	.test_cases = leak_cases,
};

kunit_test_suite(leak_suite);
