// SPDX-License-Identifier: GPL-2.0
/*
 * What a kernel once allocated and freed, on one CPU and as fast as it goes.
 * What outlives the trace is freed at its end.
 */
#include <linux/err.h>
#include <linux/kernel_read_file.h>
#include <linux/string.h>
#include <linux/vmalloc.h>
#include "../gomalloc_trace.h"
#include "bench.h"

struct event {
	u32 slot;
	u32 size;
	bool is_free;
};

static struct event *events;
static unsigned int nr_events;

/* After it, the most is live. */
static unsigned int peak_event;

/* === Reading ============================================================= */

/* @sizes is by slot, with 1 added, and 0 where nothing is live. */
static const u8 *read_event(const u8 *next, const u8 *end, u64 *sizes,
			    unsigned int nr_slots, struct event *e)
{
	u64 slot, size, given;

	e->is_free = *next++ & EVENT_FREE;
	next = trace_read_number(next, end, &slot);
	if (!next || slot >= nr_slots || !sizes[slot] == e->is_free)
		return NULL;
	e->slot = slot;
	if (e->is_free) {
		e->size = sizes[slot] - 1;
		sizes[slot] = 0;
		return next;
	}
	next = trace_read_number(next, end, &size);
	if (!next || size > U32_MAX)
		return NULL;
	e->size = size;
	sizes[slot] = size + 1;
	return trace_read_number(next, end, &given);
}

static void note_peak(const struct event *e, s64 *live, s64 *peak)
{
	*live += e->is_free ? -(s64)e->size : e->size;
	if (*live <= *peak)
		return;
	*peak = *live;
	peak_event = nr_events;
}

static int read_events(const u8 *next, const u8 *end, u64 *sizes,
		       unsigned int nr_slots, u64 promised)
{
	s64 live = 0, peak = 0;
	unsigned int i;

	for (nr_events = 0; next < end && nr_events < promised; nr_events++) {
		struct event *e = &events[nr_events];

		next = read_event(next, end, sizes, nr_slots, e);
		if (!next)
			return -EINVAL;
		note_peak(e, &live, &peak);
	}
	if (nr_events < promised)
		return -EINVAL;
	for (i = 0; i < nr_slots; i++) {
		if (sizes[i])
			events[nr_events++] = (struct event){
				.slot = i,
				.size = sizes[i] - 1,
				.is_free = true,
			};
	}
	return 0;
}

static int read_trace(struct run *run, const struct trace_header *h,
		      size_t len)
{
	u64 *sizes;
	int err;

	if (len < sizeof(*h) || memcmp(h->magic, TRACE_MAGIC, 8) ||
	    le32_to_cpu(h->version) != TRACE_VERSION ||
	    le32_to_cpu(h->nr_slots) > TRACE_MAX_SLOTS ||
	    le64_to_cpu(h->nr_events) > len)
		return -EINVAL;
	run->nr_slots = le32_to_cpu(h->nr_slots);
	nr_events = le64_to_cpu(h->nr_events);
	events = vmalloc_array(nr_events + run->nr_slots, sizeof(*events));
	sizes = vcalloc(run->nr_slots, sizeof(*sizes));
	err = -ENOMEM;
	if (events && sizes)
		err = read_events((const u8 *)(h + 1), (const u8 *)h + len,
				  sizes, run->nr_slots, nr_events);
	vfree(sizes);
	return err;
}

static int trace_init(struct run *run)
{
	void *data = NULL;
	ssize_t len;
	int err;

	if (!bench_trace)
		return -ENODATA;
	len = kernel_read_file_from_path(bench_trace, 0, &data, INT_MAX, NULL,
					 READING_FIRMWARE);
	if (len < 0)
		return len;
	err = read_trace(run, data, len);
	vfree(data);
	/* One step more, for the one that the peak cuts short. */
	run->steps = DIV_ROUND_UP(nr_events, STEP) + 1;
	return err;
}

static void trace_exit(struct run *run)
{
	vfree(events);
	events = NULL;
}

/* === Replaying =========================================================== */

/* Any size, so the objects do not say it. */
static __always_inline void replay_alloc(struct worker *w,
					 enum allocator which,
					 const struct event *e)
{
	u8 *obj = get(which, e->size, BENCH_GFP);

	w->slots[e->slot] = obj;
	if (unlikely(!obj)) {
		run_fail(w->run, "no memory");
	} else if (e->size) {
		obj[0] = e->slot;
		obj[e->size - 1] = e->slot;
	}
	w->live += e->size;
}

static __always_inline void replay_free(struct worker *w, enum allocator which,
					const struct event *e)
{
	const u8 *obj = w->slots[e->slot];

	w->slots[e->slot] = NULL;
	if (obj && e->size &&
	    (obj[0] != (u8)e->slot || obj[e->size - 1] != (u8)e->slot))
		run_fail(w->run, "an object was overwritten");
	w->live -= e->size;
	put(which, obj);
}

static __always_inline void replay(struct worker *w, enum allocator which)
{
	unsigned int i = w->cursor, end = min(i + STEP, nr_events);

	if (i <= peak_event && peak_event < end)
		end = peak_event + 1;
	w->calls += end - i;
	w->cursor = end;
	for (; i < end; i++) {
		if (events[i].is_free)
			replay_free(w, which, &events[i]);
		else
			replay_alloc(w, which, &events[i]);
	}
}

DEFINE_STEP(replay, replay)

const struct workload trace_workloads[] = {
	{
		.name = "trace",
		.lanes = SPEED | BIT(MEMORY),
		.init = trace_init,
		.exit = trace_exit,
		.step = STEP_OF(replay),
	},
	{ }
};
