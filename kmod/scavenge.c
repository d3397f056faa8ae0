// SPDX-License-Identifier: GPL-2.0
/*
 * Giving memory back: what caches and central lists keep to the spans, idle
 * pages to the kernel.
 *
 * The scavenger is a worker after Go's.  Each round it has CPUs trim their
 * caches, lets budgets shift, sheds what central lists do not use, and gives
 * free runs back beyond what was in use lately and a tenth.  It may take one
 * percent of one CPU's time, saved up for a while.  Where nothing is left
 * that could go it falls asleep, and no timer runs until a slow path that
 * may leave something idle wakes it.
 *
 * Process context throughout, but for gom_scavenge_wake().
 */
#include <linux/cpu.h>
#include <linux/export.h>
#include <linux/jiffies.h>
#include <linux/ktime.h>
#include <linux/minmax.h>
#include <linux/mutex.h>
#include <linux/sched.h>
#include <linux/workqueue.h>
#include "budget.h"
#include "drain.h"
#include "mcache.h"
#include "node.h"
#include "scavenge.h"
#include "trace.h"

/*
 * A round each so often; what may be kept beyond the recent peak of
 * what is in use, in percent as in Go.
 */
#define ROUND		(HZ / 4)
#define RETAIN_PERCENT	10

/*
 * Work is paid for with this part of the time, which is saved up as far as
 * this; pages to give back before the account is looked at.
 */
#define PAY_PERCENT	1
#define SAVINGS_MAX	(100 * NSEC_PER_MSEC)
#define BATCH		64UL

/* Arenas in which but 1/32 is free are not worth the work. */
#define LEVELS		(GOM_SWEEP_LEVELS - 1)

bool gom_scavenge_awake = true;
static bool on = true;
static DEFINE_MUTEX(switch_lock);
static struct workqueue_struct *wq;
static void scavenge(struct work_struct *work);
static DECLARE_DELAYED_WORK(scavenge_work, scavenge);

/* Nanoseconds that may be taken; negative if more was taken than there was. */
static s64 savings;
static u64 paid_until;
static u64 trimmed_until;
static struct gom_scavenge_stats done;

/* Pay for the time since the last round; of that, CPUs took some to trim. */
static void pay(void)
{
	u64 now = ktime_get_ns(), trimmed = gom_drain_nsecs();

	savings += div_u64((now - paid_until) * PAY_PERCENT, 100);
	savings = min_t(s64, savings, SAVINGS_MAX);
	savings -= trimmed - trimmed_until;
	done.nsecs += trimmed - trimmed_until;
	paid_until = now;
	trimmed_until = trimmed;
}

/* Take the time since @began; returns whether there is more to take. */
static bool charge(u64 *began)
{
	u64 now = ktime_get_ns();

	savings -= now - *began;
	done.nsecs += now - *began;
	*began = now;
	return savings > 0;
}

/* Have CPUs trim their caches; false if none has anything. */
static bool trim_cpus(void)
{
	bool any = false;
	int cpu;

	cpus_read_lock();
	for_each_online_cpu(cpu) {
		if (!READ_ONCE(per_cpu_ptr(gom_mcache_cold, cpu)->capacity))
			continue;
		gom_drain_trim(cpu);
		any = true;
	}
	cpus_read_unlock();
	return any;
}

/* Shed what the node's lists do not use; false if they keep nothing. */
static bool shed_node(int nid)
{
	struct mcentral *central;
	bool any = false;
	unsigned int class;

	for (class = 1; class < GOM_NR_SPAN_CLASSES; class++) {
		central = gom_central(nid, class);
		while (gom_mcentral_shed_unused(central))
			cond_resched();
		any |= READ_ONCE(central->full) || READ_ONCE(central->spare) ||
		       gom_mcentral_has_empty(central);
	}
	return any;
}

/* What is in use of the heap now, and the most that was so lately. */
static unsigned long recent_peak(struct mheap *heap, unsigned long *inuse)
{
	unsigned long peak = 0;
	int i;

	*inuse = READ_ONCE(heap->pages) - READ_ONCE(heap->free_pages);
	heap->recent[done.rounds % GOM_RECENT_ROUNDS] = *inuse;
	for (i = 0; i < GOM_RECENT_ROUNDS; i++)
		peak = max(peak, heap->recent[i]);
	return peak;
}

/* Give back what the heap has beyond its goal; false if that stays so. */
static bool scavenge_heap(struct mheap *heap, u64 *began)
{
	struct gom_sweep sweep = {};
	unsigned long inuse, peak = recent_peak(heap, &inuse), goal, pages, n;

	goal = peak + peak * RETAIN_PERCENT / 100;
	done.goal += (u64)goal << GOM_PAGE_SHIFT;
	while ((pages = READ_ONCE(heap->pages)) > goal) {
		if (!charge(began))
			return true;
		n = gom_mheap_sweep(heap, &sweep, LEVELS,
				    min(pages - goal, BATCH));
		if (!n)
			break;
		done.released += (u64)n << GOM_PAGE_SHIFT;
		cond_resched();
	}
	return peak > inuse;
}

/* Slow paths that CPUs have been on, and what of heaps is idle. */
static unsigned long activity(void)
{
	unsigned long sum = 0;
	int cpu, nid;

	for_each_possible_cpu(cpu)
		sum += READ_ONCE(per_cpu_ptr(gom_mcache_cold, cpu)->ticks);
	for_each_gom_node(nid)
		sum += READ_ONCE(gom_node(nid)->heap.frees);
	return sum;
}

/* Until woken, unless something was done since @seen. */
static void fall_asleep(unsigned long seen)
{
	WRITE_ONCE(gom_scavenge_awake, false);
	/* Pairs with smp_mb() in gom_scavenge_wake(). */
	smp_mb();
	if (activity() != seen)
		gom_scavenge_rouse();
}

static void scavenge(struct work_struct *work)
{
	unsigned long seen = activity();
	u64 began = ktime_get_ns(), released = done.released;
	bool busy;
	int nid;

	pay();
	busy = trim_cpus();
	gom_budget_shift();
	done.rounds++;
	done.goal = 0;
	for_each_gom_node(nid) {
		busy |= shed_node(nid);
		busy |= scavenge_heap(&gom_node(nid)->heap, &began);
	}
	charge(&began);
	if (done.released != released)
		trace_gomalloc_scavenge(done.released - released);
	if (busy)
		queue_delayed_work(wq, &scavenge_work, ROUND);
	else
		fall_asleep(seen);
}

/* The timer alone is set here: who calls may hold what waking a task takes. */
void gom_scavenge_rouse(void)
{
	if (!xchg(&gom_scavenge_awake, true))
		queue_delayed_work(wq, &scavenge_work, ROUND);
}

void gom_scavenge_switch(bool want)
{
	mutex_lock(&switch_lock);
	if (want && !on && wq) {
		paid_until = ktime_get_ns();
		WRITE_ONCE(gom_scavenge_awake, false);
		gom_scavenge_rouse();
	} else if (!want && on && wq) {
		/* Who finds it awake leaves it alone. */
		WRITE_ONCE(gom_scavenge_awake, true);
		cancel_delayed_work_sync(&scavenge_work);
		WRITE_ONCE(gom_scavenge_awake, true);
	}
	on = want;
	mutex_unlock(&switch_lock);
}

bool gom_scavenge_is_on(void)
{
	return READ_ONCE(on);
}

void gom_scavenge_read(struct gom_scavenge_stats *stats)
{
	*stats = done;
}

void gom_scavenge_caches(void)
{
	int nid;

	gom_drain_cpus();
	for_each_gom_node(nid)
		gom_node_shed(nid, GFP_KERNEL);
}

/**
 * gomalloc_free_os_memory - give all idle memory back to the kernel
 *
 * Empties every CPU's caches and the central lists' stock into their
 * spans, then gives every free page back; Go's debug.FreeOSMemory.
 *
 * Context: process; sleeps.
 * Return: bytes given back.
 */
size_t gomalloc_free_os_memory(void)
{
	unsigned long pages = 0;
	int nid;

	might_sleep();
	gom_scavenge_caches();
	for_each_gom_node(nid)
		pages += gom_mheap_release(&gom_node(nid)->heap, ULONG_MAX);
	trace_gomalloc_scavenge(pages << GOM_PAGE_SHIFT);
	return pages << GOM_PAGE_SHIFT;
}
EXPORT_SYMBOL_GPL(gomalloc_free_os_memory);

int __init gom_scavenge_init(void)
{
	int err = gom_drain_init();

	if (err)
		return err;
	wq = alloc_workqueue("gomalloc_scavenge", WQ_UNBOUND | WQ_FREEZABLE, 1);
	if (!wq) {
		gom_drain_exit();
		return -ENOMEM;
	}
	if (on) {
		on = false;
		gom_scavenge_switch(true);
	}
	return 0;
}

/* Clients are gone: nobody allocates or frees any more. */
void gom_scavenge_exit(void)
{
	gom_scavenge_switch(false);
	destroy_workqueue(wq);
	gom_scavenge_caches();
	gom_drain_exit();
}
