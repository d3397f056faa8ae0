// SPDX-License-Identifier: GPL-2.0
/*
 * The kernel's own tests of KASAN, as a suite that has a module to itself:
 * its source is the kernel's, mm/kasan/kasan_test_c.c, untouched.
 *
 * gomalloc.c, beside this, is the same text with the drop-in header, so the two
 * can be compared, case by case; tools/guest/kasan does so.  What is not about
 * kmalloc() is skipped in both.
 *
 * The kernel need not have been built for its own module of these: what KASAN
 * offers for them alone is made up for below.
 */
#include <kunit/test.h>
#include <linux/kasan.h>
#include <linux/module.h>
#include <linux/string.h>
#include <kasan.h>

#ifdef GOMALLOC
#define SUITE	"kasan_gomalloc"
/* Wants ksize() to say more than was asked for. */
#define EXCUSED	"ksize_unpoisons_memory"
#else
#define SUITE	"kasan_kmalloc"
#define EXCUSED	""
#endif

#if !IS_ENABLED(CONFIG_KASAN_KUNIT_TEST)
/* Its parameter kasan_multi_shot is set instead. */
static bool kasan_save_enable_multi_shot(void)
{
	return true;
}

static void kasan_restore_multi_shot(bool enabled)
{
}

static char kasan_test_rust_uaf(void)
{
	return 0;
}
#endif

/*
 * Where the compiler has no names of its own for a checked memcpy(), code that
 * was built with it calls one that is not checked.  KASAN has them all the same.
 */
#ifndef CONFIG_CC_HAS_KASAN_MEMINTRINSIC_PREFIX
#define CONFIG_CC_HAS_KASAN_MEMINTRINSIC_PREFIX 1
#undef memset
#undef memmove
#undef memcpy
#define memset	__asan_memset
#define memmove	__asan_memmove
#define memcpy	__asan_memcpy
#endif

#ifdef GOMALLOC
/* A bad free is not KASAN's to report, and gomalloc has words of its own. */
static inline char *find_report(const char *line, const char *what, size_t len)
{
	return strnstr(line, what, len) ?: strnstr(line, "BUG: gomalloc: ", len);
}

#define strnstr(line, what, len)	find_report(line, what, len)
#endif

/* Theirs is not to be run as it is. */
#undef kunit_test_suite
#define kunit_test_suite(suite) \
	static const struct kunit_suite *theirs __maybe_unused = &(suite)

#undef pr_fmt
#include <kasan_test_c.c>

#undef strnstr

/* Beginnings of the names of cases that allocate with kmalloc() and no other. */
static const char * const wanted[] = {
	"kmalloc_", "krealloc_", "ksize_", "kfree_", "rcu_uaf", "workqueue_uaf",
	"kasan_memchr", "kasan_memcmp", "kasan_strings", "kasan_bitops_",
	"kasan_atomics", "match_all_",
};

static bool is_wanted(const char *name)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(wanted); i++)
		if (strstarts(name, wanted[i]))
			return true;
	return false;
}

static int begin_case(struct kunit *test)
{
	/*
	 * KASAN fails the test that a task runs when it reports, unless it knows
	 * that these are on.  Whether a report was expected the cases know.
	 */
	current->kunit_test = NULL;
	if (!is_wanted(test->name))
		kunit_skip(test, "does not use kmalloc()");
	if (!strcmp(test->name, EXCUSED))
		kunit_skip(test, "gosize() has no bytes to spare");
	return 0;
}

static struct kunit_suite suite = {
	.name = SUITE,
	.init = begin_case,
	.exit = kasan_test_exit,
	.suite_init = kasan_suite_init,
	.suite_exit = kasan_suite_exit,
	.test_cases = kasan_kunit_test_cases,
};

kunit_test_suites(&suite);

MODULE_DESCRIPTION("The kernel's tests of KASAN, with " SUITE);
MODULE_INFO(test, "Y");
