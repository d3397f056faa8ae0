// SPDX-License-Identifier: GPL-2.0
/*
 * The lines that a tool reads, in debugfs and, as they come, in the log.
 *
 *	gomalloc bench 3
 *	lane	NAME
 *	KIND	NAME	FIGURE...
 *	error	NAME	why it has no figures
 *	skip	NAME	why it was not run
 *	end	N rows	M errors
 *
 * Columns are separated by tabs. lanes.c has the kinds of rows.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/debugfs.h>
#include <linux/kernel.h>
#include <linux/printk.h>
#include "bench.h"

static char text[SZ_64K];
static struct debugfs_blob_wrapper blob = { .data = text };
static struct dentry *dir;
static u32 rows;
static u32 failed;

static __printf(1, 0) void vsay(const char *fmt, va_list args)
{
	char *line = text + blob.size;

	blob.size += vscnprintf(line, sizeof(text) - blob.size, fmt, args);
	pr_info("%s", line);
}

static __printf(1, 2) void say(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsay(fmt, args);
	va_end(args);
}

__printf(1, 2) void say_row(const char *fmt, ...)
{
	va_list args;

	rows++;
	va_start(args, fmt);
	vsay(fmt, args);
	va_end(args);
}

void say_error(const char *name, const char *why)
{
	failed++;
	say("error\t%s\t%s\n", name, why);
}

void say_skip(const char *name, const char *why)
{
	say("skip\t%s\t%s\n", name, why);
}

void results_begin(const char *lane)
{
	say("gomalloc bench 3\n");
	say("lane\t%s\n", lane);
}

void results_end(void)
{
	say("end\t%u rows\t%u errors\n", rows, failed);
	dir = debugfs_create_dir(KBUILD_MODNAME, NULL);
	debugfs_create_blob("results", 0444, dir, &blob);
	debugfs_create_u32("failed", 0444, dir, &failed);
}

void results_remove(void)
{
	debugfs_remove_recursive(dir);
}
