/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _GOM_HEAPS_H
#define _GOM_HEAPS_H

#include "goheap.h"

/**
 * struct gom_heaps_sum - all heaps
 * @heaps: heaps there are
 * @nspans: their spans
 * @npages: the pages of those
 * @live: live objects
 * @bytes: their bytes
 * @mallocs: objects ever allocated, also from heaps that are gone
 * @total_bytes: their bytes
 */
struct gom_heaps_sum {
	unsigned long heaps;
	unsigned long nspans;
	unsigned long npages;
	u64 live;
	u64 bytes;
	u64 mallocs;
	u64 total_bytes;
};

int gom_heaps_init(void);
void gom_heaps_exit(void);

bool gom_heaps_has(const struct goheap *heap);
bool gom_heaps_knows(const struct goheap *heap);

void gom_heaps_add(struct gom_heaps_sum *sum, struct goheap *heap);
void gom_heaps_sum(struct gom_heaps_sum *sum);
void gom_heaps_report(const char *module);

/*
 * Heaps one by one: the place of the first at @at or behind it, U64_MAX if
 * there is none, and the heap there, as long as RCU is held off; NULL if it
 * has gone.
 */
u64 gom_heaps_place(u64 at);
struct goheap *gom_heaps_at(u64 at);
void gom_heaps_read(struct goheap *heap, struct goheap_stats *stats);

#endif /* _GOM_HEAPS_H */
