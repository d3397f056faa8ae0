// SPDX-License-Identifier: GPL-2.0
/*
 * What all of gomalloc's suites share; see gom_test.h.
 */
#include <kunit/static_stub.h>
#include <linux/delay.h>
#include <linux/kthread.h>
#include <linux/module.h>
#include "failfile.h"
#include "gom_test.h"
#include "guard.h"
#include "sample.h"
#include "scavenge.h"

int gom_test_init(struct kunit *test)
{
	struct gom_test *t = kunit_kzalloc(test, sizeof(*t), GFP_KERNEL);
	int i;

	if (!t || set_cpus_allowed_ptr(current, cpumask_of(0)))
		return -ENOMEM;
	test->priv = t;
	prandom_seed_state(&t->rnd, 1);
	/* A case that wants samples, or memory given back, says so. */
	gom_sample_set_rate(0);
	t->guard_interval = gom_guard_interval;
	gom_guard_interval = 0;
	/* Nor KASAN's view of objects, which takes them off the fast path. */
	gom_sample_set_debug("");
	t->scavenged = gom_scavenge_is_on();
	gom_scavenge_switch(false);
	gomalloc_free_os_memory();
	gomalloc_read_stats(&t->before);
	for (i = 0; i < GOM_NR_MISUSES; i++)
		t->reports[i] = gom_report_count(i);
	return 0;
}

/* In a thread of its own, so the case's per-CPU expectations are over. */
void gom_test_exit(struct kunit *test)
{
	struct gom_test *t = test->priv;
	struct gomalloc_stats now;
	int i;

	if (!t)
		return;
	gom_test_set_probability(0);
	gom_sample_set_counted("");
	gom_sample_set_debug("");
	gom_sample_set_rate(0);
	gom_scavenge_switch(false);
	for (i = 0; i < GOM_NR_MISUSES; i++)
		KUNIT_EXPECT_EQ_MSG(test, gom_report_count(i), t->reports[i],
				    "%s", gom_report_name(i));
	gomalloc_free_os_memory();
	gom_test_expect_valid(test);
	gomalloc_read_stats(&now);
	KUNIT_EXPECT_EQ(test, now.alloc, t->before.alloc);
	KUNIT_EXPECT_EQ(test, now.heap_objects, t->before.heap_objects);
	KUNIT_EXPECT_EQ(test, now.mcache_free, 0);
	KUNIT_EXPECT_EQ(test, now.heap_idle, 0);
	KUNIT_EXPECT_EQ(test, now.heap_sys, t->before.heap_sys);
	/* What the profile has learnt stays. */
	KUNIT_EXPECT_EQ(test, now.meta_sys - now.profile_sys,
			t->before.meta_sys - t->before.profile_sys);
	gom_scavenge_switch(t->scavenged);
	gom_guard_interval = t->guard_interval;
}

/* Nothing else runs, so memory is on its way for a moment at most. */
void gom_test_expect_valid(struct kunit *test)
{
	int tries, err = -EAGAIN;

	for (tries = 0; err == -EAGAIN && tries < 10; tries++) {
		if (tries)
			msleep(20);
		err = gomalloc_validate();
	}
	KUNIT_EXPECT_EQ(test, err, 0);
}

/* One more @what since the last call, of @ptr and no other. */
void gom_test_expect_report(struct kunit *test, enum gom_misuse what,
			    const void *ptr)
{
	struct gom_test *t = test->priv;
	struct gom_report_record last;
	int i;

	t->reports[what]++;
	for (i = 0; i < GOM_NR_MISUSES; i++) {
		KUNIT_EXPECT_EQ_MSG(test, gom_report_count(i), t->reports[i],
				    "%s, where %s was due", gom_report_name(i),
				    gom_report_name(what));
		t->reports[i] = gom_report_count(i);
	}
	gom_report_last(&last);
	KUNIT_EXPECT_EQ(test, (int)last.what, (int)what);
	KUNIT_EXPECT_PTR_EQ(test, last.ptr, ptr);
}

struct gom_test_failure gom_test_failure;

static bool decide(enum gom_fail_site site, size_t size, gfp_t gfp)
{
	struct gom_test_failure *f = &gom_test_failure;
	unsigned int call;

	if (!(f->sites & BIT_ULL(site)) || size < f->bytes)
		return false;
	call = f->calls++;
	return call >= f->first && call < f->end;
}

void gom_test_may_fail(struct kunit *test, u64 sites)
{
	gom_test_failure = (struct gom_test_failure) { .sites = sites };
	kunit_activate_static_stub(test, gom_fail_decides, decide);
}

void gom_test_fail_nth(unsigned int nth, bool onwards)
{
	gom_test_failure.calls = 0;
	gom_test_failure.first = nth;
	gom_test_failure.end = onwards ? UINT_MAX : nth + 1;
}

void gom_test_fail_all(struct kunit *test, u64 sites)
{
	gom_test_may_fail(test, sites);
	gom_test_fail_nth(0, true);
}

void gom_test_fail_none(struct kunit *test)
{
	kunit_deactivate_static_stub(test, gom_fail_decides);
}

#ifdef CONFIG_FAULT_INJECTION
bool gom_test_set_probability(unsigned long percent)
{
	struct gom_fail_settings *s = &gom_fail_settings;

	s->ignore_gfp_wait = false;
	s->only = GOM_NR_FAIL_SITES;
	s->attr.interval = 1;
	s->attr.verbose = 0;
	s->attr.task_filter = false;
	atomic_set(&s->attr.times, -1);
	atomic_set(&s->attr.space, 0);
	return !gom_failfile_set_probability(percent);
}
#else
bool gom_test_set_probability(unsigned long percent)
{
	return false;
}
#endif

u64 gom_test_live(void)
{
	struct gomalloc_stats s;

	gomalloc_read_stats(&s);
	return s.heap_objects;
}

u32 gom_test_random(struct kunit *test, u32 n)
{
	struct gom_test *t = test->priv;

	return prandom_u32_state(&t->rnd) % n;
}

void gom_test_shuffle(struct kunit *test, u8 *order, unsigned int n)
{
	unsigned int i;

	for (i = 0; i < n; i++)
		order[i] = i;
	for (; n > 1; n--) {
		i = gom_test_random(test, n);
		swap(order[n - 1], order[i]);
	}
}

size_t gom_test_random_size(struct rnd_state *rnd, size_t max)
{
	unsigned int bits = prandom_u32_state(rnd) % (fls(max - 1) + 1);

	return min(1 + prandom_u32_state(rnd) % (1UL << bits), max);
}

/*
 * The first and last bytes: those that a neighbour would write over, in
 * little time.
 */
#define EDGE	16UL

void gom_test_fill(void *obj, size_t size, u32 seed)
{
	size_t edge = min(size, EDGE), i;
	u8 *byte = obj;

	for (i = 0; i < edge; i++) {
		byte[i] = seed + i;
		byte[size - 1 - i] = seed + (size - 1 - i);
	}
}

bool gom_test_filled(const void *obj, size_t size, u32 seed)
{
	size_t edge = min(size, EDGE), i;
	const u8 *byte = obj;

	for (i = 0; i < edge; i++)
		if (byte[i] != (u8)(seed + i) ||
		    byte[size - 1 - i] != (u8)(seed + (size - 1 - i)))
			return false;
	return true;
}

struct worker {
	const struct gom_test_crowd *crowd;
	struct rnd_state rnd;
	struct task_struct *task;
};

static int worker_thread(void *data)
{
	struct worker *w = data;

	while (!kthread_should_stop()) {
		w->crowd->work(w->crowd->arg, &w->rnd);
		cond_resched();
	}
	return 0;
}

void gom_test_crowd_run(struct kunit *test, const struct gom_test_crowd *crowd)
{
	struct worker *workers = kunit_kcalloc(test, nr_cpu_ids,
					       sizeof(*workers), GFP_KERNEL);
	unsigned long end;
	int cpu;

	KUNIT_ASSERT_NOT_NULL(test, workers);
	for_each_online_cpu(cpu) {
		struct worker *w = &workers[cpu];

		w->crowd = crowd;
		prandom_seed_state(&w->rnd, cpu + 2);
		w->task = kthread_create_on_node(worker_thread, w,
						 cpu_to_node(cpu),
						 "gom_test/%d", cpu);
		if (IS_ERR(w->task)) {
			w->task = NULL;
			KUNIT_FAIL(test, "no thread for CPU %d", cpu);
			continue;
		}
		kthread_bind(w->task, cpu);
		wake_up_process(w->task);
	}
	end = jiffies + msecs_to_jiffies(crowd->msecs);
	while (time_before(jiffies, end)) {
		if (crowd->meanwhile)
			crowd->meanwhile(test);
		msleep(20);
	}
	for_each_possible_cpu(cpu)
		if (workers[cpu].task)
			kthread_stop(workers[cpu].task);
}

GOM_IMPORT_KUNIT_NS();
MODULE_DESCRIPTION("KUnit suites of gomalloc");
MODULE_LICENSE("GPL");
