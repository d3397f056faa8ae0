// SPDX-License-Identifier: GPL-2.0
/*
 * Size classes: size -> class, class -> geometry.
 *
 * The table is tools/mksizeclasses's.  Read-only after load but for
 * gom_free_magic, so any context reads it without a lock.
 */
#include <linux/build_bug.h>
#include <linux/cache.h>
#include <linux/kernel.h>
#include <linux/math.h>
#include "size_class.h"
#include "size_class_table.h"

/* The table counts 8 KiB pages; larger kernel pages round a span up. */
#define NPAGES(pages)	DIV_ROUND_UP((pages) * 8192UL, GOM_PAGE_SIZE)
#define NELEMS(size, pages)	(NPAGES(pages) * GOM_PAGE_SIZE / (size))
/* The same of a short span. */
#define NPAGES_SHORT(size)	DIV_ROUND_UP(size, GOM_PAGE_SIZE)
#define NELEMS_SHORT(size)	(NPAGES_SHORT(size) * GOM_PAGE_SIZE / (size))
/*
 * n objects take n * pages / nelems pages of short or of long spans.  So long
 * ones have saved what the first costs more than a short one when n is twice
 * this; but half of a class's last span is unused on average, which is why
 * they pay from here on, as measured: see design.rst.
 */
#define PAYS(ps, ns, pl, nl)	\
	((ps) * (nl) > (pl) * (ns) ?	\
	 ((pl) - (ps)) * (ns) * (nl) / ((ps) * (nl) - (pl) * (ns)) / 2 : 0)
#define MAGIC(size)	((u32)DIV_ROUND_UP(1ULL << 32, (size)))

#define GEOMETRY(class, bytes, pages)		\
	[class] = {				\
		.size = (bytes),		\
		.magic = MAGIC(bytes),		\
		.nelems = NELEMS(bytes, pages),	\
		.npages = NPAGES(pages),	\
		.nelems_short = NELEMS_SHORT(bytes),	\
		.npages_short = NPAGES_SHORT(bytes),	\
		.young = PAYS(NPAGES_SHORT(bytes), NELEMS_SHORT(bytes), \
			      NPAGES(pages), NELEMS(bytes, pages)),	\
	},

const struct gom_class gom_class[GOM_NR_SPAN_CLASSES] = {
	GOM_SIZE_CLASSES(GEOMETRY)
	GEOMETRY(GOM_CLASS_TINY, 16, 1)
};

const struct gom_class *gom_class_of(unsigned int class)
{
	static const struct gom_class varies;

	return class < GOM_NR_SPAN_CLASSES ? &gom_class[class] : &varies;
}

/* What the files in debugfs call a class byte; @buf is for numbers. */
const char *gom_class_name(unsigned int class, char *buf)
{
	switch (class) {
	case GOM_CLASS_NONE:
		return "none";
	case GOM_CLASS_TINY:
		return "tiny";
	case GOM_CLASS_LARGE:
		return "large";
	case GOM_CLASS_TRACKED:
		return "tracked";
	case GOM_CLASS_HEAP:
		return "heap";
	case GOM_CLASS_FREE:
		return "free";
	}
	snprintf(buf, GOM_CLASS_NAME_LEN, "%u", class);
	return buf;
}

#define FREE_MAGIC(class, bytes, pages)		\
	[class] = MAGIC(bytes),

u32 gom_free_magic[GOM_NR_CLASS_BYTES] __read_mostly = {
	GOM_SIZE_CLASSES(FREE_MAGIC)
};

/* Frees under way see the one or the other, class by class: both will do. */
void gom_size_class_divert_frees(bool divert)
{
	unsigned int class;

	for (class = 1; class < GOMALLOC_NR_CLASSES; class++)
		WRITE_ONCE(gom_free_magic[class],
			   divert ? 0 : gom_class[class].magic);
}

/* Counts and classes travel in bytes and 16-bit words. */
static_assert(GOM_NR_CLASS_BYTES <= 128);
static_assert(GOM_PAGE_SIZE / 8 <= U16_MAX);

u8 gom_class_fine[GOM_FINE_MAX + 1] __ro_after_init;
u8 gom_class_coarse[GOMALLOC_MAX_SMALL >> GOM_COARSE_SHIFT] __ro_after_init;

void __init gom_size_class_init(void)
{
	unsigned int i;

	for (i = 1; i <= GOM_FINE_MAX; i++)
		if (!__gomalloc_is_tiny(i))
			gom_class_fine[i] = __gomalloc_const_class(i);
	for (i = 0; i < ARRAY_SIZE(gom_class_coarse); i++)
		gom_class_coarse[i] =
			__gomalloc_const_class((i + 1) << GOM_COARSE_SHIFT);
}
