// SPDX-License-Identifier: GPL-2.0
/*
 * The rest of the public API, built on gomalloc() and gofree(): sizes,
 * realloc, strings, RCU and vmalloc fallback.
 */
#include <linux/export.h>
#include <linux/kernel.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/vmalloc.h>
#include "arena.h"
#include "fail.h"
#include "goheap.h"
#include "large.h"
#include "malloc.h"
#include "mspan.h"
#include "report.h"
#include "tiny.h"
#include "tracked.h"

/**
 * gomalloc_owns - whether an address lies in pages that hold objects
 * @ptr: any value at all
 *
 * Context: any.
 * Return: true inside of gomalloc's spans, live objects or not.
 */
bool gomalloc_owns(const void *ptr)
{
	unsigned int class;

	rcu_read_lock();
	class = gom_arena_class(ptr);
	rcu_read_unlock();
	return class != GOM_CLASS_NONE && class != GOM_CLASS_FREE;
}
EXPORT_SYMBOL_GPL(gomalloc_owns);

/* Whether @ptr, which is in pages of ours, is where an object began. */
static bool began(const void *ptr, unsigned int class)
{
	switch (class) {
	case GOM_CLASS_TINY:
		return true;
	case GOM_CLASS_LARGE:
		return false;
	case GOM_CLASS_TRACKED:
		return gom_tracked_object(ptr) == ptr;
	case GOM_CLASS_HEAP:
		return !gom_goheap_holds(ptr);
	default:
		return gom_class_begins(class,
					gom_mspan_offset(gom_arena_span(ptr), ptr));
	}
}

/* @ptr is in a page of @class, and no live object.  Under RCU. */
static void report_dead(const void *ptr, unsigned int class,
			unsigned long caller)
{
	enum gom_misuse what = GOM_INTERIOR_FREE;

	if (class == GOM_CLASS_NONE)
		what = GOM_FOREIGN_FREE;
	else if (class == GOM_CLASS_FREE)
		what = GOM_STALE_FREE;
	else if (began(ptr, class))
		what = GOM_USE_AFTER_FREE;
	if (gom_report(what, ptr, caller))
		gom_tracked_tell(ptr);
}

/**
 * gosize - the bytes of an object that its owner may use
 * @ptr: a live object from gomalloc() or kmalloc(), %NULL or %ZERO_SIZE_PTR
 *
 * Changes by gorealloc() alone; what is not live is reported.  As with ksize(),
 * bytes beyond those asked for are for the owner's use only after gorealloc() to
 * that size; of an object that is checked there are none.
 *
 * Context: any.
 * Return: bytes, 0 for %NULL and %ZERO_SIZE_PTR.
 */
size_t gosize(const void *ptr)
{
	unsigned int class;
	size_t size = 0;

	if (ZERO_OR_NULL_PTR(ptr))
		return 0;
	/* If it is slab's, nothing keeps an arena around it. */
	rcu_read_lock();
	class = gom_arena_class(ptr);
	if (likely(gom_malloc_may_live(ptr, class)))
		size = gom_malloc_size(ptr, class);
	else if (class != GOM_CLASS_NONE)
		report_dead(ptr, class, _RET_IP_);
	rcu_read_unlock();
	if (class == GOM_CLASS_NONE && gom_compat_is_kmalloc(ptr))
		return ksize(ptr);
	return size;
}
EXPORT_SYMBOL_GPL(gosize);

/**
 * gomalloc_size_roundup - what gosize() will say of an object
 * @size: bytes wanted
 *
 * Context: any.
 * Return: bytes that gomalloc(@size) gives, or more where memory was too short
 *	for a span, or less where its end is checked; @size itself if it is
 *	tiny, 0, or more than %GOMALLOC_MAX_SIZE.
 */
size_t gomalloc_size_roundup(size_t size)
{
	unsigned int class = gom_size_class(size);

	if (class)
		return gom_class[class].size;
	if (size <= GOMALLOC_MAX_SMALL || size > GOMALLOC_MAX_SIZE)
		return size;
	return gom_large_size(size);
}
EXPORT_SYMBOL_GPL(gomalloc_size_roundup);

/**
 * gofree_sensitive - wipe memory and free it
 * @ptr: as for gofree()
 *
 * What gofree() would refuse is not wiped either: it is somebody else's, or
 * free already and known by what wiping would destroy.
 *
 * Context: as gofree().
 */
void gofree_sensitive(const void *ptr)
{
	unsigned int class;

	rcu_read_lock();
	class = gom_arena_class(ptr);
	if (!ZERO_OR_NULL_PTR(ptr))
		memzero_explicit((void *)ptr, gom_malloc_live_size(ptr, class));
	rcu_read_unlock();
	if (class == GOM_CLASS_NONE && gom_compat_is_kmalloc(ptr))
		gom_malloc_free_slab(ptr, true);
	else
		gom_free(ptr, _RET_IP_);
}
EXPORT_SYMBOL_GPL(gofree_sensitive);

/*
 * gorealloc() of kmalloc()'s.  What kmalloc() gives above its largest cache has
 * no mark on every kernel, so that size is ours to serve; what shrinks stays.
 */
static void *realloc_slab(const void *ptr, size_t new_size, gfp_t gfp,
			  unsigned long caller)
{
	void *old, *obj;

	if (new_size <= KMALLOC_MAX_CACHE_SIZE || new_size <= ksize(ptr))
		return gom_try(SLAB_RESIZE, new_size, gfp,
			       krealloc(ptr, new_size, gfp));
	obj = gom_malloc(new_size, gfp, caller);
	if (!obj)
		return NULL;
	/* In place: makes all of its bytes the owner's. */
	old = gom_try(SLAB_IN_PLACE, new_size, gfp,
		      krealloc(ptr, ksize(ptr), gfp));
	if (!old) {
		gofree(obj);
		return NULL;
	}
	memcpy(obj, old, ksize(old));
	gom_malloc_free_slab(old, false);
	return obj;
}

static bool is_in_heap(const void *ptr)
{
	unsigned int class;

	rcu_read_lock();
	class = gom_arena_class(ptr);
	rcu_read_unlock();
	return class == GOM_CLASS_HEAP;
}

/* An object where @ptr is: of the same heap, if that is in one. */
static void *alloc_beside(const void *ptr, size_t size, gfp_t gfp,
			  unsigned long caller)
{
	return is_in_heap(ptr) ?
	       gom_goheap_alloc_beside(ptr, size, gfp, caller) :
	       gom_malloc(size, gfp, caller);
}

/**
 * gorealloc - resize an object
 * @ptr: the object, or %NULL
 * @new_size: bytes wanted; 0 frees
 * @gfp: as for krealloc(); with %__GFP_ZERO in every call for an object, the
 *	allocating one included, bytes that are added are zero
 *
 * An object of a heap stays in its heap.
 *
 * Context: as gomalloc().
 * Return: the object, perhaps moved, with as much of its contents as both
 *	sizes have in common; %ZERO_SIZE_PTR for 0 bytes; or %NULL with the
 *	object left as it was.
 */
void *gorealloc(const void *ptr, size_t new_size, gfp_t gfp)
{
	unsigned int class;
	size_t old_size = 0;
	void *obj;

	if (!new_size) {
		gom_free(ptr, _RET_IP_);
		return ZERO_SIZE_PTR;
	}
	if (ZERO_OR_NULL_PTR(ptr))
		return gom_malloc(new_size, gfp, _RET_IP_);
	if (!gomalloc_owns(ptr) && gom_compat_is_kmalloc(ptr))
		return realloc_slab(ptr, new_size, gfp, _RET_IP_);

	rcu_read_lock();
	class = gom_arena_class(ptr);
	if (likely(gom_malloc_may_live(ptr, class)))
		old_size = gom_malloc_size(ptr, class);
	else
		report_dead(ptr, class, _RET_IP_);
	rcu_read_unlock();
	if (unlikely(!old_size))
		return NULL;
	if (new_size <= old_size) {
		if (gom_tracked_resize(ptr, new_size))
			return (void *)ptr;
		/* A later call may grow into these bytes again. */
		if (want_init_on_alloc(gfp))
			memset((void *)ptr + new_size, 0, old_size - new_size);
		return (void *)ptr;
	}
	obj = alloc_beside(ptr, new_size, gfp, _RET_IP_);
	if (obj) {
		memcpy(obj, ptr, old_size);
		gom_free(ptr, _RET_IP_);
	}
	return obj;
}
EXPORT_SYMBOL_GPL(gorealloc);

/**
 * gomemdup - duplicate memory
 * @src: what to copy
 * @len: bytes
 * @gfp: as for kmemdup()
 *
 * Context: as gomalloc().
 * Return: the copy, or %NULL.
 */
void *gomemdup(const void *src, size_t len, gfp_t gfp)
{
	void *copy = gom_malloc(len, gfp, _RET_IP_);

	return copy ? memcpy(copy, src, len) : NULL;
}
EXPORT_SYMBOL_GPL(gomemdup);

static char *copy_string(const char *s, size_t len, gfp_t gfp,
			 unsigned long caller)
{
	return gom_make_string(gom_malloc(len + 1, gfp, caller), s, len);
}

/**
 * gomemdup_nul - make a string of characters without a final NUL
 * @s: the characters, or %NULL
 * @len: how many
 * @gfp: as for kmemdup_nul()
 *
 * Context: as gomalloc().
 * Return: the string, or %NULL.
 */
char *gomemdup_nul(const char *s, size_t len, gfp_t gfp)
{
	return s ? copy_string(s, len, gfp, _RET_IP_) : NULL;
}
EXPORT_SYMBOL_GPL(gomemdup_nul);

/**
 * gostrdup - duplicate a string
 * @s: the string, or %NULL
 * @gfp: as for kstrdup()
 *
 * Context: as gomalloc().
 * Return: the copy, or %NULL.
 */
char *gostrdup(const char *s, gfp_t gfp)
{
	return s ? copy_string(s, strlen(s), gfp, _RET_IP_) : NULL;
}
EXPORT_SYMBOL_GPL(gostrdup);

/**
 * gostrndup - duplicate a string of limited length
 * @s: the string, or %NULL
 * @max: copy at most this many bytes, not counting the final NUL
 * @gfp: as for kstrndup()
 *
 * Context: as gomalloc().
 * Return: the copy, NUL-terminated, or %NULL.
 */
char *gostrndup(const char *s, size_t max, gfp_t gfp)
{
	return s ? copy_string(s, strnlen(s, max), gfp, _RET_IP_) : NULL;
}
EXPORT_SYMBOL_GPL(gostrndup);

static __printf(2, 0) char *print(gfp_t gfp, const char *fmt, va_list args,
		   unsigned long caller)
{
	va_list again;
	char *s;
	int len;

	va_copy(again, args);
	len = vsnprintf(NULL, 0, fmt, again);
	va_end(again);
	s = gom_malloc(len + 1, gfp, caller);
	if (s)
		vsnprintf(s, len + 1, fmt, args);
	return s;
}

/**
 * govasprintf - print into a string of the right size
 * @gfp: as for kvasprintf()
 * @fmt: format
 * @args: its arguments
 *
 * Context: as gomalloc().
 * Return: the string, or %NULL.
 */
char *govasprintf(gfp_t gfp, const char *fmt, va_list args)
{
	return print(gfp, fmt, args, _RET_IP_);
}
EXPORT_SYMBOL_GPL(govasprintf);

/**
 * goasprintf - print into a string of the right size
 * @gfp: as for kasprintf()
 * @fmt: format
 *
 * Context: as gomalloc().
 * Return: the string, or %NULL.
 */
char *goasprintf(gfp_t gfp, const char *fmt, ...)
{
	va_list args;
	char *s;

	va_start(args, fmt);
	s = print(gfp, fmt, args, _RET_IP_);
	va_end(args);
	return s;
}
EXPORT_SYMBOL_GPL(goasprintf);

/* kvmalloc()'s way to ask for what vmalloc() can give as well. */
static gfp_t without_effort(size_t size, gfp_t gfp)
{
	if (size <= PAGE_SIZE)
		return gfp;
	if (!(gfp & __GFP_RETRY_MAYFAIL))
		gfp |= __GFP_NORETRY;
	return (gfp | __GFP_NOWARN) & ~__GFP_NOFAIL;
}

static void *kv_alloc(size_t size, gfp_t gfp, int node, unsigned long caller)
{
	void *mem = gom_malloc_node(size, without_effort(size, gfp), node,
				    caller);

	if (mem || size <= PAGE_SIZE || !gfpflags_allow_blocking(gfp))
		return mem;
	/* As kvmalloc(): who asks for 2 GiB has made a mistake. */
	if (size > INT_MAX) {
		WARN_ON_ONCE(!(gfp & __GFP_NOWARN));
		return NULL;
	}
	/* Whole pages, of which KASAN lets vrealloc_in_place() use all. */
	return gom_try(AREA, size, gfp, __vmalloc(PAGE_ALIGN(size), gfp));
}

/**
 * gokvmalloc_node - allocate memory, by vmalloc() where it must be
 * @size: bytes wanted
 * @gfp: as for kvmalloc_node()
 * @node: the node wished for, or %NUMA_NO_NODE; vmalloc() heeds none
 *
 * Sizes above a page try gomalloc_node() without effort first.
 *
 * Context: process, unless @size is at most a page.
 * Return: the memory, for gokvfree(), or %NULL.
 */
void *gokvmalloc_node(size_t size, gfp_t gfp, int node)
{
	return kv_alloc(size, gfp, node, _RET_IP_);
}
EXPORT_SYMBOL_GPL(gokvmalloc_node);

static void kv_free(const void *ptr, unsigned long caller)
{
	if (is_vmalloc_addr(ptr))
		vfree(ptr);
	else
		gom_free(ptr, caller);
}

/**
 * gokvfree - free what gokvmalloc() gave
 * @ptr: from gokvmalloc(), gomalloc(), vmalloc() and their like
 *
 * Context: as kvfree().
 */
void gokvfree(const void *ptr)
{
	kv_free(ptr, _RET_IP_);
}
EXPORT_SYMBOL_GPL(gokvfree);

/**
 * gokvfree_sensitive - wipe what gokvmalloc() gave, and free it
 * @ptr: as for gokvfree()
 * @len: bytes to wipe
 *
 * Context: as kvfree().
 */
void gokvfree_sensitive(const void *ptr, size_t len)
{
	if (ZERO_OR_NULL_PTR(ptr))
		return;
	memzero_explicit((void *)ptr, len);
	kv_free(ptr, _RET_IP_);
}
EXPORT_SYMBOL_GPL(gokvfree_sensitive);

/* No export tells the size of an area, but a page without memory ends each. */
static size_t vmalloc_size(const void *ptr)
{
	const void *end = ptr;

	while (is_vmalloc_addr(end) && vmalloc_to_page(end))
		end += PAGE_SIZE;
	return end - ptr;
}

/* gokvrealloc() of an area that vmalloc() gave, if that is large enough. */
static bool vrealloc_in_place(const void *ptr, size_t new_size, gfp_t gfp)
{
	size_t size = vmalloc_size(ptr);

	if (new_size > size)
		return false;
	/* A later call may grow into these bytes again. */
	if (want_init_on_alloc(gfp))
		memset((void *)ptr + new_size, 0, size - new_size);
	return true;
}

/**
 * gokvrealloc - resize what gokvmalloc() gave
 * @ptr: from gokvmalloc(), gomalloc(), vmalloc() and their like, or %NULL
 * @new_size: bytes wanted; 0 frees
 * @gfp: as for kvrealloc(); of %__GFP_ZERO goes what gorealloc() says
 *
 * What vmalloc() gave keeps its pages where it shrinks.
 *
 * Context: process.
 * Return: the memory, perhaps moved, with as much of its contents as both
 *	sizes have in common; %ZERO_SIZE_PTR for 0 bytes; or %NULL with the
 *	memory left as it was.
 */
void *gokvrealloc(const void *ptr, size_t new_size, gfp_t gfp)
{
	bool area = is_vmalloc_addr(ptr);
	void *mem;

	if (!new_size) {
		kv_free(ptr, _RET_IP_);
		return ZERO_SIZE_PTR;
	}
	if (area && vrealloc_in_place(ptr, new_size, gfp))
		return (void *)ptr;
	if (!area) {
		bool in_heap = is_in_heap(ptr);

		mem = gorealloc(ptr, new_size, in_heap ? gfp :
				without_effort(new_size, gfp));
		/* What is in a heap stays there, within its limits. */
		if (mem || in_heap)
			return mem;
		/* Reported already. */
		if (!ZERO_OR_NULL_PTR(ptr) && !gosize(ptr))
			return NULL;
	}
	mem = kv_alloc(new_size, gfp, NUMA_NO_NODE, _RET_IP_);
	if (mem && !ZERO_OR_NULL_PTR(ptr)) {
		memcpy(mem, ptr, min(new_size, area ? vmalloc_size(ptr) :
							gosize(ptr)));
		kv_free(ptr, _RET_IP_);
	}
	return mem;
}
EXPORT_SYMBOL_GPL(gokvrealloc);

/* Where the object around @head begins, which is in no heap. */
static void *object_around(struct rcu_head *head)
{
	struct mspan *span = gom_arena_span(head);

	if (span->class == GOM_CLASS_LARGE)
		return (void *)span->start;
	if (span->class == GOM_CLASS_TRACKED)
		return gom_tracked_object(head);
	return gom_mspan_object(span, gom_class_index(span->class,
						      gom_mspan_offset(span, head)));
}

/* The owner's reference kept the span until here. */
static void free_after_rcu(struct rcu_head *head)
{
	struct gom_goheap_info info;

	if (!is_in_heap(head))
		gofree(object_around(head));
	else
		gofree(gom_goheap_find(head, &info) ? info.obj : (void *)head);
}

/* Whether the object around @head is live: linked, a free one would not stay. */
static bool may_free_later(struct rcu_head *head, unsigned int class)
{
	if (class == GOM_CLASS_HEAP)
		return gom_goheap_holds(head);
	return gom_malloc_may_live(object_around(head), class);
}

struct later {
	struct rcu_head rcu;
	const void *ptr;
};

static void free_later(struct rcu_head *head)
{
	struct later *later = container_of(head, struct later, rcu);

	gokvfree(later->ptr);
	gofree(later);
}

/**
 * gofree_rcu_mightsleep - free after a grace period what has no rcu_head
 * @ptr: as for gokvfree()
 *
 * After kfree_rcu_mightsleep(): takes a little memory for the while, and
 * waits for the grace period where there is none.
 *
 * Context: process; sleeps.
 */
void gofree_rcu_mightsleep(const void *ptr)
{
	struct later *later;

	might_sleep();
	if (ZERO_OR_NULL_PTR(ptr))
		return;
	/* A heap that it is in waits for it; nothing is done elsewhere. */
	gom_goheap_defer(ptr);
	later = gom_malloc(sizeof(*later), GFP_KERNEL | __GFP_NORETRY |
			   __GFP_NOMEMALLOC | __GFP_NOWARN, _RET_IP_);
	if (later) {
		later->ptr = ptr;
		call_rcu(&later->rcu, free_later);
	} else {
		synchronize_rcu();
		kv_free(ptr, _RET_IP_);
	}
}
EXPORT_SYMBOL_GPL(gofree_rcu_mightsleep);

/**
 * __gofree_rcu - free the object around an rcu_head after a grace period
 * @head: inside of an object; see gofree_rcu()
 *
 * The span map tells where the object begins, so no offset is stored.
 *
 * Context: as call_rcu().
 * Return: false if the object is not gomalloc's.
 */
bool __gofree_rcu(struct rcu_head *head)
{
	enum gom_misuse what = GOM_NR_MISUSES;
	unsigned int class;

	rcu_read_lock();
	class = gom_arena_class(head);
	if (class == GOM_CLASS_FREE)
		what = GOM_STALE_FREE;
	else if (class != GOM_CLASS_NONE && !may_free_later(head, class))
		what = GOM_DOUBLE_FREE;
	rcu_read_unlock();
	if (class == GOM_CLASS_NONE)
		return false;
	if (unlikely(what != GOM_NR_MISUSES)) {
		if (gom_report(what, head, _RET_IP_))
			gom_tracked_tell(head);
		return true;
	}
	if (class == GOM_CLASS_HEAP)
		gom_goheap_defer(head);
	call_rcu(head, free_after_rcu);
	return true;
}
EXPORT_SYMBOL_GPL(__gofree_rcu);
