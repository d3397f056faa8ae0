/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _GOM_QUARANTINE_H
#define _GOM_QUARANTINE_H

#include <linux/sizes.h>
#include <linux/types.h>

struct gom_slot;
struct gom_tracked;

/* What the slots in a node's quarantine may take. */
#define GOM_QUARANTINE_MOST	SZ_1M

void gom_quarantine_hold(struct gom_tracked *tracked, void *obj,
			 const struct gom_slot *slot);
void *gom_quarantine_take(struct gom_tracked *tracked, size_t most,
			  bool guarded);
void gom_quarantine_release(struct gom_tracked *tracked, const void *obj);

#endif /* _GOM_QUARANTINE_H */
