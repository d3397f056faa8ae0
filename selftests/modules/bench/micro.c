// SPDX-License-Identifier: GPL-2.0
/*
 * One object or a batch of them, allocated and freed again and again, with
 * nothing else between. Warm caches, and slow paths only as often as the
 * batch takes them.
 *
 * Nothing is written while the clock runs: the checks run once, before.
 */
#include <linux/string.h>
#include "bench.h"

#define BATCH_MAX	4096

static __always_inline void repeat(struct worker *w, enum allocator which,
				   unsigned int times, size_t size, gfp_t gfp)
{
	unsigned int i;
	void *obj;

	for (i = 0; i < times; i++) {
		obj = get(which, size, gfp);
		if (unlikely(!obj))
			run_fail(w->run, "no memory");
		put(which, obj);
	}
	w->calls += 2 * times;
}

static __always_inline void pair(struct worker *w, enum allocator which,
				 unsigned int nr, size_t size)
{
	repeat(w, which, STEP, size, BENCH_GFP);
}

/* Interrupts are off, and one of these takes as long as many small ones. */
static __always_inline void large(struct worker *w, enum allocator which,
				  unsigned int nr, size_t size)
{
	repeat(w, which, STEP / 16, size, BENCH_GFP);
}

static __always_inline void pair_var(struct worker *w, enum allocator which,
				     unsigned int nr, size_t size)
{
	OPTIMIZER_HIDE_VAR(size);
	repeat(w, which, STEP, size, BENCH_GFP);
}

static __always_inline void zeroed(struct worker *w, enum allocator which,
				   unsigned int nr, size_t size)
{
	repeat(w, which, STEP, size, BENCH_GFP | __GFP_ZERO);
}

static __always_inline void batch(struct worker *w, enum allocator which,
				  unsigned int nr, size_t size)
{
	unsigned int i, done;

	for (done = 0; !done || done + nr <= STEP; done += nr) {
		for (i = 0; i < nr; i++) {
			w->slots[i] = get(which, size, BENCH_GFP);
			if (unlikely(!w->slots[i]))
				run_fail(w->run, "no memory");
		}
		for (i = 0; i < nr; i++) {
			put(which, w->slots[i]);
			w->slots[i] = NULL;
		}
	}
	w->calls += 2 * done;
}

/* === Checks ============================================================== */

static u8 fill_of(unsigned int i)
{
	return i * 151 + 1;
}

static void fill(struct run *run, void *obj, unsigned int i, size_t size,
		 bool zeroed)
{
	if (!obj)
		run_fail(run, "no memory");
	else if (zeroed && memchr_inv(obj, 0, size))
		run_fail(run, "an object is not zero");
	else
		memset(obj, fill_of(i), size);
}

static void look(struct run *run, const void *obj, unsigned int i, size_t size)
{
	if (obj && memchr_inv(obj, fill_of(i), size))
		run_fail(run, "an object was overwritten");
}

static __always_inline void batch_check(struct worker *w,
					enum allocator which, unsigned int nr,
					size_t size)
{
	unsigned int i;

	for (i = 0; i < nr; i++) {
		w->slots[i] = get(which, size, BENCH_GFP);
		fill(w->run, w->slots[i], i, size, false);
	}
	for (i = 0; i < nr; i++) {
		look(w->run, w->slots[i], i, size);
		put(which, w->slots[i]);
		w->slots[i] = NULL;
	}
}

#define pair_check	batch_check
#define large_check	batch_check
#define pair_var_check	batch_check

static __always_inline void zeroed_check(struct worker *w,
					 enum allocator which,
					 unsigned int nr, size_t size)
{
	unsigned int i;
	void *obj;

	for (i = 0; i < STEP; i++) {
		obj = get(which, size, BENCH_GFP | __GFP_ZERO);
		fill(w->run, obj, i, size, true);
		put(which, obj);
	}
}

/* === Rows ================================================================ */

#define MICRO(name, what, nr, size)					\
DEFINE_STEP(what##_##nr##_##size, what, nr, size)			\
DEFINE_STEP(what##_check_##nr##_##size, what##_check, nr, size)

#include "micro_rows.h"
#undef MICRO

#define MICRO(title, what, nr, size) {					\
	.name = title "/" #size,					\
	.lanes = SPEED,							\
	.steps = 2,							\
	.slots = nr,							\
	.bytes = (unsigned long)(nr) * (size),				\
	.step = STEP_OF(what##_##nr##_##size),				\
	.check = STEP_OF(what##_check_##nr##_##size),			\
},

const struct workload micro_workloads[] = {
#include "micro_rows.h"
	{ }
};
