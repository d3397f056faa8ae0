#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# What comes of gomalloc's objects that code of the kernel frees with kfree()?
# One warning, and they stay what they are.
#
# The kernel is tainted from then on, so no other test should follow. Where
# warnings are deadly it is not for this one.

# shellcheck source=selftests/lib.sh
. ./lib.sh

begin 15 gomalloc_misuse gomalloc_stress
[ "$(cat /proc/sys/kernel/panic_on_warn)" -eq 0 ] ||
	skip_all "the kernel panics where it warns"

# kernel_frees KIND: which the module does, and finds its objects as they were.
kernel_frees()
{
	load gomalloc_misuse kind="$1" || {
		cat "$scratch/insmod"
		return 1
	}
	rmmod gomalloc_misuse
}

# live OBJECTS: so many, and the books balance.
live()
{
	equal HeapObjects "$(stat HeapObjects)" "$1" &&
		equal Misuses "$(stat Misuses)" 0 && is_valid
}

# warned TIMES
warned()
{
	equal warnings "$(count_logged 'WARNING: ')" "$1" &&
		equal "of kfree()" \
			"$(count_logged 'WARNING: .*free_large_kmalloc')" "$1"
}

# is_only_warned: of bad pages, oopses, warnings and lockups.
is_only_warned()
{
	taint=$(cat /proc/sys/kernel/tainted)
	equal "bad bits of /proc/sys/kernel/tainted" \
		$((taint & (32 | 128 | 512 | 16384))) 512
}

# Without samples, which would be listed as tracked.
load gomalloc profile_rate=0 || ktap_exit_fail_msg "gomalloc does not load"
result "freed by the kernel they stay" kernel_frees kernel-free
result "one warning" warned 1
result "they are live still" live 3
result "freed by gomalloc afterwards they go" kernel_frees kernel-free-first
result "no other warning" warned 1
result "and are not live" live 3
result "all goes on" load gomalloc_stress ms=200
rmmod gomalloc_stress
mark_log
result "unloaded" rmmod gomalloc
listed()
{
	logged 'gomalloc: leaked 1 objects of 192 bytes in 1 spans' &&
		logged 'gomalloc: leaked 1 tiny blocks' &&
		logged 'gomalloc: leaked 1 large objects' &&
		logged 'gomalloc: leaked 3 objects in all'
}
result "listed as leaked" listed

# Of a module whose objects are counted.
load gomalloc callsites=gomalloc_misuse
mark_log
result "so do tracked ones" kernel_frees kernel-free
result "told when their module goes" \
	logged 'bytes in 3 objects, .* from kfree_object.* \[gomalloc_misuse\]'
result "they are live still" live 3
rmmod gomalloc

mark_log
load gomalloc profile_rate=0
kernel_frees kernel-free-first
rmmod gomalloc
result "where all were freed as well nothing leaked" \
	logged 'gomalloc: unloaded, nothing leaked'
result "no other warning" warned 0
result "the kernel found no more than that" is_only_warned
ktap_finished
