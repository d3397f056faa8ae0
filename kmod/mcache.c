// SPDX-License-Identifier: GPL-2.0
/*
 * Per-CPU caches: the slow paths.  The fast paths are in mcache.h.
 *
 * A stack starts with a few slots and doubles while it misses, as long as
 * all the CPU's stacks, were they full, stay within a budget that follows
 * the size of the heap.  Every so many slow paths one class is looked at: a
 * stack from which nothing was taken since the last look is returned and
 * starts small again, and so is stock that lies idle in the central list.
 *
 * Refills and flushes move half a stack under the busy flag.  Nothing is
 * allocated or freed under it: spans that run empty and arrays that are
 * outgrown wait until it is dropped.
 *
 * Called by malloc.c and nolock.c with no lock held.
 */
#include <linux/cpu.h>
#include <linux/log2.h>
#include <linux/slab.h>
#include <linux/topology.h>
#include "mcache.h"
#include "node.h"
#include "stats.h"

DEFINE_PER_CPU_ALIGNED(struct mcache, gom_mcache);
struct mcache_cold __percpu *gom_mcache_cold;

/* Bytes that the stacks of all CPUs together may hold: a part of the heap. */
#define BUDGET_SHIFT	5
#define BUDGET_MIN	SZ_64K		/* for each CPU */
#define BUDGET_MAX	SZ_1M

/* A stack is one slot short of a power of two, for the NULL below it. */
#define CAPACITY_MAX	127U
#define STACK_BYTES	SZ_64K		/* in one stack, were it full */
#define START_BYTES	SZ_1K

/* Slow paths between two looks at idle stock. */
#define SCAN_TICKS	32

#define MCACHE_BYTES	(sizeof(struct mcache) + sizeof(struct mcache_cold))

static void *no_slots[1];

static unsigned int capacity(const struct mcache_head *head)
{
	return head->end - head->slots;
}

static unsigned int count(const struct mcache_head *head)
{
	return head->top - head->slots;
}

static void *array_of(void **slots)
{
	return slots == no_slots + 1 ? NULL : slots - 1;
}

static size_t array_bytes(unsigned int cap)
{
	return cap ? (cap + 1) * sizeof(void *) : 0;
}

static unsigned int capacity_max(unsigned int class)
{
	unsigned int n = STACK_BYTES / gom_class[class].size;

	return clamp(rounddown_pow_of_two(n + 1) - 1, 1UL, (ulong)CAPACITY_MAX);
}

static unsigned int capacity_next(unsigned int class, unsigned int cap)
{
	unsigned int start = START_BYTES / gom_class[class].size;

	if (cap)
		start = 2 * cap + 1;
	else
		start = clamp(rounddown_pow_of_two(start + 1) - 1, 1UL, 7UL);
	return min(start, capacity_max(class));
}

static unsigned long budget(void)
{
	unsigned long bytes = gom_sys_bytes();

	return clamp_t(unsigned long, (bytes >> BUDGET_SHIFT) / num_online_cpus(),
		       BUDGET_MIN, BUDGET_MAX);
}

static void set_slots(struct mcache_head *head, void **array, unsigned int cap)
{
	head->slots = cap ? array + 1 : no_slots + 1;
	head->top = head->slots;
	head->end = head->slots + cap;
}

/*
 * Give this CPU's stack the next larger array, if the budget allows and
 * memory is at hand.  Preemptible or not, as the client is.
 */
static void enlarge(unsigned int class)
{
	struct mcache_head *head = raw_cpu_ptr(&gom_mcache.head[class]);
	unsigned int cap = READ_ONCE(head->end) - READ_ONCE(head->slots);
	unsigned int next = capacity_next(class, cap), n;
	unsigned long more = (next - cap) * gom_class[class].size;
	struct mcache_cold *cold;
	void **array, **old;

	if (next <= cap ||
	    raw_cpu_read(gom_mcache_cold->capacity) + more > budget())
		return;
	/* A convenience: not worth a wakeup, nor reserves. */
	array = kmalloc(array_bytes(next), __GFP_NOWARN | __GFP_NOMEMALLOC);
	if (!array)
		return;
	array[0] = NULL;

	preempt_disable();
	head = this_cpu_ptr(&gom_mcache.head[class]);
	cold = this_cpu_ptr(gom_mcache_cold);
	old = array;
	/* Another CPU's by now, or enlarged by what interrupted us: leave it. */
	if (gom_mcache_trylock()) {
		if (capacity(head) == cap) {
			old = array_of(head->slots);
			n = count(head);
			memcpy(array + 1, head->slots, n * sizeof(*array));
			set_slots(head, array, next);
			head->top += n;
			cold->capacity += more;
			gom_meta_add(array_bytes(next) - array_bytes(cap));
		}
		gom_mcache_unlock();
	}
	preempt_enable();
	kfree(old);
}

/*
 * Every SCAN_TICKS slow paths of a CPU, look at one class for stock that
 * nobody uses.
 */
static void scan_idle(void)
{
	struct mcache_cold *cold;
	struct mcache_head *head;
	HLIST_HEAD(empty);
	unsigned int class;
	void *array = NULL;
	int nid;

	if (raw_cpu_inc_return(gom_mcache_cold->ticks) % SCAN_TICKS)
		return;
	preempt_disable();
	cold = this_cpu_ptr(gom_mcache_cold);
	class = cold->scan % (GOM_NR_SPAN_CLASSES - 1) + 1;
	cold->scan = class;
	nid = numa_mem_id();
	head = this_cpu_ptr(&gom_mcache.head[class]);
	if (gom_mcache_trylock()) {
		if (head->nmalloc == cold->class[class].nmalloc_seen &&
		    capacity(head)) {
			gom_mcentral_give(class, head->slots, count(head), &empty);
			cold->capacity -= capacity(head) * gom_class[class].size;
			gom_meta_add(-(long)array_bytes(capacity(head)));
			array = array_of(head->slots);
			set_slots(head, NULL, 0);
		}
		cold->class[class].nmalloc_seen = head->nmalloc;
		gom_mcache_unlock();
	}
	preempt_enable();
	kfree(array);
	gom_mheap_free_list(&empty);
	gom_mcentral_shed(gom_central(nid, class), true);
}

/*
 * Half a stack from the central list, and one object for the caller.  What
 * others put into the stack meanwhile may be any node's, and does for a
 * caller who named none.
 */
static void *take_batch(unsigned int class, int node, bool *short_of_slots)
{
	struct mcache_head *head;
	struct mcentral *central;
	void *obj = NULL;
	int local;

	preempt_disable();
	local = numa_mem_id();
	central = gom_central(node == NUMA_NO_NODE ? local : node, class);
	head = this_cpu_ptr(&gom_mcache.head[class]);
	if (central->nid == local && gom_mcache_trylock()) {
		unsigned int n = min_t(unsigned int, head->end - head->top,
				       capacity(head) / 2 + 1);

		if (n) {
			n = gom_mcentral_take(central, head->top, n);
			head->top += n;
			if (n || node == NUMA_NO_NODE)
				obj = head->top[-1];
			head->top -= !!obj;
		} else {
			gom_mcentral_take(central, &obj, 1);
		}
		head->nmalloc += !!obj;
		__this_cpu_inc(gom_mcache_cold->class[class].refills);
		*short_of_slots = true;
		gom_mcache_unlock();
	} else if (gom_mcentral_take(central, &obj, 1)) {
		this_cpu_inc(gom_mcache_cold->class[class].mallocs);
	}
	preempt_enable();
	return obj;
}

/* What other nodes have cut. */
static void *take_elsewhere(unsigned int class)
{
	void *obj;
	int nid;

	for_each_gom_node(nid)
		if (gom_mcentral_take(gom_central(nid, class), &obj, 1))
			return obj;
	return NULL;
}

/*
 * From new spans.  Where the node's own memory takes effort to get, what
 * other nodes have cut comes first: what the page allocator gives instead
 * goes to their lists, and the next miss here would not see it.
 */
static void *take_new(unsigned int class, gfp_t gfp, int node)
{
	struct mcentral *central;
	void *obj;

	central = gom_central(node == NUMA_NO_NODE ? numa_mem_id() : node, class);
	if (num_online_nodes() > 1 && !(gfp & __GFP_THISNODE)) {
		obj = gom_mcentral_grow(central, GOM_GFP_EASY(gfp) |
					__GFP_THISNODE);
		if (!obj)
			obj = take_elsewhere(class);
		if (obj)
			return obj;
	}
	return gom_mcentral_grow(central, gfp);
}

/*
 * An object of @class where the stack had none: by a batch from the central
 * list of @node, or from a new span.  The object carries its key.  NULL if
 * there is no memory.
 */
void *gom_mcache_refill(unsigned int class, gfp_t gfp, int node)
{
	bool short_of_slots = false;
	void *obj = take_batch(class, node, &short_of_slots);

	if (!obj) {
		obj = take_new(class, gfp, node);
		if (obj)
			this_cpu_inc(gom_mcache_cold->class[class].mallocs);
	}
	if (short_of_slots)
		enlarge(class);
	scan_idle();
	return obj;
}

/*
 * Take back @obj, which carries its key, where the stack was full: the older
 * half of the stack goes to the central list.
 */
void gom_mcache_flush(unsigned int class, void *obj)
{
	struct mcache_head *head;
	HLIST_HEAD(empty);
	bool grow = false;
	unsigned int n;

	preempt_disable();
	head = this_cpu_ptr(&gom_mcache.head[class]);
	if (gom_mcache_trylock()) {
		grow = true;
		n = count(head) / 2 + 1;
		if (head->top == head->end && capacity(head)) {
			gom_mcentral_give(class, head->slots, n, &empty);
			head->top -= n;
			memmove(head->slots, head->slots + n,
				count(head) * sizeof(*head->slots));
		}
		if (head->top != head->end) {
			*head->top++ = obj;
			obj = NULL;
		}
		__this_cpu_inc(gom_mcache_cold->class[class].flushes);
		gom_mcache_unlock();
	}
	preempt_enable();
	if (obj)
		gom_mcentral_give(class, &obj, 1, &empty);
	gom_mheap_free_list(&empty);
	if (grow)
		enlarge(class);
	scan_idle();
}

/* An object without waiting for anything, from any context; or NULL. */
void *gom_mcache_get_nolock(unsigned int class, int node)
{
	void *obj = NULL;

	preempt_disable();
	if (node == NUMA_NO_NODE || node == numa_mem_id())
		obj = gom_mcache_pop(class);
	if (!obj) {
		if (node == NUMA_NO_NODE)
			node = numa_mem_id();
		if (gom_mcentral_trytake(gom_central(node, class), &obj, 1))
			this_cpu_inc(gom_mcache_cold->class[class].mallocs);
	}
	preempt_enable();
	return obj;
}

/* Return a stack whole.  The busy flag is held, or the CPU is dead. */
static void *drain_head(struct mcache_head *head, struct mcache_cold *cold,
			unsigned int class, struct hlist_head *empty)
{
	unsigned int cap = capacity(head);
	void *array = array_of(head->slots);

	gom_mcentral_give(class, head->slots, count(head), empty);
	set_slots(head, NULL, 0);
	cold->capacity -= cap * gom_class[class].size;
	gom_meta_add(-(long)array_bytes(cap));
	return array;
}

/* Return all that @cpu caches; it is the caller's own, or dead. */
void gom_mcache_drain(int cpu)
{
	struct mcache *mcache = per_cpu_ptr(&gom_mcache, cpu);
	bool alive = cpu_online(cpu);
	HLIST_HEAD(empty);
	unsigned int class;
	void *array;

	for (class = 1; class < GOM_NR_SPAN_CLASSES; class++) {
		array = NULL;
		preempt_disable();
		if (!alive || gom_mcache_trylock()) {
			array = drain_head(&mcache->head[class],
					   per_cpu_ptr(gom_mcache_cold, cpu),
					   class, &empty);
			if (alive)
				gom_mcache_unlock();
		}
		preempt_enable();
		kfree(array);
	}
	gom_mheap_free_list(&empty);
}

/* How many objects a CPU's stack holds; a guess while the CPU is at work. */
unsigned int gom_mcache_count(int cpu, unsigned int class)
{
	struct mcache_head *head = per_cpu_ptr(&gom_mcache.head[class], cpu);
	long n = READ_ONCE(head->top) - READ_ONCE(head->slots);

	return clamp(n, 0L, (long)CAPACITY_MAX);
}

/* Objects of @class ever allocated on @cpu. */
unsigned long gom_mcache_mallocs(int cpu, unsigned int class)
{
	struct mcache_cold *cold = per_cpu_ptr(gom_mcache_cold, cpu);

	return READ_ONCE(per_cpu(gom_mcache.head[class].nmalloc, cpu)) +
	       READ_ONCE(cold->class[class].mallocs);
}

int __init gom_mcache_init(void)
{
	unsigned int class;
	int cpu;

	gom_mcache_cold = alloc_percpu(struct mcache_cold);
	if (!gom_mcache_cold)
		return -ENOMEM;
	for_each_possible_cpu(cpu)
		for (class = 0; class < GOM_NR_SPAN_CLASSES; class++)
			set_slots(&per_cpu_ptr(&gom_mcache, cpu)->head[class],
				  NULL, 0);
	gom_meta_add(MCACHE_BYTES * num_possible_cpus());
	return 0;
}

/* All caches were drained. */
void gom_mcache_exit(void)
{
	gom_meta_add(-(long)(MCACHE_BYTES * num_possible_cpus()));
	free_percpu(gom_mcache_cold);
}
