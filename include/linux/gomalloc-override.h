/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Moves a module from kmalloc to gomalloc, its sources unchanged.  In its
 * Makefile:
 *
 *	ccflags-y += -I<gomalloc>/include -include linux/gomalloc-override.h
 *
 * From then on what the module's files call by the names at the end of this
 * file is gomalloc's: to allocate, resize, duplicate, print into and free, by
 * calls, by __free() and by address (".free = kfree").  Typed caches
 * (kmem_cache_alloc() and so on), mempools, devm_ functions and the page
 * allocator stay the kernel's.
 *
 * Of kmalloc stays, beyond what gomalloc promises: every object is aligned to
 * ARCH_KMALLOC_MINALIGN at least, so nothing is tiny, and low pointer bits are
 * free for tags.
 *
 * What the kernel's own code allocated the module goes on freeing by kfree():
 * gofree() passes it on.
 *
 * NOT safe is the other way: memory of gomalloc must not come to code outside
 * of the module that frees it by kfree(), resizes it or takes references on
 * its pages.  Documentation/override.rst lists such code, and tools/gom-check
 * finds calls of it, and what is left of kmalloc in a module.
 *
 * All this includes <linux/printk.h> before the module's own text.  A file that
 * defines pr_fmt() first thing gets a warning that it is defined already.
 * -DGOMALLOC_OVERRIDE_PR_FMT in the same line defines it the way most modules
 * do, with the module's name, which is silent where a file does the same.  A
 * file that defines DEBUG or dev_fmt() wants that on its command line.
 */
#ifndef _LINUX_GOMALLOC_OVERRIDE_H
#define _LINUX_GOMALLOC_OVERRIDE_H

#ifdef GOMALLOC_OVERRIDE_PR_FMT
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt
#endif

/* First all that declares what is redirected: it must see the real names. */
#include <linux/gomalloc.h>
#include <linux/kernel.h>
#include <linux/mm.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/uaccess.h>

/* What has kmalloc()'s alignment: 8 bytes make no tiny object. */
static __always_inline size_t __gokmalloc_size(size_t size)
{
	if (ARCH_KMALLOC_MINALIGN > 8 && size <= GOMALLOC_MAX_SIZE)
		return ALIGN(size, ARCH_KMALLOC_MINALIGN);
	return __gomalloc_is_tiny(size) ? 8 : size;
}

static __always_inline __alloc_size(1)
void *__gokmalloc(size_t size, gfp_t gfp)
{
	return gomalloc(__gokmalloc_size(size), gfp);
}

static __always_inline __alloc_size(1)
void *__gokmalloc_node(size_t size, gfp_t gfp, int node)
{
	return gomalloc_node(__gokmalloc_size(size), gfp, node);
}

static __always_inline __alloc_size(1)
void *__gokvmalloc_node(size_t size, gfp_t gfp, int node)
{
	return gokvmalloc_node(__gokmalloc_size(size), gfp, node);
}

/* Products that overflow come out as more than any of these can give. */
static __always_inline __alloc_size(1, 2)
void *__gokmalloc_array(size_t n, size_t size, gfp_t gfp)
{
	return __gokmalloc(size_mul(n, size), gfp);
}

static __always_inline __alloc_size(1, 2)
void *__gokmalloc_array_node(size_t n, size_t size, gfp_t gfp, int node)
{
	return __gokmalloc_node(size_mul(n, size), gfp, node);
}

static __always_inline __alloc_size(1, 2)
void *__gokvmalloc_array_node(size_t n, size_t size, gfp_t gfp, int node)
{
	return __gokvmalloc_node(size_mul(n, size), gfp, node);
}

static __always_inline __realloc_size(2)
void *__gokrealloc(const void *ptr, size_t size, gfp_t gfp)
{
	return gorealloc(ptr, __gokmalloc_size(size), gfp);
}

/* Until 6.10 it took the old size as well. */
#define __gokvrealloc_3(ptr, size, gfp) \
	gokvrealloc(ptr, __gokmalloc_size(size), gfp)
#define __gokvrealloc_4(ptr, old_size, size, gfp) \
	((void)(old_size), __gokvrealloc_3(ptr, size, gfp))

static inline __realloc_size(2)
void *__gokmemdup(const void *src, size_t len, gfp_t gfp)
{
	void *copy = __gokmalloc(len, gfp);

	return copy ? memcpy(copy, src, len) : NULL;
}

static inline __realloc_size(2)
void *__gokvmemdup(const void *src, size_t len, gfp_t gfp)
{
	void *copy = __gokvmalloc_node(len, gfp, NUMA_NO_NODE);

	return copy ? memcpy(copy, src, len) : NULL;
}

static inline char *__gokmemdup_nul(const char *s, size_t len, gfp_t gfp)
{
	char *copy = s ? __gokmalloc(len + 1, gfp) : NULL;

	if (copy) {
		memcpy(copy, s, len);
		/* Not from @s, which may change meanwhile. */
		copy[len] = '\0';
	}
	return copy;
}

static inline char *__gokstrdup(const char *s, gfp_t gfp)
{
	return s ? __gokmemdup_nul(s, strlen(s), gfp) : NULL;
}

static inline char *__gokstrndup(const char *s, size_t max, gfp_t gfp)
{
	return s ? __gokmemdup_nul(s, strnlen(s, max), gfp) : NULL;
}

/*
 * What the kernel duplicated for the module may be a constant of its own.  Those
 * are in its image, whose pages are reserved; nothing that may be freed is.
 */
static inline void __gokfree_const(const void *ptr)
{
	if (virt_addr_valid(ptr) && !PageReserved(virt_to_page(ptr)))
		gofree(ptr);
	else
		kfree_const(ptr);
}

/* Kernels that have none declare none; then nobody calls this. */
void kvfree_atomic(const void *addr);

static inline void __gokvfree_atomic(const void *ptr)
{
	if (is_vmalloc_addr(ptr))
		kvfree_atomic(ptr);
	else
		gofree(ptr);
}

DEFINE_FREE(__gokvfree_atomic, void *, __gokvfree_atomic(IS_ERR(_T) ? NULL : _T))

static inline __printf(2, 0)
char *__gokvasprintf(gfp_t gfp, const char *fmt, va_list args)
{
	va_list again;
	char *s;
	int len;

	va_copy(again, args);
	len = vsnprintf(NULL, 0, fmt, again);
	va_end(again);
	s = __gokmalloc(len + 1, gfp);
	if (s)
		vsnprintf(s, len + 1, fmt, args);
	return s;
}

static inline __printf(2, 3)
char *__gokasprintf(gfp_t gfp, const char *fmt, ...)
{
	va_list args;
	char *s;

	va_start(args, fmt);
	s = __gokvasprintf(gfp, fmt, args);
	va_end(args);
	return s;
}

/* Fill @copy, which is as long as @len, or free it. */
static inline void *__gokcopy_user(void *copy, const void __user *src,
				   size_t len)
{
	if (!copy)
		return ERR_PTR(-ENOMEM);
	if (copy_from_user(copy, src, len)) {
		gokvfree(copy);
		return ERR_PTR(-EFAULT);
	}
	return copy;
}

static inline void *__gokmemdup_user(const void __user *src, size_t len)
{
	return __gokcopy_user(__gokmalloc(len, GFP_USER | __GFP_NOWARN), src,
			      len);
}

static inline void *__gokvmemdup_user(const void __user *src, size_t len)
{
	return __gokcopy_user(__gokvmalloc_node(len, GFP_USER, NUMA_NO_NODE),
			      src, len);
}

static inline char *__gokmemdup_user_nul(const void __user *src, size_t len)
{
	char *copy = __gokcopy_user(__gokmalloc(len + 1,
						GFP_USER | __GFP_NOWARN),
				    src, len);

	if (!IS_ERR(copy))
		copy[len] = '\0';
	return copy;
}

static inline char *__gokstrndup_user(const char __user *s, long max)
{
	long len = strnlen_user(s, max);

	if (!len)
		return ERR_PTR(-EFAULT);
	if (len > max)
		return ERR_PTR(-EINVAL);
	return __gokmemdup_user_nul(s, len - 1);
}

#define __gokarray_user(dup, src, n, size)				\
({									\
	size_t __bytes;							\
									\
	check_mul_overflow((size_t)(n), (size_t)(size), &__bytes) ?	\
		ERR_PTR(-EOVERFLOW) : dup(src, __bytes);		\
})

#define __gokfree_rcu_1(ptr)		gofree_rcu_mightsleep(ptr)
#define __gokfree_rcu_2(ptr, rhf)	gofree_rcu(ptr, rhf)

/*
 * The names.  Those that somebody may want the address of are replaced by the
 * name of a function; kmalloc_obj() and its like are made of them.
 */
#undef kmalloc
#define kmalloc				__gokmalloc
#undef __kmalloc
#define __kmalloc			__gokmalloc
#undef kmalloc_track_caller
#define kmalloc_track_caller		__gokmalloc
#undef kzalloc
#define kzalloc(size, gfp)		__gokmalloc(size, (gfp) | __GFP_ZERO)
#undef kmalloc_node
#define kmalloc_node			__gokmalloc_node
#undef __kmalloc_node
#define __kmalloc_node			__gokmalloc_node
#undef kmalloc_node_track_caller
#define kmalloc_node_track_caller	__gokmalloc_node
#undef kzalloc_node
#define kzalloc_node(size, gfp, node) \
	__gokmalloc_node(size, (gfp) | __GFP_ZERO, node)
#undef kmalloc_array
#define kmalloc_array			__gokmalloc_array
#undef kcalloc
#define kcalloc(n, size, gfp) \
	__gokmalloc_array(n, size, (gfp) | __GFP_ZERO)
#undef kmalloc_array_node
#define kmalloc_array_node		__gokmalloc_array_node
#undef kcalloc_node
#define kcalloc_node(n, size, gfp, node) \
	__gokmalloc_array_node(n, size, (gfp) | __GFP_ZERO, node)
#undef kmalloc_nolock
#define kmalloc_nolock(size, gfp, node) \
	gomalloc_nolock(__gokmalloc_size(size), (gfp) & ~__GFP_ACCOUNT, node)

/* Nodes are heeded by what allocates; of alignments kmalloc()'s are kept. */
#undef krealloc
#define krealloc			__gokrealloc
#undef krealloc_node
#define krealloc_node(ptr, size, gfp, node) \
	__gokrealloc(ptr, size, gfp)
#undef krealloc_node_align
#define krealloc_node_align(ptr, size, align, gfp, node) \
	__gokrealloc(ptr, size, gfp)
#undef krealloc_array
#define krealloc_array(ptr, n, size, gfp) \
	__gokrealloc(ptr, size_mul(n, size), gfp)

#undef kvmalloc
#define kvmalloc(size, gfp)		__gokvmalloc_node(size, gfp, NUMA_NO_NODE)
#undef kvzalloc
#define kvzalloc(size, gfp)		kvmalloc(size, (gfp) | __GFP_ZERO)
#undef kvmalloc_node
#define kvmalloc_node			__gokvmalloc_node
#undef kvmalloc_node_align
#define kvmalloc_node_align(size, align, gfp, node) \
	__gokvmalloc_node(size, gfp, node)
#undef kvzalloc_node
#define kvzalloc_node(size, gfp, node) \
	__gokvmalloc_node(size, (gfp) | __GFP_ZERO, node)
#undef kvmalloc_array
#define kvmalloc_array(n, size, gfp) \
	__gokvmalloc_array_node(n, size, gfp, NUMA_NO_NODE)
#undef kvcalloc
#define kvcalloc(n, size, gfp)		kvmalloc_array(n, size, (gfp) | __GFP_ZERO)
#undef kvcalloc_node
#define kvcalloc_node(n, size, gfp, node) \
	__gokvmalloc_array_node(n, size, (gfp) | __GFP_ZERO, node)
#undef kvrealloc
#define kvrealloc(ptr, ...) \
	CONCATENATE(__gokvrealloc_, COUNT_ARGS(ptr, __VA_ARGS__))(ptr, __VA_ARGS__)
#undef kvrealloc_node
#define kvrealloc_node(ptr, size, gfp, node) \
	__gokvrealloc_3(ptr, size, gfp)
#undef kvrealloc_node_align
#define kvrealloc_node_align(ptr, size, align, gfp, node) \
	__gokvrealloc_3(ptr, size, gfp)

#undef kmemdup
#define kmemdup				__gokmemdup
#undef kmemdup_array
#define kmemdup_array(src, n, size, gfp) \
	__gokmemdup(src, size_mul(n, size), gfp)
#undef kvmemdup
#define kvmemdup			__gokvmemdup
#undef kmemdup_nul
#define kmemdup_nul			__gokmemdup_nul
#undef kstrdup
#define kstrdup				__gokstrdup
#undef kstrdup_const
#define kstrdup_const			__gokstrdup
#undef kstrndup
#define kstrndup			__gokstrndup
#undef kasprintf
#define kasprintf			__gokasprintf
#undef kvasprintf
#define kvasprintf			__gokvasprintf
#undef kvasprintf_const
#define kvasprintf_const		__gokvasprintf
#undef memdup_user
#define memdup_user			__gokmemdup_user
#undef memdup_user_nul
#define memdup_user_nul			__gokmemdup_user_nul
#undef strndup_user
#define strndup_user			__gokstrndup_user
#undef vmemdup_user
#define vmemdup_user			__gokvmemdup_user
#undef memdup_array_user
#define memdup_array_user(src, n, size) \
	__gokarray_user(__gokmemdup_user, src, n, size)
#undef vmemdup_array_user
#define vmemdup_array_user(src, n, size) \
	__gokarray_user(__gokvmemdup_user, src, n, size)

#undef kfree
#define kfree				gofree
#undef kfree_const
#define kfree_const			__gokfree_const
#undef kfree_sensitive
#define kfree_sensitive			gofree_sensitive
#undef kfree_bulk
#define kfree_bulk			gofree_bulk
#undef kfree_nolock
#define kfree_nolock			gofree_nolock
#undef kvfree
#define kvfree				gokvfree
#undef kvfree_atomic
#define kvfree_atomic			__gokvfree_atomic
#undef kvfree_sensitive
#define kvfree_sensitive		gokvfree_sensitive

/* One argument with kernels before 6.5. */
#undef kfree_rcu
#define kfree_rcu(...) \
	CONCATENATE(__gokfree_rcu_, COUNT_ARGS(__VA_ARGS__))(__VA_ARGS__)
#undef kvfree_rcu
#define kvfree_rcu			kfree_rcu
#undef kfree_rcu_mightsleep
#define kfree_rcu_mightsleep		gofree_rcu_mightsleep
#undef kvfree_rcu_mightsleep
#define kvfree_rcu_mightsleep		gofree_rcu_mightsleep

/* __free() pastes its argument to this. */
#define __free_kfree			__free_gofree
#define __free_kfree_sensitive		__free_gofree_sensitive
#define __free_kvfree			__free_gokvfree
#define __free_kvfree_atomic		__free___gokvfree_atomic

#undef ksize
#define ksize				gosize
#undef kmalloc_size_roundup
#define kmalloc_size_roundup(size) \
	gomalloc_size_roundup(__gokmalloc_size(size))

#endif /* _LINUX_GOMALLOC_OVERRIDE_H */
