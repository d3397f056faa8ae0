/* SPDX-License-Identifier: GPL-2.0 */
/*
 * gomalloc - the Go runtime's memory allocator for kernel modules.
 *
 * Clients include this, link against gomalloc.ko's exports and get a heap
 * with the calling rules of the kmalloc family: arguments, return values,
 * contexts and error behaviour are those of the kmalloc function of the same
 * shape unless the function's kernel-doc (kmod/malloc.c, kmod/api.c) says
 * otherwise.  What differs:
 *
 *  - Sizes from 1 to 4 ("tiny") share 16-byte blocks and are aligned to the
 *    largest power of two that divides the size.  Code that keeps tags in low
 *    pointer bits (xarray, rhashtable) asks for 5 bytes or more.
 *  - From 5 bytes on every object is aligned to 8 bytes, and to the largest
 *    power of two that divides the size it was allocated with if that is
 *    more: powers of two to themselves.  As with krealloc(), one that is
 *    resized in place stays where it is.
 *  - gofree() takes pointers from gomalloc and from kmalloc; kfree() does not
 *    take pointers from gomalloc.
 */
#ifndef _LINUX_GOMALLOC_H
#define _LINUX_GOMALLOC_H

#include <linux/cleanup.h>
#include <linux/err.h>
#include <linux/gfp.h>
#include <linux/gomalloc_classes.h>
#include <linux/gomalloc_inline.h>
#include <linux/limits.h>
#include <linux/mm.h>
#include <linux/numa.h>
#include <linux/overflow.h>
#include <linux/rcupdate.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>
#include <linux/types.h>

/* Largest size, in bytes, that is tiny; see the head of this file. */
#define GOMALLOC_TINY_MAX	4
/* Largest size, in bytes, that gomalloc() can serve. */
#define GOMALLOC_MAX_SIZE	(4UL << 20)

/* Use gomalloc(), gofree() and so on: these serve the inlines below. */
void *__gomalloc(size_t size, gfp_t gfp) __alloc_size(1) __malloc;
void *__gomalloc_class(size_t size, gfp_t gfp, unsigned int class) __malloc;
void *__gomalloc_miss(size_t size, gfp_t gfp);
void *__gomalloc_node(size_t size, gfp_t gfp, int node)
	__alloc_size(1) __malloc;
bool __gofree_rcu(struct rcu_head *head);
void gofree_rcu_mightsleep(const void *ptr);

void gofree(const void *ptr);
void gofree_sensitive(const void *ptr);
void gofree_bulk(size_t nr, void **ptrs);
int gomalloc_bulk(size_t size, gfp_t gfp, size_t nr, void **ptrs);

void *gorealloc(const void *ptr, size_t new_size, gfp_t gfp)
	__realloc_size(2);

size_t gosize(const void *ptr);
size_t gomalloc_size_roundup(size_t size);
bool gomalloc_owns(const void *ptr);

void *gomemdup(const void *src, size_t len, gfp_t gfp) __realloc_size(2);
char *gomemdup_nul(const char *s, size_t len, gfp_t gfp) __malloc;
char *gostrdup(const char *s, gfp_t gfp) __malloc;
char *gostrndup(const char *s, size_t max, gfp_t gfp) __malloc;
char *goasprintf(gfp_t gfp, const char *fmt, ...)
	__printf(2, 3) __malloc;
char *govasprintf(gfp_t gfp, const char *fmt, va_list args)
	__printf(2, 0) __malloc;

void *gokvmalloc_node(size_t size, gfp_t gfp, int node)
	__alloc_size(1) __malloc;
void *gokvrealloc(const void *ptr, size_t new_size, gfp_t gfp)
	__realloc_size(2);
void gokvfree(const void *ptr);
void gokvfree_sensitive(const void *ptr, size_t len);

void *gomalloc_nolock(size_t size, gfp_t gfp, int node)
	__alloc_size(1) __malloc;
void gofree_nolock(const void *ptr);

static __always_inline bool __gomalloc_is_tiny(size_t size)
{
	return size && size <= GOMALLOC_TINY_MAX;
}

/* Flags that send an allocation away from the common pools. */
#define __GOMALLOC_GFP_DIVERT	(__GFP_ACCOUNT | GFP_ZONEMASK | __GFP_THISNODE)

/* gomalloc() where both arguments are constants and nothing diverts. */
static __always_inline void *__gomalloc_const(size_t size, gfp_t gfp)
{
	unsigned int class = __gomalloc_const_class(size);
	void *obj;

	/* Elsewhere it costs a call on a hit, and a miss checks as well. */
	if (IS_ENABLED(CONFIG_DEBUG_ATOMIC_SLEEP) || IS_ENABLED(CONFIG_LOCKDEP))
		might_alloc(gfp);
	preempt_disable();
	if (unlikely(!__gomalloc_pop(class, &obj)))
		return __gomalloc_miss(size, gfp);
	preempt_enable();
	if (want_init_on_alloc(gfp))
		memset(obj, 0, __gomalloc_const_size(size));
	return obj;
}

/*
 * Of what is allocated inline the compiler does not know the size, as it does
 * of what a function returns.  Who wants CONFIG_FORTIFY_SOURCE and copies from
 * and to user space to be checked against it defines GOMALLOC_FORTIFY before
 * including this, and pays for the call.
 */
#ifdef GOMALLOC_FORTIFY
#define __GOMALLOC_BY_CALL	1
#else
#define __GOMALLOC_BY_CALL	0
#endif

/**
 * gomalloc - allocate memory
 * @size: bytes wanted; 0 gives %ZERO_SIZE_PTR
 * @gfp: as for kmalloc()
 *
 * Sizes known at compile time reach their size class without a lookup, and
 * with flags known as well a hit is inline.
 *
 * Context: any that kmalloc() allows with the same @gfp; hardirq with
 *	%GFP_ATOMIC included, NMI excluded (see gomalloc_nolock()).
 * Return: the object, or %NULL.
 */
static __always_inline __alloc_size(1) void *gomalloc(size_t size, gfp_t gfp)
{
	if (__GOMALLOC_BY_CALL || !__builtin_constant_p(size) ||
	    size <= GOMALLOC_TINY_MAX || size > GOMALLOC_MAX_SMALL)
		return __gomalloc(size, gfp);
	if (!__builtin_constant_p(gfp) || gfp & __GOMALLOC_GFP_DIVERT)
		return __gomalloc_class(size, gfp, __gomalloc_const_class(size));
	return __gomalloc_const(size, gfp);
}

/**
 * gozalloc - allocate zeroed memory
 * @size: bytes wanted
 * @gfp: as for kzalloc()
 *
 * Context: as gomalloc().
 * Return: the object, all gosize() bytes of it zero, or %NULL.
 */
static __always_inline __alloc_size(1) void *gozalloc(size_t size, gfp_t gfp)
{
	return gomalloc(size, gfp | __GFP_ZERO);
}

/**
 * gomalloc_node - allocate memory, preferably on a NUMA node
 * @size: bytes wanted
 * @gfp: as for kmalloc_node()
 * @node: the node, or %NUMA_NO_NODE
 *
 * Context: as gomalloc().
 * Return: the object, or %NULL.
 */
static __always_inline __alloc_size(1)
void *gomalloc_node(size_t size, gfp_t gfp, int node)
{
	if (__builtin_constant_p(node) && node == NUMA_NO_NODE)
		return gomalloc(size, gfp);
	return __gomalloc_node(size, gfp, node);
}

/**
 * gozalloc_node - allocate zeroed memory, preferably on a NUMA node
 * @size: bytes wanted
 * @gfp: as for kzalloc_node()
 * @node: the node, or %NUMA_NO_NODE
 *
 * Context: as gomalloc().
 * Return: the object, or %NULL.
 */
static __always_inline __alloc_size(1)
void *gozalloc_node(size_t size, gfp_t gfp, int node)
{
	return gomalloc_node(size, gfp | __GFP_ZERO, node);
}

/**
 * gomalloc_array - allocate memory for an array
 * @n: elements
 * @size: bytes per element
 * @gfp: as for kmalloc_array()
 *
 * Context: as gomalloc().
 * Return: the array, or %NULL, also where @n * @size overflows.
 */
static __always_inline __alloc_size(1, 2)
void *gomalloc_array(size_t n, size_t size, gfp_t gfp)
{
	size_t bytes;

	if (unlikely(check_mul_overflow(n, size, &bytes)))
		return NULL;
	return gomalloc(bytes, gfp);
}

/**
 * gocalloc - allocate memory for an array, zeroed
 * @n: elements
 * @size: bytes per element
 * @gfp: as for kcalloc()
 *
 * Context: as gomalloc().
 * Return: the array, or %NULL, also where @n * @size overflows.
 */
static __always_inline __alloc_size(1, 2)
void *gocalloc(size_t n, size_t size, gfp_t gfp)
{
	return gomalloc_array(n, size, gfp | __GFP_ZERO);
}

/**
 * gorealloc_array - resize an array
 * @ptr: the array, or %NULL
 * @n: elements wanted
 * @size: bytes per element
 * @gfp: as for krealloc_array()
 *
 * Context: as gomalloc().
 * Return: the array, perhaps moved; or %NULL with @ptr left as it was, also
 *	where @n * @size overflows.
 */
static __always_inline __realloc_size(2, 3)
void *gorealloc_array(void *ptr, size_t n, size_t size, gfp_t gfp)
{
	size_t bytes;

	if (unlikely(check_mul_overflow(n, size, &bytes)))
		return NULL;
	return gorealloc(ptr, bytes, gfp);
}

/**
 * gokvmalloc - allocate memory, by vmalloc() where it must be
 * @size: bytes wanted
 * @gfp: as for kvmalloc()
 *
 * gokvzalloc() is the same with zeroes, gokvmalloc_array() and gokvcalloc()
 * are for arrays.
 *
 * Context: process, unless @size is at most a page.
 * Return: the memory, for gokvfree(), or %NULL.
 */
static __always_inline __alloc_size(1)
void *gokvmalloc(size_t size, gfp_t gfp)
{
	return gokvmalloc_node(size, gfp, NUMA_NO_NODE);
}

static __always_inline __alloc_size(1)
void *gokvzalloc(size_t size, gfp_t gfp)
{
	return gokvmalloc(size, gfp | __GFP_ZERO);
}

static __always_inline __alloc_size(1, 2)
void *gokvmalloc_array(size_t n, size_t size, gfp_t gfp)
{
	size_t bytes;

	if (unlikely(check_mul_overflow(n, size, &bytes)))
		return NULL;
	return gokvmalloc(bytes, gfp);
}

static __always_inline __alloc_size(1, 2)
void *gokvcalloc(size_t n, size_t size, gfp_t gfp)
{
	return gokvmalloc_array(n, size, gfp | __GFP_ZERO);
}

/* GFP_KERNEL where the caller named no flags, in the manner of kmalloc_obj. */
#define __gomalloc_gfp(...)	__gomalloc_gfp_2(0, ##__VA_ARGS__, GFP_KERNEL, 0)
#define __gomalloc_gfp_2(none, gfp, ...)	(gfp)

#define __gomalloc_objs(alloc, gfp, type, count)			\
({									\
	const size_t __bytes = size_mul(sizeof(type), (count));		\
	(type *)alloc(__bytes, (gfp));					\
})

/*
 * As kmalloc_flex(): @fam's own type may carry __counted_by(), whose counter
 * the caller sets.
 */
#define __gomalloc_flex(alloc, gfp, type, fam, count)			\
({									\
	const size_t __bytes = struct_size((type *)NULL, fam, (count));	\
	(type *)alloc(__bytes, (gfp));					\
})

/**
 * gomalloc_obj - allocate one object of a type
 * @VAR_OR_TYPE: the type, or a variable of it
 * @...: gfp flags, %GFP_KERNEL where there are none
 *
 * gozalloc_obj(), gomalloc_objs(), gozalloc_objs(), gomalloc_flex() and
 * gozalloc_flex() go with it, as in the kmalloc_obj() family.
 *
 * Return: a pointer to the type, or %NULL.
 */
#define gomalloc_obj(VAR_OR_TYPE, ...) \
	__gomalloc_objs(gomalloc, __gomalloc_gfp(__VA_ARGS__), typeof(VAR_OR_TYPE), 1)
#define gozalloc_obj(VAR_OR_TYPE, ...) \
	__gomalloc_objs(gozalloc, __gomalloc_gfp(__VA_ARGS__), typeof(VAR_OR_TYPE), 1)
#define gomalloc_objs(VAR_OR_TYPE, COUNT, ...) \
	__gomalloc_objs(gomalloc, __gomalloc_gfp(__VA_ARGS__), typeof(VAR_OR_TYPE), COUNT)
#define gozalloc_objs(VAR_OR_TYPE, COUNT, ...) \
	__gomalloc_objs(gozalloc, __gomalloc_gfp(__VA_ARGS__), typeof(VAR_OR_TYPE), COUNT)
#define gomalloc_flex(VAR_OR_TYPE, FAM, COUNT, ...) \
	__gomalloc_flex(gomalloc, __gomalloc_gfp(__VA_ARGS__), typeof(VAR_OR_TYPE), FAM, COUNT)
#define gozalloc_flex(VAR_OR_TYPE, FAM, COUNT, ...) \
	__gomalloc_flex(gozalloc, __gomalloc_gfp(__VA_ARGS__), typeof(VAR_OR_TYPE), FAM, COUNT)

/**
 * gofree_rcu - free an object after a grace period
 * @ptr: the object, from gomalloc or kmalloc; %NULL does nothing
 * @rhf: the name of the struct rcu_head inside it
 *
 * An object without one goes through gofree_rcu_mightsleep().
 *
 * Context: as call_rcu().
 */
#define gofree_rcu(ptr, rhf)						\
do {									\
	typeof(ptr) ___ptr = (ptr);					\
									\
	if (___ptr && !__gofree_rcu(&___ptr->rhf))			\
		kvfree_rcu_arg_2(___ptr, rhf);				\
} while (0)

/**
 * gofree_rcu_barrier - wait until what was left to RCU is free
 *
 * For gofree_rcu() of gomalloc's own objects and for gofree_rcu_mightsleep():
 * all that were called before.  A module that is unloaded need not wait, as
 * nothing of it is called then; it is for who looks at how much is left, or
 * goes on to take down what the objects' memory came from.  What vmalloc() gave
 * a worker frees soon after.
 *
 * Context: process; sleeps.
 */
static inline void gofree_rcu_barrier(void)
{
	rcu_barrier();
}

DEFINE_FREE(gofree, void *, gofree(IS_ERR(_T) ? NULL : _T))
DEFINE_FREE(gofree_sensitive, void *, gofree_sensitive(IS_ERR(_T) ? NULL : _T))
DEFINE_FREE(gokvfree, void *, gokvfree(IS_ERR(_T) ? NULL : _T))

/**
 * struct gomalloc_stats - what the allocator holds, after Go's MemStats
 * @alloc: bytes of live objects, rounded up to their size classes
 * @total_alloc: bytes ever allocated; never falls
 * @sys: bytes held from the kernel: @heap_sys + @meta_sys
 * @mallocs: objects ever allocated
 * @frees: objects ever freed; @mallocs - @frees are live
 * @heap_sys: bytes of pages held: @heap_inuse + @heap_idle
 * @heap_inuse: bytes of pages in spans
 * @heap_idle: bytes of pages in free runs
 * @heap_released: bytes of pages ever given back to the kernel
 * @heap_objects: live objects
 * @mcache_free: bytes of free objects in per-CPU caches
 * @mcentral_free: bytes of free objects in the central lists
 * @span_waste: bytes of spans that belong to no object
 * @meta_sys: bytes of span headers, bitmaps, arena maps, caches and tables
 * @profile_sys: of @meta_sys, bytes of the profile's stacks and their sites
 * @tracked_sys: of @heap_inuse, bytes of spans that tracked objects have
 * @tracked_objects: of @heap_objects, those that are tracked
 * @peak_sys: the most @sys has been
 * @limit: the soft limit in bytes, %S64_MAX where none is set
 * @limit_hits: how often growing met the soft limit
 * @max: the hard limit in bytes, %S64_MAX where none is set
 * @max_fails: allocations that failed for the hard limit
 * @max_exceeded: how often %__GFP_NOFAIL exceeded the hard limit
 * @misuses: reports of misuse or corruption
 * @central_locks: times a central list's lock was taken for objects
 * @central_batches: magazines and smaller batches that moved then
 *
 * While nothing allocates or frees these hold exactly, and
 * gomalloc_validate() checks them: @heap_inuse == @alloc + @mcache_free +
 * @mcentral_free + @span_waste; @sys == @heap_inuse + @heap_idle + @meta_sys.
 */
struct gomalloc_stats {
	u64 alloc;
	u64 total_alloc;
	u64 sys;
	u64 mallocs;
	u64 frees;
	u64 heap_sys;
	u64 heap_inuse;
	u64 heap_idle;
	u64 heap_released;
	u64 heap_objects;
	u64 mcache_free;
	u64 mcentral_free;
	u64 span_waste;
	u64 meta_sys;
	u64 profile_sys;
	u64 tracked_sys;
	u64 tracked_objects;
	u64 peak_sys;
	s64 limit;
	u64 limit_hits;
	s64 max;
	u64 max_fails;
	u64 max_exceeded;
	u64 misuses;
	u64 central_locks;
	u64 central_batches;
};

void gomalloc_read_stats(struct gomalloc_stats *stats);
size_t gomalloc_free_os_memory(void);
s64 gomalloc_set_memory_limit(s64 bytes);
s64 gomalloc_set_memory_max(s64 bytes);
int gomalloc_validate(void);

#endif /* _LINUX_GOMALLOC_H */
