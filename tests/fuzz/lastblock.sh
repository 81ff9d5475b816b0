#!/bin/sh
# What finds the last block of a DEFLATE stream under libFuzzer, with AddressSanitizer and UBSan, beside zlib, for a third
# of FUZZ_SECONDS. What makes it fail is left in tests/fuzz of the build, to be given to tests/fuzz/lastblock again.
# libFuzzer's own exit status for that is 77, which make check takes for a test that was skipped.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
mkdir -p "$work/new" "$work/seeds" tests/fuzz

# a gzip member without its header of 10 bytes is a stream
for level in 1 6 9; do
	gzip -n -"$level" <"$0" | tail -c +11 >"$work/seeds/$level"
done
printf 'one block by the fixed code' | gzip -n | tail -c +11 >"$work/seeds/fixed"
printf '\003\000' >"$work/seeds/empty"
printf '\000\001\000\376\377x\001\000\000\377\377' >"$work/seeds/stored"

tests/fuzz/lastblock "$work/new" "$work/seeds" -max_len=4096 -timeout=20 \
	-max_total_time=$((${FUZZ_SECONDS:-10} / 3)) -artifact_prefix=tests/fuzz/ -print_final_stats=1 -error_exitcode=1 -verbosity=0
