/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _GOM_DEBUGFS_H
#define _GOM_DEBUGFS_H

#include <linux/types.h>

int gom_debugfs_read_word(char *word, size_t size, const char __user *buf,
			  size_t count);
void gom_debugfs_init(void);
void gom_debugfs_exit(void);

#endif /* _GOM_DEBUGFS_H */
