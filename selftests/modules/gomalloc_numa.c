// SPDX-License-Identifier: GPL-2.0
/*
 * Checks what gomalloc does on a machine with several NUMA nodes, one kind of
 * thing each time that it is loaded:
 *
 *	insmod gomalloc_numa.ko check=home
 *
 * Loads if all is as it should be; else the log says what is not, and insmod
 * fails with EIO, or with ENODATA where the machine has no such nodes.
 *
 * Work is done by threads that are bound to a CPU and end before anything is
 * judged, so no check depends on how fast they are.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/completion.h>
#include <linux/cpumask.h>
#include <linux/gomalloc.h>
#include <linux/kthread.h>
#include <linux/list.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/moduleparam.h>
#include <linux/nodemask.h>
#include <linux/sizes.h>
#include <linux/topology.h>

static char *check;
module_param(check, charp, 0444);
MODULE_PARM_DESC(check, "local, wish, this_node, memoryless, home or full");

/* Tiny, small of one and of several pages, large. */
static const size_t sizes[] = { 3, 8, 64, 1000, SZ_8K, SZ_32K, 100000 };

/* Objects of a size at a time, and of one size where it is about many. */
#define NR	64
#define MANY	2000
#define MANY_SIZE	256

static void *objs[MANY];

static bool has_memory(int nid)
{
	return node_state(nid, N_NORMAL_MEMORY);
}

static int node_of(const void *obj)
{
	return page_to_nid(virt_to_page(obj));
}

/* Whether @got is right for who wants memory of @nid, which may have none. */
static bool is_near(int nid, int got)
{
	int other;

	if (has_memory(nid))
		return got == nid;
	for_each_node_state(other, N_NORMAL_MEMORY)
		if (node_distance(nid, other) < node_distance(nid, got))
			return false;
	return true;
}

/* A node that has memory and CPUs, after @nid; NUMA_NO_NODE after the last. */
static int next_full_node(int nid)
{
	do {
		nid = next_node(nid, node_states[N_NORMAL_MEMORY]);
	} while (nid < MAX_NUMNODES && !node_state(nid, N_CPU));
	return nid < MAX_NUMNODES ? nid : NUMA_NO_NODE;
}

static int memoryless_node(void)
{
	int nid;

	for_each_online_node(nid)
		if (!has_memory(nid))
			return nid;
	return NUMA_NO_NODE;
}

/* === Threads ============================================================= */

/**
 * struct job - a function for a thread on another CPU
 * @fn: the function
 * @arg: its argument
 * @result: what it returned
 * @done: it has
 */
struct job {
	int (*fn)(void *arg);
	void *arg;
	int result;
	struct completion done;
};

static int do_job(void *data)
{
	struct job *job = data;

	job->result = job->fn(job->arg);
	complete(&job->done);
	return 0;
}

static int run_on(int cpu, int (*fn)(void *arg), void *arg)
{
	struct job job = { .fn = fn, .arg = arg };
	struct task_struct *task;

	init_completion(&job.done);
	task = kthread_create_on_cpu(do_job, &job, cpu, "gomnuma/%u");
	if (IS_ERR(task))
		return PTR_ERR(task);
	wake_up_process(task);
	wait_for_completion(&job.done);
	return job.result;
}

static int cpu_of(int nid)
{
	return cpumask_first(cpumask_of_node(nid));
}

/* === Objects ============================================================= */

/**
 * struct batch - objects to allocate, all alike
 * @nr: how many
 * @size: of each
 * @gfp: how
 * @node: the node wished for, or NUMA_NO_NODE
 * @from: what their memory should be nearest to, NUMA_NO_NODE for any
 */
struct batch {
	unsigned int nr;
	size_t size;
	gfp_t gfp;
	int node;
	int from;
};

static int free_batch(void *arg)
{
	const struct batch *batch = arg;
	unsigned int i;

	for (i = 0; i < batch->nr; i++)
		gofree(objs[i]);
	return 0;
}

static int alloc_batch(void *arg)
{
	const struct batch *batch = arg;
	unsigned int i, wrong = 0, failed = 0;

	for (i = 0; i < batch->nr; i++) {
		objs[i] = gomalloc_node(batch->size, batch->gfp, batch->node);
		failed += !objs[i];
		wrong += objs[i] && batch->from != NUMA_NO_NODE &&
			 !is_near(batch->from, node_of(objs[i]));
	}
	if (!failed && !wrong)
		return 0;
	pr_err("CPU %d on node %d: %u of %u objects of %zu bytes for node %d are not nearest to node %d, %u failed\n",
	       raw_smp_processor_id(), numa_node_id(), wrong, batch->nr,
	       batch->size, batch->node, batch->from, failed);
	free_batch(arg);
	return -EIO;
}

static int alloc_and_free(void *arg)
{
	return alloc_batch(arg) ?: free_batch(arg);
}

/* All sizes on @cpu with @gfp, from @node wished for to @from. */
static int try_sizes(int cpu, gfp_t gfp, int node, int from)
{
	struct batch batch = { .nr = NR, .gfp = gfp, .node = node, .from = from };
	unsigned int i;
	int err;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		batch.size = sizes[i];
		err = run_on(cpu, alloc_and_free, &batch);
		if (err)
			return err;
	}
	return 0;
}

/* === Checks ============================================================== */

/* Nobody has freed what other nodes allocated, so all is near. */
static int check_local(void)
{
	int cpu, err = 0;

	for_each_online_cpu(cpu)
		err = try_sizes(cpu, GFP_KERNEL, NUMA_NO_NODE,
				cpu_to_node(cpu)) ?: err;
	return err;
}

/*
 * Each node's memory for each CPU.  But for tiny objects, which are cut from
 * the CPU's block, a wish comes true as long as memory is not short.
 */
static int check_wish(void)
{
	struct batch batch = { .nr = NR, .gfp = GFP_KERNEL };
	int cpu, nid, err = 0;
	unsigned int i;

	for_each_online_cpu(cpu) {
		for_each_online_node(nid) {
			/* A CPU gives out again what it freed, of any node. */
			gomalloc_free_os_memory();
			batch.node = nid;
			batch.from = nid;
			for (i = 1; i < ARRAY_SIZE(sizes); i++) {
				batch.size = sizes[i];
				err = run_on(cpu, alloc_and_free, &batch) ?: err;
			}
		}
	}
	return err;
}

static int check_this_node(void)
{
	gfp_t gfp = GFP_KERNEL | __GFP_THISNODE;
	int cpu, nid, err = 0;

	for_each_online_cpu(cpu)
		for_each_node_state(nid, N_NORMAL_MEMORY)
			err = try_sizes(cpu, gfp, nid, nid) ?: err;
	return err;
}

/* There is none for who insists. */
static int refuses(int nid)
{
	gfp_t gfp = GFP_KERNEL | __GFP_THISNODE | __GFP_NOWARN;
	unsigned int i;
	void *obj;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		obj = gomalloc_node(sizes[i], gfp, nid);
		if (!obj)
			continue;
		pr_err("%zu bytes of node %d, which has no memory, are on node %d\n",
		       sizes[i], nid, node_of(obj));
		gofree(obj);
		return -EIO;
	}
	return 0;
}

static u64 heap_sys(void)
{
	struct gomalloc_stats s;

	gomalloc_read_stats(&s);
	return s.heap_sys;
}

/*
 * Twice as many bytes as the objects have are enough for their spans and a
 * block; a block for each object would take sixteen times as many and more.
 */
static int is_dense(int cpu)
{
	struct batch batch = { .nr = MANY, .size = MANY_SIZE, .gfp = GFP_KERNEL,
			       .node = NUMA_NO_NODE, .from = NUMA_NO_NODE };
	u64 before, grown;
	int err;

	gomalloc_free_os_memory();
	before = heap_sys();
	err = run_on(cpu, alloc_batch, &batch);
	if (err)
		return err;
	grown = heap_sys() - before;
	free_batch(&batch);
	if (grown <= 2 * MANY * MANY_SIZE)
		return 0;
	pr_err("CPU %d took %llu bytes from the kernel for %u objects of %u\n",
	       cpu, grown, MANY, MANY_SIZE);
	return -EIO;
}

/* Its CPUs' caches work as others' do: few objects take a central lock. */
static int is_cached(int cpu)
{
	struct batch batch = { .nr = MANY, .size = MANY_SIZE, .gfp = GFP_KERNEL,
			       .node = NUMA_NO_NODE, .from = NUMA_NO_NODE };
	struct gomalloc_stats before, after;
	int i, err = 0;

	/* Magazines grow while they miss. */
	for (i = 0; i < 4; i++)
		err = run_on(cpu, alloc_and_free, &batch) ?: err;
	gomalloc_read_stats(&before);
	err = run_on(cpu, alloc_and_free, &batch) ?: err;
	gomalloc_read_stats(&after);
	if (err || after.central_locks - before.central_locks < MANY / 8)
		return err;
	pr_err("CPU %d took %llu central locks for %u objects\n", cpu,
	       after.central_locks - before.central_locks, MANY);
	return -EIO;
}

static int check_memoryless(void)
{
	int nid = memoryless_node(), cpu, err;

	if (nid == NUMA_NO_NODE)
		return -ENODATA;
	err = refuses(nid);
	for_each_cpu(cpu, cpumask_of_node(nid))
		err = err ?: is_dense(cpu) ?: is_cached(cpu);
	return err;
}

/*
 * One node allocates and the next one frees, again and again: what comes home
 * is what the next round is served from.
 */
static int check_home(void)
{
	int a = next_full_node(-1), b = next_full_node(a), round, err = 0;
	struct batch batch = { .nr = MANY, .size = MANY_SIZE, .gfp = GFP_KERNEL,
			       .node = NUMA_NO_NODE, .from = a };
	u64 warm = 0;

	if (b == NUMA_NO_NODE)
		return -ENODATA;
	gomalloc_free_os_memory();
	for (round = 0; round < 100 && !err; round++) {
		err = run_on(cpu_of(a), alloc_batch, &batch) ?:
		      run_on(cpu_of(b), free_batch, &batch);
		if (round == 4)
			warm = heap_sys();
	}
	if (err)
		return err;
	if (heap_sys() > warm) {
		pr_err("%llu bytes after 5 rounds, %llu after 100\n", warm,
		       heap_sys());
		return -EIO;
	}
	return 0;
}

/* === A node without free memory ========================================== */

static LIST_HEAD(hogged);

/* Takes all that @nid gives without effort, the largest pieces first. */
static unsigned long hog(int nid)
{
	gfp_t gfp = GFP_NOWAIT | __GFP_THISNODE | __GFP_NOWARN;
	unsigned long pages = 0;
	struct page *page;
	int order;

	for (order = 9; order >= 0; order--) {
		while ((page = alloc_pages_node(nid, gfp, order))) {
			set_page_private(page, order);
			list_add(&page->lru, &hogged);
			pages += 1UL << order;
		}
	}
	return pages;
}

static void unhog(void)
{
	struct page *page, *next;
	unsigned long order;

	list_for_each_entry_safe(page, next, &hogged, lru) {
		order = page_private(page);
		set_page_private(page, 0);
		list_del(&page->lru);
		__free_pages(page, order);
	}
}

static unsigned int count_elsewhere(int nid)
{
	unsigned int i, n = 0;

	for (i = 0; i < MANY; i++)
		n += node_of(objs[i]) != nid;
	return n;
}

/* Others' memory then serves, and when theirs is back their own does again. */
static int check_full(void)
{
	int nid = next_full_node(next_full_node(-1)), err;
	struct batch batch = { .nr = MANY, .size = SZ_2K, .gfp = GFP_KERNEL,
			       .node = NUMA_NO_NODE, .from = NUMA_NO_NODE };
	unsigned long pages;
	unsigned int n = 0;

	if (nid == NUMA_NO_NODE)
		return -ENODATA;
	gomalloc_free_os_memory();
	pages = hog(nid);
	err = run_on(cpu_of(nid), alloc_batch, &batch);
	if (!err) {
		n = count_elsewhere(nid);
		run_on(cpu_of(nid), free_batch, &batch);
	}
	unhog();
	pr_info("of %u objects %u were elsewhere while %lu pages of node %d were taken\n",
		MANY, n, pages, nid);
	if (err)
		return err;
	if (!n)
		return -EIO;
	/* Theirs once the CPU has given up what it cached of the others. */
	gomalloc_free_os_memory();
	batch.from = nid;
	return run_on(cpu_of(nid), alloc_and_free, &batch);
}

static const struct {
	const char *name;
	int (*run)(void);
} checks[] = {
	{ "local", check_local },
	{ "wish", check_wish },
	{ "this_node", check_this_node },
	{ "memoryless", check_memoryless },
	{ "home", check_home },
	{ "full", check_full },
};

static int __init numa_init(void)
{
	unsigned int i;

	for (i = 0; check && i < ARRAY_SIZE(checks); i++)
		if (!strcmp(check, checks[i].name))
			return checks[i].run();
	pr_err("check=%s: no such check\n", check);
	return -EINVAL;
}
module_init(numa_init);

static void __exit numa_exit(void)
{
}
module_exit(numa_exit);

MODULE_DESCRIPTION("Checks gomalloc on several NUMA nodes");
MODULE_AUTHOR("The gomalloc maintainers");
MODULE_INFO(test, "Y");
MODULE_LICENSE("GPL");
