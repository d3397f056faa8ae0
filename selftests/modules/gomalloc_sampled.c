// SPDX-License-Identifier: GPL-2.0
/*
 * Allocates as many objects as asked for, of many sizes and from several call
 * sites, and counts them, so that selftests/profile.sh can compare what the
 * profile makes of them with the truth.
 *
 *	insmod gomalloc_sampled.ko count=1000000
 *	cat /sys/kernel/debug/gomalloc_sampled/truth
 *
 * A row for each call site and size: its function, bytes of an object, objects
 * allocated, and of these not freed.  The last HELD objects of each CPU are
 * freed when the module is unloaded.
 */
#include <linux/cpumask.h>
#include <linux/debugfs.h>
#include <linux/gomalloc.h>
#include <linux/kthread.h>
#include <linux/module.h>
#include <linux/moduleparam.h>
#include <linux/prandom.h>
#include <linux/sched.h>
#include <linux/sched/task.h>
#include <linux/seq_file.h>
#include <linux/topology.h>
#include <linux/vmalloc.h>

static unsigned int count;
module_param(count, uint, 0444);
MODULE_PARM_DESC(count, "objects to allocate on each CPU");

#define HELD		2000
#define BATCH		16
#define NR_SIZES	8

/* Call sites.  They differ, or the compiler would make one of several. */
enum place {
	IN_TINY, IN_SMALL, IN_PAIRS, IN_BULK, IN_MIDDLE, IN_LARGE, NR_PLACES
};

static const struct {
	const char *name;
	unsigned int percent;
	u32 size[NR_SIZES];
} places[NR_PLACES] = {
	[IN_TINY] = { "in_tiny", 15, { 1, 2, 3, 4 } },
	[IN_SMALL] = { "in_small", 50, { 8, 16, 48, 100, 256, 1000, 2048 } },
	[IN_PAIRS] = { "in_pairs", 15, { 64 } },
	[IN_BULK] = { "in_bulk", 5, { 48, 500 } },
	[IN_MIDDLE] = { "in_middle", 14, { 2304, 3072, 4096, 9000, 16384, 32768 } },
	[IN_LARGE] = { "in_large", 1, { 32769, 49153, 65536, 100000 } },
};

struct figures {
	u64 mallocs;
	u64 live;
};

/**
 * struct worker - what a CPU does
 * @task: the thread
 * @rnd: its random numbers
 * @err: -ENOMEM if there was none
 * @figures: what it has allocated
 * @next: the slot in turn
 * @held: what it holds, with @of
 * @of: the figures in which an object counts
 */
struct worker {
	struct task_struct *task;
	struct rnd_state rnd;
	int err;
	struct figures figures[NR_PLACES][NR_SIZES];
	unsigned int next;
	void *held[HELD];
	struct figures *of[HELD];
};

static struct worker *workers;
static struct dentry *dir;

static noinline void *in_tiny(u32 size)
{
	void *obj = gomalloc(size, GFP_KERNEL);

	OPTIMIZER_HIDE_VAR(obj);
	return obj;
}

static noinline void *in_small(u32 size)
{
	void *obj = gorealloc(NULL, size, GFP_KERNEL);

	OPTIMIZER_HIDE_VAR(obj);
	return obj;
}

static noinline void *in_middle(u32 size)
{
	void *obj = gozalloc(size, GFP_KERNEL);

	OPTIMIZER_HIDE_VAR(obj);
	return obj;
}

static noinline void *in_large(u32 size)
{
	void *obj = gomalloc_node(size, GFP_KERNEL, numa_mem_id());

	OPTIMIZER_HIDE_VAR(obj);
	return obj;
}

static noinline int in_bulk(u32 size, void **objs)
{
	int n = gomalloc_bulk(size, GFP_KERNEL, BATCH, objs);

	OPTIMIZER_HIDE_VAR(n);
	return n;
}

static noinline void *in_pairs(void)
{
	void *obj = gomalloc(64, GFP_KERNEL);

	OPTIMIZER_HIDE_VAR(obj);
	return obj;
}

static void hold(struct worker *w, void *obj, struct figures *of)
{
	unsigned int i = w->next++ % HELD;

	if (w->held[i])
		w->of[i]->live--;
	gofree(w->held[i]);
	w->held[i] = obj;
	w->of[i] = of;
	if (!obj) {
		w->err = -ENOMEM;
		return;
	}
	of->mallocs++;
	of->live++;
}

static unsigned int allocate(struct worker *w, enum place where, u32 size,
			     struct figures *of)
{
	void *objs[BATCH];
	unsigned int i;

	switch (where) {
	case IN_TINY:
		hold(w, in_tiny(size), of);
		break;
	case IN_SMALL:
		hold(w, in_small(size), of);
		break;
	case IN_PAIRS:
		gofree(in_pairs());
		of->mallocs++;
		break;
	case IN_BULK:
		if (!in_bulk(size, objs)) {
			w->err = -ENOMEM;
			break;
		}
		for (i = 0; i < BATCH; i++)
			hold(w, objs[i], of);
		return BATCH;
	case IN_MIDDLE:
		hold(w, in_middle(size), of);
		break;
	case IN_LARGE:
		hold(w, in_large(size), of);
		break;
	case NR_PLACES:
		break;
	}
	return 1;
}

static enum place choose(struct worker *w)
{
	unsigned int percent = prandom_u32_state(&w->rnd) % 100;
	enum place place = 0;

	for (; percent >= places[place].percent; place++)
		percent -= places[place].percent;
	return place;
}

static int work(void *data)
{
	struct worker *w = data;
	unsigned int done = 0, i, n;
	enum place place;

	while (done < count && !w->err && !kthread_should_stop()) {
		place = choose(w);
		for (n = 0; n < NR_SIZES && places[place].size[n]; n++)
			;
		i = prandom_u32_state(&w->rnd) % n;
		done += allocate(w, place, places[place].size[i],
				 &w->figures[place][i]);
		cond_resched();
	}
	return 0;
}

static int run(void)
{
	int cpu, err = 0;

	for_each_online_cpu(cpu) {
		struct worker *w = &workers[cpu];

		prandom_seed_state(&w->rnd, cpu + 1);
		w->task = kthread_create_on_cpu(work, w, cpu, "gomsampled/%u");
		if (IS_ERR(w->task)) {
			err = PTR_ERR(w->task);
			w->task = NULL;
			break;
		}
		/* It may be gone when it is waited for. */
		get_task_struct(w->task);
		wake_up_process(w->task);
	}
	for_each_possible_cpu(cpu) {
		struct worker *w = &workers[cpu];

		if (!w->task)
			continue;
		while (!err && !READ_ONCE(w->task->exit_state))
			schedule_timeout_uninterruptible(1);
		kthread_stop(w->task);
		put_task_struct(w->task);
		err = err ?: w->err;
	}
	return err;
}

static int truth_show(struct seq_file *m, void *unused)
{
	enum place place;
	unsigned int i;
	int cpu;

	for (place = 0; place < NR_PLACES; place++) {
		for (i = 0; i < NR_SIZES && places[place].size[i]; i++) {
			struct figures sum = {};

			for_each_possible_cpu(cpu) {
				struct figures *f = &workers[cpu].figures[place][i];

				sum.mallocs += f->mallocs;
				sum.live += f->live;
			}
			seq_printf(m, "%s %zu %llu %llu\n", places[place].name,
				   gomalloc_size_roundup(places[place].size[i]),
				   sum.mallocs, sum.live);
		}
	}
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(truth);

static void let_go(void)
{
	unsigned int i;
	int cpu;

	for_each_possible_cpu(cpu)
		for (i = 0; i < HELD; i++)
			gofree(workers[cpu].held[i]);
	vfree(workers);
}

static int __init sampled_init(void)
{
	int err;

	workers = vzalloc(array_size(nr_cpu_ids, sizeof(*workers)));
	if (!workers)
		return -ENOMEM;
	err = run();
	if (err) {
		let_go();
		return err;
	}
	dir = debugfs_create_dir(KBUILD_MODNAME, NULL);
	debugfs_create_file("truth", 0400, dir, NULL, &truth_fops);
	return 0;
}
module_init(sampled_init);

static void __exit sampled_exit(void)
{
	debugfs_remove(dir);
	let_go();
}
module_exit(sampled_exit);

MODULE_DESCRIPTION("Allocates what a profile is to be compared with");
MODULE_AUTHOR("The gomalloc maintainers");
MODULE_INFO(test, "Y");
MODULE_LICENSE("GPL");
