/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _GOM_FAULT_H
#define _GOM_FAULT_H

int gom_fault_init(void);
void gom_fault_exit(void);

#endif /* _GOM_FAULT_H */
