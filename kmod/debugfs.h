/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _GOM_DEBUGFS_H
#define _GOM_DEBUGFS_H

void gom_debugfs_init(void);
void gom_debugfs_exit(void);

#endif /* _GOM_DEBUGFS_H */
