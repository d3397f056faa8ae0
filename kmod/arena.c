// SPDX-License-Identifier: GPL-2.0
/*
 * The sparse arena map: from any address to what gomalloc knows of its page.
 *
 *   gomalloc_hot.arenas[]   one pointer per 4 MiB of the linear map
 *        |
 *        +--> empty_arena		shared, nothing is owned there
 *        +--> struct arena		class byte and span bias per page
 *                  |
 *                  +--> no_spans		shared, nothing is owned there
 *                  +--> struct arena_chunk	span per page, 16 pages
 *
 * mheap.c writes it, everybody reads it.  Readers take no lock: an arena is
 * published once and freed by RCU after its last page went back, and the
 * entries of a live object's page do not change while the object lives.
 */
#include <linux/bitmap.h>
#include <linux/export.h>
#include <linux/kmemleak.h>
#include <linux/mmzone.h>
#include <linux/nodemask.h>
#include <linux/pfn.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/vmalloc.h>
#include "arena.h"
#include "fail.h"
#include "mspan.h"
#include "stats.h"

struct gomalloc_hot gomalloc_hot ____cacheline_aligned __ro_after_init;
EXPORT_SYMBOL_GPL(gomalloc_hot);

static struct arena empty_arena;
static struct mspan no_span = { .state = MSPAN_MOVING };
static struct arena_chunk no_spans;
static struct kmem_cache *arena_cache;
static struct kmem_cache *chunk_cache;
/* A bit for each entry of the map that is not empty_arena, for walks. */
static unsigned long *arena_bits;
static DEFINE_RAW_SPINLOCK(arena_lock);

/* Whether the map reaches @addr: memory added after load may lie beyond it. */
bool gom_arena_covers(unsigned long addr)
{
	return gom_arena_index((void *)addr) < gomalloc_hot.nr_arenas;
}

/* The map of memory lies beside it: whoever frees there may be near. */
static int map_node(unsigned long addr)
{
	return page_to_nid(virt_to_page((void *)addr));
}

static void clear_chunks(struct arena *arena)
{
	int i;

	for (i = 0; i < GOM_ARENA_CHUNKS; i++)
		arena->chunk[i] = &no_spans;
}

/* Enter the pages in an arena, made with @gfp where there is none yet. */
static int own_arena(unsigned long addr, unsigned int npages, gfp_t gfp)
{
	struct arena **slot = &gomalloc_hot.arenas[gom_arena_index((void *)addr)];
	struct arena *fresh = NULL;
	unsigned long flags;

again:
	if (READ_ONCE(*slot) == &empty_arena && !fresh) {
		fresh = gom_try(ARENA, sizeof(*fresh), gfp,
				kmem_cache_alloc_node(arena_cache,
						      GOM_GFP_META(gfp) |
						      __GFP_ZERO,
						      map_node(addr)));
		if (!fresh)
			return -ENOMEM;
		clear_chunks(fresh);
	}
	raw_spin_lock_irqsave(&arena_lock, flags);
	if (*slot == &empty_arena) {
		if (!fresh) {
			raw_spin_unlock_irqrestore(&arena_lock, flags);
			goto again;
		}
		/* Pairs with READ_ONCE() in gom_arena_of(). */
		smp_store_release(slot, fresh);
		set_bit(slot - gomalloc_hot.arenas, arena_bits);
		gom_meta_add(sizeof(*fresh));
		fresh = NULL;
	}
	(*slot)->nowned += npages;
	raw_spin_unlock_irqrestore(&arena_lock, flags);
	if (fresh)
		kmem_cache_free(arena_cache, fresh);
	return 0;
}

/* The same in chunk @i, where they all are. */
static int own_chunk(struct arena *arena, unsigned int i, unsigned int npages,
		     gfp_t gfp, int nid)
{
	struct arena_chunk *fresh = NULL;
	unsigned long flags;

again:
	if (READ_ONCE(arena->chunk[i]) == &no_spans && !fresh) {
		fresh = gom_try(CHUNK, sizeof(*fresh), gfp,
				kmem_cache_alloc_node(chunk_cache,
						      GOM_GFP_META(gfp), nid));
		if (!fresh)
			return -ENOMEM;
		*fresh = no_spans;
	}
	raw_spin_lock_irqsave(&arena_lock, flags);
	if (arena->chunk[i] == &no_spans) {
		if (!fresh) {
			raw_spin_unlock_irqrestore(&arena_lock, flags);
			goto again;
		}
		/* Pairs with READ_ONCE() in gom_arena_slot(). */
		smp_store_release(&arena->chunk[i], fresh);
		gom_meta_add(sizeof(*fresh));
		fresh = NULL;
	}
	arena->nchunk[i] += npages;
	raw_spin_unlock_irqrestore(&arena_lock, flags);
	if (fresh)
		kmem_cache_free(chunk_cache, fresh);
	return 0;
}

/* The pages leave the chunk, which goes with its last. */
static void disown_chunk(struct arena *arena, unsigned int i,
			 unsigned int npages)
{
	struct arena_chunk *chunk = arena->chunk[i];
	unsigned long flags;
	bool last;

	raw_spin_lock_irqsave(&arena_lock, flags);
	arena->nchunk[i] -= npages;
	last = !arena->nchunk[i];
	if (last)
		WRITE_ONCE(arena->chunk[i], &no_spans);
	raw_spin_unlock_irqrestore(&arena_lock, flags);
	if (last) {
		gom_meta_add(-(long)sizeof(*chunk));
		kmem_cache_free(chunk_cache, chunk);
	}
}

static void free_arena_rcu(struct rcu_head *rcu)
{
	kmem_cache_free(arena_cache, container_of(rcu, struct arena, rcu));
}

/* The pages leave the arena, which goes with its last. */
static void disown_arena(struct arena **slot, unsigned int npages)
{
	struct arena *arena = *slot;
	unsigned long flags;
	bool last;

	raw_spin_lock_irqsave(&arena_lock, flags);
	arena->nowned -= npages;
	last = !arena->nowned;
	if (last) {
		WRITE_ONCE(*slot, &empty_arena);
		clear_bit(slot - gomalloc_hot.arenas, arena_bits);
	}
	raw_spin_unlock_irqrestore(&arena_lock, flags);
	if (last) {
		gom_meta_add(-(long)sizeof(*arena));
		call_rcu(&arena->rcu, free_arena_rcu);
	}
}

/* How many of @npages pages from @page on are in that one's chunk. */
static unsigned int in_chunk(unsigned int page, unsigned int npages)
{
	return min_t(unsigned int, npages,
		     GOM_CHUNK_PAGES - page % GOM_CHUNK_PAGES);
}

static void disown_chunks(struct arena *arena, unsigned int page,
			  unsigned int npages)
{
	unsigned int n;

	for (; npages; page += n, npages -= n) {
		n = in_chunk(page, npages);
		disown_chunk(arena, page / GOM_CHUNK_PAGES, n);
	}
}

/*
 * Account for a block of @npages pages, which lies within one arena, and see
 * to it that the map has room for it.  May sleep as @gfp says; no lock held.
 */
int gom_arena_own(unsigned long addr, unsigned int npages, gfp_t gfp)
{
	struct arena **slot = &gomalloc_hot.arenas[gom_arena_index((void *)addr)];
	unsigned int page = gom_arena_page((void *)addr), done, n;

	if (own_arena(addr, npages, gfp))
		return -ENOMEM;
	for (done = 0; done < npages; done += n) {
		n = in_chunk(page + done, npages - done);
		if (!own_chunk(*slot, (page + done) / GOM_CHUNK_PAGES, n, gfp,
			       map_node(addr)))
			continue;
		disown_chunks(*slot, page, done);
		disown_arena(slot, npages);
		return -ENOMEM;
	}
	return 0;
}

/* The reverse: the pages are about to go back, their class bytes are NONE. */
void gom_arena_disown(unsigned long addr, unsigned int npages)
{
	struct arena **slot = &gomalloc_hot.arenas[gom_arena_index((void *)addr)];

	disown_chunks(*slot, gom_arena_page((void *)addr), npages);
	disown_arena(slot, npages);
}

/* Enter a span.  Caller holds mheap->lock. */
void gom_arena_map_span(struct mspan *span)
{
	struct arena *arena = gom_arena_of((void *)span->start);
	unsigned int page = gom_arena_page((void *)span->start);
	unsigned int end = page + span->npages;

	for (; page < end; page++) {
		WRITE_ONCE(*gom_arena_slot(arena, page), span);
		WRITE_ONCE(arena->bias[page], -(u32)span->start);
		WRITE_ONCE(arena->class[page], span->class);
	}
}

/* Set the class byte of pages that have no span.  Caller holds mheap->lock. */
void gom_arena_mark(unsigned long addr, unsigned int npages, u8 class)
{
	struct arena *arena = gom_arena_of((void *)addr);
	unsigned int page = gom_arena_page((void *)addr);
	unsigned int end = page + npages;

	for (; page < end; page++)
		WRITE_ONCE(arena->class[page], class);
}

/*
 * Enter a free run at both of its ends, where its neighbours look for it.
 * Caller holds mheap->lock.
 */
void gom_arena_map_run(struct mspan *run)
{
	struct arena *arena = gom_arena_of((void *)run->start);
	unsigned int page = gom_arena_page((void *)run->start);

	WRITE_ONCE(*gom_arena_slot(arena, page), run);
	WRITE_ONCE(*gom_arena_slot(arena, page + run->npages - 1), run);
}

struct arena *gom_arena_at(unsigned long i)
{
	struct arena *arena = READ_ONCE(gomalloc_hot.arenas[i]);

	return arena == &empty_arena ? NULL : arena;
}

unsigned long gom_arena_next(unsigned long i)
{
	return find_next_bit(arena_bits, gomalloc_hot.nr_arenas, i);
}

/* Count pages by their class bytes; false if the arena owns none (any more). */
bool gom_arena_count(unsigned long i, struct gom_arena_stats *stats)
{
	unsigned int page, class, run = 0;
	struct arena *arena;

	memset(stats, 0, sizeof(*stats));
	rcu_read_lock();
	arena = gom_arena_at(i);
	for (page = 0; arena && page < GOM_ARENA_PAGES; page++) {
		class = READ_ONCE(arena->class[page]);
		stats->owned += class != GOM_CLASS_NONE;
		stats->free += class == GOM_CLASS_FREE;
		run = class == GOM_CLASS_FREE ? run + 1 : 0;
		stats->run = max(stats->run, run);
	}
	rcu_read_unlock();
	stats->inuse = stats->owned - stats->free;
	return stats->owned;
}

static size_t map_bytes(void)
{
	return gomalloc_hot.nr_arenas * sizeof(*gomalloc_hot.arenas) +
	       BITS_TO_LONGS(gomalloc_hot.nr_arenas) * sizeof(long);
}

/*
 * Where the linear map begins, as far as there is memory.  PAGE_OFFSET may lie
 * terabytes below that: where memory does not begin at 0, and on arm64, which
 * puts it anywhere in the half of the address space that the map is in.
 */
static unsigned long __init first_address(void)
{
	unsigned long pfn = ULONG_MAX;
	int nid;

	for_each_node_state(nid, N_MEMORY)
		pfn = min(pfn, node_start_pfn(nid));
	return (unsigned long)__va(PFN_PHYS(pfn)) & ~(GOM_ARENA_SIZE - 1);
}

int __init gom_arena_init(void)
{
	unsigned long i;

	for (i = 0; i < GOM_CHUNK_PAGES; i++)
		no_spans.span[i] = &no_span;
	clear_chunks(&empty_arena);
	gomalloc_hot.first = first_address();
	gomalloc_hot.nr_arenas = gom_arena_index(high_memory - 1) + 1;
	arena_cache = gom_try(ARENA_CACHE, 0, GFP_KERNEL,
			      kmem_cache_create("gomalloc_arena",
						sizeof(struct arena), 0, 0,
						NULL));
	chunk_cache = gom_try(CHUNK_CACHE, 0, GFP_KERNEL,
			      kmem_cache_create("gomalloc_chunk",
						sizeof(struct arena_chunk), 0,
						SLAB_TYPESAFE_BY_RCU, NULL));
	gomalloc_hot.arenas = gom_try(ARENA_MAP, map_bytes(), GFP_KERNEL,
				      kvmalloc_array(gomalloc_hot.nr_arenas,
						     sizeof(*gomalloc_hot.arenas),
						     GFP_KERNEL));
	arena_bits = gom_try(ARENA_BITS, map_bytes(), GFP_KERNEL,
			     kvcalloc(BITS_TO_LONGS(gomalloc_hot.nr_arenas),
				      sizeof(long), GFP_KERNEL));
	if (!arena_cache || !chunk_cache || !gomalloc_hot.arenas ||
	    !arena_bits) {
		kvfree(arena_bits);
		kvfree(gomalloc_hot.arenas);
		kmem_cache_destroy(chunk_cache);
		kmem_cache_destroy(arena_cache);
		return -ENOMEM;
	}
	/* kmemleak looks at no __ro_after_init data of a module's. */
	kmemleak_not_leak(gomalloc_hot.arenas);
	for (i = 0; i < gomalloc_hot.nr_arenas; i++)
		gomalloc_hot.arenas[i] = &empty_arena;
	gom_meta_add(map_bytes());
	return 0;
}

/*
 * Forget the spans of leaked objects, whose pages stay allocated without an
 * owner, so that a stray pointer to them does no harm.
 */
static void abandon(struct arena *arena)
{
	unsigned int page = 0, i;

	while (page < GOM_ARENA_PAGES) {
		struct mspan *span;

		if (arena->class[page] == GOM_CLASS_NONE) {
			page++;
			continue;
		}
		span = *gom_arena_slot(arena, page);
		page += span->npages;
		gom_mspan_uncut(span);
		gom_mspan_free(span);
	}
	for (i = 0; i < GOM_ARENA_CHUNKS; i++)
		if (arena->chunk[i] != &no_spans)
			kmem_cache_free(chunk_cache, arena->chunk[i]);
	kmem_cache_free(arena_cache, arena);
}

/* Nobody frees or looks anything up any more; free runs went back. */
void gom_arena_exit(void)
{
	unsigned long i;

	for (i = 0; i < gomalloc_hot.nr_arenas; i++)
		if (gom_arena_at(i))
			abandon(gom_arena_at(i));
	gom_meta_add(-(long)map_bytes());
	kvfree(arena_bits);
	kvfree(gomalloc_hot.arenas);
	kmem_cache_destroy(chunk_cache);
	kmem_cache_destroy(arena_cache);
}
