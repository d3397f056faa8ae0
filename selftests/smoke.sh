#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Does gomalloc load, show itself in debugfs with sums that are right, and
# unload?

# shellcheck source=selftests/lib.sh
. ./lib.sh

begin 14 gomalloc_stress

# has_version FILE
has_version()
{
	equal "first line of $1" "$(head -n 1 "$debugfs/$1")" "gomalloc $1 1"
}

# The ladder: '+' lines add up to the next '='; the second '=' starts from it.
ladder_adds_up()
{
	awk '
	/^[+] / { sum += $2 }
	/^= / {
		n++
		if ($2 != sum) {
			print "line", n, "says", $2, "and its parts are", sum
			bad = 1
		}
		sum = $2
	}
	END {
		if (n != 2)
			print "there are", n + 0, "sums instead of 2"
		exit bad || n != 2
	}' "$debugfs/stats"
}

# What the names say of each other, in Documentation/debugfs.rst.
stats_agree()
{
	awk '
	NF == 2 { v[$1] = $2 }
	function same(what, a, b) {
		if (a != b) {
			print what ": " a " is not " b
			bad = 1
		}
	}
	END {
		same("HeapSys", v["HeapSys"], v["HeapInuse"] + v["HeapIdle"])
		same("Sys", v["Sys"], v["HeapSys"] + v["OtherSys"])
		same("HeapObjects", v["HeapObjects"], v["Mallocs"] - v["Frees"])
		same("HeapAlloc", v["HeapAlloc"], v["Alloc"])
		if (v["PeakSys"] < v["Sys"] || v["Mallocs"] < 1) {
			print "PeakSys", v["PeakSys"], "Mallocs", v["Mallocs"]
			bad = 1
		}
		exit bad
	}' "$debugfs/stats"
}

# The rows of the classes add up to the last, and to what stats says.
classes_agree()
{
	awk -v mallocs="$(stat Mallocs)" -v tiny="$(stat TinyMallocs)" '
	NR <= 2 { next }
	$1 == "total" { total = $10; spans = $4; next }
	$1 == "tiny" { blocks = $10 }
	{ m += $10; s += $4 }
	END {
		if (m != total || s != spans)
			print "mallocs", m, total, "spans", s, spans
		if (m - blocks + tiny != mallocs)
			print "mallocs", m, "tiny", blocks, tiny, "stats", mallocs
		exit m != total || s != spans || m - blocks + tiny != mallocs
	}' "$debugfs/classes"
}

cpus_agree()
{
	equal "lines of CPUs" "$(awk 'NR > 2 && $2 == "yes"' "$debugfs/cpus" |
		wc -l)" "$(nproc)"
}

# The map of arenas reaches from the first page of memory to the last, however
# far that is from address 0.
map_fits()
{
	log | sed -n 's/.* \([0-9]*\) arenas of 4 MiB.*/\1/p' >"$scratch/arenas"
	awk -v page="$kernel_page" -v arenas="$(cat "$scratch/arenas")" '
	$1 == "spanned" { spanned = $2 }
	$1 == "start_pfn:" {
		if (!n++ || $2 < first)
			first = $2
		if ($2 + spanned > end)
			end = $2 + spanned
	}
	END {
		most = int((end - first) * page / 4194304) + 2
		print arenas " arenas, at most " most
		exit !arenas || arenas + 0 > most
	}' /proc/zoneinfo
}

result "loads" load gomalloc
result "says so" logged 'gomalloc: loaded'
result "the map is as long as memory" map_fits
for file in stats classes cpus; do
	result "$file: format and version" has_version $file
done
load gomalloc_stress ms=200
result "stats: the ladder adds up" ladder_adds_up
result "stats: names agree" stats_agree
result "classes: rows add up" classes_agree
result "cpus: as many as there are" cpus_agree
result "validate" is_valid
! is_loaded gomalloc_stress || rmmod gomalloc_stress
result "unloads" rmmod gomalloc
result "nothing leaked" logged 'gomalloc: unloaded, nothing leaked'
result "the kernel is well" is_taint_free
ktap_finished
