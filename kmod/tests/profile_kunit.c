// SPDX-License-Identifier: GPL-2.0
/*
 * The profile: stacks, counts, the peak, lifetimes; and that estimates are
 * right on average.
 *
 * An object is in the sample with probability p, and stands for q = 1 / p of
 * them then, so the estimate of n objects has a variance of n * (q - 1).  The
 * cases here allow for SIGMAS standard deviations, and FEW samples on top as
 * few samples are not spread as many: if all is well a comparison fails less
 * than once in some fifteen thousand runs.  Samples are enough for a bias of
 * a few percent to show.
 */
#include <linux/delay.h>
#include <linux/math64.h>
#include <linux/sizes.h>
#include "gom_test.h"
#include "nolock.h"
#include "profile.h"
#include "sample.h"
#include "site.h"
#include "size_class.h"
#include "tracked.h"

#define SIGMAS	5
#define FEW	6

static u64 apart(u64 a, u64 b)
{
	return a > b ? a - b : b - a;
}

static bool is_site_in(const struct gom_site *site, const char *function)
{
	char name[GOM_SITE_NAME_LEN];

	gom_site_name(site, name, sizeof(name));
	return !strncmp(name, function, strlen(function)) &&
	       !strcmp(site->module, KBUILD_MODNAME);
}

/* The bucket with that id; false if there is none. */
static bool look(u32 bucket, struct gom_bucket_view *view)
{
	u32 id = bucket - 1;

	return bucket && gom_profile_next(&id, view) && id == bucket;
}

static u32 bucket_of(const void *obj)
{
	struct gom_tracked_info info = {};

	gom_tracked_find(obj, &info);
	return info.bucket;
}

static struct gom_bucket_view *new_view(struct kunit *test)
{
	struct gom_bucket_view *view = kunit_kzalloc(test, sizeof(*view),
						     GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, view);
	return view;
}

/* === Stacks ============================================================== */

static noinline void *inner(size_t size)
{
	return gom_test_alloc(size, GFP_KERNEL);
}

static noinline void *left(size_t size)
{
	return gom_test_hide(inner(size));
}

static noinline void *right(size_t size)
{
	return gom_test_hide(inner(size));
}

static noinline void *through(void *(*fn)(size_t size), size_t size)
{
	return gom_test_hide(fn(size));
}

/* One bucket for each stack and size, the same one every time. */
static void stacks(struct kunit *test)
{
	struct gom_bucket_view *view = new_view(test);
	void *objs[12];
	int i, k;

	gom_sample_set_rate(1);
	for (i = 0; i < ARRAY_SIZE(objs); i++)
		objs[i] = through(i % 2 ? right : left, i / 2 % 2 ? 64 : 200);
	for (i = 0; i < ARRAY_SIZE(objs); i++) {
		KUNIT_ASSERT_TRUE(test, look(bucket_of(objs[i]), view));
		KUNIT_ASSERT_GE(test, view->nr, 4);
		KUNIT_EXPECT_TRUE(test, is_site_in(view->site[0], "inner+"));
		KUNIT_EXPECT_TRUE(test, is_site_in(view->site[1],
						   i % 2 ? "right+" : "left+"));
		KUNIT_EXPECT_TRUE(test, is_site_in(view->site[2], "through+"));
		KUNIT_EXPECT_TRUE(test, is_site_in(view->site[3], __func__));
		KUNIT_EXPECT_EQ(test, view->size, gosize(objs[i]));
		for (k = 0; k < i; k++)
			KUNIT_EXPECT_EQ_MSG(test, bucket_of(objs[i]) == bucket_of(objs[k]),
					    i % 4 == k % 4, "%d and %d", i, k);
	}
	gofree_bulk(ARRAY_SIZE(objs), objs);
}

static noinline void *recurse(unsigned int depth, size_t size)
{
	return gom_test_hide(depth ? recurse(depth - 1, size) :
				     gom_test_alloc(size, GFP_KERNEL));
}

/*
 * However deep: the innermost frames, and no more or fewer of them than there
 * are, whatever other depths have left on the stack.
 */
static void deep(struct kunit *test)
{
	struct gom_bucket_view *view = new_view(test);
	unsigned int depth, class, k, n, wrong = 0;
	void *obj;

	gom_sample_set_rate(1);
	for (class = 1; class < GOMALLOC_NR_CLASSES; class++) {
		for (depth = 0; depth < 48; depth++) {
			obj = recurse(depth, gom_class[class].size);
			KUNIT_ASSERT_TRUE(test, look(bucket_of(obj), view));
			gofree(obj);
			for (k = n = 0; k < view->nr; k++)
				n += is_site_in(view->site[k], "recurse");
			if (n == min_t(unsigned int, depth + 1, GOM_STACK_MAX))
				continue;
			if (!wrong++)
				kunit_info(test, "%u bytes: %u frames at depth %u\n",
					   view->size, n, depth);
		}
	}
	KUNIT_EXPECT_EQ(test, wrong, 0);
}

struct two {
	void *left;
	void *right;
};

/* With room on its stack for what others left there. */
static noinline void *untidy(size_t size)
{
	char junk[640] __attribute__((__uninitialized__));
	char *hidden = junk;
	void *obj;

	OPTIMIZER_HIDE_VAR(hidden);
	obj = gom_test_alloc(size, GFP_KERNEL);
	OPTIMIZER_HIDE_VAR(hidden);
	hidden[0] = 0;
	return obj;
}

static noinline void *untidy_left(size_t size)
{
	return gom_test_hide(untidy(size));
}

static noinline void *untidy_right(size_t size)
{
	return gom_test_hide(untidy(size));
}

static noinline void lower(unsigned int bytes, size_t size, struct two *two)
{
	char *room = __builtin_alloca(bytes);

	OPTIMIZER_HIDE_VAR(room);
	two->left = through(untidy_left, size);
	two->right = through(untidy_right, size);
	room[0] = 0;
}

/*
 * Addresses that earlier calls left on the stack are not taken for those of
 * the callers.
 */
static void stale_addresses(struct kunit *test)
{
	struct gom_bucket_view *view = new_view(test);
	unsigned int bytes, wrong = 0;
	struct two two;

	gom_sample_set_rate(1);
	for (bytes = 16; bytes < 3000; bytes += 16) {
		/* A size for each, as what is known of one is asked first. */
		gofree(through(untidy_left, 64 + bytes));
		lower(bytes, 64 + bytes, &two);
		KUNIT_ASSERT_TRUE(test, look(bucket_of(two.left), view));
		wrong += !is_site_in(view->site[1], "untidy_left");
		KUNIT_ASSERT_TRUE(test, look(bucket_of(two.right), view));
		wrong += !is_site_in(view->site[1], "untidy_right");
		gofree(two.left);
		gofree(two.right);
	}
	KUNIT_EXPECT_EQ(test, wrong, 0);
}

/* === Counts, peak, lifetimes ============================================= */

static void expect_bucket(struct kunit *test, u32 bucket,
			  const struct gom_bucket_view *old, u64 allocs,
			  u64 frees)
{
	struct gom_bucket_view *view = new_view(test);

	KUNIT_ASSERT_TRUE(test, look(bucket, view));
	KUNIT_EXPECT_EQ(test, view->allocs - old->allocs, allocs);
	KUNIT_EXPECT_EQ(test, view->frees - old->frees, frees);
}

static void counts(struct kunit *test)
{
	struct gom_bucket_view *old = new_view(test);
	int i, n = 2;
	void *objs[2];
	u32 bucket;

	gom_sample_set_rate(1);
	/* From one place, as above. */
	OPTIMIZER_HIDE_VAR(n);
	for (i = 0; i < n; i++)
		objs[i] = left(1000);
	bucket = bucket_of(objs[0]);
	KUNIT_EXPECT_EQ(test, bucket_of(objs[1]), bucket);
	KUNIT_ASSERT_TRUE(test, look(bucket, old));
	gofree(right(1000));
	expect_bucket(test, bucket, old, 0, 0);
	gofree(objs[0]);
	expect_bucket(test, bucket, old, 0, 1);
	/* By somebody else, when nothing is sampled. */
	gom_sample_set_rate(0);
	gofree_nolock(objs[1]);
	gom_nolock_flush(0);
	gom_sample_set_rate(1);
	expect_bucket(test, bucket, old, 0, 2);
}

/* What each bucket held, in bytes, in sum; at a rate of 1 that is exact. */
static u64 sum_bytes(struct gom_bucket_view *view, bool peak)
{
	u64 sum = 0;
	u32 id = 0;

	while (gom_profile_next(&id, view))
		sum += view->size * (peak ? view->peak :
				     view->allocs - view->frees);
	return sum;
}

/* At its highest, and not a byte later. */
static void peak(struct kunit *test)
{
	enum { NR = 400 };
	void **large = kunit_kcalloc(test, NR, sizeof(*large), GFP_KERNEL);
	struct gom_bucket_view *view = new_view(test);
	void *a[10], *b[10], *c;
	u64 old, top, was = gom_profile_peak();
	u32 of_a, of_b, of_c;
	int i, n = 0;

	KUNIT_ASSERT_NOT_NULL(test, large);
	gom_sample_set_rate(1);
	for (i = 0; i < 10; i++)
		a[i] = left(1000);
	while (n < NR && gom_profile_peak() == was)
		large[n++] = inner(SZ_1M);
	KUNIT_ASSERT_LT(test, n, NR);
	KUNIT_EXPECT_EQ(test, sum_bytes(view, false), gom_profile_peak());
	KUNIT_EXPECT_EQ(test, sum_bytes(view, true), gom_profile_peak());
	old = gom_profile_peak();
	for (i = 0; i < 10; i++)
		b[i] = right(1000);
	top = gom_profile_peak();
	KUNIT_EXPECT_EQ(test, top - old, 10 * gosize(b[0]));
	KUNIT_EXPECT_EQ(test, sum_bytes(view, true), top);
	of_a = bucket_of(a[0]);
	of_b = bucket_of(b[0]);

	/* Down: what it held is not forgotten; what comes did not hold it. */
	for (i = 0; i < 10; i++)
		gofree(a[i]);
	c = inner(300);
	of_c = bucket_of(c);
	for (i = 0; i < 5; i++)
		gofree(b[i]);
	KUNIT_EXPECT_EQ(test, gom_profile_peak(), top);
	KUNIT_EXPECT_EQ(test, sum_bytes(view, true), top);
	KUNIT_ASSERT_TRUE(test, look(of_a, view));
	KUNIT_EXPECT_EQ(test, view->peak, 10);
	KUNIT_EXPECT_EQ(test, view->allocs, view->frees);
	KUNIT_ASSERT_TRUE(test, look(of_b, view));
	KUNIT_EXPECT_EQ(test, view->peak, 10);
	KUNIT_EXPECT_EQ(test, view->allocs - view->frees, 5);
	KUNIT_ASSERT_TRUE(test, look(of_c, view));
	KUNIT_EXPECT_EQ(test, view->peak, 0);

	/* Up again but not as far, then beyond. */
	for (i = 0; i < 5; i++)
		b[i] = right(1000);
	KUNIT_EXPECT_EQ(test, gom_profile_peak(), top);
	KUNIT_ASSERT_TRUE(test, look(of_c, view));
	KUNIT_EXPECT_EQ(test, view->peak, 0);
	a[0] = inner(SZ_1M);
	KUNIT_EXPECT_GT(test, gom_profile_peak(), top);
	KUNIT_EXPECT_EQ(test, sum_bytes(view, true), gom_profile_peak());
	KUNIT_ASSERT_TRUE(test, look(of_a, view));
	KUNIT_EXPECT_EQ(test, view->peak, 0);
	KUNIT_ASSERT_TRUE(test, look(of_c, view));
	KUNIT_EXPECT_EQ(test, view->peak, 1);
	gofree(a[0]);
	gofree(c);
	gofree_bulk(10, b);
	gofree_bulk(n, large);
	KUNIT_EXPECT_EQ(test, sum_bytes(view, false), 0);
}

static void lifetimes(struct kunit *test)
{
	u64 before[GOM_NR_LIFETIMES], now;
	unsigned int i, all = 0, old = 0;
	void *objs[4];

	gom_sample_set_rate(1);
	for (i = 0; i < GOM_NR_LIFETIMES; i++)
		before[i] = gom_profile_lifetimes(i);
	for (i = 0; i < 4; i++)
		objs[i] = left(64);
	for (i = 0; i < 100; i++)
		gofree(left(64));
	msleep(40);
	gofree_bulk(4, objs);
	for (i = 0; i < GOM_NR_LIFETIMES; i++) {
		now = gom_profile_lifetimes(i) - before[i];
		all += now;
		/* 33 ms to an hour. */
		if (i >= 25 && i < 42)
			old += now;
		if (i >= 42)
			KUNIT_EXPECT_EQ(test, now, 0);
	}
	KUNIT_EXPECT_EQ(test, all, 104);
	KUNIT_EXPECT_GE(test, old, 4);
}

/* === Rates =============================================================== */

static const struct {
	u32 size;
	unsigned long rate;
	u64 million;	/* what a million samples stand for */
} scales[] = {
	{ 1, 524288, 524288500000ULL },
	{ 8, 524288, 65536500001ULL },
	{ 64, 524288, 8192500010ULL },
	{ 2048, 524288, 256500326ULL },
	{ 100000, 524288, 5758765ULL },
	{ 4194304, 524288, 1000336ULL },
	{ 8, 4096, 512500163ULL },
	{ 4096, 4096, 1581977ULL },
	{ 32768, 4096, 1000336ULL },
	{ 1048576, 65536, 1000000ULL },
	{ 8, 2, 1018657ULL },
	{ 8, 1073741824, 134217728500000ULL },
	{ 4194304, 1073741824, 256500326ULL },
};

static void scale(struct kunit *test)
{
	u64 n, want;
	int i;

	for (i = 0; i < ARRAY_SIZE(scales); i++) {
		gom_sample_set_rate(scales[i].rate);
		n = gom_profile_scale(1000000, scales[i].size);
		want = scales[i].million;
		KUNIT_EXPECT_LE_MSG(test, apart(n, want), want / 5000 + 1,
				    "%u bytes at %lu: %llu, not %llu",
				    scales[i].size, scales[i].rate, n, want);
	}
	gom_sample_set_rate(1);
	KUNIT_EXPECT_EQ(test, gom_profile_scale(12345, 8), 12345);
	gom_sample_set_rate(0);
	KUNIT_EXPECT_EQ(test, gom_profile_scale(12345, 8), 12345);
}

/* Every size has samples, unless nothing is sampled. */
static void rate_of(struct kunit *test)
{
	static const u32 sizes[] = { 1, 8, 2048, 2304, 4096, SZ_32K, SZ_32K + 1 };
	unsigned long rate, bytes;
	int i;

	for (rate = 0; rate < 10000; rate += rate < 20 ? 1 : 97) {
		gom_sample_set_rate(rate);
		for (i = 0; i < ARRAY_SIZE(sizes); i++) {
			bytes = gom_profile_rate_of(sizes[i]);
			KUNIT_EXPECT_EQ_MSG(test, !bytes, !rate,
					    "%u bytes at %lu", sizes[i], rate);
			if (rate == 1)
				KUNIT_EXPECT_EQ(test, bytes, 1);
		}
	}
}

/* === Estimates =========================================================== */

/**
 * struct estimate - of what sampled_here() allocated of one size
 * @size: as gosize() says
 * @mallocs: objects, as the buckets say
 * @live: of these, not freed
 */
struct estimate {
	u32 size;
	u64 mallocs;
	u64 live;
};

static noinline void *sampled_here(size_t size)
{
	void *obj = gom_test_alloc(size, GFP_KERNEL);

	/* Makes it unlike inner(), or the two would be one function. */
	return obj ? gom_test_hide(obj) : NULL;
}

/* What the profile says of all that sampled_here() ever allocated. */
static void estimate(struct kunit *test, struct estimate *all, unsigned int n)
{
	struct gom_bucket_view *view = new_view(test);
	unsigned int i;
	u32 id = 0;

	for (i = 0; i < n; i++)
		all[i] = (struct estimate){ .size = all[i].size };
	while (gom_profile_next(&id, view)) {
		for (i = 0; i < n && all[i].size != view->size; i++)
			;
		if (i == n || !is_site_in(view->site[0], "sampled_here"))
			continue;
		all[i].mallocs += gom_profile_scale(view->allocs, view->size);
		all[i].live += gom_profile_scale(view->allocs - view->frees,
						 view->size);
	}
	kunit_kfree(test, view);
}

/* All of a site, as callsites shows it, in 2^-GOM_SITE_SHIFT. */
static struct estimate site_estimate(void)
{
	struct estimate e = {};
	struct gom_site *site;
	u32 id = 0;

	while ((site = gom_site_next(&id))) {
		if (!is_site_in(site, "sampled_here"))
			continue;
		e.mallocs += atomic64_read(&site->sampled.mallocs);
		e.live += atomic64_read(&site->sampled.live);
	}
	return e;
}

/* Square of the standard deviation, in objects, of an estimate of @n. */
static u64 variance(u64 n, u32 size)
{
	/* Objects of the larger classes are sampled as those of 2 KiB. */
	if (size <= GOMALLOC_MAX_SMALL)
		size = min_t(u32, size, SZ_2K);
	return (n * (gom_profile_scale(1 << 16, size) - (1 << 16))) >> 16;
}

static void expect_near(struct kunit *test, const char *what, u32 size,
			u64 found, u64 truth, u64 variance)
{
	u64 allow = SIGMAS * int_sqrt64(variance) +
		    gom_profile_scale(FEW, max(size, 1U));

	KUNIT_EXPECT_LE_MSG(test, apart(found, truth), allow,
			    "%s of %u bytes at %lu: %llu estimated, %llu in truth, %llu off allowed",
			    what, size, gom_profile_rate(), found, truth, allow);
}

#define NR_EST	16

struct survey {
	struct estimate before[NR_EST];
	struct estimate after[NR_EST];
	struct estimate site_before;
	struct estimate site_after;
	u64 truth[NR_EST];
	u64 live[NR_EST];
	size_t asked[NR_EST];
	unsigned int n;
};

static struct survey *begin(struct kunit *test, const u32 *sizes,
			    unsigned int n)
{
	struct survey *s = kunit_kzalloc(test, sizeof(*s), GFP_KERNEL);
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, s);
	s->n = n;
	for (i = 0; i < n; i++) {
		s->asked[i] = sizes[i];
		s->before[i].size = gomalloc_size_roundup(sizes[i]);
		s->after[i].size = s->before[i].size;
	}
	estimate(test, s->before, n);
	s->site_before = site_estimate();
	return s;
}

static void end(struct kunit *test, struct survey *s)
{
	u64 n = 0, live = 0, var = 0, var_live = 0;
	unsigned int i;

	estimate(test, s->after, s->n);
	s->site_after = site_estimate();
	for (i = 0; i < s->n; i++) {
		u32 size = s->after[i].size;

		expect_near(test, "total", size,
			    s->after[i].mallocs - s->before[i].mallocs,
			    s->truth[i], variance(s->truth[i], size));
		expect_near(test, "in use", size,
			    s->after[i].live - s->before[i].live,
			    s->live[i], variance(s->live[i], size));
		n += s->truth[i];
		live += s->live[i];
		var += variance(s->truth[i], size);
		var_live += variance(s->live[i], size);
	}
	/* The smallest size is first, and one sample of it stands for most. */
	expect_near(test, "the site's total", s->after[0].size,
		    (s->site_after.mallocs - s->site_before.mallocs) >>
		    GOM_SITE_SHIFT, n, var);
	expect_near(test, "the site's in use", s->after[0].size,
		    (s->site_after.live - s->site_before.live) >>
		    GOM_SITE_SHIFT, live, var_live);
}

#define HELD	2000

/* Sizes in turns, the last HELD objects in use. */
static void mix(struct kunit *test, const u32 *sizes, unsigned int nr,
		unsigned long rate, unsigned int rounds)
{
	void **held = kunit_kcalloc(test, HELD, sizeof(*held), GFP_KERNEL);
	u8 *which = kunit_kzalloc(test, HELD, GFP_KERNEL);
	unsigned int i, k, slot;
	struct survey *s;

	KUNIT_ASSERT_NOT_NULL(test, held);
	KUNIT_ASSERT_NOT_NULL(test, which);
	gom_sample_set_rate(rate);
	s = begin(test, sizes, nr);
	for (i = 0; i < rounds; i++) {
		k = gom_test_random(test, nr);
		slot = i % HELD;
		if (held[slot]) {
			gofree(held[slot]);
			s->live[which[slot]]--;
		}
		held[slot] = sampled_here(sizes[k]);
		which[slot] = k;
		s->truth[k]++;
		s->live[k]++;
	}
	end(test, s);
	gofree_bulk(HELD, held);
	kunit_kfree(test, held);
	kunit_kfree(test, which);
}

static const u32 small[] = { 8, 16, 48, 100, 256, 1000, 2048 };
static const u32 middle[] = { 2304, 3072, 4096, 9000, SZ_16K, SZ_32K };
static const u32 large[] = { SZ_32K + 1, SZ_32K + SZ_8K + 1, SZ_64K };
static const u32 tiny[] = { 1, 2, 3, 4 };

static void estimate_small(struct kunit *test)
{
	mix(test, small, ARRAY_SIZE(small), 512, 60000);
	mix(test, small, ARRAY_SIZE(small), 4096, 100000);
	mix(test, small, ARRAY_SIZE(small), 16384, 100000);
}

static void estimate_tiny(struct kunit *test)
{
	mix(test, tiny, ARRAY_SIZE(tiny), 20, 60000);
	mix(test, tiny, ARRAY_SIZE(tiny), 256, 100000);
}

static void estimate_middle(struct kunit *test)
{
	mix(test, middle, ARRAY_SIZE(middle), 512, 30000);
	mix(test, middle, ARRAY_SIZE(middle), 4096, 30000);
	mix(test, middle, ARRAY_SIZE(middle), 5000, 30000);
	mix(test, middle, ARRAY_SIZE(middle), 16384, 60000);
}

static void estimate_large(struct kunit *test)
{
	mix(test, large, ARRAY_SIZE(large), SZ_64K, 20000);
}

/* The same object again and again from this CPU's cache. */
static void estimate_pairs(struct kunit *test)
{
	struct survey *s;
	u32 size = 64;
	int i;

	gom_sample_set_rate(2000);
	s = begin(test, &size, 1);
	for (i = 0; i < 100000; i++)
		gofree(sampled_here(64));
	s->truth[0] = 100000;
	end(test, s);
}

static noinline void sampled_here_in_bulk(size_t size, void **objs, int n)
{
	gomalloc_bulk(size, GFP_KERNEL, n, objs);
	OPTIMIZER_HIDE_VAR(objs);
}

static void estimate_bulk(struct kunit *test)
{
	static const u8 batches[] = { 1, 7, 31, 32, 33, 100 };
	struct survey *s;
	void *objs[100];
	u32 size = 48;
	int i, n;

	gom_sample_set_rate(1000);
	s = begin(test, &size, 1);
	for (i = 0; i < 6000; i++) {
		n = batches[i % ARRAY_SIZE(batches)];
		sampled_here_in_bulk(48, objs, n);
		gofree_bulk(n, objs);
		s->truth[0] += n;
	}
	end(test, s);
}

/* What cannot be sampled is nobody else's either. */
static void estimate_beside_nolock(struct kunit *test)
{
	struct survey *s;
	u32 size = 96;
	void *obj;
	int i;

	gom_sample_set_rate(2000);
	s = begin(test, &size, 1);
	for (i = 0; i < 50000; i++) {
		obj = gomalloc_nolock(96, 0, NUMA_NO_NODE);
		gofree(sampled_here(96));
		gofree(obj);
	}
	s->truth[0] = 50000;
	end(test, s);
}

static atomic64_t made[ARRAY_SIZE(small)];

static void crowd_work(void *arg, struct rnd_state *rnd)
{
	int i, k;

	for (i = 0; i < 64; i++) {
		k = prandom_u32_state(rnd) % ARRAY_SIZE(small);
		gofree(sampled_here(small[k]));
		atomic64_inc(&made[k]);
	}
}

static void estimate_crowd(struct kunit *test)
{
	struct gom_test_crowd crowd = { .work = crowd_work, .msecs = 1000 };
	struct survey *s;
	int i;

	gom_sample_set_rate(8192);
	for (i = 0; i < ARRAY_SIZE(small); i++)
		atomic64_set(&made[i], 0);
	s = begin(test, small, ARRAY_SIZE(small));
	gom_test_crowd_run(test, &crowd);
	for (i = 0; i < ARRAY_SIZE(small); i++)
		s->truth[i] = atomic64_read(&made[i]);
	end(test, s);
}

/* Somebody else looks at every allocation meanwhile, now and then. */
static void estimate_diverted(struct kunit *test)
{
	struct survey *s;
	u32 size = 128;
	int i;

	gom_sample_set_rate(2000);
	s = begin(test, &size, 1);
	for (i = 0; i < 50000; i++) {
		if (i % 1000 == 0)
			gom_sample_divert_allocs();
		if (i % 1000 == 500)
			gom_sample_undivert_allocs();
		gofree(sampled_here(128));
	}
	s->truth[0] = 50000;
	end(test, s);
}

/* Another rate changes what is to come, not what is known. */
static void estimate_at_another_rate(struct kunit *test)
{
	static const unsigned long rates[] = { 1000, 8000, 0, 1, 64000, 1000 };
	static const u32 sizes[] = { 48, 1000, 2304, 9000 };
	struct estimate e[ARRAY_SIZE(sizes)], old[ARRAY_SIZE(sizes)];
	int i, k;

	for (i = 0; i < ARRAY_SIZE(sizes); i++)
		old[i].size = gomalloc_size_roundup(sizes[i]);
	memcpy(e, old, sizeof(e));
	gom_sample_set_rate(1000);
	for (k = 0; k < 40000; k++)
		gofree(sampled_here(sizes[k % ARRAY_SIZE(sizes)]));
	estimate(test, old, ARRAY_SIZE(old));
	for (i = 0; i < ARRAY_SIZE(rates); i++) {
		gom_sample_set_rate(rates[i]);
		estimate(test, e, ARRAY_SIZE(e));
		for (k = 0; k < ARRAY_SIZE(sizes); k++)
			KUNIT_EXPECT_LE_MSG(test,
					    apart(e[k].mallocs, old[k].mallocs),
					    old[k].mallocs / 20 +
					    16 * gom_profile_scale(1, e[k].size),
					    "%u bytes at %lu: %llu, before %llu",
					    e[k].size, rates[i], e[k].mallocs,
					    old[k].mallocs);
	}
}

static struct kunit_case profile_cases[] = {
	KUNIT_CASE(stacks),
	KUNIT_CASE(deep),
	KUNIT_CASE(stale_addresses),
	KUNIT_CASE(counts),
	KUNIT_CASE(peak),
	KUNIT_CASE(lifetimes),
	KUNIT_CASE(scale),
	KUNIT_CASE(rate_of),
	KUNIT_CASE_SLOW(estimate_small),
	KUNIT_CASE_SLOW(estimate_tiny),
	KUNIT_CASE_SLOW(estimate_middle),
	KUNIT_CASE_SLOW(estimate_large),
	KUNIT_CASE_SLOW(estimate_pairs),
	KUNIT_CASE_SLOW(estimate_bulk),
	KUNIT_CASE_SLOW(estimate_beside_nolock),
	KUNIT_CASE_SLOW(estimate_crowd),
	KUNIT_CASE_SLOW(estimate_diverted),
	KUNIT_CASE_SLOW(estimate_at_another_rate),
	{}
};

static struct kunit_suite profile_suite = {
	.name = "gomalloc_profile",
	.init = gom_test_init,
	.exit = gom_test_exit,
	.test_cases = profile_cases,
};

kunit_test_suite(profile_suite);
