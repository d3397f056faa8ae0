// SPDX-License-Identifier: GPL-2.0
/*
 * Tiny objects against a naive model: what lives at each byte of a block.
 */
#include <linux/sizes.h>
#include "gom_test.h"
#include "malloc.h"
#include "tiny.h"

#define NO_OBJECT	0xff
/* What blocks are cut into, and how large gomalloc() has it. */
#define MAX_CUT		7
#define MAX_SIZE	GOMALLOC_TINY_MAX

/**
 * struct model - a block
 * @block: its address
 * @owner: which object each byte belongs to
 * @at: where each object starts
 * @size: how long it is
 * @nobjs: objects so far
 * @used: bytes given out
 */
struct model {
	char *block;
	u8 owner[GOM_TINY_BLOCK];
	u8 at[GOM_TINY_BLOCK];
	u8 size[GOM_TINY_BLOCK];
	unsigned int nobjs;
	unsigned int used;
};

static void *new_block(struct kunit *test)
{
	void *block = gom_mcache_refill(GOM_CLASS_TINY, GFP_KERNEL,
					NUMA_NO_NODE);

	KUNIT_ASSERT_NOT_NULL(test, block);
	KUNIT_ASSERT_TRUE(test, gom_malloc_intact(GOM_CLASS_TINY, block, 0));
	return block;
}

/* Go's rule: 6 bytes are aligned to 2, 7 to nothing. */
static unsigned int place(unsigned int used, unsigned int size)
{
	while (used % gom_test_alignment(size))
		used++;
	return used;
}

static bool has_room(const struct model *m, unsigned int size)
{
	return place(m->used, size) + size <= GOM_TINY_BLOCK;
}

static void add(struct kunit *test, struct model *m, void *obj,
		unsigned int size)
{
	unsigned int at = place(m->used, size), i = m->nobjs++;

	KUNIT_EXPECT_PTR_EQ(test, obj, (void *)(m->block + at));
	memset(m->owner + at, i, size);
	m->at[i] = at;
	m->size[i] = size;
	m->used = at + size;
}

/* Fill the CPU's block, which is a new one, with objects of these sizes. */
static void fill(struct kunit *test, struct model *m, const u8 *sizes,
		 unsigned int n)
{
	void *old = NULL;
	unsigned int i;

	memset(m, 0, sizeof(*m));
	memset(m->owner, NO_OBJECT, sizeof(m->owner));
	m->block = new_block(test);
	add(test, m, gom_tiny_cut_new(m->block, sizes[0], &old), sizes[0]);
	KUNIT_ASSERT_NULL(test, old);
	for (i = 1; i < n; i++)
		add(test, m, gom_tiny_cut(sizes[i]), sizes[i]);
}

/* What the block says of every byte of it. */
static void check(struct kunit *test, const struct model *m)
{
	unsigned int byte, i;

	for (byte = 0; byte < GOM_TINY_BLOCK; byte++) {
		enum gom_tiny_freed expected = GOM_TINY_NOT_LIVE;
		void *ptr = m->block + byte;
		size_t size = 0;

		i = m->owner[byte];
		if (i != NO_OBJECT && m->at[i] == byte)
			size = m->size[i];
		else if (i != NO_OBJECT)
			expected = GOM_TINY_INSIDE;
		KUNIT_EXPECT_EQ(test, gom_tiny_size(ptr), size);
		if (!size)
			KUNIT_EXPECT_EQ(test, (int)gom_tiny_free(ptr),
					(int)expected);
	}
}

/*
 * Free the objects, the first @early of them while the CPU still cuts from
 * the block.  Only what comes last of all frees the block.
 */
static void free_all(struct kunit *test, struct model *m, const u8 *order,
		     unsigned int early)
{
	unsigned int n = m->nobjs, i, k;
	void *returned = NULL;
	bool cutting = m->used < GOM_TINY_BLOCK;

	for (k = 0; k <= n; k++) {
		if (k == early && cutting) {
			returned = gom_tiny_drain(0);
			cutting = false;
			KUNIT_EXPECT_PTR_EQ(test, returned,
					    k == n ? (void *)m->block : NULL);
		}
		if (k == n)
			break;
		check(test, m);
		i = order[k];
		KUNIT_EXPECT_EQ(test, (int)gom_tiny_free(m->block + m->at[i]),
				(int)(k == n - 1 && !cutting ? GOM_TINY_LAST :
							       GOM_TINY_FREED));
		memset(m->owner + m->at[i], NO_OBJECT, m->size[i]);
	}
	check(test, m);
	gom_malloc_put(GOM_CLASS_TINY, m->block);
}

static void run_sequence(struct kunit *test, const u8 *sizes, unsigned int n)
{
	u8 order[GOM_TINY_BLOCK];
	struct model m;

	fill(test, &m, sizes, n);
	gom_test_shuffle(test, order, n);
	free_all(test, &m, order, gom_test_random(test, n + 1));
}

/* One, two and three objects of every size that fit into a block. */
static void short_sequences(struct kunit *test)
{
	unsigned int a, b, c, n = 0;

	for (a = 1; a <= MAX_CUT; a++) {
		for (b = 0; b <= MAX_CUT; b++) {
			for (c = 0; c <= MAX_CUT; c++) {
				const u8 sizes[] = { a, b, c };
				struct model m = { .used = a };

				if (c && !b)
					continue;
				if (b)
					m.used = place(m.used, b) + b;
				if (c && !has_room(&m, c))
					continue;
				run_sequence(test, sizes, 1 + !!b + !!c);
				n++;
			}
		}
	}
	KUNIT_EXPECT_GT(test, n, 250);
}

/* Blocks filled up to their end, in many ways. */
static void random_sequences(struct kunit *test)
{
	unsigned int round, n, most = 0, misses;
	u8 sizes[GOM_TINY_BLOCK];

	for (round = 0; round < 400; round++) {
		struct model m = {};
		unsigned int max = round % 2 ? 3 : MAX_CUT;

		n = 0;
		for (misses = 0; misses < 8;) {
			unsigned int size = 1 + gom_test_random(test, max);

			if (!has_room(&m, size)) {
				misses++;
				continue;
			}
			m.used = place(m.used, size) + size;
			sizes[n++] = size;
		}
		run_sequence(test, sizes, n);
		most = max(most, n);
	}
	KUNIT_EXPECT_GE(test, most, 10);
}

/* Of the new block and the old one, the CPU keeps that with more room. */
static void more_room_wins(struct kunit *test)
{
	void *a = new_block(test), *b = new_block(test), *c = new_block(test);
	void *old, *x, *y, *z, *more;

	x = gom_tiny_cut_new(a, 5, &old);
	KUNIT_EXPECT_NULL(test, old);
	y = gom_tiny_cut_new(b, 7, &old);
	KUNIT_EXPECT_NULL(test, old);
	more = gom_tiny_cut(1);
	KUNIT_EXPECT_PTR_EQ(test, more, a + 5);
	z = gom_tiny_cut_new(c, 3, &old);
	KUNIT_EXPECT_NULL(test, old);
	KUNIT_EXPECT_EQ(test, (int)gom_tiny_free(more), (int)GOM_TINY_FREED);
	KUNIT_EXPECT_EQ(test, (int)gom_tiny_free(x), (int)GOM_TINY_LAST);
	KUNIT_EXPECT_EQ(test, (int)gom_tiny_free(y), (int)GOM_TINY_LAST);
	more = gom_tiny_cut(1);
	KUNIT_EXPECT_PTR_EQ(test, more, c + 3);
	gofree(more);
	gofree(z);
	gom_malloc_put(GOM_CLASS_TINY, a);
	gom_malloc_put(GOM_CLASS_TINY, b);
}

/* A block that ran empty while the CPU cut from it comes back when it goes. */
static void replaced_block_returns(struct kunit *test)
{
	void *a = new_block(test), *b = new_block(test);
	enum gom_tiny_freed freed;
	void *old, *x, *y;

	x = gom_tiny_cut_new(a, 7, &old);
	/* A busy cache cannot start its block over. */
	preempt_disable();
	gom_mcache_trylock();
	freed = gom_tiny_free(x);
	gom_mcache_unlock();
	preempt_enable();
	KUNIT_EXPECT_EQ(test, (int)freed, (int)GOM_TINY_FREED);
	y = gom_tiny_cut_new(b, 1, &old);
	KUNIT_EXPECT_PTR_EQ(test, old, a);
	gofree(y);
	gom_malloc_put(GOM_CLASS_TINY, a);
}

/* What lives for a moment takes no new bytes, unless others live beside it. */
static void short_lived(struct kunit *test)
{
	void *block = new_block(test), *first, *keep, *old;
	unsigned int i;

	first = gom_tiny_cut_new(block, 3, &old);
	KUNIT_EXPECT_EQ(test, (int)gom_tiny_free(first), (int)GOM_TINY_FREED);
	for (i = 0; i < 20; i++) {
		KUNIT_ASSERT_PTR_EQ(test, gom_tiny_cut(3), first);
		KUNIT_EXPECT_EQ(test, (int)gom_tiny_free(first),
				(int)GOM_TINY_FREED);
	}
	keep = gom_tiny_cut(1);
	KUNIT_EXPECT_PTR_EQ(test, keep, first);
	first = gom_tiny_cut(3);
	KUNIT_EXPECT_EQ(test, (int)gom_tiny_free(first), (int)GOM_TINY_FREED);
	KUNIT_EXPECT_PTR_EQ(test, gom_tiny_cut(3), first + 3);
	KUNIT_EXPECT_EQ(test, gom_tiny_size(keep), 1);
	KUNIT_EXPECT_EQ(test, (int)gom_tiny_free(first + 3),
			(int)GOM_TINY_FREED);
	KUNIT_EXPECT_EQ(test, (int)gom_tiny_free(keep), (int)GOM_TINY_FREED);
	KUNIT_EXPECT_PTR_EQ(test, gom_tiny_drain(0), block);
	gom_malloc_put(GOM_CLASS_TINY, block);
}

static void sizes_and_alignment(struct kunit *test)
{
	void *objs[256];
	unsigned int i;
	size_t size;

	for (size = 1; size <= MAX_SIZE; size++) {
		for (i = 0; i < ARRAY_SIZE(objs); i++) {
			objs[i] = gom_test_alloc(size, GFP_KERNEL);
			KUNIT_ASSERT_NOT_NULL(test, objs[i]);
			KUNIT_EXPECT_EQ(test, gom_arena_class(objs[i]),
					GOM_CLASS_TINY);
			KUNIT_EXPECT_TRUE(test,
					  IS_ALIGNED((unsigned long)objs[i],
						     gom_test_alignment(size)));
			gom_test_fill(objs[i], size, i);
		}
		/* Neither changes while others of the block come and go. */
		for (i = 0; i < ARRAY_SIZE(objs); i += 2)
			gofree(objs[i]);
		for (i = 1; i < ARRAY_SIZE(objs); i += 2) {
			KUNIT_EXPECT_EQ(test, gosize(objs[i]), size);
			KUNIT_EXPECT_TRUE(test,
					  gom_test_filled(objs[i], size, i));
			gofree(objs[i]);
		}
	}
}

static void last_free_frees_the_block(struct kunit *test)
{
	void *a = gom_test_alloc(3, GFP_KERNEL);
	void *b = gom_test_alloc(4, GFP_KERNEL);
	unsigned int before;

	KUNIT_ASSERT_PTR_EQ(test, gom_tiny_block(a), gom_tiny_block(b));
	KUNIT_EXPECT_NULL(test, gom_tiny_drain(0));
	before = gom_mcache_count(0, GOM_CLASS_TINY);
	gofree(a);
	KUNIT_EXPECT_EQ(test, gom_mcache_count(0, GOM_CLASS_TINY), before);
	gofree(b);
	KUNIT_EXPECT_EQ(test, gom_mcache_count(0, GOM_CLASS_TINY), before + 1);
	a = gom_test_alloc(1, GFP_KERNEL);
	KUNIT_EXPECT_PTR_EQ(test, gom_tiny_block(a), gom_tiny_block(b));
	gofree(a);
}

static void zeroed(struct kunit *test)
{
	unsigned int i, k;

	for (i = 0; i < 200; i++) {
		size_t size = 1 + i % MAX_SIZE;
		u8 *obj = gom_test_alloc(size, GFP_KERNEL | __GFP_ZERO);

		KUNIT_ASSERT_NOT_NULL(test, obj);
		for (k = 0; k < size; k++)
			KUNIT_EXPECT_EQ(test, obj[k], 0);
		memset(obj, 0xff, size);
		gofree(obj);
	}
}

#define NR_SLOTS	64

struct shared {
	void *slots[NR_SLOTS];
	atomic_t overlaps;
};

/* Objects carry their size and a seed, where they are large enough. */
static void check_and_free(struct shared *s, void *obj)
{
	size_t size = gosize(obj);

	if (!size || !gom_test_filled(obj, size, size))
		atomic_inc(&s->overlaps);
	gofree(obj);
}

static void exchange(void *arg, struct rnd_state *rnd)
{
	struct shared *s = arg;
	unsigned int i;

	for (i = 0; i < 100; i++) {
		size_t size = 1 + prandom_u32_state(rnd) % MAX_SIZE;
		void *obj = gomalloc(size, GFP_KERNEL);

		if (!obj)
			continue;
		gom_test_fill(obj, size, size);
		obj = xchg(&s->slots[prandom_u32_state(rnd) % NR_SLOTS], obj);
		if (obj)
			check_and_free(s, obj);
	}
}

/* Each thread frees what others allocated from the blocks that they cut. */
static void crowd(struct kunit *test)
{
	struct shared *s = kunit_kzalloc(test, sizeof(*s), GFP_KERNEL);
	const struct gom_test_crowd crowd = {
		.work = exchange, .arg = s, .msecs = 500,
	};
	u64 mallocs, frees, before, unused;
	int i;

	KUNIT_ASSERT_NOT_NULL(test, s);
	gom_tiny_count(&before, &unused);
	gom_test_crowd_run(test, &crowd);
	for (i = 0; i < NR_SLOTS; i++)
		if (s->slots[i])
			check_and_free(s, s->slots[i]);
	gom_tiny_count(&mallocs, &frees);
	KUNIT_EXPECT_GT(test, mallocs, before);
	KUNIT_EXPECT_EQ(test, mallocs, frees);
	KUNIT_EXPECT_EQ(test, atomic_read(&s->overlaps), 0);
}

static struct kunit_case tiny_cases[] = {
	KUNIT_CASE(short_sequences),
	KUNIT_CASE(random_sequences),
	KUNIT_CASE(more_room_wins),
	KUNIT_CASE(replaced_block_returns),
	KUNIT_CASE(short_lived),
	KUNIT_CASE(sizes_and_alignment),
	KUNIT_CASE(last_free_frees_the_block),
	KUNIT_CASE(zeroed),
	KUNIT_CASE(crowd),
	{}
};

static struct kunit_suite tiny_suite = {
	.name = "gomalloc_tiny",
	.init = gom_test_init,
	.exit = gom_test_exit,
	.test_cases = tiny_cases,
};

kunit_test_suite(tiny_suite);
