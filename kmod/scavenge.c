// SPDX-License-Identifier: GPL-2.0
/*
 * Giving memory back: caches to their spans when a CPU goes away or when
 * asked, idle pages to the kernel when asked.
 *
 * A live CPU's cache is drained by work on that CPU, as only it may touch
 * it; a dead one's by whoever buries it.  Process context throughout.
 */
#include <linux/cpu.h>
#include <linux/cpuhotplug.h>
#include <linux/export.h>
#include <linux/workqueue.h>
#include "malloc.h"
#include "mcache.h"
#include "node.h"
#include "nolock.h"
#include "scavenge.h"
#include "tiny.h"
#include "trace.h"

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

void gom_scavenge_caches(void)
{
	unsigned int class;
	int cpu, nid;

	cpus_read_lock();
	for_each_online_cpu(cpu)
		queue_work_on(cpu, drain_wq, per_cpu_ptr(&drain_work, cpu));
	for_each_online_cpu(cpu)
		flush_work(per_cpu_ptr(&drain_work, cpu));
	cpus_read_unlock();
	for_each_gom_node(nid) {
		for (class = 1; class < GOM_NR_SPAN_CLASSES; class++)
			while (gom_mcentral_shed(gom_central(nid, class)))
				cond_resched();
		gom_tracked_shed(&gom_node(nid)->tracked);
	}
}

/**
 * gomalloc_free_os_memory - give all idle memory back to the kernel
 *
 * Empties every CPU's caches and the central lists' stock into their
 * spans, then gives every free page back; Go's debug.FreeOSMemory.
 *
 * Context: process; sleeps.
 * Return: bytes given back.
 */
size_t gomalloc_free_os_memory(void)
{
	unsigned long pages = 0;
	int nid;

	might_sleep();
	gom_scavenge_caches();
	for_each_gom_node(nid)
		pages += gom_mheap_release(&gom_node(nid)->heap);
	trace_gomalloc_scavenge(pages << GOM_PAGE_SHIFT);
	return pages << GOM_PAGE_SHIFT;
}
EXPORT_SYMBOL_GPL(gomalloc_free_os_memory);

int __init gom_scavenge_init(void)
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

/* Clients are gone: nobody allocates or frees any more. */
void gom_scavenge_exit(void)
{
	gom_scavenge_caches();
	cpuhp_remove_state_nocalls(hotplug_state);
	destroy_workqueue(drain_wq);
}
