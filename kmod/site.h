/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _GOM_SITE_H
#define _GOM_SITE_H

#include <linux/atomic.h>
#include <linux/list.h>
#include <linux/module.h>

/**
 * struct gom_site_count - objects of a site
 * @live: that were not freed yet
 * @live_bytes: their bytes, rounded up to size classes
 * @mallocs: ever allocated
 * @total_bytes: their bytes
 */
struct gom_site_count {
	atomic64_t live;
	atomic64_t live_bytes;
	atomic64_t mallocs;
	atomic64_t total_bytes;
};

/* Estimates are of fractions of an object, 2^-GOM_SITE_SHIFT. */
#define GOM_SITE_SHIFT	16

/**
 * struct gom_site - an address in code that allocates or is on the way to it
 * @hash: by @ip, while its module is there
 * @ip: a return address
 * @id: its number, from 1 on
 * @counted: its module is named in the parameter callsites
 * @checked: it or its module is named in the parameter debug
 * @gone: its module was unloaded
 * @name: how it was called, once the code has gone
 * @module: of the code; empty if that is the kernel's own
 * @exact: the allocations made while it was @counted
 * @sampled: an estimate of all allocations, from those in the profile
 *
 * A site is made when it is first met and stays until gomalloc goes, so who
 * has met one may keep it without a reference.  When its code goes, with its
 * module or when only that's init function has needed it, the next code at the
 * same address gets a site of its own.
 */
struct gom_site {
	struct hlist_node hash;
	unsigned long ip;
	u32 id;
	bool counted;
	bool checked;
	bool gone;
	const char *name;
	char module[MODULE_NAME_LEN];
	struct gom_site_count exact;
	struct gom_site_count sampled;
};

/* Room for gom_site_name()'s longest. */
#define GOM_SITE_NAME_LEN	(2 * MODULE_NAME_LEN + 128)

struct gom_site *gom_site_get(unsigned long ip, gfp_t gfp);
struct gom_site *gom_site_next(u32 *id);
int gom_site_name(const struct gom_site *site, char *buf, size_t len);
void gom_site_place(const struct gom_site *site, char *buf, size_t len);

void gom_site_malloc(struct gom_site_count *count, u64 n, u64 bytes);
void gom_site_free(struct gom_site_count *count, u64 n, u64 bytes);

void gom_site_retire_init(const struct module *mod);
void gom_site_retire(const struct module *mod);
int gom_site_set_counted(const char *list);
int gom_site_set_checked(const char *list);
int gom_site_show_counted(char *buf, size_t len);
bool gom_site_any_counted(void);
void gom_site_exit(void);

#endif /* _GOM_SITE_H */
