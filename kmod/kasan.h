/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _GOM_KASAN_H
#define _GOM_KASAN_H

#ifdef CONFIG_KASAN_GENERIC
void gom_kasan_init(void);
void gom_kasan_exit(void);
#else
static inline void gom_kasan_init(void)
{
}

static inline void gom_kasan_exit(void)
{
}
#endif

#endif /* _GOM_KASAN_H */
