// SPDX-License-Identifier: GPL-2.0
/*
 * The limits as text: the module parameters memory_limit and memory_max, when
 * the module is loaded and in sysfs, and the files of the same names in
 * debugfs.
 *
 * What is written is taken as memparse() takes it, but nothing that it would
 * let pass: no rest behind the number, none that wraps around.  It is obeyed
 * whole or refused with one line in the log.  A limit below what is held is
 * obeyed as a cgroup's is: what is idle goes at once, the rest when it is
 * freed, and the log says how much that is.
 *
 * Process context; set_lock is held while memory is given back.
 */
#include <linux/ctype.h>
#include <linux/debugfs.h>
#include <linux/fs.h>
#include <linux/kernel.h>
#include <linux/module.h>
#include <linux/moduleparam.h>
#include <linux/mutex.h>
#include <linux/overflow.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/uaccess.h>
#include "fail.h"
#include "limitfile.h"
#include "stats.h"

/* The heap's metadata alone may take some hundred KiB. */
#define LIMIT_MIN	SZ_1M

/* As much of what was written is repeated in the log. */
#define SHOWN_MAX	40

/* Room for what "none" or a number take, with a newline. */
#define TEXT_MAX	32

static const char * const names[] = {
	[GOM_LIMIT_SOFT] = "memory_limit",
	[GOM_LIMIT_HARD] = "memory_max",
};

static_assert(ARRAY_SIZE(names) == GOM_NR_LIMITS);

/* Guards @ready, and that what is given back was held for this limit. */
static DEFINE_MUTEX(set_lock);
/* There is a heap to give back from: not yet when parameters are read. */
static bool ready;

/* A number as memparse() takes it and nothing else. */
static int parse_bytes(const char *text, s64 *bytes)
{
	static const char units[] = "KMGTPE", digits[] = "0123456789abcdef";
	bool hex = text[0] == '0' && tolower(text[1]) == 'x';
	size_t len = hex ? 2 : 0;
	unsigned int shift = 0;
	char number[TEXT_MAX];
	const char *unit;
	u64 value;

	while (text[len] && strnchr(digits, hex ? 16 : 10, tolower(text[len])))
		len++;
	if (!len || len >= sizeof(number))
		return -EINVAL;
	strscpy(number, text, len + 1);
	text += len;
	if (*text) {
		unit = strchr(units, toupper(*text++));
		if (!unit || *text)
			return -EINVAL;
		shift = 10 * (unit - units + 1);
	}
	if (kstrtou64(number, 0, &value) ||
	    check_shl_overflow(value, shift, bytes))
		return -EINVAL;
	return 0;
}

/* The same of what was written, or "none", with or without a newline. */
static int parse(const char *text, size_t len, s64 *bytes)
{
	char word[TEXT_MAX];

	if (len && text[len - 1] == '\n')
		len--;
	if (len >= sizeof(word) || strnlen(text, len) != len)
		return -EINVAL;
	memcpy(word, text, len);
	word[len] = '\0';
	if (!strcmp(word, "none")) {
		*bytes = S64_MAX;
		return 0;
	}
	return parse_bytes(word, bytes);
}

static int refuse(enum gom_limit which, const char *text, size_t len)
{
	if (len && text[len - 1] == '\n')
		len--;
	/* On one line, whatever it is. */
	pr_err("gomalloc: %s=%*pE: want at least 1M, as a number with an optional K, M, G, T, P or E, or none\n",
	       names[which], (int)min_t(size_t, len, SHOWN_MAX), text);
	return -EINVAL;
}

/* Set a limit to what @text says; -EINVAL if that is no limit. */
int gom_limitfile_set(enum gom_limit which, const char *text, size_t len)
{
	s64 bytes, held = 0;

	if (parse(text, len, &bytes) || bytes < LIMIT_MIN)
		return refuse(which, text, len);
	mutex_lock(&set_lock);
	gom_limit_set(which, bytes);
	if (ready) {
		if (gom_sys_bytes() > bytes)
			gomalloc_free_os_memory();
		held = gom_sys_bytes();
	}
	mutex_unlock(&set_lock);
	if (held > bytes)
		pr_warn("gomalloc: %s=%lld: %lld bytes are in use\n",
			names[which], bytes, held);
	return 0;
}

static int format(char *buf, size_t size, enum gom_limit which)
{
	s64 bytes = gom_limit_get(which);

	if (bytes == S64_MAX)
		return scnprintf(buf, size, "none\n");
	return scnprintf(buf, size, "%lld\n", bytes);
}

/* === Module parameters =================================================== */

static const enum gom_limit soft = GOM_LIMIT_SOFT, hard = GOM_LIMIT_HARD;

static int param_set(const char *text, const struct kernel_param *kp)
{
	return gom_limitfile_set(*(const enum gom_limit *)kp->arg, text,
				 strlen(text));
}

static int param_get(char *buf, const struct kernel_param *kp)
{
	return format(buf, PAGE_SIZE, *(const enum gom_limit *)kp->arg);
}

static const struct kernel_param_ops param_ops = {
	.set = param_set,
	.get = param_get,
};

module_param_cb(memory_limit, &param_ops, (void *)&soft, 0644);
MODULE_PARM_DESC(memory_limit, "soft limit on bytes held from the kernel, with K, M, G, T, P or E (default: none)");

module_param_cb(memory_max, &param_ops, (void *)&hard, 0644);
MODULE_PARM_DESC(memory_max, "hard limit on bytes held from the kernel, beyond which allocations fail (default: none)");

/* === debugfs ============================================================= */

static enum gom_limit limit_of(const struct file *file)
{
	return (unsigned long)file->private_data;
}

static ssize_t limit_read(struct file *file, char __user *buf, size_t count,
			  loff_t *pos)
{
	char text[TEXT_MAX];
	int len = format(text, sizeof(text), limit_of(file));

	return simple_read_from_buffer(buf, count, pos, text, len);
}

static ssize_t limit_write(struct file *file, const char __user *buf,
			   size_t count, loff_t *pos)
{
	size_t len = min_t(size_t, count, PAGE_SIZE);
	char *text = gom_try_ptr(LIMIT_TEXT, len, GFP_KERNEL,
				 memdup_user_nul(buf, len));
	int err;

	if (IS_ERR(text))
		return PTR_ERR(text);
	err = gom_limitfile_set(limit_of(file), text, len);
	kfree(text);
	return err ?: count;
}

static const struct file_operations limit_fops = {
	.owner = THIS_MODULE,
	.open = simple_open,
	.read = limit_read,
	.write = limit_write,
};

/* The heap is there. */
void __init gom_limitfile_init(struct dentry *dir)
{
	unsigned long which;

	for (which = 0; which < GOM_NR_LIMITS; which++)
		debugfs_create_file(names[which], 0600, dir, (void *)which,
				    &limit_fops);
	mutex_lock(&set_lock);
	ready = true;
	mutex_unlock(&set_lock);
}

/* It will not be there for much longer; the parameters go after it. */
void gom_limitfile_exit(void)
{
	mutex_lock(&set_lock);
	ready = false;
	mutex_unlock(&set_lock);
}
