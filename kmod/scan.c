// SPDX-License-Identifier: GPL-2.0
/*
 * A conservative scan for live objects that nobody points to any more, in the
 * manner of kmemleak.
 *
 * What is there is white at first.  Each word in the data of clients, in pools
 * and reserves and on the kernel stacks of tasks that may be the address of an
 * object, or of any byte in one, makes it grey; grey ones are read likewise
 * and turn black.
 * What is white then is suspect.  Pointers to the inside count: who has an
 * object in a list knows it by a member.  The object's last byte is its last;
 * one past it is the next one's.
 *
 * A free object carries its key, whether in a span or in a magazine; all else
 * is told by the arena map's dense part, class bytes and biases.  So the scan
 * takes no lock of an allocator's and looks at no span, which might go away;
 * only tracked objects are asked for one by one.  All memory is read as if it
 * were not there: it may have gone since.
 *
 * The rest of the system goes on.  A pointer may be moved from what was not
 * read yet to what was, an object may wait for a grace period or change
 * hands.  So there are two passes with such a period between them, and
 * suspect is what both have found, with the same contents.
 *
 * leak.c calls it, one at a time, in process context.
 */
#include <linux/jhash.h>
#include <linux/kmemleak.h>
#include <linux/rcupdate.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>
#include <linux/sched/task_stack.h>
#include <linux/slab.h>
#include <linux/timekeeping.h>
#include <linux/uaccess.h>
#include "arena.h"
#include "client.h"
#include "fail.h"
#include "goheap.h"
#include "gopool.h"
#include "goreserve.h"
#include "mark.h"
#include "mspan.h"
#include "scan.h"
#include "size_class.h"
#include "stats.h"
#include "tiny.h"
#include "tracked.h"

/* Words to copy at a time, of memory that does not cross a page. */
#define CHUNK_WORDS	128
#define CHUNK_BYTES	(CHUNK_WORDS * sizeof(long))

/**
 * struct pass - a scan at work
 * @marks: the colours
 * @scan: what is counted
 * @err: -EINTR or -ENOMEM, why it ends early
 * @words: a copy of what is being looked at
 */
struct pass {
	struct gom_marks marks;
	struct gom_scan *scan;
	int err;
	unsigned long words[CHUNK_WORDS];
};

/* Whether to go on. */
static bool breathe(struct pass *pass)
{
	cond_resched();
	if (!pass->err && signal_pending(current))
		pass->err = -EINTR;
	return !pass->err;
}

/**
 * struct view - what the arena map says of an address, at some moment
 * @class: class byte
 * @offset: in its span, if @class says that there is one
 * @nelems: objects that the span has room for, if they are small
 */
struct view {
	unsigned int class;
	u32 offset;
	unsigned int nelems;
};

static struct view look(unsigned long addr)
{
	const void *ptr = (void *)addr;
	unsigned int page = gom_arena_page(ptr);
	struct view view = { GOM_CLASS_NONE };
	struct arena *arena;

	rcu_read_lock();
	arena = gom_arena_of(ptr);
	if (arena) {
		view.class = READ_ONCE(arena->class[page]);
		view.offset = READ_ONCE(arena->bias[page]) + (u32)addr;
		if (view.class && view.class < GOM_NR_SPAN_CLASSES)
			view.nelems = gom_glance(gom_arena_span(ptr)->nelems);
	}
	rcu_read_unlock();
	return view;
}

/* Where the object around @addr begins, live or not; 0 if there is none. */
static unsigned long start_of(unsigned long addr)
{
	struct view view = look(addr);
	struct gom_goheap_info in_heap;
	struct gom_tracked_info info;
	unsigned int i;

	switch (view.class) {
	case GOM_CLASS_NONE:
	case GOM_CLASS_FREE:
		return 0;
	case GOM_CLASS_LARGE:
		return addr - view.offset;
	case GOM_CLASS_TRACKED:
		return gom_tracked_find((void *)addr, &info) ?
		       (unsigned long)info.obj : 0;
	case GOM_CLASS_HEAP:
		return gom_goheap_find((void *)addr, &in_heap) ?
		       (unsigned long)in_heap.obj : 0;
	}
	i = gom_class_index(view.class, view.offset);
	if (i >= view.nelems)
		return 0;
	return addr - view.offset + i * gom_class[view.class].size;
}

/* Whether the object at @addr, of a span that is cut, is free. */
static bool has_key(unsigned long addr)
{
	unsigned long word;

	if (copy_from_kernel_nofault(&word, (void *)addr, sizeof(word)))
		return true;
	return word == gom_key((void *)addr);
}

/* Bytes of the pages that belong to the large object at @addr. */
static u32 large_size(unsigned long addr)
{
	u32 size = 0;
	struct view view;

	do {
		size += GOM_PAGE_SIZE;
		view = look(addr + size);
	} while (size < GOM_ARENA_SIZE && view.class == GOM_CLASS_LARGE &&
		 view.offset == size);
	return size;
}

static bool describe_tracked(unsigned long addr, struct gom_suspect *object)
{
	struct gom_tracked_info info;

	if (!gom_tracked_find((void *)addr, &info) ||
	    (unsigned long)info.obj != addr)
		return false;
	object->size = info.size;
	object->class = gom_class_byte(info.size);
	object->site = info.caller;
	object->when = info.when;
	return true;
}

static bool describe_in_heap(unsigned long addr, struct gom_suspect *object)
{
	struct gom_goheap_info info;

	if (!gom_goheap_find((void *)addr, &info) ||
	    (unsigned long)info.obj != addr)
		return false;
	object->size = info.size;
	object->site = info.site;
	return true;
}

/* The live object that begins at @addr, without its checksum. */
static bool describe(unsigned long addr, struct gom_suspect *object)
{
	struct view view = look(addr);

	*object = (struct gom_suspect) { .addr = addr, .class = view.class };
	if (view.class == GOM_CLASS_TRACKED)
		return describe_tracked(addr, object);
	if (view.class == GOM_CLASS_HEAP)
		return describe_in_heap(addr, object);
	if (start_of(addr) != addr)
		return false;
	if (view.class == GOM_CLASS_LARGE) {
		object->size = large_size(addr);
		return true;
	}
	/* Not what start_of() saw, if the span has changed hands since. */
	if (view.class >= GOM_NR_SPAN_CLASSES)
		return false;
	object->size = gom_class[view.class].size;
	return !has_key(addr);
}

/* Copy what comes next of @size bytes at @addr; returns its bytes. */
static unsigned int read_chunk(struct pass *pass, unsigned long addr,
			       size_t size)
{
	unsigned int n = min_t(size_t, size, CHUNK_BYTES - addr % CHUNK_BYTES);

	if (copy_from_kernel_nofault(pass->words, (void *)addr, n))
		memset(pass->words, 0, n);
	return n;
}

static void scan_chunk(struct pass *pass, unsigned int n)
{
	unsigned int i;

	for (i = 0; i < n / sizeof(long) && !pass->err; i++) {
		unsigned long word = pass->words[i], start;

		/* As most are. */
		if (gom_arena_index((void *)word) >= gomalloc_hot.nr_arenas)
			continue;
		start = start_of(word);
		if (start)
			pass->err = gom_mark_grey(&pass->marks, start);
	}
}

/* Pointers are aligned; so are objects of the size of one or more. */
static void scan_memory(struct pass *pass, unsigned long addr, size_t size)
{
	unsigned long end = ALIGN_DOWN(addr + size, sizeof(long));
	unsigned int n;

	for (addr = ALIGN(addr, sizeof(long)); addr < end; addr += n) {
		n = read_chunk(pass, addr, end - addr);
		scan_chunk(pass, n);
		if (!breathe(pass))
			return;
	}
}

/* === What is there ======================================================== */

/* The object at @addr, in a page with @colours; false if there is no memory. */
static bool whiten(struct pass *pass, struct mark_page *colours,
		   unsigned long addr)
{
	if (!colours) {
		pass->err = -ENOMEM;
		return false;
	}
	gom_mark_white(colours, addr);
	pass->scan->objects++;
	return true;
}

/* The live objects of a small class that begin in the page at @page. */
static void whiten_small(struct pass *pass, unsigned long page,
			 const struct view *view)
{
	const struct gom_class *class = &gom_class[view->class];
	unsigned int i = DIV_ROUND_UP(view->offset, class->size);
	unsigned long addr = page - view->offset + i * class->size;
	struct mark_page *colours = NULL;

	for (; i < view->nelems && addr < page + GOM_PAGE_SIZE;
	     i++, addr += class->size) {
		if (has_key(addr))
			continue;
		if (!colours)
			colours = gom_mark_add_page(&pass->marks, page);
		if (!whiten(pass, colours, addr))
			return;
	}
}

/*
 * The objects of a heap that begin in the page.  Nobody need point to those
 * that are freed whole: what they point to is known as long as the heap is.
 */
static void whiten_in_heap(struct pass *pass, unsigned long page)
{
	void *end = (void *)page + GOM_PAGE_SIZE, *from = (void *)page;
	struct mark_page *colours = NULL;
	struct gom_goheap_info info;

	for (; from < end && gom_goheap_next(from, end, &info);
	     from = info.obj + GOM_MARK_GRANULE) {
		if (!colours)
			colours = gom_mark_add_page(&pass->marks, page);
		if (!whiten(pass, colours, (unsigned long)info.obj))
			return;
		if (info.whole)
			pass->err = gom_mark_grey(&pass->marks,
						  (unsigned long)info.obj);
		if (pass->err)
			return;
	}
}

static void whiten_page(struct pass *pass, unsigned long page)
{
	struct view view = look(page);

	switch (view.class) {
	case GOM_CLASS_NONE:
	case GOM_CLASS_FREE:
		return;
	case GOM_CLASS_LARGE:
		if (!view.offset)
			whiten(pass, gom_mark_add_page(&pass->marks, page), page);
		return;
	case GOM_CLASS_TRACKED:
		if (!gom_mark_add_page(&pass->marks, page))
			pass->err = -ENOMEM;
		return;
	case GOM_CLASS_HEAP:
		whiten_in_heap(pass, page);
		return;
	}
	whiten_small(pass, page, &view);
}

/* The page is not there if its span is newer: then so is the object. */
static bool whiten_tracked(const struct gom_tracked_info *info, void *arg)
{
	unsigned long addr = (unsigned long)info->obj;
	struct pass *pass = arg;
	struct mark_page *colours = gom_mark_find_page(&pass->marks, addr);

	return !colours || whiten(pass, colours, addr);
}

static void whiten_all(struct pass *pass)
{
	unsigned long i, page;

	for (i = 0; i < gomalloc_hot.nr_arenas; i++) {
		if (!gom_arena_at(i))
			continue;
		page = gomalloc_hot.first + (i << GOM_ARENA_SHIFT);
		do {
			whiten_page(pass, page);
			if (!breathe(pass))
				return;
			page += GOM_PAGE_SIZE;
		} while (page & (GOM_ARENA_SIZE - 1));
	}
	gom_tracked_walk(whiten_tracked, pass);
}

/* === Where pointers are =================================================== */

static void scan_root(void *data, size_t size, void *arg)
{
	struct pass *pass = arg;

	pass->scan->root_bytes += size;
	scan_memory(pass, (unsigned long)data, size);
}

/*
 * What pools and reserves hold.  It is copied first, as marking it takes memory
 * and so may have to wait for those who wait for their locks.
 */
static void scan_held(struct pass *pass)
{
	struct gom_reserve_cursor reserve = {};
	struct gom_pool_cursor pool = {};
	void **words = (void **)pass->words;
	size_t n;

	BUILD_BUG_ON(sizeof(pass->words) < GOM_POOL_ROOTS_BYTES);
	do {
		n = gom_pool_roots(&pool, words) ?:
		    gom_reserve_roots(&reserve, words, CHUNK_WORDS);
		pass->scan->root_bytes += n;
		scan_chunk(pass, n);
	} while (n && breathe(pass));
}

/*
 * Where the part in use of @task's stack begins.  Below it lie old values, which
 * would keep what nobody knows any more alive.  Of who may be at work there it
 * is not known.
 */
static unsigned long stack_used(struct task_struct *task)
{
	unsigned long offset;

	if (READ_ONCE(task->__state) == TASK_RUNNING)
		return 0;
	offset = gom_compat_stack_pointer(task) -
		 (unsigned long)READ_ONCE(task->stack);
	return offset < THREAD_SIZE ? round_down(offset, sizeof(long)) : 0;
}

/* A stack is freed by RCU and may go between two chunks, when its task dies. */
static void scan_stack(struct pass *pass, struct task_struct *task)
{
	unsigned long offset = stack_used(task), stack;
	unsigned int n;

	for (; offset < THREAD_SIZE; offset += n) {
		rcu_read_lock();
		stack = (unsigned long)READ_ONCE(task->stack);
		n = stack ? read_chunk(pass, stack + offset,
				       THREAD_SIZE - offset) : 0;
		rcu_read_unlock();
		if (!n)
			return;
		pass->scan->root_bytes += n;
		scan_chunk(pass, n);
		if (!breathe(pass))
			return;
	}
}

/* Hold the first @room tasks; returns how many there are. */
static unsigned int get_tasks(struct task_struct **tasks, unsigned int room)
{
	struct task_struct *process, *task;
	unsigned int n = 0;

	rcu_read_lock();
	for_each_process_thread(process, task) {
		if (n < room)
			tasks[n] = get_task_struct(task);
		n++;
	}
	rcu_read_unlock();
	return n;
}

static void put_tasks(struct task_struct **tasks, unsigned int n)
{
	while (n--)
		put_task_struct(tasks[n]);
	kvfree(tasks);
}

/* All tasks there are, for put_tasks(); NULL without memory. */
static struct task_struct **hold_tasks(unsigned int *n)
{
	struct task_struct **tasks = NULL;
	unsigned int room = 0;

	while ((*n = get_tasks(tasks, room)) > room) {
		put_tasks(tasks, room);
		/* Room for those to come in between. */
		room = 2 * *n + 16;
		tasks = gom_try(TASKS, room * sizeof(*tasks), GFP_KERNEL,
				kvmalloc_array(room, sizeof(*tasks),
					       GFP_KERNEL));
		if (!tasks)
			break;
	}
	return tasks;
}

/*
 * This task's own stack is left out: it is full of what the scan has looked
 * at, and its user has got here by writing to a file.
 */
static void scan_stacks(struct pass *pass)
{
	struct task_struct **tasks;
	unsigned int i, n;

	tasks = hold_tasks(&n);
	if (!tasks) {
		pass->err = -ENOMEM;
		return;
	}
	for (i = 0; i < n && !pass->err; i++)
		if (tasks[i] != current)
			scan_stack(pass, tasks[i]);
	put_tasks(tasks, n);
}

static void scan_grey(struct pass *pass)
{
	struct gom_suspect object;
	unsigned long addr;

	while (!pass->err && (addr = gom_mark_blacken(&pass->marks))) {
		if (!describe(addr, &object))
			continue;
		pass->scan->heap_bytes += object.size;
		scan_memory(pass, addr, object.size);
	}
}

/* === What nothing points to =============================================== */

static u32 checksum(struct pass *pass, const struct gom_suspect *object)
{
	unsigned long addr = object->addr;
	unsigned long end = addr + object->size;
	unsigned int n;
	u32 sum = 0;

	for (; addr < end && breathe(pass); addr += n) {
		n = read_chunk(pass, addr, end - addr);
		sum = jhash(pass->words, n, sum);
	}
	return sum;
}

/* A white object, if it lives still and no CPU cuts from it. */
static bool is_suspect(struct pass *pass, unsigned long addr,
		       struct gom_suspect *object)
{
	if (!describe(addr, object) ||
	    (object->class == GOM_CLASS_TINY && gom_tiny_is_open((void *)addr)))
		return false;
	object->sum = checksum(pass, object);
	return true;
}

#define for_each_white(addr, marks)					\
	for ((addr) = gom_mark_next_white(marks, gomalloc_hot.first);	\
	     (addr);							\
	     (addr) = gom_mark_next_white(marks, (addr) + GOM_MARK_GRANULE))

/* After the first pass: whatever is white. */
static void gather(struct pass *pass)
{
	struct gom_scan *scan = pass->scan;
	unsigned long addr;
	size_t n = 0;

	for_each_white(addr, &pass->marks) {
		if (!breathe(pass))
			return;
		n++;
	}
	if (!n)
		return;
	scan->suspect = gom_try(SUSPECTS, n * sizeof(*scan->suspect), GFP_KERNEL,
				kvmalloc_array(n, sizeof(*scan->suspect),
					       GFP_KERNEL));
	if (!scan->suspect) {
		pass->err = -ENOMEM;
		return;
	}
	scan->room = n;
	/* It names those that nobody else does. */
	kmemleak_ignore(scan->suspect);
	gom_meta_add(n * sizeof(*scan->suspect));
	for_each_white(addr, &pass->marks) {
		if (!breathe(pass))
			return;
		if (is_suspect(pass, addr, &scan->suspect[scan->nsuspects]))
			scan->nsuspects++;
	}
}

static bool is_same(const struct gom_suspect *a, const struct gom_suspect *b)
{
	return a->when == b->when && a->class == b->class &&
	       a->size == b->size && a->sum == b->sum;
}

/* After the second: keep those that are white again, and are the same. */
static void confirm(struct pass *pass)
{
	struct gom_scan *scan = pass->scan;
	struct gom_suspect *was, now;
	size_t i, n = 0;

	for (i = 0; i < scan->nsuspects && breathe(pass); i++) {
		was = &scan->suspect[i];
		if (gom_mark_is_white(&pass->marks, was->addr) &&
		    is_suspect(pass, was->addr, &now) &&
		    is_same(was, &now))
			scan->suspect[n++] = now;
	}
	scan->nsuspects = n;
}

static void run_pass(struct pass *pass, void (*judge)(struct pass *pass))
{
	struct gom_scan *scan = pass->scan;

	scan->objects = 0;
	scan->root_bytes = 0;
	scan->heap_bytes = 0;
	gom_mark_begin(&pass->marks);
	whiten_all(pass);
	if (!pass->err)
		gom_client_walk(scan_root, pass);
	if (!pass->err)
		scan_held(pass);
	if (!pass->err)
		scan_stacks(pass);
	scan_grey(pass);
	if (!pass->err)
		judge(pass);
	scan->mark_bytes = gom_mark_bytes(&pass->marks);
	gom_mark_end(&pass->marks);
}

/*
 * Look for leaks.  -EINTR if a signal came in between, -ENOMEM; else 0 and
 * what was found in @scan, for gom_scan_free().
 */
int gom_scan_run(struct gom_scan *scan)
{
	struct pass *pass = gom_try(SCAN, sizeof(*pass), GFP_KERNEL,
				    kmalloc(sizeof(*pass), GFP_KERNEL));
	u64 begin = ktime_get_mono_fast_ns();
	int err;

	*scan = (struct gom_scan) {};
	if (!pass)
		return -ENOMEM;
	pass->scan = scan;
	pass->err = 0;
	run_pass(pass, gather);
	if (!pass->err && scan->nsuspects) {
		/* What was left to RCU until now is freed then. */
		rcu_barrier();
		run_pass(pass, confirm);
	}
	err = pass->err;
	kfree(pass);
	if (err)
		gom_scan_free(scan);
	scan->when = ktime_get_mono_fast_ns();
	scan->ns = scan->when - begin;
	return err;
}

void gom_scan_free(struct gom_scan *scan)
{
	gom_meta_add(-(long)(scan->room * sizeof(*scan->suspect)));
	kvfree(scan->suspect);
	*scan = (struct gom_scan) {};
}
