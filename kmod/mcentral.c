// SPDX-License-Identifier: GPL-2.0
/*
 * Central lists: per class and node, the spans and a stock of magazines.
 *
 * A full magazine is kept as it is for the next CPU that misses: a producer
 * here and a consumer there exchange full and empty ones without looking at
 * a span or an object.  Beyond that stock objects go back to their spans and
 * are taken from the fullest ones, so that sparse spans run empty.
 *
 * Empty spans stay, cut and with their keys, and serve last.  Of them and of
 * the stock leaves what was not needed for a while, as low-water marks show,
 * and all before the heap grows for another class (node.c): so they cost no
 * memory that is wanted elsewhere.
 *
 * The lock is held for a magazine.
 *
 * Called by mcache.c and node.c, from any context; only gom_mcentral_grow()
 * may sleep.
 */
#include <linux/bitops.h>
#include <linux/hardirq.h>
#include <linux/jiffies.h>
#include "arena.h"
#include "limit.h"
#include "mcentral.h"
#include "node.h"
#include "report.h"

/* The stock of a class: at most so many objects and bytes. */
#define READY_MAX	4096U
#define READY_BYTES	SZ_8M

/*
 * A class is sparse if its spans, but for empty ones, have room for this part
 * of what is out and for a span more.
 */
#define SPARSE_SHIFT	3

/* Magazines to empty and spans to move to the heap in one go. */
#define SHED_BATCH	4
#define TRIM_BATCH	16U

/* For how long a low-water mark is watched. */
#define WATCH_JIFFIES	(HZ / 20)

static_assert(GOM_PAGE_SIZE / 8 < 1UL << GOM_EMPTY_BUCKET);

/* An empty span is to be used or to go.  Caller holds the lock. */
static void count_empty(struct mcentral *central, const struct mspan *span)
{
	central->nempty--;
	central->nidle -= span->nelems;
	central->low_empty = min(central->low_empty, central->nempty);
}

/* Take @span out of its bucket, if it is in one.  Caller holds the lock. */
static void unlink(struct mcentral *central, struct mspan *span)
{
	lockdep_assert_held(&central->lock);
	if (span->bucket == GOM_NO_BUCKET)
		return;
	if (span->bucket == GOM_EMPTY_BUCKET)
		count_empty(central, span);
	hlist_del(&span->list);
	if (hlist_empty(&central->bucket[span->bucket]))
		central->nonempty &= ~BIT(span->bucket);
	span->bucket = GOM_NO_BUCKET;
}

/* Put @span in the bucket of its fullness.  Caller holds the lock. */
static void place(struct mcentral *central, struct mspan *span)
{
	unsigned int bucket = gom_mcentral_bucket(span);

	if (bucket == span->bucket)
		return;
	unlink(central, span);
	if (bucket != GOM_NO_BUCKET) {
		hlist_add_head(&span->list, &central->bucket[bucket]);
		central->nonempty |= BIT(bucket);
		if (bucket == GOM_EMPTY_BUCKET) {
			central->nempty++;
			central->nidle += span->nelems;
		}
	}
	span->bucket = bucket;
}

static void push_spare(struct mcentral *central, struct magazine *mag)
{
	lockdep_assert_held(&central->lock);
	mag->cap = mag->slots;
	gom_magazine_link(&central->spare, mag);
	central->nspare++;
}

static struct magazine *pop_spare(struct mcentral *central)
{
	struct magazine *mag = gom_magazine_unlink(&central->spare);

	lockdep_assert_held(&central->lock);
	if (mag) {
		central->nspare--;
		central->low_spare = min(central->low_spare, central->nspare);
	}
	return mag;
}

/* @n objects leave the stock.  Caller holds the lock. */
static void count_ready(struct mcentral *central, unsigned int n)
{
	central->nready -= n;
	central->low_ready = min(central->low_ready, central->nready);
}

static struct magazine *pop_full(struct mcentral *central)
{
	struct magazine *mag = gom_magazine_unlink(&central->full);

	lockdep_assert_held(&central->lock);
	if (mag)
		count_ready(central, mag->count);
	return mag;
}

static unsigned int max_ready(unsigned int class)
{
	return min_t(unsigned int, READY_MAX,
		     READY_BYTES / gom_class[class].size);
}

/*
 * After objects left spans or came back to them.  What passes from free to
 * alloc in magazines keeps the spans that it belongs to from running empty:
 * so where they are sparse that is to be little.  Caller holds the lock.
 */
static void look_for_room(struct mcentral *central)
{
	unsigned long room = central->nelems - central->nidle - central->nalloc;
	bool sparse = room > (central->nalloc >> SPARSE_SHIFT) +
			     gom_class[central->class].nelems;

	lockdep_assert_held(&central->lock);
	if (sparse == central->sparse)
		return;
	WRITE_ONCE(central->sparse, sparse);
	central->max_ready = sparse ? 0 : max_ready(central->class);
}

/* Up to @n objects from the spans.  Caller holds the lock. */
static unsigned int take_spans(struct mcentral *central, void **slots,
			       unsigned int n)
{
	unsigned int got = 0, more;
	struct mspan *span;

	lockdep_assert_held(&central->lock);
	while (got < n && central->nonempty) {
		span = hlist_entry(central->bucket[__ffs(central->nonempty)].first,
				   struct mspan, list);
		more = gom_mspan_take(span, slots + got, n - got);
		if (WARN_ON_ONCE(!more)) {
			unlink(central, span);
			continue;
		}
		central->nalloc += more;
		got += more;
		place(central, span);
	}
	return got;
}

/* The same, the stock first. */
static unsigned int take_locked(struct mcentral *central, void **slots,
				unsigned int n)
{
	unsigned int got = 0;

	central->locks++;
	central->refills++;
	while (got < n && central->full) {
		struct magazine *mag = central->full;

		slots[got++] = mag->slot[--mag->count];
		count_ready(central, 1);
		if (!mag->count)
			push_spare(central, pop_full(central));
	}
	return got + take_spans(central, slots + got, n - got);
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
 * Give an empty magazine for a full one, or have it filled from the spans as
 * far as that goes; ->count says how far.
 */
struct magazine *gom_mcentral_refill(struct mcentral *central,
				     struct magazine *mag)
{
	struct magazine *full;
	unsigned long flags;

	raw_spin_lock_irqsave(&central->lock, flags);
	central->locks++;
	central->refills++;
	full = pop_full(central);
	if (full) {
		mag->count = 0;
		push_spare(central, mag);
		mag = full;
	} else {
		mag->count = take_spans(central, mag->slot, mag->cap);
		look_for_room(central);
	}
	raw_spin_unlock_irqrestore(&central->lock, flags);
	return mag;
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
				  unsigned int n)
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
		/* Its pages may be another span's of the class by now. */
		if (unlikely(gom_mspan_object(span, index) != objs[i] ||
			     !gom_mspan_give(span, index))) {
			objs[bad++] = objs[i];
			continue;
		}
		place(central, span);
	}
	central->nalloc -= n - bad;
	look_for_room(central);
	return bad;
}

static void report_twice(void **objs, unsigned int n)
{
	while (n)
		gom_report(GOM_DOUBLE_FREE, objs[--n], 0);
}

static void give(struct mcentral *central, void **objs, unsigned int n)
{
	unsigned long flags;
	unsigned int bad;

	raw_spin_lock_irqsave(&central->lock, flags);
	central->locks++;
	central->flushes++;
	bad = return_locked(central, objs, n);
	raw_spin_unlock_irqrestore(&central->lock, flags);
	gom_node_count_home(central->nid, n - bad);
	report_twice(objs, bad);
}

/* Gather the objects of @nid at the front of @objs; returns how many. */
static unsigned int partition(void **objs, unsigned int n, int nid)
{
	unsigned int i, m = 0;

	for (i = 0; i < n; i++) {
		if (gom_node_of(objs[i]) != nid)
			continue;
		swap(objs[m], objs[i]);
		m++;
	}
	return m;
}

/* Return @n objects of a class to the spans, each on its own node. */
void gom_mcentral_give(unsigned int class, void **objs, unsigned int n)
{
	while (n) {
		int nid = gom_node_of(objs[0]);
		unsigned int m = n;

		if (static_branch_unlikely(&gom_numa))
			m = partition(objs, n, nid);
		give(gom_central(nid, class), objs, m);
		objs += m;
		n -= m;
	}
}

/* Objects of other nodes go there; the stock has none. */
static void send_home(struct mcentral *central, struct magazine *mag)
{
	unsigned int n = partition(mag->slot, mag->count, central->nid);

	gom_mcentral_give(central->class, mag->slot + n, mag->count - n);
	mag->count = n;
}

/*
 * Give a full magazine for one with room, an empty one or itself.
 * @wanted: set to the slots of the empty one that should have been there
 */
struct magazine *gom_mcentral_flush(struct mcentral *central,
				    struct magazine *mag, unsigned int *wanted)
{
	struct magazine *spare = NULL;
	unsigned int bad = 0;
	unsigned long flags;

	if (static_branch_unlikely(&gom_numa)) {
		send_home(central, mag);
		if (mag->count < mag->cap)
			return mag;
	}
	raw_spin_lock_irqsave(&central->lock, flags);
	central->locks++;
	central->flushes++;
	if (central->nready + mag->count <= central->max_ready) {
		spare = pop_spare(central);
		if (!spare)
			*wanted = mag->cap;
	}
	if (spare) {
		gom_magazine_link(&central->full, mag);
		central->nready += mag->count;
	} else {
		bad = return_locked(central, mag->slot, mag->count);
	}
	raw_spin_unlock_irqrestore(&central->lock, flags);
	if (spare)
		return spare;
	report_twice(mag->slot, bad);
	mag->count = 0;
	return mag;
}

/* An empty magazine for the next flush. */
void gom_mcentral_add_spare(struct mcentral *central, unsigned int cap)
{
	struct magazine *mag = gom_magazine_alloc(cap);
	unsigned long flags;

	if (!mag)
		return;
	raw_spin_lock_irqsave(&central->lock, flags);
	push_spare(central, mag);
	raw_spin_unlock_irqrestore(&central->lock, flags);
}

/* A span that somebody got or is about to lose.  Caller holds the lock. */
static void count_span(struct mcentral *central, const struct mspan *span,
		       int n)
{
	lockdep_assert_held(&central->lock);
	central->nspans += n;
	central->npages += n * (int)span->npages;
	central->nelems += n * (int)span->nelems;
}

static struct mspan *get_span(struct mcentral *central, unsigned int npages,
			      gfp_t gfp)
{
	u32 size = gom_class[central->class].size;
	struct gom_run_request req = {
		.npages = npages,
		.align = max(1UL, (size & -size) >> GOM_PAGE_SHIFT),
		.class = central->class,
	};
	struct mspan *span = gom_node_alloc_span(central->nid, &req, gfp);

	if (span && gom_mspan_cut(span, gfp)) {
		gom_mheap_free(span);
		return NULL;
	}
	return span;
}

/*
 * A young class takes short spans.  Others take longer ones as long as that is
 * no effort, as it is for convenience, and within the limits: what is owed is
 * one object.
 */
static struct mspan *new_span(struct mcentral *central, gfp_t gfp)
{
	const struct gom_class *class = &gom_class[central->class];
	struct mspan *span = NULL;

	if (class->npages > class->npages_short &&
	    gom_glance(central->nalloc) >= class->young &&
	    gom_limit_allows(class->npages * GOM_PAGE_SIZE))
		span = get_span(central, class->npages, GOM_GFP_EASY(gfp));
	return span ?: get_span(central, class->npages_short, gfp);
}

/*
 * Get a span from the heap and one object of it for the caller; the rest is
 * there for the next refill.  NULL if there is no memory.
 */
void *gom_mcentral_grow(struct mcentral *central, gfp_t gfp)
{
	struct mspan *span = new_span(central, gfp);
	unsigned long flags;
	void *obj;

	if (!span)
		return NULL;
	central = gom_central(span->nid, central->class);
	raw_spin_lock_irqsave(&central->lock, flags);
	span->bucket = GOM_NO_BUCKET;
	gom_mspan_use(span);
	gom_mspan_take(span, &obj, 1);
	place(central, span);
	count_span(central, span, 1);
	central->nalloc++;
	raw_spin_unlock_irqrestore(&central->lock, flags);
	return obj;
}

/* Take up to @max empty spans away from the class.  Caller holds the lock. */
static unsigned int unlink_empty(struct mcentral *central, unsigned int max,
				 struct hlist_head *spans)
{
	struct hlist_head *bucket = &central->bucket[GOM_EMPTY_BUCKET];
	struct mspan *span;
	unsigned int n;

	lockdep_assert_held(&central->lock);
	for (n = 0; n < max && !hlist_empty(bucket); n++) {
		span = hlist_entry(bucket->first, struct mspan, list);
		/* It was of those that are not needed. */
		if (central->low_empty)
			central->low_empty--;
		unlink(central, span);
		span->state = MSPAN_MOVING;
		count_span(central, span, -1);
		hlist_add_head(&span->list, spans);
	}
	return n;
}

/* Return up to @max empty spans to the heap; returns how many there were. */
unsigned int gom_mcentral_trim(struct mcentral *central, unsigned int max)
{
	HLIST_HEAD(spans);
	unsigned long flags;
	unsigned int n;

	raw_spin_lock_irqsave(&central->lock, flags);
	n = unlink_empty(central, max, &spans);
	raw_spin_unlock_irqrestore(&central->lock, flags);
	gom_mheap_free_list(&spans);
	return n;
}

/*
 * A magazine of the stock, the full ones first; with @unused only what the
 * low-water marks say.  Caller holds the lock.
 */
static struct magazine *pop_stock(struct mcentral *central, bool unused)
{
	lockdep_assert_held(&central->lock);
	if (central->full &&
	    (!unused || central->low_ready >= central->full->count)) {
		if (unused)
			central->low_ready -= central->full->count;
		return pop_full(central);
	}
	if (unused && !central->low_spare)
		return NULL;
	if (unused)
		central->low_spare--;
	return pop_spare(central);
}

/* Return one magazine of the stock to the spans; false if there is none. */
static bool shed_magazine(struct mcentral *central, bool unused)
{
	struct magazine *mag;
	unsigned long flags;
	unsigned int bad = 0;

	raw_spin_lock_irqsave(&central->lock, flags);
	mag = pop_stock(central, unused);
	if (mag && mag->count)
		bad = return_locked(central, mag->slot, mag->count);
	raw_spin_unlock_irqrestore(&central->lock, flags);
	if (!mag)
		return false;
	report_twice(mag->slot, bad);
	gom_magazine_free(mag);
	return true;
}

/*
 * Return some of the stock to the spans, and some of the empty ones of those
 * to the heap; false if there was neither.
 */
bool gom_mcentral_shed(struct mcentral *central)
{
	unsigned int n;

	for (n = 0; n < SHED_BATCH && shed_magazine(central, false); n++)
		;
	return n + gom_mcentral_trim(central, TRIM_BATCH);
}

/*
 * How often gom_mcentral_shed() is worth it at most for what there is now:
 * others bring more meanwhile, for ever if there are enough of them.
 */
unsigned long gom_mcentral_looks(const struct mcentral *central)
{
	unsigned long objs = gom_glance(central->nready);

	return 2 + (objs + gom_glance(central->nspare)) / SHED_BATCH +
	       (objs + gom_glance(central->nempty)) / TRIM_BATCH;
}

/* Begin to watch anew. */
static void watch(struct mcentral *central)
{
	unsigned long flags;

	raw_spin_lock_irqsave(&central->lock, flags);
	central->low_ready = central->nready;
	central->low_spare = central->nspare;
	central->low_empty = central->nempty;
	WRITE_ONCE(central->since, jiffies);
	raw_spin_unlock_irqrestore(&central->lock, flags);
}

/*
 * The same with what was not needed for a while, by its low-water mark; false
 * if that was all of it or it was not watched for long enough.
 */
bool gom_mcentral_shed_unused(struct mcentral *central)
{
	unsigned int n, empty;

	if (!READ_ONCE(central->full) && !READ_ONCE(central->spare) &&
	    !gom_mcentral_has_empty(central))
		return false;
	if (time_before(jiffies, READ_ONCE(central->since) + WATCH_JIFFIES))
		return false;
	for (n = 0; n < SHED_BATCH && shed_magazine(central, true); n++)
		;
	empty = min(gom_glance(central->low_empty), TRIM_BATCH);
	n += gom_mcentral_trim(central, empty);
	if (!n)
		watch(central);
	return n;
}

void gom_mcentral_setup(struct mcentral *central, unsigned int class, int nid)
{
	raw_spin_lock_init(&central->lock);
	central->class = class;
	central->nid = nid;
	central->max_ready = max_ready(class);
}
