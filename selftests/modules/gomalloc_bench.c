// SPDX-License-Identifier: GPL-2.0
/*
 * What an allocation and its free cost, with kmalloc and with gomalloc.
 *
 *	insmod gomalloc_bench.ko
 *	cat /sys/kernel/debug/gomalloc_bench/results
 *
 * A loop runs with interrupts off and is repeated; the shortest time counts.
 * So nothing else is in it, but also: warm caches, and the slow paths only as
 * often as the loop itself takes them. The loop is part of the time, alike
 * for both.
 *
 * Times are get_cycles(), which under QEMU's "-icount shift=0" counts
 * instructions. Where Debian's kernels are measured, boot with
 * init_on_alloc=0, or most of the time goes into zeroing.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/debugfs.h>
#include <linux/gomalloc.h>
#include <linux/irqflags.h>
#include <linux/ktime.h>
#include <linux/math64.h>
#include <linux/module.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/timex.h>

#define OPS		1000	/* in a loop, or one batch if that is more */
#define REPEATS		20
#define BATCH_MAX	2000

enum allocator { KMALLOC, GOMALLOC };

static void *batch[BATCH_MAX];
static bool no_memory;

static char results[2048];
static struct debugfs_blob_wrapper results_blob = { .data = results };
static struct dentry *dir;

/* Both arguments are constants where these are inlined, if they are at all. */
static __always_inline void *get(enum allocator which, size_t size, gfp_t gfp)
{
	return which == KMALLOC ? kmalloc(size, gfp) : gomalloc(size, gfp);
}

static __always_inline void put(enum allocator which, void *obj)
{
	if (which == KMALLOC)
		kfree(obj);
	else
		gofree(obj);
}

/* === What is measured ====================================================
 *
 * Each returns how many objects it allocated and freed.
 */

static __always_inline unsigned int pair(enum allocator which, size_t size,
					 gfp_t gfp)
{
	unsigned int i;
	void *obj;

	for (i = 0; i < OPS; i++) {
		obj = get(which, size, gfp);
		if (unlikely(!obj))
			no_memory = true;
		put(which, obj);
	}
	return OPS;
}

static __always_inline unsigned int pair_const(enum allocator which,
					       size_t size)
{
	return pair(which, size, GFP_ATOMIC);
}

static __always_inline unsigned int pair_zeroed(enum allocator which,
						size_t size)
{
	return pair(which, size, GFP_ATOMIC | __GFP_ZERO);
}

static __always_inline unsigned int pair_var(enum allocator which, size_t size)
{
	OPTIMIZER_HIDE_VAR(size);
	return pair(which, size, GFP_ATOMIC);
}

static __always_inline unsigned int batches(enum allocator which, size_t size,
					    unsigned int len)
{
	unsigned int i, done;

	for (done = 0; !done || done + len <= OPS; done += len) {
		for (i = 0; i < len; i++) {
			batch[i] = get(which, size, GFP_ATOMIC);
			if (unlikely(!batch[i]))
				no_memory = true;
		}
		for (i = 0; i < len; i++)
			put(which, batch[i]);
	}
	return done;
}

static __always_inline unsigned int batch_256(enum allocator which, size_t size)
{
	return batches(which, size, 256);
}

static __always_inline unsigned int batch_2000(enum allocator which,
					       size_t size)
{
	return batches(which, size, 2000);
}

/* One source for both, compiled for each with constants. */
#define DEFINE_BENCH(what, size)					\
static noinline unsigned int what##_##size##_kmalloc(void)		\
{									\
	return what(KMALLOC, size);					\
}									\
static noinline unsigned int what##_##size##_gomalloc(void)		\
{									\
	return what(GOMALLOC, size);					\
}

#define BENCH(title, what, size)					\
	{ title, what##_##size##_kmalloc, what##_##size##_gomalloc }

DEFINE_BENCH(pair_const, 8)
DEFINE_BENCH(pair_const, 64)
DEFINE_BENCH(pair_const, 256)
DEFINE_BENCH(pair_const, 1024)
DEFINE_BENCH(pair_const, 4096)
DEFINE_BENCH(pair_const, 8192)
DEFINE_BENCH(pair_var, 64)
DEFINE_BENCH(pair_var, 5)
DEFINE_BENCH(pair_var, 20000)
DEFINE_BENCH(pair_zeroed, 64)
DEFINE_BENCH(batch_256, 64)
DEFINE_BENCH(batch_2000, 64)
DEFINE_BENCH(batch_256, 1100)
DEFINE_BENCH(batch_256, 8192)

struct bench {
	const char *title;
	unsigned int (*theirs)(void);
	unsigned int (*ours)(void);
};

static const struct bench benches[] = {
	BENCH("pair, 8 bytes, constant", pair_const, 8),
	BENCH("pair, 64 bytes, constant", pair_const, 64),
	BENCH("pair, 256 bytes, constant", pair_const, 256),
	BENCH("pair, 1024 bytes, constant", pair_const, 1024),
	BENCH("pair, 4096 bytes, constant", pair_const, 4096),
	BENCH("pair, 8192 bytes, constant", pair_const, 8192),
	BENCH("pair, 64 bytes", pair_var, 64),
	BENCH("pair, 5 bytes", pair_var, 5),
	BENCH("pair, 20000 bytes", pair_var, 20000),
	BENCH("pair, 64 bytes, constant, zeroed", pair_zeroed, 64),
	BENCH("batch of 256, 64 bytes", batch_256, 64),
	BENCH("batch of 2000, 64 bytes", batch_2000, 64),
	BENCH("batch of 256, 1100 bytes", batch_256, 1100),
	BENCH("batch of 256, 8192 bytes", batch_256, 8192),
};

/* === Measuring =========================================================== */

/* Some architectures count no cycles. */
static u64 now(void)
{
	return get_cycles() ?: ktime_get_ns();
}

/* Tenths of a tick for one object allocated and freed. */
static u64 measure(unsigned int (*run)(void))
{
	u64 start, ticks, best = U64_MAX;
	unsigned int i, ops = 1;
	unsigned long flags;

	for (i = 0; i < REPEATS; i++) {
		local_irq_save(flags);
		start = now();
		ops = run();
		ticks = now() - start;
		local_irq_restore(flags);
		best = min(best, ticks);
		/* Interrupts return what was freed meanwhile. */
		cond_resched();
	}
	return div_u64(best * 10, ops);
}

static __printf(1, 2) void say(const char *fmt, ...)
{
	char *line = results + results_blob.size;
	va_list args;

	va_start(args, fmt);
	results_blob.size += vscnprintf(line,
					sizeof(results) - results_blob.size,
					fmt, args);
	va_end(args);
	pr_info("%s", line);
}

static void run_benches(void)
{
	unsigned int i;

	say("gomalloc bench 1\n");
	say("%-34s %9s %9s %6s\n", "ticks for an alloc and its free",
	    "kmalloc", "gomalloc", "ratio");
	for (i = 0; i < ARRAY_SIZE(benches); i++) {
		u64 theirs = measure(benches[i].theirs);
		u64 ours = measure(benches[i].ours);
		u64 ratio = div64_u64(ours * 100, max(theirs, 1ULL));

		say("%-34s %7llu.%llu %7llu.%llu %3llu.%02llu\n",
		    benches[i].title, theirs / 10, theirs % 10, ours / 10,
		    ours % 10, ratio / 100, ratio % 100);
	}
}

static int __init bench_init(void)
{
	run_benches();
	if (no_memory) {
		pr_err("an allocation failed, so the figures are worth nothing\n");
		return -ENOMEM;
	}
	dir = debugfs_create_dir(KBUILD_MODNAME, NULL);
	debugfs_create_blob("results", 0444, dir, &results_blob);
	return 0;
}
module_init(bench_init);

static void __exit bench_exit(void)
{
	debugfs_remove_recursive(dir);
}
module_exit(bench_exit);

MODULE_DESCRIPTION("Measures gomalloc beside kmalloc");
MODULE_AUTHOR("The gomalloc maintainers");
MODULE_INFO(test, "Y");
MODULE_LICENSE("GPL");
