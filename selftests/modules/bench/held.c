// SPDX-License-Identifier: GPL-2.0
/* What an allocator holds from the kernel, to the page. */
#include <linux/cpu.h>
#include <linux/math64.h>
#include <linux/mm.h>
#include <linux/mmzone.h>
#include <linux/nodemask.h>
#include <linux/percpu.h>
#include <linux/vmstat.h>
#include <linux/workqueue.h>
#include "bench.h"

/* The global counters lag behind what each CPU still keeps to itself. */
static s64 pages_of(enum node_stat_item item)
{
	s64 pages = atomic_long_read(&vm_node_stat[item]);
	int cpu, node;

	for_each_online_node(node) {
		struct per_cpu_nodestat __percpu *stat;

		stat = NODE_DATA(node)->per_cpu_nodestats;
		for_each_possible_cpu(cpu)
			pages += per_cpu_ptr(stat, cpu)->vm_node_stat_diff[item];
	}
	return pages;
}

static s64 held_by_slab(void)
{
	return (pages_of(NR_SLAB_RECLAIMABLE_B) +
		pages_of(NR_SLAB_UNRECLAIMABLE_B)) * (s64)PAGE_SIZE;
}

/* For kmalloc all of slab, of which only differences say anything. */
s64 held_from_kernel(enum allocator which)
{
	struct gomalloc_stats stats;

	if (which == KMALLOC)
		return held_by_slab();
	gomalloc_read_stats(&stats);
	return stats.sys;
}

/* Both ways of it sleep. */
static void shrink_slabs(void)
{
	unsigned int type, i;

	for (type = 0; type < NR_KMALLOC_TYPES; type++)
		for (i = 0; i < ARRAY_SIZE(kmalloc_caches[type]); i++)
			if (kmalloc_caches[type][i])
				kmem_cache_shrink(kmalloc_caches[type][i]);
}

/* To the kernel, all that an allocator can do without. */
void return_idle(enum allocator which)
{
	if (which == KMALLOC)
		shrink_slabs();
	else
		gomalloc_free_os_memory();
}

/* === Plugs =============================================================== */

struct plug {
	struct plug *next;
};

static struct plug *plugs;

static bool plug(size_t size)
{
	struct plug *plug = kmalloc(size, GFP_KERNEL);

	if (!plug)
		return false;
	plug->next = plugs;
	plugs = plug;
	return true;
}

static void plug_size(size_t size)
{
	s64 held = held_by_slab();
	s64 rest;

	do {
		if (!plug(size))
			return;
	} while (held_by_slab() <= held);
	/* And what came with the last. */
	for (rest = div_s64(held_by_slab() - held, size) - 1; rest > 0; rest--)
		plug(size);
}

static long plug_cpu(void *unused)
{
	size_t size;

	plug_size(96);
	plug_size(192);
	for (size = 8; size <= KMALLOC_MAX_CACHE_SIZE; size *= 2)
		plug_size(size);
	return 0;
}

/*
 * Fill what kmalloc has free, each CPU's own too. What is allocated then, it
 * must ask the kernel for, and only that shows in a difference.
 */
void plug_slabs(void)
{
	int cpu;

	cpus_read_lock();
	for_each_online_cpu(cpu)
		work_on_cpu(cpu, plug_cpu, NULL);
	cpus_read_unlock();
}

void unplug_slabs(void)
{
	struct plug *plug;

	while ((plug = plugs)) {
		plugs = plug->next;
		kfree(plug);
	}
}

/* === Memory in all ======================================================= */

/* Leaves room for what an allocator rounds up and for everyone else. */
unsigned long memory_to_use(void)
{
	return totalram_pages() / 3 * PAGE_SIZE;
}
