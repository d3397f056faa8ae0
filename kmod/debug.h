/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _GOM_DEBUG_H
#define _GOM_DEBUG_H

#include <linux/types.h>

struct gom_site;

/* What is checked of an object, and the letters that ask for it. */
#define GOM_CHECK_LIFE		0x01	/* F: whether it lives is known exactly */
#define GOM_CHECK_BOUNDS	0x02	/* Z: redzones around it */
#define GOM_CHECK_POISON	0x04	/* P: patterns before and after its life */
#define GOM_CHECK_OWNERS	0x08	/* U: stacks of who allocates and frees */
#define GOM_CHECK_KASAN		0x10	/* K: KASAN or KMSAN knows of its life */
#define GOM_CHECK_LEAKS		0x20	/* L: kmemleak knows it */
#define GOM_CHECK_GUARD		0x40	/* it has a page that faults beside it */

/* Its size is what was asked for, and no more. */
#define GOM_CHECK_EXACT		(GOM_CHECK_BOUNDS | GOM_CHECK_KASAN)

/* Of one that is guarded: what its page cannot see is looked at, too. */
#define GOM_CHECKS_GUARDED	(GOM_CHECK_LIFE | GOM_CHECK_BOUNDS | \
				 GOM_CHECK_POISON | GOM_CHECK_GUARD)

/* Room for what the parameter says. */
#define GOM_DEBUG_LEN		256

int gom_debug_set(const char *text);
int gom_debug_show(char *buf, size_t len);
bool gom_debug_is_on(void);
bool gom_debug_may_wait(gfp_t gfp);
u8 gom_debug_checks(size_t size, const struct gom_site *site);

#endif /* _GOM_DEBUG_H */
