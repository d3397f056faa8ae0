// SPDX-License-Identifier: GPL-2.0
/*
 * gomalloc/fail in debugfs and the parameter fail: which calls for memory fail
 * on purpose.  fail.c says what a site is.
 *
 * A request that a CPU's cache serves asks nobody for memory.  So while the
 * attribute is armed, its probability being more than 0, all requests are
 * diverted to the slow path, as sample.c does for a trace; while it is not,
 * that costs them nothing.  To know of it, the file probability is ours, where
 * the kernel would put one of its own.
 *
 * Process context.
 */
#include <linux/debugfs.h>
#include <linux/err.h>
#include <linux/fs.h>
#include <linux/module.h>
#include <linux/moduleparam.h>
#include <linux/mutex.h>
#include <linux/seq_file.h>
#include <linux/string.h>
#include <linux/uaccess.h>
#include "debugfs.h"
#include "fail.h"
#include "failfile.h"
#include "sample.h"

/* Guards @armed, and the probability as written here. */
static DEFINE_MUTEX(arm_lock);
static bool armed;

static void arm(bool want)
{
	lockdep_assert_held(&arm_lock);
	if (want == armed)
		return;
	armed = want;
	if (want) {
		gom_sample_divert_allocs();
		static_branch_enable(&gom_fail_armed);
	} else {
		static_branch_disable(&gom_fail_armed);
		gom_sample_undivert_allocs();
	}
}

/* Have so many of 100 calls fail; -EINVAL if that is none of 0 to 100. */
int gom_failfile_set_probability(unsigned long percent)
{
	if (percent > 100)
		return -EINVAL;
	mutex_lock(&arm_lock);
	WRITE_ONCE(gom_fail_settings.attr.probability, percent);
	arm(percent);
	mutex_unlock(&arm_lock);
	return 0;
}

/* === Module parameter ==================================================== */

/*
 * As failslab's on the kernel's command line.  It is for what is called as the
 * module is loaded, all of which may wait.
 */
static int param_set(const char *text, const struct kernel_param *kp)
{
	struct fault_attr attr = FAULT_ATTR_INITIALIZER;
	struct gom_fail_settings *s = &gom_fail_settings;

	if (!setup_fault_attr(&attr, (char *)text) || attr.probability > 100) {
		pr_err("gomalloc: fail: want interval, probability in percent, space and times, with commas between them\n");
		return -EINVAL;
	}
	WRITE_ONCE(s->ignore_gfp_wait, false);
	/* The site's name says where, and a stack takes long to print. */
	s->attr.verbose = 1;
	s->attr.interval = attr.interval;
	atomic_set(&s->attr.space, atomic_read(&attr.space));
	atomic_set(&s->attr.times, atomic_read(&attr.times));
	return gom_failfile_set_probability(attr.probability);
}

static const struct kernel_param_ops param_ops = {
	.set = param_set,
};

module_param_cb(fail, &param_ops, NULL, 0);
MODULE_PARM_DESC(fail, "interval,probability,space,times: calls for memory that fail from the load on (default: none)");

/* === debugfs ============================================================= */

static int probability_set(void *data, u64 percent)
{
	return gom_failfile_set_probability(min_t(u64, percent, ULONG_MAX));
}

static int probability_get(void *data, u64 *percent)
{
	*percent = READ_ONCE(gom_fail_settings.attr.probability);
	return 0;
}

DEFINE_DEBUGFS_ATTRIBUTE(probability_fops, probability_get, probability_set,
			 "%llu\n");

static ssize_t only_read(struct file *file, char __user *buf, size_t count,
			 loff_t *pos)
{
	enum gom_fail_site only = READ_ONCE(gom_fail_settings.only);
	char text[32];
	int len = scnprintf(text, sizeof(text), "%s\n",
			    only < GOM_NR_FAIL_SITES ? gom_fail_name(only) :
						       "all");

	return simple_read_from_buffer(buf, count, pos, text, len);
}

static ssize_t only_write(struct file *file, const char __user *buf,
			  size_t count, loff_t *pos)
{
	enum gom_fail_site site = 0;
	char word[32];
	int err = gom_debugfs_read_word(word, sizeof(word), buf, count);

	if (err)
		return err;
	while (site < GOM_NR_FAIL_SITES && strcmp(word, gom_fail_name(site)))
		site++;
	if (site == GOM_NR_FAIL_SITES && strcmp(word, "all"))
		return -EINVAL;
	WRITE_ONCE(gom_fail_settings.only, site);
	return count;
}

static const struct file_operations only_fops = {
	.owner = THIS_MODULE,
	.open = simple_open,
	.read = only_read,
	.write = only_write,
};

/* When a site is called. */
static const char *when(enum gom_fail_site site)
{
	if (site < GOM_FAIL_FILE)
		return "run";
	return site < GOM_FAIL_LOAD ? "file" : "load";
}

static int sites_show(struct seq_file *m, void *unused)
{
	struct gom_fail_count count;
	enum gom_fail_site site;

	seq_puts(m, "gomalloc fail/sites 1\n");
	seq_printf(m, "%14s %14s %4s  %s\n", "calls", "failed", "when", "site");
	for (site = 0; site < GOM_NR_FAIL_SITES; site++) {
		gom_fail_read(site, &count);
		seq_printf(m, "%14lu %14lu %4s  %s\n", count.calls,
			   count.failed, when(site), gom_fail_name(site));
	}
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(sites);

/* Without CONFIG_FAULT_INJECTION_DEBUG_FS there is the parameter alone. */
void __init gom_failfile_init(struct dentry *dir)
{
	struct gom_fail_settings *s = &gom_fail_settings;
	struct dentry *fail = fault_create_debugfs_attr("fail", dir, &s->attr);

	if (IS_ERR(fail))
		return;
	debugfs_lookup_and_remove("probability", fail);
	debugfs_create_file("probability", 0600, fail, NULL,
			    &probability_fops);
	debugfs_create_bool("ignore-gfp-wait", 0600, fail,
			    &s->ignore_gfp_wait);
	debugfs_create_file("only", 0600, fail, NULL, &only_fops);
	debugfs_create_file("sites", 0400, fail, NULL, &sites_fops);
}

/* The files are gone. */
void gom_failfile_exit(void)
{
	gom_compat_fault_attr_free(&gom_fail_settings.attr);
}
