# SPDX-License-Identifier: GPL-2.0
#
# What the guest's scripts share. They source it; it is no mode of its own.
# shellcheck shell=sh

heading()
{
	printf '\n-- %s\n' "$*"
}

fail()
{
	echo "guest: $*"
	echo "guest: $*" >/dev/kmsg
	exit 1
}

# kernel_log: what the kernel has said since the last call.
kernel_log()
{
	dmesg -c | sed 's/^\[ *[0-9.]*\] //' | grep 'gomalloc'
}

# hand_over DIR: to the host, all that is in DIR.
hand_over()
{
	stty -F /dev/ttyS2 raw -echo
	tar -C "$1" -cz . >/dev/ttyS2 || fail "the host took no files"
}

# no_splat: fails if the kernel found something wrong with itself.
no_splat()
{
	taint=$(cat /proc/sys/kernel/tainted)
	# 128 is an oops, 512 a warning, 16384 a soft lockup.
	[ $((taint & (128 | 512 | 16384))) -eq 0 ] ||
		fail "the kernel is tainted: $taint"
}
