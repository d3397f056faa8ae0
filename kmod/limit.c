// SPDX-License-Identifier: GPL-2.0
/*
 * How much may be held from the kernel: a soft limit and a hard one, as
 * memory.high and memory.max of a cgroup.
 *
 * The heap charges pages here before it asks the kernel for them and
 * uncharges them when the kernel has them again, so however many CPUs grow it
 * at a time, no page is charged beyond the hard limit.  What may be held
 * beyond it all the same:
 *
 *   - metadata: it counts, so pages are refused for its sake, but it is never
 *     refused itself; what a charged page needs comes after the charge;
 *   - what __GFP_NOFAIL insists on;
 *   - what was held before the limit was set so low;
 *   - for a moment, what a block of 2^n pages has more than was asked for.
 *
 * mheap.c charges, node.c and malloc.c ask what to do about it.  No lock is
 * held or taken; any context but NMI.  Nothing here is on a fast path: it is
 * asked when spans are.
 */
#include <linux/atomic.h>
#include <linux/export.h>
#include <linux/jiffies.h>
#include <linux/math64.h>
#include <linux/printk.h>
#include <linux/ratelimit.h>
#include <linux/sizes.h>
#include "limit.h"
#include "stats.h"
#include "trace.h"

/* CPUs' caches are emptied at most so often for the soft limit. */
#define TRIM_JIFFIES	(HZ / 10)

/* Where less than this part of the soft limit is left, it is near. */
#define NEAR_PART	20

/* Room for the headers of all spans that are on their way. */
#define HEADERS_BYTES	SZ_4K

static atomic64_t limits[GOM_NR_LIMITS] = {
	ATOMIC64_INIT(S64_MAX),
	ATOMIC64_INIT(S64_MAX),
};

/* Bytes of pages that the heap has, is getting or is giving back. */
static atomic_long_t charged;

static unsigned long trimmed;
static atomic64_t hits;
static atomic64_t fails;
static atomic64_t exceeded;

s64 gom_limit_get(enum gom_limit which)
{
	return atomic64_read(&limits[which]);
}

/* Unless @bytes is negative; returns the limit before. */
s64 gom_limit_set(enum gom_limit which, s64 bytes)
{
	return bytes < 0 ? gom_limit_get(which) :
			   atomic64_xchg(&limits[which], bytes);
}

bool gom_limit_meets(long bytes)
{
	return gom_sys_bytes() > gom_limit_get(GOM_LIMIT_SOFT) - bytes;
}

/* The heap grows by @bytes although it meets the soft limit. */
void gom_limit_hit(long bytes)
{
	atomic64_inc(&hits);
	trace_gomalloc_limit(gom_limit_get(GOM_LIMIT_SOFT), bytes);
}

/* Whether so little is left that nothing idle should be retained. */
bool gom_limit_pressed(void)
{
	s64 limit = gom_limit_get(GOM_LIMIT_SOFT);

	return gom_sys_bytes() > limit - div_s64(limit, NEAR_PART);
}

/* True once in a while, to one of those who ask. */
bool gom_limit_trim_due(void)
{
	unsigned long last = READ_ONCE(trimmed);

	/* 0: never yet. */
	if (last && time_before(jiffies, last + TRIM_JIFFIES))
		return false;
	return cmpxchg(&trimmed, last, jiffies) == last;
}

static bool refuses(long bytes, long held)
{
	return held + atomic_long_read(&gom_meta) >
	       gom_limit_get(GOM_LIMIT_HARD) - bytes;
}

/*
 * Whether a charge may fail.  Between the question and the charge come headers
 * that go again if it does; a yes that was none costs an effort, no more.
 */
bool gom_limit_refuses(long bytes)
{
	return refuses(bytes + HEADERS_BYTES, atomic_long_read(&charged));
}

bool gom_limit_allows(long bytes)
{
	return !gom_limit_meets(bytes) && !gom_limit_refuses(bytes);
}

bool gom_limit_charge(long bytes)
{
	long held = atomic_long_read(&charged);

	do {
		if (refuses(bytes, held))
			return false;
	} while (!atomic_long_try_cmpxchg(&charged, &held, held + bytes));
	return true;
}

/* For those who must not fail. */
void gom_limit_exceed(long bytes)
{
	atomic_long_add(bytes, &charged);
	atomic64_inc(&exceeded);
	trace_gomalloc_max(gom_limit_get(GOM_LIMIT_HARD), bytes, true);
}

void gom_limit_uncharge(long bytes)
{
	atomic_long_sub(bytes, &charged);
}

/* An allocation of @size bytes has failed for the hard limit. */
void gom_limit_fail(size_t size, gfp_t gfp, unsigned long caller)
{
	/* As often as the page allocator tells of its own failures. */
	static DEFINE_RATELIMIT_STATE(rate, 10 * HZ, 1);
	s64 max = gom_limit_get(GOM_LIMIT_HARD);

	atomic64_inc(&fails);
	trace_gomalloc_max(max, size, false);
	if (!(gfp & __GFP_NOWARN) && __ratelimit(&rate))
		pr_warn("gomalloc: memory_max=%lld: no %zu bytes for %pS, %lld are held\n",
			max, size, (void *)caller, gom_sys_bytes());
}

u64 gom_limit_hits(void)
{
	return atomic64_read(&hits);
}

u64 gom_limit_fails(void)
{
	return atomic64_read(&fails);
}

u64 gom_limit_exceeded(void)
{
	return atomic64_read(&exceeded);
}

long gom_limit_charged(void)
{
	return atomic_long_read(&charged);
}

/**
 * gomalloc_set_memory_limit - limit softly what is held from the kernel
 * @bytes: the limit; %S64_MAX for none, negative to leave it as it is
 *
 * Go's debug.SetMemoryLimit.  The limit is soft: an allocation that would
 * exceed it first gives all idle pages back, then what central lists keep,
 * has CPUs' caches emptied and takes no more than it needs, but does not
 * fail.  What is held already stays; see gomalloc_free_os_memory().
 *
 * Context: any.
 * Return: the limit before, in bytes.
 */
s64 gomalloc_set_memory_limit(s64 bytes)
{
	return gom_limit_set(GOM_LIMIT_SOFT, bytes);
}
EXPORT_SYMBOL_GPL(gomalloc_set_memory_limit);

/**
 * gomalloc_set_memory_max - limit for good what is held from the kernel
 * @bytes: the limit; %S64_MAX for none, negative to leave it as it is
 *
 * The limit is hard: where more pages would exceed it and giving back all that
 * is idle makes no room, allocations return %NULL, but for those with
 * %__GFP_NOFAIL.  Where the caller may block, and did not ask for
 * %__GFP_NORETRY, it may wait up to half a second for CPUs to empty their
 * caches.  What kmalloc() or vmalloc() serve is not counted.  What is held
 * already stays; see gomalloc_free_os_memory().
 *
 * Context: any.
 * Return: the limit before, in bytes.
 */
s64 gomalloc_set_memory_max(s64 bytes)
{
	return gom_limit_set(GOM_LIMIT_HARD, bytes);
}
EXPORT_SYMBOL_GPL(gomalloc_set_memory_max);
