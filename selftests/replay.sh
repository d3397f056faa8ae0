#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Does what a real kernel allocated survive in gomalloc, and in how much
# memory? Also: does the client refuse what is no trace?

# shellcheck source=selftests/lib.sh
. ./lib.sh

begin 12 gomalloc_client
trace=$(find_file boot-6.12.trace) ||
	skip_all "no boot-6.12.trace: gunzip traces/boot-6.12.trace.gz"
trace=$(readlink -f "$trace")
report=/sys/kernel/debug/gomalloc_client/report

# Most that may be held at the peak, for each 1000 bytes requested.
limit=1140

# bytes LINE: the number in the report's line that begins so.
bytes()
{
	sed -n "s/^ *$1[^0-9]*\([0-9]*\) .*/\1/p" "$report"
}

holds_little()
{
	held=$(bytes 'gomalloc holds') requested=$(bytes requested)
	echo "$held bytes held for $requested"
	[ "$held" ] && [ "$((held * 1000))" -le "$((requested * limit))" ]
}

parts_add_up()
{
	sum=0
	for part in 'live objects' 'free objects in per-CPU' \
		'free objects in central' 'span tails' 'free runs' metadata; do
		sum=$((sum + $(bytes "$part")))
	done
	equal "parts of what is held" $sum "$(bytes 'gomalloc holds')"
}

returns_memory()
{
	held=$(bytes 'and gomalloc_free_os_memory')
	echo "$held bytes held in the end"
	[ "$held" ] && [ "$held" -lt 200000 ]
}

# refuses FILE PATTERN: the client does not load, and says why in one line.
refuses()
{
	mark_log
	fails load gomalloc_client trace="$1" || return 1
	# Some insmods try twice.
	logged "$2" && equal messages "$(log | grep 'gomalloc_client: ' |
		sed 's/.*gomalloc_client: //' | sort -u | wc -l)" 1
}

result "loads" load gomalloc
result "replays" load gomalloc_client trace="$trace"
result "reports" equal "first line" "$(head -n 1 $report)" "gomalloc client 1"
sed -n 's/^/# /p' $report
result "holds at most $limit/1000 of what is requested" holds_little
result "parts add up" parts_add_up
result "returns the memory" returns_memory
result "no object lives on" equal HeapObjects "$(stat HeapObjects)" 0
result "validate" is_valid
rmmod gomalloc_client

: >"$scratch/empty"
head -c 100000 "$trace" >"$scratch/truncated"
{
	echo GONTRACE
	cat "$trace"
} >"$scratch/foreign"
result "refuses no file" refuses "$scratch/none" 'cannot read it'
result "refuses a truncated trace" refuses "$scratch/truncated" truncated
result "refuses what is no trace" refuses "$scratch/foreign" 'not a trace'
rmmod gomalloc
result "the kernel is well" is_taint_free
ktap_finished
