// SPDX-License-Identifier: GPL-2.0
/*
 * Which allocations are looked at.
 *
 * The distance between samples is exponential with a mean of profile_rate
 * bytes, as in Go and TCMalloc, so that each object of s bytes is in the
 * sample with probability 1 - e^(-s / rate), whatever its neighbours are.
 * As an exponential distance has no memory, every CPU and size class may count
 * for itself, and what it counts are objects: the fast path adds one, as it
 * did before to count, and leaves for the slow path when the sum is no longer
 * negative.
 *
 *   head->until == taken - armed
 *
 * where armed is what the count was armed with and taken are the allocations
 * since.  To see every allocation, for a trace, for counters by call site or
 * to check objects, all counts are armed with 1: that is the one switch, and it
 * costs nothing while it is off.
 *
 * Counts are under the mcache's busy flag.  Called by malloc.c in any context
 * but NMI, with no lock held; settings are changed in process context.
 */
#include <linux/cpu.h>
#include <linux/cpumask.h>
#include <linux/log2.h>
#include <linux/math64.h>
#include <linux/mutex.h>
#include <linux/percpu.h>
#include <linux/prandom.h>
#include <linux/random.h>
#include <linux/smp.h>
#include "debug.h"
#include "fail.h"
#include "mcache.h"
#include "profile.h"
#include "sample.h"
#include "site.h"
#include "size_class.h"
#include "stats.h"

/**
 * struct sample_cpu - a CPU's counts
 * @rnd: its random numbers
 * @bytes: until the next sample of objects without a class
 * @rate: the distance between samples that this was drawn for
 * @class: by span class
 * @class.armed: allocations that the head's count was armed for
 * @class.left: allocations until the next sample, as of the arming
 * @class.rate: the distance between samples that this was drawn for
 * @class.base: plus the head's count: allocations ever counted
 * @class.seq: odd while @base and the head's count change together
 */
struct sample_cpu {
	struct rnd_state rnd;
	s64 bytes;
	unsigned long rate;
	struct sample_class {
		long armed;
		long left;
		unsigned long rate;
		unsigned long base;
		unsigned int seq;
	} class[GOM_NR_SPAN_CLASSES];
};

static struct sample_cpu __percpu *sample_cpu;

/* Serializes settings, which may be written before init and after exit. */
static DEFINE_MUTEX(settings_lock);
static unsigned int divertors;
static bool closed;

static bool diverted;

/* What is done about an allocation whatever the counts say. */
static enum gom_sample anyway(void)
{
	if (gom_profile_rate() == 1)
		return GOM_SAMPLE_TAKE;
	return READ_ONCE(diverted) ? GOM_SAMPLE_LOOK : GOM_SAMPLE_NOT;
}

/*
 * log2(@x) in 2^-16.  Each squaring doubles what is left of it; after eight
 * the rest is small enough for log2(1 + y) to be y, but for 3 in 10000.
 */
static u32 log2_fixed(u32 x)
{
	u32 log = ilog2(x) << 16, bit;
	u64 y = (u64)x << (31 - ilog2(x));

	for (bit = 1 << 15; bit > 1 << 7; bit >>= 1) {
		y = y * y >> 31;
		if (y >> 32) {
			y >>= 1;
			log |= bit;
		}
	}
	return log + ((y - (1U << 31)) >> 23);
}

/* Bytes until the next sample: -ln(u) * rate for u of (0, 1]. */
static s64 draw_bytes(struct sample_cpu *cpu, unsigned long rate)
{
	u32 u = prandom_u32_state(&cpu->rnd);
	u64 log = (32 << 16) - (u ? log2_fixed(u) : 0);

	/* ln(2) == 45426 / 2^16 */
	return (log * rate >> 16) * 45426 >> 16;
}

/* Draw the objects of @class up to the next sample, which is one of them. */
static void draw(struct sample_cpu *cpu, unsigned int class)
{
	struct sample_class *c = &cpu->class[class];
	u32 size = gom_class[class].size;

	c->rate = gom_profile_rate_of(size);
	/* Blocks are no objects; those in them count by their bytes. */
	if (!c->rate || class == GOM_CLASS_TINY)
		c->left = LONG_MAX;
	else if (c->rate == 1)
		c->left = 1;
	else
		c->left = min_t(s64, div_s64(draw_bytes(cpu, c->rate), size) + 1,
				LONG_MAX - 1);
}

/* The same for the bytes of objects without a class. */
static void draw_unclassed(struct sample_cpu *cpu)
{
	cpu->rate = gom_profile_rate();
	cpu->bytes = cpu->rate > 1 ? draw_bytes(cpu, cpu->rate) : 0;
}

/* Caller holds the busy flag of @cpu, or the CPU is offline. */
static void arm(struct gomalloc_head *head, struct sample_class *c)
{
	long n = READ_ONCE(diverted) ? 1 : c->left;

	WRITE_ONCE(c->seq, c->seq + 1);
	/* Pairs with the second smp_rmb() in gom_sample_mallocs(). */
	smp_wmb();
	WRITE_ONCE(c->base, c->base + head->until + n);
	WRITE_ONCE(head->until, -n);
	/* Pairs with the first one there. */
	smp_wmb();
	WRITE_ONCE(c->seq, c->seq + 1);
	c->armed = n;
}

/*
 * The count has come to its end; this allocation is in it.  Caller holds the
 * busy flag.
 */
static enum gom_sample look(struct gomalloc_head *head, unsigned int class)
{
	struct sample_cpu *cpu = this_cpu_ptr(sample_cpu);
	struct sample_class *c = &cpu->class[class];
	enum gom_sample what = anyway();

	if (c->left != LONG_MAX)
		c->left -= c->armed + head->until;
	if (c->rate != gom_profile_rate_of(gom_class[class].size)) {
		/* What is left of it has the same distribution as a new one. */
		draw(cpu, class);
	} else if (c->left <= 0) {
		draw(cpu, class);
		what = GOM_SAMPLE_TAKE;
	}
	arm(head, c);
	return what;
}

/* Count an allocation of @class that the fast path has left to the slow one. */
enum gom_sample gom_sample_count(unsigned int class)
{
	enum gom_sample what = GOM_SAMPLE_NOT;
	struct gomalloc_head *head;

	preempt_disable();
	if (gom_mcache_trylock()) {
		head = this_cpu_ptr(&gomalloc_mcache.head[class]);
		if (++head->until >= 0)
			what = look(head, class);
		gom_mcache_unlock();
	} else {
		this_cpu_inc(gom_mcache_cold->class[class].mallocs);
		what = anyway();
	}
	preempt_enable();
	return what;
}

/* It came to nothing. */
void gom_sample_uncount(unsigned int class)
{
	this_cpu_dec(gom_mcache_cold->class[class].mallocs);
}

/* Count an allocation that has no class: @bytes of a tiny or large object. */
enum gom_sample gom_sample_count_bytes(u32 bytes)
{
	enum gom_sample what = anyway();
	struct sample_cpu *cpu;

	if (!gom_profile_rate())
		return what;
	preempt_disable();
	if (gom_mcache_trylock()) {
		cpu = this_cpu_ptr(sample_cpu);
		cpu->bytes -= bytes;
		if (cpu->rate != gom_profile_rate()) {
			draw_unclassed(cpu);
		} else if (cpu->bytes < 0) {
			draw_unclassed(cpu);
			what = GOM_SAMPLE_TAKE;
		}
		gom_mcache_unlock();
	}
	preempt_enable();
	return what;
}

/*
 * Allocations of @class that @cpu has counted.  Whoever interrupts the CPU
 * while it arms does not wait for it, and may be off by what is armed.
 */
unsigned long gom_sample_mallocs(int cpu, unsigned int class)
{
	struct sample_class *c = &per_cpu_ptr(sample_cpu, cpu)->class[class];
	unsigned long n;
	unsigned int seq;

	for (;;) {
		seq = READ_ONCE(c->seq);
		/* Pairs with the second smp_wmb() in arm(). */
		smp_rmb();
		n = READ_ONCE(c->base) +
		    READ_ONCE(per_cpu(gomalloc_mcache.head[class].until, cpu));
		/* Pairs with the first one there. */
		smp_rmb();
		if ((!(seq & 1) && seq == READ_ONCE(c->seq)) ||
		    cpu == raw_smp_processor_id())
			return n;
		cpu_relax();
	}
}

/* Start over with the settings of now, on this CPU or for an offline one. */
static void rearm(int cpu)
{
	struct sample_cpu *s = per_cpu_ptr(sample_cpu, cpu);
	struct gomalloc_mcache *mcache = per_cpu_ptr(&gomalloc_mcache, cpu);
	unsigned int class;

	draw_unclassed(s);
	for (class = 1; class < GOM_NR_SPAN_CLASSES; class++) {
		draw(s, class);
		arm(&mcache->head[class], &s->class[class]);
	}
}

/* Unless we have interrupted who holds the cache: then again, soon. */
static void rearm_this_cpu(void *left)
{
	int cpu = smp_processor_id();

	if (!gom_mcache_trylock())
		return;
	rearm(cpu);
	gom_mcache_unlock();
	cpumask_clear_cpu(cpu, left);
}

/* Make all CPUs follow the settings.  Caller holds settings_lock. */
static void update(void)
{
	static struct cpumask left;
	int cpu;

	lockdep_assert_held(&settings_lock);
	WRITE_ONCE(diverted,
		   divertors || gom_site_any_counted() || gom_debug_is_on());
	if (!sample_cpu)
		return;
	cpus_read_lock();
	for_each_possible_cpu(cpu)
		if (!cpu_online(cpu))
			rearm(cpu);
	cpumask_copy(&left, cpu_online_mask);
	while (!cpumask_empty(&left))
		on_each_cpu_mask(&left, rearm_this_cpu, &left, true);
	cpus_read_unlock();
}

/* A sample every @bytes on average; 0 for none, 1 for every object. */
int gom_sample_set_rate(unsigned long bytes)
{
	if (bytes > GOM_SAMPLE_RATE_MAX)
		return -EINVAL;
	mutex_lock(&settings_lock);
	gom_profile_set_rate(bytes);
	update();
	mutex_unlock(&settings_lock);
	return 0;
}

/* Have @set take a setting that says which allocations to look at. */
static int change(int (*set)(const char *text), const char *text)
{
	int err = -ENODEV;

	mutex_lock(&settings_lock);
	if (!closed)
		err = set(text);
	if (!err)
		update();
	mutex_unlock(&settings_lock);
	return err;
}

/* Count by call site what the modules in @list allocate; site.c knows more. */
int gom_sample_set_counted(const char *list)
{
	return change(gom_site_set_counted, list);
}

/* Check objects as @text says; debug.c knows more. */
int gom_sample_set_debug(const char *text)
{
	return change(gom_debug_set, text);
}

/* Have every allocation looked at, until as many calls of the other. */
int gom_sample_divert_allocs(void)
{
	mutex_lock(&settings_lock);
	divertors++;
	update();
	mutex_unlock(&settings_lock);
	return 0;
}

void gom_sample_undivert_allocs(void)
{
	mutex_lock(&settings_lock);
	divertors--;
	update();
	mutex_unlock(&settings_lock);
}

int __init gom_sample_init(void)
{
	struct sample_cpu __percpu *new;
	int cpu;

	new = gom_try(SAMPLES, sizeof(*new), GFP_KERNEL,
		      alloc_percpu(struct sample_cpu));
	if (!new)
		return -ENOMEM;
	for_each_possible_cpu(cpu)
		prandom_seed_state(&per_cpu_ptr(new, cpu)->rnd,
				   get_random_u64());
	mutex_lock(&settings_lock);
	sample_cpu = new;
	update();
	mutex_unlock(&settings_lock);
	gom_meta_add(sizeof(struct sample_cpu) * num_possible_cpus());
	return 0;
}

/* Parameters and trace events may still be written to. */
void gom_sample_exit(void)
{
	struct sample_cpu __percpu *old = sample_cpu;

	mutex_lock(&settings_lock);
	closed = true;
	sample_cpu = NULL;
	mutex_unlock(&settings_lock);
	gom_meta_add(-(long)(sizeof(struct sample_cpu) * num_possible_cpus()));
	free_percpu(old);
}
