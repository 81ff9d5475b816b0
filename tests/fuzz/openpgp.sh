#!/bin/sh
# What makes OpenPGP packets under libFuzzer, with AddressSanitizer and UBSan, and an independent reader, for a third of
# FUZZ_SECONDS. What makes it fail is left in tests/fuzz of the build, to be given to tests/fuzz/openpgp again.
# libFuzzer's own exit status for that is 77, which make check takes for a test that was skipped.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
mkdir -p "$work/new" "$work/seeds" tests/fuzz

# eight bytes say how, the rest are data: level and threads, limit, less than asked, five for pieces
printf '\005\000\000\377\001\001\001\001some text' >"$work/seeds/short"
{
	printf '\200\000\000\377\010\020\011\377'
	cat "$0"
} >"$work/seeds/many"
{
	printf '\200\100\200\377\012\020\011\300'
	cat "$0"
} >"$work/seeds/limit"

tests/fuzz/openpgp "$work/new" "$work/seeds" -max_len=4096 -timeout=60 \
	-max_total_time=$((${FUZZ_SECONDS:-10} / 3)) -artifact_prefix=tests/fuzz/ -print_final_stats=1 -error_exitcode=1 -verbosity=0
