/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _GOM_MAGAZINE_H
#define _GOM_MAGAZINE_H

#include "gom.h"

/**
 * struct magazine - a stack of free objects that passes between CPUs whole
 * @next: in an mcentral's list
 * @count: objects in it, while no CPU has it loaded; then the CPU's head says
 * @cap: objects at which it is full
 * @slots: slots, @cap or more
 * @bottom: always __gomalloc_bottom(), which a pop from an empty one meets
 * @slot: pointers to objects, each of which carries its key
 *
 * After Bonwick and Adams, "Magazines and Vmem", 2001.
 */
struct magazine {
	struct magazine *next;
	u16 count;
	u16 cap;
	u16 slots;
	void *bottom;
	void *slot[];
};

/* Header and slots of 5, 13, 29 and 61 fill kmalloc's 64 to 512 bytes. */
#define GOM_MAGAZINE_FIRST	5U
#define GOM_MAGAZINE_MAX	61U

unsigned int gom_magazine_next_cap(unsigned int class, unsigned int cap);
struct magazine *gom_magazine_alloc(unsigned int cap);
void gom_magazine_squeeze(struct magazine *mag, unsigned int class);
void gom_magazine_free(struct magazine *mag);
void gom_magazine_free_list(struct magazine *mags);

static inline void gom_magazine_link(struct magazine **list,
				     struct magazine *mag)
{
	mag->next = *list;
	*list = mag;
}

static inline struct magazine *gom_magazine_unlink(struct magazine **list)
{
	struct magazine *mag = *list;

	if (mag)
		*list = mag->next;
	return mag;
}

#endif /* _GOM_MAGAZINE_H */
