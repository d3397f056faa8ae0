// SPDX-License-Identifier: GPL-2.0
/*
 * The kernel's own tests of KASAN, redirected to gomalloc by the drop-in header,
 * which the Makefile includes first.  See kmalloc.c.
 */
#define GOMALLOC
#include "kmalloc.c"
