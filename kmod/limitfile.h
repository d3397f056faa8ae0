/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _GOM_LIMITFILE_H
#define _GOM_LIMITFILE_H

#include "limit.h"

struct dentry;

int gom_limitfile_set(enum gom_limit which, const char *text, size_t len);
void gom_limitfile_init(struct dentry *dir);
void gom_limitfile_exit(void);

#endif /* _GOM_LIMITFILE_H */
