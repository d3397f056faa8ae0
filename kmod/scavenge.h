/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _GOM_SCAVENGE_H
#define _GOM_SCAVENGE_H

int gom_scavenge_init(void);
void gom_scavenge_exit(void);

/* Returns what caches and ready stocks hold to their spans. */
void gom_scavenge_caches(void);

#endif /* _GOM_SCAVENGE_H */
