# SPDX-License-Identifier: GPL-2.0
#
# Tells which lines of kmod/ run in the KUnit suites and in some selftests: on
# the kernel of `tools/vm test kunit`, with modules that count. tools/vm's test
# calls it, for those who ask by name or for all.
# shellcheck shell=sh disable=SC2034,SC2154 # parts share variables

# How many lines have to run, in percent.
covered_lines=95

# What needs time, or little noise, cannot be had under KASAN, and crossing.sh
# does what KASAN is there to see.
covered_scripts="smoke heaps pools limits leaks misuse hotplug trace override
	unload guard faults"

run_coverage()
{
	heading "Which lines run, on Linux 6.12 with KASAN and lockdep, 4 CPUs"
	ensure_built kunit 6.12
	if ! build_modules gcov-6.12; then
		fail "coverage" "$failure"
		return
	fi
	covered=$build/coverage
	rm -rf "$covered"
	mkdir -p "$covered"
	coverage_kunit
	coverage_selftests
	! is_part coverage lines || tell_coverage
}

# coverage_kunit: the suites asked for, which are named gomalloc*.
coverage_kunit()
{
	suites=0
	parts coverage >"$run_dir/patterns"
	while read -r pattern; do
		case $pattern in
		'*') filter= ;;
		gomalloc*) filter=kunit.filter_glob=$pattern ;;
		*) continue ;;
		esac
		suites=$((suites + 1))
		coverage_lane "kunit-$suites" mode=kunit memory=2G \
			boot="$filter"
	done <"$run_dir/patterns"
}

coverage_selftests()
{
	scripts='' warners=''
	for script in $covered_scripts; do
		is_part coverage "$script" || continue
		case " $warning_scripts " in
		*" $script.sh "*) warners=$warners,$script.sh ;;
		*) scripts=$scripts,$script.sh ;;
		esac
	done
	[ -z "$scripts" ] ||
		coverage_lane selftests mode=selftests args="${scripts#,}"
	[ -z "$warners" ] ||
		coverage_lane warning mode=selftests args="${warners#,}" \
			expect="$warned"
	! is_part coverage numa ||
		coverage_lane 4nodes mode=selftests args=numa.sh memory=512M \
			qemu="$numa_4"
}

# coverage_lane NAME SETTING...: one guest. What it counted is in the report.
coverage_lane()
{
	name=$1
	shift
	say "   $name"
	lane_began=$(now)
	guest gcov-6.12 lane="coverage-$name" cpus=4 memory=1G limit=3600 "$@"
	sed -n 's/^counts //p' "$report" | base64 -d >"$covered/$name.tar.gz"
	sed -i '/^counts /d' "$report" "$report_log"
	lane_result "$name"
}

tell_coverage()
{
	need gcov-12
	if "$top/tools/coverage-report" --least "$covered_lines" \
		--objects "$(module_dir gcov-6.12)" --out "$covered/missing" \
		"$covered"/*.tar.gz >"$covered/table" 2>"$run_dir/why"; then
		pass "$covered_lines % of the lines run"
	else
		fail "$covered_lines % of the lines run" \
			"$(tail -n 1 "$run_dir/why")"
	fi
	sed 's/^/   /' "$covered/table"
	say "   the others: $(shown "$covered/missing")"
}

# run_preempt: Debian's 6.12 can be told how to preempt; by default it is
# voluntary.
run_preempt()
{
	build_modules stock-6.12 || {
		fail "preempt" "$failure"
		return
	}
	for preempt in none full; do
		scripts=
		for script in smoke stress heaps pools hotplug; do
			! is_part preempt "$script" ||
				scripts=$scripts,$script.sh
		done
		heading "selftests on Linux 6.12, preempt=$preempt, 4 CPUs"
		selftests_lane 6.12 "preempt-$preempt" "$scripts" cpus=4 \
			boot="preempt=$preempt"
	done
}
