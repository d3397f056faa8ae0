// SPDX-License-Identifier: GPL-2.0
/*
 * A client of gomalloc: replays what a kernel once allocated and freed, and
 * reports how much memory that takes.
 *
 *	insmod gomalloc_client.ko trace=/path/to/boot-6.12.trace
 *	cat /sys/kernel/debug/gomalloc_client/report
 *
 * With hold=1 the objects that outlive the trace stay until the module is
 * unloaded, so that gomalloc's own files have something to show.
 *
 * What any module does with gomalloc is in object_alloc() and object_free();
 * the rest reads the trace (selftests/traces/README.rst has its format) and
 * writes the report.
 *
 * The trace has one order over all CPUs. A thread on each CPU replays up to
 * the next change of the CPU and passes the turn on, so each object is
 * allocated and freed on the CPU on which it was, and in the same order. Who
 * waits for its turn spins: they change every 25 events, and waking a thread
 * took fifty times as long as replaying that many. What the client keeps for
 * itself it has from vmalloc and kmalloc, so that gomalloc's figures are those
 * of the trace alone.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/completion.h>
#include <linux/cpumask.h>
#include <linux/debugfs.h>
#include <linux/gomalloc.h>
#include <linux/kernel_read_file.h>
#include <linux/kthread.h>
#include <linux/ktime.h>
#include <linux/math64.h>
#include <linux/module.h>
#include <linux/moduleparam.h>
#include <linux/sched.h>
#include <linux/sched/task.h>
#include <linux/string.h>
#include <linux/vmalloc.h>
#include "gomalloc_trace.h"

static char *trace;
module_param(trace, charp, 0444);
MODULE_PARM_DESC(trace, "file to replay, uncompressed; see selftests/traces/README.rst");

static bool hold;
module_param(hold, bool, 0444);
MODULE_PARM_DESC(hold, "keep what outlives the trace until the module is unloaded");

struct event {
	bool is_free;
	unsigned int cpu;
	u64 slot;
	u64 requested;
	u64 given;
};

/**
 * struct object - what is in a slot
 * @ptr: from gomalloc(), NULL while the slot is empty
 * @requested: bytes asked for
 * @given: bytes that kmalloc gave
 */
struct object {
	void *ptr;
	u32 requested;
	u32 given;
};

/**
 * struct figures - what the report tells beside the counts of the replay
 * @peak: gomalloc's statistics at the peak of bytes requested
 * @peak_given: bytes that kmalloc gave then
 * @freed: statistics after all was freed
 * @trimmed: statistics after gomalloc_free_os_memory() on top of that
 * @msecs: how long the replay took
 */
struct figures {
	struct gomalloc_stats peak;
	u64 peak_given;
	struct gomalloc_stats freed;
	struct gomalloc_stats trimmed;
	s64 msecs;
};

/* Nobody's turn any more. */
#define TURN_OVER	UINT_MAX

/**
 * struct replay - a trace and how far it is replayed
 * @turn: number of the worker that all the rest belongs to at the moment
 * @nr_workers: how many there are
 * @err: why the replay ended early
 * @over: the last turn is over
 * @data: the file
 * @next: where the next event begins
 * @end: where the file ends
 * @objects: by slot
 * @nr_slots: how many
 * @event: number of the event at work, from 1, for messages
 * @allocs: objects allocated so far
 * @frees: objects freed so far
 * @switches: changes of the CPU so far
 * @requested: bytes that the live objects asked for
 * @given: bytes that kmalloc gave for these
 * @peak_requested: what @requested will be at its peak
 * @peak_seen: the peak is over
 * @figures: what was measured
 */
struct replay {
	unsigned int turn;
	unsigned int nr_workers;
	int err;
	struct completion over;
	void *data;
	const u8 *next;
	const u8 *end;
	struct object *objects;
	unsigned int nr_slots;
	u64 event;
	u64 allocs;
	u64 frees;
	u64 switches;
	u64 requested;
	u64 given;
	u64 peak_requested;
	bool peak_seen;
	struct figures figures;
};

/**
 * struct worker - a CPU's part in a replay
 * @replay: which
 * @number: its number among the workers
 * @task: the thread
 */
struct worker {
	struct replay *replay;
	unsigned int number;
	struct task_struct *task;
};

static char report[2048];
static struct debugfs_blob_wrapper report_blob = { .data = report };
static struct dentry *dir;

/* === Objects ============================================================= */

/* Neighbours in memory differ in it, mostly: a slot is not a place. */
static u8 fill_of(u64 slot)
{
	return slot * 151 + 1;
}

/* The contract at the head of linux/gomalloc.h. */
static size_t alignment_of(size_t size)
{
	return size & -size;
}

/* By this name profiles show it. */
static noinline int object_alloc(struct replay *r, const struct event *e)
{
	struct object *obj = &r->objects[e->slot];

	obj->ptr = gomalloc(e->requested, GFP_KERNEL);
	if (!obj->ptr) {
		pr_err("event %llu: no memory for %llu bytes\n", r->event,
		       e->requested);
		return -ENOMEM;
	}
	obj->requested = e->requested;
	obj->given = e->given;
	if (e->requested &&
	    !IS_ALIGNED((unsigned long)obj->ptr, alignment_of(e->requested))) {
		pr_err("event %llu: an object of %llu bytes is not aligned to %zu\n",
		       r->event, e->requested, alignment_of(e->requested));
		return -EIO;
	}
	if (gosize(obj->ptr) < e->requested) {
		pr_err("event %llu: an object of %llu bytes has only %zu\n",
		       r->event, e->requested, gosize(obj->ptr));
		return -EIO;
	}
	/* The bytes asked for; a size of 0 has a pointer, but none of them. */
	if (e->requested)
		memset(obj->ptr, fill_of(e->slot), e->requested);
	return 0;
}

static int object_free(struct replay *r, u64 slot)
{
	struct object *obj = &r->objects[slot];
	const u8 *bad = NULL;

	if (obj->requested)
		bad = memchr_inv(obj->ptr, fill_of(slot), obj->requested);
	if (bad)
		pr_err("event %llu: an object of %u bytes was overwritten at offset %td: %#x instead of %#x\n",
		       r->event, obj->requested, bad - (u8 *)obj->ptr, *bad,
		       fill_of(slot));
	gofree(obj->ptr);
	obj->ptr = NULL;
	return bad ? -EIO : 0;
}

/* === The trace =========================================================== */

static int refuse(const char *why)
{
	pr_err("trace=%s: %s\n", trace, why);
	return -EINVAL;
}

static int read_number(struct replay *r, u64 *number)
{
	const u8 *next = trace_read_number(r->next, r->end, number);

	if (!next)
		return refuse("ends within an event: truncated, or damaged");
	r->next = next;
	return 0;
}

static int read_event(struct replay *r, struct event *e)
{
	u8 first = *r->next++;
	int err;

	e->is_free = first & EVENT_FREE;
	e->cpu = first & EVENT_CPU;
	err = read_number(r, &e->slot);
	if (err)
		return err;
	if (e->slot >= r->nr_slots || !r->objects[e->slot].ptr == e->is_free)
		return refuse("an event does not match those before: damaged");
	if (e->is_free)
		return 0;
	err = read_number(r, &e->requested);
	if (!err)
		err = read_number(r, &e->given);
	if (!err && (e->requested > U32_MAX || e->given > U32_MAX))
		return refuse("an allocation is larger than any: damaged");
	return err;
}

static int replay_event(struct replay *r, const struct event *e)
{
	const struct object *obj = &r->objects[e->slot];
	int err;

	if (e->is_free) {
		r->frees++;
		r->requested -= obj->requested;
		r->given -= obj->given;
		return object_free(r, e->slot);
	}
	err = object_alloc(r, e);
	if (err)
		return err;
	r->allocs++;
	r->requested += e->requested;
	r->given += e->given;
	return 0;
}

static int validate(const char *when)
{
	int err = gomalloc_validate();

	/* Memory on its way between tiers: nothing is wrong, nor all checked. */
	if (!err || err == -EAGAIN)
		return 0;
	pr_err("gomalloc_validate() %s: %d\n", when, err);
	return -EIO;
}

static int measure_peak(struct replay *r)
{
	gomalloc_read_stats(&r->figures.peak);
	r->figures.peak_given = r->given;
	r->peak_seen = true;
	return validate("at the peak");
}

/* Replay up to the next change of the CPU; returns whose turn is next. */
static noinline unsigned int replay_segment(struct replay *r)
{
	unsigned int cpu = *r->next & EVENT_CPU;
	struct event e;
	int err;

	r->switches++;
	do {
		r->event++;
		err = read_event(r, &e);
		if (!err)
			err = replay_event(r, &e);
		if (!err && !r->peak_seen && r->requested == r->peak_requested)
			err = measure_peak(r);
		cond_resched();
	} while (!err && r->next < r->end && (*r->next & EVENT_CPU) == cpu);
	r->err = err;
	if (err || r->next == r->end)
		return TURN_OVER;
	return (*r->next & EVENT_CPU) % r->nr_workers;
}

static int work(void *data)
{
	struct worker *w = data;
	struct replay *r = w->replay;
	unsigned int turn;

	for (;;) {
		/* Pairs with smp_store_release() below: @r is ours now. */
		turn = smp_load_acquire(&r->turn);
		if (turn == TURN_OVER)
			return 0;
		if (turn == w->number) {
			turn = replay_segment(r);
			if (turn == TURN_OVER)
				complete(&r->over);
			/* Pairs with smp_load_acquire() above. */
			smp_store_release(&r->turn, turn);
		}
		cpu_relax();
		cond_resched();
	}
}

/* Returns how many of @workers were created: @n, or fewer without memory. */
static unsigned int create_workers(struct replay *r, struct worker *workers,
				   unsigned int n)
{
	int cpu = cpumask_first(cpu_online_mask);
	unsigned int i;

	for (i = 0; i < n && cpu < nr_cpu_ids; i++) {
		struct worker *w = &workers[i];

		w->replay = r;
		w->number = i;
		w->task = kthread_create_on_cpu(work, w, cpu, "gomclient/%u");
		if (IS_ERR(w->task))
			break;
		/* It may be gone when it is stopped. */
		get_task_struct(w->task);
		cpu = cpumask_next(cpu, cpu_online_mask);
	}
	return i;
}

static int replay_all(struct replay *r)
{
	unsigned int i, n = num_online_cpus();
	struct worker *workers;

	workers = kcalloc(n, sizeof(*workers), GFP_KERNEL);
	if (!workers)
		return -ENOMEM;
	init_completion(&r->over);
	r->nr_workers = create_workers(r, workers, n);
	if (r->nr_workers && r->next < r->end) {
		r->turn = (*r->next & EVENT_CPU) % r->nr_workers;
		for (i = 0; i < r->nr_workers; i++)
			wake_up_process(workers[i].task);
		wait_for_completion(&r->over);
	} else if (!r->nr_workers) {
		r->err = -ENOMEM;
	}
	for (i = 0; i < r->nr_workers; i++) {
		kthread_stop(workers[i].task);
		put_task_struct(workers[i].task);
	}
	kfree(workers);
	return r->err;
}

/* Objects that live on at the end of the trace have no event that frees them. */
static int free_rest(struct replay *r)
{
	unsigned int slot;
	int err = 0;

	for (slot = 0; slot < r->nr_slots; slot++) {
		if (!r->objects[slot].ptr)
			continue;
		r->frees++;
		err = object_free(r, slot) ?: err;
		cond_resched();
	}
	return err;
}

static int check_header(struct replay *r, size_t len)
{
	const struct trace_header *h = r->data;

	if (len < sizeof(*h))
		return refuse("shorter than a header: truncated");
	if (memcmp(h->magic, TRACE_MAGIC, sizeof(h->magic)))
		return refuse("not a trace; if it is compressed, unpack it first");
	if (le32_to_cpu(h->version) != TRACE_VERSION)
		return refuse("of a version that this client does not know");
	r->nr_slots = le32_to_cpu(h->nr_slots);
	if (!r->nr_slots || r->nr_slots > TRACE_MAX_SLOTS)
		return refuse("has no slots, or too many: damaged");
	r->peak_requested = le64_to_cpu(h->peak_requested);
	r->next = r->data + sizeof(*h);
	r->end = r->data + len;
	return 0;
}

static int check_totals(const struct replay *r)
{
	const struct trace_header *h = r->data;

	if (r->event != le64_to_cpu(h->nr_events))
		return refuse("does not hold as many events as it says: truncated");
	if (!r->peak_seen ||
	    r->figures.peak_given != le64_to_cpu(h->peak_given))
		return refuse("does not reach the peak that it names: damaged");
	return 0;
}

static int read_trace(struct replay *r)
{
	ssize_t len;

	if (!trace) {
		pr_err("nothing to replay: load me with trace=/path/to/boot-6.12.trace\n");
		return -EINVAL;
	}
	len = kernel_read_file_from_path(trace, 0, &r->data, INT_MAX, NULL,
					 READING_FIRMWARE);
	if (len < 0) {
		pr_err("trace=%s: cannot read it: %pe\n", trace, ERR_PTR(len));
		/* Not -ENOENT, which insmod takes for an unknown symbol. */
		return -EIO;
	}
	return check_header(r, len);
}

/* === The report ========================================================== */

static __printf(1, 2) void say(const char *fmt, ...)
{
	char *line = report + report_blob.size;
	va_list args;

	va_start(args, fmt);
	report_blob.size += vscnprintf(line, sizeof(report) - report_blob.size,
				       fmt, args);
	va_end(args);
	pr_info("%s", line);
}

/* A number of bytes and what it is to those requested, in thousandths. */
static void say_bytes(const char *what, u64 bytes, u64 requested)
{
	u32 rest;
	u64 ratio = div_u64_rem(div64_u64(bytes * 1000, requested), 1000, &rest);

	say("%-34s %12llu %4llu.%03u\n", what, bytes, ratio, rest);
}

static void write_report(const struct replay *r)
{
	const struct figures *f = &r->figures;
	const struct gomalloc_stats *s = &f->peak;
	u64 requested = r->peak_requested;

	say("gomalloc client 1\n");
	say("%s: %llu events on %u CPUs in %lld ms\n", trace, r->event,
	    r->nr_workers, f->msecs);
	say("%llu allocations, %llu frees, %llu changes of the CPU\n",
	    r->allocs, r->frees, r->switches);
	say("%-34s %12s %8s\n", "at the peak of bytes requested", "bytes",
	    "ratio");
	say_bytes("requested", requested, requested);
	say_bytes("gomalloc holds from the kernel", s->sys, requested);
	say_bytes("  live objects, rounded up", s->alloc, requested);
	say_bytes("  free objects in per-CPU caches", s->mcache_free, requested);
	say_bytes("  free objects in central lists", s->mcentral_free, requested);
	say_bytes("  span tails", s->span_waste, requested);
	say_bytes("  free runs", s->heap_idle, requested);
	say_bytes("  metadata", s->meta_sys, requested);
	say_bytes("kmalloc gave for the same objects", f->peak_given, requested);
	say("  (its free objects, slab tails and metadata would come on top)\n");
	if (hold)
		return;
	say("later\n");
	say_bytes("held after all was freed", f->freed.sys, requested);
	say_bytes("  and gomalloc_free_os_memory()", f->trimmed.sys, requested);
}

/* === Loading and unloading =============================================== */

/* Everything the replay still holds goes. */
static int finish(struct replay *r)
{
	struct figures *f = &r->figures;
	int err = free_rest(r);

	vfree(r->objects);
	r->objects = NULL;
	gomalloc_read_stats(&f->freed);
	gomalloc_free_os_memory();
	gomalloc_read_stats(&f->trimmed);
	return err ?: validate("at the end");
}

static int replay_trace(struct replay *r)
{
	ktime_t start;
	int err;

	r->objects = vcalloc(r->nr_slots, sizeof(*r->objects));
	if (!r->objects)
		return -ENOMEM;
	start = ktime_get();
	err = replay_all(r);
	r->figures.msecs = ktime_ms_delta(ktime_get(), start);
	err = err ?: check_totals(r);
	if (err || !hold)
		err = finish(r) ?: err;
	return err;
}

static struct replay replay;

static int __init client_init(void)
{
	int err;

	err = read_trace(&replay);
	if (!err)
		err = replay_trace(&replay);
	if (!err) {
		write_report(&replay);
		dir = debugfs_create_dir(KBUILD_MODNAME, NULL);
		debugfs_create_blob("report", 0444, dir, &report_blob);
	}
	vfree(replay.data);
	return err;
}
module_init(client_init);

static void __exit client_exit(void)
{
	debugfs_remove_recursive(dir);
	if (replay.objects)
		finish(&replay);
}
module_exit(client_exit);

MODULE_DESCRIPTION("Replays a trace of kmalloc() and kfree() through gomalloc");
MODULE_AUTHOR("The gomalloc maintainers");
MODULE_INFO(test, "Y");
MODULE_LICENSE("GPL");
