/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _GOM_GORESERVE_H
#define _GOM_GORESERVE_H

#include <linux/goreserve.h>
#include "name.h"

/**
 * struct gom_reserve_view - a reserve for who looks at all of them
 * @id: its number; they never repeat
 * @name: its name
 * @size: bytes of each object
 * @stats: what it holds and did
 */
struct gom_reserve_view {
	u64 id;
	char name[GOM_NAME_LEN];
	size_t size;
	struct goreserve_stats stats;
};

/* The first reserve whose id is at least @id; false if there is none. */
bool gom_reserve_read(u64 id, struct gom_reserve_view *view);

/**
 * struct gom_reserve_cursor - how far somebody has looked; {} at the start
 * @id: in this reserve
 * @place: up to this place
 */
struct gom_reserve_cursor {
	u64 id;
	int place;
};

/*
 * Copy what comes next of reserves' places to @words, which has room for @nr;
 * returns its bytes, 0 at the end.
 */
size_t gom_reserve_roots(struct gom_reserve_cursor *at, void **words,
			 size_t nr);

#endif /* _GOM_GORESERVE_H */
