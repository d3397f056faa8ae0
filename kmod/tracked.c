// SPDX-License-Identifier: GPL-2.0
/*
 * Tracked objects: those of which gomalloc remembers who allocated them and
 * when, because they were sampled for the profile or because their module's
 * call sites are counted.
 *
 * They live in spans of their own, with a record for each slot, so that no
 * other object pays for being told from them: the class byte of their pages
 * keeps them off the fast path of gofree().  slot.c knows the slots.
 *
 * Objects that the parameter debug has checked are tracked as well.  Theirs is
 * the middle of a slot, and freed ones keep it for a while: checked.c,
 * quarantine.c.  So are those with a page beside them that faults: guarded.c.
 *
 * Called by malloc.c with no lock held, in any context but NMI.
 */
#include <linux/bitmap.h>
#include <linux/kmemleak.h>
#include <linux/llist.h>
#include <linux/slab.h>
#include <linux/timekeeping.h>
#include "arena.h"
#include "checked.h"
#include "debug.h"
#include "guard.h"
#include "guarded.h"
#include "mspan.h"
#include "node.h"
#include "profile.h"
#include "quarantine.h"
#include "report.h"
#include "site.h"
#include "slot.h"
#include "tracked.h"

static atomic64_t failed;

/* Allocations that were to be tracked and were not, for want of memory. */
u64 gom_tracked_failed(void)
{
	return atomic64_read(&failed);
}

/* === Allocation ========================================================== */

/* What a class has not counted. */
static void count_malloc(const void *obj, u32 bytes)
{
	struct gom_tracked *tracked = gom_tracked_of(gom_arena_span(obj));
	unsigned long flags;

	raw_spin_lock_irqsave(&tracked->lock, flags);
	tracked->mallocs++;
	tracked->total_bytes += bytes;
	raw_spin_unlock_irqrestore(&tracked->lock, flags);
}

/* Who it is that allocates; false without memory or if nobody cares. */
static bool fill_record(struct gom_record *record,
			const struct gom_tracked_request *req)
{
	if (req->sampled)
		record->bucket = gom_profile_bucket(req->caller, req->bytes,
						    req->gfp);
	if (record->bucket)
		record->site = gom_profile_caller(record->bucket);
	else
		record->site = gom_site_get(req->caller, req->gfp);
	record->counted = record->site && READ_ONCE(record->site->counted);
	if (record->bucket && gom_guard_due(req->size))
		record->checks = GOM_CHECKS_GUARDED;
	else
		record->checks = gom_debug_checks(req->size, record->site);
	record->bytes = req->bytes;
	record->size = req->bytes;
	record->when = ktime_get_mono_fast_ns();
	if (record->bucket || record->counted || record->checks)
		return true;
	if (req->sampled || !record->site)
		atomic64_inc(&failed);
	return false;
}

static void count_in(const struct gom_record *record)
{
	if (record->bucket)
		gom_profile_malloc(record->bucket);
	if (record->counted)
		gom_site_malloc(&record->site->exact, 1, record->bytes);
}

static void count_out(const struct gom_record *record)
{
	if (record->bucket)
		gom_profile_free(record->bucket,
				 ktime_get_mono_fast_ns() - record->when);
	if (record->counted)
		gom_site_free(&record->site->exact, 1, record->bytes);
}

static void begin_checked(const void *obj,
			  const struct gom_tracked_request *req)
{
	struct gom_slot slot = gom_slot_around(obj);

	if (!gom_debug_may_wait(req->gfp))
		gom_report(GOM_ATOMIC_WAIT, obj, req->caller);
	gom_checked_begin(&slot);
}

/* A guarded one if there is a page for it; if not, @record is a plain one's. */
static void *alloc_guarded(const struct gom_tracked_request *req,
			   struct gom_record *record)
{
	struct gom_record plain = *record;
	void *obj;

	gom_checked_layout(record, req->size);
	obj = gom_guarded_take(&gom_node(req->node)->tracked, record, req->gfp);
	if (obj)
		return obj;
	*record = plain;
	record->checks = gom_debug_checks(req->size, record->site);
	return NULL;
}

/*
 * An object that is remembered.  NULL if nobody wants to remember it, or if
 * there is no memory to be had without effort: then it is to be allocated
 * as any other.
 */
void *gom_tracked_alloc(const struct gom_tracked_request *req)
{
	struct gom_record record = {};
	void *obj = NULL;

	if (!fill_record(&record, req))
		return NULL;
	if (record.checks & GOM_CHECK_GUARD)
		obj = alloc_guarded(req, &record);
	if (!obj)
		obj = gom_slot_alloc(req, &record);
	if (!obj) {
		atomic64_inc(&failed);
		return NULL;
	}
	gom_node_count_alloc(req->node, obj);
	count_in(&record);
	if (!req->class)
		count_malloc(obj, record.bytes);
	if (record.checks)
		begin_checked(obj, req);
	if (want_init_on_alloc(req->gfp))
		memset(obj, 0, record.size);
	kmemleak_alloc(obj, record.size, 1, GOM_GFP_META(req->gfp));
	return obj;
}

/* === Objects by address ================================================== */

/*
 * The span around @ptr if that is in pages of ours.  Caller holds the lock of
 * their node.  An empty span is taken out under it, but entered until later,
 * so its header may be gone or another's by now: mspan.c keeps it a header as
 * long as interrupts are off, which keeps the arena as well, and one that is
 * ours under this lock stays so.
 */
static struct mspan *span_of(const struct gom_tracked *tracked, const void *ptr)
{
	struct arena *arena = gom_arena_of(ptr);
	unsigned int page = gom_arena_page(ptr);
	struct mspan *span;

	if (!arena || READ_ONCE(arena->class[page]) != GOM_CLASS_TRACKED)
		return NULL;
	span = READ_ONCE(*gom_arena_slot(arena, page));
	if (!gom_mspan_in_use(span) ||
	    READ_ONCE(span->class) != GOM_CLASS_TRACKED ||
	    gom_tracked_of(span) != tracked ||
	    (unsigned long)ptr - READ_ONCE(span->start) >=
	    READ_ONCE(span->npages) * GOM_PAGE_SIZE)
		return NULL;
	return span;
}

/* Where nothing else keeps the arena around. */
static unsigned int class_of(const void *ptr)
{
	unsigned int class;

	rcu_read_lock();
	class = gom_arena_class(ptr);
	rcu_read_unlock();
	return class;
}

/* Whose lock guards the page that @ptr lies in. */
static struct gom_tracked *tracked_around(const void *ptr)
{
	return &gom_node(gom_node_of(ptr))->tracked;
}

static bool is_live(const struct mspan *span, unsigned int slot)
{
	return test_bit(slot, span->inline_bits) &&
	       !gom_mspan_records(span)[slot].held;
}

/* Whether the live object at @ptr is one.  Caller holds the lock. */
static enum gom_tracked_free check(const struct mspan *span, const void *ptr)
{
	unsigned int slot;

	if (!span)
		return GOM_TRACKED_NOT_LIVE;
	slot = gom_slot_index(span, ptr);
	if (gom_slot_object(span, slot) != ptr)
		return GOM_TRACKED_INSIDE;
	return is_live(span, slot) ? GOM_TRACKED_FREED : GOM_TRACKED_NOT_LIVE;
}

/* === Free ================================================================ */

/* A checked object that was found live, and is nobody's but ours now. */
static void end_checked(struct gom_tracked *tracked, void *obj,
			unsigned long caller)
{
	struct gom_slot slot = gom_slot_around(obj);
	void *oldest;

	gom_checked_end(&slot, caller);
	gom_quarantine_hold(tracked, obj, &slot);
	while ((oldest = gom_quarantine_take(tracked, GOM_QUARANTINE_MOST, false)))
		gom_quarantine_release(tracked, oldest);
}

/*
 * kmemleak is to know the object no more, before anybody else may have its
 * place.  It would warn of what is none.
 */
static void forget(const void *ptr)
{
	bool live;

	if (!IS_ENABLED(CONFIG_DEBUG_KMEMLEAK))
		return;
	rcu_read_lock();
	live = gom_tracked_may_live(ptr);
	rcu_read_unlock();
	if (live)
		kmemleak_free(ptr);
}

/* Free the tracked object at @ptr, which lies in a page of ours. */
enum gom_tracked_free gom_tracked_free(const void *ptr, unsigned long caller)
{
	struct gom_tracked *tracked;
	enum gom_tracked_free how;
	struct gom_record record;
	struct mspan *span, *over = NULL;
	unsigned long flags;

	forget(ptr);
	tracked = tracked_around(ptr);
	raw_spin_lock_irqsave(&tracked->lock, flags);
	span = span_of(tracked, ptr);
	how = check(span, ptr);
	if (how == GOM_TRACKED_FREED) {
		unsigned int slot = gom_slot_index(span, ptr);

		record = gom_mspan_records(span)[slot];
		gom_slot_count_live(tracked, &record, -1);
		if (record.checks) {
			gom_mspan_records(span)[slot].held = true;
			tracked->nheld++;
		} else {
			/* While it is nobody else's; what is long waits. */
			if (want_init_on_free() &&
			    span->npages <= GOM_SPARE_PAGES)
				memset((void *)ptr, 0, record.size);
			over = gom_slot_put(tracked, span, slot);
		}
	}
	raw_spin_unlock_irqrestore(&tracked->lock, flags);
	if (how != GOM_TRACKED_FREED)
		return how;
	count_out(&record);
	if (record.checks)
		end_checked(tracked, (void *)ptr, caller);
	if (over) {
		if (want_init_on_free() && over->npages > GOM_SPARE_PAGES)
			memset((void *)ptr, 0, record.size);
		gom_mheap_free(over);
	}
	return how;
}

/*
 * A checked object is to have @size bytes, no more than it had.  False if it
 * is not checked, or its end is not.
 */
bool gom_tracked_resize(const void *ptr, size_t size)
{
	struct gom_tracked *tracked;
	unsigned long flags;
	struct mspan *span;
	bool exact = false;
	struct gom_slot slot;

	if (class_of(ptr) != GOM_CLASS_TRACKED)
		return false;
	tracked = tracked_around(ptr);
	raw_spin_lock_irqsave(&tracked->lock, flags);
	span = span_of(tracked, ptr);
	if (check(span, ptr) == GOM_TRACKED_FREED) {
		slot = gom_slot_at(span, gom_slot_index(span, ptr));
		exact = slot.record->checks & GOM_CHECK_EXACT;
	}
	raw_spin_unlock_irqrestore(&tracked->lock, flags);
	/* The object is the caller's, so its slot stays. */
	if (exact)
		gom_checked_resize(&slot, size);
	return exact;
}

/*
 * The live object at @ptr is to be freed later, and is a link of a list until
 * then: which may be longer than what was asked for.  Any context.
 */
void gom_tracked_defer(const void *ptr)
{
	struct gom_slot slot = gom_slot_around(ptr);

	if (slot.record->checks & GOM_CHECK_EXACT &&
	    slot.record->size < sizeof(struct llist_node))
		gom_checked_resize(&slot, sizeof(struct llist_node));
}

/* How often to try the lock where nobody may wait for it. */
#define LOCK_TRIES	100000

/*
 * Whether to give a lock up that is taken: it may have been under this one that
 * the CPU did what is to be told of.
 */
static bool gives_up(unsigned int *tries)
{
	cpu_relax();
	return ++*tries > LOCK_TRIES;
}

/* Say what is known of the object that is or was around @ptr.  Any context. */
void gom_tracked_tell(const void *ptr)
{
	struct gom_record record = {};
	struct gom_tracked *tracked;
	unsigned int tries = 0;
	unsigned long flags;
	struct mspan *span;

	if (class_of(ptr) != GOM_CLASS_TRACKED)
		return;
	tracked = tracked_around(ptr);
	while (!raw_spin_trylock_irqsave(&tracked->lock, flags))
		if (gives_up(&tries))
			return;
	span = span_of(tracked, ptr);
	if (span)
		record = gom_mspan_records(span)[gom_slot_index(span, ptr)];
	raw_spin_unlock_irqrestore(&tracked->lock, flags);
	gom_checked_tell(&record);
}

/* Whether a live tracked object begins at @ptr, of a page of ours. */
bool gom_tracked_begins(const void *ptr)
{
	unsigned long flags;
	struct gom_tracked *tracked = tracked_around(ptr);
	bool begins;

	raw_spin_lock_irqsave(&tracked->lock, flags);
	begins = check(span_of(tracked, ptr), ptr) == GOM_TRACKED_FREED;
	raw_spin_unlock_irqrestore(&tracked->lock, flags);
	return begins;
}

static void fill_info(struct gom_tracked_info *info, const struct mspan *span,
		      unsigned int slot)
{
	const struct gom_record *record = &gom_mspan_records(span)[slot];

	info->obj = gom_slot_object(span, slot);
	info->size = record->size;
	info->caller = record->site;
	info->counted = record->counted;
	/* Of one that is held, that leads to the next. */
	info->bucket = record->bucket && !record->held ?
		       gom_profile_id(record->bucket) : 0;
	info->when = record->when;
	info->held = record->held;
}

/* Not in a redzone in front of it, that is. */
static bool is_inside(const struct mspan *span, unsigned int slot,
		      const void *ptr)
{
	return ptr >= gom_slot_object(span, slot);
}

/* The live tracked object around any address; false if there is none. */
bool gom_tracked_find(const void *ptr, struct gom_tracked_info *info)
{
	struct gom_tracked *tracked;
	unsigned long flags;
	struct mspan *span;
	unsigned int slot;
	bool found = false;

	if (class_of(ptr) != GOM_CLASS_TRACKED)
		return false;
	tracked = tracked_around(ptr);
	raw_spin_lock_irqsave(&tracked->lock, flags);
	span = span_of(tracked, ptr);
	if (span) {
		slot = gom_slot_index(span, ptr);
		found = is_live(span, slot) && is_inside(span, slot, ptr);
		if (found)
			fill_info(info, span, slot);
	}
	raw_spin_unlock_irqrestore(&tracked->lock, flags);
	return found;
}

/*
 * The guarded object, live or held, in whose two pages @ptr is; false if there
 * is none or the lock is taken.  Any context.
 */
bool gom_tracked_find_guarded(const void *ptr, struct gom_tracked_info *info)
{
	struct gom_tracked *tracked;
	unsigned int tries = 0;
	unsigned long flags;
	struct mspan *span;
	bool found = false;

	if (class_of(ptr) != GOM_CLASS_TRACKED)
		return false;
	tracked = tracked_around(ptr);
	while (!raw_spin_trylock_irqsave(&tracked->lock, flags))
		if (gives_up(&tries))
			return false;
	span = span_of(tracked, ptr);
	if (span && span->bucket == GOM_SPAN_GUARDED && span->nalloc) {
		fill_info(info, span, 0);
		found = true;
	}
	raw_spin_unlock_irqrestore(&tracked->lock, flags);
	return found;
}

/*
 * Bytes of the live tracked object around @ptr, whether one may begin there, and
 * where it begins: any context, with RCU held off.  0 and NULL if its span has
 * just gone.
 */
size_t gom_tracked_size(const void *ptr)
{
	struct mspan span;

	if (!gom_mspan_glimpse(gom_arena_span(ptr), GOM_CLASS_TRACKED, &span))
		return 0;
	return gom_mspan_records(&span)[gom_slot_index(&span, ptr)].size;
}

bool gom_tracked_may_live(const void *ptr)
{
	struct mspan *now = gom_arena_span(ptr), span;
	unsigned int slot;

	if (!gom_mspan_glimpse(now, GOM_CLASS_TRACKED, &span))
		return false;
	slot = gom_slot_index(&span, ptr);
	return gom_slot_object(&span, slot) == ptr &&
	       test_bit(slot, now->inline_bits) &&
	       !READ_ONCE(gom_mspan_records(&span)[slot].held);
}

void *gom_tracked_object(const void *ptr)
{
	struct mspan span;

	if (!gom_mspan_glimpse(gom_arena_span(ptr), GOM_CLASS_TRACKED, &span))
		return NULL;
	return gom_slot_object(&span, gom_slot_index(&span, ptr));
}

/* The objects of the span that begins at @page; false if @visit has enough. */
static bool visit_span(void *page,
		       bool (*visit)(const struct gom_tracked_info *info,
				     void *arg), void *arg)
{
	struct gom_tracked_info info;
	struct gom_tracked *tracked;
	unsigned long flags;
	struct mspan *span;
	unsigned int slot;
	bool more = true;

	tracked = tracked_around(page);
	raw_spin_lock_irqsave(&tracked->lock, flags);
	span = span_of(tracked, page);
	if (span && span->start == (unsigned long)page) {
		for_each_set_bit(slot, span->inline_bits, span->nelems) {
			if (!is_live(span, slot))
				continue;
			fill_info(&info, span, slot);
			more = visit(&info, arg);
			if (!more)
				break;
		}
	}
	raw_spin_unlock_irqrestore(&tracked->lock, flags);
	return more;
}

/*
 * Call @visit for every live tracked object until it returns false.  It is
 * called with the node's lock held, which is let go of between spans: what
 * comes and goes meanwhile may be visited or not.  Process context.
 */
void gom_tracked_walk(bool (*visit)(const struct gom_tracked_info *info,
				    void *arg), void *arg)
{
	unsigned long i;

	for (i = 0; i < gomalloc_hot.nr_arenas; i++) {
		void *page = (void *)gomalloc_hot.first + (i << GOM_ARENA_SHIFT);
		void *end = page + GOM_ARENA_SIZE;

		if (!gom_arena_at(i))
			continue;
		for (; page < end; page += GOM_PAGE_SIZE)
			if (class_of(page) == GOM_CLASS_TRACKED &&
			    !visit_span(page, visit, arg))
				return;
		cond_resched();
	}
}

/* Give back the slots that wait, and the span that is kept. */
void gom_tracked_shed(struct gom_tracked *tracked)
{
	struct mspan *span;
	unsigned long flags;
	void *obj;

	while ((obj = gom_quarantine_take(tracked, 0, false)))
		gom_quarantine_release(tracked, obj);
	while (gom_guarded_shed(tracked))
		;
	raw_spin_lock_irqsave(&tracked->lock, flags);
	span = tracked->spare;
	tracked->spare = NULL;
	if (span)
		gom_slot_let_go(tracked, span);
	raw_spin_unlock_irqrestore(&tracked->lock, flags);
	if (span)
		gom_mheap_free(span);
}

void gom_tracked_setup(struct gom_tracked *tracked)
{
	raw_spin_lock_init(&tracked->lock);
}
