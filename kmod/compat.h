/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What differs between the kernels gomalloc builds on, 6.1 to the newest.
 * The one file that knows versions.
 */
#ifndef _GOM_COMPAT_H
#define _GOM_COMPAT_H

#include <linux/hrtimer.h>
#include <linux/mm.h>
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

/* Whether kfree() knows @ptr as an object of a slab cache. */
static inline bool gom_compat_is_slab(const void *ptr)
{
	return virt_addr_valid(ptr) && PageSlab(virt_to_head_page(ptr));
}

#endif /* _GOM_COMPAT_H */
