#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Whole workloads end, and 5 seconds pass: has gomalloc given back what it held
# for them, without being asked to? At most 1 MiB and 64 KiB for each CPU may be
# held beyond what is in use.

# shellcheck source=selftests/lib.sh
. ./lib.sh

# Rows of gomalloc_bench's lane memory, and how many MiB those may take that
# are as large as the machine allows: with a hundredth of an emulated CPU the
# scavenger needs longer for some 30 thousand spans.
rows="trace larson* xmalloc-test* sh8bench* mstress* rptest* batch-4096/32768
	grow/64/100000 scattered*"
heap=24

# shellcheck disable=SC2086 # the rows are words, and none names a file
set -f -- $rows
begin $(($# + 4)) gomalloc_bench
trace=$(find_file boot-6.12.trace) ||
	skip_all "no boot-6.12.trace: gunzip traces/boot-6.12.trace.gz"
trace=$(readlink -f "$trace")
results=/sys/kernel/debug/gomalloc_bench/results
limit=$((1048576 + 65536 * $(grep -c '^processor' /proc/cpuinfo)))

measure()
{
	load gomalloc_bench lane=memory heap=$heap trace="$trace" \
		run="$(echo "$rows" | tr -s ' \t\n' ,)" && return
	cat "$scratch/insmod"
	return 1
}

# settles ROW: all that it matches, and at least one.
settles()
{
	awk -F '\t' -v row="$1" -v limit=$limit '
	BEGIN { sub(/\*$/, ".*", row) }
	$1 ~ /^(mem|error|skip)$/ && $2 ~ "^" row "$" {
		print
		n++
		bad += $1 != "mem" || NF != 8 || $8 > limit
	}
	END {
		print n + 0 " rows, at most " limit " bytes allowed"
		exit !n || bad
	}' $results
}

result "loads" load gomalloc
# The scavenger has saved up nothing yet; a client may be loaded much later.
sleep 10
result "measures" measure
awk -F '\t' '$1 == "mem" {
	print "# " $2 ": " $8 " bytes after 5 s, " $7 " before" }' $results
for row; do
	result "$row settles" settles "$row"
done
result "validate" is_valid
rmmod gomalloc_bench gomalloc
result "the kernel is well" is_taint_free
ktap_finished
