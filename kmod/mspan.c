// SPDX-License-Identifier: GPL-2.0
/*
 * Spans: headers and bitmaps.
 *
 * The bitmap is the truth of what a span has handed out.  Refills read it
 * a word at a time and touch no object: the keys that make a free object
 * recognisable are written once, when the span is cut, and from then on by
 * whoever frees.
 *
 * Callers hold the lock that struct mspan names; the functions that allocate
 * are called with none.
 */
#include <linux/bitmap.h>
#include <linux/kcsan-checks.h>
#include <linux/kernel.h>
#include <linux/kmemleak.h>
#include <linux/percpu.h>
#include <linux/random.h>
#include <linux/rcupdate.h>
#include <linux/siphash.h>
#include <linux/slab.h>
#include <linux/smp.h>
#include "fail.h"
#include "mspan.h"
#include "stats.h"

static_assert(BITS_PER_LONG != 64 || sizeof(struct mspan) == 64);

static struct kmem_cache *header_cache;
static struct kmem_cache *tiny_cache;	/* bitmap and live masks */

#define MAX_ELEMS	(GOM_PAGE_SIZE / 8)
#define TINY_ELEMS	(GOM_PAGE_SIZE / 16)
#define TINY_SIZE	(BITS_TO_LONGS(TINY_ELEMS) * sizeof(long) + \
			 TINY_ELEMS * sizeof(atomic_t))

/*
 * Bitmaps that do not fit inline, by how many bits they have.  Most such spans
 * have objects of 32 bytes or more, whose bitmap is a quarter of the largest.
 */
static struct bitmaps {
	const char *name;
	unsigned int nbits;
	struct kmem_cache *cache;
} bitmaps[] = {
	{ "gomalloc_bits_small", MAX_ELEMS / 4 },
	{ "gomalloc_bits_medium", MAX_ELEMS / 2 },
	{ "gomalloc_bits", MAX_ELEMS },
};

/* A header, zeroed and MOVING.  NULL if @gfp finds no memory. */
struct mspan *gom_mspan_alloc(gfp_t gfp)
{
	struct mspan *span;

	span = gom_try(HEADER, sizeof(*span), gfp,
		       kmem_cache_zalloc(header_cache, GOM_GFP_META(gfp)));
	if (span) {
		span->state = MSPAN_MOVING;
		gom_meta_add(sizeof(*span));
	}
	return span;
}

void gom_mspan_free(struct mspan *span)
{
	if (!span)
		return;
	gom_meta_add(-(long)sizeof(*span));
	kmem_cache_free(header_cache, span);
}

static const struct bitmaps *bitmaps_of(const struct mspan *span)
{
	const struct bitmaps *fit = bitmaps;

	while (fit->nbits < span->nelems)
		fit++;
	return fit;
}

static struct kmem_cache *bits_cache_of(const struct mspan *span)
{
	if (span->class == GOM_CLASS_TINY)
		return tiny_cache;
	if (span->nelems > MSPAN_INLINE_WORDS * BITS_PER_LONG)
		return bitmaps_of(span)->cache;
	return NULL;
}

static size_t bits_size_of(const struct mspan *span)
{
	return span->class == GOM_CLASS_TINY ? TINY_SIZE :
	       bitmaps_of(span)->nbits / BITS_PER_BYTE;
}

/*
 * Cut a MOVING span of a small or tiny class into free objects: bitmap and
 * keys.  What is left at the end of the span and large enough gets a key
 * too: freeing a pointer one past the last object then meets it.
 */
int gom_mspan_cut(struct mspan *span, gfp_t gfp)
{
	const struct gom_class *class = &gom_class[span->class];
	unsigned long bytes = span->npages * GOM_PAGE_SIZE;
	struct kmem_cache *cache;
	unsigned long obj, end;

	ASSERT_EXCLUSIVE_WRITER(*span);
	span->nelems = bytes / class->size;
	span->nalloc = 0;
	span->hint = 0;
	span->bits = span->inline_bits;
	bitmap_zero(span->inline_bits, MSPAN_INLINE_WORDS * BITS_PER_LONG);
	cache = bits_cache_of(span);
	if (cache) {
		span->bits = gom_try(BITMAP, bits_size_of(span), gfp,
				     kmem_cache_zalloc(cache,
						       GOM_GFP_META(gfp)));
		if (!span->bits)
			return -ENOMEM;
		gom_meta_add(bits_size_of(span));
	}
	end = span->start + bytes;
	for (obj = span->start; obj + sizeof(long) <= end; obj += class->size)
		*(unsigned long *)obj = gom_key((void *)obj);
	return 0;
}

/* What @bits of a span without a size class leads to. */
static size_t slots_size_of(const struct mspan *span)
{
	if (span->class == GOM_CLASS_HEAP)
		return 2 * BITS_TO_LONGS(span->nelems) * sizeof(long);
	return span->nelems * sizeof(struct gom_record);
}

/* Cut a MOVING span into @nelems slots for tracked objects, or granules. */
int gom_mspan_cut_slots(struct mspan *span, unsigned int nelems, gfp_t gfp)
{
	unsigned long *bits;

	span->nelems = nelems;
	span->nalloc = 0;
	span->hint = 0;
	bitmap_zero(span->inline_bits, MSPAN_INLINE_WORDS * BITS_PER_LONG);
	bits = gom_try(SLOTS, slots_size_of(span), gfp,
		       kzalloc(slots_size_of(span), GOM_GFP_META(gfp)));
	if (!bits)
		return -ENOMEM;
	/* A header leads to it, and kmemleak knows none. */
	kmemleak_ignore(bits);
	gom_meta_add(slots_size_of(span));
	/* Whoever sees the map sees what it is for; see gom_mspan_glimpse(). */
	smp_store_release(&span->bits, bits);
	return 0;
}

/* What a map or records are once they have gone, until no reader is left. */
struct gone_map {
	struct rcu_head rcu;
};

static_assert(sizeof(struct gone_map) <= GOM_PAGE_SIZE / 8 / BITS_PER_BYTE);
static_assert(sizeof(struct gone_map) <= sizeof(struct gom_record));

static void free_slots(struct mspan *span)
{
	unsigned long *bits = span->bits;

	if (!bits)
		return;
	gom_meta_add(-(long)slots_size_of(span));
	WRITE_ONCE(span->bits, NULL);
	/* Before the header is another's; pairs with gom_mspan_glimpse(). */
	smp_wmb();
	kfree_rcu((struct gone_map *)bits, rcu);
}

/*
 * Copy what is needed to read the map or the records of @span with no lock
 * held; false if it is not in use for @class, or just about to go.  The caller
 * holds RCU off, which keeps the map, and so its address from being that of
 * another: what is read while it stays the same is of one span.  Of one that
 * has no map that is not known, but all of it was written before it was in use.
 */
bool gom_mspan_glimpse(const struct mspan *span, unsigned int class,
		       struct mspan *copy)
{
	/* Pairs with gom_mspan_cut_slots(). */
	copy->bits = smp_load_acquire(&span->bits);
	if (!gom_mspan_in_use(span) || READ_ONCE(span->class) != class)
		return false;
	copy->start = READ_ONCE(span->start);
	copy->nelems = READ_ONCE(span->nelems);
	copy->top = READ_ONCE(span->top);
	/* Pairs with free_slots(). */
	smp_rmb();
	return READ_ONCE(span->bits) == copy->bits;
}

/* The reverse of both.  Keys stay behind in the pages, which says nothing to anyone. */
void gom_mspan_uncut(struct mspan *span)
{
	if (span->class == GOM_CLASS_TRACKED || span->class == GOM_CLASS_HEAP) {
		free_slots(span);
		return;
	}
	if (span->bits && span->bits != span->inline_bits) {
		gom_meta_add(-(long)bits_size_of(span));
		kmem_cache_free(bits_cache_of(span), span->bits);
	}
	span->bits = NULL;
}

/* === Objects in random order ============================================= */

bool gom_mspan_random;

static siphash_key_t order_key __ro_after_init;

/* So that no two draws are for the same figures. */
static DEFINE_PER_CPU(unsigned long, draws);

/*
 * A number below @n that who has seen others cannot foretell.  Interrupts are
 * off and a raw lock is held, so the kernel's own random numbers, which are
 * under sleeping locks on PREEMPT_RT, are out of reach; a keyed hash (Aumasson,
 * Bernstein 2012) of what never comes twice is as good.
 */
static u32 draw(const struct mspan *span, u32 n)
{
	u64 turn = this_cpu_inc_return(draws);

	turn |= (u64)raw_smp_processor_id() << 48;
	return reciprocal_scale(siphash_2u64(span->start, turn, &order_key), n);
}

/*
 * The free object at a random place or the next one behind that.  ->hint stays
 * true, as fewer objects are free than before.
 */
static unsigned int take_random(struct mspan *span, void **slots,
				unsigned int n)
{
	unsigned int got, i;

	n = min_t(unsigned int, n, span->nelems - span->nalloc);
	for (got = 0; got < n; got++) {
		i = find_next_zero_bit(span->bits, span->nelems,
				       draw(span, span->nelems));
		if (i == span->nelems)
			i = find_first_zero_bit(span->bits, span->nelems);
		__set_bit(i, span->bits);
		slots[got] = gom_mspan_object(span, i);
	}
	span->nalloc += got;
	return got;
}

/*
 * Hand out up to @n free objects, the lowest first or in random order; returns
 * how many.
 */
unsigned int gom_mspan_take(struct mspan *span, void **slots, unsigned int n)
{
	unsigned int words = BITS_TO_LONGS(span->nelems);
	unsigned int got = 0, word, bit, i;

	if (READ_ONCE(gom_mspan_random))
		return take_random(span, slots, n);
	for (word = span->hint; word < words && got < n; word++) {
		unsigned long clear = ~span->bits[word];

		while (clear && got < n) {
			bit = __ffs(clear);
			i = word * BITS_PER_LONG + bit;
			if (i >= span->nelems)
				break;
			clear &= clear - 1;
			span->bits[word] |= BIT(bit);
			slots[got++] = gom_mspan_object(span, i);
		}
		if (got == n)
			break;
	}
	span->hint = word;
	span->nalloc += got;
	return got;
}

/* Take object @i back; false if it was not out. */
bool gom_mspan_give(struct mspan *span, unsigned int i)
{
	unsigned int word = i / BITS_PER_LONG;

	if (i >= span->nelems || !__test_and_clear_bit(i, span->bits))
		return false;
	span->nalloc--;
	if (word < span->hint)
		span->hint = word;
	return true;
}

static int __init create_bits(void)
{
	struct bitmaps *each;

	for (each = bitmaps; each < bitmaps + ARRAY_SIZE(bitmaps); each++) {
		each->cache = gom_try(BITMAP_CACHE, 0, GFP_KERNEL,
				      kmem_cache_create(each->name,
							each->nbits /
							BITS_PER_BYTE, 0,
							SLAB_NOLEAKTRACE,
							NULL));
		if (!each->cache)
			return -ENOMEM;
	}
	return 0;
}

int __init gom_mspan_init(void)
{
	get_random_bytes(&order_key, sizeof(order_key));
	/*
	 * Who holds no lock that keeps a span finds a header all the same.
	 * Headers name the address of a span's first object, which must not
	 * make that reachable to kmemleak: so that knows neither them nor what
	 * they lead to.
	 */
	header_cache = gom_try(HEADER_CACHE, 0, GFP_KERNEL,
			       kmem_cache_create("gomalloc_span",
						 sizeof(struct mspan), 0,
						 SLAB_TYPESAFE_BY_RCU |
						 SLAB_NOLEAKTRACE, NULL));
	tiny_cache = gom_try(TINY_CACHE, 0, GFP_KERNEL,
			     kmem_cache_create("gomalloc_tiny", TINY_SIZE, 0,
					       SLAB_NOLEAKTRACE, NULL));
	if (header_cache && tiny_cache && !create_bits())
		return 0;
	gom_mspan_exit();
	return -ENOMEM;
}

void gom_mspan_exit(void)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(bitmaps); i++)
		kmem_cache_destroy(bitmaps[i].cache);
	kmem_cache_destroy(tiny_cache);
	kmem_cache_destroy(header_cache);
}
