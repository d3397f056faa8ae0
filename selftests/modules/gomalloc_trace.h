/* SPDX-License-Identifier: GPL-2.0 */
/* Recorded traces; selftests/traces/README.rst has their format. */
#ifndef _GOMALLOC_TRACE_H
#define _GOMALLOC_TRACE_H

#include <linux/bits.h>
#include <linux/build_bug.h>
#include <linux/sizes.h>
#include <linux/types.h>

#define TRACE_MAGIC	"GOMTRACE"
#define TRACE_VERSION	1
#define TRACE_MAX_SLOTS	SZ_16M

#define EVENT_CPU	GENMASK(3, 0)
#define EVENT_FREE	BIT(7)

/**
 * struct trace_header - the first bytes of a trace, little endian
 * @magic: %TRACE_MAGIC
 * @version: %TRACE_VERSION
 * @nr_cpus: CPUs that the events name
 * @nr_events: events that follow
 * @nr_slots: the most objects live at once
 * @reserved: 0
 * @peak_requested: bytes requested by the live objects, at its peak
 * @peak_given: bytes that kmalloc gave for these
 * @total_requested: bytes requested by all allocations
 * @total_given: bytes that kmalloc gave for these
 */
struct trace_header {
	char magic[8];
	__le32 version;
	__le32 nr_cpus;
	__le64 nr_events;
	__le32 nr_slots;
	__le32 reserved;
	__le64 peak_requested;
	__le64 peak_given;
	__le64 total_requested;
	__le64 total_given;
};

static_assert(sizeof(struct trace_header) == 64);

/* Where the number after @next ends, or NULL if it does not before @end. */
static inline const u8 *trace_read_number(const u8 *next, const u8 *end,
					  u64 *number)
{
	unsigned int shift;

	*number = 0;
	for (shift = 0; shift < 63 && next < end; shift += 7) {
		*number |= (u64)(*next & 0x7f) << shift;
		if (!(*next++ & 0x80))
			return next;
	}
	return NULL;
}

#endif /* _GOMALLOC_TRACE_H */
