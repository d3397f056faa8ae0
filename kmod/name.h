/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Names that clients give to what they make, as debugfs shows them.
 */
#ifndef _GOM_NAME_H
#define _GOM_NAME_H

#include <linux/ctype.h>
#include <linux/string.h>

#define GOM_NAME_LEN	32

/* One word, without what metrics would have to escape. */
static inline void gom_name_set(char *to, const char *name)
{
	if (!name || !*name)
		name = "-";
	strscpy(to, name, GOM_NAME_LEN);
	for (; *to; to++)
		if (!isascii(*to) || !isgraph(*to) || *to == '"' || *to == '\\')
			*to = '_';
}

#endif /* _GOM_NAME_H */
