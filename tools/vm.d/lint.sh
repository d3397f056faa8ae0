# SPDX-License-Identifier: GPL-2.0
#
# The checks that run no kernel: what compilers, sparse and checkpatch say of
# the modules, and whether the scripts parse. tools/vm's test calls it.
# shellcheck shell=sh disable=SC2034,SC2154 # parts share variables

run_lint()
{
	heading "lint"
	need_run_dir
	lint_kernels=
	for k in $with_kernels; do
		lint_kernels="$lint_kernels stock-$k"
	done
	# Only this kernel compiles the KUnit suites, and it takes long to build.
	if [ -z "$operands" ] || have_built kunit 6.12; then
		ensure_built kunit 6.12
		lint_kernels="$lint_kernels kunit-6.12"
	fi
	for k in $lint_kernels; do
		lint "gcc-$k" check_gcc "$k"
	done
	# Once is enough: on the last, which has the most to compile.
	lint sparse check_sparse "$k"
	lint checkpatch check_patch
	lint kernel-doc check_kernel_doc
	lint fail-sites "$top/tools/tests/fail-sites"
	lint shell check_shell
	lint python check_python
}

# lint NAME COMMAND...: passes if COMMAND succeeds and prints nothing.
lint()
{
	check=$1
	shift
	is_part lint "$check" || return 0
	if "$@" >"$run_dir/lint" 2>&1 && ! [ -s "$run_dir/lint" ]; then
		pass "$check"
		return
	fi
	fail "$check"
	cp "$run_dir/lint" "$build/log/lint-$check.log"
	head -n 40 "$run_dir/lint" | cut -c 1-120 | sed 's/^/      /'
}

check_gcc()
{
	locked "$(module_dir "lint-$1")/lock" gcc_alone "$1"
}

gcc_alone()
{
	dir=$(module_dir "lint-$1")
	link_sources "$dir"
	kbuild "$1" "$dir" clean >/dev/null
	kbuild "$1" "$dir" W=1 modules | complaints
}

check_sparse()
{
	locked "$(module_dir "lint-$1")/lock" sparse_alone "$1"
}

sparse_alone()
{
	dir=$(module_dir "lint-$1")
	link_sources "$dir"
	# The compiler has done its part; with its flags, kbuild leaves it at that.
	kbuild "$1" "$dir" W=1 C=2 CHECK=sparse modules | complaints
}

# complaints: of a build's output, what should not be there. What make says of
# itself is worth showing only if the compiler said nothing.
complaints()
{
	grep -iE 'warning|error|\*\*\*' | grep -v 'BTF generation' |
		sed "s,$build/[^/]*/,,g" |
		awk '/^make/ { last = $0; next } { said = 1; print }
			END { if (!said && last) print last }'
}

kernel_c()
{
	find "$top/kmod" "$top/include" "$top/selftests/modules" \
		-name '*.[ch]' ! -name '*.mod.c' 2>/dev/null | sort
}

check_patch()
{
	# shellcheck disable=SC2046 # one file, one argument
	perl "$(source_dir 6.12)/scripts/checkpatch.pl" --no-tree --strict \
		--show-types --no-summary --quiet --terse \
		-f $(kernel_c) | sed "s,$top/,,"
}

check_kernel_doc()
{
	# shellcheck disable=SC2046
	perl "$(source_dir 6.12)/scripts/kernel-doc" -none \
		$(find "$top/include" "$top/kmod" -name '*.h' | sort) \
		2>&1 | sed "s,$top/,,"
}

# scripts_of INTERPRETER: the tree's scripts that start with it.
scripts_of()
{
	find "$top/tools" "$top/selftests" "$top/.ci" -type f \
		! -name '*.[cho]' ! -name '*.gz' 2>/dev/null |
		while read -r file; do
			case $(head -n 1 "$file" | tr -d '\0') in
			'#!'*"$1"*) echo "$file" ;;
			esac
		done
}

check_shell()
{
	for file in $(scripts_of /sh) "$top"/tools/vm.d/*.sh; do
		sh -n "$file"
	done
	for file in $(scripts_of bash); do
		bash -n "$file"
	done
}

check_python()
{
	for file in $(scripts_of python3) "$top"/tools/*/*.py; do
		python3 -c 'import ast, sys
ast.parse(open(sys.argv[1]).read(), sys.argv[1])' "$file"
	done
}
