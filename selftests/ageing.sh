#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# A heap ages, shrinks to a tenth anywhere, and what is left is replaced again
# and again: does allocation from the fullest spans let the others run empty?
# In the end at most 1.25 bytes may be held for each byte in use. It is the row
# aged-few of gomalloc_bench's lane ageing in a small heap; Documentation/
# bench.rst has larger ones.

# shellcheck source=selftests/lib.sh
. ./lib.sh

begin 6 gomalloc_bench
results=/sys/kernel/debug/gomalloc_bench/results
limit=1250

# fits: the curve's last point but for the one after a while. Its fields: aged,
# name, operations, requested, kmalloc twice, gomalloc as it is and if it gives
# back what is idle, in use.
fits()
{
	awk -F '\t' -v limit=$limit '
	$1 == "aged" { held = end; inuse = used; end = $8; used = $9 }
	END {
		print held " bytes held for " inuse " in use"
		exit !inuse || held * 1000 > inuse * limit
	}' $results
}

# shrinks: from the heap's whole size to a tenth of it.
shrinks()
{
	awk -F '\t' '
	$1 == "aged" { n++; live = $4; if ($4 > top) top = $4 }
	END {
		print n " points, at most " top " bytes, in the end " live
		exit n < 100 || live > top / 8
	}' $results
}

result "loads" load gomalloc
result "ages" load gomalloc_bench lane=ageing run='aged-few*' heap=16
sed -n 's/^aged/# &/p' $results | awk 'NR % 10 == 0'
result "shrinks" shrinks
result "holds at most $limit/1000 of what is in use" fits
result "validate" is_valid
rmmod gomalloc_bench gomalloc
result "the kernel is well" is_taint_free
ktap_finished
