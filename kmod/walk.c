// SPDX-License-Identifier: GPL-2.0
/*
 * Walks over all spans and free runs while they come and go.
 *
 * A place in the walk is the number of a page, so nothing is held from one
 * step to the next.  Where the next piece begins is read from the arena's
 * class bytes and biases under RCU, without a lock; what it is from its
 * header, under the lock of its heap, which is what keeps the header from
 * going.  So the lock is held for one piece, and a piece that has gone in
 * between is passed over.
 *
 * Used by what debugfs shows.  Any context but NMI, no lock held.
 */
#include <linux/mm.h>
#include "granules.h"
#include "node.h"
#include "walk.h"

/*
 * Whether a span or run begins at @page of @arena.  Neighbours of the same
 * class differ in their biases.  Runs that touch are of two nodes and count
 * as one here.
 */
static bool begins(const struct arena *arena, unsigned int page)
{
	u8 class = READ_ONCE(arena->class[page]);

	if (class == GOM_CLASS_NONE)
		return false;
	if (!page || class != READ_ONCE(arena->class[page - 1]))
		return true;
	return class != GOM_CLASS_FREE &&
	       READ_ONCE(arena->bias[page]) != READ_ONCE(arena->bias[page - 1]);
}

static unsigned int find_in(unsigned long i, unsigned int page)
{
	struct arena *arena;

	rcu_read_lock();
	arena = gom_arena_at(i);
	while (arena && page < GOM_ARENA_PAGES && !begins(arena, page))
		page++;
	rcu_read_unlock();
	return arena ? page : GOM_ARENA_PAGES;
}

/* The first page from @page on at which something begins; @end if none. */
unsigned long gom_walk_find(unsigned long page, unsigned long end)
{
	unsigned long first;

	while (page < end) {
		first = round_down(page, GOM_ARENA_PAGES);
		page = first + find_in(first / GOM_ARENA_PAGES, page - first);
		if (page < first + GOM_ARENA_PAGES)
			break;
	}
	return min(page, end);
}

/* Caller holds the lock of the heap that the page is of. */
static bool look_locked(struct arena *arena, unsigned int page,
			struct gom_piece *piece)
{
	struct mspan *span;

	if (!begins(arena, page))
		return false;
	piece->class = arena->class[page];
	if (piece->class == GOM_CLASS_FREE) {
		while (page + piece->npages < GOM_ARENA_PAGES &&
		       arena->class[page + piece->npages] == GOM_CLASS_FREE)
			piece->npages++;
		return true;
	}
	span = *gom_arena_slot(arena, page);
	piece->npages = span->npages;
	if (piece->class == GOM_CLASS_LARGE) {
		piece->nelems = 1;
		piece->nalloc = span->state == MSPAN_INUSE;
		return true;
	}
	/* These two change under other locks: they are a snapshot. */
	piece->nelems = gom_glance(span->nelems);
	piece->nalloc = gom_glance(span->nalloc);
	if (piece->class == GOM_CLASS_HEAP)
		piece->nalloc = gom_granules_is_solo(span) ? 1 :
				max(0, (int)READ_ONCE(span->top) -
				       (int)READ_ONCE(span->holes));
	return true;
}

/* What begins at @page; false if nothing does any more. */
bool gom_walk_look(unsigned long page, struct gom_piece *piece)
{
	void *addr = (void *)(gomalloc_hot.first + (page << GOM_PAGE_SHIFT));
	struct mheap *heap;
	struct arena *arena;
	unsigned long flags;
	bool found = false;

	*piece = (struct gom_piece){ .page = page };
	rcu_read_lock();
	if (gom_arena_class(addr) != GOM_CLASS_NONE) {
		arena = gom_arena_of(addr);
		piece->nid = gom_node_of(addr);
		heap = &gom_node(piece->nid)->heap;
		raw_spin_lock_irqsave(&heap->lock, flags);
		found = look_locked(arena, gom_arena_page(addr), piece);
		raw_spin_unlock_irqrestore(&heap->lock, flags);
	}
	rcu_read_unlock();
	return found;
}
