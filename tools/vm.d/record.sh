# SPDX-License-Identifier: GPL-2.0
#
# Host side of `tools/vm record`; the guest's is tools/guest/record. The guest
# gets a disk to work on and a disk to leave the trace on.
# shellcheck shell=sh disable=SC2034,SC2154 # parts share variables

record_trace()
{
	need_run_dir
	truncate -s 256M "$run_dir/disk"
	truncate -s 384M "$run_dir/trace"
	PATH=$PATH:/usr/sbin:/sbin mkfs.ext4 -q -F "$run_dir/disk" ||
		die "cannot make a file system in $run_dir"

	heading "Working Linux $(stock_release 6.12) in QEMU, about a minute"
	events="trace_event=kmem:kmalloc,kmem:kfree"
	guest stock-6.12 mode=record limit=600 show=1 \
		boot="no_hash_pointers trace_clock=counter $events \
trace_buf_size=48M" \
		qemu="$(disk a "$run_dir/disk") $(disk b "$run_dir/trace")" || {
		explain_failure
		die "record failed: $failure"
	}

	heading "Packing the trace"
	mkdir -p "$build/record"
	out=$build/record/boot-6.12.trace.gz
	tr -d '\0' <"$run_dir/trace" >"$run_dir/text"
	"$top/tools/trace-pack" "$run_dir/text" "$out" ||
		die "could not pack the trace"
	say "in $(shown "$out"), $(wc -c <"$out") bytes"
}

# disk NAME FILE: QEMU's arguments for a disk.
disk()
{
	printf '%s' "-drive if=none,id=$1,file=$2,format=raw,cache=unsafe" \
		" -device virtio-blk-pci,drive=$1"
}

# pack_stock_modules: the modules that tools/guest/record loads, and those
# they need. Debian compresses them; busybox's depmod and modprobe take plain.
pack_stock_modules()
{
	release=$(stock_release 6.12)
	from=$cache/stock-6.12/current
	plain=$run_dir/modules
	[ -d "$plain" ] || {
		mkdir -p "$plain/lib/modules"
		cp -R "$from/lib/modules/$release" "$plain/lib/modules/"
		find "$plain" -name '*.xz' | while read -r module; do
			busybox xz -d "$module"
		done
		# depmod -b wants the release, unless it is the running one.
		busybox depmod -b "$plain" "$release"
	}
	dep=$plain/lib/modules/$release/modules.dep
	for name in $(sed -n 's/^load //p' "$top/tools/guest/record"); do
		sed -n "s,:, ,;/\/$name\.ko /p" "$dep"
	done | tr ' ' '\n' | sort -u | while read -r file; do
		[ "$file" ] || continue
		mkdir -p "$root/lib/modules/$release/${file%/*}"
		cp "$plain/lib/modules/$release/$file" \
			"$root/lib/modules/$release/$file"
	done
	busybox depmod -b "$root" "$release"
}
