// SPDX-License-Identifier: GPL-2.0
/*
 * The parameter debug: what is checked, and of which objects.
 *
 *	debug=FLAGS[,WHICH]...
 *
 * after the kernel's slub_debug.  FLAGS are the letters of debug.h.  WHICH is a
 * size, for the objects of its class, or the name of a module or function that
 * allocates.  Without sizes all are checked, without names everybody's.
 *
 * sample.c calls it to change the settings, one at a time and in process
 * context; tracked.c asks in any context but NMI, with no lock held.
 */
#include <linux/bitmap.h>
#include <linux/ctype.h>
#include <linux/gfp.h>
#include <linux/kernel.h>
#include <linux/preempt.h>
#include <linux/string.h>
#include "checked.h"
#include "debug.h"
#include "gom.h"
#include "site.h"
#include "size_class.h"

static const char letters[] = "FZPUKL";

/* Sanitizers are for all that they can see, unless they are told otherwise. */
#if defined(CONFIG_KASAN_GENERIC) || defined(CONFIG_KMSAN)
#define SANITIZER	(GOM_CHECK_LIFE | GOM_CHECK_KASAN)
#define SANITIZER_NAME	"K"
#else
#define SANITIZER	0
#define SANITIZER_NAME	""
#endif

/* Where kmemleak has to be asked for, so has this. */
#if defined(CONFIG_DEBUG_KMEMLEAK) && !defined(CONFIG_DEBUG_KMEMLEAK_DEFAULT_OFF)
#define LEAKS		(GOM_CHECK_LIFE | GOM_CHECK_LEAKS)
#define LEAKS_NAME	"L"
#else
#define LEAKS		0
#define LEAKS_NAME	""
#endif

/* The settings; @checks is 0 while the others change. */
static u8 checks = SANITIZER | LEAKS;
static bool all_sizes = true, all_names = true;
static DECLARE_BITMAP(classes, GOM_NR_CLASS_BYTES);
static char settings[GOM_DEBUG_LEN] = SANITIZER_NAME LEAKS_NAME;

/* What is to be checked of an object of @size bytes that @site allocates. */
u8 gom_debug_checks(size_t size, const struct gom_site *site)
{
	u8 wanted = READ_ONCE(checks);

	if (likely(!wanted))
		return 0;
	if (!READ_ONCE(all_sizes) && !test_bit(gom_class_byte(size), classes))
		return 0;
	if (!READ_ONCE(all_names) && !(site && READ_ONCE(site->checked)))
		return 0;
	return wanted;
}

bool gom_debug_is_on(void)
{
	return READ_ONCE(checks);
}

/* Whether who asks with @gfp may wait, if that allows it; as far as is known. */
bool gom_debug_may_wait(gfp_t gfp)
{
	if (!gfpflags_allow_blocking(gfp))
		return true;
	if (IS_ENABLED(CONFIG_PREEMPT_COUNT))
		return preemptible();
	return !irqs_disabled() && !in_interrupt();
}

/* The letters at @text, up to a comma: 0 for none or "-", -EINVAL. */
static int parse_flags(const char *text, size_t len)
{
	const char *letter;
	int flags = 0;

	if (len == 1 && *text == '-')
		return 0;
	for (; len; len--, text++) {
		letter = strchr(letters, toupper(*text));
		if (!letter || !*letter)
			return -EINVAL;
		flags |= BIT(letter - letters);
	}
	return flags ? flags | GOM_CHECK_LIFE : 0;
}

/**
 * struct parsed - what a text asks for
 * @flags: GOM_CHECK_ flags
 * @sizes: there are sizes
 * @classes: their classes
 * @names: a list of names with commas between them
 */
struct parsed {
	int flags;
	bool sizes;
	DECLARE_BITMAP(classes, GOM_NR_CLASS_BYTES);
	char names[GOM_DEBUG_LEN];
};

static int parse_size(struct parsed *p, const char *word, size_t len)
{
	char *end;
	u64 size = memparse(word, &end);

	if (end != word + len || !size || size > GOMALLOC_MAX_SIZE)
		return -EINVAL;
	p->sizes = true;
	__set_bit(gom_class_byte(size), p->classes);
	return 0;
}

static void add_name(struct parsed *p, const char *word, size_t len)
{
	size_t at = strlen(p->names);

	if (at)
		p->names[at++] = ',';
	memcpy(p->names + at, word, len);
}

/* @text is shorter than GOM_DEBUG_LEN, so all that is in it has room. */
static int parse(struct parsed *p, const char *text)
{
	size_t len = strcspn(text, ",");
	int err;

	p->flags = parse_flags(text, len);
	if (p->flags < 0)
		return p->flags;
	if (!p->flags && text[len])
		return -EINVAL;
	for (text += len; *text; text += len) {
		len = strcspn(++text, ",");
		if (!len)
			return -EINVAL;
		if (!isdigit(*text)) {
			add_name(p, text, len);
			continue;
		}
		err = parse_size(p, text, len);
		if (err)
			return err;
	}
	return 0;
}

/* Of @flags those that this kernel has a use for. */
static int possible(int flags)
{
	if (!SANITIZER)
		flags &= ~GOM_CHECK_KASAN;
	if (!IS_ENABLED(CONFIG_DEBUG_KMEMLEAK))
		flags &= ~GOM_CHECK_LEAKS;
	/* What KASAN sees at once need not be looked for afterwards. */
	if (IS_ENABLED(CONFIG_KASAN_GENERIC) && flags & GOM_CHECK_KASAN)
		flags &= ~(GOM_CHECK_BOUNDS | GOM_CHECK_POISON);
	return flags;
}

/*
 * Check what @text says of the objects that are allocated from now on.
 * -EINVAL if it says nothing that is known, -E2BIG if it is too long, with
 * nothing changed.
 */
int gom_debug_set(const char *text)
{
	struct parsed p = {};
	int err;

	if (strlen(text) >= GOM_DEBUG_LEN)
		return -E2BIG;
	err = parse(&p, text);
	if (!err && p.flags & GOM_CHECK_OWNERS)
		err = gom_checked_init_stacks();
	if (!err)
		err = gom_site_set_checked(p.names);
	if (err)
		return err;
	WRITE_ONCE(checks, 0);
	bitmap_copy(classes, p.classes, GOM_NR_CLASS_BYTES);
	WRITE_ONCE(all_sizes, !p.sizes);
	WRITE_ONCE(all_names, !*p.names);
	strscpy(settings, p.flags ? text : "", sizeof(settings));
	WRITE_ONCE(checks, possible(p.flags));
	return 0;
}

/* As it was given; returns its length. */
int gom_debug_show(char *buf, size_t len)
{
	return scnprintf(buf, len, "%s", settings);
}
