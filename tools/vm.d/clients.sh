# SPDX-License-Identifier: GPL-2.0
#
# Real clients: file systems out of Debian's kernel source, which know nothing
# of gomalloc, built as they are and once more with the drop-in header. Host
# side of `tools/vm clients` and of selftests/clients.sh; the guest's are
# tools/guest/clients and selftests/clients-lib.sh. tools/vm and ktap.sh call it.
#
#	build/clients/KERNEL/VERSION/	of the source that they are copied from
#		kmalloc/		the sources, untouched
#		gomalloc/		the same, and the line in each Makefile
#		common/			what they run on: mtd, mtdram, loop
#		image, names		a squashfs and names of files
#	build/clients/results-KERNEL	what `tools/vm clients` printed
# shellcheck shell=sh disable=SC2034,SC2154 # parts share variables

clients="overlayfs jffs2 squashfs"

# The line that moves a module.
override_line="ccflags-y += -I$top/include -DGOMALLOC_OVERRIDE_PR_FMT \
-include linux/gomalloc-override.h"

# What Debian's cloud kernels leave out they have no configuration for.
jffs2_config="JFFS2_FS_WRITEBUFFER JFFS2_ZLIB JFFS2_RTIME"
mtd_defines="-DCONFIG_MTD_MODULE -DCONFIG_MTDRAM_TOTAL_SIZE=4096 \
-DCONFIG_MTDRAM_ERASE_SIZE=128"

need_clients()
{
	need mksquashfs xz
}

clients_dir()
{
	echo "$build/clients/$1/$(basename "$(source_dir "$1")")"
}

# have_clients KERNEL: whether tests have them at no further cost. The source of
# 6.12 other checks need too, and modules for 7.x; only `tools/vm clients`
# fetches that of 6.1.
have_clients()
{
	[ "$1" != 6.1 ] || [ -d "$cache/source-$1/current/" ]
}

# build_clients KERNEL: against the modules of build_modules. False, and says
# why, if they do not build.
build_clients()
{
	ensure_source "$1"
	locked "$build/clients/$1/lock" build_clients_alone "$1"
}

build_clients_alone()
{
	into=$(clients_dir "$1")
	drop_others "$into"
	copy_clients "$(source_dir "$1")" "$into"
	make_image "$(source_dir "$1")" "$into/image"
	make_names "$(source_dir "$1")" "$into/names"
	new_log "clients-$1"
	# Modules of the same name cannot be of one build.
	for part in common kmalloc gomalloc; do
		build_part "$1" $part >>"$log" && continue
		grep -E 'error|undefined|Error' "$log" | head -n 12 |
			cut -c 1-120 >&2
		failure="the clients did not build: see $(shown "$log")"
		return 1
	done
}

# build_part KERNEL PART
build_part()
{
	symbols=$(module_dir "stock-$1")/Module.symvers
	[ "$2" = common ] || symbols="$symbols $into/common/Module.symvers"
	# shellcheck disable=SC2046 # words
	kbuild "stock-$1" "$into/$2" modules \
		$(printf 'CONFIG_%s=m ' MTD MTD_MTDRAM JFFS2_FS) \
		$(printf 'CONFIG_%s=y ' $jffs2_config) \
		KBUILD_EXTRA_SYMBOLS="$symbols"
}

# drop_others DIR: what was made of other versions of the source.
drop_others()
{
	find "${1%/*}" -mindepth 1 -maxdepth 1 -type d ! -path "$1" \
		-exec rm -rf {} +
}

# copy_clients SOURCE DIR: only what changed, lest all be built again.
copy_clients()
{
	fresh=$2.fresh
	rm -rf "$fresh"
	mkdir -p "$fresh/common"
	cp "$1"/drivers/mtd/mtdcore.[ch] "$1"/drivers/mtd/mtdsuper.c \
		"$1"/drivers/mtd/mtdconcat.c "$1"/drivers/mtd/mtdpart.c \
		"$1"/drivers/mtd/mtdchar.c "$1"/drivers/mtd/devices/mtdram.c \
		"$1"/drivers/block/loop.c "$fresh/common/"
	{
		echo "obj-m := mtd.o mtdram.o loop.o"
		echo "mtd-y := mtdcore.o mtdsuper.o mtdconcat.o mtdpart.o mtdchar.o"
		echo "ccflags-y := $mtd_defines"
	} >"$fresh/common/Kbuild"
	for variant in kmalloc gomalloc; do
		mkdir -p "$fresh/$variant/fs"
		# Their ../internal.h.
		cp "$1"/fs/*.h "$fresh/$variant/fs/"
		for client in $clients; do
			cp -R "$1/fs/$client" "$fresh/$variant/fs/"
		done
		{
			echo "obj-m :=$(printf ' fs/%s/' $clients)"
			echo "subdir-ccflags-y := $mtd_defines" \
				"-DCONFIG_JFFS2_FS_DEBUG=0" \
				"$(printf ' -DCONFIG_%s' $jffs2_config)"
		} >"$fresh/$variant/Kbuild"
	done
	for makefile in "$fresh"/gomalloc/fs/*/Makefile; do
		echo "$override_line" >>"$makefile"
	done
	(cd "$fresh" && find . -type f) | while read -r file; do
		cmp -s "$fresh/$file" "$2/$file" || {
			mkdir -p "$2/${file%/*}"
			cp "$fresh/$file" "$2/$file"
		}
	done
	rm -rf "$fresh"
}

# make_image SOURCE FILE: a squashfs of some thousand small files.
make_image()
{
	[ ! -f "$2" ] || return 0
	mksquashfs "$1/include" "$2.part" -no-progress -all-root -quiet \
		-processors "$jobs" >/dev/null || die "mksquashfs failed"
	mv "$2.part" "$2"
}

# make_names SOURCE FILE: names for files, of lengths that are somebody's.
make_names()
{
	[ ! -f "$2" ] || return 0
	find "$1" -type f | sed 's,.*/,,' | grep '^[A-Za-z0-9][A-Za-z0-9_.,+-]*$' |
		LC_ALL=C sort -u >"$2.part"
	mv "$2.part" "$2"
}

# pack_clients stock-KERNEL: into the guest's initramfs, to /gomalloc/clients.
pack_clients()
{
	from=$(clients_dir "${1#stock-}")
	to=$root/gomalloc/clients
	for part in common kmalloc gomalloc; do
		mkdir -p "$to/$part"
		find "$from/$part" -name '*.ko' | while read -r module; do
			strip -g -o "$to/$part/${module##*/}" "$module"
		done
	done
	cp "$from/image" "$from/names" "$to/"
}

# === Measuring them =========================================================

# run_clients KERNEL CLIENT...: each in two guests of its own that count their
# instructions, and a table of what came of it.
run_clients()
{
	on=$1
	shift
	results=$run_dir/clients
	: >"$results"
	for client; do
		for variant in kmalloc gomalloc; do
			run_client "$on" "$client" $variant || {
				explain_failure
				die "$client with $variant failed: $failure"
			}
			sed "s/^/$client $variant /" "$report" |
				grep -v ' verdict ' >>"$results"
		done
	done
	clients_table "$results" | tee "$build/clients/results-$on"
	say ""
	say "in $(shown "$build/clients/results-$on")"
	! grep -q DIFFERS "$build/clients/results-$on"
}

run_client()
{
	lane_began=$(now)
	guest "stock-$1" mode=clients args="$2,$3,$(client_size "$2")" \
		lane="clients-$2-$3" cpus=1 memory=1G limit=900 \
		boot="slab_nomerge nokaslr init_on_alloc=0" accel="$counting" ||
		return
	say "   $2 with $3: $(($(now) - lane_began)) s"
}

# client_size CLIENT: how many files, or mounts, make megabytes of objects.
client_size()
{
	case $1 in
	overlayfs | jffs2) echo 40000 ;;
	squashfs) echo 12 ;;
	esac
}

clients_table()
{
	awk '
	{ v[$1, $2, $3] = $4 }
	!seen[$1]++ { names[++n] = $1 }
	END {
		same[1] = "same"
		same[0] = "DIFFERS"
		printf "%-10s %10s %10s %10s %6s %10s %10s %6s  %s\n", "client",
			"objects", "kmalloc", "gomalloc", "ratio",
			"kmalloc us", "us", "ratio", "content"
		for (i = 1; i <= n; i++) {
			c = names[i]
			held = v[c, "kmalloc", "kmalloc"] - v[c, "gomalloc", "kmalloc"]
			k = v[c, "kmalloc", "us"]
			g = v[c, "gomalloc", "us"]
			printf "%-10s %10d %10d %10d %6.3f %10d %10d %6.3f  %s\n",
				c, v[c, "gomalloc", "objects"], held,
				v[c, "gomalloc", "sys"],
				v[c, "gomalloc", "sys"] / held, k, g, g / k,
				same[v[c, "kmalloc", "sum"] == v[c, "gomalloc", "sum"]]
		}
	}' "$1"
}
