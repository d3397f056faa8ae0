#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# On several NUMA nodes: does memory come from the node of the CPU or from the
# one asked for, does it go home from wherever it is freed, and do the figures
# of the nodes agree? gomalloc_numa.ko looks at the objects.

# shellcheck source=selftests/lib.sh
. ./lib.sh

nodes=$(ls -d /sys/devices/system/node/node[0-9]* 2>/dev/null |
	sed 's/.*node//')
# shellcheck disable=SC2086 # words
set -- $nodes
[ $# -gt 1 ] || {
	ktap_print_header
	skip_all "there is one NUMA node"
}
begin 17 gomalloc_numa gomalloc_stress

# passes CHECK: gomalloc_numa.ko loads, or says why not.
passes()
{
	mark_log
	if load gomalloc_numa check="$1"; then
		rmmod gomalloc_numa
		return
	fi
	cat "$scratch/insmod"
	log | grep gomalloc
	return 1
}

# check CHECK NAME: one result, skipped where the machine has not got what it
# takes; insmod tells that in the words of ENODATA.
check()
{
	if passes "$1" >"$scratch/check" 2>&1; then
		ktap_test_pass "$2"
	elif grep -q "No data available" "$scratch/check"; then
		ktap_test_skip "$2"
	else
		sed 's/^/# /' "$scratch/check"
		ktap_test_fail "$2"
	fi
}

# of_node NAME NODE: a number out of the stats file.
of_node()
{
	stat "$1[$2]"
}

# node_sum NAME
node_sum()
{
	sum=0
	for node in $nodes; do
		sum=$((sum + $(of_node "$1" "$node")))
	done
	echo $sum
}

nodes_agree()
{
	grep '\[' "$debugfs/stats"
	for field in HeapSys HeapIdle HeapInuse; do
		equal "$field of all nodes" "$(node_sum $field)" \
			"$(stat $field)" || return 1
	done
	for node in $nodes; do
		equal "HeapSys[$node]" "$(of_node HeapSys "$node")" \
			$(($(of_node HeapInuse "$node") +
				$(of_node HeapIdle "$node"))) || return 1
	done
}

# metrics_agree NAME METRIC: of each node.
metrics_agree()
{
	for node in $nodes; do
		equal "$2 of node $node" "$(of_node "$1" "$node")" \
			"$(awk -v name="$2{node=\"$node\"}" '$1 == name {
				print $2 }' "$debugfs/metrics")" || return 1
	done
}

all_metrics_agree()
{
	metrics_agree HeapSys /node/heap:bytes &&
		metrics_agree HeapIdle /node/heap/free:bytes &&
		metrics_agree HeapInuse /node/heap/inuse:bytes &&
		metrics_agree HomeFrees /node/home-frees:objects &&
		metrics_agree HomeBatches /node/home-frees:batches &&
		metrics_agree NodeMisses /node/misses:objects
}

# home_in_batches: many objects came home, several at a time.
home_in_batches()
{
	frees=$(node_sum HomeFrees) batches=$(node_sum HomeBatches)
	echo "$frees objects came home in $batches batches"
	[ "$frees" -ge 100000 ] && [ $((frees / batches)) -ge 16 ]
}

# empty_nodes_are_empty: a node that has none has no heap.
empty_nodes_are_empty()
{
	for node in $nodes; do
		grep -q 'MemTotal: *0 kB' \
			/sys/devices/system/node/node"$node"/meminfo || continue
		equal "HeapSys[$node]" "$(of_node HeapSys "$node")" 0 || return 1
	done
}

# What is read twice is to be the same.
load gomalloc scavenge=0 || ktap_exit_fail_msg "gomalloc does not load"
check local "a CPU's objects are its node's"
check wish "a node that is wished for is where objects are"
check this_node "nothing else will do with __GFP_THISNODE"
check memoryless "a node without memory has the nearest node's"
result "while there is memory nobody gets another node's" \
	equal NodeMisses "$(node_sum NodeMisses)" 0
result "a node without memory has no heap" empty_nodes_are_empty
check home "what is freed on another node serves its own again"
result "it goes home in batches" home_in_batches
result "validate" is_valid
check full "a full node has others' memory, and then its own"
result "which is counted" [ "$(node_sum NodeMisses)" -gt 0 ]
load gomalloc_stress ms=500
result "the nodes' figures agree after stress" nodes_agree
result "metrics say the same" all_metrics_agree
rmmod gomalloc_stress
result "validate after stress" is_valid
echo 1 >/sys/module/gomalloc/parameters/profile_rate
echo 1 >"$debugfs/free_os_memory"
check this_node "nothing else will do for tracked objects"
rmmod gomalloc
result "nothing leaked" logged 'gomalloc: unloaded, nothing leaked'
result "the kernel is well" is_taint_free
ktap_finished
