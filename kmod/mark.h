/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _GOM_MARK_H
#define _GOM_MARK_H

#include <linux/xarray.h>
#include "gom.h"

struct mark_page;

/* Objects begin at multiples of this; tiny ones share the colour of a block. */
#define GOM_MARK_GRANULE	8

/**
 * struct gom_marks - the colours of a scan
 * @pages: by page of the linear map, the colours of the objects that begin
 *	in it
 * @grey: pages with grey objects
 * @npages: entries of @pages
 */
struct gom_marks {
	struct xarray pages;
	struct mark_page *grey;
	unsigned long npages;
};

int gom_mark_init(void);
void gom_mark_exit(void);

void gom_mark_begin(struct gom_marks *marks);
void gom_mark_end(struct gom_marks *marks);
struct mark_page *gom_mark_add_page(struct gom_marks *marks,
				    unsigned long addr);
struct mark_page *gom_mark_find_page(struct gom_marks *marks,
				     unsigned long addr);
void gom_mark_white(struct mark_page *p, unsigned long addr);
int gom_mark_grey(struct gom_marks *marks, unsigned long addr);
unsigned long gom_mark_blacken(struct gom_marks *marks);
bool gom_mark_is_white(struct gom_marks *marks, unsigned long addr);
unsigned long gom_mark_next_white(struct gom_marks *marks, unsigned long addr);
size_t gom_mark_bytes(const struct gom_marks *marks);

#endif /* _GOM_MARK_H */
