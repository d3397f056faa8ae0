#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Are profiles right: all of it at a rate of 1, nothing at 0, and on average in
# between, over millions of allocations? Are counted call sites exact? And are
# bad settings refused?

# shellcheck source=selftests/lib.sh
. ./lib.sh

bad_rates='-1 x 1k 1073741825 99999999999999999999 1.5 0x'
bad_lists=', a, ,a a,,b a-b *,a a;b'
rates='524288 30000 4096'
# shellcheck disable=SC2086 # words
set -- $bad_rates $bad_lists $rates $rates $rates
begin $(($# + 20)) gomalloc_sampled

parameters=/sys/module/gomalloc/parameters
truth=/sys/kernel/debug/gomalloc_sampled/truth

# set_parameter NAME VALUE
set_parameter()
{
	echo "$2" >"$parameters/$1"
}

# obeys NAME VALUE [SHOWN]
obeys()
{
	set_parameter "$1" "$2" &&
		equal "$1" "$(cat "$parameters/$1")" "${3-$2}"
}

# refuses NAME VALUE: with the reason in the log, and nothing changed.
refuses()
{
	before=$(cat "$parameters/$1")
	mark_log
	fails set_parameter "$1" "$2" && logged "gomalloc: $1: want" &&
		equal "$1" "$(cat "$parameters/$1")" "$before"
}

refuses_at_load()
{
	mark_log
	fails load gomalloc "$1=$2" && logged "gomalloc: $1: want"
}

# rows FILE: of its first half, "function bytes allocs live frames".
rows()
{
	awk '
	/^MAPPED_LIBRARIES/ { part = 1 }
	!part && /@ 0x/ {
		n++
		live[n] = $1 + 0
		allocs[n] = substr($3, 2) + 0
		bytes[n] = $4 + 0
		leaf[n] = $6
		frames[n] = NF - 5
	}
	part == 1 && /^0x/ { name[$1] = $2 }
	/^---$/ { part = 2 }
	END {
		for (i = 1; i <= n; i++)
			print name[leaf[i]], bytes[i] / allocs[i], allocs[i],
				live[i], frames[i]
	}' "$debugfs/$1"
}

# What both comparisons below share. A sample is taken with probability p and
# stands for q = 1 / p objects: the variance of an estimate of n is n * (q - 1).
# Five standard deviations are allowed for, and six samples, as few are not
# spread as many. All this without a math library, which busybox may not have.
# shellcheck disable=SC2016 # awk
arithmetic='
# 1 / (1 - e^-x) for x = size / rate
function inverse(size, rate,	x, n, p) {
	if (rate <= 1)
		return 1
	for (x = size / rate; x > 0.001; x /= 2)
		n++
	p = x - x * x / 2 + x * x * x / 6
	while (n-- > 0)
		p = p * (2 - p)
	return 1 / p
}
# As they are sampled: those above 2 KiB that have a class less often.
function taken(size, rate) {
	return rate > 1 && size > 2048 && size <= 32768 ?
		inverse(size, rate * size / 2048) : inverse(size, rate)
}
function root(x,	r, i) {
	for (r = x > 1 ? x : 1; i < 100; i++)
		r = (r + x / r) / 2
	return r
}
function near(what, found, truth, variance, few) {
	allowed = 5 * root(variance) + few + 0.5
	if (found <= truth + allowed && found >= truth - allowed)
		return
	printf "%s: %.0f estimated, %.0f in truth, %.0f off allowed\n",
		what, found, truth, allowed
	bad = 1
}
'

# agrees RATE: heap, at every call site and size, and the sum of all bytes.
agrees()
{
	rows heap >"$scratch/rows"
	awk -v rate="$1" "$arithmetic"'
	NR == FNR {
		allocs[$1 " " $2] += $3 * inverse($2, rate)
		live[$1 " " $2] += $4 * inverse($2, rate)
		next
	}
	{
		q = taken($2, rate)
		few = rate <= 1 ? 0 : 6 * q
		key = $1 " " $2
		near(key " allocated", allocs[key] + 0, $3, $3 * (q - 1), few)
		near(key " live", live[key] + 0, $4, $4 * (q - 1), few)
		sum += $3 * $2
		estimate += allocs[key] * $2
		variance += $3 * (q - 1) * $2 * $2
		held += $4 * $2
		estimate_held += live[key] * $2
		variance_held += $4 * (q - 1) * $2 * $2
	}
	END {
		few = rate <= 1 ? 0 : 6 * rate
		near("bytes allocated", estimate, sum, variance, few)
		near("bytes live", estimate_held, held, variance_held, few)
		exit bad
	}' "$scratch/rows" "$truth"
}

# callsites_agree RATE: callsites, by function.
callsites_agree()
{
	awk -v rate="$1" "$arithmetic"'
	NR == FNR {
		if ($1 == "sampled" && $6 == "gomalloc_sampled") {
			sub(/\+.*/, "", $7)
			live_bytes[$7] += $2
			live[$7] += $3
			bytes[$7] += $4
			total[$7] += $5
		}
		next
	}
	{
		q = taken($2, rate)
		n[$1] += $3
		n_var[$1] += $3 * (q - 1)
		b[$1] += $3 * $2
		b_var[$1] += $3 * (q - 1) * $2 * $2
		l[$1] += $4
		l_var[$1] += $4 * (q - 1)
		lb[$1] += $4 * $2
		lb_var[$1] += $4 * (q - 1) * $2 * $2
		# The smallest size is the one whose sample stands for most.
		if (q > most[$1])
			most[$1] = q
		if (q * $2 > most_bytes[$1])
			most_bytes[$1] = q * $2
	}
	END {
		for (f in n) {
			near(f " objects", total[f] + 0, n[f], n_var[f],
				6 * most[f])
			near(f " bytes", bytes[f] + 0, b[f], b_var[f],
				6 * most_bytes[f])
			near(f " live objects", live[f] + 0, l[f], l_var[f],
				6 * most[f])
			near(f " live bytes", live_bytes[f] + 0, lb[f],
				lb_var[f], 6 * most_bytes[f])
		}
		exit bad
	}' "$debugfs/callsites" "$truth"
}

# has_stacks: who called the callers, too.
has_stacks()
{
	rows heap | awk '
	/^in_/ && $5 < 3 { print; bad = 1 }
	/^in_/ { n++ }
	END { exit bad || !n }'
}

# hides_addresses FILE
hides_addresses()
{
	! grep -m 3 -i -e '0x[0-9a-f]\{12\}' -e '[ []f\{4\}[0-9a-f]\{8\}' \
		"$debugfs/$1"
}

header()
{
	head -n 1 "$debugfs/$1"
}

# nothing_live: of what was sampled of the module.
nothing_live()
{
	rows heap | awk '/^in_/ { n++; live += $4 }
	END { if (live || !n) { print n + 0, "rows", live, "live"; exit 1 } }'
}

# exact: what callsites says of the module, summed up by function.
exact()
{
	awk '
	NR == FNR {
		if ($1 == "exact" && $6 == "gomalloc_sampled") {
			sub(/\+.*/, "", $7)
			live_bytes[$7] += $2
			live[$7] += $3
			bytes[$7] += $4
			total[$7] += $5
		}
		next
	}
	{
		want_live_bytes[$1] += $4 * $2
		want_live[$1] += $4
		want_bytes[$1] += $3 * $2
		want_total[$1] += $3
	}
	END {
		for (f in want_total) {
			if (total[f] == want_total[f] && live[f] == want_live[f] &&
			    bytes[f] == want_bytes[f] &&
			    live_bytes[f] == want_live_bytes[f])
				continue
			print f, "has", live_bytes[f], live[f], bytes[f], total[f],
				"instead of", want_live_bytes[f], want_live[f],
				want_bytes[f], want_total[f]
			bad = 1
		}
		exit bad
	}' "$debugfs/callsites" "$truth"
}

result "profile_rate=-1 is refused at load" refuses_at_load profile_rate -1
result "callsites=a, is refused at load" refuses_at_load callsites a,
load gomalloc profile_rate=0 callsites=a,b ||
	ktap_exit_fail_msg "gomalloc does not load"
result "profile_rate is obeyed at load" equal profile_rate \
	"$(cat $parameters/profile_rate)" 0
result "callsites is obeyed at load" equal callsites \
	"$(cat $parameters/callsites)" a,b
for value in $bad_rates; do
	result "profile_rate: refused: $value" refuses profile_rate "$value"
done
# The pattern is no file's name.
set -f
for value in $bad_lists; do
	result "callsites: refused: $value" refuses callsites "$value"
done
set +f
result "profile_rate: hexadecimal" obeys profile_rate 0x1000 4096
result "profile_rate: the largest" obeys profile_rate 1073741824
result "profile_rate: none" obeys profile_rate 0
result "callsites: everything" obeys callsites '*'
result "callsites: nothing" obeys callsites ''

load gomalloc_sampled count=200000
result "a rate of 0 samples nothing" equal "first line" "$(header heap)" \
	"--- symbol heap profile: 0: 0 [0: 1] @ heap_v2/1"
rmmod gomalloc_sampled

# Each from an empty profile.
rmmod gomalloc
for rate in $rates; do
	load gomalloc profile_rate="$rate"
	load gomalloc_sampled count=2000000
	result "a rate of $rate: heap is right on average" agrees "$rate"
	result "and so is callsites" callsites_agree "$rate"
	rmmod gomalloc_sampled
	result "and all are freed" nothing_live
	rmmod gomalloc
done

load gomalloc profile_rate=1
load gomalloc_sampled count=100000
result "a rate of 1: every one" agrees 1
result "their stacks" has_stacks
result "no addresses in heap" hides_addresses heap
result "no addresses in peak" hides_addresses peak
rmmod gomalloc_sampled
result "nothing is live when the module has gone" nothing_live
result "names stay" grep -q '^0x.* in_middle \[gomalloc_sampled\]$' \
	"$debugfs/heap"
result "no addresses even so" hides_addresses heap

set_parameter profile_rate 0
set_parameter callsites gomalloc_sampled
load gomalloc_sampled count=300000
result "counted call sites are exact" exact
set_parameter profile_rate 524288
result "the books balance" is_valid
rmmod gomalloc_sampled
result "the kernel is well" is_taint_free
ktap_finished
