// SPDX-License-Identifier: GPL-2.0
/*
 * The parameter debug: what is checked, of which objects, and that it is found.
 */
#include <linux/irqflags.h>
#include <linux/kasan.h>
#include <linux/poison.h>
#include <linux/sizes.h>
#include "debug.h"
#include "gom_test.h"
#include "nolock.h"
#include "sample.h"
#include "tracked.h"

static const size_t sizes[] = {
	1, 3, 7, 8, 13, 16, 24, 63, 64, 65, 100, 192, 1000, 1024, 2000, 4096,
	5000, 8192, 9000, 32768, 40000, 100000
};

static void set(struct kunit *test, const char *text)
{
	KUNIT_ASSERT_EQ(test, gom_sample_set_debug(text), 0);
}

/* A byte that is not @obj's, for the test to write to. */
static u8 *byte(void *obj, long at)
{
	return gom_test_hide(obj + at);
}

/* The object is whole, aligned and no larger than asked for. */
static void layout(struct kunit *test)
{
	unsigned int i;
	void *obj;

	set(test, "ZP");
	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		size_t size = sizes[i];

		obj = gom_test_alloc(size, GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, obj);
		KUNIT_EXPECT_EQ(test, gom_arena_class(obj), GOM_CLASS_TRACKED);
		KUNIT_EXPECT_EQ(test, gosize(obj), size);
		KUNIT_EXPECT_TRUE(test, IS_ALIGNED((unsigned long)obj,
						   min(gom_test_alignment(size),
						       GOM_PAGE_SIZE)));
		KUNIT_EXPECT_NULL(test, memchr_inv(obj, POISON_INUSE, size));
		memset(obj, 0xff, size);
		gofree(obj);
		obj = gom_test_alloc(size, GFP_KERNEL | __GFP_ZERO);
		KUNIT_ASSERT_NOT_NULL(test, obj);
		KUNIT_EXPECT_NULL(test, memchr_inv(obj, 0, size));
		gofree(obj);
	}
}

/* One byte behind, and the last of the redzone. */
/* Change the byte at @at of an object of @size bytes: its free tells of @what. */
static void damage(struct kunit *test, size_t size, ssize_t at,
		   enum gom_misuse what)
{
	void *obj = gom_test_alloc(size, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, obj);
	*byte(obj, at) ^= 1;
	gofree(obj);
	gom_test_expect_report(test, what, obj);
}

static void overrun(struct kunit *test)
{
	unsigned int i;
	void *obj;

	set(test, "Z");
	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		obj = gom_test_alloc(sizes[i], GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, obj);
		*byte(obj, sizes[i]) = 0;
		gofree(obj);
		gom_test_expect_report(test, GOM_OVERRUN, obj);
		damage(test, sizes[i], sizes[i] + 15, GOM_OVERRUN);
	}
}

static void underrun(struct kunit *test)
{
	unsigned int i;

	set(test, "z");
	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		damage(test, sizes[i], -1, GOM_UNDERRUN);
		damage(test, sizes[i], -32, GOM_UNDERRUN);
	}
}

/* After its free, and told once: what was found is mended. */
static void late_overrun(struct kunit *test)
{
	unsigned int i;
	void *obj;

	set(test, "Z");
	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		damage(test, sizes[i], sizes[i], GOM_OVERRUN);
		gomalloc_free_os_memory();
		obj = gom_test_alloc(sizes[i], GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, obj);
		gofree(obj);
		*byte(obj, sizes[i]) ^= 1;
		gomalloc_free_os_memory();
		gom_test_expect_report(test, GOM_OVERRUN, obj);
	}
}

/* Who may not wait asks for what may have to. */
static void atomic_wait(struct kunit *test)
{
	void *obj;

	set(test, "F");
	gofree(gom_test_alloc(64, GFP_KERNEL));
	local_irq_disable();
	obj = gom_test_alloc(64, GFP_ATOMIC);
	local_irq_enable();
	KUNIT_EXPECT_NOT_NULL(test, obj);
	gofree(obj);
	local_irq_disable();
	KUNIT_EXPECT_FALSE(test, gom_debug_may_wait(GFP_KERNEL));
	local_irq_enable();
	KUNIT_EXPECT_TRUE(test, gom_debug_may_wait(GFP_KERNEL));
}

/* Any byte, and not only the first word. */
static void write_after_free(struct kunit *test)
{
	unsigned int i;
	size_t at;
	void *obj;

	set(test, "P");
	for (i = 0; i < ARRAY_SIZE(sizes) && sizes[i] <= GOM_PAGE_SIZE; i++) {
		for (at = 0; at < sizes[i]; at += 1 + sizes[i] / 3) {
			obj = gom_test_alloc(sizes[i], GFP_KERNEL);
			KUNIT_ASSERT_NOT_NULL(test, obj);
			gofree(obj);
			*byte(obj, at) ^= 1;
			gomalloc_free_os_memory();
			gom_test_expect_report(test, GOM_WRITE_AFTER_FREE, obj);
			/* To the books it is live, so this gets it back. */
			gofree(obj);
			gomalloc_free_os_memory();
		}
	}
}

/* What is free waits, so a second free does not meet another's object. */
static void waits(struct kunit *test)
{
	struct gom_tracked *tracked;
	void *obj, *next;
	unsigned int i;

	set(test, "F");
	obj = gom_test_alloc(64, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, obj);
	gofree(obj);
	for (i = 0; i < 100; i++) {
		next = gom_test_alloc(64, GFP_KERNEL);
		KUNIT_EXPECT_PTR_NE(test, next, obj);
		gofree(next);
	}
	/* The key of a plain object would be gone. */
	*(unsigned long *)byte(obj, 0) = 0;
	gofree(obj);
	gom_test_expect_report(test, GOM_DOUBLE_FREE, obj);
	gofree(byte(obj, 8));
	gom_test_expect_report(test, GOM_INTERIOR_FREE, byte(obj, 8));
	gom_test_expect_valid(test);
	/* As long as they take no more than that. */
	tracked = &gom_node(gom_node_of(obj))->tracked;
	for (i = 0; i < 1000; i++)
		gofree(gom_test_alloc(4096, GFP_KERNEL));
	KUNIT_EXPECT_LE(test, tracked->held_bytes, SZ_1M);
	KUNIT_EXPECT_GT(test, tracked->held_bytes, SZ_512K);
	gomalloc_free_os_memory();
	KUNIT_EXPECT_EQ(test, tracked->held_bytes, 0);
}

/* In place, the bytes that are given up are guarded. */
static void resized(struct kunit *test)
{
	void *obj, *moved;

	set(test, "ZP");
	obj = gom_test_alloc(100, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, obj);
	memset(obj, 1, 100);
	KUNIT_EXPECT_PTR_EQ(test, gorealloc(obj, 50, GFP_KERNEL), obj);
	KUNIT_EXPECT_EQ(test, gosize(obj), 50);
	moved = gorealloc(obj, 60, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, moved);
	KUNIT_EXPECT_NULL(test, memchr_inv(moved, 1, 50));
	KUNIT_EXPECT_PTR_EQ(test, gorealloc(moved, 40, GFP_KERNEL), moved);
	*byte(moved, 45) = 0;
	gofree(moved);
	gom_test_expect_report(test, GOM_OVERRUN, moved);
}

/* What is freed later is a link of a list until then, whatever its size. */
static void freed_later(struct kunit *test)
{
	static const char * const texts[] = { "Z", "P", "K" };
	unsigned int i, k;
	void *obj;

	for (i = 0; i < ARRAY_SIZE(texts); i++) {
		set(test, texts[i]);
		for (k = 0; k < ARRAY_SIZE(sizes); k++) {
			obj = gom_test_alloc(sizes[k], GFP_KERNEL);
			KUNIT_ASSERT_NOT_NULL(test, obj);
			gofree_nolock(obj);
			gom_nolock_flush(0);
			gofree_nolock(obj);
			gom_test_expect_report(test, GOM_DOUBLE_FREE, obj);
		}
	}
	gomalloc_free_os_memory();
}

static unsigned int class_of_new(struct kunit *test, size_t size)
{
	void *obj = gom_test_alloc(size, GFP_KERNEL);
	unsigned int class = gom_arena_class(obj);

	KUNIT_EXPECT_NOT_NULL(test, obj);
	gofree(obj);
	return class;
}

static void by_size(struct kunit *test)
{
	set(test, "F,64,1k,3,1M");
	KUNIT_EXPECT_EQ(test, class_of_new(test, 60), GOM_CLASS_TRACKED);
	KUNIT_EXPECT_EQ(test, class_of_new(test, 1024), GOM_CLASS_TRACKED);
	KUNIT_EXPECT_EQ(test, class_of_new(test, 2), GOM_CLASS_TRACKED);
	KUNIT_EXPECT_EQ(test, class_of_new(test, SZ_64K), GOM_CLASS_TRACKED);
	KUNIT_EXPECT_NE(test, class_of_new(test, 8), GOM_CLASS_TRACKED);
	KUNIT_EXPECT_NE(test, class_of_new(test, 65), GOM_CLASS_TRACKED);
	KUNIT_EXPECT_NE(test, class_of_new(test, SZ_32K), GOM_CLASS_TRACKED);
}

static noinline void *allocate_here(void)
{
	void *obj = __gomalloc(48, GFP_KERNEL);

	/* No tail call, whose return address is somebody else's. */
	barrier();
	return obj;
}

static noinline void *allocate_there(void)
{
	void *obj = __gomalloc(48, GFP_KERNEL);

	barrier();
	return obj;
}

static void expect_checked(struct kunit *test, void *(*alloc)(void), bool is)
{
	void *obj = alloc();

	KUNIT_EXPECT_EQ(test, gom_arena_class(obj) == GOM_CLASS_TRACKED, is);
	gofree(obj);
}

static void by_name(struct kunit *test)
{
	set(test, "F,allocate_here");
	expect_checked(test, allocate_here, true);
	expect_checked(test, allocate_there, false);
	set(test, "F,allocate_there,no_such_function");
	expect_checked(test, allocate_here, false);
	expect_checked(test, allocate_there, true);
	set(test, "F,gomalloc_kunit");
	expect_checked(test, allocate_here, true);
	expect_checked(test, allocate_there, true);
	set(test, "F,gomalloc_kuni");
	expect_checked(test, allocate_here, false);
	set(test, "F,allocate_here,64");
	expect_checked(test, allocate_here, false);
	set(test, "F,allocate_here,48");
	expect_checked(test, allocate_here, true);
}

static void settings(struct kunit *test)
{
	static const char * const bad[] = {
		"X", "ZQ", "Z,", "Z,,64", "Z,0", "Z,64q", "Z,12G", "Z,a b",
		"Z,a-b", "64", ",64",
	};
	char text[GOM_DEBUG_LEN];
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(bad); i++)
		KUNIT_EXPECT_EQ_MSG(test, gom_sample_set_debug(bad[i]), -EINVAL,
				    "%s", bad[i]);
	KUNIT_EXPECT_FALSE(test, gom_debug_is_on());
	memset(text, 'F', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	KUNIT_EXPECT_EQ(test, gom_sample_set_debug(text), 0);
	KUNIT_EXPECT_TRUE(test, gom_debug_is_on());
	set(test, "FZPU,64,gomalloc_kunit");
	KUNIT_EXPECT_EQ(test, gom_sample_set_debug("Z,64,-"), -EINVAL);
	gom_debug_show(text, sizeof(text));
	KUNIT_EXPECT_STREQ(test, text, "FZPU,64,gomalloc_kunit");
	set(test, "-");
	KUNIT_EXPECT_FALSE(test, gom_debug_is_on());
	gom_debug_show(text, sizeof(text));
	KUNIT_EXPECT_STREQ(test, text, "");
}

static u8 shadow(const void *ptr)
{
#ifdef CONFIG_KASAN_GENERIC
	return *(u8 *)kasan_mem_to_shadow(ptr);
#else
	return 0;
#endif
}

/* Which bytes KASAN lets anybody touch. */
static void kasan(struct kunit *test)
{
	unsigned int i;

	if (!IS_ENABLED(CONFIG_KASAN_GENERIC))
		kunit_skip(test, "no KASAN");
	set(test, "K");
	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		size_t size = sizes[i], last = round_down(size - 1, 8);
		void *obj = gom_test_alloc(size, GFP_KERNEL | __GFP_ZERO);

		KUNIT_ASSERT_NOT_NULL(test, obj);
		KUNIT_EXPECT_EQ(test, gosize(obj), size);
		KUNIT_EXPECT_EQ(test, shadow(obj + last), size % 8);
		if (size > 8)
			KUNIT_EXPECT_EQ(test, shadow(obj), 0);
		KUNIT_EXPECT_EQ(test, shadow(obj + last + 8), 0xfc);
		KUNIT_EXPECT_EQ(test, shadow(obj - 8), 0xfc);
		gofree(obj);
		KUNIT_EXPECT_EQ(test, shadow(obj), 0xfb);
		KUNIT_EXPECT_EQ(test, shadow(obj + last), 0xfb);
		gomalloc_free_os_memory();
	}
}

static void churn(void *arg, struct rnd_state *rnd)
{
	void *objs[32];
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(objs); i++) {
		objs[i] = gomalloc(gom_test_random_size(rnd, SZ_64K),
				   GFP_KERNEL);
		if (objs[i])
			memset(objs[i], i, gosize(objs[i]));
	}
	for (i = 0; i < ARRAY_SIZE(objs); i++)
		gofree(objs[i]);
}

static void change(struct kunit *test)
{
	static const char * const texts[] = { "FZPU", "", "Z,64", "P", "U" };

	set(test, texts[gom_test_random(test, ARRAY_SIZE(texts))]);
	gomalloc_free_os_memory();
}

/* All CPUs at once, while the settings change and memory goes back. */
static void crowd(struct kunit *test)
{
	static const struct gom_test_crowd many = {
		.work = churn,
		.meanwhile = change,
		.msecs = 1000,
	};

	gom_test_crowd_run(test, &many);
}

static struct kunit_case debug_cases[] = {
	KUNIT_CASE(layout),
	KUNIT_CASE(overrun),
	KUNIT_CASE(underrun),
	KUNIT_CASE(late_overrun),
	KUNIT_CASE(atomic_wait),
	KUNIT_CASE(write_after_free),
	KUNIT_CASE(waits),
	KUNIT_CASE(resized),
	KUNIT_CASE(freed_later),
	KUNIT_CASE(by_size),
	KUNIT_CASE(by_name),
	KUNIT_CASE(settings),
	KUNIT_CASE(kasan),
	KUNIT_CASE(crowd),
	{}
};

static struct kunit_suite debug_suite = {
	.name = "gomalloc_debug",
	.init = gom_test_init,
	.exit = gom_test_exit,
	.test_cases = debug_cases,
};

kunit_test_suite(debug_suite);
