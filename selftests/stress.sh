#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Do objects hold what was written to them while every context of every CPU
# allocates and frees, with and without a memory limit?

# shellcheck source=selftests/lib.sh
. ./lib.sh

begin 6 gomalloc_stress

# stress SEED MS
stress()
{
	mark_log
	load gomalloc_stress seed="$1" ms="$2"
	status=$?
	log | grep gomalloc_stress
	! is_loaded gomalloc_stress || rmmod gomalloc_stress
	return $status
}

load gomalloc || ktap_exit_fail_msg "gomalloc does not load"
result "seed 1" stress 1 2000
seed=$(awk '{ print int($1 * 100) }' /proc/uptime)
result "seed $seed, of the day" stress "$seed" 2000
result "no misuse was seen" equal Misuses "$(stat Misuses)" 0
rmmod gomalloc
load gomalloc memory_limit=1M || ktap_exit_fail_msg "gomalloc does not load"
result "with a memory limit" stress 2 1000
rmmod gomalloc
result "nothing leaked" logged 'gomalloc: unloaded, nothing leaked'
result "the kernel is well" is_taint_free
ktap_finished
