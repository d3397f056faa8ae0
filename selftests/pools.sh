#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Do pools and reserves show what they have, is a pool's memory given back when
# nobody wants it, does a scan for leaks know what they hold, and what is said
# of a module that goes without its pool?

# shellcheck source=selftests/lib.sh
. ./lib.sh

begin 16 gomalloc_pools

# cell FILE COLUMN: of the first row.
cell()
{
	awk -v name="$2" '
	NR == 2 { for (i = 1; i <= NF; i++) if ($i == name) column = i }
	NR == 3 { print $column }' "$debugfs/$1"
}

# metric NAME
metric()
{
	sed -n "s|^$1{[a-z]*=\"[0-9]*\",name=\"selftest\"} ||p" \
		"$debugfs/metrics"
}

# pool_has OUT HELD: so many objects are out and so many in the pool.
pool_has()
{
	equal out "$(cell pools out)" "$1" && equal "in the pool" $((
		$(cell pools slots) + $(cell pools rings) +
		$(cell pools victims))) "$2"
}

metrics_agree()
{
	equal news "$(metric /pool/news:objects)" "$(cell pools news)" &&
		equal out "$(metric /pool/out:objects)" 1 &&
		equal held "$(metric /reserve/held:objects)" 5 &&
		equal size "$(metric /reserve/size:bytes)" 100
}

# pool_goes: it is given back by itself, but for what is out.
pool_goes()
{
	for _ in $(seq 300); do
		[ "$(cell pools drops)" = 9 ] && break
		sleep 0.1
	done
	pool_has 1 0
}

nothing_is_lost()
{
	printf scan >"$debugfs/leaks"
	equal Suspects "$(awk '$1 == "Suspects" { print $2 }' \
		"$debugfs/leaks")" 0 && return
	tail -n 5 "$debugfs/leaks"
	return 1
}

load gomalloc profile_rate=0 || ktap_exit_fail_msg "gomalloc does not load"
result "no pools, and it says so" equal lines \
	"$(sed -n '$=' "$debugfs/pools")" 2
echo 0 >/sys/module/gomalloc/parameters/scavenge
load gomalloc_pools || ktap_exit_fail_msg "gomalloc_pools does not load"
result "a row for the pool" equal name "$(cell pools name)" selftest
result "what it holds" pool_has 1 9
result "a row for the reserve" equal held "$(cell reserves held)" 5
result "metrics" metrics_agree
result "a scan finds no leak" nothing_is_lost
result "validate" is_valid
echo 1 >"$debugfs/free_os_memory"
result "free_os_memory takes it" pool_has 1 0
rmmod gomalloc_pools
load gomalloc_pools
echo 1 >/sys/module/gomalloc/parameters/scavenge
result "the scavenger takes it" pool_goes
mark_log
rmmod gomalloc_pools
result "gone without a word" fails logged gomalloc
result "and from the files" equal lines \
	"$(sed -n '$=' "$debugfs/pools" "$debugfs/reserves")" 4

load gomalloc_pools forget=1
mark_log
rmmod gomalloc_pools
result "a forgotten pool is told" logged \
	'gomalloc: gomalloc_pools is unloaded and did not destroy pool selftest'
echo 1 >"$debugfs/free_os_memory"
result "and left alone" equal lines "$(sed -n '$=' "$debugfs/pools")" 2
mark_log
result "gomalloc unloads" rmmod gomalloc
# The pool, ten objects and a ring.
result "and says what was leaked" logged 'gomalloc: leaked 1[0-9] objects in all'
result "the kernel is well" is_taint_free
ktap_finished
