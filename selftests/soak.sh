#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# All at once, for SOAK_SECONDS: every context of every CPU allocates and frees,
# CPUs go and come, a neighbour fills and empties memory so that reclaim runs,
# files are read, limits change, idle memory is asked for. Does the kernel stay
# well, and do the books balance? 20 seconds by default; `tools/vm soak` does it
# for ten minutes under KASAN and lockdep.

# shellcheck source=selftests/lib.sh
. ./lib.sh

begin 9 gomalloc_stress

seconds=${SOAK_SECONDS:-20}
parameters=/sys/module/gomalloc/parameters
fill=$scratch/fill
uptime()
{
	sed 's/\..*//' /proc/uptime
}

# going: until $scratch/stop exists, which is where a job looks.
going()
{
	! [ -e "$scratch/stop" ]
}

# did JOB: once more.
did()
{
	echo >>"$scratch/did.$1"
}

# turns JOB: how often.
turns()
{
	[ -e "$scratch/did.$1" ] || : >"$scratch/did.$1"
	wc -l <"$scratch/did.$1"
}

wrong()
{
	echo "$*" >>"$scratch/wrong"
}

# random N: a number below N.
random()
{
	od -An -N 4 -t u4 /dev/urandom | awk -v n="$1" '{ print $1 % n }'
}

# === Jobs ===================================================================

# allocate: the stress test again and again, each time with another seed.
allocate()
{
	seed=1
	while going; do
		mark_log
		load gomalloc_stress seed=$seed ms=3000 ||
			wrong "gomalloc_stress seed=$seed: $(cat "$scratch/insmod")"
		! is_loaded gomalloc_stress || rmmod gomalloc_stress
		log | sed -n 's/.*gomalloc_stress: \([0-9]*\) objects.*/\1/p' |
			tail -n 1 >>"$scratch/objects"
		did allocate
		seed=$((seed + 1))
	done
}

# flip: all CPUs but the first, in turn. One to which a thread is bound may
# refuse for a moment.
flip()
{
	while going; do
		for online in /sys/devices/system/cpu/cpu[1-9]*/online; do
			echo 0 >"$online" && did flip
			sleep 0.3
			echo 1 >"$online" || wrong "$online stays off"
			sleep 0.3
		done 2>/dev/null
	done
}

# available: MB.
available()
{
	awk '$1 == "MemAvailable:" { print int($2 / 1024) }' /proc/meminfo
}

# neighbour: half of what is available as a file, and more than the rest as a
# process, which is the largest by far and so the one to be killed: with that
# its memory is back.
neighbour()
{
	while going; do
		dd if=/dev/zero of="$fill/file" bs=64k \
			count=$(($(available) * 8)) 2>/dev/null
		sh -c 'echo 1000 >/proc/self/oom_score_adj
			exec dd if=/dev/zero of=/dev/null bs="$1"M count=1' \
			neighbour $(($(available) * 11 / 10)) 2>/dev/null ||
			did kill
		rm -f "$fill/file"
		did neighbour
	done
}

# shrink: reclaim of what is not the page cache, for which nobody waits.
shrink()
{
	while going; do
		echo 2 >/proc/sys/vm/drop_caches
		did shrink
		sleep 0.1
	done
}

read_files()
{
	while going; do
		for file in "$debugfs"/*; do
			! [ -r "$file" ] || cat "$file" >/dev/null 2>&1
		done
		did read_files
	done
}

scavenge()
{
	while going; do
		echo 1 >$debugfs/free_os_memory || wrong "free_os_memory fails"
		did scavenge
		sleep 0.2
	done
}

# limit: those of the parameters that can be set, to anything from 1 to 64 MB.
# The hard one may make allocations fail, which the stress test allows for.
limit()
{
	while going; do
		for name in memory_limit memory_max; do
			[ -w $parameters/$name ] || continue
			echo "$(($(random 64) + 1))M" >$parameters/$name &&
				did limit
		done 2>/dev/null
		sleep 0.3
	done
}

jobs="allocate flip neighbour shrink read_files scavenge limit"

# soak: all jobs, until the time is over.
soak()
{
	for job in $jobs; do
		$job &
	done
	until=$(($(uptime) + seconds))
	while [ "$(uptime)" -lt $until ]; do
		sleep 1
	done
	: >"$scratch/stop"
	wait
}

# === Figures ================================================================

# show: what was done.
show()
{
	for job in $jobs kill; do
		echo "$job $(turns "$job")"
	done
	awk '{ n += $1 } END { print "objects", n + 0 }' "$scratch/objects"
	for name in ShrinkScans ShrinkReleased OomReleased HeapReleased PeakSys; do
		echo $name "$(stat $name)"
	done
}

nothing_wrong()
{
	[ -e "$scratch/wrong" ] || return 0
	sort "$scratch/wrong" | uniq -c
	return 1
}

# each_ran: every job that can run here got somewhere.
each_ran()
{
	for job in allocate neighbour shrink read_files scavenge; do
		[ "$(turns $job)" -gt 0 ] || echo "$job never came to an end"
	done >"$scratch/idle"
	cat "$scratch/idle"
	! [ -s "$scratch/idle" ]
}

scanned()
{
	[ "$(stat ShrinkScans)" -gt 0 ] && [ "$(stat ShrinkReleased)" -gt 0 ]
}

load gomalloc || ktap_exit_fail_msg "gomalloc does not load"
mkdir "$fill"
mount -t tmpfs -o size=100% tmpfs "$fill" || skip_all "no tmpfs"
result "$seconds seconds" soak
umount "$fill"
show >"$scratch/figures"
sed 's/^/# /' "$scratch/figures"
result "nothing went wrong" nothing_wrong
result "each had its turn" each_ran
result "reclaim got something" scanned
result "no misuse was seen" equal Misuses "$(stat Misuses)" 0
result "validate" is_valid
mark_log
result "unloads" rmmod gomalloc
result "nothing leaked" logged 'gomalloc: unloaded, nothing leaked'
result "the kernel is well" is_taint_free
ktap_finished
