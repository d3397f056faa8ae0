// SPDX-License-Identifier: GPL-2.0
/*
 * What allocations cost and how much memory they take, with kmalloc and with
 * gomalloc.
 *
 *	insmod gomalloc_bench.ko lane=time run='pair*,larson/2'
 *	cat /sys/kernel/debug/gomalloc_bench/results
 *
 * Lane instructions runs under QEMU's "-icount shift=0", lane time where a
 * clock means something. Where Debian's kernels are measured, boot with
 * init_on_alloc=0, or most of the time goes into zeroing.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/cpumask.h>
#include <linux/kernel.h>
#include <linux/module.h>
#include <linux/moduleparam.h>
#include <linux/sched.h>
#include <linux/string.h>
#include "bench.h"

static char *lane_name = "time";
module_param_named(lane, lane_name, charp, 0444);
MODULE_PARM_DESC(lane, "what to measure: instructions, time, memory, scaling, latency or ageing");

static char *wanted = "*";
module_param_named(run, wanted, charp, 0444);
MODULE_PARM_DESC(run, "names of rows, separated by commas; * stands for anything");

unsigned int bench_repeats;
module_param_named(repeats, bench_repeats, uint, 0444);
MODULE_PARM_DESC(repeats, "how often each row is measured, at most 100");

unsigned int bench_seed = 1;
module_param_named(seed, bench_seed, uint, 0444);
MODULE_PARM_DESC(seed, "of all that is random");

unsigned int bench_heap = UINT_MAX;
module_param_named(heap, bench_heap, uint, 0444);
MODULE_PARM_DESC(heap, "most MiB that are live in rows named after theirs");

char *bench_trace;
module_param_named(trace, bench_trace, charp, 0444);
MODULE_PARM_DESC(trace, "file for the row of that name, uncompressed");

bool bench_counts_cycles;

static const char * const lanes[NR_LANES] = {
	[INSTRUCTIONS] = "instructions",
	[TIME] = "time",
	[MEMORY] = "memory",
	[SCALING] = "scaling",
	[LATENCY] = "latency",
	[AGEING] = "ageing",
};

static const unsigned int default_repeats[NR_LANES] = {
	[INSTRUCTIONS] = 20,
	[TIME] = 50,
	[MEMORY] = 1,
	[SCALING] = 1,
	[LATENCY] = 20,
	[AGEING] = 1,
};

static const struct workload * const suites[] = {
	trace_workloads,	/* first: it is of a fresh machine */
	micro_workloads,
	bulk_workloads,
	pool_workloads,
	thread_workloads,
	heap_workloads,
	goheap_workloads,
	ageing_workloads,
	latency_workloads,
};

/* glob_match() is not in every kernel. @pattern may end with a comma. */
static bool matches(const char *pattern, const char *name)
{
	for (; *pattern && *pattern != ',' && *pattern != '*'; pattern++) {
		if (*pattern != *name++)
			return false;
	}
	if (*pattern != '*')
		return !*name;
	while (!matches(pattern + 1, name)) {
		if (!*name++)
			return false;
	}
	return true;
}

static bool is_wanted(const char *name)
{
	const char *pattern = wanted;

	while (pattern) {
		if (matches(pattern, name))
			return true;
		pattern = strchr(pattern, ',');
		if (pattern)
			pattern++;
	}
	return false;
}

static void run_named(enum lane lane, const struct workload *w,
		      const char *name, unsigned int nr_workers)
{
	if (!is_wanted(name))
		return;
	if (w->bytes > memory_to_use())
		say_skip(name, "too little memory");
	else
		lane_row(lane, w, name, nr_workers);
}

static void run_with(enum lane lane, const struct workload *w,
		     unsigned int nr_workers)
{
	char name[64];

	if (w->scale)
		snprintf(name, sizeof(name), "%s/%u%s", w->name, w->scale(),
			 w->unit);
	else if (w->threads != ONE_THREAD && lane != SCALING)
		snprintf(name, sizeof(name), "%s/%u", w->name, nr_workers);
	else
		strscpy(name, w->name, sizeof(name));
	run_named(lane, w, name, nr_workers);
}

static void run_workload(enum lane lane, const struct workload *w)
{
	unsigned int nr_cpus = num_online_cpus();
	bool is_speed = SPEED & BIT(lane);

	if (!(w->lanes & BIT(lane)))
		return;
	if (w->threads == ONE_THREAD ||
	    (w->threads == ONE_AND_MANY && is_speed))
		run_with(lane, w, 1);
	if (w->threads == ONE_THREAD || lane == INSTRUCTIONS)
		return;
	/* Time on one CPU has its row already. */
	if (nr_cpus > 1 || !is_speed)
		run_with(lane, w, nr_cpus);
}

static void run_all(enum lane lane)
{
	const struct workload *w;
	unsigned int i;

	results_begin(lanes[lane]);
	for (i = 0; i < ARRAY_SIZE(suites); i++) {
		for (w = suites[i]; w->name; w++)
			run_workload(lane, w);
	}
	results_end();
}

static int __init bench_init(void)
{
	int which = sysfs_match_string(lanes, lane_name);

	if (which < 0) {
		pr_err("lane=%s: there is no such lane\n", lane_name);
		return which;
	}
	bench_counts_cycles = get_cycles() &&
			      (which == INSTRUCTIONS || which == LATENCY);
	if (which == INSTRUCTIONS && !bench_counts_cycles) {
		pr_err("lane=%s: nothing counts them here\n", lane_name);
		return -EOPNOTSUPP;
	}
	if (!bench_repeats)
		bench_repeats = default_repeats[which];
	sizes_init();
	run_all(which);
	return 0;
}
module_init(bench_init);

static void __exit bench_exit(void)
{
	results_remove();
}
module_exit(bench_exit);

MODULE_DESCRIPTION("Measures gomalloc beside kmalloc");
MODULE_AUTHOR("The gomalloc maintainers");
MODULE_INFO(test, "Y");
MODULE_LICENSE("GPL");
