// SPDX-License-Identifier: GPL-2.0
/*
 * The files that walk the heap: arenas, spans and metrics.  Their rows add up
 * to what the tiers count, and they end whatever changes meanwhile.
 */
#include <linux/seq_file.h>
#include <linux/sizes.h>
#include <linux/string.h>
#include "gom_test.h"
#include "size_class.h"
#include "views.h"

#define TEXT_SIZE	SZ_1M

/* Somewhere to read to, outside of gomalloc. */
static struct seq_file *new_reader(struct kunit *test)
{
	struct seq_file *m = kunit_kzalloc(test, sizeof(*m), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, m);
	m->size = TEXT_SIZE;
	m->buf = kunit_kzalloc(test, TEXT_SIZE, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, m->buf);
	return m;
}

/*
 * Read a view as one does who has room for a single record, with a pause
 * between any two; @between is called in each.
 */
static char *read_records(struct kunit *test, struct seq_file *m,
			  const struct seq_operations *ops,
			  void (*between)(struct kunit *test))
{
	loff_t pos = 0, last = -1;
	size_t count;
	void *v;

	m->count = 0;
	for (v = ops->start(m, &pos); v; v = ops->start(m, &pos)) {
		KUNIT_ASSERT_GT(test, pos, last);
		last = pos;
		count = m->count;
		if (ops->show(m, v))
			m->count = count;
		v = ops->next(m, v, &pos);
		ops->stop(m, v);
		if (between)
			between(test);
	}
	ops->stop(m, v);
	KUNIT_ASSERT_FALSE(test, seq_has_overflowed(m));
	m->buf[m->count] = 0;
	return m->buf;
}

static char *read_view(struct kunit *test, struct seq_file *m,
		       const struct seq_operations *ops)
{
	return read_records(test, m, ops, NULL);
}

/* The next line of a text of which this is the last use; NULL at the end. */
static char *next_line(char **text)
{
	char *line = strsep(text, "\n");

	return line && *line ? line : NULL;
}

static void expect_head(struct kunit *test, char **text, const char *head)
{
	KUNIT_ASSERT_STREQ(test, next_line(text), head);
	/* Its columns. */
	KUNIT_ASSERT_NOT_NULL(test, next_line(text));
}

#define NR_OBJS	400

/* Objects of a few classes and large ones, part of them free again. */
static void make_heap(struct kunit *test, void **objs)
{
	static const size_t sizes[] = { 3, 64, 64, 1000, 5000, 20000, 100000 };
	unsigned int i;

	for (i = 0; i < NR_OBJS; i++) {
		objs[i] = gom_test_alloc(sizes[i % ARRAY_SIZE(sizes)],
					 GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, objs[i]);
	}
	for (i = 0; i < NR_OBJS; i += 3) {
		gofree(objs[i]);
		objs[i] = NULL;
	}
}

static void free_heap(void **objs)
{
	unsigned int i;

	for (i = 0; i < NR_OBJS; i++) {
		gofree(objs[i]);
		objs[i] = NULL;
	}
}

/* === spans =============================================================== */

/**
 * struct sums - what rows of a view add up to
 * @rows: rows
 * @pages: pages
 * @out: objects out
 */
struct sums {
	unsigned long rows;
	unsigned long pages;
	unsigned long out;
};

static unsigned int class_of_name(const char *name)
{
	char buf[GOM_CLASS_NAME_LEN];
	unsigned int class;

	for (class = 1; class < GOM_NR_CLASS_BYTES; class++)
		if (!strcmp(name, gom_class_name(class, buf)))
			return class;
	return 0;
}

/*
 * Sum up the rows of spans by class, of one node.  They ascend, though one may
 * begin within another that has gone meanwhile.
 */
static void sum_spans(struct kunit *test, char *text, int nid, struct sums *sums)
{
	unsigned int page, npages, size, nelems, out, class;
	unsigned long arena, at, next = 0;
	char name[16], *line;
	int node, found;

	memset(sums, 0, GOM_NR_CLASS_BYTES * sizeof(*sums));
	expect_head(test, &text, "gomalloc spans 1");
	while ((line = next_line(&text))) {
		found = sscanf(line, "%lu:%u %15s %u %u %u %u %d", &arena,
			       &page, name, &size, &npages, &nelems, &out,
			       &node);
		KUNIT_ASSERT_EQ_MSG(test, found, 8, "%s", line);
		class = class_of_name(name);
		KUNIT_ASSERT_NE_MSG(test, class, 0, "%s", line);
		KUNIT_EXPECT_LE(test, out, nelems);
		KUNIT_EXPECT_LE(test, page + npages, GOM_ARENA_PAGES);
		at = arena * GOM_ARENA_PAGES + page;
		KUNIT_EXPECT_GE_MSG(test, at, next, "%s", line);
		next = at + 1;
		if (node != nid)
			continue;
		sums[class].rows++;
		sums[class].pages += npages;
		sums[class].out += out;
	}
}

static void spans(struct kunit *test)
{
	struct sums *sums = kunit_kcalloc(test, GOM_NR_CLASS_BYTES,
					  sizeof(*sums), GFP_KERNEL);
	void **objs = kunit_kcalloc(test, NR_OBJS, sizeof(*objs), GFP_KERNEL);
	struct seq_file *m = new_reader(test);
	unsigned int class;
	int nid;

	KUNIT_ASSERT_NOT_NULL(test, sums);
	KUNIT_ASSERT_NOT_NULL(test, objs);
	make_heap(test, objs);
	for_each_gom_node(nid) {
		struct mheap *heap = &gom_node(nid)->heap;
		unsigned long pages = 0;

		sum_spans(test, read_view(test, m, &gom_view_spans_sops), nid,
			  sums);
		for (class = 1; class < GOM_NR_SPAN_CLASSES; class++) {
			struct mcentral *central = gom_central(nid, class);

			KUNIT_EXPECT_EQ(test, sums[class].rows, central->nspans);
			KUNIT_EXPECT_EQ(test, sums[class].out, central->nalloc);
			pages += sums[class].pages;
		}
		KUNIT_EXPECT_EQ(test, sums[GOM_CLASS_LARGE].rows, heap->large);
		KUNIT_EXPECT_EQ(test, sums[GOM_CLASS_LARGE].out, heap->large);
		KUNIT_EXPECT_EQ(test, sums[GOM_CLASS_LARGE].pages,
				heap->large_pages);
		KUNIT_EXPECT_EQ(test, sums[GOM_CLASS_FREE].rows, heap->nruns);
		KUNIT_EXPECT_EQ(test, sums[GOM_CLASS_FREE].pages,
				heap->free_pages);
		pages += heap->large_pages + heap->free_pages;
		KUNIT_EXPECT_EQ(test, pages, heap->pages);
	}
	free_heap(objs);
}

/* === arenas ============================================================== */

static void sum_arenas(struct kunit *test, char *text,
		       struct gom_arena_stats *sum, unsigned int *chars)
{
	unsigned int size = min(64U, GOM_ARENA_PAGES), i;
	struct gom_arena_stats s;
	unsigned long arena;
	char map[80], *line;
	int found;

	memset(sum, 0, sizeof(*sum));
	memset(chars, 0, 256 * sizeof(*chars));
	expect_head(test, &text, "gomalloc arenas 1");
	while ((line = next_line(&text))) {
		found = sscanf(line, "%lu %u %u %u %u %79s", &arena, &s.owned,
			       &s.inuse, &s.free, &s.run, map);
		KUNIT_ASSERT_EQ_MSG(test, found, 6, "%s", line);
		KUNIT_EXPECT_EQ(test, s.owned, s.inuse + s.free);
		KUNIT_EXPECT_LE(test, s.run, s.free);
		KUNIT_EXPECT_EQ(test, strlen(map), size);
		KUNIT_EXPECT_EQ_MSG(test, strspn(map, ".-0123456789#L"), size,
				    "%s", line);
		for (i = 0; i < size; i++)
			chars[(u8)map[i]]++;
		sum->owned += s.owned;
		sum->free += s.free;
		sum->run = max(sum->run, s.run);
	}
}

static void arenas(struct kunit *test)
{
	void **objs = kunit_kcalloc(test, NR_OBJS, sizeof(*objs), GFP_KERNEL);
	unsigned int *chars = kunit_kcalloc(test, 256, sizeof(*chars),
					    GFP_KERNEL);
	struct seq_file *m = new_reader(test);
	unsigned long pages = 0, free = 0, longest = 0;
	struct gom_arena_stats sum;
	struct rb_node *last;
	int nid;

	KUNIT_ASSERT_NOT_NULL(test, objs);
	KUNIT_ASSERT_NOT_NULL(test, chars);
	make_heap(test, objs);
	sum_arenas(test, read_view(test, m, &gom_view_arenas_sops), &sum, chars);
	for_each_gom_node(nid) {
		struct mheap *heap = &gom_node(nid)->heap;

		pages += heap->pages;
		free += heap->free_pages;
		last = rb_last(&heap->free);
		if (last)
			longest = max_t(unsigned long, longest,
					rb_entry(last, struct mspan, node)->npages);
	}
	KUNIT_EXPECT_EQ(test, sum.owned, pages);
	KUNIT_EXPECT_EQ(test, sum.free, free);
	KUNIT_EXPECT_EQ(test, sum.run, longest);
	free_heap(objs);
}

/*
 * A large object that fills whole characters, then spans of which all objects
 * are out, then of which one in eight is.
 */
static void arena_map(struct kunit *test)
{
	void **objs = kunit_kcalloc(test, NR_OBJS, sizeof(*objs), GFP_KERNEL);
	unsigned int *chars = kunit_kcalloc(test, 256, sizeof(*chars),
					    GFP_KERNEL);
	struct seq_file *m = new_reader(test);
	struct gom_arena_stats sum;
	unsigned int i;
	void *large;

	KUNIT_ASSERT_NOT_NULL(test, objs);
	KUNIT_ASSERT_NOT_NULL(test, chars);
	large = gom_test_alloc(SZ_2M, GFP_KERNEL);
	sum_arenas(test, read_view(test, m, &gom_view_arenas_sops), &sum, chars);
	KUNIT_EXPECT_EQ(test, chars['L'], SZ_2M / (GOM_ARENA_SIZE / 64));
	gofree(large);
	gomalloc_free_os_memory();
	sum_arenas(test, read_view(test, m, &gom_view_arenas_sops), &sum, chars);
	KUNIT_EXPECT_EQ(test, sum.owned, 0);

	for (i = 0; i < NR_OBJS; i++)
		objs[i] = gom_test_alloc(1024, GFP_KERNEL);
	sum_arenas(test, read_view(test, m, &gom_view_arenas_sops), &sum, chars);
	KUNIT_EXPECT_GT(test, chars['#'], 0);
	KUNIT_EXPECT_EQ(test, chars['1'], 0);
	for (i = 0; i < NR_OBJS; i++) {
		if (IS_ALIGNED((unsigned long)objs[i], GOM_PAGE_SIZE))
			continue;
		gofree(objs[i]);
		objs[i] = NULL;
	}
	gomalloc_free_os_memory();
	sum_arenas(test, read_view(test, m, &gom_view_arenas_sops), &sum, chars);
	KUNIT_EXPECT_EQ(test, chars['#'], 0);
	KUNIT_EXPECT_GT(test, chars['1'], 0);
	free_heap(objs);
}

/* === metrics ============================================================= */

/* Every line is a name, labels perhaps, and a number, but first and last. */
static void check_grammar(struct kunit *test, const char *text)
{
	char *copy = kunit_kzalloc(test, TEXT_SIZE, GFP_KERNEL), *line, *name;
	u64 value;

	KUNIT_ASSERT_NOT_NULL(test, copy);
	strscpy(copy, text, TEXT_SIZE);
	KUNIT_EXPECT_STREQ(test, next_line(&copy), "# gomalloc metrics 1");
	while ((line = next_line(&copy)) && strcmp(line, "# end")) {
		name = strsep(&line, " ");
		KUNIT_EXPECT_EQ_MSG(test, *name, '/', "%s", name);
		KUNIT_EXPECT_NOT_NULL(test, strchr(name, ':'));
		if (strchr(name, '{'))
			KUNIT_EXPECT_STREQ(test, name + strlen(name) - 2, "\"}");
		KUNIT_ASSERT_NOT_NULL(test, line);
		KUNIT_EXPECT_EQ_MSG(test, kstrtou64(line, 10, &value), 0, "%s",
				    name);
	}
	KUNIT_EXPECT_STREQ(test, line, "# end");
	KUNIT_EXPECT_NULL(test, next_line(&copy));
}

/* The sum of all lines called @name; -1 if there is none. */
static u64 metric(const char *text, const char *name)
{
	size_t len = strlen(name);
	const char *line, *end;
	u64 sum = 0, value;
	bool found = false;

	for (line = text; *line; line = end + 1) {
		end = strchrnul(line, '\n');
		if (strncmp(line, name, len))
			continue;
		if (line[len] == '{')
			line = strchr(line, '}') + 1;
		else if (line[len] == ' ')
			line += len;
		else
			continue;
		if (sscanf(line, " %llu", &value) != 1)
			return -1;
		sum += value;
		found = true;
	}
	return found ? sum : -1;
}

static void metrics(struct kunit *test)
{
	void **objs = kunit_kcalloc(test, NR_OBJS, sizeof(*objs), GFP_KERNEL);
	struct seq_file *m = new_reader(test);
	struct gomalloc_stats s;
	unsigned int class;
	const char *text;
	u64 mallocs = 0;

	KUNIT_ASSERT_NOT_NULL(test, objs);
	make_heap(test, objs);
	text = read_view(test, m, &gom_view_metrics_sops);
	gomalloc_read_stats(&s);
	check_grammar(test, text);
#define EXPECT(name, value)	KUNIT_EXPECT_EQ(test, metric(text, name), value)
	EXPECT("/memory/classes/total:bytes", s.sys);
	EXPECT("/memory/classes/peak:bytes", s.peak_sys);
	EXPECT("/memory/classes/limit:bytes", -1ULL);
	EXPECT("/memory/classes/max:bytes", -1ULL);
	EXPECT("/memory/limit/hits:events", s.limit_hits);
	EXPECT("/memory/max/fails:events", s.max_fails);
	EXPECT("/memory/max/exceeded:events", s.max_exceeded);
	EXPECT("/memory/classes/heap/objects:bytes", s.alloc);
	EXPECT("/memory/classes/heap/mcache-free:bytes", s.mcache_free);
	EXPECT("/memory/classes/heap/mcentral-free:bytes", s.mcentral_free);
	EXPECT("/memory/classes/heap/span-waste:bytes", s.span_waste);
	EXPECT("/memory/classes/heap/free:bytes", s.heap_idle);
	EXPECT("/memory/classes/heap/released:bytes", s.heap_released);
	EXPECT("/memory/classes/metadata:bytes", s.meta_sys);
	EXPECT("/gc/heap/allocs:bytes", s.total_alloc);
	EXPECT("/gc/heap/allocs:objects", s.mallocs);
	EXPECT("/gc/heap/frees:objects", s.frees);
	EXPECT("/gc/heap/objects:objects", s.heap_objects);
	EXPECT("/class/held:bytes", s.heap_inuse);
	EXPECT("/cpu/cached:bytes", s.mcache_free);
	EXPECT("/node/heap:bytes", s.heap_sys);
	EXPECT("/node/heap/free:bytes", s.heap_idle);
	EXPECT("/node/heap/inuse:bytes", s.heap_inuse);
	EXPECT("/arena/owned:pages", s.heap_sys >> GOM_PAGE_SHIFT);
	EXPECT("/arena/inuse:pages", s.heap_inuse >> GOM_PAGE_SHIFT);
	EXPECT("/misuse/reports:events", s.misuses);
	for (class = 1; class < GOM_NR_SPAN_CLASSES; class++) {
		struct gom_class_stats cs;

		gom_stats_class(class, &cs);
		mallocs += cs.mallocs;
	}
	EXPECT("/cpu/mallocs:objects", mallocs);
#undef EXPECT
	free_heap(objs);
}

static void metrics_limit(struct kunit *test)
{
	struct seq_file *m = new_reader(test);
	const char *text;

	gomalloc_set_memory_limit(SZ_1G);
	text = read_view(test, m, &gom_view_metrics_sops);
	gomalloc_set_memory_limit(S64_MAX);
	KUNIT_EXPECT_EQ(test, metric(text, "/memory/classes/limit:bytes"), SZ_1G);
	gomalloc_set_memory_max(SZ_2G);
	text = read_view(test, m, &gom_view_metrics_sops);
	gomalloc_set_memory_max(S64_MAX);
	KUNIT_EXPECT_EQ(test, metric(text, "/memory/classes/max:bytes"), SZ_2G);
	KUNIT_EXPECT_EQ(test, metric(text, "/memory/classes/limit:bytes"), -1ULL);
}

/* === While the heap changes ============================================== */

static void **doomed;

/* Something else goes between any two records, and the pages with it. */
static void free_some(struct kunit *test)
{
	unsigned int i;

	for (i = 0; i < 20; i++) {
		unsigned int victim = gom_test_random(test, NR_OBJS);

		gofree(doomed[victim]);
		doomed[victim] = NULL;
	}
	gomalloc_free_os_memory();
}

static void changing_heap(struct kunit *test)
{
	static const struct seq_operations *const views[] = {
		&gom_view_arenas_sops, &gom_view_spans_sops,
		&gom_view_metrics_sops,
	};
	struct sums *sums = kunit_kcalloc(test, GOM_NR_CLASS_BYTES,
					  sizeof(*sums), GFP_KERNEL);
	struct seq_file *m = new_reader(test);
	unsigned int i;
	char *text;

	doomed = kunit_kcalloc(test, NR_OBJS, sizeof(*doomed), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, doomed);
	KUNIT_ASSERT_NOT_NULL(test, sums);
	for (i = 0; i < ARRAY_SIZE(views); i++) {
		make_heap(test, doomed);
		text = read_records(test, m, views[i], free_some);
		if (views[i] == &gom_view_spans_sops)
			sum_spans(test, text, 0, sums);
		free_heap(doomed);
	}
}

#define NR_SHARED	256

static void *shared[NR_SHARED];

static void exchange(void *unused, struct rnd_state *rnd)
{
	size_t size = gom_test_random_size(rnd, SZ_128K);

	gofree(xchg(&shared[prandom_u32_state(rnd) % NR_SHARED],
		    gom_test_alloc(size, GFP_KERNEL)));
	if (!(prandom_u32_state(rnd) % 1024))
		gomalloc_free_os_memory();
}

static struct seq_file *reader;

/* Rows are whole and in order; KASAN and lockdep watch the rest. */
static void read_all(struct kunit *test)
{
	struct gom_arena_stats sum;
	static struct sums sums[GOM_NR_CLASS_BYTES];
	static unsigned int chars[256];

	sum_spans(test, read_view(test, reader, &gom_view_spans_sops), 0, sums);
	sum_arenas(test, read_view(test, reader, &gom_view_arenas_sops), &sum,
		   chars);
	read_view(test, reader, &gom_view_metrics_sops);
}

static void busy_heap(struct kunit *test)
{
	static const struct gom_test_crowd crowd = {
		.work = exchange,
		.msecs = 2000,
		.meanwhile = read_all,
	};
	unsigned int i;

	reader = new_reader(test);
	gom_test_crowd_run(test, &crowd);
	for (i = 0; i < NR_SHARED; i++)
		gofree(xchg(&shared[i], NULL));
}

static struct kunit_case views_cases[] = {
	KUNIT_CASE(spans),
	KUNIT_CASE(arenas),
	KUNIT_CASE(arena_map),
	KUNIT_CASE(metrics),
	KUNIT_CASE(metrics_limit),
	KUNIT_CASE(changing_heap),
	KUNIT_CASE_SLOW(busy_heap),
	{}
};

static struct kunit_suite views_suite = {
	.name = "gomalloc_views",
	.init = gom_test_init,
	.exit = gom_test_exit,
	.test_cases = views_cases,
};

kunit_test_suite(views_suite);
