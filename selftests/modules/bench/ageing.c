// SPDX-License-Identifier: GPL-2.0
/*
 * A heap that ages, on one CPU. Phase after phase objects are replaced at
 * random in a heap of so many bytes, each phase with another mix of sizes.
 * Then nine tenths of the bytes are freed, and the same goes on in a heap of
 * the tenth that is left. Which nine tenths, is the difference:
 *
 *	aged-random	any
 *	aged-oldest	what was allocated first
 *	aged-phases	what all phases but one allocated; here each phase adds
 *			a tenth to the heap and replaces only objects of its own
 *	aged-few	any, of but six sizes in all phases, so that a small
 *			heap is not all rests of spans
 *
 * Where any may go, hardly a span empties: of n objects in it all are freed
 * with probability 0.9^n. So what is held right after says what an allocator
 * that moves nothing is bound to; what is held later, how well it fills holes.
 *
 * A step allocates a fixed part of the heap's bytes. Lane ageing looks at what
 * is held every few steps.
 */
#include <linux/kernel.h>
#include <linux/minmax.h>
#include "bench.h"

#define PHASES		10
#define PHASE_STEPS	20
#define GROWN_STEPS	(PHASES * PHASE_STEPS)
#define FREE_STEPS	8

/* A heap in whose last tenth are the objects of this one: log-uniform. */
#define KEPT_PHASE	6

/* How often a phase that has a tenth for itself replaces it. */
#define OWN_TURNOVERS	3

/* Of the mixes below; none has a smaller mean. */
#define MIN_MEAN	64

enum way { RANDOM, OLDEST, OF_PHASES, FEW };

/* What stamp() leaves room for: the step in which it was allocated. */
struct aged {
	u32 size;
	u16 born;
};

static_assert(GROWN_STEPS * 2 + FREE_STEPS <= U16_MAX);

/**
 * struct heap - where the one run is
 * @nr: objects, in the first slots
 * @first: where those begin that may be replaced
 * @bytes: of the whole heap, when it is grown
 * @scanned: slots that were looked at when nine tenths were freed
 * @young: what was born before that is old
 */
static struct heap {
	unsigned int nr;
	unsigned int first;
	s64 bytes;
	unsigned int scanned;
	unsigned int young;
} heap;

/* === Sizes =============================================================== */

/* Of what lived at the peak of the recorded trace, each 64th, by size. */
static const u16 traced[64] = {
	8, 9, 10, 11, 12, 13, 13, 15, 16, 16, 16, 18, 20, 24, 24, 26,
	32, 40, 48, 48, 56, 56, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64,
	64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 72, 80, 88,
	88, 88, 88, 104, 128, 168, 184, 192, 216, 280, 344, 512, 640, 1056,
	1736, 3472,
};

static const u16 few[] = { 24, 96, 200, 520, 1100, 4000 };

/* And of all of them, each for as many objects. */
#define FEW_MIX		2
#define MIXES		5
#define ALL_MIXES	MIXES

static u32 mixed_size(struct worker *w, unsigned int mix)
{
	u32 base;

	if (mix == ALL_MIXES)
		mix = random_below(w, MIXES);
	switch (mix) {
	case 0:
		return random_size(w);
	case 1:
		base = 8U << random_below(w, 10);
		return base + random_below(w, base);
	case FEW_MIX:
		return few[random_below(w, ARRAY_SIZE(few))];
	case 3:
		return 8U << random_below(w, 11);
	default:
		return traced[random_below(w, ARRAY_SIZE(traced))];
	}
}

/* === Replacing =========================================================== */

static __always_inline void drop_slot(struct worker *w, enum allocator which,
				      unsigned int i)
{
	drop(w, which, w->slots[i]);
	w->slots[i] = w->slots[--heap.nr];
	w->slots[heap.nr] = NULL;
}

static __always_inline void drop_random(struct worker *w, enum allocator which,
					s64 keep)
{
	while (w->live > keep && heap.nr > heap.first)
		drop_slot(w, which, heap.first +
			  random_below(w, heap.nr - heap.first));
}

/* Allocate @bytes, for which others make room where @most are live. */
static __always_inline void replace(struct worker *w, enum allocator which,
				    unsigned int mix, s64 most, s64 bytes)
{
	while (bytes > 0) {
		u32 size = mixed_size(w, mix);
		struct aged *obj = NULL;

		drop_random(w, which, most - size);
		if (heap.nr < w->run->nr_slots)
			obj = take(w, which, size);
		else
			run_fail(w->run, "too many objects");
		if (!obj)
			return;
		obj->born = w->cursor;
		w->slots[heap.nr++] = obj;
		bytes -= size;
	}
}

/* === Freeing nine tenths ================================================= */

static unsigned int born_at(struct worker *w, unsigned int i)
{
	return ((const struct aged *)w->slots[i])->born;
}

/* The step from which on a tenth was allocated. */
static unsigned int find_young(struct worker *w)
{
	static s64 born[GROWN_STEPS];
	unsigned int i, step = GROWN_STEPS;
	s64 bytes = 0;

	memset(born, 0, sizeof(born));
	for (i = 0; i < heap.nr; i++)
		born[born_at(w, i)] += *(const u32 *)w->slots[i];
	while (step && bytes < heap.bytes / 10)
		bytes += born[--step];
	return step;
}

static bool is_doomed(struct worker *w, unsigned int i, enum way way)
{
	if (way == OLDEST)
		return born_at(w, i) < heap.young;
	return born_at(w, i) / PHASE_STEPS != KEPT_PHASE;
}

/* In several steps, each the same part of it. */
static __always_inline void free_most(struct worker *w, enum allocator which,
				      enum way way, unsigned int step)
{
	s64 keep = heap.bytes - heap.bytes * 9 / 10 * (step + 1) / FREE_STEPS;

	if (!step) {
		heap.first = 0;
		heap.young = find_young(w);
	}
	if (way == RANDOM || way == FEW) {
		drop_random(w, which, keep);
		return;
	}
	while (w->live > keep && heap.scanned < heap.nr) {
		if (is_doomed(w, heap.scanned, way))
			drop_slot(w, which, heap.scanned);
		else
			heap.scanned++;
	}
}

/* === Steps =============================================================== */

static __always_inline void grow_old(struct worker *w, enum allocator which,
				     enum way way, unsigned int step)
{
	unsigned int phase = step / PHASE_STEPS;
	s64 most = heap.bytes, bytes = most;

	if (way == OF_PHASES) {
		most = most * (phase + 1) / PHASES;
		bytes = bytes * OWN_TURNOVERS / PHASES;
		if (step % PHASE_STEPS == 0)
			heap.first = heap.nr;
	}
	replace(w, which, way == FEW ? FEW_MIX : phase % MIXES, most,
		bytes / PHASE_STEPS);
}

static __always_inline void age(struct worker *w, enum allocator which,
				enum way way)
{
	unsigned int step = w->cursor;
	s64 tenth;

	if (!step)
		heap = (struct heap){ .bytes = (s64)w->run->scale * SZ_1M };
	tenth = heap.bytes / 10;
	if (step < GROWN_STEPS)
		grow_old(w, which, way, step);
	else if (step < GROWN_STEPS + FREE_STEPS)
		free_most(w, which, way, step - GROWN_STEPS);
	else
		replace(w, which, way == FEW ? FEW_MIX : ALL_MIXES, tenth,
			10 * tenth / PHASE_STEPS);
	w->cursor++;
}

/* === Rows ================================================================ */

/* As many again may be held. */
#define MIB_AT_MOST	64UL

static unsigned int mebibytes(void)
{
	return min3(memory_to_use() / 2 / SZ_1M, MIB_AT_MOST,
		    (unsigned long)bench_heap);
}

static int ageing_init(struct run *run)
{
	run->nr_slots = run->scale * (SZ_1M / MIN_MEAN);
	return 0;
}

DEFINE_STEP(random, age, RANDOM)
DEFINE_STEP(oldest, age, OLDEST)
DEFINE_STEP(phases, age, OF_PHASES)
DEFINE_STEP(few, age, FEW)

#define AGED(way) {							\
	.name = "aged-" #way,						\
	.unit = "M",							\
	.lanes = BIT(AGEING) | BIT(MEMORY),				\
	.steps = 2 * GROWN_STEPS + FREE_STEPS,				\
	.scale = mebibytes,						\
	.init = ageing_init,						\
	.step = STEP_OF(way),						\
}

const struct workload ageing_workloads[] = {
	AGED(random),
	AGED(oldest),
	AGED(phases),
	AGED(few),
	{ }
};
