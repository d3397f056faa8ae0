// SPDX-License-Identifier: GPL-2.0
/*
 * Guarded objects: sampled ones with a page beside them that is not mapped, in
 * the manner of KFENCE and GWP-ASan.
 *
 *   span    | gap, object |XXXXXXXXXXXXX|    what is written behind it faults
 *           |XXXXXXXXXXXXX| object, gap |    what is written before it faults
 *   freed   |XXXXXXXXXXXXX|XXXXXXXXXXXXX|    whatever touches it faults
 *
 * A fault is reported (fault.c) with the stacks of who allocated and who freed
 * the object, which are written down in the page that nobody sees.
 *
 * Pages stay in the linear map, as clients may ask for an object's page.  That
 * map has 4 KiB entries only where it was split, which waits; so tracked.c keeps
 * spans that were prepared, and a worker prepares them.  Only x86 lets a module
 * do this.
 *
 * tracked.c calls what begins, ends and rests, for an object that is nobody
 * else's, in any context but NMI and with no lock held.
 */
#include <linux/atomic.h>
#include <linux/jiffies.h>
#include <linux/kdebug.h>
#include <linux/math64.h>
#include <linux/mm.h>
#include <linux/printk.h>
#include <linux/sched.h>
#include <linux/stacktrace.h>
#include <linux/string.h>
#include <linux/timekeeping.h>
#include "gom.h"
#include "guard.h"
#include "mspan.h"

#if defined(CONFIG_X86_64) && !defined(CONFIG_UML)

#include <asm/cpufeature.h>
#include <asm/pgtable.h>
#include <asm/set_memory.h>
#include <asm/trap_pf.h>

#define HAS_GUARDS	1

/* The entry for a page of the linear map; NULL if it is for many pages. */
static pte_t *entry_of(unsigned long addr)
{
	unsigned int level;
	pte_t *pte = lookup_address(addr, &level);

	return pte && level == PG_LEVEL_4K ? pte : NULL;
}

static bool is_hidden(unsigned long addr)
{
	pte_t *pte = entry_of(addr);

	return pte && !(pte_val(*pte) & _PAGE_PRESENT);
}

/*
 * An entry that is not present is to have an address that is not there either,
 * as it may be read all the same (L1TF).  Who faults shows a page that is not
 * its own.  Other CPUs may see the page for as long as they remember its entry.
 */
static void flip(unsigned long addr, bool hide)
{
	pte_t *pte = entry_of(addr);
	pteval_t old, new;

	if (WARN_ON_ONCE(!pte))
		return;
	do {
		old = READ_ONCE(pte->pte);
		if (!(old & _PAGE_PRESENT) == hide)
			return;
		new = flip_protnone_guard(old, old ^ _PAGE_PRESENT,
					  PTE_PFN_MASK);
	} while (cmpxchg(&pte->pte, old, new) != old);
	if (hide)
		asm volatile("invlpg (%0)" : : "r" (addr) : "memory");
}

/* Give each page of @span an entry of its own. */
static bool split(const struct mspan *span)
{
	unsigned long end = span->start + span->npages * GOM_PAGE_SIZE, addr;

	if (cpu_feature_enabled(X86_FEATURE_XENPV))
		return false;
	for (addr = span->start; addr < end; addr += PAGE_SIZE) {
		if (entry_of(addr))
			continue;
		/* Its neighbours are cached as before, which takes a split. */
		if (set_memory_uc(addr, 1))
			return false;
		if (set_memory_wb(addr, 1) || !entry_of(addr))
			return false;
	}
	return true;
}

/* Whether an oops is of a page that is not there. */
bool gom_guard_explains(const struct die_args *args)
{
	return !strcmp(args->str, "Oops") && !(args->err & X86_PF_PROT);
}

#else

#define HAS_GUARDS	0

bool gom_guard_explains(const struct die_args *args)
{
	return false;
}

static bool is_hidden(unsigned long addr)
{
	return false;
}

static void flip(unsigned long addr, bool hide)
{
}

static bool split(const struct mspan *span)
{
	return false;
}

#endif

/* Milliseconds between two guarded objects at least; 0 for none. */
unsigned int gom_guard_interval;

/* When the next may be. */
static unsigned long due = INITIAL_JIFFIES;

/*
 * Whether an object of @size bytes that was sampled is to be guarded: if it
 * fits a page, and the last one was some time ago.
 */
bool gom_guard_due(size_t size)
{
	unsigned int interval = READ_ONCE(gom_guard_interval);
	unsigned long then = READ_ONCE(due);

	if (!HAS_GUARDS || !interval || size > PAGE_SIZE ||
	    time_before(jiffies, then))
		return false;
	return cmpxchg(&due, then, jiffies + msecs_to_jiffies(interval)) == then;
}

/* Make @span fit for guarded objects; false if that cannot be.  Waits. */
bool gom_guard_prepare(struct mspan *span)
{
	return HAS_GUARDS && span->npages * GOM_PAGE_SIZE == 2 * PAGE_SIZE &&
	       split(span);
}

#define DEPTH	24

/**
 * struct note - who allocated or freed an object
 * @when: ktime_get_mono_fast_ns() then
 * @pid: the task
 * @cpu: the CPU
 * @n: entries of @stack
 * @stack: return addresses
 */
struct note {
	u64 when;
	pid_t pid;
	unsigned int cpu;
	unsigned int n;
	unsigned long stack[DEPTH];
};

/**
 * struct notes - what is in the page beside an object
 * @allocated: its allocation
 * @freed: its free; @freed.n is 0 before
 */
struct notes {
	struct note allocated;
	struct note freed;
};

/* The page beside the object's. */
static struct notes *notes_of(const void *obj)
{
	return (struct notes *)(((unsigned long)obj & PAGE_MASK) ^ PAGE_SIZE);
}

/* Whether the page beside @obj is not to be touched. */
bool gom_guard_hides(const void *obj)
{
	return is_hidden((unsigned long)notes_of(obj));
}

/* Whether the page beside @obj is in front of it. */
bool gom_guard_is_before(const void *obj)
{
	return (void *)notes_of(obj) < obj;
}

static void take_note(struct note *note)
{
	note->when = ktime_get_mono_fast_ns();
	note->pid = task_pid_nr(current);
	note->cpu = raw_smp_processor_id();
	note->n = stack_trace_save(note->stack, DEPTH, 3);
}

/* An object begins its life. */
void gom_guard_begin(const void *obj)
{
	struct notes *notes = notes_of(obj);

	notes->freed.n = 0;
	take_note(&notes->allocated);
	flip((unsigned long)notes, true);
}

/* It ends, and nobody is to touch it. */
void gom_guard_end(const void *obj)
{
	struct notes *notes = notes_of(obj);

	flip((unsigned long)notes, false);
	take_note(&notes->freed);
	flip((unsigned long)notes, true);
	flip((unsigned long)obj & PAGE_MASK, true);
}

/* Its span is to be used again. */
void gom_guard_rest(const void *obj)
{
	flip((unsigned long)notes_of(obj), false);
	flip((unsigned long)obj & PAGE_MASK, false);
}

static void print_note(const char *what, const struct note *note)
{
	u64 age = ktime_get_mono_fast_ns() - note->when;

	pr_err("gomalloc: %s by task %d on CPU %u, %llu ms ago:\n", what,
	       note->pid, note->cpu, div_u64(age, NSEC_PER_MSEC));
	/* Who went on after a fault may have written there. */
	stack_trace_print(note->stack, min_t(unsigned int, note->n, DEPTH), 1);
}

/* Who allocated and who freed the object, once its pages are shown. */
void gom_guard_tell(const void *obj)
{
	const struct notes *notes = notes_of(obj);

	print_note("allocated", &notes->allocated);
	if (notes->freed.n)
		print_note("freed", &notes->freed);
}
