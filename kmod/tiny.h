/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _GOM_TINY_H
#define _GOM_TINY_H

#include <linux/align.h>
#include "gom.h"

#define GOM_TINY_BLOCK	16

/**
 * struct gom_tiny_cpu - the block that a CPU cuts tiny objects from
 * @block: its address, NULL if there is none
 * @mask: its live mask
 * @used: bytes at its start that are given out, below GOM_TINY_BLOCK
 * @mallocs: tiny objects ever allocated on this CPU
 * @frees: tiny objects ever freed on this CPU
 *
 * @block, @mask and @used are under the mcache's busy flag.
 */
struct gom_tiny_cpu {
	char *block;
	atomic_t *mask;
	unsigned int used;
	unsigned long mallocs;
	unsigned long frees;
};

enum gom_tiny_freed {
	GOM_TINY_FREED,		/* done; others of the block live, or may */
	GOM_TINY_LAST,		/* done; the block is free and the caller's */
	GOM_TINY_NOT_LIVE,	/* no object lives there */
	GOM_TINY_INSIDE,	/* it is inside of a live object */
};

/* Puts an object into the CPU's block; NULL if that has no room or is busy. */
void *gom_tiny_cut(size_t size);
/* Puts an object into @block, which is new; *@old is a block to be freed. */
void *gom_tiny_cut_new(void *block, size_t size, void **old);
enum gom_tiny_freed gom_tiny_free(const void *ptr);
size_t gom_tiny_size(const void *ptr);
/* Marks a damaged block, which nobody may use, as not free. */
void gom_tiny_condemn(const void *block);
bool gom_tiny_is_open(const void *block);
void *gom_tiny_drain(int cpu);
void gom_tiny_count(u64 *mallocs, u64 *frees);

static inline void *gom_tiny_block(const void *ptr)
{
	return PTR_ALIGN_DOWN((void *)ptr, GOM_TINY_BLOCK);
}

#endif /* _GOM_TINY_H */
