/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _GOM_GRANULES_H
#define _GOM_GRANULES_H

#include "mspan.h"

/* Bytes of a granule, as a shift: the least alignment that objects have. */
#define GOM_GRANULE_SHIFT	3
#define GOM_GRANULE		BIT(GOM_GRANULE_SHIFT)
#define GOM_PAGE_GRANULES	(GOM_PAGE_SIZE >> GOM_GRANULE_SHIFT)

/* Pages of the longest span that objects share; see struct mspan's types. */
#define GOM_GRANULES_MAX_PAGES	(SZ_256K >> GOM_PAGE_SHIFT)

static_assert((SZ_256K >> GOM_GRANULE_SHIFT) <= U16_MAX);

enum gom_granules_what {
	GOM_GRANULES_LIVE,	/* a live object begins here */
	GOM_GRANULES_NOT_LIVE,	/* in no object */
	GOM_GRANULES_INSIDE,	/* in one, which begins elsewhere */
};

/* Whether the span is one large object. */
static inline bool gom_granules_is_solo(const struct mspan *span)
{
	return span->nelems == 1;
}

/* Granules above the top, and in holes. */
static inline unsigned int gom_granules_free(const struct mspan *span)
{
	return span->nelems - span->top + span->holes;
}

static inline bool gom_granules_is_empty(const struct mspan *span)
{
	return span->top == span->holes;
}

/* A bit for each granule below the top that is in no object. */
static inline unsigned long *gom_granules_holes(const struct mspan *span)
{
	return span->bits;
}

/* A bit for each granule that is the last of an object. */
static inline unsigned long *gom_granules_ends(const struct mspan *span)
{
	return span->bits + BITS_TO_LONGS(span->nelems);
}

void gom_granules_skip(struct mspan *span, unsigned int i);
void *gom_granules_fit(struct mspan *span, unsigned int n, size_t align);
void gom_granules_give(struct mspan *span, const void *obj, size_t bytes);
bool gom_granules_begins(const struct mspan *span, const void *ptr);
enum gom_granules_what gom_granules_check(const struct mspan *span,
					  const void *ptr);
void gom_granules_clear(struct mspan *span);
void *gom_granules_object(const struct mspan *span, const void *ptr);
size_t gom_granules_size(const struct mspan *span, const void *obj);
void *gom_granules_next(const struct mspan *span, const void *ptr);

static inline unsigned int gom_granules_index(const struct mspan *span,
					      const void *ptr)
{
	return gom_mspan_offset(span, ptr) >> GOM_GRANULE_SHIFT;
}

/* An object of @n granules behind the last one; NULL if there is no room. */
static __always_inline void *gom_granules_bump(struct mspan *span,
					       unsigned int n, size_t align)
{
	unsigned long top = span->start +
			    ((unsigned long)span->top << GOM_GRANULE_SHIFT);
	unsigned long obj = ALIGN(top, align);
	unsigned int i = (obj - span->start) >> GOM_GRANULE_SHIFT;

	if (unlikely(i + n > span->nelems))
		return NULL;
	if (unlikely(obj != top))
		gom_granules_skip(span, i);
	span->top = i + n;
	__set_bit(i + n - 1, gom_granules_ends(span));
	return (void *)obj;
}

/* The same anywhere in the span, as far as it is looked for. */
static inline void *gom_granules_take(struct mspan *span, unsigned int n,
				      size_t align)
{
	return gom_granules_bump(span, n, align) ?:
	       gom_granules_fit(span, n, align);
}

#endif /* _GOM_GRANULES_H */
