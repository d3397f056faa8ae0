// SPDX-License-Identifier: GPL-2.0
/*
 * Loading and unloading: the order of init and exit, and the parameters.
 *
 * Clients import gomalloc's symbols and so pin the module: when it goes,
 * nobody is left to call it.  What clients did not free is listed then, and
 * its pages stay allocated, since a stray pointer may still be used.
 */
#include <linux/kernel.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/moduleparam.h>
#include <linux/random.h>
#include <linux/rcupdate.h>
#include <linux/string.h>
#include "arena.h"
#include "client.h"
#include "debug.h"
#include "debugfs.h"
#include "fault.h"
#include "gopool.h"
#include "guard.h"
#include "guarded.h"
#include "heaps.h"
#include "kasan.h"
#include "mcache.h"
#include "mspan.h"
#include "node.h"
#include "nolock.h"
#include "profile.h"
#include "sample.h"
#include "scavenge.h"
#include "shrink.h"
#include "site.h"
#include "size_class.h"
#include "stats.h"

static int set_profile_rate(const char *text, const struct kernel_param *kp)
{
	unsigned long bytes;
	int err = kstrtoul(text, 0, &bytes);

	if (!err)
		err = gom_sample_set_rate(bytes);
	if (err)
		pr_err("gomalloc: profile_rate: want bytes from 0 (off) to %lu\n",
		       GOM_SAMPLE_RATE_MAX);
	return err;
}

static int get_profile_rate(char *buf, const struct kernel_param *kp)
{
	return sysfs_emit(buf, "%lu\n", gom_profile_rate());
}

static const struct kernel_param_ops profile_rate_ops = {
	.set = set_profile_rate,
	.get = get_profile_rate,
};

module_param_cb(profile_rate, &profile_rate_ops, NULL, 0644);
MODULE_PARM_DESC(profile_rate, "bytes between two sampled allocations on average; 0: none, 1: all (default: 524288)");

static int set_callsites(const char *text, const struct kernel_param *kp)
{
	char list[256];
	int err;

	/* What comes from a shell ends with a newline. */
	if (strscpy(list, text, sizeof(list)) < 0)
		return -E2BIG;
	err = gom_sample_set_counted(strim(list));
	if (err)
		pr_err("gomalloc: callsites: want names of modules with commas between them, * for all, or nothing\n");
	return err;
}

static int get_callsites(char *buf, const struct kernel_param *kp)
{
	int n = gom_site_show_counted(buf, PAGE_SIZE - 1);

	return n + sysfs_emit_at(buf, n, "\n");
}

static const struct kernel_param_ops callsites_ops = {
	.set = set_callsites,
	.get = get_callsites,
};

module_param_cb(callsites, &callsites_ops, NULL, 0644);
MODULE_PARM_DESC(callsites, "modules whose allocations are counted by call site, with commas; * for all (default: none)");

static int set_debug(const char *text, const struct kernel_param *kp)
{
	char line[GOM_DEBUG_LEN];
	int err;

	if (strscpy(line, text, sizeof(line)) < 0)
		return -E2BIG;
	err = gom_sample_set_debug(strim(line));
	if (err)
		pr_err("gomalloc: debug: want letters of FZPUKL, then sizes or names of modules and functions, with commas between them: error %d\n",
		       err);
	return err;
}

static int get_debug(char *buf, const struct kernel_param *kp)
{
	int n = gom_debug_show(buf, PAGE_SIZE - 1);

	return n + sysfs_emit_at(buf, n, "\n");
}

static const struct kernel_param_ops debug_ops = {
	.set = set_debug,
	.get = get_debug,
};

module_param_cb(debug, &debug_ops, NULL, 0644);
MODULE_PARM_DESC(debug, "what to check of objects: F life, Z bounds, P poison, U owners, K KASAN or KMSAN, L kmemleak; then of which sizes, modules, functions, with commas (default: none)");

static int set_scavenge(const char *text, const struct kernel_param *kp)
{
	bool want;
	int err = kstrtobool(text, &want);

	if (!err)
		gom_scavenge_switch(want);
	return err;
}

static int get_scavenge(char *buf, const struct kernel_param *kp)
{
	return sysfs_emit(buf, "%c\n", gom_scavenge_is_on() ? 'Y' : 'N');
}

static const struct kernel_param_ops scavenge_ops = {
	.set = set_scavenge,
	.get = get_scavenge,
};

module_param_cb(scavenge, &scavenge_ops, NULL, 0644);
MODULE_PARM_DESC(scavenge, "give idle memory back in the background (default: 1)");

module_param_named(shrinker, gom_shrink_enabled, bool, 0644);
MODULE_PARM_DESC(shrinker, "give idle memory back when the kernel is short of it (default: 1)");

module_param_named(pool_check, gom_pool_check, bool, 0644);
MODULE_PARM_DESC(pool_check, "have pools that are made from now on look for double puts (default: 0)");

module_param_named(guard_interval, gom_guard_interval, uint, 0644);
MODULE_PARM_DESC(guard_interval, "milliseconds between two sampled objects with a page beside them that faults; 0 for none (default: 0)");

module_param_named(freelist_random, gom_mspan_random, bool, 0644);
MODULE_PARM_DESC(freelist_random, "hand the objects of a span out in random order (default: 0)");

static int __init gom_init(void)
{
	int err;

	gom_size_class_init();
	/* Objects are aligned, so a key is odd: neither 0 nor a pointer. */
	gomalloc_hot.secret = get_random_long() | 1;
	err = gom_mspan_init();
	if (err)
		return err;
	err = gom_arena_init();
	if (err)
		goto out_mspan;
	err = gom_node_init();
	if (err)
		goto out_arena;
	err = gom_mcache_init();
	if (err)
		goto out_node;
	err = gom_heaps_init();
	if (err)
		goto out_mcache;
	err = gom_sample_init();
	if (err)
		goto out_goheap;
	gom_nolock_init();
	err = gom_scavenge_init();
	if (err)
		goto out_sample;
	err = gom_shrink_init();
	if (err)
		goto out_scavenge;
	err = gom_client_init();
	if (err)
		goto out_shrink;
	err = gom_fault_init();
	if (err)
		goto out_client;
	gom_kasan_init();
	gom_debugfs_init();
	pr_info("gomalloc: loaded: %d size classes, %lu KiB pages, %lu arenas of %lu MiB, %d nodes\n",
		GOMALLOC_NR_CLASSES - 1, GOM_PAGE_SIZE >> 10,
		gomalloc_hot.nr_arenas, GOM_ARENA_SIZE >> 20, num_possible_nodes());
	return 0;

out_client:
	gom_client_exit();
out_shrink:
	gom_shrink_exit();
out_scavenge:
	gom_scavenge_exit();
out_sample:
	gom_sample_exit();
out_goheap:
	gom_heaps_exit();
out_mcache:
	gom_mcache_exit();
out_node:
	gom_node_exit();
out_arena:
	gom_arena_exit();
out_mspan:
	gom_mspan_exit();
	return err;
}
module_init(gom_init);

static void __exit gom_exit(void)
{
	int leaked, nid;

	/* Frees that clients left to RCU, then what caches hold. */
	rcu_barrier();
	gom_debugfs_exit();
	gom_client_exit();
	gom_shrink_exit();
	gom_guarded_exit();
	gom_scavenge_exit();
	gom_fault_exit();
	gom_kasan_exit();
	leaked = gom_stats_leaks();
	for_each_gom_node(nid)
		gom_mheap_release(&gom_node(nid)->heap, ULONG_MAX);
	gom_sample_exit();
	gom_heaps_exit();
	gom_mcache_exit();
	/* Arenas that their last pages left are freed by RCU. */
	rcu_barrier();
	gom_node_exit();
	gom_arena_exit();
	gom_mspan_exit();
	gom_profile_exit();
	gom_site_exit();
	if (leaked)
		pr_warn("gomalloc: leaked %d objects in all; their pages stay allocated\n",
			leaked);
	else
		pr_info("gomalloc: unloaded, nothing leaked\n");
}
module_exit(gom_exit);

MODULE_DESCRIPTION("The Go runtime's memory allocator for the kernel");
MODULE_AUTHOR("The gomalloc maintainers");
MODULE_VERSION("0.1");
MODULE_LICENSE("GPL");
