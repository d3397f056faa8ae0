/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _GOM_LEAK_H
#define _GOM_LEAK_H

struct dentry;

void gom_leak_init(struct dentry *dir);
void gom_leak_exit(void);

#endif /* _GOM_LEAK_H */
