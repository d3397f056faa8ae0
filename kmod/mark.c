// SPDX-License-Identifier: GPL-2.0
/*
 * The colours of a scan for leaks: scan.c's.
 *
 *   none	not there when the scan began, or nobody has met it
 *   white	was there when the scan began; nobody has met a pointer to it
 *   grey	a pointer to it was met, its own contents were not looked at yet
 *   black	they were
 *
 * Two bits for every 8 bytes of those pages in which objects begin, 280 bytes
 * for a page of 8 KiB.  They go by address and not by span, so that spans may
 * come and go meanwhile.  Pages with grey objects are in a list, by a link
 * that each has anyway: it can neither overflow nor fail to grow.
 *
 * One scan runs at a time, by itself: no locks.  Process context, but for
 * gom_mark_find_page() and gom_mark_white().
 */
#include <linux/bitmap.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include "fail.h"
#include "mark.h"
#include "stats.h"

#define GRANULES	(GOM_PAGE_SIZE / GOM_MARK_GRANULE)
#define WORDS		(GRANULES / BITS_PER_LONG)

/**
 * struct mark_page - the objects that begin in a page
 * @next: in gom_marks->grey
 * @page: which page, from the start of the linear map
 * @queued: it is in that list
 * @known: the object is white or black
 * @reached: the object is grey or black
 */
struct mark_page {
	struct mark_page *next;
	unsigned long page;
	bool queued;
	unsigned long known[WORDS];
	unsigned long reached[WORDS];
};

static struct kmem_cache *page_cache;

static unsigned long page_of(unsigned long addr)
{
	return (addr - gomalloc_hot.first) >> GOM_PAGE_SHIFT;
}

static unsigned int granule_of(unsigned long addr)
{
	return (addr & (GOM_PAGE_SIZE - 1)) / GOM_MARK_GRANULE;
}

static unsigned long address(const struct mark_page *p, unsigned int granule)
{
	return gomalloc_hot.first + (p->page << GOM_PAGE_SHIFT) +
	       granule * GOM_MARK_GRANULE;
}

/* The colours of the page of @addr; NULL if it was not added. */
struct mark_page *gom_mark_find_page(struct gom_marks *marks,
				     unsigned long addr)
{
	return xa_load(&marks->pages, page_of(addr));
}

/* The same, made if need be; NULL without memory. */
struct mark_page *gom_mark_add_page(struct gom_marks *marks,
				    unsigned long addr)
{
	struct mark_page *p = gom_mark_find_page(marks, addr);

	if (p)
		return p;
	p = gom_try(MARKS, sizeof(*p), GFP_KERNEL,
		    kmem_cache_zalloc(page_cache, GFP_KERNEL));
	if (!p)
		return NULL;
	p->page = page_of(addr);
	if (gom_try_err(MARKS_TREE, GFP_KERNEL,
			xa_err(xa_store(&marks->pages, p->page, p,
					GFP_KERNEL)))) {
		kmem_cache_free(page_cache, p);
		return NULL;
	}
	marks->npages++;
	gom_meta_add(sizeof(*p));
	return p;
}

/* The object at @addr, which begins in this page, is there. */
void gom_mark_white(struct mark_page *p, unsigned long addr)
{
	__set_bit(granule_of(addr), p->known);
}

/* A pointer to the object at @addr was met. */
int gom_mark_grey(struct gom_marks *marks, unsigned long addr)
{
	struct mark_page *p = gom_mark_add_page(marks, addr);
	unsigned int granule = granule_of(addr);

	if (!p)
		return -ENOMEM;
	if (__test_and_set_bit(granule, p->reached))
		return 0;
	__clear_bit(granule, p->known);
	if (!p->queued) {
		p->queued = true;
		p->next = marks->grey;
		marks->grey = p;
	}
	return 0;
}

/* Make some grey object black; returns its address, 0 if none is grey. */
unsigned long gom_mark_blacken(struct gom_marks *marks)
{
	struct mark_page *p;
	unsigned int granule;

	for (; (p = marks->grey); marks->grey = p->next, p->queued = false) {
		granule = find_next_andnot_bit(p->reached, p->known, GRANULES, 0);
		if (granule < GRANULES) {
			__set_bit(granule, p->known);
			return address(p, granule);
		}
	}
	return 0;
}

bool gom_mark_is_white(struct gom_marks *marks, unsigned long addr)
{
	struct mark_page *p = gom_mark_find_page(marks, addr);
	unsigned int granule = granule_of(addr);

	return p && test_bit(granule, p->known) &&
	       !test_bit(granule, p->reached);
}

/* The first white object at @addr or above; 0 if there is none. */
unsigned long gom_mark_next_white(struct gom_marks *marks, unsigned long addr)
{
	unsigned int granule = granule_of(addr);
	unsigned long page = page_of(addr);
	struct mark_page *p;

	xa_for_each_start(&marks->pages, page, p, page) {
		if (page != page_of(addr))
			granule = 0;
		granule = find_next_andnot_bit(p->known, p->reached, GRANULES,
					       granule);
		if (granule < GRANULES)
			return address(p, granule);
		cond_resched();
	}
	return 0;
}

/* Memory that the colours take, without the tree of pages. */
size_t gom_mark_bytes(const struct gom_marks *marks)
{
	return marks->npages * sizeof(struct mark_page);
}

void gom_mark_begin(struct gom_marks *marks)
{
	xa_init(&marks->pages);
	marks->grey = NULL;
	marks->npages = 0;
}

/* xa_destroy() of all pages would keep interrupts off for long. */
void gom_mark_end(struct gom_marks *marks)
{
	struct mark_page *p;
	unsigned long page;

	xa_for_each(&marks->pages, page, p) {
		xa_erase(&marks->pages, page);
		kmem_cache_free(page_cache, p);
		cond_resched();
	}
	gom_meta_add(-(long)gom_mark_bytes(marks));
	xa_destroy(&marks->pages);
}

int __init gom_mark_init(void)
{
	page_cache = gom_try(MARKS_CACHE, 0, GFP_KERNEL,
			     kmem_cache_create("gomalloc_marks",
					       sizeof(struct mark_page), 0, 0,
					       NULL));
	return page_cache ? 0 : -ENOMEM;
}

void gom_mark_exit(void)
{
	kmem_cache_destroy(page_cache);
}
