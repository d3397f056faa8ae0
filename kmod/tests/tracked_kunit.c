// SPDX-License-Identifier: GPL-2.0
/*
 * Tracked objects: all that is true of others is true of them, and it is
 * known who allocated them.  What is said of rates, buckets and estimates is
 * profile_kunit.c's.
 */
#include <linux/cpu.h>
#include <linux/hrtimer.h>
#include <linux/irq_work.h>
#include <linux/kthread.h>
#include <linux/sizes.h>
#include "gom_test.h"
#include "mspan.h"
#include "nolock.h"
#include "profile.h"
#include "sample.h"
#include "scavenge.h"
#include "site.h"
#include "size_class.h"
#include "tracked.h"

static const u32 odd_sizes[] = {
	1, 2, 3, 4, 5, 65, 100, 4097, 5000, 8191, 8193, 20000, SZ_32K + 1,
	SZ_32K + SZ_8K, SZ_64K, 100000, SZ_1M, SZ_4M
};

/* Each class's size, what is one byte less, and some others. */
#define NR_SIZES	(2 * (GOMALLOC_NR_CLASSES - 1) + ARRAY_SIZE(odd_sizes))

static size_t size_of(unsigned int i)
{
	unsigned int class = 1 + i / 2;

	if (class < GOMALLOC_NR_CLASSES)
		return gom_class[class].size - i % 2;
	return odd_sizes[i - 2 * (GOMALLOC_NR_CLASSES - 1)];
}

static void track_all(struct kunit *test)
{
	KUNIT_ASSERT_EQ(test, gom_sample_set_rate(1), 0);
}

static void *many[GOM_TRACKED_FEW];

/* Spans of tracked objects but for @many. */
static unsigned int spans(void)
{
	struct gom_class_stats cs;
	unsigned int i;

	gom_stats_class(GOM_CLASS_TRACKED, &cs);
	for (i = 0; i < ARRAY_SIZE(many); i++)
		cs.nspans -= !!many[i];
	return cs.nspans;
}

/*
 * Track everything, and so many objects already, each in a span of its own,
 * that slots are cut for those that come.
 */
static void track_many(struct kunit *test)
{
	unsigned int i;

	track_all(test);
	for (i = 0; i < GOM_TRACKED_FEW; i++)
		many[i] = gom_test_alloc(GOM_PAGE_SIZE, GFP_KERNEL);
	KUNIT_EXPECT_EQ(test, spans(), 0);
}

static void free_many(void)
{
	gofree_bulk(GOM_TRACKED_FEW, many);
	memset(many, 0, sizeof(many));
}

static bool is_tracked(const void *obj)
{
	struct gom_tracked_info info;

	return gom_tracked_find(obj, &info) && info.obj == obj;
}

/* The site is in @function of this file, or in what the compiler made of it. */
static bool is_site_in(const struct gom_site *site, const char *function)
{
	char name[GOM_SITE_NAME_LEN];

	gom_site_name(site, name, sizeof(name));
	return !strncmp(name, function, strlen(function)) &&
	       !strcmp(site->module, KBUILD_MODNAME) &&
	       strstr(name, "+0x") && strstr(name, " [" KBUILD_MODNAME);
}

static void expect_tracked(struct kunit *test, void *obj, size_t size)
{
	struct gom_tracked_info info = {};
	size_t last = size - 1;

	KUNIT_ASSERT_NOT_NULL(test, obj);
	KUNIT_ASSERT_EQ_MSG(test, gom_arena_class(obj), GOM_CLASS_TRACKED,
			    "%zu bytes", size);
	KUNIT_ASSERT_TRUE(test, gom_tracked_find(obj, &info));
	KUNIT_EXPECT_PTR_EQ(test, info.obj, obj);
	KUNIT_EXPECT_EQ(test, info.size, gomalloc_size_roundup(size));
	KUNIT_EXPECT_NE(test, info.bucket, 0);
	KUNIT_EXPECT_LE(test, info.when, ktime_get_mono_fast_ns());
	KUNIT_EXPECT_TRUE(test, gom_tracked_find(obj + last, &info));
	KUNIT_EXPECT_PTR_EQ(test, info.obj, obj);
	KUNIT_EXPECT_EQ(test, gosize(obj), gomalloc_size_roundup(size));
	KUNIT_EXPECT_TRUE(test, gomalloc_owns(obj));
	KUNIT_EXPECT_TRUE(test, gomalloc_owns(obj + last));
	KUNIT_EXPECT_TRUE_MSG(test, IS_ALIGNED((unsigned long)obj,
					       gom_test_alignment(size)),
			      "%zu bytes", size);
	if (size > GOMALLOC_TINY_MAX)
		KUNIT_EXPECT_TRUE(test, IS_ALIGNED((unsigned long)obj, 8));
}

static void every_size(struct kunit *test)
{
	struct gom_tracked_info info;
	unsigned int i;
	void *obj;

	track_all(test);
	for (i = 0; i < NR_SIZES; i++) {
		obj = gom_test_alloc(size_of(i), GFP_KERNEL);
		expect_tracked(test, obj, size_of(i));
		gom_tracked_find(obj, &info);
		KUNIT_EXPECT_TRUE(test, is_site_in(info.caller, __func__));
		memset(obj, 0xa5, gosize(obj));
		gofree(obj);
		KUNIT_EXPECT_FALSE(test, gom_tracked_find(obj, &info));
	}
}

/* What was there before does not show. */
static void zeroed(struct kunit *test)
{
	void *objs[4];
	unsigned int i, k;

	track_all(test);
	for (i = 0; i < NR_SIZES; i++) {
		for (k = 0; k < ARRAY_SIZE(objs); k++) {
			objs[k] = gom_test_alloc(size_of(i), GFP_KERNEL);
			memset(objs[k], 0xa5, gosize(objs[k]));
		}
		gofree_bulk(ARRAY_SIZE(objs), objs);
		for (k = 0; k < ARRAY_SIZE(objs); k++) {
			objs[k] = gom_test_alloc(size_of(i),
						 GFP_KERNEL | __GFP_ZERO);
			expect_tracked(test, objs[k], size_of(i));
			KUNIT_EXPECT_NULL(test, memchr_inv(objs[k], 0,
							   gosize(objs[k])));
		}
		gofree_bulk(ARRAY_SIZE(objs), objs);
	}
}

/* Objects side by side, some freed and replaced: none touches another. */
static void apart(struct kunit *test)
{
	enum { NR = 400 };
	void **objs = kunit_kcalloc(test, NR, sizeof(*objs), GFP_KERNEL);
	struct gom_test *t = test->priv;
	unsigned int i, round, bad = 0;

	KUNIT_ASSERT_NOT_NULL(test, objs);
	track_all(test);
	for (round = 0; round < 5000; round++) {
		i = gom_test_random(test, NR);
		if (objs[i]) {
			bad += !gom_test_filled(objs[i], gosize(objs[i]), i);
			gofree(objs[i]);
		}
		objs[i] = gom_test_alloc(gom_test_random_size(&t->rnd, SZ_16K),
					 GFP_KERNEL);
		gom_test_fill(objs[i], gosize(objs[i]), i);
	}
	KUNIT_EXPECT_EQ(test, bad, 0);
	gom_test_expect_valid(test);
	gofree_bulk(NR, objs);
}

enum way {
	CONST_SMALL, CONST_TINY, CONST_LARGE, CONST_ZEROED, CONST_CLASS,
	VARIABLE, ZEROED, ATOMIC, NOFAIL, ARRAY, CALLOC, NODE, NODE_ZEROED,
	BULK, BULK_ZEROED, REALLOC_NULL, REALLOC, MEMDUP, STRDUP, STRNDUP,
	ASPRINTF, KVMALLOC, KVZALLOC, OBJ, NR_WAYS
};

/* One object by each way there is.  Nothing here is a tail call. */
static noinline void *allocate(enum way way, size_t size)
{
	gfp_t gfp = GFP_KERNEL;
	void *objs[1] = {}, *obj = NULL;

	OPTIMIZER_HIDE_VAR(gfp);
	switch (way) {
	case CONST_SMALL:
		obj = gomalloc(200, GFP_KERNEL);
		break;
	case CONST_TINY:
		obj = gomalloc(3, GFP_KERNEL);
		break;
	case CONST_LARGE:
		obj = gomalloc(100000, GFP_KERNEL);
		break;
	case CONST_ZEROED:
		obj = gozalloc(200, GFP_KERNEL);
		break;
	case CONST_CLASS:
		obj = gomalloc(200, gfp);
		break;
	case VARIABLE:
		obj = gomalloc(size, gfp);
		break;
	case ZEROED:
		obj = gozalloc(size, gfp);
		break;
	case ATOMIC:
		obj = gomalloc(size, GFP_ATOMIC);
		break;
	case NOFAIL:
		obj = gomalloc(size, GFP_KERNEL | __GFP_NOFAIL);
		break;
	case ARRAY:
		obj = gomalloc_array(size, 3, gfp);
		break;
	case CALLOC:
		obj = gocalloc(size, 3, gfp);
		break;
	case NODE:
		obj = gomalloc_node(size, gfp, numa_mem_id());
		break;
	case NODE_ZEROED:
		obj = gozalloc_node(size, gfp, first_memory_node);
		break;
	case BULK:
		gomalloc_bulk(size, gfp, 1, objs);
		obj = objs[0];
		break;
	case BULK_ZEROED:
		gomalloc_bulk(size, gfp | __GFP_ZERO, 1, objs);
		obj = objs[0];
		break;
	case REALLOC_NULL:
		obj = gorealloc(NULL, size, gfp);
		break;
	case REALLOC:
		obj = gorealloc(gomalloc(8, gfp), size, gfp);
		break;
	case MEMDUP:
		obj = gomemdup("some text", 10, gfp);
		break;
	case STRDUP:
		obj = gostrdup("some text", gfp);
		break;
	case STRNDUP:
		obj = gostrndup("some text", 4, gfp);
		break;
	case ASPRINTF:
		obj = goasprintf(gfp, "%s %d", "some text", 1);
		break;
	case KVMALLOC:
		obj = gokvmalloc(size, gfp);
		break;
	case KVZALLOC:
		obj = gokvzalloc(SZ_64K, gfp);
		break;
	case OBJ:
		obj = gozalloc_obj(struct gom_tracked_info);
		break;
	case NR_WAYS:
		break;
	}
	return gom_test_hide(obj);
}

/* The stack of a bucket; false if there is none with that id. */
static bool stack_of(u32 bucket, struct gom_bucket_view *view)
{
	u32 id = bucket - 1;

	return gom_profile_next(&id, view) && id == bucket;
}

static void every_way(struct kunit *test)
{
	struct gom_bucket_view *view = kunit_kzalloc(test, sizeof(*view),
						     GFP_KERNEL);
	struct gom_tracked_info info;
	enum way way;
	void *obj;

	KUNIT_ASSERT_NOT_NULL(test, view);
	track_all(test);
	for (way = 0; way < NR_WAYS; way++) {
		obj = allocate(way, 1000);
		KUNIT_ASSERT_NOT_NULL_MSG(test, obj, "way %d", way);
		KUNIT_ASSERT_TRUE_MSG(test, gom_tracked_find(obj, &info),
				      "way %d", way);
		KUNIT_EXPECT_TRUE_MSG(test, is_site_in(info.caller, "allocate"),
				      "way %d", way);
		/* And who called that, and so on. */
		KUNIT_ASSERT_TRUE(test, stack_of(info.bucket, view));
		KUNIT_EXPECT_GE_MSG(test, view->nr, 3, "way %d", way);
		KUNIT_EXPECT_PTR_EQ(test, view->site[0], info.caller);
		if (view->nr > 1)
			KUNIT_EXPECT_TRUE_MSG(test, is_site_in(view->site[1], __func__),
					      "way %d", way);
		if (way == ZEROED || way == NODE_ZEROED || way == BULK_ZEROED)
			KUNIT_EXPECT_NULL(test, memchr_inv(obj, 0, gosize(obj)));
		gokvfree(obj);
	}
}

/* What goes elsewhere is not ours to track. */
static void diverted_flags(struct kunit *test)
{
	void *obj;

	track_all(test);
	obj = gomalloc(64, GFP_KERNEL_ACCOUNT);
	KUNIT_EXPECT_FALSE(test, is_tracked(obj));
	gofree(obj);
	obj = gomalloc(SZ_64K, GFP_KERNEL | GFP_DMA32);
	KUNIT_EXPECT_FALSE(test, is_tracked(obj));
	gofree(obj);
	KUNIT_EXPECT_NULL(test, gomalloc(GOMALLOC_MAX_SIZE + 1,
					 GFP_KERNEL | __GFP_NOWARN));
	KUNIT_EXPECT_PTR_EQ(test, gom_test_alloc(0, GFP_KERNEL), ZERO_SIZE_PTR);
}

struct bell {
	struct irq_work work;
	struct hrtimer timer;
	struct completion done;
	void *objs[6];
};

static const u32 bell_sizes[] = { 3, 8, 64, 1000, 20000, 50000 };

static noinline void fill_in_interrupt(struct bell *bell)
{
	int i;

	for (i = 0; i < ARRAY_SIZE(bell->objs); i++)
		bell->objs[i] = gom_test_alloc(bell_sizes[i],
					       GFP_ATOMIC | __GFP_ZERO);
	complete(&bell->done);
}

static void ring_work(struct irq_work *work)
{
	fill_in_interrupt(container_of(work, struct bell, work));
}

static enum hrtimer_restart ring_timer(struct hrtimer *timer)
{
	fill_in_interrupt(container_of(timer, struct bell, timer));
	return HRTIMER_NORESTART;
}

static void expect_from_interrupt(struct kunit *test, struct bell *bell)
{
	struct gom_tracked_info info;
	int i;

	wait_for_completion(&bell->done);
	for (i = 0; i < ARRAY_SIZE(bell->objs); i++) {
		expect_tracked(test, bell->objs[i], bell_sizes[i]);
		gom_tracked_find(bell->objs[i], &info);
		KUNIT_EXPECT_TRUE(test, is_site_in(info.caller,
						   "fill_in_interrupt"));
		KUNIT_EXPECT_NULL(test, memchr_inv(bell->objs[i], 0,
						   gosize(bell->objs[i])));
		gofree(bell->objs[i]);
	}
	reinit_completion(&bell->done);
}

static void from_interrupts(struct kunit *test)
{
	struct bell *bell = kunit_kzalloc(test, sizeof(*bell), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, bell);
	init_completion(&bell->done);
	track_all(test);
	init_irq_work(&bell->work, ring_work);
	irq_work_queue(&bell->work);
	irq_work_sync(&bell->work);
	expect_from_interrupt(test, bell);

	gom_compat_hrtimer_setup(&bell->timer, ring_timer, CLOCK_MONOTONIC,
				 HRTIMER_MODE_REL_PINNED);
	hrtimer_start(&bell->timer, ns_to_ktime(NSEC_PER_MSEC),
		      HRTIMER_MODE_REL_PINNED);
	expect_from_interrupt(test, bell);
	hrtimer_cancel(&bell->timer);
}

/* An interrupt that finds the cache taken is no exception. */
static void while_the_cache_is_taken(struct kunit *test)
{
	void *objs[3];
	int i;

	track_all(test);
	preempt_disable();
	gom_mcache_trylock();
	objs[0] = gom_test_alloc(64, GFP_ATOMIC);
	objs[1] = gom_test_alloc(3, GFP_ATOMIC);
	objs[2] = gom_test_alloc(SZ_64K, GFP_ATOMIC);
	gom_mcache_unlock();
	preempt_enable();
	for (i = 0; i < ARRAY_SIZE(objs); i++) {
		KUNIT_EXPECT_TRUE_MSG(test, is_tracked(objs[i]), "%d", i);
		gofree(objs[i]);
	}
}

static void reallocated(struct kunit *test)
{
	char *obj, *more;

	track_all(test);
	obj = gom_test_alloc(100, GFP_KERNEL);
	gom_test_fill(obj, 100, 1);
	/* In place as far as the class goes. */
	more = gom_test_hide(gorealloc(obj, gosize(obj), GFP_KERNEL));
	KUNIT_EXPECT_PTR_EQ(test, more, obj);
	more = gom_test_hide(gorealloc(obj, SZ_64K, GFP_KERNEL));
	expect_tracked(test, more, SZ_64K);
	KUNIT_EXPECT_EQ(test, more[0], 1);
	KUNIT_EXPECT_FALSE(test, is_tracked(obj));
	/* From a plain one, and back to one. */
	gom_sample_set_rate(0);
	obj = gom_test_hide(gorealloc(more, SZ_128K, GFP_KERNEL));
	KUNIT_EXPECT_FALSE(test, is_tracked(obj));
	KUNIT_EXPECT_EQ(test, obj[0], 1);
	track_all(test);
	more = gom_test_hide(gorealloc(obj, SZ_256K, GFP_KERNEL));
	expect_tracked(test, more, SZ_256K);
	KUNIT_EXPECT_EQ(test, more[0], 1);
	KUNIT_EXPECT_PTR_EQ(test, gorealloc(more, 0, GFP_KERNEL), ZERO_SIZE_PTR);
}

struct with_rcu {
	char before[120];
	struct rcu_head rcu;
};

/* By every way that frees. */
static void freed(struct kunit *test)
{
	static const u32 sizes[] = { 3, 8, 64, 1000, 4096, 8000, 20000, 100000 };
	void *objs[ARRAY_SIZE(sizes)];
	struct gomalloc_stats s;
	struct with_rcu *w;
	int i;

	track_all(test);
	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		objs[i] = gom_test_alloc(sizes[i], GFP_KERNEL);
		gofree_nolock(objs[i]);
		gom_nolock_flush(raw_smp_processor_id());
		KUNIT_EXPECT_FALSE(test, is_tracked(objs[i]));
		objs[i] = gom_test_alloc(sizes[i], GFP_KERNEL);
		gokvfree(objs[i]);
		KUNIT_EXPECT_FALSE(test, is_tracked(objs[i]));
		objs[i] = gom_test_alloc(sizes[i], GFP_KERNEL);
	}
	gofree_bulk(ARRAY_SIZE(sizes), objs);
	for (i = 0; i < ARRAY_SIZE(sizes); i++)
		KUNIT_EXPECT_FALSE(test, is_tracked(objs[i]));
	w = gom_test_alloc(sizeof(*w), GFP_KERNEL);
	gofree_rcu(w, rcu);
	KUNIT_EXPECT_TRUE(test, is_tracked(w));
	rcu_barrier();
	KUNIT_EXPECT_FALSE(test, is_tracked(w));
	gomalloc_read_stats(&s);
	KUNIT_EXPECT_EQ(test, s.tracked_objects, 0);
}

/* The whole object is wiped, its neighbours are not. */
static void sensitive(struct kunit *test)
{
	char *objs[3];
	int i;

	track_many(test);
	for (i = 0; i < ARRAY_SIZE(objs); i++) {
		objs[i] = gom_test_alloc(64, GFP_KERNEL);
		memset(objs[i], 0x5a, 64);
	}
	KUNIT_ASSERT_PTR_EQ(test, objs[1], objs[0] + 64);
	gofree_sensitive(objs[1] + 8);
	gom_test_expect_report(test, GOM_INTERIOR_FREE, objs[1] + 8);
	KUNIT_EXPECT_NULL(test, memchr_inv(objs[1], 0x5a, 64));
	gofree_sensitive(objs[1]);
	KUNIT_EXPECT_NULL(test, memchr_inv(objs[1], 0, 64));
	gofree_sensitive(objs[1]);
	gom_test_expect_report(test, GOM_DOUBLE_FREE, objs[1]);
	KUNIT_EXPECT_NULL(test, memchr_inv(objs[0], 0x5a, 64));
	KUNIT_EXPECT_NULL(test, memchr_inv(objs[2], 0x5a, 64));
	gofree(objs[0]);
	gofree(objs[2]);
	free_many();
}

static void misused(struct kunit *test)
{
	static const u32 sizes[] = { 3, 8, 48, 1000, 4096, 5000, 20000, 100000 };
	unsigned int i, k;
	char *obj, *keep;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		track_all(test);
		/* Keeps the span of those that share one. */
		keep = gom_test_alloc(sizes[i], GFP_KERNEL);
		obj = gom_test_alloc(sizes[i], GFP_KERNEL);
		gom_test_fill(obj, sizes[i], i);
		for (k = 1; k < 9; k++) {
			char *inside = obj + max(1UL, k * (sizes[i] - 1UL) / 8);

			gofree(inside);
			gom_test_expect_report(test, GOM_INTERIOR_FREE, inside);
			gofree_nolock(inside);
			gom_test_expect_report(test, GOM_INTERIOR_FREE, inside);
			gofree_sensitive(inside);
			gom_test_expect_report(test, GOM_INTERIOR_FREE, inside);
		}
		KUNIT_EXPECT_TRUE(test, is_tracked(obj));
		KUNIT_EXPECT_TRUE(test, gom_test_filled(obj, sizes[i], i));
		/* What somebody else tracks now makes no difference. */
		gom_sample_set_rate(0);
		gofree(obj);
		gofree(obj);
		gom_test_expect_report(test, sizes[i] <= SZ_8K ?
				       GOM_DOUBLE_FREE : GOM_STALE_FREE, obj);
		gofree_sensitive(obj);
		gom_test_expect_report(test, sizes[i] <= SZ_8K ?
				       GOM_DOUBLE_FREE : GOM_STALE_FREE, obj);
		gofree(keep);
		gom_scavenge_caches();
		gofree(keep);
		gom_test_expect_report(test, GOM_STALE_FREE, keep);
		gomalloc_free_os_memory();
		gofree(keep);
		gom_test_expect_report(test, GOM_FOREIGN_FREE, keep);
		gom_test_expect_valid(test);
	}
}

/* It is not handed out twice for that. */
static void double_free_then_alloc(struct kunit *test)
{
	void *keep, *obj, *a, *b;

	track_all(test);
	keep = gom_test_alloc(64, GFP_KERNEL);
	obj = gom_test_alloc(64, GFP_KERNEL);
	gofree(obj);
	gofree(obj);
	gom_test_expect_report(test, GOM_DOUBLE_FREE, obj);
	a = gom_test_alloc(64, GFP_KERNEL);
	b = gom_test_alloc(64, GFP_KERNEL);
	KUNIT_EXPECT_PTR_NE(test, a, b);
	KUNIT_EXPECT_PTR_NE(test, a, keep);
	gofree(a);
	gofree(b);
	gofree(keep);
}

/* What the figures must change by. */
struct change {
	s64 objects;
	s64 mallocs;
	s64 frees;
	s64 alloc;
	s64 total;
	s64 tracked;
};

static void expect_change(struct kunit *test, const struct gomalloc_stats *old,
			  const struct change *by)
{
	struct gomalloc_stats now;

	gomalloc_read_stats(&now);
	KUNIT_EXPECT_EQ(test, now.heap_objects - old->heap_objects, by->objects);
	KUNIT_EXPECT_EQ(test, now.mallocs - old->mallocs, by->mallocs);
	KUNIT_EXPECT_EQ(test, now.frees - old->frees, by->frees);
	KUNIT_EXPECT_EQ(test, now.alloc - old->alloc, by->alloc);
	KUNIT_EXPECT_EQ(test, now.total_alloc - old->total_alloc, by->total);
	KUNIT_EXPECT_EQ(test, now.tracked_objects - old->tracked_objects,
			by->tracked);
	KUNIT_EXPECT_EQ(test, now.alloc + now.mcache_free + now.mcentral_free +
			now.span_waste, now.heap_inuse);
	KUNIT_EXPECT_LE(test, now.tracked_sys, now.heap_inuse);
}

static void counters(struct kunit *test)
{
	void **objs = kunit_kcalloc(test, NR_SIZES, sizeof(*objs), GFP_KERNEL);
	struct gomalloc_stats before;
	struct change by = {};
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, objs);
	track_all(test);
	gomalloc_read_stats(&before);
	for (i = 0; i < NR_SIZES; i++) {
		objs[i] = gom_test_alloc(size_of(i), GFP_KERNEL);
		by.objects++;
		by.tracked++;
		by.mallocs++;
		by.alloc += gosize(objs[i]);
		by.total += gosize(objs[i]);
		expect_change(test, &before, &by);
	}
	for (i = 0; i < NR_SIZES; i++) {
		by.objects--;
		by.tracked--;
		by.frees++;
		by.alloc -= gosize(objs[i]);
		gofree(objs[i]);
		expect_change(test, &before, &by);
	}
}

/* As many as fit share a page, and each slot is used again. */
static void tight_slots(struct kunit *test)
{
	enum { NR = 128 };
	unsigned int size, i, n;
	void *objs[NR + 1];

	track_many(test);
	for (size = 64; size <= SZ_4K; size *= 2) {
		gomalloc_free_os_memory();
		n = min_t(unsigned int, NR, GOM_PAGE_SIZE / size);
		for (i = 0; i < n; i++)
			objs[i] = gom_test_alloc(size, GFP_KERNEL);
		KUNIT_EXPECT_EQ_MSG(test, spans(), 1, "%u bytes", size);
		objs[n] = gom_test_alloc(size, GFP_KERNEL);
		KUNIT_EXPECT_EQ_MSG(test, spans(), 2, "%u bytes", size);
		gofree(objs[n / 2]);
		objs[n / 2] = gom_test_alloc(size, GFP_KERNEL);
		KUNIT_EXPECT_EQ_MSG(test, spans(), 2, "%u bytes", size);
		gofree_bulk(n + 1, objs);
	}
	free_many();
}

/* A few of all sizes share a page. */
static void few_share(struct kunit *test)
{
	static const unsigned int size[] = { 64, 250, SZ_1K, 1500 };
	void *objs[ARRAY_SIZE(size)], *other;
	unsigned int i;

	track_all(test);
	for (i = 0; i < ARRAY_SIZE(size); i++) {
		objs[i] = gom_test_alloc(size[i], GFP_KERNEL);
		expect_tracked(test, objs[i], size[i]);
		KUNIT_EXPECT_PTR_EQ(test, gom_arena_span(objs[i]),
				    gom_arena_span(objs[0]));
	}
	other = gom_test_alloc(SZ_4K, GFP_KERNEL);
	KUNIT_EXPECT_EQ(test, spans(), 2);
	gofree(objs[1]);
	objs[1] = gom_test_alloc(SZ_4K, GFP_KERNEL);
	KUNIT_EXPECT_PTR_EQ(test, gom_arena_span(objs[1]),
			    gom_arena_span(other));
	gofree(other);
	other = gom_test_alloc(64, GFP_KERNEL);
	/* In the one that fits best. */
	KUNIT_EXPECT_PTR_EQ(test, gom_arena_span(other),
			    gom_arena_span(objs[0]));
	gofree(other);
	gofree_bulk(ARRAY_SIZE(size), objs);
	gom_test_expect_valid(test);
}

/* A slot eight times as large as it need be is taken, a larger one is not. */
static void loose_slots(struct kunit *test)
{
	void *large, *loose, *small;

	track_many(test);
	large = gom_test_alloc(SZ_4K, GFP_KERNEL);
	KUNIT_EXPECT_EQ(test, spans(), 1);
	small = gom_test_alloc(256, GFP_KERNEL);
	KUNIT_EXPECT_EQ(test, spans(), 2);
	loose = gom_test_alloc(512, GFP_KERNEL);
	/* In the one that fits best. */
	KUNIT_EXPECT_EQ(test, spans(), 2);
	KUNIT_EXPECT_PTR_NE(test, gom_arena_span(loose), gom_arena_span(small));
	KUNIT_EXPECT_PTR_EQ(test, gom_arena_span(loose), gom_arena_span(large));
	expect_tracked(test, loose, 512);
	gofree(small);
	gofree(loose);
	gofree(large);
	free_many();
}

/* Tight before loose. */
static void tightest_first(struct kunit *test)
{
	void *large, *small, *next;

	track_many(test);
	small = gom_test_alloc(64, GFP_KERNEL);
	large = gom_test_alloc(512, GFP_KERNEL);
	KUNIT_EXPECT_EQ(test, spans(), 2);
	next = gom_test_alloc(64, GFP_KERNEL);
	KUNIT_EXPECT_PTR_EQ(test, gom_arena_span(next), gom_arena_span(small));
	gofree(next);
	gofree(large);
	gofree(small);
	free_many();
}

/* One empty span of a page waits, and is used by what it suits. */
static void spare_span(struct kunit *test)
{
	struct mspan *span;
	void *obj, *other;

	track_all(test);
	obj = gom_test_alloc(1000, GFP_KERNEL);
	span = gom_arena_span(obj);
	gofree(obj);
	KUNIT_EXPECT_EQ(test, spans(), 1);
	obj = gom_test_alloc(600, GFP_KERNEL);
	KUNIT_EXPECT_PTR_EQ(test, gom_arena_span(obj), span);
	other = gom_test_alloc(8000, GFP_KERNEL);
	KUNIT_EXPECT_EQ(test, spans(), 2);
	gofree(obj);
	KUNIT_EXPECT_EQ(test, spans(), 2);
	/* The one that was emptied last is kept. */
	gofree(other);
	KUNIT_EXPECT_EQ(test, spans(), 1);
	obj = gom_test_alloc(8000, GFP_KERNEL);
	KUNIT_EXPECT_PTR_EQ(test, obj, other);
	gofree(obj);
	/* Long ones are not kept. */
	gofree(gom_test_alloc(SZ_64K, GFP_KERNEL));
	KUNIT_EXPECT_EQ(test, spans(), 1);
	gom_test_expect_valid(test);
	gom_scavenge_caches();
	KUNIT_EXPECT_EQ(test, spans(), 0);
}

static void nodes(struct kunit *test)
{
	static const u32 sizes[] = { 8, 64, 5000, 20000, 100000 };
	unsigned int i, n = 0;
	void *objs[16];
	int nid;

	track_all(test);
	for_each_node_state(nid, N_MEMORY) {
		for (i = 0; i < ARRAY_SIZE(sizes); i++, n++) {
			if (n == ARRAY_SIZE(objs))
				break;
			objs[n] = gomalloc_node(sizes[i],
						GFP_KERNEL | __GFP_THISNODE, nid);
			expect_tracked(test, objs[n], sizes[i]);
			KUNIT_EXPECT_EQ(test, page_to_nid(virt_to_page(objs[n])),
					nid);
		}
	}
	gofree_bulk(n, objs);
	gom_test_expect_valid(test);
}

struct seen {
	const void *obj[64];
	unsigned int n;
	unsigned int enough;
};

static bool see(const struct gom_tracked_info *info, void *arg)
{
	struct seen *seen = arg;

	if (seen->n < ARRAY_SIZE(seen->obj))
		seen->obj[seen->n] = info->obj;
	return ++seen->n != seen->enough;
}

/* Each live one once, and no other. */
static void walked(struct kunit *test)
{
	struct seen *seen = kunit_kzalloc(test, sizeof(*seen), GFP_KERNEL);
	unsigned int i, k, found, n = ARRAY_SIZE(odd_sizes);
	void *objs[2 * ARRAY_SIZE(odd_sizes)];

	KUNIT_ASSERT_NOT_NULL(test, seen);
	track_all(test);
	for (i = 0; i < 2 * n; i++)
		objs[i] = gom_test_alloc(odd_sizes[i % n], GFP_KERNEL);
	for (i = n; i < 2 * n; i++)
		gofree(objs[i]);
	gom_tracked_walk(see, seen);
	KUNIT_EXPECT_EQ(test, seen->n, n);
	for (i = 0; i < n; i++) {
		for (k = found = 0; k < n; k++)
			found += seen->obj[k] == objs[i];
		KUNIT_EXPECT_EQ(test, found, 1);
	}
	seen->n = 0;
	seen->enough = 3;
	gom_tracked_walk(see, seen);
	KUNIT_EXPECT_EQ(test, seen->n, 3);
	gofree_bulk(n, objs);
}

/* === Counted call sites ================================================== */

static struct gom_site *site_in(const char *function)
{
	struct gom_site *site;
	u32 id = 0;

	while ((site = gom_site_next(&id)))
		if (!READ_ONCE(site->name) && is_site_in(site, function))
			return site;
	return NULL;
}

static noinline void *one_here(size_t size)
{
	return gom_test_alloc(size, GFP_KERNEL);
}

struct figures {
	s64 live;
	s64 live_bytes;
	s64 mallocs;
	s64 total_bytes;
};

static struct figures exact(const struct gom_site *site)
{
	return (struct figures){
		atomic64_read(&site->exact.live),
		atomic64_read(&site->exact.live_bytes),
		atomic64_read(&site->exact.mallocs),
		atomic64_read(&site->exact.total_bytes),
	};
}

static void expect_figures(struct kunit *test, const struct gom_site *site,
			   const struct figures *old, struct figures by)
{
	struct figures now = exact(site);

	KUNIT_EXPECT_EQ(test, now.live - old->live, by.live);
	KUNIT_EXPECT_EQ(test, now.live_bytes - old->live_bytes, by.live_bytes);
	KUNIT_EXPECT_EQ(test, now.mallocs - old->mallocs, by.mallocs);
	KUNIT_EXPECT_EQ(test, now.total_bytes - old->total_bytes,
			by.total_bytes);
}

/* Of sizes that lie on their classes. */
static void counted_sites(struct kunit *test)
{
	struct gom_tracked_info info;
	struct figures old;
	struct gom_site *site;
	void *early, *objs[4];

	early = one_here(64);
	KUNIT_ASSERT_EQ(test, gom_sample_set_counted(KBUILD_MODNAME), 0);
	/* Other allocations make it known: it is there from the first one on. */
	objs[0] = one_here(64);
	KUNIT_ASSERT_TRUE(test, gom_tracked_find(objs[0], &info));
	site = info.caller;
	KUNIT_EXPECT_TRUE(test, is_site_in(site, "one_here"));
	KUNIT_EXPECT_TRUE(test, info.counted);
	KUNIT_EXPECT_EQ(test, info.bucket, 0);
	KUNIT_EXPECT_PTR_EQ(test, site_in("one_here"), site);
	old = exact(site);
	objs[1] = one_here(3);
	objs[2] = one_here(SZ_4K);
	objs[3] = one_here(SZ_64K);
	expect_figures(test, site, &old, (struct figures){
		3, 3 + SZ_4K + SZ_64K, 3, 3 + SZ_4K + SZ_64K });
	/* Not tracked when it was made, so not counted when it goes. */
	gofree(early);
	expect_figures(test, site, &old, (struct figures){
		3, 3 + SZ_4K + SZ_64K, 3, 3 + SZ_4K + SZ_64K });
	gofree(objs[2]);
	expect_figures(test, site, &old, (struct figures){
		2, 3 + SZ_64K, 3, 3 + SZ_4K + SZ_64K });

	KUNIT_ASSERT_EQ(test, gom_sample_set_counted(""), 0);
	objs[2] = one_here(SZ_4K);
	KUNIT_EXPECT_FALSE(test, is_tracked(objs[2]));
	gofree(objs[2]);
	gofree(objs[3]);
	expect_figures(test, site, &old, (struct figures){
		1, 3, 3, 3 + SZ_4K + SZ_64K });
	gofree(objs[1]);
	gofree(objs[0]);
	expect_figures(test, site, &old, (struct figures){
		-1, -64, 3, 3 + SZ_4K + SZ_64K });
}

/* Both who is in the sample and who is counted. */
static void counted_and_sampled(struct kunit *test)
{
	struct gom_tracked_info info;
	struct figures old;
	void *obj;

	track_all(test);
	KUNIT_ASSERT_EQ(test, gom_sample_set_counted("*"), 0);
	obj = one_here(128);
	KUNIT_ASSERT_TRUE(test, gom_tracked_find(obj, &info));
	KUNIT_EXPECT_TRUE(test, info.counted);
	KUNIT_EXPECT_NE(test, info.bucket, 0);
	old = exact(info.caller);
	gofree(obj);
	expect_figures(test, info.caller, &old, (struct figures){ -1, -128, 0, 0 });
	/* Somebody else's name counts nothing of ours. */
	KUNIT_ASSERT_EQ(test, gom_sample_set_counted("gomalloc,kunit"), 0);
	obj = one_here(128);
	KUNIT_ASSERT_TRUE(test, gom_tracked_find(obj, &info));
	KUNIT_EXPECT_FALSE(test, info.counted);
	gofree(obj);
	gom_sample_set_rate(0);
	obj = one_here(128);
	KUNIT_EXPECT_FALSE(test, is_tracked(obj));
	gofree(obj);
}

static void counted_lists(struct kunit *test)
{
	static const char * const bad[] = {
		",", "a,", ",a", "a,,b", "a b", " a", "a ", "a-b", "*,a", "a,*",
		"**", "a\n", "a;b", "\x80",
		"a_name_that_is_longer_than_that_of_any_module_can_be_by_far",
	};
	static const char * const good[] = {
		"*", "a", "a,b", KBUILD_MODNAME, "a," KBUILD_MODNAME ",b_2", "",
	};
	char shown[300], *text = kunit_kzalloc(test, 600, GFP_KERNEL);
	void *obj;
	int i, n;

	KUNIT_ASSERT_NOT_NULL(test, text);
	KUNIT_ASSERT_EQ(test, gom_sample_set_counted("a," KBUILD_MODNAME), 0);
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		KUNIT_EXPECT_EQ_MSG(test, gom_sample_set_counted(bad[i]),
				    -EINVAL, "'%s'", bad[i]);
		gom_site_show_counted(shown, sizeof(shown));
		KUNIT_EXPECT_STREQ(test, shown, "a," KBUILD_MODNAME);
	}
	for (n = 100; n < 599; n += 2) {
		memset(text, 0, 600);
		for (i = 0; i < n; i++)
			text[i] = i % 4 == 3 ? ',' : 'x';
		text[n - 1] = 'x';
		i = gom_sample_set_counted(text);
		KUNIT_EXPECT_EQ_MSG(test, i, n > 253 ? -E2BIG : 0, "%d", n);
		gom_site_show_counted(shown, sizeof(shown));
		KUNIT_EXPECT_EQ(test, !strcmp(shown, text), !i);
	}
	KUNIT_ASSERT_EQ(test, gom_sample_set_counted(KBUILD_MODNAME), 0);
	obj = one_here(64);
	KUNIT_EXPECT_TRUE(test, is_tracked(obj));
	gofree(obj);
	for (i = 0; i < ARRAY_SIZE(good); i++) {
		KUNIT_EXPECT_EQ(test, gom_sample_set_counted(good[i]), 0);
		n = gom_site_show_counted(shown, sizeof(shown));
		KUNIT_EXPECT_STREQ(test, shown, good[i]);
		KUNIT_EXPECT_EQ(test, n, strlen(good[i]));
	}
}

/*
 * Its name stays; the next code at the address is somebody else.  The module
 * that is said to go is this one.
 */
static void retired(struct kunit *test)
{
	char before[GOM_SITE_NAME_LEN], after[GOM_SITE_NAME_LEN];
	struct gom_tracked_info old, new;
	void *obj, *next;

	track_all(test);
	KUNIT_ASSERT_EQ(test, gom_sample_set_counted(KBUILD_MODNAME), 0);
	obj = one_here(64);
	KUNIT_ASSERT_TRUE(test, gom_tracked_find(obj, &old));
	gom_site_name(old.caller, before, sizeof(before));
	gom_site_retire(THIS_MODULE);
	KUNIT_EXPECT_NOT_NULL(test, old.caller->name);
	gom_site_name(old.caller, after, sizeof(after));
	KUNIT_EXPECT_STREQ(test, after, before);

	next = one_here(64);
	KUNIT_ASSERT_TRUE(test, gom_tracked_find(next, &new));
	KUNIT_EXPECT_PTR_NE(test, new.caller, old.caller);
	KUNIT_EXPECT_EQ(test, new.caller->ip, old.caller->ip);
	KUNIT_EXPECT_NE(test, new.caller->id, old.caller->id);
	KUNIT_EXPECT_NE(test, new.bucket, old.bucket);
	KUNIT_EXPECT_TRUE(test, is_site_in(new.caller, "one_here"));
	/* Each is counted where it was allocated. */
	KUNIT_EXPECT_EQ(test, atomic64_read(&new.caller->exact.live), 1);
	gofree(obj);
	KUNIT_EXPECT_EQ(test, atomic64_read(&new.caller->exact.live), 1);
	gofree(next);
	KUNIT_EXPECT_EQ(test, atomic64_read(&new.caller->exact.live), 0);
}

/* === Little memory ======================================================= */

/* The next @n. */
static void fail_headers(struct kunit *test, unsigned int n)
{
	gom_test_may_fail(test, BIT_ULL(GOM_FAIL_HEADER));
	gom_test_failure.end = n;
}

/* There is an object all the same, as nobody asked for the record. */
static void no_header(struct kunit *test)
{
	static const u32 sizes[] = { 8, 64, 5000, 20000, 100000 };
	struct gomalloc_stats before;
	u64 lost = gom_tracked_failed();
	unsigned int i, n, tracked = 0;
	void *obj;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		for (n = 0; n < 6; n++) {
			gom_sample_set_rate(0);
			gomalloc_free_os_memory();
			/* What a plain one needs is there. */
			gofree(gom_test_alloc(sizes[i], GFP_KERNEL));
			gofree(gom_test_alloc(SZ_256K, GFP_KERNEL));
			track_all(test);
			gomalloc_read_stats(&before);
			lost = gom_tracked_failed();
			fail_headers(test, n);
			obj = gom_test_alloc(sizes[i], GFP_KERNEL);
			gom_test_fail_none(test);
			KUNIT_ASSERT_NOT_NULL(test, obj);
			tracked += is_tracked(obj);
			KUNIT_EXPECT_EQ(test, gom_tracked_failed() - lost,
					!is_tracked(obj));
			expect_change(test, &before, &(struct change){
				1, 1, 0, gosize(obj), gosize(obj),
				is_tracked(obj) });
			gofree(obj);
			gom_test_expect_valid(test);
		}
	}
	KUNIT_EXPECT_GT(test, tracked, 0);
	/* With several nodes there are more tries than these fail. */
	if (num_possible_nodes() == 1)
		KUNIT_EXPECT_LT(test, tracked, 6 * ARRAY_SIZE(sizes));
}

#define RECORDS	(BIT_ULL(GOM_FAIL_SITE) | BIT_ULL(GOM_FAIL_SITE_NAME) | \
		 BIT_ULL(GOM_FAIL_SITE_ID) | BIT_ULL(GOM_FAIL_BUCKET) |	\
		 BIT_ULL(GOM_FAIL_BUCKET_ID) | BIT_ULL(GOM_FAIL_HEADER) | \
		 BIT_ULL(GOM_FAIL_SLOTS) | BIT_ULL(GOM_FAIL_BLOCK))

/* Records, buckets, sites, their names and numbers. */
static void no_record(struct kunit *test)
{
	struct gom_tracked_info info;
	unsigned int nth;
	bool more = true;
	u64 lost;
	void *obj;

	for (nth = 0; more; nth++) {
		gom_sample_set_rate(0);
		gom_sample_set_counted("");
		gomalloc_free_os_memory();
		gofree(gom_test_alloc(64, GFP_KERNEL));
		track_all(test);
		KUNIT_ASSERT_EQ(test, gom_sample_set_counted(KBUILD_MODNAME), 0);
		/* All sites of ours are to be made anew. */
		gom_site_retire(THIS_MODULE);
		lost = gom_tracked_failed();
		gom_test_may_fail(test, RECORDS);
		gom_test_fail_nth(nth, false);
		obj = gom_test_alloc(64, GFP_KERNEL);
		more = gom_test_failure.calls > nth;
		gom_test_fail_none(test);
		KUNIT_ASSERT_NOT_NULL(test, obj);
		KUNIT_EXPECT_EQ(test, gom_tracked_failed() - lost,
				!is_tracked(obj));
		if (gom_tracked_find(obj, &info))
			KUNIT_EXPECT_EQ(test, atomic64_read(&info.caller->exact.live), 1);
		gofree(obj);
		gom_test_expect_valid(test);
		KUNIT_ASSERT_LT(test, nth, 100);
	}
	KUNIT_EXPECT_GT(test, nth, 4);
}

/* A small object from pages of its own is one allocation, not two. */
static void counted_once(struct kunit *test)
{
	struct gomalloc_stats before;
	unsigned int class;
	void *obj;

	gom_test_fail_all(test, GOM_TEST_BLOCKS);
	for (class = 1; class < GOMALLOC_NR_CLASSES; class++) {
		gomalloc_free_os_memory();
		gomalloc_read_stats(&before);
		obj = gom_test_alloc(gom_class[class].size,
				     GFP_KERNEL | __GFP_NOWARN);
		if (!obj)
			continue;
		expect_change(test, &before, &(struct change){
			1, 1, 0, gosize(obj), gosize(obj), 0 });
		gofree(obj);
		expect_change(test, &before, &(struct change){
			0, 1, 1, 0, gosize(obj) ?: gom_class[class].size, 0 });
	}
}

/* === Switches ============================================================ */

static void rate_changes(struct kunit *test)
{
	void *objs[4];
	int i;

	KUNIT_EXPECT_EQ(test, gom_sample_set_rate(GOM_SAMPLE_RATE_MAX + 1),
			-EINVAL);
	KUNIT_EXPECT_EQ(test, gom_profile_rate(), 0);
	KUNIT_EXPECT_EQ(test, gom_sample_set_rate(ULONG_MAX), -EINVAL);
	KUNIT_EXPECT_EQ(test, gom_sample_set_rate(GOM_SAMPLE_RATE_MAX), 0);
	for (i = 0; i < 100; i++) {
		track_all(test);
		objs[0] = gom_test_alloc(64, GFP_KERNEL);
		objs[1] = gom_test_alloc(3, GFP_KERNEL);
		gom_sample_set_rate(0);
		objs[2] = gom_test_alloc(64, GFP_KERNEL);
		objs[3] = gom_test_alloc(3, GFP_KERNEL);
		KUNIT_EXPECT_TRUE(test, is_tracked(objs[0]));
		KUNIT_EXPECT_TRUE(test, is_tracked(objs[1]));
		KUNIT_EXPECT_FALSE(test, is_tracked(objs[2]));
		KUNIT_EXPECT_FALSE(test, is_tracked(objs[3]));
		gofree_bulk(ARRAY_SIZE(objs), objs);
	}
}

/* Nothing is counted twice or not at all where the counting changes hands. */
static void counts_through_changes(struct kunit *test)
{
	static const unsigned long rates[] = { 0, 1, 100, 4096, 524288 };
	struct gomalloc_stats before;
	struct change by = {};
	unsigned int i, k;
	void *obj;

	gomalloc_read_stats(&before);
	for (i = 0; i < 200; i++) {
		gom_sample_set_rate(rates[i % ARRAY_SIZE(rates)]);
		if (i % 7 == 0)
			gom_sample_divert_allocs();
		for (k = 0; k < 17; k++) {
			obj = gom_test_alloc(48, GFP_KERNEL);
			gofree(obj);
			by.mallocs++;
			by.frees++;
			by.total += 48;
		}
		if (i % 7 == 0)
			gom_sample_undivert_allocs();
		expect_change(test, &before, &by);
	}
}

static void diverted_frees(struct kunit *test)
{
	static const u32 sizes[] = { 3, 8, 48, 1000, 20000, 100000 };
	void *obj, *objs[40];
	struct gomalloc_stats before;
	unsigned int i, k;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		/* A tracked one of the size, too. */
		for (k = 0; k < 2; k++) {
			gom_sample_set_rate(k);
			obj = gom_test_alloc(sizes[i], GFP_KERNEL);
			objs[0] = gom_test_alloc(sizes[i], GFP_KERNEL);
			gom_size_class_divert_frees(true);
			gofree(obj + max(1U, sizes[i] / 2));
			gom_test_expect_report(test, GOM_INTERIOR_FREE,
					       obj + max(1U, sizes[i] / 2));
			gofree(obj);
			gofree(obj);
			gom_test_expect_report(test, sizes[i] <= SZ_8K ||
					       (!k && sizes[i] <= SZ_32K) ?
					       GOM_DOUBLE_FREE : GOM_STALE_FREE,
					       obj);
			gofree_nolock(objs[0]);
			gom_nolock_flush(0);
			gofree_sensitive(gom_test_alloc(sizes[i], GFP_KERNEL));
			gom_size_class_divert_frees(false);
		}
	}
	gom_sample_set_rate(0);
	gomalloc_read_stats(&before);
	gom_size_class_divert_frees(true);
	KUNIT_ASSERT_EQ(test, gomalloc_bulk(64, GFP_KERNEL, 40, objs), 40);
	gofree_bulk(40, objs);
	for (i = 0; i < 40; i++) {
		gofree(objs[i]);
		gom_test_expect_report(test, GOM_DOUBLE_FREE, objs[i]);
	}
	gom_size_class_divert_frees(false);
	expect_change(test, &before,
		      &(struct change){ 0, 40, 40, 0, 40 * 64, 0 });
}

/* === Everybody at once =================================================== */

#define NR_SHARED	256

static struct shared {
	void *slots[NR_SHARED];
	unsigned int turn;
	unsigned int invalid;
	unsigned int checked;
	atomic_t bad;
	atomic_t ops;
	atomic_t tracked;
	void (*change)(unsigned int turn);
} *shared;

static void put(void *obj)
{
	size_t size = gosize(obj);

	if (!obj)
		return;
	if (!gom_test_filled(obj, size, size))
		atomic_inc(&shared->bad);
	atomic_add(gom_arena_class(obj) == GOM_CLASS_TRACKED, &shared->tracked);
	gofree(obj);
}

static void exchange(void *arg, struct rnd_state *rnd)
{
	unsigned int i;
	void *obj;

	for (i = 0; i < 64; i++) {
		size_t size = gom_test_random_size(rnd, SZ_64K);

		obj = i % 4 ? gomalloc(size, GFP_KERNEL) :
			      gozalloc(size, GFP_ATOMIC | __GFP_NOWARN);
		if (obj && !(i % 4) && memchr_inv(obj, 0, gosize(obj)))
			atomic_inc(&shared->bad);
		if (obj)
			gom_test_fill(obj, gosize(obj), gosize(obj));
		atomic_inc(&shared->ops);
		put(xchg(&shared->slots[prandom_u32_state(rnd) % NR_SHARED],
			 obj));
	}
}

static bool touch(const struct gom_tracked_info *info, void *arg)
{
	unsigned long *sum = arg;

	/* A record that is none leads nowhere good. */
	*sum += info->caller->id + info->size;
	return true;
}

static void change_and_check(struct kunit *test)
{
	unsigned long sum = 0;
	int err = gomalloc_validate();

	shared->checked += !err;
	shared->invalid += err && err != -EAGAIN;
	gom_tracked_walk(touch, &sum);
	if (shared->change)
		shared->change(shared->turn++);
}

static void crowd(struct kunit *test, void (*change)(unsigned int turn))
{
	struct gom_test_crowd c = {
		.work = exchange, .msecs = 1500, .meanwhile = change_and_check,
	};
	struct gomalloc_stats s;
	int i;

	shared = kunit_kzalloc(test, sizeof(*shared), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, shared);
	shared->change = change;
	gom_test_crowd_run(test, &c);
	for (i = 0; i < NR_SHARED; i++)
		put(shared->slots[i]);
	kunit_info(test, "%d objects, %d tracked, %u checks passed\n",
		   atomic_read(&shared->ops), atomic_read(&shared->tracked),
		   shared->checked);
	KUNIT_EXPECT_GT(test, atomic_read(&shared->tracked), 10);
	KUNIT_EXPECT_EQ(test, atomic_read(&shared->bad), 0);
	KUNIT_EXPECT_EQ(test, shared->invalid, 0);
	gomalloc_read_stats(&s);
	KUNIT_EXPECT_EQ(test, s.tracked_objects, 0);
	KUNIT_EXPECT_EQ(test, s.mallocs - s.frees, s.heap_objects);
}

static void crowd_all(struct kunit *test)
{
	track_all(test);
	crowd(test, NULL);
}

static void crowd_some(struct kunit *test)
{
	gom_sample_set_rate(4096);
	crowd(test, NULL);
}

static void give_back(unsigned int turn)
{
	gomalloc_free_os_memory();
}

/* Headers are freed as soon as their spans. */
static void crowd_under_pressure(struct kunit *test)
{
	track_all(test);
	crowd(test, give_back);
}

static void switch_all(unsigned int turn)
{
	static const unsigned long rates[] = { 1, 0, 4096, 64, 524288 };

	gom_sample_set_rate(rates[turn % ARRAY_SIZE(rates)]);
	gom_sample_set_counted(turn % 3 ? "" : KBUILD_MODNAME);
	gom_size_class_divert_frees(turn % 4 == 1);
	if (turn % 2)
		gom_sample_undivert_allocs();
	else
		gom_sample_divert_allocs();
}

static void crowd_of_switches(struct kunit *test)
{
	struct gom_site *site;
	u32 id = 0;

	crowd(test, switch_all);
	gom_size_class_divert_frees(false);
	if (shared->turn % 2)
		gom_sample_undivert_allocs();
	/* What was counted in was counted out. */
	while ((site = gom_site_next(&id))) {
		KUNIT_EXPECT_EQ(test, atomic64_read(&site->exact.live), 0);
		KUNIT_EXPECT_EQ(test, atomic64_read(&site->exact.live_bytes), 0);
		KUNIT_EXPECT_EQ(test, atomic64_read(&site->sampled.live), 0);
		KUNIT_EXPECT_EQ(test, atomic64_read(&site->sampled.live_bytes), 0);
	}
}

static int hot_cpu;

static void plug(unsigned int turn)
{
	int gone = remove_cpu(hot_cpu);

	gom_sample_set_rate(turn % 2 ? 1 : 4096);
	if (!gone && add_cpu(hot_cpu))
		shared->invalid++;
}

/* The CPU that comes back follows what was set while it was away. */
static void hotplug(struct kunit *test)
{
	hot_cpu = cpumask_any_but(cpu_online_mask, 0);
	if (hot_cpu >= nr_cpu_ids)
		kunit_skip(test, "there is one CPU");
	crowd(test, plug);
}

static long one_of_each(void *arg)
{
	void **objs = arg;

	objs[0] = gom_test_alloc(64, GFP_KERNEL);
	objs[1] = gom_test_alloc(3, GFP_KERNEL);
	objs[2] = gom_test_alloc(SZ_64K, GFP_KERNEL);
	return 0;
}

static void set_while_offline(struct kunit *test)
{
	int cpu = cpumask_any_but(cpu_online_mask, 0), i, rate;
	void *objs[3];

	if (cpu >= nr_cpu_ids)
		kunit_skip(test, "there is one CPU");
	for (rate = 1; rate >= 0; rate--) {
		KUNIT_ASSERT_EQ(test, remove_cpu(cpu), 0);
		KUNIT_EXPECT_EQ(test, gom_sample_set_rate(rate), 0);
		KUNIT_ASSERT_EQ(test, add_cpu(cpu), 0);
		KUNIT_ASSERT_EQ(test, work_on_cpu(cpu, one_of_each, objs), 0);
		for (i = 0; i < ARRAY_SIZE(objs); i++) {
			KUNIT_EXPECT_EQ(test, is_tracked(objs[i]), rate);
			gofree(objs[i]);
		}
	}
}

/* Allocations move from CPU to CPU between the count and the slot. */
static void migrating(struct kunit *test)
{
	struct gomalloc_stats before;
	struct change by = {};
	int cpu, err, i = 0;
	void *obj;

	gomalloc_read_stats(&before);
	gom_sample_set_rate(256);
	for (; i < 200; i++) {
		for_each_online_cpu(cpu) {
			err = set_cpus_allowed_ptr(current, cpumask_of(cpu));
			KUNIT_ASSERT_EQ(test, err, 0);
			obj = gom_test_alloc(96, GFP_KERNEL);
			by.mallocs++;
			by.frees++;
			by.total += gosize(obj);
			gofree(obj);
		}
	}
	set_cpus_allowed_ptr(current, cpumask_of(0));
	expect_change(test, &before, &by);
}

static struct kunit_case tracked_cases[] = {
	KUNIT_CASE(every_size),
	KUNIT_CASE(zeroed),
	KUNIT_CASE(apart),
	KUNIT_CASE(every_way),
	KUNIT_CASE(diverted_flags),
	KUNIT_CASE(from_interrupts),
	KUNIT_CASE(while_the_cache_is_taken),
	KUNIT_CASE(reallocated),
	KUNIT_CASE(freed),
	KUNIT_CASE(sensitive),
	KUNIT_CASE(misused),
	KUNIT_CASE(double_free_then_alloc),
	KUNIT_CASE(counters),
	KUNIT_CASE(tight_slots),
	KUNIT_CASE(few_share),
	KUNIT_CASE(loose_slots),
	KUNIT_CASE(tightest_first),
	KUNIT_CASE(spare_span),
	KUNIT_CASE(nodes),
	KUNIT_CASE(walked),
	KUNIT_CASE(counted_sites),
	KUNIT_CASE(counted_and_sampled),
	KUNIT_CASE(counted_lists),
	KUNIT_CASE(retired),
	KUNIT_CASE(no_header),
	KUNIT_CASE_SLOW(no_record),
	KUNIT_CASE(counted_once),
	KUNIT_CASE(rate_changes),
	KUNIT_CASE(counts_through_changes),
	KUNIT_CASE(diverted_frees),
	KUNIT_CASE_SLOW(crowd_all),
	KUNIT_CASE_SLOW(crowd_some),
	KUNIT_CASE_SLOW(crowd_under_pressure),
	KUNIT_CASE_SLOW(crowd_of_switches),
	KUNIT_CASE_SLOW(hotplug),
	KUNIT_CASE_SLOW(set_while_offline),
	KUNIT_CASE(migrating),
	{}
};

static struct kunit_suite tracked_suite = {
	.name = "gomalloc_tracked",
	.init = gom_test_init,
	.exit = gom_test_exit,
	.test_cases = tracked_cases,
};

kunit_test_suite(tracked_suite);
