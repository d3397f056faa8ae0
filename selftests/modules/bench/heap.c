// SPDX-License-Identifier: GPL-2.0
/*
 * Large heaps, on one CPU.
 *
 *	grow		so many objects, then all freed in random order
 *	scattered	one object after the other replaced, anywhere in a heap
 *			of so many bytes
 *	runs		a few large objects replaced in a heap that is all
 *			holes, so many of them
 */
#include <linux/math.h>
#include <linux/minmax.h>
#include <linux/sched.h>
#include <linux/vmalloc.h>
#include "bench.h"

/* === grow ================================================================ */

/* Slots in the order in which they are freed. */
static u32 *order;

static int grow_init(struct run *run)
{
	struct worker *w = run->workers;
	unsigned int i;

	order = vmalloc_array(run->nr_slots, sizeof(*order));
	if (!order)
		return -ENOMEM;
	for (i = 0; i < run->nr_slots; i++) {
		u32 other = random_below(w, i + 1);

		order[i] = order[other];
		order[other] = i;
	}
	run->steps = 2 * DIV_ROUND_UP(run->nr_slots, STEP);
	return 0;
}

static void grow_exit(struct run *run)
{
	vfree(order);
	order = NULL;
}

static __always_inline void grow(struct worker *w, enum allocator which,
				 size_t size)
{
	unsigned int nr = w->run->nr_slots;
	unsigned int i = w->cursor % nr;
	unsigned int end = min(i + STEP, nr);
	bool is_growing = w->cursor < nr;

	w->cursor += end - i;
	for (; i < end; i++) {
		if (is_growing) {
			w->slots[i] = take(w, which, size);
			continue;
		}
		drop(w, which, w->slots[order[i]]);
		w->slots[order[i]] = NULL;
	}
}

/* === scattered =========================================================== */

#define MIB_AT_MOST	256UL
#define MEAN_SIZE	SZ_2K

static unsigned int mebibytes(void)
{
	return min3(memory_to_use() / SZ_1M, MIB_AT_MOST,
		    (unsigned long)bench_heap);
}

static size_t scattered_size(struct worker *w)
{
	return MEAN_SIZE / 32 + random_below(w, 2 * MEAN_SIZE * 31 / 32);
}

static int scattered_init(struct run *run)
{
	run->nr_slots = run->scale * (SZ_1M / MEAN_SIZE);
	return 0;
}

static void scattered_fill(struct worker *w)
{
	unsigned int i;

	for (i = 0; i < w->run->nr_slots; i++) {
		w->slots[i] = take(w, w->run->which, scattered_size(w));
		cond_resched();
	}
}

static __always_inline void scattered(struct worker *w, enum allocator which)
{
	unsigned int i;
	void **slot;

	for (i = 0; i < STEP; i++) {
		slot = &w->slots[random_below(w, w->run->nr_slots)];
		drop(w, which, *slot);
		*slot = take(w, which, scattered_size(w));
	}
}

/* === runs ================================================================ */

#define RUN_PAGE	SZ_8K
#define HOLES_AT_MOST	100000

/* A hole and the page that keeps it from its neighbour, on average. */
#define BYTES_PER_HOLE	SZ_32K

/* Objects that are replaced. */
#define LARGE		16

static unsigned int holes(void)
{
	unsigned int nr = HOLES_AT_MOST;

	while (nr > memory_to_use() / BYTES_PER_HOLE)
		nr /= 10;
	return nr;
}

static int runs_init(struct run *run)
{
	run->nr_slots = LARGE + 2 * run->scale;
	return 0;
}

/* What objects in spans of their own would not fit in, but for a tenth. */
static size_t hole_size(struct worker *w)
{
	u32 pages = 1 + random_below(w, 4);

	if (random_below(w, 10) == 0)
		pages += 4;
	return pages * RUN_PAGE;
}

static void runs_fill(struct worker *w)
{
	unsigned int i;

	for (i = LARGE; i < w->run->nr_slots; i += 2) {
		w->slots[i] = take(w, w->run->which, hole_size(w));
		w->slots[i + 1] = take(w, w->run->which, RUN_PAGE);
		cond_resched();
	}
	for (i = LARGE; i < w->run->nr_slots; i += 2) {
		drop(w, w->run->which, w->slots[i]);
		w->slots[i] = NULL;
		cond_resched();
	}
}

static __always_inline void runs(struct worker *w, enum allocator which)
{
	unsigned int i;
	void **slot;

	for (i = 0; i < STEP; i++) {
		slot = &w->slots[i % LARGE];
		drop(w, which, *slot);
		*slot = take(w, which, (5 + random_below(w, 4)) * RUN_PAGE);
	}
}

/* === Rows ================================================================ */

DEFINE_STEP(grow_8, grow, 8)
DEFINE_STEP(grow_64, grow, 64)
DEFINE_STEP(grow_256, grow, 256)
DEFINE_STEP(grow_1024, grow, 1024)
DEFINE_STEP(grow_1100, grow, 1100)
DEFINE_STEP(grow_4096, grow, 4096)
DEFINE_STEP(grow_8192, grow, 8192)
DEFINE_STEP(grow_32768, grow, 32768)
DEFINE_STEP(scattered, scattered)
DEFINE_STEP(runs, runs)

#define GROW(title, size, nr, where) {					\
	.name = title,							\
	.lanes = where,							\
	.slots = nr,							\
	.bytes = (unsigned long)(nr) * (size),				\
	.init = grow_init,						\
	.exit = grow_exit,						\
	.step = STEP_OF(grow_##size),					\
}

const struct workload heap_workloads[] = {
	GROW("batch-4096/8", 8, 4096, BIT(MEMORY)),
	GROW("batch-4096/64", 64, 4096, BIT(MEMORY)),
	GROW("batch-4096/256", 256, 4096, BIT(MEMORY)),
	GROW("batch-4096/1024", 1024, 4096, BIT(MEMORY)),
	GROW("batch-4096/1100", 1100, 4096, BIT(MEMORY)),
	GROW("batch-4096/4096", 4096, 4096, BIT(MEMORY)),
	GROW("batch-4096/8192", 8192, 4096, BIT(MEMORY)),
	GROW("batch-4096/32768", 32768, 4096, BIT(MEMORY)),
	GROW("grow/64/1000", 64, 1000, SPEED | BIT(MEMORY)),
	GROW("grow/64/10000", 64, 10000, SPEED | BIT(MEMORY)),
	GROW("grow/64/100000", 64, 100000, SPEED | BIT(MEMORY)),
	GROW("grow/64/1000000", 64, 1000000, SPEED | BIT(MEMORY)),
	{
		.name = "scattered",
		.unit = "M",
		.lanes = SPEED | BIT(MEMORY),
		.steps = 16,
		.scale = mebibytes,
		.init = scattered_init,
		.fill = scattered_fill,
		.step = STEP_OF(scattered),
	}, {
		.name = "runs",
		.unit = "",
		.lanes = SPEED,
		.steps = 4,
		.scale = holes,
		.init = runs_init,
		.fill = runs_fill,
		.step = STEP_OF(runs),
	},
	{ }
};
