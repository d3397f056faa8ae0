/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _GOM_CLIENT_H
#define _GOM_CLIENT_H

#include <linux/types.h>

int gom_client_init(void);
void gom_client_exit(void);

void gom_client_walk(void (*visit)(void *data, size_t size, void *arg),
		     void *arg);

#endif /* _GOM_CLIENT_H */
