// SPDX-License-Identifier: GPL-2.0
/*
 * debugfs: spans, a row for each span and free run.
 *
 * Each row is read under the lock of its heap, for that one span alone.
 */
#include "arena.h"
#include "size_class.h"
#include "views.h"
#include "walk.h"

/* Position 0 is the head of the file, 1 + n what begins at page n. */
static void *spans_start(struct seq_file *m, loff_t *pos)
{
	unsigned long end = gom_walk_end();

	if (!*pos)
		return SEQ_START_TOKEN;
	*pos = 1 + gom_walk_find(*pos - 1, end);
	return *pos <= end ? pos : NULL;
}

static void *spans_next(struct seq_file *m, void *v, loff_t *pos)
{
	++*pos;
	return spans_start(m, pos);
}

static void spans_stop(struct seq_file *m, void *v)
{
}

static u32 object_size(const struct gom_piece *piece)
{
	if (piece->class == GOM_CLASS_LARGE)
		return piece->npages * GOM_PAGE_SIZE;
	/* Of tracked ones, the slots', of heaps', the granules'. */
	if (piece->class == GOM_CLASS_TRACKED || piece->class == GOM_CLASS_HEAP)
		return piece->npages * GOM_PAGE_SIZE / max(piece->nelems, 1);
	return gom_class_of(piece->class)->size;
}

static int spans_show(struct seq_file *m, void *v)
{
	char name[GOM_CLASS_NAME_LEN], start[24];
	struct gom_piece piece;

	if (v == SEQ_START_TOKEN) {
		seq_puts(m, "gomalloc spans 1\n");
		seq_printf(m, "%12s %5s %7s %5s %7s %5s %4s\n", "start",
			   "class", "size", "pages", "objects", "out", "node");
		return 0;
	}
	if (!gom_walk_look(*(loff_t *)v - 1, &piece))
		return SEQ_SKIP;
	snprintf(start, sizeof(start), "%lu:%lu", piece.page / GOM_ARENA_PAGES,
		 piece.page % GOM_ARENA_PAGES);
	seq_printf(m, "%12s %5s %7u %5u %7u %5u %4d\n", start,
		   gom_class_name(piece.class, name), object_size(&piece),
		   piece.npages, piece.nelems, piece.nalloc, piece.nid);
	return 0;
}

const struct seq_operations gom_view_spans_sops = {
	.start = spans_start,
	.next = spans_next,
	.stop = spans_stop,
	.show = spans_show,
};
