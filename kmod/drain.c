// SPDX-License-Identifier: GPL-2.0
/*
 * Emptying CPUs' caches: when a CPU goes away, when it has been idle, when
 * memory is short, when somebody asks.
 *
 * A live CPU's cache is emptied on that CPU, as only it may touch it: by who
 * runs there, or by work; a dead one's by whoever buries it.
 */
#include <linux/cpu.h>
#include <linux/cpuhotplug.h>
#include <linux/jiffies.h>
#include <linux/ktime.h>
#include <linux/preempt.h>
#include <linux/sched.h>
#include <linux/sched/isolation.h>
#include <linux/workqueue.h>
#include "budget.h"
#include "drain.h"
#include "fail.h"
#include "gopool.h"
#include "malloc.h"
#include "mcache.h"
#include "nolock.h"
#include "scavenge.h"
#include "tiny.h"

static int hotplug_state;
static struct workqueue_struct *drain_wq;
static DEFINE_PER_CPU(struct work_struct, drain_work);
static DEFINE_PER_CPU(struct work_struct, trim_work);
static atomic64_t trim_nsecs;

/* What @cpu caches; it is the caller's own, or dead. */
static void empty_caches(int cpu)
{
	void *block = gom_tiny_drain(cpu);

	if (block)
		gom_malloc_put(GOM_CLASS_TINY, block);
	gom_mcache_drain(cpu);
}

/* Pools first, whose objects go to the caches. */
static void empty(int cpu)
{
	gom_pool_drain(cpu);
	empty_caches(cpu);
}

static void drain(int cpu)
{
	gom_nolock_flush(cpu);
	empty(cpu);
}

/*
 * Of a CPU that goes away the work is done elsewhere, by a worker that may be
 * moved: it then empties where it is, and cpu_dead() does the rest.
 */
static void drain_this_cpu(struct work_struct *work)
{
	migrate_disable();
	drain(smp_processor_id());
	migrate_enable();
	gom_scavenge_wake();
}

static void trim_this_cpu(struct work_struct *work)
{
	u64 began = ktime_get_ns();

	migrate_disable();
	gom_pool_age(smp_processor_id());
	if (gom_mcache_trim()) {
		gom_nolock_flush(smp_processor_id());
		empty_caches(smp_processor_id());
	}
	migrate_enable();
	atomic64_add(ktime_get_ns() - began, &trim_nsecs);
	/* It may be late, and the scavenger asleep. */
	gom_scavenge_wake();
}

static int cpu_dead(unsigned int cpu)
{
	drain(cpu);
	gom_budget_reset();
	return 0;
}

bool gom_drain_is_worth(int cpu)
{
	return gom_glance(per_cpu_ptr(gom_mcache_cold, cpu)->capacity) ||
	       gom_pool_is_worth(cpu);
}

void gom_drain_ask(int cpu)
{
	queue_work_on(cpu, drain_wq, per_cpu_ptr(&drain_work, cpu));
}

bool gom_drain_may_disturb(int cpu)
{
	return housekeeping_cpu(cpu, HK_TYPE_WQ);
}

void gom_drain_ask_all(void)
{
	int cpu;

	for_each_online_cpu(cpu)
		if (gom_drain_is_worth(cpu) && gom_drain_may_disturb(cpu))
			gom_drain_ask(cpu);
}

bool gom_drain_trim(int cpu)
{
	return queue_work_on(cpu, drain_wq, per_cpu_ptr(&trim_work, cpu));
}

void gom_drain_flush(void)
{
	flush_workqueue(drain_wq);
}

u64 gom_drain_nsecs(void)
{
	return atomic64_read(&trim_nsecs);
}

void gom_drain_cpus(void)
{
	int cpu;

	cpus_read_lock();
	for_each_online_cpu(cpu)
		gom_drain_ask(cpu);
	for_each_online_cpu(cpu)
		flush_work(per_cpu_ptr(&drain_work, cpu));
	cpus_read_unlock();
}

void gom_drain_here(void)
{
	migrate_disable();
	empty(smp_processor_id());
	migrate_enable();
}

void gom_drain_hurry(unsigned long timeout)
{
	unsigned long end = jiffies + timeout;
	int cpu;

	gom_drain_here();
	for_each_online_cpu(cpu)
		if (gom_drain_is_worth(cpu))
			gom_drain_ask(cpu);
	for_each_online_cpu(cpu)
		while (work_busy(per_cpu_ptr(&drain_work, cpu)) &&
		       time_before(jiffies, end))
			schedule_timeout_uninterruptible(1);
}

int __init gom_drain_init(void)
{
	int cpu;

	for_each_possible_cpu(cpu) {
		INIT_WORK(per_cpu_ptr(&drain_work, cpu), drain_this_cpu);
		INIT_WORK(per_cpu_ptr(&trim_work, cpu), trim_this_cpu);
	}
	drain_wq = gom_try(DRAIN_QUEUE, 0, GFP_KERNEL,
			   alloc_workqueue("gomalloc_drain",
					   WQ_MEM_RECLAIM | GOM_WQ_PERCPU, 0));
	if (!drain_wq)
		return -ENOMEM;
	/* A state of the prepare part: its teardown runs when the CPU is dead. */
	hotplug_state = gom_try_err(DEAD_CPU, GFP_KERNEL,
				    cpuhp_setup_state_nocalls(CPUHP_BP_PREPARE_DYN,
							      "mm/gomalloc:dead",
							      NULL, cpu_dead));
	if (hotplug_state < 0) {
		destroy_workqueue(drain_wq);
		return hotplug_state;
	}
	return 0;
}

void gom_drain_exit(void)
{
	cpuhp_remove_state_nocalls(hotplug_state);
	destroy_workqueue(drain_wq);
}
