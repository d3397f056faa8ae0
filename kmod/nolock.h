/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _GOM_NOLOCK_H
#define _GOM_NOLOCK_H

void gom_nolock_init(void);
void gom_nolock_flush(int cpu);

#endif /* _GOM_NOLOCK_H */
