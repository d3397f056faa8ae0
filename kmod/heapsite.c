// SPDX-License-Identifier: GPL-2.0
/*
 * What the call sites of a goheap hold of it.
 *
 * An object of a heap that counts them has a tag, which leads to its site's
 * row and says whether the site's own counters know of the object.  Rows stay
 * until the heap goes.
 *
 * goheap.c calls it: what allocates and frees rows with no lock held, all else
 * under the heap's lock.
 */
#include <linux/hash.h>
#include <linux/slab.h>
#include "heapsite.h"
#include "site.h"
#include "stats.h"

/* In a tag, beside the row's address: it is in the counters of the site. */
#define COUNTED	1UL

struct gom_heapsites *gom_heapsite_create(gfp_t gfp)
{
	struct gom_heapsites *sites = kzalloc(sizeof(*sites),
					      GOM_GFP_META(gfp));

	if (sites)
		gom_meta_add(sizeof(*sites));
	return sites;
}

/* With all rows.  Nobody else knows @sites any more. */
void gom_heapsite_destroy(struct gom_heapsites *sites)
{
	struct gom_heapsite *row;
	struct hlist_node *next;
	unsigned int i;

	if (!sites)
		return;
	for (i = 0; i < GOM_HEAPSITE_BUCKETS; i++) {
		hlist_for_each_entry_safe(row, next, &sites->bucket[i], node) {
			gom_meta_add(-(long)sizeof(*row));
			kfree(row);
		}
	}
	gom_meta_add(-(long)sizeof(*sites));
	kfree(sites);
}

struct gom_heapsite *gom_heapsite_alloc(struct gom_site *site, gfp_t gfp)
{
	struct gom_heapsite *row = kzalloc(sizeof(*row),
					   GOM_GFP_EASY(GOM_GFP_META(gfp)));

	if (row)
		row->site = site;
	return row;
}

static struct hlist_head *bucket_of(struct gom_heapsites *sites,
				    const struct gom_site *site)
{
	return &sites->bucket[hash_ptr(site, ilog2(GOM_HEAPSITE_BUCKETS))];
}

struct gom_heapsite *gom_heapsite_find(struct gom_heapsites *sites,
				       const struct gom_site *site)
{
	struct gom_heapsite *row;

	hlist_for_each_entry(row, bucket_of(sites, site), node)
		if (row->site == site)
			return row;
	return NULL;
}

void gom_heapsite_add(struct gom_heapsites *sites, struct gom_heapsite *row)
{
	hlist_add_head(&row->node, bucket_of(sites, row->site));
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

/* All objects were freed at once. */
void gom_heapsite_forget(struct gom_heapsites *sites)
{
	struct gom_heapsite *row;
	unsigned int i;

	for (i = 0; i < GOM_HEAPSITE_BUCKETS; i++) {
		hlist_for_each_entry(row, &sites->bucket[i], node) {
			gom_site_free(&row->site->exact, row->counted,
				      row->counted_bytes);
			row->live = 0;
			row->bytes = 0;
			row->counted = 0;
			row->counted_bytes = 0;
		}
	}
}

/* A copy of row @n; false if there are no more. */
bool gom_heapsite_read(struct gom_heapsites *sites, unsigned int n,
		       struct gom_heapsite *row)
{
	struct gom_heapsite *at;
	unsigned int i;

	for (i = 0; i < GOM_HEAPSITE_BUCKETS; i++) {
		hlist_for_each_entry(at, &sites->bucket[i], node) {
			if (n--)
				continue;
			*row = *at;
			return true;
		}
	}
	return false;
}
