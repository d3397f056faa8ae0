// SPDX-License-Identifier: GPL-2.0
/*
 * What the call sites of a goheap hold of it.
 *
 * An object of a heap that counts them has a tag, which leads to its site's
 * row and says whether the site's own counters know of the object.  Rows stay
 * until the heap goes.  There may be any number of them, so they are in a tree,
 * by the ids of their sites: under the heap's lock one walk down it is made.
 *
 * goheap.c, heaps.c and view_heaps.c call it: what allocates rows, and what
 * goes through all of them, which is of a closed heap, with no lock held; all
 * else under the heap's lock.
 */
#include <linux/slab.h>
#include "fail.h"
#include "heapsite.h"
#include "site.h"
#include "stats.h"

/* In a tag, beside the row's address: it is in the counters of the site. */
#define COUNTED	1UL

/* Of a heap that nobody uses any more. */
void gom_heapsite_destroy(struct rb_root *sites)
{
	struct gom_heapsite *row, *next;

	rbtree_postorder_for_each_entry_safe(row, next, sites, node) {
		gom_meta_add(-(long)sizeof(*row));
		kfree(row);
	}
	*sites = RB_ROOT;
}

struct gom_heapsite *gom_heapsite_alloc(struct gom_site *site, gfp_t gfp)
{
	struct gom_heapsite *row;

	gfp = GOM_GFP_EASY(GOM_GFP_META(gfp));
	row = gom_try(HEAP_ROW, sizeof(*row), gfp, kzalloc(sizeof(*row), gfp));
	if (row)
		row->site = site;
	return row;
}

static struct gom_heapsite *entry(const struct rb_node *node)
{
	return rb_entry_safe(node, struct gom_heapsite, node);
}

static int compare_site(const void *site, const struct rb_node *node)
{
	u32 a = ((const struct gom_site *)site)->id, b = entry(node)->site->id;

	return a < b ? -1 : a > b;
}

struct gom_heapsite *gom_heapsite_find(const struct rb_root *sites,
				       const struct gom_site *site)
{
	return entry(rb_find(site, sites, compare_site));
}

static bool is_before(struct rb_node *a, const struct rb_node *b)
{
	return compare_site(entry(a)->site, b) < 0;
}

/* The site of @row has none yet. */
void gom_heapsite_add(struct rb_root *sites, struct gom_heapsite *row)
{
	rb_add(&row->node, sites, is_before);
	gom_meta_add(sizeof(*row));
}

/* Count an object, and return its tag: 0, and it is not, without @row. */
unsigned long gom_heapsite_malloc(struct gom_heapsite *row, size_t bytes)
{
	if (!row)
		return 0;
	row->live++;
	row->bytes += bytes;
	row->mallocs++;
	row->total += bytes;
	if (!READ_ONCE(row->site->counted))
		return (unsigned long)row;
	row->counted++;
	row->counted_bytes += bytes;
	gom_site_malloc(&row->site->exact, 1, bytes);
	return (unsigned long)row | COUNTED;
}

static struct gom_heapsite *row_of(unsigned long tag)
{
	return (struct gom_heapsite *)(tag & ~COUNTED);
}

void gom_heapsite_free(unsigned long tag, size_t bytes)
{
	struct gom_heapsite *row = row_of(tag);

	if (!row)
		return;
	row->live--;
	row->bytes -= bytes;
	if (!(tag & COUNTED))
		return;
	row->counted--;
	row->counted_bytes -= bytes;
	gom_site_free(&row->site->exact, 1, bytes);
}

/* Who allocated the object with @tag; NULL if that is not known. */
struct gom_site *gom_heapsite_of(unsigned long tag)
{
	return tag ? row_of(tag)->site : NULL;
}

/* All objects of a heap that is closed were freed at once. */
void gom_heapsite_forget(struct rb_root *sites)
{
	struct gom_heapsite *row;
	struct rb_node *node;

	for (node = rb_first(sites); node; node = rb_next(node)) {
		row = entry(node);
		gom_site_free(&row->site->exact, row->counted,
			      row->counted_bytes);
		row->live = 0;
		row->bytes = 0;
		row->counted = 0;
		row->counted_bytes = 0;
	}
}

/* A copy of the first row of a site with an id above @id; false at the end. */
bool gom_heapsite_next(const struct rb_root *sites, u32 id,
		       struct gom_heapsite *row)
{
	const struct gom_heapsite *at = entry(sites->rb_node), *found = NULL;

	while (at) {
		if (at->site->id > id) {
			found = at;
			at = entry(at->node.rb_left);
		} else {
			at = entry(at->node.rb_right);
		}
	}
	if (found)
		*row = *found;
	return found;
}
