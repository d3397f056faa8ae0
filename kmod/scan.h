/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _GOM_SCAN_H
#define _GOM_SCAN_H

#include "gom.h"

struct gom_site;

/**
 * struct gom_suspect - a live object that no pointer to was met
 * @addr: its address
 * @when: ktime_get_mono_fast_ns() at its allocation, 0 if it is not tracked
 * @site: call site of its allocation, NULL if it is not tracked
 * @size: bytes
 * @sum: checksum of its contents
 * @class: size class, %GOM_CLASS_TINY for a block or %GOM_CLASS_LARGE
 */
struct gom_suspect {
	unsigned long addr;
	u64 when;
	struct gom_site *site;
	u32 size;
	u32 sum;
	u8 class;
};

/**
 * struct gom_scan - what a scan found
 * @suspect: the suspects, by address
 * @nsuspects: how many
 * @room: how many @suspect has room for
 * @objects: live objects when it began; tiny ones by the block
 * @root_bytes: bytes of modules' data and of kernel stacks read
 * @heap_bytes: bytes of live objects read
 * @mark_bytes: memory that the colours took
 * @ns: how long it took
 * @when: ktime_get_mono_fast_ns() at its end
 */
struct gom_scan {
	struct gom_suspect *suspect;
	size_t nsuspects;
	size_t room;
	u64 objects;
	u64 root_bytes;
	u64 heap_bytes;
	u64 mark_bytes;
	u64 ns;
	u64 when;
};

int gom_scan_run(struct gom_scan *scan);
void gom_scan_free(struct gom_scan *scan);

#endif /* _GOM_SCAN_H */
