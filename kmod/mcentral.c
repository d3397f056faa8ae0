// SPDX-License-Identifier: GPL-2.0
/*
 * Central lists: per class and node, the spans and a stock of ready objects.
 *
 * A batch that a CPU flushes is first kept as it is, pointers only, for the
 * next CPU that misses: a producer here and a consumer there exchange
 * batches without looking at a span or an object.  Beyond that stock objects
 * go back to their spans and are taken from the fullest ones, so that sparse
 * spans run empty and leave.
 *
 * The lock is held for a batch.  Spans that run empty are handed to the
 * caller, who frees them when it holds nothing.
 *
 * Called by mcache.c, from any context; only gom_mcentral_grow() may sleep.
 */
#include <linux/bitops.h>
#include <linux/hardirq.h>
#include "arena.h"
#include "mcentral.h"
#include "node.h"
#include "report.h"

/* The ready stock of a class: at most so many objects and bytes. */
#define READY_MAX	64
#define READY_BYTES	SZ_16K

static_assert(GOM_PAGE_SIZE / 8 < 1UL << GOM_NR_BUCKETS);

unsigned int gom_mcentral_max_ready(unsigned int class)
{
	return min_t(unsigned int, READY_BYTES / gom_class[class].size,
		     READY_MAX);
}

/* Take @span out of its bucket, if it is in one.  Caller holds the lock. */
static void unlink(struct mcentral *central, struct mspan *span)
{
	lockdep_assert_held(&central->lock);
	if (span->bucket == GOM_NO_BUCKET)
		return;
	hlist_del(&span->list);
	if (hlist_empty(&central->bucket[span->bucket]))
		central->nonempty &= ~BIT(span->bucket);
	span->bucket = GOM_NO_BUCKET;
}

/* Put @span in the bucket of its fullness.  Caller holds the lock. */
static void place(struct mcentral *central, struct mspan *span)
{
	unsigned int room = span->nelems - span->nalloc;
	unsigned int bucket = room ? fls(room) - 1 : GOM_NO_BUCKET;

	if (bucket == span->bucket)
		return;
	unlink(central, span);
	if (bucket != GOM_NO_BUCKET) {
		hlist_add_head(&span->list, &central->bucket[bucket]);
		central->nonempty |= BIT(bucket);
	}
	span->bucket = bucket;
}

/* @span is empty and leaves.  Caller holds the lock. */
static void remove(struct mcentral *central, struct mspan *span,
		   struct hlist_head *empty)
{
	unlink(central, span);
	span->state = MSPAN_MOVING;
	central->nspans--;
	hlist_add_head(&span->list, empty);
}

static unsigned int take_locked(struct mcentral *central, void **slots,
				unsigned int n)
{
	unsigned int got = min_t(unsigned int, n, central->nready);
	struct mspan *span;

	lockdep_assert_held(&central->lock);
	central->refills++;
	central->nready -= got;
	memcpy(slots, central->ready + central->nready, got * sizeof(*slots));
	while (got < n && central->nonempty) {
		span = hlist_entry(central->bucket[__ffs(central->nonempty)].first,
				   struct mspan, list);
		central->nalloc -= span->nalloc;
		got += gom_mspan_take(span, slots + got, n - got);
		central->nalloc += span->nalloc;
		place(central, span);
	}
	return got;
}

/* Take up to @n objects; returns how many there were. */
unsigned int gom_mcentral_take(struct mcentral *central, void **slots,
			       unsigned int n)
{
	unsigned long flags;
	unsigned int got;

	raw_spin_lock_irqsave(&central->lock, flags);
	got = take_locked(central, slots, n);
	raw_spin_unlock_irqrestore(&central->lock, flags);
	return got;
}

/* The same where waiting for the lock is out of the question, as in NMI. */
unsigned int gom_mcentral_trytake(struct mcentral *central, void **slots,
				  unsigned int n)
{
	unsigned long flags;
	unsigned int got;

	/* There a spinlock is nothing, and an NMI would not find it taken. */
	if (!IS_ENABLED(CONFIG_SMP) && in_nmi())
		return 0;
	if (!raw_spin_trylock_irqsave(&central->lock, flags))
		return 0;
	got = take_locked(central, slots, n);
	raw_spin_unlock_irqrestore(&central->lock, flags);
	return got;
}

/*
 * The span of @obj, NULL if it is none of @central's any more: an object that
 * was freed twice may come back when its span has emptied and gone.  Caller
 * holds the lock, under which its spans come and go.
 */
static struct mspan *span_of(struct mcentral *central, const void *obj)
{
	struct mspan *span;

	if (gom_arena_class(obj) != central->class)
		return NULL;
	span = gom_arena_span(obj);
	return span->state == MSPAN_INUSE ? span : NULL;
}

/*
 * Return objects to their spans.  One that is not out was freed twice, with
 * its key overwritten in between: those come first in @objs afterwards, and
 * their number is returned.
 */
static unsigned int return_locked(struct mcentral *central, void **objs,
				  unsigned int n, struct hlist_head *empty)
{
	unsigned int i, index, bad = 0;
	struct mspan *span;

	lockdep_assert_held(&central->lock);
	for (i = 0; i < n; i++) {
		span = span_of(central, objs[i]);
		if (unlikely(!span)) {
			objs[bad++] = objs[i];
			continue;
		}
		index = gom_class_index(central->class,
					gom_mspan_offset(span, objs[i]));
		if (unlikely(!gom_mspan_give(span, index))) {
			objs[bad++] = objs[i];
			continue;
		}
		central->nalloc--;
		if (span->nalloc)
			place(central, span);
		else
			remove(central, span, empty);
	}
	return bad;
}

static void give(struct mcentral *central, void **objs, unsigned int n,
		 struct hlist_head *empty)
{
	unsigned int bad = 0, i;
	unsigned long flags;

	raw_spin_lock_irqsave(&central->lock, flags);
	central->flushes++;
	if (central->nready + n <= central->max_ready) {
		memcpy(central->ready + central->nready, objs, n * sizeof(*objs));
		central->nready += n;
	} else {
		bad = return_locked(central, objs, n, empty);
	}
	raw_spin_unlock_irqrestore(&central->lock, flags);
	for (i = 0; i < bad; i++)
		gom_report(GOM_DOUBLE_FREE, objs[i], 0);
}

/* The page knows even where the span is gone; see span_of(). */
static int node_of(const void *obj)
{
	return page_to_nid(virt_to_page(obj));
}

/* Gather the objects of @nid at the front of @objs; returns how many. */
static unsigned int partition(void **objs, unsigned int n, int nid)
{
	unsigned int i, m = 0;

	for (i = 0; i < n; i++) {
		if (node_of(objs[i]) != nid)
			continue;
		swap(objs[m], objs[i]);
		m++;
	}
	return m;
}

/*
 * Return @n objects of a class, each to its own node.  Spans that run empty
 * go to @empty, for gom_mheap_free_list() once the caller holds nothing.
 */
void gom_mcentral_give(unsigned int class, void **objs, unsigned int n,
		       struct hlist_head *empty)
{
	while (n) {
		int nid = node_of(objs[0]);
		unsigned int m = n;

		if (num_online_nodes() > 1)
			m = partition(objs, n, nid);
		give(gom_central(nid, class), objs, m, empty);
		objs += m;
		n -= m;
	}
}

/*
 * Whether a span of @class takes a longer block than one of its objects
 * would.  Then it is worth no effort: the object can be had alone.
 */
bool gom_mcentral_is_optional(unsigned int class)
{
	return get_order(gom_class[class].npages * GOM_PAGE_SIZE) >
	       max(get_order(gom_class[class].size), GOM_PAGE_ORDER);
}

/*
 * Get a span from the heap and one object of it for the caller; the rest is
 * there for the next refill.  NULL if there is no memory.
 */
void *gom_mcentral_grow(struct mcentral *central, gfp_t gfp)
{
	const struct gom_class *class = &gom_class[central->class];
	struct gom_run_request req = {
		.npages = class->npages,
		.align = max(1UL, (class->size & -class->size) >> GOM_PAGE_SHIFT),
		.class = central->class,
	};
	unsigned long flags;
	struct mspan *span;
	void *obj;

	if (gom_mcentral_is_optional(central->class))
		gfp = (gfp & ~__GFP_NOFAIL) | __GFP_NORETRY | __GFP_NOWARN;
	span = gom_mheap_alloc(central->nid, &req, gfp);
	if (!span)
		return NULL;
	if (gom_mspan_cut(span, gfp)) {
		gom_mheap_free(span);
		return NULL;
	}
	central = gom_central(span->nid, central->class);
	raw_spin_lock_irqsave(&central->lock, flags);
	span->state = MSPAN_INUSE;
	span->bucket = GOM_NO_BUCKET;
	gom_mspan_take(span, &obj, 1);
	place(central, span);
	central->nspans++;
	central->nalloc++;
	central->cut++;
	raw_spin_unlock_irqrestore(&central->lock, flags);
	return obj;
}

/*
 * Return the ready stock to its spans; with @idle_only only if nobody has
 * taken from it since the last such call.
 */
void gom_mcentral_shed(struct mcentral *central, bool idle_only)
{
	unsigned int bad = 0, i;
	void *objs[READY_MAX];
	HLIST_HEAD(empty);
	unsigned long flags;

	if (!READ_ONCE(central->nready))
		return;
	raw_spin_lock_irqsave(&central->lock, flags);
	if (!idle_only || central->refills == central->refills_seen) {
		i = central->nready;
		memcpy(objs, central->ready, i * sizeof(*objs));
		central->nready = 0;
		bad = return_locked(central, objs, i, &empty);
	}
	central->refills_seen = central->refills;
	raw_spin_unlock_irqrestore(&central->lock, flags);
	for (i = 0; i < bad; i++)
		gom_report(GOM_DOUBLE_FREE, objs[i], 0);
	gom_mheap_free_list(&empty);
}

void gom_mcentral_setup(struct mcentral *central, unsigned int class, int nid,
			void **ready)
{
	raw_spin_lock_init(&central->lock);
	central->class = class;
	central->nid = nid;
	central->ready = ready;
	central->max_ready = gom_mcentral_max_ready(class);
}
