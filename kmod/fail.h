/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _GOM_FAIL_H
#define _GOM_FAIL_H

#include <linux/fault-inject.h>
#include "gom.h"

/*
 * Where memory is asked for.  Every call that may fail for lack of it is at a
 * site of its own; tools/tests/fail-sites finds those that are not.  Those
 * from GOM_FAIL_FILE on are called where files are read and written only, and
 * those from GOM_FAIL_LOAD on only as the module is loaded.
 */
enum gom_fail_site {
	/* What clients ask for. */
	GOM_FAIL_REQUEST,		/* gomalloc() and its like */
	GOM_FAIL_HEAP_REQUEST,		/* goheap_alloc() and its like */
	GOM_FAIL_SLAB,			/* kmalloc()'s to serve */
	GOM_FAIL_SLAB_RESIZE,
	GOM_FAIL_SLAB_IN_PLACE,
	GOM_FAIL_AREA,			/* vmalloc()'s */
	GOM_FAIL_DEVRES,
	GOM_FAIL_HEAP,
	GOM_FAIL_POOL_CPUS,
	/* What objects lie in, and what that needs. */
	GOM_FAIL_BLOCK,
	GOM_FAIL_HEADER,
	GOM_FAIL_BITMAP,
	GOM_FAIL_SLOTS,
	GOM_FAIL_ARENA,
	GOM_FAIL_CHUNK,
	GOM_FAIL_MAGAZINE,
	/* What is remembered of them. */
	GOM_FAIL_SITE,
	GOM_FAIL_SITE_NAME,
	GOM_FAIL_SITE_ID,
	GOM_FAIL_LAST_NAME,
	GOM_FAIL_BUCKET,
	GOM_FAIL_BUCKET_ID,
	GOM_FAIL_HEAP_ROW,
	GOM_FAIL_STACK,
	GOM_FAIL_STACK_DEPOT,
	/* What checks take for a while. */
	GOM_FAIL_TALLY,
	GOM_FAIL_SCAN,
	GOM_FAIL_MARKS,
	GOM_FAIL_MARKS_TREE,
	GOM_FAIL_TASKS,
	GOM_FAIL_SUSPECTS,

	GOM_FAIL_FILE,
	GOM_FAIL_CALLSITES = GOM_FAIL_FILE,
	GOM_FAIL_CALLSITES_FILE,
	GOM_FAIL_HELD,
	GOM_FAIL_LEAKS,
	GOM_FAIL_LEAKS_FILE,
	GOM_FAIL_LIMIT_TEXT,

	GOM_FAIL_LOAD,
	GOM_FAIL_HEADER_CACHE = GOM_FAIL_LOAD,
	GOM_FAIL_TINY_CACHE,
	GOM_FAIL_BITMAP_CACHE,
	GOM_FAIL_ARENA_CACHE,
	GOM_FAIL_CHUNK_CACHE,
	GOM_FAIL_ARENA_MAP,
	GOM_FAIL_ARENA_BITS,
	GOM_FAIL_NODES,
	GOM_FAIL_NODE,
	GOM_FAIL_MCACHE,
	GOM_FAIL_HEAP_CACHE,
	GOM_FAIL_SAMPLES,
	GOM_FAIL_DRAIN_QUEUE,
	GOM_FAIL_DEAD_CPU,
	GOM_FAIL_SCAVENGE_QUEUE,
	GOM_FAIL_SHRINK_COUNTS,
	GOM_FAIL_SHRINKER,
	GOM_FAIL_MARKS_CACHE,
	GOM_FAIL_DIRECTORY,
	GOM_NR_FAIL_SITES
};

/* KUnit's suites decide by a stub, where there is no fault injection too. */
#if defined(CONFIG_FAULT_INJECTION) || IS_ENABLED(CONFIG_KUNIT)

/**
 * struct gom_fail_count - what happened at a site
 * @calls: memory was asked for there
 * @failed: and the call was made to fail
 */
struct gom_fail_count {
	unsigned long calls;
	unsigned long failed;
};

bool gom_fails(enum gom_fail_site site, size_t size, gfp_t gfp);
bool gom_fail_decides(enum gom_fail_site site, size_t size, gfp_t gfp);
const char *gom_fail_name(enum gom_fail_site site);
void gom_fail_read(enum gom_fail_site site, struct gom_fail_count *count);

#else

static inline bool gom_fails(enum gom_fail_site site, size_t size, gfp_t gfp)
{
	return false;
}

#endif

/* What @call gives, of @size bytes with @gfp; NULL if @site is to fail. */
#define gom_try(site, size, gfp, call) \
	(gom_fails(GOM_FAIL_##site, size, gfp) ? NULL : (call))

/* The same of a call that may return ERR_PTR(). */
#define gom_try_ptr(site, size, gfp, call) \
	(gom_fails(GOM_FAIL_##site, size, gfp) ? ERR_PTR(-ENOMEM) : (call))

/* The same of a call that returns an error number. */
#define gom_try_err(site, gfp, call) \
	(gom_fails(GOM_FAIL_##site, 0, gfp) ? -ENOMEM : (call))

#ifdef CONFIG_FAULT_INJECTION

/**
 * struct gom_fail_settings - when and where calls fail
 * @attr: the kernel's fault attribute
 * @ignore_gfp_wait: not those that may wait
 * @only: at this site, at all if it is %GOM_NR_FAIL_SITES
 */
struct gom_fail_settings {
	struct fault_attr attr;
	bool ignore_gfp_wait;
	enum gom_fail_site only;
};

extern struct gom_fail_settings gom_fail_settings;
DECLARE_STATIC_KEY_FALSE(gom_fail_armed);

/* Whether every request is to be looked at. */
static __always_inline bool gom_fail_is_armed(void)
{
	return static_branch_unlikely(&gom_fail_armed);
}

#else

static __always_inline bool gom_fail_is_armed(void)
{
	return false;
}

#endif

#endif /* _GOM_FAIL_H */
