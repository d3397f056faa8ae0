// SPDX-License-Identifier: GPL-2.0
/*
 * Leaks as many objects as asked for, and holds some that it does not leak,
 * so that selftests/leaks.sh and kmemleak.sh can see what is told of them.
 *
 *	insmod gomalloc_leaky.ko lost=5 forgotten=3
 *
 * Each kind has a function of its own, which the report must name.
 */
#include <linux/goheap.h>
#include <linux/gomalloc.h>
#include <linux/list.h>
#include <linux/module.h>
#include <linux/moduleparam.h>
#include <linux/percpu.h>

static unsigned int lost;
module_param(lost, uint, 0444);
MODULE_PARM_DESC(lost, "objects of 192 bytes to lose all pointers to");

static unsigned int tiny_lost;
module_param(tiny_lost, uint, 0444);
MODULE_PARM_DESC(tiny_lost, "objects of 3 bytes to lose all pointers to");

static unsigned int large_lost;
module_param(large_lost, uint, 0444);
MODULE_PARM_DESC(large_lost, "objects of 100000 bytes to lose all pointers to");

static unsigned int forgotten;
module_param(forgotten, uint, 0444);
MODULE_PARM_DESC(forgotten, "objects of 1000 bytes to keep in a list, and not to free when the module goes");

static unsigned int sheltered;
module_param(sheltered, uint, 0444);
MODULE_PARM_DESC(sheltered, "objects of kmalloc() that one of gomalloc()'s knows, and as many that one in a heap knows, and nobody else");

struct item {
	unsigned long number;
	struct list_head list;
};

/* Not freed. */
static LIST_HEAD(forgotten_items);
/* Freed in the end: known by a list, by per-CPU data, by another object. */
static LIST_HEAD(items);
static DEFINE_PER_CPU(void *, cpu_object);
static void **table;
static void **shelter;
static struct goheap *heap;
static void ***heap_shelter;

#define NR_ITEMS	100

static noinline int lose(unsigned int n, size_t size)
{
	while (n--)
		if (!gomalloc(size, GFP_KERNEL))
			return -ENOMEM;
	return 0;
}

static noinline int forget(unsigned int n)
{
	struct item *item;

	while (n--) {
		item = gomalloc(1000, GFP_KERNEL);
		if (!item)
			return -ENOMEM;
		list_add(&item->list, &forgotten_items);
	}
	return 0;
}

static int hold(void)
{
	struct item *item;
	unsigned int i;
	int cpu;

	for (i = 0; i < NR_ITEMS; i++) {
		item = gomalloc(sizeof(*item), GFP_KERNEL);
		if (!item)
			return -ENOMEM;
		list_add(&item->list, &items);
	}
	for_each_possible_cpu(cpu)
		per_cpu(cpu_object, cpu) = gomalloc(500, GFP_KERNEL);
	table = gozalloc(NR_ITEMS * sizeof(*table), GFP_KERNEL);
	for (i = 0; table && i < NR_ITEMS; i++)
		table[i] = gomalloc(24, GFP_KERNEL);
	return table ? 0 : -ENOMEM;
}

static int fill_shelter(void **objs)
{
	unsigned int i;

	for (i = 0; objs && i < sheltered; i++)
		objs[i] = kmalloc(40, GFP_KERNEL);
	return objs ? 0 : -ENOMEM;
}

static int shelter_some(void)
{
	int err;

	if (!sheltered)
		return 0;
	shelter = gocalloc(sheltered, sizeof(*shelter), GFP_KERNEL);
	err = fill_shelter(shelter);
	if (err)
		return err;
	heap = goheap_create("leaky", NULL);
	if (IS_ERR_OR_NULL(heap))
		return -ENOMEM;
	heap_shelter = goheap_zalloc(heap, sizeof(*heap_shelter), GFP_KERNEL);
	if (!heap_shelter)
		return -ENOMEM;
	*heap_shelter = goheap_zalloc(heap, sheltered * sizeof(void *),
				      GFP_KERNEL);
	return fill_shelter(*heap_shelter);
}

static void empty_shelter(void **objs)
{
	unsigned int i;

	for (i = 0; objs && i < sheltered; i++)
		kfree(objs[i]);
}

static void let_go(void)
{
	struct item *item, *next;
	unsigned int i;
	int cpu;

	list_for_each_entry_safe(item, next, &items, list)
		gofree(item);
	for_each_possible_cpu(cpu)
		gofree(per_cpu(cpu_object, cpu));
	for (i = 0; table && i < NR_ITEMS; i++)
		gofree(table[i]);
	gofree(table);
	empty_shelter(shelter);
	gofree(shelter);
	if (heap_shelter)
		empty_shelter(*heap_shelter);
	if (!IS_ERR_OR_NULL(heap))
		goheap_destroy(heap);
}

static int __init leaky_init(void)
{
	int err = hold();

	if (!err)
		err = shelter_some();
	if (!err)
		err = lose(lost, 192);
	if (!err)
		err = lose(tiny_lost, 3);
	if (!err)
		err = lose(large_lost, 100000);
	if (!err)
		err = forget(forgotten);
	if (err)
		let_go();
	return err;
}
module_init(leaky_init);

static void __exit leaky_exit(void)
{
	let_go();
}
module_exit(leaky_exit);

MODULE_DESCRIPTION("Leaks objects, to see how they are found");
MODULE_AUTHOR("The gomalloc maintainers");
MODULE_INFO(test, "Y");
MODULE_LICENSE("GPL");
