/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _GOM_WALK_H
#define _GOM_WALK_H

#include "arena.h"

/**
 * struct gom_piece - a span or a free run, as it was at one moment
 * @page: the number of its first page
 * @npages: pages
 * @class: class byte
 * @nid: node
 * @nelems: objects that there is room for, 0 for a free run
 * @nalloc: of these, out to clients and caches
 */
struct gom_piece {
	unsigned long page;
	u32 npages;
	u16 nelems;
	u16 nalloc;
	u8 class;
	s16 nid;
};

/* Pages are numbered from the start of the arena map. */
static inline unsigned long gom_walk_end(void)
{
	return gomalloc_hot.nr_arenas * GOM_ARENA_PAGES;
}

unsigned long gom_walk_find(unsigned long page, unsigned long end);
bool gom_walk_look(unsigned long page, struct gom_piece *piece);

#endif /* _GOM_WALK_H */
