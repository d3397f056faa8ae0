#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Do the gomalloc:* trace events appear, and say what debugfs says? Can they be
# switched while all CPUs allocate, and gomalloc unloaded while they are on?

# shellcheck source=selftests/lib.sh
. ./lib.sh

begin 27 gomalloc_hoard gomalloc_misuse gomalloc_sampled gomalloc_stress
tracing=/sys/kernel/tracing
events=$tracing/events/gomalloc
[ -d $tracing/events ] || mount -t tracefs none $tracing ||
	skip_all "no tracefs"

# What these leave behind would be in the way of others.
leave_tracing()
{
	[ ! -w $events/enable ] || echo 0 >$events/enable
	echo >$tracing/trace
	echo "$buffer_kb" >$tracing/buffer_size_kb
	leave
}
# Where it still has its first size, that comes with a word of explanation.
buffer_kb=$(sed 's/ .*//' $tracing/buffer_size_kb)
trap leave_tracing EXIT
echo 8192 >$tracing/buffer_size_kb

# counters: those of debugfs that events tell of, "NAME VALUE". Events have
# numbers for all classes, those without a size after the others.
counters()
{
	awk 'NF == 2 { print $1, $2 }' $debugfs/stats
	awk '
	BEGIN {
		after["tiny"] = 1
		after["large"] = 2
		after["tracked"] = 3
		after["heap"] = 4
	}
	NR > 2 && !($1 in after) { last = $1 }
	NR > 2 {
		class = $1 in after ? last + after[$1] : $1
		print "spans/" class, $4
		print "refills/" class, $11
		print "flushes/" class, $12
	}' $debugfs/classes
}

# sums: of the events in $scratch/trace, "EVENT COUNT", "EVENT.FIELD SUM", and
# what the columns of classes count, "refills/CLASS COUNT".
sums()
{
	awk '
	match($0, /: gomalloc_[a-z_]*: /) {
		event = substr($0, RSTART + 11, RLENGTH - 13)
		n[event]++
		for (i = 1; i <= NF; i++)
			if (split($i, part, "=") == 2) {
				n[event "." part[1]] += part[2]
				v[part[1]] = part[2]
			}
		if (event == "refill")
			n["refills/" v["class"]]++
		if (event == "flush")
			n["flushes/" v["class"]]++
		if (event == "span_alloc")
			n["spans/" v["class"]]++
		if (event == "span_free")
			n["spans/" v["class"]]--
	}
	END {
		for (name in n)
			print name, n[name]
	}' "$scratch/trace"
}

# The events of slow paths.
slow="refill flush span_alloc span_free heap_grow heap_release limit max"
slow="$slow scavenge shrink misuse"

# record EVENTS COMMAND...: runs it with these on. They are in $scratch/trace
# then, their sums in $scratch/sums, and by how much the counters changed in
# $scratch/changes.
record()
{
	echo >$tracing/trace
	counters >"$scratch/before"
	for event in $1; do
		echo 1 >$events/gomalloc_"$event"/enable
	done
	shift
	"$@"
	status=$?
	counters >"$scratch/after"
	echo 0 >$events/enable
	cat $tracing/trace >"$scratch/trace"
	sums >"$scratch/sums"
	awk 'NR == FNR { before[$1] = $2; next } {
		print $1, $2 - before[$1]
	}' "$scratch/before" "$scratch/after" >"$scratch/changes"
	return $status
}

# change COUNTER: by how much it did, while recording.
change()
{
	awk -v name="$1" '$1 == name { print $2 }' "$scratch/changes"
}

# sum EVENT or EVENT.FIELD
sum()
{
	awk -v name="$1" '$1 == name { n = $2 } END { print n + 0 }' \
		"$scratch/sums"
}

stress()
{
	load gomalloc_stress "$@"
	status=$?
	! is_loaded gomalloc_stress || rmmod gomalloc_stress
	return $status
}

stress_and_scavenge()
{
	stress ms=200 && echo 1 >$debugfs/free_os_memory
}

# None must have been lost, or nothing below can be right.
all_there()
{
	grep '^# entries-in-buffer/entries-written' "$scratch/trace" |
		tr '/:' '  ' | awk '{ print; exit $4 != $5 || !$4 }'
}

# classes_agree COLUMN: for each class, as the events have it.
classes_agree()
{
	awk -v column="$1" 'NR == FNR { n[$1] = $2; next }
	split($1, part, "/") == 2 && part[1] == column && part[2] != "total" {
		classes++
		if (n[$1] + 0 != $2) {
			print $1, "went up by", $2, "and by events", n[$1] + 0
			bad = 1
		}
	}
	END { exit bad || classes < 67 }' "$scratch/sums" "$scratch/changes"
}

# Each visit of a CPU to a central list is an event, with its class.
visits_agree()
{
	classes_agree refills && classes_agree flushes &&
		equal refills "$(sum refill)" "$(change refills/total)" &&
		equal flushes "$(sum flush)" "$(change flushes/total)" &&
		[ "$(sum refill.objects)" -gt 0 ] &&
		[ "$(sum flush.objects)" -gt 0 ]
}

spans_agree()
{
	classes_agree spans && equal "spans taken less spans given back" \
		$(($(sum span_alloc) - $(sum span_free))) \
		"$(change spans/total)" && [ "$(sum span_alloc)" -gt 0 ]
}

# Nobody had a span before, so each that is given back was seen being taken.
frees_have_allocs()
{
	sed -n 's/.*: gomalloc_span_\([a-z]*\): .*\(pages=[0-9]*\).*\(pfn=.*\)/\1 \2 \3/p' \
		"$scratch/trace" | awk '
	$1 == "alloc" { live[$3] = $2 }
	$1 == "free" && live[$3] != $2 {
		print $3, "taken with", live[$3], "given back with", $2
		bad = 1
	}
	$1 == "free" { delete live[$3] }
	END { exit bad }'
}

blocks_agree()
{
	equal "blocks" "$(sum heap_grow)" "$(change Blocks)" &&
		equal "bytes given back" \
			$(($(sum heap_release.pages) * gom_page)) \
			"$(change HeapReleased)" &&
		equal "bytes taken less bytes given back" $((
			($(sum heap_grow.pages) - $(sum heap_release.pages)) *
			gom_page)) "$(change HeapSys)"
}

scavenge_agrees()
{
	equal scavenges "$(sum scavenge)" 1 &&
		equal "bytes given back" "$(sum scavenge.bytes)" \
			"$(change HeapReleased)" &&
		[ "$(sum scavenge.bytes)" -gt 0 ]
}

shrink_agrees()
{
	grep gomalloc_shrink: "$scratch/trace" | head -n 3
	equal events "$(sum shrink)" "$(change ShrinkScans)" &&
		equal "bytes given back" $(($(sum shrink.freed) * kernel_page)) \
			"$(change ShrinkReleased)" &&
		[ "$(sum shrink.asked)" -gt 0 ] &&
		[ "$(sum shrink.freed)" -gt 0 ]
}

# class_of SIZE
class_of()
{
	awk -v size="$1" '$2 == size { print $1 }' $debugfs/classes
}

misuse_agrees()
{
	grep gomalloc_misuse: "$scratch/trace"
	equal events "$(sum misuse)" "$(change Misuses)" &&
		grep -q "kind=double-free ptr=.* class=$(class_of 192) .*caller=double_free+" \
			"$scratch/trace"
}

limit_agrees()
{
	grep gomalloc_limit: "$scratch/trace" | head -n 3
	equal events "$(sum limit)" "$(change MemoryLimitHits)" &&
		[ "$(sum limit)" -gt 0 ] &&
		equal limit "$(sum limit.limit)" $(($(sum limit) << 20))
}

max_agrees()
{
	grep gomalloc_max: "$scratch/trace" | head -n 3
	equal events "$(sum max)" $(($(change MemoryMaxFails) + \
		$(change MemoryMaxExceeded))) &&
		[ "$(sum max)" -gt 0 ] &&
		equal exceeded "$(sum max.exceeded)" \
			"$(change MemoryMaxExceeded)" &&
		equal max "$(sum max.max)" $(($(sum max) << 20))
}

# Each object is an event when it comes and another when it goes.
objects_agree()
{
	equal allocs "$(sum alloc)" "$(change Mallocs)" &&
		equal frees "$(sum free)" "$(change Frees)" &&
		[ "$(sum alloc)" -gt 0 ] && [ "$(sum free)" -gt 0 ]
}

# As many frees as allocs of every address: the load has freed all it had.
objects_have_pairs()
{
	sed -n 's/.*: gomalloc_\([a-z]*\): .* ptr=\([^ ]*\).*/\1 \2/p' \
		"$scratch/trace" | awk '
	{ n[$2] += $1 == "alloc" ? 1 : -1 }
	END {
		for (ptr in n)
			if (n[ptr]) {
				print ptr, "has", n[ptr], "more allocs than frees"
				bad = 1
			}
		exit bad || !NR
	}'
}

# Whoever allocated is named by its own function, and got what it asked for.
allocs_are_plausible()
{
	grep ': gomalloc_alloc: ' "$scratch/trace" |
		sed 's/.*call_site=//; s/[a-z_]*=//g' | awk '
	$2 != "[gomalloc_stress]" || $5 < $4 || $4 < 1 {
		print
		bad = 1
	}
	END { exit bad || !NR }'
}

# Switches every event on and off as long as the load lasts, 10 times at least.
switch_under_load()
{
	(
		stress ms=3000
		echo $? >"$scratch/stress"
	) &
	i=0
	while [ $i -lt 10 ] || [ ! -f "$scratch/stress" ]; do
		echo 1 >$events/enable && echo 0 >$events/enable || return 1
		i=$((i + 1))
	done
	wait
	echo "switched $i times"
	equal "insmod's status" "$(cat "$scratch/stress")" 0
}

silent_when_off()
{
	echo >$tracing/trace
	stress ms=100
	lacks gomalloc_ $tracing/trace
}

gone()
{
	[ ! -e $events ]
}

# What one call gives back is to be told from what goes by itself.
load gomalloc scavenge=0 || ktap_exit_fail_msg "gomalloc does not load"
result "a load with events on" record "$slow" stress_and_scavenge
result "no event was lost" all_there
result "refill, flush: as many as classes says" visits_agree
result "span_alloc, span_free: as many as classes says" spans_agree
result "span_free: what span_alloc had" frees_have_allocs
result "heap_grow, heap_release: what stats says" blocks_agree
load gomalloc_stress ms=100
rmmod gomalloc_stress
result "free_os_memory with events on" \
	record "$slow" sh -c "echo 1 >$debugfs/free_os_memory"
result "scavenge: what stats says" scavenge_agrees
load gomalloc_hoard mb=16 live_kb=0
result "drop_caches with events on" \
	record "$slow" sh -c "echo 2 >/proc/sys/vm/drop_caches"
rmmod gomalloc_hoard
result "shrink: what stats says" shrink_agrees
result "misuse with events on" \
	record "$slow" load gomalloc_misuse kind=double-free
! is_loaded gomalloc_misuse || rmmod gomalloc_misuse
result "misuse: what stats says, and who did it" misuse_agrees
result "alloc, free: a load with these on" \
	record "alloc free" load gomalloc_stress ms=20
result "alloc, free: no event was lost" all_there
result "alloc, free: as many as stats says" objects_agree
result "alloc, free: all that was allocated was freed" objects_have_pairs
result "alloc: who, and how much" allocs_are_plausible
rmmod gomalloc_stress
result "alloc, free: nothing special afterwards" stress ms=20
result "alloc, free: validate" is_valid
result "switched under load" switch_under_load
result "silent when off" silent_when_off
result "validate" is_valid
rmmod gomalloc
load gomalloc memory_limit=1M || ktap_exit_fail_msg "gomalloc does not load"
record "$slow" load gomalloc_sampled count=30000
result "limit: as often as stats says" limit_agrees
rmmod gomalloc_sampled
echo 1M >$debugfs/memory_max
record "$slow" fails load gomalloc_sampled count=30000
result "max: as often as stats says" max_agrees
echo 1 >$events/enable
result "unloads with all events on" rmmod gomalloc
result "the events are gone" gone
result "the kernel is well" is_taint_free
ktap_finished
