// SPDX-License-Identifier: GPL-2.0
/*
 * /sys/kernel/debug/gomalloc: the directory, and the files that do something.
 * What the others show is in view_*.c; Documentation/debugfs.rst says what it
 * means.
 *
 * The first line of a file names its format and version; columns and names
 * change only with the version.  Reading takes no lock for longer than one
 * heap's counters or one span.
 */
#include <linux/debugfs.h>
#include <linux/fs.h>
#include <linux/module.h>
#include <linux/seq_file.h>
#include <linux/string.h>
#include <linux/uaccess.h>
#include "debugfs.h"
#include "fail.h"
#include "failfile.h"
#include "gom.h"
#include "heapfile.h"
#include "leak.h"
#include "limitfile.h"
#include "views.h"

static struct dentry *dir;

DEFINE_SHOW_ATTRIBUTE(gom_view_stats);
DEFINE_SHOW_ATTRIBUTE(gom_view_classes);
DEFINE_SHOW_ATTRIBUTE(gom_view_cpus);
DEFINE_SHOW_ATTRIBUTE(gom_view_pools);
DEFINE_SHOW_ATTRIBUTE(gom_view_reserves);
DEFINE_SHOW_ATTRIBUTE(gom_view_lifetimes);
DEFINE_SEQ_ATTRIBUTE(gom_view_arenas);
DEFINE_SEQ_ATTRIBUTE(gom_view_spans);
DEFINE_SEQ_ATTRIBUTE(gom_view_metrics);
DEFINE_SEQ_ATTRIBUTE(gom_view_heaps);
DEFINE_SEQ_ATTRIBUTE(gom_view_heap_sites);

static int validate_show(struct seq_file *m, void *unused)
{
	int err = gomalloc_validate();

	seq_printf(m, "gomalloc validate 1\n%s\n", !err ? "ok" :
		   err == -EAGAIN ? "busy" :
		   err == -EUCLEAN ? "damaged" : "no memory to check");
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(validate);

/* What was written to a file, without the end of its line. */
int gom_debugfs_read_word(char *word, size_t size, const char __user *buf,
			  size_t count)
{
	if (!count || count >= size)
		return -EINVAL;
	if (copy_from_user(word, buf, count))
		return -EFAULT;
	if (word[count - 1] == '\n')
		count--;
	word[count] = '\0';
	return strlen(word) == count ? 0 : -EINVAL;
}

static ssize_t free_os_memory_write(struct file *file, const char __user *buf,
				    size_t count, loff_t *pos)
{
	char word[8];
	int err = gom_debugfs_read_word(word, sizeof(word), buf, count);

	if (err)
		return err;
	if (strcmp(word, "1"))
		return -EINVAL;
	gomalloc_free_os_memory();
	return count;
}

static const struct file_operations free_os_memory_fops = {
	.owner = THIS_MODULE,
	.open = simple_open,
	.write = free_os_memory_write,
};

static const struct {
	const char *name;
	umode_t mode;
	const struct file_operations *fops;
} files[] = {
	{ "stats", 0400, &gom_view_stats_fops },
	{ "classes", 0400, &gom_view_classes_fops },
	{ "cpus", 0400, &gom_view_cpus_fops },
	{ "pools", 0400, &gom_view_pools_fops },
	{ "reserves", 0400, &gom_view_reserves_fops },
	{ "arenas", 0400, &gom_view_arenas_fops },
	{ "spans", 0400, &gom_view_spans_fops },
	{ "callsites", 0400, &gom_view_callsites_fops },
	{ "lifetimes", 0400, &gom_view_lifetimes_fops },
	{ "metrics", 0400, &gom_view_metrics_fops },
	{ "validate", 0400, &validate_fops },
	{ "free_os_memory", 0200, &free_os_memory_fops },
};

/* What clients create comes and goes too fast for a file each. */
static void make_heaps(void)
{
	struct dentry *heaps = gom_try_ptr(DIRECTORY, 0, GFP_KERNEL,
					   debugfs_create_dir("heaps", dir));

	debugfs_create_file("list", 0400, heaps, NULL, &gom_view_heaps_fops);
	debugfs_create_file("callsites", 0400, heaps, NULL,
			    &gom_view_heap_sites_fops);
}

/* Without debugfs there is nothing to see, which is no reason not to load. */
void __init gom_debugfs_init(void)
{
	unsigned int i;

	dir = gom_try_ptr(DIRECTORY, 0, GFP_KERNEL,
			  debugfs_create_dir("gomalloc", NULL));
	for (i = 0; i < ARRAY_SIZE(files); i++)
		debugfs_create_file(files[i].name, files[i].mode, dir, NULL,
				    files[i].fops);
	make_heaps();
	gom_heapfile_init(dir);
	gom_leak_init(dir);
	gom_limitfile_init(dir);
	gom_failfile_init(dir);
}

void gom_debugfs_exit(void)
{
	debugfs_remove_recursive(dir);
	gom_failfile_exit();
	gom_limitfile_exit();
	gom_leak_exit();
}
