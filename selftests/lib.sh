# SPDX-License-Identifier: GPL-2.0
#
# What the tests in this directory share: they source it first. It finds the
# modules and KTAP helpers, skips where a test cannot run, and unloads what a
# test leaves. Needs no more than busybox.
# shellcheck shell=sh

# By itself it is no test.
case ${0##*/} in
lib.sh) exit 4 ;;
esac

# Where the modules are: all in $MODDIR, or where tools/vm's guests have them,
# or where a build leaves them.
MODDIR=${MODDIR:-${GOMALLOC_DIR:-}}
debugfs=/sys/kernel/debug/gomalloc
scratch=$(mktemp -d) || exit 1

# Bytes of a page of the kernel's, and of one of gomalloc's.
kernel_page=$(awk '/^KernelPageSize:/ { print $2 * 1024; exit }' \
	/proc/self/smaps 2>/dev/null)
kernel_page=${kernel_page:-4096}
gom_page=$((kernel_page > 8192 ? kernel_page : 8192))

# shellcheck source=/dev/null
. "${KTAP_HELPERS:-../kselftest/ktap_helpers.sh}"

# find_file NAME: prints where it is, of the places it may be in.
find_file()
{
	for dir in "$MODDIR" . .. modules ../kmod traces; do
		if [ "$dir" ] && [ -f "$dir/$1" ]; then
			echo "$dir/$1"
			return
		fi
	done
	return 1
}

skip_all()
{
	ktap_skip_all "$@"
	exit "$KSFT_SKIP"
}

# begin N [MODULE]...: a test with N results that needs the modules. Until the
# first is loaded it may skip_all().
begin()
{
	plan=$1
	shift
	ktap_print_header
	[ "$(id -u)" -eq 0 ] || skip_all "must run as root"
	! is_loaded gomalloc || skip_all "gomalloc is loaded already"
	for module in gomalloc "$@"; do
		find_file "$module.ko" >/dev/null ||
			skip_all "no $module.ko: build it, or set MODDIR"
	done
	[ -d /sys/kernel/debug/bdi ] || mount -t debugfs none /sys/kernel/debug ||
		skip_all "no debugfs"
	trap leave EXIT
	mark_log
}

announce()
{
	[ "$plan" ] || return 0
	ktap_set_plan "$plan"
	plan=
}

leave()
{
	for module in gomalloc_bench gomalloc_guarded gomalloc_hoard gomalloc_leaky \
		gomalloc_misuse gomalloc_numa gomalloc_override \
		gomalloc_pools gomalloc_requests gomalloc_sampled \
		gomalloc_stress gomalloc_torture gomalloc_client gomalloc; do
		! is_loaded "$module" || rmmod "$module"
	done
	rm -rf "$scratch"
}

# load MODULE [PARAMETER=VALUE]...
load()
{
	announce
	module=$(find_file "$1.ko")
	shift
	insmod "$module" "$@" 2>"$scratch/insmod"
}

is_loaded()
{
	[ -d "/sys/module/$1" ]
}

# result NAME COMMAND...: one result, by whether COMMAND succeeds. If it does
# not, what it printed explains why.
result()
{
	announce
	name=$1
	shift
	if "$@" >"$scratch/why" 2>&1; then
		ktap_test_pass "$name"
		return
	fi
	echo "# failed: $*"
	sed 's/^/# /' "$scratch/why"
	ktap_test_fail "$name"
}

# fails COMMAND...
fails()
{
	! "$@"
}

# lacks PATTERN FILE...: no line of them has it; they must be there to see.
lacks()
{
	pattern=$1
	shift
	cat "$@" >"$scratch/lines" || return 1
	! grep -E -e "$pattern" "$scratch/lines"
}

# === The kernel's log =======================================================

marks=0

# mark_log: log() prints what comes after this.
mark_log()
{
	marks=$((marks + 1))
	mark="gomalloc selftest ${0##*/} $$ $marks"
	echo "$mark" >/dev/kmsg
}

log()
{
	dmesg | awk -v mark="$mark" 'found; index($0, mark) { found = 1 }'
}

# logged PATTERN: true if a line since the mark has it; else shows the log.
logged()
{
	log | grep -q -e "$1" && return
	log | tail -n 20
	return 1
}

# count_logged PATTERN
count_logged()
{
	log | grep -c -e "$1"
}

# === Statistics =============================================================

# stat NAME: a number out of the stats file.
stat()
{
	awk -v name="$1" '$1 == name { print $2 }' "$debugfs/stats"
}

# equal WHAT FOUND WANTED
equal()
{
	[ "$2" = "$3" ] && return
	echo "$1: $2, expected $3"
	return 1
}

# is_valid: gomalloc's books balance. While others allocate it may have to be
# asked again, as it cannot count what is on its way.
is_valid()
{
	for _ in $(seq 50); do
		verdict=$(sed -n 2p "$debugfs/validate")
		[ "$verdict" = busy ] || break
		sleep 0.1
	done
	equal "$debugfs/validate" "$verdict" ok
}

# mode_is FILE MODE
mode_is()
{
	equal "mode of $1" "$(command stat -c %a "$1")" "$2"
}

# write_text FILE TEXT: in one go; as printf understands it.
write_text()
{
	printf '%b' "$2" >"$scratch/text"
	dd if="$scratch/text" of="$1" bs=4k conv=notrunc 2>"$scratch/err"
}

# is_taint_free: no warning, no oops and no lockup since boot.
is_taint_free()
{
	taint=$(cat /proc/sys/kernel/tainted)
	equal "bad bits of /proc/sys/kernel/tainted" \
		$((taint & (128 | 512 | 16384))) 0
}
