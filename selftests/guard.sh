#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Is who touches a guarded object's guards told so, with who allocated and who
# freed it? And does it go on?

# shellcheck source=selftests/lib.sh
. ./lib.sh

begin 11 gomalloc_guarded gomalloc_stress
[ "$(uname -m)" = x86_64 ] || skip_all "guards are for x86-64"

# touch KIND: the module does so, and is there afterwards.
touch_guard()
{
	load gomalloc_guarded kind="$1" || return 1
	rmmod gomalloc_guarded
	logged "gomalloc_guarded: went on after $1"
}

# told KIND FUNCTION
told()
{
	equal reports "$(count_logged 'BUG: gomalloc: ')" 1 &&
		logged "BUG: gomalloc: $1 in $2[^ ]*+.* \[gomalloc_guarded\]" &&
		logged "gomalloc: allocated by task [0-9]* on CPU" &&
		logged "find[^ ]*+.* \[gomalloc_guarded\]"
}

# A guard is noticed by the oops that it begins, so the kernel is tainted.
test_guard()
{
	mark_log
	result "$1: goes on" touch_guard "$1"
	result "$1: one report, with its owner" told "$@"
}

load gomalloc profile_rate=1 guard_interval=1 ||
	ktap_exit_fail_msg "gomalloc does not load"
test_guard use-after-free use_after_free
result "use-after-free: and who freed it" logged "use_after_free[^ ]*+.*\[gomalloc_guarded\]"
test_guard overrun overrun
test_guard underrun underrun
result "counted" equal use-after-free "$(stat use-after-free)" 1
result "validate" is_valid
rmmod gomalloc
load gomalloc profile_rate=1 guard_interval=0
result "none without an interval" fails load gomalloc_guarded
result "all goes on" load gomalloc_stress ms=200
ktap_finished
