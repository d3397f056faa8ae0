#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Does memory go back by itself soon after it was used, at one percent of a
# CPU, and does the scavenger sleep when nothing is left to do?

# shellcheck source=selftests/lib.sh
. ./lib.sh

bad='2 maybe -1'
begin 15 gomalloc_stress
parameter=/sys/module/gomalloc/parameters/scavenge

# How many bytes all CPUs' share of what may stay is.
slack()
{
	echo $((1048576 + 65536 * $(grep -c ^processor /proc/cpuinfo)))
}

beyond_use()
{
	echo $(($(stat Sys) - $(stat Alloc)))
}

stress()
{
	load gomalloc_stress ms="$1" && rmmod gomalloc_stress
}

settles()
{
	sleep 5
	echo "$(beyond_use) bytes beyond what is in use, may be $(slack)"
	[ "$(beyond_use)" -le "$(slack)" ]
}

stays()
{
	sleep 5
	echo "$(beyond_use) bytes beyond what is in use, want more than $(slack)"
	[ "$(beyond_use)" -gt "$(slack)" ]
}

# There may be more to do than one percent of a busy host's CPU can in 5 s;
# settles.sh is strict.
settles_at_last()
{
	for _ in $(seq 12); do
		! settles || return 0
	done
	return 1
}

# Nothing is left to do 10 s later.
sleeps()
{
	sleep 8
	rounds=$(stat ScavRounds)
	sleep 2
	equal ScavRounds "$(stat ScavRounds)" "$rounds"
}

uptime()
{
	cut -d. -f1 /proc/uptime
}

# After a busy while: of all the time since load. What is begun is done, however
# long a busy host takes for it.
is_paced()
{
	stress 10000 || return 1
	took=$(($(stat ScavNsecs) / 1000000))
	may=$((($(uptime) - loaded + 1) * 10 + 50))
	echo "# the scavenger took $took ms, may take $may"
	[ "$took" -gt 0 ] && [ "$took" -le "$may" ]
}

refuses()
{
	fails sh -c "echo '$1' >$parameter" 2>/dev/null
}

loaded=$(uptime)
load gomalloc || ktap_exit_fail_msg "gomalloc does not load"
stress 2000 || ktap_exit_fail_msg "gomalloc_stress does not run"
result "settles" settles_at_last
result "it was given back" [ "$(stat ScavReleased)" -gt 0 ]
result "sleeps then" sleeps
stress 1000 || ktap_exit_fail_msg "gomalloc_stress does not run"
result "wakes up and settles again" settles_at_last
result "takes one percent of a CPU" is_paced
for value in $bad; do
	result "scavenge=$value is refused" refuses "$value"
done
result "is on" equal parameter "$(cat $parameter)" Y
result "is turned off" sh -c "echo 0 >$parameter"
stress 2000 || ktap_exit_fail_msg "gomalloc_stress does not run"
result "nothing goes when it is off" stays
result "is turned on" sh -c "echo 1 >$parameter"
result "settles when it is on" settles_at_last
result "validate" is_valid
rmmod gomalloc
result "the kernel is well" is_taint_free
ktap_finished
