#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Does gomalloc's idle memory go before anything is killed? A neighbour takes
# nearly all memory for good, while gomalloc holds a part of it idle: that is
# one kill without the shrinker, and none with it.

# shellcheck source=selftests/lib.sh
. ./lib.sh

begin 15 gomalloc_hoard
[ -w /proc/sysrq-trigger ] || skip_all "no /proc/sysrq-trigger"
grep -q '^oom_kill ' /proc/vmstat || skip_all "no count of kills"

# Whoever is killed, it shall not be the test.
echo -1000 >/proc/self/oom_score_adj

# kb NAME: of /proc/meminfo.
kb()
{
	awk -v name="$1:" '$1 == name { print $2 }' /proc/meminfo
}

kills()
{
	awk '$1 == "oom_kill" { print $2 }' /proc/vmstat
}

# prepare SHRINKER: gomalloc with $idle MB idle that only pressure releases.
prepare()
{
	load gomalloc profile_rate=0 scavenge=0 shrinker="$1" || return 1
	load gomalloc_hoard mb=$idle || return 1
	sys=$(stat Sys)
}

# holds_idle: nearly all of it was freed, and all of it is still held.
holds_idle()
{
	echo "Sys $(stat Sys) Alloc $(stat Alloc), idle $idle MB"
	[ "$(stat Alloc)" -lt $((6 << 20)) ] &&
		[ "$(stat Sys)" -gt $((idle << 20)) ]
}

# neighbour MB: awk remembers as many strings of 1 MB. Without swap only its end
# gives the memory back, be it by a kill.
neighbour()
{
	before=$(kills)
	taken=$(sh -c 'echo 1000 >/proc/self/oom_score_adj
		exec awk -v want="$1" "BEGIN {
			for (mb = sprintf(\"%1048576s\", \"\"); n < want; n++)
				taken[n] = mb n
			print n
		}"' neighbour "$1")
	after=$(kills)
	echo "${taken:-not all} of $1 MB taken, kills: $before, then $after"
	equal MB "$taken" "$1"
}

# was_killed MB
was_killed()
{
	fails neighbour "$1" && [ "$after" -gt "$before" ]
}

# has_room MB
has_room()
{
	neighbour "$1" && equal kills "$after" "$before"
}

# fell_by MB: Sys, since prepare().
fell_by()
{
	echo "Sys was $sys and is $(stat Sys)"
	[ $((sys - $(stat Sys))) -ge $(($1 << 20)) ]
}

# released COUNTER MB
released()
{
	equal "enough of $1: $(stat "$1")" \
		$(($(stat "$1") >= $2 << 20)) 1
}

# The kernel's out of memory by order, which kills whatever was given back.
order_kill()
{
	sh -c 'echo 1000 >/proc/self/oom_score_adj; exec sleep 60' &
	victim=$!
	sleep 1
	before=$(kills)
	echo f >/proc/sysrq-trigger
	wait $victim
	[ "$(kills)" -gt "$before" ]
}

swapless=$(equal SwapTotal "$(kb SwapTotal)" 0) || skip_all "$swapless"
free=$(($(kb MemAvailable) >> 10))
idle=$((free * 4 / 10))
taking=$((free * 8 / 10))

result "without the shrinker: much is idle" prepare 0
result "it is still held" holds_idle
result "a neighbour is killed" was_killed $taking
result "nothing was released" equal "released" \
	"$(stat ShrinkReleased) $(stat OomReleased)" "0 0"
rmmod gomalloc_hoard
rmmod gomalloc

result "with the shrinker: much is idle" prepare 1
result "it is still held" holds_idle
result "the neighbour has room" has_room $taking
result "from gomalloc's memory" fell_by $((idle * 4 / 10))
result "which the shrinker counts" released ShrinkReleased $((idle * 4 / 10))
result "validate" is_valid
mark_log
rmmod gomalloc_hoard
result "what lived is intact" logged 'gomalloc_hoard: .* all intact'

load gomalloc_hoard mb=$idle
result "before a kill all goes" order_kill
result "the notifier counts it" released OomReleased $((idle * 9 / 10))
rmmod gomalloc_hoard
rmmod gomalloc
result "nothing leaked" logged 'gomalloc: unloaded, nothing leaked'
result "the kernel is well" is_taint_free
ktap_finished
