#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Does every misuse of gomalloc_misuse's table come out as that says: with
# gomalloc as it is, with all that the parameter debug has, and where the kernel
# has KASAN, with that?

# shellcheck source=selftests/lib.sh
. ./lib.sh

# Rows of the table.
rows=62
if grep -q ' kasan_poison$' /proc/kallsyms; then
	columns=kasan
else
	columns="plain debug"
fi
# shellcheck disable=SC2086 # words
set -- $columns
begin $((rows * $# + 1)) gomalloc_misuse

# said FUNCTION: what was reported and seen since the mark, in order, without
# repetitions; and by whom, if that is another function.
said()
{
	log | awk -v by="$1" '
	function add(what, where)
	{
		if (where != "" && index(where, by) != 1)
			what = what " of " where
		if (what != last)
			all = all (all == "" ? "" : ", ") what
		last = what
	}
	/BUG: gomalloc: |BUG: KASAN: / {
		sub(/.*BUG: (gomalloc: )?/, "")
		what = where = $0
		sub(/,? (in|found) .*/, "", what)
		if (!sub(/.* in /, "", where)) {
			what = what " later"
			where = ""
		}
		add(what, where)
	}
	/BUG: sleeping function/ { add("sleeping function", "") }
	/gomalloc_misuse: saw / { add($NF, "") }
	END { print all == "" ? "-" : all }'
}

# try KIND EXPECTED PARAMETER
try()
{
	# Anew for a few, as it tells of ten in five seconds at most.
	if [ $((tried % 5)) -eq 0 ]; then
		! is_loaded gomalloc || rmmod gomalloc
		load gomalloc profile_rate=0 "$3"
	fi
	tried=$((tried + 1))
	# Or most of the time would go into reading what came before.
	dmesg -c >/dev/null
	mark_log
	load gomalloc_misuse kind="$1" || cat "$scratch/insmod"
	rmmod gomalloc_misuse
	echo 1 >"$debugfs/free_os_memory"
	by=$(echo "$1" | tr - _)
	equal reported "$(said "$by")" "$2" && is_valid || return 1
	# KASAN does not know whose object it was.
	case $2 in
	KASAN*) logged "gomalloc:   allocated by ${by}[^ ]*+" ;;
	esac
}

try_column()
{
	case $1 in
	plain) setting=debug=- ;;
	debug) setting=debug=FZPU ;;
	kasan) setting=debug=K ;;
	esac
	tried=0
	# shellcheck disable=SC2034 # by the name of the column
	while IFS='|' read -r kind plain debug kasan; do
		expected=
		eval "expected=\$$1"
		result "$kind, $1: $expected" try "$kind" "$expected" "$setting"
	done <"$scratch/table"
	rmmod gomalloc
}

load gomalloc
load gomalloc_misuse kind=table
log | sed -n 's/.*gomalloc_misuse: row //p' >"$scratch/table"
result "as many rows as there are" equal rows "$(wc -l <"$scratch/table")" $rows
rmmod gomalloc_misuse
rmmod gomalloc
for column in $columns; do
	try_column "$column"
done
ktap_finished
