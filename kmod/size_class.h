/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _GOM_SIZE_CLASS_H
#define _GOM_SIZE_CLASS_H

#include "gom.h"

/**
 * struct gom_class - a span class
 * @size: bytes per object
 * @magic: ceil(2^32 / @size), for division by multiplication
 * @nelems: objects per span
 * @npages: pages per span
 * @nelems_short: objects of a short span, which is as long as one needs
 * @npages_short: its pages
 * @young: as long as fewer objects are out a short span is the better choice
 */
struct gom_class {
	u32 size;
	u32 magic;
	u16 nelems;
	u16 npages;
	u16 nelems_short;
	u16 npages_short;
	u32 young;
};

extern const struct gom_class gom_class[GOM_NR_SPAN_CLASSES];

/* The same for any class byte: all 0 where it varies. */
const struct gom_class *gom_class_of(unsigned int class);

/* Room for gom_class_name()'s longest. */
#define GOM_CLASS_NAME_LEN	8

const char *gom_class_name(unsigned int class, char *buf);

/*
 * As gom_class[].magic for the classes whose objects are freed on the fast
 * path, 0 for every other class byte; and for all while somebody looks at
 * every free, which so takes the slow path.
 */
extern u32 gom_free_magic[GOM_NR_CLASS_BYTES];

#define GOM_FINE_MAX		1024
#define GOM_COARSE_SHIFT	7

extern u8 gom_class_fine[GOM_FINE_MAX + 1];
extern u8 gom_class_coarse[GOMALLOC_MAX_SMALL >> GOM_COARSE_SHIFT];

/* The class of @size; 0 where it has none: zero, tiny and large. */
static __always_inline unsigned int gom_size_class(size_t size)
{
	if (likely(size <= GOM_FINE_MAX))
		return gom_class_fine[size];
	if (likely(size <= GOMALLOC_MAX_SMALL))
		return gom_class_coarse[(size - 1) >> GOM_COARSE_SHIFT];
	return 0;
}

/* The class byte of the pages in which an object of @size bytes lies. */
static inline unsigned int gom_class_byte(size_t size)
{
	if (size > GOMALLOC_MAX_SMALL)
		return GOM_CLASS_LARGE;
	return gom_size_class(size) ?: GOM_CLASS_TINY;
}

/* Which object of a span of @class the byte at @offset belongs to. */
static __always_inline unsigned int gom_class_index(unsigned int class,
						    u32 offset)
{
	return ((u64)offset * gom_class[class].magic) >> 32;
}

/*
 * Whether @offset is a multiple of the class's size, which is to say that
 * the fraction of offset / size is 0: the low half of the product is then
 * below magic (Lemire, Kaser, Kurz: Faster Remainder by Direct Computation,
 * 2019).  False for every class with no magic.  For the fast path of frees.
 */
static __always_inline bool gom_class_divides(unsigned long class, u32 offset)
{
	u32 magic = READ_ONCE(gom_free_magic[class]);

	return offset * magic < magic;
}

/* Whether an object of a size class begins at @offset; false for the rest. */
static inline bool gom_class_begins(unsigned int class, u32 offset)
{
	u32 magic = class < GOMALLOC_NR_CLASSES ? gom_class[class].magic : 0;

	return offset * magic < magic;
}

void gom_size_class_divert_frees(bool divert);
void gom_size_class_init(void);

#endif /* _GOM_SIZE_CLASS_H */
