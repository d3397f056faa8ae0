// SPDX-License-Identifier: GPL-2.0
/*
 * Reserves: objects set aside for when memory cannot be had.
 *
 * An allocation tries gomalloc() without effort first and the reserve after
 * that, as mempool_alloc() does: so the reserve stays whole for when nothing
 * else is left, and what memory is enough for costs a hit in the CPU's cache
 * and touches nothing shared.  A free goes the other way: what the reserve
 * lacks stays there.
 *
 * A reserve is an array of places and two numbers.  Who has taken one off
 * @held is owed an object, and who has taken one off @room a place:
 *
 *	places filled >= @held + who takes an object and has not found it yet
 *	places empty  >= @room + who has an object and has not found a place yet
 *
 * so both find one by looking, and look again only where others have been
 * faster, in NMI too.  There is no lock.
 *
 * An object in a reserve starts with its key, as if it were free.  So a small
 * one that is freed once more is refused by gofree() itself, and one that was
 * written to is found when it is taken.  Of large and tracked objects a key
 * proves nothing, as it may be what was there before; the places are looked
 * through for them.
 *
 * Any context, NMI included; make, destroy and look at all: process context,
 * under reserves_lock.
 */
#include <linux/atomic.h>
#include <linux/err.h>
#include <linux/export.h>
#include <linux/hardirq.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/overflow.h>
#include <linux/sched/mm.h>
#include <linux/string.h>
#include "arena.h"
#include "goreserve.h"
#include "malloc.h"
#include "report.h"
#include "tracked.h"

/**
 * struct goreserve - a reserve
 * @list: in reserves; first, as a free object's first word is gomalloc's
 * @id: its number
 * @size: bytes of each object
 * @nr: places
 * @held: objects that nobody has been promised
 * @room: empty places, likewise
 * @lowest: the least that @held was
 * @taken: objects taken
 * @kept: objects put
 * @fails: allocations that came to nothing
 * @name: for people
 * @place: objects, or NULL; those below @held are filled where nobody is at work
 */
struct goreserve {
	struct list_head list;
	u64 id;
	size_t size;
	int nr;
	atomic_t held;
	atomic_t room;
	atomic_t lowest;
	atomic64_t taken;
	atomic64_t kept;
	atomic64_t fails;
	char name[GOM_NAME_LEN];
	void *place[];
};

static DEFINE_MUTEX(reserves_lock);
static LIST_HEAD(reserves);	/* by id */
static u64 last_id;

static void note_lowest(struct goreserve *r, int held)
{
	int lowest = atomic_read(&r->lowest);

	while (held < lowest && !atomic_try_cmpxchg(&r->lowest, &lowest, held))
		;
}

static void *take_any(struct goreserve *r)
{
	int i = atomic_dec_if_positive(&r->held);
	void *obj;

	if (i < 0)
		return NULL;
	note_lowest(r, i);
	while (!READ_ONCE(r->place[i]) || !(obj = xchg(&r->place[i], NULL)))
		i = (i ?: r->nr) - 1;
	atomic64_inc(&r->taken);
	atomic_inc(&r->room);
	return obj;
}

/* One that was written to is leaked, as somebody may still do so. */
static void *take(struct goreserve *r, unsigned long caller)
{
	void *obj;

	do {
		obj = take_any(r);
	} while (obj && !gom_malloc_intact(GOM_CLASS_NONE, obj, caller));
	return obj;
}

/* False if the reserve is full. */
static bool keep(struct goreserve *r, void *obj)
{
	int room = atomic_dec_if_positive(&r->room);
	int i = r->nr - 1 - room;

	if (room < 0)
		return false;
	*(unsigned long *)obj = gom_key(obj);
	while (READ_ONCE(r->place[i]) || cmpxchg(&r->place[i], NULL, obj))
		i = (i + 1) % r->nr;
	atomic64_inc(&r->kept);
	atomic_inc(&r->held);
	return true;
}

static void *try_gomalloc(struct goreserve *r, gfp_t gfp, unsigned long caller)
{
	if (in_nmi())
		return gomalloc_nolock(r->size, gfp & __GFP_ZERO, NUMA_NO_NODE);
	/* Others may see to it that there will be some. */
	return gom_malloc_try(r->size, GOM_GFP_EASY(gfp) |
				       (gfp & __GFP_KSWAPD_RECLAIM), caller);
}

/**
 * goreserve_alloc - allocate, if need be from a reserve
 * @reserve: the reserve
 * @gfp: as for gomalloc(); flags for zones and accounting are not for reserves
 *
 * First from gomalloc() without effort, then from the reserve, and where that
 * is empty as @gfp says.
 *
 * Context: any, NMI included.
 * Return: the object, for goreserve_free() or gofree(); %NULL only if the
 *	reserve is empty, where @gfp could not get one either.
 */
void *goreserve_alloc(struct goreserve *reserve, gfp_t gfp)
{
	void *obj;

	if (WARN_ON_ONCE(gfp & __GOMALLOC_GFP_DIVERT))
		gfp &= ~__GOMALLOC_GFP_DIVERT;
	obj = try_gomalloc(reserve, gfp, _RET_IP_);
	if (likely(obj))
		return obj;
	obj = take(reserve, _RET_IP_);
	if (obj)
		return want_init_on_alloc(gfp) ?
		       memset(obj, 0, gosize(obj)) : obj;
	if (!in_nmi())
		obj = gom_malloc(reserve->size, gfp, _RET_IP_);
	if (!obj)
		atomic64_inc(&reserve->fails);
	return obj;
}
EXPORT_SYMBOL_GPL(goreserve_alloc);

/*
 * Whether it is a live object that is large enough, and not of a heap, which
 * may go with all that is in it.  From NMI no lock of tracked objects is taken.
 */
static bool fits(const struct goreserve *r, const void *obj)
{
	unsigned int class;
	size_t size = 0;

	rcu_read_lock();
	class = gom_arena_class(obj);
	if (class == GOM_CLASS_TRACKED && in_nmi())
		size = gom_tracked_may_live(obj) ?
		       gom_malloc_size(obj, class) : 0;
	else if (class != GOM_CLASS_HEAP)
		size = gom_malloc_live_size(obj, class);
	rcu_read_unlock();
	return size >= r->size;
}

/* Whether a live object lies in the reserve. */
static bool has(const struct goreserve *r, const void *obj)
{
	int i;

	if (likely(*(const unsigned long *)obj != gom_key(obj)))
		return false;
	for (i = 0; i < r->nr; i++)
		if (READ_ONCE(r->place[i]) == obj)
			return true;
	return false;
}

/* Whether @obj needs no more: it is the reserve's now, or was so before. */
static noinline bool take_back(struct goreserve *r, void *obj,
			       unsigned long caller)
{
	if (!fits(r, obj))
		return false;
	if (!has(r, obj))
		return keep(r, obj);
	gom_report(GOM_DOUBLE_FREE, obj, caller);
	return true;
}

/**
 * goreserve_free - free an object, or keep it where the reserve lacks one
 * @reserve: the reserve
 * @obj: from goreserve_alloc(), or from gomalloc() of the reserve's size;
 *	%NULL does nothing
 *
 * What is no live object of the reserve's size is left to gofree(), which
 * reports what it does not know, and what lies in a reserve as freed twice; but
 * of a tracked object in a reserve that is full it does not know that.
 *
 * Context: any, NMI included.
 */
void goreserve_free(struct goreserve *reserve, void *obj)
{
	if (unlikely(!obj))
		return;
	if (unlikely(atomic_read(&reserve->room) > 0 ||
		     reserve->size > GOMALLOC_MAX_SMALL) &&
	    take_back(reserve, obj, _RET_IP_))
		return;
	if (in_nmi())
		gofree_nolock(obj);
	else
		gom_free(obj, _RET_IP_);
}
EXPORT_SYMBOL_GPL(goreserve_free);

static int refill(struct goreserve *r, gfp_t gfp, unsigned long caller)
{
	void *obj;

	while (atomic_read(&r->room) > 0) {
		obj = gom_malloc(r->size, gfp, caller);
		if (!obj)
			return -ENOMEM;
		if (!keep(r, obj))
			gofree(obj);
	}
	return 0;
}

/**
 * goreserve_refill - allocate what a reserve lacks
 * @reserve: the reserve
 * @gfp: as for gomalloc(), without flags for zones and accounting
 *
 * Context: any that gomalloc() allows with @gfp.
 * Return: 0, or %-ENOMEM with as many in the reserve as there was memory for.
 */
int goreserve_refill(struct goreserve *reserve, gfp_t gfp)
{
	if (WARN_ON_ONCE(gfp & __GOMALLOC_GFP_DIVERT))
		gfp &= ~__GOMALLOC_GFP_DIVERT;
	return refill(reserve, gfp, _RET_IP_);
}
EXPORT_SYMBOL_GPL(goreserve_refill);

static void read_stats(struct goreserve *r, struct goreserve_stats *s)
{
	s->nr = r->nr;
	s->held = atomic_read(&r->held);
	s->lowest = atomic_read(&r->lowest);
	s->taken = atomic64_read(&r->taken);
	s->kept = atomic64_read(&r->kept);
	s->fails = atomic64_read(&r->fails);
}

/**
 * goreserve_read_stats - what a reserve holds and did
 * @reserve: the reserve
 * @stats: where to put it
 *
 * Context: any.
 */
void goreserve_read_stats(struct goreserve *reserve,
			  struct goreserve_stats *stats)
{
	read_stats(reserve, stats);
}
EXPORT_SYMBOL_GPL(goreserve_read_stats);

bool gom_reserve_read(u64 id, struct gom_reserve_view *view)
{
	struct goreserve *r;
	bool found = false;

	mutex_lock(&reserves_lock);
	list_for_each_entry(r, &reserves, list) {
		found = r->id >= id;
		if (!found)
			continue;
		view->id = r->id;
		view->size = r->size;
		strscpy(view->name, r->name, sizeof(view->name));
		read_stats(r, &view->stats);
		break;
	}
	mutex_unlock(&reserves_lock);
	return found;
}

size_t gom_reserve_roots(struct gom_reserve_cursor *at, void **words,
			 size_t nr)
{
	struct goreserve *r;
	int n = 0;

	mutex_lock(&reserves_lock);
	list_for_each_entry(r, &reserves, list) {
		if (r->id < at->id)
			continue;
		if (r->id > at->id)
			*at = (struct gom_reserve_cursor){ r->id, 0 };
		n = min_t(int, r->nr - at->place, nr - 1);
		if (n) {
			/* The reserve itself, which only its list may know. */
			words[0] = r;
			memcpy(words + 1, r->place + at->place,
			       n * sizeof(*words));
			at->place += n++;
			break;
		}
		*at = (struct gom_reserve_cursor){ r->id + 1, 0 };
	}
	mutex_unlock(&reserves_lock);
	return n * sizeof(*words);
}

static void release(struct goreserve *r, unsigned long caller)
{
	void *obj;

	while ((obj = take(r, caller)))
		gofree(obj);
	gokvfree(r);
}

/**
 * goreserve_create - make a reserve and fill it
 * @name: what debugfs calls it; copied, 31 bytes at most
 * @size: bytes of each object, up to %GOMALLOC_MAX_SIZE
 * @nr: objects to set aside, up to %GORESERVE_MAX
 * @gfp: as for gomalloc(), to fill it; %__GFP_ZERO has no meaning, and flags
 *	for zones and accounting are refused
 *
 * Context: process; sleeps.
 * Return: the reserve, full; ERR_PTR(-EINVAL) for arguments that it cannot be
 *	made of, ERR_PTR(-ENOMEM) if there is not memory for all of it.
 */
struct goreserve *goreserve_create(const char *name, size_t size,
				   unsigned int nr, gfp_t gfp)
{
	struct goreserve *r;

	if (!size || size > GOMALLOC_MAX_SIZE || !nr || nr > GORESERVE_MAX ||
	    gfp & __GOMALLOC_GFP_DIVERT)
		return ERR_PTR(-EINVAL);
	r = gokvzalloc(struct_size(r, place, nr), GFP_KERNEL);
	if (!r)
		return ERR_PTR(-ENOMEM);
	/* Room for a key. */
	/* Tiny objects have no keys. */
	r->size = max(size, max(sizeof(unsigned long), GOMALLOC_TINY_MAX + 1UL));
	r->nr = nr;
	atomic_set(&r->room, nr);
	gom_name_set(r->name, name);
	if (refill(r, gfp, _RET_IP_)) {
		release(r, _RET_IP_);
		return ERR_PTR(-ENOMEM);
	}
	atomic_set(&r->lowest, nr);
	mutex_lock(&reserves_lock);
	r->id = ++last_id;
	list_add_tail(&r->list, &reserves);
	mutex_unlock(&reserves_lock);
	return r;
}
EXPORT_SYMBOL_GPL(goreserve_create);

/* Whether it was there; @reserve may be any value. */
static bool unlink(const struct goreserve *reserve)
{
	struct goreserve *r;
	bool found = false;

	mutex_lock(&reserves_lock);
	list_for_each_entry(r, &reserves, list) {
		found = r == reserve;
		if (found) {
			list_del(&r->list);
			break;
		}
	}
	mutex_unlock(&reserves_lock);
	return found;
}

/**
 * goreserve_destroy - free a reserve and what it holds
 * @reserve: the reserve; %NULL and error pointers do nothing
 *
 * Nobody uses the reserve any more.  Objects that are out stay their owners',
 * for gofree().  Destroying a reserve twice is reported and ignored; any other
 * use of one that is gone is not found.
 *
 * Context: process; sleeps.
 */
void goreserve_destroy(struct goreserve *reserve)
{
	if (IS_ERR_OR_NULL(reserve))
		return;
	if (unlink(reserve))
		release(reserve, _RET_IP_);
	else
		gom_report(GOM_POOL_GONE, reserve, _RET_IP_);
}
EXPORT_SYMBOL_GPL(goreserve_destroy);
