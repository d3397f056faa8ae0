// SPDX-License-Identifier: GPL-2.0
/*
 * The page heap: runs of pages, one heap per NUMA node.
 *
 * Blocks come from alloc_pages() in the largest order that suits the heap's
 * size, are split so that any page can go back alone, and become free runs.
 * An allocation takes the smallest run that fits, the lowest of equal ones,
 * and leaves the rest; a free joins its neighbours at once, so no two free
 * runs ever touch.  Both cost the logarithm of the number of runs.
 *
 * A header is needed for every piece, and freeing must not allocate: the
 * header of the span becomes the header of the run.  A few that nothing needs
 * wait in the heap; allocations that find too few there, and those that make
 * the heap grow, bring theirs along.
 *
 * Runs stay within an arena: nothing is longer than 4 MiB, and the map's
 * neighbours are at hand.
 *
 * Called from any context but NMI, with no lock held; sleeps as gfp says.
 */
#include <linux/kasan.h>
#include <linux/kcsan-checks.h>
#include <linux/kmemleak.h>
#include <linux/log2.h>
#include <linux/slab.h>
#include "arena.h"
#include "fail.h"
#include "limit.h"
#include "mheap.h"
#include "node.h"
#include "scavenge.h"
#include "stats.h"
#include "trace.h"

/*
 * A block is this part of what the heap holds, within bounds: the idle rest
 * of the newest block then costs less than 1 % and a large heap is still
 * built from 4 MiB blocks.
 */
#define GROW_SHIFT	8
#define GROW_MIN	SZ_32K

/* How many headers may wait for use. */
#define HEADERS_MAX	32

/* How many runs to try for an aligned place before asking for slack. */
#define ALIGN_TRIES	16

static struct mspan *to_run(struct rb_node *node)
{
	return rb_entry_safe(node, struct mspan, node);
}

static bool run_less(struct rb_node *a, const struct rb_node *b)
{
	const struct mspan *x = rb_entry(a, struct mspan, node);
	const struct mspan *y = rb_entry(b, struct mspan, node);

	if (x->npages != y->npages)
		return x->npages < y->npages;
	return x->start < y->start;
}

static atomic_t *free_of_arena(const struct mspan *run)
{
	return &gom_arena_of((void *)run->start)->nfree;
}

static void insert_run(struct mheap *heap, struct mspan *run)
{
	lockdep_assert_held(&heap->lock);
	run->class = GOM_CLASS_FREE;
	run->state = MSPAN_FREE;
	run->nid = heap->nid;
	gom_arena_map_run(run);
	rb_add(&run->node, &heap->free, run_less);
	heap->free_pages += run->npages;
	heap->nruns++;
	atomic_add(run->npages, free_of_arena(run));
}

static void erase_run(struct mheap *heap, struct mspan *run)
{
	lockdep_assert_held(&heap->lock);
	rb_erase(&run->node, &heap->free);
	heap->free_pages -= run->npages;
	heap->nruns--;
	atomic_sub(run->npages, free_of_arena(run));
}

/* @run is no run any more. */
static void bury(struct mspan *run, struct hlist_head *dead)
{
	run->state = MSPAN_MOVING;
	hlist_add_head(&run->list, dead);
}

/* Whether the page at @addr is in a free run of the heap. */
static bool is_free(struct mheap *heap, unsigned long addr)
{
	lockdep_assert_held(&heap->lock);
	return gom_arena_class((void *)addr) == GOM_CLASS_FREE &&
	       gom_node_of((void *)addr) == heap->nid;
}

/* Whether it is in one that pages at @beside join, in the same arena. */
static bool joins(struct mheap *heap, unsigned long addr, unsigned long beside)
{
	return !((addr ^ beside) >> GOM_ARENA_SHIFT) && is_free(heap, addr);
}

/* The free run that begins or ends at @addr if pages at @beside join it. */
static struct mspan *neighbour(struct mheap *heap, unsigned long addr,
			       unsigned long beside)
{
	return joins(heap, addr, beside) ? gom_arena_span((void *)addr) : NULL;
}

/*
 * Add pages as a free run under the header @run, joined to the free runs
 * beside them, whose headers go to @dead.
 */
static void add_run(struct mheap *heap, struct mspan *run,
		    struct hlist_head *dead)
{
	unsigned long end = run->start + run->npages * GOM_PAGE_SIZE;
	struct mspan *prev, *next;

	gom_arena_mark(run->start, run->npages, GOM_CLASS_FREE);
	prev = neighbour(heap, run->start - GOM_PAGE_SIZE, run->start);
	next = neighbour(heap, end, run->start);
	if (prev) {
		erase_run(heap, prev);
		run->start = prev->start;
		run->npages += prev->npages;
		bury(prev, dead);
	}
	if (next) {
		erase_run(heap, next);
		run->npages += next->npages;
		bury(next, dead);
	}
	insert_run(heap, run);
}

static void free_headers(struct hlist_head *dead)
{
	struct hlist_node *next;
	struct mspan *run;

	hlist_for_each_entry_safe(run, next, dead, list)
		gom_mspan_free(run);
}

/* Keep of @dead what the heap has room for.  Caller holds the lock. */
static void keep_headers(struct mheap *heap, struct hlist_head *dead)
{
	struct hlist_node *next;
	struct mspan *run;

	lockdep_assert_held(&heap->lock);
	hlist_for_each_entry_safe(run, next, dead, list) {
		if (heap->nheaders == HEADERS_MAX)
			return;
		hlist_del(&run->list);
		hlist_add_head(&run->list, &heap->headers);
		heap->nheaders++;
	}
}

/* A header, as gom_mspan_alloc() makes it, or NULL.  Caller holds the lock. */
static struct mspan *reuse_header(struct mheap *heap)
{
	struct mspan *span;

	lockdep_assert_held(&heap->lock);
	if (!heap->nheaders)
		return NULL;
	heap->nheaders--;
	span = hlist_entry(heap->headers.first, struct mspan, list);
	hlist_del(&span->list);
	/* Who still looks at what it was before finds that out. */
	data_race(memset(span, 0, sizeof(*span)));
	span->state = MSPAN_MOVING;
	return span;
}

static struct mspan *lower_bound(struct mheap *heap, unsigned int npages)
{
	struct rb_node *node = heap->free.rb_node;
	struct mspan *best = NULL;

	while (node) {
		struct mspan *run = to_run(node);

		if (run->npages >= npages) {
			best = run;
			node = node->rb_left;
		} else {
			node = node->rb_right;
		}
	}
	return best;
}

/* Pages to skip at the start of @run to reach the alignment. */
static unsigned int lead_of(const struct mspan *run, unsigned int align)
{
	return (ALIGN(run->start, align * GOM_PAGE_SIZE) - run->start) >>
		GOM_PAGE_SHIFT;
}

/*
 * The smallest run with @npages pages at an address aligned to @align pages,
 * the lowest of equal ones.  Aligned requests look at ALIGN_TRIES runs so,
 * then settle for the smallest that fits wherever it lies.
 */
struct mspan *gom_mheap_best_fit(struct mheap *heap, unsigned int npages,
				 unsigned int align)
{
	struct mspan *run = lower_bound(heap, npages);
	int tries;

	if (align == 1)
		return run;
	for (tries = 0; run && tries < ALIGN_TRIES; tries++) {
		if (lead_of(run, align) + npages <= run->npages)
			return run;
		run = to_run(rb_next(&run->node));
	}
	return run ? lower_bound(heap, npages + align - 1) : NULL;
}

/*
 * Cut the request out of @run, which has room for it, under the header @span.
 * What is left before it keeps @run's header, what is left behind it takes
 * @run's or *@spare; a header that nothing needs goes to @dead.
 */
static void carve(struct mheap *heap, struct mspan *run,
		  const struct gom_run_request *req, struct mspan *span,
		  struct mspan **spare, struct hlist_head *dead)
{
	unsigned int lead = lead_of(run, req->align);
	unsigned int trail = run->npages - lead - req->npages;
	struct mspan *rest = run;

	erase_run(heap, run);
	span->start = run->start + lead * GOM_PAGE_SIZE;
	span->npages = req->npages;
	span->class = req->class;
	span->nid = heap->nid;
	span->direct = req->direct;
	if (lead) {
		run->npages = lead;
		insert_run(heap, run);
		rest = NULL;
	}
	if (trail) {
		if (!rest) {
			rest = *spare;
			*spare = NULL;
		}
		rest->start = span->start + span->npages * GOM_PAGE_SIZE;
		rest->npages = trail;
		insert_run(heap, rest);
	} else if (rest) {
		bury(rest, dead);
	}
	gom_arena_map_span(span);
	if (req->class == GOM_CLASS_LARGE) {
		span->state = MSPAN_INUSE;
		heap->large++;
		heap->large_mallocs++;
		heap->large_pages += span->npages;
		heap->large_total += span->npages * GOM_PAGE_SIZE;
	}
}

/* A spare header is needed only where a run may be left on both sides. */
static bool needs_spare(const struct gom_run_request *req)
{
	return req->align > 1;
}

/* Both books at once, as gomalloc_validate() compares them. */
static void count_pages(struct mheap *heap, long npages)
{
	lockdep_assert_held(&heap->lock);
	heap->pages += npages;
	gom_sys_add(npages * (long)GOM_PAGE_SIZE);
}

/* From the runs at hand; false if none fits. */
static bool alloc_idle(struct mheap *heap, const struct gom_run_request *req,
		       struct mspan *span, struct mspan **spare)
{
	HLIST_HEAD(dead);
	struct mspan *run;
	unsigned long flags;

	raw_spin_lock_irqsave(&heap->lock, flags);
	run = gom_mheap_best_fit(heap, req->npages, req->align);
	if (run) {
		carve(heap, run, req, span, spare, &dead);
		keep_headers(heap, &dead);
	}
	raw_spin_unlock_irqrestore(&heap->lock, flags);
	free_headers(&dead);
	return run;
}

/*
 * The same with headers that wait in the heap.  NULL if no run fits; -EAGAIN
 * if there are too few headers to say.
 */
static struct mspan *alloc_reusing(struct mheap *heap,
				   const struct gom_run_request *req)
{
	struct mspan *span = NULL, *spare = NULL, *run;
	HLIST_HEAD(dead);
	unsigned long flags;

	raw_spin_lock_irqsave(&heap->lock, flags);
	run = gom_mheap_best_fit(heap, req->npages, req->align);
	if (run && heap->nheaders < 1 + needs_spare(req)) {
		span = ERR_PTR(-EAGAIN);
	} else if (run) {
		span = reuse_header(heap);
		if (needs_spare(req))
			spare = reuse_header(heap);
		carve(heap, run, req, span, &spare, &dead);
		if (spare)
			hlist_add_head(&spare->list, &dead);
		keep_headers(heap, &dead);
	}
	raw_spin_unlock_irqrestore(&heap->lock, flags);
	free_headers(&dead);
	return span;
}

struct page *gom_mheap_get_pages(int nid, gfp_t gfp, unsigned int order)
{
	KUNIT_STATIC_STUB_REDIRECT(gom_mheap_get_pages, nid, gfp, order);
	return gom_try(BLOCK, PAGE_SIZE << order, gfp,
		       alloc_pages_node(nid, gfp, order));
}

/* References to a page, more than stray frees of what is in it can drop. */
#define HOLD	65536

/*
 * Where a client has the kernel kfree() an object of ours, that drops a
 * reference to its page, which is to stay where it is.
 */
static void hold_pages(struct page *page, unsigned int order)
{
	struct page *end = page + (1UL << order);

	if (GOM_COMPAT_KFREE_PUTS_PAGES)
		for (; page < end; page++)
			page_ref_add(page, HOLD);
}

static void put_page_held(struct page *page)
{
	int extra = min(page_count(page) - 1, HOLD);

	if (GOM_COMPAT_KFREE_PUTS_PAGES && extra > 0)
		page_ref_sub(page, extra);
	__free_page(page);
}

static void put_pages(unsigned long addr, unsigned int npages)
{
	unsigned long end = addr + npages * GOM_PAGE_SIZE;

	for (; addr < end; addr += PAGE_SIZE)
		put_page_held(virt_to_page((void *)addr));
}

static int order_of(unsigned int npages)
{
	return get_order(npages * GOM_PAGE_SIZE);
}

/*
 * The largest order of block.  Blocks are aligned physically: where the
 * linear map begins at an odd multiple of less than 4 MiB, larger ones would
 * lie in two arenas.
 */
static int max_order(void)
{
	int order = min(GOM_MAX_PAGE_ORDER, GOM_ARENA_SHIFT - PAGE_SHIFT);
	unsigned long base = __pa(gomalloc_hot.first) >> PAGE_SHIFT;

	return base ? min_t(int, order, __ffs(base)) : order;
}

/* The order of block that suits the heap's size. */
static int grow_order(struct mheap *heap)
{
	unsigned long part = gom_glance(heap->pages) >> GROW_SHIFT;
	int order = max(GOM_PAGE_ORDER, get_order(GROW_MIN));

	if (part)
		order = max(order, ilog2(part) + GOM_PAGE_ORDER);
	return min(order, max_order());
}

/**
 * struct growth - what the heap is to grow by
 * @need: order of the block that the request takes
 * @order: order of the block to ask for first, @need or more
 * @keep: pages of the block that the heap keeps at most; these are charged
 */
struct growth {
	int need;
	int order;
	unsigned int keep;
};

static unsigned int pages_of(int order)
{
	return (1U << order) >> GOM_PAGE_ORDER;
}

/* As suits the heap's size; what is beyond that must not outgrow a block. */
static struct growth plan(struct mheap *heap, const struct gom_run_request *req)
{
	int grow = grow_order(heap);
	struct growth g = { .need = order_of(req->npages) };

	g.order = req->direct ? g.need : max(grow, g.need);
	g.keep = req->npages;
	if (!req->direct)
		g.keep = min(pages_of(g.order), g.keep + pages_of(grow));
	return g;
}

/* Idle runs of all nodes to the kernel, some @pages; false if there are none. */
static bool release_idle(unsigned long pages)
{
	unsigned long done = 0;
	int nid;

	for_each_gom_node(nid)
		if (done < pages)
			done += gom_mheap_release(&gom_node(nid)->heap,
						  pages - done);
	return done;
}

/*
 * Charge what the heap is to grow by; false if the hard limit forbids.  At a
 * limit it takes no more than it needs, after giving its idle runs back.  For
 * the soft one who may not sleep should not free megabytes; for the hard one
 * it gives as much as it wants, rather than fail.
 */
static bool charge(const struct gom_run_request *req, gfp_t gfp,
		   struct growth *g)
{
	bool met = gom_limit_meets(PAGE_SIZE << g->order);
	bool blocks = gfpflags_allow_blocking(gfp);
	long bytes = g->keep * GOM_PAGE_SIZE;

	if (met)
		gom_limit_hit(PAGE_SIZE << g->order);
	else if (gom_limit_charge(bytes))
		return true;
	if (met && blocks)
		release_idle(ULONG_MAX);
	g->order = g->need;
	g->keep = req->npages;
	bytes = g->keep * GOM_PAGE_SIZE;
	while (!gom_limit_charge(bytes)) {
		if (release_idle(blocks ? ULONG_MAX : g->keep))
			continue;
		if (!(gfp & __GFP_NOFAIL))
			return false;
		gom_limit_exceed(bytes);
		break;
	}
	return true;
}

static void uncharge(unsigned int npages)
{
	gom_limit_uncharge(npages * GOM_PAGE_SIZE);
}

/*
 * Get a block.  Orders beyond the need are a convenience: they neither reclaim
 * nor touch reserves.  The last attempt is the caller's own, flags as given;
 * it may take long, so what it cannot bring is not charged meanwhile.
 */
static struct page *get_block(int nid, gfp_t gfp, struct growth *g)
{
	struct page *page;

	for (; g->order > g->need; g->order--) {
		page = gom_mheap_get_pages(nid, GOM_GFP_EASY(gfp), g->order);
		if (page)
			return page;
	}
	if (g->keep > pages_of(g->need)) {
		uncharge(g->keep - pages_of(g->need));
		g->keep = pages_of(g->need);
	}
	return gom_mheap_get_pages(nid, gfp, g->need);
}

/* Idle runs may be this part of the heap when it grows all the same. */
#define TRADE_SHIFT	3

/*
 * The heap is about to grow by @npages although it has idle runs, as they are
 * too short: if there is much of them, some go.
 */
static void trade(struct mheap *heap, unsigned int npages, gfp_t gfp)
{
	unsigned long pages, flags;

	if (!gfpflags_allow_blocking(gfp) || gom_glance(heap->free_pages) <=
	    gom_glance(heap->pages) >> TRADE_SHIFT)
		return;
	pages = gom_mheap_release(heap, npages);
	raw_spin_lock_irqsave(&heap->lock, flags);
	heap->traded += pages;
	raw_spin_unlock_irqrestore(&heap->lock, flags);
}

/*
 * Charged pages that no map knows yet, for @req or more; returns how many
 * there are at *@addr, 0 if there are none.
 */
static unsigned int take_block(int nid, const struct gom_run_request *req,
			       gfp_t gfp, unsigned long *addr, int *order)
{
	struct mheap *heap = &gom_node(nid)->heap;
	struct growth g = plan(heap, req);
	struct page *page;
	unsigned int have;

	if (!req->direct)
		trade(heap, pages_of(g.order), gfp);
	if (!charge(req, gfp, &g))
		return 0;
	page = get_block(nid, gfp & ~(__GFP_ZERO | __GFP_COMP), &g);
	if (!page) {
		uncharge(g.keep);
		return 0;
	}
	split_page(page, g.order);
	hold_pages(page, g.order);
	*addr = (unsigned long)kasan_reset_tag(page_address(page));
	*order = g.order;
	have = pages_of(g.order);
	if (g.keep < have)
		put_pages(*addr + g.keep * GOM_PAGE_SIZE, have - g.keep);
	else
		uncharge(g.keep - have);
	return min(have, g.keep);
}

/*
 * Take a block from the kernel and the request out of it.  Returns false
 * with the headers still the caller's if there is none.
 */
static bool alloc_grow(int nid, const struct gom_run_request *req, gfp_t gfp,
		       struct mspan *span, struct mspan **spare)
{
	struct mspan *run = gom_mspan_alloc(gfp);
	unsigned long addr, flags;
	struct mheap *heap;
	HLIST_HEAD(dead);
	unsigned int have;
	int order;

	if (!run)
		return false;
	have = take_block(nid, req, gfp, &addr, &order);
	if (!have)
		goto out;
	heap = &gom_node(gom_node_of((void *)addr))->heap;
	if (!gom_arena_covers(addr) || gom_arena_own(addr, have, gfp)) {
		raw_spin_lock_irqsave(&heap->lock, flags);
		heap->beyond += !gom_arena_covers(addr);
		raw_spin_unlock_irqrestore(&heap->lock, flags);
		put_pages(addr, have);
		uncharge(have);
		goto out;
	}

	run->start = addr;
	run->npages = have;
	raw_spin_lock_irqsave(&heap->lock, flags);
	count_pages(heap, have);
	heap->grown++;
	/* A direct block is the request, all of it: it joins nothing. */
	if (req->direct)
		insert_run(heap, run);
	else
		add_run(heap, run, &dead);
	carve(heap, run, req, span, spare, &dead);
	raw_spin_unlock_irqrestore(&heap->lock, flags);
	trace_gomalloc_heap_grow(heap->nid, addr, order, have);
	free_headers(&dead);
	return true;
out:
	gom_mspan_free(run);
	return false;
}

static bool alloc_idle_elsewhere(int nid, const struct gom_run_request *req,
				 struct mspan *span, struct mspan **spare)
{
	int other, i;

	for_each_gom_node_near(other, i, nid)
		if (other != nid &&
		    alloc_idle(&gom_node(other)->heap, req, span, spare))
			return true;
	return false;
}

/*
 * From the node, then without effort from the kernel for the node, then what
 * other nodes have idle, then whatever the caller's flags make of it.  At a
 * limit what is idle comes first, wherever it is, and the flags say what may
 * be done about the limit.
 */
static bool alloc_somehow(int nid, const struct gom_run_request *req, gfp_t gfp,
			  struct mspan *span, struct mspan **spare)
{
	gfp_t here = GOM_GFP_EASY(gfp) | __GFP_THISNODE;
	long bytes = req->npages * GOM_PAGE_SIZE;

	if (req->direct)
		return alloc_grow(nid, req, gfp, span, spare);
	if (alloc_idle(&gom_node(nid)->heap, req, span, spare))
		return true;
	if (static_branch_unlikely(&gom_numa) && !(gfp & __GFP_THISNODE) &&
	    ((gom_limit_allows(bytes) &&
	      alloc_grow(nid, req, here, span, spare)) ||
	     alloc_idle_elsewhere(nid, req, span, spare)))
		return true;
	/* The node may have turned out to be beyond the map. */
	return alloc_grow(gom_node_for(nid, gfp), req, gfp, span, spare);
}

/* The headers that an allocation brings along; false if one is missing. */
static bool bring_headers(const struct gom_run_request *req, gfp_t gfp,
			  struct mspan **span, struct mspan **spare)
{
	*span = gom_mspan_alloc(gfp);
	*spare = *span && needs_spare(req) ? gom_mspan_alloc(gfp) : NULL;
	return *span && (*spare || !needs_spare(req));
}

/* What is left of them when @found says how that went. */
static struct mspan *keep_span(bool found, struct mspan *span,
			       struct mspan *spare)
{
	gom_mspan_free(spare);
	if (found)
		return span;
	gom_mspan_free(span);
	return NULL;
}

/*
 * A span for @req from node @nid, or unless @gfp forbids from another node.
 * It is MOVING, or INUSE and counted if it is large.  NULL if there is no
 * memory for it.
 */
struct mspan *gom_mheap_alloc(int nid, const struct gom_run_request *req,
			      gfp_t gfp)
{
	struct mspan *span, *spare;
	bool found;

	if (order_of(req->npages) > max_order())
		return NULL;
	found = bring_headers(req, gfp, &span, &spare) &&
		alloc_somehow(nid, req, gfp, span, &spare);
	return keep_span(found, span, spare);
}

/* The same from the runs at hand on the node. */
struct mspan *gom_mheap_alloc_idle(int nid, const struct gom_run_request *req,
				   gfp_t gfp)
{
	struct mheap *heap = &gom_node(nid)->heap;
	struct mspan *span = alloc_reusing(heap, req), *spare;
	bool found;

	if (span != ERR_PTR(-EAGAIN))
		return span;
	found = bring_headers(req, gfp, &span, &spare) &&
		alloc_idle(heap, req, span, &spare);
	return keep_span(found, span, spare);
}

/*
 * Pages go back to the kernel: out of the books, and then, without the lock,
 * out of the map.  No run and no span holds them any more.
 */
static void write_off(struct mheap *heap, unsigned long addr,
		      unsigned int npages)
{
	gom_arena_mark(addr, npages, GOM_CLASS_NONE);
	count_pages(heap, -(long)npages);
	heap->released += npages;
}

static void give_back(int nid, unsigned long addr, unsigned int npages)
{
	trace_gomalloc_heap_release(nid, addr, npages);
	gom_arena_disown(addr, npages);
	put_pages(addr, npages);
	uncharge(npages);
}

/* Free a span that its caller alone holds; called under the lock. */
static bool free_locked(struct mheap *heap, struct mspan *span,
			struct hlist_head *dead)
{
	if (!span->direct) {
		add_run(heap, span, dead);
		return false;
	}
	write_off(heap, span->start, span->npages);
	return true;
}

/* Take a MOVING span back. */
void gom_mheap_free(struct mspan *span)
{
	struct mheap *heap = &gom_node(span->nid)->heap;
	HLIST_HEAD(dead);
	unsigned long flags;
	bool gone;

	/* Others may look at it, and no more. */
	ASSERT_EXCLUSIVE_WRITER(*span);
	trace_gomalloc_span_free(span);
	if (span->class != GOM_CLASS_TRACKED)
		kmemleak_free((void *)span->start);
	gom_mspan_uncut(span);
	raw_spin_lock_irqsave(&heap->lock, flags);
	heap->frees++;
	gone = free_locked(heap, span, &dead);
	keep_headers(heap, &dead);
	raw_spin_unlock_irqrestore(&heap->lock, flags);
	free_headers(&dead);
	if (!gone) {
		gom_scavenge_wake();
		return;
	}
	give_back(span->nid, span->start, span->npages);
	gom_mspan_free(span);
}

void gom_mheap_free_list(struct hlist_head *spans)
{
	struct hlist_node *next;
	struct mspan *span;

	hlist_for_each_entry_safe(span, next, spans, list)
		gom_mheap_free(span);
}

/*
 * Free the large object at @ptr.  -ESTALE if there is none any more, -EINVAL
 * if @ptr is inside of it: the lock decides, so of two frees one is told.
 */
int gom_mheap_free_large(const void *ptr)
{
	struct mheap *heap = &gom_node(gom_node_of(ptr))->heap;
	struct mspan *span = NULL;
	unsigned long flags;
	int err = -ESTALE;

	raw_spin_lock_irqsave(&heap->lock, flags);
	if (gom_arena_class(ptr) == GOM_CLASS_LARGE)
		span = gom_arena_span(ptr);
	if (span && span->state == MSPAN_INUSE) {
		err = (unsigned long)ptr == span->start ? 0 : -EINVAL;
		if (!err) {
			span->state = MSPAN_MOVING;
			heap->large--;
			heap->large_pages -= span->npages;
		}
	}
	raw_spin_unlock_irqrestore(&heap->lock, flags);
	if (err)
		return err;
	if (want_init_on_free())
		memset((void *)ptr, 0, span->npages * GOM_PAGE_SIZE);
	gom_mheap_free(span);
	return 0;
}

/* All headers that nothing needs to slab. */
static void release_headers(struct mheap *heap)
{
	HLIST_HEAD(headers);
	unsigned long flags;

	raw_spin_lock_irqsave(&heap->lock, flags);
	hlist_move_list(&heap->headers, &headers);
	heap->nheaders = 0;
	raw_spin_unlock_irqrestore(&heap->lock, flags);
	free_headers(&headers);
}

/* How full an arena is; GOM_SWEEP_LEVELS if it is gone. */
static unsigned int level_of(unsigned long i)
{
	unsigned int owned, free, level = GOM_SWEEP_LEVELS;
	struct arena *arena;

	rcu_read_lock();
	arena = gom_arena_at(i);
	if (arena) {
		owned = gom_glance(arena->nowned);
		free = min_t(unsigned int, atomic_read(&arena->nfree), owned);
		level = DIV_ROUND_UP((owned - free) * (GOM_SWEEP_LEVELS - 1),
				     max(owned, 1U));
	}
	rcu_read_unlock();
	return level;
}

/*
 * The heap's free run at @addr, NULL if none begins there.  Within one the map
 * names no header, or one that is gone; only its ends can be asked.
 */
static struct mspan *run_at(struct mheap *heap, unsigned long addr)
{
	if (!is_free(heap, addr) || joins(heap, addr - GOM_PAGE_SIZE, addr))
		return NULL;
	return gom_arena_span((void *)addr);
}

/*
 * Take the end of @run off, of @max pages, or more to reach a huge page's
 * start; all of it if that is no more.  Returns how many pages it was.
 */
static unsigned int cut_run(struct mheap *heap, struct mspan *run,
			    unsigned long max, unsigned long *addr)
{
	unsigned long end = run->start + run->npages * GOM_PAGE_SIZE;
	unsigned int npages = run->npages;

	erase_run(heap, run);
	*addr = run->start;
	if (max < npages) {
		*addr = end - max * GOM_PAGE_SIZE;
		if (round_down(*addr, SZ_2M) >= run->start)
			*addr = round_down(*addr, SZ_2M);
		npages = (end - *addr) >> GOM_PAGE_SHIFT;
		run->npages -= npages;
	}
	if (*addr != run->start)
		insert_run(heap, run);
	return npages;
}

/* Give the run at @addr or the end of it back; returns how many pages. */
static unsigned int release_run(struct mheap *heap, unsigned long addr,
				unsigned long max)
{
	struct mspan *run, *dead = NULL;
	unsigned int npages = 0;
	unsigned long flags;

	raw_spin_lock_irqsave(&heap->lock, flags);
	run = run_at(heap, addr);
	if (run) {
		npages = cut_run(heap, run, max, &addr);
		if (addr == run->start) {
			run->state = MSPAN_MOVING;
			dead = run;
		}
		write_off(heap, addr, npages);
	}
	raw_spin_unlock_irqrestore(&heap->lock, flags);
	if (npages)
		give_back(heap->nid, addr, npages);
	gom_mspan_free(dead);
	return npages;
}

/*
 * Whether the page at @addr may be where a free run of the heap begins; a
 * guess without the lock, and the caller keeps RCU held off.
 */
static bool may_begin(struct mheap *heap, struct arena *arena,
		      unsigned int page, unsigned long addr)
{
	return READ_ONCE(arena->class[page]) == GOM_CLASS_FREE &&
	       gom_node_of((void *)addr) == heap->nid;
}

/*
 * What sweep @s meets first of the arena that it is at; 0 if nothing.  Where
 * the end of a run went it stays there, for the rest.
 */
static unsigned int sweep_arena(struct mheap *heap, struct gom_sweep *s,
				unsigned long max)
{
	unsigned long first = gomalloc_hot.first + (s->arena << GOM_ARENA_SHIFT);
	struct arena *arena;
	unsigned int npages = 0;
	unsigned long addr;

	/* The arena stays as long as its entries are looked at. */
	rcu_read_lock();
	arena = gom_arena_at(s->arena);
	for (; arena && s->page < GOM_ARENA_PAGES; s->page++) {
		addr = first + s->page * GOM_PAGE_SIZE;
		if (may_begin(heap, arena, s->page, addr))
			npages = release_run(heap, addr, max);
		if (npages)
			break;
	}
	rcu_read_unlock();
	return npages;
}

/* Whether the arena is of the level that sweep @s is at, or under way. */
static bool is_due(struct gom_sweep *s)
{
	unsigned int level;

	if (s->page)
		return true;
	level = level_of(s->arena);
	if (level > s->level && (!s->higher || level - s->level < s->higher))
		s->higher = level - s->level;
	return level == s->level;
}

/* To the next level that the sweep has seen; false if there is none. */
static bool climb(struct gom_sweep *s)
{
	s->level += s->higher;
	s->arena = 0;
	s->page = 0;
	if (!s->higher)
		return false;
	s->higher = 0;
	return true;
}

/*
 * Give a free run of no more than @max pages back to the kernel, or as many of
 * a longer one: the next one that @sweep comes to, emptiest arenas first, so
 * that what comes back makes huge pages.  Arenas at @levels and above, full but
 * for a few pages, are left alone.  Returns how many pages; 0 at the end.
 */
unsigned long gom_mheap_sweep(struct mheap *heap, struct gom_sweep *sweep,
			      unsigned int levels, unsigned long max)
{
	unsigned int npages;
	unsigned long next;

	if (sweep->level >= levels)
		return 0;
	do {
		for (;; sweep->arena++, sweep->page = 0) {
			next = gom_arena_next(sweep->arena);
			if (next >= gomalloc_hot.nr_arenas)
				break;
			/* The one that it was at may be gone. */
			if (next != sweep->arena)
				sweep->page = 0;
			sweep->arena = next;
			npages = is_due(sweep) ?
				sweep_arena(heap, sweep, max) : 0;
			if (npages)
				return npages;
		}
	} while (climb(sweep) && sweep->level < levels);
	sweep->level = GOM_SWEEP_LEVELS;
	return 0;
}

/*
 * Give free runs back to the kernel until that makes @max pages; where there
 * are not so many, all headers too.  Returns how many pages it was.
 */
unsigned long gom_mheap_release(struct mheap *heap, unsigned long max)
{
	struct gom_sweep sweep = {};
	unsigned long pages = 0, n;

	while (pages < max && gom_glance(heap->free_pages)) {
		n = gom_mheap_sweep(heap, &sweep, GOM_SWEEP_LEVELS,
				    max - pages);
		if (!n)
			break;
		pages += n;
	}
	if (pages < max)
		release_headers(heap);
	return pages;
}

void gom_mheap_setup(struct mheap *heap, int nid)
{
	raw_spin_lock_init(&heap->lock);
	heap->nid = nid;
	heap->free = RB_ROOT;
}
