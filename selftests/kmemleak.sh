#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Does the kernel's own leak detector know gomalloc's objects? It is to name
# those that are lost, with the stack of who allocated them, and nothing else:
# not what another object or a heap knows, nothing of gomalloc's own, and
# nothing that was freed. Needs CONFIG_DEBUG_KMEMLEAK, and kmemleak=on.

# shellcheck source=selftests/lib.sh
. ./lib.sh

begin 12 gomalloc_leaky gomalloc_stress

kmemleak=/sys/kernel/debug/kmemleak
[ -f "$kmemleak" ] || skip_all "no kmemleak in this kernel"
echo scan=off 2>/dev/null >"$kmemleak" || skip_all "kmemleak is off"

# It leaves out what is younger than 5 s, and what has changed since it looked.
scan()
{
	echo scan >"$kmemleak" && sleep 6 && echo scan >"$kmemleak"
}

# leaked SIZE: how many objects of that size are named, with lose() or forget()
# on the stack.
leaked()
{
	awk -v size="(size $1):" '
	/^unreferenced object/ { is = index($0, size) > 0 }
	is && / (lose|forget)\+.*\[gomalloc_leaky\]/ { n++; is = 0 }
	END { print n + 0 }' "$kmemleak"
}

# named SIZE: how many of that size are named. Who was unloaded has no names.
named()
{
	grep -c "^unreferenced object .*(size $1):" "$kmemleak"
}

# pids: who allocated what is named.
pids()
{
	sed -n 's/^  comm .*, pid \([0-9]*\),.*/\1/p' "$kmemleak"
}

# between WHAT FOUND LEAST MOST: what is left on a stack hides one or two.
between()
{
	[ "$2" -ge "$3" ] && [ "$2" -le "$4" ] && return
	echo "$1: $2, expected $3 to $4"
	head -n 60 "$kmemleak"
	return 1
}

# nothing_else: none is named that neither lose() nor forget() have allocated.
nothing_else()
{
	awk '
	function tell() { if (!known) print object; object = known = "" }
	/^unreferenced object/ { tell() }
	{ object = object $0 "\n" }
	/ (lose|forget)\+.*\[gomalloc_leaky\]/ { known = 1 }
	END { tell() }' "$kmemleak" >"$scratch/others"
	fails grep -A 30 unreferenced "$scratch/others"
}

load gomalloc debug=L profile_rate=0 ||
	ktap_exit_fail_msg "gomalloc does not load"
load gomalloc_leaky sheltered=50
scan
result "nothing is leaked, nothing is named" nothing_else
rmmod gomalloc_leaky

load gomalloc_leaky lost=20 tiny_lost=20 large_lost=8 forgotten=9 sheltered=50
# What gomalloc's own scan has found it knows; kmemleak is not to see that.
echo scan >"$debugfs/leaks"
scan
leaky=$(pids | head -n 1)
result "lost objects are named" between objects "$(leaked 192)" 18 20
result "tiny ones" between objects "$(leaked 3)" 18 20
result "large ones" between objects "$(leaked 106496)" 6 8
result "and no others" nothing_else
echo clear >"$debugfs/leaks"
rmmod gomalloc_leaky
echo clear >"$kmemleak"
# Every object comes and goes, on all CPUs, and what is on their stacks as well.
load gomalloc_stress ms=3000
rmmod gomalloc_stress
scan
result "what a module kept is named once it has gone" \
	between objects "$(named 1024)" 7 9
result "nothing that was freed is named" equal pids "$(pids | uniq)" "$leaky"
result "validate" is_valid

# What is not tracked is known all the same, as memory to look through.
echo - >/sys/module/gomalloc/parameters/debug
load gomalloc_leaky lost=20 sheltered=50
scan
result "without L, what others know is not named" nothing_else
rmmod gomalloc_leaky

# Samples are tracked.
echo clear >"$kmemleak"
echo 1 >/sys/module/gomalloc/parameters/profile_rate
load gomalloc_leaky lost=20
scan
result "without L, samples that are lost are named" \
	between objects "$(leaked 192)" 18 22
rmmod gomalloc_leaky
rmmod gomalloc
still_on()
{
	echo scan >"$kmemleak"
}
result "kmemleak is still on" still_on
result "the kernel is well" is_taint_free
ktap_finished
