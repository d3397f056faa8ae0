// SPDX-License-Identifier: GPL-2.0
/*
 * Misuses gomalloc in the way asked for, once, so that selftests can see what
 * is reported.
 *
 *	insmod gomalloc_misuse.ko kind=double-free
 *
 * Each kind has a function of its own, which the report must name. Whatever a
 * function does wrong, gomalloc is to survive it. What it allocates properly
 * it frees, except that "leak" and "kernel-free" are about not doing so.
 *
 * misuses[] says what comes of each, and selftests/misuse-table.sh whether it
 * does. Documentation/misuse.rst is the same for people, and compared with it by
 * tools/tests/test_misuse.py. selftests/crossing.sh uses those that have the
 * kernel warn.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/cpumask.h>
#include <linux/delay.h>
#include <linux/device.h>
#include <linux/goheap.h>
#include <linux/gomalloc.h>
#include <linux/gomalloc_devm.h>
#include <linux/gopool.h>
#include <linux/goreserve.h>
#include <linux/irqflags.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/moduleparam.h>
#include <linux/poison.h>
#include <linux/preempt.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/smp.h>
#include <linux/string.h>
#include <linux/uaccess.h>
#include <linux/vmalloc.h>

static char *kind;
module_param(kind, charp, 0444);
MODULE_PARM_DESC(kind, "what to do wrong; see misuses[]");

/* What a try sees for itself, where nothing is to be reported. */
#define saw(what)	pr_info("saw %s\n", what)

/* The compiler is to know nothing of it: not even that it was freed. */
static __always_inline void *hide(const void *ptr)
{
	OPTIMIZER_HIDE_VAR(ptr);
	return (void *)ptr;
}

/* Inline, so that it is its caller who allocates. */
static __always_inline void *get(size_t size)
{
	OPTIMIZER_HIDE_VAR(size);
	return hide(gomalloc(size, GFP_KERNEL));
}

static __always_inline void flip(u8 *at)
{
	WRITE_ONCE(*at, READ_ONCE(*at) ^ 1);
}

/* === Freed twice ========================================================= */

/*
 * The report's line has the caller, so the call must be the function's own, and
 * none that is the last thing it does.
 */
static noinline int double_free(void)
{
	void *obj = get(192);

	if (!obj)
		return -ENOMEM;
	gofree(obj);
	gofree(obj);
	return 0;
}

static noinline int triple_free(void)
{
	void *obj = get(192);

	if (!obj)
		return -ENOMEM;
	gofree(obj);
	gofree(obj);
	gofree(obj);
	return 0;
}

/* Others were freed in between. */
static noinline int double_free_delayed(void)
{
	void *objs[8];
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(objs); i++)
		objs[i] = get(192);
	for (i = 0; i < ARRAY_SIZE(objs); i++)
		gofree(objs[i]);
	gofree(objs[0]);
	return 0;
}

/* Somebody else has it by then, if it is given out again so soon. */
static noinline int double_free_reused(void)
{
	void *obj, *other;

	preempt_disable();
	obj = gomalloc(192, GFP_ATOMIC);
	gofree(hide(obj));
	other = hide(gomalloc(192, GFP_ATOMIC));
	gofree(hide(obj));
	preempt_enable();
	gofree(other);
	return 0;
}

static noinline int double_free_large(void)
{
	void *obj = get(100000);

	if (!obj)
		return -ENOMEM;
	gofree(obj);
	gofree(obj);
	return 0;
}

static noinline int double_free_tiny(void)
{
	char *first = get(3);
	char *second = get(3);

	/* The second keeps their block in use, if they share one. */
	gofree(first);
	gofree(first);
	gofree(second);
	return first && second ? 0 : -ENOMEM;
}

/* What told that it is free is gone; its span knows once it comes back. */
static noinline int double_free_overwritten(void)
{
	unsigned long *obj = get(256);
	void *beside = get(256);

	if (!obj || !beside)
		return -ENOMEM;
	gofree(obj);
	WRITE_ONCE(*obj, 0);
	gofree(obj);
	gomalloc_free_os_memory();
	gofree(beside);
	return 0;
}

static noinline int double_free_bulk(void)
{
	void *obj = get(192), *objs[] = { obj, get(192), obj };

	gofree_bulk(ARRAY_SIZE(objs), objs);
	return 0;
}

static noinline int double_free_nolock(void)
{
	void *obj = get(192);

	if (!obj)
		return -ENOMEM;
	gofree_nolock(obj);
	msleep(20);
	gofree_nolock(obj);
	return 0;
}

static noinline int double_free_sensitive(void)
{
	void *obj = get(192);

	if (!obj)
		return -ENOMEM;
	gofree_sensitive(obj);
	gofree_sensitive(obj);
	return 0;
}

static noinline int double_free_rcu(void)
{
	struct {
		u64 words[4];
		struct rcu_head rcu;
	} *obj = get(sizeof(*obj));

	if (!obj)
		return -ENOMEM;
	gofree(obj);
	gofree_rcu(obj, rcu);
	gofree_rcu_barrier();
	return 0;
}

static noinline void double_free_elsewhere_again(void *obj)
{
	gofree(obj);
	barrier();
}

/* On another CPU, if there is one. */
static noinline int double_free_elsewhere(void)
{
	void *obj = get(192);
	unsigned int cpu;

	if (!obj)
		return -ENOMEM;
	gofree(obj);
	preempt_disable();
	cpu = cpumask_any_but(cpu_online_mask, smp_processor_id());
	if (cpu >= nr_cpu_ids)
		cpu = smp_processor_id();
	smp_call_function_single(cpu, double_free_elsewhere_again, obj, true);
	preempt_enable();
	return 0;
}

/* The object has moved; who remembers its old place frees that. */
static noinline int free_of_moved(void)
{
	void *obj = get(192), *moved = hide(gorealloc(obj, 2000, GFP_KERNEL));

	if (!moved)
		return -ENOMEM;
	gofree(obj);
	gofree(moved);
	return 0;
}

/* Its pages are not gomalloc's any more. */
static noinline int free_of_returned(void)
{
	void *obj = get(SZ_4M);

	if (!obj)
		return -ENOMEM;
	gofree(obj);
	gomalloc_free_os_memory();
	gofree(obj);
	return 0;
}

/* === Freed though it is no object ======================================== */

static char not_allocated[64];

static noinline int free_static(void)
{
	gofree(hide(not_allocated));
	return 0;
}

static noinline int free_stack(void)
{
	unsigned long on_stack[8];

	gofree(hide(on_stack));
	return 0;
}

static noinline int free_vmalloc(void)
{
	void *area = vmalloc(PAGE_SIZE);

	if (!area)
		return -ENOMEM;
	gofree(area);
	vfree(area);
	return 0;
}

static noinline int free_page_of_kernel(void)
{
	unsigned long page = __get_free_page(GFP_KERNEL);

	if (!page)
		return -ENOMEM;
	gofree((void *)page);
	free_page(page);
	return 0;
}

static noinline int free_code(void)
{
	gofree(hide(schedule));
	return 0;
}

static noinline int free_low_address(void)
{
	gofree(hide((void *)0x800UL));
	return 0;
}

static noinline int free_poison(void)
{
	gofree(hide(LIST_POISON1));
	return 0;
}

/* A gigabyte further on. */
static noinline int free_far(void)
{
	void *obj = get(192);

	if (!obj)
		return -ENOMEM;
	gofree(hide(obj + SZ_1G));
	gofree(obj);
	return 0;
}

static noinline int free_inside(void)
{
	char *obj = get(192);

	if (!obj)
		return -ENOMEM;
	gofree(obj + 16);
	gofree(obj);
	return 0;
}

static noinline int free_unaligned(void)
{
	char *obj = get(192);

	if (!obj)
		return -ENOMEM;
	gofree(obj + 1);
	gofree(obj);
	return 0;
}

static noinline int free_inside_tiny(void)
{
	char *obj = get(4);

	if (!obj)
		return -ENOMEM;
	gofree(obj + 2);
	gofree(obj);
	return 0;
}

static noinline int free_inside_large(void)
{
	char *obj = get(100000);

	if (!obj)
		return -ENOMEM;
	gofree(obj + 8192);
	gofree(obj);
	return 0;
}

/* === Used after its free ================================================= */

static noinline int write_after_free(void)
{
	unsigned long *obj, *again;

	/* What this CPU freed last it allocates next. */
	preempt_disable();
	obj = hide(gomalloc(192, GFP_ATOMIC));
	gofree(obj);
	if (obj)
		WRITE_ONCE(*obj, 0x1234);
	again = gomalloc(192, GFP_ATOMIC);
	preempt_enable();
	gofree(again);
	return obj && again ? 0 : -ENOMEM;
}

/* Not in its first word. */
static noinline int late_write(void)
{
	char *obj = get(100);

	if (!obj)
		return -ENOMEM;
	gofree(obj);
	obj[50] = 1;
	return 0;
}

static noinline int late_write_large(void)
{
	char *obj = get(20000);

	if (!obj)
		return -ENOMEM;
	gofree(obj);
	obj[10000] = 1;
	return 0;
}

static noinline int late_write_tiny(void)
{
	char *obj = get(3);

	if (!obj)
		return -ENOMEM;
	gofree(obj);
	obj[1] = 1;
	return 0;
}

/* Behind its end, where nothing was when it was freed. */
static noinline int late_overrun(void)
{
	char *obj = get(100);

	if (!obj)
		return -ENOMEM;
	gofree(obj);
	obj[100] = 1;
	return 0;
}

static noinline int write_to_moved(void)
{
	char *obj = get(192), *moved = hide(gorealloc(obj, 2000, GFP_KERNEL));

	if (!moved)
		return -ENOMEM;
	obj[100] = 1;
	gofree(moved);
	return 0;
}

static noinline int read_after_free(void)
{
	u8 *obj = get(100);

	if (!obj)
		return -ENOMEM;
	memset(obj, 1, 100);
	gofree(obj);
	switch (READ_ONCE(obj[50])) {
	case 1:
		saw("what-was-there");
		break;
	case POISON_FREE:
		saw("poison");
		break;
	}
	return 0;
}

/* Whether a pointer that was kept is to an object of somebody else's. */
static noinline int reuse(void)
{
	void *obj, *again;

	preempt_disable();
	obj = gomalloc(192, GFP_ATOMIC);
	gofree(hide(obj));
	again = gomalloc(192, GFP_ATOMIC);
	preempt_enable();
	saw(obj == again ? "the-same-object" : "another-object");
	gofree(again);
	return 0;
}

static noinline int resize_freed(void)
{
	void *obj = get(192), *moved;

	if (!obj)
		return -ENOMEM;
	gofree(obj);
	moved = gorealloc(obj, 2000, GFP_KERNEL);
	gofree(moved);
	return 0;
}

static noinline int resize_inside(void)
{
	char *obj = get(192), *moved;

	if (!obj)
		return -ENOMEM;
	moved = gorealloc(obj + 16, 2000, GFP_KERNEL);
	gofree(moved);
	gofree(obj);
	return 0;
}

static noinline int size_of_freed(void)
{
	void *obj = get(192);

	if (!obj)
		return -ENOMEM;
	gofree(obj);
	if (gosize(obj))
		saw("a-size");
	return 0;
}

/* === Touched where it is not ============================================= */

/* Not the first words of free objects: 100 bytes are in the class of 112. */
static noinline int overrun(void)
{
	u8 *obj = get(100);

	if (!obj)
		return -ENOMEM;
	flip(obj + 100);
	gofree(obj);
	return 0;
}

/* Objects to find two beside each other in. */
#define LOT	8

/*
 * One of @objs, which have @size bytes, with another in front of it, or behind
 * it: what it is to harm is not to be somebody else's.  Checked ones have room
 * of their own.  NULL if there is none.  Inline as get().
 */
static __always_inline u8 *beside(u8 **objs, size_t size, bool in_front)
{
	unsigned int i, k;

	for (i = 0; i < LOT; i++)
		objs[i] = get(size);
	for (i = 0; i < LOT; i++)
		for (k = 0; k < LOT; k++)
			if (objs[i] && objs[i] + gosize(objs[i]) == objs[k])
				return in_front ? objs[k] : objs[i];
	return gosize(objs[0]) == size ? objs[0] : NULL;
}

static void free_lot(u8 **objs)
{
	unsigned int i;

	for (i = 0; i < LOT; i++)
		gofree(objs[i]);
}

/* Free @obj, one of @objs, and none of the others. */
#define free_one(objs, obj) do {					\
	unsigned int __i;						\
									\
	for (__i = 0; __i < LOT; __i++)					\
		if ((objs)[__i] == (obj)) {				\
			gofree(obj);					\
			(objs)[__i] = NULL;				\
		}							\
} while (0)

/* Harm the byte at @at from an object of @size bytes. */
#define harm(size, at) do {						\
	u8 *__objs[LOT], *__obj = beside(__objs, size, (at) < 0);	\
									\
	if (__obj) {							\
		flip(__obj + (at));					\
		free_one(__objs, __obj);				\
	}								\
	free_lot(__objs);						\
} while (0)

/* The 32nd byte behind it. */
static noinline int overrun_32(void)
{
	harm(100, 131);
	return 0;
}

/* All that it was, and some more. */
static noinline int overrun_copy(void)
{
	u8 *obj = get(100);
	size_t size = 109;

	if (!obj)
		return -ENOMEM;
	OPTIMIZER_HIDE_VAR(size);
	while (size--)
		obj[size] = 0;
	gofree(obj);
	return 0;
}

/* Of one that has no byte to spare, into a free one behind it. */
static noinline int overrun_next(void)
{
	u8 *objs[96], *next = NULL, *at;
	unsigned int i, k;

	for (i = 0; i < ARRAY_SIZE(objs); i++)
		objs[i] = get(192);
	at = objs[0] + 192;
	for (i = 0; i < ARRAY_SIZE(objs) && !next; i++)
		for (k = 0; k < ARRAY_SIZE(objs) && !next; k++)
			if (objs[i] + 192 == objs[k])
				next = objs[k];
	preempt_disable();
	if (next) {
		gofree(next);
		at = next;
	}
	flip(at);
	/* The one freed last, if it is not to be kept. */
	at = gomalloc(192, GFP_ATOMIC);
	preempt_enable();
	gofree(at);
	for (i = 0; i < ARRAY_SIZE(objs); i++)
		if (objs[i] != next)
			gofree(objs[i]);
	return 0;
}

static noinline int overrun_tiny(void)
{
	harm(3, 3);
	return 0;
}

static noinline int overrun_large(void)
{
	u8 *obj = get(100000);

	if (!obj)
		return -ENOMEM;
	flip(obj + 100000);
	gofree(obj);
	return 0;
}

static noinline int underrun(void)
{
	harm(100, -1);
	return 0;
}

static noinline int underrun_32(void)
{
	harm(100, -32);
	return 0;
}

static noinline int underrun_tiny(void)
{
	harm(3, -1);
	return 0;
}

static noinline int underrun_large(void)
{
	harm(100000, -1);
	return 0;
}

/* What gorealloc() took away. */
static noinline int overrun_shrunk(void)
{
	u8 *obj = hide(gorealloc(get(100), 50, GFP_KERNEL));

	if (!obj)
		return -ENOMEM;
	flip(obj + 60);
	gofree(obj);
	return 0;
}

/* What is rounded up is no promise. */
static noinline int overrun_rounded(void)
{
	u8 *obj = get(100);

	if (!obj)
		return -ENOMEM;
	flip(obj + gomalloc_size_roundup(100) - 1);
	gofree(obj);
	return 0;
}

/* === Asked for wrongly =================================================== */

/* What is asked for as zeroes is, whatever was there. */
static noinline int zeroed(void)
{
	u8 *obj = get(100);

	if (!obj)
		return -ENOMEM;
	memset(obj, 1, 100);
	gofree(obj);
	obj = hide(gozalloc(100, GFP_KERNEL));
	if (obj && !memchr_inv(obj, 0, gosize(obj)))
		saw("zeroes");
	gofree(obj);
	return 0;
}

static noinline int no_bytes(void)
{
	void *obj = get(0);
	u8 byte;

	if (obj && copy_from_kernel_nofault(&byte, obj, 1))
		saw("a-fault");
	gofree(obj);
	return 0;
}

static noinline int too_many_bytes(void)
{
	size_t size = SIZE_MAX - 15, n = SIZE_MAX / 2;

	OPTIMIZER_HIDE_VAR(size);
	OPTIMIZER_HIDE_VAR(n);
	if (!gomalloc(size, GFP_KERNEL) && !gocalloc(n, 3, GFP_KERNEL) &&
	    !gomalloc(GOMALLOC_MAX_SIZE + 1, GFP_KERNEL))
		saw("nothing-given");
	return 0;
}

/* It might have to wait for memory; as it happens it need not. */
static noinline int wait_in_irq(void)
{
	void *obj = get(192);

	gofree(obj);
	local_irq_disable();
	obj = get(192);
	local_irq_enable();
	gofree(obj);
	return 0;
}

/* === Pools, reserves, heaps, devices ===================================== */

static noinline int pool_put_of_other(void)
{
	struct gopool *pool = gopool_create("misuse", 192, NULL);
	struct gopool_stats stats;
	void *obj = get(64);

	if (IS_ERR(pool))
		return PTR_ERR(pool);
	gopool_put(pool, obj);
	gopool_read_stats(pool, &stats);
	/* It is the pool's, and gone with that, if it was not refused. */
	gopool_destroy(pool);
	if (stats.bad)
		gofree(obj);
	return 0;
}

static noinline int pool_double_put(void)
{
	struct gopool *pool = gopool_create("misuse", 192, NULL);
	void *obj;

	if (IS_ERR(pool))
		return PTR_ERR(pool);
	obj = gopool_get(pool, GFP_KERNEL);
	gopool_put(pool, obj);
	gopool_put(pool, obj);
	gopool_put(pool, obj);
	gopool_destroy(pool);
	return 0;
}

static noinline int pool_double_destroy(void)
{
	struct gopool *pool = gopool_create("misuse", 192, NULL);

	if (IS_ERR(pool))
		return PTR_ERR(pool);
	gopool_destroy(pool);
	gopool_destroy(pool);
	return 0;
}

static noinline int reserve_double_free(void)
{
	struct goreserve *reserve = goreserve_create("misuse", 192, 2,
						     GFP_KERNEL);
	void *obj;

	if (IS_ERR_OR_NULL(reserve))
		return -ENOMEM;
	obj = goreserve_alloc(reserve, GFP_KERNEL);
	goreserve_free(reserve, obj);
	goreserve_free(reserve, obj);
	goreserve_destroy(reserve);
	return 0;
}

static noinline int heap_double_free(void)
{
	struct goheap *heap = goheap_create("misuse", NULL);
	void *obj;

	if (IS_ERR(heap))
		return PTR_ERR(heap);
	obj = hide(goheap_alloc(heap, 192, GFP_KERNEL));
	gofree(obj);
	gofree(obj);
	goheap_destroy(heap);
	return 0;
}

static noinline int heap_free_inside(void)
{
	struct goheap *heap = goheap_create("misuse", NULL);
	void *obj;

	if (IS_ERR(heap))
		return PTR_ERR(heap);
	obj = hide(goheap_alloc(heap, 192, GFP_KERNEL));
	gofree(obj + 16);
	gofree(obj);
	goheap_destroy(heap);
	return 0;
}

static noinline int heap_double_destroy(void)
{
	struct goheap *heap = goheap_create("misuse", NULL);

	if (IS_ERR(heap))
		return PTR_ERR(heap);
	goheap_destroy(heap);
	goheap_destroy(heap);
	return 0;
}

/* Of a heap that has gone. */
static noinline int heap_free_late(void)
{
	static const struct goheap_params whole = {
		.flags = GOHEAP_FREE_WHOLE,
	};
	struct goheap *heap = goheap_create("misuse", &whole);
	void *obj;

	if (IS_ERR(heap))
		return PTR_ERR(heap);
	obj = hide(goheap_alloc(heap, 192, GFP_KERNEL));
	goheap_destroy(heap);
	gofree(obj);
	return 0;
}

static noinline int device_free_of_other(void)
{
	struct device *dev = root_device_register("gomalloc_misuse");
	void *obj = get(192);

	if (IS_ERR(dev))
		return PTR_ERR(dev);
	devm_gofree(dev, obj);
	gofree(obj);
	root_device_unregister(dev);
	return 0;
}

/* === Left behind, or freed by the kernel ================================= */

/* Three of 192 bytes, a tiny one and a large one. */
static noinline int leak(void)
{
	static const size_t sizes[] = { 192, 192, 192, 3, 100000 };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(sizes); i++)
		if (!gomalloc(sizes[i], GFP_KERNEL))
			return -ENOMEM;
	return 0;
}

/* As code of the kernel does that is given an object and frees it. */
static noinline int kfree_object(char *obj, size_t size)
{
	void *objs[] = { obj };

	if (!obj)
		return -ENOMEM;
	memset(obj, 0x5a, size);
	kfree(obj);
	kfree(obj);
	/* So it ends after kfree_rcu(). */
	kfree_bulk(1, objs);
	return gomalloc_owns(obj) && gosize(obj) >= size &&
	       page_count(virt_to_page(obj)) >= 1 &&
	       !memchr_inv(obj, 0x5a, size) ? 0 : -EIO;
}

/* One of 192 bytes, a tiny one and a large one. */
static noinline int kfree_objects(bool then_ours)
{
	static const size_t sizes[] = { 192, 3, 100000 };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		char *obj = gomalloc(sizes[i], GFP_KERNEL);
		int err = kfree_object(obj, sizes[i]);

		if (err)
			return err;
		if (then_ours)
			gofree(obj);
	}
	return 0;
}

/* They stay allocated. */
static noinline int kernel_free(void)
{
	return kfree_objects(false);
}

static noinline int kernel_free_first(void)
{
	return kfree_objects(true);
}

static const struct misuse {
	const char *kind;
	int (*commit)(void);
	/*
	 * What comes of it, with debug=FZPU, and with debug=K under KASAN: where
	 * that is left out the same as before it.
	 */
	const char *plain, *debug, *kasan;
} misuses[] = {
	{ "double-free", double_free, "double-free" },
	{ "triple-free", triple_free, "double-free" },
	{ "double-free-delayed", double_free_delayed, "double-free" },
	{ "double-free-reused", double_free_reused, "double-free" },
	{ "double-free-large", double_free_large, "stale-free", "double-free" },
	{ "double-free-tiny", double_free_tiny, "double-free" },
	{ "double-free-overwritten", double_free_overwritten,
	  "double-free later",
	  "double-free, write-after-free later",
	  "KASAN: slab-use-after-free, double-free" },
	{ "double-free-bulk", double_free_bulk, "double-free" },
	{ "double-free-nolock", double_free_nolock, "double-free" },
	{ "double-free-sensitive", double_free_sensitive, "double-free" },
	{ "double-free-rcu", double_free_rcu, "double-free" },
	{ "double-free-elsewhere", double_free_elsewhere, "double-free" },
	{ "free-of-moved", free_of_moved, "double-free" },
	{ "free-of-returned", free_of_returned, "foreign-free" },
	{ "free-static", free_static, "foreign-free" },
	{ "free-stack", free_stack, "foreign-free" },
	{ "free-vmalloc", free_vmalloc, "foreign-free" },
	{ "free-page-of-kernel", free_page_of_kernel, "foreign-free" },
	{ "free-code", free_code, "foreign-free" },
	{ "free-low-address", free_low_address, "foreign-free" },
	{ "free-poison", free_poison, "foreign-free" },
	{ "free-far", free_far, "foreign-free" },
	{ "free-inside", free_inside, "interior-free" },
	{ "free-unaligned", free_unaligned, "interior-free" },
	{ "free-inside-tiny", free_inside_tiny, "interior-free" },
	{ "free-inside-large", free_inside_large, "interior-free" },
	{ "write-after-free", write_after_free,
	  "write-after-free",
	  "write-after-free later", "KASAN: slab-use-after-free" },
	{ "late-write", late_write,
	  "-", "write-after-free later", "KASAN: slab-use-after-free" },
	{ "late-write-large", late_write_large,
	  "-", "write-after-free later", "KASAN: slab-use-after-free" },
	{ "late-write-tiny", late_write_tiny,
	  "-", "write-after-free later", "KASAN: slab-use-after-free" },
	{ "late-overrun", late_overrun,
	  "-", "overrun later", "KASAN: slab-use-after-free" },
	{ "write-to-moved", write_to_moved,
	  "-", "write-after-free later", "KASAN: slab-use-after-free" },
	{ "read-after-free", read_after_free,
	  "what-was-there",
	  "poison", "KASAN: slab-use-after-free, what-was-there" },
	{ "reuse", reuse, "the-same-object", "another-object" },
	{ "resize-freed", resize_freed, "use-after-free" },
	{ "resize-inside", resize_inside, "interior-free" },
	{ "size-of-freed", size_of_freed, "use-after-free" },
	{ "overrun", overrun, "-", "overrun", "KASAN: slab-out-of-bounds" },
	{ "overrun-32", overrun_32,
	  "-", "overrun", "KASAN: slab-out-of-bounds" },
	{ "overrun-copy", overrun_copy,
	  "-", "overrun", "KASAN: slab-out-of-bounds" },
	{ "overrun-next", overrun_next,
	  "write-after-free", "overrun", "KASAN: slab-out-of-bounds" },
	{ "overrun-tiny", overrun_tiny,
	  "-", "overrun", "KASAN: slab-out-of-bounds" },
	{ "overrun-large", overrun_large,
	  "-", "overrun", "KASAN: slab-out-of-bounds" },
	{ "underrun", underrun, "-", "underrun", "KASAN: slab-out-of-bounds" },
	{ "underrun-32", underrun_32,
	  "-", "underrun", "KASAN: slab-out-of-bounds" },
	{ "underrun-tiny", underrun_tiny,
	  "-", "underrun", "KASAN: slab-out-of-bounds" },
	{ "underrun-large", underrun_large,
	  "-", "underrun", "KASAN: slab-out-of-bounds" },
	{ "overrun-shrunk", overrun_shrunk,
	  "-", "overrun", "KASAN: slab-out-of-bounds" },
	{ "overrun-rounded", overrun_rounded,
	  "-", "overrun", "KASAN: slab-out-of-bounds" },
	{ "zeroed", zeroed, "zeroes" },
	{ "no-bytes", no_bytes, "a-fault" },
	{ "too-many-bytes", too_many_bytes, "nothing-given" },
	{ "wait-in-irq", wait_in_irq,
	  "-", "atomic-wait", "sleeping function, atomic-wait" },
	{ "pool-put-of-other", pool_put_of_other, "-", "foreign-put" },
	{ "pool-double-put", pool_double_put, "double-put" },
	{ "pool-double-destroy", pool_double_destroy, "no-such-pool" },
	{ "reserve-double-free", reserve_double_free, "double-free" },
	{ "heap-double-free", heap_double_free, "double-free" },
	{ "heap-free-inside", heap_free_inside, "interior-free" },
	{ "heap-free-late", heap_free_late, "stale-free" },
	{ "heap-double-destroy", heap_double_destroy, "no-heap" },
	{ "device-free-of-other", device_free_of_other, "foreign-devm-free" },
	/* Not for the table. */
	{ "leak", leak },
	{ "kernel-free", kernel_free },
	{ "kernel-free-first", kernel_free_first },
};

static int __init misuse_init(void)
{
	unsigned int i;

	for (i = 0; kind && i < ARRAY_SIZE(misuses); i++) {
		if (strcmp(kind, misuses[i].kind))
			continue;
		return misuses[i].commit();
	}
	if (kind && !strcmp(kind, "table")) {
		for (i = 0; i < ARRAY_SIZE(misuses) && misuses[i].plain; i++)
			pr_info("row %s|%s|%s|%s\n", misuses[i].kind,
				misuses[i].plain,
				misuses[i].debug ?: misuses[i].plain,
				misuses[i].kasan ?: misuses[i].debug ?:
						    misuses[i].plain);
		return 0;
	}
	pr_err("kind=%s: no such misuse\n", kind);
	return -EINVAL;
}
module_init(misuse_init);

static void __exit misuse_exit(void)
{
}
module_exit(misuse_exit);

MODULE_DESCRIPTION("Misuses gomalloc, to see what is reported");
MODULE_AUTHOR("The gomalloc maintainers");
MODULE_INFO(test, "Y");
MODULE_LICENSE("GPL");
