// SPDX-License-Identifier: GPL-2.0
/*
 * The file leaks: a command is written to it, and reading it gives the result
 * of the last one.
 *
 *	scan		live objects that nobody points to; scan.c
 *	module NAME	what the module allocated and did not free; held.c
 *	clear		forget the result and its memory
 *
 * Documentation/leaks.rst says what the results mean.
 *
 * Who reads while a command is at work gets the result before it.  Who has
 * begun to read a result goes on with it, whatever becomes of it meanwhile.
 */
#include <linux/ctype.h>
#include <linux/debugfs.h>
#include <linux/err.h>
#include <linux/fs.h>
#include <linux/math64.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/refcount.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/sort.h>
#include <linux/string.h>
#include <linux/timekeeping.h>
#include "debugfs.h"
#include "fail.h"
#include "held.h"
#include "leak.h"
#include "mark.h"
#include "scan.h"
#include "site.h"
#include "size_class.h"

/* Groups, the last of which has what finds no place in another; objects. */
#define GROUPS_MAX	256
#define SHOWN_MAX	100

/**
 * struct group - suspects of one class from one call site
 * @site: the site, NULL if they are not tracked
 * @class: as in struct gom_suspect; 0 for objects of all kinds
 * @objects: how many
 * @bytes: their bytes
 * @oldest: when the first was allocated, 0 if they are not tracked
 * @newest: when the last was
 */
struct group {
	const struct gom_site *site;
	u8 class;
	u64 objects;
	u64 bytes;
	u64 oldest;
	u64 newest;
};

/**
 * struct result - of a command
 * @users: who reads it, and @result
 * @module: of "module NAME"; empty for a scan
 * @held: what it holds, by bytes
 * @nheld: rows of it
 * @scan: what a scan found
 * @group: the same in groups, by bytes
 * @ngroups: how many
 */
struct result {
	refcount_t users;
	char module[MODULE_NAME_LEN];
	struct gom_held *held;
	unsigned int nheld;
	struct gom_scan scan;
	unsigned int ngroups;
	struct group group[GROUPS_MAX];
};

/* One command at a time. */
static DEFINE_MUTEX(command_lock);

/* Guards which result is the last one; never held for long. */
static DEFINE_MUTEX(result_lock);
static struct result *result;

static struct result *get_result(void)
{
	struct result *r;

	mutex_lock(&result_lock);
	r = result;
	if (r)
		refcount_inc(&r->users);
	mutex_unlock(&result_lock);
	return r;
}

static void put_result(struct result *r)
{
	if (!r || !refcount_dec_and_test(&r->users))
		return;
	kvfree(r->held);
	gom_scan_free(&r->scan);
	kvfree(r);
}

static void set_result(struct result *r)
{
	mutex_lock(&result_lock);
	swap(result, r);
	mutex_unlock(&result_lock);
	put_result(r);
}

/* === Commands ============================================================= */

static struct group *group_of(struct result *r,
			      const struct gom_suspect *suspect)
{
	struct group *group = r->group;

	for (; group < r->group + r->ngroups; group++)
		if (group->site == suspect->site &&
		    group->class == suspect->class)
			return group;
	if (r->ngroups == GROUPS_MAX) {
		group = &r->group[GROUPS_MAX - 1];
		group->site = NULL;
		group->class = 0;
		return group;
	}
	r->ngroups++;
	group->site = suspect->site;
	group->class = suspect->class;
	return group;
}

static void add_to_group(struct group *group, const struct gom_suspect *suspect)
{
	group->objects++;
	group->bytes += suspect->size;
	if (!suspect->when)
		return;
	if (!group->oldest || suspect->when < group->oldest)
		group->oldest = suspect->when;
	group->newest = max(group->newest, suspect->when);
}

static int by_bytes(const void *a, const void *b)
{
	const struct group *x = a, *y = b;

	return x->bytes == y->bytes ? 0 : x->bytes < y->bytes ? 1 : -1;
}

static int do_scan(struct result *r)
{
	int err = gom_scan_run(&r->scan);
	size_t i;

	for (i = 0; i < r->scan.nsuspects; i++) {
		const struct gom_suspect *suspect = &r->scan.suspect[i];

		add_to_group(group_of(r, suspect), suspect);
		cond_resched();
	}
	sort(r->group, r->ngroups, sizeof(*r->group), by_bytes, NULL);
	return err;
}

static int do_module(struct result *r, const char *name)
{
	struct gom_held *held = gom_held_collect(name, true, &r->nheld);

	if (IS_ERR(held))
		return PTR_ERR(held);
	r->held = held;
	strscpy(r->module, name, sizeof(r->module));
	return 0;
}

static bool is_module_name(const char *name)
{
	size_t len = strlen(name);

	if (!len || len >= MODULE_NAME_LEN)
		return false;
	for (; *name; name++)
		if (!(isascii(*name) && isalnum(*name)) && *name != '_')
			return false;
	return true;
}

/* The result of @command in *@r, NULL for none. */
static int run(const char *command, struct result **r)
{
	const char *name = command + strlen("module ");
	int err;

	*r = NULL;
	if (!strcmp(command, "clear"))
		return 0;
	if (strcmp(command, "scan") &&
	    !(strstarts(command, "module ") && is_module_name(name)))
		return -EINVAL;
	*r = gom_try(LEAKS, sizeof(**r), GFP_KERNEL,
		     kvzalloc(sizeof(**r), GFP_KERNEL));
	if (!*r)
		return -ENOMEM;
	refcount_set(&(*r)->users, 1);
	err = *command == 's' ? do_scan(*r) : do_module(*r, name);
	if (err)
		put_result(*r);
	return err;
}

static ssize_t leaks_write(struct file *file, const char __user *buf,
			   size_t count, loff_t *pos)
{
	/* The longest, a newline and the end. */
	char command[sizeof("module ") + MODULE_NAME_LEN];
	struct result *r;
	int err;

	err = gom_debugfs_read_word(command, sizeof(command), buf, count);
	if (err)
		return err;
	err = mutex_lock_interruptible(&command_lock);
	if (err)
		return err;
	err = run(command, &r);
	if (!err)
		set_result(r);
	mutex_unlock(&command_lock);
	return err ?: count;
}

/* === The result, a row for each position ================================== */

static size_t nshown(const struct result *r)
{
	return min_t(size_t, r->scan.nsuspects, SHOWN_MAX);
}

/* Rows below the head: groups, a second head, and suspects. */
static size_t nrows(const struct result *r)
{
	if (!r)
		return 0;
	if (*r->module)
		return r->nheld;
	return r->ngroups ? r->ngroups + 1 + nshown(r) : 0;
}

static void *row_at(const struct seq_file *m, loff_t pos)
{
	return pos <= nrows(m->private) ? (void *)(unsigned long)(pos + 1) : NULL;
}

/* Who begins anew gets the last result. */
static void *start(struct seq_file *m, loff_t *pos)
{
	if (!*pos) {
		put_result(m->private);
		m->private = get_result();
	}
	return row_at(m, *pos);
}

static void *next(struct seq_file *m, void *v, loff_t *pos)
{
	return row_at(m, ++*pos);
}

static void stop(struct seq_file *m, void *v)
{
}

static void print_age(struct seq_file *m, u64 when)
{
	char buf[GOM_HELD_AGE_LEN];

	seq_printf(m, " %11s",
		   gom_held_age(when, ktime_get_mono_fast_ns(), buf));
}

static void print_class(struct seq_file *m, u8 class)
{
	char buf[GOM_CLASS_NAME_LEN];

	seq_printf(m, " %5s", class ? gom_class_name(class, buf) : "-");
}

static void print_site(struct seq_file *m, const struct gom_site *site)
{
	char name[GOM_SITE_NAME_LEN] = "-";

	if (site)
		gom_site_name(site, name, sizeof(name));
	seq_printf(m, " %s\n", name);
}

static u64 suspect_bytes(const struct result *r)
{
	unsigned int i;
	u64 sum = 0;

	for (i = 0; i < r->ngroups; i++)
		sum += r->group[i].bytes;
	return sum;
}

static void print_scan(struct seq_file *m, const struct result *r)
{
	const struct gom_scan *scan = &r->scan;

#define FIELD(name, value)	\
	seq_printf(m, "%-16s %20llu\n", name, (unsigned long long)(value))
	FIELD("ScanAgeMs", gom_held_ms(scan->when, ktime_get_mono_fast_ns()));
	FIELD("ScanTimeUs", div_u64(scan->ns, NSEC_PER_USEC));
	FIELD("ScanMemory", scan->mark_bytes);
	FIELD("RootBytes", scan->root_bytes);
	FIELD("HeapBytes", scan->heap_bytes);
	FIELD("Objects", scan->objects);
	FIELD("Suspects", scan->nsuspects);
	FIELD("SuspectBytes", suspect_bytes(r));
#undef FIELD
	if (r->ngroups)
		seq_printf(m, "\n%12s %10s %5s %11s %11s site\n", "bytes",
			   "objects", "class", "newest_ms", "oldest_ms");
}

static void print_head(struct seq_file *m, const struct result *r)
{
	seq_puts(m, "gomalloc leaks 1\n");
	if (!r) {
		seq_puts(m, "# write to this file: scan, module NAME or clear\n");
	} else if (*r->module) {
		seq_printf(m, "Module %s\n", r->module);
		seq_printf(m, "\n%7s %12s %10s %11s %11s site\n", "kind",
			   "bytes", "objects", "newest_ms", "oldest_ms");
	} else {
		print_scan(m, r);
	}
}

static void print_held(struct seq_file *m, const struct gom_held *held)
{
	seq_printf(m, "%7s %12llu %10llu", held->exact ? "exact" : "sampled",
		   held->bytes, held->objects);
	print_age(m, held->newest);
	print_age(m, held->oldest);
	print_site(m, held->site);
}

static void print_group(struct seq_file *m, const struct group *group)
{
	seq_printf(m, "%12llu %10llu", group->bytes, group->objects);
	print_class(m, group->class);
	print_age(m, group->newest);
	print_age(m, group->oldest);
	print_site(m, group->site);
}

static void print_suspect(struct seq_file *m, const struct gom_suspect *suspect)
{
	seq_printf(m, "%12u %16pK", suspect->size, (void *)suspect->addr);
	print_class(m, suspect->class);
	print_age(m, suspect->when);
	print_site(m, suspect->site);
}

static int show(struct seq_file *m, void *v)
{
	unsigned long row = (unsigned long)v - 1;
	const struct result *r = m->private;

	if (!row) {
		print_head(m, r);
		return 0;
	}
	row--;
	if (*r->module)
		print_held(m, &r->held[row]);
	else if (row < r->ngroups)
		print_group(m, &r->group[row]);
	else if (row == r->ngroups)
		seq_printf(m, "\n%12s %16s %5s %11s site\n", "bytes", "object",
			   "class", "age_ms");
	else
		print_suspect(m, &r->scan.suspect[row - r->ngroups - 1]);
	return 0;
}

static const struct seq_operations leaks_sops = {
	.start = start,
	.next = next,
	.stop = stop,
	.show = show,
};

static int leaks_open(struct inode *inode, struct file *file)
{
	return gom_try_err(LEAKS_FILE, GFP_KERNEL,
			   seq_open(file, &leaks_sops));
}

static int leaks_release(struct inode *inode, struct file *file)
{
	put_result(((struct seq_file *)file->private_data)->private);
	return seq_release(inode, file);
}

static const struct file_operations leaks_fops = {
	.owner = THIS_MODULE,
	.open = leaks_open,
	.read = seq_read,
	.write = leaks_write,
	.llseek = seq_lseek,
	.release = leaks_release,
};

void __init gom_leak_init(struct dentry *dir)
{
	if (!gom_mark_init())
		debugfs_create_file("leaks", 0600, dir, NULL, &leaks_fops);
}

/* The file is gone. */
void gom_leak_exit(void)
{
	put_result(result);
	gom_mark_exit();
}
