// SPDX-License-Identifier: GPL-2.0
/*
 * debugfs: metrics, all figures for programs, one to a line.
 *
 *	NAME VALUE
 *	NAME{LABEL="...",...} VALUE
 *
 * Names are in the manner of Go's runtime/metrics, a path and a unit.  Each
 * section below is for what there is several of, and yields a record for each
 * of them; nothing is held from one record to the next.
 */
#include <linux/cpumask.h>
#include <linux/nodemask.h>
#include "arena.h"
#include "gopool.h"
#include "goreserve.h"
#include "profile.h"
#include "report.h"
#include "scavenge.h"
#include "shrink.h"
#include "site.h"
#include "size_class.h"
#include "stats.h"
#include "tiny.h"
#include "tracked.h"
#include "views.h"

#define LABELS_LEN	64

static void put(struct seq_file *m, const char *name, u64 value)
{
	seq_printf(m, "%s %llu\n", name, value);
}

static void put_labelled(struct seq_file *m, const char *name,
			 const char *labels, u64 value)
{
	seq_printf(m, "%s{%s} %llu\n", name, labels, value);
}

/* === The heap as a whole ================================================= */

static u64 heap_find(u64 i)
{
	return i ? U64_MAX : 0;
}

static void heap_show(struct seq_file *m, u64 i)
{
	u64 tiny_mallocs, tiny_frees;
	struct gom_scavenge_stats scavenge;
	struct gom_shrink_stats shrink;
	struct gomalloc_stats s;

	gom_stats_read(&s);
	gom_scavenge_read(&scavenge);
	gom_shrink_read(&shrink);
	gom_tiny_count(&tiny_mallocs, &tiny_frees);
	put(m, "/memory/classes/total:bytes", s.sys);
	put(m, "/memory/classes/peak:bytes", s.peak_sys);
	if (s.limit != S64_MAX)
		put(m, "/memory/classes/limit:bytes", s.limit);
	if (s.max != S64_MAX)
		put(m, "/memory/classes/max:bytes", s.max);
	put(m, "/memory/classes/heap/objects:bytes", s.alloc);
	put(m, "/memory/classes/heap/mcache-free:bytes", s.mcache_free);
	put(m, "/memory/classes/heap/mcentral-free:bytes", s.mcentral_free);
	put(m, "/memory/classes/heap/span-waste:bytes", s.span_waste);
	put(m, "/memory/classes/heap/free:bytes", s.heap_idle);
	put(m, "/memory/classes/heap/released:bytes", s.heap_released);
	put(m, "/memory/classes/metadata:bytes", s.meta_sys);
	put(m, "/gc/heap/allocs:bytes", s.total_alloc);
	put(m, "/gc/heap/allocs:objects", s.mallocs);
	put(m, "/gc/heap/frees:objects", s.frees);
	put(m, "/gc/heap/objects:objects", s.heap_objects);
	put(m, "/gc/heap/tiny/allocs:objects", tiny_mallocs);
	put(m, "/memory/limit/hits:events", s.limit_hits);
	put(m, "/memory/max/fails:events", s.max_fails);
	put(m, "/memory/max/exceeded:events", s.max_exceeded);
	put(m, "/scavenge/goal:bytes", scavenge.goal);
	put(m, "/scavenge/rounds:rounds", scavenge.rounds);
	put(m, "/scavenge/released:bytes", scavenge.released);
	put(m, "/scavenge/work:nanoseconds", scavenge.nsecs);
	put(m, "/pressure/shrink/scans:calls", shrink.scans);
	put(m, "/pressure/shrink/released:bytes", shrink.released);
	put(m, "/pressure/oom/released:bytes", shrink.oom_released);
}

/* === Classes ============================================================= */

static u64 class_find(u64 i)
{
	return i <= GOM_CLASS_HEAP ? max(i, 1ULL) : U64_MAX;
}

static void class_show(struct seq_file *m, u64 class)
{
	char name[GOM_CLASS_NAME_LEN], labels[LABELS_LEN];
	struct gom_class_stats s;

	gom_stats_class(class, &s);
	snprintf(labels, sizeof(labels), "class=\"%s\",size=\"%u\"",
		 gom_class_name(class, name), gom_class_of(class)->size);
	put_labelled(m, "/class/live:objects", labels, s.live);
	put_labelled(m, "/class/spans:spans", labels, s.nspans);
	put_labelled(m, "/class/held:bytes", labels, s.held);
	put_labelled(m, "/class/mcache:objects", labels, s.mcache);
	put_labelled(m, "/class/ready:objects", labels, s.ready);
	put_labelled(m, "/class/free:objects", labels, s.spans_free);
	put_labelled(m, "/class/mallocs:objects", labels, s.mallocs);
	put_labelled(m, "/class/refills:batches", labels, s.refills);
	put_labelled(m, "/class/flushes:batches", labels, s.flushes);
	put_labelled(m, "/class/locks:locks", labels, s.locks);
	put_labelled(m, "/class/waste:percent-hundredths", labels,
		     gom_stats_waste(s.live_bytes, s.held));
	put_labelled(m, "/class/peak-held:bytes", labels, s.peak_held);
	put_labelled(m, "/class/peak-live:bytes", labels, s.peak_live);
}

/* === CPUs ================================================================ */

static u64 cpu_find(u64 i)
{
	unsigned int cpu = i < nr_cpu_ids ?
		cpumask_next((int)i - 1, cpu_possible_mask) : nr_cpu_ids;

	return cpu < nr_cpu_ids ? cpu : U64_MAX;
}

static void cpu_show(struct seq_file *m, u64 cpu)
{
	char labels[LABELS_LEN];
	struct gom_cpu_stats s;

	gom_stats_cpu(cpu, &s);
	snprintf(labels, sizeof(labels), "cpu=\"%llu\"", cpu);
	put_labelled(m, "/cpu/mallocs:objects", labels, s.mallocs);
	put_labelled(m, "/cpu/cached:objects", labels, s.objects);
	put_labelled(m, "/cpu/cached:bytes", labels, s.bytes);
	put_labelled(m, "/cpu/capacity:bytes", labels, s.capacity);
	put_labelled(m, "/cpu/budget:bytes", labels, s.budget);
	put_labelled(m, "/cpu/steals:steals", labels, s.steals);
	put_labelled(m, "/cpu/refills:batches", labels, s.refills);
	put_labelled(m, "/cpu/flushes:batches", labels, s.flushes);
}

/* === Nodes =============================================================== */

static u64 node_find(u64 i)
{
	unsigned int nid = i < MAX_NUMNODES ?
		next_node((int)i - 1, node_possible_map) : MAX_NUMNODES;

	return nid < MAX_NUMNODES ? nid : U64_MAX;
}

static void node_show(struct seq_file *m, u64 nid)
{
	char labels[LABELS_LEN];
	struct gom_node_stats s;

	gom_stats_node(nid, &s);
	snprintf(labels, sizeof(labels), "node=\"%llu\"", nid);
	put_labelled(m, "/node/heap:bytes", labels, s.sys);
	put_labelled(m, "/node/heap/free:bytes", labels, s.idle);
	put_labelled(m, "/node/heap/inuse:bytes", labels, s.inuse);
	put_labelled(m, "/node/home-frees:objects", labels, s.home_frees);
	put_labelled(m, "/node/home-frees:batches", labels, s.home_batches);
	put_labelled(m, "/node/misses:objects", labels, s.misses);
}

/* === Arenas ============================================================== */

static u64 arena_find(u64 i)
{
	i = gom_arena_next(i);
	return i < gomalloc_hot.nr_arenas ? i : U64_MAX;
}

static void arena_show(struct seq_file *m, u64 i)
{
	char labels[LABELS_LEN];
	struct gom_arena_stats s;

	if (!gom_arena_count(i, &s))
		return;
	snprintf(labels, sizeof(labels), "arena=\"%llu\"", i);
	put_labelled(m, "/arena/owned:pages", labels, s.owned);
	put_labelled(m, "/arena/inuse:pages", labels, s.inuse);
}

/* === Misuse ============================================================== */

static u64 misuse_find(u64 i)
{
	return i < GOM_NR_MISUSES ? i : U64_MAX;
}

static void misuse_show(struct seq_file *m, u64 kind)
{
	char labels[LABELS_LEN];

	snprintf(labels, sizeof(labels), "kind=\"%s\"", gom_report_name(kind));
	put_labelled(m, "/misuse/reports:events", labels,
		     gom_report_count(kind));
}

/* === Pools and reserves ================================================== */

static u64 pool_find(u64 i)
{
	struct gom_pool_view v;

	return gom_pool_read(i, &v) ? v.id : U64_MAX;
}

static void pool_show(struct seq_file *m, u64 id)
{
	char labels[LABELS_LEN];
	struct gom_pool_view v;

	if (!gom_pool_read(id, &v) || v.id != id)
		return;
	snprintf(labels, sizeof(labels), "pool=\"%llu\",name=\"%s\"", id,
		 v.name);
	put_labelled(m, "/pool/size:bytes", labels, v.size);
	put_labelled(m, "/pool/out:objects", labels, max(v.stats.out, 0LL));
	put_labelled(m, "/pool/slots:objects", labels, v.stats.in_slots);
	put_labelled(m, "/pool/rings:objects", labels, v.stats.in_rings);
	put_labelled(m, "/pool/victims:objects", labels, v.stats.in_victims);
	put_labelled(m, "/pool/gets:calls", labels, v.stats.gets);
	put_labelled(m, "/pool/hits:calls", labels, v.stats.hits);
	put_labelled(m, "/pool/shared:calls", labels, v.stats.shared);
	put_labelled(m, "/pool/steals:calls", labels, v.stats.steals);
	put_labelled(m, "/pool/revived:calls", labels, v.stats.victims);
	put_labelled(m, "/pool/news:objects", labels, v.stats.news);
	put_labelled(m, "/pool/fails:calls", labels, v.stats.fails);
	put_labelled(m, "/pool/puts:calls", labels, v.stats.puts);
	put_labelled(m, "/pool/drops:objects", labels, v.stats.drops);
	put_labelled(m, "/pool/bad-puts:calls", labels, v.stats.bad);
}

static u64 reserve_find(u64 i)
{
	struct gom_reserve_view v;

	return gom_reserve_read(i, &v) ? v.id : U64_MAX;
}

static void reserve_show(struct seq_file *m, u64 id)
{
	char labels[LABELS_LEN];
	struct gom_reserve_view v;

	if (!gom_reserve_read(id, &v) || v.id != id)
		return;
	snprintf(labels, sizeof(labels), "reserve=\"%llu\",name=\"%s\"", id,
		 v.name);
	put_labelled(m, "/reserve/size:bytes", labels, v.size);
	put_labelled(m, "/reserve/nr:objects", labels, v.stats.nr);
	put_labelled(m, "/reserve/held:objects", labels, v.stats.held);
	put_labelled(m, "/reserve/lowest:objects", labels, v.stats.lowest);
	put_labelled(m, "/reserve/taken:objects", labels, v.stats.taken);
	put_labelled(m, "/reserve/kept:objects", labels, v.stats.kept);
	put_labelled(m, "/reserve/fails:calls", labels, v.stats.fails);
}

/* === Call sites ========================================================== */

static u64 site_find(u64 i)
{
	u32 id = i ? i - 1 : 0;

	return gom_site_next(&id) ? id : U64_MAX;
}

static void site_show(struct seq_file *m, u64 i)
{
	char name[GOM_SITE_NAME_LEN], labels[GOM_SITE_NAME_LEN + 2 * LABELS_LEN];
	struct gom_callsite row;
	struct gom_site *site;
	u32 id = i - 1;

	site = gom_site_next(&id);
	if (!site || !gom_callsite_read(site, &row))
		return;
	gom_site_place(site, name, sizeof(name));
	snprintf(labels, sizeof(labels), "site=\"%s\",module=\"%s\",kind=\"%s\"",
		 name, *site->module ? site->module : "-",
		 row.exact ? "exact" : "sampled");
	put_labelled(m, "/callsite/live:bytes", labels, row.live_bytes);
	put_labelled(m, "/callsite/live:objects", labels, row.live);
	put_labelled(m, "/callsite/allocs:bytes", labels, row.total_bytes);
	put_labelled(m, "/callsite/allocs:objects", labels, row.mallocs);
}

/* === The profile ========================================================= */

static u64 profile_find(u64 i)
{
	return i < GOM_NR_LIFETIMES ? i : U64_MAX;
}

static void profile_show(struct seq_file *m, u64 i)
{
	char labels[LABELS_LEN];

	if (!i) {
		put(m, "/profile/rate:bytes", gom_profile_rate());
		put(m, "/profile/tracked-failed:objects", gom_tracked_failed());
	}
	snprintf(labels, sizeof(labels), "ge_ns=\"%llu\"", i ? 1ULL << i : 0);
	put_labelled(m, "/profile/lifetimes:objects", labels,
		     gom_profile_lifetimes(i));
}

static u64 end_find(u64 i)
{
	return i ? U64_MAX : 0;
}

/* Without this line the file was cut off. */
static void end_show(struct seq_file *m, u64 i)
{
	seq_puts(m, "# end\n");
}

/* === The file ============================================================ */

/**
 * struct section - records of one kind
 * @find: the number of the first record from one on, U64_MAX if there is none
 * @show: prints that record, or nothing if it has gone
 */
struct section {
	u64 (*find)(u64 i);
	void (*show)(struct seq_file *m, u64 i);
};

static const struct section sections[] = {
	{ heap_find, heap_show },
	{ class_find, class_show },
	{ cpu_find, cpu_show },
	{ node_find, node_show },
	{ arena_find, arena_show },
	{ misuse_find, misuse_show },
	{ pool_find, pool_show },
	{ reserve_find, reserve_show },
	{ site_find, site_show },
	{ profile_find, profile_show },
	{ end_find, end_show },
};

/* A position: the section above, the record below, the head of the file first. */
#define SECTION_SHIFT	48
#define RECORD_MASK	GENMASK_ULL(SECTION_SHIFT - 1, 0)

static void *metrics_start(struct seq_file *m, loff_t *pos)
{
	u64 section, record;

	if (!*pos)
		return SEQ_START_TOKEN;
	record = (*pos - 1) & RECORD_MASK;
	section = (*pos - 1) >> SECTION_SHIFT;
	for (; section < ARRAY_SIZE(sections); section++, record = 0) {
		record = sections[section].find(record);
		if (record == U64_MAX)
			continue;
		*pos = 1 + (section << SECTION_SHIFT) + record;
		return pos;
	}
	return NULL;
}

static void *metrics_next(struct seq_file *m, void *v, loff_t *pos)
{
	++*pos;
	return metrics_start(m, pos);
}

static void metrics_stop(struct seq_file *m, void *v)
{
}

static int metrics_show(struct seq_file *m, void *v)
{
	u64 at;

	if (v == SEQ_START_TOKEN) {
		seq_puts(m, "# gomalloc metrics 1\n");
		return 0;
	}
	at = *(loff_t *)v - 1;
	sections[at >> SECTION_SHIFT].show(m, at & RECORD_MASK);
	return 0;
}

const struct seq_operations gom_view_metrics_sops = {
	.start = metrics_start,
	.next = metrics_next,
	.stop = metrics_stop,
	.show = metrics_show,
};
