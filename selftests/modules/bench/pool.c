// SPDX-License-Identifier: GPL-2.0
/*
 * Objects that are dear to make: a gopool beside what kernel code does that
 * wants this, a reserve beside a mempool.
 *
 *	pool-cache	a kmem_cache whose constructor does part of the work
 *	pool-mempool	a mempool, which keeps some for when there is no memory
 *	pool-plain	gomalloc(), and made anew each time
 *	reserve		goreserve beside a mempool on kmalloc()
 *
 * The side that is called kmalloc's is that other one. Making an object takes
 * some stores; what is dearer speaks for pools all the more.
 */
#include <linux/err.h>
#include <linux/gopool.h>
#include <linux/goreserve.h>
#include <linux/mempool.h>
#include "bench.h"

#define SIZE	256
#define KEPT	64

/* One row is run at a time. */
static struct kmem_cache *cache;
static mempool_t *mempool;
static struct gopool *pool;
static struct goreserve *reserve;

/* As a list head and a lock would be set up, in each 64 bytes. */
static __always_inline void make(void *obj)
{
	unsigned long *word = obj;
	int i;

	for (i = 0; i < SIZE / sizeof(*word); i += 8) {
		WRITE_ONCE(word[i], (unsigned long)&word[i]);
		WRITE_ONCE(word[i + 1], (unsigned long)&word[i]);
		WRITE_ONCE(word[i + 2], 0);
	}
}

static void make_slab(void *obj)
{
	make(obj);
}

static int make_pooled(void *obj, gfp_t gfp, void *arg)
{
	make(obj);
	return 0;
}

static const struct gopool_params params = {
	.ctor = make_pooled,
};

/* === Both sides ========================================================== */

static __always_inline void *cache_get(enum allocator which)
{
	return which == KMALLOC ? kmem_cache_alloc(cache, BENCH_GFP) :
				  gopool_get(pool, BENCH_GFP);
}

static __always_inline void cache_put(enum allocator which, void *obj)
{
	if (which == KMALLOC)
		kmem_cache_free(cache, obj);
	else
		gopool_put(pool, obj);
}

static __always_inline void *mempool_get(enum allocator which)
{
	return which == KMALLOC ? mempool_alloc(mempool, BENCH_GFP) :
				  gopool_get(pool, BENCH_GFP);
}

static __always_inline void mempool_put(enum allocator which, void *obj)
{
	if (which == KMALLOC)
		mempool_free(obj, mempool);
	else
		gopool_put(pool, obj);
}

static __always_inline void *plain_get(enum allocator which)
{
	void *obj;

	if (which == GOMALLOC)
		return gopool_get(pool, BENCH_GFP);
	obj = gomalloc(SIZE, BENCH_GFP);
	if (obj)
		make(obj);
	return obj;
}

static __always_inline void plain_put(enum allocator which, void *obj)
{
	if (which == GOMALLOC)
		gopool_put(pool, obj);
	else
		gofree(obj);
}

static __always_inline void *reserve_get(enum allocator which)
{
	return which == KMALLOC ? mempool_alloc(mempool, BENCH_GFP) :
				  goreserve_alloc(reserve, BENCH_GFP);
}

static __always_inline void reserve_put(enum allocator which, void *obj)
{
	if (which == KMALLOC)
		mempool_free(obj, mempool);
	else
		goreserve_free(reserve, obj);
}

/* === Rows ================================================================ */

static int pool_init(struct run *run)
{
	cache = kmem_cache_create("gomalloc_bench", SIZE, 0, 0, make_slab);
	if (!cache)
		return -ENOMEM;
	mempool = mempool_create_kmalloc_pool(KEPT, SIZE);
	pool = gopool_create("bench", SIZE, &params);
	reserve = goreserve_create("bench", SIZE, KEPT, GFP_KERNEL);
	return !mempool || IS_ERR(pool) || IS_ERR(reserve) ? -ENOMEM : 0;
}

static void pool_exit(struct run *run)
{
	goreserve_destroy(reserve);
	gopool_destroy(pool);
	mempool_destroy(mempool);
	kmem_cache_destroy(cache);
	reserve = NULL;
	pool = NULL;
	mempool = NULL;
	cache = NULL;
}

/* @nr objects at a time. */
#define DEFINE_POOL(what, nr)						\
static __always_inline void what##_##nr##_body(struct worker *w,	\
					       enum allocator which)	\
{									\
	unsigned int i, done;						\
									\
	for (done = 0; done + (nr) <= STEP; done += (nr)) {		\
		for (i = 0; i < (nr); i++) {				\
			w->slots[i] = what##_get(which);		\
			if (unlikely(!w->slots[i]))			\
				run_fail(w->run, "no memory");		\
		}							\
		for (i = 0; i < (nr); i++) {				\
			what##_put(which, w->slots[i]);			\
			w->slots[i] = NULL;				\
		}							\
	}								\
	w->calls += 2 * done;						\
}									\
									\
static __always_inline void what##_##nr##_look(struct worker *w,	\
					       enum allocator which)	\
{									\
	unsigned int i;							\
									\
	for (i = 0; i < (nr); i++) {					\
		w->slots[i] = what##_get(which);			\
		if (!w->slots[i])					\
			run_fail(w->run, "no memory");			\
		else							\
			stamp(w->slots[i], SIZE);			\
	}								\
	for (i = 0; i < (nr); i++) {					\
		if (w->slots[i] && !is_whole(w->slots[i]))		\
			run_fail(w->run, "an object was overwritten");	\
		what##_put(which, w->slots[i]);				\
		w->slots[i] = NULL;					\
	}								\
}									\
DEFINE_STEP(what##_##nr, what##_##nr##_body)				\
DEFINE_STEP(what##_##nr##_check, what##_##nr##_look)

#define POOL_OF(title, what, nr) {					\
	.name = title,							\
	.lanes = SPEED,							\
	.steps = 2,							\
	.slots = nr,							\
	.bytes = (nr) * SIZE,						\
	.init = pool_init,						\
	.exit = pool_exit,						\
	.step = STEP_OF(what##_##nr),					\
	.check = STEP_OF(what##_##nr##_check),				\
}

DEFINE_POOL(cache, 1)
DEFINE_POOL(cache, 16)
DEFINE_POOL(mempool, 1)
DEFINE_POOL(mempool, 16)
DEFINE_POOL(plain, 1)
DEFINE_POOL(plain, 16)
DEFINE_POOL(reserve, 1)

const struct workload pool_workloads[] = {
	POOL_OF("pool-cache/256", cache, 1),
	POOL_OF("pool-cache-16/256", cache, 16),
	POOL_OF("pool-mempool/256", mempool, 1),
	POOL_OF("pool-mempool-16/256", mempool, 16),
	POOL_OF("pool-plain/256", plain, 1),
	POOL_OF("pool-plain-16/256", plain, 16),
	POOL_OF("reserve/256", reserve, 1),
	{ }
};
