/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _GOM_GUARDED_H
#define _GOM_GUARDED_H

#include <linux/types.h>

struct gom_node;
struct gom_record;
struct gom_tracked;

void *gom_guarded_take(struct gom_tracked *tracked,
		       const struct gom_record *record, gfp_t gfp);
bool gom_guarded_shed(struct gom_tracked *tracked);
void gom_guarded_trim(struct gom_node *node);
void gom_guarded_exit(void);

#endif /* _GOM_GUARDED_H */
