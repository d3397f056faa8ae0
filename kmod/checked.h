/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _GOM_CHECKED_H
#define _GOM_CHECKED_H

#include <linux/types.h>

struct gom_record;
struct gom_slot;

int gom_checked_init_stacks(void);

size_t gom_checked_layout(struct gom_record *record, size_t size);
void gom_checked_begin(const struct gom_slot *slot);
void gom_checked_resize(const struct gom_slot *slot, u32 size);
void gom_checked_end(const struct gom_slot *slot, unsigned long caller);
bool gom_checked_rest(const struct gom_slot *slot);
void gom_checked_tell(const struct gom_record *record);

#endif /* _GOM_CHECKED_H */
