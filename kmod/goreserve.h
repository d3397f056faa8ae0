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

/* Call @visit for the places of each; it may sleep. */
void gom_reserve_walk(void (*visit)(void *data, size_t size, void *arg),
		      void *arg);

#endif /* _GOM_GORESERVE_H */
