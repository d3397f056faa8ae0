// SPDX-License-Identifier: GPL-2.0
/*
 * debugfs: classes, a row for each size class.
 */
#include <linux/math64.h>
#include <linux/minmax.h>
#include <linux/seq_file.h>
#include "node.h"
#include "size_class.h"
#include "stats.h"
#include "views.h"

/* Hundredths of a percent of what the spans hold that live objects do not. */
static u64 waste(u64 used, u64 held)
{
	return held ? div64_u64((held - min(used, held)) * 10000, held) : 0;
}

static void class_row(struct seq_file *m, const char *name, u32 size,
		      u32 npages, const struct gom_class_stats *s, u64 used,
		      u64 held)
{
	u64 w = waste(used, held);

	seq_printf(m, "%5s %6u %6u %8llu %10llu %8llu %7llu %9llu %4llu.%02llu %12llu %9llu %9llu %9llu\n",
		   name, size, npages, s->nspans, s->live, s->mcache, s->ready,
		   s->spans_free, w / 100, w % 100, s->mallocs, s->refills,
		   s->flushes, s->locks);
}

static void add(struct gom_class_stats *sum, const struct gom_class_stats *s)
{
	sum->nspans += s->nspans;
	sum->live += s->live;
	sum->mcache += s->mcache;
	sum->ready += s->ready;
	sum->spans_free += s->spans_free;
	sum->mallocs += s->mallocs;
	sum->refills += s->refills;
	sum->flushes += s->flushes;
	sum->locks += s->locks;
}

static void large_row(struct seq_file *m, struct gom_class_stats *total,
		      u64 *used, u64 *held)
{
	struct gom_class_stats s = {};
	u64 bytes = 0;
	int nid;

	for_each_gom_node(nid) {
		struct mheap *heap = &gom_node(nid)->heap;

		s.nspans += READ_ONCE(heap->large);
		s.mallocs += READ_ONCE(heap->large_mallocs);
		bytes += (u64)READ_ONCE(heap->large_pages) << GOM_PAGE_SHIFT;
	}
	s.live = s.nspans;
	class_row(m, "large", 0, 0, &s, bytes, bytes);
	add(total, &s);
	*used += bytes;
	*held += bytes;
}

int gom_view_classes_show(struct seq_file *m, void *unused)
{
	struct gom_class_stats s, total = {};
	u64 used = 0, held = 0;
	unsigned int class;
	char name[8];

	seq_puts(m, "gomalloc classes 1\n");
	seq_printf(m, "%5s %6s %6s %8s %10s %8s %7s %9s %7s %12s %9s %9s %9s\n",
		   "class", "size", "pages", "spans", "live", "mcache", "ready",
		   "inspans", "waste%", "mallocs", "refills", "flushes",
		   "locks");
	for (class = 1; class < GOM_NR_SPAN_CLASSES; class++) {
		const struct gom_class *c = &gom_class[class];
		u64 live, span;

		gom_stats_class(class, &s);
		live = s.live * c->size;
		span = s.nspans * c->npages * GOM_PAGE_SIZE;
		if (class == GOM_CLASS_TINY)
			strscpy(name, "tiny", sizeof(name));
		else
			snprintf(name, sizeof(name), "%u", class);
		class_row(m, name, c->size, c->npages, &s, live, span);
		add(&total, &s);
		used += live;
		held += span;
	}
	large_row(m, &total, &used, &held);
	class_row(m, "total", 0, 0, &total, used, held);
	return 0;
}
