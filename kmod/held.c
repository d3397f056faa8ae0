// SPDX-License-Identifier: GPL-2.0
/*
 * What a module holds: the live objects that it allocated, by call site.
 *
 * Of sites that are counted the figures are exact; of others they are
 * estimated from the sampled profile.  Ages are those of tracked objects.
 *
 * client.c calls it when a module goes, leak.c when somebody asks.  Process
 * context, no lock held.
 */
#include <linux/err.h>
#include <linux/math64.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>
#include <linux/sort.h>
#include <linux/string.h>
#include <linux/timekeeping.h>
#include "fail.h"
#include "held.h"
#include "site.h"
#include "tracked.h"

/* Lines of a report. */
#define REPORT_MAX	16

/**
 * struct table - what is held, by the id of the site
 * @row: of sites of other modules, all zero
 * @nrows: one more than the highest id
 */
struct table {
	struct gom_held *row;
	u32 nrows;
};

static bool is_wanted(const struct gom_site *site, const char *module,
		      bool gone)
{
	return !strcmp(site->module, module) &&
	       (gone || !READ_ONCE(site->gone));
}

static void fill(struct gom_held *held, const struct gom_site *site)
{
	const struct gom_site_count *count = &site->exact;
	unsigned int shift = 0;

	held->site = site;
	held->exact = READ_ONCE(site->counted) || atomic64_read(&count->live);
	if (!held->exact) {
		count = &site->sampled;
		shift = GOM_SITE_SHIFT;
	}
	held->objects = max(atomic64_read(&count->live), 0LL) >> shift;
	held->bytes = max(atomic64_read(&count->live_bytes), 0LL);
}

/* The row of @site if it is one of the module's. */
static struct gom_held *row_of(const struct table *table,
			       const struct gom_site *site)
{
	struct gom_held *held = &table->row[site->id];

	return site->id < table->nrows && held->site ? held : NULL;
}

static bool add_age(const struct gom_tracked_info *info, void *arg)
{
	struct gom_held *held = row_of(arg, info->caller);

	if (!held || (held->exact && !info->counted))
		return true;
	if (!held->oldest || info->when < held->oldest)
		held->oldest = info->when;
	held->newest = max(held->newest, info->when);
	return true;
}

static int by_bytes(const void *a, const void *b)
{
	const struct gom_held *x = a, *y = b;

	return x->bytes == y->bytes ? 0 : x->bytes < y->bytes ? 1 : -1;
}

/* Move rows with objects to the front; returns how many there are. */
static unsigned int compact(struct table *table)
{
	unsigned int n = 0;
	u32 id;

	for (id = 1; id < table->nrows; id++)
		if (table->row[id].objects)
			table->row[n++] = table->row[id];
	return n;
}

/*
 * What @module holds, most bytes first, *@n rows for kvfree(); with @gone what
 * it held under that name and was unloaded counts in.  NULL if it has no call
 * sites, ERR_PTR(-ENOMEM) without memory: *@n is 0 then.
 */
struct gom_held *gom_held_collect(const char *module, bool gone,
				  unsigned int *n)
{
	struct table table = {};
	struct gom_site *site;
	bool any = false;
	u32 id = 0;

	*n = 0;
	while ((site = gom_site_next(&id))) {
		any |= is_wanted(site, module, gone);
		table.nrows = id + 1;
	}
	if (!any)
		return NULL;
	table.row = gom_try(HELD, table.nrows * sizeof(*table.row), GFP_KERNEL,
			    kvcalloc(table.nrows, sizeof(*table.row),
				     GFP_KERNEL));
	if (!table.row)
		return ERR_PTR(-ENOMEM);
	id = 0;
	while ((site = gom_site_next(&id)) && id < table.nrows)
		if (is_wanted(site, module, gone))
			fill(&table.row[id], site);
	gom_tracked_walk(add_age, &table);
	*n = compact(&table);
	sort(table.row, *n, sizeof(*table.row), by_bytes, NULL);
	return table.row;
}

/* From @when to @now in milliseconds; the clock may step back a little. */
u64 gom_held_ms(u64 when, u64 now)
{
	return now > when ? div_u64(now - when, NSEC_PER_MSEC) : 0;
}

/* The same as text, "-" if @when is 0, as nobody remembers; @buf is for it. */
const char *gom_held_age(u64 when, u64 now, char *buf)
{
	if (!when)
		return "-";
	snprintf(buf, GOM_HELD_AGE_LEN, "%llu", gom_held_ms(when, now));
	return buf;
}

static void report_row(const struct gom_held *held, u64 now)
{
	char newest[GOM_HELD_AGE_LEN], oldest[GOM_HELD_AGE_LEN];
	char name[GOM_SITE_NAME_LEN];

	gom_site_name(held->site, name, sizeof(name));
	pr_warn("gomalloc:   %s%llu bytes in %llu objects, %s to %s ms old, from %s\n",
		held->exact ? "" : "about ", held->bytes, held->objects,
		gom_held_age(held->newest, now, newest),
		gom_held_age(held->oldest, now, oldest), name);
}

/* To the log, what @module has not freed now that it goes; silence if all. */
void gom_held_report(const char *module)
{
	u64 now = ktime_get_mono_fast_ns();
	bool estimated = false;
	struct gom_held *held;
	unsigned int i, n;

	held = gom_held_collect(module, false, &n);
	if (n) {
		/* What it left to RCU is freed then. */
		rcu_barrier();
		kvfree(held);
		held = gom_held_collect(module, false, &n);
	}
	if (IS_ERR(held)) {
		pr_warn("gomalloc: no memory to tell what %s did not free\n",
			module);
		return;
	}
	if (n)
		pr_warn("gomalloc: %s is unloaded and did not free:\n", module);
	for (i = 0; i < n; i++) {
		if (i < REPORT_MAX)
			report_row(&held[i], now);
		estimated |= !held[i].exact;
	}
	if (n > REPORT_MAX)
		pr_warn("gomalloc:   and more from %u more call sites\n",
			n - REPORT_MAX);
	if (estimated)
		pr_warn("gomalloc: estimated from samples; exact if it is loaded with gomalloc's callsites=%s\n",
			module);
	kvfree(held);
}
