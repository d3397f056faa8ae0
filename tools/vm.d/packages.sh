# SPDX-License-Identifier: GPL-2.0
#
# Which Debian package brings which command, and how the missing ones get
# here. tools/vm's commands call need() with what they are about to use.
# shellcheck shell=sh disable=SC2034,SC2154 # parts share variables

# package_of THING: a command, a header, or a Perl module.
package_of()
{
	case $1 in
	gcc-12) echo gcc-12 ;;
	aarch64-linux-gnu-gcc-12) echo gcc-12-aarch64-linux-gnu ;;
	s390x-linux-gnu-gcc-12) echo gcc-12-s390x-linux-gnu ;;
	gcov-12) echo gcc-12 ;;
	qemu-system-x86_64) echo qemu-system-x86 ;;
	qemu-system-aarch64) echo qemu-system-arm ;;
	qemu-system-s390x) echo qemu-system-misc ;;
	xz) echo xz-utils ;;
	mkfs.ext4) echo e2fsprogs ;;
	gnuplot) echo gnuplot-nox ;;
	mksquashfs) echo squashfs-tools ;;
	/usr/include/stdio.h) echo libc6-dev ;;
	/usr/include/gelf.h) echo libelf-dev ;;
	/usr/include/openssl/opensslv.h) echo libssl-dev ;;
	Term::ANSIColor) echo perl ;;
	*) echo "$1" ;;
	esac
}

have()
{
	case $1 in
	/*) [ -e "$1" ] ;;
	*::*) perl "-M$1" -e 1 2>/dev/null ;;
	*) PATH=$PATH:/usr/sbin:/sbin command -v "$1" >/dev/null ;;
	esac
}

# need THING...: installs what is missing, as root; else says how to.
# shellcheck disable=SC2086 # package names are words
need()
{
	missing=
	for thing; do
		have "$thing" || missing="$missing $(package_of "$thing")"
	done
	[ "$missing" ] || return 0
	install="apt-get install -y --no-install-recommends$missing"
	if [ "$(id -u)" -ne 0 ]; then
		die "please run this as root first: $install"
	fi
	command -v apt-get >/dev/null ||
		die "this needs$missing; the names are Debian's packages"
	say "installing$missing"
	new_log apt
	apt_install $missing || {
		# The lists may be empty or old.
		follow "package lists" last_line apt-get update
		apt_install $missing
	} || {
		tail -n 5 "$log" >&2
		die "could not install$missing: see $(shown "$log")"
	}
	for thing; do
		have "$thing" || die "$thing is still missing after $install"
	done
}

apt_install()
{
	follow installing last_line env DEBIAN_FRONTEND=noninteractive \
		apt-get install -y --no-install-recommends "$@"
}

need_demo()
{
	need make gcc-12 qemu-system-x86_64
}

# need_machine ARCHITECTURE: to build for it and to run what was built. For i386
# what is here for amd64 will do.
need_machine()
{
	case $1 in
	arm64) need aarch64-linux-gnu-gcc-12 qemu-system-aarch64 ;;
	s390x) need s390x-linux-gnu-gcc-12 qemu-system-s390x ;;
	esac
}

# To configure and build kernels.
need_build()
{
	need make gcc-12 xz bc bison flex perl \
		/usr/include/stdio.h /usr/include/gelf.h
}

# For what modules are built with that must suit a Debian kernel which signs its
# modules and describes their types.
need_prepare()
{
	need_build
	need pahole python3 /usr/include/openssl/opensslv.h
}

# For lint, and to build the kernel that runs the KUnit suites.
need_test()
{
	need_build
	need sparse python3 Term::ANSIColor
}

# For the tests of the tools.
need_tools()
{
	need python3 gnuplot
}

# For bench's charts.
need_bench()
{
	need_build
	need python3 gnuplot
}
