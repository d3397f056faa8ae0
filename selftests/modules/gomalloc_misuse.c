// SPDX-License-Identifier: GPL-2.0
/*
 * Misuses gomalloc in the way asked for, once, so that selftests/misuse.sh
 * can see what is reported.
 *
 *	insmod gomalloc_misuse.ko kind=double-free
 *
 * Each kind has a function of its own, which the report must name. Whatever a
 * function does wrong, gomalloc is to survive it. What it allocates properly
 * it frees, except that "leak" and "kernel-free" are about not doing so.
 * selftests/crossing.sh uses those that have the kernel warn.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/gomalloc.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/moduleparam.h>
#include <linux/preempt.h>
#include <linux/slab.h>
#include <linux/string.h>

static char *kind;
module_param(kind, charp, 0444);
MODULE_PARM_DESC(kind, "what to do wrong; see misuses[]");

static char not_allocated[64];

/* The report's line has the caller, so the call must be the function's own. */
static noinline int double_free(void)
{
	void *obj = gomalloc(192, GFP_KERNEL);

	if (!obj)
		return -ENOMEM;
	gofree(obj);
	gofree(obj);
	return 0;
}

static noinline int write_after_free(void)
{
	unsigned long *obj, *again;

	/* What this CPU freed last it allocates next. */
	preempt_disable();
	obj = gomalloc(192, GFP_ATOMIC);
	gofree(obj);
	if (obj)
		*obj = 0x1234;
	again = gomalloc(192, GFP_ATOMIC);
	preempt_enable();
	gofree(again);
	return obj && again ? 0 : -ENOMEM;
}

static noinline int foreign_free(void)
{
	gofree(not_allocated);
	return 0;
}

static noinline int foreign_page_free(void)
{
	unsigned long page = __get_free_page(GFP_KERNEL);

	if (!page)
		return -ENOMEM;
	gofree((void *)page);
	free_page(page);
	return 0;
}

static noinline int interior_free(void)
{
	char *obj = gomalloc(192, GFP_KERNEL);

	if (!obj)
		return -ENOMEM;
	gofree(obj + 16);
	gofree(obj);
	return 0;
}

/* A large object's pages belong to no span once it is free. */
static noinline int stale_free(void)
{
	void *obj = gomalloc(100000, GFP_KERNEL);

	if (!obj)
		return -ENOMEM;
	gofree(obj);
	gofree(obj);
	return 0;
}

static noinline int tiny_double_free(void)
{
	char *first = gomalloc(3, GFP_KERNEL);
	char *second = gomalloc(3, GFP_KERNEL);

	/* The second keeps their block in use, if they share one. */
	gofree(first);
	gofree(first);
	gofree(second);
	return first && second ? 0 : -ENOMEM;
}

static noinline int tiny_interior_free(void)
{
	char *obj = gomalloc(4, GFP_KERNEL);

	if (!obj)
		return -ENOMEM;
	gofree(obj + 2);
	gofree(obj);
	return 0;
}

static noinline int large_interior_free(void)
{
	char *obj = gomalloc(100000, GFP_KERNEL);

	if (!obj)
		return -ENOMEM;
	gofree(obj + 8192);
	gofree(obj);
	return 0;
}

/*
 * What is found only where objects are checked, as it leaves the first words of
 * free objects alone: 100 bytes are in the class of 112.
 */
static noinline int overrun(void)
{
	char *obj = gomalloc(100, GFP_KERNEL);

	if (!obj)
		return -ENOMEM;
	OPTIMIZER_HIDE_VAR(obj);
	obj[100] = 1;
	gofree(obj);
	return 0;
}

static noinline int underrun(void)
{
	char *obj = gomalloc(100, GFP_KERNEL), *before = obj;

	if (!obj)
		return -ENOMEM;
	OPTIMIZER_HIDE_VAR(before);
	before[-1] ^= 1;
	gofree(obj);
	before[-1] ^= 1;
	return 0;
}

static noinline int late_write(void)
{
	char *obj = gomalloc(100, GFP_KERNEL), *later = obj;

	if (!obj)
		return -ENOMEM;
	OPTIMIZER_HIDE_VAR(later);
	gofree(obj);
	later[50] = 1;
	return 0;
}

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
} misuses[] = {
	{ "double-free", double_free },
	{ "write-after-free", write_after_free },
	{ "foreign-free", foreign_free },
	{ "foreign-page-free", foreign_page_free },
	{ "interior-free", interior_free },
	{ "stale-free", stale_free },
	{ "tiny-double-free", tiny_double_free },
	{ "tiny-interior-free", tiny_interior_free },
	{ "large-interior-free", large_interior_free },
	{ "overrun", overrun },
	{ "underrun", underrun },
	{ "late-write", late_write },
	{ "leak", leak },
	{ "kernel-free", kernel_free },
	{ "kernel-free-first", kernel_free_first },
};

static int __init misuse_init(void)
{
	unsigned int i;

	for (i = 0; kind && i < ARRAY_SIZE(misuses); i++)
		if (!strcmp(kind, misuses[i].kind))
			return misuses[i].commit();
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
