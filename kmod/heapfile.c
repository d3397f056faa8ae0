// SPDX-License-Identifier: GPL-2.0
/*
 * /sys/kernel/debug/gomalloc: heap, peak.  The profile in a form that both
 * google-pprof and Go's pprof open as it is, and show with names.
 *
 *   --- symbol heap profile: 1: 64 [3: 192] @ heap_v2/524288
 *   1: 64 [3: 192] @ 0x10 0x20
 *   MAPPED_LIBRARIES:
 *   0-0 gomalloc
 *   f-11 [mod:inner] # inner+0x12/0x34 [mod]
 *   1f-21 [outer] # outer+0x56/0x78
 *   0x10 inner [mod]
 *   0x20 outer
 *   ---
 *   heap profile: 1: 64 [3: 192] @ heap_v2/524288
 *   1: 64 [3: 192] @ 0x10 0x20
 *   # end
 *
 * Go's pprof takes any first line that ends in "heap profile: ...", then
 * samples up to MAPPED_LIBRARIES.  It takes one off each address, to be in the
 * call, and shows the name of the mapping there: each site has one around it,
 * whose name begins with a bracket as that of a file that need not be opened.
 * What follows it tries as mappings too, which must not come out as any of
 * an address in use: so addresses are two digits long at least and end in 0,
 * and what is not a mapping's name stands behind a "#".
 *
 * google-pprof takes any first line that begins with "--- symbol", then rows
 * of address and name, then the samples after the next line of dashes.  It
 * looks addresses up as they are.
 *
 * An address is 16 times a site's id, and tells nothing of the kernel's.
 * Samples are as they were taken; readers scale them by the rate.
 *
 * Reading holds no lock between rows, so what is allocated meanwhile may be in
 * the second half alone.
 */
#include <linux/debugfs.h>
#include <linux/fs.h>
#include <linux/minmax.h>
#include <linux/module.h>
#include <linux/sched.h>
#include <linux/seq_file.h>
#include <linux/string.h>
#include "heapfile.h"
#include "profile.h"
#include "site.h"

/* The parts of the file.  Each has a heading, then rows. */
enum part {
	GO_SAMPLES,
	GO_NAMES,
	NAMES,
	SAMPLES,
	END,
};

#define PART_SHIFT	32

/**
 * struct reading - an open file
 * @peak: it shows what was live at the peak, not now
 * @part: where the reader is
 * @id: the bucket or site; 0: the part's heading
 * @named: the last site in the map, which is the first list of names
 * @site: the site
 * @view: the bucket
 * @name: of the site
 */
struct reading {
	bool peak;
	enum part part;
	u32 id;
	u32 named;
	struct gom_site *site;
	struct gom_bucket_view view;
	char name[GOM_SITE_NAME_LEN];
};

static u64 address(const struct gom_site *site)
{
	return (u64)site->id << 4;
}

static u64 in_use(const struct reading *r)
{
	return r->peak ? r->view.peak : r->view.allocs - r->view.frees;
}

/* The sums.  If all are in use pprof would think that nothing else is known. */
static void print_header(struct seq_file *m, struct reading *r)
{
	u64 live = 0, live_bytes = 0, allocs = 0, bytes = 0;
	u32 id = 0;

	while (gom_profile_next(&id, &r->view)) {
		live += in_use(r);
		live_bytes += in_use(r) * r->view.size;
		allocs += r->view.allocs;
		bytes += r->view.allocs * r->view.size;
		cond_resched();
	}
	if (live == allocs)
		bytes++;
	/* Of a rate of 0 google-pprof makes 128 KiB, of 1 everything. */
	seq_printf(m, "heap profile: %llu: %llu [%llu: %llu] @ heap_v2/%lu\n",
		   live, live_bytes, allocs, bytes,
		   max(gom_profile_rate(), 1UL));
}

static void print_bucket(struct seq_file *m, struct reading *r)
{
	unsigned int i;

	seq_printf(m, "%llu: %llu [%llu: %llu] @", in_use(r),
		   in_use(r) * r->view.size, r->view.allocs,
		   r->view.allocs * r->view.size);
	for (i = 0; i < r->view.nr; i++)
		seq_printf(m, " 0x%llx", address(r->view.site[i]));
	seq_putc(m, '\n');
}

static void print_site(struct seq_file *m, struct reading *r)
{
	const char *module = r->site->module;
	u64 addr = address(r->site);
	int len;

	gom_site_name(r->site, r->name, sizeof(r->name));
	len = strcspn(r->name, "+ ");
	if (r->part == GO_NAMES)
		seq_printf(m, "%llx-%llx [%s%s%.*s] # %s\n", addr - 1, addr + 1,
			   module, *module ? ":" : "", len, r->name, r->name);
	else if (*module)
		seq_printf(m, "0x%llx %.*s [%s]\n", addr, len, r->name, module);
	else
		seq_printf(m, "0x%llx %.*s\n", addr, len, r->name);
}

static void print_heading(struct seq_file *m, struct reading *r)
{
	switch (r->part) {
	case GO_SAMPLES:
		seq_puts(m, "--- symbol ");
		print_header(m, r);
		break;
	case GO_NAMES:
		/* A mapping of nothing, for pprof to call the program so. */
		seq_puts(m, "MAPPED_LIBRARIES:\n0-0 gomalloc\n");
		break;
	case NAMES:
		break;
	case SAMPLES:
		seq_puts(m, "---\n");
		print_header(m, r);
		break;
	case END:
		seq_puts(m, "# end\n");
		break;
	}
}

/* Whether the bucket's sites are older than both lists of names. */
static bool is_named(const struct reading *r)
{
	unsigned int i;

	for (i = 0; i < r->view.nr; i++)
		if (r->view.site[i]->id > r->named)
			return false;
	return true;
}

/* Find the first row with an id above @id, which becomes its. */
static bool next_row(struct reading *r, u32 *id)
{
	switch (r->part) {
	case GO_SAMPLES:
		return gom_profile_next(id, &r->view);
	case SAMPLES:
		while (gom_profile_next(id, &r->view))
			if (is_named(r))
				return true;
		break;
	case GO_NAMES:
	case NAMES:
		r->site = gom_site_next(id);
		if (r->site && r->part == GO_NAMES)
			r->named = *id;
		return r->site;
	case END:
		break;
	}
	return false;
}

/* Go to the first row or heading at or after @pos, which becomes its. */
static void *go_to(struct reading *r, loff_t *pos)
{
	u32 id = *pos;

	r->part = *pos >> PART_SHIFT;
	r->id = id;
	if (r->part > END)
		return NULL;
	if (!id--)
		return r;
	if (next_row(r, &id)) {
		r->id = id;
	} else {
		r->part++;
		r->id = 0;
	}
	*pos = (loff_t)r->part << PART_SHIFT | r->id;
	return r->part > END ? NULL : r;
}

static void *heap_start(struct seq_file *m, loff_t *pos)
{
	return go_to(m->private, pos);
}

static void *heap_next(struct seq_file *m, void *v, loff_t *pos)
{
	++*pos;
	return go_to(m->private, pos);
}

static void heap_stop(struct seq_file *m, void *v)
{
}

static int heap_show(struct seq_file *m, void *v)
{
	struct reading *r = v;

	if (!r->id)
		print_heading(m, r);
	else if (r->part == GO_SAMPLES || r->part == SAMPLES)
		print_bucket(m, r);
	else
		print_site(m, r);
	return 0;
}

static const struct seq_operations heap_seq_ops = {
	.start = heap_start,
	.next = heap_next,
	.stop = heap_stop,
	.show = heap_show,
};

static int heap_open(struct inode *inode, struct file *file)
{
	struct reading *r = __seq_open_private(file, &heap_seq_ops, sizeof(*r));

	if (!r)
		return -ENOMEM;
	r->peak = inode->i_private;
	return 0;
}

static const struct file_operations heap_fops = {
	.owner = THIS_MODULE,
	.open = heap_open,
	.read = seq_read,
	.llseek = seq_lseek,
	.release = seq_release_private,
};

void __init gom_heapfile_init(struct dentry *dir)
{
	debugfs_create_file("heap", 0400, dir, NULL, &heap_fops);
	debugfs_create_file("peak", 0400, dir, (void *)true, &heap_fops);
}
