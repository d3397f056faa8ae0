// SPDX-License-Identifier: GPL-2.0
/*
 * debugfs: stats, the figures of Go's MemStats, and the tiers as a ladder.
 */
#include "malloc.h"
#include "node.h"
#include "profile.h"
#include "report.h"
#include "scavenge.h"
#include "shrink.h"
#include "stats.h"
#include "tiny.h"
#include "tracked.h"
#include "views.h"

static void rung(struct seq_file *m, char sign, u64 bytes, const char *what)
{
	seq_printf(m, "%c %14llu (%7llu.%llu MiB) %s\n", sign, bytes,
		   bytes >> 20, ((bytes & 0xfffff) * 10) >> 20, what);
}

static void ladder(struct seq_file *m, const struct gomalloc_stats *s)
{
	seq_puts(m, "\n------------------------------------------------\n");
	rung(m, '+', s->alloc, "live objects, rounded up to their class");
	rung(m, '+', s->mcache_free, "free objects in per-CPU caches");
	rung(m, '+', s->mcentral_free, "free objects in central lists");
	rung(m, '+', s->span_waste, "span tails");
	rung(m, '=', s->heap_inuse, "in spans");
	rung(m, '+', s->heap_idle, "in free runs");
	rung(m, '+', s->meta_sys, "metadata");
	rung(m, '=', s->sys, "held from the kernel");
	seq_puts(m, "------------------------------------------------\n");
}

static void limit_field(struct seq_file *m, const char *name, s64 bytes)
{
	if (bytes == S64_MAX)
		seq_printf(m, "%-16s %20s\n", name, "none");
	else
		seq_printf(m, "%-16s %20lld\n", name, bytes);
}

static void node_field(struct seq_file *m, const char *what, int nid, u64 value)
{
	char name[24];

	snprintf(name, sizeof(name), "%s[%d]", what, nid);
	seq_printf(m, "%-16s %20llu\n", name, value);
}

static void node_fields(struct seq_file *m, int nid)
{
	struct gom_node_stats s;

	gom_stats_node(nid, &s);
	node_field(m, "HeapSys", nid, s.sys);
	node_field(m, "HeapIdle", nid, s.idle);
	node_field(m, "HeapInuse", nid, s.inuse);
	node_field(m, "HomeFrees", nid, s.home_frees);
	node_field(m, "HomeBatches", nid, s.home_batches);
	node_field(m, "NodeMisses", nid, s.misses);
}

int gom_view_stats_show(struct seq_file *m, void *unused)
{
	u64 tiny_mallocs, tiny_frees;
	u64 runs = 0, grown = 0, beyond = 0, traded = 0;
	struct gom_scavenge_stats scavenge;
	struct gom_shrink_stats shrink;
	struct gomalloc_stats s;
	int nid, i;

	gom_stats_read(&s);
	gom_scavenge_read(&scavenge);
	gom_shrink_read(&shrink);
	gom_tiny_count(&tiny_mallocs, &tiny_frees);
	for_each_gom_node(nid) {
		struct mheap *heap = &gom_node(nid)->heap;

		runs += gom_glance(heap->nruns);
		grown += gom_glance(heap->grown);
		beyond += gom_glance(heap->beyond);
		traded += gom_glance(heap->traded);
	}
#define FIELD(name, value)	\
	seq_printf(m, "%-16s %20llu\n", name, (unsigned long long)(value))
	seq_puts(m, "gomalloc stats 1\n");
	FIELD("Alloc", s.alloc);
	FIELD("TotalAlloc", s.total_alloc);
	FIELD("Sys", s.sys);
	FIELD("Mallocs", s.mallocs);
	FIELD("Frees", s.frees);
	FIELD("HeapAlloc", s.alloc);
	FIELD("HeapSys", s.heap_sys);
	FIELD("HeapIdle", s.heap_idle);
	FIELD("HeapInuse", s.heap_inuse);
	FIELD("HeapReleased", s.heap_released);
	FIELD("HeapObjects", s.heap_objects);
	FIELD("OtherSys", s.meta_sys);
	FIELD("BuckHashSys", s.profile_sys);
	FIELD("PeakSys", s.peak_sys);
	FIELD("FreeRuns", runs);
	FIELD("Blocks", grown);
	FIELD("BlocksBeyond", beyond);
	FIELD("TinyMallocs", tiny_mallocs);
	FIELD("TinyFrees", tiny_frees);
	FIELD("ProfileRate", gom_profile_rate());
	FIELD("ProfilePeak", gom_profile_peak());
	FIELD("TrackedObjects", s.tracked_objects);
	FIELD("TrackedSys", s.tracked_sys);
	FIELD("TrackedFailed", gom_tracked_failed());
	FIELD("SlabMallocs", gom_malloc_forwarded());
	FIELD("SlabFrees", gom_malloc_forwarded_frees());
	limit_field(m, "MemoryLimit", s.limit);
	FIELD("MemoryLimitHits", s.limit_hits);
	limit_field(m, "MemoryMax", s.max);
	FIELD("MemoryMaxFails", s.max_fails);
	FIELD("MemoryMaxExceeded", s.max_exceeded);
	FIELD("ScavGoal", scavenge.goal);
	FIELD("ScavRounds", scavenge.rounds);
	FIELD("ScavReleased", scavenge.released);
	FIELD("ScavNsecs", scavenge.nsecs);
	FIELD("GrowReleased", traded << GOM_PAGE_SHIFT);
	FIELD("ShrinkScans", shrink.scans);
	FIELD("ShrinkReleased", shrink.released);
	FIELD("OomReleased", shrink.oom_released);
	FIELD("Misuses", s.misuses);
	for (i = 0; i < GOM_NR_MISUSES; i++)
		seq_printf(m, "  %-18s %16llu\n", gom_report_name(i),
			   gom_report_count(i));
#undef FIELD
	if (num_possible_nodes() > 1)
		for_each_gom_node(nid)
			node_fields(m, nid);
	ladder(m, &s);
	return 0;
}
