// SPDX-License-Identifier: GPL-2.0
/*
 * debugfs: callsites, who holds what, the largest holders first; and
 * lifetimes, how old samples were when they were freed.
 *
 * Of modules named in callsites= the figures are exact; of all others they
 * are estimates from the profile.  The file is a snapshot from when it was
 * opened, as rows that change places would be read twice or not at all.
 */
#include <linux/fs.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/sort.h>
#include "fail.h"
#include "profile.h"
#include "site.h"
#include "views.h"

/* Not so many rows that nobody would read them. */
#define ROWS_MAX	65536

struct rows {
	unsigned int nr;
	struct gom_callsite row[];
};

/*
 * What @site holds; false if nothing was ever allocated there, or if its code
 * has gone and it holds nothing: when the module comes back, there will be
 * another of that name.
 */
bool gom_callsite_read(const struct gom_site *site, struct gom_callsite *row)
{
	const struct gom_site_count *count = &site->sampled;
	unsigned int shift = GOM_SITE_SHIFT;

	row->site = site;
	row->exact = READ_ONCE(site->counted);
	if (row->exact) {
		count = &site->exact;
		shift = 0;
	}
	row->live = (s64)atomic64_read(&count->live) >> shift;
	row->live_bytes = atomic64_read(&count->live_bytes);
	row->mallocs = atomic64_read(&count->mallocs) >> shift;
	row->total_bytes = atomic64_read(&count->total_bytes);
	if (READ_ONCE(site->gone) && !row->live_bytes)
		return false;
	return row->total_bytes;
}

static int compare(const void *a, const void *b)
{
	const struct gom_callsite *x = a, *y = b;

	if (x->live_bytes != y->live_bytes)
		return x->live_bytes < y->live_bytes ? 1 : -1;
	if (x->total_bytes != y->total_bytes)
		return x->total_bytes < y->total_bytes ? 1 : -1;
	return 0;
}

static struct rows *take_rows(void)
{
	struct gom_site *site;
	unsigned int room = 0;
	struct rows *rows;
	u32 id = 0;

	while (gom_site_next(&id) && room < ROWS_MAX)
		room++;
	rows = gom_try(CALLSITES, struct_size(rows, row, room), GFP_KERNEL,
		       kvzalloc(struct_size(rows, row, room), GFP_KERNEL));
	if (!rows)
		return NULL;
	id = 0;
	while (rows->nr < room && (site = gom_site_next(&id)))
		rows->nr += gom_callsite_read(site, &rows->row[rows->nr]);
	sort(rows->row, rows->nr, sizeof(*rows->row), compare, NULL);
	return rows;
}

/* Position 0 is the head of the file, 1 + i row i. */
static void *callsites_start(struct seq_file *m, loff_t *pos)
{
	const struct rows *rows = m->private;

	if (!*pos)
		return SEQ_START_TOKEN;
	return *pos <= rows->nr ? (void *)&rows->row[*pos - 1] : NULL;
}

static void *callsites_next(struct seq_file *m, void *v, loff_t *pos)
{
	++*pos;
	return callsites_start(m, pos);
}

static void callsites_stop(struct seq_file *m, void *v)
{
}

static int callsites_show(struct seq_file *m, void *v)
{
	const struct gom_callsite *row = v;
	char name[GOM_SITE_NAME_LEN];

	if (v == SEQ_START_TOKEN) {
		seq_puts(m, "gomalloc callsites 1\n");
		seq_printf(m, "%7s %14s %10s %16s %12s %16s  %s\n", "kind",
			   "live_bytes", "live", "total_bytes", "total",
			   "module", "site");
		return 0;
	}
	gom_site_place(row->site, name, sizeof(name));
	seq_printf(m, "%7s %14llu %10llu %16llu %12llu %16s  %s\n",
		   row->exact ? "exact" : "sampled", row->live_bytes, row->live,
		   row->total_bytes, row->mallocs,
		   *row->site->module ? row->site->module : "-", name);
	return 0;
}

static const struct seq_operations callsites_sops = {
	.start = callsites_start,
	.next = callsites_next,
	.stop = callsites_stop,
	.show = callsites_show,
};

static int callsites_open(struct inode *inode, struct file *file)
{
	struct rows *rows = take_rows();
	int err;

	if (!rows)
		return -ENOMEM;
	err = gom_try_err(CALLSITES_FILE, GFP_KERNEL,
			  seq_open(file, &callsites_sops));
	if (err) {
		kvfree(rows);
		return err;
	}
	((struct seq_file *)file->private_data)->private = rows;
	return 0;
}

static int callsites_release(struct inode *inode, struct file *file)
{
	kvfree(((struct seq_file *)file->private_data)->private);
	return seq_release(inode, file);
}

const struct file_operations gom_view_callsites_fops = {
	.owner = THIS_MODULE,
	.open = callsites_open,
	.read = seq_read,
	.llseek = seq_lseek,
	.release = callsites_release,
};

int gom_view_lifetimes_show(struct seq_file *m, void *unused)
{
	unsigned int i;
	u64 n;

	seq_puts(m, "gomalloc lifetimes 1\n");
	seq_printf(m, "%20s %20s %12s\n", "from_ns", "to_ns", "samples");
	for (i = 0; i < GOM_NR_LIFETIMES; i++) {
		n = gom_profile_lifetimes(i);
		if (n)
			seq_printf(m, "%20llu %20llu %12llu\n",
				   i ? 1ULL << i : 0, (2ULL << i) - 1, n);
	}
	return 0;
}
