// SPDX-License-Identifier: GPL-2.0
/*
 * Per-CPU caches: the slow paths.  The fast paths are in gomalloc_inline.h.
 *
 * Of each class a CPU has a loaded magazine, which alloc and free work on,
 * and another one.  Where the loaded one is empty or full the two change
 * places; where that does not help the central list has a full one for an
 * empty one and the other way round.  So a central lock is taken at most
 * once for as many allocs, or frees, as a magazine has slots.
 *
 * Magazines start small and grow while they miss, as long as all of the
 * CPU's, were they full, stay within its budget (budget.c).  Every so many
 * visits to central lists, with every new span, and of all classes when the
 * scavenger comes by, a class is looked at: one that was not used since the
 * last look gives up its magazines and starts small again; one whose
 * magazines did not change places since gives up what lies in the other one,
 * as that is how low its stock has been.
 *
 * Nothing is allocated or freed under the busy flag: what is outgrown or
 * wanted waits until it is dropped.
 *
 * Called by malloc.c and nolock.c with no lock held.
 */
#include <linux/cpu.h>
#include <linux/kcsan-checks.h>
#include <linux/prefetch.h>
#include <linux/slab.h>
#include "budget.h"
#include "fail.h"
#include "limit.h"
#include "mcache.h"
#include "node.h"
#include "sample.h"
#include "scavenge.h"
#include "stats.h"
#include "trace.h"

DEFINE_PER_CPU_ALIGNED(struct gomalloc_mcache, gomalloc_mcache);
EXPORT_PER_CPU_SYMBOL_GPL(gomalloc_mcache);
struct mcache_cold __percpu *gom_mcache_cold;

/*
 * What a class may have in each magazine all the same if it makes more than
 * its share of the visits between two looks at it.
 */
#define MAGAZINE_FLOOR	SZ_16K
#define VISITS_OFTEN	64

/* Visits to central lists between two looks at unused stock. */
#define SCAN_TICKS	32

#define MCACHE_BYTES	(sizeof(struct gomalloc_mcache) + \
			 sizeof(struct mcache_cold))

/* Has no slots, so it is empty and full; stands for no magazine. */
static struct magazine no_magazine = {
	.bottom = &gomalloc_hot.secret,
};

/**
 * struct wish - what a visit to the central list found missing, and moved
 * @spare: an empty magazine of so many slots for the central list
 * @cap: a magazine of so many slots instead of this CPU's smaller one
 * @moved: objects that came from there or went there
 * @visited: there was a visit
 *
 * Eight bytes, which is one store to clear.
 */
struct wish {
	unsigned int spare;
	u16 cap;
	u8 moved;
	bool visited;
};

static_assert(GOM_MAGAZINE_MAX <= U8_MAX);

static unsigned int count(const struct gomalloc_head *head)
{
	return (head->top - head->slots) / sizeof(void *);
}

static struct magazine *loaded(const struct gomalloc_head *head)
{
	return (void *)(head->slots - offsetof(struct magazine, slot));
}

static void load(struct gomalloc_head *head, struct magazine *mag,
		 unsigned int n)
{
	head->slots = (unsigned long)mag->slot;
	head->top = (unsigned long)(mag->slot + n);
	head->end = (unsigned long)(mag->slot + mag->cap);
}

static void exchange(struct gomalloc_head *head, struct mcache_class *c)
{
	struct magazine *mag = loaded(head);
	unsigned int n = count(head);

	load(head, c->other, c->nother);
	c->other = mag;
	WRITE_ONCE(c->nother, n);
	c->turned = true;
}

static void count_capacity(struct mcache_cold *cold, unsigned int class,
			   unsigned int cap, unsigned int old)
{
	cold->capacity += ((long)cap - (long)old) * gom_class[class].size;
}

/* Visits of this CPU to the class's central list since the last look. */
static unsigned long visits(const struct mcache_class *c)
{
	return c->refills + c->flushes - c->visits_seen;
}

static void count_refill(struct mcache_class *c)
{
	c->refills++;
	c->streak = c->streak < 0 ? 1 : min(c->streak + 1, GOM_STREAK_LONG);
}

static void count_flush(struct mcache_class *c)
{
	c->flushes++;
	c->streak = c->streak > 0 ? -1 : max(c->streak - 1, -GOM_STREAK_LONG);
}

/*
 * Whether the class's spans have much room and its objects go to and fro: who
 * frees into them should not allocate the same objects again, but those of
 * the fullest spans, so that the others run empty.
 */
static bool is_churned(const struct mcache_class *c,
		       const struct mcentral *central)
{
	return abs(c->streak) < GOM_STREAK_LONG && READ_ONCE(central->sparse);
}

/*
 * The two magazines take turns to grow: the smaller one is next.  Beyond the
 * budget they do so only for a class that visits often, and not far: without
 * any slots its every operation would be a visit.
 */
static unsigned int wanted_cap(const struct gomalloc_head *head,
			       struct mcache_cold *cold,
			       const struct mcentral *central)
{
	unsigned int class = central->class, cap = loaded(head)->cap;
	unsigned int less = min(cap, cold->class[class].other->cap);
	unsigned int more = less < cap ? cap : gom_magazine_next_cap(class, cap);
	unsigned long size = gom_class[class].size;

	if (more <= less || (less && is_churned(&cold->class[class], central)))
		return 0;
	if (cold->capacity + (more - less) * size <= gom_budget_of(cold))
		return more;
	cold->refused++;
	if (visits(&cold->class[class]) < VISITS_OFTEN)
		return 0;
	more = min_t(unsigned long, more, MAGAZINE_FLOOR / size ?: 1);
	return more > less ? more : 0;
}

/* Both magazines are empty.  Caller holds the busy flag. */
static noinline void squeeze(struct gomalloc_head *head,
			     struct mcache_cold *cold, unsigned int class)
{
	struct magazine *mags[] = { loaded(head), cold->class[class].other };
	unsigned int i, cap;

	for (i = 0; i < ARRAY_SIZE(mags); i++) {
		cap = mags[i]->cap;
		gom_magazine_squeeze(mags[i], class);
		count_capacity(cold, class, mags[i]->cap, cap);
	}
	load(head, mags[0], 0);
}

/* Put @mag in the place of a smaller one of this CPU's; returns what is over. */
static struct magazine *replace(unsigned int class, struct magazine *mag)
{
	struct mcache_cold *cold = this_cpu_ptr(gom_mcache_cold);
	struct gomalloc_head *head = this_cpu_ptr(&gomalloc_mcache.head[class]);
	struct mcache_class *c = &cold->class[class];
	struct magazine *old = loaded(head);

	if (c->other->cap < old->cap)
		old = c->other;
	/* Another CPU's by now, or enlarged by what interrupted us. */
	if (old->cap >= mag->cap)
		return mag;
	count_capacity(cold, class, mag->cap, old->cap);
	if (old == loaded(head)) {
		memcpy(mag->slot, old->slot, count(head) * sizeof(*old->slot));
		load(head, mag, count(head));
	} else {
		memcpy(mag->slot, old->slot, c->nother * sizeof(*old->slot));
		c->other = mag;
	}
	return old;
}

/* After a visit to the central list.  Preemptible or not, as the client is. */
static void fulfil(unsigned int class, const struct wish *wish)
{
	struct magazine *mag;

	if (wish->cap) {
		mag = gom_magazine_alloc(wish->cap);
		if (!mag)
			return;
		preempt_disable();
		if (gom_mcache_trylock()) {
			mag = replace(class, mag);
			gom_mcache_unlock();
		}
		preempt_enable();
		gom_magazine_free(mag);
	}
	if (wish->spare)
		gom_mcentral_add_spare(gom_central(gom_node_local(), class),
				       wish->spare);
}

/* Unload both magazines; returns them for gom_magazine_free_list(). */
static struct magazine *unload(struct gomalloc_head *head,
			       struct mcache_cold *cold, unsigned int class)
{
	struct mcache_class *c = &cold->class[class];
	struct magazine *mags = NULL;
	int i;

	for (i = 0; i < 2; i++) {
		struct magazine *mag = loaded(head);

		gom_mcentral_give(class, mag->slot, count(head));
		if (mag->cap)
			gom_magazine_link(&mags, mag);
		count_capacity(cold, class, 0, mag->cap);
		load(head, &no_magazine, 0);
		exchange(head, c);
	}
	return mags;
}

/*
 * Give up what was not needed since the last look at the class; returns
 * magazines as unload() does.  Caller holds the busy flag.
 */
static struct magazine *look(struct mcache_cold *cold, unsigned int class)
{
	struct gomalloc_head *head = this_cpu_ptr(&gomalloc_mcache.head[class]);
	unsigned long mallocs = gom_mcache_mallocs(smp_processor_id(), class);
	struct mcache_class *c = &cold->class[class];
	struct magazine *mags = NULL;

	if (mallocs == c->mallocs_seen && !visits(c)) {
		mags = unload(head, cold, class);
	} else if (!c->turned) {
		gom_mcentral_give(class, c->other->slot, c->nother);
		WRITE_ONCE(c->nother, 0);
	}
	c->mallocs_seen = mallocs;
	c->visits_seen += visits(c);
	c->turned = false;
	return mags;
}

/* Over its budget, a CPU gives up the magazines of a class that visits least. */
static struct magazine *cut_back(struct mcache_cold *cold)
{
	struct mcache_class *c, *least = NULL;
	unsigned int class, found = 0;

	if (cold->capacity <= gom_budget_of(cold))
		return NULL;
	for (class = 1; class < GOM_NR_SPAN_CLASSES; class++) {
		c = &cold->class[class];
		if (!c->other->cap &&
		    !loaded(this_cpu_ptr(&gomalloc_mcache.head[class]))->cap)
			continue;
		if (!least || visits(c) < visits(least)) {
			least = c;
			found = class;
		}
	}
	return found ? unload(this_cpu_ptr(&gomalloc_mcache.head[found]), cold,
			      found) : NULL;
}

/*
 * Look at a class of this CPU; at 0, which has no objects, for what exceeds
 * the budget.  Returns whether magazines were given up.
 */
static bool look_at(unsigned int class)
{
	struct magazine *mags = NULL;
	struct mcache_cold *cold;

	preempt_disable();
	cold = this_cpu_ptr(gom_mcache_cold);
	if (gom_mcache_trylock()) {
		mags = class ? look(cold, class) : cut_back(cold);
		gom_mcache_unlock();
	}
	preempt_enable();
	gom_magazine_free_list(mags);
	return mags;
}

/* After a visit to a central list, which led to a new span if it has @grown. */
static void look_around(bool grown)
{
	unsigned int class;

	if (raw_cpu_inc_return(gom_mcache_cold->ticks) % SCAN_TICKS && !grown)
		return;
	class = raw_cpu_inc_return(gom_mcache_cold->scan) %
		(GOM_NR_SPAN_CLASSES - 1) + 1;
	look_at(class);
	gom_mcentral_shed_unused(gom_central(gom_node_local(), class));
}

static void *pop(struct gomalloc_head *head)
{
	if (!count(head))
		return NULL;
	head->top -= sizeof(void *);
	return *(void **)head->top;
}

/* Another CPU freed them, or nobody has had them for long. */
static void prefetch_objects(const struct magazine *mag)
{
	unsigned int i = mag->count;

	while (i)
		prefetchw(mag->slot[--i]);
}

/* Where the loaded magazine is empty.  Caller holds the busy flag. */
static void *take_busy(unsigned int class, struct wish *wish)
{
	struct gomalloc_head *head = this_cpu_ptr(&gomalloc_mcache.head[class]);
	struct mcache_cold *cold = this_cpu_ptr(gom_mcache_cold);
	struct mcache_class *c = &cold->class[class];
	struct mcentral *central;
	struct magazine *mag;
	unsigned int cap;
	void *obj = NULL;

	if (!count(head) && c->nother)
		exchange(head, c);
	if (count(head))
		return pop(head);

	central = gom_central(gom_node_local(), class);
	if (c->streak < 0 && is_churned(c, central))
		squeeze(head, cold, class);
	mag = loaded(head);
	cap = mag->cap;
	if (cap) {
		/* From here on the old one is somebody else's. */
		mag = gom_mcentral_refill(central, mag);
		ASSERT_EXCLUSIVE_ACCESS(*mag);
		count_capacity(cold, class, mag->cap, cap);
		load(head, mag, mag->count);
		prefetch_objects(mag);
		wish->moved = mag->count;
		obj = pop(head);
	} else if (gom_mcentral_take(central, &obj, 1)) {
		wish->moved = 1;
	}
	count_refill(c);
	wish->cap = wanted_cap(head, cold, central);
	wish->visited = true;
	return obj;
}

/* An object for a caller who named @node, or none; not from new spans. */
static void *take(unsigned int class, gfp_t gfp, int node, struct wish *wish)
{
	void *obj = NULL;

	preempt_disable();
	if (node == NUMA_NO_NODE && gom_mcache_trylock()) {
		obj = take_busy(class, wish);
		gom_mcache_unlock();
	} else {
		gom_mcentral_take(gom_central(gom_node_for(node, gfp), class),
				  &obj, 1);
	}
	preempt_enable();
	return obj;
}

/* What nodes have cut, those nearest to @nid first. */
static void *take_elsewhere(unsigned int class, int nid)
{
	void *obj;
	int other, i;

	for_each_gom_node_near(other, i, nid)
		if (gom_mcentral_take(gom_central(other, class), &obj, 1))
			return obj;
	return NULL;
}

/*
 * From new spans.  Where the node's own memory takes effort to get, what
 * other nodes have cut comes first: what the page allocator gives instead
 * goes to their lists, and the next miss here would not see it.  So it does
 * where a limit is met.
 */
static void *take_new(unsigned int class, gfp_t gfp, int node)
{
	int nid = gom_node_for(node, gfp);
	struct mcentral *central = gom_central(nid, class);
	long bytes = gom_class[class].npages_short * GOM_PAGE_SIZE;
	void *obj = NULL;

	if (static_branch_unlikely(&gom_numa) && !(gfp & __GFP_THISNODE)) {
		if (gom_limit_allows(bytes))
			obj = gom_mcentral_grow(central, GOM_GFP_EASY(gfp) |
						__GFP_THISNODE);
		if (!obj)
			obj = take_elsewhere(class, nid);
	}
	if (!obj)
		obj = gom_mcentral_grow(central, gfp);
	gom_node_count_alloc(nid, obj);
	return obj;
}

/*
 * An object of @class where the loaded magazine had none: from the other one,
 * from the central list of @node, or from a new span.  The object carries its
 * key.  NULL if there is no memory.
 */
void *gom_mcache_refill(unsigned int class, gfp_t gfp, int node)
{
	struct wish wish = {};
	void *obj = take(class, gfp, node, &wish);
	bool grown = false;

	if (!obj) {
		obj = take_new(class, gfp, node);
		grown = obj;
		if (grown)
			gom_stats_grown(class);
	}
	if (wish.visited) {
		trace_gomalloc_refill(class, wish.moved);
		fulfil(class, &wish);
		look_around(grown);
		gom_scavenge_wake();
	}
	return obj;
}

/* Where the loaded magazine is full.  Caller holds the busy flag. */
static bool put_busy(unsigned int class, void *obj, struct wish *wish)
{
	struct gomalloc_head *head = this_cpu_ptr(&gomalloc_mcache.head[class]);
	struct mcache_cold *cold = this_cpu_ptr(gom_mcache_cold);
	struct mcache_class *c = &cold->class[class];
	struct mcentral *central;
	struct magazine *mag;
	unsigned int cap;

	/* If both are full, the one that has been so for longer goes. */
	if (head->top == head->end && c->other->cap)
		exchange(head, c);
	if (head->top == head->end) {
		mag = loaded(head);
		cap = mag->cap;
		central = gom_central(gom_node_local(), class);
		if (cap) {
			mag->count = count(head);
			mag = gom_mcentral_flush(central, mag, &wish->spare);
			wish->moved = cap - mag->count;
			count_capacity(cold, class, mag->cap, cap);
			load(head, mag, mag->count);
		}
		count_flush(c);
		wish->cap = wanted_cap(head, cold, central);
		wish->visited = true;
		if (!cap) {
			wish->moved = 1;
			return false;
		}
	}
	*(void **)head->top = obj;
	head->top += sizeof(obj);
	return true;
}

/* Take back @obj, which carries its key, where the loaded magazine was full. */
void gom_mcache_flush(unsigned int class, void *obj)
{
	struct wish wish = {};
	bool put = false;

	preempt_disable();
	if (gom_mcache_trylock()) {
		put = put_busy(class, obj, &wish);
		gom_mcache_unlock();
	}
	preempt_enable();
	if (!put)
		gom_mcentral_give(class, &obj, 1);
	if (wish.visited) {
		trace_gomalloc_flush(class, wish.moved);
		fulfil(class, &wish);
		look_around(false);
		gom_scavenge_wake();
	}
}

/*
 * An object where the loaded magazine had none or a damaged one, without
 * waiting for anything and from any context; or NULL.  It carries its key.
 */
void *gom_mcache_take_nolock(unsigned int class, int node)
{
	struct gomalloc_head *head;
	struct mcache_class *c;
	void *obj = NULL;

	preempt_disable();
	if (node == NUMA_NO_NODE && gom_mcache_trylock()) {
		head = this_cpu_ptr(&gomalloc_mcache.head[class]);
		c = &this_cpu_ptr(gom_mcache_cold)->class[class];
		if (!count(head) && c->nother)
			exchange(head, c);
		obj = pop(head);
		gom_mcache_unlock();
	}
	if (!obj)
		gom_mcentral_trytake(gom_central(gom_node_for(node, 0), class),
				     &obj, 1);
	if (obj)
		this_cpu_inc(gom_mcache_cold->class[class].mallocs);
	preempt_enable();
	return obj;
}

/* Return all that @cpu caches; it is the caller's own, or dead. */
void gom_mcache_drain(int cpu)
{
	struct gomalloc_mcache *mcache = per_cpu_ptr(&gomalloc_mcache, cpu);
	struct mcache_cold *cold = per_cpu_ptr(gom_mcache_cold, cpu);
	bool alive = cpu_online(cpu);
	struct magazine *mags;
	unsigned int class;

	for (class = 1; class < GOM_NR_SPAN_CLASSES; class++) {
		mags = NULL;
		preempt_disable();
		if (!alive || gom_mcache_trylock()) {
			mags = unload(&mcache->head[class], cold, class);
			if (alive)
				gom_mcache_unlock();
		}
		preempt_enable();
		gom_magazine_free_list(mags);
	}
}

/*
 * Look at all classes of this CPU, to which the caller is bound; true if
 * nothing is left.
 */
bool gom_mcache_trim(void)
{
	unsigned int class;

	while (look_at(0))
		;
	for (class = 1; class < GOM_NR_SPAN_CLASSES; class++)
		look_at(class);
	return !this_cpu_read(gom_mcache_cold->capacity);
}

/* How many objects a CPU caches; a guess while the CPU is at work. */
unsigned int gom_mcache_count(int cpu, unsigned int class)
{
	struct gomalloc_head *head = per_cpu_ptr(&gomalloc_mcache.head[class], cpu);
	struct mcache_cold *cold = per_cpu_ptr(gom_mcache_cold, cpu);
	long n = READ_ONCE(head->top) - READ_ONCE(head->slots);

	n = clamp(n / (long)sizeof(void *), 0L, (long)GOM_MAGAZINE_MAX);
	return n + READ_ONCE(cold->class[class].nother);
}

/* Objects of @class ever allocated on @cpu. */
unsigned long gom_mcache_mallocs(int cpu, unsigned int class)
{
	struct mcache_cold *cold = per_cpu_ptr(gom_mcache_cold, cpu);

	return gom_sample_mallocs(cpu, class) +
	       READ_ONCE(cold->class[class].mallocs);
}

static void setup(struct gomalloc_mcache *mcache, struct mcache_cold *cold)
{
	unsigned int class;

	for (class = 0; class < GOM_NR_SPAN_CLASSES; class++) {
		load(&mcache->head[class], &no_magazine, 0);
		cold->class[class].other = &no_magazine;
	}
}

int __init gom_mcache_init(void)
{
	int cpu;

	gom_mcache_cold = gom_try(MCACHE, sizeof(struct mcache_cold),
				  GFP_KERNEL,
				  alloc_percpu(struct mcache_cold));
	if (!gom_mcache_cold)
		return -ENOMEM;
	for_each_possible_cpu(cpu)
		setup(per_cpu_ptr(&gomalloc_mcache, cpu),
		      per_cpu_ptr(gom_mcache_cold, cpu));
	gom_meta_add(MCACHE_BYTES * num_possible_cpus());
	return 0;
}

/* All caches were drained. */
void gom_mcache_exit(void)
{
	gom_meta_add(-(long)(MCACHE_BYTES * num_possible_cpus()));
	free_percpu(gom_mcache_cold);
}
