// SPDX-License-Identifier: GPL-2.0
/*
 * The public API, function by function: what each promises in its
 * kernel-doc, at its edges.
 */
#include <linux/completion.h>
#include <linux/delay.h>
#include <linux/irq_work.h>
#include <linux/kthread.h>
#include <linux/sched/task.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include "gom_test.h"
#include "malloc.h"
#include "nolock.h"

static bool is_zero(const void *obj, size_t size)
{
	return !memchr_inv(obj, 0, size);
}

static bool is_aligned(const void *obj, size_t size)
{
	return IS_ALIGNED((unsigned long)obj, gom_test_alignment(size));
}

static void nothing(struct kunit *test)
{
	gofree(NULL);
	gofree(ZERO_SIZE_PTR);
	gofree_sensitive(NULL);
	gofree_nolock(NULL);
	gofree_nolock(ZERO_SIZE_PTR);
	gokvfree(NULL);
	gofree_bulk(0, NULL);
	KUNIT_EXPECT_EQ(test, gosize(NULL), 0);
	KUNIT_EXPECT_EQ(test, gosize(ZERO_SIZE_PTR), 0);
	KUNIT_EXPECT_FALSE(test, gomalloc_owns(NULL));
	KUNIT_EXPECT_FALSE(test, gomalloc_owns(ZERO_SIZE_PTR));
	KUNIT_EXPECT_PTR_EQ(test, gomalloc(0, GFP_KERNEL), ZERO_SIZE_PTR);
	KUNIT_EXPECT_PTR_EQ(test, gom_test_alloc(0, GFP_KERNEL), ZERO_SIZE_PTR);
	KUNIT_EXPECT_PTR_EQ(test, gomalloc_nolock(0, 0, NUMA_NO_NODE),
			    ZERO_SIZE_PTR);
}

static void too_much(struct kunit *test)
{
	size_t sizes[] = { GOMALLOC_MAX_SIZE + 1, SZ_1G, SIZE_MAX / 2, SIZE_MAX - 1,
			   SIZE_MAX };
	int i;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		OPTIMIZER_HIDE_VAR(sizes[i]);
		KUNIT_EXPECT_NULL(test, gomalloc(sizes[i], GFP_KERNEL));
		KUNIT_EXPECT_NULL(test, gozalloc(sizes[i], GFP_KERNEL));
		KUNIT_EXPECT_NULL(test, gomalloc_array(2, sizes[i], GFP_KERNEL));
		KUNIT_EXPECT_NULL(test, gocalloc(sizes[i], 2, GFP_KERNEL));
		KUNIT_EXPECT_NULL(test, gorealloc_array(NULL, sizes[i], 2,
							GFP_KERNEL));
		KUNIT_EXPECT_NULL(test, gomalloc_objs(u64, sizes[i]));
		KUNIT_EXPECT_NULL(test, gomalloc_nolock(sizes[i], 0,
							NUMA_NO_NODE));
	}
}

/* Every class edge: what is asked for is there, aligned, and said exactly. */
static void every_size(struct kunit *test)
{
	unsigned int wrong_size = 0, wrong_align = 0, wrong_room = 0;
	size_t size, step;

	for (size = 1; size <= SZ_1M; size += step) {
		void *obj = gom_test_alloc(size, GFP_KERNEL);

		KUNIT_ASSERT_NOT_NULL(test, obj);
		wrong_size += gosize(obj) != gomalloc_size_roundup(size);
		wrong_room += gosize(obj) < size;
		wrong_align += !is_aligned(obj, size);
		gofree(obj);
		step = size < 2100 ? 1 : size < SZ_64K ? 127 : SZ_64K - 1;
	}
	KUNIT_EXPECT_EQ(test, wrong_size, 0);
	KUNIT_EXPECT_EQ(test, wrong_room, 0);
	KUNIT_EXPECT_EQ(test, wrong_align, 0);
}

static void largest(struct kunit *test)
{
	void *obj = gom_test_alloc(GOMALLOC_MAX_SIZE, GFP_KERNEL | __GFP_NOWARN);

	if (!obj)
		kunit_skip(test, "the kernel has no 4 MiB in one piece");
	KUNIT_EXPECT_EQ(test, gosize(obj), GOMALLOC_MAX_SIZE);
	KUNIT_EXPECT_TRUE(test, is_aligned(obj, GOMALLOC_MAX_SIZE));
	gofree(obj);
}

static void zeroed(struct kunit *test)
{
	static const size_t sizes[] = { 3, 7, 8, 64, 100, 4000, SZ_32K, 100000 };
	int i, round;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		for (round = 0; round < 3; round++) {
			void *obj = gozalloc(sizes[i], GFP_KERNEL);

			KUNIT_ASSERT_NOT_NULL(test, obj);
			KUNIT_EXPECT_TRUE(test, is_zero(obj, gosize(obj)));
			memset(obj, 0xff, sizes[i]);
			gofree(obj);
			obj = gocalloc(1, sizes[i], GFP_KERNEL);
			KUNIT_EXPECT_TRUE(test, is_zero(obj, sizes[i]));
			memset(obj, 0xff, sizes[i]);
			gofree(obj);
		}
	}
}

static void resized(struct kunit *test)
{
	static const size_t sizes[] = { 1, 7, 8, 9, 64, 63, 1000, 5, 40000, 41000,
					200000, 30000, 16 };
	size_t old = 0;
	u8 *obj = NULL;
	int i;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		u8 *moved = gorealloc(obj, sizes[i], GFP_KERNEL);

		KUNIT_ASSERT_NOT_NULL(test, moved);
		KUNIT_EXPECT_GE(test, gosize(moved), sizes[i]);
		if (old)
			KUNIT_EXPECT_NULL(test, memchr_inv(moved, 0x5a,
							   min(old, sizes[i])));
		obj = moved;
		old = sizes[i];
		memset(obj, 0x5a, old);
	}
	KUNIT_EXPECT_NULL(test, gorealloc(obj, SIZE_MAX, GFP_KERNEL));
	KUNIT_EXPECT_NULL(test, memchr_inv(obj, 0x5a, old));
	KUNIT_EXPECT_PTR_EQ(test, gorealloc(obj, 0, GFP_KERNEL), ZERO_SIZE_PTR);

	obj = gorealloc(ZERO_SIZE_PTR, 10, GFP_KERNEL);
	KUNIT_EXPECT_NOT_NULL(test, obj);
	gofree(obj);
}

/* With __GFP_ZERO all along, what is added is zero, however often it moves. */
static void resized_zeroed(struct kunit *test)
{
	static const size_t sizes[] = { 3, 5, 20, 24, 10, 24, 100, 112, 60, 112,
					40000, 33000, 40960 };
	size_t old = 0;
	u8 *obj = NULL;
	int i;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		obj = gorealloc(obj, sizes[i], GFP_KERNEL | __GFP_ZERO);
		KUNIT_ASSERT_NOT_NULL(test, obj);
		if (sizes[i] > old)
			KUNIT_EXPECT_TRUE(test, is_zero(obj + old,
							sizes[i] - old));
		memset(obj, 0xff, sizes[i]);
		old = sizes[i];
	}
	gofree(obj);
}

static void resized_slab(struct kunit *test)
{
	u8 *obj = kmalloc(64, GFP_KERNEL);

	memset(obj, 0x5a, 64);
	obj = gorealloc(obj, 1000, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, obj);
	KUNIT_EXPECT_NULL(test, memchr_inv(obj, 0x5a, 64));
	gofree(obj);
}

/* Slab's, and pages that say nothing of themselves on some kernels. */
static void freed_for_kmalloc(struct kunit *test)
{
	static const size_t sizes[] = { 8, SZ_8K, SZ_8K + 1, SZ_1M };
	u64 before = gom_malloc_forwarded_frees();
	int i, cpu;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		void *obj = kmalloc(sizes[i], GFP_KERNEL);

		KUNIT_ASSERT_NOT_NULL(test, obj);
		KUNIT_EXPECT_EQ(test, gosize(obj), ksize(obj));
		gofree(obj);
		gofree_sensitive(kmalloc(sizes[i], GFP_KERNEL));
		gofree_nolock(kmalloc(sizes[i], GFP_KERNEL));
	}
	for_each_possible_cpu(cpu)
		gom_nolock_flush(cpu);
	KUNIT_EXPECT_EQ(test, gom_malloc_forwarded_frees(),
			before + 3 * ARRAY_SIZE(sizes));
}

/* Charged pages of its own it resizes as well. */
static void resized_charged(struct kunit *test)
{
	static const size_t sizes[] = { 100, 5000, 20000, 100000, 30000 };
	size_t old = 1;
	u8 *obj;
	int i;

	obj = gom_test_alloc(1, GFP_KERNEL_ACCOUNT);
	KUNIT_ASSERT_NOT_NULL(test, obj);
	*obj = 0x5a;
	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		obj = gorealloc(obj, sizes[i], GFP_KERNEL_ACCOUNT);
		KUNIT_ASSERT_NOT_NULL(test, obj);
		KUNIT_EXPECT_NULL(test, memchr_inv(obj, 0x5a,
						   min(old, sizes[i])));
		memset(obj, 0x5a, sizes[i]);
		old = sizes[i];
	}
	gofree(obj);
}

static void strings(struct kunit *test)
{
	char *s = gostrdup("twelve bytes", GFP_KERNEL);

	KUNIT_EXPECT_STREQ(test, s, "twelve bytes");
	gofree(s);
	KUNIT_EXPECT_NULL(test, gostrdup(NULL, GFP_KERNEL));
	s = gostrdup("", GFP_KERNEL);
	KUNIT_EXPECT_STREQ(test, s, "");
	gofree(s);
	s = gostrndup("twelve bytes", 6, GFP_KERNEL);
	KUNIT_EXPECT_STREQ(test, s, "twelve");
	gofree(s);
	s = gostrndup("short", 100, GFP_KERNEL);
	KUNIT_EXPECT_STREQ(test, s, "short");
	gofree(s);
	s = gomemdup_nul("no end", 2, GFP_KERNEL);
	KUNIT_EXPECT_STREQ(test, s, "no");
	gofree(s);
	KUNIT_EXPECT_NULL(test, gomemdup_nul(NULL, 2, GFP_KERNEL));
	s = goasprintf(GFP_KERNEL, "%s-%d-%s", "a", 12345, "bcdefghijklmnop");
	KUNIT_EXPECT_STREQ(test, s, "a-12345-bcdefghijklmnop");
	gofree(s);
	s = gomemdup("abc\0def", 8, GFP_KERNEL);
	KUNIT_EXPECT_EQ(test, memcmp(s, "abc\0def", 8), 0);
	gofree(s);
}

struct typed {
	u64 a;
	u32 n;
	u16 tail[];
};

static void typed(struct kunit *test)
{
	struct typed *one = gomalloc_obj(struct typed);
	struct typed *same = gozalloc_obj(*one, GFP_ATOMIC);
	struct typed *three = gozalloc_objs(struct typed, 3);
	struct typed *flex = gozalloc_flex(struct typed, tail, 10, GFP_KERNEL);
	size_t too_many = SIZE_MAX;

	KUNIT_EXPECT_GE(test, gosize(one), sizeof(*one));
	KUNIT_EXPECT_TRUE(test, is_zero(same, sizeof(*same)));
	KUNIT_EXPECT_GE(test, gosize(three), 3 * sizeof(*three));
	KUNIT_EXPECT_TRUE(test, is_zero(three, 3 * sizeof(*three)));
	KUNIT_EXPECT_GE(test, gosize(flex), struct_size(flex, tail, 10));
	OPTIMIZER_HIDE_VAR(too_many);
	KUNIT_EXPECT_NULL(test, gomalloc_flex(struct typed, tail, too_many));
	gofree(one);
	gofree(same);
	gofree(three);
	gofree(flex);
}

static void scoped(struct kunit *test)
{
	u64 before = ((struct gom_test *)test->priv)->before.heap_objects;
	struct gomalloc_stats s;

	{
		void *obj __free(gofree) = gomalloc(64, GFP_KERNEL);
		void *mem __free(gokvfree) = gokvmalloc(64, GFP_KERNEL);

		gomalloc_read_stats(&s);
		KUNIT_EXPECT_NOT_NULL(test, obj);
		KUNIT_EXPECT_NOT_NULL(test, mem);
		KUNIT_EXPECT_EQ(test, s.heap_objects, before + 2);
	}
	gomalloc_read_stats(&s);
	KUNIT_EXPECT_EQ(test, s.heap_objects, before);
}

static void bulk(struct kunit *test)
{
	void **objs = kunit_kcalloc(test, 200, sizeof(*objs), GFP_KERNEL);
	int i, j;

	KUNIT_ASSERT_NOT_NULL(test, objs);
	KUNIT_EXPECT_EQ(test, gomalloc_bulk(72, GFP_KERNEL, 200, objs), 200);
	for (i = 0; i < 200; i++)
		for (j = 0; j < i; j++)
			if (objs[i] == objs[j])
				KUNIT_FAIL(test, "%d and %d are the same", i, j);
	gofree_bulk(200, objs);
	KUNIT_EXPECT_EQ(test, gomalloc_bulk(SIZE_MAX, GFP_KERNEL, 3, objs), 0);
}

/* Of every kind of memory, zeroed, charged, and freed in one mix. */
static void bulk_kinds(struct kunit *test)
{
	static const size_t sizes[] = { 3, 64, 5000, SZ_64K };
	static const gfp_t flags[] = {
		GFP_KERNEL, GFP_ATOMIC | __GFP_ZERO, GFP_KERNEL_ACCOUNT,
	};
	void *objs[40], *mix[6];
	u64 before = gom_test_live();
	int i, j, k;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		for (j = 0; j < ARRAY_SIZE(flags); j++) {
			/* Which is slab's, where that has caches. */
			bool charged = flags[j] & __GFP_ACCOUNT &&
				       sizes[i] <= KMALLOC_MAX_CACHE_SIZE;

			KUNIT_ASSERT_EQ(test, gomalloc_bulk(sizes[i], flags[j],
							    40, objs), 40);
			for (k = 0; k < 40; k++) {
				if (flags[j] & __GFP_ZERO)
					KUNIT_EXPECT_NULL(test,
							  memchr_inv(objs[k], 0,
								     sizes[i]));
				KUNIT_EXPECT_EQ(test, gomalloc_owns(objs[k]),
						!charged);
				gom_test_fill(objs[k], sizes[i], k);
			}
			for (k = 0; k < 40; k++)
				KUNIT_EXPECT_TRUE(test,
						  gom_test_filled(objs[k],
								  sizes[i], k));
			gofree_bulk(40, objs);
		}
	}
	KUNIT_EXPECT_EQ(test, gomalloc_bulk(64, GFP_KERNEL, 0, NULL), 0);
	for (i = 0; i < ARRAY_SIZE(sizes); i++)
		mix[i] = gom_test_alloc(sizes[i], GFP_KERNEL);
	mix[i++] = NULL;
	mix[i++] = kmalloc(64, GFP_KERNEL);
	gofree_bulk(i, mix);
	KUNIT_EXPECT_EQ(test, gom_test_live(), before);
}

struct with_rcu {
	u64 pad[5];
	struct rcu_head rcu;
	u8 more[SZ_64K];
};

static void after_grace_period(struct kunit *test)
{
	u64 before = gom_test_live();
	struct with_rcu *large = gomalloc_obj(struct with_rcu);
	struct with_rcu *small = gom_test_alloc(offsetof(struct with_rcu, more),
						GFP_KERNEL);
	struct with_rcu *slab = kmalloc(sizeof(*slab), GFP_KERNEL);
	struct with_rcu *none = NULL;

	gofree_rcu(large, rcu);
	gofree_rcu(small, rcu);
	gofree_rcu(slab, rcu);
	gofree_rcu(none, rcu);
	gofree_rcu_barrier();
	KUNIT_EXPECT_EQ(test, gom_test_live(), before);
}

/* What has no rcu_head, of all kinds. */
static void after_grace_period_headless(struct kunit *test)
{
	static const size_t sizes[] = { 1, 8, 64, SZ_64K };
	u64 before = gom_test_live();
	int i;

	for (i = 0; i < ARRAY_SIZE(sizes); i++)
		gofree_rcu_mightsleep(gom_test_alloc(sizes[i], GFP_KERNEL));
	gofree_rcu_mightsleep(gokvmalloc(3 * SZ_4M, GFP_KERNEL));
	gofree_rcu_mightsleep(kmalloc(64, GFP_KERNEL));
	gofree_rcu_mightsleep(NULL);
	gofree_rcu_mightsleep(ZERO_SIZE_PTR);
	gofree_rcu_barrier();
	KUNIT_EXPECT_EQ(test, gom_test_live(), before);
}

struct reader {
	struct completion reading;
	const u64 *obj;
	bool whole;
	bool done;
};

/* Holds the grace period up as long as it looks. */
static int read_for_long(void *data)
{
	struct reader *r = data;
	int i;

	rcu_read_lock();
	complete(&r->reading);
	for (i = 0; i < 100; i++) {
		mdelay(1);
		r->whole &= READ_ONCE(*r->obj) == 42;
	}
	WRITE_ONCE(r->done, true);
	rcu_read_unlock();
	return 0;
}

/* Not before: a reader sees it whole to the end. */
static void not_before_grace_period(struct kunit *test)
{
	struct reader r = { .whole = true };
	u64 *obj = gom_test_alloc(64, GFP_KERNEL);
	struct task_struct *task;

	KUNIT_ASSERT_NOT_NULL(test, obj);
	*obj = 42;
	r.obj = obj;
	init_completion(&r.reading);
	task = kthread_create(read_for_long, &r, "gom_test/reader");
	KUNIT_ASSERT_FALSE(test, IS_ERR(task));
	get_task_struct(task);
	wake_up_process(task);
	wait_for_completion(&r.reading);
	gofree_rcu_mightsleep(obj);
	gofree_rcu_barrier();
	KUNIT_EXPECT_TRUE(test, READ_ONCE(r.done));
	KUNIT_EXPECT_TRUE(test, r.whole);
	kthread_stop(task);
	put_task_struct(task);
}

/* Into vmalloc()'s memory, in it, to the end of its pages, and into none. */
static void vmalloc_resized(struct kunit *test)
{
	static const size_t sizes[] = { 3, 100, SZ_64K, 2 * SZ_4M - 100,
					2 * SZ_4M, 3 * SZ_4M, SZ_4K - 100,
					2 * SZ_4M };
	gfp_t gfp = GFP_KERNEL | __GFP_ZERO;
	size_t kept = 0;
	u8 *mem = NULL;
	int i;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		mem = gokvrealloc(mem, sizes[i], gfp);
		KUNIT_ASSERT_NOT_NULL(test, mem);
		KUNIT_EXPECT_EQ(test, is_vmalloc_addr(mem), i > 2);
		kept = min(kept, sizes[i]);
		KUNIT_EXPECT_NULL(test, memchr_inv(mem, 0xa5, kept));
		KUNIT_EXPECT_TRUE(test, is_zero(mem + kept, sizes[i] - kept));
		kept = sizes[i];
		memset(mem, 0xa5, kept);
	}
	KUNIT_EXPECT_NULL(test, gokvrealloc(mem, SZ_2G + 1UL, gfp | __GFP_NOWARN));
	KUNIT_EXPECT_PTR_EQ(test, gokvrealloc(mem, 0, gfp), ZERO_SIZE_PTR);
}

/* Of kmalloc()'s as of gomalloc()'s. */
static void vmalloc_wiped(struct kunit *test)
{
	gokvfree_sensitive(NULL, 10);
	gokvfree_sensitive(gokvmalloc(100, GFP_KERNEL), 100);
	gokvfree_sensitive(gokvmalloc(2 * SZ_4M, GFP_KERNEL), 2 * SZ_4M);
	gokvfree_sensitive(kmalloc(100, GFP_KERNEL), 100);
	gokvfree(gokvcalloc(100, 100, GFP_KERNEL));
	KUNIT_EXPECT_NULL(test, gokvmalloc_array(SIZE_MAX / 2, 3, GFP_KERNEL));
	gokvfree(gokvmalloc_node(100, GFP_KERNEL, 0));
}

static void vmalloc_or_not(struct kunit *test)
{
	static const size_t sizes[] = { 5, 4096, SZ_64K, 3 * SZ_4M };
	int i;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		void *mem = gokvzalloc(sizes[i], GFP_KERNEL);

		KUNIT_ASSERT_NOT_NULL(test, mem);
		KUNIT_EXPECT_TRUE(test, is_zero(mem, sizes[i]));
		gokvfree(mem);
	}
	KUNIT_EXPECT_NULL(test, gokvmalloc(3 * SZ_4M, GFP_ATOMIC | __GFP_NOWARN));
	KUNIT_EXPECT_NULL(test, gokvmalloc(SZ_2G + 1UL, GFP_KERNEL | __GFP_NOWARN));
}

static void charged(struct kunit *test)
{
	static const size_t sizes[] = { 64, SZ_8K, SZ_8K + 1, 100000 };
	int i;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		u8 *obj = gom_test_alloc(sizes[i], GFP_KERNEL_ACCOUNT);

		KUNIT_ASSERT_NOT_NULL(test, obj);
		/* Small ones are slab's, the others have pages of their own. */
		KUNIT_EXPECT_EQ(test, gomalloc_owns(obj), sizes[i] > SZ_8K);
		KUNIT_EXPECT_GE(test, gosize(obj), sizes[i]);
		memset(obj, 0x5a, sizes[i]);
		gofree(obj);
		obj = gom_test_alloc(sizes[i], GFP_KERNEL | GFP_DMA);
		KUNIT_ASSERT_NOT_NULL(test, obj);
#ifdef CONFIG_ZONE_DMA
		KUNIT_EXPECT_EQ(test, page_zonenum(virt_to_page(obj)), ZONE_DMA);
#endif
		gofree(obj);
	}
}

static void on_a_node(struct kunit *test)
{
	static const size_t sizes[] = { 5, 64, SZ_8K, SZ_64K };
	int nid, i;

	for_each_node_state(nid, N_MEMORY) {
		for (i = 0; i < ARRAY_SIZE(sizes); i++) {
			void *obj = gozalloc_node(sizes[i], GFP_KERNEL, nid);

			KUNIT_ASSERT_NOT_NULL(test, obj);
			KUNIT_EXPECT_TRUE(test, is_zero(obj, sizes[i]));
			gofree(obj);
			if (sizes[i] < 8)
				continue;
			obj = gomalloc_node(sizes[i],
					    GFP_KERNEL | __GFP_THISNODE, nid);
			KUNIT_ASSERT_NOT_NULL(test, obj);
			KUNIT_EXPECT_EQ(test, page_to_nid(virt_to_page(obj)),
					nid);
			gofree(obj);
		}
	}
	gofree(gomalloc_node(64, GFP_KERNEL, NUMA_NO_NODE));
}

static void owns(struct kunit *test)
{
	char *obj = gom_test_alloc(100, GFP_KERNEL);

	KUNIT_EXPECT_TRUE(test, gomalloc_owns(obj));
	KUNIT_EXPECT_TRUE(test, gomalloc_owns(obj + 99));
	KUNIT_EXPECT_FALSE(test, gomalloc_owns(test));
	gofree(obj);
}

static void wiped(struct kunit *test)
{
	u8 *obj = gom_test_alloc(200, GFP_KERNEL);

	memset(obj, 0x5a, 200);
	gofree_sensitive(obj);
	/* But for the key. */
	KUNIT_EXPECT_TRUE(test, is_zero(gom_test_hide(obj + sizeof(long)),
					200 - sizeof(long)));
}

struct nolock_work {
	struct irq_work work;
	void *obj;
	void *tiny;
	void *other;
};

static void nolock_in_irq(struct irq_work *work)
{
	struct nolock_work *w = container_of(work, struct nolock_work, work);

	w->obj = gomalloc_nolock(64, __GFP_ZERO, NUMA_NO_NODE);
	w->tiny = gomalloc_nolock(3, 0, NUMA_NO_NODE);
	gofree_nolock(w->other);
}

static void nolock(struct kunit *test)
{
	void *objs[20], *tiny;
	struct nolock_work *w = kunit_kzalloc(test, sizeof(*w), GFP_KERNEL);
	int i;

	KUNIT_EXPECT_NULL(test, gomalloc_nolock(SZ_64K, 0, NUMA_NO_NODE));
	KUNIT_EXPECT_NULL(test, gomalloc_nolock(64, __GFP_ACCOUNT, NUMA_NO_NODE));
	/* Nothing is cached, so there is nothing to be had. */
	KUNIT_EXPECT_NULL(test, gomalloc_nolock(64, 0, NUMA_NO_NODE));

	for (i = 0; i < ARRAY_SIZE(objs); i++)
		objs[i] = gom_test_alloc(64, GFP_KERNEL);
	tiny = gom_test_alloc(3, GFP_KERNEL);
	w->other = gom_test_alloc(SZ_64K, GFP_KERNEL);
	for (i = 0; i < ARRAY_SIZE(objs); i++)
		gofree_nolock(objs[i]);
	init_irq_work(&w->work, nolock_in_irq);
	irq_work_queue(&w->work);
	irq_work_sync(&w->work);
	KUNIT_EXPECT_NOT_NULL(test, w->obj);
	KUNIT_EXPECT_NOT_NULL(test, w->tiny);
	if (w->obj)
		KUNIT_EXPECT_TRUE(test, is_zero(w->obj, 64));
	gofree_nolock(w->obj);
	gofree_nolock(w->tiny);
	gofree_nolock(tiny);
}

static void counted(struct kunit *test)
{
	struct gomalloc_stats a, b;
	void *objs[3];

	gomalloc_read_stats(&a);
	objs[0] = gom_test_alloc(3, GFP_KERNEL);
	objs[1] = gom_test_alloc(64, GFP_KERNEL);
	objs[2] = gom_test_alloc(SZ_64K, GFP_KERNEL);
	gomalloc_read_stats(&b);
	KUNIT_EXPECT_EQ(test, b.mallocs - a.mallocs, 3);
	KUNIT_EXPECT_EQ(test, b.frees - a.frees, 0);
	KUNIT_EXPECT_EQ(test, b.heap_objects - a.heap_objects, 3);
	KUNIT_EXPECT_EQ(test, b.alloc - a.alloc, 16 + 64 + SZ_64K);
	KUNIT_EXPECT_EQ(test, b.total_alloc - a.total_alloc, 16 + 64 + SZ_64K);
	KUNIT_EXPECT_EQ(test, b.sys, b.heap_inuse + b.heap_idle + b.meta_sys);
	gofree_bulk(3, objs);
	gomalloc_read_stats(&b);
	KUNIT_EXPECT_EQ(test, b.frees - a.frees, 3);
	KUNIT_EXPECT_EQ(test, b.heap_objects, a.heap_objects);
}

static struct kunit_case api_cases[] = {
	KUNIT_CASE(nothing),
	KUNIT_CASE(too_much),
	KUNIT_CASE_SLOW(every_size),
	KUNIT_CASE(largest),
	KUNIT_CASE(zeroed),
	KUNIT_CASE(resized),
	KUNIT_CASE(resized_zeroed),
	KUNIT_CASE(resized_slab),
	KUNIT_CASE(freed_for_kmalloc),
	KUNIT_CASE(resized_charged),
	KUNIT_CASE(strings),
	KUNIT_CASE(typed),
	KUNIT_CASE(scoped),
	KUNIT_CASE(bulk),
	KUNIT_CASE(bulk_kinds),
	KUNIT_CASE(after_grace_period),
	KUNIT_CASE(after_grace_period_headless),
	KUNIT_CASE_SLOW(not_before_grace_period),
	KUNIT_CASE(vmalloc_or_not),
	KUNIT_CASE(vmalloc_resized),
	KUNIT_CASE(vmalloc_wiped),
	KUNIT_CASE(charged),
	KUNIT_CASE(on_a_node),
	KUNIT_CASE(owns),
	KUNIT_CASE(wiped),
	KUNIT_CASE(nolock),
	KUNIT_CASE(counted),
	{}
};

static struct kunit_suite api_suite = {
	.name = "gomalloc_api",
	.init = gom_test_init,
	.exit = gom_test_exit,
	.test_cases = api_cases,
};

kunit_test_suite(api_suite);
