// SPDX-License-Identifier: GPL-2.0
/*
 * Pools of constructed objects, after sync.Pool in Go's src/sync/pool.go:
 * the slow paths.  The fast paths are in include/linux/gopool.h.
 *
 * Of each pool a CPU has a slot for one object, a ring of more, and what the
 * last cycle left, its victims:
 *
 *	get   slot, own ring's head, other rings' tails, victims, a new one
 *	put   slot, own ring's head, away
 *	trim  victims away; ring and slot become the victims
 *
 * So an object that nobody takes survives the end of one cycle and goes at the
 * end of the next, a second or more later.  Where Go stops the world for
 * that, here each CPU does it for itself when the scavenger has it trim its
 * caches.
 *
 * The slot is its CPU's alone: interrupts are kept out by touching it with one
 * instruction, other CPUs never touch it unless it is dead.  A slot that has
 * been trimmed is closed, so that the next put there comes by here and wakes
 * the scavenger, which otherwise would not know of it.
 *
 * The head of a CPU's ring is its own as well.  It puts and takes there with
 * interrupts off and no lock; who takes from the tail does so under the lock.
 * Both take an object by xchg() of its place, so that one of them gets it.
 *
 * All else of a CPU is under its lock, a raw spinlock taken with interrupts
 * off and held for a few stores; of who only looks, for the objects of a ring.
 * A ring's places come and go under it, by the CPU itself or for a dead one: so
 * they stay for others while they hold it, and for itself while its interrupts
 * are off.  It is a leaf, and neither gomalloc nor a constructor or destructor
 * is ever called with it held.  The list of pools is read under SRCU, as
 * destructors run meanwhile, and written under pools_lock.
 *
 * Pools are clients of gomalloc, and what gives memory back calls them as it
 * calls the tiers: drain.c, shrink.c, scavenge.c.  Get and put come from any
 * context but NMI.
 */
#include <linux/cache.h>
#include <linux/cpu.h>
#include <linux/cpumask.h>
#include <linux/err.h>
#include <linux/irqflags.h>
#include <linux/jiffies.h>
#include <linux/log2.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/rculist.h>
#include <linux/spinlock.h>
#include <linux/srcu.h>
#include <linux/string.h>
#include <linux/workqueue.h>
#include "arena.h"
#include "debug.h"
#include "fail.h"
#include "gopool.h"
#include "malloc.h"
#include "report.h"
#include "scavenge.h"
#include "stats.h"

/* Places that a ring begins with, and may have where nobody said. */
#define RING_MIN	8
#define RING_DEFAULT	64

/* A cycle takes at least that long: what was used within is not idle. */
#define CYCLE		HZ

/**
 * struct ring - a queue of objects with two ends, after Go's poolDequeue
 * @slots: @cap places, a power of two; NULL with none
 * @cap: how many
 * @head: put at and taken from by the ring's own CPU, counts up
 * @tail: taken from by others, counts up
 *
 * @head - @tail objects lie in it, while nobody is at work there.  Places
 * outside of these are NULL; one within may be, whose taker has not moved its
 * end yet.
 */
struct ring {
	void **slots;
	unsigned int cap;
	unsigned int head;
	unsigned int tail;
};

/**
 * struct pool_cpu - a CPU's part of a pool
 * @fast: what get and put touch inline
 * @lock: guards rings, but for @ring's head, and @victim_slot
 * @ring: objects of this cycle
 * @victims: those that were there when it began
 * @victim_slot: what was in the slot then
 * @shared: gets served from here, as all that follow this CPU's doing
 * @steals: gets served from other CPUs' rings
 * @found: gets served from victims
 * @news: objects made
 * @fails: gets that came to nothing
 * @drops: objects taken apart
 * @bad: puts ignored
 */
struct pool_cpu {
	struct gopool_cpu fast;
	raw_spinlock_t lock;
	struct ring ring;
	struct ring victims;
	void *victim_slot;
	unsigned long shared;
	unsigned long steals;
	unsigned long found;
	unsigned long news;
	unsigned long fails;
	unsigned long drops;
	unsigned long bad;
} ____cacheline_aligned_in_smp;

/**
 * struct pool - a pool
 * @pub: what clients see
 * @cpu: the CPUs' parts, of which @pub has the beginning
 * @size: bytes of each object
 * @params: as they came, but that @capacity is not 0
 * @owner: the module whose constructor and destructor these are
 * @id: its number
 * @name: for people
 */
struct pool {
	struct gopool pub;
	struct pool_cpu __percpu *cpu;
	size_t size;
	struct gopool_params params;
	struct module *owner;
	u64 id;
	char name[GOM_NAME_LEN];
};

bool gom_pool_check;

static DEFINE_MUTEX(pools_lock);
static LIST_HEAD(pools);	/* by id */
static u64 last_id;
DEFINE_STATIC_SRCU(pools_srcu);

#define for_each_pool(pool)						\
	list_for_each_entry_srcu(pool, &pools, pub.list,		\
				 srcu_read_lock_held(&pools_srcu))

static DEFINE_PER_CPU(unsigned long, visits);
static DEFINE_PER_CPU(unsigned long, aged);

/* What a destroyed pool's @cpu is, for as long as its memory is nobody's. */
static DEFINE_PER_CPU(struct pool_cpu, gone) = {
	.fast.slot = (void *)__GOPOOL_CLOSED,
	.lock = __RAW_SPIN_LOCK_UNLOCKED(gone.lock),
};

static struct pool *pool_of(struct gopool *pub)
{
	return container_of(pub, struct pool, pub);
}

static bool is_object(const void *slot)
{
	return (unsigned long)slot > __GOPOOL_CLOSED;
}

/* === Rings =============================================================== */

/* Without the lock a guess, as one end may pass the other meanwhile. */
static unsigned int ring_count(const struct ring *ring)
{
	int n = READ_ONCE(ring->head) - READ_ONCE(ring->tail);

	return clamp(n, 0, GOPOOL_CAPACITY_MAX);
}

static void **ring_slot(const struct ring *ring, unsigned int i)
{
	return &ring->slots[i & (ring->cap - 1)];
}

/* Both ends: see the head of this file for who may call. */
static __always_inline bool push_head(struct ring *ring, void *obj)
{
	unsigned int head = ring->head;

	if (head - READ_ONCE(ring->tail) == ring->cap)
		return false;
	/* What is in @obj comes first.  Pairs with xchg() in pop_tail(). */
	smp_store_release(ring_slot(ring, head), obj);
	WRITE_ONCE(ring->head, head + 1);
	return true;
}

/* NULL, too, if the last one is being taken at the other end. */
static __always_inline void *pop_head(struct ring *ring)
{
	unsigned int head = ring->head;
	void *obj;

	if (head == READ_ONCE(ring->tail))
		return NULL;
	obj = xchg(ring_slot(ring, head - 1), NULL);
	if (likely(obj))
		WRITE_ONCE(ring->head, head - 1);
	return obj;
}

static void *pop_tail(struct ring *ring)
{
	unsigned int tail = ring->tail;
	void *obj;

	if (READ_ONCE(ring->head) == tail)
		return NULL;
	obj = xchg(ring_slot(ring, tail), NULL);
	if (obj)
		WRITE_ONCE(ring->tail, tail + 1);
	return obj;
}

/*
 * Move to @slots, which are more and empty; returns the old ones.  Its own CPU
 * does so under the lock, so both ends are its.
 */
static void **ring_move(struct ring *ring, void **slots, unsigned int cap)
{
	struct ring more = { .slots = slots, .cap = cap };
	void **old = ring->slots;
	unsigned int i;

	for (i = ring->tail; i != ring->head; i++)
		slots[more.head++] = *ring_slot(ring, i);
	*ring = more;
	return old;
}

/* === Objects ============================================================= */

/* Take @obj apart. */
static void drop(struct pool *pool, void *obj)
{
	if (pool->params.dtor)
		pool->params.dtor(obj, pool->params.arg);
	gofree(obj);
	this_cpu_inc(pool->cpu->drops);
}

static void drop_ring(struct pool *pool, struct ring *ring)
{
	void *obj;

	while ((obj = pop_tail(ring)))
		drop(pool, obj);
	gofree(ring->slots);
}

static void *make(struct pool *pool, gfp_t gfp, unsigned long caller)
{
	void *obj;

	if (WARN_ON_ONCE(gfp & __GOMALLOC_GFP_DIVERT))
		gfp &= ~__GOMALLOC_GFP_DIVERT;
	obj = gom_malloc(pool->size, gfp, caller);
	if (obj && pool->params.ctor &&
	    pool->params.ctor(obj, gfp, pool->params.arg)) {
		gofree(obj);
		obj = NULL;
	}
	if (obj)
		this_cpu_inc(pool->cpu->news);
	else
		this_cpu_inc(pool->cpu->fails);
	return obj;
}

/* The calling CPU's part.  With preemption off it does not go away. */
static __always_inline struct pool_cpu *lock_here(struct pool *pool,
						  unsigned long *flags)
{
	struct pool_cpu *c;

	preempt_disable();
	c = this_cpu_ptr(pool->cpu);
	raw_spin_lock_irqsave(&c->lock, *flags);
	return c;
}

static __always_inline void unlock_here(struct pool_cpu *c, unsigned long flags)
{
	raw_spin_unlock_irqrestore(&c->lock, flags);
	preempt_enable();
}

/*
 * Something may lie here that is to be looked after, or soon will.  The count
 * comes first: see fall_asleep().
 */
static void look_after(void)
{
	/* What was put comes first.  Pairs with smp_rmb() in scavenge(). */
	smp_wmb();
	this_cpu_inc(visits);
	gom_scavenge_wake();
}

/* === Get ================================================================= */

static __always_inline void *take_here(struct pool *pool)
{
	struct pool_cpu *c;
	unsigned long flags;
	void *obj;

	local_irq_save(flags);
	c = this_cpu_ptr(pool->cpu);
	obj = pop_head(&c->ring);
	c->shared += !!obj;
	local_irq_restore(flags);
	return obj;
}

static void *steal_from(struct pool_cpu *c)
{
	unsigned long flags;
	void *obj;

	if (!ring_count(&c->ring))
		return NULL;
	raw_spin_lock_irqsave(&c->lock, flags);
	obj = pop_tail(&c->ring);
	raw_spin_unlock_irqrestore(&c->lock, flags);
	return obj;
}

static void *take_victim(struct pool_cpu *c)
{
	unsigned long flags;
	void *obj;

	if (!READ_ONCE(c->victim_slot) && !ring_count(&c->victims))
		return NULL;
	raw_spin_lock_irqsave(&c->lock, flags);
	obj = c->victim_slot;
	WRITE_ONCE(c->victim_slot, NULL);
	if (!obj)
		obj = pop_tail(&c->victims);
	raw_spin_unlock_irqrestore(&c->lock, flags);
	return obj;
}

/* The first that @take finds, on this CPU or those after it. */
static void *take_around(struct pool *pool, void *(*take)(struct pool_cpu *c))
{
	unsigned int here = raw_smp_processor_id(), i;
	void *obj;

	for (i = 0; i < nr_cpu_ids; i++) {
		unsigned int cpu = (here + i) % nr_cpu_ids;

		if (!cpu_possible(cpu))
			continue;
		obj = take(per_cpu_ptr(pool->cpu, cpu));
		if (obj)
			return obj;
	}
	return NULL;
}

static noinline void *get_slow(struct pool *pool, gfp_t gfp, const void *found,
			       unsigned long caller)
{
	void *obj;

	if (unlikely(pool->cpu == &gone)) {
		/* Who came as the pool went may have left it open. */
		this_cpu_write(gone.fast.slot, (void *)__GOPOOL_CLOSED);
		gom_report(GOM_POOL_GONE, &pool->pub, caller);
		return NULL;
	}
	obj = take_here(pool);
	if (!obj) {
		obj = take_around(pool, steal_from);
		if (obj)
			this_cpu_inc(pool->cpu->steals);
	}
	if (!obj) {
		obj = take_around(pool, take_victim);
		if (obj)
			this_cpu_inc(pool->cpu->found);
	}
	if (!obj)
		obj = make(pool, gfp, caller);
	/* The slot may be open now.  One that was so is known. */
	if (found)
		look_after();
	return obj;
}

/**
 * __gopool_get - what gopool_get() finds no object for in the CPU's slot
 * @pub: the pool
 * @gfp: as for gopool_get()
 * @found: what was in the slot
 *
 * Context: as gopool_get().
 * Return: an object, or %NULL.
 */
void *__gopool_get(struct gopool *pub, gfp_t gfp, const void *found)
{
	void *obj;

	/* No pool that is gone, nor one that checks: theirs are closed. */
	if (likely(!found)) {
		obj = take_here(pool_of(pub));
		if (likely(obj))
			return obj;
	}
	return get_slow(pool_of(pub), gfp, found, _RET_IP_);
}
EXPORT_SYMBOL_GPL(__gopool_get);

/* === Put ================================================================= */

/*
 * Into this CPU's ring; false if it is full, or if it is empty and nobody may
 * know of it.
 */
static __always_inline bool put_here(struct pool *pool, void *obj)
{
	unsigned long flags;
	struct ring *ring;
	bool done;

	local_irq_save(flags);
	ring = &this_cpu_ptr(pool->cpu)->ring;
	done = ring->head != READ_ONCE(ring->tail) && push_head(ring, obj);
	local_irq_restore(flags);
	return done;
}

/* Into it whatever it has; false if it is full, of the @cap places it has. */
static bool put_first(struct pool *pool, void *obj, unsigned int *cap)
{
	unsigned long flags;
	struct pool_cpu *c = lock_here(pool, &flags);
	bool done = push_head(&c->ring, obj);

	*cap = c->ring.cap;
	unlock_here(c, flags);
	return done;
}

/* Twice the @cap places for this CPU's ring; false if that may not be. */
static bool grow(struct pool *pool, unsigned int cap)
{
	struct pool_cpu *c;
	unsigned long flags;
	void **slots;

	cap = max_t(unsigned int, 2 * cap, min(RING_MIN, pool->params.capacity));
	if (cap > pool->params.capacity)
		return false;
	slots = gom_malloc_try(array_size(cap, sizeof(*slots)),
			       GOM_GFP_EASY(__GFP_ZERO), _RET_IP_);
	if (!slots)
		return false;
	c = lock_here(pool, &flags);
	/* It may be another CPU's by now, or an interrupt was faster. */
	if (c->ring.cap < cap)
		slots = ring_move(&c->ring, slots, cap);
	unlock_here(c, flags);
	gofree(slots);
	return true;
}

static bool ring_has(const struct ring *ring, const void *obj)
{
	/* Which its own CPU may move meanwhile, lock or not. */
	unsigned int head = READ_ONCE(ring->head), i;

	for (i = ring->tail; (int)(head - i) > 0; i++)
		if (READ_ONCE(*ring_slot(ring, i)) == obj)
			return true;
	return false;
}

/* Whether the pool has @obj anywhere. */
static bool has(struct pool *pool, const void *obj)
{
	bool found = false;
	int cpu;

	for_each_possible_cpu(cpu) {
		struct pool_cpu *c = per_cpu_ptr(pool->cpu, cpu);
		unsigned long flags;

		raw_spin_lock_irqsave(&c->lock, flags);
		found = READ_ONCE(c->fast.slot) == obj ||
			c->victim_slot == obj || ring_has(&c->ring, obj) ||
			ring_has(&c->victims, obj);
		raw_spin_unlock_irqrestore(&c->lock, flags);
		if (found)
			break;
	}
	return found;
}

/* Whether it is no live object as large as the pool's. */
static bool is_damaged(const struct pool *pool, const void *obj)
{
	bool damaged;

	rcu_read_lock();
	damaged = gom_malloc_live_size(obj, gom_arena_class(obj)) < pool->size;
	rcu_read_unlock();
	return damaged;
}

/* Whether @obj may not be put, which is reported and counted then. */
static bool is_bad(struct pool *pool, const void *obj, const void *found,
		   unsigned long caller)
{
	if (unlikely(obj == found))
		gom_report(GOM_POOL_DOUBLE_PUT, obj, caller);
	else if (likely(!pool->params.check))
		return false;
	else if (is_damaged(pool, obj))
		gom_report(GOM_POOL_FOREIGN, obj, caller);
	else if (has(pool, obj))
		gom_report(GOM_POOL_DOUBLE_PUT, obj, caller);
	else
		return false;
	this_cpu_inc(pool->cpu->bad);
	return true;
}

/* Into this CPU's slot, if that is closed, which opens it. */
static bool open_slot(struct pool *pool, void *obj)
{
	void *closed = (void *)__GOPOOL_CLOSED;

	if (this_cpu_cmpxchg(pool->cpu->fast.slot, closed, obj) != closed)
		return false;
	look_after();
	return true;
}

static noinline void put_slow(struct pool *pool, void *obj, const void *found,
			      unsigned long caller)
{
	unsigned int cap;

	if (unlikely(pool->cpu == &gone)) {
		gom_report(GOM_POOL_GONE, &pool->pub, caller);
		return;
	}
	if (unlikely(is_bad(pool, obj, found, caller)))
		return;
	if (!is_object(found) && !pool->params.check && open_slot(pool, obj))
		return;
	while (!put_first(pool, obj, &cap)) {
		if (!grow(pool, cap)) {
			drop(pool, obj);
			return;
		}
	}
	look_after();
}

/**
 * __gopool_put - put what does not go into the CPU's slot
 * @pub: the pool
 * @obj: as for gopool_put()
 * @found: what was in the slot
 *
 * Context: as gopool_put().
 */
void __gopool_put(struct gopool *pub, void *obj, const void *found)
{
	/* No pool that is gone, nor one that checks: theirs are closed. */
	if (likely(is_object(found) && found != obj) &&
	    likely(put_here(pool_of(pub), obj)))
		return;
	put_slow(pool_of(pub), obj, found, _RET_IP_);
}
EXPORT_SYMBOL_GPL(__gopool_put);

/* === Cycles ============================================================== */

/*
 * Begin a cycle on @cpu, which is the caller's own, dead, or not at work in the
 * pool any more: for an interrupt on this CPU, too, xchg() is one instruction
 * or made again.
 */
static void turn(struct pool *pool, int cpu)
{
	struct pool_cpu *c = per_cpu_ptr(pool->cpu, cpu);
	void *slot = xchg(&c->fast.slot, (void *)__GOPOOL_CLOSED), *old;
	struct ring victims;
	unsigned long flags;

	raw_spin_lock_irqsave(&c->lock, flags);
	victims = c->victims;
	c->victims = c->ring;
	c->ring = (struct ring){};
	old = c->victim_slot;
	WRITE_ONCE(c->victim_slot, is_object(slot) ? slot : NULL);
	raw_spin_unlock_irqrestore(&c->lock, flags);
	if (old)
		drop(pool, old);
	drop_ring(pool, &victims);
}

/* What is there becomes victims, and these go. */
static void empty(struct pool *pool, int cpu)
{
	turn(pool, cpu);
	turn(pool, cpu);
}

static void on_each_pool(void (*fn)(struct pool *pool, int cpu), int cpu)
{
	struct pool *pool;
	int idx;

	idx = srcu_read_lock(&pools_srcu);
	for_each_pool(pool)
		fn(pool, cpu);
	srcu_read_unlock(&pools_srcu, idx);
}

void gom_pool_trim(int cpu)
{
	on_each_pool(turn, cpu);
}

void gom_pool_drain(int cpu)
{
	on_each_pool(empty, cpu);
}

void gom_pool_age(int cpu)
{
	unsigned long *when = per_cpu_ptr(&aged, cpu);

	/* It may have been long ago, or never. */
	if (time_in_range(jiffies, *when, *when + CYCLE - 1))
		return;
	*when = jiffies;
	gom_pool_trim(cpu);
}

static bool has_any(const struct pool_cpu *c)
{
	return READ_ONCE(c->fast.slot) != (void *)__GOPOOL_CLOSED ||
	       READ_ONCE(c->victim_slot) || ring_count(&c->ring) ||
	       READ_ONCE(c->victims.cap);
}

/* A ring without objects has its places until the cycle ends. */
bool gom_pool_is_worth(int cpu)
{
	struct pool *pool;
	bool any = false;
	int idx;

	idx = srcu_read_lock(&pools_srcu);
	for_each_pool(pool) {
		any = has_any(per_cpu_ptr(pool->cpu, cpu));
		if (any)
			break;
	}
	srcu_read_unlock(&pools_srcu, idx);
	return any;
}

static unsigned int count_victims(const struct pool_cpu *c)
{
	return !!READ_ONCE(c->victim_slot) + ring_count(&c->victims);
}

static unsigned int count_objects(const struct pool_cpu *c)
{
	return is_object(READ_ONCE(c->fast.slot)) + ring_count(&c->ring) +
	       count_victims(c);
}

unsigned long gom_pool_bytes(int cpu)
{
	unsigned long bytes = 0;
	struct pool *pool;
	int idx;

	idx = srcu_read_lock(&pools_srcu);
	for_each_pool(pool)
		bytes += count_objects(per_cpu_ptr(pool->cpu, cpu)) *
			 gomalloc_size_roundup(pool->size);
	srcu_read_unlock(&pools_srcu, idx);
	return bytes;
}

unsigned long gom_pool_visits(int cpu)
{
	return READ_ONCE(per_cpu(visits, cpu));
}

/* === Looking at pools ==================================================== */

static void read_stats(const struct pool *pool, struct gopool_stats *s)
{
	int cpu;

	*s = (struct gopool_stats){};
	for_each_possible_cpu(cpu) {
		const struct pool_cpu *c = per_cpu_ptr(pool->cpu, cpu);

		s->gets += READ_ONCE(c->fast.gets);
		s->puts += READ_ONCE(c->fast.puts);
		s->shared += gom_glance(c->shared);
		s->steals += gom_glance(c->steals);
		s->victims += gom_glance(c->found);
		s->news += gom_glance(c->news);
		s->fails += gom_glance(c->fails);
		s->drops += gom_glance(c->drops);
		s->bad += gom_glance(c->bad);
		s->in_slots += is_object(READ_ONCE(c->fast.slot));
		s->in_rings += ring_count(&c->ring);
		s->in_victims += count_victims(c);
	}
	/* Each CPU's counters are words, which wrap around on 32 bits. */
	s->hits = (unsigned long)(s->gets - s->shared - s->steals - s->victims -
				  s->news - s->fails);
	s->out = (long)(s->gets - s->fails - (s->puts - s->bad));
}

/**
 * gopool_read_stats - what a pool holds and did
 * @pub: the pool
 * @stats: where to put it
 *
 * Context: any but NMI.
 */
void gopool_read_stats(struct gopool *pub, struct gopool_stats *stats)
{
	read_stats(pool_of(pub), stats);
}
EXPORT_SYMBOL_GPL(gopool_read_stats);

bool gom_pool_read(u64 id, struct gom_pool_view *view)
{
	struct pool *pool;
	bool found = false;
	int idx;

	idx = srcu_read_lock(&pools_srcu);
	for_each_pool(pool) {
		found = pool->id >= id;
		if (!found)
			continue;
		view->id = pool->id;
		view->size = pool->size;
		strscpy(view->name, pool->name, sizeof(view->name));
		read_stats(pool, &view->stats);
		break;
	}
	srcu_read_unlock(&pools_srcu, idx);
	return found;
}

size_t gom_pool_roots(struct gom_pool_cursor *at, void **words)
{
	struct pool *pool;
	size_t size = 0;
	int idx;

	BUILD_BUG_ON(sizeof(*words) + sizeof(struct pool_cpu) >
		     GOM_POOL_ROOTS_BYTES);
	idx = srcu_read_lock(&pools_srcu);
	for_each_pool(pool) {
		if (pool->id < at->id)
			continue;
		if (pool->id > at->id)
			*at = (struct gom_pool_cursor){ pool->id, -1 };
		at->cpu = cpumask_next(at->cpu, cpu_possible_mask);
		if (at->cpu < nr_cpu_ids) {
			/* The pool itself, which only its list may know. */
			words[0] = pool;
			memcpy(words + 1, per_cpu_ptr(pool->cpu, at->cpu),
			       sizeof(struct pool_cpu));
			size = sizeof(*words) + sizeof(struct pool_cpu);
			break;
		}
		*at = (struct gom_pool_cursor){ pool->id + 1, -1 };
	}
	srcu_read_unlock(&pools_srcu, idx);
	return size;
}

static unsigned int damaged_in(const struct pool *pool, const struct ring *ring)
{
	unsigned int n = 0, i;

	for (i = ring->tail; i != ring->head; i++)
		n += is_damaged(pool, *ring_slot(ring, i));
	return n;
}

static unsigned long damaged_on(const struct pool *pool, int cpu)
{
	const struct pool_cpu *c = per_cpu_ptr(pool->cpu, cpu);

	return (is_object(c->fast.slot) && is_damaged(pool, c->fast.slot)) +
	       (c->victim_slot && is_damaged(pool, c->victim_slot)) +
	       damaged_in(pool, &c->ring) + damaged_in(pool, &c->victims);
}

/* Called by validate.c with all CPUs stopped, and so with no lock taken. */
unsigned long gom_pool_damaged(void)
{
	unsigned long n = 0;
	struct pool *pool;
	int idx, cpu;

	idx = srcu_read_lock(&pools_srcu);
	for_each_pool(pool)
		for_each_possible_cpu(cpu)
			n += damaged_on(pool, cpu);
	srcu_read_unlock(&pools_srcu, idx);
	return n;
}

/* The same.  Get and put may be stopped between counting and doing. */
bool gom_pool_balanced(void)
{
	struct gom_pool_view v;
	bool balanced = true;

	for (v.id = 0; balanced && gom_pool_read(v.id, &v); v.id++)
		balanced = (unsigned long)(v.stats.out + v.stats.in_slots +
					   v.stats.in_rings +
					   v.stats.in_victims) ==
			   (unsigned long)(v.stats.news - v.stats.drops);
	return balanced;
}

/* === Pools =============================================================== */

static const struct gopool_params no_params;

static bool is_valid(size_t size, const struct gopool_params *params)
{
	return size && size <= GOMALLOC_MAX_SIZE &&
	       params->capacity <= GOPOOL_CAPACITY_MAX;
}

static void setup(struct pool *pool, const char *name,
		  const struct gopool_params *params)
{
	int cpu;

	gom_name_set(pool->name, name);
	pool->params = *params;
	pool->params.capacity =
		roundup_pow_of_two(params->capacity ?: RING_DEFAULT);
	pool->params.check |= READ_ONCE(gom_pool_check) || gom_debug_is_on();
	pool->pub.cpu = &pool->cpu->fast;
	if (pool->params.check)
		pool->pub.empty = (void *)__GOPOOL_CLOSED;
	for_each_possible_cpu(cpu) {
		struct pool_cpu *c = per_cpu_ptr(pool->cpu, cpu);

		raw_spin_lock_init(&c->lock);
		c->fast.slot = (void *)__GOPOOL_CLOSED;
	}
}

/* From now on those who give memory back see @pub. */
void gom_pool_adopt(struct gopool *pub)
{
	mutex_lock(&pools_lock);
	pool_of(pub)->id = ++last_id;
	list_add_tail_rcu(&pub->list, &pools);
	mutex_unlock(&pools_lock);
}

/**
 * __gopool_create - gopool_create() with the module that calls it
 * @name: as for gopool_create()
 * @size: as for gopool_create()
 * @params: as for gopool_create()
 * @owner: the module; %NULL for none
 *
 * Context: process; sleeps.
 * Return: as gopool_create().
 */
struct gopool *__gopool_create(const char *name, size_t size,
			       const struct gopool_params *params,
			       struct module *owner)
{
	struct pool *pool;

	params = params ?: &no_params;
	if (!is_valid(size, params))
		return ERR_PTR(-EINVAL);
	pool = gom_malloc(sizeof(*pool), GFP_KERNEL | __GFP_ZERO, _RET_IP_);
	if (!pool)
		return ERR_PTR(-ENOMEM);
	pool->cpu = gom_try(POOL_CPUS, sizeof(struct pool_cpu), GFP_KERNEL,
			    alloc_percpu(struct pool_cpu));
	if (!pool->cpu) {
		gofree(pool);
		return ERR_PTR(-ENOMEM);
	}
	gom_meta_add(sizeof(struct pool_cpu) * num_possible_cpus());
	pool->size = size;
	pool->owner = owner;
	setup(pool, name, params);
	gom_pool_adopt(&pool->pub);
	return &pool->pub;
}
EXPORT_SYMBOL_GPL(__gopool_create);

/* Whether it was there; @pub may be any value. */
static bool unlink(const struct gopool *pub)
{
	struct pool *pool;
	bool found = false;

	mutex_lock(&pools_lock);
	list_for_each_entry(pool, &pools, pub.list) {
		found = &pool->pub == pub;
		if (found) {
			list_del_rcu(&pool->pub.list);
			break;
		}
	}
	mutex_unlock(&pools_lock);
	/* Whoever gives memory back is not at it any more. */
	if (found)
		synchronize_srcu(&pools_srcu);
	return found;
}

/**
 * gopool_destroy - take a pool apart with the objects in it
 * @pub: the pool; %NULL and error pointers do nothing
 *
 * Nobody uses the pool any more, and it is not used again.  Objects that are
 * out are their owners' then, who undo what the constructor did and call
 * gofree().  Destroying a pool twice is reported and ignored; getting from and
 * putting into one that is gone as well, as long as its memory is as it was
 * left.
 *
 * Context: process; sleeps; with no lock held that any pool's destructor takes.
 */
void gopool_destroy(struct gopool *pub)
{
	struct pool_cpu __percpu *parts;
	struct pool *pool;
	int cpu;

	if (IS_ERR_OR_NULL(pub))
		return;
	if (!unlink(pub)) {
		gom_report(GOM_POOL_GONE, pub, _RET_IP_);
		return;
	}
	pool = pool_of(pub);
	for_each_possible_cpu(cpu)
		empty(pool, cpu);
	parts = pool->cpu;
	WRITE_ONCE(pub->empty, (void *)__GOPOOL_CLOSED);
	pool->cpu = &gone;
	/* What a get leaves in the slot comes before the slot. */
	smp_store_release(&pub->cpu, &gone.fast);
	free_percpu(parts);
	gom_meta_add(-(long)(sizeof(struct pool_cpu) * num_possible_cpus()));
	gofree(pool);
}
EXPORT_SYMBOL_GPL(gopool_destroy);

static long drain_on_this_cpu(void *pool)
{
	empty(pool, smp_processor_id());
	return 0;
}

/**
 * gopool_drain - take apart all objects that are in a pool
 * @pub: the pool, which may be in use
 *
 * Each CPU does so for itself.
 *
 * Context: process; sleeps.
 */
void gopool_drain(struct gopool *pub)
{
	int cpu;

	cpus_read_lock();
	for_each_online_cpu(cpu)
		work_on_cpu(cpu, drain_on_this_cpu, pool_of(pub));
	cpus_read_unlock();
}
EXPORT_SYMBOL_GPL(gopool_drain);

/*
 * Its constructors and destructors go with it, so nobody may find its pools
 * any more.  They and what is in them are leaked: whatever destructors work
 * on is gone, too.
 */
void gom_pool_retire(const struct module *module)
{
	struct pool *pool, *next;
	bool found = false;

	mutex_lock(&pools_lock);
	list_for_each_entry_safe(pool, next, &pools, pub.list) {
		if (pool->owner != module)
			continue;
		pr_err("gomalloc: %s is unloaded and did not destroy pool %s; it is leaked\n",
		       module->name, pool->name);
		list_del_rcu(&pool->pub.list);
		found = true;
	}
	mutex_unlock(&pools_lock);
	if (found)
		synchronize_srcu(&pools_srcu);
}
