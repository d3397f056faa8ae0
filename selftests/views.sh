#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Does each file in debugfs have its format, do its figures agree with those of
# the others, and do the files that are written to refuse what they do not
# know?

# shellcheck source=selftests/lib.sh
. ./lib.sh

bad_words='0 2 11 1x x yes on -1 +1 01 1,1 111111111'
begin 45 gomalloc_client gomalloc_stress

# columns FILE NAME...: its second line names these first.
columns()
{
	file=$1
	shift
	found=$(sed -n 2p "$debugfs/$file" | tr -s ' ' | sed 's/^ //')
	case "$found " in
	"$* "*) ;;
	*)
		echo "$file has columns: $found"
		echo "expected: $*"
		return 1
		;;
	esac
}

has_version()
{
	equal "first line of $1" "$(head -n 1 "$debugfs/$1")" \
		"${2:-gomalloc $1 1}"
}

# metric NAME: the sum of all its lines.
metric()
{
	awk -v name="$1" '
	{ split($1, part, "{") }
	part[1] == name { sum += $NF; n++ }
	END { if (n) printf "%.0f\n", sum; else print "absent" }
	' "$debugfs/metrics"
}

# has_grammar: every line of metrics but the first and the last.
has_grammar()
{
	sed '1d;$d' "$debugfs/metrics" >"$scratch/metrics"
	equal last "$(tail -n 1 "$debugfs/metrics")" "# end" &&
		[ -s "$scratch/metrics" ] && ! grep -vE "$scratch/metrics" -e \
	'^/[a-z/-]+:[a-z-]+(\{[a-z_]+="[^"]*"(,[a-z_]+="[^"]*")*\})? [0-9]+$'
}

metrics_agree()
{
	equal total "$(metric /memory/classes/total:bytes)" "$(stat Sys)" &&
		equal objects "$(metric /gc/heap/objects:objects)" \
			"$(stat HeapObjects)" &&
		equal allocs "$(metric /gc/heap/allocs:objects)" \
			"$(stat Mallocs)" &&
		equal held "$(metric /class/held:bytes)" "$(stat HeapInuse)" &&
		equal arenas "$(metric /arena/owned:pages)" \
			$(($(stat HeapSys) / gom_page)) &&
		equal limit "$(metric /memory/classes/limit:bytes)" absent
}

# The parts of the whole, as Documentation/debugfs.rst has them.
metrics_add_up()
{
	sum=0
	for part in heap/objects heap/mcache-free heap/mcentral-free \
		heap/span-waste heap/free metadata; do
		sum=$((sum + $(metric /memory/classes/$part:bytes)))
	done
	equal "sum of the parts" $sum "$(metric /memory/classes/total:bytes)"
}

# class_column N: of the rows of classes but the total, summed up.
class_column()
{
	awk -v n="$1" 'NR > 2 && $1 != "total" { sum += $n }
		END { printf "%.0f\n", sum }' "$debugfs/classes"
}

classes_agree()
{
	equal live "$(metric /class/live:objects)" "$(class_column 5)" &&
		equal spans "$(metric /class/spans:spans)" \
			"$(class_column 4)" &&
		equal peak "$(metric /class/peak-held:bytes)" \
			"$(class_column 14)" &&
		[ "$(class_column 14)" -ge "$(stat HeapInuse)" ] &&
		[ "$(class_column 15)" -le "$(class_column 14)" ]
}

# spans_agree: with classes, and of the whole with stats.
spans_agree()
{
	awk '
	NR == FNR {
		if (FNR > 2 && $1 != "total")
			spans[$1] = $4
		next
	}
	FNR > 2 && $2 != "free" {
		seen[$2]++
		if ($6 > $5) {
			print "more are out than there are:", $0
			bad = 1
		}
	}
	END {
		for (class in spans)
			if (spans[class] != seen[class] + 0) {
				print class, seen[class] + 0, spans[class]
				bad = 1
			}
		exit bad
	}' "$debugfs/classes" "$debugfs/spans" &&
		equal bytes "$(awk -v page="$gom_page" 'NR > 2 { n += $4 } END { print n * page }' \
			"$debugfs/spans")" "$(stat HeapSys)"
}

arenas_agree()
{
	awk '
	NR > 2 {
		if ($2 != $3 + $4 || $5 > $4 || length($6) != 64) {
			print
			bad = 1
		}
	}
	END { exit bad }' "$debugfs/arenas" &&
		equal owned "$(awk -v page="$gom_page" 'NR > 2 { n += $2 } END { print n * page }' \
			"$debugfs/arenas")" "$(stat HeapSys)" &&
		equal free "$(awk -v page="$gom_page" 'NR > 2 { n += $4 } END { print n * page }' \
			"$debugfs/arenas")" "$(stat HeapIdle)"
}

# Each row of callsites has all columns, and more are not than were.
callsites_are_plausible()
{
	awk '
	NR > 2 {
		rows++
		if (NF != 7 || $1 !~ /^(exact|sampled)$/ || $2 > $4 ||
		    $3 > $5 || $7 !~ /\+0x[0-9a-f]+\/0x[0-9a-f]+$/) {
			print
			bad = 1
		}
		if (NR > 3 && $2 > last) {
			print "after", last, "bytes:", $0
			bad = 1
		}
		last = $2
	}
	END { exit bad || !rows }' "$debugfs/callsites"
}

# is_heap FILE: pprof's, whole, with samples and their names.
is_heap()
{
	heads '--- symbol heap profile: [0-9]+: [0-9]+ \[[0-9]+: [0-9]+\] @ heap_v2/[0-9]+' "$1" &&
		equal "last line of $1" "$(tail -n 1 "$debugfs/$1")" "# end" &&
		grep -qE '^[0-9]+: [0-9]+ \[[0-9]+: [0-9]+\] @( 0x[0-9a-f]+0)+$' \
			"$debugfs/$1" &&
		grep -qE '^0x[0-9a-f]+0 [a-z_0-9.]+ \[gomalloc_client\]$' \
			"$debugfs/$1"
}

# heads PATTERN FILE: the first line is that.
heads()
{
	head -n 1 "$debugfs/$2" | grep -qxE -e "$1" && return
	head -n 1 "$debugfs/$2"
	return 1
}

# No address of the kernel's, by any name.
shows_no_addresses()
{
	for file in stats classes cpus arenas spans callsites heap peak \
		lifetimes metrics; do
		lacks '(0x)?ffff[0-9a-f]{8,12}' "$debugfs/$file" || return 1
	done
}

# refuses TEXT: with EINVAL, and nothing goes back.
refuses()
{
	released=$(stat HeapReleased)
	if write_text "$debugfs/free_os_memory" "$1"; then
		echo "free_os_memory took '$1'"
		return 1
	fi
	if ! grep -q 'Invalid argument' "$scratch/err"; then
		cat "$scratch/err"
		return 1
	fi
	equal HeapReleased "$(stat HeapReleased)" "$released"
}

refuses_texts()
{
	for text in $bad_words '1 1' '1\n1' '\n' ' 1' '1\n\n' '1\0' '\0'; do
		refuses "$text" || return 1
	done
}

gives_back()
{
	released=$(stat HeapReleased)
	write_text "$debugfs/free_os_memory" "$1" || {
		cat "$scratch/err"
		return 1
	}
	[ "$(stat HeapReleased)" -gt "$released" ]
}

trace=$(find_file boot-6.12.trace) || skip_all "no boot-6.12.trace"
# What is read twice is to be the same, and what one call gives back all there is.
load gomalloc scavenge=0 || ktap_exit_fail_msg "gomalloc does not load"
load gomalloc_client trace="$(readlink -f "$trace")" hold=1 ||
	ktap_exit_fail_msg "the client does not load"

for file in stats classes cpus pools reserves arenas spans callsites lifetimes; do
	result "$file: format and version" has_version $file
done
result "metrics: format and version" has_version metrics \
	'# gomalloc metrics 1'
for file in stats classes cpus pools reserves lifetimes arenas spans callsites \
	heap peak metrics validate; do
	result "$file: root may read" mode_is "$debugfs/$file" 400
done
result "nobody but root may read any" equal files \
	"$(find "$debugfs" -type f -perm /077)" ""
result "classes: columns" columns classes class size pages spans live mcache \
	ready inspans waste% mallocs refills flushes locks peak_held \
	peak_live peak%
result "cpus: columns" columns cpus cpu online mallocs refills flushes \
	objects bytes capacity miss% node budget steals
result "pools: columns" columns pools pool name size out slots rings victims \
	gets hits shared steals revived news fails puts drops bad
result "reserves: columns" columns reserves reserve name size objects held \
	lowest taken kept fails
result "arenas: columns" columns arenas arena owned inuse free run map,
result "spans: columns" columns spans start class size pages objects out node
result "callsites: columns" columns callsites kind live_bytes live total_bytes \
	total module site
result "callsites: rows" callsites_are_plausible
result "lifetimes: columns" columns lifetimes from_ns to_ns samples
for file in heap peak; do
	result "$file: format" is_heap $file
done
result "metrics: grammar" has_grammar
result "metrics: the parts add up" metrics_add_up
result "metrics: agrees with stats" metrics_agree
result "metrics: agrees with classes" classes_agree
result "spans: agrees with classes and stats" spans_agree
result "arenas: agrees with stats" arenas_agree
result "no addresses" shows_no_addresses
rmmod gomalloc_client
# Leaves idle memory behind.
load gomalloc_stress ms=100
rmmod gomalloc_stress
result "free_os_memory refuses what is not 1" refuses_texts
result "free_os_memory takes 1" gives_back '1\n'
rmmod gomalloc
result "the kernel is well" is_taint_free
ktap_finished
