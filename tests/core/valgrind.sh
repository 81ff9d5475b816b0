#!/bin/bash
# core-tests under valgrind: no error, nothing leaked, no descriptor left open.
# Heavy tests are scaled down: what they look for does not depend on the count.
tests=./tests/core-tests
log=tests/core/valgrind.trace

if nm "$tests" | grep -q -e __asan_init -e __tsan_init; then
	echo "valgrind cannot run what has a sanitizer in it (--enable-sanitizers)"
	exit 77
fi
STAGEDIR_TEST_SCALE=25
export STAGEDIR_TEST_SCALE
mkdir -p tests/core
# valgrind 3.24 counts an inherited descriptor as an error of the program's
(
	for fd in /proc/self/fd/*; do
		[ "${fd##*/}" -le 2 ] || eval "exec ${fd##*/}>&-"
	done
	exec "${VALGRIND:-valgrind}" --quiet --leak-check=full --show-leak-kinds=all \
		--errors-for-leak-kinds=definite,indirect,possible --track-fds=yes --error-exitcode=1 \
		--child-silent-after-fork=yes --log-file="$log" "$tests"
)
code=$?
cat "$log"
# older ones list standard input, output and error too
if grep -A1 '^==[0-9]*== Open' "$log" | grep -v -e 'Open' -e '<inherited from parent>' -e '^--$'; then
	echo "descriptors were left open"
	code=1
fi
rm -f "$log"
exit $code
