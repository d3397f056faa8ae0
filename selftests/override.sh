#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Does a module that is built with the drop-in header get all its memory from
# gomalloc, with kmalloc's alignment, and give it back?

# shellcheck source=selftests/lib.sh
. ./lib.sh

begin 10 gomalloc_override

load gomalloc || ktap_exit_fail_msg "gomalloc does not load"

uses_gomalloc()
{
	load gomalloc_override && return
	log | tail -n 20
	return 1
}

# nothing_live: once RCU has freed what was left to it.
nothing_live()
{
	for _ in $(seq 50); do
		[ "$(stat HeapObjects)" -ne 0 ] || return 0
		sleep 0.1
	done
	equal HeapObjects "$(stat HeapObjects)" 0
}

nothing_leaked()
{
	rmmod gomalloc_override && nothing_live &&
		rmmod gomalloc && logged 'gomalloc: unloaded, nothing leaked'
}

result "every name is gomalloc's" uses_gomalloc
result "nothing was misused" equal Misuses "$(stat Misuses)" 0
result "what the kernel allocated went back to it" \
	test "$(stat SlabFrees)" -ge 2
result "validate" is_valid
rmmod gomalloc_override
result "what is free is freed once more as a constant" \
	load gomalloc_override stale=1
stale_is_told()
{
	equal stale-free "$(stat stale-free)" 1 &&
		equal foreign-free "$(stat foreign-free)" 1
}
result "which is told and not done" stale_is_told
result "validate" is_valid
result "nothing is live" nothing_live
result "nothing leaked" nothing_leaked
result "the kernel is well" is_taint_free
ktap_finished
