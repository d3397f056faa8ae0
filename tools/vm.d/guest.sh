# SPDX-License-Identifier: GPL-2.0
#
# Runs one guest: packs an initramfs of busybox, tools/guest/, the modules and
# their data, boots it in QEMU, or as a process where the kernel is User-Mode
# Linux, and judges how that went. tools/vm's commands call it.
#
# The guest speaks on two lines. The console may hold anything. The report is
# what the guest's script prints, and ends with a verdict that carries a random
# word from the kernel command line: noise cannot fake it. A third line is for
# files, where a script has some: no kernel is given a third port without need,
# for one configured for two loses its console to it.
# shellcheck shell=sh disable=SC2034,SC2154 # parts share variables

# Lines that a kernel prints when something is wrong with it. gomalloc's own
# reports of misuse ("BUG: gomalloc: ...") are what some tests are about.
splats='BUG: |WARNING: |INFO: (possible|suspicious|inconsistent|task|rcu|lockdep'
splats="$splats|trying)|Oops: |kernel BUG at|general protection fault"
splats="$splats|Kernel panic|UBSAN: |DEBUG_LOCKS_WARN_ON"

# guest KERNEL SETTING=VALUE...: boots KERNEL and waits until it is off. True
# if it proved success; else $failure says why not. Settings:
#
#	mode	the script of tools/guest/ to run
#	args	its arguments, with commas between
#	lane	what to call the logs, by default the mode
#	cpus	how many, by default 2
#	memory	by default 512M
#	limit	seconds after which it is taken for hung, by default 180
#	boot	more words for the kernel command line
#	qemu	more arguments for QEMU
#	accel	another accelerator for QEMU
#	expect	a splat that is no failure, as grep -E takes it
#	files	where what the script hands over goes (lib.sh), a tar.gz
#	show	not empty: print the report as it comes
#	howfar	says how far it is, for follow()
guest()
{
	for_kernel=$1
	shift
	guest_settings "$@"
	pack_initramfs "$for_kernel"
	tries=0
	while :; do
		failure='' splat='' verdict=''
		boot_guest "$for_kernel" && judge_guest && return 0
		lost_race || return 1
		say "   QEMU lost a race of its own (see guest.sh); once more"
	done
}

guest_settings()
{
	mode=shell args='' lane='' cpus=2 memory=512M limit=180 boot='' qemu=''
	accelerator=$accel files='' show='' howfar='' expect=
	for setting; do
		value=${setting#*=}
		case $setting in
		mode=*) mode=$value ;;
		args=*) args=$value ;;
		lane=*) lane=$value ;;
		cpus=*) cpus=$value ;;
		memory=*) memory=$value ;;
		limit=*) limit=$value ;;
		boot=*) boot=$value ;;
		qemu=*) qemu=$value ;;
		accel=*) accelerator=$value ;;
		expect=*) expect=$value ;;
		files=*) files=$value ;;
		show=*) show=$value ;;
		howfar=*) howfar=$value ;;
		esac
	done
	lane=${lane:-$mode}
	need_run_dir
	console=$run_dir/console
	report=$run_dir/report
	console_log=$build/log/$lane.console
	report_log=$build/log/$lane.report
}

# === The initramfs ==========================================================

pack_initramfs()
{
	root=$run_dir/root
	rm -rf "$root"
	mkdir -p "$root/gomalloc/selftests"
	for dir in bin sbin usr/bin usr/sbin dev proc sys tmp etc mnt; do
		mkdir -p "$root/$dir"
	done
	cp "$cache/$(busybox_name "$(kernel_arch "$1")")/current/bin/busybox" \
		"$root/bin/"
	ln -s busybox "$root/bin/sh"
	cp "$top/tools/guest/init" "$root/init"
	cp -R "$top/tools/guest" "$root/gomalloc/guest"
	chmod +x "$root/init" "$root"/gomalloc/guest/*
	for module in $(built_modules "$1"); do
		"$(cross_prefix "$1")strip" -g \
			-o "$root/gomalloc/${module##*/}" "$module"
	done
	for script in "$top"/selftests/*.sh; do
		[ ! -f "$script" ] || cp "$script" "$root/gomalloc/selftests/"
	done
	for trace in "$top"/selftests/traces/*.trace.gz; do
		trace_name=${trace##*/}
		gzip -dc "$trace" >"$root/gomalloc/${trace_name%.gz}"
	done
	if [ -d "$cache/source-6.12/current/" ]; then
		ktap=tools/testing/selftests/kselftest/ktap_helpers.sh
		cp "$cache/source-6.12/current/$ktap" "$root/gomalloc/"
	fi
	[ "$mode" != record ] || pack_stock_modules
	case ,$mode,$args, in
	,clients,* | *,clients.sh,*) pack_clients "$1" ;;
	esac
	(cd "$root" && find . | busybox cpio -o -H newc) \
		>"$run_dir/initrd" 2>/dev/null ||
		die "cannot pack an initramfs in $run_dir"
}

# === The machine ============================================================

# kernel_words: the command line that any guest gets, in $append.
kernel_words()
{
	nonce=$(od -An -N8 -tx8 /dev/urandom | tr -d ' ')
	# An oops may leave locks held: better dead at once than hung.
	append="oops=panic panic=-1 loglevel=5 $boot"
	append="$append gomalloc.mode=$mode gomalloc.nonce=$nonce"
	append="$append${args:+ gomalloc.args=$args}"
}

# qemu_machine ARCHITECTURE: the program that is one in $machine, and which of
# its ports are what QEMU knows as the character devices console, report and
# files. All are such as Debian's kernels have drivers for built in. x86-64 is
# without 57-bit addresses, for while a kernel counts the features of its CPU it
# forgets that it has them, and KASAN takes what an interrupt touches in that
# moment for a wild pointer. arm64 is one whose linear map begins anywhere, as
# it does where there are more addresses than there may be memory, and which
# signs no pointers, which takes QEMU half of its time. On s390x the second
# port is one of lines.
qemu_machine()
{
	case $1 in
	arm64)
		machine="qemu-system-aarch64 -M virt -cpu cortex-a76 \
-serial chardev:console -device pci-serial,chardev=report"
		append="console=ttyAMA0 gomalloc.report=ttyS0 $append"
		;;
	s390x)
		machine="qemu-system-s390x -M s390-ccw-virtio -cpu max \
-serial chardev:report -serial chardev:console"
		append="conmode=sclp gomalloc.report=ttysclp0 $append"
		;;
	*)
		machine="qemu-system-x86_64 -cpu max,la57=off \
-serial chardev:console -serial chardev:report \
${files:+-serial chardev:files}"
		append="console=ttyS0 $append"
		;;
	esac
}

# qemu_command KERNEL: what starts the guest, but for what is behind its ports,
# in $machine.
qemu_command()
{
	# Patience for a slow host, and none beyond that.
	append="rcupdate.rcu_cpu_stall_timeout=120 $append"
	append="watchdog_thresh=60 softlockup_panic=1 $append"
	qemu_machine "$(kernel_arch "$1")"
	machine="$machine -nodefaults -no-reboot -display none \
-accel $accelerator -smp $cpus -m $memory \
-kernel $(kernel_image "$1") -initrd $run_dir/initrd $qemu"
}

# uml_command KERNEL: the same for User-Mode Linux. Its console is its standard
# output, its report the descriptor 3. It takes the command line as arguments.
uml_command()
{
	machine="$(kernel_image "$1") mem=$memory ncpus=$cpus seccomp=on \
noreboot uml_dir=$run_dir/uml initrd=$run_dir/initrd console=tty0 con=null \
con0=null,fd:1 ssl=null ssl0=null,fd:3 gomalloc.report=ttyS0 $append"
}

# boot_guest KERNEL: until it is off.
boot_guest()
{
	tries=$((tries + 1))
	kernel_words
	: >"$console"
	: >"$report"
	# shellcheck disable=SC2086 # no argument but -append's holds a space
	case $1 in
	uml-*)
		uml_command "$1"
		said=$console
		setsid timeout -k 5 "$limit" $machine \
			</dev/null >>"$said" 2>&1 3>"$report" &
		;;
	*)
		qemu_command "$1"
		said=$run_dir/qemu
		setsid timeout -k 5 "$limit" $machine -append "$append" \
			-chardev "file,id=console,path=$console" \
			-chardev "file,id=report,path=$report" \
			${files:+-chardev "file,id=files,path=$files"} \
			</dev/null >"$said" 2>&1 &
		;;
	esac
	child=$!
	if [ "$show" ]; then
		show_report "$child" &
		shower=$!
	fi
	if [ "$howfar" ]; then
		follow_child "$lane" "$howfar"
	else
		wait "$child"
	fi
	machine_status=$?
	child=
	[ -z "$show" ] || wait "$shower"
	mkdir -p "$build/log"
	cp "$console" "$console_log"
	cp "$report" "$report_log"
}

# show_report PID: prints the report as it grows, until the process has ended.
show_report()
{
	tail -n +1 -s 0.2 --pid="$1" -f "$report" |
		sed -u '/^verdict /d; s/^\([^-]\)/   \1/'
}

guest_report()
{
	sed '/^verdict /d' "$report"
}

# === Judgement ==============================================================

judge_guest()
{
	splat=$(grep -aE "$splats" "$console" |
		grep -avE "BUG: gomalloc: ${expect:+|$expect}" | head -n 1)
	verdict=$(grep -a '^verdict ' "$report")
	if [ "$splat" ]; then
		failure="the kernel complained: ${splat#*] }"
	elif [ "$machine_status" -eq 124 ] || [ "$machine_status" -eq 137 ]; then
		failure="the guest was not done after $limit s"
	elif [ "$machine_status" -ne 0 ]; then
		failure="${machine%% *} failed: $(tail -n 1 "$said")"
	elif [ "$verdict" = "verdict $nonce 0" ]; then
		return 0
	elif [ "$verdict" = "verdict $nonce ${verdict##* }" ]; then
		failure="the guest's script ended with ${verdict##* }"
	else
		failure="the guest gave no verdict"
	fi
	return 1
}

# QEMU 7.2's multi-threaded TCG can go on running a breakpoint that the guest
# has already replaced, if another CPU translates it just as it is written
# over. Kernels put one there for a moment whenever they patch themselves
# (static keys), so once in a while a guest dies of "Oops: int3" through no
# fault of its own. That, and only that, is worth two more tries.
lost_race()
{
	case $accelerator in
	*thread=multi*) ;;
	*) return 1 ;;
	esac
	[ "$tries" -lt 3 ] && grep -aq 'Oops: int3' "$console"
}

# explain_failure: what the console says of the first splat, or at its end.
explain_failure()
{
	{
		echo
		echo "From $(shown "$console_log"):"
		if [ "$splat" ]; then
			grep -aFx -A 30 -- "$splat" "$console"
		else
			tail -n 25 "$console"
		fi | head -n 31 | cut -c 1-100 | sed 's/^/   /'
		echo
	} >&2
}

# === A guest to talk to =====================================================

shell_guest()
{
	for_kernel=$1
	guest_settings mode=shell
	pack_initramfs "$for_kernel"
	kernel_words
	qemu_command "$for_kernel"
	say "Ctrl-A X ends QEMU; so does poweroff -f."
	# shellcheck disable=SC2086
	$machine -append "$append" -chardev null,id=report \
		-chardev stdio,id=console,mux=on,signal=off -mon console
}
