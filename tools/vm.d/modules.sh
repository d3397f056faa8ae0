# SPDX-License-Identifier: GPL-2.0
#
# Builds the modules, out of a tree of symbolic links for each kernel, so that
# several kernels do not meet in one source tree. tools/vm's commands, guest.sh
# and lint.sh call it.
# shellcheck shell=sh disable=SC2034,SC2154 # parts share variables

# module_dir KERNEL: where its modules are built.
module_dir()
{
	echo "$build/$1"
}

# link_sources DIR: DIR mirrors the sources of the modules.
link_sources()
{
	mkdir -p "$1"
	(
		cd "$top" || exit
		find Kbuild kmod include selftests/modules -type d 2>/dev/null |
			sed "s,^,$1/," | xargs mkdir -p
		find Kbuild kmod include selftests/modules -type f \
			\( -name '*.[chS]' -o -name Kbuild -o -name Makefile \) \
			! -name '*.mod.c' 2>/dev/null
	) | while read -r file; do
		ln -sf "$top/$file" "$1/$file"
	done
	# What is gone from the tree, and the objects made of it.
	find "$1" -xtype l -name '*.[chS]' | while read -r gone; do
		rm -f "$gone" "${gone%.?}.o"
	done
}

# cross_prefix KERNEL: what the names of the tools for its machine begin with,
# where this machine's will not do.
cross_prefix()
{
	case $(kernel_arch "$1") in
	arm64) echo aarch64-linux-gnu- ;;
	s390x) echo s390x-linux-gnu- ;;
	esac
}

# kbuild KERNEL DIR ARGUMENT...: the kernel's own build system, over DIR.
kbuild()
{
	dir=$2
	against=$(kernel_dir "$1")
	compiler=
	cross=$(cross_prefix "$1")
	[ -z "$cross" ] || compiler="CROSS_COMPILE=$cross CC=${cross}gcc-12"
	# Debian's own headers name theirs, where it is this machine's.
	case $1 in
	kunit-* | stock-7.*) compiler=CC=gcc-12 ;;
	gcov-*) compiler="CC=gcc-12 GOMALLOC_GCOV=y" ;;
	uml-*) compiler="ARCH=um CC=gcc-12" ;;
	esac
	shift 2
	# shellcheck disable=SC2086 # none, one or two words
	make -C "$against" M="$dir" -j "$jobs" $compiler "$@" 2>&1
}

# build_modules KERNEL: false, and says why, if they do not build.
build_modules()
{
	locked "$(module_dir "$1")/lock" build_modules_alone "$1"
}

build_modules_alone()
{
	link_sources "$(module_dir "$1")"
	new_log "build-$1"
	kbuild "$1" "$(module_dir "$1")" modules >"$log" || {
		grep -E 'error|warning|Error' "$log" |
			sed "s,$build/[^/]*/,,g" | head -n 12 | cut -c 1-120 >&2
		failure="the modules did not build: see $(shown "$log")"
		return 1
	}
}

# built_modules KERNEL: the modules, in the order to load them.
built_modules()
{
	dir=$(module_dir "$1")
	sed 's,\.o$,.ko,' "$dir/modules.order" 2>/dev/null |
		while read -r module; do
			case $module in
			/*) echo "$module" ;;
			*) echo "$dir/$module" ;;
			esac
		done
}
