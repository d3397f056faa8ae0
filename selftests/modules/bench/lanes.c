// SPDX-License-Identifier: GPL-2.0
/*
 * What each lane makes of a workload, one row:
 *
 *	row	NAME	low median high of kmalloc, of gomalloc, of the ratio
 *	mem	NAME	requested, held at the peak by kmalloc, by gomalloc,
 *			held after all was freed by kmalloc, by gomalloc, and
 *			by gomalloc SETTLE_SECONDS later beyond what is in use
 *	locks	NAME	CPUs, operations, and for 1000 of these: acquisitions
 *			of a central lock, moves of a batch
 *	latency	NAME	p50 p99.9 max of kmalloc, of gomalloc
 *	aged	NAME	operations so far, bytes requested that are live, what
 *			kmalloc holds, what it holds if at each such point
 *			its caches are shrunk, what gomalloc holds, what it
 *			holds if it gives back what is idle, its bytes in use;
 *			the last of these rows SETTLE_SECONDS after the others
 *
 * An operation is an allocation and its free; a row's figures are ticks for
 * one of these, summed over the CPUs; a latency's ticks for either. A tick is
 * a nanosecond, or in lane instructions a cycle of get_cycles(), which is an
 * instruction under QEMU's "-icount shift=0".
 *
 * Repeats alternate between the allocators, and each gives a ratio of its
 * own, so that what both suffer cancels out. Low and high leave out a tenth
 * of them at either end.
 */
#include <linux/delay.h>
#include <linux/math64.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/sort.h>
#include <linux/string.h>
#include "bench.h"

#define MAX_REPEATS	100
#define MIN_REPEATS	3

/* Ticks that a row may take, once it has its least repeats. */
#define ROW_BUDGET	400000000ULL

/* What nobody needs any more should be gone by then. */
#define SETTLE_SECONDS	5

/* One row is run at a time. */
static struct run run;

/* === instructions, time ================================================== */

/* In thousandths. */
struct repeats {
	unsigned int nr;
	u64 cost[NR_ALLOCATORS][MAX_REPEATS];
	u64 ratio[MAX_REPEATS];
};

static struct repeats repeats;

static int compare(const void *a, const void *b)
{
	u64 x = *(const u64 *)a, y = *(const u64 *)b;

	return x < y ? -1 : x > y;
}

static u64 cost_of_pass(enum allocator which)
{
	run_pass(&run, which, false);
	return div64_u64(run.ticks * 2000, max(run.calls, 1ULL));
}

static void repeat(void)
{
	unsigned int i = repeats.nr++;
	enum allocator first = i % NR_ALLOCATORS;

	repeats.cost[first][i] = cost_of_pass(first);
	repeats.cost[!first][i] = cost_of_pass(!first);
	repeats.ratio[i] = div64_u64(repeats.cost[GOMALLOC][i] * 1000,
				     max(repeats.cost[KMALLOC][i], 1ULL));
}

struct spread {
	u64 low;
	u64 median;
	u64 high;
};

static struct spread spread_of(u64 *figures)
{
	unsigned int nr = repeats.nr;

	sort(figures, nr, sizeof(*figures), compare, NULL);
	return (struct spread){
		.low = figures[nr / 10],
		.median = figures[nr / 2],
		.high = figures[nr - 1 - nr / 10],
	};
}

static u32 behind_point(u64 thousandths)
{
	u32 rest;

	div_u64_rem(thousandths, 1000, &rest);
	return rest;
}

#define TENTHS			"%llu.%u"
#define TENTHS_OF(x)		div_u64((x) + 50, 1000), behind_point((x) + 50) / 100
#define THOUSANDTHS		"%llu.%03u"
#define THOUSANDTHS_OF(x)	div_u64(x, 1000), behind_point(x)

static void say_costs(const char *name)
{
	struct spread theirs = spread_of(repeats.cost[KMALLOC]);
	struct spread ours = spread_of(repeats.cost[GOMALLOC]);
	struct spread ratio = spread_of(repeats.ratio);

	say_row("row\t%s\t" TENTHS "\t" TENTHS "\t" TENTHS
		"\t" TENTHS "\t" TENTHS "\t" TENTHS
		"\t" THOUSANDTHS "\t" THOUSANDTHS "\t" THOUSANDTHS "\n", name,
		TENTHS_OF(theirs.low), TENTHS_OF(theirs.median),
		TENTHS_OF(theirs.high), TENTHS_OF(ours.low),
		TENTHS_OF(ours.median), TENTHS_OF(ours.high),
		THOUSANDTHS_OF(ratio.low), THOUSANDTHS_OF(ratio.median),
		THOUSANDTHS_OF(ratio.high));
}

static void measure_cost(const char *name)
{
	unsigned int wanted = min_t(unsigned int, bench_repeats, MAX_REPEATS);
	u64 start;

	run_pass(&run, KMALLOC, true);
	run_pass(&run, GOMALLOC, true);
	start = now();
	for (repeats.nr = 0; repeats.nr < wanted && !run.error;) {
		if (repeats.nr >= MIN_REPEATS && now() - start > ROW_BUDGET)
			break;
		repeat();
	}
	if (!run.error)
		say_costs(name);
}

/* === memory ============================================================== */

struct memory {
	s64 before;
	s64 live;
	s64 peak;
	s64 after;
	s64 settled;
};

static struct memory memory[NR_ALLOCATORS];

static s64 held_beyond_use(void)
{
	struct gomalloc_stats stats;

	gomalloc_read_stats(&stats);
	return stats.sys - stats.alloc;
}

/* What earlier rows left is not this one's. */
static s64 held_before(enum allocator which)
{
	rcu_barrier();
	return_idle(GOMALLOC);
	/* Arenas lie in slabs. */
	rcu_barrier();
	if (which == GOMALLOC)
		return 0;
	return_idle(KMALLOC);
	plug_slabs();
	return held_from_kernel(KMALLOC);
}

static void observe_memory(struct run *run, enum moment moment)
{
	struct memory *m = &memory[run->which];
	s64 live = run_live(run);

	switch (moment) {
	case BEFORE:
		*m = (struct memory){ .live = -1 };
		m->before = held_before(run->which);
		break;
	case DURING:
		if (live <= m->live)
			break;
		m->live = live;
		m->peak = held_from_kernel(run->which) - m->before;
		break;
	case AFTER:
		m->after = held_from_kernel(run->which) - m->before;
		if (run->which == KMALLOC) {
			unplug_slabs();
			break;
		}
		ssleep(SETTLE_SECONDS);
		m->settled = held_beyond_use();
		break;
	}
}

static void measure_memory(const char *name)
{
	run.observe = observe_memory;
	run_pass(&run, KMALLOC, false);
	run_pass(&run, GOMALLOC, false);
	if (run.error)
		return;
	say_row("mem\t%s\t%lld\t%lld\t%lld\t%lld\t%lld\t%lld\n", name,
		memory[GOMALLOC].live, memory[KMALLOC].peak,
		memory[GOMALLOC].peak, memory[KMALLOC].after,
		memory[GOMALLOC].after, memory[GOMALLOC].settled);
}

/* === scaling ============================================================= */

static struct gomalloc_stats stats[AFTER];

static void observe_locks(struct run *run, enum moment moment)
{
	if (moment != AFTER)
		gomalloc_read_stats(&stats[moment]);
}

static void measure_locks(const char *name)
{
	u64 ops, locks, batches;

	run_pass(&run, GOMALLOC, false);
	run.observe = observe_locks;
	run_pass(&run, GOMALLOC, false);
	if (run.error)
		return;
	ops = stats[DURING].frees - stats[BEFORE].frees;
	locks = stats[DURING].central_locks - stats[BEFORE].central_locks;
	batches = stats[DURING].central_batches -
		  stats[BEFORE].central_batches;
	locks = div64_u64(locks * 1000000, max(ops, 1ULL));
	batches = div64_u64(batches * 1000000, max(ops, 1ULL));
	say_row("locks\t%s\t%u\t%llu\t" TENTHS "\t" TENTHS "\n", name,
		run.nr_workers, ops, TENTHS_OF(locks), TENTHS_OF(batches));
}

/* === latency ============================================================= */

struct latencies {
	u64 median;
	u64 per_mille;
	u64 longest;
};

static struct latencies latencies_of_passes(enum allocator which)
{
	struct worker *w = run.workers;
	unsigned int i;

	run_pass(&run, which, false);
	memset(w->latencies, 0, NR_LATENCIES * sizeof(*w->latencies));
	w->longest = 0;
	for (i = 0; i < bench_repeats && !run.error; i++)
		run_pass(&run, which, false);
	return (struct latencies){
		.median = latency_at(w, 500),
		.per_mille = latency_at(w, 999),
		.longest = w->longest,
	};
}

static void measure_latencies(const char *name)
{
	struct latencies theirs = latencies_of_passes(KMALLOC);
	struct latencies ours = latencies_of_passes(GOMALLOC);

	if (!run.error)
		say_row("latency\t%s\t%llu\t%llu\t%llu\t%llu\t%llu\t%llu\n",
			name, theirs.median, theirs.per_mille, theirs.longest,
			ours.median, ours.per_mille, ours.longest);
}

/* === ageing ============================================================== */

/* Steps from one point of the curve to the next. */
#define POINT_STEPS	4
#define MAX_POINTS	128

struct point {
	u64 calls;
	s64 live;
	s64 held[NR_ALLOCATORS][2];
	u64 inuse;
};

static struct point points[MAX_POINTS];
static unsigned int nr_points;

/* Whether what is idle goes back at each point. */
static bool returning;

static void add_point(struct run *run, s64 before)
{
	struct gomalloc_stats stats;
	struct point *p;

	if (WARN_ON_ONCE(nr_points == MAX_POINTS))
		return;
	p = &points[nr_points++];
	if (returning)
		return_idle(run->which);
	gomalloc_read_stats(&stats);
	p->calls = run->workers->calls;
	p->live = run_live(run);
	p->held[run->which][returning] = held_from_kernel(run->which) - before;
	p->inuse = stats.alloc;
}

static void observe_ageing(struct run *run, enum moment moment)
{
	static s64 before;

	switch (moment) {
	case BEFORE:
		before = held_before(run->which);
		nr_points = 0;
		break;
	case DURING:
		if (run->workers->cursor % POINT_STEPS == 0)
			add_point(run, before);
		if (run->workers->cursor < run->steps)
			break;
		if (run->which == GOMALLOC && !returning)
			ssleep(SETTLE_SECONDS);
		add_point(run, before);
		break;
	case AFTER:
		if (run->which == KMALLOC)
			unplug_slabs();
		break;
	}
}

static void measure_ageing(const char *name)
{
	const struct point *p;

	run.observe = observe_ageing;
	for (returning = false;; returning = true) {
		run_pass(&run, KMALLOC, false);
		run_pass(&run, GOMALLOC, false);
		if (run.error)
			return;
		if (returning)
			break;
	}
	for (p = points; p < points + nr_points; p++)
		say_row("aged\t%s\t%llu\t%lld\t%lld\t%lld\t%lld\t%lld\t%llu\n",
			name, p->calls, p->live, p->held[KMALLOC][0],
			p->held[KMALLOC][1], p->held[GOMALLOC][0],
			p->held[GOMALLOC][1], p->inuse);
}

/* === A row =============================================================== */

static void (* const measures[NR_LANES])(const char *name) = {
	[INSTRUCTIONS] = measure_cost,
	[TIME] = measure_cost,
	[MEMORY] = measure_memory,
	[SCALING] = measure_locks,
	[LATENCY] = measure_latencies,
	[AGEING] = measure_ageing,
};

void lane_row(enum lane lane, const struct workload *workload,
	      const char *name, unsigned int nr_workers)
{
	int err;

	run = (struct run){ .workload = workload, .lane = lane };
	err = run_prepare(&run, nr_workers);
	if (!err)
		measures[lane](name);
	else if (err != -ENODATA)
		run_fail(&run, "it cannot be prepared");
	if (err == -ENODATA)
		say_skip(name, "there is nothing to run");
	else if (run.error)
		say_error(name, run.error);
	run_release(&run);
	cond_resched();
}
