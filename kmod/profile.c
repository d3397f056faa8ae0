// SPDX-License-Identifier: GPL-2.0
/*
 * The heap profile: what was sampled, in buckets by stack and size, as Go's
 * MemProfile.
 *
 * Each object of s bytes is sampled with probability 1 - e^(-s / rate), so
 * what a bucket, whose objects have all one size, has sampled is divided by
 * that for an unbiased estimate.  Files show samples and leave that to their
 * readers; what is summed up here is estimated first.
 *
 * Called by tracked.c for every sampled object, in any context but NMI, with
 * no lock held.  A bucket is never freed before gomalloc goes.
 *
 * The stacks are kept here and not in the kernel's stack depot, which takes
 * 1/1024 of the machine's memory for its hash when it is first used, and
 * keeps it when the module has gone.
 */
#include <linux/hash.h>
#include <linux/jhash.h>
#include <linux/math64.h>
#include <linux/rculist.h>
#include <linux/sched/task_stack.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/stacktrace.h>
#include <linux/xarray.h>
#include "fail.h"
#include "profile.h"
#include "site.h"
#include "stats.h"

#define HASH_BITS	10

/* Objects up to this size in bytes are sampled at the full rate. */
#define SIZE_FULL	SZ_2K

/* Frames of gomalloc's own that may lie on top of the caller's. */
#define OWN_FRAMES	12

/**
 * struct gom_bucket - objects of one size from one stack
 * @hash: by stack and size
 * @rate: bytes between samples when they were taken
 * @size: bytes of each
 * @nr: frames
 * @id: its number
 * @allocs: objects sampled
 * @frees: of these, freed
 * @peak: @allocs - @frees at the last peak, if that is still @peak_epoch
 * @peak_epoch: which peak
 * @weight: bytes that each sample stands for
 * @objects: and how many objects, in 2^-GOM_SITE_SHIFT
 * @slot: where the return addresses lay when it was last unwound, in words
 *	from gom_profile_bucket()'s frame up
 * @site: the stack, innermost frame first
 */
struct gom_bucket {
	struct hlist_node hash;
	unsigned long rate;
	u32 size;
	u32 nr;
	u32 id;
	u64 allocs;
	u64 frees;
	u64 peak;
	u64 peak_epoch;
	u64 weight;
	u64 objects;
	u16 slot[GOM_STACK_MAX];
	struct gom_site *site[];
};

/*
 * Unwinding takes some 13 thousand instructions, a thousand for each frame.
 * So it is done once: a caller that finds the same return addresses at the
 * same distances up its task's stack has the same stack again.  The outermost
 * one is not looked for: kernels put a gap of random size below it at each
 * system call, and what it calls has said what it is.  Some stacks of a caller
 * are known at a time.
 *
 * Entries are replaced without a lock: a bucket stays, and its slots are only
 * ever a hint at where to find the addresses of its sites.
 */
#define MEMO_BITS	7
#define MEMO_WAYS	4
static struct gom_bucket *memo[1 << MEMO_BITS][MEMO_WAYS];

/* Guards the counts in all buckets, additions to the hash, and what follows. */
static DEFINE_RAW_SPINLOCK(profile_lock);
static struct hlist_head hash[1 << HASH_BITS];
static u64 lifetimes[GOM_NR_LIFETIMES];

/*
 * Estimated bytes in use, now and at most.  Every new maximum begins an
 * epoch.  A bucket that has not changed since then holds what it held at the
 * peak; when it changes, it first writes that down.  So the profile at the
 * peak is at hand at any time and costs nothing to take.
 */
static u64 in_use;
static u64 peak_in_use;
static u64 peak_epoch;

static DEFINE_XARRAY_FLAGS(buckets, XA_FLAGS_ALLOC1 | XA_FLAGS_LOCK_IRQ);

static unsigned long rate = 512 * 1024;

unsigned long gom_profile_rate(void)
{
	return READ_ONCE(rate);
}

/*
 * Bytes between samples of objects of @size.  A sample costs as much for a
 * large object as for a small one, and of many large ones a part tells enough:
 * those of the classes above SIZE_FULL are sampled as often as objects of
 * SIZE_FULL bytes, not more.  What has no class is slow enough without.
 */
unsigned long gom_profile_rate_of(u32 size)
{
	unsigned long bytes = gom_profile_rate();

	if (bytes > 1 && size > SIZE_FULL && size <= GOMALLOC_MAX_SMALL)
		return min_t(u64, (u64)bytes * size / SIZE_FULL, LONG_MAX);
	return bytes;
}

void gom_profile_set_rate(unsigned long bytes)
{
	WRITE_ONCE(rate, bytes);
}

/* 2^32 * (1 - e^-x), x in 2^-32.  Of y = x / 2^k it is a short series. */
static u64 one_less_exp(u64 x)
{
	unsigned int k = 0;
	u64 y, q, t;

	if (x >> 32 >= 22)
		return 1ULL << 32;
	for (y = x; y > 1ULL << 29; y >>= 1)
		k++;
	t = y * y >> 32;
	q = y - t / 2;
	t = t * y >> 32;
	q += t / 6;
	t = t * y >> 32;
	q -= t / 24;
	/* 1 - e^-2y == q * (2 - q) for q == 1 - e^-y. */
	while (k--)
		q = min_t(u64, 2 * q - (q * q >> 32), U32_MAX);
	return q;
}

/* What @n objects, or bytes, sampled of @size every @bytes stand for. */
static u64 scale(u64 n, u32 size, unsigned long bytes)
{
	u64 p;

	if (bytes <= 1)
		return n;
	p = one_less_exp(div64_u64((u64)size << 32, bytes));
	return mul_u64_u32_div(n, 1U << 31, max_t(u32, p >> 1, 1));
}

/*
 * The same of what gom_profile_next() says, which is at the rate of today for
 * all sizes, as readers of the profile know no other.
 */
u64 gom_profile_scale(u64 n, u32 size)
{
	return scale(n, size, gom_profile_rate());
}

/**
 * struct stack - the part of the current task's stack that is in use
 * @word: from the frame of gom_profile_bucket() up
 * @n: words; 0 on a stack that is not the task's
 */
struct stack {
	const unsigned long *word;
	unsigned long n;
};

static struct stack stack_from(const unsigned long *frame)
{
	unsigned long at = (unsigned long)frame -
			   (unsigned long)task_stack_page(current);
	struct stack stack = { .word = frame };

	if (at < THREAD_SIZE)
		stack.n = (THREAD_SIZE - at) / sizeof(long);
	return stack;
}

/* Addresses to look for on the stack; see memo. */
static unsigned int nr_slots(const struct gom_bucket *bucket)
{
	return bucket->nr < GOM_STACK_MAX ? bucket->nr - 1 : bucket->nr;
}

/* What is remembered of a caller, latest first. */
static struct gom_bucket **memo_of(unsigned long caller, u32 size)
{
	return memo[hash_32((u32)caller ^ size, MEMO_BITS)];
}

/* Whether the return addresses on @stack are those of @bucket. */
static __no_sanitize_address bool is_stack_of(const struct gom_bucket *bucket,
					      const struct stack *stack)
{
	unsigned int i, at;

	for (i = 0; i < nr_slots(bucket); i++) {
		at = READ_ONCE(bucket->slot[i]);
		if (at >= stack->n || bucket->site[i]->name ||
		    READ_ONCE_NOCHECK(stack->word[at]) != bucket->site[i]->ip)
			return false;
	}
	return true;
}

/*
 * Note where on @stack the return addresses of @bucket lie.  They do where
 * nobody has replaced or signed them.  A single frame may be one that the
 * unwinder was lost in: no stack is known by it.
 */
static __no_sanitize_address bool note_slots(struct gom_bucket *bucket,
					     const struct stack *stack)
{
	unsigned int i, at = 0;

	for (i = 0; i < nr_slots(bucket); i++, at++) {
		while (at < stack->n &&
		       READ_ONCE_NOCHECK(stack->word[at]) != bucket->site[i]->ip)
			at++;
		if (at >= stack->n)
			return false;
		WRITE_ONCE(bucket->slot[i], at);
	}
	return bucket->nr > 1;
}

/* The known stack that this one is, or NULL. */
static struct gom_bucket *recall(unsigned long caller, u32 size,
				 unsigned long bytes, const struct stack *stack)
{
	struct gom_bucket **known = memo_of(caller, size), *bucket;
	unsigned int i;

	for (i = 0; i < MEMO_WAYS; i++) {
		/* Pairs with smp_store_release() in remember(). */
		bucket = READ_ONCE(known[i]);
		if (bucket && bucket->size == size && bucket->rate == bytes &&
		    bucket->site[0]->ip == caller && is_stack_of(bucket, stack))
			return bucket;
	}
	return NULL;
}

static void remember(unsigned long caller, struct gom_bucket *bucket,
		     const struct stack *stack)
{
	struct gom_bucket **known = memo_of(caller, bucket->size);
	unsigned int i;

	if (!note_slots(bucket, stack))
		return;
	for (i = 0; i < MEMO_WAYS - 1 && known[i] != bucket; i++)
		;
	for (; i; i--)
		WRITE_ONCE(known[i], READ_ONCE(known[i - 1]));
	/* What is in the bucket comes first.  Pairs with recall(). */
	smp_store_release(&known[0], bucket);
}

/* The stack of @caller, as sites; returns how many frames, 0 without memory. */
static noinline unsigned int unwind(unsigned long caller,
				    struct gom_site **site, gfp_t gfp)
{
	unsigned long entries[OWN_FRAMES + GOM_STACK_MAX];
	unsigned int n = 0, i, first = 0;

	if (IS_ENABLED(CONFIG_STACKTRACE))
		n = stack_trace_save(entries, ARRAY_SIZE(entries), 0);
	while (first < n && first < OWN_FRAMES && entries[first] != caller)
		first++;
	if (first == n || first == OWN_FRAMES) {
		/* The unwinder has lost its way; the caller is known anyway. */
		entries[0] = caller;
		first = 0;
		n = 1;
	}
	n = min_t(unsigned int, n - first, GOM_STACK_MAX);
	for (i = 0; i < n; i++) {
		site[i] = gom_site_get(entries[first + i], gfp);
		/* Half a stack would be taken for a whole one ever after. */
		if (!site[i])
			return 0;
	}
	return n;
}

static struct hlist_head *head_of(struct gom_site *const *site,
				  unsigned int nr, u32 size)
{
	return &hash[hash_32(jhash(site, nr * sizeof(*site), size), HASH_BITS)];
}

/* No bucket is freed, so no lock is needed to look. */
static struct gom_bucket *find(struct gom_site *const *site, unsigned int nr,
			       u32 size, unsigned long bytes)
{
	struct gom_bucket *bucket;

	hlist_for_each_entry_rcu(bucket, head_of(site, nr, size), hash, true)
		if (bucket->size == size && bucket->rate == bytes &&
		    bucket->nr == nr &&
		    !memcmp(bucket->site, site, nr * sizeof(*site)))
			return bucket;
	return NULL;
}

/*
 * Caller holds the lock and is about to change the counts: if they are those
 * of the peak, keep them.
 */
static void keep_peak(struct gom_bucket *bucket)
{
	lockdep_assert_held(&profile_lock);
	if (bucket->peak_epoch == peak_epoch)
		return;
	bucket->peak = bucket->allocs - bucket->frees;
	bucket->peak_epoch = peak_epoch;
}

/* An object of @bucket was allocated. */
void gom_profile_malloc(struct gom_bucket *bucket)
{
	unsigned long flags;

	raw_spin_lock_irqsave(&profile_lock, flags);
	keep_peak(bucket);
	bucket->allocs++;
	in_use += bucket->weight;
	if (in_use > peak_in_use) {
		peak_in_use = in_use;
		peak_epoch++;
	}
	raw_spin_unlock_irqrestore(&profile_lock, flags);
	gom_site_malloc(&bucket->site[0]->sampled, bucket->objects,
			bucket->weight);
}

static struct gom_bucket *make(struct gom_site *const *site, unsigned int nr,
			       u32 size, unsigned long bytes, gfp_t gfp)
{
	struct gom_bucket *bucket;
	unsigned long flags;
	int err;

	bucket = gom_try(BUCKET, struct_size(bucket, site, nr), gfp,
			 kzalloc(struct_size(bucket, site, nr), gfp));
	if (!bucket)
		return NULL;
	bucket->rate = bytes;
	bucket->size = size;
	bucket->nr = nr;
	bucket->weight = scale(size, size, bytes);
	bucket->objects = scale(1 << GOM_SITE_SHIFT, size, bytes);
	memcpy(bucket->site, site, nr * sizeof(*site));
	/* @gfp does not wait, so this does not let go of the lock. */
	xa_lock_irqsave(&buckets, flags);
	err = gom_try_err(BUCKET_ID, gfp,
			  __xa_alloc(&buckets, &bucket->id, NULL, xa_limit_32b,
				     gfp));
	xa_unlock_irqrestore(&buckets, flags);
	if (!err)
		return bucket;
	kfree(bucket);
	return NULL;
}

/* Make @bucket known unless somebody else was faster; returns the one known. */
static struct gom_bucket *enter(struct gom_bucket *bucket)
{
	struct gom_bucket *other;
	unsigned long flags;

	raw_spin_lock_irqsave(&profile_lock, flags);
	other = find(bucket->site, bucket->nr, bucket->size, bucket->rate);
	if (!other) {
		bucket->peak_epoch = peak_epoch;
		hlist_add_head_rcu(&bucket->hash,
				   head_of(bucket->site, bucket->nr, bucket->size));
	}
	raw_spin_unlock_irqrestore(&profile_lock, flags);

	xa_lock_irqsave(&buckets, flags);
	if (other)
		__xa_erase(&buckets, bucket->id);
	else
		__xa_store(&buckets, bucket->id, bucket, GFP_NOWAIT);
	xa_unlock_irqrestore(&buckets, flags);
	if (other) {
		kfree(bucket);
		return other;
	}
	gom_profile_meta_add(struct_size(bucket, site, bucket->nr));
	return bucket;
}

/* By its whole stack. */
static noinline struct gom_bucket *bucket_unwound(unsigned long caller,
						  u32 size, unsigned long bytes,
						  gfp_t gfp)
{
	struct gom_site *site[GOM_STACK_MAX];
	struct gom_bucket *bucket;
	unsigned int nr;

	gfp = GOM_GFP_EASY(GOM_GFP_META(gfp));
	nr = unwind(caller, site, gfp);
	if (!nr)
		return NULL;
	bucket = find(site, nr, size, bytes);
	if (bucket)
		return bucket;
	bucket = make(site, nr, size, bytes, gfp);
	return bucket ? enter(bucket) : NULL;
}

/*
 * The bucket of objects of @size bytes that are allocated from here, which
 * returns to @caller; NULL without memory.
 */
struct gom_bucket *gom_profile_bucket(unsigned long caller, u32 size, gfp_t gfp)
{
	struct stack stack = stack_from(__builtin_frame_address(0));
	unsigned long bytes = gom_profile_rate_of(size);
	struct gom_bucket *bucket = recall(caller, size, bytes, &stack);

	if (bucket)
		return bucket;
	bucket = bucket_unwound(caller, size, bytes, gfp);
	if (bucket)
		remember(caller, bucket, &stack);
	return bucket;
}

/* An object of @bucket was freed, @age nanoseconds after its allocation. */
void gom_profile_free(struct gom_bucket *bucket, s64 age)
{
	unsigned long flags;

	raw_spin_lock_irqsave(&profile_lock, flags);
	keep_peak(bucket);
	bucket->frees++;
	in_use -= bucket->weight;
	/* The clock that may be read anywhere may step back a little. */
	lifetimes[age > 0 ? ilog2(age) : 0]++;
	raw_spin_unlock_irqrestore(&profile_lock, flags);
	gom_site_free(&bucket->site[0]->sampled, bucket->objects,
		      bucket->weight);
}

/*
 * As @n would be, had @bucket been sampled at the rate of today.  Most buckets
 * have a sample or two, which one way of rounding for all would make too many
 * or too few; so each rounds at a place of its own.
 */
static u64 at_rate(const struct gom_bucket *bucket, u64 n)
{
	unsigned long bytes = gom_profile_rate();
	u64 then, each;

	if (bucket->rate == bytes || !n)
		return n;
	then = scale(n * bucket->size, bucket->size, bucket->rate);
	each = scale(bucket->size, bucket->size, bytes);
	then += each * hash_32(bucket->id, 16) >> 16;
	return div64_u64(then, each);
}

/* The first bucket with an id above @id, which becomes its; false at the end. */
bool gom_profile_next(u32 *id, struct gom_bucket_view *view)
{
	unsigned long at = *id, flags;
	struct gom_bucket *bucket;

	bucket = xa_find_after(&buckets, &at, ULONG_MAX, XA_PRESENT);
	if (!bucket)
		return false;
	*id = at;
	raw_spin_lock_irqsave(&profile_lock, flags);
	view->allocs = bucket->allocs;
	view->frees = bucket->frees;
	view->peak = bucket->peak_epoch == peak_epoch ? bucket->peak :
		     bucket->allocs - bucket->frees;
	raw_spin_unlock_irqrestore(&profile_lock, flags);
	view->id = at;
	view->size = bucket->size;
	view->nr = bucket->nr;
	memcpy(view->site, bucket->site, bucket->nr * sizeof(*bucket->site));
	view->allocs = at_rate(bucket, view->allocs);
	view->frees = min(at_rate(bucket, view->frees), view->allocs);
	view->peak = at_rate(bucket, view->peak);
	return true;
}

struct gom_site *gom_profile_caller(const struct gom_bucket *bucket)
{
	return bucket->site[0];
}

u32 gom_profile_id(const struct gom_bucket *bucket)
{
	return bucket->id;
}

/* How many samples were freed at an age of 2^@i up to 2^(@i + 1) ns. */
u64 gom_profile_lifetimes(unsigned int i)
{
	unsigned long flags;
	u64 n;

	raw_spin_lock_irqsave(&profile_lock, flags);
	n = lifetimes[i];
	raw_spin_unlock_irqrestore(&profile_lock, flags);
	return n;
}

/* The most bytes in use ever, as estimated: when the file peak is of. */
u64 gom_profile_peak(void)
{
	unsigned long flags;
	u64 bytes;

	raw_spin_lock_irqsave(&profile_lock, flags);
	bytes = peak_in_use;
	raw_spin_unlock_irqrestore(&profile_lock, flags);
	return bytes;
}

/* Nobody samples or looks any more. */
void gom_profile_exit(void)
{
	struct gom_bucket *bucket;
	unsigned long id;

	xa_for_each(&buckets, id, bucket) {
		gom_profile_meta_add(-(long)struct_size(bucket, site, bucket->nr));
		kfree(bucket);
	}
	xa_destroy(&buckets);
}
