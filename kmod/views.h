/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the files in debugfs show; debugfs.c makes the files.
 *
 * All are read in process context, and nothing is held from one record of a
 * file to the next.
 */
#ifndef _GOM_VIEWS_H
#define _GOM_VIEWS_H

#include <linux/seq_file.h>

struct gom_site;

/**
 * struct gom_callsite - what a call site holds and has ever had
 * @site: the site
 * @exact: counted, or else estimated
 * @live: objects
 * @live_bytes: their bytes
 * @mallocs: objects ever allocated
 * @total_bytes: their bytes
 */
struct gom_callsite {
	const struct gom_site *site;
	bool exact;
	u64 live;
	u64 live_bytes;
	u64 mallocs;
	u64 total_bytes;
};

bool gom_callsite_read(const struct gom_site *site, struct gom_callsite *row);

int gom_view_stats_show(struct seq_file *m, void *unused);
int gom_view_classes_show(struct seq_file *m, void *unused);
int gom_view_cpus_show(struct seq_file *m, void *unused);
int gom_view_pools_show(struct seq_file *m, void *unused);
int gom_view_reserves_show(struct seq_file *m, void *unused);

int gom_view_lifetimes_show(struct seq_file *m, void *unused);

extern const struct file_operations gom_view_callsites_fops;
extern const struct seq_operations gom_view_heaps_sops;
extern const struct seq_operations gom_view_heap_sites_sops;
extern const struct seq_operations gom_view_arenas_sops;
extern const struct seq_operations gom_view_spans_sops;
extern const struct seq_operations gom_view_metrics_sops;

#endif /* _GOM_VIEWS_H */
