/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _GOM_ARENA_H
#define _GOM_ARENA_H

#include <linux/atomic.h>
#include <linux/rcupdate.h>
#include "gom.h"

struct mspan;

/* Pages whose spans one chunk of an arena's map knows. */
#define GOM_CHUNK_PAGES		16
#define GOM_ARENA_CHUNKS	DIV_ROUND_UP(GOM_ARENA_PAGES, GOM_CHUNK_PAGES)

struct arena_chunk {
	struct mspan *span[GOM_CHUNK_PAGES];
};

/**
 * struct arena - what is known of the pages in 4 MiB of the linear map
 * @class: a GOM_CLASS_ byte per page; dense, as gofree() reads it for
 *	objects all over the heap
 * @bias: what to add to the low 32 bits of an address in the page for its
 *	offset in the span; valid where @class says that there is a span
 * @nowned: pages that gomalloc holds; under arena_lock
 * @nfree: of these, in free runs; atomic, as heaps of two nodes may share the
 *	arena, and read by those who prefer full or empty ones without a lock
 * @nchunk: pages owned by chunk, which sum up to @nowned; under arena_lock
 * @rcu: frees the arena when its last page is gone
 * @chunk: the page's span, where pages of the chunk are owned: heaps that are
 *	small, or have been large, own a few pages in each of many arenas.  For
 *	a free run valid for its first and last page and only under the
 *	mheap's lock
 *
 * The entries of a page are written under the lock of the page's mheap.  Who
 * follows a stale pointer may meet another chunk's entries, but always a
 * chunk's, and in them headers: both caches keep their type while RCU or
 * interrupts are held off.
 */
struct arena {
	u8 class[GOM_ARENA_PAGES];
	u32 bias[GOM_ARENA_PAGES];
	unsigned int nowned;
	u8 nchunk[GOM_ARENA_CHUNKS];
	atomic_t nfree;
	struct rcu_head rcu;
	struct arena_chunk *chunk[GOM_ARENA_CHUNKS];
};

/* Which arena an address is in; gomalloc_hot.nr_arenas or more outside of the map. */
static __always_inline unsigned long gom_arena_index(const void *ptr)
{
	return ((unsigned long)ptr - gomalloc_hot.first) >> GOM_ARENA_SHIFT;
}

/*
 * The arena of any address at all, or NULL outside of the linear map.  An
 * address of which gomalloc owns nothing gives an arena that is all
 * GOM_CLASS_NONE.  For a pointer that may not be a live object, the caller
 * keeps RCU (or preemption) held off while it uses the arena.
 */
static __always_inline struct arena *gom_arena_of(const void *ptr)
{
	unsigned long i = gom_arena_index(ptr);

	if (unlikely(i >= gomalloc_hot.nr_arenas))
		return NULL;
	/* Pairs with smp_store_release() in own_arena(). */
	return READ_ONCE(gomalloc_hot.arenas[i]);
}

static __always_inline unsigned int gom_arena_page(const void *ptr)
{
	return ((unsigned long)ptr >> GOM_PAGE_SHIFT) & (GOM_ARENA_PAGES - 1);
}

/* The offset in its span of an address in @page, whose class says span. */
static __always_inline u32 gom_arena_offset(const struct arena *arena,
					    unsigned long page, const void *ptr)
{
	return arena->bias[page] + (u32)(unsigned long)ptr;
}

/* The class byte of any address at all. */
static __always_inline unsigned int gom_arena_class(const void *ptr)
{
	struct arena *arena = gom_arena_of(ptr);

	return arena ? READ_ONCE(arena->class[gom_arena_page(ptr)]) :
		       GOM_CLASS_NONE;
}

/* Where the span of an owned page is entered. */
static inline struct mspan **gom_arena_slot(struct arena *arena,
					    unsigned int page)
{
	/* Pairs with smp_store_release() in own_chunk(). */
	return &READ_ONCE(arena->chunk[page / GOM_CHUNK_PAGES])->
			span[page % GOM_CHUNK_PAGES];
}

/* The span of a live object, or of any address whose class says span. */
static inline struct mspan *gom_arena_span(const void *ptr)
{
	return READ_ONCE(*gom_arena_slot(gom_arena_of(ptr), gom_arena_page(ptr)));
}

int gom_arena_init(void);
void gom_arena_exit(void);

bool gom_arena_covers(unsigned long addr);
int gom_arena_own(unsigned long addr, unsigned int npages, gfp_t gfp);
void gom_arena_disown(unsigned long addr, unsigned int npages);
void gom_arena_map_span(struct mspan *span);
void gom_arena_mark(unsigned long addr, unsigned int npages, u8 class);
void gom_arena_map_run(struct mspan *run);

/* For walks over everything: the arena at an index, NULL where there is none. */
struct arena *gom_arena_at(unsigned long i);
/*
 * The index of the first arena at or after @i, gomalloc_hot.nr_arenas or more if
 * none.  It may be gone when it is looked at.
 */
unsigned long gom_arena_next(unsigned long i);

/**
 * struct gom_arena_stats - how much of an arena is in use, in pages
 * @owned: pages that gomalloc holds
 * @inuse: of these, in spans
 * @free: of these, in free runs
 * @run: of these, in the longest one
 */
struct gom_arena_stats {
	unsigned int owned;
	unsigned int inuse;
	unsigned int free;
	unsigned int run;
};

bool gom_arena_count(unsigned long i, struct gom_arena_stats *stats);

#endif /* _GOM_ARENA_H */
