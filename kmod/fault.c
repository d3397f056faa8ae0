// SPDX-License-Identifier: GPL-2.0
/*
 * Faults at the pages of guarded objects; guard.c hides those.
 *
 * A module hears of a fault when the kernel has given up on it and prints an
 * oops.  If it was a guard that was touched, the report says so, the pages are
 * shown, and who touched them goes on, as after a report of KFENCE's: the
 * object's page is no other object's yet.
 *
 * Called by the kernel's notifier in whatever context has faulted, with
 * interrupts off.
 */
#include <linux/cpumask.h>
#include <linux/kdebug.h>
#include <linux/notifier.h>
#include <linux/ptrace.h>
#include "fault.h"
#include "gom.h"
#include "guard.h"
#include "report.h"
#include "tracked.h"

static enum gom_misuse kind_of(const struct gom_tracked_info *info)
{
	if (info->held)
		return GOM_USE_AFTER_FREE;
	return gom_guard_is_before(info->obj) ? GOM_UNDERRUN : GOM_OVERRUN;
}

/* Pages that were shown last, and how many more faults there may be of them. */
static unsigned long shown;
static unsigned int more;

/* CPUs that touched them as the first did, and waited to tell of it. */
static bool is_late(const void *obj)
{
	if (PTR_ALIGN_DOWN((unsigned long)obj, GOM_PAGE_SIZE) != READ_ONCE(shown) ||
	    !READ_ONCE(more))
		return false;
	WRITE_ONCE(more, more - 1);
	return true;
}

/*
 * The guarded object that @regs lead to.  What prints an oops may fault itself,
 * so the address of the fault may be lost by now, but some register is near
 * it.  After a wrong guess the pages are shown, what faulted faults again, and
 * then it is an oops.
 */
static bool find(const struct pt_regs *regs, struct gom_tracked_info *info)
{
	const unsigned long *word = (const unsigned long *)regs;
	unsigned int i;

	for (i = 0; i < sizeof(*regs) / sizeof(*word); i++)
		if (gom_tracked_find_guarded((void *)word[i], info) &&
		    (gom_guard_hides(info->obj) || is_late(info->obj)))
			return true;
	return false;
}

static int notice(struct notifier_block *nb, unsigned long what, void *data)
{
	struct gom_tracked_info info;
	struct die_args *args = data;

	if (what != DIE_OOPS || !args->regs || !gom_guard_explains(args) ||
	    !find(args->regs, &info))
		return NOTIFY_DONE;
	if (!gom_guard_hides(info.obj))
		return NOTIFY_STOP;
	WRITE_ONCE(shown, PTR_ALIGN_DOWN((unsigned long)info.obj, GOM_PAGE_SIZE));
	WRITE_ONCE(more, num_online_cpus());
	gom_guard_rest(info.obj);
	gom_report(kind_of(&info), info.obj, instruction_pointer(args->regs));
	gom_guard_tell(info.obj);
	return NOTIFY_STOP;
}

static struct notifier_block notifier = {
	.notifier_call = notice,
};

int __init gom_fault_init(void)
{
	return register_die_notifier(&notifier);
}

void gom_fault_exit(void)
{
	unregister_die_notifier(&notifier);
}
