#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Is what a client leaks told when it goes, by call site, with the right
# figures? Does a scan find what nobody points to, and nothing else? And does
# the file refuse what it does not know?

# shellcheck source=selftests/lib.sh
. ./lib.sh

begin 38 gomalloc_leaky

leaks=$debugfs/leaks

# order TEXT: writes it as it is, without a newline of its own.
order()
{
	printf '%b' "$1" >"$leaks"
}

# field NAME
field()
{
	awk -v name="$1" '$1 == name { print $2 }' "$leaks"
}

# row PATTERN: true if a line of the file has it; else shows the file.
row()
{
	grep -q -e "$1" "$leaks" && return
	head -n 30 "$leaks"
	return 1
}

# refused TEXT: so it is, and the result is what it was.
refused()
{
	grep -v ScanAgeMs "$leaks" >"$scratch/before"
	fails order "$1" && grep -v ScanAgeMs "$leaks" | cmp - "$scratch/before"
}

# set NAME VALUE: a parameter of the loaded gomalloc.
set_parameter()
{
	echo "$2" >"/sys/module/gomalloc/parameters/$1"
}

# finds SUSPECTS: a scan has so many of them.
finds()
{
	order scan && equal Suspects "$(field Suspects)" "$1"
}

unload_leaky()
{
	mark_log
	rmmod gomalloc_leaky
}

is_silent()
{
	fails logged 'did not free'
}

# A block of tiny objects that is open is known; the scavenger would close it.
load gomalloc scavenge=0 || ktap_exit_fail_msg "gomalloc does not load"
result "format and version" equal "first line" "$(head -n 1 "$leaks")" \
	"gomalloc leaks 1"
result "nobody else may read it" equal mode \
	"$(find "$leaks" -perm 600)" "$leaks"

result "nothing is suspect in an empty heap" finds 0
for bad in 'scan ' ' scan' scanner 'scan\n\n' 'scan\nclear' module 'module ' \
	'module a b' 'module a-b' SCAN 'clear\000' '\n'; do
	result "refused: '$bad'" refused "$bad"
done
result "a newline may follow" order 'module none\n'
result "an unknown module has nothing" equal Module "$(field Module)" none
result "cleared" order clear
result "and gone" row 'write to this file'

# What is not tracked: 12 blocks of tiny objects are full, one is open.
set_parameter profile_rate 0
load gomalloc_leaky lost=5 tiny_lost=64 large_lost=1 forgotten=3
result "a scan finds the lost ones and no others" finds 18
result "by class" row '^ *960 *5 *[0-9]* *- *- -$'
result "tiny ones by the block" row '^ *192 *12 *tiny *- *- -$'
result "large ones" row '^ *106496 *1 *large *- *- -$'
unload_leaky
result "nothing is known of untracked objects" is_silent
result "what the module kept is lost with it" finds 21
result "validate" is_valid

# What is counted.
set_parameter callsites gomalloc_leaky
load gomalloc_leaky lost=5 forgotten=3
result "a scan finds tracked ones as well" finds 26
result "and names their call site" \
	row '^ *960 *5 *[0-9]* *[0-9]* *[0-9]* lose+.* \[gomalloc_leaky\]'
order 'module gomalloc_leaky'
result "what a module holds" row '^ *exact *3072 *3 .* forget+'
result "by name, even if the code has gone" lacks ' 0x' "$leaks"
result "init's own as well" row '^ *exact *2400 *100 .*init.*\[gomalloc_leaky\]'
unload_leaky
told_at_rmmod()
{
	logged '960 bytes in 5 objects, .* from lose+.* \[gomalloc_leaky\]' &&
		logged '3072 bytes in 3 objects, .* from forget+' &&
		equal "lines of call sites" \
			"$(count_logged 'ms old, from')" 2 &&
		fails logged estimated
}
result "told when it goes" told_at_rmmod

load gomalloc_leaky
unload_leaky
result "silence if it leaks nothing" is_silent
only_what_is_held()
{
	awk '
	$6 == "gomalloc_leaky" {
		rows++
		if (!$2) {
			print
			bad = 1
		}
	}
	END { exit bad || !rows }' "$debugfs/callsites"
}
result "callsites has of it what it leaked before" only_what_is_held

# What is sampled, every object here.
set_parameter callsites ''
set_parameter profile_rate 1
load gomalloc_leaky lost=5
unload_leaky
estimated()
{
	logged 'about 960 bytes in 5 objects, .* from lose+' &&
		logged 'callsites=gomalloc_leaky'
}
result "estimated from samples, and says so" estimated

# One that is longer than what is read at once.
set_parameter profile_rate 0
load gomalloc_leaky lost=200
order scan
exec 3<"$leaks"
cat "$leaks" >"$scratch/whole"
dd bs=64 count=1 of="$scratch/begun" <&3 2>/dev/null
order clear
cat <&3 >>"$scratch/begun"
exec 3<&-
# Ages aside, which are those of when a line is read.
one_result()
{
	for file in whole begun; do
		awk '$1 != "ScanAgeMs" { print $1, $2, $3, NF }' \
			"$scratch/$file" >"$scratch/$file.same"
	done
	[ "$(wc -c <"$scratch/whole")" -gt 4096 ] &&
		cmp "$scratch/whole.same" "$scratch/begun.same"
}
result "who reads a result goes on with it" one_result
result "and then has the next" row 'write to this file'
unload_leaky
rmmod gomalloc
result "the kernel is well" is_taint_free
ktap_finished
