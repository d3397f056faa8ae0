// SPDX-License-Identifier: GPL-2.0
/*
 * Sizes as programs ask for them: one half 16 to 31 bytes, a quarter twice
 * that, and so on, Pareto's distribution. A table, for drawing them costs as
 * much as an allocation.
 */
#include <linux/bitops.h>
#include <linux/minmax.h>
#include <linux/prandom.h>
#include "bench.h"

#define SMALLEST	16
#define DOUBLINGS	9

u16 bench_sizes[NR_SIZES];

void sizes_init(void)
{
	struct rnd_state random;
	unsigned int i, base;

	prandom_seed_state(&random, bench_seed);
	for (i = 0; i < NR_SIZES; i++) {
		base = __ffs(prandom_u32_state(&random) | BIT(DOUBLINGS));
		base = SMALLEST << base;
		bench_sizes[i] = base + prandom_u32_state(&random) % base;
	}
}
