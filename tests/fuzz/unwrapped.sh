#!/bin/sh
# The reader of what gpg --unwrap gives, under libFuzzer, with AddressSanitizer and UBSan, for FUZZ_SECONDS. What makes it fail is
# left in tests/fuzz of the build, to be given to tests/fuzz/unwrapped again. libFuzzer's own exit status for that is 77, which
# make check takes for a test that was skipped.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
mkdir -p "$work/new" "$work/seeds" tests/fuzz

printf '\313\010b\000\000\000\000\000da' >"$work/seeds/new"
printf '\255\000\010b\000\000\000\000\000da' >"$work/seeds/old"
printf '\313\342b\000\000\000\340\000\002\000da' >"$work/seeds/partial"
printf '\257b\000\000\000\000\000da' >"$work/seeds/endless"
for message in "$work"/seeds/*; do
	{ printf '\243\001' && gzip -c -n "$message" | tail -c +11 | head -c -8; } >"$message-compressed"
done
# streams: stored blocks and the ends of parts
printf '\000\003\000\374\377abc\000\000\000\377\377\003\000' >"$work/seeds/stored"
printf '\112\114\112\006\000\000\000\377\377\112\114\112\006\000\000\000\377\377\003\000' >"$work/seeds/parts"
printf '\001\007\000\370\377a\000\000\377\377\003\000' >"$work/seeds/last"

tests/fuzz/unwrapped "$work/new" "$work/seeds" -max_len=16384 -timeout=60 \
	-max_total_time="${FUZZ_SECONDS:-10}" -artifact_prefix=tests/fuzz/ -print_final_stats=1 -error_exitcode=1 -verbosity=0
