# SPDX-License-Identifier: GPL-2.0
#
# Host side of `tools/vm torture`: one guest that runs selftests/torture.sh for
# as long as was asked for.
# shellcheck shell=sh disable=SC2034,SC2154 # parts share variables

minutes='' seed='' cpu_count='' bare=''

# torture_option OPTION...: takes one of torture's own. False if it came with a
# value.
torture_option()
{
	[ "$1" != --bare ] || {
		bare=1
		return 0
	}
	case ${2:-} in
	'' | *[!0-9]* | 0*) die "$1 wants a number" ;;
	esac
	case $1 in
	--minutes) minutes=$2 ;;
	--seed) seed=$2 ;;
	--cpus) cpu_count=$2 ;;
	esac
	return 1
}

# torture_kernel: which one, in $tortured; it is here then.
torture_kernel()
{
	case $kernel in
	'')
		need_test
		tortured=kunit-6.12
		ensure_built kunit 6.12
		;;
	uml)
		need_bench
		tortured=uml-7.x
		ensure_built uml 7.x
		;;
	*)
		tortured=stock-$kernel
		ensure_stock "$kernel"
		;;
	esac
	# Where the scripts' helpers come from.
	ensure_source 6.12
	[ "$cpu_count" ] || case $kernel in
	uml) cpu_count=2 ;;
	*) cpu_count=4 ;;
	esac
}

run_torture()
{
	torture_boot=${seed:+gomalloc.seed=$seed}
	heading "Torture for ${minutes:-10} min on $tortured, CPUs: $cpu_count"
	torture_boot="$torture_boot${bare:+ gomalloc.bare=1}"
	torture_time=$((${minutes:-10} * 60))
	torture_boot="$torture_boot gomalloc.seconds=$torture_time"
	if ! build_modules "$tortured"; then
		fail "torture on $tortured" "$failure"
		return
	fi
	verbose=1
	lane_began=$(now)
	guest "$tortured" mode=selftests lane="torture-$tortured" \
		cpus="$cpu_count" memory=512M args=torture.sh \
		boot="$torture_boot" limit=$((torture_time * 3 / 2 + 300)) \
		howfar=torture_progress
	sed -n 's/^ *# \([a-zA-Z_]*:\{0,1\} .*\)/   \1/p' "$report" |
		cut -c 1-500
	lane_result "torture on $tortured"
}

torture_progress()
{
	printf '%d s; in the guest %.60s' "$seconds" "$(
		sed -n 's/.*gomalloc_torture: \([0-9]* s, .*\)/\1/p' \
			"$console" | tail -n 1)"
}
