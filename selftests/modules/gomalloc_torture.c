// SPDX-License-Identifier: GPL-2.0
/*
 * Tortures gomalloc in the manner of rcutorture: every function of the API at
 * random, from tasks, softirqs, hardirqs and NMIs on every CPU at once, with
 * a pattern in every object that says whose it is.
 *
 *	insmod gomalloc_torture.ko seconds=10 seed=1
 *	insmod gomalloc_torture.ko ops=100000 seed=1 contexts=1 cpu=0
 *
 * A stream is one context on one CPU with its own random numbers: a thread;
 * a tasklet; a hrtimer that interrupts both wherever they are; an NMI that
 * CPUs send each other.  One thread more, control, makes and destroys heaps,
 * pools and reserves, drains, moves limits and validates.  Streams share
 * pools, reserves and heaps, and hand objects to each other through boxes.
 *
 * What a stream does, but for its time, depends on the seed alone: each step
 * draws two numbers, and what is done with a place depends on what was to be
 * done with it before, not on whether there was memory.  So with ops= its
 * checksum is the same in every run, alone or among others, and a failure
 * names the stream and its step.
 *
 * insmod returns when it is over: 0 if no object was damaged, nothing leaked
 * and the books balance.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/bitops.h>
#include <linux/cpumask.h>
#include <linux/delay.h>
#include <linux/device.h>
#include <linux/goheap.h>
#include <linux/gomalloc.h>
#include <linux/gomalloc_devm.h>
#include <linux/gopool.h>
#include <linux/goreserve.h>
#include <linux/hash.h>
#include <linux/hrtimer.h>
#include <linux/interrupt.h>
#include <linux/jiffies.h>
#include <linux/kthread.h>
#include <linux/module.h>
#include <linux/moduleparam.h>
#include <linux/percpu.h>
#include <linux/prandom.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/string.h>
#include "../../kmod/compat.h"
#ifdef CONFIG_X86_LOCAL_APIC
#include <asm/apic.h>
#include <asm/nmi.h>
#endif

static unsigned int seconds;
module_param(seconds, uint, 0444);
MODULE_PARM_DESC(seconds, "how long to run, on a slow machine up to eight times that until every operation was done; 0: no limit if ops= is given, else 10");

static unsigned long ops;
module_param(ops, ulong, 0444);
MODULE_PARM_DESC(ops, "steps of each thread, of others a fraction of that (default: as many as there is time for)");

static unsigned int seed = 1;
module_param(seed, uint, 0444);
MODULE_PARM_DESC(seed, "where the random choices start");

static unsigned int contexts = 0x1f;
module_param(contexts, uint, 0444);
MODULE_PARM_DESC(contexts, "which run, a sum: 1 tasks, 2 softirqs, 4 hardirqs, 8 NMIs, 16 control");

static int only_cpu = -1;
module_param_named(cpu, only_cpu, int, 0444);
MODULE_PARM_DESC(cpu, "the one CPU to run on (default: all)");

static unsigned int interval = 100;
module_param(interval, uint, 0444);
MODULE_PARM_DESC(interval, "microseconds between two interrupts of a CPU on average");

static unsigned int progress = 30;
module_param(progress, uint, 0444);
MODULE_PARM_DESC(progress, "seconds between two lines of how far it is; 0: none");

static char *only = "";
module_param(only, charp, 0444);
MODULE_PARM_DESC(only, "the one operation that takes objects, where a context has it: pool_burst, reserve_burst, heap... (default: all)");

static bool spoil;
module_param(spoil, bool, 0444);
MODULE_PARM_DESC(spoil, "change a byte of one object in a thousand for a moment, to see it found");

enum context {
	TASK,
	SOFTIRQ,
	HARDIRQ,
	NMI,
	NR_PER_CPU,
	CONTROL = NR_PER_CPU,
	NR_CONTEXTS
};

static const char * const context_names[] = {
	"task", "softirq", "hardirq", "nmi", "control"
};

/* Places for objects of a stream: not many where each step takes one. */
static const unsigned int nr_places[] = { 512, 128, 128, 32, 1 };

/* Steps in one go, at most. */
static const unsigned int burst[] = { 64, 16, 8, 4, 1 };

/* Objects that are had at a time beside those in places. */
#define MOST_IN_BURST	20

/* Places where objects are handed over. */
#define NR_BOXES	64

/* In hard interrupts PREEMPT_RT allows what waits for nothing, and no more. */
#define RT		IS_ENABLED(CONFIG_PREEMPT_RT)

enum what {
	/* What fills a place. */
	MALLOC, CONST, ZALLOC, ARRAY, NODE, NOLOCK, BULK, DUP, PRINT, KV,
	HEAP, POOL, POOL_BURST, RESERVE, RESERVE_BURST, ACCOUNT,
	/* What is done with the object in it. */
	FREE, SENSITIVE, FREE_NOLOCK, FREE_RCU, FREE_RCU_SLEEP, REALLOC, SIZE,
	EXCHANGE,
	/* What control does. */
	HEAP_CYCLE, POOL_CYCLE, RESERVE_CYCLE, DEVM, DRAIN, REFILL, LIMIT,
	MAX, OS_MEMORY, STATS, VALIDATE, BARRIER,
	NR_OPS
};

enum when { FILLS, LEAVES, EMPTIES, NEEDS_NONE };

/**
 * struct op - something to do
 * @name: for people
 * @when: FILLS an empty place, LEAVES an object in its place, EMPTIES it, or
 *	has nothing to do with places
 * @weight: how often, by context; of empty and of filled places they sum up
 *	to 256 at most
 */
struct op {
	const char *name;
	enum when when;
	u8 weight[NR_CONTEXTS];
};

#define RT_0(n)	(RT ? 0 : (n))

static const struct op op[NR_OPS] = {
	/*				   task soft hard	nmi control */
	[MALLOC]	= { "malloc",	   FILLS,   { 52, 40, RT_0(40) } },
	[CONST]		= { "const",	   FILLS,   { 56, 40, RT_0(32) } },
	[ZALLOC]	= { "zalloc",	   FILLS,   { 16, 16, RT_0(16) } },
	[ARRAY]		= { "array",	   FILLS,   { 8, 8, RT_0(8) } },
	[NODE]		= { "node",	   FILLS,   { 8, 8, RT_0(8) } },
	[NOLOCK]	= { "nolock",	   FILLS,   { 8, 8, 16,	128 } },
	[BULK]		= { "bulk",	   NEEDS_NONE, { 4, 4, RT_0(4) } },
	[DUP]		= { "dup",	   FILLS,   { 6, 6, RT_0(6) } },
	[PRINT]		= { "print",	   NEEDS_NONE, { 1, 1, RT_0(1) } },
	[KV]		= { "kv",	   FILLS,   { 2 } },
	[HEAP]		= { "heap",	   FILLS,   { 24, 32, RT_0(32) } },
	[POOL]		= { "pool",	   FILLS,   { 36, 40, RT_0(40) } },
	[POOL_BURST]	= { "pool_burst",  NEEDS_NONE, { 8, 16, RT_0(16) } },
	[RESERVE]	= { "reserve",	   FILLS,   { 12, 12, RT_0(16), 96 } },
	[RESERVE_BURST]	= { "reserve_burst", NEEDS_NONE, { 8, 16, RT_0(16), 32 } },
	[ACCOUNT]	= { "account",	   FILLS,   { 4, 4 } },
	[FREE]		= { "free",	   EMPTIES, { 96, 96, RT_0(96) } },
	[SENSITIVE]	= { "sensitive",   EMPTIES, { 6, 6, RT_0(6) } },
	[FREE_NOLOCK]	= { "free_nolock", EMPTIES, { 12, 12, 24,	128 } },
	[FREE_RCU]	= { "rcu",	   EMPTIES, { 6, 6, RT_0(6) } },
	[FREE_RCU_SLEEP] = { "rcu_mightsleep", EMPTIES, { 1 } },
	[REALLOC]	= { "realloc",	   LEAVES,  { 20, 16, RT_0(16) } },
	[SIZE]		= { "size",	   LEAVES,  { 16, 16, RT_0(16) } },
	[EXCHANGE]	= { "exchange",	   EMPTIES, { 48, 48, 48,	 64 } },
	[HEAP_CYCLE]	= { "heap_cycle",  NEEDS_NONE, { [CONTROL] = 24 } },
	[POOL_CYCLE]	= { "pool_cycle",  NEEDS_NONE, { [CONTROL] = 16 } },
	[RESERVE_CYCLE]	= { "reserve_cycle", NEEDS_NONE, { [CONTROL] = 16 } },
	[DEVM]		= { "devm",	   NEEDS_NONE, { [CONTROL] = 16 } },
	[DRAIN]		= { "drain",	   NEEDS_NONE, { [CONTROL] = 64 } },
	[REFILL]	= { "refill",	   NEEDS_NONE, { [CONTROL] = 24 } },
	[LIMIT]		= { "limit",	   NEEDS_NONE, { [CONTROL] = 8 } },
	[MAX]		= { "max",	   NEEDS_NONE, { [CONTROL] = 24 } },
	[OS_MEMORY]	= { "os_memory",   NEEDS_NONE, { [CONTROL] = 8 } },
	[STATS]		= { "stats",	   NEEDS_NONE, { [CONTROL] = 16 } },
	[VALIDATE]	= { "validate",	   NEEDS_NONE, { [CONTROL] = 8 } },
	[BARRIER]	= { "barrier",	   NEEDS_NONE, { [CONTROL] = 8 } },
};

enum kind {
	PLAIN,		/* gofree() takes it */
	POOLED,		/* of a pool */
	RESERVED,	/* of a reserve */
	KVMALLOC,	/* gokvfree() takes it */
};

/**
 * struct object - an object that lives, or none
 * @ptr: the object, NULL if there is none
 * @size: bytes asked for
 * @tag: what its pattern comes from, beside @ptr and @size
 * @kind: how it is freed
 * @home: which pool or reserve
 */
struct object {
	void *ptr;
	unsigned int size;
	u32 tag;
	u8 kind;
	u8 home;
};

/**
 * struct stream - a context on a CPU
 * @rnd: its random numbers
 * @cpu: where it belongs
 * @context: what it is
 * @busy: bit 0: it is at work
 * @steps: so many were taken
 * @sum: checksum of what was to be done
 * @r: random bits of this step beyond those that chose it
 * @doing: what is done in it
 * @places: its objects
 * @full: whether each place was to be filled
 * @pocket: an object of a reserve, from one burst to the next
 * @did: how often each op was done
 * @without: how often there was no memory
 */
struct stream {
	struct rnd_state rnd;
	int cpu;
	enum context context;
	unsigned long busy;
	unsigned long steps;
	u64 sum;
	u32 r;
	enum what doing;
	struct object *places;
	bool *full;
	struct object pocket;
	unsigned long did[NR_OPS];
	unsigned long without;
};

/**
 * struct worker - what runs on a CPU
 * @stream: its streams
 * @task: its thread
 * @timer: interrupts the thread, sends NMIs and schedules @tasklet
 * @tasklet: the softirq
 * @rnd: random numbers for when things happen
 */
struct worker {
	struct stream stream[NR_PER_CPU];
	struct task_struct *task;
	struct hrtimer timer;
	struct tasklet_struct tasklet;
	struct rnd_state rnd;
};

/**
 * struct box - where an object is handed over
 * @busy: bit 0: somebody is at it; others go elsewhere
 * @object: what is in it
 */
struct box {
	unsigned long busy;
	struct object object;
} ____cacheline_aligned_in_smp;

/* An object that gofree_rcu() frees. */
struct deferred {
	struct rcu_head rcu;
};

/**
 * struct shared_pool - a pool that all use
 * @pool: the pool
 * @size: of its objects
 * @capacity: of its rings
 * @parks: its objects have the pattern of parked ones when nobody has them
 * @check: it looks at what is put
 */
struct shared_pool {
	struct gopool *pool;
	unsigned int size;
	unsigned int capacity;
	bool parks;
	bool check;
};

/* Small rings wrap around, are emptied and grow again all the time. */
static struct shared_pool pools[] = {
	{ .size = 64, .capacity = 8, .parks = true },
	{ .size = 24, .capacity = 2, .parks = true },
	{ .size = 200, .capacity = 64 },
	{ .size = 96, .capacity = 4, .parks = true, .check = true },
};

/*
 * NMIs cannot have objects of the second otherwise, nor can anybody where no more
 * than 1 MiB may be held, the least that a limit can be.
 */
static struct shared_reserve {
	struct goreserve *reserve;
	unsigned int size;
	unsigned int nr;
} reserves[] = {
	{ .size = 64, .nr = 4 },
	{ .size = 400000, .nr = 3 },
	{ .size = 70000, .nr = 2 },
};

static struct shared_heap {
	struct goheap *heap;
	unsigned int flags;
} heaps[] = {
	{ .flags = 0 },
	{ .flags = GOHEAP_CALLSITES },
};

static struct worker **workers;		/* by CPU */
static struct stream control;
static struct task_struct *controller;
static struct box boxes[NR_BOXES];
static u8 choose[2][NR_CONTEXTS][256];	/* by whether the place is full */

static bool stopping;
static bool squeezed;			/* no more memory than there is */
static bool no_nmis;			/* for now */
static atomic_t errors;

/* === Patterns ============================================================ */

/* Makes every bit of a word depend on all below it. */
#define ODD		(BITS_PER_LONG == 64 ? (unsigned long)GOLDEN_RATIO_64 : \
				GOLDEN_RATIO_32)
#define ALL_WORDS	32	/* of an object up to that all are looked at */
#define EDGE_WORDS	8	/* of larger ones these at both ends */
#define SAMPLES		16	/* and about so many in between */
#define WORD		sizeof(unsigned long)

/* A parked object of a pool is nobody's. */
#define PARKED		0x9a4bedU

static unsigned long first_word(const void *ptr, size_t size, u32 tag)
{
	return ((unsigned long)ptr ^ tag ^ (size << 20)) * ODD;
}

/* The word after @i to look at, of @n. */
static __always_inline unsigned int next_word(unsigned int i, unsigned int n)
{
	if (likely(n <= ALL_WORDS) || i < EDGE_WORDS || i >= n - EDGE_WORDS)
		return i + 1;
	return min(i + 1 + n / SAMPLES, n - EDGE_WORDS);
}

static void fill(void *ptr, size_t size, u32 tag)
{
	unsigned long first = first_word(ptr, size, tag), *words = ptr, last;
	unsigned int n = size / WORD, i;

	for (i = 0; i < n; i = next_word(i, n))
		words[i] = first + i * ODD;
	last = first + n * ODD;
	if (size % WORD)
		memcpy(words + n, &last, size % WORD);
}

/*
 * Whether the first @common bytes at @at are those of the object that was at
 * @ptr, of @size bytes.
 */
static bool holds(const void *at, size_t common, const void *ptr, size_t size,
		  u32 tag)
{
	unsigned long first = first_word(ptr, size, tag), last;
	unsigned int n = size / WORD, i;
	const unsigned long *words = at;
	unsigned long bad = 0;

	for (i = 0; i < n && (i + 1) * WORD <= common; i = next_word(i, n))
		bad |= words[i] ^ (first + i * ODD);
	last = first + n * ODD;
	if (common == size && size % WORD)
		bad |= memcmp(words + n, &last, size % WORD);
	return !bad;
}

static bool is_zeroed(const void *ptr, size_t size)
{
	unsigned int n = size / WORD, i;
	const unsigned long *words = ptr;
	unsigned long bad = 0;

	for (i = 0; i < n; i = next_word(i, n))
		bad |= words[i];
	return !bad && !memchr_inv(words + n, 0, size % WORD);
}

/* === Failures ============================================================ */

/* Whatever is wrong: the rest would go on with what is damaged. */
static void complain(const struct stream *s, const void *ptr, size_t size,
		     const char *what)
{
	WRITE_ONCE(stopping, true);
	if (atomic_inc_return(&errors) > 10)
		return;
	pr_err("seed %u: %s of CPU %d, step %lu, %s: %zu bytes at %p %s\n",
	       seed, context_names[s->context], s->cpu, s->steps,
	       op[s->doing].name, size, ptr, what);
}

/* False if the object is damaged; then nobody should free it. */
static bool check(const struct stream *s, const struct object *obj)
{
	u8 *byte = obj->ptr;
	bool whole;

	if (unlikely(spoil && obj->size && s->steps % 1024 == 1023))
		byte[obj->size - 1]++;
	whole = holds(obj->ptr, obj->size, obj->ptr, obj->size, obj->tag);
	if (likely(whole))
		return true;
	complain(s, obj->ptr, obj->size, "are not what was written");
	if (spoil)
		byte[obj->size - 1]--;
	return spoil;
}

static void did(struct stream *s, enum what what)
{
	s->did[what]++;
}

/* === Objects ============================================================= */

#define ZEROED		1
#define ANY_ALIGNMENT	2

/* Take over @ptr, of @size bytes; if that is %NULL the place stays empty. */
static void adopt(struct stream *s, struct object *obj, void *ptr,
		  size_t size, enum kind kind, unsigned int flags)
{
	obj->ptr = ptr;
	if (!ptr) {
		s->without++;
		return;
	}
	obj->size = size;
	obj->tag = s->r;
	obj->kind = kind;
	if (unlikely(!size))
		return;
	if (!(flags & ANY_ALIGNMENT) &&
	    !IS_ALIGNED((unsigned long)ptr, size & -size))
		complain(s, ptr, size, "are misaligned");
	if (flags & ZEROED && !is_zeroed(ptr, size))
		complain(s, ptr, size, "are not zeroed");
	fill(ptr, size, obj->tag);
	did(s, s->doing);
}

/* Where growing is forbidden for a while, nobody waits for it. */
static gfp_t gfp_of(const struct stream *s)
{
	if (s->context == TASK && s->r & 0x3000 && !READ_ONCE(squeezed))
		return GFP_KERNEL | __GFP_NOWARN;
	return (s->context == HARDIRQ ? GFP_ATOMIC : GFP_NOWAIT) |
	       __GFP_NOWARN;
}

/* Most are small, some tiny, one in 256 is large, one in 16384 huge. */
static size_t size_of(const struct stream *s)
{
	static const unsigned int most[] = {
		GOMALLOC_MAX_SIZE, SZ_64K, SZ_64K, GOMALLOC_MAX_SMALL, SZ_64K
	};
	u32 r = s->r;
	unsigned int shift = min((r >> 14) & 15, (r >> 18) & 15);
	size_t size = (r & ((8U << min(shift, 12U)) - 1)) + 1;

	if (unlikely(!(r >> 24))) {
		size *= 16;
		if (!(r >> 18))
			size *= 16;
		if (!(r & 15))
			size = 0;
	} else if (r >> 29 == 7) {
		size = roundup_pow_of_two(size);
	}
	return min_t(size_t, size, most[s->context]);
}

static noinline void *malloc_const(size_t size, gfp_t gfp)
{
	switch (size) {
	case 8: return gomalloc(8, gfp);
	case 16: return gomalloc(16, gfp);
	case 24: return gomalloc(24, gfp);
	case 32: return gomalloc(32, gfp);
	case 64: return gomalloc(64, gfp);
	case 96: return gozalloc(96, gfp);
	case 192: return gomalloc(192, gfp);
	case 256: return gomalloc(256, gfp);
	case 1000: return gomalloc(1000, gfp);
	}
	return gomalloc(4096, gfp);
}

static const unsigned int const_sizes[] = {
	8, 16, 24, 32, 64, 96, 192, 256, 1000, 4096
};

static void alloc_array(struct stream *s, struct object *obj, size_t size)
{
	unsigned int n = s->r % 7 + 1;
	void *ptr;

	size = size / n + 1;
	ptr = s->r & 0x800 ? gocalloc(n, size, gfp_of(s)) :
			     gomalloc_array(n, size, gfp_of(s));
	/* Aligned as their product is, which adopt() looks at. */
	adopt(s, obj, ptr, n * size, PLAIN, s->r & 0x800 ? ZEROED : 0);
}

/* Some of a size, checked and freed at once. */
static void alloc_bulk(struct stream *s, size_t size)
{
	void *ptrs[16];
	unsigned int n = s->r % ARRAY_SIZE(ptrs) + 1, i;

	size = min_t(size_t, size, SZ_1K);
	if (gomalloc_bulk(size, gfp_of(s), n, ptrs) != n) {
		s->without++;
		return;
	}
	for (i = 0; size && i < n; i++)
		fill(ptrs[i], size, s->r + i);
	for (i = 0; size && i < n; i++)
		if (!holds(ptrs[i], size, ptrs[i], size, s->r + i))
			complain(s, ptrs[i], size, "are not what was written");
	gofree_bulk(n, ptrs);
	did(s, BULK);
}

static void alloc_dup(struct stream *s, struct object *obj)
{
	unsigned long from[32];
	size_t size = s->r % sizeof(from) + 1;
	void *ptr;

	fill(from, size, s->r);
	ptr = gomemdup(from, size, gfp_of(s));
	if (ptr && !holds(ptr, size, from, size, s->r))
		complain(s, ptr, size, "are not what was copied");
	adopt(s, obj, ptr, size, PLAIN, 0);
}

static void alloc_print(struct stream *s)
{
	char *a = goasprintf(gfp_of(s), "%s %u", context_names[s->context],
			     s->r);
	char *b = a ? gostrdup(a, gfp_of(s)) : NULL;
	char *c = b ? gostrndup(b, s->r % 16, gfp_of(s)) : NULL;

	if (!c)
		s->without++;
	else if (strcmp(a, b) || strncmp(b, c, s->r % 16))
		complain(s, c, s->r % 16, "are another string");
	else
		did(s, PRINT);
	gofree(a);
	gofree(b);
	gofree(c);
}

static void alloc_heap(struct stream *s, struct object *obj, size_t size)
{
	struct goheap *heap = heaps[s->r % ARRAY_SIZE(heaps)].heap;
	bool zero = s->r & 0x400;

	size = min_t(size_t, size, SZ_16K);
	adopt(s, obj, zero ? goheap_zalloc(heap, size, gfp_of(s)) :
			     goheap_alloc(heap, size, gfp_of(s)),
	      size, PLAIN, zero ? ZEROED : 0);
}

static void alloc_pool(struct stream *s, struct object *obj, unsigned int i)
{
	const struct shared_pool *p = &pools[i];
	void *ptr = gopool_get(p->pool, gfp_of(s));

	if (ptr && p->parks && !holds(ptr, p->size, ptr, p->size, PARKED))
		complain(s, ptr, p->size, "are not as they were put");
	obj->home = i;
	adopt(s, obj, ptr, p->size, POOLED, 0);
}

static void alloc_reserve(struct stream *s, struct object *obj, unsigned int i)
{
	const struct shared_reserve *r = &reserves[i];

	obj->home = i;
	adopt(s, obj, goreserve_alloc(r->reserve, gfp_of(s)), r->size, RESERVED,
	      0);
}

static void free_checked(struct stream *s, struct object *obj);

/* The first, without a check, is the one to crowd in. */
static unsigned int any_pool(const struct stream *s)
{
	return s->r & 0x40 ? s->r % ARRAY_SIZE(pools) : 0;
}

/*
 * Some of one kind, more than a CPU has of them, and all back: so these are
 * stolen from other CPUs all the time, and who interrupts this finds them in
 * the middle of something.
 */
static void burst_of(struct stream *s, void (*get)(struct stream *s,
						   struct object *obj,
						   unsigned int i),
		     unsigned int i, unsigned int n)
{
	struct object objs[MOST_IN_BURST];
	unsigned int k;

	for (k = 0; k < n; k++) {
		get(s, &objs[k], i);
		/* None is like another of them. */
		s->r++;
	}
	for (k = 0; k < n; k++)
		if (objs[k].ptr && check(s, &objs[k]))
			free_checked(s, &objs[k]);
}

static void empty_pocket(struct stream *s)
{
	if (s->pocket.ptr && check(s, &s->pocket))
		free_checked(s, &s->pocket);
	s->pocket.ptr = NULL;
}

/*
 * Of a reserve that no CPU's cache stands in for.  It begins with a free of
 * what was taken long ago: so what is put back is the next to be taken, also
 * where this interrupts somebody who has looked at it and not taken it yet.
 */
static void reserve_burst(struct stream *s)
{
	unsigned int n;

	for (n = 0; n < 4; n++) {
		empty_pocket(s);
		burst_of(s, alloc_reserve, 1, (s->r >> 4) % 3);
		alloc_reserve(s, &s->pocket, 1);
	}
}

static void alloc(struct stream *s, struct object *obj)
{
	size_t size = size_of(s);
	gfp_t gfp = gfp_of(s);

	switch (s->doing) {
	case CONST:
		size = const_sizes[s->r % ARRAY_SIZE(const_sizes)];
		adopt(s, obj, malloc_const(size, gfp), size, PLAIN,
		      size == 96 ? ZEROED : 0);
		break;
	case ZALLOC:
		adopt(s, obj, gozalloc(size, gfp), size, PLAIN, ZEROED);
		break;
	case ARRAY:
		alloc_array(s, obj, size);
		break;
	case NODE:
		adopt(s, obj, gomalloc_node(size, gfp, numa_mem_id()), size,
		      PLAIN, 0);
		break;
	case NOLOCK:
		size = min_t(size_t, size, GOMALLOC_MAX_SMALL);
		adopt(s, obj, gomalloc_nolock(size, s->r & 0x400 ? __GFP_ZERO : 0,
					      NUMA_NO_NODE),
		      size, PLAIN, s->r & 0x400 ? ZEROED : 0);
		break;
	case BULK:
		alloc_bulk(s, size);
		break;
	case DUP:
		alloc_dup(s, obj);
		break;
	case PRINT:
		alloc_print(s);
		break;
	case KV:
		adopt(s, obj, gokvzalloc(size, GFP_KERNEL | __GFP_NOWARN), size,
		      KVMALLOC, ZEROED | ANY_ALIGNMENT);
		break;
	case HEAP:
		alloc_heap(s, obj, size);
		break;
	case POOL:
		alloc_pool(s, obj, any_pool(s));
		break;
	case POOL_BURST:
		burst_of(s, alloc_pool, any_pool(s),
			 (s->r >> 8) % MOST_IN_BURST + 1);
		break;
	case RESERVE:
		alloc_reserve(s, obj, s->r % ARRAY_SIZE(reserves));
		break;
	case RESERVE_BURST:
		reserve_burst(s);
		break;
	case ACCOUNT:
		adopt(s, obj, gomalloc(size, gfp | __GFP_ACCOUNT), size, PLAIN,
		      ANY_ALIGNMENT);
		break;
	default:
		adopt(s, obj, gomalloc(size, gfp), size, PLAIN, 0);
	}
}

static bool waits_for_nothing(const struct stream *s)
{
	return s->context == NMI || (RT && s->context == HARDIRQ);
}

static void put_pooled(const struct object *obj)
{
	const struct shared_pool *p = &pools[obj->home];

	if (p->parks)
		fill(obj->ptr, p->size, PARKED);
	gopool_put(p->pool, obj->ptr);
}

/* As its kind has it; of a plain one, as the step says. */
static void free_checked(struct stream *s, struct object *obj)
{
	void *ptr = obj->ptr;

	obj->ptr = NULL;
	if (obj->kind == POOLED) {
		put_pooled(&(struct object){ .ptr = ptr, .home = obj->home });
		return;
	}
	if (obj->kind == RESERVED && s->doing != SENSITIVE) {
		goreserve_free(reserves[obj->home].reserve, ptr);
		return;
	}
	if (obj->kind == KVMALLOC) {
		gokvfree(ptr);
		return;
	}
	if (waits_for_nothing(s))
		gofree_nolock(ptr);
	else if (s->doing == SENSITIVE)
		gofree_sensitive(ptr);
	else if (s->doing == FREE_NOLOCK)
		gofree_nolock(ptr);
	else if (s->doing == FREE_RCU && obj->size >= sizeof(struct deferred))
		gofree_rcu((struct deferred *)ptr, rcu);
	else if (s->doing == FREE_RCU_SLEEP)
		gofree_rcu_mightsleep(ptr);
	else
		gofree(ptr);
}

static void resize(struct stream *s, struct object *obj)
{
	struct object old = *obj;
	size_t size = size_of(s), common = min_t(size_t, size, old.size);
	void *ptr;

	if (old.kind == KVMALLOC)
		ptr = gokvrealloc(old.ptr, size, GFP_KERNEL | __GFP_NOWARN);
	else
		ptr = gorealloc(old.ptr, size, gfp_of(s));
	if (!ptr) {
		s->without++;
		return;
	}
	if (common && !holds(ptr, common, old.ptr, old.size, old.tag))
		complain(s, ptr, size, "are not what was there before");
	/* One left in place is aligned as before, one of slab's as slab has it. */
	adopt(s, obj, ptr, size, old.kind, ANY_ALIGNMENT);
}

static void ask_size(struct stream *s, const struct object *obj)
{
	if (obj->kind == KVMALLOC)
		return;
	if (gosize(obj->ptr) < obj->size ||
	    gomalloc_size_roundup(obj->size) < obj->size)
		complain(s, obj->ptr, obj->size, "are fewer");
	if (obj->kind != PLAIN && !gomalloc_owns(obj->ptr))
		complain(s, obj->ptr, obj->size, "are nobody's");
	did(s, SIZE);
}

/* Whether this stream may free it. */
static bool may_end(const struct stream *s, const struct object *obj)
{
	if (!obj->ptr || !waits_for_nothing(s))
		return true;
	return obj->kind == PLAIN ||
	       (obj->kind == RESERVED && s->context == NMI);
}

/* Put an object where others find it, and take what was there. */
static void exchange(struct stream *s, struct object *obj)
{
	struct box *box = &boxes[(s->r >> 8) % NR_BOXES];

	if (obj->kind == KVMALLOC || test_and_set_bit_lock(0, &box->busy))
		return;
	if (may_end(s, &box->object)) {
		swap(*obj, box->object);
		did(s, EXCHANGE);
	}
	clear_bit_unlock(0, &box->busy);
}

static void use(struct stream *s, struct object *obj)
{
	if (!check(s, obj)) {
		obj->ptr = NULL;
		return;
	}
	switch (s->doing) {
	case REALLOC:
		if (obj->kind == PLAIN || obj->kind == KVMALLOC)
			resize(s, obj);
		return;
	case SIZE:
		ask_size(s, obj);
		return;
	case EXCHANGE:
		exchange(s, obj);
		if (obj->ptr && check(s, obj))
			free_checked(s, obj);
		obj->ptr = NULL;
		return;
	default:
		free_checked(s, obj);
		did(s, s->doing);
	}
}

/* === Control ============================================================= */

static int ctor(void *obj, gfp_t gfp, void *arg)
{
	const struct shared_pool *p = arg;

	/* Some do not succeed, as constructors may. */
	if (!((unsigned long)obj >> 6 & 255))
		return -ENOMEM;
	fill(obj, p->size, PARKED);
	return 0;
}

static void dtor(void *obj, void *arg)
{
	const struct shared_pool *p = arg;

	if (!holds(obj, p->size, obj, p->size, PARKED))
		complain(&control, obj, p->size, "are not as they were put");
}

static struct gopool *create_pool(const char *name, struct shared_pool *p)
{
	struct gopool_params params = {
		.ctor = p->parks ? ctor : NULL,
		.dtor = p->parks ? dtor : NULL,
		.arg = p,
		.capacity = p->capacity,
		.check = p->check,
	};

	return gopool_create(name, p->size, &params);
}

/* Nobody uses it any more, and nothing is out. */
static void destroy_pool(struct stream *s, struct gopool *pool)
{
	struct gopool_stats st;

	if (IS_ERR_OR_NULL(pool))
		return;
	gopool_read_stats(pool, &st);
	if (st.out || st.bad ||
	    st.in_slots + st.in_rings + st.in_victims != st.news - st.drops)
		complain(s, pool, st.news - st.drops, "are not all in the pool");
	gopool_destroy(pool);
}

static void destroy_reserve(struct stream *s, struct goreserve *reserve)
{
	struct goreserve_stats st;

	if (IS_ERR_OR_NULL(reserve))
		return;
	goreserve_read_stats(reserve, &st);
	if (st.held != st.kept - st.taken || st.held > st.nr)
		complain(s, reserve, st.held, "are not in the reserve");
	goreserve_destroy(reserve);
}

static void pool_cycle(struct stream *s)
{
	struct shared_pool p = {
		.size = s->r % 500 + 8,
		.capacity = s->r >> 20 & 63,
		.parks = true,
		.check = s->r >> 30 & 1,
	};
	struct gopool *pool = create_pool("torture cycle", &p);
	void *objs[24];
	unsigned int i;

	if (IS_ERR(pool)) {
		s->without++;
		return;
	}
	for (i = 0; i < ARRAY_SIZE(objs); i++) {
		objs[i] = gopool_get(pool, GFP_KERNEL | __GFP_NOWARN);
		if (objs[i] && !holds(objs[i], p.size, objs[i], p.size, PARKED))
			complain(s, objs[i], p.size, "are not as they were put");
	}
	while (i)
		gopool_put(pool, objs[--i]);
	if (s->r & 0x200)
		gopool_drain(pool);
	destroy_pool(s, pool);
	did(s, POOL_CYCLE);
}

static void reserve_cycle(struct stream *s)
{
	unsigned int nr = s->r % 12 + 1, size = s->r >> 8 & 0xffff, i;
	struct goreserve *reserve = goreserve_create("torture cycle", size + 1,
						     nr, GFP_KERNEL |
						     __GFP_NOWARN);
	void *objs[12];

	if (IS_ERR(reserve)) {
		s->without++;
		return;
	}
	for (i = 0; i < nr; i++) {
		/* Full as it is, it may not refuse so many. */
		objs[i] = goreserve_alloc(reserve, GFP_NOWAIT | __GFP_NOWARN);
		if (!objs[i])
			complain(s, reserve, nr, "were reserved");
	}
	while (i)
		goreserve_free(reserve, objs[--i]);
	destroy_reserve(s, reserve);
	did(s, RESERVE_CYCLE);
}

#define NR_IN_HEAP	64

static unsigned int use_heap(struct stream *s, struct goheap *heap,
			     struct object *objs)
{
	unsigned int live = 0, i;

	for (i = 0; i < NR_IN_HEAP; i++) {
		struct object *obj = &objs[i];

		obj->size = prandom_u32_state(&s->rnd) & 1023;
		obj->tag = i;
		obj->ptr = goheap_alloc(heap, obj->size,
					GFP_KERNEL | __GFP_NOWARN);
		if (obj->ptr && obj->size)
			fill(obj->ptr, obj->size, obj->tag);
	}
	for (i = 0; i < NR_IN_HEAP; i++) {
		if (!objs[i].ptr || !check(s, &objs[i]))
			continue;
		if (i & 1)
			gofree(objs[i].ptr);
		else
			live += objs[i].size != 0;
	}
	return live;
}

static void heap_cycle(struct stream *s)
{
	struct goheap_params params = {
		.soft = s->r & 1 ? 0 : SZ_64K,
		.hard = s->r & 2 ? 0 : SZ_128K,
		.flags = GOHEAP_FREE_WHOLE | (s->r & 4 ? GOHEAP_CALLSITES : 0) |
			 (s->r & 8 ? GOHEAP_ACCOUNT : 0),
	};
	struct goheap *heap = goheap_create("torture cycle", &params);
	struct object *objs = kcalloc(NR_IN_HEAP, sizeof(*objs), GFP_KERNEL);
	unsigned int live;

	if (IS_ERR(heap) || !objs) {
		s->without++;
		goto out;
	}
	live = use_heap(s, heap, objs);
	if (s->r & 16) {
		if (goheap_reset(heap) != live)
			complain(s, heap, live, "were not in the heap");
		live = use_heap(s, heap, objs);
	}
	if (goheap_destroy(heap) != live)
		complain(s, heap, live, "were not in the heap");
	heap = NULL;
	did(s, HEAP_CYCLE);
out:
	if (!IS_ERR_OR_NULL(heap))
		goheap_destroy(heap);
	kfree(objs);
}

static void use_device(struct stream *s)
{
	struct device *dev = root_device_register("gomalloc_torture");
	size_t size = s->r % 3000 + 1;
	void *a, *b;

	if (IS_ERR(dev)) {
		s->without++;
		return;
	}
	a = devm_gozalloc(dev, size, GFP_KERNEL);
	b = devm_goasprintf(dev, GFP_KERNEL, "%u", s->r);
	if (a && !is_zeroed(a, size))
		complain(s, a, size, "are not zeroed");
	if (a)
		a = devm_gorealloc(dev, a, 2 * size, GFP_KERNEL) ?: a;
	if (b && s->r & 0x10000)
		devm_gofree(dev, b);
	root_device_unregister(dev);
	did(s, DEVM);
}

/*
 * For some steps nothing more than there is, so that reserves are what serves.
 * Streams go on meanwhile, and control may be slow.
 */
static void squeeze(struct stream *s)
{
	struct gomalloc_stats st;

	gomalloc_read_stats(&st);
	WRITE_ONCE(squeezed, true);
	gomalloc_set_memory_max(max_t(u64, st.heap_inuse / 2, SZ_1M));
	did(s, MAX);
}

static void unsqueeze(void)
{
	if (!squeezed)
		return;
	gomalloc_set_memory_max(S64_MAX);
	WRITE_ONCE(squeezed, false);
}

static void set_limit(struct stream *s)
{
	s64 old = gomalloc_set_memory_limit(((s->r & 63) + 1) * (s64)SZ_1M);

	msleep(s->r >> 8 & 15);
	gomalloc_set_memory_limit(old);
	did(s, LIMIT);
}

static void read_all_stats(struct stream *s)
{
	struct goreserve_stats reserve;
	struct gomalloc_stats st;
	struct gopool_stats pool;
	struct goheap_stats heap;
	unsigned int i;

	gomalloc_read_stats(&st);
	for (i = 0; i < ARRAY_SIZE(pools); i++)
		gopool_read_stats(pools[i].pool, &pool);
	for (i = 0; i < ARRAY_SIZE(reserves); i++)
		goreserve_read_stats(reserves[i].reserve, &reserve);
	for (i = 0; i < ARRAY_SIZE(heaps); i++)
		goheap_read_stats(heaps[i].heap, &heap);
	if (st.misuses)
		complain(s, NULL, st.misuses, "of misuses were reported");
	did(s, STATS);
}

static bool nmis_are_out(void);

/* NMIs go on while all CPUs are stopped, and so does what they do. */
static void validate(struct stream *s)
{
	int err;

	WRITE_ONCE(no_nmis, true);
	/* Who has seen it otherwise has sent his by then. */
	synchronize_rcu();
	while (nmis_are_out())
		usleep_range(50, 100);
	err = gomalloc_validate();
	WRITE_ONCE(no_nmis, false);
	if (err && err != -EAGAIN)
		complain(s, NULL, -err, "is what gomalloc_validate() found");
	did(s, VALIDATE);
}

static void do_control(struct stream *s)
{
	unsigned int i;

	if (!(s->r >> 30))
		unsqueeze();
	switch (s->doing) {
	case HEAP_CYCLE:
		heap_cycle(s);
		break;
	case POOL_CYCLE:
		pool_cycle(s);
		break;
	case RESERVE_CYCLE:
		reserve_cycle(s);
		break;
	case DEVM:
		use_device(s);
		break;
	case DRAIN:
		gopool_drain(pools[0].pool);
		gopool_drain(pools[s->r & 3].pool);
		did(s, DRAIN);
		break;
	case REFILL:
		for (i = 0; i < ARRAY_SIZE(reserves); i++)
			goreserve_refill(reserves[i].reserve,
					 GFP_KERNEL | __GFP_NOWARN);
		did(s, REFILL);
		break;
	case LIMIT:
		set_limit(s);
		break;
	case MAX:
		squeeze(s);
		break;
	case OS_MEMORY:
		gomalloc_free_os_memory();
		did(s, OS_MEMORY);
		break;
	case STATS:
		read_all_stats(s);
		break;
	case VALIDATE:
		validate(s);
		break;
	default:
		gofree_rcu_barrier();
		did(s, BARRIER);
	}
}

/* === Streams ============================================================= */

/* Whether the op is for a stream, for places that are @full. */
static bool is_for(const struct op *o, unsigned int where, bool full)
{
	bool uses = o->when == LEAVES || o->when == EMPTIES;

	return o->weight[where] && uses == full;
}

static bool is_only(const struct op *o, unsigned int where, bool full)
{
	return is_for(o, where, full) && !strcmp(o->name, only);
}

/* Of ops of a stream on places that are @full: each of 256 numbers has one. */
static void fill_choices(enum context context, bool full)
{
	u8 *into = choose[full][context];
	unsigned int what, n = 0, i;

	for (what = 0; what < NR_OPS; what++)
		for (i = 0; is_for(&op[what], context, full) &&
		     i < op[what].weight[context]; i++)
			if (!WARN_ON_ONCE(n == 256))
				into[n++] = what;
	/* The rest once more, from the first one on. */
	for (i = 0; n && n < 256; i++)
		into[n++] = into[i];
	for (what = 0; what < NR_OPS; what++)
		if (is_only(&op[what], context, full))
			memset(into, what, 256);
}

static void step(struct stream *s)
{
	u32 a = prandom_u32_state(&s->rnd), r = prandom_u32_state(&s->rnd);
	unsigned int place = (a & 0xffffff) % nr_places[s->context];
	struct object *obj = &s->places[place];
	bool full = s->full[place];

	s->r = r;
	s->doing = choose[full][s->context][a >> 24];
	s->sum = (s->sum ^ s->doing ^ ((u64)place << 8) ^ ((u64)r << 32)) *
		 0x100000001b3ULL;
	s->full[place] = op[s->doing].when == FILLS ||
			 op[s->doing].when == LEAVES;
	s->steps++;
	if (s->context == CONTROL)
		do_control(s);
	else if (!full)
		alloc(s, obj);
	else if (obj->ptr)
		use(s, obj);
}

/* All streams are to come to their ends at about the same time. */
static bool is_done(const struct stream *s)
{
	static const unsigned int slower[] = { 0, 3, 3, 5, 10 };

	return READ_ONCE(stopping) ||
	       (ops && READ_ONCE(s->steps) >= (ops >> slower[s->context]) + 1);
}

/* As one of these timers may come while another CPU's runs, after hotplug. */
static void steps(struct stream *s, unsigned int n)
{
	if (test_and_set_bit_lock(0, &s->busy))
		return;
	while (n-- && !is_done(s))
		step(s);
	clear_bit_unlock(0, &s->busy);
}

static bool runs(enum context context)
{
	return contexts & BIT(context);
}

static int stream_init(struct stream *s, int cpu, enum context context)
{
	u64 number = cpu * NR_CONTEXTS + context + 1;

	s->cpu = cpu;
	s->context = context;
	s->sum = 0xcbf29ce484222325ULL;
	prandom_seed_state(&s->rnd, (seed + number * 0x10001ULL) *
				    GOLDEN_RATIO_64);
	s->places = kvcalloc(nr_places[context], sizeof(*s->places),
			     GFP_KERNEL);
	s->full = kvcalloc(nr_places[context], sizeof(*s->full), GFP_KERNEL);
	return s->places && s->full ? 0 : -ENOMEM;
}

/* From process context, which may free what others could not. */
static void stream_exit(struct stream *s)
{
	unsigned int n = nr_places[s->context], i;

	s->context = TASK;
	s->doing = FREE;
	empty_pocket(s);
	for (i = 0; s->places && i < n; i++)
		if (s->places[i].ptr && check(s, &s->places[i]))
			free_checked(s, &s->places[i]);
	kvfree(s->places);
	kvfree(s->full);
}

/* === NMIs ================================================================ */

#ifdef CONFIG_X86_LOCAL_APIC

/* One that this CPU has been sent and not handled yet: never two at a time. */
static DEFINE_PER_CPU(atomic_t, nmi_out);

static int handle_nmi(unsigned int type, struct pt_regs *regs)
{
	atomic_t *out = this_cpu_ptr(&nmi_out);
	struct worker *w = workers[smp_processor_id()];

	if (!atomic_read(out))
		return NMI_DONE;
	if (w)
		steps(&w->stream[NMI], burst[NMI]);
	atomic_set_release(out, 0);
	return NMI_HANDLED;
}

/* With interrupts off, so @cpu stays online. */
static void send_nmi(int cpu)
{
	if (READ_ONCE(no_nmis) || !cpu_online(cpu) ||
	    atomic_cmpxchg(per_cpu_ptr(&nmi_out, cpu), 0, 1))
		return;
	apic->send_IPI_mask(cpumask_of(cpu), NMI_VECTOR);
}

static bool nmis_are_out(void)
{
	int cpu;

	for_each_online_cpu(cpu)
		if (atomic_read_acquire(per_cpu_ptr(&nmi_out, cpu)))
			return true;
	return false;
}

static int nmis_start(void)
{
	return register_nmi_handler(NMI_LOCAL, handle_nmi, 0,
				    "gomalloc_torture");
}

static void nmis_stop(void)
{
	while (nmis_are_out())
		msleep(20);
	unregister_nmi_handler(NMI_LOCAL, "gomalloc_torture");
}

#else

static void send_nmi(int cpu)
{
}

static bool nmis_are_out(void)
{
	return false;
}

static int nmis_start(void)
{
	return -EOPNOTSUPP;
}

static void nmis_stop(void)
{
}

#endif

/* === Workers ============================================================= */

static struct worker *any_worker(struct worker *w)
{
	unsigned int cpu = prandom_u32_state(&w->rnd) % nr_cpu_ids;

	return workers[cpu] ?: w;
}

/* Interrupts have at most a third of the time, however slow the machine. */
static enum hrtimer_restart tick(struct hrtimer *timer)
{
	struct worker *w = container_of(timer, struct worker, timer);
	u32 r = prandom_u32_state(&w->rnd);
	u64 began = ktime_get_ns(), wait;

	if (READ_ONCE(stopping))
		return HRTIMER_NORESTART;
	if (runs(NMI) && r & 1)
		send_nmi(any_worker(w)->stream[NMI].cpu);
	if (runs(HARDIRQ))
		steps(&w->stream[HARDIRQ], r % burst[HARDIRQ] + 1);
	if (runs(SOFTIRQ))
		tasklet_schedule(&w->tasklet);
	wait = (r >> 8) % (2 * interval * NSEC_PER_USEC) + NSEC_PER_USEC;
	hrtimer_forward_now(timer,
			    ns_to_ktime(wait + 4 * (ktime_get_ns() - began)));
	return HRTIMER_RESTART;
}

static void tasklet_steps(struct tasklet_struct *t)
{
	struct worker *w = from_tasklet(w, t, tasklet);

	steps(&w->stream[SOFTIRQ],
	      prandom_u32_state(&w->rnd) % burst[SOFTIRQ] + 1);
}

/* Where it belongs, if that CPU is there; the timer comes with it. */
static void go_home(struct worker *w)
{
	int cpu = w->stream[TASK].cpu;

	if (likely(raw_smp_processor_id() == cpu) || !cpu_online(cpu) ||
	    set_cpus_allowed_ptr(current, cpumask_of(cpu)))
		return;
	hrtimer_cancel(&w->timer);
	hrtimer_start(&w->timer, ns_to_ktime(NSEC_PER_MSEC),
		      HRTIMER_MODE_REL_PINNED_HARD);
}

static int work(void *data)
{
	struct worker *w = data;

	go_home(w);
	hrtimer_start(&w->timer, ns_to_ktime(NSEC_PER_MSEC),
		      HRTIMER_MODE_REL_PINNED_HARD);
	while (!kthread_should_stop()) {
		go_home(w);
		if (runs(TASK) && !is_done(&w->stream[TASK]))
			steps(&w->stream[TASK], burst[TASK]);
		else
			msleep(20);
		cond_resched();
	}
	return 0;
}

static int work_control(void *data)
{
	/* Those that it is to disturb are many. */
	set_user_nice(current, MIN_NICE);
	while (!kthread_should_stop()) {
		steps(&control, 1);
		usleep_range(100, 4000);
	}
	return 0;
}

static int worker_init(int cpu)
{
	struct worker *w = kzalloc(sizeof(*w), GFP_KERNEL);
	struct task_struct *task;
	enum context context;
	int err = 0;

	if (!w)
		return -ENOMEM;
	for (context = 0; context < NR_PER_CPU; context++)
		err = err ?: stream_init(&w->stream[context], cpu, context);
	/* Others may send NMIs there from now on. */
	smp_store_release(&workers[cpu], w);
	if (err)
		return err;
	prandom_seed_state(&w->rnd, seed + ((u64)cpu << 32));
	gom_compat_hrtimer_setup(&w->timer, tick, CLOCK_MONOTONIC,
				 HRTIMER_MODE_REL_PINNED_HARD);
	tasklet_setup(&w->tasklet, tasklet_steps);
	task = kthread_run(work, w, "gomtorture/%d", cpu);
	if (IS_ERR(task))
		return PTR_ERR(task);
	w->task = task;
	return 0;
}

static void on_each_worker(void (*fn)(struct worker *w))
{
	int cpu;

	for_each_possible_cpu(cpu)
		if (workers[cpu])
			fn(workers[cpu]);
}

static void worker_stop(struct worker *w)
{
	if (!w->task)
		return;
	kthread_stop(w->task);
	hrtimer_cancel(&w->timer);
	tasklet_kill(&w->tasklet);
}

static void worker_exit(struct worker *w)
{
	enum context context;

	for (context = 0; context < NR_PER_CPU; context++)
		stream_exit(&w->stream[context]);
}

/* === Results ============================================================= */

static u64 all_steps(void)
{
	u64 n = READ_ONCE(control.steps);
	enum context context;
	int cpu;

	for_each_possible_cpu(cpu)
		for (context = 0; workers[cpu] && context < NR_PER_CPU; context++)
			n += READ_ONCE(workers[cpu]->stream[context].steps);
	return n;
}

static bool all_done(void)
{
	bool done = !runs(CONTROL) || is_done(&control);
	enum context context;
	int cpu;

	for_each_possible_cpu(cpu)
		for (context = 0; workers[cpu] && context < NR_PER_CPU; context++)
			done &= !runs(context) ||
				is_done(&workers[cpu]->stream[context]);
	return done;
}

static unsigned long sum_did(enum context context, enum what what)
{
	unsigned long n = 0;
	int cpu;

	if (context == CONTROL)
		return control.did[what];
	for_each_possible_cpu(cpu)
		if (workers[cpu])
			n += workers[cpu]->stream[context].did[what];
	return n;
}

static void show_context(enum context context, char *line, size_t size)
{
	unsigned long n, none = 0;
	unsigned int what, at = 0;
	int cpu;

	for (what = 0; what < NR_OPS; what++) {
		if (!op[what].weight[context])
			continue;
		n = sum_did(context, what);
		at += scnprintf(line + at, size - at, " %s=%lu", op[what].name,
				n);
		if (!n && !*only)
			pr_info("never: %s %s\n", context_names[context],
				op[what].name);
	}
	for_each_possible_cpu(cpu)
		if (context < NR_PER_CPU && workers[cpu])
			none += workers[cpu]->stream[context].without;
	pr_info("%s:%s without_memory=%lu\n", context_names[context], line,
		context < NR_PER_CPU ? none : control.without);
}

/* Of what is dear or seldom: whether there was enough of it. */
static void show_shared(void)
{
	u64 taken = 0, steals = 0, drops = 0, victims = 0;
	struct goreserve_stats reserve;
	struct gopool_stats pool;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(pools); i++) {
		gopool_read_stats(pools[i].pool, &pool);
		steals += pool.steals;
		victims += pool.victims;
		drops += pool.drops;
	}
	for (i = 0; i < ARRAY_SIZE(reserves); i++) {
		goreserve_read_stats(reserves[i].reserve, &reserve);
		taken += reserve.taken;
	}
	pr_info("shared: steals=%llu victims=%llu drops=%llu reserved_taken=%llu\n",
		steals, victims, drops, taken);
}

static void show(u64 msecs)
{
	char *line = kmalloc(900, GFP_KERNEL);
	enum context context;
	u64 sum = 0;
	int cpu;

	for (context = 0; line && context < NR_CONTEXTS; context++)
		if (runs(context))
			show_context(context, line, 900);
	kfree(line);
	show_shared();
	for_each_possible_cpu(cpu)
		for (context = 0; workers[cpu] && context < NR_PER_CPU; context++)
			sum = sum * 31 + workers[cpu]->stream[context].sum;
	pr_info("seed %u: %llu operations in %llu ms, checksum %016llx\n", seed,
		all_steps(), msecs, sum * 31 + control.sum);
}

/* === Run ================================================================= */

static int shared_init(void)
{
	struct goheap_params params = {};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(pools); i++) {
		pools[i].pool = create_pool("torture", &pools[i]);
		if (IS_ERR(pools[i].pool))
			return PTR_ERR(pools[i].pool);
	}
	for (i = 0; i < ARRAY_SIZE(reserves); i++) {
		reserves[i].reserve = goreserve_create("torture",
						       reserves[i].size,
						       reserves[i].nr,
						       GFP_KERNEL);
		if (IS_ERR(reserves[i].reserve))
			return PTR_ERR(reserves[i].reserve);
	}
	for (i = 0; i < ARRAY_SIZE(heaps); i++) {
		params.flags = heaps[i].flags;
		heaps[i].heap = goheap_create("torture", &params);
		if (IS_ERR(heaps[i].heap))
			return PTR_ERR(heaps[i].heap);
	}
	return 0;
}

/* What gofree_rcu() and interrupts have yet to free of heaps and reserves. */
static void settle(void)
{
	gofree_rcu_barrier();
	msleep(100);
}

static void shared_exit(void)
{
	unsigned int i;

	for (i = 0; i < NR_BOXES; i++)
		if (boxes[i].object.ptr && check(&control, &boxes[i].object))
			free_checked(&control, &boxes[i].object);
	settle();
	for (i = 0; i < ARRAY_SIZE(pools); i++)
		destroy_pool(&control, pools[i].pool);
	for (i = 0; i < ARRAY_SIZE(reserves); i++)
		destroy_reserve(&control, reserves[i].reserve);
	for (i = 0; i < ARRAY_SIZE(heaps); i++)
		if (!IS_ERR_OR_NULL(heaps[i].heap) &&
		    goheap_destroy(heaps[i].heap))
			complain(&control, heaps[i].heap, i, "was not empty");
}

static int start(void)
{
	int cpu, err = 0;

	if (runs(NMI) && nmis_start()) {
		pr_info("skipped: nmi, nothing here can raise one\n");
		contexts &= ~BIT(NMI);
	}
	for_each_online_cpu(cpu)
		if (!err && (only_cpu < 0 || cpu == only_cpu))
			err = worker_init(cpu);
	if (err || !runs(CONTROL))
		return err;
	controller = kthread_run(work_control, NULL, "gomtorture/c");
	return PTR_ERR_OR_ZERO(controller);
}

/* Of what is to be done, something never was: on a slow machine. */
static bool lacks_any(void)
{
	enum context context;
	unsigned int what;

	for (context = 0; context < NR_CONTEXTS; context++)
		for (what = 0; runs(context) && what < NR_OPS; what++)
			if (op[what].weight[context] &&
			    !sum_did(context, what))
				return true;
	return false;
}

static bool time_is_up(unsigned long began)
{
	if (!seconds || !time_after(jiffies, began + seconds * HZ))
		return false;
	return *only || !lacks_any() ||
	       time_after(jiffies, began + 8 * seconds * HZ);
}

static void wait_for_it(void)
{
	unsigned long began = jiffies, told = began;

	while (!READ_ONCE(stopping) && !signal_pending(current) && !all_done()) {
		if (time_is_up(began))
			break;
		if (progress && time_after(jiffies, told + progress * HZ)) {
			told = jiffies;
			pr_info("%lu s, %llu operations\n",
				(told - began) / HZ, all_steps());
		}
		msleep_interruptible(20);
	}
}

static void stop(void)
{
	WRITE_ONCE(stopping, true);
	if (!IS_ERR_OR_NULL(controller))
		kthread_stop(controller);
	unsqueeze();
	on_each_worker(worker_stop);
	if (runs(NMI))
		nmis_stop();
}

static int run(void)
{
	u64 began = ktime_get_ns();
	int err, cpu;

	err = stream_init(&control, 0, CONTROL);
	err = err ?: shared_init();
	if (!err) {
		err = start();
		if (!err)
			wait_for_it();
		stop();
		show(div_u64(ktime_get_ns() - began, NSEC_PER_MSEC));
	}
	on_each_worker(worker_exit);
	control.doing = FREE;
	shared_exit();
	stream_exit(&control);
	for_each_possible_cpu(cpu)
		kfree(workers[cpu]);
	return err;
}

/* All is freed, but for what RCU and irq_works may have yet to free. */
static int check_leaks(const struct gomalloc_stats *before)
{
	struct gomalloc_stats s;
	unsigned int tries = 0;

	do {
		settle();
		gomalloc_read_stats(&s);
	} while (s.heap_objects != before->heap_objects && ++tries < 20);
	if (s.misuses != before->misuses) {
		pr_err("seed %u: %llu misuses were reported\n", seed,
		       s.misuses - before->misuses);
		return -EIO;
	}
	if (s.heap_objects == before->heap_objects)
		return 0;
	pr_err("seed %u: %llu objects live, %llu did before\n", seed,
	       s.heap_objects, before->heap_objects);
	return -EIO;
}

/* The scavenger may have memory on its way between tiers, for a moment. */
static int check_books(void)
{
	int err, tries;

	for (tries = 0; tries < 50; tries++) {
		err = gomalloc_validate();
		if (err != -EAGAIN)
			break;
		msleep(20);
	}
	if (err)
		pr_err("seed %u: gomalloc_validate(): %d\n", seed, err);
	return err;
}

static int __init torture_init(void)
{
	struct gomalloc_stats before;
	enum context context;
	int err, leaks, books;

	if (!seconds && !ops)
		seconds = 10;
	interval = clamp(interval, 1U, 1000000U);
	pr_info("seed %u, contexts %#x, %u CPUs, ops %lu, seconds %u\n", seed,
		contexts, num_online_cpus(), ops, seconds);
	workers = kcalloc(nr_cpu_ids, sizeof(*workers), GFP_KERNEL);
	if (!workers)
		return -ENOMEM;
	for (context = 0; context < NR_CONTEXTS; context++) {
		fill_choices(context, false);
		fill_choices(context, true);
	}
	gomalloc_read_stats(&before);
	err = run();
	kfree(workers);
	leaks = check_leaks(&before);
	books = check_books();
	err = err ?: leaks ?: books ?: atomic_read(&errors) ? -EIO : 0;
	pr_info("seed %u: %s\n", seed, err ? "FAILED" : "passed");
	return err;
}
module_init(torture_init);

static void __exit torture_exit(void)
{
}
module_exit(torture_exit);

MODULE_DESCRIPTION("Tortures gomalloc from every context on every CPU");
MODULE_AUTHOR("The gomalloc maintainers");
MODULE_INFO(test, "Y");
MODULE_LICENSE("GPL");
