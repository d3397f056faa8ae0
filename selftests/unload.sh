#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Can gomalloc be loaded and unloaded again and again, but not under a client?
# Is what a client leaks listed, and can gomalloc be loaded after that?

# shellcheck source=selftests/lib.sh
. ./lib.sh

begin 11 gomalloc_misuse gomalloc_stress

load_and_unload()
{
	i=0
	while [ $i -lt "$1" ]; do
		load gomalloc && load gomalloc_stress ms=20 &&
			rmmod gomalloc_stress && rmmod gomalloc || return 1
		i=$((i + 1))
	done
}

nothing_leaked()
{
	equal "unloaded clean" \
		"$(count_logged 'gomalloc: unloaded, nothing leaked')" "$1"
}

result "20 times" load_and_unload 20
result "nothing leaked in any" nothing_leaked 20

load gomalloc
load gomalloc_stress ms=20
result "refused under a client" fails rmmod gomalloc
rmmod gomalloc_stress
result "possible after it" rmmod gomalloc

# A sample would be listed as a tracked object.
load gomalloc profile_rate=0
load gomalloc_misuse kind=leak
rmmod gomalloc_misuse
mark_log
result "with leaked objects" rmmod gomalloc
result "objects of a class listed" \
	logged 'gomalloc: leaked 3 objects of 192 bytes in 1 spans'
result "tiny objects listed" logged 'gomalloc: leaked 1 tiny blocks'
result "large objects listed" logged 'gomalloc: leaked 1 large objects'
result "summed up" logged 'gomalloc: leaked 5 objects in all'
result "loads and unloads after a leak" load_and_unload 3
result "the kernel is well" is_taint_free
ktap_finished
