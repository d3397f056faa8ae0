/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _GOM_GOPOOL_H
#define _GOM_GOPOOL_H

#include <linux/gopool.h>
#include "name.h"

struct module;

/**
 * struct gom_pool_view - a pool for who looks at all of them
 * @id: its number; they never repeat
 * @name: its name
 * @size: bytes of each object
 * @stats: what it holds and did
 */
struct gom_pool_view {
	u64 id;
	char name[GOM_NAME_LEN];
	size_t size;
	struct gopool_stats stats;
};

/* The parameter: pools that are made from now on look for double puts. */
extern bool gom_pool_check;

/*
 * For all pools, of @cpu, which is the caller's own or dead; process context.
 * Trim begins a cycle, drain leaves nothing.
 */
void gom_pool_trim(int cpu);
void gom_pool_drain(int cpu);
/* The same as trim, if the last time was long enough ago. */
void gom_pool_age(int cpu);
/* Whether any pool has something on @cpu; a guess while it is at work. */
bool gom_pool_is_worth(int cpu);
/* Bytes of objects that pools have on @cpu, likewise. */
unsigned long gom_pool_bytes(int cpu);
/* Changes whenever pools may have got something to look after on @cpu. */
unsigned long gom_pool_visits(int cpu);

/* The first pool whose id is at least @id; false if there is none. */
bool gom_pool_read(u64 id, struct gom_pool_view *view);

/* Room for what a CPU has of a pool. */
#define GOM_POOL_ROOTS_BYTES	512

/**
 * struct gom_pool_cursor - how far somebody has looked; {} at the start
 * @id: in this pool
 * @cpu: up to this CPU
 */
struct gom_pool_cursor {
	u64 id;
	unsigned int cpu;
};

/* Copy what the next CPU has of a pool to @words; its bytes, 0 at the end. */
size_t gom_pool_roots(struct gom_pool_cursor *at, void **words);

/* How many of the objects in pools are none that live, or too small. */
unsigned long gom_pool_damaged(void);
/* Whether pools have what their counters say, as while nobody uses them. */
bool gom_pool_balanced(void);
/* The pool joins the others; a seam for tests, which undo retire with it. */
void gom_pool_adopt(struct gopool *pool);
/* @module goes: see that nothing calls into it any more. */
void gom_pool_retire(const struct module *module);

#endif /* _GOM_GOPOOL_H */
