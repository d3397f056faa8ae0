// SPDX-License-Identifier: GPL-2.0
/*
 * What is around and in an object that the parameter debug asks to check.
 *
 *   slot     | redzone | object | redzone ........|
 *   born                 0x5a, or zeros if so asked
 *   freed                0x6b, up to 0xa5 in its last byte
 *
 * The patterns are slub_debug's.  The redzone in front keeps the object aligned
 * as it is to be; those aligned to 64 KiB have none.  KASAN, where the kernel
 * has it, is told of the same bounds and of the object's life; KMSAN, of when
 * its contents are nobody's.
 *
 * tracked.c calls it for an object that nobody else frees or uses, with no lock
 * held, in any context but NMI.  Damage is reported once and then repaired.
 */
#include <linux/kasan.h>
#include <linux/kernel.h>
#include <linux/kmsan-checks.h>
#include <linux/math64.h>
#include <linux/mm.h>
#include <linux/poison.h>
#include <linux/printk.h>
#include <linux/random.h>
#include <linux/stackdepot.h>
#include <linux/stacktrace.h>
#include <linux/string.h>
#include <linux/timekeeping.h>
#include "checked.h"
#include "compat.h"
#include "debug.h"
#include "fail.h"
#include "guard.h"
#include "mspan.h"
#include "report.h"
#include "site.h"
#include "slot.h"

/*
 * The least around an object.  In front it is what the object is aligned to, if
 * that is more and no more than the most, which a record has room for.
 */
#define REDZONE		32UL
#define REDZONE_MOST	32768UL

/* What an object is aligned to at least. */
#define ALIGNMENT	8UL

#define STACK_DEPTH	16

/* In record->stack. */
enum { ALLOCATED, FREED };

static void *end_of(const struct gom_slot *slot)
{
	return slot->obj + slot->record->size;
}

/* Bytes of the slot in front of the object, and behind it. */
static size_t left_of(const struct gom_slot *slot)
{
	return slot->obj - slot->start;
}

static size_t right_of(const struct gom_slot *slot)
{
	return slot->size - left_of(slot) - slot->record->size;
}

/* At the start or the end of its page, beside the one that is not mapped. */
static size_t place_at_edge(struct gom_record *record, size_t size)
{
	size_t align = max(size & -size, ALIGNMENT);

	record->left = get_random_u32() & 1 ? PAGE_SIZE :
					      PAGE_SIZE - ALIGN(size, align);
	return 2 * PAGE_SIZE;
}

/*
 * Give an object of @size bytes its place in a slot, and return how many bytes
 * that is to have.
 */
size_t gom_checked_layout(struct gom_record *record, size_t size)
{
	if (!(record->checks & GOM_CHECK_EXACT))
		return size;
	record->size = size;
	if (record->checks & GOM_CHECK_GUARD)
		return place_at_edge(record, size);
	if ((size & -size) <= REDZONE_MOST)
		record->left = max(size & -size, REDZONE);
	return record->left + size + REDZONE;
}

/* === What KASAN is told ================================================== */

#ifdef CONFIG_KASAN_GENERIC

/* A shadow byte says how many of so many bytes may be touched, 0 if all. */
#define SHADOWED		BIT(KASAN_SHADOW_SCALE_SHIFT)

/* As in mm/kasan/kasan.h, which is the kernel's own. */
#define KASAN_SLAB_REDZONE	0xfc
#define KASAN_SLAB_FREE		0xfb

static void allow(const void *addr, size_t size)
{
	kasan_poison(addr, round_up(size, SHADOWED), 0, false);
	if (size % SHADOWED)
		*(u8 *)kasan_mem_to_shadow(addr + size) = size % SHADOWED;
}

static void forbid(const void *addr, size_t size, u8 value)
{
	kasan_poison(addr, size, value, false);
}

#else

#define KASAN_SLAB_REDZONE	0
#define KASAN_SLAB_FREE		0

static void allow(const void *addr, size_t size)
{
}

static void forbid(const void *addr, size_t size, u8 value)
{
}

#endif

/* KMSAN is to report who uses what is in the object now. */
static void forget_contents(const struct gom_slot *slot)
{
	kmsan_poison_memory(slot->obj, slot->record->size,
			    GFP_NOWAIT | __GFP_NOWARN);
}

/* === Stacks ============================================================== */

int gom_checked_init_stacks(void)
{
	if (!IS_ENABLED(CONFIG_STACKDEPOT))
		return -EOPNOTSUPP;
	return gom_try_err(STACK_DEPOT, GFP_KERNEL, stack_depot_init());
}

static void note_stack(struct gom_record *record, unsigned int which)
{
	unsigned long entries[STACK_DEPTH];
	unsigned int n;

	if (!IS_ENABLED(CONFIG_STACKDEPOT) ||
	    !(record->checks & GOM_CHECK_OWNERS))
		return;
	/* Those of this file, of tracked.c and of malloc.c say nothing. */
	n = stack_trace_save(entries, ARRAY_SIZE(entries), 3);
	/* With less effort the depot takes no page at all. */
	if (!gom_fails(GOM_FAIL_STACK, sizeof(entries), GFP_NOWAIT))
		record->stack[which] = stack_depot_save(entries, n, GFP_NOWAIT |
							__GFP_NOWARN);
}

static void print_stack(const struct gom_record *record, unsigned int which)
{
	if (IS_ENABLED(CONFIG_STACKDEPOT) && record->stack[which])
		stack_depot_print(record->stack[which]);
}

/* Who allocated an object, and who freed it if it is free. */
void gom_checked_tell(const struct gom_record *record)
{
	u64 age = ktime_get_mono_fast_ns() - record->when;
	char name[GOM_SITE_NAME_LEN];

	if (record->site) {
		gom_site_name(record->site, name, sizeof(name));
		pr_err("gomalloc:   allocated by %s %llu ms ago\n", name,
		       div_u64(age, NSEC_PER_MSEC));
	}
	print_stack(record, ALLOCATED);
	if (!record->stack[FREED])
		return;
	pr_err("gomalloc:   freed before by\n");
	print_stack(record, FREED);
}

/* === An object's life ==================================================== */

static void paint_right(const struct gom_slot *slot)
{
	memset(end_of(slot), SLUB_RED_ACTIVE, right_of(slot));
}

static void paint_around(const struct gom_slot *slot)
{
	memset(slot->start, SLUB_RED_ACTIVE, left_of(slot));
	paint_right(slot);
}

/* KASAN is to let anybody touch the object, and nothing else of its slot. */
static void show_bounds(const struct gom_slot *slot)
{
	forbid(slot->start, slot->size, KASAN_SLAB_REDZONE);
	allow(slot->obj, slot->record->size);
}

/* A slot is an object's from now on. */
void gom_checked_begin(const struct gom_slot *slot)
{
	struct gom_record *record = slot->record;

	if (record->checks & GOM_CHECK_BOUNDS)
		paint_around(slot);
	if (record->checks & GOM_CHECK_POISON)
		memset(slot->obj, POISON_INUSE, record->size);
	if (record->checks & GOM_CHECK_KASAN) {
		show_bounds(slot);
		forget_contents(slot);
	}
	record->stack[FREED] = 0;
	note_stack(record, ALLOCATED);
	if (record->checks & GOM_CHECK_GUARD)
		gom_guard_begin(slot->obj);
}

/* The object has @size bytes from now on, for which the slot has room. */
void gom_checked_resize(const struct gom_slot *slot, u32 size)
{
	struct gom_record *record = slot->record;

	if (record->checks & GOM_CHECK_KASAN)
		allow(slot->start, slot->size);
	record->size = size;
	if (record->checks & GOM_CHECK_BOUNDS)
		paint_right(slot);
	if (record->checks & GOM_CHECK_KASAN)
		show_bounds(slot);
}

/* What was done to an object; @caller is 0 if it is found only later. */
static void report(enum gom_misuse what, const struct gom_slot *slot,
		   unsigned long caller)
{
	if (caller ? gom_report(what, slot->obj, caller) :
		     gom_report_late(what, slot->obj, slot->record->site))
		gom_checked_tell(slot->record);
}

/* Report what was written around an object, and mend it. */
static void check_bounds(const struct gom_slot *slot, unsigned long caller)
{
	const struct gom_record *record = slot->record;
	void *behind, *before;

	if (!(record->checks & GOM_CHECK_BOUNDS))
		return;
	behind = memchr_inv(end_of(slot), SLUB_RED_ACTIVE, right_of(slot));
	before = memchr_inv(slot->start, SLUB_RED_ACTIVE, left_of(slot));
	if (behind)
		report(GOM_OVERRUN, slot, caller);
	if (before)
		report(GOM_UNDERRUN, slot, caller);
	if (behind || before)
		paint_around(slot);
}

/* The object is freed.  Its slot stays its for a while, if it can. */
void gom_checked_end(const struct gom_slot *slot, unsigned long caller)
{
	struct gom_record *record = slot->record;

	if (record->checks & GOM_CHECK_KASAN)
		allow(slot->start, slot->size);
	check_bounds(slot, caller);
	if (record->checks & GOM_CHECK_POISON) {
		memset(slot->obj, POISON_FREE, record->size);
		*(u8 *)(end_of(slot) - 1) = POISON_END;
	} else if (want_init_on_free()) {
		memset(slot->obj, 0, record->size);
	}
	if (record->checks & GOM_CHECK_KASAN) {
		forbid(slot->start, slot->size, KASAN_SLAB_FREE);
		forget_contents(slot);
	}
	note_stack(record, FREED);
	if (record->checks & GOM_CHECK_GUARD)
		gom_guard_end(slot->obj);
}

static bool is_poisoned(const struct gom_slot *slot)
{
	return !memchr_inv(slot->obj, POISON_FREE,
			   slot->record->size - 1) &&
	       *(u8 *)(end_of(slot) - 1) == POISON_END;
}

/* The slot is to be used again.  False, and a report, if that was done before. */
bool gom_checked_rest(const struct gom_slot *slot)
{
	struct gom_record *record = slot->record;

	if (record->checks & GOM_CHECK_GUARD)
		gom_guard_rest(slot->obj);
	if (record->checks & GOM_CHECK_KASAN) {
		allow(slot->start, slot->size);
		kmsan_unpoison_memory(slot->start, slot->size);
	}
	check_bounds(slot, 0);
	if (!(record->checks & GOM_CHECK_POISON) || is_poisoned(slot))
		return true;
	report(GOM_WRITE_AFTER_FREE, slot, 0);
	return false;
}
