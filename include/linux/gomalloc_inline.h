/* SPDX-License-Identifier: GPL-2.0 */
/*
 * gomalloc's hit path, which gomalloc.h inlines into clients where the size
 * class is known at compile time.  Nothing here is to be used by name.
 *
 * A hit takes preemption off, the cache's busy byte and one object from this
 * CPU's magazine: no lock, no atomic, no disabled interrupt, no call.
 */
#ifndef _LINUX_GOMALLOC_INLINE_H
#define _LINUX_GOMALLOC_INLINE_H

#include <linux/gomalloc_classes.h>
#include <linux/percpu.h>
#include <linux/preempt.h>

/**
 * struct gomalloc_head - the magazine of free objects that a CPU has loaded
 * @top: address one past the topmost slot in use; below the lowest is
 *	__gomalloc_bottom()
 * @end: what @top is when the magazine is full
 * @until: minus the allocations until the slow path is to look at one;
 *	counts up, and with kmod/sample.c's base it counts all of them
 * @slots: the lowest slot
 *
 * Filled from @slots up: @slots <= @top <= @end.  A class that is not used
 * yet has all three in a magazine without slots that all share.
 */
struct gomalloc_head {
	unsigned long top;
	unsigned long end;
	long until;
	unsigned long slots;
};

/**
 * struct gomalloc_mcache - what alloc and free touch of a CPU's cache
 * @head: by span class; [0] stays empty, so that sizes without a class miss
 * @busy: somebody on this CPU is at work in the cache.  Taken with preemption
 *	off, by plain stores: only what interrupts the holder can find it
 *	taken, and that goes to the central lists instead of waiting.
 */
struct gomalloc_mcache {
	struct gomalloc_head head[GOMALLOC_NR_CLASSES + 1];
	u8 busy;
};

DECLARE_PER_CPU_ALIGNED(struct gomalloc_mcache, gomalloc_mcache);

/**
 * struct gomalloc_hot - what every alloc and free reads, in one cache line
 * @first: address of the linear map's start
 * @nr_arenas: entries of @arenas
 * @arenas: the arena map; no entry is NULL
 * @secret: the common part of the keys that free objects start with
 *
 * Written at load.
 */
struct gomalloc_hot {
	unsigned long first;
	unsigned long nr_arenas;
	struct arena **arenas;
	unsigned long secret;
};

extern struct gomalloc_hot gomalloc_hot;

/*
 * This CPU's cache in the fewest instructions: x86 reaches it through a
 * segment register, elsewhere one pointer serves all accesses.
 */
#if defined(CONFIG_X86) && defined(CONFIG_SMP)
#define __gomalloc_this_cpu()		(&gomalloc_mcache)
#define __gomalloc_get(var)		__this_cpu_read(var)
#define __gomalloc_set(var, val)	__this_cpu_write(var, val)
#define __gomalloc_add(var, val)	__this_cpu_add(var, val)
#ifndef __my_cpu_var
#define __my_cpu_var(var)		(var)
#endif
/* The flags of the addition say what a second look at @var would. */
#define __gomalloc_inc_negative(var)					\
({									\
	bool __negative;						\
									\
	asm volatile(_ASM_INC __percpu_arg([v])		\
		     : [v] "+m" (__my_cpu_var(var)), "=@ccs" (__negative)); \
	__negative;							\
})
#else
#define __gomalloc_this_cpu()		this_cpu_ptr(&gomalloc_mcache)
#define __gomalloc_get(var)		READ_ONCE(var)
#define __gomalloc_set(var, val)	WRITE_ONCE(var, val)
#define __gomalloc_add(var, val)	WRITE_ONCE(var, (var) + (val))
#define __gomalloc_inc_negative(var)					\
({									\
	__gomalloc_add(var, 1);						\
	(var) < 0;							\
})
#endif

static __always_inline unsigned long __gomalloc_key(const void *obj)
{
	return gomalloc_hot.secret ^ (unsigned long)obj;
}

/*
 * What an empty magazine has below its lowest slot, in the place of an object.
 * No key is there, as no address is 0: the test for that sees both that a
 * free object was written to and that there is none.
 */
static __always_inline void *__gomalloc_bottom(void)
{
	return &gomalloc_hot.secret;
}

/*
 * Take the topmost object of @class, without its key; false if the magazine
 * is empty, the object damaged, the cache busy or the allocation one that the
 * slow path is to look at.  Caller has preemption off.
 */
static __always_inline bool __gomalloc_pop(unsigned long class, void **taken)
{
	typeof(__gomalloc_this_cpu()) mcache = __gomalloc_this_cpu();
	unsigned long *obj;

	if (unlikely(__gomalloc_get(mcache->busy)))
		return false;
	__gomalloc_set(mcache->busy, 1);
	/* What the holder does stays between the two stores. */
	barrier();
	obj = ((unsigned long **)__gomalloc_get(mcache->head[class].top))[-1];
	if (unlikely(*obj != __gomalloc_key(obj))) {
		__gomalloc_set(mcache->busy, 0);
		return false;
	}
	if (unlikely(!__gomalloc_inc_negative(mcache->head[class].until))) {
		/* Lest a hit compute the address for both. */
		OPTIMIZER_HIDE_VAR(class);
		__gomalloc_add(mcache->head[class].until, -1);
		__gomalloc_set(mcache->busy, 0);
		return false;
	}
	__gomalloc_add(mcache->head[class].top, -sizeof(obj));
	barrier();
	__gomalloc_set(mcache->busy, 0);
	*obj = 0;
	/* Folds the client's own test for NULL into the one above. */
	if (!obj)
		__builtin_unreachable();
	*taken = obj;
	return true;
}

/*
 * Put @obj on top and @key into it; false if the magazine is full or the
 * cache is busy.  Caller has preemption off and knows @obj for an object of
 * @class that is not free.
 */
static __always_inline bool __gomalloc_push(unsigned long class, void *obj,
					    unsigned long key)
{
	typeof(__gomalloc_this_cpu()) mcache = __gomalloc_this_cpu();
	unsigned long top;

	if (unlikely(__gomalloc_get(mcache->busy)))
		return false;
	__gomalloc_set(mcache->busy, 1);
	barrier();
	top = __gomalloc_get(mcache->head[class].top);
	if (unlikely(top == __gomalloc_get(mcache->head[class].end))) {
		__gomalloc_set(mcache->busy, 0);
		return false;
	}
	*(unsigned long *)obj = key;
	*(void **)top = obj;
	__gomalloc_add(mcache->head[class].top, sizeof(obj));
	barrier();
	__gomalloc_set(mcache->busy, 0);
	return true;
}

#endif /* _LINUX_GOMALLOC_INLINE_H */
