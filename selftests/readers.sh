#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Can every file be read again and again while every context of every CPU
# allocates and frees, and somebody scans for leaks? And what does reading cost
# who allocates? That is shown and not judged: READERS_TURNS=40 makes a figure
# of it.

# shellcheck source=selftests/lib.sh
. ./lib.sh

begin 9 gomalloc_stress

# files: those that may be read without stopping anybody.
files()
{
	find "$debugfs" -type f | while read -r file; do
		case $file in
		*/validate) continue ;;
		esac
		case $(command stat -c %a "$file") in
		[4-7]*) echo "$file" ;;
		esac
	done
}

# nameless FILE: addresses of a heap's samples that its map does not have.
nameless()
{
	awk '/^[0-9a-f]+-[0-9a-f]+ \[/ {
			sub(/.*-/, "", $1)
			named["0x" substr($1, 1, length($1) - 1) "0"] = 1
		}
		/^---$/ { names_end = 1 }
		names_end && / @ 0x/ {
			for (i = 6; i <= NF; i++)
				if (!($i in named))
					print "heap has a sample at", $i,
						"and no name for it"
		}' "$1"
}

# read_all: until $scratch/stop exists, each file, whole and by small pieces.
read_all()
{
	while ! [ -e "$scratch/stop" ]; do
		for file in $(files); do
			cat "$file" >"$scratch/text.$1" ||
				echo "$file cannot be read" >>"$scratch/bad"
			[ -s "$scratch/text.$1" ] ||
				echo "$file is empty" >>"$scratch/bad"
		done
		cat "$debugfs/heap" >"$scratch/text.$1"
		nameless "$scratch/text.$1" >>"$scratch/bad"
		dd if="$debugfs/spans" bs=64 >/dev/null 2>&1 ||
			echo "spans cannot be read by pieces" >>"$scratch/bad"
		echo >>"$scratch/rounds"
	done
}

# scan_all: for leaks, likewise; what it finds is another test's business.
scan_all()
{
	while ! [ -e "$scratch/stop" ]; do
		echo scan >"$debugfs/leaks" ||
			echo "a scan fails" >>"$scratch/bad"
		echo >>"$scratch/scans"
	done
}

no_complaints()
{
	sort "$scratch/bad" | uniq -c
	! [ -s "$scratch/bad" ]
}

stress()
{
	mark_log
	load gomalloc_stress "$@"
	status=$?
	log | grep gomalloc_stress
	! is_loaded gomalloc_stress || rmmod gomalloc_stress
	return $status
}

# ops: what CPU 0 does in 300 ms beside CPU 1, which runs the command again and
# again.
ops()
{
	rm -f "$scratch/stop"
	taskset 2 sh -c "while ! [ -e $scratch/stop ]; do $*; done" \
		>/dev/null 2>&1 &
	load gomalloc_stress only=0 ms=300
	log | sed -n 's/.* \([0-9]*\) objects allocated and freed.*/\1/p' |
		tail -n 1
	rmmod gomalloc_stress
	: >"$scratch/stop"
	wait
}

# turns N: N pairs of figures, with CPU 1 reading gomalloc's files and others.
turns()
{
	ours=$(files | tr '\n' ' ')
	for _ in $(seq "$1"); do
		echo "$(ops "cat $ours") $(ops \
			"cat /proc/meminfo /proc/vmstat /proc/zoneinfo /proc/kallsyms")"
	done
}

show_cost()
{
	turns "${READERS_TURNS:-3}" >"$scratch/turns"
	awk 'NF != 2 || $2 == 0 { exit 1 } { print $1 / $2 }' \
		"$scratch/turns" >"$scratch/ratios" || return 1
	sort -n "$scratch/ratios" | awk '
		{ ratio[NR] = $1 }
		END {
			printf "# beside a reader of all files, of the operations "
			printf "beside another: median %.3f, quarters %.3f to %.3f, ",
				ratio[int((NR + 1) / 2)],
				ratio[int((NR + 3) / 4)],
				ratio[int((3 * NR + 3) / 4)]
			print NR, "turns"
		}' >>"$scratch/cost"
}

load gomalloc profile_rate=65536 ||
	ktap_exit_fail_msg "gomalloc does not load"
: >"$scratch/bad"
read_all 1 &
read_all 2 &
scan_all &
result "all CPUs allocate" stress ms=5000
: >"$scratch/stop"
wait
result "every file could be read" no_complaints
echo 524288 >/sys/module/gomalloc/parameters/profile_rate
result "more than once" [ "$(wc -l <"$scratch/rounds")" -gt 1 ]
result "and scanned for leaks" [ "$(wc -l <"$scratch/scans")" -gt 1 ]
result "no misuse was seen" equal Misuses "$(stat Misuses)" 0
result "validate" is_valid
if [ "$(nproc)" -gt 1 ]; then
	result "what it costs" show_cost
	cat "$scratch/cost"
else
	ktap_test_skip "what it costs: for two CPUs"
fi
rmmod gomalloc
result "nothing leaked" logged 'gomalloc: unloaded, nothing leaked'
result "the kernel is well" is_taint_free
ktap_finished
