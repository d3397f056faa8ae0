// SPDX-License-Identifier: GPL-2.0
/*
 * gomalloc() and gofree(): the entry points and their fast paths.
 *
 * A hit costs no lock, no atomic and no disabled interrupt: preemption off,
 * the busy byte, one pop or push on this CPU's magazine, and the checks.  Each
 * exit to a slow path is a tail call made with preemption still off, so the
 * fast path keeps nothing in a saved register for its sake; the callee turns
 * preemption on again.
 *
 * Always on, in this order of the code: a free of what is no object of ours
 * (two loads that are needed anyway), of an address at which no object
 * begins (one multiplication), of a free object (its key), and on allocation
 * a free object that was written to (its key again).
 *
 * Contexts: any that kmalloc() and kfree() allow.  NMI has nolock.c.
 */
#include <linux/export.h>
#include <linux/mutex.h>
#include <linux/percpu.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>
#include <linux/topology.h>
#include "arena.h"
#include "fail.h"
#include "goheap.h"
#include "large.h"
#include "limit.h"
#include "malloc.h"
#include "mcache.h"
#include "mspan.h"
#include "node.h"
#include "report.h"
#include "sample.h"
#include "tiny.h"
#include "trace.h"
#include "tracked.h"

static atomic64_t forwarded;
static atomic64_t forwarded_frees;

u64 gom_malloc_forwarded(void)
{
	return atomic64_read(&forwarded);
}

u64 gom_malloc_forwarded_frees(void)
{
	return atomic64_read(&forwarded_frees);
}

/* Whether a free object of @class is as it was left; if so it is the caller's now. */
bool gom_malloc_intact(unsigned int class, void *obj, unsigned long caller)
{
	if (unlikely(*(unsigned long *)obj != gom_key(obj))) {
		gom_report(GOM_WRITE_AFTER_FREE, obj, caller);
		/* Not if its page has become a tiny span since. */
		if (class == GOM_CLASS_TINY && gom_arena_class(obj) == class)
			gom_tiny_condemn(obj);
		return false;
	}
	*(unsigned long *)obj = 0;
	return true;
}

/* An object of @class from the slow path; a damaged one counts as leaked. */
static void *get(unsigned int class, gfp_t gfp, int node, unsigned long caller)
{
	void *obj = gom_mcache_refill(class, gfp, node);

	while (obj && !gom_malloc_intact(class, obj, caller)) {
		this_cpu_inc(gom_mcache_cold->class[class].mallocs);
		obj = gom_mcache_refill(class, gfp, node);
	}
	return obj;
}

/* Free @obj of @class, which is known to be live. */
void gom_malloc_put(unsigned int class, void *obj)
{
	unsigned long key = gom_key(obj);
	bool pushed;

	preempt_disable();
	pushed = __gomalloc_push(class, obj, key);
	preempt_enable();
	if (!pushed) {
		*(unsigned long *)obj = key;
		gom_mcache_flush(class, obj);
	}
}

/* Cut @size bytes from a new @block and free the one it replaces, if empty. */
void *gom_malloc_tiny_finish(void *block, size_t size)
{
	void *old, *obj = gom_tiny_cut_new(block, size, &old);

	if (old)
		gom_malloc_put(GOM_CLASS_TINY, old);
	return obj;
}

/* A tiny block where the magazine had none, or its count has come to its end. */
static void *get_block(gfp_t gfp, unsigned long caller)
{
	void *block;

	gom_sample_count(GOM_CLASS_TINY);
	block = get(GOM_CLASS_TINY, gfp, NUMA_NO_NODE, caller);
	if (!block)
		gom_sample_uncount(GOM_CLASS_TINY);
	return block;
}

/* What @size is rounded up to. */
static size_t bytes_for(size_t size, unsigned int class)
{
	if (class)
		return gom_class[class].size;
	return __gomalloc_is_tiny(size) ? size : gom_large_size(size);
}

/* As a tracked object, if somebody wants to know of it and there is memory. */
static void *malloc_tracked(size_t size, unsigned int class, gfp_t gfp,
			    int node, unsigned long caller, bool sampled)
{
	struct gom_tracked_request req = {
		.size = size,
		.bytes = bytes_for(size, class),
		.gfp = gfp,
		.node = gom_node_for(node, gfp),
		.class = class,
		.caller = caller,
		.sampled = sampled,
	};

	return gom_tracked_alloc(&req);
}

static void *malloc_tiny(size_t size, gfp_t gfp, unsigned long caller)
{
	void *obj = gom_tiny_cut(size), *block;
	bool hit;

	if (!obj) {
		preempt_disable();
		hit = __gomalloc_pop(GOM_CLASS_TINY, &block);
		preempt_enable();
		if (!hit)
			block = get_block(gfp, caller);
		if (!block)
			return NULL;
		obj = gom_malloc_tiny_finish(block, size);
	}
	if (want_init_on_alloc(gfp))
		memset(obj, 0, size);
	return obj;
}

/* As no sample. */
static void *malloc_plain(size_t size, unsigned int class, gfp_t gfp, int node,
			  unsigned long caller)
{
	void *obj;

	if (__gomalloc_is_tiny(size))
		return malloc_tiny(size, gfp, caller);
	if (!class)
		return gom_large_alloc(size, gfp, node, false);
	obj = get(class, gfp, node, caller);
	if (obj && want_init_on_alloc(gfp))
		memset(obj, 0, gom_class[class].size);
	return obj;
}

/*
 * Where nothing was to be had.  If that is for the hard limit, CPUs may have
 * emptied their caches or others freed pages since: what serves it now costs
 * no effort.
 */
static noinline void *malloc_refused(size_t size, unsigned int class,
				     gfp_t gfp, int node, unsigned long caller)
{
	void *obj;

	if (gom_limit_get(GOM_LIMIT_HARD) == S64_MAX)
		return NULL;
	obj = malloc_plain(size, class, GOM_GFP_EASY(gfp), node, caller);
	if (!obj && gom_limit_refuses(gom_large_size(size)))
		gom_limit_fail(size, gfp, caller);
	return obj;
}

/*
 * Any size on any node, with flags that do not divert.  Unless it is the
 * @last attempt, that there is nothing is no failure yet.
 */
static void *malloc_try(size_t size, unsigned int class, gfp_t gfp, int node,
			unsigned long caller, bool last)
{
	enum gom_sample what;
	void *obj = NULL;

	might_alloc(gfp);
	if (!size)
		return ZERO_SIZE_PTR;
	if (size > GOMALLOC_MAX_SIZE || gom_fails(GOM_FAIL_REQUEST, size, gfp))
		return NULL;
	what = class ? gom_sample_count(class) :
		       gom_sample_count_bytes(bytes_for(size, class));
	if (unlikely(what != GOM_SAMPLE_NOT))
		obj = malloc_tracked(size, class, gfp, node, caller,
				     what == GOM_SAMPLE_TAKE);
	if (likely(!obj))
		obj = malloc_plain(size, class, gfp, node, caller);
	if (unlikely(!obj && last))
		obj = malloc_refused(size, class, gfp, node, caller);
	if (likely(obj))
		trace_gomalloc_alloc(caller, obj, size, bytes_for(size, class),
				     gfp, node);
	else if (class)
		gom_sample_uncount(class);
	return obj;
}

static void *malloc_any(size_t size, unsigned int class, gfp_t gfp, int node,
			unsigned long caller)
{
	return malloc_try(size, class, gfp, node, caller, true);
}

/*
 * The magazine is empty, its topmost object damaged, which get() will find,
 * the cache busy, or the allocation one to look at.  Called with preemption
 * off.
 */
static noinline void *malloc_miss(size_t size, gfp_t gfp, unsigned long caller)
{
	preempt_enable();
	return malloc_any(size, gom_size_class(size), gfp, NUMA_NO_NODE,
			  caller);
}

/* Pages of their own, for flags that charge or constrain them. */
static void *malloc_direct(size_t size, gfp_t gfp, int node,
			   unsigned long caller)
{
	void *obj;

	if (size > GOMALLOC_MAX_SIZE || gom_fails(GOM_FAIL_REQUEST, size, gfp))
		return NULL;
	obj = gom_large_alloc(size, gfp, node, true);
	if (obj)
		trace_gomalloc_alloc(caller, obj, size, gom_large_size(size),
				     gfp, node);
	else if (gom_limit_refuses(gom_large_size(size)))
		gom_limit_fail(size, gfp, caller);
	return obj;
}

/*
 * Flags that the common pools cannot honour.  Memory that is charged to a
 * memcg or must come from a zone is slab's, whose accounting is out of a
 * module's reach, or pages of its own where slab has no caches.
 */
static void *malloc_divert(size_t size, gfp_t gfp, int node,
			   unsigned long caller)
{
	if (WARN_ON_ONCE(gfp & (__GFP_HIGHMEM | __GFP_MOVABLE)))
		gfp &= ~(__GFP_HIGHMEM | __GFP_MOVABLE);
	if (gfp & (__GFP_ACCOUNT | __GFP_DMA | __GFP_DMA32)) {
		if (size > KMALLOC_MAX_CACHE_SIZE)
			return malloc_direct(size, gfp, node, caller);
		atomic64_inc(&forwarded);
		return gom_try(SLAB, size, gfp, kmalloc_node(size, gfp, node));
	}
	if (node == NUMA_NO_NODE)
		node = numa_mem_id();
	/* A CPU cuts tiny objects from a block of whatever node. */
	if (__gomalloc_is_tiny(size))
		size = 8;
	return malloc_any(size, gom_size_class(size), gfp, node, caller);
}

/* Zeroed memory, by flag or by init_on_alloc, and flags that divert. */
static noinline void *malloc_special(size_t size, gfp_t gfp,
				     unsigned long caller)
{
	unsigned int class = gom_size_class(size);
	void *obj;

	if (gfp & __GOMALLOC_GFP_DIVERT)
		return malloc_divert(size, gfp, NUMA_NO_NODE, caller);
	preempt_disable();
	if (unlikely(!__gomalloc_pop(class, &obj)))
		return malloc_miss(size, gfp, caller);
	preempt_enable();
	return memset(obj, 0, gom_class[class].size);
}

/*
 * The slow exits get @size to look the class up again, lest a hit keep a copy
 * of that for them.  For the same reason @caller is 0 where it is who called
 * the function itself.
 */
static __always_inline void *malloc_fast(size_t size, unsigned long class,
					 gfp_t gfp, unsigned long caller)
{
	void *obj;

	if (unlikely(gfp & (__GOMALLOC_GFP_DIVERT | __GFP_ZERO)) ||
	    want_init_on_alloc(0))
		return malloc_special(size, gfp, caller ?: _RET_IP_);
	/* Elsewhere it costs a call on a hit, and a miss checks as well. */
	if (IS_ENABLED(CONFIG_DEBUG_ATOMIC_SLEEP) || IS_ENABLED(CONFIG_LOCKDEP))
		might_alloc(gfp);
	preempt_disable();
	if (unlikely(!__gomalloc_pop(class, &obj)))
		return malloc_miss(size, gfp, caller ?: _RET_IP_);
	preempt_enable();
	return obj;
}

/* For the rest of the API: @caller is who called that. */
void *gom_malloc(size_t size, gfp_t gfp, unsigned long caller)
{
	return malloc_fast(size, gom_size_class(size), gfp, caller);
}

/* For who has something else to try: no failure is counted or told. */
void *gom_malloc_try(size_t size, gfp_t gfp, unsigned long caller)
{
	unsigned int class = gom_size_class(size);
	void *obj;
	bool hit;

	preempt_disable();
	hit = __gomalloc_pop(class, &obj);
	preempt_enable();
	if (unlikely(!hit))
		return malloc_try(size, class, gfp, NUMA_NO_NODE, caller,
				  false);
	if (want_init_on_alloc(gfp))
		memset(obj, 0, gom_class[class].size);
	return obj;
}

/**
 * __gomalloc - allocate memory of a size not known at compile time
 * @size: bytes wanted
 * @gfp: as for kmalloc()
 *
 * Context: any that kmalloc() allows with @gfp.
 * Return: the object, %ZERO_SIZE_PTR for 0 bytes, or %NULL.
 */
void *__gomalloc(size_t size, gfp_t gfp)
{
	return malloc_fast(size, gom_size_class(size), gfp, 0);
}
EXPORT_SYMBOL_GPL(__gomalloc);

/**
 * __gomalloc_class - allocate an object of a size class
 * @size: bytes wanted
 * @gfp: as for kmalloc()
 * @class: from __gomalloc_const_class()
 *
 * Context: any that kmalloc() allows with @gfp.
 * Return: the object, or %NULL.
 */
void *__gomalloc_class(size_t size, gfp_t gfp, unsigned int class)
{
	return malloc_fast(size, class, gfp, 0);
}
EXPORT_SYMBOL_GPL(__gomalloc_class);

/**
 * __gomalloc_miss - what __gomalloc_const() has no object for
 * @size: bytes wanted
 * @gfp: as for kmalloc()
 *
 * Context: any that kmalloc() allows with @gfp; enters with preemption off
 *	once more than it leaves.
 * Return: an object, or %NULL.
 */
void *__gomalloc_miss(size_t size, gfp_t gfp)
{
	return malloc_miss(size, gfp, _RET_IP_);
}
EXPORT_SYMBOL_GPL(__gomalloc_miss);

/* Whether this CPU, without memory of its own, caches what @node would give. */
static bool is_near(int node)
{
	return static_branch_unlikely(&gom_numa) &&
	       gom_node_for(node, 0) == gom_node_local();
}

/* @caller as in malloc_fast(). */
static __always_inline void *malloc_node(size_t size, gfp_t gfp, int node,
					 unsigned long caller)
{
	if (node != NUMA_NO_NODE &&
	    (WARN_ON_ONCE(node < 0 || node >= nr_node_ids) || !node_online(node)))
		node = NUMA_NO_NODE;
	if (gfp & __GOMALLOC_GFP_DIVERT)
		return malloc_divert(size, gfp, node, caller ?: _RET_IP_);
	if (node == NUMA_NO_NODE || node == numa_mem_id() || is_near(node))
		return malloc_fast(size, gom_size_class(size), gfp,
				   caller);
	return malloc_any(size, gom_size_class(size), gfp, node,
			  caller ?: _RET_IP_);
}

/* For the rest of the API: @caller is who called that. */
void *gom_malloc_node(size_t size, gfp_t gfp, int node, unsigned long caller)
{
	return malloc_node(size, gfp, node, caller);
}

/**
 * __gomalloc_node - allocate memory, preferably on a NUMA node
 * @size: bytes wanted
 * @gfp: as for kmalloc_node()
 * @node: the node, or %NUMA_NO_NODE
 *
 * Without %__GFP_THISNODE the node is a wish, as it is to kmalloc_node(): the
 * calling CPU's cache may hold objects that other nodes' CPUs freed here.
 *
 * Context: any that kmalloc_node() allows with @gfp.
 * Return: the object, %ZERO_SIZE_PTR for 0 bytes, or %NULL.
 */
void *__gomalloc_node(size_t size, gfp_t gfp, int node)
{
	return malloc_node(size, gfp, node, 0);
}
EXPORT_SYMBOL_GPL(__gomalloc_node);

/* Bytes of the live object at @ptr; 0 where there is none of ours. */
size_t gom_malloc_size(const void *ptr, unsigned int class)
{
	switch (class) {
	case GOM_CLASS_NONE:
	case GOM_CLASS_FREE:
		return 0;
	case GOM_CLASS_TINY:
		return gom_tiny_size(ptr);
	case GOM_CLASS_LARGE:
		return gom_arena_span(ptr)->npages * GOM_PAGE_SIZE;
	case GOM_CLASS_TRACKED:
		return gom_tracked_size(ptr);
	case GOM_CLASS_HEAP:
		return gom_goheap_size(ptr);
	default:
		return gom_class[class].size;
	}
}

/*
 * Whether a live object may begin at @ptr: what begins there is one, or was freed
 * just now.  Any context, under RCU.
 */
bool gom_malloc_may_live(const void *ptr, unsigned int class)
{
	switch (class) {
	case GOM_CLASS_NONE:
	case GOM_CLASS_FREE:
		return false;
	case GOM_CLASS_TINY:
		return gom_tiny_size(ptr);
	case GOM_CLASS_LARGE:
		return gom_mspan_offset(gom_arena_span(ptr), ptr) == 0;
	case GOM_CLASS_TRACKED:
		return gom_tracked_may_live(ptr);
	case GOM_CLASS_HEAP:
		return gom_goheap_begins(ptr);
	default:
		return gom_class_begins(class,
					gom_mspan_offset(gom_arena_span(ptr), ptr)) &&
		       *(unsigned long *)ptr != gom_key(ptr);
	}
}

/* Bytes of the live object that starts at @ptr, 0 if none does. */
size_t gom_malloc_live_size(const void *ptr, unsigned int class)
{
	struct gom_goheap_info info;

	if (class == GOM_CLASS_HEAP)
		return gom_goheap_find(ptr, &info) && info.obj == ptr ?
		       info.size : 0;
	if (class == GOM_CLASS_TRACKED && !gom_tracked_begins(ptr))
		return 0;
	return gom_malloc_may_live(ptr, class) ? gom_malloc_size(ptr, class) : 0;
}

/* Pass on what kmalloc() gave. */
void gom_malloc_free_slab(const void *ptr, bool wipe)
{
	atomic64_inc(&forwarded_frees);
	if (wipe)
		kfree_sensitive(ptr);
	else
		kfree(ptr);
}

/* A pointer into no page of ours. */
static void free_foreign(const void *ptr, unsigned long caller)
{
	if (gom_compat_is_kmalloc(ptr))
		gom_malloc_free_slab(ptr, false);
	else
		gom_report(GOM_FOREIGN_FREE, ptr, caller);
}

/* Returns the block if that is free now, for the caller to put. */
void *gom_malloc_free_tiny(const void *ptr, unsigned long caller)
{
	switch (gom_tiny_free(ptr)) {
	case GOM_TINY_FREED:
		break;
	case GOM_TINY_LAST:
		return gom_tiny_block(ptr);
	case GOM_TINY_NOT_LIVE:
		gom_report(GOM_DOUBLE_FREE, ptr, caller);
		break;
	case GOM_TINY_INSIDE:
		gom_report(GOM_INTERIOR_FREE, ptr, caller);
		break;
	}
	return NULL;
}

static void free_tracked(const void *ptr, unsigned long caller)
{
	bool told = false;

	switch (gom_tracked_free(ptr, caller)) {
	case GOM_TRACKED_FREED:
		break;
	case GOM_TRACKED_NOT_LIVE:
		told = gom_report(GOM_DOUBLE_FREE, ptr, caller);
		break;
	case GOM_TRACKED_INSIDE:
		told = gom_report(GOM_INTERIOR_FREE, ptr, caller);
		break;
	}
	if (told)
		gom_tracked_tell(ptr);
}

static void free_large(const void *ptr, unsigned long caller)
{
	switch (gom_mheap_free_large(ptr)) {
	case 0:
		break;
	case -EINVAL:
		gom_report(GOM_INTERIOR_FREE, ptr, caller);
		break;
	default:
		gom_report(GOM_DOUBLE_FREE, ptr, caller);
	}
}

/*
 * A pointer into a page of a size class that the fast path has refused:
 * misuse, or it is refusing all of them.
 */
static void free_small(const void *ptr, unsigned int class,
		       unsigned long caller)
{
	struct mspan *span = gom_arena_span(ptr);
	u32 offset = gom_mspan_offset(span, ptr);

	/* The second is the key behind the last object; see gom_mspan_cut(). */
	if (!gom_class_begins(class, offset) ||
	    gom_class_index(class, offset) >= span->nelems) {
		gom_report(GOM_INTERIOR_FREE, ptr, caller);
	} else if (*(unsigned long *)ptr == gom_key(ptr)) {
		gom_report(GOM_DOUBLE_FREE, ptr, caller);
	} else {
		if (want_init_on_free())
			memset((void *)ptr, 0, gom_class[class].size);
		gom_malloc_put(class, (void *)ptr);
	}
}

/* Free what the fast path does not: all but small objects, and misuse. */
void gom_malloc_free_other(const void *ptr, unsigned long caller)
{
	unsigned int class;
	void *block;

	if (ZERO_OR_NULL_PTR(ptr))
		return;
	/* An arena may go while a stale pointer into it is looked up. */
	rcu_read_lock();
	class = gom_arena_class(ptr);
	/* While it is nobody else's. */
	if (trace_gomalloc_free_enabled() && gom_malloc_live_size(ptr, class))
		trace_gomalloc_free(caller, ptr);
	switch (class) {
	case GOM_CLASS_NONE:
		break;
	case GOM_CLASS_TINY:
		block = gom_malloc_free_tiny(ptr, caller);
		if (block)
			gom_malloc_put(GOM_CLASS_TINY, block);
		break;
	case GOM_CLASS_LARGE:
	case GOM_CLASS_TRACKED:
		break;
	case GOM_CLASS_HEAP:
		gom_goheap_free(ptr, caller);
		break;
	case GOM_CLASS_FREE:
		gom_report(GOM_STALE_FREE, ptr, caller);
		break;
	default:
		free_small(ptr, class, caller);
	}
	rcu_read_unlock();
	if (class == GOM_CLASS_NONE)
		free_foreign(ptr, caller);
	else if (class == GOM_CLASS_LARGE)
		free_large(ptr, caller);
	else if (class == GOM_CLASS_TRACKED)
		free_tracked(ptr, caller);
}

/* No small object, or a free one.  Called with preemption off. */
static noinline void free_other(const void *ptr, unsigned long caller)
{
	preempt_enable();
	gom_malloc_free_other(ptr, caller);
}

/* The magazine is full, or the cache busy.  Called with preemption off. */
static noinline void free_miss(void *obj)
{
	unsigned int class = gom_arena_class(obj);

	preempt_enable();
	*(unsigned long *)obj = gom_key(obj);
	gom_mcache_flush(class, obj);
}

/* init_on_free is on.  Called with preemption off. */
static noinline void free_wiped(void *obj)
{
	unsigned int class = gom_arena_class(obj);

	preempt_enable();
	memset(obj, 0, gom_class[class].size);
	gom_malloc_put(class, obj);
}

/*
 * Whether @ptr is a live small object, and of which class.  Caller has
 * preemption off, which keeps even a dying arena here.
 */
static __always_inline bool is_live(const void *ptr, unsigned long key,
				    unsigned long *class)
{
	unsigned long at = (unsigned long)ptr - gomalloc_hot.first;
	unsigned long i = at >> GOM_ARENA_SHIFT;
	unsigned long page = (at >> GOM_PAGE_SHIFT) & (GOM_ARENA_PAGES - 1);
	struct arena *arena;

	if (unlikely(i >= gomalloc_hot.nr_arenas))
		return false;
	/* Of a live object nobody changes either; plain loads fold into one. */
	arena = data_race(gomalloc_hot.arenas[i]);
	/* The same. */
	*class = data_race(arena->class[page]);
	return likely(gom_class_divides(*class,
					gom_arena_offset(arena, page, ptr))) &&
	       likely(*(unsigned long *)ptr != key);
}

/* Its slow exits look the class up again, lest a hit keep a copy for them. */
static __always_inline void free_fast(const void *ptr, unsigned long caller)
{
	unsigned long key = gom_key(ptr), class;

	preempt_disable();
	if (unlikely(!is_live(ptr, key, &class)))
		return free_other(ptr, caller ?: _RET_IP_);
	if (want_init_on_free())
		return free_wiped((void *)ptr);
	if (unlikely(!__gomalloc_push(class, (void *)ptr, key)))
		return free_miss((void *)ptr);
	preempt_enable();
}

/**
 * gofree - free memory
 * @ptr: from gomalloc() or kmalloc() and their like, %NULL or %ZERO_SIZE_PTR
 *
 * A pointer that is none of these, or not live, is reported and left alone.
 *
 * Context: any but NMI; see gofree_nolock().
 */
void gofree(const void *ptr)
{
	free_fast(ptr, 0);
}
EXPORT_SYMBOL_GPL(gofree);

/* For the rest of the API: @caller is who called that. */
void gom_free(const void *ptr, unsigned long caller)
{
	free_fast(ptr, caller);
}

static DEFINE_MUTEX(divert_lock);
static unsigned int divertors;

/* Have every free take the slow path, until as many calls of the other. */
int gom_malloc_divert_frees(void)
{
	mutex_lock(&divert_lock);
	if (!divertors++)
		gom_size_class_divert_frees(true);
	mutex_unlock(&divert_lock);
	return 0;
}

void gom_malloc_undivert_frees(void)
{
	mutex_lock(&divert_lock);
	if (!--divertors)
		gom_size_class_divert_frees(false);
	mutex_unlock(&divert_lock);
}

/* Objects to handle in one go, with preemption off and the cache busy. */
#define BULK_BATCH	32

/* Take up to @n objects from this CPU's magazine; returns how many. */
static unsigned int take_bulk(unsigned int class, void **ptrs, unsigned int n)
{
	struct gomalloc_head *head;
	long got = 0, room;

	preempt_disable();
	if (gom_mcache_trylock()) {
		head = this_cpu_ptr(&gomalloc_mcache.head[class]);
		/* The one that is to be looked at is left to the slow path. */
		room = min_t(long, n, -1 - head->until);
		for (; got < room; got++, head->top -= sizeof(void *)) {
			unsigned long *obj = ((unsigned long **)head->top)[-1];

			if (unlikely(*obj != gom_key(obj)))
				break;
			*obj = 0;
			ptrs[got] = obj;
		}
		head->until += got;
		gom_mcache_unlock();
	}
	preempt_enable();
	return got;
}

/**
 * gomalloc_bulk - allocate many objects of one size, or none
 * @size: bytes of each
 * @gfp: as for kmalloc()
 * @nr: how many
 * @ptrs: where to put them
 *
 * Context: as gomalloc().
 * Return: @nr, or 0 with nothing allocated.
 */
int gomalloc_bulk(size_t size, gfp_t gfp, size_t nr, void **ptrs)
{
	unsigned int class = gom_size_class(size);
	bool plain = !(gfp & __GOMALLOC_GFP_DIVERT) && !want_init_on_alloc(gfp);
	size_t done = 0;

	might_alloc(gfp);
	while (done < nr) {
		if (plain)
			done += take_bulk(class, ptrs + done,
					  min_t(size_t, nr - done, BULK_BATCH));
		if (done == nr)
			break;
		ptrs[done] = malloc_fast(size, class, gfp, 0);
		if (unlikely(!ptrs[done])) {
			gofree_bulk(done, ptrs);
			return 0;
		}
		done++;
	}
	return nr;
}
EXPORT_SYMBOL_GPL(gomalloc_bulk);

/*
 * Put up to @n live small objects, from the last one on, into this CPU's
 * magazines; returns how many.
 */
static unsigned int put_bulk(void **ptrs, unsigned int n)
{
	unsigned int left = n;

	preempt_disable();
	if (gom_mcache_trylock()) {
		for (; left; left--) {
			void *obj = ptrs[left - 1];
			unsigned long key = gom_key(obj), class;
			struct gomalloc_head *head;

			if (unlikely(!is_live(obj, key, &class)))
				break;
			head = this_cpu_ptr(&gomalloc_mcache.head[class]);
			if (unlikely(head->top == head->end))
				break;
			*(unsigned long *)obj = key;
			*(void **)head->top = obj;
			head->top += sizeof(obj);
		}
		gom_mcache_unlock();
	}
	preempt_enable();
	return n - left;
}

/**
 * gofree_bulk - free many objects
 * @nr: how many
 * @ptrs: each as for gofree()
 *
 * Context: as gofree().
 */
void gofree_bulk(size_t nr, void **ptrs)
{
	unsigned int n;

	while (nr) {
		n = min_t(size_t, nr, BULK_BATCH);
		if (!want_init_on_free())
			nr -= put_bulk(ptrs + nr - n, n);
		/* What is neither: special, or without room in the magazine. */
		if (nr)
			free_fast(ptrs[--nr], 0);
	}
}
EXPORT_SYMBOL_GPL(gofree_bulk);
