# SPDX-License-Identifier: GPL-2.0
#
# Real clients at work: file systems out of the kernel's source, built with and
# without the drop-in header. selftests/clients.sh and tools/guest/clients
# source it. Needs no more than busybox, whose shell does most of the work
# itself, lest that be starting programs.
#
#	client_load CLIENT VARIANT	its modules, of kmalloc/ or gomalloc/
#	client_fill CLIENT N		mounts it with N files, all in memory; of
#					squashfs it is N mounts of one image
#	client_work CLIENT N		reads and changes them
#	client_sum			a sum of all names and contents
#	client_unload CLIENT		unmounts it as well
# shellcheck shell=sh

# By itself it is no test.
case ${0##*/} in
clients-lib.sh) exit 4 ;;
esac

client_dir=${client_dir:-/gomalloc/clients}

# === Loading ================================================================

module_of()
{
	case $1 in
	overlayfs) echo overlay ;;
	*) echo "$1" ;;
	esac
}

client_load()
{
	case $1 in
	jffs2)
		insmod "$client_dir/common/mtd.ko" &&
			insmod "$client_dir/common/mtdram.ko" \
				total_size=32768 erase_size=64 || return
		;;
	squashfs) insmod "$client_dir/common/loop.ko" || return ;;
	esac
	insmod "$client_dir/$2/$(module_of "$1").ko"
}

client_unload()
{
	client_umount "$1" && umount_others && rmmod "$(module_of "$1")" || return
	case $1 in
	overlayfs) umount /mnt/lower /mnt/upper ;;
	jffs2) rmmod mtdram && rmmod mtd ;;
	squashfs) rmmod loop ;;
	esac
}

client_mount()
{
	case $1 in
	overlayfs)
		layers=lowerdir=/mnt/lower,upperdir=/mnt/upper/dir
		mount -t overlay -o $layers,workdir=/mnt/upper/work \
			overlay /mnt/client
		;;
	jffs2) mount -t jffs2 mtd0 /mnt/client ;;
	squashfs) mount_image /mnt/client ;;
	esac
}

client_umount()
{
	cd / && umount /mnt/client
}

# mount_image DIR: on a loop device of its own, which goes with it.
mount_image()
{
	mkdir -p "$1" && mount -t squashfs -o ro,loop "$client_dir/image" "$1"
}

umount_others()
{
	for other in /mnt/other.*; do
		[ ! -d "$other" ] || umount "$other" || return
	done
}

# === Work ===================================================================

# make_files FROM TO: with these numbers, 200 to a directory, in this one. They
# are named as the kernel's own source files are.
make_files()
{
	i=$1
	for file in $(tail -n "+$(($1 + 1))" "$client_dir/names" |
		head -n "$(($2 - $1))"); do
		dir=d$((i / 200))
		[ -d $dir ] || mkdir $dir || return
		echo "contents of $i" >"$dir/$file" || return
		i=$((i + 1))
	done
	[ "$i" -eq "$2" ]
}

# look DIR: at every file, so that the kernel has all in memory.
look()
{
	ls -lR "$1" >/dev/null
}

client_fill()
{
	mkdir -p /mnt/client
	case $1 in
	overlayfs)
		mkdir -p /mnt/lower /mnt/upper
		mount -t tmpfs lower /mnt/lower
		mount -t tmpfs upper /mnt/upper
		mkdir /mnt/upper/dir /mnt/upper/work
		(cd /mnt/lower && make_files 0 "$2") && client_mount "$1"
		;;
	jffs2)
		client_mount "$1" && (cd /mnt/client && make_files 0 "$2") &&
			client_umount && client_mount "$1"
		;;
	squashfs)
		for i in $(seq 2 "$2"); do
			mount_image "/mnt/other.$i" && look "/mnt/other.$i" ||
				return
		done
		client_mount "$1"
		;;
	esac && look /mnt/client
}

# Of three directories' files one's are appended to, one's renamed and one's
# removed; new ones come. squashfs is read.
client_work()
{
	cd /mnt/client || return
	if [ "$1" = squashfs ]; then
		cat_files >/dev/null
		return
	fi
	for dir in d*[0369]; do
		for file in "$dir"/*; do
			echo more >>"$file" || return
		done
	done
	for dir in d*[147]; do
		mkdir "moved-$dir" && mv "$dir"/* "moved-$dir" &&
			rmdir "$dir" || return
	done
	rm -r d*[258] && make_files "$2" $(($2 + $2 / 2)) && look .
}

cat_files()
{
	find . -type f | sort | xargs cat
}

client_sum()
{
	(cd /mnt/client && { find . | sort; cat_files; } | md5sum | cut -c 1-32)
}
