/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _GOM_DRAIN_H
#define _GOM_DRAIN_H

int gom_drain_init(void);
void gom_drain_exit(void);

/* Empty the caches of all CPUs and wait for that; process context. */
void gom_drain_cpus(void);
/* Have @cpu empty its own soon; any context but NMI. */
void gom_drain_ask(int cpu);

#endif /* _GOM_DRAIN_H */
