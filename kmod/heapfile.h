/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _GOM_HEAPFILE_H
#define _GOM_HEAPFILE_H

struct dentry;

void gom_heapfile_init(struct dentry *dir);

#endif /* _GOM_HEAPFILE_H */
