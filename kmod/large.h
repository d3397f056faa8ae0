/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _GOM_LARGE_H
#define _GOM_LARGE_H

#include "gom.h"

void *gom_large_alloc(size_t size, gfp_t gfp, int node, bool direct);
size_t gom_large_size(size_t size);

#endif /* _GOM_LARGE_H */
