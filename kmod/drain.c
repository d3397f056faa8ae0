// SPDX-License-Identifier: GPL-2.0
/*
 * Emptying CPUs' caches: when a CPU goes away, when it has been idle, when
 * memory is short, when somebody asks.
 *
 * A live CPU's cache is emptied by work on that CPU, as only it may touch
 * it; a dead one's by whoever buries it.
 */
#include <linux/cpu.h>
#include <linux/cpuhotplug.h>
#include <linux/workqueue.h>
#include "drain.h"
#include "malloc.h"
#include "mcache.h"
#include "nolock.h"
#include "tiny.h"

static int hotplug_state;
static struct workqueue_struct *drain_wq;
static DEFINE_PER_CPU(struct work_struct, drain_work);

static void drain(int cpu)
{
	void *block;

	gom_nolock_flush(cpu);
	block = gom_tiny_drain(cpu);
	if (block)
		gom_malloc_put(GOM_CLASS_TINY, block);
	gom_mcache_drain(cpu);
}

static void drain_this_cpu(struct work_struct *work)
{
	drain(smp_processor_id());
}

static int cpu_dead(unsigned int cpu)
{
	drain(cpu);
	return 0;
}

void gom_drain_ask(int cpu)
{
	queue_work_on(cpu, drain_wq, per_cpu_ptr(&drain_work, cpu));
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

int __init gom_drain_init(void)
{
	int cpu;

	for_each_possible_cpu(cpu)
		INIT_WORK(per_cpu_ptr(&drain_work, cpu), drain_this_cpu);
	drain_wq = alloc_workqueue("gomalloc_drain",
				   WQ_MEM_RECLAIM | GOM_WQ_PERCPU, 0);
	if (!drain_wq)
		return -ENOMEM;
	/* A state of the prepare part: its teardown runs when the CPU is dead. */
	hotplug_state = cpuhp_setup_state_nocalls(CPUHP_BP_PREPARE_DYN,
						  "mm/gomalloc:dead", NULL,
						  cpu_dead);
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
