/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the benchmark's files share: a workload, a run of it, a worker in it.
 *
 * A workload is written once, with get() and put(), and compiled for each
 * allocator, so that sizes that are constants are constants for both:
 *
 *	micro.c		one object or a batch, again and again
 *	bulk.c		many with one call
 *	pool.c		objects that are kept made
 *	threads.c	what allocator papers run on many threads
 *	heap.c		large heaps: scattered frees, growth, page runs
 *	goheap.c	a heap that is freed whole
 *	ageing.c	a large heap that changes and shrinks
 *	trace.c		what a kernel did
 *	latency.c	every operation timed by itself
 *
 * run.c runs one, lanes.c makes figures of it, results.c writes them down.
 */
#ifndef _BENCH_H
#define _BENCH_H

#include <linux/cache.h>
#include <linux/compiler.h>
#include <linux/completion.h>
#include <linux/gomalloc.h>
#include <linux/ktime.h>
#include <linux/ptr_ring.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/timex.h>

/* Interrupts are off. Some rows ask for more than a small guest has. */
#define BENCH_GFP	(GFP_ATOMIC | __GFP_NOWARN)

/* Operations between two looks at the clock. */
#define STEP		1024

enum allocator { KMALLOC, GOMALLOC, NR_ALLOCATORS };

enum lane { INSTRUCTIONS, TIME, MEMORY, SCALING, LATENCY, AGEING, NR_LANES };

/* On one CPU, the cost of an operation. */
#define SPEED		(BIT(INSTRUCTIONS) | BIT(TIME))

enum threads { ONE_THREAD, ONE_AND_MANY, MANY_THREADS };

enum moment { BEFORE, DURING, AFTER };

struct worker;
struct run;

typedef void (*step_fn)(struct worker *w);

/**
 * struct workload - what both allocators do
 * @name: the field's name for it, and mostly a size
 * @unit: of @scale, for the row's name
 * @lanes: bits of &enum lane where it has a row
 * @threads: on how many CPUs
 * @steps: calls of @step in a pass; @init may change it for its run
 * @slots: pointers a worker has for itself
 * @shared: pointers for each worker that all of them see
 * @bytes: requested at the peak, of memory that a small guest may not have
 * @scale: how large the heap is to be, in what @init takes it for
 * @init: once for both allocators; -ENODATA where there is nothing to run
 * @exit: undoes @init
 * @fill: before the clock runs
 * @step: what is measured
 * @check: instead of @step, untimed, where that has no time to look
 * @drain: after the clock ran, what is not in slots
 */
struct workload {
	const char *name;
	const char *unit;
	unsigned long lanes;
	enum threads threads;
	unsigned int steps;
	unsigned int slots;
	unsigned int shared;
	unsigned long bytes;
	unsigned int (*scale)(void);
	int (*init)(struct run *run);
	void (*exit)(struct run *run);
	void (*fill)(struct worker *w);
	step_fn step[NR_ALLOCATORS];
	step_fn check[NR_ALLOCATORS];
	void (*drain)(struct worker *w);
};

/**
 * struct worker - one thread's part in a run
 * @run: which
 * @number: its number among the workers
 * @random: state of next_random()
 * @cursor: how far a workload is
 * @calls: allocations and frees so far
 * @live: bytes requested of what it allocated, less what it freed
 * @slots: the objects it holds
 * @bank: slots that it got from another worker
 * @mail: slots for it from another worker
 * @ring: objects on the way from it to another worker
 * @latencies: counts by latency_bucket()
 * @longest: the slowest operation
 * @task: its thread, where it has one
 */
struct worker {
	struct run *run;
	unsigned int number;
	u32 random;
	unsigned int cursor;
	u64 calls;
	s64 live;
	void **slots;
	void **bank;
	void **mail;
	struct ptr_ring ring;
	u32 *latencies;
	u64 longest;
	struct task_struct *task;
} ____cacheline_aligned_in_smp;

/**
 * struct run - a workload being run
 * @workload: which
 * @lane: what for
 * @scale: what @workload said of it
 * @steps: in a pass
 * @nr_slots: each worker's
 * @nr_shared: in all
 * @shared: pointers that all workers see
 * @workers: as many as there are threads
 * @nr_workers: how many
 * @observe: called at each &enum moment of a pass
 * @which: the pass is of this allocator
 * @error: why its figures are worth nothing
 * @ticks: what its steps took, summed over the threads
 * @calls: allocations and frees in these
 * @started: when threads were let go
 * @absent: threads that are not ready yet
 * @busy: threads that are not done yet
 * @go: all threads are ready
 * @done: all threads are done
 */
struct run {
	const struct workload *workload;
	enum lane lane;
	unsigned int scale;
	unsigned int steps;
	unsigned int nr_slots;
	unsigned int nr_shared;
	void **shared;
	struct worker *workers;
	unsigned int nr_workers;
	void (*observe)(struct run *run, enum moment moment);
	enum allocator which;
	const char *error;
	u64 ticks;
	u64 calls;
	u64 started;
	atomic_t absent;
	atomic_t busy;
	bool go;
	struct completion done;
};

/* Each ends with one that has no name. */
extern const struct workload micro_workloads[];
extern const struct workload bulk_workloads[];
extern const struct workload pool_workloads[];
extern const struct workload thread_workloads[];
extern const struct workload heap_workloads[];
extern const struct workload goheap_workloads[];
extern const struct workload ageing_workloads[];
extern const struct workload trace_workloads[];
extern const struct workload latency_workloads[];

extern unsigned int bench_repeats;
extern unsigned int bench_seed;
extern unsigned int bench_heap;
extern char *bench_trace;
extern bool bench_counts_cycles;

/* run.c */
int run_prepare(struct run *run, unsigned int nr_workers);
void run_release(struct run *run);
void run_pass(struct run *run, enum allocator which, bool check);
s64 run_live(const struct run *run);
void run_fail(struct run *run, const char *error);

/* lanes.c */
void lane_row(enum lane lane, const struct workload *workload,
	      const char *name, unsigned int nr_workers);

/* latency.c */
#define NR_LATENCIES	1024
u64 latency_at(const struct worker *w, unsigned int per_mille);

/* held.c */
s64 held_from_kernel(enum allocator which);
void return_idle(enum allocator which);
void plug_slabs(void);
void unplug_slabs(void);
unsigned long memory_to_use(void);

/* sizes.c */
#define NR_SIZES	4096
extern u16 bench_sizes[NR_SIZES];
void sizes_init(void);

/* results.c */
__printf(1, 2) void say_row(const char *fmt, ...);
void say_error(const char *name, const char *why);
void say_skip(const char *name, const char *why);
void results_begin(const char *lane);
void results_end(void);
void results_remove(void);

static inline u64 now(void)
{
	return bench_counts_cycles ? get_cycles() : ktime_get_ns();
}

/* === What workloads are made of ========================================== */

/* @which and @size are constants where the caller's are. */
static __always_inline void *get(enum allocator which, size_t size, gfp_t gfp)
{
	return which == KMALLOC ? kmalloc(size, gfp) : gomalloc(size, gfp);
}

static __always_inline void put(enum allocator which, const void *obj)
{
	if (which == KMALLOC)
		kfree(obj);
	else
		gofree(obj);
}

/* 24 bits; both allocators see the same. */
static __always_inline u32 next_random(struct worker *w)
{
	w->random = w->random * 1664525 + 1013904223;
	return w->random >> 8;
}

static __always_inline u32 random_below(struct worker *w, u32 limit)
{
	return ((u64)next_random(w) * limit) >> 24;
}

static __always_inline size_t random_size(struct worker *w)
{
	return bench_sizes[next_random(w) % NR_SIZES];
}

/* Objects that overlap disagree on it, mostly. */
static __always_inline u8 mark_of(const void *obj, u32 size)
{
	return ((unsigned long)obj >> 3) ^ size;
}

/* So that whoever frees @obj, of 8 bytes or more, sees whether it is whole. */
static __always_inline void stamp(void *obj, u32 size)
{
	*(u32 *)obj = size;
	((u8 *)obj)[size - 1] = mark_of(obj, size);
}

static __always_inline bool is_whole(const void *obj)
{
	u32 size = *(const u32 *)obj;

	return size - 8 <= SZ_4M - 8 &&
	       ((const u8 *)obj)[size - 1] == mark_of(obj, size);
}

static __always_inline void *take(struct worker *w, enum allocator which,
				  size_t size)
{
	void *obj = get(which, size, BENCH_GFP);

	if (unlikely(!obj)) {
		run_fail(w->run, "no memory");
		return NULL;
	}
	stamp(obj, size);
	w->live += size;
	w->calls++;
	return obj;
}

static __always_inline void drop(struct worker *w, enum allocator which,
				 const void *obj)
{
	if (!obj)
		return;
	if (unlikely(!is_whole(obj)))
		run_fail(w->run, "an object was overwritten");
	w->live -= *(const u32 *)obj;
	w->calls++;
	put(which, obj);
}

/* Both sides of a workload's step, and where struct workload points to them. */
#define DEFINE_STEP(step, body, ...)					\
static noinline void step##_kmalloc(struct worker *w)			\
{									\
	body(w, KMALLOC, ##__VA_ARGS__);				\
}									\
static noinline void step##_gomalloc(struct worker *w)			\
{									\
	body(w, GOMALLOC, ##__VA_ARGS__);				\
}

#define STEP_OF(step)	{ step##_kmalloc, step##_gomalloc }

#endif /* _BENCH_H */
