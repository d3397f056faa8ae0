/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _GOM_MCACHE_H
#define _GOM_MCACHE_H

#include <linux/percpu.h>
#include "gom.h"

/**
 * struct mcache_head - a CPU's stack of free objects of a class
 * @top: one past the topmost object; what is below the lowest is NULL
 * @end: where @top is when the stack is full
 * @nmalloc: objects ever allocated here
 * @slots: the lowest slot; one before it lies the NULL
 *
 * Filled from @slots up: @slots <= @top <= @end.  A class that is not used
 * yet has all three point one past a NULL that all share.
 */
struct mcache_head {
	void **top;
	void **end;
	unsigned long nmalloc;
	void **slots;
};

/**
 * struct mcache - what alloc and free touch of a CPU's cache
 * @head: by span class; [0] stays empty, so that sizes without a class miss
 * @busy: somebody on this CPU is at work in the cache.  Taken with preemption
 *	off, by plain stores: only what interrupts the holder can find it
 *	taken, and that goes to the central lists instead of waiting.
 */
struct mcache {
	struct mcache_head head[GOM_NR_SPAN_CLASSES];
	u8 busy;
};

DECLARE_PER_CPU_ALIGNED(struct mcache, gom_mcache);

/**
 * struct mcache_cold - what only the slow paths touch of a CPU's cache
 * @capacity: bytes that the stacks of this CPU would hold, were all full
 * @ticks: slow paths taken
 * @scan: the class that was last looked at for idle stock
 * @class: by span class
 * @class.refills: batches taken from the central list
 * @class.flushes: batches given to it
 * @class.mallocs: objects allocated past the stack; apart from its nmalloc,
 *	which is its holder's to count and may be half way through an addition
 * @class.nmalloc_seen: the stack's nmalloc at the last look
 */
struct mcache_cold {
	unsigned long capacity;
	unsigned int ticks;
	unsigned int scan;
	struct {
		unsigned long refills;
		unsigned long flushes;
		unsigned long mallocs;
		unsigned long nmalloc_seen;
	} class[GOM_NR_SPAN_CLASSES];
};

extern struct mcache_cold __percpu *gom_mcache_cold;

/* Caller has preemption off. */
static __always_inline bool gom_mcache_trylock(void)
{
	if (unlikely(__this_cpu_read(gom_mcache.busy)))
		return false;
	__this_cpu_write(gom_mcache.busy, 1);
	/* What the holder does stays between the two stores; so does unlock. */
	barrier();
	return true;
}

static __always_inline void gom_mcache_unlock(void)
{
	barrier();
	__this_cpu_write(gom_mcache.busy, 0);
}

/*
 * The topmost object of @class, or NULL if there is none or the cache is
 * busy.  Caller has preemption off.
 */
static __always_inline void *gom_mcache_pop(unsigned int class)
{
	void **top, *obj;

	if (unlikely(!gom_mcache_trylock()))
		return NULL;
	top = __this_cpu_read(gom_mcache.head[class].top);
	obj = top[-1];
	if (likely(obj)) {
		__this_cpu_write(gom_mcache.head[class].top, top - 1);
		__this_cpu_inc(gom_mcache.head[class].nmalloc);
	}
	gom_mcache_unlock();
	return obj;
}

/*
 * Put @obj on top and its key into it; false if the stack is full or the
 * cache is busy.  Caller has preemption off and knows @obj for an object of
 * @class that is not free.
 */
static __always_inline bool gom_mcache_push(unsigned int class, void *obj,
					    unsigned long key)
{
	void **top;

	if (unlikely(!gom_mcache_trylock()))
		return false;
	top = __this_cpu_read(gom_mcache.head[class].top);
	if (unlikely(top == __this_cpu_read(gom_mcache.head[class].end))) {
		gom_mcache_unlock();
		return false;
	}
	*(unsigned long *)obj = key;
	*top = obj;
	__this_cpu_write(gom_mcache.head[class].top, top + 1);
	gom_mcache_unlock();
	return true;
}

int gom_mcache_init(void);
void gom_mcache_exit(void);

void *gom_mcache_refill(unsigned int class, gfp_t gfp, int node);
void gom_mcache_flush(unsigned int class, void *obj);
void *gom_mcache_get_nolock(unsigned int class, int node);
void gom_mcache_drain(int cpu);
unsigned int gom_mcache_count(int cpu, unsigned int class);
unsigned long gom_mcache_mallocs(int cpu, unsigned int class);

#endif /* _GOM_MCACHE_H */
