/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _GOM_FAILFILE_H
#define _GOM_FAILFILE_H

#include "gom.h"

struct dentry;

#ifdef CONFIG_FAULT_INJECTION

int gom_failfile_set_probability(unsigned long percent);
void gom_failfile_init(struct dentry *dir);
void gom_failfile_exit(void);

#else

static inline void gom_failfile_init(struct dentry *dir)
{
}

static inline void gom_failfile_exit(void)
{
}

#endif

#endif /* _GOM_FAILFILE_H */
