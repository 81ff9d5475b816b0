#!/bin/sh
# The reader of archives of signatures under libFuzzer, with AddressSanitizer and UBSan, for FUZZ_SECONDS. What makes it fail
# is left in tests/fuzz of the build, to be given to tests/fuzz/sigarchive again. libFuzzer's own exit status for that is 77,
# which make check takes for a test that was skipped.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
mkdir -p "$work/new" "$work/seeds" "$work/signature/folder" tests/fuzz

echo content >"$work/signature/file"
echo other >"$work/signature/folder/$(printf 'long-%.0s' 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25)"
ln -s "$(printf 'to/%.0s' 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30 31 32 33 34 35 36)" \
	"$work/signature/link"
for form in gnu pax ustar v7; do
	(cd "$work" && tar -c -f "seeds/$form" --format "$form" signature) 2>/dev/null || true
done
gzip -c "$work/seeds/pax" >"$work/seeds/gzip"

tests/fuzz/sigarchive "$work/new" "$work/seeds" -max_len=16384 -timeout=60 \
	-max_total_time="${FUZZ_SECONDS:-10}" -artifact_prefix=tests/fuzz/ -print_final_stats=1 -error_exitcode=1 -verbosity=0
