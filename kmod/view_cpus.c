// SPDX-License-Identifier: GPL-2.0
/*
 * debugfs: cpus, a row for each CPU that may exist.
 */
#include <linux/cpumask.h>
#include <linux/topology.h>
#include "stats.h"
#include "views.h"

int gom_view_cpus_show(struct seq_file *m, void *unused)
{
	struct gom_cpu_stats s;
	u64 miss;
	int cpu;

	seq_puts(m, "gomalloc cpus 1\n");
	seq_printf(m, "%5s %7s %12s %9s %9s %9s %11s %11s %7s %4s %9s %7s\n", "cpu",
		   "online", "mallocs", "refills", "flushes", "objects",
		   "bytes", "capacity", "miss%", "node", "budget", "steals");
	for_each_possible_cpu(cpu) {
		gom_stats_cpu(cpu, &s);
		miss = gom_stats_percent(s.refills, s.mallocs);
		seq_printf(m, "%5d %7s %12llu %9llu %9llu %9llu %11llu %11llu %4llu.%02llu %4d %9llu %7llu\n",
			   cpu, cpu_online(cpu) ? "yes" : "no", s.mallocs,
			   s.refills, s.flushes, s.objects, s.bytes,
			   s.capacity, miss / 100, miss % 100,
			   cpu_to_node(cpu), s.budget, s.steals);
	}
	return 0;
}
