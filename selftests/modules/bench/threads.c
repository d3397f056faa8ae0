// SPDX-License-Identifier: GPL-2.0
/*
 * What papers on allocators run on many threads, in the kernel's manner: a
 * thread for each CPU, which lives as long as the row does. Where the original
 * ends threads and starts others, slots pass on to the next CPU here.
 *
 *	larson		any thread replaces the objects of all
 *	xmalloc-test	one half allocates, the other half frees
 *	alloc-test	each to itself
 *	sh6bench	batches freed last to first
 *	sh8bench	and that by another thread
 *	mstress		batches pass on, some objects live long
 *	rptest		scattered replacement of mid-size objects, every fourth
 *			freed by another thread
 *	cache-scratch	one thread gave each its first object, all on one line
 *	cache-thrash	each has an object of its own and writes it
 */
#include <linux/atomic.h>
#include <linux/sched.h>
#include "bench.h"

static struct worker *next_worker(struct worker *w)
{
	return &w->run->workers[(w->number + 1) % w->run->nr_workers];
}

static __always_inline void pair(struct worker *w, enum allocator which)
{
	unsigned int i;

	for (i = 0; i < STEP; i++)
		drop(w, which, take(w, which, 64));
}

static __always_inline void larson(struct worker *w, enum allocator which)
{
	unsigned int i, nr = w->run->nr_shared;
	void **shared = w->run->shared;
	void *obj;

	for (i = 0; i < STEP; i++) {
		obj = take(w, which, random_size(w));
		drop(w, which, xchg(&shared[random_below(w, nr)], obj));
	}
}

static __always_inline void alloc_test(struct worker *w, enum allocator which)
{
	unsigned int i;
	void **slot;

	for (i = 0; i < STEP; i++) {
		slot = &w->slots[random_below(w, w->run->nr_slots)];
		if (*slot) {
			drop(w, which, *slot);
			*slot = NULL;
		} else {
			*slot = take(w, which, random_size(w));
		}
	}
}

/* === xmalloc-test ======================================================== */

#define XMALLOC_STEPS	16

/* Objects that pass together, as in the original, so that they are the cost. */
#define XMALLOC_BATCH	256

/* All of a pass, so that no thread waits for another that lags behind it. */
#define RING		(XMALLOC_STEPS * STEP / XMALLOC_BATCH)

static int xmalloc_init(struct run *run)
{
	unsigned int i;
	int err = 0;

	for (i = 0; i < run->nr_workers && !err; i++)
		err = ptr_ring_init(&run->workers[i].ring, RING, GFP_KERNEL);
	return err;
}

static void xmalloc_exit(struct run *run)
{
	unsigned int i;

	for (i = 0; i < run->nr_workers; i++)
		ptr_ring_cleanup(&run->workers[i].ring, NULL);
}

/* A pass uses each slot once. */
static void xmalloc_fill(struct worker *w)
{
	w->cursor = 0;
}

static __always_inline void produce(struct worker *w, enum allocator which)
{
	void **batch = w->slots + w->cursor++ % RING * XMALLOC_BATCH;
	unsigned int i;

	for (i = 0; i < XMALLOC_BATCH; i++)
		batch[i] = take(w, which, random_size(w));
	if (ptr_ring_produce(&w->ring, batch))
		run_fail(w->run, "a ring is full");
}

static __always_inline void consume(struct worker *w, enum allocator which,
				    struct ptr_ring *ring)
{
	unsigned int i;
	void **batch;

	while (!(batch = ptr_ring_consume(ring))) {
		if (READ_ONCE(w->run->error))
			return;
		cpu_relax();
		cond_resched();
	}
	for (i = 0; i < XMALLOC_BATCH; i++) {
		drop(w, which, batch[i]);
		batch[i] = NULL;
	}
}

static __always_inline void xmalloc(struct worker *w, enum allocator which)
{
	bool is_producer = w->number % 2 == 0;
	bool is_consumer = !is_producer || w->number + 1 == w->run->nr_workers;
	struct worker *producer = w - !is_producer;
	unsigned int i;

	for (i = 0; i < STEP; i += XMALLOC_BATCH) {
		if (is_producer)
			produce(w, which);
		if (is_consumer)
			consume(w, which, &producer->ring);
	}
}

/* === Batches ============================================================= */

#define BATCH	(STEP / 2)

static __always_inline void fill_batch(struct worker *w, enum allocator which,
				       void **batch)
{
	unsigned int i;

	for (i = 0; i < BATCH; i++)
		batch[i] = take(w, which, random_size(w));
}

static __always_inline void empty_batch(struct worker *w, enum allocator which,
					void **batch)
{
	unsigned int i;

	for (i = BATCH; i--;) {
		drop(w, which, batch[i]);
		batch[i] = NULL;
	}
}

static __always_inline void sh6bench(struct worker *w, enum allocator which)
{
	unsigned int full = w->cursor++ % 2;

	fill_batch(w, which, &w->slots[BATCH * !full]);
	empty_batch(w, which, &w->slots[BATCH * full]);
}

/* One to work on, one in the mail. */
static void deal_banks(struct worker *w)
{
	w->bank = w->slots;
	w->mail = w->slots + w->run->nr_slots / 2;
}

static __always_inline void pass_bank_on(struct worker *w)
{
	w->bank = xchg(&next_worker(w)->mail, w->bank);
}

static __always_inline void sh8bench(struct worker *w, enum allocator which)
{
	empty_batch(w, which, w->bank);
	fill_batch(w, which, w->bank);
	pass_bank_on(w);
}

static __always_inline void swap_with_others(struct worker *w, void **slot)
{
	unsigned int i = random_below(w, w->run->nr_shared);

	*slot = xchg(&w->run->shared[i], *slot);
}

/* A quarter of the slots is replaced eight times less often than the rest. */
static __always_inline void mstress(struct worker *w, enum allocator which)
{
	unsigned int i, at;
	void **slot;

	for (i = 0; i < STEP; i++) {
		at = random_below(w, STEP);
		slot = &w->bank[at];
		if (at < STEP / 4 && next_random(w) % 8)
			slot += STEP / 4;
		if (i % 16 == 0)
			swap_with_others(w, slot);
		drop(w, which, *slot);
		*slot = next_random(w) % 4 ? take(w, which, random_size(w)) :
					     NULL;
	}
	pass_bank_on(w);
}

static __always_inline void rptest(struct worker *w, enum allocator which)
{
	unsigned int i;
	void **slot;

	for (i = 0; i < STEP; i++) {
		w->cursor += 3 + next_random(w) % 8;
		slot = &w->slots[w->cursor % STEP];
		if (i % 4 == 0)
			swap_with_others(w, slot);
		drop(w, which, *slot);
		*slot = take(w, which, 16 + random_below(w, 8000 - 16));
	}
}

/* === Cache lines ========================================================= */

#define WRITES		100
#define CACHE_OBJECTS	32

static void give_first_object(struct worker *w)
{
	w->slots[0] = take(w, w->run->which, 8);
}

static __always_inline void write_own(struct worker *w, enum allocator which)
{
	unsigned int i, j;

	for (i = 0; i < CACHE_OBJECTS; i++) {
		u8 *obj = w->slots[0];

		for (j = 0; obj && j < WRITES; j++)
			WRITE_ONCE(obj[4], j);
		drop(w, which, obj);
		w->slots[0] = take(w, which, 8);
	}
}

/* === Rows ================================================================ */

DEFINE_STEP(pair, pair)
DEFINE_STEP(larson, larson)
DEFINE_STEP(alloc_test, alloc_test)
DEFINE_STEP(xmalloc, xmalloc)
DEFINE_STEP(sh6bench, sh6bench)
DEFINE_STEP(sh8bench, sh8bench)
DEFINE_STEP(mstress, mstress)
DEFINE_STEP(rptest, rptest)
DEFINE_STEP(write_own, write_own)

const struct workload thread_workloads[] = {
	{
		.name = "pair/64",
		.lanes = BIT(TIME) | BIT(SCALING),
		.threads = MANY_THREADS,
		.steps = 64,
		.step = STEP_OF(pair),
	}, {
		.name = "larson",
		.lanes = SPEED | BIT(MEMORY) | BIT(SCALING),
		.threads = ONE_AND_MANY,
		.steps = 32,
		.shared = 4096,
		.step = STEP_OF(larson),
	}, {
		.name = "xmalloc-test",
		.lanes = SPEED | BIT(MEMORY) | BIT(SCALING),
		.threads = ONE_AND_MANY,
		.steps = XMALLOC_STEPS,
		.slots = XMALLOC_STEPS * STEP,
		.init = xmalloc_init,
		.exit = xmalloc_exit,
		.fill = xmalloc_fill,
		.step = STEP_OF(xmalloc),
	}, {
		.name = "alloc-test",
		.lanes = SPEED | BIT(MEMORY) | BIT(SCALING),
		.threads = ONE_AND_MANY,
		.steps = 32,
		.slots = 4096,
		.step = STEP_OF(alloc_test),
	}, {
		.name = "sh6bench",
		.lanes = SPEED | BIT(MEMORY),
		.threads = ONE_AND_MANY,
		.steps = 32,
		.slots = 2 * BATCH,
		.step = STEP_OF(sh6bench),
	}, {
		.name = "sh8bench",
		.lanes = SPEED | BIT(MEMORY) | BIT(SCALING),
		.threads = MANY_THREADS,
		.steps = 32,
		.slots = 2 * BATCH,
		.fill = deal_banks,
		.step = STEP_OF(sh8bench),
	}, {
		.name = "mstress",
		.lanes = SPEED | BIT(MEMORY) | BIT(SCALING),
		.threads = ONE_AND_MANY,
		.steps = 32,
		.slots = 2 * STEP,
		.shared = 256,
		.fill = deal_banks,
		.step = STEP_OF(mstress),
	}, {
		.name = "rptest",
		.lanes = SPEED | BIT(MEMORY),
		.threads = ONE_AND_MANY,
		.steps = 16,
		.slots = STEP,
		.shared = 256,
		.step = STEP_OF(rptest),
	}, {
		.name = "cache-scratch",
		.lanes = BIT(TIME),
		.threads = ONE_AND_MANY,
		.steps = 64,
		.slots = 1,
		.fill = give_first_object,
		.step = STEP_OF(write_own),
	}, {
		.name = "cache-thrash",
		.lanes = BIT(TIME),
		.threads = ONE_AND_MANY,
		.steps = 64,
		.slots = 1,
		.step = STEP_OF(write_own),
	},
	{ }
};
