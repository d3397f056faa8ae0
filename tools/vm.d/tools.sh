# SPDX-License-Identifier: GPL-2.0
#
# The checks of the tools that look at gomalloc: each tools/tests/test_NAME.py
# is one, by its name with - for _. They run on copies of gomalloc's files and
# need no kernel. tools/vm's test calls it.
# shellcheck shell=sh disable=SC2034,SC2154 # parts share variables

run_tools()
{
	heading "tools"
	found=
	for test in "$top"/tools/tests/test_*.py; do
		check=$(basename "$test" .py | sed 's/^test_//; y/_/-/')
		is_part tools "$check" || continue
		found=1
		tool_test "$check" "$test"
	done
	[ "$found" ] || die "no test of a tool matches:$operands"
}

# tool_test NAME FILE: what it said is shown if it failed.
tool_test()
{
	new_log "tools-$1"
	if python3 -B "$2" >"$log" 2>&1; then
		pass "$1"
		return
	fi
	fail "$1" "see $(shown "$log")"
	tail -n 40 "$log" | cut -c 1-120 | sed 's/^/      /'
}
