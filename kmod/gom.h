/* SPDX-License-Identifier: GPL-2.0 */
/*
 * gomalloc's private constants and rules.  Every file in kmod/ includes it.
 *
 * Words, Go's for the tiers and the kernel's for the rest:
 *
 *   page     8 KiB (the kernel's page where that is larger), the unit of
 *            spans and runs; "kernel page" where the kernel's is meant
 *   class    a size class; "span class" counts the tiny class in
 *   object   what gomalloc() hands out
 *   span     a run of pages cut into objects of one class, or one large one
 *   run      pages next to each other that no span uses
 *   arena    4 MiB of the linear map, aligned
 *   block    pages as they came from alloc_pages()
 *   mcache   per CPU and class, two magazines of free objects
 *   magazine a stack of pointers to free objects, at home nowhere
 *   mcentral per node and class, the spans of the class
 *   mheap    per node, the free runs
 *   tracked  of an object: who allocated it and when is known
 *   goheap   spans of a client's own, with objects of all sizes; a "heap" to
 *            clients, where here that is the pages of a node
 *   granule  8 bytes of a goheap's span
 *   site     a return address in code that allocates
 *   key      the word at the start of every free object: secret ^ address
 *
 * Data goes one way, down on a miss and on a flush:
 *
 *   api.c, nolock.c -> malloc.c -> tiny.c
 *                               -> mcache.c -> mcentral.c -> mheap.c
 *                               -> large.c  ----------------> mheap.c
 *                               -> sample.c
 *                               -> tracked.c -> slot.c ------> mheap.c
 *                                            -> quarantine.c -> slot.c
 *                                            -> guarded.c ----> slot.c
 *                                            -> profile.c -> site.c
 *   heaps.c -> goheap.c -> granules.c
 *                       -> heapsite.c -> site.c
 *                       -> node.c -> mheap.c
 *
 * and all of them read mspan.c, arena.c and size_class.c.  mheap.c charges
 * limit.c, which knows no tier.  Where a limit is met, node.c has drain.c empty
 * CPUs' caches.  That calls upwards, but just as reclaim may where pages are
 * asked for (shrink.c): nothing is held, and nothing in there allocates.
 *
 * gopool.c, goreserve.c and devm.c are clients, above api.c.  What pools hold
 * may go, so those who give memory back call gopool.c beside the tiers: drain.c
 * for a CPU's part, through which shrink.c and scavenge.c come, too.  It calls
 * destructors and gofree(), under SRCU and no lock.
 *
 * Lock order:
 *
 *   1. mcache busy flag	a byte per CPU, taken with preemption off and only
 *				ever tried, so that any context may try it
 *   2. mcentral->lock
 *   3. gom_tracked->lock
 *   4. goheap->lock
 *   5. heaps.c: registry_lock
 *   6. mheap->lock
 *   7. arena.c: arena_lock
 *   8. profile.c: profile_lock
 *   9. stats.c: peak_lock
 *  10. gopool.c: a CPU's part of a pool; a leaf, held with none of these
 *
 * No two of 2 to 10 are held together.  All are raw spinlocks taken with
 * interrupts off and held for a bounded time: a magazine of objects under 2, a
 * few holes in a few maps or one walk down an rbtree under 4, two such walks and
 * the entries of a run's pages, 512 at most, under 6.
 * The page allocator and slab are called with none of them held and
 * preemption as the caller had it, so PREEMPT_RT needs no case of its own.  What
 * site.c and profile.c number is in xarrays, under whose own locks, taken with
 * none of these held, the array grows without waiting.
 */
#ifndef _GOM_H
#define _GOM_H

#include <linux/bits.h>
#include <linux/compiler.h>
#include <linux/gomalloc.h>
#include <linux/mm.h>
#include <linux/string.h>
#include "compat.h"

#define GOM_PAGE_SHIFT		(PAGE_SHIFT > 13 ? PAGE_SHIFT : 13)
#define GOM_PAGE_SIZE		BIT(GOM_PAGE_SHIFT)
/* Kernel pages per page, as an order. */
#define GOM_PAGE_ORDER		(GOM_PAGE_SHIFT - PAGE_SHIFT)

#define GOM_ARENA_SHIFT		22
#define GOM_ARENA_SIZE		BIT(GOM_ARENA_SHIFT)
#define GOM_ARENA_PAGES		(1U << (GOM_ARENA_SHIFT - GOM_PAGE_SHIFT))

/*
 * What the arena map's class byte says of a page.  1 to
 * GOMALLOC_NR_CLASSES - 1 are size classes.
 */
#define GOM_CLASS_NONE		0			/* not ours */
#define GOM_CLASS_TINY		GOMALLOC_NR_CLASSES	/* 16-byte blocks */
#define GOM_CLASS_LARGE		(GOMALLOC_NR_CLASSES + 1)
#define GOM_CLASS_TRACKED	(GOMALLOC_NR_CLASSES + 2) /* slot.c's */
#define GOM_CLASS_HEAP		(GOMALLOC_NR_CLASSES + 3) /* goheap.c's spans */
#define GOM_CLASS_FREE		(GOMALLOC_NR_CLASSES + 4) /* in a free run */
#define GOM_NR_CLASS_BYTES	(GOMALLOC_NR_CLASSES + 5)

/* Classes that have spans of objects, hence an mcache and an mcentral. */
#define GOM_NR_SPAN_CLASSES	(GOM_CLASS_TINY + 1)

/* What of a caller's flags holds for metadata: whether and how to wait. */
#define GOM_GFP_META(gfp)	((gfp) & ~(GFP_ZONEMASK | __GFP_ACCOUNT | \
					   __GFP_THISNODE | __GFP_ZERO | \
					   __GFP_COMP | __GFP_RECLAIMABLE | \
					   __GFP_WRITE))

/* The same request made without effort: neither waiting nor reserves. */
#define GOM_GFP_EASY(gfp)	(((gfp) & ~(__GFP_RECLAIM | __GFP_HIGH | \
					    __GFP_MEMALLOC | __GFP_NOFAIL | \
					    __GFP_RETRY_MAYFAIL)) | \
				 __GFP_NOWARN | __GFP_NORETRY | \
				 __GFP_NOMEMALLOC)

/*
 * A figure that others change under a lock, or on their own CPU, and that is
 * looked at without: it may be off by what is under way, and who looks can do
 * with that.  Who changes it does so with plain accesses, for which KCSAN wants
 * the lock.
 */
#define gom_glance(figure)	data_race(READ_ONCE(figure))

static __always_inline unsigned long gom_key(const void *obj)
{
	return __gomalloc_key(obj);
}

/* Make a string of @len characters at @s in @copy, unless that is NULL. */
static inline char *gom_make_string(char *copy, const char *s, size_t len)
{
	if (copy) {
		memcpy(copy, s, len);
		/* Not from @s, which may change meanwhile. */
		copy[len] = '\0';
	}
	return copy;
}

#endif /* _GOM_H */
