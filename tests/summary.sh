#!/bin/sh
# summary.sh FOLDER... - one line for all results that make check has left there, in a form that people and machines read.
# Those of versions of the host that were not proved count where they are named.
find "$@" -mindepth 1 -name unproved -prune -o -name '*.trs' -exec cat {} + 2>/dev/null | awk '
	/^:test-result: (PASS|XFAIL)/ { passed++ }
	/^:test-result: (FAIL|ERROR|XPASS)/ { failed++ }
	/^:test-result: SKIP/ { skipped++ }
	END { printf "%d passed, %d failed, %d skipped\n", passed, failed, skipped }'
