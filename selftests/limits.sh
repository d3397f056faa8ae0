#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Can the memory limits be set, read and lifted when the module is loaded, in
# sysfs and in debugfs; is bad input refused with one line in the log; and do
# they hold while modules allocate?

# shellcheck source=selftests/lib.sh
. ./lib.sh

sysfs=/sys/module/gomalloc/parameters
limits='memory_limit memory_max'
bad='0 1 -1 +2M 1023K lots 12Q 64MB 1.5G M 0x 08M 8E 16E 17179869184G'
bad="$bad 99999999999999999999G 0x10000000000000000 None 2M,3M '2M'"
good='1M=1048576 0x100000=1048576 2g=2147483648 3T=3298534883328'
good="$good 1p=1125899906842624 7E=8070450532247928832 none=none"
begin 22 gomalloc_sampled gomalloc_stress

# field LIMIT: its name in stats.
field()
{
	case $1 in
	memory_limit) echo MemoryLimit ;;
	memory_max) echo MemoryMax ;;
	esac
}

# one_line LIMIT: gomalloc has said one thing since the mark, and of this.
one_line()
{
	equal "lines in the log" "$(count_logged 'gomalloc: ')" 1 &&
		logged "gomalloc: $1=.*: want at least 1M"
}

# refuses DIR LIMIT TEXT: with EINVAL and one line, and nothing changes.
refuses()
{
	before=$(stat "$(field "$2")")
	mark_log
	if write_text "$1/$2" "$3"; then
		echo "$2 took '$3'"
		return 1
	fi
	if ! grep -q 'Invalid argument' "$scratch/err"; then
		cat "$scratch/err"
		return 1
	fi
	equal "$2 after '$3'" "$(stat "$(field "$2")")" "$before" &&
		one_line "$2"
}

# refuses_all DIR LIMIT
refuses_all()
{
	for text in $bad '\n' '2M\n\n' '2M 3M' ' 2M' '2M ' \
		'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa'; do
		refuses "$1" "$2" "$text" || return 1
	done
	# With the text, so that one finds who wrote it.
	refuses "$1" "$2" '12Q\n' && logged "gomalloc: $2=12Q: want"
}

# takes_all DIR LIMIT: and every place says so; silently.
takes_all()
{
	mark_log
	for pair in $good; do
		write_text "$1/$2" "${pair%=*}\n" || {
			cat "$scratch/err"
			return 1
		}
		for place in "$sysfs/$2" "$debugfs/$2"; do
			equal "$place" "$(cat "$place")" "${pair#*=}" ||
				return 1
		done
		equal "$(field "$2")" "$(stat "$(field "$2")")" \
			"${pair#*=}" || return 1
	done
	equal "lines in the log" "$(count_logged 'gomalloc: ')" 0
}

# at_load LIMIT
at_load()
{
	load gomalloc "$1=0x200000" || return 1
	equal "$(field "$1")" "$(stat "$(field "$1")")" 2097152
	same=$?
	rmmod gomalloc
	return $same
}

# not_at_load LIMIT: with the reason, before anything else is said.
not_at_load()
{
	for text in $bad; do
		mark_log
		fails load gomalloc "$1=$text" &&
			logged "gomalloc: $1=$text: want" || return 1
	done
}

modes()
{
	for limit in $limits; do
		mode_is "$sysfs/$limit" 644 && mode_is "$debugfs/$limit" 600 ||
			return 1
	done
}

no_limit()
{
	for limit in $limits; do
		equal "$limit" "$(stat "$(field $limit)")" none || return 1
	done
}

# below_use LIMIT: taken, idle memory goes, and the log says what does not.
below_use()
{
	load gomalloc_sampled count=30000 || return 1
	mark_log
	write_text "$debugfs/$1" 1M || return 1
	equal HeapIdle "$(stat HeapIdle)" 0 &&
		equal "lines in the log" "$(count_logged 'gomalloc: ')" 1 &&
		logged "gomalloc: $1=1048576: [0-9]* bytes are in use"
	same=$?
	echo none >"$debugfs/$1"
	rmmod gomalloc_sampled
	return $same
}

# One line in the log however many fail, saying who wanted what.
refused()
{
	echo 2M >"$debugfs/memory_max"
	mark_log
	fails load gomalloc_sampled count=30000 || return 1
	logged 'gomalloc: memory_max=2097152: no [0-9]* bytes for in_[a-z]*+.* \[gomalloc_sampled\], [0-9]* are held' ||
		return 1
	equal "lines in the log" "$(count_logged 'gomalloc: memory_max')" 1 &&
		[ "$(stat MemoryMaxFails)" -gt 0 ] &&
		equal MemoryMaxExceeded "$(stat MemoryMaxExceeded)" 0
}

# Every context on every CPU at the limit: it holds, and the books balance.
holds()
{
	mark_log
	fails=$(stat MemoryMaxFails)
	load gomalloc_stress ms=2000
	equal "insmod's status" $? 0 || return 1
	# Metadata counts and is not refused.
	peak=$(stat PeakSys)
	echo "PeakSys $peak, $fails and $(stat MemoryMaxFails) refused"
	[ "$peak" -le $((2097152 + 131072)) ] &&
		[ "$(stat MemoryMaxFails)" -gt "$fails" ] && is_valid
	same=$?
	rmmod gomalloc_stress
	# Nobody wanted a line for __GFP_NOWARN.
	fails logged 'gomalloc: memory_max=.*: no ' >/dev/null || return 1
	return $same
}

lifted()
{
	echo none >"$debugfs/memory_max"
	load gomalloc_sampled count=30000
	same=$?
	rmmod gomalloc_sampled
	return $same
}

for limit in $limits; do
	result "$limit at load" at_load "$limit"
	result "bad $limit at load" not_at_load "$limit"
done
load gomalloc || ktap_exit_fail_msg "gomalloc does not load"
result "modes of the files" modes
result "no limit where none is given" no_limit
for limit in $limits; do
	for dir in "$sysfs" "$debugfs"; do
		result "$limit in ${dir%/param*} refuses what is no limit" \
			refuses_all "$dir" "$limit"
		result "$limit in ${dir%/param*} takes what memparse() takes" \
			takes_all "$dir" "$limit"
	done
	result "$limit below what is in use" below_use "$limit"
done
rmmod gomalloc
load gomalloc || ktap_exit_fail_msg "gomalloc does not load"
result "memory_max refuses" refused
result "memory_max holds under stress" holds
result "memory_max lifted refuses nothing" lifted
result "no misuse was seen" equal Misuses "$(stat Misuses)" 0
rmmod gomalloc
result "nothing leaked" logged 'gomalloc: unloaded, nothing leaked'
result "the kernel is well" is_taint_free
ktap_finished
