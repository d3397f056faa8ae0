// SPDX-License-Identifier: GPL-2.0
/*
 * Failures on purpose: which call for memory fails, and counts of both.
 *
 * As in failslab, the kernel's fault attribute says how often, and what must
 * not fail does not.  All calls of gomalloc's own are behind it and all
 * requests of clients, so that both can be seen to bear it.  Linked in only
 * where the kernel has fault injection or KUnit, whose suites put a stub in the
 * place of gom_fail_decides().
 *
 * Called where memory is asked for: in any context, with no lock held that is
 * not held there.  In NMI nothing fails, as the kernel draws random numbers
 * and prints.  failfile.c has the settings.
 */
#include <linux/cpumask.h>
#include <linux/percpu.h>
#include "fail.h"

static const char *const names[] = {
	[GOM_FAIL_REQUEST] = "request",
	[GOM_FAIL_HEAP_REQUEST] = "heap-request",
	[GOM_FAIL_SLAB] = "slab",
	[GOM_FAIL_SLAB_RESIZE] = "slab-resize",
	[GOM_FAIL_SLAB_IN_PLACE] = "slab-in-place",
	[GOM_FAIL_AREA] = "area",
	[GOM_FAIL_DEVRES] = "devres",
	[GOM_FAIL_HEAP] = "heap",
	[GOM_FAIL_POOL_CPUS] = "pool-cpus",
	[GOM_FAIL_BLOCK] = "block",
	[GOM_FAIL_HEADER] = "header",
	[GOM_FAIL_BITMAP] = "bitmap",
	[GOM_FAIL_SLOTS] = "slots",
	[GOM_FAIL_ARENA] = "arena",
	[GOM_FAIL_CHUNK] = "chunk",
	[GOM_FAIL_MAGAZINE] = "magazine",
	[GOM_FAIL_SITE] = "site",
	[GOM_FAIL_SITE_NAME] = "site-name",
	[GOM_FAIL_SITE_ID] = "site-id",
	[GOM_FAIL_LAST_NAME] = "last-name",
	[GOM_FAIL_BUCKET] = "bucket",
	[GOM_FAIL_BUCKET_ID] = "bucket-id",
	[GOM_FAIL_HEAP_ROW] = "heap-row",
	[GOM_FAIL_STACK] = "stack",
	[GOM_FAIL_STACK_DEPOT] = "stack-depot",
	[GOM_FAIL_TALLY] = "tally",
	[GOM_FAIL_SCAN] = "scan",
	[GOM_FAIL_MARKS] = "marks",
	[GOM_FAIL_MARKS_TREE] = "marks-tree",
	[GOM_FAIL_TASKS] = "tasks",
	[GOM_FAIL_SUSPECTS] = "suspects",
	[GOM_FAIL_CALLSITES] = "callsites",
	[GOM_FAIL_CALLSITES_FILE] = "callsites-file",
	[GOM_FAIL_HELD] = "held",
	[GOM_FAIL_LEAKS] = "leaks",
	[GOM_FAIL_LEAKS_FILE] = "leaks-file",
	[GOM_FAIL_LIMIT_TEXT] = "limit-text",
	[GOM_FAIL_HEADER_CACHE] = "header-cache",
	[GOM_FAIL_TINY_CACHE] = "tiny-cache",
	[GOM_FAIL_BITMAP_CACHE] = "bitmap-cache",
	[GOM_FAIL_ARENA_CACHE] = "arena-cache",
	[GOM_FAIL_CHUNK_CACHE] = "chunk-cache",
	[GOM_FAIL_ARENA_MAP] = "arena-map",
	[GOM_FAIL_ARENA_BITS] = "arena-bits",
	[GOM_FAIL_NODES] = "nodes",
	[GOM_FAIL_NODE] = "node",
	[GOM_FAIL_MCACHE] = "mcache",
	[GOM_FAIL_HEAP_CACHE] = "heap-cache",
	[GOM_FAIL_SAMPLES] = "samples",
	[GOM_FAIL_DRAIN_QUEUE] = "drain-queue",
	[GOM_FAIL_DEAD_CPU] = "dead-cpu",
	[GOM_FAIL_SCAVENGE_QUEUE] = "scavenge-queue",
	[GOM_FAIL_SHRINK_COUNTS] = "shrink-counts",
	[GOM_FAIL_SHRINKER] = "shrinker",
	[GOM_FAIL_MARKS_CACHE] = "marks-cache",
	[GOM_FAIL_DIRECTORY] = "directory",
};

static_assert(ARRAY_SIZE(names) == GOM_NR_FAIL_SITES);

static DEFINE_PER_CPU(struct gom_fail_count, counts[GOM_NR_FAIL_SITES]);

#ifdef CONFIG_FAULT_INJECTION

struct gom_fail_settings gom_fail_settings = {
	.attr = FAULT_ATTR_INITIALIZER,
	.ignore_gfp_wait = true,
	.only = GOM_NR_FAIL_SITES,
};

DEFINE_STATIC_KEY_FALSE(gom_fail_armed);

static bool attribute_decides(enum gom_fail_site site, size_t size, gfp_t gfp)
{
	struct gom_fail_settings *s = &gom_fail_settings;
	enum gom_fail_site only = READ_ONCE(s->only);

	if ((only != GOM_NR_FAIL_SITES && only != site) ||
	    (READ_ONCE(s->ignore_gfp_wait) && gfp & __GFP_DIRECT_RECLAIM) ||
	    !should_fail(&s->attr, size))
		return false;
	/* The kernel has told of the attribute, and may have told enough. */
	if (READ_ONCE(s->attr.verbose) && __ratelimit(&s->attr.ratelimit_state))
		pr_notice("gomalloc: %s fails on purpose\n", names[site]);
	return true;
}

#else

static bool attribute_decides(enum gom_fail_site site, size_t size, gfp_t gfp)
{
	return false;
}

#endif

/* Whether the call is one to fail. */
bool gom_fail_decides(enum gom_fail_site site, size_t size, gfp_t gfp)
{
	KUNIT_STATIC_STUB_REDIRECT(gom_fail_decides, site, size, gfp);
	return attribute_decides(site, size, gfp);
}

/* Count a call for @size bytes at @site; true if it is to fail. */
bool gom_fails(enum gom_fail_site site, size_t size, gfp_t gfp)
{
	bool fails = !in_nmi() && !(gfp & __GFP_NOFAIL) &&
		     gom_fail_decides(site, size, gfp);

	this_cpu_inc(counts[site].calls);
	if (unlikely(fails))
		this_cpu_inc(counts[site].failed);
	return fails;
}

const char *gom_fail_name(enum gom_fail_site site)
{
	return names[site];
}

/* Since the module was loaded, on all CPUs. */
void gom_fail_read(enum gom_fail_site site, struct gom_fail_count *count)
{
	const struct gom_fail_count *each;
	int cpu;

	*count = (struct gom_fail_count) {};
	for_each_possible_cpu(cpu) {
		each = per_cpu_ptr(&counts[site], cpu);
		count->calls += READ_ONCE(each->calls);
		count->failed += READ_ONCE(each->failed);
	}
}
