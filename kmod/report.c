// SPDX-License-Identifier: GPL-2.0
/*
 * Reports of misuse and corruption.  This file only counts, formats and
 * prints; the caller has decided what happened and leaks the object.
 *
 * Each site that misuses is told once per kind of misuse, and all of them
 * together at most so often: a log is of use only while it can be read.
 * Every misuse is counted.
 *
 * Any context; in NMI, gofree_nolock()'s and goreserve.c's.  Holds no lock.
 */
#include <linux/hash.h>
#include <linux/printk.h>
#include <linux/ratelimit.h>
#include <linux/sched.h>
#include "arena.h"
#include "mspan.h"
#include "report.h"
#include "trace.h"

static const char * const names[] = {
	[GOM_DOUBLE_FREE]	= "double-free",
	[GOM_WRITE_AFTER_FREE]	= "write-after-free",
	[GOM_FOREIGN_FREE]	= "foreign-free",
	[GOM_INTERIOR_FREE]	= "interior-free",
	[GOM_STALE_FREE]	= "stale-free",
	[GOM_DEVM_FREE]		= "foreign-devm-free",
	[GOM_POOL_GONE]		= "no-such-pool",
	[GOM_POOL_FOREIGN]	= "foreign-put",
	[GOM_POOL_DOUBLE_PUT]	= "double-put",
	[GOM_NO_HEAP]		= "no-heap",
	[GOM_OVERRUN]		= "overrun",
	[GOM_UNDERRUN]		= "underrun",
	[GOM_USE_AFTER_FREE]	= "use-after-free",
	[GOM_ATOMIC_WAIT]	= "atomic-wait",
};

static_assert(ARRAY_SIZE(names) == GOM_NR_MISUSES);

static const char * const advice[] = {
	[GOM_DOUBLE_FREE]	= "freed already; the second free is ignored",
	[GOM_WRITE_AFTER_FREE]	= "written to while it was free; kept out of use",
	[GOM_FOREIGN_FREE]	= "not from gomalloc or kmalloc; left alone",
	[GOM_INTERIOR_FREE]	= "no object begins here; left alone",
	[GOM_STALE_FREE]	= "its span was freed with all objects; left alone",
	[GOM_DEVM_FREE]		= "not this device's, or not any more; left alone",
	[GOM_POOL_GONE]		= "destroyed already or never made; the call is ignored",
	[GOM_POOL_FOREIGN]	= "no object of the pool's size; left alone",
	[GOM_POOL_DOUBLE_PUT]	= "in the pool already; the second put is ignored",
	[GOM_NO_HEAP]		= "never created or destroyed before; ignored",
	[GOM_OVERRUN]		= "touched behind its end; it goes on",
	[GOM_UNDERRUN]		= "touched before its start; it goes on",
	[GOM_USE_AFTER_FREE]	= "touched though it was freed; it goes on",
	[GOM_ATOMIC_WAIT]	= "may wait, where its caller must not; it goes on",
};

static_assert(ARRAY_SIZE(advice) == GOM_NR_MISUSES);

static atomic64_t counts[GOM_NR_MISUSES];

#define SITES_BITS	6
static unsigned long sites[1 << SITES_BITS];

static struct gom_report_record last;

/* Whether the site is new; a full table tells no more. */
static bool first_time(enum gom_misuse what, unsigned long caller)
{
	unsigned long tag = caller * GOM_NR_MISUSES + what + 1;
	unsigned int i, slot = hash_long(tag, SITES_BITS);

	for (i = 0; i < ARRAY_SIZE(sites); i++) {
		unsigned long old = cmpxchg(&sites[slot], 0, tag);

		if (!old)
			return true;
		if (old == tag)
			return false;
		slot = (slot + 1) % ARRAY_SIZE(sites);
	}
	return false;
}

static const char *size_name(unsigned int class, char *buf, size_t len)
{
	switch (class) {
	case GOM_CLASS_NONE:
		return "no class";
	case GOM_CLASS_TINY:
		return "class tiny (16-byte block)";
	case GOM_CLASS_LARGE:
		return "class large";
	case GOM_CLASS_FREE:
		return "no class (idle page)";
	case GOM_CLASS_TRACKED:
		return "tracked";
	case GOM_CLASS_HEAP:
		return "heap";
	}
	scnprintf(buf, len, "class %u (%u bytes)", class, gom_class[class].size);
	return buf;
}

/* Under RCU, as the pages may be on their way back to the kernel. */
static void print_object(const void *ptr, unsigned int class)
{
	char buf[32];
	const char *name = size_name(class, buf, sizeof(buf));
	struct mspan *span;
	u32 offset;

	if (class == GOM_CLASS_NONE || class == GOM_CLASS_FREE) {
		pr_err("gomalloc:   pointer %p: %s\n", ptr, name);
		return;
	}
	span = gom_arena_span(ptr);
	offset = gom_mspan_offset(span, ptr);
	if (class >= GOM_CLASS_LARGE) {
		pr_err("gomalloc:   pointer %p: %s, offset %u, span of %u pages, node %d\n",
		       ptr, name, offset, span->npages, span->nid);
		return;
	}
	pr_err("gomalloc:   pointer %p: %s, object %u of %u, offset %u, span of %u pages, %u out, node %d\n",
	       ptr, name, gom_class_index(class, offset), span->nelems,
	       offset - gom_class_index(class, offset) * gom_class[class].size,
	       span->npages, span->nalloc, span->nid);
}

/* Who is known by @culprit, and by the caller's address if that is not 0. */
static bool report(enum gom_misuse what, const void *ptr, unsigned long caller,
		   unsigned long culprit)
{
	static DEFINE_RATELIMIT_STATE(limit, 5 * HZ, 10);
	struct gom_report_record record = { what, ptr, caller };
	bool told;

	rcu_read_lock();
	record.class = gom_arena_class(ptr);
	atomic64_inc(&counts[what]);
	/* Of two at a time it may be a part of each. */
	data_race(last = record);
	trace_gomalloc_misuse(&record);
	told = first_time(what, culprit) && __ratelimit(&limit);
	if (told) {
		if (caller)
			pr_err("BUG: gomalloc: %s in %pS\n", names[what],
			       (void *)caller);
		else
			pr_err("BUG: gomalloc: %s, found later\n",
			       names[what]);
		print_object(ptr, record.class);
		pr_err("gomalloc:   %s.  By %s/%d on CPU %d\n", advice[what],
		       current->comm, task_pid_nr(current),
		       raw_smp_processor_id());
		dump_stack();
	}
	rcu_read_unlock();
	return told;
}

/*
 * Report @what of @ptr.  @caller is the client's return address, 0 where a
 * batch came back long after the call.  Returns whether it was told, and who
 * knows more may tell that.
 */
bool gom_report(enum gom_misuse what, const void *ptr, unsigned long caller)
{
	return report(what, ptr, caller, caller);
}

/*
 * The same of what was done before, nobody knows by whom: it is told once of the
 * objects that @owner allocates.
 */
bool gom_report_late(enum gom_misuse what, const void *ptr,
		     const struct gom_site *owner)
{
	return report(what, ptr, 0, (unsigned long)owner);
}

u64 gom_report_count(enum gom_misuse what)
{
	return atomic64_read(&counts[what]);
}

const char *gom_report_name(enum gom_misuse what)
{
	return names[what];
}

void gom_report_last(struct gom_report_record *record)
{
	/* As above. */
	data_race(*record = last);
}
