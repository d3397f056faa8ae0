// SPDX-License-Identifier: GPL-2.0
/*
 * Objects of a heap that is freed whole: gomalloc's side allocates from it and
 * resets it, where kmalloc's frees what it allocated one by one. In goheap-pair
 * both do.
 */
#include <linux/err.h>
#include <linux/goheap.h>
#include "bench.h"

/* Of requests that gomalloc_requests.c parses, the nodes of one. */
static const u16 nodes[] = {
	48, 4, 12, 24, 5, 3, 24, 5, 4, 24, 5, 5, 24, 11, 17, 24, 11, 18, 24, 11,
	30, 24, 11, 25, 24, 11, 28, 24, 11, 20, 24, 11, 30, 24, 8, 5, 6, 6,
};

/* One row is run at a time. */
static struct goheap *heap;
static void *objs[256];

static __always_inline void pair_step(struct worker *w, enum allocator which,
				      size_t size)
{
	unsigned int i;
	void *obj;

	for (i = 0; i < STEP; i++) {
		obj = which == KMALLOC ? kmalloc(size, BENCH_GFP) :
					 goheap_alloc(heap, size, BENCH_GFP);
		put(which, obj);
	}
	w->calls += 2 * STEP;
}

static __always_inline void batch(struct worker *w, enum allocator which,
				  size_t size)
{
	unsigned int i, j;

	for (i = 0; i < STEP; i += ARRAY_SIZE(objs)) {
		for (j = 0; j < ARRAY_SIZE(objs); j++)
			objs[j] = which == KMALLOC ?
				  kmalloc(size, BENCH_GFP) :
				  goheap_alloc(heap, size, BENCH_GFP);
		if (which == GOMALLOC)
			goheap_reset(heap);
		for (j = 0; which == KMALLOC && j < ARRAY_SIZE(objs); j++)
			kfree(objs[j]);
	}
	w->calls += 2 * STEP;
}

static __always_inline void request(struct worker *w, enum allocator which)
{
	unsigned int i, j;

	for (i = 0; i < STEP / ARRAY_SIZE(nodes); i++) {
		for (j = 0; j < ARRAY_SIZE(nodes); j++)
			objs[j] = which == KMALLOC ?
				  kmalloc(nodes[j], BENCH_GFP) :
				  goheap_alloc(heap, nodes[j], BENCH_GFP);
		if (which == GOMALLOC)
			goheap_reset(heap);
		for (j = 0; which == KMALLOC && j < ARRAY_SIZE(nodes); j++)
			kfree(objs[j]);
		w->calls += 2 * ARRAY_SIZE(nodes);
	}
}

static int heap_init(struct run *run)
{
	heap = goheap_create("bench", NULL);
	return PTR_ERR_OR_ZERO(heap);
}

static void heap_exit(struct run *run)
{
	goheap_destroy(heap);
}

DEFINE_STEP(pair_64, pair_step, 64)
DEFINE_STEP(batch_64, batch, 64)
DEFINE_STEP(nodes, request)

#define ROW(row, step_name) {						\
	.name = row,							\
	.lanes = SPEED,							\
	.steps = 2,							\
	.init = heap_init,						\
	.exit = heap_exit,						\
	.step = STEP_OF(step_name),					\
	.check = STEP_OF(step_name),					\
}

const struct workload goheap_workloads[] = {
	ROW("goheap-pair/64", pair_64),
	ROW("goheap-batch-256/64", batch_64),
	ROW("goheap-request", nodes),
	{ }
};
