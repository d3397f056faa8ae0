/* SPDX-License-Identifier: GPL-2.0 */
/*
 * gopool - pools of constructed objects, after Go's sync.Pool.
 *
 * A pool keeps objects that are dear to make, with their contents, between
 * one use and the next.  What nobody takes for a while goes: it is nobody's
 * cache to count on, and costs memory only while it is of use.
 *
 * Each CPU has a slot for one object, which get and put reach without a call,
 * and a ring of more.  Who finds neither takes from other CPUs' rings, then
 * what was left over from the cycle before, and then makes a new object.
 * Documentation/pools.rst says what to use when.
 */
#ifndef _LINUX_GOPOOL_H
#define _LINUX_GOPOOL_H

#include <linux/export.h>
#include <linux/gfp.h>
#include <linux/init.h>
#include <linux/list.h>
#include <linux/percpu.h>
#include <linux/types.h>

/* Most objects that a CPU's ring may be told to hold. */
#define GOPOOL_CAPACITY_MAX	4096

/**
 * struct gopool_params - how a pool's objects are made
 * @ctor: makes an object of memory that gomalloc() gave: 0, or a negative
 *	error, on which the memory is freed.  Called by gopool_get() with its
 *	flags.  %NULL: objects are made by gomalloc() alone
 * @dtor: undoes @ctor, or %NULL.  Called wherever gopool_put() is, by a worker
 *	and in reclaim: it does not sleep, and takes no lock that is ever held
 *	where memory is allocated
 * @arg: for both
 * @capacity: objects that each CPU's ring may hold, rounded up to a power of
 *	two; 0: 64
 * @check: look at each object that is put: whether it is one, large enough,
 *	and not in the pool already.  Takes time in proportion to the objects
 *	in the pool
 */
struct gopool_params {
	int (*ctor)(void *obj, gfp_t gfp, void *arg);
	void (*dtor)(void *obj, void *arg);
	void *arg;
	unsigned int capacity;
	bool check;
};

/**
 * struct gopool_stats - what a pool holds and did
 * @gets: calls of gopool_get()
 * @puts: calls of gopool_put() with an object
 * @hits: gets that found the CPU's slot filled
 * @shared: gets served from the CPU's ring
 * @steals: gets served from another CPU's
 * @victims: gets served from what the last cycle left
 * @news: gets that made an object
 * @fails: gets that returned %NULL
 * @drops: objects that were taken apart: no room, not used, or asked for
 * @bad: puts that were reported and ignored
 * @in_slots: objects in CPUs' slots
 * @in_rings: objects in their rings
 * @in_victims: objects that go next
 * @out: objects that were got and not put yet
 *
 * @gets == @hits + @shared + @steals + @victims + @news + @fails, and
 * @out + @in_slots + @in_rings + @in_victims == @news - @drops, while nobody
 * uses the pool and where each object was put once.
 */
struct gopool_stats {
	u64 gets;
	u64 puts;
	u64 hits;
	u64 shared;
	u64 steals;
	u64 victims;
	u64 news;
	u64 fails;
	u64 drops;
	u64 bad;
	u64 in_slots;
	u64 in_rings;
	u64 in_victims;
	s64 out;
};

/* What get and put touch of a CPU; the rest is in kmod/gopool.c. */
struct gopool_cpu {
	void *slot;
	unsigned long gets;
	unsigned long puts;
};

/*
 * The same of a pool.  A free object's first word is gomalloc's, so not @cpu.
 * @empty is what a get leaves in a slot.
 */
struct gopool {
	struct list_head list;
	struct gopool_cpu __percpu *cpu;
	void *empty;
};

/*
 * In a slot: the next put is to go to the slow path, as nobody looks after
 * this CPU's objects.  As what a get leaves: all puts are, in a pool that
 * checks them and in one that is gone.
 */
#define __GOPOOL_CLOSED		1UL

struct module;

struct gopool *__gopool_create(const char *name, size_t size,
			       const struct gopool_params *params,
			       struct module *owner);
void gopool_destroy(struct gopool *pool);
void gopool_drain(struct gopool *pool);
void gopool_read_stats(struct gopool *pool, struct gopool_stats *stats);
void *__gopool_get(struct gopool *pool, gfp_t gfp, const void *found);
void __gopool_put(struct gopool *pool, void *obj, const void *found);

/**
 * gopool_create - make a pool
 * @name: what debugfs and reports call it; copied, 31 bytes at most
 * @size: bytes of each object, up to %GOMALLOC_MAX_SIZE
 * @params: or %NULL for objects that nothing is done to
 *
 * Context: process; sleeps.
 * Return: the pool, which is empty; ERR_PTR(-EINVAL) for a size or a capacity
 *	that there is none of, ERR_PTR(-ENOMEM).
 */
#define gopool_create(name, size, params) \
	__gopool_create(name, size, params, THIS_MODULE)

/**
 * gopool_get - take an object from a pool, or make one
 * @pool: the pool
 * @gfp: as for gomalloc(), for an object that is made: %__GFP_ZERO is for what
 *	its constructor sees.  Flags for zones and accounting are not for pools
 *
 * An object that was in use before has the contents with which it was put.
 *
 * The CPU's slot is emptied by one instruction that no interrupt divides,
 * where Go pins the goroutine: after Pool.Get() in Go's src/sync/pool.go.
 *
 * Context: any but NMI, as gomalloc() with @gfp allows and as the constructor
 *	does.
 * Return: the object, or %NULL if there is no memory or the constructor failed.
 */
static __always_inline void *gopool_get(struct gopool *pool, gfp_t gfp)
{
	struct gopool_cpu __percpu *cpu = pool->cpu;
	void *empty = pool->empty, *obj;

	this_cpu_inc(cpu->gets);
	obj = this_cpu_xchg(cpu->slot, empty);
	if (likely((unsigned long)obj > __GOPOOL_CLOSED))
		return obj;
	return __gopool_get(pool, gfp, obj);
}

/**
 * gopool_put - give an object back to its pool
 * @pool: the pool
 * @obj: from gopool_get() of the same pool, in a state in which the next user
 *	can take it; %NULL does nothing
 *
 * An object that is put twice has two owners from then on.  That is found and
 * reported if it lies in this CPU's slot, or with &gopool_params.check; else it
 * is not, as a pool marks nothing in its objects.  Nor is one that is none of
 * gomalloc's or too small found without @check, until gofree() gets it.
 *
 * Context: any but NMI, as the destructor allows.
 */
static __always_inline void gopool_put(struct gopool *pool, void *obj)
{
	struct gopool_cpu __percpu *cpu = pool->cpu;
	void *found;

	if (unlikely(!obj))
		return;
	this_cpu_inc(cpu->puts);
	found = this_cpu_cmpxchg(cpu->slot, NULL, obj);
	if (unlikely(found))
		__gopool_put(pool, obj, found);
}

#endif /* _LINUX_GOPOOL_H */
