/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _GOM_SAMPLE_H
#define _GOM_SAMPLE_H

#include "gom.h"

/* The largest distance between samples in bytes. */
#define GOM_SAMPLE_RATE_MAX	BIT(30)

/**
 * enum gom_sample - what is to be done about an allocation
 * @GOM_SAMPLE_NOT: nothing
 * @GOM_SAMPLE_LOOK: somebody looks at every one
 * @GOM_SAMPLE_TAKE: the same, and it is in the sample
 */
enum gom_sample {
	GOM_SAMPLE_NOT,
	GOM_SAMPLE_LOOK,
	GOM_SAMPLE_TAKE,
};

enum gom_sample gom_sample_count(unsigned int class);
enum gom_sample gom_sample_count_bytes(u32 bytes);
void gom_sample_uncount(unsigned int class);
unsigned long gom_sample_mallocs(int cpu, unsigned int class);

int gom_sample_set_rate(unsigned long bytes);
int gom_sample_set_counted(const char *list);
int gom_sample_set_debug(const char *text);
int gom_sample_divert_allocs(void);
void gom_sample_undivert_allocs(void);

int gom_sample_init(void);
void gom_sample_exit(void);

#endif /* _GOM_SAMPLE_H */
