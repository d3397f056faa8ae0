// SPDX-License-Identifier: GPL-2.0
/*
 * Every allocation and every free timed by itself, for those that take the
 * slow paths are few and pass unseen in a mean.
 *
 *	burst		4096 objects of a size, then all freed
 *	mixed		sizes as programs ask for them, replaced at random
 *	pages		the same with 40 KiB to 1 MiB
 */
#include <linux/bitops.h>
#include <linux/minmax.h>
#include "bench.h"

#define BURST	4096

/* Sixteenths of a doubling: counts tell times apart by six percent. */
#define PRECISION	4

static unsigned int bucket_of(u64 ticks)
{
	unsigned int shift = fls64(ticks | (1 << PRECISION)) - 1 - PRECISION;

	return (shift << PRECISION) + (ticks >> shift);
}

/* The most that bucket_of() takes for @bucket. */
static u64 ticks_of(unsigned int bucket)
{
	unsigned int shift = bucket >> PRECISION;

	if (!shift--)
		return bucket;
	return ((bucket - (shift << PRECISION) + 1ULL) << shift) - 1;
}

/* What @per_mille of a thousand did not exceed. */
u64 latency_at(const struct worker *w, unsigned int per_mille)
{
	u64 total = 0, seen = 0;
	unsigned int i;

	for (i = 0; i < NR_LATENCIES; i++)
		total += w->latencies[i];
	for (i = 0; i < NR_LATENCIES - 1; i++) {
		seen += w->latencies[i];
		if (seen * 1000 >= total * per_mille)
			break;
	}
	return min(ticks_of(i), w->longest);
}

/* What the clock adds to everything it times. */
static u64 clock_cost;

static int latency_init(struct run *run)
{
	unsigned int i;
	u64 start;

	clock_cost = U64_MAX;
	for (i = 0; i < STEP; i++) {
		start = now();
		clock_cost = min(clock_cost, now() - start);
	}
	return 0;
}

static void note(struct worker *w, u64 ticks)
{
	ticks -= min(ticks, clock_cost);
	w->latencies[bucket_of(ticks)]++;
	w->longest = max(w->longest, ticks);
}

static __always_inline void *timed_take(struct worker *w,
					enum allocator which, size_t size)
{
	u64 start = now();
	void *obj = get(which, size, BENCH_GFP);

	note(w, now() - start);
	if (unlikely(!obj)) {
		run_fail(w->run, "no memory");
		return NULL;
	}
	stamp(obj, size);
	return obj;
}

static __always_inline void timed_drop(struct worker *w, enum allocator which,
				       const void *obj)
{
	u64 start;

	if (!obj)
		return;
	if (unlikely(!is_whole(obj)))
		run_fail(w->run, "an object was overwritten");
	start = now();
	put(which, obj);
	note(w, now() - start);
}

static __always_inline void burst(struct worker *w, enum allocator which,
				  size_t size)
{
	unsigned int i, at;

	for (i = 0; i < STEP; i++) {
		at = w->cursor++ % BURST;
		if (w->cursor <= BURST) {
			w->slots[at] = timed_take(w, which, size);
			continue;
		}
		timed_drop(w, which, w->slots[at]);
		w->slots[at] = NULL;
	}
}

static __always_inline void replace(struct worker *w, enum allocator which,
				    size_t size)
{
	void **slot = &w->slots[random_below(w, w->run->nr_slots)];

	timed_drop(w, which, *slot);
	*slot = timed_take(w, which, size);
}

static __always_inline void mixed(struct worker *w, enum allocator which)
{
	unsigned int i;

	for (i = 0; i < STEP; i++)
		replace(w, which, random_size(w));
}

static __always_inline void pages(struct worker *w, enum allocator which)
{
	unsigned int i;

	for (i = 0; i < STEP / 16; i++)
		replace(w, which, SZ_32K + random_below(w, 124) * SZ_8K +
				  SZ_8K);
}

DEFINE_STEP(burst_64, burst, 64)
DEFINE_STEP(burst_1024, burst, 1024)
DEFINE_STEP(burst_8192, burst, 8192)
DEFINE_STEP(mixed, mixed)
DEFINE_STEP(pages, pages)

#define BURST_OF(size) {						\
	.name = "burst/" #size,						\
	.lanes = BIT(LATENCY),						\
	.steps = 2 * BURST / STEP,					\
	.slots = BURST,							\
	.bytes = BURST * (size),					\
	.init = latency_init,						\
	.step = STEP_OF(burst_##size),					\
}

const struct workload latency_workloads[] = {
	BURST_OF(64),
	BURST_OF(1024),
	BURST_OF(8192),
	{
		.name = "mixed",
		.lanes = BIT(LATENCY),
		.steps = 32,
		.slots = 16384,
		.init = latency_init,
		.step = STEP_OF(mixed),
	}, {
		.name = "pages",
		.lanes = BIT(LATENCY),
		.steps = 32,
		.slots = 64,
		.bytes = 64 * SZ_512K,
		.init = latency_init,
		.step = STEP_OF(pages),
	},
	{ }
};
