// SPDX-License-Identifier: GPL-2.0
/*
 * Runs a workload, any number of times: each pass fills, takes its steps
 * against the clock, and frees everything.
 *
 * One worker takes its steps where the caller is, each with interrupts off,
 * so that nothing else is counted. More are threads, one on each CPU, that
 * start together, and it is the last one's end that counts.
 */
#include <linux/cpumask.h>
#include <linux/err.h>
#include <linux/irqflags.h>
#include <linux/kthread.h>
#include <linux/sched.h>
#include <linux/sched/task.h>
#include <linux/vmalloc.h>
#include "bench.h"

/* The first is the cause. */
noinline void run_fail(struct run *run, const char *error)
{
	cmpxchg(&run->error, NULL, error);
}

static void observe(struct run *run, enum moment moment)
{
	if (run->observe)
		run->observe(run, moment);
}

s64 run_live(const struct run *run)
{
	unsigned int i;
	s64 live = 0;

	for (i = 0; i < run->nr_workers; i++)
		live += run->workers[i].live;
	return live;
}

/* === Steps =============================================================== */

static void take_steps_here(struct run *run, step_fn step)
{
	struct worker *w = run->workers;
	unsigned long flags;
	unsigned int i;
	u64 start;

	for (i = 0; i < run->steps && !run->error; i++) {
		local_irq_save(flags);
		start = now();
		step(w);
		run->ticks += now() - start;
		local_irq_restore(flags);
		observe(run, DURING);
		/* Interrupts return what was freed meanwhile. */
		cond_resched();
	}
}

static void wait_for_others(struct run *run)
{
	if (atomic_dec_and_test(&run->absent)) {
		run->started = now();
		/* Pairs with smp_load_acquire() below. */
		smp_store_release(&run->go, true);
	}
	/* Pairs with smp_store_release() above: all are ready. */
	while (!smp_load_acquire(&run->go)) {
		cpu_relax();
		cond_resched();
	}
}

static int work(void *data)
{
	struct worker *w = data;
	struct run *run = w->run;
	step_fn step = run->workload->step[run->which];
	unsigned int i;

	wait_for_others(run);
	for (i = 0; i < run->steps && !READ_ONCE(run->error); i++) {
		step(w);
		cond_resched();
	}
	if (atomic_dec_and_test(&run->busy)) {
		run->ticks += (now() - run->started) * run->nr_workers;
		complete(&run->done);
	}
	return 0;
}

static void reap_threads(struct run *run)
{
	unsigned int i;

	for (i = 0; i < run->nr_workers; i++) {
		struct worker *w = &run->workers[i];

		if (!w->task)
			continue;
		kthread_stop(w->task);
		put_task_struct(w->task);
		w->task = NULL;
	}
}

static void create_threads(struct run *run)
{
	int cpu = cpumask_first(cpu_online_mask);
	struct task_struct *task;
	unsigned int i;

	for (i = 0; i < run->nr_workers && cpu < nr_cpu_ids; i++) {
		task = kthread_create_on_cpu(work, &run->workers[i], cpu,
					     "gombench/%u");
		if (IS_ERR(task)) {
			run_fail(run, "no thread");
			return;
		}
		/* It may be gone when it is stopped. */
		run->workers[i].task = get_task_struct(task);
		cpu = cpumask_next(cpu, cpu_online_mask);
	}
	if (i < run->nr_workers)
		run_fail(run, "a CPU went offline");
}

static void let_threads_go(struct run *run)
{
	unsigned int i;

	if (run->error)
		return;
	atomic_set(&run->absent, run->nr_workers);
	atomic_set(&run->busy, run->nr_workers);
	run->go = false;
	reinit_completion(&run->done);
	for (i = 0; i < run->nr_workers; i++)
		wake_up_process(run->workers[i].task);
	wait_for_completion(&run->done);
	observe(run, DURING);
}

/* === A pass ============================================================== */

static void reset(struct worker *w)
{
	w->random = bench_seed + w->number;
	w->cursor = 0;
	w->live = 0;
}

static void drain_slot(struct worker *w, void **slot)
{
	/* After an error, not even that much is known of an object. */
	if (w->run->error)
		put(w->run->which, *slot);
	else
		drop(w, w->run->which, *slot);
	*slot = NULL;
}

static void drain(struct run *run)
{
	unsigned int i, j;

	for (i = 0; i < run->nr_workers; i++) {
		struct worker *w = &run->workers[i];

		if (run->workload->drain)
			run->workload->drain(w);
		for (j = 0; j < run->nr_slots; j++) {
			drain_slot(w, &w->slots[j]);
			cond_resched();
		}
	}
	for (i = 0; i < run->nr_shared; i++)
		drain_slot(run->workers, &run->shared[i]);
}

/* Warm up, where @check, and look at what the steps themselves do not. */
void run_pass(struct run *run, enum allocator which, bool check)
{
	const struct workload *workload = run->workload;
	step_fn step = workload->step[which];
	unsigned int i;

	run->which = which;
	run->ticks = 0;
	if (run->nr_workers > 1)
		create_threads(run);
	observe(run, BEFORE);
	for (i = 0; i < run->nr_workers; i++) {
		reset(&run->workers[i]);
		if (workload->fill)
			workload->fill(&run->workers[i]);
		run->workers[i].calls = 0;
	}
	if (check && workload->check[which])
		step = workload->check[which];
	if (run->nr_workers > 1)
		let_threads_go(run);
	else
		take_steps_here(run, step);
	run->calls = 0;
	for (i = 0; i < run->nr_workers; i++)
		run->calls += run->workers[i].calls;
	drain(run);
	observe(run, AFTER);
	reap_threads(run);
}

/* === A run =============================================================== */

static int prepare_workers(struct run *run)
{
	unsigned int i;

	for (i = 0; i < run->nr_workers; i++) {
		struct worker *w = &run->workers[i];

		w->run = run;
		w->number = i;
		w->slots = vcalloc(run->nr_slots + 1, sizeof(*w->slots));
		if (!w->slots)
			return -ENOMEM;
		if (run->lane != LATENCY)
			continue;
		w->latencies = vcalloc(NR_LATENCIES, sizeof(*w->latencies));
		if (!w->latencies)
			return -ENOMEM;
	}
	return 0;
}

int run_prepare(struct run *run, unsigned int nr_workers)
{
	const struct workload *workload = run->workload;
	int err;

	run->nr_workers = nr_workers;
	run->steps = workload->steps;
	run->nr_slots = workload->slots;
	run->nr_shared = workload->shared * nr_workers;
	init_completion(&run->done);
	if (workload->scale)
		run->scale = workload->scale();
	run->workers = vcalloc(nr_workers, sizeof(*run->workers));
	run->shared = vcalloc(run->nr_shared + 1, sizeof(*run->shared));
	if (!run->workers || !run->shared)
		return -ENOMEM;
	err = workload->init ? workload->init(run) : 0;
	return err ?: prepare_workers(run);
}

/* Also of what was prepared only in part. */
void run_release(struct run *run)
{
	unsigned int i;

	if (run->workload->exit && run->workers)
		run->workload->exit(run);
	for (i = 0; run->workers && i < run->nr_workers; i++) {
		vfree(run->workers[i].slots);
		vfree(run->workers[i].latencies);
	}
	vfree(run->workers);
	vfree(run->shared);
}
