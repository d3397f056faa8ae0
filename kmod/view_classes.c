// SPDX-License-Identifier: GPL-2.0
/*
 * debugfs: classes, a row for each size class.
 */
#include "size_class.h"
#include "stats.h"
#include "views.h"

static void class_row(struct seq_file *m, const char *name,
		      const struct gom_class *c, const struct gom_class_stats *s)
{
	u64 now = gom_stats_waste(s->live_bytes, s->held);
	u64 peak = gom_stats_waste(s->peak_live, s->peak_held);

	seq_printf(m, "%5s %6u %6u %8llu %10llu %8llu %7llu %9llu %4llu.%02llu %12llu %9llu %9llu %9llu %12llu %12llu %4llu.%02llu\n",
		   name, c->size, c->npages, s->nspans, s->live, s->mcache,
		   s->ready, s->spans_free, now / 100, now % 100, s->mallocs,
		   s->refills, s->flushes, s->locks, s->peak_held,
		   s->peak_live, peak / 100, peak % 100);
}

static void add(struct gom_class_stats *sum, const struct gom_class_stats *s)
{
	sum->nspans += s->nspans;
	sum->held += s->held;
	sum->live += s->live;
	sum->live_bytes += s->live_bytes;
	sum->mcache += s->mcache;
	sum->ready += s->ready;
	sum->spans_free += s->spans_free;
	sum->mallocs += s->mallocs;
	sum->refills += s->refills;
	sum->flushes += s->flushes;
	sum->locks += s->locks;
	sum->peak_held += s->peak_held;
	sum->peak_live += s->peak_live;
}

int gom_view_classes_show(struct seq_file *m, void *unused)
{
	struct gom_class_stats s, total = {};
	static const struct gom_class all;
	char buf[GOM_CLASS_NAME_LEN];
	unsigned int class;

	seq_puts(m, "gomalloc classes 1\n");
	seq_printf(m, "%5s %6s %6s %8s %10s %8s %7s %9s %7s %12s %9s %9s %9s %12s %12s %7s\n",
		   "class", "size", "pages", "spans", "live", "mcache", "ready",
		   "inspans", "waste%", "mallocs", "refills", "flushes",
		   "locks", "peak_held", "peak_live", "peak%");
	for_each_gom_stats_class(class) {
		gom_stats_class(class, &s);
		class_row(m, gom_class_name(class, buf), gom_class_of(class),
			  &s);
		add(&total, &s);
	}
	class_row(m, "total", &all, &total);
	return 0;
}
