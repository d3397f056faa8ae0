// SPDX-License-Identifier: GPL-2.0
/*
 * debugfs: arenas, a row for each arena that owns pages, with a map of them.
 *
 * The figures come from the arena's class bytes under RCU, the map from a walk
 * that takes the heap's lock for one span at a time.  So a row is of one
 * moment only where nobody allocates.
 */
#include "arena.h"
#include "views.h"
#include "walk.h"

#define MAP_CHARS	(GOM_ARENA_PAGES < 64 ? GOM_ARENA_PAGES : 64)
#define CHAR_PAGES	(GOM_ARENA_PAGES / MAP_CHARS)

/* What a page holds; where pages of one character tie, the last one shows. */
enum kind {
	KIND_NONE,
	KIND_FREE,
	KIND_SMALL,
	KIND_LARGE,
	KIND_TRACKED,
	KIND_HEAP,
	NR_KINDS,
};

/**
 * struct pen - a map being drawn
 * @map: characters
 * @page: the page that comes next
 * @n: pages since the last character, by kind
 * @out: of the small ones, the sum of how many percent of their span are out
 */
struct pen {
	char *map;
	unsigned int page;
	unsigned int n[NR_KINDS];
	unsigned int out;
};

static char fullness(unsigned int percent)
{
	if (percent == 100)
		return '#';
	return '0' + (percent ? max(percent / 10, 1U) : 0);
}

static char to_char(const struct pen *pen)
{
	unsigned int i, most = 0;

	for (i = 1; i < NR_KINDS; i++)
		if (pen->n[i] >= pen->n[most])
			most = i;
	return most == KIND_SMALL ? fullness(pen->out / pen->n[most]) :
	       ".-?LTH"[most];
}

/* The pages up to @end hold @kind. */
static void draw(struct pen *pen, unsigned int end, enum kind kind,
		 unsigned int percent)
{
	while (pen->page < end) {
		pen->n[kind]++;
		pen->out += percent;
		if (++pen->page % CHAR_PAGES)
			continue;
		pen->map[pen->page / CHAR_PAGES - 1] = to_char(pen);
		memset(pen->n, 0, sizeof(pen->n));
		pen->out = 0;
	}
}

static void draw_piece(struct pen *pen, unsigned int first,
		       const struct gom_piece *piece)
{
	unsigned int end = first + piece->npages;

	draw(pen, first, KIND_NONE, 0);
	if (piece->class == GOM_CLASS_FREE)
		draw(pen, end, KIND_FREE, 0);
	else if (piece->class == GOM_CLASS_LARGE)
		draw(pen, end, KIND_LARGE, 0);
	else if (piece->class == GOM_CLASS_TRACKED)
		draw(pen, end, KIND_TRACKED, 0);
	else if (piece->class == GOM_CLASS_HEAP)
		draw(pen, end, KIND_HEAP, 0);
	else
		draw(pen, end, KIND_SMALL, piece->nelems ?
		     piece->nalloc * 100 / piece->nelems : 0);
}

static void draw_arena(unsigned long i, char *map)
{
	unsigned long first = i * GOM_ARENA_PAGES, page = first;
	unsigned long end = first + GOM_ARENA_PAGES;
	struct pen pen = { .map = map };
	struct gom_piece piece;

	while ((page = gom_walk_find(page, end)) < end) {
		if (gom_walk_look(page, &piece))
			draw_piece(&pen, page - first, &piece);
		page++;
	}
	draw(&pen, GOM_ARENA_PAGES, KIND_NONE, 0);
}

/* Position 0 is the head of the file, 1 + i the arena at index i. */
static void *arenas_start(struct seq_file *m, loff_t *pos)
{
	if (!*pos)
		return SEQ_START_TOKEN;
	*pos = 1 + gom_arena_next(*pos - 1);
	return *pos <= gomalloc_hot.nr_arenas ? pos : NULL;
}

static void *arenas_next(struct seq_file *m, void *v, loff_t *pos)
{
	++*pos;
	return arenas_start(m, pos);
}

static void arenas_stop(struct seq_file *m, void *v)
{
}

static int arenas_show(struct seq_file *m, void *v)
{
	struct gom_arena_stats s;
	unsigned long i;
	char map[MAP_CHARS + 1] = "";

	if (v == SEQ_START_TOKEN) {
		seq_puts(m, "gomalloc arenas 1\n");
		seq_printf(m, "%7s %6s %6s %6s %6s  map, %u pages a character: . not ours, - free, small by objects out: 0 none, 1-9 tenths, # all; L large; T tracked; H heap\n",
			   "arena", "owned", "inuse", "free", "run",
			   CHAR_PAGES);
		return 0;
	}
	i = *(loff_t *)v - 1;
	if (!gom_arena_count(i, &s))
		return SEQ_SKIP;
	draw_arena(i, map);
	seq_printf(m, "%7lu %6u %6u %6u %6u  %s\n", i, s.owned, s.inuse, s.free,
		   s.run, map);
	return 0;
}

const struct seq_operations gom_view_arenas_sops = {
	.start = arenas_start,
	.next = arenas_next,
	.stop = arenas_stop,
	.show = arenas_show,
};
