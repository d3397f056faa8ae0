/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _GOM_MALLOC_H
#define _GOM_MALLOC_H

#include "gom.h"

void *gom_malloc(size_t size, gfp_t gfp, unsigned long caller);
void *gom_malloc_node(size_t size, gfp_t gfp, int node, unsigned long caller);
void *gom_malloc_try(size_t size, gfp_t gfp, unsigned long caller);
void gom_free(const void *ptr, unsigned long caller);

size_t gom_malloc_size(const void *ptr, unsigned int class);
bool gom_malloc_may_live(const void *ptr, unsigned int class);
size_t gom_malloc_live_size(const void *ptr, unsigned int class);

void *gom_malloc_tiny_finish(void *block, size_t size);
void gom_malloc_put(unsigned int class, void *obj);
bool gom_malloc_intact(unsigned int class, void *obj, unsigned long caller);
void *gom_malloc_free_tiny(const void *ptr, unsigned long caller);
void gom_malloc_free_other(const void *ptr, unsigned long caller);

void gom_malloc_free_slab(const void *ptr, bool wipe);

int gom_malloc_divert_frees(void);
void gom_malloc_undivert_frees(void);

/* Requests that slab served for us, and frees that it took. */
u64 gom_malloc_forwarded(void);
u64 gom_malloc_forwarded_frees(void);

#endif /* _GOM_MALLOC_H */
