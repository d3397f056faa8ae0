// SPDX-License-Identifier: GPL-2.0
/*
 * Giving memory back: what caches and central lists keep to the spans, idle
 * pages to the kernel.
 *
 * The scavenger is a worker after Go's.  Each round it has CPUs trim their
 * caches, lets budgets shift, sheds what central lists do not use, and gives
 * free runs back beyond what was in use lately and a tenth, or near the soft
 * limit beyond what is in use.  It may take one percent of one CPU's time,
 * saved up for a while.  Where nothing is left that could go it falls asleep,
 * and no timer runs until a slow path that may leave something idle wakes it.
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
#include "fail.h"
#include "guarded.h"
#include "gopool.h"
#include "limit.h"
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
 * Work is paid for with this part of the time since load, which is saved up as
 * far as this and owed as far as that; pages to give back before the account is
 * looked at.
 */
#define PAY_PERCENT	1
#define SAVINGS_MAX	(250 * NSEC_PER_MSEC)
#define DEBT_MAX	(100 * NSEC_PER_MSEC)
#define BATCH		64UL

/* Arenas in which but 1/32 is free are not worth the work. */
#define LEVELS		(GOM_SWEEP_LEVELS - 1)

bool gom_scavenge_awake = true;
static bool on = true;
static bool closed;
static DEFINE_MUTEX(switch_lock);
static struct workqueue_struct *wq;
static void scavenge(struct work_struct *work);
static DECLARE_DELAYED_WORK(scavenge_work, scavenge);

/* Nanoseconds that may be taken; negative if more was taken than there was. */
static s64 savings;
static u64 paid_until;
static u64 trimmed_until;
/* What the last round took for looking, CPUs' trimming included. */
static s64 round_cost;
static struct gom_scavenge_stats done;

/* What a round could not know beforehand is owed, but not for ever. */
static void take(s64 nsecs)
{
	savings = max_t(s64, savings - nsecs, -DEBT_MAX);
	done.nsecs += nsecs;
}

/*
 * Pay for the time since the last round; of that, CPUs took some to trim.
 * Returns whether there is enough for a round and as much again to give back:
 * where rounds are dear, on large machines, there are fewer of them.
 */
static bool pay(void)
{
	u64 now = ktime_get_ns(), trimmed = gom_drain_nsecs();

	savings += div_u64((now - paid_until) * PAY_PERCENT, 100);
	savings = min_t(s64, savings, SAVINGS_MAX);
	take(trimmed - trimmed_until);
	round_cost += trimmed - trimmed_until;
	paid_until = now;
	trimmed_until = trimmed;
	return savings > min_t(s64, 2 * round_cost, SAVINGS_MAX / 2);
}

/* Take the time since *@began, which is now then; returns how much. */
static s64 charge(u64 *began)
{
	u64 now = ktime_get_ns();
	s64 nsecs = now - *began;

	take(nsecs);
	*began = now;
	return nsecs;
}

/*
 * Have CPUs trim their caches; false if none was asked.  Those that the kernel
 * is to keep quiet look at their caches themselves, as they visit central
 * lists, and at no other time.
 */
static bool trim_cpus(void)
{
	bool any = false;
	int cpu;

	cpus_read_lock();
	for_each_online_cpu(cpu)
		if (gom_drain_is_worth(cpu) &&
		    gom_drain_may_disturb(cpu))
			any |= gom_drain_trim(cpu);
	cpus_read_unlock();
	return any;
}

/* Shed what the node's lists do not use; false if they keep nothing. */
static bool shed_node(int nid, u64 *began)
{
	struct mcentral *central;
	bool any = false;
	unsigned int class;

	for (class = 1; class < GOM_NR_SPAN_CLASSES; class++) {
		central = gom_central(nid, class);
		while (gom_mcentral_shed_unused(central)) {
			charge(began);
			/* The rest is for giving back. */
			if (savings <= round_cost)
				return true;
			cond_resched();
		}
		any |= READ_ONCE(central->full) || READ_ONCE(central->spare) ||
		       gom_mcentral_has_empty(central);
	}
	gom_guarded_trim(gom_node(nid));
	round_cost += charge(began);
	return any;
}

/* What is in use of the heap now, and the most that was so lately. */
static unsigned long recent_peak(struct mheap *heap, unsigned long *inuse)
{
	unsigned long peak = 0, flags;
	int i;

	raw_spin_lock_irqsave(&heap->lock, flags);
	*inuse = heap->pages - heap->free_pages;
	raw_spin_unlock_irqrestore(&heap->lock, flags);
	heap->recent[done.rounds % GOM_RECENT_ROUNDS] = *inuse;
	for (i = 0; i < GOM_RECENT_ROUNDS; i++)
		peak = max(peak, heap->recent[i]);
	return peak;
}

/*
 * Give back what the heap has beyond its goal, which is added to *@goals;
 * false if it will have no other one, nor idle pages beyond that.  Near the
 * soft limit, what is in use is the goal, and no arena is too full.
 */
static bool scavenge_heap(struct mheap *heap, u64 *goals, u64 *began)
{
	unsigned long inuse, peak = recent_peak(heap, &inuse), goal, pages, n;
	bool pressed = gom_limit_pressed();
	struct gom_sweep sweep = {};

	goal = pressed ? inuse : peak + peak * RETAIN_PERCENT / 100;
	*goals += (u64)goal << GOM_PAGE_SHIFT;
	while ((pages = gom_glance(heap->pages)) > goal) {
		charge(began);
		if (savings <= 0)
			return true;
		n = gom_mheap_sweep(heap, &sweep,
				    pressed ? GOM_SWEEP_LEVELS : LEVELS,
				    min(pages - goal, BATCH));
		if (!n)
			break;
		done.released += (u64)n << GOM_PAGE_SHIFT;
		cond_resched();
	}
	return peak > inuse;
}

/* Slow paths that CPUs have been on, late trims, spans that became idle. */
static unsigned long activity(void)
{
	unsigned long sum = gom_drain_nsecs();
	int cpu, nid;

	for_each_possible_cpu(cpu)
		sum += gom_glance(per_cpu_ptr(gom_mcache_cold, cpu)->ticks) +
		       gom_pool_visits(cpu);
	for_each_gom_node(nid)
		sum += gom_glance(gom_node(nid)->heap.frees);
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

/* A round; false if nothing is left to be done. */
static bool look(void)
{
	u64 began = ktime_get_ns(), released = done.released, goals = 0;
	bool busy;
	int nid;

	busy = trim_cpus();
	gom_budget_shift();
	round_cost = charge(&began);
	for_each_gom_node(nid)
		busy |= shed_node(nid, &began);
	done.rounds++;
	for_each_gom_node(nid)
		busy |= scavenge_heap(&gom_node(nid)->heap, &goals, &began);
	WRITE_ONCE(done.goal, goals);
	charge(&began);
	if (done.released != released)
		trace_gomalloc_scavenge(done.released - released);
	return busy;
}

static void scavenge(struct work_struct *work)
{
	unsigned long seen = activity();

	/* What is looked at comes later.  Pairs with smp_wmb() in gopool.c. */
	smp_rmb();
	/* Who was about to queue this when it was turned off did so. */
	if (!READ_ONCE(on))
		return;
	if (!pay() || look())
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

static void turn_on(void)
{
	WRITE_ONCE(on, true);
	paid_until = ktime_get_ns();
	WRITE_ONCE(gom_scavenge_awake, false);
	gom_scavenge_rouse();
}

/* Who finds it awake leaves it alone. */
static void turn_off(void)
{
	WRITE_ONCE(on, false);
	WRITE_ONCE(gom_scavenge_awake, true);
	cancel_delayed_work_sync(&scavenge_work);
	WRITE_ONCE(gom_scavenge_awake, true);
	gom_drain_flush();
}

void gom_scavenge_switch(bool want)
{
	mutex_lock(&switch_lock);
	if (!wq || closed)
		on = want && !closed;
	else if (want && !on)
		turn_on();
	else if (!want && on)
		turn_off();
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
	wq = gom_try(SCAVENGE_QUEUE, 0, GFP_KERNEL,
		     alloc_workqueue("gomalloc_scavenge",
				     WQ_UNBOUND | WQ_FREEZABLE, 1));
	if (!wq) {
		gom_drain_exit();
		return -ENOMEM;
	}
	mutex_lock(&switch_lock);
	if (on)
		turn_on();
	mutex_unlock(&switch_lock);
	return 0;
}

/*
 * Clients are gone: nobody allocates or frees any more, but the parameter may
 * still be written.  Turned off, and with what CPUs were asked for done, it is
 * woken by nobody; who woke it before has queued it by then.
 */
void gom_scavenge_exit(void)
{
	mutex_lock(&switch_lock);
	closed = true;
	turn_off();
	mutex_unlock(&switch_lock);
	gom_scavenge_caches();
	gom_drain_exit();
	cancel_delayed_work_sync(&scavenge_work);
	destroy_workqueue(wq);
}
