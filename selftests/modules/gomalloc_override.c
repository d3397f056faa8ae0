// SPDX-License-Identifier: GPL-2.0
/*
 * A module that knows nothing of gomalloc, built with the header that moves it
 * there: it uses every name that linux/gomalloc-override.h redirects, so that
 * selftests/override.sh can see that gomalloc served it.
 *
 * Loads if all of it is as kmalloc() would have it and gomalloc's; else names
 * what is not.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/cleanup.h>
#include <linux/ctype.h>
#include <linux/mm.h>
#include <linux/mman.h>
#include <linux/module.h>
#include <linux/moduleparam.h>
#include <linux/parser.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/uaccess.h>
#include <linux/version.h>
#include <linux/vmalloc.h>

static bool stale;
module_param(stale, bool, 0444);
MODULE_PARM_DESC(stale, "free what is free, and what was never allocated, as constants");

/* By address, as drivers' tables have it. */
struct ops {
	void *(*alloc)(size_t size, gfp_t gfp);
	void (*free)(const void *ptr);
};

static const struct ops ops = { .alloc = kmalloc, .free = kfree };

struct item {
	u64 value;
	struct rcu_head rcu;
	u8 tail[];
};

static int bad;

static void expect(bool ok, const char *what)
{
	if (!ok) {
		pr_err("wrong: %s\n", what);
		bad++;
	}
}

#define EXPECT(cond)	expect(cond, #cond)

/* From gomalloc, and aligned so that low bits can be tags. */
static void *ours(void *ptr, const char *what)
{
	expect(gomalloc_owns(ptr), what);
	expect(IS_ALIGNED((unsigned long)ptr, ARCH_KMALLOC_MINALIGN), what);
	return ptr;
}

#define OURS(call)	((typeof(call))ours((void *)(call), #call))

static void sizes(void)
{
	/* Tiny ones would come to lie behind it. */
	void *first = OURS(kmalloc(1, GFP_KERNEL));
	size_t size;

	for (size = 1; size <= 16; size++) {
		void *obj = OURS(kmalloc(size, GFP_KERNEL));

		EXPECT(ksize(obj) == kmalloc_size_roundup(size));
		EXPECT(ksize(obj) >= 8);
		kfree(obj);
	}
	kfree(first);
	EXPECT(!kmalloc(SIZE_MAX, GFP_KERNEL | __GFP_NOWARN));
	EXPECT(kmalloc(0, GFP_KERNEL) == ZERO_SIZE_PTR);
	EXPECT(!kmalloc_array(SIZE_MAX / 2, 4, GFP_KERNEL | __GFP_NOWARN));
	kfree(NULL);
	kfree(ZERO_SIZE_PTR);
}

static void plain(void)
{
	u8 *obj;

	kfree(OURS(kmalloc(3, GFP_KERNEL)));
	obj = OURS(kzalloc(100, GFP_KERNEL));
	EXPECT(!memchr_inv(obj, 0, 100));
	kfree_sensitive(obj);
	kfree(OURS(kmalloc_node(3, GFP_KERNEL, 0)));
	kfree(OURS(kzalloc_node(3, GFP_KERNEL, NUMA_NO_NODE)));
	kfree(OURS(kmalloc_array(3, 1, GFP_KERNEL)));
	kfree(OURS(kcalloc(3, 1, GFP_KERNEL)));
	kfree(OURS(kmalloc_array_node(3, 1, GFP_KERNEL, 0)));
	kfree(OURS(kcalloc_node(3, 1, GFP_KERNEL, 0)));
	kfree(OURS(kmalloc_track_caller(3, GFP_KERNEL)));
	kfree(OURS(kmalloc_node_track_caller(3, GFP_KERNEL, 0)));
	kfree(OURS(__kmalloc(3, GFP_KERNEL)));
	kfree(OURS(kmalloc(SZ_64K, GFP_KERNEL)));
	ops.free(OURS(ops.alloc(3, GFP_KERNEL)));
}

static void typed(void)
{
#ifdef kmalloc_obj
	struct item *item;

	kfree(OURS(kmalloc_obj(struct item)));
	kfree(OURS(kzalloc_obj(*item, GFP_KERNEL)));
	kfree(OURS(kmalloc_objs(u8, 3)));
	kfree(OURS(kzalloc_objs(u8, 3)));
	kfree(OURS(kmalloc_flex(*item, tail, 3)));
	kfree(OURS(kzalloc_flex(*item, tail, 3)));
	kvfree(OURS(kvmalloc_obj(struct item)));
	kvfree(OURS(kvzalloc_objs(u8, 3)));
	kvfree(OURS(kvzalloc_flex(*item, tail, 3)));
#endif
#ifdef kmalloc_nolock
	/* Takes what is cached, which there may not be. */
	kfree_nolock(kmalloc_nolock(3, 0, NUMA_NO_NODE));
#endif
}

static void resized(void)
{
	u8 *obj = OURS(krealloc(NULL, 3, GFP_KERNEL));

	if (!obj)
		return;
	memset(obj, 1, 3);
	obj = OURS(krealloc(obj, 1000, GFP_KERNEL));
	EXPECT(!memchr_inv(obj, 1, 3));
	obj = OURS(krealloc_array(obj, 30, 100, GFP_KERNEL));
	EXPECT(!memchr_inv(obj, 1, 3));
	EXPECT(krealloc(obj, 0, GFP_KERNEL) == ZERO_SIZE_PTR);
}

static __printf(1, 2) void printed(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	kfree(OURS(kvasprintf(GFP_KERNEL, fmt, args)));
	va_end(args);
	va_start(args, fmt);
	kfree_const(OURS(kvasprintf_const(GFP_KERNEL, fmt, args)));
	va_end(args);
}

static void strings(void)
{
	char *s;

	s = OURS(kstrdup("ab", GFP_KERNEL));
	EXPECT(!strcmp(s, "ab"));
	kfree(s);
	s = OURS(kstrndup("abc", 2, GFP_KERNEL));
	EXPECT(!strcmp(s, "ab"));
	kfree(s);
	s = OURS(kmemdup_nul("abc", 2, GFP_KERNEL));
	EXPECT(!strcmp(s, "ab"));
	kfree(s);
	s = OURS(kmemdup("abc", 3, GFP_KERNEL));
	EXPECT(!memcmp(s, "abc", 3));
	kfree(s);
	s = OURS(kasprintf(GFP_KERNEL, "%d", 12));
	EXPECT(!strcmp(s, "12"));
	kfree(s);
	s = (char *)OURS(kstrdup_const("ab", GFP_KERNEL));
	kfree_const(s);
	/* As if the kernel had found that it need not duplicate it. */
	kfree_const(_ctype);
	EXPECT(!kstrdup(NULL, GFP_KERNEL));
	printed("%s", "ab");
}

static void kv(void)
{
	u8 *mem;

	kvfree(OURS(kvmalloc(3, GFP_KERNEL)));
	kvfree(OURS(kvzalloc(3, GFP_KERNEL)));
	kvfree(OURS(kvmalloc_node(3, GFP_KERNEL, 0)));
	kvfree(OURS(kvzalloc_node(3, GFP_KERNEL, 0)));
	kvfree(OURS(kvmalloc_array(3, 1, GFP_KERNEL)));
	kvfree(OURS(kvcalloc(3, 1, GFP_KERNEL)));
	kvfree(OURS(kvmemdup("abc", 3, GFP_KERNEL)));
	kvfree_sensitive(OURS(kvmalloc(100, GFP_KERNEL)), 100);
	EXPECT(!kvmalloc_array(SIZE_MAX / 2, 4, GFP_KERNEL | __GFP_NOWARN));
	mem = kvmalloc(SZ_8M, GFP_KERNEL);
	EXPECT(is_vmalloc_addr(mem));
	kvfree(mem);
	mem = OURS(kvmalloc(100, GFP_KERNEL));
	if (!mem)
		return;
	memset(mem, 1, 100);
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 11, 0)
	mem = OURS(kvrealloc(mem, 1000, GFP_KERNEL));
	mem = kvrealloc(mem, SZ_8M, GFP_KERNEL);
#else
	mem = OURS(kvrealloc(mem, 100, 1000, GFP_KERNEL));
	mem = kvrealloc(mem, 1000, SZ_8M, GFP_KERNEL);
#endif
	EXPECT(!memchr_inv(mem, 1, 100));
	kvfree(mem);
}

static void kv_atomic(void)
{
	/* Of those at hand 7.2 is the first to have it. */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(7, 2, 0)
	const struct ops atomic = { .free = kvfree_atomic };

	kvfree_atomic(OURS(kvmalloc(100, GFP_KERNEL)));
	atomic.free(OURS(kvmalloc(100, GFP_KERNEL)));
	atomic.free(kvmalloc(SZ_8M, GFP_KERNEL));
#endif
}

static void scoped(void)
{
	void *obj __free(kfree) = OURS(kmalloc(100, GFP_KERNEL));
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 9, 0)
	void *wiped __free(kfree_sensitive) = OURS(kmalloc(100, GFP_KERNEL));
	void *mem __free(kvfree) = OURS(kvmalloc(100, GFP_KERNEL));
#endif
#if LINUX_VERSION_CODE >= KERNEL_VERSION(7, 2, 0)
	void *late __free(kvfree_atomic) = OURS(kvmalloc(100, GFP_KERNEL));
#endif
}

static void after_grace_period(void)
{
	struct item *item = OURS(kmalloc(sizeof(*item), GFP_KERNEL));

	kfree_rcu(item, rcu);
	item = OURS(kvmalloc(sizeof(*item), GFP_KERNEL));
	kvfree_rcu(item, rcu);
	item = kvmalloc(SZ_8M, GFP_KERNEL);
	kvfree_rcu(item, rcu);
	kfree_rcu_mightsleep(OURS(kmalloc(100, GFP_KERNEL)));
	kvfree_rcu_mightsleep(kvmalloc(SZ_8M, GFP_KERNEL));
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 5, 0)
	kfree_rcu(OURS(kmalloc(100, GFP_KERNEL)));
	kvfree_rcu(OURS(kmalloc(100, GFP_KERNEL)));
#endif
}

static void bulk(void)
{
	void *objs[8];
	int i;

	for (i = 0; i < ARRAY_SIZE(objs); i++)
		objs[i] = OURS(kmalloc(100, GFP_KERNEL));
	kfree_bulk(ARRAY_SIZE(objs), objs);
}

static void from_user(char __user *user)
{
	char *s;

	EXPECT(!copy_to_user(user, "ab", 3));
	s = OURS(memdup_user(user, 3));
	EXPECT(!strcmp(s, "ab"));
	kfree(s);
	s = OURS(memdup_user_nul(user, 1));
	EXPECT(!strcmp(s, "a"));
	kfree(s);
	s = OURS(strndup_user(user, 100));
	EXPECT(!strcmp(s, "ab"));
	kfree(s);
	EXPECT(PTR_ERR(strndup_user(user, 2)) == -EINVAL);
	EXPECT(PTR_ERR(memdup_user((void __user *)8, 100)) == -EFAULT);
	kfree(OURS(memdup_user(user, SZ_64K)));
	kvfree(OURS(vmemdup_user(user, SZ_64K)));
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 12, 0)
	kfree(OURS(kmemdup_array("abc", 3, 1, GFP_KERNEL)));
	kfree(OURS(memdup_array_user(user, 3, 1)));
	kvfree(OURS(vmemdup_array_user(user, 3, 1)));
	kvfree(OURS(kvcalloc_node(3, 1, GFP_KERNEL, 0)));
	EXPECT(PTR_ERR(memdup_array_user(user, SIZE_MAX, 2)) == -EOVERFLOW);
#endif
}

/* What the kernel allocated, and the module frees: in a slab, and larger. */
static void of_the_kernel(void)
{
	static const size_t sizes[] = { 2, SZ_64K };
	char *text = kzalloc(SZ_64K, GFP_KERNEL);
	int i;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		substring_t all = { text, text + sizes[i] };
		char *copy = match_strdup(&all), *less;

		EXPECT(copy && !gomalloc_owns(copy));
		EXPECT(ksize(copy) > sizes[i]);
		less = krealloc(copy, sizes[i] / 2, GFP_KERNEL);
		EXPECT(less && !gomalloc_owns(less));
		kfree(less);
	}
	kfree(text);
	kvfree(vmalloc(100));
}

/* An object whose pages are idle, and a page such as those became that went. */
static int free_stale(void)
{
	void *obj = kmalloc(SZ_128K, GFP_KERNEL);
	unsigned long page = __get_free_page(GFP_KERNEL);

	if (!obj || !page)
		return -ENOMEM;
	kfree(obj);
	kfree_const(obj);
	kfree_const((void *)page);
	free_page(page);
	return 0;
}

static int __init override_init(void)
{
	unsigned long user;

	if (stale)
		return free_stale();
	user = vm_mmap(NULL, 0, SZ_64K, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, 0);
	if (IS_ERR_VALUE(user))
		return user;
	sizes();
	plain();
	typed();
	resized();
	strings();
	kv();
	kv_atomic();
	scoped();
	after_grace_period();
	bulk();
	from_user((char __user *)user);
	of_the_kernel();
	vm_munmap(user, SZ_64K);
	if (bad)
		return -EINVAL;
	pr_info("all as it should be\n");
	return 0;
}
module_init(override_init);

static void __exit override_exit(void)
{
}
module_exit(override_exit);

MODULE_DESCRIPTION("Uses all that gomalloc's drop-in header redirects");
MODULE_LICENSE("GPL");
