#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Does a CPU that goes away while all CPUs allocate give its cache back, and
# can it return?

# shellcheck source=selftests/lib.sh
. ./lib.sh

begin 9 gomalloc_stress
online=/sys/devices/system/cpu/cpu1/online
[ -w $online ] || skip_all "no second CPU that can go offline"

# cpu1 COLUMN: of its line in the cpus file.
cpu1()
{
	awk -v column="$1" '$1 == 1 { print $column }' $debugfs/cpus
}

is_empty()
{
	cat $debugfs/cpus
	equal online "$(cpu1 2)" no && equal objects "$(cpu1 6)" 0 &&
		equal bytes "$(cpu1 7)" 0 && equal capacity "$(cpu1 8)" 0
}

allocated_again()
{
	load gomalloc_stress ms=300 || return 1
	rmmod gomalloc_stress
	cat $debugfs/cpus
	[ "$(cpu1 3)" -gt "$1" ]
}

toggle()
{
	for _ in 1 2 3; do
		echo 0 >$online || return 1
		sleep 0.2
		echo 1 >$online || return 1
		sleep 0.2
	done
}

load gomalloc || ktap_exit_fail_msg "gomalloc does not load"
(
	load gomalloc_stress ms=3000
	echo $? >"$scratch/stress"
) &
sleep 1
result "goes offline under load" sh -c "echo 0 >$online"
result "its cache is empty" is_empty
result "validate" is_valid
mallocs=$(cpu1 3)
result "comes back" sh -c "echo 1 >$online"
result "goes and comes thrice" toggle
wait
result "the load saw nothing wrong" equal "insmod's status" \
	"$(cat "$scratch/stress")" 0
! is_loaded gomalloc_stress || rmmod gomalloc_stress
result "allocates again" allocated_again "$mallocs"
rmmod gomalloc
result "nothing leaked" logged 'gomalloc: unloaded, nothing leaked'
result "the kernel is well" is_taint_free
ktap_finished
