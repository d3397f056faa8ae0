/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _GOM_BUDGET_H
#define _GOM_BUDGET_H

struct mcache_cold;

/* Bytes that the magazines of the CPU may hold, were they full. */
unsigned long gom_budget_of(const struct mcache_cold *cold);

/* Of CPUs that could do with more, each takes some of another's. */
void gom_budget_shift(void);
/* All have the same again, as when a CPU has gone. */
void gom_budget_reset(void);

#endif /* _GOM_BUDGET_H */
