// SPDX-License-Identifier: GPL-2.0
/*
 * Many objects of one size with one call. kmalloc() has no such call, so its
 * side is what kernel code does that wants this: a kmem_cache of its own.
 */
#include "bench.h"

#define BULK	64

/* One row is run at a time. */
static struct kmem_cache *cache;
static void *objs[BULK];

static __always_inline bool get_bulk(enum allocator which, size_t size)
{
	if (which == KMALLOC)
		return kmem_cache_alloc_bulk(cache, BENCH_GFP, BULK, objs);
	return gomalloc_bulk(size, BENCH_GFP, BULK, objs);
}

static __always_inline void put_bulk(enum allocator which)
{
	if (which == KMALLOC)
		kmem_cache_free_bulk(cache, BULK, objs);
	else
		gofree_bulk(BULK, objs);
}

static __always_inline void bulk(struct worker *w, enum allocator which,
				 size_t size)
{
	unsigned int i;

	for (i = 0; i < STEP / BULK; i++) {
		if (get_bulk(which, size))
			put_bulk(which);
		else
			run_fail(w->run, "no memory");
	}
	w->calls += 2 * STEP;
}

static __always_inline void bulk_check(struct worker *w, enum allocator which,
				       size_t size)
{
	unsigned int i;

	if (!get_bulk(which, size)) {
		run_fail(w->run, "no memory");
		return;
	}
	for (i = 0; i < BULK; i++)
		stamp(objs[i], size);
	for (i = 0; i < BULK; i++) {
		if (!is_whole(objs[i]))
			run_fail(w->run, "an object was overwritten");
	}
	put_bulk(which);
}

static int bulk_init(struct run *run)
{
	unsigned int size = run->workload->bytes / BULK;

	cache = kmem_cache_create("gomalloc_bench", size, 0, 0, NULL);
	return cache ? 0 : -ENOMEM;
}

static void bulk_exit(struct run *run)
{
	kmem_cache_destroy(cache);
}

DEFINE_STEP(bulk_64, bulk, 64)
DEFINE_STEP(bulk_256, bulk, 256)
DEFINE_STEP(bulk_1024, bulk, 1024)
DEFINE_STEP(check_64, bulk_check, 64)
DEFINE_STEP(check_256, bulk_check, 256)
DEFINE_STEP(check_1024, bulk_check, 1024)

#define BULK_OF(size) {							\
	.name = "bulk/" #size,						\
	.lanes = SPEED,							\
	.steps = 2,							\
	.bytes = BULK * (size),						\
	.init = bulk_init,						\
	.exit = bulk_exit,						\
	.step = STEP_OF(bulk_##size),					\
	.check = STEP_OF(check_##size),					\
}

const struct workload bulk_workloads[] = {
	BULK_OF(64),
	BULK_OF(256),
	BULK_OF(1024),
	{ }
};
