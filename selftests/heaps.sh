#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Do heaps of clients do what they are for: requests parsed into them are right,
# a heap goes faster than its objects, its limits hold, its memory is charged to
# who created it, files show it, and what is done wrong is told?

# shellcheck source=selftests/lib.sh
. ./lib.sh

begin 27 gomalloc_requests

list=$debugfs/heaps/list
sites=$debugfs/heaps/callsites

# requests PARAMETER=VALUE...: the module with these alone.
requests()
{
	mark_log
	load gomalloc_requests "$@"
}

unload_requests()
{
	mark_log
	rmmod gomalloc_requests
}

# heap_column NAME N: of the row of the heap so named.
heap_column()
{
	awk -v name="$1#" -v n="$2" 'index($12, name) == 1 { print $n }' "$list"
}

# speedup: how many times as fast a heap was destroyed, in ticks.
speedup()
{
	log | sed -n 's/.* one by one, \([0-9]*\) times in ticks$/\1/p'
}

columns_add_up()
{
	awk 'NR > 2 && ($1 > $3 || $1 > $4 || $2 != $5 - $6 || NF < 13) {
		print
		bad = 1
	}
	END { exit bad || NR < 3 }' "$list"
}

sites_agree()
{
	awk 'NR > 2 && $5 ~ /^left#/ { bytes += $1; n += $2 }
		END { print bytes, n }' "$sites" >"$scratch/sites"
	equal "bytes and objects by call site" "$(cat "$scratch/sites")" \
		"$(heap_column left 1) $(heap_column left 2)"
}

# charged BYTES: the cgroup has so much, and no more than a quarter more.
charged()
{
	now=$(cat "$cgroup/memory.current")
	echo "charged $now, wanted $1"
	[ "$now" -ge "$1" ] && [ "$now" -le $(($1 + $1 / 4 + before)) ]
}

# in_cgroup COMMAND...: so the pages that COMMAND has allocated are charged.
in_cgroup()
{
	(
		sh -c 'echo $PPID' >"$cgroup/cgroup.procs"
		"$@"
	)
}

load gomalloc profile_rate=0 || ktap_exit_fail_msg "gomalloc does not load"
result "format and version" equal "first line" "$(head -n 1 "$list")" \
	"gomalloc heaps 1"
result "of call sites" equal "first line" "$(head -n 1 "$sites")" \
	"gomalloc heaps/callsites 1"
result "nobody else may read them" mode_is "$list" 400
result "requests are parsed right, in every way" requests requests=200
for way in kmalloc gomalloc heap reset; do
	result "$way: measured" logged "$way: [0-9]* ns, [0-9]* ticks a request"
done
log | grep gomalloc_requests: | sed 's/^/# /'
result "nothing is left of them" equal heaps "$(wc -l <"$list")" 2
unload_requests

result "many objects" requests requests=0 objects=200000
log | grep gomalloc_requests: | sed 's/^/# /'
# Twice as slow as is promised, where a host's load is in the figures.
result "are freed faster whole" [ "$(speedup)" -ge 25 ]
result "validate" is_valid
unload_requests

requests requests=0 limited=1
result "a hard limit holds" equal held "$(heap_column limited 4)" 65536
result "and is counted" equal fails "$(heap_column limited 10)" 1
result "as is the soft one" [ "$(heap_column limited 9)" -ge 1 ]
result "rows add up" columns_add_up
unload_requests

# Memory of who loads the module, which is not who reads what it has.
cgroup=$scratch/cgroup
mkdir "$cgroup"
if mount -t cgroup2 none "$cgroup" 2>/dev/null &&
	echo +memory >"$cgroup/cgroup.subtree_control"; then
	cgroup=$cgroup/heaps
	mkdir "$cgroup"
	in_cgroup requests requests=0
	unload_requests
	before=$(cat "$cgroup/memory.current")
	in_cgroup requests requests=0 charge=4096
	result "charged to its creator" charged 4194304
	unload_requests
	result "and uncharged" [ "$(cat "$cgroup/memory.current")" -le \
		$((before + 524288)) ]
	rmdir "$cgroup"
	umount "$scratch/cgroup"
else
	ktap_test_skip "charged to its creator: no cgroup v2"
	ktap_test_skip "and uncharged"
fi

requests requests=0 wrong=1
result "destroyed twice" logged 'BUG: gomalloc: no-heap in destroy_twice+'
result "freed after its heap" logged 'BUG: gomalloc: [a-z]*-free in free_late+'
result "freed twice" logged 'BUG: gomalloc: double-free in free_twice+'
result "what a heap still had" logged \
	'heap freed#[0-9]* of .*free_twice.* is destroyed with 1 objects, 200 bytes'
unload_requests

requests requests=0 keep=50
result "objects by call site" sites_agree
unload_requests
result "a heap that stays is told" logged \
	'did not destroy heap left#[0-9]*: 5200 bytes in 50 objects'
result "validate" is_valid
mark_log
rmmod gomalloc
result "at the end as well" logged \
	'leaked 1 heaps with 50 objects of 5200 bytes'
result "the kernel is well" is_taint_free
ktap_finished
