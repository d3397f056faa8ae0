/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What differs between the kernels gomalloc builds on, 6.1 to the newest.
 * The one file that knows versions.
 */
#ifndef _GOM_COMPAT_H
#define _GOM_COMPAT_H

#include <linux/dcache.h>
#include <linux/fault-inject.h>
#include <linux/hrtimer.h>
#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/module.h>
#include <linux/shrinker.h>
#include <linux/slab.h>
#include <linux/version.h>
#include <linux/workqueue.h>

/* The largest order alloc_pages() takes, inclusive as it is named since 6.8. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 4, 0)
#define GOM_MAX_PAGE_ORDER	(MAX_ORDER - 1)
#elif LINUX_VERSION_CODE < KERNEL_VERSION(6, 8, 0)
#define GOM_MAX_PAGE_ORDER	MAX_ORDER
#else
#define GOM_MAX_PAGE_ORDER	MAX_PAGE_ORDER
#endif

/* Per-CPU workqueues have to say so since 6.17; before, that is the default. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 17, 0)
#define GOM_WQ_PERCPU		0
#else
#define GOM_WQ_PERCPU		WQ_PERCPU
#endif

/* MODULE_IMPORT_NS() takes a string since 6.13. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 13, 0)
#define GOM_IMPORT_KUNIT_NS()	MODULE_IMPORT_NS(EXPORTED_FOR_KUNIT_TESTING)
#else
#define GOM_IMPORT_KUNIT_NS()	MODULE_IMPORT_NS("EXPORTED_FOR_KUNIT_TESTING")
#endif

/* Function stubs of KUnit came with 6.3; without them they cost nothing. */
#if IS_ENABLED(CONFIG_KUNIT) && LINUX_VERSION_CODE >= KERNEL_VERSION(6, 3, 0)
#include <kunit/static_stub.h>
#else
#define KUNIT_STATIC_STUB_REDIRECT(fn, ...)	do { } while (0)
#endif

/* hrtimer_setup() came with 6.13; what it replaces went with 6.15. */
static inline void
gom_compat_hrtimer_setup(struct hrtimer *timer,
			 enum hrtimer_restart (*fn)(struct hrtimer *timer),
			 clockid_t clock, enum hrtimer_mode mode)
{
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 13, 0)
	hrtimer_init(timer, clock, mode);
	timer->function = fn;
#else
	hrtimer_setup(timer, fn, clock, mode);
#endif
}

/*
 * Shrinkers are allocated by the kernel since 6.7, named since 6.0.  Made
 * with gom_compat_shrinker_alloc(), filled in, registered, and freed with
 * gom_compat_shrinker_free() whether or not it was registered.
 */
static inline struct shrinker *gom_compat_shrinker_alloc(unsigned int flags,
							 const char *name)
{
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 7, 0)
	struct shrinker *shrinker = kzalloc(sizeof(*shrinker), GFP_KERNEL);

	if (shrinker)
		shrinker->flags = flags;
	return shrinker;
#else
	return shrinker_alloc(flags, "%s", name);
#endif
}

static inline int gom_compat_shrinker_register(struct shrinker *shrinker,
					       const char *name)
{
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 7, 0)
	return register_shrinker(shrinker, "%s", name);
#else
	shrinker_register(shrinker);
	return 0;
#endif
}

static inline void gom_compat_shrinker_free(struct shrinker *shrinker)
{
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 7, 0)
	unregister_shrinker(shrinker);
	kfree(shrinker);
#else
	shrinker_free(shrinker);
#endif
}

/*
 * The data of a module that may hold pointers to objects: what is writable,
 * and what was so until its init function had run.  Since 6.4 these are not
 * in one piece with the code.
 */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 4, 0)
#define GOM_MODULE_DATA_PARTS	1
#else
#define GOM_MODULE_DATA_PARTS	2
#endif

static inline void *gom_compat_module_data(const struct module *module,
					   unsigned int part, size_t *size)
{
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 4, 0)
	*size = module->core_layout.size - module->core_layout.ro_size;
	return module->core_layout.base + module->core_layout.ro_size;
#else
	enum mod_mem_type type = part ? MOD_RO_AFTER_INIT : MOD_DATA;

	*size = module->mem[type].size;
	return module->mem[type].base;
#endif
}

/* A module's per-CPU data, which without CONFIG_SMP is like its other data. */
static inline void __percpu *
gom_compat_module_percpu(const struct module *module, size_t *size)
{
#ifdef CONFIG_SMP
	*size = module->percpu_size;
	return module->percpu;
#else
	*size = 0;
	return NULL;
#endif
}

/* Where a task has left its stack pointer; 0 where that is not known. */
static inline unsigned long gom_compat_stack_pointer(struct task_struct *task)
{
#if defined(CONFIG_X86) && defined(CONFIG_SMP)
	return READ_ONCE(task->on_cpu) ? 0 : READ_ONCE(task->thread.sp);
#else
	return 0;
#endif
}

#ifdef CONFIG_FAULT_INJECTION
/*
 * A fault attribute that has files keeps a reference to their directory, which
 * nothing drops, until it has the directory's name instead.
 */
static inline void gom_compat_fault_attr_free(struct fault_attr *attr)
{
#ifndef FAULT_ATTR_DNAME_LEN
	dput(attr->dname);
	attr->dname = NULL;
#endif
}
#endif

#ifdef CONFIG_KASAN_GENERIC
/* Exported, and declared in mm/kasan/kasan.h only. */
void kasan_poison(const void *addr, size_t size, u8 value, bool init);
#endif

/* Before 6.14 kfree() of what is no slab's drops a reference to its page. */
#define GOM_COMPAT_KFREE_PUTS_PAGES \
	(LINUX_VERSION_CODE < KERNEL_VERSION(6, 14, 0))

/*
 * Whether pages look like an object that is too large for slabs.  They have
 * been marked since 6.14.  Before, kfree() takes any pages there are for one;
 * here they are at least compound, of an order that kmalloc() uses, nobody
 * else's, and begin at @ptr.
 */
static inline bool gom_compat_is_large_kmalloc(struct page *head,
					       const void *ptr)
{
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 14, 0)
	return PageHead(head) && page_address(head) == ptr &&
	       page_size(head) > KMALLOC_MAX_CACHE_SIZE &&
	       page_count(head) == 1 && !PageLRU(head) && !head->mapping;
#else
	return folio_test_large_kmalloc(page_folio(head));
#endif
}

/* Whether kfree() is to have @ptr. */
static inline bool gom_compat_is_kmalloc(const void *ptr)
{
	struct page *head;

	if (!virt_addr_valid(ptr))
		return false;
	head = virt_to_head_page(ptr);
	return PageSlab(head) || gom_compat_is_large_kmalloc(head, ptr);
}

#endif /* _GOM_COMPAT_H */
