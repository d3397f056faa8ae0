#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Do file systems out of the kernel's source, which know nothing of gomalloc and
# are built with the drop-in header, read back what they read with kmalloc, and
# give all memory back?

# shellcheck source=selftests/lib.sh
. ./lib.sh
# shellcheck source=selftests/clients-lib.sh
. ./clients-lib.sh

begin 16
[ -d "$client_dir" ] || skip_all "no clients: see tools/vm clients"

# loads CLIENT VARIANT
loads()
{
	client=$1
	client_load "$@"
}

# works: from an empty one to one that was unmounted once; leaves its sum.
works()
{
	client_fill "$client" "$n" && client_work "$client" "$n" &&
		client_umount && client_mount "$client" &&
		client_sum >"$scratch/sum"
}

# is_served: from gomalloc, as it should be.
is_served()
{
	[ "$(stat HeapObjects)" -gt 0 ] && [ "$(stat Mallocs)" -gt "$n" ] &&
		equal Misuses "$(stat Misuses)" 0 && is_valid
}

# leaves_nothing: once it is gone and RCU has freed what was left to it.
leaves_nothing()
{
	client_unload "$client" || return
	for _ in $(seq 50); do
		[ "$(stat HeapObjects)" -ne 0 ] || return 0
		sleep 0.1
	done
	equal HeapObjects "$(stat HeapObjects)" 0
}

load gomalloc || ktap_exit_fail_msg "gomalloc does not load"
for client in overlayfs jffs2 squashfs; do
	n=600
	[ $client != squashfs ] || n=2
	result "$client works with kmalloc" eval "loads $client kmalloc && works &&
		mv $scratch/sum $scratch/kmalloc-sum && client_unload $client"
	result "$client works with gomalloc" eval "loads $client gomalloc && works"
	result "$client read the same" cmp "$scratch/sum" "$scratch/kmalloc-sum"
	result "$client is served by gomalloc" is_served
	result "$client leaves nothing" leaves_nothing
done
result "the kernel is well" is_taint_free
ktap_finished
