// SPDX-License-Identifier: GPL-2.0
/*
 * Tiny objects: sizes up to 4 share 16-byte blocks by Go's alignment rule.
 * Go leaves a block to the garbage collector; here each block has a live mask
 * in its span, so that objects are freed one by one and the last one frees
 * the block.  Go cuts sizes up to 15 so; with four bytes of mask to a block
 * that takes more memory than a class does (Documentation/design.rst).
 *
 *   mask bits  0..15	an object starts at this byte
 *   mask bits 16..31	an object ends with this byte
 *
 *   byte         0           5     8              15
 *   block       [ object A ][ B ]   . . not cut yet .
 *   starts       1           1      1 <- guard
 *   ends                  1     1
 *
 * While a CPU cuts from a block, the part that is not cut yet is guarded by
 * a start without an end.  So one word says it all: the mask is zero exactly
 * when no object lives and no CPU cuts, and whoever makes it zero owns the
 * block.  A start without an end at or above it is the guard; freeing there
 * is refused.
 *
 * The CPU's block is under the mcache's busy flag; masks are atomic, as any
 * CPU frees.  Every function may be called from any context.
 */
#include <linux/mm.h>
#include <linux/percpu.h>
#include "arena.h"
#include "mcache.h"
#include "mspan.h"
#include "tiny.h"

static DEFINE_PER_CPU(struct gom_tiny_cpu, tiny_cpu);

#define START(byte)	(1U << (byte))
#define END(byte)	(1U << (GOM_TINY_BLOCK + (byte)))

/* The guard's bit; none where the whole block is cut. */
static u32 guard_of(unsigned int used)
{
	return used < GOM_TINY_BLOCK ? START(used) : 0;
}

static unsigned int align_of(size_t size)
{
	return size & 1 ? 1 : size & 2 ? 2 : 4;
}

static atomic_t *mask_of(const void *block)
{
	struct mspan *span = gom_arena_span(block);

	return gom_mspan_masks(span) +
		gom_class_index(GOM_CLASS_TINY, gom_mspan_offset(span, block));
}

/* Cut from a CPU's block.  Caller holds the busy flag. */
static void *cut(struct gom_tiny_cpu *tiny, size_t size)
{
	unsigned int at = ALIGN(tiny->used, align_of(size));
	unsigned int end = at + size;
	char *obj = tiny->block + at;
	u32 change;

	/* Only the cutter changes these bits, others clear theirs meanwhile. */
	change = guard_of(tiny->used) ^ guard_of(end) ^ START(at) ^ END(end - 1);
	atomic_xor(change, tiny->mask);
	tiny->used = end;
	if (end == GOM_TINY_BLOCK)
		tiny->block = NULL;
	return obj;
}

/* Nothing lives in the block that somebody cuts from. */
static bool is_guard(u32 mask)
{
	return mask && !(mask >> GOM_TINY_BLOCK);
}

/*
 * If it is this CPU that cuts from @block, start over: a short-lived object
 * and the next one then share their bytes, and no block is used up.
 */
static void rewind(const char *block)
{
	struct gom_tiny_cpu *tiny = this_cpu_ptr(&tiny_cpu);

	if (tiny->block != block || !gom_mcache_trylock())
		return;
	/* Nobody else touches a block without objects. */
	if (tiny->block == block && is_guard(atomic_read(tiny->mask))) {
		atomic_set(tiny->mask, guard_of(0));
		tiny->used = 0;
	}
	gom_mcache_unlock();
}

static bool fits(const struct gom_tiny_cpu *tiny, size_t size)
{
	return tiny->block &&
	       ALIGN(tiny->used, align_of(size)) + size <= GOM_TINY_BLOCK;
}

void *gom_tiny_cut(size_t size)
{
	struct gom_tiny_cpu *tiny;
	void *obj = NULL;

	preempt_disable();
	if (gom_mcache_trylock()) {
		tiny = this_cpu_ptr(&tiny_cpu);
		if (fits(tiny, size)) {
			obj = cut(tiny, size);
			this_cpu_inc(tiny_cpu.mallocs);
		}
		gom_mcache_unlock();
	}
	preempt_enable();
	return obj;
}

/* Nobody cuts from this block any more; returns it if nothing in it lives. */
static void *retire(struct gom_tiny_cpu *tiny)
{
	u32 old;

	if (!tiny->block)
		return NULL;
	old = atomic_fetch_andnot(guard_of(tiny->used), tiny->mask);
	return old == guard_of(tiny->used) ? tiny->block : NULL;
}

/*
 * Of the new block and the CPU's, the CPU goes on with the one that has more
 * room left, as in Go.
 */
void *gom_tiny_cut_new(void *block, size_t size, void **old)
{
	struct gom_tiny_cpu fresh = { .block = block, .mask = mask_of(block) };
	struct gom_tiny_cpu *tiny;
	void *obj;

	/* The masks and what counts their objects change together. */
	preempt_disable();
	atomic_set(fresh.mask, guard_of(0));
	obj = cut(&fresh, size);
	tiny = this_cpu_ptr(&tiny_cpu);
	if (fresh.block && gom_mcache_trylock()) {
		if (!tiny->block || fresh.used < tiny->used) {
			swap(fresh.block, tiny->block);
			swap(fresh.mask, tiny->mask);
			swap(fresh.used, tiny->used);
		}
		gom_mcache_unlock();
	}
	this_cpu_inc(tiny_cpu.mallocs);
	preempt_enable();
	*old = retire(&fresh);
	return obj;
}

/* Where the object that starts at @byte ends; past the block for the guard. */
static unsigned int end_of(u32 mask, unsigned int byte)
{
	u32 ends = mask >> GOM_TINY_BLOCK >> byte;

	return ends ? byte + __ffs(ends) : GOM_TINY_BLOCK;
}

/* Why no object can be freed at @byte. */
static enum gom_tiny_freed refuse(u32 mask, unsigned int byte)
{
	u32 below = mask & (START(byte) - 1);
	unsigned int end;

	if (mask & START(byte) || !below)
		return GOM_TINY_NOT_LIVE;
	end = end_of(mask, __fls(below));
	return end >= byte && end < GOM_TINY_BLOCK ? GOM_TINY_INSIDE :
						     GOM_TINY_NOT_LIVE;
}

enum gom_tiny_freed gom_tiny_free(const void *ptr)
{
	void *block = gom_tiny_block(ptr);
	unsigned int byte = ptr - block, end;
	atomic_t *word;
	int mask;
	u32 left;

	/* A stale pointer's page may be a span in the making. */
	if (!gom_mspan_in_use(gom_arena_span(ptr)))
		return GOM_TINY_NOT_LIVE;
	word = mask_of(block);
	mask = atomic_read(word);
	preempt_disable();
	do {
		end = end_of(mask, byte);
		if (!(mask & START(byte)) || end == GOM_TINY_BLOCK) {
			preempt_enable();
			return refuse(mask, byte);
		}
		left = mask & ~(START(byte) | END(end));
		/* Afterwards the block may be somebody else's. */
		if (want_init_on_free())
			memset((void *)ptr, 0, end + 1 - byte);
	} while (!atomic_try_cmpxchg(word, &mask, left));
	this_cpu_inc(tiny_cpu.frees);
	if (is_guard(left))
		rewind(block);
	preempt_enable();
	return left ? GOM_TINY_FREED : GOM_TINY_LAST;
}

/* A guard that no CPU cuts behind: every free in the block is refused. */
void gom_tiny_condemn(const void *block)
{
	atomic_set(mask_of(block), guard_of(0));
}

/* Bytes of the live object at @ptr; 0 if there is none. */
size_t gom_tiny_size(const void *ptr)
{
	void *block = gom_tiny_block(ptr);
	unsigned int byte = ptr - block, end;
	u32 mask;

	if (!gom_mspan_in_use(gom_arena_span(block)))
		return 0;
	mask = atomic_read(mask_of(block));
	end = end_of(mask, byte);
	if (!(mask & START(byte)) || end == GOM_TINY_BLOCK)
		return 0;
	return end + 1 - byte;
}

/* Whether some CPU cuts from @block; it may start or stop at any moment. */
bool gom_tiny_is_open(const void *block)
{
	int cpu;

	for_each_possible_cpu(cpu)
		if (READ_ONCE(per_cpu(tiny_cpu.block, cpu)) == block)
			return true;
	return false;
}

/*
 * Take @cpu's block away, the caller's own CPU's or a dead one's; returns it
 * if it is free now.
 */
void *gom_tiny_drain(int cpu)
{
	struct gom_tiny_cpu *tiny = per_cpu_ptr(&tiny_cpu, cpu);
	struct gom_tiny_cpu old = {};
	bool alive = cpu_online(cpu);

	preempt_disable();
	if (!alive || gom_mcache_trylock()) {
		old = *tiny;
		tiny->block = NULL;
		if (alive)
			gom_mcache_unlock();
	}
	preempt_enable();
	return retire(&old);
}

void gom_tiny_count(u64 *mallocs, u64 *frees)
{
	unsigned long live = 0;
	int cpu;

	/* The counts of 32-bit kernels wrap, what lives does not. */
	*mallocs = 0;
	for_each_possible_cpu(cpu) {
		unsigned long made = READ_ONCE(per_cpu(tiny_cpu.mallocs, cpu));

		*mallocs += made;
		live += made - READ_ONCE(per_cpu(tiny_cpu.frees, cpu));
	}
	*frees = *mallocs - live;
}
