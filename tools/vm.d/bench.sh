# SPDX-License-Identifier: GPL-2.0
#
# Host side of `tools/vm bench`; the guest's is tools/guest/bench. A lane is one
# kind of measurement, and each guest of it leaves a file of results, from which
# tools/bench-report makes tables and charts. budget.sh measures with it too.
# shellcheck shell=sh disable=SC2034,SC2154 # parts share variables

bench_lanes="instructions time memory scaling latency ageing"

# What --quick measures.
quick_rows="pair/64 pair-var/64 batch-256/64 batch-2000/64 zeroed/64 tiny/5"

# bench_option OPTION...: takes one of bench's own. False if it came with a
# value.
bench_option()
{
	case $1 in
	--quick) quick=1 ;;
	--bless) bless=1 ;;
	--save) save=1 ;;
	--lane)
		case " $bench_lanes " in
		*" ${2:-none} "*) lanes="$lanes $2" ;;
		*) die "--lane wants one of these: $bench_lanes" ;;
		esac
		return 1
		;;
	esac
}

# bench_guests: what is to be measured, "LANE KERNEL CPUS" a line.
bench_guests()
{
	for bench_lane in ${lanes:-$bench_lanes}; do
		case $bench_lane${quick:+-quick} in
		instructions*)
			echo "$bench_lane stock-6.1 1"
			echo "$bench_lane stock-6.12 1"
			echo "$bench_lane stock-7.x 1"
			;;
		time) echo "$bench_lane uml-7.x 1 2" ;;
		time-quick) echo "$bench_lane uml-7.x 1" ;;
		memory)
			echo "$bench_lane stock-6.1 2"
			echo "$bench_lane stock-6.12 2"
			echo "$bench_lane stock-7.x 2"
			;;
		scaling) echo "$bench_lane stock-6.12 1 2 4 8" ;;
		latency)
			echo "$bench_lane stock-6.12 1"
			echo "$bench_lane stock-7.x 1"
			;;
		ageing)
			echo "$bench_lane stock-6.12 2"
			echo "$bench_lane uml-7.x 1"
			;;
		esac
	done | while read -r bench_lane bench_kernel cpu_counts; do
		[ "${kernel:-${bench_kernel#*-}}" = "${bench_kernel#*-}" ] ||
			continue
		for cpu_count in $cpu_counts; do
			echo "$bench_lane $bench_kernel $cpu_count"
		done
	done
}

run_bench()
{
	began=$(now)
	incomplete=$run_dir/incomplete
	: >"$incomplete"
	raw=$build/bench/raw
	mkdir -p "$raw" || die "cannot write to $build"
	bench_guests >"$run_dir/guests"
	[ -s "$run_dir/guests" ] ||
		die "$kernel has none of these lanes:${lanes:- $bench_lanes}"
	rows=$operands
	[ -z "$quick" ] || rows=${operands:-$quick_rows}
	[ -z "$save" ] || [ -z "$rows" ] ||
		die "--save is for whole lanes: without --quick and names"
	while read -r bench_lane bench_kernel cpu_count <&4; do
		bench_guest "$bench_lane" "$bench_kernel" "$cpu_count" 4<&-
	done 4<"$run_dir/guests"
	[ "$measured" ] || die "nothing could be measured"

	heading "Tables and charts"
	"$top/tools/bench-report" ${save:+--save "$top/Documentation"} \
		--notes "$top/tools/bench-notes" "$build/bench" ||
		die "could not make the report"
	say "in $(shown "$build/bench"), $(($(now) - began)) s in all"
	[ -s "$incomplete" ] || return 0
	say ""
	say "not measured to the end:"
	sed 's/^/   /' "$incomplete"
	return 1
}

measured=
missing=

# bench_guest LANE KERNEL CPUS
bench_guest()
{
	measuring="$1 on $2, $3 CPU"
	[ "$3" = 1 ] || measuring=${measuring}s
	heading "$measuring"
	# The figures of another run must not pass for this one's.
	result=$raw/$1-$2-$3.txt
	rm -f "$result"
	if ! kernel_here "$2"; then
		say "   skipped: $failure"
		return
	fi
	lane_began=$(now)
	if ! build_modules "$2"; then
		say "   FAILED: $failure"
		echo "$measuring: $failure" >>"$incomplete"
		return
	fi
	measure "$1" "$2" "$3" "$rows" || {
		say "   FAILED: $failure"
		explain_failure
		echo "$measuring: $failure" >>"$incomplete"
		return
	}
	measured=1
	{
		describe "$1" "$2" "$3"
		guest_report
	} >"$result"
	"$top/tools/bench-report" --table "$result" | sed 's/^/   /'
	say "   $(($(now) - lane_began)) s"
	sed -n 's/^error	\([^	]*\)	/'"$measuring"', \1: /p' "$report" \
		>>"$incomplete"
}

# kernel_here KERNEL: it is in the cache, or is now. One that could not be had
# is not asked for again.
kernel_here()
{
	case " $missing " in
	*" $1 "*)
		failure="no $1, see above"
		return 1
		;;
	esac
	case $1 in
	stock-7.*) attempt ensure_stock "${1#*-}" ;;
	stock-*) ensure_stock "${1#*-}" ;;
	uml-*) attempt ensure_built uml "${1#*-}" ;;
	esac && return
	missing="$missing $1"
	return 1
}

# measure LANE KERNEL CPUS ROWS: false, and says why, if it came to no end. The
# results are in guest_report().
measure()
{
	set -f
	bench_args=$1
	for row in $4; do
		bench_args=$bench_args,$row
	done
	set +f
	case $1 in
	instructions | latency) bench_accel=$counting ;;
	*) bench_accel=$accel ;;
	esac
	guest "$2" mode=bench args="$bench_args" lane="bench-$1-$2-$3" \
		cpus="$3" memory=1G limit=900 boot=init_on_alloc=0 \
		accel="$bench_accel" howfar=bench_progress || return 1
	guest_report | tail -n 1 | grep -q '^end	' || {
		failure="the results have no end"
		return 1
	}
}

# An instruction is a nanosecond and a tick of the time stamp counter.
counting="tcg -icount shift=0,sleep=off"

bench_progress()
{
	printf '%d s, %.50s' "$seconds" "$(
		sed -n 's/.*gomalloc_bench: [a-z]*	\([^	]*\)	.*/\1/p' \
			"$console" | tail -n 1)"
}

# describe LANE KERNEL CPUS: what tools/bench-report is to know of the figures.
describe()
{
	case $2 in
	stock-*)
		release=$(stock_release "${2#*-}")
		version=$(basename "$(readlink -f "$cache/$2/current")")
		method="QEMU, $bench_accel"
		;;
	uml-*)
		release=$(cat "$(kernel_dir "$2")/include/config/kernel.release")
		version=$(basename "$(source_dir "${2#*-}")")
		method="User-Mode Linux"
		;;
	esac
	echo "# lane $1"
	echo "# kernel $2"
	echo "# release $release"
	echo "# version $version"
	echo "# cpus $3"
	echo "# method $method"
	echo "# date $(date -u +%Y-%m-%dT%H:%MZ)"
	echo "# host $(sed -n 's/^model name[[:space:]]*: //p' /proc/cpuinfo |
		head -n 1), $(nproc) CPUs"
	echo "# rows ${rows:-all}"
}
