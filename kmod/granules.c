// SPDX-License-Identifier: GPL-2.0
/*
 * Granules: where objects of all sizes lie in a span of a heap.
 *
 * Below the top, where the last object ends, a granule of 8 bytes belongs to an
 * object or to a hole, which one bit says; another says that an object ends
 * with it.  mm/percpu.c maps its chunks much the same, and as in those objects
 * of any sizes lie side by side, without a header or a size class: a heap of a
 * few objects takes a page or two, not one for each size.
 *
 * An object goes to the top as long as there is room, which takes one bit, and
 * then into the first hole that fits, of the next few from where the last
 * search ended.  Objects are not touched.
 *
 * Callers hold the lock of the span's heap, know a live object, or look at a
 * copy of the header, see gom_mspan_glimpse(), where the map changes while it is
 * read: then what is asked for is bounded by the copy.
 */
#include <linux/bitmap.h>
#include <asm/barrier.h>
#include "granules.h"

/* Holes to look at in a search: the caller holds a raw spinlock. */
#define HOLES	32

static void *address(const struct mspan *span, unsigned int i)
{
	return (void *)(span->start + ((unsigned long)i << GOM_GRANULE_SHIFT));
}

/* The granules from the top to @i become a hole. */
void gom_granules_skip(struct mspan *span, unsigned int i)
{
	bitmap_set(gom_granules_holes(span), span->top, i - span->top);
	span->holes += i - span->top;
}

/* The first granule from @i on whose address is a multiple of @align. */
static unsigned int aligned(const struct mspan *span, unsigned int i,
			    size_t align)
{
	return gom_granules_index(span, PTR_ALIGN(address(span, i), align));
}

/* @n granules of a hole, or the top. */
static unsigned int find_hole(struct mspan *span, unsigned int n, size_t align)
{
	const unsigned long *holes = gom_granules_holes(span);
	unsigned int i = span->hint, top = span->top, tries, end;

	if (n > span->holes)
		return top;
	for (tries = 0; tries < HOLES; tries++) {
		i = find_next_bit(holes, top, i);
		i = aligned(span, i, align);
		if (i + n > top) {
			i = 0;
			continue;
		}
		end = find_next_zero_bit(holes, i + n, i);
		if (end == i + n) {
			span->hint = end;
			return i;
		}
		i = end;
	}
	span->hint = i;
	return top;
}

/* An object of @n granules in a hole; NULL if none was found that fits. */
void *gom_granules_fit(struct mspan *span, unsigned int n, size_t align)
{
	unsigned int i = find_hole(span, n, align);

	if (i == span->top)
		return NULL;
	__set_bit(i + n - 1, gom_granules_ends(span));
	/* Pairs with smp_rmb() in bounds_in(). */
	smp_wmb();
	bitmap_clear(gom_granules_holes(span), i, n);
	span->holes -= n;
	return address(span, i);
}

static unsigned int end_of(const struct mspan *span, unsigned int i)
{
	return find_next_bit(gom_granules_ends(span), span->top, i) + 1;
}

static bool is_taken(const struct mspan *span, unsigned int i)
{
	return i < span->top && span->bits &&
	       !test_bit(i, gom_granules_holes(span));
}

/* The object of @bytes at @obj is free. */
void gom_granules_give(struct mspan *span, const void *obj, size_t bytes)
{
	unsigned int i = gom_granules_index(span, obj);
	unsigned int n = bytes >> GOM_GRANULE_SHIFT;

	if (i + n == span->top) {
		span->top = i;
	} else {
		bitmap_set(gom_granules_holes(span), i, n);
		span->holes += n;
	}
	/* Pairs with smp_rmb() in bounds_in(). */
	smp_wmb();
	__clear_bit(i + n - 1, gom_granules_ends(span));
	if (gom_granules_is_empty(span))
		gom_granules_clear(span);
}

/* There is no object any more. */
void gom_granules_clear(struct mspan *span)
{
	bitmap_zero(gom_granules_holes(span), span->top);
	bitmap_zero(gom_granules_ends(span), span->top);
	span->top = 0;
	span->holes = 0;
	span->hint = 0;
}

/*
 * The granules of a word of the maps with which a hole or an object ends.  Who
 * knows a live object holds no lock: while its neighbour comes or goes, one of
 * the two bits between them is set at any time, and is seen here.
 */
static unsigned long bounds_in(const struct mspan *span, unsigned int word)
{
	const unsigned long *ends = gom_granules_ends(span);
	unsigned long bounds = READ_ONCE(ends[word]);

	/* Both pair with smp_wmb() in gom_granules_fit() and _give(). */
	smp_rmb();
	bounds |= READ_ONCE(gom_granules_holes(span)[word]);
	/* As above. */
	smp_rmb();
	return bounds | READ_ONCE(ends[word]);
}

/* Whether a live object begins at @ptr. */
bool gom_granules_begins(const struct mspan *span, const void *ptr)
{
	unsigned int i = gom_granules_index(span, ptr);

	if (gom_granules_is_solo(span))
		return (unsigned long)ptr == span->start;
	if (!IS_ALIGNED((unsigned long)ptr, GOM_GRANULE) || !is_taken(span, i))
		return false;
	return !i || bounds_in(span, BIT_WORD(i - 1)) & BIT_MASK(i - 1);
}

/* What any address in the span is. */
enum gom_granules_what gom_granules_check(const struct mspan *span,
					  const void *ptr)
{
	if (gom_granules_begins(span, ptr))
		return GOM_GRANULES_LIVE;
	if (gom_granules_is_solo(span) ||
	    is_taken(span, gom_granules_index(span, ptr)))
		return GOM_GRANULES_INSIDE;
	return GOM_GRANULES_NOT_LIVE;
}

/* Where the object that granule @i belongs to begins. */
static unsigned int start_of(const struct mspan *span, unsigned int i)
{
	unsigned int word = BIT_WORD(i);
	unsigned long bounds;

	/* What lies below granule @i, and is no part of its object. */
	bounds = bounds_in(span, word) & (BIT_MASK(i) - 1);
	while (!bounds) {
		if (!word--)
			return 0;
		bounds = bounds_in(span, word);
	}
	return word * BITS_PER_LONG + __fls(bounds) + 1;
}

/* Where the live object around @ptr begins. */
void *gom_granules_object(const struct mspan *span, const void *ptr)
{
	if (gom_granules_is_solo(span))
		return (void *)span->start;
	return address(span, start_of(span, gom_granules_index(span, ptr)));
}

/* Bytes of the live object at @obj. */
size_t gom_granules_size(const struct mspan *span, const void *obj)
{
	unsigned int i;

	if (gom_granules_is_solo(span))
		return span->npages * GOM_PAGE_SIZE;
	i = gom_granules_index(span, obj);
	return (size_t)(end_of(span, i) - i) << GOM_GRANULE_SHIFT;
}

/* The first live object that begins at @ptr or above; NULL if there is none. */
void *gom_granules_next(const struct mspan *span, const void *ptr)
{
	unsigned int i;

	if (gom_granules_is_solo(span))
		return (unsigned long)ptr == span->start ? (void *)ptr : NULL;
	i = gom_granules_index(span, ptr);
	if (is_taken(span, i) && !gom_granules_begins(span, ptr))
		i = end_of(span, i);
	i = find_next_zero_bit(gom_granules_holes(span), span->top,
			       min_t(unsigned int, i, span->top));
	return i < span->top ? address(span, i) : NULL;
}
