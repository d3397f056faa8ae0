// SPDX-License-Identifier: GPL-2.0
/*
 * debugfs: heaps/list, a row for each heap of a client, and heaps/callsites,
 * one for each call site of those that count them.
 *
 * Each row is read under the lock of its heap.  Heaps come and go meanwhile:
 * one may be missed or come twice, and is of one moment all the same.
 */
#include "goheap.h"
#include "heaps.h"
#include "site.h"
#include "views.h"

/* As gom_heaps_place() counts, after the head of the file at 0. */
static void *heaps_start(struct seq_file *m, loff_t *pos)
{
	u64 at;

	if (!*pos)
		return SEQ_START_TOKEN;
	at = gom_heaps_place(*pos - 1);
	if (at == U64_MAX)
		return NULL;
	*pos = 1 + at;
	return pos;
}

static void *heaps_next(struct seq_file *m, void *v, loff_t *pos)
{
	++*pos;
	return heaps_start(m, pos);
}

static void heaps_stop(struct seq_file *m, void *v)
{
}

static void print_flags(struct seq_file *m, unsigned int flags)
{
	char text[] = "---";

	if (flags & GOHEAP_FREE_WHOLE)
		text[0] = 'w';
	if (flags & GOHEAP_ACCOUNT)
		text[1] = 'a';
	if (flags & GOHEAP_CALLSITES)
		text[2] = 'c';
	seq_printf(m, " %5s", text);
}

static void print_limit(struct seq_file *m, u64 bytes)
{
	if (bytes)
		seq_printf(m, " %12llu", bytes);
	else
		seq_printf(m, " %12s", "none");
}

/* Of a heap that may go as soon as RCU is not held off any more. */
struct row {
	char name[GOM_NAME_LEN + 12];
	unsigned int flags;
	const struct gom_site *creator;
	struct goheap_stats stats;
};

static bool read_row(u64 at, struct row *row)
{
	struct goheap *heap;

	rcu_read_lock();
	heap = gom_heaps_at(at);
	if (heap) {
		snprintf(row->name, sizeof(row->name), "%s#%u", heap->name,
			 heap->id);
		row->flags = heap->flags;
		row->creator = heap->creator;
		gom_heaps_read(heap, &row->stats);
	}
	rcu_read_unlock();
	return heap;
}

static void print_site(struct seq_file *m, const struct gom_site *site)
{
	char name[GOM_SITE_NAME_LEN] = "-";

	if (site)
		gom_site_name(site, name, sizeof(name));
	seq_printf(m, " %s\n", name);
}

static int heaps_show(struct seq_file *m, void *v)
{
	const struct goheap_stats *s;
	struct row row;

	if (v == SEQ_START_TOKEN) {
		seq_puts(m, "gomalloc heaps 1\n");
		seq_printf(m, "%12s %10s %12s %12s %10s %10s %12s %12s %8s %8s %5s %-20s site\n",
			   "bytes", "objects", "peak", "held", "mallocs",
			   "frees", "soft", "hard", "hits", "fails", "flags",
			   "heap");
		return 0;
	}
	if (!read_row(*(loff_t *)v - 1, &row))
		return SEQ_SKIP;
	s = &row.stats;
	seq_printf(m, "%12llu %10llu %12llu %12llu %10llu %10llu", s->bytes,
		   s->objects, s->peak, s->held, s->mallocs, s->frees);
	print_limit(m, s->soft);
	print_limit(m, s->hard);
	seq_printf(m, " %8llu %8llu", s->soft_hits, s->hard_fails);
	print_flags(m, row.flags);
	seq_printf(m, " %-20s", row.name);
	print_site(m, row.creator);
	return 0;
}

const struct seq_operations gom_view_heaps_sops = {
	.start = heaps_start,
	.next = heaps_next,
	.stop = heaps_stop,
	.show = heaps_show,
};

/* The first call site with an id above @id, of the heap at @at, if any. */
static bool read_site(u64 at, u32 id, struct gom_heapsite *site)
{
	struct goheap *heap;
	unsigned long flags;
	bool found = false;

	rcu_read_lock();
	heap = gom_heaps_at(at);
	if (heap) {
		raw_spin_lock_irqsave(&heap->lock, flags);
		found = !heap->dying &&
			gom_heapsite_next(&heap->sites, id, site);
		raw_spin_unlock_irqrestore(&heap->lock, flags);
	}
	rcu_read_unlock();
	return found;
}

static int heap_sites_show(struct seq_file *m, void *v)
{
	struct gom_heapsite site;
	struct row row;
	u32 id = 0;
	u64 at;

	if (v == SEQ_START_TOKEN) {
		seq_puts(m, "gomalloc heaps/callsites 1\n");
		seq_printf(m, "%12s %10s %12s %10s %-20s site\n", "bytes",
			   "objects", "total_bytes", "mallocs", "heap");
		return 0;
	}
	at = *(loff_t *)v - 1;
	if (!read_row(at, &row))
		return SEQ_SKIP;
	for (; read_site(at, id, &site); id = site.site->id) {
		seq_printf(m, "%12llu %10llu %12llu %10llu %-20s", site.bytes,
			   site.live, site.total, site.mallocs, row.name);
		print_site(m, site.site);
	}
	return id ? 0 : SEQ_SKIP;
}

const struct seq_operations gom_view_heap_sites_sops = {
	.start = heaps_start,
	.next = heaps_next,
	.stop = heaps_stop,
	.show = heap_sites_show,
};
