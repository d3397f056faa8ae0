/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _GOM_GUARD_H
#define _GOM_GUARD_H

#include <linux/types.h>

struct die_args;
struct mspan;

extern unsigned int gom_guard_interval;

bool gom_guard_due(size_t size);
bool gom_guard_prepare(struct mspan *span);

/* Of an object in such a span, which is nobody else's. */
void gom_guard_begin(const void *obj);
void gom_guard_end(const void *obj);
void gom_guard_rest(const void *obj);
void gom_guard_tell(const void *obj);

bool gom_guard_explains(const struct die_args *args);
bool gom_guard_hides(const void *obj);
bool gom_guard_is_before(const void *obj);

#endif /* _GOM_GUARD_H */
