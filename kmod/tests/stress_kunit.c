// SPDX-License-Identifier: GPL-2.0
/*
 * Everything at once: threads on all CPUs, whose objects others free, while
 * the books are checked and memory is given back under them.
 */
#include <linux/sizes.h>
#include "gom_test.h"

#define NR_SLOTS	256

/**
 * struct shared - objects on their way from one CPU to another
 * @slots: each holds one or none; taken and put by xchg()
 * @bad: objects whose contents were not what was put into them
 * @ops: objects allocated
 * @max: bytes, at most
 * @invalid: times that the books did not balance
 * @checked: times that they did
 */
struct shared {
	void *slots[NR_SLOTS];
	atomic_t bad;
	atomic_t ops;
	size_t max;
	unsigned int invalid;
	unsigned int checked;
};

static struct shared *shared;

static void put(void *obj)
{
	size_t size = gosize(obj);

	if (!obj)
		return;
	/* What the slot's object is filled with follows from its size. */
	if (!gom_test_filled(obj, size, size))
		atomic_inc(&shared->bad);
	gofree(obj);
}

static void *make(struct rnd_state *rnd)
{
	size_t size = gom_test_random_size(rnd, shared->max);
	u32 how = prandom_u32_state(rnd) % 16;
	gfp_t gfp = how % 4 ? GFP_KERNEL : GFP_ATOMIC | __GFP_NOWARN;
	void *obj = NULL, *other;

	switch (how) {
	case 0:
		obj = gomalloc_nolock(size, 0, NUMA_NO_NODE);
		break;
	case 1:
		obj = gorealloc(gomalloc(1 + size / 2, gfp), size, gfp);
		break;
	case 2:
		if (gomalloc_bulk(size, gfp, 1, &other))
			obj = other;
		break;
	case 3:
		obj = gomalloc_node(size, gfp, first_memory_node);
		break;
	default:
		obj = gomalloc(size, gfp);
	}
	if (obj)
		gom_test_fill(obj, gosize(obj), gosize(obj));
	return obj;
}

static void exchange(void *arg, struct rnd_state *rnd)
{
	unsigned int i;
	void *obj;

	for (i = 0; i < 64; i++) {
		obj = make(rnd);
		atomic_inc(&shared->ops);
		put(xchg(&shared->slots[prandom_u32_state(rnd) % NR_SLOTS], obj));
	}
}

/* Something may always be on its way, but nothing may be wrong. */
static void validate(struct kunit *test)
{
	int err = gomalloc_validate();

	shared->checked += !err;
	shared->invalid += err && err != -EAGAIN;
}

static void give_back(struct kunit *test)
{
	static unsigned int turn;

	validate(test);
	gomalloc_free_os_memory();
	gomalloc_set_memory_limit(turn++ % 2 ? S64_MAX : SZ_1M);
}

static void run(struct kunit *test, struct gom_test_crowd *crowd, size_t max)
{
	int i;

	shared = kunit_kzalloc(test, sizeof(*shared), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, shared);
	shared->max = max;
	gom_test_crowd_run(test, crowd);
	gomalloc_set_memory_limit(S64_MAX);
	for (i = 0; i < NR_SLOTS; i++)
		put(shared->slots[i]);
	kunit_info(test, "%d objects, %u checks passed\n",
		   atomic_read(&shared->ops), shared->checked);
	/* However busy the machine is. */
	KUNIT_EXPECT_GT(test, atomic_read(&shared->ops), 100);
	KUNIT_EXPECT_EQ(test, atomic_read(&shared->bad), 0);
	KUNIT_EXPECT_EQ(test, shared->invalid, 0);
}

static void all_sizes(struct kunit *test)
{
	struct gom_test_crowd crowd = {
		.work = exchange, .msecs = 1500, .meanwhile = validate,
	};

	run(test, &crowd, SZ_64K);
	KUNIT_EXPECT_GT(test, shared->checked, 0);
}

static void small_sizes(struct kunit *test)
{
	struct gom_test_crowd crowd = {
		.work = exchange, .msecs = 1500, .meanwhile = validate,
	};

	run(test, &crowd, 64);
	KUNIT_EXPECT_GT(test, shared->checked, 0);
}

static void tiny_sizes(struct kunit *test)
{
	struct gom_test_crowd crowd = {
		.work = exchange, .msecs = 1500, .meanwhile = validate,
	};

	run(test, &crowd, 7);
	KUNIT_EXPECT_GT(test, shared->checked, 0);
}

static void under_pressure(struct kunit *test)
{
	struct gom_test_crowd crowd = {
		.work = exchange, .msecs = 1500, .meanwhile = give_back,
	};

	run(test, &crowd, SZ_256K);
}

/* One CPU allocates, another frees: batches pass between them whole. */
static void produce_or_consume(void *arg, struct rnd_state *rnd)
{
	bool producer = !raw_smp_processor_id();
	int i;

	for (i = 0; i < NR_SLOTS; i++) {
		void *obj = NULL;

		if (producer) {
			if (READ_ONCE(shared->slots[i]))
				continue;
			obj = gomalloc(128, GFP_KERNEL);
			if (obj)
				gom_test_fill(obj, 128, 128);
			atomic_inc(&shared->ops);
		}
		put(xchg(&shared->slots[i], obj));
	}
}

static void one_way(struct kunit *test)
{
	struct gom_test_crowd crowd = {
		.work = produce_or_consume, .msecs = 1000,
		.meanwhile = validate,
	};

	if (num_online_cpus() < 2)
		kunit_skip(test, "there is one CPU");
	run(test, &crowd, 128);
}

static struct kunit_case stress_cases[] = {
	KUNIT_CASE_SLOW(all_sizes),
	KUNIT_CASE_SLOW(small_sizes),
	KUNIT_CASE_SLOW(tiny_sizes),
	KUNIT_CASE_SLOW(under_pressure),
	KUNIT_CASE_SLOW(one_way),
	{}
};

static struct kunit_suite stress_suite = {
	.name = "gomalloc_stress",
	.init = gom_test_init,
	.exit = gom_test_exit,
	.test_cases = stress_cases,
};

kunit_test_suite(stress_suite);
