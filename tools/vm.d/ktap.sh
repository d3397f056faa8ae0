# SPDX-License-Identifier: GPL-2.0
#
# Counts what passed, failed and was skipped. Guests report in KTAP; lint and
# guests as a whole add single results. tools/vm's test calls it.
# shellcheck shell=sh disable=SC2034,SC2154 # parts share variables

passed=0 failed=0 skipped=0

# pass NAME, fail NAME [WHY], skip NAME [WHY]: one result that is not in KTAP.
pass()
{
	passed=$((passed + 1))
	say "   ok      $1"
}

fail()
{
	failed=$((failed + 1))
	say "   FAILED  $1${2:+: $2}"
}

skip()
{
	skipped=$((skipped + 1))
	say "   skipped $1${2:+: $2}"
}

# tally FILE: counts the KTAP in FILE, into $p, $f and $s too, and lists what
# did not pass, with the lines of explanation before it. Only results without
# subtests count, and those that failed though no subtest did, such as a script
# that died. A plan that was not kept is a failure.
tally()
{
	counts=$run_dir/counts
	awk -v verbose="$verbose" -v counts="$counts" '
	function indent(s) { match(s, /^ */); return RLENGTH }

	# check_plan: whether as many results came at this depth as planned.
	function check_plan(at) {
		if ((at in plan) && plan[at] != cases[at] + 0) {
			fail++
			bad++
			printf "%s   FAILED  %s\n", notes, path(at, \
				cases[at] + 0 " of " plan[at] " results")
		}
		delete plan[at]
	}

	# What came before a result at this depth were its subtests.
	function close_deeper(at,  d) {
		nested = bad = 0
		for (d in plan)
			if (d + 0 > at)
				check_plan(d)
		for (d in cases)
			if (d + 0 > at) {
				nested += cases[d]
				bad += fails[d]
				delete cases[d]
				delete fails[d]
			}
		for (d in within)
			if (d + 0 > at)
				delete within[d]
	}

	function path(at, name) {
		for (; at > 0; at -= 4)
			if (at in within)
				name = within[at] "." name
		return name
	}

	/^ *# Subtest: / {
		at = indent($0)
		sub(/^ *# Subtest: /, "")
		within[at] = $0
		next
	}
	/^ *(not )?ok [0-9]+/ {
		at = indent($0)
		close_deeper(at)
		ok = !/^ *not ok/
		skipped_one = toupper($0) ~ /# *SKIP/
		name = $0
		sub(/^ *(not )?ok [0-9]+ *(- )?/, "", name)
		name = path(at, name)
		cases[at]++
		fails[at] += bad
		if (!ok)
			fails[at]++
		if (nested && (ok || bad)) {
			notes = lines = ""
			next
		}
		if (!ok) {
			fail++
			if (lines > 12)
				notes = notes "      (" lines - 12 " more lines)\n"
			printf "%s   FAILED  %s\n", notes, name
		} else if (skipped_one) {
			skip++
			if (verbose)
				print "   skipped " name
		} else {
			pass++
			if (verbose)
				print "   ok      " name
		}
		notes = lines = ""
		next
	}
	/^ *1\.\.[0-9]+/ {
		at = indent($0)
		check_plan(at)
		delete cases[at]
		sub(/^ *1\.\./, "")
		plan[at] = $0 + 0
		next
	}
	/^ *(KTAP|TAP) version|# (Totals|module|[a-z_]+: pass:)/ { next }
	/^verdict / { next }
	NF && ++lines <= 12 { notes = notes "      " $0 "\n" }
	END {
		close_deeper(-1)
		print pass + 0, fail + 0, skip + 0 >counts
	}
	' "$1"
	read -r p f s <"$counts"
	passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s))
}

# totals PASSED FAILED SKIPPED
totals()
{
	printf '%d passed, %d failed' "$1" "$2"
	[ "$3" -eq 0 ] || printf ', %d skipped' "$3"
}

tally_end()
{
	say "$(totals "$passed" "$failed" "$skipped")"
	[ "$failed" -eq 0 ] && [ $((passed + skipped)) -gt 0 ]
}

# === Which checks ===========================================================
#
# Subshells, so that the patterns among the operands meet no file names.

# wanted GROUP: some name asks for it, or no name was given.
wanted()
(
	[ "$operands" ] || return 0
	case " $operands " in
	*" $1 "* | *" $1/"*) return 0 ;;
	esac
	return 1
)

# parts GROUP: the patterns asked for within GROUP, or * for all of it.
parts()
(
	set -f
	[ "$operands" ] || echo '*'
	for name in $operands; do
		case $name in
		"$1") echo '*' ;;
		"$1"/*) echo "${name#*/}" ;;
		esac
	done
)

# is_part GROUP NAME: whether that one is asked for.
is_part()
(
	set -f
	for pattern in $(parts "$1"); do
		# shellcheck disable=SC2254 # a pattern it is
		case $2 in
		$pattern) return 0 ;;
		esac
	done
	return 1
)

# === Lanes ==================================================================

# lane_result NAME: after a guest that reports in KTAP. Fails the lane as a
# whole if it ended in any other way than by its tests' results.
lane_result()
{
	tally "$report"
	if [ "$failure" ] && { [ "$f" -eq 0 ] || [ "$splat" ] ||
		! [ "$verdict" ]; }; then
		fail "$1" "$failure"
		explain_failure
		f=$((f + 1))
	elif [ $((p + f + s)) -eq 0 ]; then
		fail "$1" "no test ran"
		f=1
	fi
	say "   $(totals "$p" "$f" "$s"), $(($(now) - lane_began)) s"
}

# A selftest that has the kernel patch code which other CPUs run just then.
patching_script=trace.sh

# Those that have the kernel warn or oops, and what it says then. It is tainted
# from then on.
warning_scripts="crossing.sh guard.sh"
warned='WARNING: .*free_large_kmalloc|BUG: unable to handle page fault|Oops: 0'

# A selftest that wants a kernel with fault injection, as Debian's have not.
faults_script=faults.sh

# A selftest that wants several nodes, others that run there as well, and the
# machines. The first has CPUs and memory on both nodes. Of the second, node 2
# has a CPU and no memory, and node 1 nearest; node 3 has memory and no CPU.
numa_script=numa.sh
numa_scripts="numa.sh smoke.sh"

numa_2="-smp 2,sockets=2 -object memory-backend-ram,id=m0,size=256M \
-object memory-backend-ram,id=m1,size=256M \
-numa node,nodeid=0,cpus=0,memdev=m0 -numa node,nodeid=1,cpus=1,memdev=m1"

numa_4="-smp 3,sockets=3 -object memory-backend-ram,id=m0,size=256M \
-object memory-backend-ram,id=m1,size=128M \
-object memory-backend-ram,id=m3,size=128M \
-numa node,nodeid=0,cpus=0,memdev=m0 -numa node,nodeid=1,cpus=1,memdev=m1 \
-numa node,nodeid=2,cpus=2 -numa node,nodeid=3,memdev=m3 \
-numa dist,src=0,dst=1,val=20 -numa dist,src=0,dst=2,val=30 \
-numa dist,src=0,dst=3,val=20 -numa dist,src=1,dst=2,val=15 \
-numa dist,src=1,dst=3,val=20 -numa dist,src=2,dst=3,val=25"

# A selftest of what the kernel with all checks has, if it is told so at boot.
kmemleak_script=kmemleak.sh

run_kmemleak()
{
	is_part selftests "${kmemleak_script%.sh}" || return 0
	heading "kmemleak on Linux 6.12 with KASAN and lockdep, 2 CPUs"
	if ! build_modules kunit-6.12; then
		fail "kmemleak on 6.12" "$failure"
		return
	fi
	lane_began=$(now)
	guest kunit-6.12 mode=selftests lane=kmemleak memory=256M limit=1800 \
		args="$kmemleak_script" boot=kmemleak=on
	lane_result "kmemleak on 6.12"
}

run_selftests()
{
	scripts='' patchers='' warners=''
	for script in "$top"/selftests/*.sh; do
		# What cannot run is there to be sourced.
		[ -x "$script" ] || continue
		script=${script##*/}
		is_part selftests "${script%.sh}" || continue
		case " $warning_scripts " in
		*" $script "*)
			warners=$warners,$script
			continue
			;;
		esac
		case $script in
		"$patching_script") patchers=$script ;;
		"$numa_script" | "$faults_script" | "$kmemleak_script") ;;
		*)
			! can_run "$script" "$1" ||
				scripts="$scripts,$script"
			;;
		esac
	done
	numa=
	! on_nodes "$1" || numa=1
	[ "$scripts$patchers$warners" ] || is_part selftests "${numa_script%.sh}" ||
		is_part selftests "${faults_script%.sh}" ||
		is_part selftests "${kmemleak_script%.sh}" ||
		die "no selftest matches:$operands"
	[ "$scripts$patchers$warners$numa" ] || return 0
	heading "selftests on Linux $(stock_release "$1"), 2 CPUs"
	if ! build_modules "stock-$1" || ! build_for "$1"; then
		fail "selftests on $1" "$failure"
		return
	fi
	[ -z "$scripts" ] || selftests_lane "$1" "selftests-$1" "$scripts"
	# With two threads QEMU would lose its race, see lost_race(), too often.
	[ -z "$patchers" ] ||
		selftests_lane "$1" "selftests-$1-patching" "$patchers" \
			accel="$(echo "$accel" | sed s/thread=multi/thread=single/)"
	[ -z "$warners" ] ||
		selftests_lane "$1" "selftests-$1-warning" "$warners" \
			expect="$warned"
	[ -z "$numa" ] || numa_lanes "$1"
}

# can_run SCRIPT KERNEL: there is all that it needs.
can_run()
{
	if [ "$1" = clients.sh ] && is_extra "$2"; then
		skip "clients on $2" "built only for $stock_kernels"
		return 1
	fi
	[ "$1" != clients.sh ] || have_clients "$2" || {
		skip "clients on $2" "tools/vm clients -k $2 fetches its source"
		false
	}
}

# build_for KERNEL: what $scripts need beside the modules.
build_for()
{
	case "$scripts," in
	*,clients.sh,*) build_clients "$1" ;;
	esac
}

# on_nodes KERNEL: whether it runs with several nodes. One kernel must do where
# none is asked for. Not every machine knows of nodes.
on_nodes()
{
	is_part selftests "${numa_script%.sh}" &&
		[ "$1" = "${kernel:-6.12}" ] || return
	case $(stock_arch "$1") in
	amd64 | arm64) ;;
	*) return 1 ;;
	esac
}

# numa_lanes KERNEL: what was asked for of these.
numa_lanes()
{
	scripts=
	for script in $numa_scripts; do
		! is_part selftests "${script%.sh}" || scripts="$scripts,$script"
	done
	heading "the same, 2 NUMA nodes"
	selftests_lane "$1" "selftests-$1-2nodes" "$scripts" qemu="$numa_2"
	heading "the same, 4 NUMA nodes, one without memory, one without CPUs"
	selftests_lane "$1" "selftests-$1-4nodes" "$scripts" qemu="$numa_4"
}

# selftests_limit KERNEL: seconds for all of them. QEMU knows x86-64 best, and
# PREEMPT_RT changes tasks more often.
selftests_limit()
{
	if is_extra "$1"; then
		echo 2700
	else
		echo 1800
	fi
}

# run_faults: where memory is asked for it fails, on the kernel for KUnit.
run_faults()
{
	heading "Memory that cannot be had, with KASAN and lockdep, 2 CPUs"
	if ! build_modules kunit-6.12; then
		fail "faults" "$failure"
		return
	fi
	lane_began=$(now)
	guest kunit-6.12 mode=selftests lane=faults memory=512M \
		args="$faults_script" limit=1800
	lane_result faults
}

# selftests_lane KERNEL LANE SCRIPTS SETTING...
selftests_lane()
{
	tested=$1 lane=$2 scripts=$3
	shift 3
	lane_began=$(now)
	guest "stock-$tested" mode=selftests lane="$lane" \
		args="${scripts#,}" limit="$(selftests_limit "$tested")" "$@"
	lane_result "selftests on $tested"
}

# The kernel takes one pattern, so several mean several runs. Whoever asks for
# a part wants it soon: one machine must do.
run_kunit()
{
	if ! build_modules kunit-6.12; then
		fail "kunit on 6.12" "$failure"
		return
	fi
	parts kunit >"$run_dir/patterns"
	while read -r pattern; do
		[ "$pattern" != '*' ] || pattern=
		kunit_lane "4 CPUs in 2 nodes" kunit-2nodes qemu="\
-smp 4,sockets=2 -object memory-backend-ram,id=m0,size=1G \
-object memory-backend-ram,id=m1,size=1G \
-numa node,nodeid=0,cpus=0-1,memdev=m0 \
-numa node,nodeid=1,cpus=2-3,memdev=m1"
		[ -z "$pattern" ] || continue
		kunit_lane "4 CPUs" kunit-4cpus cpus=4
		kunit_lane "1 CPU" kunit-1cpu cpus=1
	done <"$run_dir/patterns"
}

# kunit_lane WHERE LANE SETTING... With less memory, a block of 4 MiB is hard to
# come by after minutes of KASAN's quarantine.
kunit_lane()
{
	where=$1 lane=$2
	shift 2
	lane_began=$(now)
	heading "KUnit with KASAN and lockdep, $where"
	guest kunit-6.12 mode=kunit lane="$lane" memory=2G limit=1800 \
		boot="${pattern:+kunit.filter_glob=$pattern}" "$@"
	lane_result "kunit on $where"
}

# What KASAN says of every misuse, and the kernel's own tests of KASAN with
# kmalloc and with gomalloc, in guests of their own, as both are full of reports.
# After the first, the kernel has no lockdep, and says so where somebody sleeps.
kasan_says='BUG: KASAN: |BUG: sleeping function|WARNING: .*free_large_kmalloc'
kasan_says="$kasan_says|INFO: lockdep is turned off"

run_kasan()
{
	if ! build_modules kunit-6.12; then
		fail "kasan on 6.12" "$failure"
		return
	fi
	! is_part kasan cases || kasan_lane "kasan cases" mode=kasan \
		heading="The kernel's tests of KASAN, with gomalloc"
	! is_part kasan misuse || kasan_lane "kasan misuse" mode=selftests \
		args=misuse-table.sh heading="Misuses under KASAN"
}

# kasan_lane NAME MODE [ARGS] HEADING
kasan_lane()
{
	lane_name=$1
	shift
	for setting; do
		case $setting in
		heading=*) heading "${setting#*=}" ;;
		esac
	done
	lane_began=$(now)
	# Some hundred modules are loaded: twice the time that a script has.
	guest kunit-6.12 "$@" lane="$(echo "$lane_name" | tr ' ' -)" cpus=2 \
		memory=2G limit=1800 expect="$kasan_says" \
		boot="kasan_multi_shot gomalloc.seconds=300"
	lane_result "$lane_name"
}
