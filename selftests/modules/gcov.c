// SPDX-License-Identifier: GPL-2.0
/*
 * The kernel's own CONFIG_GCOV_KERNEL as a module, for kernels without: counts
 * how often each line of modules ran that were compiled to tell, and shows it in
 * debugfs.  tools/guest/init loads it before gomalloc.  The kernel must have
 * CONFIG_CONSTRUCTORS, as with KASAN.
 */
#include <linux/init.h>
#include <linux/module.h>

/* This module has one that calls theirs. */
#undef device_initcall
#define device_initcall(fn)

#undef pr_fmt
#include <../kernel/gcov/base.c>
#include <../kernel/gcov/gcc_base.c>
#include <../kernel/gcov/gcc_4_7.c>
#undef pr_fmt
#include <../kernel/gcov/fs.c>

static int __init gcov_module_init(void)
{
	int err = gcov_fs_init();

	return err ?: gcov_init();
}
module_init(gcov_module_init);

MODULE_DESCRIPTION("gcov for modules on a kernel without");
MODULE_LICENSE("GPL");
