// SPDX-License-Identifier: GPL-2.0
/*
 * Touches what a guarded object's guards are there for, so that
 * selftests/guard.sh can see what is reported, and that all goes on.
 *
 *	insmod gomalloc_guarded.ko kind=use-after-free
 *
 * It finds a guarded object as anybody can: by reading with care beside objects
 * until that fails. gomalloc is to be loaded with profile_rate=1.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/delay.h>
#include <linux/gomalloc.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/moduleparam.h>
#include <linux/sizes.h>
#include <linux/string.h>
#include <linux/uaccess.h>

#define SIZE	64

/* What entitles the heap to some guards. */
#define PARTS	8

static char *kind = "use-after-free";
module_param(kind, charp, 0444);
MODULE_PARM_DESC(kind, "use-after-free, overrun or underrun");

static bool is_hidden(const void *at)
{
	u8 byte;

	return copy_from_kernel_nofault(&byte, at, 1);
}

/* Let go of @obj and, whatever that was, read it. */
static noinline u8 use_after_free(u8 *obj)
{
	OPTIMIZER_HIDE_VAR(obj);
	gofree(obj);
	OPTIMIZER_HIDE_VAR(obj);
	return READ_ONCE(*obj);
}

static noinline void overrun(u8 *obj)
{
	WRITE_ONCE(obj[SIZE], 1);
	gofree(obj);
}

static noinline void underrun(u8 *obj)
{
	WRITE_ONCE(obj[-1], 1);
	gofree(obj);
}

static bool fits(const u8 *obj)
{
	if (!strcmp(kind, "overrun"))
		return is_hidden(obj + SIZE);
	if (!strcmp(kind, "underrun"))
		return is_hidden(obj - 1);
	return is_hidden(obj + SIZE) || is_hidden(obj - 1);
}

/* An object that has a guard where this is about to touch one. */
static noinline u8 *find(void)
{
	unsigned int tries;
	u8 *obj;

	for (tries = 0; tries < 500; tries++) {
		obj = gomalloc(SIZE, GFP_KERNEL | __GFP_ZERO);
		OPTIMIZER_HIDE_VAR(obj);
		if (!obj || fits(obj))
			return obj;
		gofree(obj);
		msleep(20);
	}
	return NULL;
}

static int do_it(void)
{
	u8 *obj = find();

	if (!obj)
		return -ENOENT;
	if (!strcmp(kind, "overrun"))
		overrun(obj);
	else if (!strcmp(kind, "underrun"))
		underrun(obj);
	else
		use_after_free(obj);
	pr_info("went on after %s\n", kind);
	return 0;
}

static int __init guarded_init(void)
{
	void *parts[PARTS];
	unsigned int i;
	int err;

	for (i = 0; i < PARTS; i++)
		parts[i] = gomalloc(SZ_4M, GFP_KERNEL);
	err = do_it();
	for (i = 0; i < PARTS; i++)
		gofree(parts[i]);
	return err;
}
module_init(guarded_init);

static void __exit guarded_exit(void)
{
}
module_exit(guarded_exit);

MODULE_DESCRIPTION("Touches the guards of gomalloc's guarded objects");
MODULE_LICENSE("GPL");
