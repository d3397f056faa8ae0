// SPDX-License-Identifier: GPL-2.0
/*
 * Giving memory back: what caches and central lists keep to the spans, idle
 * pages to the kernel.  Process context throughout.
 */
#include <linux/export.h>
#include "drain.h"
#include "node.h"
#include "scavenge.h"
#include "trace.h"

void gom_scavenge_caches(void)
{
	int nid;

	gom_drain_cpus();
	for_each_gom_node(nid)
		gom_node_shed(nid, GFP_KERNEL);
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
		pages += gom_mheap_release(&gom_node(nid)->heap, ULONG_MAX);
	trace_gomalloc_scavenge(pages << GOM_PAGE_SHIFT);
	return pages << GOM_PAGE_SHIFT;
}
EXPORT_SYMBOL_GPL(gomalloc_free_os_memory);

int __init gom_scavenge_init(void)
{
	return gom_drain_init();
}

/* Clients are gone: nobody allocates or frees any more. */
void gom_scavenge_exit(void)
{
	gom_scavenge_caches();
	gom_drain_exit();
}
