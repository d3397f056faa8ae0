// SPDX-License-Identifier: GPL-2.0
/*
 * Leaves gomalloc with much idle memory: allocates on every CPU objects of
 * several sizes, then frees nearly all of them.
 *
 *	insmod gomalloc_hoard.ko mb=150
 *
 * What was freed lies in caches, central lists and free runs. A few objects
 * live until the module goes, which then tells whether they hold what was
 * written to them; they are allocated first, so that they keep spans of their
 * own.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/cpumask.h>
#include <linux/gomalloc.h>
#include <linux/module.h>
#include <linux/moduleparam.h>
#include <linux/string.h>
#include <linux/workqueue.h>

static unsigned int mb = 64;
module_param(mb, uint, 0444);
MODULE_PARM_DESC(mb, "megabytes to leave idle");

static unsigned int live_kb = 2048;
module_param(live_kb, uint, 0444);
MODULE_PARM_DESC(live_kb, "kilobytes that live until the module goes");

static const unsigned int sizes[] = { 64, 200, 1024, 4096, 8192, 65536 };

/**
 * struct object - an object, all of it
 * @next: in a list
 * @size: bytes from @next on
 * @fill: what is in @bytes
 * @bytes: the rest
 */
struct object {
	struct object *next;
	u32 size;
	u8 fill;
	u8 bytes[];
};

/**
 * struct hoard - objects of a CPU
 * @bytes: how many to allocate, of each size alike
 * @objects: what was
 */
struct hoard {
	size_t bytes;
	struct object *objects;
};

static struct hoard *live;
static unsigned int nr_live;
static unsigned int nr_damaged;

static size_t rest_of(const struct object *obj)
{
	return obj->size - offsetof(struct object, bytes);
}

static struct object *object_alloc(unsigned int size, u8 fill)
{
	struct object *obj;

	obj = gomalloc(size, GFP_KERNEL | __GFP_NORETRY | __GFP_NOWARN);
	if (!obj)
		return NULL;
	obj->size = size;
	obj->fill = fill;
	memset(obj->bytes, fill, rest_of(obj));
	return obj;
}

/* On a CPU of its own, as what follows. */
static long fill(void *data)
{
	struct hoard *hoard = data;
	size_t bytes, each = hoard->bytes / ARRAY_SIZE(sizes);
	struct object *obj;
	int i;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		for (bytes = 0; bytes < each; bytes += sizes[i]) {
			obj = object_alloc(sizes[i], bytes / sizes[i] + i);
			if (!obj)
				return -ENOMEM;
			obj->next = hoard->objects;
			hoard->objects = obj;
		}
	}
	return 0;
}

static long empty(void *data)
{
	struct hoard *hoard = data;
	struct object *obj;

	while ((obj = hoard->objects)) {
		hoard->objects = obj->next;
		if (memchr_inv(obj->bytes, obj->fill, rest_of(obj)))
			nr_damaged++;
		gofree(obj);
	}
	return 0;
}

static long on_each_cpu_of(struct hoard *hoards, long (*fn)(void *data))
{
	long err = 0;
	int cpu;

	for_each_online_cpu(cpu)
		err = err ?: work_on_cpu(cpu, fn, &hoards[cpu]);
	return err;
}

static struct hoard *hoards_of(size_t bytes)
{
	struct hoard *hoards = kcalloc(nr_cpu_ids, sizeof(*hoards), GFP_KERNEL);
	int cpu;

	if (hoards)
		for_each_online_cpu(cpu)
			hoards[cpu].bytes = bytes / num_online_cpus();
	return hoards;
}

/* From any CPU: those that have objects may be gone. */
static void empty_all(struct hoard *hoards)
{
	unsigned int cpu;

	for (cpu = 0; cpu < nr_cpu_ids; cpu++)
		empty(&hoards[cpu]);
	kfree(hoards);
}

static void count_live(void)
{
	const struct object *obj;
	unsigned int cpu;

	for (cpu = 0; cpu < nr_cpu_ids; cpu++)
		for (obj = live[cpu].objects; obj; obj = obj->next)
			nr_live++;
}

static int __init hoard_init(void)
{
	struct hoard *idle = hoards_of((size_t)mb << 20);
	long err = -ENOMEM;

	live = hoards_of((size_t)live_kb << 10);
	if (idle && live)
		err = on_each_cpu_of(live, fill) ?: on_each_cpu_of(idle, fill);
	if (!err)
		err = on_each_cpu_of(idle, empty);
	if (idle)
		empty_all(idle);
	if (err && live)
		empty_all(live);
	if (err)
		return err;
	count_live();
	return 0;
}
module_init(hoard_init);

static void __exit hoard_exit(void)
{
	empty_all(live);
	if (nr_damaged)
		pr_err("%u objects were overwritten\n", nr_damaged);
	else
		pr_info("%u objects lived, all intact\n", nr_live);
}
module_exit(hoard_exit);

MODULE_DESCRIPTION("Leaves gomalloc with much idle memory");
MODULE_AUTHOR("The gomalloc maintainers");
MODULE_INFO(test, "Y");
MODULE_LICENSE("GPL");
