# SPDX-License-Identifier: GPL-2.0
#
# What every part of tools/vm leans on: where things are kept, how to speak,
# how to end, and how to put something into the cache whole or not at all.
# shellcheck shell=sh disable=SC2034,SC2154 # parts share variables

[ "${HOME:-}${XDG_CACHE_HOME:-}" ] || HOME=/root
cache=${XDG_CACHE_HOME:-$HOME/.cache}/gomalloc
build=${GOMALLOC_BUILD:-$top/build}
jobs=${GOMALLOC_JOBS:-$(nproc)}
accel=${GOMALLOC_ACCEL:-tcg,thread=multi}
refresh=

say()
{
	printf '%s\n' "$*"
}

heading()
{
	printf '\n-- %s\n' "$*"
}

# die MESSAGE...: one sentence, what to do included.
die()
{
	printf 'tools/vm: %s\n' "$*" >&2
	exit 1
}

now()
{
	date +%s
}

# shown PATH: the way to PATH from where the user stands, if that is shorter.
shown()
{
	case $1 in
	"$PWD"/*) printf '%s' "${1#"$PWD"/}" ;;
	*) printf '%s' "$1" ;;
	esac
}

case "$cache$build$top" in
*[[:space:]:\#%]*)
	die "make cannot work in a path with a space, :, # or %:" \
		"set XDG_CACHE_HOME, or move the tree"
	;;
esac

# === Ending =================================================================

run_dir=
child=

cleanup()
{
	if [ "$child" ]; then
		kill -- "-$child" 2>/dev/null || kill "$child" 2>/dev/null
	fi
	[ -z "$run_dir" ] || rm -rf "$run_dir"
}

end_cleanly()
{
	trap cleanup EXIT
	trap 'exit 129' HUP
	trap 'exit 130' INT
	trap 'exit 141' PIPE
	trap 'exit 143' TERM
}

end_cleanly

# attempt COMMAND...: as COMMAND, but if it dies, that is false, and the last
# it said is in $failure.
attempt()
{
	need_run_dir
	why=$run_dir/why
	(
		# That one is not this subshell's to remove.
		# shellcheck disable=SC2030
		run_dir=
		end_cleanly
		"$@"
	) 2>"$why" && return
	failure=$(tail -n 1 "$why")
	failure=${failure#tools/vm: }
	return 1
}

# need_run_dir: makes $run_dir, this run's own scratch directory. Its name is
# random, so two runs in one tree never share one.
# shellcheck disable=SC2031 # it was not lost
need_run_dir()
{
	[ -z "$run_dir" ] || return 0
	mkdir -p "$build/log" || die "cannot write to $build"
	# Those of runs that were killed outright.
	find "$build" -maxdepth 1 -name 'run.*' -mtime +0 -exec rm -rf {} +
	run_dir=$(mktemp -d "$build/run.XXXXXX") || die "cannot write to $build"
}

# new_log NAME: what follows goes to build/log/NAME.log.
new_log()
{
	mkdir -p "$build/log" || die "cannot write to $build"
	log=$build/log/$1.log
	: >"$log"
}

# === Long work ==============================================================

# follow WHAT HOWFAR COMMAND...: runs COMMAND, its output going to $log, and
# says now and then how far it is, which HOWFAR prints. On a terminal one line
# changes in place.
follow()
{
	what=$1 how_far=$2
	shift 2
	setsid "$@" >>"$log" 2>&1 </dev/null &
	child=$!
	follow_child "$what" "$how_far"
}

# follow_child WHAT HOWFAR: the same with what $child runs already.
follow_child()
{
	what=$1 how_far=$2
	seconds=0
	while kill -0 "$child" 2>/dev/null; do
		sleep 1
		seconds=$((seconds + 1))
		if [ -t 1 ]; then
			printf '\r\033[K   %s: %s' "$what" "$($how_far)"
		elif [ $((seconds % 30)) -eq 0 ]; then
			printf '   %s: %s\n' "$what" "$($how_far)"
		fi
	done
	[ ! -t 1 ] || printf '\r\033[K'
	wait "$child"
	status=$?
	child=
	return $status
}

# Ways to say how far something is.
elapsed()
{
	printf '%d s' "$seconds"
}

last_line()
{
	printf '%d s, %.50s' "$seconds" "$(tail -n 1 "$log")"
}

# need_space DIR MB: there is that much room where DIR is.
need_space()
{
	mkdir -p "$1" || die "cannot write to $1"
	free=$(df -Pm "$1" | awk 'NR == 2 { print $4 }')
	[ "$free" -ge "$2" ] ||
		die "$1 has $free MB free and this needs $2:" \
			"make room, or set XDG_CACHE_HOME and GOMALLOC_BUILD"
}

# === The cache ==============================================================
#
#	stock-6.12/VERSION	a Debian kernel: image, modules, headers
#	source-6.12/VERSION	the source of that kernel
#	kunit-6.12/VERSION-HASH	built from it with tools/kunit.config
#	uml-7.x/VERSION-HASH	built likewise with tools/uml.config
#	busybox/VERSION		a static busybox
#	apt/, apt-SUITE/	private apts: lists and downloads
#
# "current" in each names the entry in use, but for the kernels built here. An
# entry is made as VERSION.part and renamed when complete, so whatever has its
# final name is whole.

cached()
{
	[ -z "$refresh" ] && [ -d "$cache/$1/current/" ]
}

# ensure KIND COMMAND...: KIND is there, if need be because COMMAND makes it.
ensure()
{
	cached "$1" || locked "$cache/lock" ensure_alone "$@"
}

# Who waited for the lock may find the work done.
ensure_alone()
{
	! cached "$1" || return 0
	shift
	"$@"
}

# new_entry KIND VERSION MB: begins that entry, in the directory $entry. False
# if there is one; then that is in use from now on.
new_entry()
{
	if [ -d "$cache/$1/$2/" ]; then
		use "$1" "$2"
		return 1
	fi
	need_space "$cache" "$3"
	entry=$cache/$1/$2.part
	rm -rf "$entry"
}

# keep KIND ENTRY: ENTRY.part of KIND is complete, use it from now on.
keep()
{
	rm -rf "${cache:?}/$1/$2"
	mv "$cache/$1/$2.part" "$cache/$1/$2"
	use "$1" "$2"
}

use()
{
	ln -sfn "$2" "$cache/$1/current.new"
	mv -T "$cache/$1/current.new" "$cache/$1/current"
}

# locked FILE COMMAND...: one at a time, whoever else works here.
locked()
{
	mkdir -p "${1%/*}" || die "cannot write to ${1%/*}"
	lock=$1
	shift
	exec 9>"$lock"
	if ! flock -n 9; then
		say "waiting for another tools/vm to finish with ${lock%/*}"
		flock 9
	fi
	"$@"
	status=$?
	exec 9>&-
	return $status
}
