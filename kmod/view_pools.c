// SPDX-License-Identifier: GPL-2.0
/*
 * debugfs: pools and reserves, a row for each.
 */
#include "gopool.h"
#include "goreserve.h"
#include "views.h"

int gom_view_pools_show(struct seq_file *m, void *unused)
{
	struct gom_pool_view v;

	seq_puts(m, "gomalloc pools 1\n");
	seq_printf(m, "%5s %-*s %8s %8s %8s %8s %8s %12s %12s %9s %9s %9s %9s %6s %12s %9s %6s\n",
		   "pool", GOM_NAME_LEN - 1, "name", "size", "out",
		   "slots", "rings", "victims", "gets", "hits", "shared",
		   "steals", "revived", "news", "fails", "puts", "drops", "bad");
	for (v.id = 0; gom_pool_read(v.id, &v); v.id++) {
		const struct gopool_stats *s = &v.stats;

		seq_printf(m, "%5llu %-*s %8zu %8lld %8llu %8llu %8llu %12llu %12llu %9llu %9llu %9llu %9llu %6llu %12llu %9llu %6llu\n",
			   v.id, GOM_NAME_LEN - 1, v.name, v.size, s->out,
			   s->in_slots, s->in_rings, s->in_victims, s->gets,
			   s->hits, s->shared, s->steals, s->victims, s->news,
			   s->fails, s->puts, s->drops, s->bad);
	}
	return 0;
}

int gom_view_reserves_show(struct seq_file *m, void *unused)
{
	struct gom_reserve_view v;

	seq_puts(m, "gomalloc reserves 1\n");
	seq_printf(m, "%7s %-*s %8s %8s %8s %8s %9s %9s %9s\n", "reserve",
		   GOM_NAME_LEN - 1, "name", "size", "objects", "held",
		   "lowest", "taken", "kept", "fails");
	for (v.id = 0; gom_reserve_read(v.id, &v); v.id++) {
		const struct goreserve_stats *s = &v.stats;

		seq_printf(m, "%7llu %-*s %8zu %8u %8u %8u %9llu %9llu %9llu\n",
			   v.id, GOM_NAME_LEN - 1, v.name, v.size,
			   s->nr, s->held, s->lowest, s->taken, s->kept,
			   s->fails);
	}
	return 0;
}
