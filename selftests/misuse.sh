#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Is misuse reported, once, with who did it to what? And does all go on
# afterwards?

# shellcheck source=selftests/lib.sh
. ./lib.sh

begin 38 gomalloc_misuse gomalloc_stress

# commit KIND FUNCTION REPORT PATTERN: does it, and finds one report, of kind
# REPORT, that names FUNCTION and describes the object as PATTERN.
commit()
{
	mark_log
	load gomalloc_misuse kind="$1" || return 1
	rmmod gomalloc_misuse
	equal reports "$(count_logged 'BUG: gomalloc: ')" 1 &&
		logged "BUG: gomalloc: $3 in $2+.* \[gomalloc_misuse\]" &&
		logged "gomalloc:   pointer .*$4" &&
		logged "By insmod/[0-9]* on CPU [0-9]"
}

# counted KIND TIMES TOTAL
counted()
{
	equal "$1" "$(stat "$1")" "$2" && equal Misuses "$(stat Misuses)" "$3"
}

total=0

# test_misuse KIND FUNCTION REPORT PATTERN
test_misuse()
{
	before=$(stat "$3")
	total=$((total + 1))
	result "$1: one report that names the caller" commit "$@"
	result "$1: counted" counted "$3" $((before + 1)) $total
	result "$1: validate" is_valid
}

# No object is a sample: those are reported as tracked, without a class.
load gomalloc profile_rate=0 || ktap_exit_fail_msg "gomalloc does not load"
test_misuse double-free double_free double-free 'class [0-9]* (192 bytes)'
test_misuse write-after-free write_after_free write-after-free \
	'class [0-9]* (192 bytes)'
test_misuse free-static free_static foreign-free 'no class'
test_misuse free-page-of-kernel free_page_of_kernel foreign-free 'no class'
test_misuse free-inside free_inside interior-free \
	'class [0-9]* (192 bytes).*offset 16,'
test_misuse double-free-large double_free_large stale-free \
	'no class (idle page)'
test_misuse double-free-tiny double_free_tiny double-free 'class tiny'
test_misuse free-inside-tiny free_inside_tiny interior-free 'class tiny'
test_misuse free-inside-large free_inside_large interior-free \
	'class large, offset 8192,'

# === What only checked objects tell =========================================

parameter=/sys/module/gomalloc/parameters/debug

# silent KIND
silent()
{
	mark_log
	load gomalloc_misuse kind="$1" || return 1
	rmmod gomalloc_misuse
	echo 1 >"$debugfs/free_os_memory"
	equal reports "$(count_logged 'BUG: gomalloc: ')" 0
}

# found KIND REPORT PATTERN FUNCTION: at the latest when the place is used again,
# with who allocated the object, even if its module has gone, and both stacks.
found()
{
	mark_log
	load gomalloc_misuse kind="$1" || return 1
	rmmod gomalloc_misuse
	echo 1 >"$debugfs/free_os_memory"
	equal reports "$(count_logged 'BUG: gomalloc: ')" 1 &&
		logged "BUG: gomalloc: $2$3" &&
		logged "allocated by $4+.* \[gomalloc_misuse\] [0-9]* ms ago" &&
		logged 'do_init_module+'
}

# refused SETTING: and said why, and nothing changed.
refused()
{
	mark_log
	fails sh -c "echo '$1' >$parameter" &&
		equal debug "$(cat $parameter)" "$2" &&
		logged 'gomalloc: debug: want letters'
}

# The log tells of ten in five seconds at most.
sleep 6
result "nothing is checked unasked" equal debug "$(cat $parameter)" ""
result "overrun: not seen" silent overrun
echo ZPU,100,gomalloc_misuse >$parameter
result "settings can be read" equal debug "$(cat $parameter)" \
	ZPU,100,gomalloc_misuse
result "a letter that is none is refused" refused ZX ZPU,100,gomalloc_misuse
result "overrun: told" found overrun overrun " in overrun+" overrun
result "underrun: told" found underrun underrun " in underrun+" \
	underrun
result "late write: told" found late-write write-after-free "," late_write
echo ZPU,8k,nobody >$parameter
result "overrun of others: not seen" silent overrun
echo >$parameter
result "overrun: not seen any more" silent overrun
result "all goes on" load gomalloc_stress ms=200
result "the kernel is well" is_taint_free
ktap_finished
