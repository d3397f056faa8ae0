# SPDX-License-Identifier: GPL-2.0
#
# Host side of `tools/vm demo`: what becomes of the files that the guest hands
# over; the guest's is tools/guest/demo. tools/vm calls it.
# shellcheck shell=sh disable=SC2034,SC2154 # parts share variables

# take_files FILE: unpacks it to build/demo/ and makes a profile, its flame graph
# and charts of what is in it.
take_files()
{
	unpacked=$run_dir/demo
	mkdir -p "$unpacked"
	tar -xzf "$1" -C "$unpacked" 2>/dev/null ||
		die "demo failed: what the guest handed over is cut off"
	make_of "$unpacked" gomprof convert -o heap.pb.gz heap
	make_of "$unpacked" gomprof flame -o heap.svg heap \
		-t "Who holds memory: heap, Linux $(stock_release "$kernel")"
	! have gnuplot || make_of "$unpacked" gomplot draw -o . record
	rm -rf "$build/demo"
	mv "$unpacked" "$build/demo"
	tell_files
}

# make_of DIR TOOL ARGUMENT...: runs a tool of ours there.
make_of()
{
	made=$(cd "$1" && shift && tool=$1 && shift &&
		python3 -B "$top/tools/$tool" "$@" 2>&1) ||
		die "demo failed: $(printf '%s' "$made" | tail -n 1)"
}

tell_files()
{
	demo=$(shown "$build/demo")
	copies=$(find "$build/demo/record" -name metrics | wc -l)
	heading "Left in $demo"
	say "   heap.svg          who held memory then, as a flame graph: for a browser"
	say "   heap, heap.pb.gz  the same for google-pprof, go tool pprof, gomprof top"
	say "   callsites, ...    the same for tools/gomtop -o -t --dir $demo"
	say "   record/           all this time, in $copies copies of debugfs"
	if have gnuplot; then
		say "   tiers.svg         memory held in this time; classes.svg," \
			"arenas.svg, ..."
	else
		say "   For charts: apt-get install gnuplot-nox," \
			"tools/gomplot draw $demo/record"
	fi
}
