#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Are bad module parameters refused, with the reason in the log, and good ones
# obeyed?

# shellcheck source=selftests/lib.sh
. ./lib.sh

bad='0 1 -1 1023K lots 12Q 64MB M 99999999999999999999G 16E 17179869184G'
# shellcheck disable=SC2086 # words
set -- $bad
begin $(($# + 7))

refuses()
{
	mark_log
	fails load gomalloc memory_limit="$1" || return 1
	logged "gomalloc: memory_limit=$1: want"
}

# limit_is BYTES GIVEN: as stats shows it, if that was given.
limit_is()
{
	load gomalloc "$2" || return 1
	equal MemoryLimit "$(stat MemoryLimit)" "$1"
	same=$?
	rmmod gomalloc
	return $same
}

shows_parameter()
{
	load gomalloc memory_limit=64M || return 1
	equal parameter \
		"$(cat /sys/module/gomalloc/parameters/memory_limit)" 64M
	same=$?
	rmmod gomalloc
	return $same
}

for value in $bad; do
	result "memory_limit=$value is refused" refuses "$value"
done
result "memory_limit=1M" limit_is 1048576 memory_limit=1M
result "memory_limit=64M" limit_is 67108864 memory_limit=64M
result "memory_limit=2g" limit_is 2147483648 memory_limit=2g
result "memory_limit=1048576" limit_is 1048576 memory_limit=1048576
result "memory_limit shows in sysfs" shows_parameter
result "no limit where none is given" limit_is none ''
result "the kernel is well" is_taint_free
ktap_finished
