#!/bin/sh
# named.sh [NAME...] - runs the tests of these names, with what they need built before; `make test T=NAME` calls it.
#
#	cycle, plugin/cycle, tests/plugin/cycle.sh	a script, by its bare name, with its folder, or by its path
#	core-tests-asan					a program, in the same way
#	dir						a suite of the unit tests
#	dir.mktemp					one unit test
#
# A script and a suite may have one name, such as gzip: then both are run, and plugin/gzip is the script alone.
# The environment: TESTS are the paths of all scripts and programs, srcdir is the source tree, MAKE is make.
# shellcheck disable=SC2086 # lists of words
set -eu

suites=$(sed -n 's/^const struct suite suite_.* = {"\([^"]*\)".*/\1/p' "${srcdir:?}"/tests/core/*.c | sort | xargs)
scripts='' units=''

# list_tests - all names, a line for each folder, to standard error.
list_tests() {
	for folder in $(printf '%s\n' $TESTS | sed 's,/[^/]*$,,' | sort -u); do
		printf '%s:' "$folder"
		for path in $TESTS; do
			[ "${path%/*}" != "$folder" ] || printf ' %s' "$(basename "$path" .sh)"
		done
		echo
	done >&2
	echo "suites of unit tests: $suites; a SUITE.TEST of them is one unit test" >&2
}

# find_test NAME - adds all that have this name to $scripts and $units.
find_test() {
	found=
	for path in $TESTS; do
		case "$path" in
		"$1" | */"$1" | */"$1".sh) scripts="$scripts $path" found=yes ;;
		esac
	done
	for suite in $suites; do
		case "$1" in
		"$suite" | "$suite".*) units="$units $1" found=yes ;;
		esac
	done
	[ -n "$found" ] || {
		echo "make test: no test is named $1. Allowed are:" >&2
		list_tests
		exit 1
	}
}

# run_units NAME... - a unit test that the program does not know is told with those of its suite.
run_units() {
	$MAKE -s --no-print-directory tests/core-tests
	known=$(tests/core-tests --list)
	for name; do
		case "$name" in
		*.*) printf '%s\n' "$known" | grep -q -x -F -e "$name" || {
			echo "make test: no unit test is named $name. Allowed are:" >&2
			printf '%s\n' "$known" | grep "^${name%%.*}\\." >&2
			exit 1
		} ;;
		esac
	done
	tests/core-tests "$@"
}

[ $# -gt 0 ] || {
	echo "make test: say which test, as in make test T=cycle. Allowed are:" >&2
	list_tests
	exit 1
}
for name; do
	find_test "$name"
done
[ -z "$units" ] || run_units $units
[ -z "$scripts" ] || $MAKE -s --no-print-directory check-TESTS TESTS="$scripts" VERBOSE=1
