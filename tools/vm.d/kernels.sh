# SPDX-License-Identifier: GPL-2.0
#
# The kernels that guests run: Debian's own, and those built from Debian's
# source for KUnit and as User-Mode Linux. Each ensure_*() leaves one in the
# cache, and does nothing if it is there already. lib.sh says how the cache is
# laid out.
#
# To run a guest, modules.sh and guest.sh ask for a kernel by the name of its
# place in the cache, stock-6.12, kunit-6.12 or uml-7.x, through:
#
#	kernel_image NAME	what QEMU boots, or the program that UML is
#	kernel_dir NAME		what modules are built against
#	kernel_arch NAME	for which machine, as Debian calls it
# shellcheck shell=sh disable=SC2034,SC2154 # parts share variables

# === Debian's kernels =======================================================

# Those that all is for, and those that only tests are run on: with PREEMPT_RT,
# of other machines, with larger pages, 32 bits, or the other end first.
stock_kernels="6.1 6.12 7.x"
stock_extra="6.12-rt 6.12-arm64 6.12-arm64-16k 6.1-686 6.1-s390x"

# is_extra KERNEL: it is one of $stock_extra.
is_extra()
{
	case " $stock_extra " in
	*" $1 "*) ;;
	*) return 1 ;;
	esac
}

# stock_suffix KERNEL: linux-image-SUFFIX is always Debian's newest of these,
# in the suite that stock_suite names.
stock_suffix()
{
	case $1 in
	6.1 | 7.x) echo cloud-amd64 ;;
	6.12) echo 6.12-cloud-amd64 ;;
	6.12-rt) echo 6.12-rt-amd64 ;;
	6.12-arm64 | 6.12-arm64-16k) echo "$1" ;;
	6.1-686) echo 686-pae ;;
	6.1-s390x) echo s390x ;;
	esac
}

stock_arch()
{
	case $1 in
	*-arm64*) echo arm64 ;;
	*-686) echo i386 ;;
	*-s390x) echo s390x ;;
	*) echo amd64 ;;
	esac
}

stock_suite()
{
	case $1 in
	7.*) echo trixie-backports ;;
	*) echo bookworm ;;
	esac
}

stock_release()
{
	cat "$cache/stock-$1/current/release"
}

ensure_stock()
{
	need_machine "$(stock_arch "$1")"
	ensure "stock-$1" fetch_stock "$1"
	ensure_busybox "$(stock_arch "$1")"
}

# find_stock KERNEL: which it is now: $image, $headers, $release and $version.
find_stock()
{
	apt_from "$(stock_suite "$1")" "$(stock_arch "$1")"
	apt_ready
	suffix=$(stock_suffix "$1")
	image=$(depends_on "linux-image-$suffix" 'linux-image-[^ ]*')
	headers=$(depends_on "linux-headers-$suffix" 'linux-headers-[^ ]*')
	[ "${image:+$headers}" ] || mirror_failed "Linux $1"
	release=${image#linux-image-}
	version=$(version_of "$image")
}

fetch_stock()
{
	case $1 in
	7.*)
		need_prepare
		fetch_source "$1"
		;;
	esac
	find_stock "$1"
	new_entry "stock-$1" "$version" 900 || return 0
	case $1 in
	7.*)
		unpack "$entry" "$headers" \
			"$(depends_on "$image" 'linux-binary-[^ ]*')"
		mkdir "$entry/boot"
		mv "$entry/usr/lib/modules/$release/vmlinuz" \
			"$entry/boot/vmlinuz-$release"
		prepare_headers "$1"
		;;
	*)
		kbuild=$(depends_on "$headers" 'linux-kbuild-[^ ]*')
		unpack "$entry" "$image" "$headers" "$(
			depends_on "$headers" 'linux-headers-[^ ]*-common[^ ]*')"
		# Of programs for this machine, whatever the modules are for.
		apt_from "$(stock_suite "$1")"
		apt_ready
		unpack "$entry" "$kbuild"
		! is_extra "$1" || rm -r "$entry/lib/modules"
		# The one absolute path in there. The entry is about to move.
		sed -i 's,/usr/src/,'"${entry%.part}"'/usr/src/,' \
			"$entry/usr/src/$headers/Makefile"
		# Without a vmlinux kbuild asks for no pahole.
		rm -f "$entry/usr/src/$headers/vmlinux"
		;;
	esac
	echo "$release" >"$entry/release"
	keep "stock-$1" "$version"
}

# prepare_headers KERNEL: what modules are built against, where Debian's headers
# cannot be used: theirs come with programs for a C library and options for a
# compiler that Debian 12 does not have. Their configuration is good, and so is
# the source. Whether a type came out another way shows in asm-offsets.h.
prepare_headers()
{
	theirs=$entry/usr/src/$headers
	into=$entry/build
	source=$cache/source-$1/$version
	mkdir "$into"
	cp "$theirs/.config" "$theirs/Module.symvers" "$into/"
	new_log headers
	say "preparing to build modules for Linux $release"
	kernel_make "KERNELRELEASE=$release" olddefconfig modules_prepare ||
		kernel_failed
	lost=$(grep '^CONFIG_' "$theirs/.config" | grep -vxFf "$into/.config" |
		grep -vE '^CONFIG_(CC|GCC|AS|LD|PAHOLE|OPENSSL|BINDGEN)_' |
		grep -vE '^CONFIG_[A-Z_]*RUST')
	[ -z "$lost" ] ||
		die "Linux $1 cannot be configured here as Debian did:" \
			"$(echo "$lost" | tr '\n' ' ')"
	cmp -s "$theirs/include/generated/asm-offsets.h" \
		"$into/include/generated/asm-offsets.h" ||
		die "Linux $1 gets other types with this compiler than Debian's"
	rm -r "${entry:?}/usr"
	moving "$into"
}

# moving DIR: what was built there is about to lose the .part of its path.
moving()
{
	sed -i 's,\(KBUILD_OUTPUT = .*\)\.part,\1,' "$1/Makefile"
}

# === Their source ===========================================================

source_dir()
{
	readlink -f "$cache/source-$1/current"
}

ensure_source()
{
	ensure "source-$1" fetch_source "$1"
}

fetch_source()
{
	# 7.x is whichever of these the image is of; there are older ones too.
	case $1 in
	7.*)
		find_stock "$1"
		package=linux-source-$(echo "$release" | cut -d . -f 1,2)
		package=$package=$version
		;;
	*)
		apt_from "$(stock_suite "$1")"
		apt_ready
		package=linux-source-$1
		version=$(version_of "$package")
		;;
	esac
	[ "$version" ] || mirror_failed "$package"
	new_entry "source-$1" "$version" 2600 || return 0
	need xz
	unpack "$entry" "$package"
	say "unpacking it"
	new_log unpack
	tarball=$(echo "$entry"/usr/src/linux-source-*.tar.xz)
	follow unpacking elapsed tar --strip-components=1 -C "$entry" \
		-xJf "$tarball" ||
		die "cannot unpack the source: see $(shown "$log")"
	rm "$tarball"
	keep "source-$1" "$version"
}

# === Kernels built here =====================================================
#
# Of tinyconfig and tools/KIND.config: kunit is a machine's kernel with all
# checks, uml a program that runs modules at the speed of the machine it is on.

# built_entry KIND KERNEL: named after what it is built from. Not by "current",
# for two trees may differ in that.
built_entry()
{
	hash=$(sha256sum <"$top/tools/$1.config" | cut -c 1-12)
	echo "$(basename "$(source_dir "$2")")-$hash"
}

# built_dir KIND KERNEL: gcov is kunit's kernel with modules of its own.
built_dir()
{
	place=$1
	[ "$1" != gcov ] || place=kunit
	echo "$cache/$place-$2/$(built_entry "$place" "$2")"
}

have_built()
{
	[ -d "$cache/source-$2/current/" ] && [ -d "$(built_dir "$1" "$2")" ]
}

ensure_built()
{
	ensure_source "$2"
	have_built "$1" "$2" ||
		locked "$cache/lock" build_kernel "$1" "$2" \
			"$(built_entry "$1" "$2")"
}

build_kernel()
{
	! have_built "$1" "$2" || return 0
	need_build
	need_space "$cache" 800
	# Not removed first: an interrupted build goes on where it stopped.
	into=$cache/$1-$2/$3.part
	source=$(source_dir "$2")
	mkdir -p "$into"
	new_log "kernel-$1"
	case $1 in
	kunit)
		targets="bzImage modules"
		say "building Linux $2 for KUnit: about 1200 objects," \
			"some 8 minutes on two CPUs"
		;;
	uml)
		targets="ARCH=um linux modules"
		say "building Linux $2 as a program: about 530 objects," \
			"some 3 minutes on two CPUs"
		;;
	esac
	configure_kernel "$1" || kernel_failed
	lost=$(grep -E '^(# )?CONFIG_' "$top/tools/$1.config" |
		grep -vxFf "$into/.config")
	[ -z "$lost" ] ||
		die "Linux $2 did not take this of $1.config: $lost"
	# shellcheck disable=SC2086 # words
	kernel_make $targets || kernel_failed
	rm -f "$into"/vmlinux.o "$into"/.tmp_vmlinux*
	moving "$into"
	keep "$1-$2" "$3"
}

configure_kernel()
{
	arch=
	[ "$1" != uml ] || arch=ARCH=um
	# shellcheck disable=SC2086 # none or one word
	kernel_make $arch tinyconfig &&
		"$source/scripts/kconfig/merge_config.sh" -m -O "$into" \
			"$into/.config" "$top/tools/$1.config" >>"$log" &&
		kernel_make $arch olddefconfig
}

kernel_make()
{
	follow building objects nice make -C "$source" O="$into" -j "$jobs" \
		CC=gcc-12 HOSTCC=gcc-12 "$@"
}

objects()
{
	printf '%d objects, %d s' "$(grep -cE '^  (CC|AS) ' "$log")" "$seconds"
}

kernel_failed()
{
	grep -E 'rror|No such' "$log" | tail -n 5 >&2
	die "the kernel did not build: see $(shown "$log")"
}

# === Any kernel =============================================================

kernel_image()
{
	case $1 in
	stock-*) echo "$cache/$1"/current/boot/vmlinuz-* ;;
	kunit-* | gcov-*)
		echo "$(built_dir kunit "${1#*-}")/arch/x86/boot/bzImage"
		;;
	uml-*) echo "$(built_dir uml "${1#*-}")/linux" ;;
	esac
}

kernel_dir()
{
	case $1 in
	stock-7.*) readlink -f "$cache/$1/current/build" ;;
	stock-*)
		readlink -f "$cache/$1/current/usr/src/linux-headers-$(
			cat "$cache/$1/current/release")"
		;;
	*) built_dir "${1%%-*}" "${1#*-}" ;;
	esac
}

kernel_arch()
{
	case $1 in
	stock-*) stock_arch "${1#stock-}" ;;
	*) echo amd64 ;;
	esac
}

# === busybox ================================================================

# busybox_name ARCHITECTURE: its place in the cache.
busybox_name()
{
	case $1 in
	amd64) echo busybox ;;
	*) echo "busybox-$1" ;;
	esac
}

# ensure_busybox [ARCHITECTURE]: the one of this machine, and another's.
ensure_busybox()
{
	for arch in amd64 "${1:-amd64}"; do
		ensure "$(busybox_name "$arch")" fetch_busybox "$arch"
	done
}

fetch_busybox()
{
	apt_from bookworm "$1"
	apt_ready
	version=$(version_of busybox-static)
	[ "$version" ] || mirror_failed "busybox-static for $1"
	new_entry "$(busybox_name "$1")" "$version" 10 || return 0
	unpack "$entry" busybox-static
	keep "$(busybox_name "$1")" "$version"
}

busybox()
{
	"$cache/busybox/current/bin/busybox" "$@"
}
