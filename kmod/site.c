// SPDX-License-Identifier: GPL-2.0
/*
 * Sites: the code that allocates, by return address.
 *
 * A site gives an address a small number, by which files name it without
 * telling where code lies; a name that outlives its module; and counters for
 * what the modules named in callsites= allocate there.
 *
 * Looked up in the slow path of allocations that somebody wants to know of,
 * in any context but NMI, with no lock held.  Changes are made under the
 * array's own lock; lookups take none, as no site is ever freed.
 */
#include <linux/ctype.h>
#include <linux/hash.h>
#include <linux/kallsyms.h>
#include <linux/rculist.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/xarray.h>
#include "fail.h"
#include "gom.h"
#include "site.h"
#include "stats.h"

#define HASH_BITS	10

/* By id.  Its lock guards the hash and both lists too. */
static DEFINE_XARRAY_FLAGS(sites, XA_FLAGS_ALLOC1 | XA_FLAGS_LOCK_IRQ);
static struct hlist_head hash[1 << HASH_BITS];

/*
 * Names with a comma before and after each: of the modules whose sites count,
 * and of modules and functions whose objects are checked.
 */
static char counted_modules[256] = ",";
static char checked_names[256] = ",";

static const char no_name[] = "gone";

static struct hlist_head *head_of(unsigned long ip)
{
	return &hash[hash_long(ip, HASH_BITS)];
}

static struct gom_site *find(unsigned long ip)
{
	struct gom_site *site;

	hlist_for_each_entry_rcu(site, head_of(ip), hash, true)
		if (site->ip == ip)
			return site;
	return NULL;
}

/* Whether @list has the name of @len characters at @name. */
static bool is_listed(const char *list, const char *name, size_t len)
{
	size_t n;

	for (list++; *list; list += n + 1) {
		n = strcspn(list, ",");
		if (n == 1 && *list == '*')
			return true;
		if (n == len && !memcmp(list, name, n))
			return true;
	}
	return false;
}

/* What the lists say of @site, whose name is @name.  Caller holds the lock. */
static void look_up(struct gom_site *site, const char *name)
{
	size_t len = strlen(site->module);

	WRITE_ONCE(site->counted, is_listed(counted_modules, site->module, len));
	WRITE_ONCE(site->checked,
		   is_listed(checked_names, site->module, len) ||
		   is_listed(checked_names, name, strcspn(name, "+")));
}

/* From what stands in brackets at the end of a symbol's name. */
static void name_module(struct gom_site *site, const char *name)
{
	const char *start = strchr(name, '[');
	size_t len = start ? strcspn(start + 1, " ]") : 0;

	if (len && len < sizeof(site->module))
		strscpy(site->module, start + 1, len + 1);
}

/* Enter @site unless somebody else was faster; returns the one entered. */
static struct gom_site *enter(struct gom_site *site, const char *name,
			      gfp_t gfp)
{
	struct gom_site *other;
	unsigned long flags;
	int err = 0;

	xa_lock_irqsave(&sites, flags);
	other = find(site->ip);
	if (!other) {
		look_up(site, name);
		/* @gfp does not wait, so this does not let go of the lock. */
		err = gom_try_err(SITE_ID, gfp,
				  __xa_alloc(&sites, &site->id, site,
					     xa_limit_32b, gfp));
		if (!err)
			hlist_add_head_rcu(&site->hash, head_of(site->ip));
	}
	xa_unlock_irqrestore(&sites, flags);
	if (!other && !err) {
		gom_profile_meta_add(sizeof(*site));
		return site;
	}
	kfree(site);
	return other;
}

/* The site of return address @ip, a new one if need be; NULL without memory. */
struct gom_site *gom_site_get(unsigned long ip, gfp_t gfp)
{
	struct gom_site *site = find(ip), *entered;
	char *name;

	if (likely(site))
		return site;
	gfp = GOM_GFP_EASY(GOM_GFP_META(gfp));
	site = gom_try(SITE, sizeof(*site), gfp, kzalloc(sizeof(*site), gfp));
	name = gom_try(SITE_NAME, GOM_SITE_NAME_LEN, gfp,
		       kasprintf(gfp, "%pB", (void *)ip));
	if (!site || !name) {
		kfree(site);
		kfree(name);
		return NULL;
	}
	site->ip = ip;
	name_module(site, name);
	entered = enter(site, name, gfp);
	kfree(name);
	return entered;
}

/* The first site with an id above @id, which becomes its; NULL at the end. */
struct gom_site *gom_site_next(u32 *id)
{
	unsigned long at = *id;
	struct gom_site *site = xa_find_after(&sites, &at, ULONG_MAX,
					      XA_PRESENT);

	*id = at;
	return site;
}

/* "function+0xoffset/0xsize [module]", without brackets for the kernel. */
int gom_site_name(const struct gom_site *site, char *buf, size_t len)
{
	/* Pairs with smp_store_release() in retire(). */
	const char *name = smp_load_acquire(&site->name);

	if (name)
		return scnprintf(buf, len, "%s", name);
	scnprintf(buf, len, "%pB", (void *)site->ip);
	/* What has no symbol would be shown as the address that it is. */
	if (*buf == '0')
		scnprintf(buf, len, "site-%u", site->id);
	return strlen(buf);
}

/* The same without the module, for where that stands by itself. */
void gom_site_place(const struct gom_site *site, char *buf, size_t len)
{
	gom_site_name(site, buf, len);
	buf[strcspn(buf, " ")] = '\0';
}

void gom_site_malloc(struct gom_site_count *count, u64 n, u64 bytes)
{
	atomic64_add(n, &count->live);
	atomic64_add(bytes, &count->live_bytes);
	atomic64_add(n, &count->mallocs);
	atomic64_add(bytes, &count->total_bytes);
}

void gom_site_free(struct gom_site_count *count, u64 n, u64 bytes)
{
	atomic64_sub(n, &count->live);
	atomic64_sub(bytes, &count->live_bytes);
}

/* The code is about to go: keep the name, its address may be another's soon. */
static void retire(struct gom_site *site)
{
	unsigned long flags;
	const char *name;

	if (site->name)
		return;
	name = gom_try(LAST_NAME, GOM_SITE_NAME_LEN, GFP_KERNEL,
		       kasprintf(GFP_KERNEL, "%pB", (void *)site->ip));
	xa_lock_irqsave(&sites, flags);
	hlist_del_rcu(&site->hash);
	/* Pairs with smp_load_acquire() in gom_site_name(). */
	smp_store_release(&site->name, name ?: no_name);
	xa_unlock_irqrestore(&sites, flags);
}

/* @mod stays, but for what only its init function needs. */
void gom_site_retire_init(const struct module *mod)
{
	struct gom_site *site;
	u32 id = 0;

	while ((site = gom_site_next(&id)))
		if (!site->gone && !strcmp(site->module, mod->name) &&
		    within_module_init(site->ip, mod))
			retire(site);
}

/* @mod is about to go. */
void gom_site_retire(const struct module *mod)
{
	struct gom_site *site;
	u32 id = 0;

	while ((site = gom_site_next(&id))) {
		if (site->gone || strcmp(site->module, mod->name))
			continue;
		retire(site);
		WRITE_ONCE(site->gone, true);
	}
}

/* Of modules or functions, which may have dots in them. */
static bool is_name_list(const char *list)
{
	const char *end;

	if (!*list || !strcmp(list, "*"))
		return true;
	for (;; list = end + 1) {
		end = strchrnul(list, ',');
		if (end == list || end - list >= MODULE_NAME_LEN)
			return false;
		for (; list < end; list++)
			if (!isascii(*list) ||
			    (!isalnum(*list) && *list != '_' && *list != '.'))
				return false;
		if (!*end)
			return true;
	}
}

/*
 * Have @names say @list from now on: names with commas between them, "*" for
 * all code, "" for none.  -EINVAL if it is no such list, -E2BIG if it is too
 * long, with nothing changed.
 */
static int set_list(char *names, size_t room, const char *list)
{
	char name[GOM_SITE_NAME_LEN];
	struct gom_site *site;
	unsigned long flags;
	u32 id = 0;

	if (strlen(list) + sizeof(",,") > room)
		return -E2BIG;
	if (!is_name_list(list))
		return -EINVAL;
	xa_lock_irqsave(&sites, flags);
	snprintf(names, room, *list ? ",%s," : ",", list);
	xa_unlock_irqrestore(&sites, flags);
	while ((site = gom_site_next(&id))) {
		gom_site_name(site, name, sizeof(name));
		xa_lock_irqsave(&sites, flags);
		look_up(site, name);
		xa_unlock_irqrestore(&sites, flags);
	}
	return 0;
}

/* Count what the modules in @list allocate. */
int gom_site_set_counted(const char *list)
{
	return set_list(counted_modules, sizeof(counted_modules), list);
}

/* Check what the modules and functions in @list allocate. */
int gom_site_set_checked(const char *list)
{
	return set_list(checked_names, sizeof(checked_names), list);
}

/* The list as it was given; returns its length. */
int gom_site_show_counted(char *buf, size_t len)
{
	unsigned long flags;
	int n;

	xa_lock_irqsave(&sites, flags);
	n = scnprintf(buf, len, "%s", counted_modules + 1);
	xa_unlock_irqrestore(&sites, flags);
	if (n)
		buf[--n] = '\0';
	return n;
}

bool gom_site_any_counted(void)
{
	return READ_ONCE(counted_modules[1]);
}

/* Nobody looks any more. */
void gom_site_exit(void)
{
	struct gom_site *site;
	u32 id = 0;

	while ((site = gom_site_next(&id))) {
		if (site->name != no_name)
			kfree(site->name);
		kfree(site);
		gom_profile_meta_add(-(long)sizeof(*site));
	}
	xa_destroy(&sites);
}
