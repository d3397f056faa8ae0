/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _GOM_STATS_H
#define _GOM_STATS_H

#include <linux/atomic.h>
#include <linux/preempt.h>
#include "gom.h"

/**
 * struct gom_class_stats - a class, summed over nodes and CPUs
 * @nspans: spans
 * @held: their bytes
 * @tails: of these, in no object
 * @live: objects that clients hold
 * @live_bytes: their bytes, rounded up to the class
 * @mcache: free objects in CPUs' magazines
 * @ready: free objects in central lists' magazines
 * @spans_free: free objects in spans
 * @mallocs: objects ever allocated
 * @refills: visits of CPUs to central lists for more objects
 * @flushes: visits to be rid of some
 * @locks: times the central lists' locks were taken for objects
 * @batches: magazines and smaller batches that moved then
 * @peak_held: the most that @held has been
 * @peak_live: the most that @live_bytes was then
 *
 * The peak is as seen when the class took a span or was asked for this, and
 * beyond 64 spans to within a 64th: see gom_stats_grown().
 */
struct gom_class_stats {
	u64 nspans;
	u64 held;
	u64 tails;
	u64 live;
	u64 live_bytes;
	u64 mcache;
	u64 ready;
	u64 spans_free;
	u64 mallocs;
	u64 refills;
	u64 flushes;
	u64 locks;
	u64 batches;
	u64 peak_held;
	u64 peak_live;
};

/**
 * struct gom_cpu_stats - what a CPU did and what its cache holds
 * @mallocs: objects ever allocated on it
 * @refills: visits to central lists for more objects
 * @flushes: visits to be rid of some
 * @objects: free objects in its magazines
 * @bytes: their bytes
 * @capacity: what these would be, were all its magazines full
 * @budget: how much that may be
 * @steals: times that it took some of another CPU's
 */
struct gom_cpu_stats {
	u64 mallocs;
	u64 refills;
	u64 flushes;
	u64 objects;
	u64 bytes;
	u64 capacity;
	u64 budget;
	u64 steals;
};

/**
 * struct gom_node_stats - a NUMA node
 * @sys: bytes of pages held
 * @idle: of these, in free runs
 * @inuse: of these, in spans
 * @home_frees: objects of its classes that came home from other nodes' CPUs
 * @home_batches: in so many batches
 * @misses: allocations that were to be its memory and are another node's
 */
struct gom_node_stats {
	u64 sys;
	u64 idle;
	u64 inuse;
	u64 home_frees;
	u64 home_batches;
	u64 misses;
};

/* Size classes and all else that gom_stats_class() knows. */
#define for_each_gom_stats_class(class)	\
	for ((class) = 1; (class) <= GOM_CLASS_HEAP; (class)++)

void gom_stats_class(unsigned int class, struct gom_class_stats *stats);
void gom_stats_cpu(int cpu, struct gom_cpu_stats *stats);
void gom_stats_node(int nid, struct gom_node_stats *stats);
void gom_stats_grown(unsigned int class);
u64 gom_stats_percent(u64 part, u64 whole);
u64 gom_stats_waste(u64 live, u64 held);
void gom_stats_read(struct gomalloc_stats *stats);
int gom_stats_leaks(void);

/*
 * Bytes held from the kernel, and of them bytes that are not heap pages.
 * Whoever takes or gives adds; any context.
 */
extern atomic_long_t gom_sys;
extern atomic_long_t gom_meta;

void gom_sys_add(long bytes);

/* Both or none, to who has stopped all CPUs. */
static inline void gom_meta_add(long bytes)
{
	preempt_disable();
	atomic_long_add(bytes, &gom_meta);
	gom_sys_add(bytes);
	preempt_enable();
}

/* Of the latter, what the profile and its sites take; Go's BuckHashSys. */
extern atomic_long_t gom_profile_meta;

static inline void gom_profile_meta_add(long bytes)
{
	atomic_long_add(bytes, &gom_profile_meta);
	gom_meta_add(bytes);
}

static inline s64 gom_sys_bytes(void)
{
	return atomic_long_read(&gom_sys);
}

#endif /* _GOM_STATS_H */
