# SPDX-License-Identifier: GPL-2.0
#
# Downloads of Debian packages without touching the system: an apt of our own
# for each suite and architecture, in the cache, that asks the mirror this system
# already uses. One apt with several would not do, for they have packages of the
# same names. kernels.sh calls it.
# shellcheck shell=sh disable=SC2034,SC2154 # parts share variables

apt_suite=bookworm apt_arch=amd64 apt_dir=$cache/apt

# apt_from SUITE [ARCHITECTURE]: which one all below is about; bookworm and amd64
# before the first call.
apt_from()
{
	apt_suite=$1 apt_arch=${2:-amd64} apt_dir=$cache/apt
	[ "$apt_suite" = bookworm ] || apt_dir=$apt_dir-$apt_suite
	[ "$apt_arch" = amd64 ] || apt_dir=$apt_dir-$apt_arch
}

# apt_name: that, for people.
apt_name()
{
	echo "$apt_suite-$apt_arch"
}

# system_sources: the system's apt sources, "URI SUITES KEYRING" a line. Reads
# both formats, the old one of a line each and deb822.
system_sources()
{
	for file in /etc/apt/sources.list /etc/apt/sources.list.d/*.list; do
		[ -r "$file" ] || continue
		sed -n 's/^deb[[:space:]]//p' "$file"
	done | awk '{
		key = "-"
		if (match($0, /\[[^]]*\]/)) {
			options = substr($0, RSTART + 1, RLENGTH - 2)
			sub(/\[[^]]*\]/, "")
			if (match(options, /signed-by=[^ ]*/))
				key = substr(options, RSTART + 10,
					     RLENGTH - 10)
		}
		print $1, $2, key
	}'
	for file in /etc/apt/sources.list.d/*.sources; do
		[ -r "$file" ] || continue
		cat "$file"
		echo
	done | awk '
		function flush(  i, n, uris, m, j, names) {
			n = split(uri, uris)
			m = split(suites, names)
			for (i = 1; i <= n && deb; i++)
				for (j = 1; j <= m; j++)
					print uris[i], names[j], key
			uri = suites = ""
			deb = 0
			key = "-"
		}
		BEGIN { key = "-" }
		/^#/ { next }
		/^[[:space:]]*$/ { flush(); next }
		{ field = tolower($1); sub(/^[^:]*:[[:space:]]*/, "") }
		field == "types:" { deb = / deb |^deb / || / deb$|^deb$/ }
		field == "uris:" { uri = $0 }
		field == "suites:" { suites = $0 }
		field == "signed-by:" && /^\// { key = $1 }
		field == "enabled:" && /^no/ { deb = 0 }
		END { flush() }'
}

# source_line URI SUITE KEYRING
source_line()
{
	key=$3
	[ "$key" != - ] || key=/usr/share/keyrings/debian-archive-keyring.gpg
	if [ -r "$key" ]; then
		echo "deb [signed-by=$key] $1 $2 main"
	else
		echo "deb $1 $2 main"
	fi
}

# private_sources: our apt's sources.list. Debian's mirrors keep all suites in
# one archive and the security suites beside it, so what is not configured can
# be derived.
private_sources()
{
	archive='' security='' first=''
	while read -r uri suite key; do
		case $suite in
		"$apt_suite") archive=${archive:-$uri $key} ;;
		"$apt_suite-security") security=${security:-$uri $key} ;;
		esac
		case $uri in
		*/debian | */debian/*) first=${first:-$uri $key} ;;
		esac
	done
	archive=${archive:-$first}
	[ "$archive" ] || return 1
	source_line "${archive% *}" "$apt_suite" "${archive##* }"
	case $apt_suite in
	*-backports) return ;;
	esac
	: "${security:=$(echo "$archive" |
		sed 's,/debian\(/\| \),/debian-security\1,')}"
	source_line "${archive% *}" "$apt_suite-updates" "${archive##* }"
	source_line "${security% *}" "$apt_suite-security" "${security##* }"
}

# private_config: what makes an apt ours. It is read after the system's own
# configuration, of which proxies and the like stay in force.
private_config()
{
	cat <<-END
	Dir::State "$apt_dir/state";
	Dir::State::status "$apt_dir/status";
	Dir::Cache "$apt_dir/cache";
	Dir::Etc::sourcelist "$apt_dir/sources.list";
	Dir::Etc::sourceparts "/dev/null";
	Dir::Etc::preferences "/dev/null";
	Dir::Etc::preferencesparts "/dev/null";
	APT::Sandbox::User "root";
	APT::Architecture "$apt_arch";
	APT::Architectures { "$apt_arch"; };
	Acquire::Languages "none";
	Acquire::Retries "3";
	END
}

# apt_ready: the suite's lists are here and of today. Once per run.
apt_ready()
{
	case " ${apt_is_ready:-} " in
	*" $(apt_name) "*) return ;;
	esac
	command -v apt-get >/dev/null ||
		die "the kernels are Debian packages and there is no apt here"
	mkdir -p "$apt_dir/state/lists/partial" \
		"$apt_dir/cache/archives/partial" ||
		die "cannot write to $cache: set XDG_CACHE_HOME"
	: >"$apt_dir/status"
	private_config >"$apt_dir/apt.conf"
	system_sources | private_sources >"$apt_dir/sources.list" ||
		die "found no Debian mirror in /etc/apt"
	new_log "apt-lists-$(apt_name)"
	say "reading the lists of Debian's kernels, $(apt_name)"
	follow "package lists" elapsed apt-get -c "$apt_dir/apt.conf" update ||
		say "the mirror did not answer in full; see $(shown "$log")"
	apt_is_ready="${apt_is_ready:-} $(apt_name)"
}

# mirror_failed WHAT: dies, as there is no answer or none that will do.
mirror_failed()
{
	die "the mirror did not answer or has no $1: see" \
		"$(shown "$build/log/apt-lists-$(apt_name).log") and try again"
}

# version_of PACKAGE: the newest there is.
version_of()
{
	apt-cache -c "$apt_dir/apt.conf" show --no-all-versions "$1" 2>/dev/null |
		sed -n 's/^Version: //p'
}

size_of()
{
	apt-cache -c "$apt_dir/apt.conf" show --no-all-versions "$1" 2>/dev/null |
		sed -n 's/^Size: //p'
}

# depends_on PACKAGE PATTERN: the first dependency of that shape.
depends_on()
{
	apt-cache -c "$apt_dir/apt.conf" depends --no-recommends \
		--no-suggests "$1" 2>/dev/null |
		sed -n "s/.*Depends: \($2\)\$/\1/p" | head -n 1
}

# unpack DIR PACKAGE...: downloads packages, of which PACKAGE=VERSION names one
# that is not the newest, and unpacks them into DIR.
unpack()
{
	into=$1
	shift
	debs=$apt_dir/debs
	rm -rf "$debs"
	mkdir -p "$debs" "$into"
	new_log download
	for package; do
		size=$(size_of "$package")
		[ "$size" ] || die "the mirror has no package $package"
		say "downloading $package, $(megabytes "$size") MB"
		follow downloading downloaded env -C "$debs" \
			apt-get -qq -c "$apt_dir/apt.conf" download "$package" || {
			tail -n 3 "$log" >&2
			die "could not download $package: try again," \
				"or see $(shown "$log")"
		}
	done
	for deb in "$debs"/*.deb; do
		dpkg-deb -x "$deb" "$into" || die "cannot unpack $deb"
	done
	rm -rf "$debs"
}

downloaded()
{
	have=$(cat "$debs/${package%%=*}"_* 2>/dev/null | wc -c)
	printf '%s of %s MB' "$(megabytes "$have")" "$(megabytes "$size")"
}

megabytes()
{
	awk "BEGIN { printf \"%.1f\", $1 / 1e6 }"
}
