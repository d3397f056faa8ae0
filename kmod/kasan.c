// SPDX-License-Identifier: GPL-2.0
/*
 * What KASAN does not know of gomalloc's objects, for which it has no cache: who
 * allocated one and who freed it is told after its report.
 *
 * Called by KASAN in whatever context the bad access was, with a raw spinlock
 * of its own held and interrupts off.  Only where the kernel has KASAN.
 */
#include <linux/init.h>
#include <linux/printk.h>
#include <linux/tracepoint.h>
#include <trace/events/error_report.h>
#include "gom.h"
#include "kasan.h"
#include "tracked.h"

static void tell(void *unused, enum error_detector detector, unsigned long addr)
{
	if (detector == ERROR_DETECTOR_KASAN)
		gom_tracked_tell((void *)addr);
}

void __init gom_kasan_init(void)
{
	if (register_trace_error_report_end(tell, NULL))
		pr_warn("gomalloc: nothing will be told after KASAN's reports\n");
}

void gom_kasan_exit(void)
{
	unregister_trace_error_report_end(tell, NULL);
	tracepoint_synchronize_unregister();
}
