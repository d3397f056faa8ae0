/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What all of gomalloc's suites share.
 *
 * Nothing but the tests uses gomalloc while they run, so figures are exact.
 * Every case starts with an empty heap on CPU 0 and ends with the same
 * checks: the books balance, nothing is left behind, not a byte of metadata,
 * and nothing was reported but what the case said it would provoke.
 */
#ifndef _GOM_TEST_H
#define _GOM_TEST_H

#include <kunit/test.h>
#include <linux/delay.h>
#include <linux/prandom.h>
#include "arena.h"
#include "fail.h"
#include "mcache.h"
#include "node.h"
#include "report.h"
#include "stats.h"

/**
 * struct gom_test - a running case
 * @before: the figures at its start
 * @reports: of each misuse, how many there were at its start
 * @scavenged: whether the scavenger was on
 * @guard_interval: what it was
 * @own: the suite's own
 * @rnd: the same numbers in every run
 */
struct gom_test {
	struct gomalloc_stats before;
	u64 reports[GOM_NR_MISUSES];
	bool scavenged;
	unsigned int guard_interval;
	void *own;
	struct rnd_state rnd;
};

/* For struct kunit_suite; a case finds its struct gom_test in test->priv. */
int gom_test_init(struct kunit *test);
void gom_test_exit(struct kunit *test);

void gom_test_expect_valid(struct kunit *test);
void gom_test_expect_report(struct kunit *test, enum gom_misuse what,
			    const void *ptr);

/**
 * struct gom_test_failure - which calls for memory fail
 * @sites: of those at these sites, a bit for each,
 * @bytes: and for so many bytes or more,
 * @first: this one, the first of all being 0,
 * @end: and those that follow up to this
 * @calls: there have been
 */
struct gom_test_failure {
	u64 sites;
	size_t bytes;
	unsigned int first;
	unsigned int end;
	unsigned int calls;
};

static_assert(GOM_NR_FAIL_SITES <= 64);

/* For the thread of the case, until it ends or says otherwise. */
extern struct gom_test_failure gom_test_failure;

/* Count calls at @sites from now on. */
void gom_test_may_fail(struct kunit *test, u64 sites);
/* Of those to come the @nth fails, with @onwards all that follow, too. */
void gom_test_fail_nth(unsigned int nth, bool onwards);
/* All calls at @sites fail. */
void gom_test_fail_all(struct kunit *test, u64 sites);
/* None fails or is counted any more. */
void gom_test_fail_none(struct kunit *test);

/*
 * Have so many of 100 calls fail for everybody, silently and whatever their
 * flags; false without CONFIG_FAULT_INJECTION.
 */
bool gom_test_set_probability(unsigned long percent);

/* What all memory for objects takes: without, there is none. */
#define GOM_TEST_BLOCKS		BIT_ULL(GOM_FAIL_BLOCK)

/* Objects that live. */
u64 gom_test_live(void);

/* A number below @n. */
u32 gom_test_random(struct kunit *test, u32 n);
/* The numbers below @n in any order. */
void gom_test_shuffle(struct kunit *test, u8 *order, unsigned int n);
/* A size from 1 up to @max, small ones more often. */
size_t gom_test_random_size(struct rnd_state *rnd, size_t max);

/*
 * A pointer of which the compiler knows nothing: it takes what __malloc
 * functions return for new memory, and so for different from all it has seen.
 */
static inline void *gom_test_hide(void *ptr)
{
	OPTIMIZER_HIDE_VAR(ptr);
	return ptr;
}

static inline void *gom_test_alloc(size_t size, gfp_t gfp)
{
	return gom_test_hide(__gomalloc(size, gfp));
}

/* What @size is aligned to, by the contract of gomalloc(). */
static inline size_t gom_test_alignment(size_t size)
{
	return size & -size;
}

/* Contents by which objects that overlap are found out. */
void gom_test_fill(void *obj, size_t size, u32 seed);
bool gom_test_filled(const void *obj, size_t size, u32 seed);

/**
 * struct gom_test_crowd - a thread for each online CPU, bound to it
 * @work: called again and again until the time is over, with @arg
 * @arg: the threads' common data
 * @msecs: how long
 * @meanwhile: called again and again by the caller of gom_test_crowd_run()
 */
struct gom_test_crowd {
	void (*work)(void *arg, struct rnd_state *rnd);
	void *arg;
	unsigned int msecs;
	void (*meanwhile)(struct kunit *test);
};

void gom_test_crowd_run(struct kunit *test, const struct gom_test_crowd *crowd);

/*
 * Waits for what takes a second or so, a minute: with KASAN and lockdep one
 * percent of a CPU does not get far.
 */
#define EVENTUALLY(test, condition) do {				\
	int __tries;							\
									\
	for (__tries = 0; __tries < 600 && !(condition); __tries++)	\
		msleep(100);						\
	KUNIT_EXPECT_TRUE(test, condition);				\
} while (0)

#endif /* _GOM_TEST_H */
