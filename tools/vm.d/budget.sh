# SPDX-License-Identifier: GPL-2.0
#
# How many instructions gomalloc may take: kmod/instructions.budget says it for
# a few entry points and each kernel, so that a change that costs some is seen.
# `tools/vm test` checks it, and `tools/vm bench --bless` writes it.
# Samples come at random distances, so the rows are measured without; sample/64
# is what an allocation and its free take if they are one. A hundredth more is let
# pass: none on the fast paths, and where hundreds go through the tiers below, what
# another address may cost on the way down a tree.
# shellcheck shell=sh disable=SC2034,SC2154 # parts share variables

budget=$top/kmod/instructions.budget
budget_rows="pair/64 pair-var/64 batch-256/64 batch-2000/64 batch-256/8192"
budget_rows="$budget_rows zeroed/64 tiny/5 pair-var/20000"
sampled_rows=pair/64

# count_instructions KERNEL FILE: writes the lines of its budget into FILE; false,
# and says why, if it came to no end.
count_instructions()
{
	build_modules "stock-$1" &&
		measure instructions "stock-$1" 1 "profile_rate=0 $budget_rows" &&
		own_counts "$1" >"$2" &&
		measure instructions "stock-$1" 1 "profile_rate=1 $sampled_rows" &&
		own_counts "$1" | sed 's, pair/, sample/,' >>"$2"
}

# series KERNEL: what its lines in the budget begin with, such as 7.2 for what is
# the newest 7.x now. Another one has a budget of its own.
series()
{
	stock_release "$1" | cut -d . -f 1,2
}

# own_counts KERNEL: of the results the lines of a budget, "SERIES NAME COUNT".
# The count is the median, rounded up.
own_counts()
{
	guest_report | awk -F '\t' -v kernel="$(series "$1")" '$1 == "row" {
		count = int($7)
		print kernel, $2, count < $7 ? count + 1 : count
	}'
}

run_budget()
{
	is_part budget "$1" || return 0
	lane_began=$(now)
	heading "budget of instructions on Linux $(stock_release "$1")"
	if ! grep "^$(series "$1") " "$budget" >"$run_dir/budget"; then
		skip "budget on $1" \
			"none for Linux $(series "$1"): tools/vm bench --bless"
		return
	fi
	if ! count_instructions "$1" "$run_dir/counts"; then
		fail "budget on $1" "$failure"
		explain_failure
		return
	fi
	p=0 f=0
	for row in $budget_rows sample/64; do
		check_row "$row" \
			"$(awk -v row="$row" '$2 == row { print $3 }' \
				"$run_dir/counts")" \
			"$(awk -v row="$row" '$2 == row { print $3 }' \
				"$run_dir/budget")"
	done
	say "   $(totals "$p" "$f" 0), $(($(now) - lane_began)) s"
}

# check_row NAME COUNT BUDGET
check_row()
{
	bless="tools/vm bench --bless"
	if ! [ "$2" ]; then
		why=$(guest_report |
			sed -n 's,^error	'"$1"'	,,p' | head -n 1)
		fail "$1" "not measured: ${why:-no such row}"
		f=$((f + 1))
	elif ! [ "$3" ]; then
		fail "$1" "$2 instructions and no budget: $bless gives it one"
		f=$((f + 1))
	elif [ "$2" -gt $(($3 + $3 / 100)) ]; then
		fail "$1" "$2 instructions, budget $3: if it must be, $bless"
		f=$((f + 1))
	else
		p=$((p + 1))
		if [ "$2" -lt "$3" ]; then
			pass "$1: $2 instructions, budget $3: $bless would tighten it"
		elif [ "$verbose" ]; then
			pass "$1: $2 instructions"
		else
			passed=$((passed + 1))
		fi
	fi
}

# bless_budget: what is measured now is the budget from now on. Lines of kernels
# that cannot be had stay as they are.
bless_budget()
{
	ensure_stocks
	new=$run_dir/budget
	: >"$new"
	for k in $with_kernels; do
		heading "budget of instructions on Linux $(stock_release "$k")"
		count_instructions "$k" "$run_dir/counts" || {
			explain_failure
			die "not blessed: $failure"
		}
		tee -a "$new" <"$run_dir/counts" | sed 's/^/   /'
		for row in $budget_rows sample/64; do
			grep -qF "$(series "$k") $row " "$new" ||
				die "not blessed: no result for $row on $k"
		done
	done
	grep -v '^#' "$budget" 2>/dev/null | while read -r line; do
		grep -q "^${line%% *} " "$new" || echo "$line"
	done >"$new.kept"
	cat "$new.kept" >>"$new"
	{
		cat <<-'HEAD'
		# Instructions that gomalloc takes for an allocation and its free, at most:
		# kernel, row of `tools/vm bench --lane instructions`, median. `tools/vm test
		# budget` checks it, `tools/vm bench --bless` writes it.
		HEAD
		LC_ALL=C sort "$new"
	} >"$budget" || die "cannot write $budget"
	say ""
	say "wrote $(shown "$budget")"
}
