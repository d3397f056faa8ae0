// SPDX-License-Identifier: GPL-2.0
/*
 * Magazines: how large they are and where their memory comes from.
 *
 * A CPU has two of a class, mcache.c's; full and empty ones wait in the
 * central lists, mcentral.c's.  Whoever holds one owns it alone.
 *
 * Called from any context but NMI, with no lock held.
 */
#include <linux/slab.h>
#include "fail.h"
#include "magazine.h"
#include "size_class.h"
#include "stats.h"

/* Bytes of objects that one magazine may hold, but for a few in any case. */
#define MAGAZINE_BYTES	(48 * SZ_1K)
#define MAGAZINE_FEW	4U
/* And that the first one does. */
#define FIRST_BYTES	SZ_8K

static size_t bytes_of(unsigned int cap)
{
	return offsetof(struct magazine, slot[cap]);
}

/* How many slots the next larger magazine of a class has. */
unsigned int gom_magazine_next_cap(unsigned int class, unsigned int cap)
{
	unsigned int size = gom_class[class].size;

	if (!cap)
		return clamp(FIRST_BYTES / size, 1U, GOM_MAGAZINE_FIRST);
	return min(2 * cap + 3, clamp(MAGAZINE_BYTES / size, MAGAZINE_FEW,
				      GOM_MAGAZINE_MAX));
}

/* An empty magazine: a convenience, worth neither a wakeup nor reserves. */
struct magazine *gom_magazine_alloc(unsigned int cap)
{
	gfp_t gfp = __GFP_NOWARN | __GFP_NOMEMALLOC;
	struct magazine *mag = gom_try(MAGAZINE, bytes_of(cap), gfp,
				       kmalloc(bytes_of(cap), gfp));

	if (mag) {
		mag->count = 0;
		mag->cap = cap;
		mag->slots = cap;
		mag->bottom = __gomalloc_bottom();
		gom_meta_add(bytes_of(cap));
	}
	return mag;
}

/* From now on @mag, which holds no objects, is full like a first one. */
void gom_magazine_squeeze(struct magazine *mag, unsigned int class)
{
	unsigned int first = gom_magazine_next_cap(class, 0);

	if (mag->cap > first)
		mag->cap = first;
}

/* @mag holds no objects; one without slots is nobody's. */
void gom_magazine_free(struct magazine *mag)
{
	if (!mag || !mag->cap)
		return;
	gom_meta_add(-(long)bytes_of(mag->slots));
	kfree(mag);
}

void gom_magazine_free_list(struct magazine *mags)
{
	struct magazine *mag;

	while ((mag = gom_magazine_unlink(&mags)))
		gom_magazine_free(mag);
}
