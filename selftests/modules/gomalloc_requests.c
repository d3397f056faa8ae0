// SPDX-License-Identifier: GPL-2.0
/*
 * A worked example of heaps: parses requests, texts in the manner of HTTP, into
 * trees of nodes, uses them and drops them.
 *
 *	insmod gomalloc_requests.ko requests=1000 objects=1000000
 *
 * Each way to allocate does the same:
 *
 *	kmalloc		a kfree() for each node, which takes a walk
 *	gomalloc	the same with gofree()
 *	heap		goheap_create() and goheap_destroy() for each request
 *	reset		one heap for all, goheap_reset() after each request
 *
 * What was parsed is printed again and compared with the text. The log has what
 * each way took for a request, in nanoseconds and in ticks of get_cycles(),
 * which under QEMU's "-icount shift=0" are instructions, and what @objects of
 * 64 bytes took to be freed one by one and whole.
 *
 * How the heap is used is in parse() and in what the ways do at the end of a
 * request: drop_nodes() is what it saves.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/goheap.h>
#include <linux/ktime.h>
#include <linux/math64.h>
#include <linux/module.h>
#include <linux/moduleparam.h>
#include <linux/string.h>
#include <linux/timex.h>
#include <linux/vmalloc.h>

static unsigned int requests = 1000;
module_param(requests, uint, 0444);
MODULE_PARM_DESC(requests, "requests to parse in each way");

static unsigned int objects;
module_param(objects, uint, 0444);
MODULE_PARM_DESC(objects, "objects of 64 bytes to free one by one and whole");

static unsigned int charge;
module_param(charge, uint, 0444);
MODULE_PARM_DESC(charge, "KiB to keep in a heap that this task's memory cgroup pays for");

static unsigned int keep;
module_param(keep, uint, 0444);
MODULE_PARM_DESC(keep, "objects to keep in a heap that is not destroyed on unload");

static bool limited;
module_param(limited, bool, 0444);
MODULE_PARM_DESC(limited, "keep a heap at its hard limit");

static bool wrong;
module_param(wrong, bool, 0444);
MODULE_PARM_DESC(wrong, "use a heap in every way that is wrong");

#define TEXT_MAX	1024

static char text[TEXT_MAX];
static char again[TEXT_MAX];

/* === Requests ============================================================= */

/* A name and its value: a header, or a parameter of the path. */
struct pair {
	struct pair *next;
	char *name;
	char *value;
};

struct request {
	char *method;
	char *path;
	struct pair *params;
	struct pair *headers;
	unsigned int nr_words;
	char **words;
};

/* One way to allocate. */
struct way {
	const char *name;
	struct request *(*begin)(void);
	void *(*alloc)(size_t size);
	void (*end)(struct request *request);
};

/* Request number @n; returns its length. */
static size_t make_text(unsigned int n)
{
	static const char * const methods[] = { "GET", "POST", "PUT" };
	unsigned int i, len;

	len = scnprintf(text, TEXT_MAX, "%s /items/%u?", methods[n % 3], n);
	for (i = 0; i < n % 5; i++)
		len += scnprintf(text + len, TEXT_MAX - len, "key%u=%u&", i,
				 n * i);
	len += scnprintf(text + len, TEXT_MAX - len, "\n");
	for (i = 0; i < 8 + n % 3; i++)
		len += scnprintf(text + len, TEXT_MAX - len,
				 "X-Header-%u: the value %u of %.*s\n", i,
				 n + i, 1 + (n + i) % 20,
				 "abcdefghijklmnopqrstuvwxyz");
	len += scnprintf(text + len, TEXT_MAX - len, "\n");
	for (i = 0; i < n % 7; i++)
		len += scnprintf(text + len, TEXT_MAX - len, "word%u ", n + i);
	return len;
}

/* What stands at *@at up to @end, which it skips; NULL without memory. */
static char *word(const struct way *way, const char **at, char end)
{
	const char *stop = strchrnul(*at, end);
	size_t len = stop - *at;
	char *copy = way->alloc(len + 1);

	if (!copy)
		return NULL;
	memcpy(copy, *at, len);
	copy[len] = '\0';
	*at = *stop ? stop + 1 : stop;
	return copy;
}

/* Pairs as "name@mid value@end" up to @last, in their order. */
static bool parse_pairs(const struct way *way, struct pair **tail,
			const char **at, char mid, char end, char last)
{
	struct pair *pair;

	while (**at && **at != last) {
		pair = way->alloc(sizeof(*pair));
		if (!pair)
			return false;
		*pair = (struct pair) {};
		*tail = pair;
		tail = &pair->next;
		pair->name = word(way, at, mid);
		pair->value = pair->name ? word(way, at, end) : NULL;
		if (!pair->value)
			return false;
	}
	*at += **at == last;
	return true;
}

static bool parse_words(const struct way *way, struct request *request,
			const char *at)
{
	const char *c;
	unsigned int n = 0;

	for (c = at; *c; c++)
		n += *c == ' ';
	request->words = way->alloc(array_size(n, sizeof(*request->words)));
	if (!request->words)
		return false;
	while (*at) {
		request->words[request->nr_words] = word(way, &at, ' ');
		if (!request->words[request->nr_words++])
			return false;
	}
	return true;
}

static bool parse(const struct way *way, struct request *request)
{
	const char *at = text;

	request->method = word(way, &at, ' ');
	request->path = request->method ? word(way, &at, '?') : NULL;
	return request->path &&
	       parse_pairs(way, &request->params, &at, '=', '&', '\n') &&
	       parse_pairs(way, &request->headers, &at, ':', '\n', '\n') &&
	       parse_words(way, request, at);
}

static size_t print_pairs(size_t len, const struct pair *pair, char mid,
			  char end)
{
	for (; pair; pair = pair->next)
		len += scnprintf(again + len, TEXT_MAX - len, "%s%c%s%c",
				 pair->name, mid, pair->value, end);
	return len;
}

/* Whether the nodes say what the text says. */
static bool is_right(const struct request *request)
{
	unsigned int i;
	size_t len;

	len = scnprintf(again, TEXT_MAX, "%s %s?", request->method,
			request->path);
	len = print_pairs(len, request->params, '=', '&');
	len += scnprintf(again + len, TEXT_MAX - len, "\n");
	len = print_pairs(len, request->headers, ':', '\n');
	len += scnprintf(again + len, TEXT_MAX - len, "\n");
	for (i = 0; i < request->nr_words; i++)
		len += scnprintf(again + len, TEXT_MAX - len, "%s ",
				 request->words[i]);
	return !strcmp(text, again);
}

/* === Ways to allocate ===================================================== */

/* All nodes of a request, one by one; what the heap makes needless. */
static void drop_nodes(struct request *request, void (*drop)(const void *ptr))
{
	struct pair *lists[] = { request->params, request->headers };
	struct pair *pair, *next;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(lists); i++) {
		for (pair = lists[i]; pair; pair = next) {
			next = pair->next;
			drop(pair->name);
			drop(pair->value);
			drop(pair);
		}
	}
	for (i = 0; i < request->nr_words; i++)
		drop(request->words[i]);
	drop(request->words);
	drop(request->path);
	drop(request->method);
	drop(request);
}

static void *kmalloc_alloc(size_t size)
{
	return kmalloc(size, GFP_KERNEL);
}

static struct request *kmalloc_begin(void)
{
	return kzalloc(sizeof(struct request), GFP_KERNEL);
}

static void kmalloc_end(struct request *request)
{
	drop_nodes(request, kfree);
}

static void *gomalloc_alloc(size_t size)
{
	return gomalloc(size, GFP_KERNEL);
}

static struct request *gomalloc_begin(void)
{
	return gozalloc(sizeof(struct request), GFP_KERNEL);
}

static void gomalloc_end(struct request *request)
{
	drop_nodes(request, gofree);
}

/* Of the request that is being parsed. */
static struct goheap *heap;

static void *heap_alloc(size_t size)
{
	return goheap_alloc(heap, size, GFP_KERNEL);
}

static struct request *heap_begin(void)
{
	static const struct goheap_params params = {
		.flags = GOHEAP_FREE_WHOLE,
	};

	heap = goheap_create("request", &params);
	return IS_ERR(heap) ? NULL :
	       goheap_zalloc(heap, sizeof(struct request), GFP_KERNEL);
}

static void heap_end(struct request *request)
{
	goheap_destroy(heap);
}

static struct request *reset_begin(void)
{
	return goheap_zalloc(heap, sizeof(struct request), GFP_KERNEL);
}

static void reset_end(struct request *request)
{
	goheap_reset(heap);
}

static const struct way ways[] = {
	{ "kmalloc", kmalloc_begin, kmalloc_alloc, kmalloc_end },
	{ "gomalloc", gomalloc_begin, gomalloc_alloc, gomalloc_end },
	{ "heap", heap_begin, heap_alloc, heap_end },
	{ "reset", reset_begin, heap_alloc, reset_end },
};

/* === Measured ============================================================= */

struct clock {
	u64 ns;
	u64 cycles;
};

static void start(struct clock *clock)
{
	clock->ns -= ktime_get_ns();
	clock->cycles -= get_cycles();
}

static void stop(struct clock *clock)
{
	clock->cycles += get_cycles();
	clock->ns += ktime_get_ns();
}

/* One request, all of it but making and comparing texts on the clock. */
static int do_request(const struct way *way, struct clock *clock)
{
	struct request *request;
	bool right = false;

	start(clock);
	request = way->begin();
	if (request)
		right = parse(way, request);
	stop(clock);
	if (!request)
		return -ENOMEM;
	right = right && is_right(request);
	start(clock);
	way->end(request);
	stop(clock);
	return right ? 0 : -EIO;
}

static int do_requests(const struct way *way, struct clock *clock)
{
	unsigned int n;
	int err = 0;

	for (n = 0; n < requests && !err; n++) {
		make_text(n);
		err = do_request(way, clock);
	}
	return err;
}

static int try_way(const struct way *way)
{
	struct goheap_params params = { .flags = GOHEAP_FREE_WHOLE };
	struct clock clock = {}, warm = {};
	bool one_heap = way->begin == reset_begin;
	int err;

	if (one_heap)
		heap = goheap_create("requests", &params);
	if (one_heap && IS_ERR(heap))
		return PTR_ERR(heap);
	err = do_requests(way, &warm);
	if (!err)
		err = do_requests(way, &clock);
	if (one_heap)
		goheap_destroy(heap);
	if (!err)
		pr_info("%s: %llu ns, %llu ticks a request\n", way->name,
			div_u64(clock.ns, requests),
			div_u64(clock.cycles, requests));
	else
		pr_err("%s: %d\n", way->name, err);
	return err;
}

/* === Freed one by one, and whole ========================================== */

static void **ptrs;

static void *one_of_heap(struct goheap *from)
{
	return from ? goheap_alloc(from, 64, GFP_KERNEL) :
		      gomalloc(64, GFP_KERNEL);
}

static bool fill(struct goheap *from, struct clock *clock)
{
	unsigned int i;

	start(clock);
	for (i = 0; i < objects; i++)
		ptrs[i] = one_of_heap(from);
	stop(clock);
	for (i = 0; i < objects && ptrs[i]; i++)
		;
	return i == objects;
}

static void say_freed(const char *how, const struct clock *alloc,
		      const struct clock *free)
{
	pr_info("%s: allocated in %llu ns, %llu ticks; freed in %llu ns, %llu ticks\n",
		how, alloc->ns, alloc->cycles, free->ns, free->cycles);
}

static int free_one_by_one(const char *how, struct goheap *from,
			   struct clock *freed)
{
	struct clock alloc = {};
	unsigned int i;
	bool ok = fill(from, &alloc);

	start(freed);
	for (i = 0; i < objects; i++)
		gofree(ptrs[i]);
	stop(freed);
	say_freed(how, &alloc, freed);
	return ok ? 0 : -ENOMEM;
}

static int free_many(void)
{
	struct goheap_params params = { .flags = GOHEAP_FREE_WHOLE };
	struct clock alloc = {}, whole = {}, each = {}, each_in_heap = {};
	struct goheap *from;
	int err;

	err = free_one_by_one("gofree of gomalloc", NULL, &each);
	from = goheap_create("many", &params);
	if (IS_ERR(from))
		return PTR_ERR(from);
	if (!err)
		err = free_one_by_one("gofree of heap", from, &each_in_heap);
	if (!err && !fill(from, &alloc))
		err = -ENOMEM;
	start(&whole);
	goheap_destroy(from);
	stop(&whole);
	say_freed("goheap_destroy", &alloc, &whole);
	if (!err)
		pr_info("whole is %llu times as fast as one by one, %llu times in ticks\n",
			div64_u64(each.ns, max(whole.ns, 1ULL)),
			div64_u64(each.cycles, max(whole.cycles, 1ULL)));
	return err;
}

/* === Kept ================================================================= */

static struct goheap *kept;

static int keep_some(const char *name, unsigned int flags, unsigned int nr,
		     size_t size)
{
	struct goheap_params params = { .flags = flags };
	unsigned int i;

	kept = goheap_create(name, &params);
	if (IS_ERR(kept))
		return PTR_ERR(kept);
	for (i = 0; i < nr; i++)
		if (!goheap_zalloc(kept, size, GFP_KERNEL))
			return -ENOMEM;
	return 0;
}

/* As many objects as a limit of 64 KiB allows. */
static int keep_limited(void)
{
	int err = keep_some("limited", GOHEAP_CALLSITES, 0, 0);

	if (err)
		return err;
	goheap_set_limit(kept, SZ_32K, SZ_64K);
	while (goheap_alloc(kept, 1000, GFP_KERNEL | __GFP_NOWARN))
		;
	return 0;
}

/* The report has who called, so that must not be a function's last call. */
static noinline int destroy_twice(void)
{
	struct goheap *twice = goheap_create("twice", NULL);

	if (IS_ERR(twice))
		return -ENOMEM;
	goheap_destroy(twice);
	goheap_destroy(twice);
	return 0;
}

static noinline int free_late(void)
{
	struct goheap_params params = { .flags = GOHEAP_FREE_WHOLE };
	struct goheap *gone = goheap_create("gone", &params);
	void *obj;

	if (IS_ERR(gone))
		return -ENOMEM;
	obj = goheap_alloc(gone, 100, GFP_KERNEL);
	goheap_destroy(gone);
	gofree(obj);
	return 0;
}

static noinline int free_twice(void)
{
	struct goheap *twice = goheap_create("freed", NULL);
	void *obj;

	if (IS_ERR(twice))
		return -ENOMEM;
	obj = goheap_alloc(twice, 100, GFP_KERNEL);
	goheap_alloc(twice, 200, GFP_KERNEL);
	gofree(obj);
	gofree(obj);
	goheap_destroy(twice);
	return 0;
}

static int __init requests_init(void)
{
	unsigned int i;
	int err = 0;

	for (i = 0; i < ARRAY_SIZE(ways) && requests && !err; i++)
		err = try_way(&ways[i]);
	if (!err && objects) {
		ptrs = vmalloc(array_size(objects, sizeof(*ptrs)));
		err = ptrs ? free_many() : -ENOMEM;
		vfree(ptrs);
	}
	if (!err && charge)
		err = keep_some("charged", GOHEAP_ACCOUNT, charge, SZ_1K);
	if (!err && keep)
		err = keep_some("left", GOHEAP_CALLSITES, keep, 100);
	if (!err && limited)
		err = keep_limited();
	if (!err && wrong)
		err = destroy_twice() ?: free_late() ?: free_twice();
	return err;
}
module_init(requests_init);

static void __exit requests_exit(void)
{
	if (!keep)
		goheap_destroy(kept);
}
module_exit(requests_exit);

MODULE_DESCRIPTION("Parses requests into heaps that are freed whole");
MODULE_LICENSE("GPL");
