#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Does gomalloc bear that memory cannot be had: at each call as it is loaded,
# where its files are read and written, and for its clients? Do the settings in
# gomalloc/fail say which calls fail? The KUnit suite gomalloc_fault has the
# sites that are neither the load's nor a file's.

# shellcheck source=selftests/lib.sh
. ./lib.sh

if ! [ -e /proc/self/make-it-fail ]; then
	ktap_print_header
	skip_all "the kernel has no CONFIG_FAULT_INJECTION"
fi
begin 21 gomalloc_sampled gomalloc_stress

fail=$debugfs/fail

# set_fail FILE TEXT
set_fail()
{
	write_text "$fail/$1" "$2\n" || {
		cat "$scratch/err"
		return 1
	}
}

# sites WHEN: the names of those that are called then.
sites()
{
	awk -v when="$1" '$3 == when { print $4 }' "$fail/sites"
}

# count COLUMN SITE
count()
{
	awk -v column="$1" -v site="$2" '$4 == site { print $column }' \
		"$fail/sites"
}

# === As the module is loaded =================================================

# load_failing N: the N-th call fails, if there are so many.
load_failing()
{
	mark_log
	load gomalloc "fail=$1,100,0,1"
	loaded=$?
	# Where insmod fails, busybox tries the older system call as well.
	failed=$(log | sed -n 's/.*gomalloc: \([a-z-]*\) fails on purpose.*/\1/p' |
		head -n 1)
	[ $loaded -ne 0 ] || rmmod gomalloc
}

# each_call: one fails after the other; what cannot do without refuses to load.
each_call()
{
	: >"$scratch/failed"
	n=1
	while [ $n -lt 100 ]; do
		load_failing $n
		[ "$failed" ] || break
		echo "$failed $loaded" >>"$scratch/failed"
		if is_loaded gomalloc; then
			echo "still loaded after $failed"
			return 1
		fi
		n=$((n + 1))
	done
	cat "$scratch/failed"
	equal "loaded where nothing failed" $loaded 0 && [ $n -gt 15 ]
}

# every_load_site: each was among them.
every_load_site()
{
	for site in $(sites load); do
		grep -q "^$site " "$scratch/failed" || {
			echo "$site never failed"
			return 1
		}
	done
}

# refused: without it the module does not load, but for those two.
refused()
{
	while read -r site loaded; do
		case " directory marks-cache " in
		*" $site "*) wanted=0 ;;
		*) wanted=1 ;;
		esac
		[ $((loaded != 0)) -eq $wanted ] || {
			echo "$site: insmod's status $loaded"
			return 1
		}
	done <"$scratch/failed"
}

bad_parameters()
{
	for text in '' 1 1,2,3 x,y,z,0 1,101,0,1; do
		mark_log
		fails load gomalloc "fail=$text" &&
			logged 'gomalloc: fail: want interval' || return 1
	done
}

# === Settings ================================================================

modes()
{
	for file in probability interval times space task-filter \
		ignore-gfp-wait verbose only; do
		mode_is "$fail/$file" 600 || return 1
	done
	mode_is "$fail/sites" 400
}

# As failslab's are, and armed by nothing.
defaults()
{
	equal probability "$(cat $fail/probability)" 0 &&
		equal interval "$(cat $fail/interval)" 1 &&
		equal times "$(cat $fail/times)" 1 &&
		equal space "$(cat $fail/space)" 0 &&
		equal task-filter "$(cat $fail/task-filter)" N &&
		equal ignore-gfp-wait "$(cat $fail/ignore-gfp-wait)" Y &&
		equal only "$(cat $fail/only)" all
}

bad_settings()
{
	for word in 101 -1 many; do
		fails write_text "$fail/probability" "$word\n" || return 1
	done
	for word in '' lots 'request ' 'all\nall'; do
		fails write_text "$fail/only" "$word\n" || return 1
	done
	equal probability "$(cat $fail/probability)" 0 &&
		equal only "$(cat $fail/only)" all
}

# fail_at SITE: each call there, silently.
fail_at()
{
	set_fail verbose 0 && set_fail times -1 &&
		set_fail ignore-gfp-wait N && set_fail only "$1" &&
		set_fail probability 100
}

fail_nowhere()
{
	set_fail probability 0 && set_fail only all
}

# === Files ===================================================================

# file_fails SITE COMMAND...: while it does, and not before and after.
file_fails()
{
	site=$1
	shift
	before=$(count 2 "$site")
	"$@" || return 1
	fail_at "$site"
	"$@"
	status=$?
	fail_nowhere
	[ $status -ne 0 ] || {
		echo "$* succeeded without $site"
		return 1
	}
	equal "$site failed" $(($(count 2 "$site") > before)) 1 && "$@"
}

read_file()
{
	cat "$debugfs/$1" >/dev/null 2>"$scratch/err"
}

write_file()
{
	write_text "$debugfs/$1" "$2\n"
}

every_file_site()
{
	for site in $(sites file); do
		[ "$(count 2 "$site")" -gt 0 ] || {
			echo "$site never failed"
			return 1
		}
	done
}

# What it answers is no error: it could not be checked.
validate_fails()
{
	fail_at tally
	verdict=$(sed -n 2p "$debugfs/validate")
	fail_nowhere
	equal "$debugfs/validate" "$verdict" "no memory to check"
}

# === Clients =================================================================

# stress: all contexts on all CPUs, of whose calls one in twenty fails.
stress()
{
	before=$(count 2 request)
	set_fail verbose 0 && set_fail times -1 && set_fail only all &&
		set_fail ignore-gfp-wait N && set_fail probability 5 || return 1
	load gomalloc_stress ms=2000
	status=$?
	set_fail probability 0
	awk '$2 > 0' "$fail/sites"
	equal "insmod's status" $status 0 && is_valid &&
		[ "$(count 2 request)" -gt "$before" ] &&
		rmmod gomalloc_stress
}

# unharmed: who is not to fail does not, though all the others would.
unharmed()
{
	before=$(count 2 request)
	set_fail task-filter Y && set_fail probability 100 || return 1
	load gomalloc_sampled count=1000
	status=$?
	set_fail probability 0
	set_fail task-filter N
	rmmod gomalloc_sampled
	equal "insmod's status" $status 0 &&
		equal "requests failed" "$(count 2 request)" "$before"
}

result "each call as the module is loaded" each_call
result "those that it cannot do without refuse" refused
load gomalloc profile_rate=1 || ktap_exit_fail_msg "gomalloc does not load"
result "every site of the load was among them" every_load_site
rmmod gomalloc
result "bad parameters" bad_parameters
load gomalloc profile_rate=1 || ktap_exit_fail_msg "gomalloc does not load"
result "modes of the files" modes
result "settings to begin with" defaults
result "bad settings are refused" bad_settings
load gomalloc_sampled count=100
result "callsites" file_fails callsites read_file callsites
result "the file callsites" file_fails callsites-file read_file callsites
result "leaks" file_fails leaks write_file leaks scan
result "the file leaks" file_fails leaks-file read_file leaks
result "a scan" file_fails scan write_file leaks scan
result "what a module holds" file_fails held write_file leaks \
	"module gomalloc_sampled"
result "limits" file_fails limit-text write_file memory_max none
result "validate" validate_fails
result "every site of files failed" every_file_site
rmmod gomalloc_sampled
result "all contexts while one call in twenty fails" stress
result "others than the filter's tasks" unharmed
result "no misuse was seen" equal Misuses "$(stat Misuses)" 0
mark_log
rmmod gomalloc
result "nothing leaked" logged 'gomalloc: unloaded, nothing leaked'
result "the kernel is well" is_taint_free
ktap_finished
