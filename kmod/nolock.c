// SPDX-License-Identifier: GPL-2.0
/*
 * Allocation and free where nothing may be waited for: NMI, tracing, code
 * that may have interrupted gomalloc itself.
 *
 * An allocation takes what the CPU's loaded magazine or, if its lock is free, the
 * central list has, and no more.  A free that finds it full or busy
 * leaves the object on a list for an irq_work to free; its first word is the
 * link.
 */
#include <linux/export.h>
#include <linux/irq_work.h>
#include <linux/llist.h>
#include <linux/percpu.h>
#include <linux/slab.h>
#include "arena.h"
#include "goheap.h"
#include "malloc.h"
#include "mcache.h"
#include "mspan.h"
#include "nolock.h"
#include "report.h"
#include "size_class.h"
#include "tiny.h"
#include "trace.h"
#include "tracked.h"

/**
 * struct deferred - what a CPU has yet to free
 * @objects: as gofree() takes them
 * @blocks: tiny blocks whose last object is gone already
 * @work: frees both
 */
struct deferred {
	struct llist_head objects;
	struct llist_head blocks;
	struct irq_work work;
};

static DEFINE_PER_CPU(struct deferred, deferred);

static void free_deferred(struct irq_work *work)
{
	struct deferred *d = container_of(work, struct deferred, work);
	struct llist_node *node, *next;

	llist_for_each_safe(node, next, llist_del_all(&d->objects))
		gofree(node);
	llist_for_each_safe(node, next, llist_del_all(&d->blocks))
		gom_malloc_put(GOM_CLASS_TINY, node);
}

static void defer(void *obj, bool block)
{
	struct deferred *d;

	preempt_disable();
	d = this_cpu_ptr(&deferred);
	llist_add(obj, block ? &d->blocks : &d->objects);
	irq_work_queue(&d->work);
	preempt_enable();
}

static bool push(unsigned int class, void *obj)
{
	bool ok;

	preempt_disable();
	ok = __gomalloc_push(class, obj, gom_key(obj));
	preempt_enable();
	return ok;
}

static void *get(unsigned int class, int node, unsigned long caller)
{
	void *obj;

	/* Not by a hit, which would count towards the next sample. */
	do {
		obj = gom_mcache_take_nolock(class, node);
	} while (obj && !gom_malloc_intact(class, obj, caller));
	return obj;
}

static void *get_tiny(size_t size, int node, unsigned long caller)
{
	void *obj = gom_tiny_cut(size), *block, *old;

	if (obj)
		return obj;
	block = get(GOM_CLASS_TINY, node, caller);
	if (!block)
		return NULL;
	obj = gom_tiny_cut_new(block, size, &old);
	if (old && !push(GOM_CLASS_TINY, old))
		defer(old, true);
	return obj;
}

/**
 * gomalloc_nolock - allocate memory without waiting for anything
 * @size: bytes wanted, at most %GOMALLOC_MAX_SMALL
 * @gfp: %__GFP_ZERO or nothing; %__GFP_ACCOUNT cannot be had here
 * @node: the node wished for, or %NUMA_NO_NODE
 *
 * Takes from what is cached and never from the kernel, so it may fail where
 * gomalloc() would not.
 *
 * Context: any, NMI included.
 * Return: the object, or %NULL.
 */
void *gomalloc_nolock(size_t size, gfp_t gfp, int node)
{
	unsigned int class = gom_size_class(size);
	size_t bytes = class ? gom_class[class].size : size;
	void *obj;

	if (unlikely(!size))
		return ZERO_SIZE_PTR;
	if (gfp & __GOMALLOC_GFP_DIVERT)
		return NULL;
	if (node != NUMA_NO_NODE &&
	    (node < 0 || node >= nr_node_ids || !node_online(node)))
		return NULL;
	if (__gomalloc_is_tiny(size))
		obj = get_tiny(size, node, _RET_IP_);
	else if (class)
		obj = get(class, node, _RET_IP_);
	else
		return NULL;
	if (obj && want_init_on_alloc(gfp))
		memset(obj, 0, bytes);
	if (obj)
		trace_gomalloc_alloc(_RET_IP_, obj, size, bytes, gfp, node);
	return obj;
}
EXPORT_SYMBOL_GPL(gomalloc_nolock);

/* Whether gofree() takes it later on as well as now. */
static bool may_defer(const void *ptr, unsigned int class)
{
	if (class == GOM_CLASS_NONE)
		return gom_compat_is_kmalloc(ptr);
	return gom_malloc_may_live(ptr, class);
}

/**
 * gofree_nolock - free memory without waiting for anything
 * @ptr: as for gofree()
 *
 * What cannot be freed at once is freed from an interrupt soon after.
 *
 * Context: any, NMI included.
 */
void gofree_nolock(const void *ptr)
{
	unsigned int page = gom_arena_page(ptr), class;
	void *obj = (void *)ptr;
	struct arena *arena;

	if (ZERO_OR_NULL_PTR(ptr))
		return;
	rcu_read_lock();
	arena = gom_arena_of(ptr);
	class = arena ? arena->class[page] : GOM_CLASS_NONE;
	if (class == GOM_CLASS_TINY) {
		if (trace_gomalloc_free_enabled() && gom_tiny_size(ptr))
			trace_gomalloc_free(_RET_IP_, ptr);
		obj = gom_malloc_free_tiny(ptr, _RET_IP_);
		if (obj && !push(class, obj))
			defer(obj, true);
	} else if (class &&
		   gom_class_begins(class, gom_arena_offset(arena, page, ptr))) {
		if (*(unsigned long *)obj == gom_key(obj))
			gom_report(GOM_DOUBLE_FREE, ptr, _RET_IP_);
		/* What is deferred is told of when it is freed. */
		else if (want_init_on_free() || trace_gomalloc_free_enabled() ||
			 !push(class, obj))
			defer(obj, false);
	} else if (may_defer(ptr, class)) {
		if (class == GOM_CLASS_HEAP)
			gom_goheap_defer(ptr);
		else if (class == GOM_CLASS_TRACKED)
			gom_tracked_defer(ptr);
		defer(obj, false);
	} else if ((class == GOM_CLASS_HEAP && !gom_goheap_holds(ptr)) ||
		   (class == GOM_CLASS_TRACKED &&
		    gom_tracked_object(ptr) == ptr)) {
		gom_report(GOM_DOUBLE_FREE, ptr, _RET_IP_);
	} else if (class >= GOM_CLASS_LARGE && class != GOM_CLASS_FREE) {
		gom_report(GOM_INTERIOR_FREE, ptr, _RET_IP_);
	} else {
		gom_malloc_free_other(ptr, _RET_IP_);
	}
	rcu_read_unlock();
}
EXPORT_SYMBOL_GPL(gofree_nolock);

/* Wait until what @cpu deferred so far is free.  Process context. */
void gom_nolock_flush(int cpu)
{
	struct irq_work *work = &per_cpu(deferred, cpu).work;

	/* A dead CPU may have gone with the work still queued. */
	if (cpu_online(cpu))
		irq_work_sync(work);
	else
		free_deferred(work);
}

void __init gom_nolock_init(void)
{
	int cpu;

	for_each_possible_cpu(cpu) {
		struct deferred *d = &per_cpu(deferred, cpu);

		init_llist_head(&d->objects);
		init_llist_head(&d->blocks);
		init_irq_work(&d->work, free_deferred);
	}
}
