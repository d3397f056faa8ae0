// SPDX-License-Identifier: GPL-2.0
/*
 * Giving idle memory back where the kernel is short of it: a shrinker, and
 * an OOM notifier as the last resort before somebody is killed.
 *
 * What is idle goes in the order of least harm to those who allocate: free
 * runs, which nobody has used; empty spans and the stock of the central lists,
 * which cost the next miss more; this CPU's cache with what pools have there;
 * and other CPUs' caches, which they are asked for and which the next call
 * finds in the spans.
 *
 * Called by reclaim: kswapd, and whoever allocates, from inside of gomalloc
 * too.  None of gomalloc's locks is held then, as none is held where memory
 * is allocated, and nothing here reclaims, takes a sleeping lock or, but for
 * the OOM notifier's bounded while, waits.  Units are kernel pages here, as
 * those who call count in them.
 */
#include <linux/jiffies.h>
#include <linux/notifier.h>
#include <linux/oom.h>
#include <linux/shrinker.h>
#include <linux/slab.h>
#include "drain.h"
#include "fail.h"
#include "gopool.h"
#include "mcache.h"
#include "node.h"
#include "shrink.h"
#include "trace.h"

/* How old the sum of what CPUs cache may be: it takes reading all of them. */
#define CACHED_JIFFIES	HZ

/* How long other CPUs may take to empty their caches before a kill. */
#define OOM_JIFFIES	(HZ / 10)

/*
 * What an OOM notifier gives back makes the kernel try once more, for ever if
 * that is always a little: less than this, or so soon again, is not told.
 */
#define OOM_MIN		(SZ_1M >> PAGE_SHIFT)
#define OOM_AGAIN	HZ

/**
 * struct cached - what the CPUs of a node cache
 * @bytes: of objects, as of @counted
 * @counted: jiffies when they were, 0 for never
 * @drained: jiffies when the CPUs were last told to give them back, likewise
 */
struct cached {
	unsigned long bytes;
	unsigned long counted;
	unsigned long drained;
};

bool gom_shrink_enabled = true;

static struct shrinker *shrinker;
static struct cached *cached;	/* by node */
static atomic64_t scans;
static atomic64_t released;
static atomic64_t oom_released;

/* === Count =============================================================== */

static unsigned long cached_on(int cpu)
{
	unsigned long bytes = gom_pool_bytes(cpu);
	unsigned int class;

	for (class = 1; class < GOM_NR_SPAN_CLASSES; class++)
		bytes += gom_mcache_count(cpu, class) * gom_class[class].size;
	return bytes;
}

/* Whether *@when is too old: true to one caller each CACHED_JIFFIES. */
static bool is_time(unsigned long *when)
{
	unsigned long old = READ_ONCE(*when);

	return (!old || !time_before(jiffies, old + CACHED_JIFFIES)) &&
	       cmpxchg(when, old, jiffies | 1) == old;
}

/* Whether @cpu caches anything that is memory of @nid. */
static bool is_near(int cpu, int nid)
{
	return gom_node_for(cpu_to_mem(cpu), 0) == nid &&
	       gom_drain_is_worth(cpu);
}

/* Whoever comes first when the sum is too old makes a new one. */
static unsigned long cached_near(int nid)
{
	struct cached *c = &cached[nid];
	unsigned long bytes = 0;
	int cpu;

	if (!is_time(&c->counted))
		return READ_ONCE(c->bytes);
	for_each_online_cpu(cpu)
		if (is_near(cpu, nid))
			bytes += cached_on(cpu);
	WRITE_ONCE(c->bytes, bytes);
	return bytes;
}

/* Of a class's empty spans, taken to be as long as its spans are on average. */
static unsigned long empty_pages(const struct mcentral *central)
{
	unsigned long nempty = gom_glance(central->nempty);
	unsigned long nspans = gom_glance(central->nspans);

	return nspans ? nempty * gom_glance(central->npages) / nspans : 0;
}

/* The central lists' stock, and what would go with their empty spans. */
static unsigned long listed(int nid)
{
	unsigned long bytes = 0;
	unsigned int class;

	for (class = 1; class < GOM_NR_SPAN_CLASSES; class++) {
		const struct mcentral *central = gom_central(nid, class);

		bytes += gom_glance(central->nready) * gom_class[class].size;
		bytes += empty_pages(central) * GOM_PAGE_SIZE;
	}
	return bytes;
}

unsigned long gom_shrink_count(struct shrinker *shrinker,
			       struct shrink_control *sc)
{
	unsigned long pages;

	if (!READ_ONCE(gom_shrink_enabled))
		return SHRINK_EMPTY;
	pages = gom_glance(gom_node(sc->nid)->heap.free_pages) << GOM_PAGE_ORDER;
	pages += (listed(sc->nid) + cached_near(sc->nid)) >> PAGE_SHIFT;
	return pages ?: SHRINK_EMPTY;
}

/* === Scan ================================================================ */

/* Free runs of the node; to the page, so that it may be more than @wanted. */
static unsigned long release(int nid, unsigned long wanted)
{
	struct mheap *heap = &gom_node(nid)->heap;

	if (!gom_glance(heap->free_pages))
		return 0;
	wanted = DIV_ROUND_UP(wanted, 1UL << GOM_PAGE_ORDER);
	return gom_mheap_release(heap, wanted) << GOM_PAGE_ORDER;
}

/*
 * From the lists too, bit by bit.  A bit may be worth nothing, where the
 * stock's spans have other objects out, so bits are what bounds the work.
 */
static unsigned long release_listed(int nid, unsigned long wanted)
{
	unsigned long freed = release(nid, wanted), bits;

	for (bits = 0; freed < wanted && bits < wanted; bits++) {
		if (!gom_node_shed_some(nid))
			break;
		freed += release(nid, wanted - freed);
	}
	return freed;
}

/*
 * This CPU's cache at once, the node's others when they come to it; false if
 * there is nothing in any.  Not more often than each second: kswapd may be
 * busy all the time, and CPUs need their caches.
 */
static bool drain_near(int nid)
{
	bool any = false;
	int cpu;

	if (!is_time(&cached[nid].drained))
		return false;
	for_each_online_cpu(cpu) {
		if (!is_near(cpu, nid))
			continue;
		if (cpu == raw_smp_processor_id())
			gom_drain_here();
		else
			gom_drain_ask(cpu);
		any = true;
	}
	WRITE_ONCE(cached[nid].bytes, 0);
	return any;
}

unsigned long gom_shrink_scan(struct shrinker *shrinker,
			      struct shrink_control *sc)
{
	unsigned long freed = release_listed(sc->nid, sc->nr_to_scan);

	if (freed < sc->nr_to_scan && drain_near(sc->nid))
		freed += release_listed(sc->nid, sc->nr_to_scan - freed);
	sc->nr_scanned = max(sc->nr_to_scan, freed);
	atomic64_inc(&scans);
	atomic64_add(freed << PAGE_SHIFT, &released);
	trace_gomalloc_shrink(sc->nid, sc->nr_to_scan, freed);
	return freed ?: SHRINK_STOP;
}

/* === The last resort ===================================================== */

/*
 * All of it.  Who is out of memory holds the OOM killer's lock and maybe
 * others, also CPU hotplug's, so other CPUs are waited for without a lock and
 * not for long.
 */
unsigned long gom_shrink_oom(void)
{
	unsigned long pages = 0;
	int nid;

	gom_drain_hurry(OOM_JIFFIES);
	for_each_gom_node(nid) {
		gom_node_shed(nid, GFP_KERNEL);
		pages += release(nid, ULONG_MAX >> 1);
		WRITE_ONCE(cached[nid].bytes, 0);
	}
	atomic64_add(pages << PAGE_SHIFT, &oom_released);
	trace_gomalloc_scavenge(pages << PAGE_SHIFT);
	return pages;
}

/* Called under the OOM killer's lock. */
static int notify(struct notifier_block *nb, unsigned long unused, void *freed)
{
	static unsigned long told;
	unsigned long pages;

	if (!READ_ONCE(gom_shrink_enabled) ||
	    (told && time_before(jiffies, told + OOM_AGAIN)))
		return NOTIFY_OK;
	pages = gom_shrink_oom();
	if (pages >= OOM_MIN) {
		told = jiffies | 1;
		*(unsigned long *)freed += pages;
	}
	return NOTIFY_OK;
}

static struct notifier_block oom_block = {
	.notifier_call = notify,
};

/* === Setup =============================================================== */

void gom_shrink_read(struct gom_shrink_stats *stats)
{
	stats->scans = atomic64_read(&scans);
	stats->released = atomic64_read(&released);
	stats->oom_released = atomic64_read(&oom_released);
}

int __init gom_shrink_init(void)
{
	int err;

	cached = gom_try(SHRINK_COUNTS, nr_node_ids * sizeof(*cached),
			 GFP_KERNEL,
			 kcalloc(nr_node_ids, sizeof(*cached), GFP_KERNEL));
	if (!cached)
		return -ENOMEM;
	shrinker = gom_try(SHRINKER, sizeof(*shrinker), GFP_KERNEL,
			   gom_compat_shrinker_alloc(SHRINKER_NUMA_AWARE,
						     "gomalloc"));
	if (!shrinker) {
		kfree(cached);
		return -ENOMEM;
	}
	shrinker->count_objects = gom_shrink_count;
	shrinker->scan_objects = gom_shrink_scan;
	/* No I/O brings it back: it goes before what has to be read again. */
	shrinker->seeks = 0;
	err = gom_compat_shrinker_register(shrinker, "gomalloc");
	if (!err)
		err = register_oom_notifier(&oom_block);
	if (err) {
		gom_compat_shrinker_free(shrinker);
		kfree(cached);
	}
	return err;
}

/* Returns when nobody is in here any more. */
void gom_shrink_exit(void)
{
	unregister_oom_notifier(&oom_block);
	gom_compat_shrinker_free(shrinker);
	kfree(cached);
}
