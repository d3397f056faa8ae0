// SPDX-License-Identifier: GPL-2.0
/*
 * /sys/kernel/debug/gomalloc: stats, classes, cpus, validate, free_os_memory.
 * Documentation/debugfs.rst says what they say.
 *
 * The first line of a file names its format and version; columns and names
 * change only with the version.  Reading takes no lock for longer than one
 * heap's counters.
 */
#include <linux/debugfs.h>
#include <linux/fs.h>
#include <linux/module.h>
#include <linux/seq_file.h>
#include "debugfs.h"
#include "malloc.h"
#include "mcache.h"
#include "mheap.h"
#include "node.h"
#include "report.h"
#include "size_class.h"
#include "stats.h"
#include "tiny.h"

static struct dentry *dir;

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

static int stats_show(struct seq_file *m, void *unused)
{
	u64 tiny_mallocs, tiny_frees, runs = 0, grown = 0, beyond = 0;
	struct gomalloc_stats s;
	int nid, i;

	gom_stats_read(&s);
	gom_tiny_count(&tiny_mallocs, &tiny_frees);
	for_each_gom_node(nid) {
		struct mheap *heap = &gom_node(nid)->heap;

		runs += READ_ONCE(heap->nruns);
		grown += READ_ONCE(heap->grown);
		beyond += READ_ONCE(heap->beyond);
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
	FIELD("PeakSys", s.peak_sys);
	FIELD("FreeRuns", runs);
	FIELD("Blocks", grown);
	FIELD("BlocksBeyond", beyond);
	FIELD("TinyMallocs", tiny_mallocs);
	FIELD("TinyFrees", tiny_frees);
	FIELD("SlabMallocs", gom_malloc_forwarded());
	FIELD("SlabFrees", gom_malloc_forwarded_frees());
	if (s.limit == S64_MAX)
		seq_printf(m, "%-16s %20s\n", "MemoryLimit", "none");
	else
		FIELD("MemoryLimit", s.limit);
	FIELD("MemoryLimitHits", s.limit_hits);
	FIELD("Misuses", s.misuses);
	for (i = 0; i < GOM_NR_MISUSES; i++)
		seq_printf(m, "  %-18s %16llu\n", gom_report_name(i),
			   gom_report_count(i));
#undef FIELD
	ladder(m, &s);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(stats);

/* Hundredths of a percent of what the spans hold that live objects do not. */
static u64 waste(u64 used, u64 held)
{
	return held ? div64_u64((held - min(used, held)) * 10000, held) : 0;
}

static void class_row(struct seq_file *m, const char *name, u32 size,
		      u32 npages, const struct gom_class_stats *s, u64 used,
		      u64 held)
{
	u64 w = waste(used, held);

	seq_printf(m, "%5s %6u %6u %8llu %10llu %8llu %7llu %9llu %4llu.%02llu %12llu %9llu %9llu %9llu\n",
		   name, size, npages, s->nspans, s->live, s->mcache, s->ready,
		   s->spans_free, w / 100, w % 100, s->mallocs, s->refills,
		   s->flushes, s->locks);
}

static void add(struct gom_class_stats *sum, const struct gom_class_stats *s)
{
	sum->nspans += s->nspans;
	sum->live += s->live;
	sum->mcache += s->mcache;
	sum->ready += s->ready;
	sum->spans_free += s->spans_free;
	sum->mallocs += s->mallocs;
	sum->refills += s->refills;
	sum->flushes += s->flushes;
	sum->locks += s->locks;
}

static void large_row(struct seq_file *m, struct gom_class_stats *total,
		      u64 *used, u64 *held)
{
	struct gom_class_stats s = {};
	u64 bytes = 0;
	int nid;

	for_each_gom_node(nid) {
		struct mheap *heap = &gom_node(nid)->heap;

		s.nspans += READ_ONCE(heap->large);
		s.mallocs += READ_ONCE(heap->large_mallocs);
		bytes += (u64)READ_ONCE(heap->large_pages) << GOM_PAGE_SHIFT;
	}
	s.live = s.nspans;
	class_row(m, "large", 0, 0, &s, bytes, bytes);
	add(total, &s);
	*used += bytes;
	*held += bytes;
}

static int classes_show(struct seq_file *m, void *unused)
{
	struct gom_class_stats s, total = {};
	u64 used = 0, held = 0;
	unsigned int class;
	char name[8];

	seq_puts(m, "gomalloc classes 1\n");
	seq_printf(m, "%5s %6s %6s %8s %10s %8s %7s %9s %7s %12s %9s %9s %9s\n",
		   "class", "size", "pages", "spans", "live", "mcache", "ready",
		   "inspans", "waste%", "mallocs", "refills", "flushes",
		   "locks");
	for (class = 1; class < GOM_NR_SPAN_CLASSES; class++) {
		const struct gom_class *c = &gom_class[class];
		u64 live, span;

		gom_stats_class(class, &s);
		live = s.live * c->size;
		span = s.nspans * c->npages * GOM_PAGE_SIZE;
		if (class == GOM_CLASS_TINY)
			strscpy(name, "tiny", sizeof(name));
		else
			snprintf(name, sizeof(name), "%u", class);
		class_row(m, name, c->size, c->npages, &s, live, span);
		add(&total, &s);
		used += live;
		held += span;
	}
	large_row(m, &total, &used, &held);
	class_row(m, "total", 0, 0, &total, used, held);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(classes);

static int cpus_show(struct seq_file *m, void *unused)
{
	unsigned int class;
	int cpu;

	seq_puts(m, "gomalloc cpus 1\n");
	seq_printf(m, "%5s %7s %12s %9s %9s %9s %11s %11s\n", "cpu", "online",
		   "mallocs", "refills", "flushes", "objects", "bytes",
		   "capacity");
	for_each_possible_cpu(cpu) {
		struct mcache_cold *cold = per_cpu_ptr(gom_mcache_cold, cpu);
		u64 mallocs = 0, refills = 0, flushes = 0, n, objs = 0, bytes = 0;

		for (class = 1; class < GOM_NR_SPAN_CLASSES; class++) {
			mallocs += gom_mcache_mallocs(cpu, class);
			refills += READ_ONCE(cold->class[class].refills);
			flushes += READ_ONCE(cold->class[class].flushes);
			n = gom_mcache_count(cpu, class);
			objs += n;
			bytes += n * gom_class[class].size;
		}
		seq_printf(m, "%5d %7s %12llu %9llu %9llu %9llu %11llu %11lu\n",
			   cpu, cpu_online(cpu) ? "yes" : "no", mallocs,
			   refills, flushes, objs, bytes,
			   READ_ONCE(cold->capacity));
	}
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(cpus);

static int validate_show(struct seq_file *m, void *unused)
{
	int err = gomalloc_validate();

	seq_printf(m, "gomalloc validate 1\n%s\n", !err ? "ok" :
		   err == -EAGAIN ? "busy" :
		   err == -EUCLEAN ? "damaged" : "no memory to check");
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(validate);

static ssize_t free_os_memory_write(struct file *file, const char __user *buf,
				    size_t count, loff_t *pos)
{
	gomalloc_free_os_memory();
	return count;
}

static const struct file_operations free_os_memory_fops = {
	.owner = THIS_MODULE,
	.open = simple_open,
	.write = free_os_memory_write,
};

/* Without debugfs there is nothing to see, which is no reason not to load. */
void __init gom_debugfs_init(void)
{
	dir = debugfs_create_dir("gomalloc", NULL);
	debugfs_create_file("stats", 0444, dir, NULL, &stats_fops);
	debugfs_create_file("classes", 0444, dir, NULL, &classes_fops);
	debugfs_create_file("cpus", 0444, dir, NULL, &cpus_fops);
	debugfs_create_file("validate", 0400, dir, NULL, &validate_fops);
	debugfs_create_file("free_os_memory", 0200, dir, NULL,
			    &free_os_memory_fops);
}

void gom_debugfs_exit(void)
{
	debugfs_remove_recursive(dir);
}
