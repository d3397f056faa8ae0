#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# All at once, for TORTURE_SECONDS: gomalloc_torture does everything at random
# in every context of every CPU; meanwhile CPUs go and come, a neighbour fills
# and empties memory so that reclaim runs, files are read, limits and settings
# change, idle memory is asked for, other clients come and go. Is every object
# as it was written, does the kernel stay well, do the books balance?
# 15 seconds by default; `tools/vm torture` does it for ten minutes under KASAN
# and lockdep. TORTURE_SEED is where the random choices start; with TORTURE_BARE
# gomalloc_torture has the machine to itself.

# shellcheck source=selftests/lib.sh
. ./lib.sh

begin 15 gomalloc_torture gomalloc_pools gomalloc_requests

seconds=${TORTURE_SECONDS:-15}
seed=${TORTURE_SEED:-$(od -An -N 4 -t u4 /dev/urandom | tr -d ' ')}
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

# flip: all CPUs but the first, in turn.
flip()
{
	while going; do
		for online in /sys/devices/system/cpu/cpu[1-9]*/online; do
			[ -w "$online" ] || continue
			echo 0 >"$online" && did flip
			sleep 0.3
			echo 1 >"$online" || wrong "$online stays off"
			sleep 0.7
		done 2>/dev/null
		sleep 0.3
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
		sleep 1
	done
}

# shrink: reclaim of what is not the page cache, for which nobody waits.
shrink()
{
	while going; do
		echo 2 >/proc/sys/vm/drop_caches
		did shrink
		sleep 0.3
	done
}

# read_files: but validate, which gomalloc_torture asks itself, when NMIs pause.
read_files()
{
	while going; do
		for file in "$debugfs"/* "$debugfs"/heaps/*; do
			[ "${file##*/}" = validate ] || ! [ -r "$file" ] ||
				cat "$file" >/dev/null 2>&1
		done
		did read_files
		sleep 0.3
	done
}

scavenge()
{
	while going; do
		echo 1 >$debugfs/free_os_memory || wrong "free_os_memory fails"
		did scavenge
		sleep 0.5
	done
}

# limit: to anything from 1 to 64 MB for a moment. The hard one makes
# allocations fail, those that wait after half a second.
limit()
{
	while going; do
		for name in memory_limit memory_max; do
			echo "$(($(random 64) + 1))M" >$parameters/$name
			sleep 0.2
			echo none >$parameters/$name && did limit
		done 2>/dev/null
		sleep 1
	done
}

# try_setting NAME VALUE: for a moment, then as it was.
try_setting()
{
	old=$(cat "$parameters/$1")
	echo "$2" >"$parameters/$1" || wrong "$1=$2 was refused"
	did settings
	sleep 0.3
	echo "$old" >"$parameters/$1" || wrong "$1=$old was refused"
}

settings()
{
	while going; do
		for setting in profile_rate=1 profile_rate=0 debug= \
			profile_rate=4096 debug=F callsites=gomalloc_torture \
			guard_interval=10 debug=ZP,64,200 scavenge=0 debug=ZPU; do
			! going || try_setting "${setting%%=*}" "${setting#*=}"
		done
	done
}

# others: they leave before the end, when it is counted what lives.
others()
{
	while going && [ "$(uptime)" -lt $((until - 4)) ]; do
		for module in gomalloc_pools gomalloc_requests; do
			parameter=
			[ $module = gomalloc_pools ] ||
				parameter="requests=20 objects=1000"
			# shellcheck disable=SC2086 # words
			! load $module $parameter || rmmod $module ||
				wrong "$module stays"
			did others
		done
		sleep 0.5
	done
}

jobs="flip neighbour shrink read_files scavenge limit settings others"
[ -z "${TORTURE_BARE:-}" ] || jobs=

# torture: with all jobs beside it. Whoever is killed, it shall not be this.
torture()
{
	echo -1000 >/proc/self/oom_score_adj
	mark_log
	until=$(($(uptime) + seconds))
	for job in $jobs; do
		$job &
	done
	load gomalloc_torture seed="$seed" seconds="$seconds"
	status=$?
	: >"$scratch/stop"
	wait
	log >"$scratch/log"
	grep gomalloc_torture "$scratch/log"
	! is_loaded gomalloc_torture || rmmod gomalloc_torture
	return $status
}

# === Figures ================================================================

# show: what was done.
show()
{
	for job in $jobs kill; do
		echo "$job $(turns "$job")"
	done
	for name in ShrinkScans ShrinkReleased OomReleased HeapReleased PeakSys; do
		echo $name "$(stat $name)"
	done
	sed -n 's/.*gomalloc_torture: //p' "$scratch/log"
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
	for job in $jobs; do
		[ "$job" = flip ] || [ "$(turns "$job")" -gt 0 ] ||
			echo "$job never came to an end"
	done >"$scratch/idle"
	cat "$scratch/idle"
	! [ -s "$scratch/idle" ]
}

scanned()
{
	[ -z "$jobs" ] || { [ "$(stat ShrinkScans)" -gt 0 ] &&
		[ "$(stat ShrinkReleased)" -gt 0 ]; }
}

# all_done: every operation that a context may do was done in it.
all_done()
{
	grep 'gomalloc_torture: never: ' "$scratch/log"
	equal "operations that were never done" \
		"$(grep -c 'gomalloc_torture: never: ' "$scratch/log")" 0
}

# raises_nmis: or a reason is given why not.
raises_nmis()
{
	grep -q 'gomalloc_torture: nmi: .*nolock=[1-9]' "$scratch/log"
}

# checksum FILE SEED [PARAMETER=VALUE]...: of what these streams do, in FILE.
checksum()
{
	sum=$scratch/$1 sum_seed=$2
	shift 2
	mark_log
	load gomalloc_torture seed="$sum_seed" ops=3000 "$@" || return
	rmmod gomalloc_torture
	log | sed -n 's/.*gomalloc_torture: seed .*, checksum \(.*\)/\1/p' \
		>"$sum"
}

# same_again PARAMETER=VALUE...: with the same seed, and not with another.
same_again()
{
	checksum first 7 "$@" && checksum again 7 "$@" &&
		checksum other 8 "$@" || return 1
	cat "$scratch/first" "$scratch/again" "$scratch/other"
	[ -s "$scratch/first" ] && cmp "$scratch/first" "$scratch/again" &&
		fails cmp -s "$scratch/first" "$scratch/other"
}

# finds WHAT: it is done on purpose, and found.
finds()
{
	mark_log
	fails load gomalloc_torture ops=3000 contexts=1 cpu=0 spoil="$1" &&
		logged "gomalloc_torture: seed 1: task of CPU 0, step .*"
}

# each_alone OP...: one way to have objects and nothing else, so that CPUs and
# interrupts meet in it more often.
each_alone()
{
	for only; do
		load gomalloc_torture seed="$seed" seconds=1 contexts=31 \
			interval=50 only="$only" || return 1
		rmmod gomalloc_torture
	done
}

load gomalloc || ktap_exit_fail_msg "gomalloc does not load"
mkdir "$fill"
mount -t tmpfs -o size=100% tmpfs "$fill" || skip_all "no tmpfs"
result "same seed, same operations" same_again contexts=1 cpu=0
result "so it is where many run" same_again contexts=7
result "seed $seed, $seconds seconds" torture
umount "$fill"
show >"$scratch/figures"
sed 's/^/# /' "$scratch/figures"
result "nothing went wrong" nothing_wrong
result "each had its turn" each_ran
result "every operation in every context" all_done
if grep -q 'gomalloc_torture: skipped: nmi' "$scratch/log"; then
	ktap_test_skip "NMIs: nothing here can raise one"
else
	result "NMIs came" raises_nmis
fi
result "reclaim got something" scanned
result "no misuse was seen" equal Misuses "$(stat Misuses)" 0
result "validate" is_valid
result "pools, reserves and heaps alone" \
	each_alone pool_burst reserve_burst heap
result "a byte that somebody else writes is found" finds 1
mark_log
result "unloads" rmmod gomalloc
result "nothing leaked" logged 'gomalloc: unloaded, nothing leaked'
result "the kernel is well" is_taint_free
ktap_finished
