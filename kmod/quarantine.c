// SPDX-License-Identifier: GPL-2.0
/*
 * The quarantine: slots of checked objects that were freed and are not given
 * out again for a while, so that whoever still writes to them is found.  First
 * in, first out; the records are the links.
 *
 * For tracked.c and guarded.c, in any context but NMI, with no lock held.
 */
#include "arena.h"
#include "checked.h"
#include "debug.h"
#include "quarantine.h"
#include "slot.h"

/* Keep the slot of a checked object that was freed for a while. */
void gom_quarantine_hold(struct gom_tracked *tracked, void *obj,
			 const struct gom_slot *slot)
{
	unsigned long flags;

	raw_spin_lock_irqsave(&tracked->lock, flags);
	slot->record->next = NULL;
	if (tracked->held)
		gom_slot_around(tracked->held_last).record->next = obj;
	else
		tracked->held = obj;
	tracked->held_last = obj;
	tracked->held_bytes += slot->size;
	raw_spin_unlock_irqrestore(&tracked->lock, flags);
}

/*
 * The object held longest, if all take more than @most bytes and it is a guarded
 * one, if that is wanted; NULL if not.
 */
void *gom_quarantine_take(struct gom_tracked *tracked, size_t most,
			  bool guarded)
{
	struct gom_slot slot;
	unsigned long flags;
	void *obj = NULL;

	raw_spin_lock_irqsave(&tracked->lock, flags);
	if (tracked->held_bytes > most) {
		slot = gom_slot_around(tracked->held);
		if (!guarded || slot.record->checks & GOM_CHECK_GUARD) {
			obj = tracked->held;
			tracked->held = slot.record->next;
			tracked->held_bytes -= slot.size;
		}
	}
	raw_spin_unlock_irqrestore(&tracked->lock, flags);
	return obj;
}

/*
 * What was held, and is in the list no longer, need not wait any more.  One that
 * was written to stays out of use, and to the books it is live again.
 */
void gom_quarantine_release(struct gom_tracked *tracked, const void *obj)
{
	struct mspan *span = gom_arena_span(obj), *over = NULL;
	unsigned int i = gom_slot_index(span, obj);
	struct gom_slot slot = gom_slot_at(span, i);
	bool intact = gom_checked_rest(&slot);
	unsigned long flags;

	raw_spin_lock_irqsave(&tracked->lock, flags);
	slot.record->held = false;
	slot.record->bucket = NULL;
	slot.record->counted = false;
	tracked->nheld--;
	if (!intact)
		gom_slot_count_live(tracked, slot.record, 1);
	else
		over = gom_slot_put(tracked, span, i);
	raw_spin_unlock_irqrestore(&tracked->lock, flags);
	if (over)
		gom_mheap_free(over);
}
