/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Memory that cannot be had: stubs that fail when a suite says so.  Each suite
 * that includes this has its own.
 */
#ifndef _GOM_TEST_FAIL_H
#define _GOM_TEST_FAIL_H

#include <linux/sched.h>
#include "mheap.h"
#include "mspan.h"

/**
 * struct failure - what is to fail, and what did
 * @nth: this call fails, the first being 0
 * @onwards: so do all that follow
 * @calls: there have been
 */
static struct failure {
	unsigned int nth;
	bool onwards;
	unsigned int calls;
} failure;

static bool fails_now(void)
{
	unsigned int call = failure.calls++;

	return failure.onwards ? call >= failure.nth : call == failure.nth;
}

/* Calls the real thing: stubs work for the threads of a test only. */
#define REAL(call)				\
({						\
	struct kunit *__test = current->kunit_test;	\
						\
	current->kunit_test = NULL;		\
	typeof(call) __ret = (call);		\
	current->kunit_test = __test;		\
	__ret;					\
})

static struct page *get_pages(int nid, gfp_t gfp, unsigned int order)
{
	return fails_now() ? NULL : REAL(gom_mheap_get_pages(nid, gfp, order));
}

static struct mspan *mspan_alloc(gfp_t gfp)
{
	return fails_now() ? NULL : REAL(gom_mspan_alloc(gfp));
}

#endif /* _GOM_TEST_FAIL_H */
