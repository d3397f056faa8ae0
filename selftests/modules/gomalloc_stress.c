// SPDX-License-Identifier: GPL-2.0
/*
 * Allocates and frees at random from every context on every CPU at once, and
 * checks that each object holds what was written to it, that nothing leaks
 * and that gomalloc's books balance at the end.
 *
 *	insmod gomalloc_stress.ko ms=2000 seed=1
 *
 * A thread on each CPU allocates, resizes and frees. Objects wander between
 * CPUs through slots that all share. A hrtimer interrupts each thread
 * wherever it is, allocates and frees without sleeping, and queues an
 * irq_work that does so with the _nolock pair. The same seed gives each
 * context the same choices; how they interleave is up to the machine.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/cpumask.h>
#include <linux/delay.h>
#include <linux/gomalloc.h>
#include <linux/hrtimer.h>
#include <linux/irq_work.h>
#include <linux/jiffies.h>
#include <linux/kthread.h>
#include <linux/module.h>
#include <linux/moduleparam.h>
#include <linux/prandom.h>
#include <linux/rcupdate.h>
#include <linux/sched/task.h>
#include <linux/spinlock.h>
#include <linux/string.h>
#include "../../kmod/compat.h"

static unsigned int ms = 2000;
module_param(ms, uint, 0444);
MODULE_PARM_DESC(ms, "how long to run, in milliseconds");

static unsigned int seed = 1;
module_param(seed, uint, 0444);
MODULE_PARM_DESC(seed, "where the random choices start");

static int only = -1;
module_param(only, int, 0444);
MODULE_PARM_DESC(only, "the one CPU to run on (default: all)");

#define NR_OWN		512	/* objects of a thread */
#define NR_SHARED	256
#define NR_ATOMIC	32	/* objects of an interrupt */
#define TIMER_NSECS	(50 * NSEC_PER_USEC)

/**
 * struct object - an object that lives, or an empty place
 * @ptr: the object, NULL if there is none
 * @size: bytes asked for
 * @fill: what is in each of them
 */
struct object {
	void *ptr;
	size_t size;
	u8 fill;
};

/**
 * struct context - one that allocates: a thread, its timer, its irq_work
 * @rnd: its random numbers
 * @objects: what it has allocated
 * @nr_objects: how many it may have
 * @ops: objects allocated and freed so far
 */
struct context {
	struct rnd_state rnd;
	struct object *objects;
	unsigned int nr_objects;
	unsigned long ops;
};

/**
 * struct worker - what runs on a CPU
 * @task: the thread; the others belong to it
 * @thread: its objects
 * @hardirq: those of the timer
 * @nolock: those of the irq_work
 * @timer: interrupts the thread
 * @work: queued by the timer
 * @until: when to end, in jiffies
 */
struct worker {
	struct task_struct *task;
	struct context thread;
	struct context hardirq;
	struct context nolock;
	struct hrtimer timer;
	struct irq_work work;
	unsigned long until;
};

/* An object that gofree_rcu() frees. */
struct deferred {
	struct rcu_head rcu;
};

static DEFINE_SPINLOCK(shared_lock);
static struct object shared[NR_SHARED];

static atomic_t errors;
static atomic_t failures;	/* without memory, which is no error */

/* === Objects ============================================================= */

static void complain(const struct object *obj, const char *what)
{
	if (atomic_inc_return(&errors) <= 10)
		pr_err("an object of %zu bytes %s\n", obj->size, what);
}

static void check(const struct object *obj)
{
	if (obj->size && memchr_inv(obj->ptr, obj->fill, obj->size))
		complain(obj, "was overwritten");
	if (gosize(obj->ptr) < obj->size)
		complain(obj, "has fewer than that");
}

/* Take over @ptr, of @size bytes now; %NULL leaves what was there. */
static void adopt(struct context *c, struct object *obj, void *ptr,
		  size_t size, bool zeroed)
{
	/* One that gorealloc() left in place is aligned as it was before. */
	bool moved = ptr != obj->ptr;

	if (!ptr) {
		atomic_inc(&failures);
		return;
	}
	obj->ptr = ptr;
	obj->size = size;
	obj->fill = prandom_u32_state(&c->rnd);
	if (size && moved && !IS_ALIGNED((unsigned long)ptr, size & -size))
		complain(obj, "is misaligned");
	if (size && zeroed && memchr_inv(ptr, 0, size))
		complain(obj, "is not zeroed");
	if (size)
		memset(ptr, obj->fill, size);
	c->ops++;
}

/* Mostly small, some tiny, a few large. */
static size_t random_size(struct context *c, size_t max)
{
	u32 r = prandom_u32_state(&c->rnd);
	unsigned int shift = (r & 63) ? (r >> 6) % 12 : 18;
	size_t size = (r >> 10) & ((16UL << shift >> 1) - 1);

	return min(size, max);
}

static struct object *random_object(struct context *c)
{
	return &c->objects[prandom_u32_state(&c->rnd) % c->nr_objects];
}

/* What allocates is noinline, so that profiles show it by its name. */

/* === Threads ============================================================= */

static noinline void thread_alloc(struct context *c, struct object *obj)
{
	u32 r = prandom_u32_state(&c->rnd);
	size_t size = random_size(c, SIZE_MAX);
	gfp_t gfp = r & 1 ? GFP_KERNEL : GFP_ATOMIC;

	gfp |= __GFP_NOWARN;
	if (r & 2)
		gfp |= __GFP_ZERO;
	adopt(c, obj, gomalloc(size, gfp), size, r & 2);
}

static void thread_free(struct context *c, struct object *obj)
{
	u32 r = prandom_u32_state(&c->rnd);

	check(obj);
	if (r % 16 == 0 && obj->size >= sizeof(struct deferred))
		gofree_rcu((struct deferred *)obj->ptr, rcu);
	else if (r % 16 == 1)
		gofree_sensitive(obj->ptr);
	else if (r % 16 == 2)
		gofree_nolock(obj->ptr);
	else
		gofree(obj->ptr);
	obj->ptr = NULL;
}

static noinline void thread_resize(struct context *c, struct object *obj)
{
	size_t size = random_size(c, SIZE_MAX), common = min(size, obj->size);
	void *ptr;

	check(obj);
	ptr = gorealloc(obj->ptr, size, GFP_KERNEL | __GFP_NOWARN);
	if (ptr && common && memchr_inv(ptr, obj->fill, common))
		complain(obj, "lost its contents in gorealloc()");
	adopt(c, obj, ptr, size, false);
}

/* Put an object where the others find it, and take what was there. */
static void thread_exchange(struct context *c, struct object *obj)
{
	unsigned int i = prandom_u32_state(&c->rnd) % NR_SHARED;

	spin_lock(&shared_lock);
	swap(*obj, shared[i]);
	spin_unlock(&shared_lock);
	if (obj->ptr)
		thread_free(c, obj);
}

static void thread_step(struct context *c)
{
	struct object *obj = random_object(c);

	if (!obj->ptr) {
		thread_alloc(c, obj);
		return;
	}
	switch (prandom_u32_state(&c->rnd) % 8) {
	case 0:
		thread_resize(c, obj);
		break;
	case 1:
	case 2:
		thread_exchange(c, obj);
		break;
	default:
		thread_free(c, obj);
	}
}

/* === Interrupts ========================================================== */

static noinline void hardirq_step(struct context *c)
{
	struct object *obj = random_object(c);
	size_t size = random_size(c, SZ_64K);

	if (obj->ptr) {
		check(obj);
		gofree(obj->ptr);
		obj->ptr = NULL;
	} else {
		adopt(c, obj, gomalloc(size, GFP_ATOMIC | __GFP_NOWARN), size,
		      false);
	}
}

static void nolock_step(struct irq_work *work)
{
	struct context *c = &container_of(work, struct worker, work)->nolock;
	struct object *obj = random_object(c);
	size_t size = random_size(c, GOMALLOC_MAX_SMALL);
	void *ptr;

	if (obj->ptr) {
		check(obj);
		gofree_nolock(obj->ptr);
		obj->ptr = NULL;
		return;
	}
	/* It takes only what is cached: that there is nothing is no failure. */
	ptr = gomalloc_nolock(size, __GFP_ZERO, NUMA_NO_NODE);
	if (ptr)
		adopt(c, obj, ptr, size, true);
}

static enum hrtimer_restart tick(struct hrtimer *timer)
{
	struct worker *w = container_of(timer, struct worker, timer);
	unsigned int i;

	for (i = 0; i < 4; i++)
		hardirq_step(&w->hardirq);
	irq_work_queue(&w->work);
	hrtimer_forward_now(timer, ns_to_ktime(TIMER_NSECS));
	return HRTIMER_RESTART;
}

/* === Workers ============================================================= */

static int work(void *data)
{
	struct worker *w = data;

	/* In hardirq context, but for PREEMPT_RT, where it must not be. */
	hrtimer_start(&w->timer, ns_to_ktime(TIMER_NSECS),
		      HRTIMER_MODE_REL_PINNED);
	while (time_before(jiffies, w->until) && !kthread_should_stop()) {
		thread_step(&w->thread);
		cond_resched();
	}
	hrtimer_cancel(&w->timer);
	irq_work_sync(&w->work);
	return 0;
}

static int context_init(struct context *c, unsigned int nr_objects, u64 number)
{
	prandom_seed_state(&c->rnd, ((u64)seed << 32) + number + 1);
	c->objects = kvcalloc(nr_objects, sizeof(*c->objects), GFP_KERNEL);
	c->nr_objects = nr_objects;
	return c->objects ? 0 : -ENOMEM;
}

static void context_exit(struct context *c)
{
	unsigned int i;

	for (i = 0; c->objects && i < c->nr_objects; i++) {
		if (!c->objects[i].ptr)
			continue;
		check(&c->objects[i]);
		gofree(c->objects[i].ptr);
	}
	kvfree(c->objects);
}

static int worker_init(struct worker *w, int cpu)
{
	struct task_struct *task;

	if (context_init(&w->thread, NR_OWN, 3 * cpu) ||
	    context_init(&w->hardirq, NR_ATOMIC, 3 * cpu + 1) ||
	    context_init(&w->nolock, NR_ATOMIC, 3 * cpu + 2))
		return -ENOMEM;
	gom_compat_hrtimer_setup(&w->timer, tick, CLOCK_MONOTONIC,
				 HRTIMER_MODE_REL_PINNED);
	init_irq_work(&w->work, nolock_step);
	w->until = jiffies + msecs_to_jiffies(ms);
	task = kthread_create_on_cpu(work, w, cpu, "gomstress/%u");
	if (IS_ERR(task))
		return PTR_ERR(task);
	/* It may be gone when it is stopped. */
	w->task = get_task_struct(task);
	wake_up_process(task);
	return 0;
}

static unsigned long worker_exit(struct worker *w)
{
	if (w->task) {
		kthread_stop(w->task);
		put_task_struct(w->task);
	}
	context_exit(&w->thread);
	context_exit(&w->hardirq);
	context_exit(&w->nolock);
	return w->thread.ops + w->hardirq.ops + w->nolock.ops;
}

static int run(void)
{
	unsigned int n = num_online_cpus(), i = 0;
	struct worker *workers;
	unsigned long ops = 0;
	int cpu, err = 0;

	workers = kcalloc(n, sizeof(*workers), GFP_KERNEL);
	if (!workers)
		return -ENOMEM;
	for_each_online_cpu(cpu) {
		if (i == n || err)
			break;
		if (only >= 0 && cpu != only)
			continue;
		err = worker_init(&workers[i++], cpu);
	}
	if (!err)
		msleep(ms);
	while (i)
		ops += worker_exit(&workers[--i]);
	kfree(workers);
	pr_info("%lu objects allocated and freed, %d times there was no memory\n",
		ops, atomic_read(&failures));
	return err;
}

static void free_shared(void)
{
	unsigned int i;

	for (i = 0; i < NR_SHARED; i++) {
		if (!shared[i].ptr)
			continue;
		check(&shared[i]);
		gofree(shared[i].ptr);
	}
}

/* All is freed, but for what RCU and irq_works may have yet to free. */
static int check_leaks(u64 before)
{
	struct gomalloc_stats s;
	unsigned int tries = 0;

	rcu_barrier();
	do {
		if (tries)
			msleep(20);
		gomalloc_read_stats(&s);
	} while (s.heap_objects != before && ++tries < 50);
	if (s.heap_objects == before)
		return 0;
	pr_err("%llu objects live, %llu did before\n", s.heap_objects, before);
	return -EIO;
}

/* The scavenger may have memory on its way between tiers, for a moment. */
static int validate(void)
{
	int err, tries;

	for (tries = 0; tries < 50; tries++) {
		err = gomalloc_validate();
		if (err != -EAGAIN)
			break;
		msleep(20);
	}
	return err;
}

static int __init stress_init(void)
{
	struct gomalloc_stats before, after;
	int err, invalid;

	gomalloc_read_stats(&before);
	err = run();
	free_shared();
	err = err ?: check_leaks(before.heap_objects);
	gomalloc_read_stats(&after);
	if (after.misuses != before.misuses) {
		pr_err("misuse was reported, though there was none\n");
		err = err ?: -EIO;
	}
	invalid = validate();
	if (invalid) {
		pr_err("gomalloc_validate(): %d\n", invalid);
		err = err ?: -EIO;
	}
	return err ?: atomic_read(&errors) ? -EIO : 0;
}
module_init(stress_init);

static void __exit stress_exit(void)
{
}
module_exit(stress_exit);

MODULE_DESCRIPTION("Allocates and frees at random in every context");
MODULE_AUTHOR("The gomalloc maintainers");
MODULE_INFO(test, "Y");
MODULE_LICENSE("GPL");
