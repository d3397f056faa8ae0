# SPDX-License-Identifier: GPL-2.0
#
# The kernels that guests run: Debian's own, and those built from Debian's
# source for KUnit. Each ensure_*() leaves one in the cache, and does nothing
# if it is there already. See lib.sh for how the cache is laid out.
#
# To run a guest, modules.sh and guest.sh ask for a kernel by the name of its
# place in the cache, stock-6.12 or kunit-6.12, through:
#
#	kernel_image NAME	what QEMU boots
#	kernel_dir NAME		what modules are built against
# shellcheck shell=sh disable=SC2034,SC2154 # parts share variables

# === Debian's kernels =======================================================

is_stock()
{
	stock_suffix "$1" >/dev/null
}

# stock_suffix KERNEL: linux-image-SUFFIX is always Debian's newest of these.
stock_suffix()
{
	case $1 in
	6.1) echo cloud-amd64 ;;
	6.12) echo 6.12-cloud-amd64 ;;
	*) return 1 ;;
	esac
}

stock_release()
{
	cat "$cache/stock-$1/current/release"
}

ensure_stock()
{
	cached "stock-$1" || locked "$cache/lock" fetch_stock "$1"
}

fetch_stock()
{
	cached "stock-$1" && return
	apt_ready
	suffix=$(stock_suffix "$1")
	image=$(depends_on "linux-image-$suffix" 'linux-image-[^ ]*')
	headers=$(depends_on "linux-headers-$suffix" 'linux-headers-[^ ]*')
	[ "${image:+$headers}" ] ||
		die "the mirror did not answer or has no Linux $1: see" \
			"$(shown "$build/log/apt-lists.log") and try again"
	version=$(version_of "$image")
	if [ -d "$cache/stock-$1/$version/" ]; then
		use "stock-$1" "$version"
		return
	fi
	need_space "$cache" 400
	entry=$cache/stock-$1/$version.part
	rm -rf "$entry"
	unpack "$entry" "$image" "$headers" \
		"$(depends_on "$headers" 'linux-headers-[^ ]*-common')" \
		"$(depends_on "$headers" 'linux-kbuild-[^ ]*')"
	echo "${image#linux-image-}" >"$entry/release"
	headers=$entry/usr/src/$headers
	# The one absolute path in there. The entry is about to move.
	sed -i 's,/usr/src/,'"${entry%.part}"'/usr/src/,' "$headers/Makefile"
	# Without a vmlinux kbuild asks for no pahole.
	rm -f "$headers/vmlinux"
	keep "stock-$1" "$version"
}

# === Their source ===========================================================

source_dir()
{
	readlink -f "$cache/source-$1/current"
}

ensure_source()
{
	cached "source-$1" || locked "$cache/lock" fetch_source "$1"
}

fetch_source()
{
	cached "source-$1" && return
	apt_ready
	version=$(version_of "linux-source-$1")
	if [ -d "$cache/source-$1/$version/" ]; then
		use "source-$1" "$version"
		return
	fi
	need_space "$cache" 2600
	need xz
	entry=$cache/source-$1/$version.part
	rm -rf "$entry"
	unpack "$entry" "linux-source-$1"
	say "unpacking it"
	new_log unpack
	follow unpacking elapsed tar --strip-components=1 -C "$entry" \
		-xJf "$entry/usr/src/linux-source-$1.tar.xz" ||
		die "cannot unpack the source: see $(shown "$log")"
	rm "$entry/usr/src/linux-source-$1.tar.xz"
	keep "source-$1" "$version"
}

# === The kernel for KUnit ===================================================

# kunit_entry KERNEL: named after what it is built from. Not by "current", for
# two trees may differ in that.
kunit_entry()
{
	hash=$(sha256sum <"$top/tools/kunit.config" | cut -c 1-12)
	echo "$(basename "$(source_dir "$1")")-$hash"
}

kunit_dir()
{
	echo "$cache/kunit-$1/$(kunit_entry "$1")"
}

have_kunit()
{
	[ -d "$cache/source-$1/current/" ] && [ -d "$(kunit_dir "$1")" ]
}

ensure_kunit()
{
	ensure_source "$1"
	have_kunit "$1" ||
		locked "$cache/lock" build_kunit "$1" "$(kunit_entry "$1")"
}

build_kunit()
{
	! have_kunit "$1" || return 0
	need_test
	need_space "$cache" 800
	# Not removed first: an interrupted build goes on where it stopped.
	into=$cache/kunit-$1/$2.part
	source=$(source_dir "$1")
	mkdir -p "$into"
	new_log kernel
	say "building Linux $1 for KUnit: about 1200 objects," \
		"some 8 minutes on two CPUs"
	configure_kunit || kernel_failed
	lost=$(grep -E '^(# )?CONFIG_' "$top/tools/kunit.config" |
		grep -vxFf "$into/.config")
	[ -z "$lost" ] ||
		die "Linux $1 did not take this of kunit.config: $lost"
	kernel_make bzImage modules || kernel_failed
	rm -f "$into"/vmlinux.o "$into"/.tmp_vmlinux*
	keep "kunit-$1" "$2"
}

configure_kunit()
{
	kernel_make tinyconfig &&
		"$source/scripts/kconfig/merge_config.sh" -m -O "$into" \
			"$into/.config" "$top/tools/kunit.config" >>"$log" &&
		kernel_make olddefconfig
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
	kunit-*) echo "$(kunit_dir "${1#*-}")/arch/x86/boot/bzImage" ;;
	esac
}

kernel_dir()
{
	case $1 in
	stock-*)
		readlink -f "$cache/$1/current/usr/src/linux-headers-$(
			cat "$cache/$1/current/release")"
		;;
	kunit-*) kunit_dir "${1#*-}" ;;
	esac
}

# === busybox ================================================================

ensure_busybox()
{
	cached busybox || locked "$cache/lock" fetch_busybox
}

fetch_busybox()
{
	cached busybox && return
	apt_ready
	version=$(version_of busybox-static)
	if [ -d "$cache/busybox/$version/" ]; then
		use busybox "$version"
		return
	fi
	rm -rf "$cache/busybox/$version.part"
	unpack "$cache/busybox/$version.part" busybox-static
	keep busybox "$version"
}

busybox()
{
	"$cache/busybox/current/bin/busybox" "$@"
}
