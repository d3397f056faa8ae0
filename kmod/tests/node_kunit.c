// SPDX-License-Identifier: GPL-2.0
/*
 * NUMA nodes: memory comes from the node that was asked for, and goes back to
 * the node that it came from, whichever CPU frees it.
 */
#include <kunit/static_stub.h>
#include <linux/gfp.h>
#include <linux/nodemask.h>
#include <linux/sizes.h>
#include "gom_test.h"
#include "mcentral.h"
#include "mheap.h"
#include "scavenge.h"

static const u32 sizes[] = { 3, 7, 8, 64, 1000, SZ_16K, SZ_32K, SZ_64K, 200000 };

/* A node that is not CPU 0's. */
static int other_node(struct kunit *test)
{
	int nid;

	for_each_node_state(nid, N_MEMORY)
		if (nid != numa_mem_id())
			return nid;
	kunit_skip(test, "there is one node");
	return NUMA_NO_NODE;
}

#define NR	50

static void this_node(struct kunit *test)
{
	gfp_t gfp = GFP_KERNEL | __GFP_THISNODE;
	int i, k, nid;
	void *objs[NR];

	other_node(test);
	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		for_each_node_state(nid, N_MEMORY) {
			unsigned int wrong = 0;

			for (k = 0; k < NR; k++) {
				objs[k] = gomalloc_node(sizes[i], gfp, nid);
				KUNIT_ASSERT_NOT_NULL(test, objs[k]);
				wrong += gom_node_of(objs[k]) != nid;
			}
			KUNIT_EXPECT_EQ_MSG(test, wrong, 0, "%u bytes on %d",
					    sizes[i], nid);
			/* Mix what lies where, for the sizes to come. */
			for (k = 0; k < NR; k++)
				gofree(objs[k]);
		}
	}
}

/* What other nodes' objects the CPU caches does not matter. */
static void this_node_among_others(struct kunit *test)
{
	gfp_t gfp = GFP_KERNEL | __GFP_THISNODE;
	int there = other_node(test), here = numa_mem_id(), i, k;
	unsigned int strangers;
	void *objs[NR];

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		unsigned int wrong = 0;

		for (k = 0; k < NR; k++)
			objs[k] = gomalloc_node(sizes[i], gfp, there);
		for (k = 0; k < NR; k++)
			gofree(objs[k]);
		for (k = 0; k < NR; k++) {
			objs[k] = gomalloc_node(sizes[i], gfp, here);
			KUNIT_ASSERT_NOT_NULL(test, objs[k]);
			wrong += gom_node_of(objs[k]) != here;
		}
		KUNIT_EXPECT_EQ_MSG(test, wrong, 0, "%u bytes", sizes[i]);
		for (k = 0; k < NR; k++)
			gofree(objs[k]);
	}

	/* Without the flag they are as good as any; the cache has room again. */
	gom_scavenge_caches();
	for (k = 0; k < NR; k++)
		objs[k] = gomalloc_node(96, gfp, there);
	for (k = 0; k < NR; k++)
		gofree(objs[k]);
	strangers = 0;
	for (k = 0; k < NR; k++) {
		objs[k] = gomalloc_node(96, GFP_KERNEL, here);
		strangers += gom_node_of(objs[k]) == there;
	}
	KUNIT_EXPECT_GT(test, strangers, 0);
	gofree_bulk(NR, objs);
}

static void wish(struct kunit *test)
{
	int there = other_node(test), i;
	void *obj;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		obj = gomalloc_node(sizes[i], GFP_KERNEL, there);
		KUNIT_ASSERT_NOT_NULL(test, obj);
		/* Memory is not short, so from 8 bytes on it comes true. */
		if (!__gomalloc_is_tiny(sizes[i]))
			KUNIT_EXPECT_EQ(test, gom_node_of(obj), there);
		gofree(obj);
	}
}

/* A batch of both nodes' objects, flushed here, is sorted by node. */
static void go_home(struct kunit *test)
{
	gfp_t gfp = GFP_KERNEL | __GFP_THISNODE;
	int there = other_node(test), here = numa_mem_id(), k, nid;
	unsigned int class = gom_size_class(128), i;
	void **objs = kunit_kcalloc(test, 2 * 300, sizeof(*objs), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, objs);
	for (k = 0; k < 2 * 300; k++) {
		objs[k] = gomalloc_node(128, gfp, k % 2 ? here : there);
		KUNIT_ASSERT_NOT_NULL(test, objs[k]);
	}
	for (k = 0; k < 2 * 300; k++)
		gofree(objs[k]);
	for_each_node_state(nid, N_MEMORY) {
		struct mcentral *c = gom_central(nid, class);
		struct magazine *mag;

		KUNIT_EXPECT_GT(test, c->flushes, 0);
		for (mag = c->full; mag; mag = mag->next)
			for (i = 0; i < mag->count; i++)
				KUNIT_EXPECT_EQ(test, gom_node_of(mag->slot[i]), nid);
	}
	gom_test_expect_valid(test);
	gom_scavenge_caches();
	for_each_node_state(nid, N_MEMORY)
		KUNIT_EXPECT_EQ(test, gom_central(nid, class)->nspans, 0);
}

/* What several nodes take is on where there may be several. */
static void key(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, static_key_enabled(&gom_numa),
			num_possible_nodes() > 1);
}

/* Each node knows each once, itself first, and none before a nearer one. */
static void by_distance(struct kunit *test)
{
	int nid, near, last, i;

	for_each_gom_node(nid) {
		nodemask_t seen = NODE_MASK_NONE;

		last = nid;
		for_each_gom_node_near(near, i, nid) {
			if (i <= 1)
				last = near;
			KUNIT_EXPECT_EQ(test, near == nid, !i);
			KUNIT_EXPECT_GE(test, node_distance(nid, near),
					node_distance(nid, last));
			KUNIT_EXPECT_FALSE(test, node_isset(near, seen));
			node_set(near, seen);
			last = near;
		}
		KUNIT_EXPECT_TRUE(test, nodes_equal(seen, node_possible_map));
	}
}

/* Frees what is there of @objs; returns how many were not on @nid. */
static unsigned int free_counting(void **objs, unsigned int n, int nid)
{
	unsigned int i, elsewhere = 0;

	for (i = 0; i < n; i++) {
		elsewhere += objs[i] && gom_node_of(objs[i]) != nid;
		gofree(objs[i]);
	}
	return elsewhere;
}

/*
 * The node of this CPU is made to look as if it had no memory: another one's
 * is what its cache is filled from, a magazine at a time, and what comes back.
 */
static void without_memory(struct kunit *test)
{
	int there = other_node(test), here = numa_mem_id(), k, local, stubborn;
	struct mcentral *c = gom_central(there, gom_size_class(64));
	unsigned long locks = c->locks;
	unsigned int failed = 0;
	void *objs[NR];

	node_clear_state(here, N_NORMAL_MEMORY);
	local = gom_node_local();
	for (k = 0; k < NR; k++) {
		objs[k] = gomalloc(64, GFP_KERNEL);
		failed += !objs[k];
	}
	stubborn = gom_node_for(here, __GFP_THISNODE);
	node_set_state(here, N_NORMAL_MEMORY);

	KUNIT_EXPECT_NE(test, local, here);
	KUNIT_EXPECT_EQ(test, local, gom_nodes[here]->near[1]);
	KUNIT_EXPECT_EQ(test, stubborn, here);
	KUNIT_EXPECT_EQ(test, gom_node_local(), here);
	KUNIT_EXPECT_EQ(test, failed, 0);
	if (local == there)
		KUNIT_EXPECT_LT(test, c->locks - locks, NR / 2);
	KUNIT_EXPECT_EQ(test, free_counting(objs, NR, local), 0);
}

/* Nor is there any of a node whose every block was beyond the arena map. */
static void beyond_the_map(struct kunit *test)
{
	int there = other_node(test), here = numa_mem_id();
	struct mheap *heap = &gom_node(here)->heap;
	u64 beyond = heap->beyond, grown = heap->grown;
	void *mine, *other;

	KUNIT_ASSERT_EQ(test, heap->pages, 0);
	heap->beyond = 1;
	heap->grown = 0;
	other = gomalloc(SZ_64K, GFP_KERNEL);
	/* It has some after all. */
	mine = gomalloc_node(SZ_64K, GFP_KERNEL | __GFP_THISNODE, here);
	KUNIT_EXPECT_EQ(test, gom_node_for(there, 0), there);
	KUNIT_EXPECT_EQ(test, gom_node_local(), here);
	KUNIT_EXPECT_EQ(test, free_counting(&other, 1, here), 1);
	KUNIT_EXPECT_EQ(test, free_counting(&mine, 1, here), 0);
	heap->beyond = beyond;
	heap->grown += grown;
}

/* A node of which the page allocator has nothing left, and another one. */
static int dry, wet;

static struct page *get_pages(int nid, gfp_t gfp, unsigned int order)
{
	if (nid == dry && (gfp & __GFP_THISNODE))
		return NULL;
	return alloc_pages_node(nid == dry ? wet : nid, gfp | __GFP_THISNODE,
				order);
}

/* Without __GFP_THISNODE another node helps out, which is counted. */
static void falls_back(struct kunit *test)
{
	gfp_t gfp = GFP_KERNEL | __GFP_NOWARN;
	struct gom_node_stats before, after;
	void *objs[NR];
	int i, k;

	wet = other_node(test);
	dry = numa_mem_id();
	kunit_activate_static_stub(test, gom_mheap_get_pages, get_pages);
	/* Tiny objects share a block, so they are not counted one by one. */
	for (i = 2; i < ARRAY_SIZE(sizes); i++) {
		KUNIT_EXPECT_NULL(test, gomalloc_node(sizes[i], gfp |
						      __GFP_THISNODE, dry));
		gom_stats_node(dry, &before);
		for (k = 0; k < NR; k++)
			objs[k] = gomalloc_node(sizes[i], gfp, dry);
		gom_stats_node(dry, &after);
		KUNIT_EXPECT_EQ_MSG(test, after.misses - before.misses, NR,
				    "%u bytes", sizes[i]);
		KUNIT_EXPECT_EQ(test, after.sys, 0);
		KUNIT_EXPECT_EQ(test, free_counting(objs, NR, wet), 0);
		gomalloc_free_os_memory();
	}
	kunit_deactivate_static_stub(test, gom_mheap_get_pages);
	for (k = 0; k < NR; k++)
		objs[k] = gomalloc_node(64, gfp, dry);
	KUNIT_EXPECT_EQ(test, free_counting(objs, NR, dry), 0);
}

/* What CPUs of other nodes free is counted when it is back, in batches. */
static void home_is_counted(struct kunit *test)
{
	gfp_t gfp = GFP_KERNEL | __GFP_THISNODE;
	int there = other_node(test), here = numa_mem_id(), k;
	struct gom_node_stats before[2], after[2];
	void *objs[NR];

	for (k = 0; k < NR; k++) {
		objs[k] = gomalloc_node(128, gfp, there);
		KUNIT_ASSERT_NOT_NULL(test, objs[k]);
	}
	gom_stats_node(here, &before[0]);
	gom_stats_node(there, &before[1]);
	gofree_bulk(NR, objs);
	gom_scavenge_caches();
	gom_stats_node(here, &after[0]);
	gom_stats_node(there, &after[1]);
	KUNIT_EXPECT_EQ(test, after[0].home_frees, before[0].home_frees);
	KUNIT_EXPECT_EQ(test, after[1].home_frees - before[1].home_frees, NR);
	KUNIT_EXPECT_LT(test, after[1].home_batches - before[1].home_batches,
			NR / 2);
}

static struct kunit_case node_cases[] = {
	KUNIT_CASE(key),
	KUNIT_CASE(by_distance),
	KUNIT_CASE(this_node),
	KUNIT_CASE(this_node_among_others),
	KUNIT_CASE(wish),
	KUNIT_CASE(go_home),
	KUNIT_CASE(without_memory),
	KUNIT_CASE(beyond_the_map),
	KUNIT_CASE(falls_back),
	KUNIT_CASE(home_is_counted),
	{}
};

static struct kunit_suite node_suite = {
	.name = "gomalloc_node",
	.init = gom_test_init,
	.exit = gom_test_exit,
	.test_cases = node_cases,
};

kunit_test_suite(node_suite);
