// SPDX-License-Identifier: GPL-2.0
/*
 * debugfs: cpus, a row for each CPU that may exist.
 */
#include <linux/cpumask.h>
#include <linux/seq_file.h>
#include "mcache.h"
#include "size_class.h"
#include "views.h"

int gom_view_cpus_show(struct seq_file *m, void *unused)
{
	unsigned int class;
	int cpu;

	seq_puts(m, "gomalloc cpus 1\n");
	seq_printf(m, "%5s %7s %12s %9s %9s %9s %11s %11s\n", "cpu", "online",
		   "mallocs", "refills", "flushes", "objects", "bytes",
		   "capacity");
	for_each_possible_cpu(cpu) {
		struct mcache_cold *cold = per_cpu_ptr(gom_mcache_cold, cpu);
		u64 mallocs = 0, refills = 0, flushes = 0, n, objs = 0, bytes = 0;

		for (class = 1; class < GOM_NR_SPAN_CLASSES; class++) {
			mallocs += gom_mcache_mallocs(cpu, class);
			refills += READ_ONCE(cold->class[class].refills);
			flushes += READ_ONCE(cold->class[class].flushes);
			n = gom_mcache_count(cpu, class);
			objs += n;
			bytes += n * gom_class[class].size;
		}
		seq_printf(m, "%5d %7s %12llu %9llu %9llu %9llu %11llu %11lu\n",
			   cpu, cpu_online(cpu) ? "yes" : "no", mallocs,
			   refills, flushes, objs, bytes,
			   READ_ONCE(cold->capacity));
	}
	return 0;
}
