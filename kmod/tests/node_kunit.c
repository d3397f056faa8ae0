// SPDX-License-Identifier: GPL-2.0
/*
 * NUMA nodes: memory comes from the node that was asked for, and goes back to
 * the node that it came from, whichever CPU frees it.
 */
#include <linux/nodemask.h>
#include <linux/sizes.h>
#include "gom_test.h"
#include "mcentral.h"
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

static int node_of(const void *obj)
{
	return page_to_nid(virt_to_page(obj));
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
				wrong += node_of(objs[k]) != nid;
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
			wrong += node_of(objs[k]) != here;
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
		strangers += node_of(objs[k]) == there;
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
			KUNIT_EXPECT_EQ(test, node_of(obj), there);
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
				KUNIT_EXPECT_EQ(test, node_of(mag->slot[i]), nid);
	}
	gom_test_expect_valid(test);
	gom_scavenge_caches();
	for_each_node_state(nid, N_MEMORY)
		KUNIT_EXPECT_EQ(test, gom_central(nid, class)->nspans, 0);
}

static struct kunit_case node_cases[] = {
	KUNIT_CASE(this_node),
	KUNIT_CASE(this_node_among_others),
	KUNIT_CASE(wish),
	KUNIT_CASE(go_home),
	{}
};

static struct kunit_suite node_suite = {
	.name = "gomalloc_node",
	.init = gom_test_init,
	.exit = gom_test_exit,
	.test_cases = node_cases,
};

kunit_test_suite(node_suite);
