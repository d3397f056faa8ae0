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

int gom_view_stats_show(struct seq_file *m, void *unused);
int gom_view_classes_show(struct seq_file *m, void *unused);
int gom_view_cpus_show(struct seq_file *m, void *unused);

extern const struct seq_operations gom_view_arenas_sops;
extern const struct seq_operations gom_view_spans_sops;
extern const struct seq_operations gom_view_metrics_sops;

#endif /* _GOM_VIEWS_H */
