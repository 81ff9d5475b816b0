#!/bin/sh
# The parser of journals under libFuzzer, with AddressSanitizer and UBSan, for FUZZ_SECONDS.
# What makes it fail is left in tests/fuzz of the build, to be given to tests/fuzz/journal again.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
mkdir -p "$work/new" "$work/seeds" tests/fuzz

file=staged-abcdefghijklm-
sha256=ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad

# the fuzz target puts checksums before these lines
{
	echo 'stagedir 1'
	echo 'target sftp://host/folder %'
} >"$work/seeds/empty"
{
	cat "$work/seeds/empty"
	echo "staged ${file}1 3 $sha256 1700000000 volume%201 %"
	echo "staged ${file}2 18446744073709551615 $sha256 0 %25%0A%FF note"
	echo "failed ${file}2 1700000001 1 no%20luck"
	echo "forgotten ${file}1"
	echo "staged ${file}1 0 $sha256 9223372036854775807 again -"
	echo "staged ${file}1 0 $sha256 9223372036854775807 twice -"
} >"$work/seeds/full"
{
	echo "stagedir 1"
	printf 'staged %s1 3 %s 17%%%%%%\n\n' "$file" "$sha256"
	printf 'forgotten %s1\nlater 1\nstagedir 2\ntarget a b\nfailed' "$file"
} >"$work/seeds/torn"
# the same with their checksums: the last bytes that gzip writes are the CRC-32 and the size
while IFS= read -r line; do
	printf '%s %s\n' "$(printf %s "$line" | gzip -c | tail -c 8 |
		od -A n -t x4 -N 4 --endian=little | tr -d ' ')" "$line"
done <"$work/seeds/full" >"$work/seeds/whole"

printf '"%s"\n' 'stagedir 1' 'target ' 'staged ' 'failed ' 'forgotten ' "${file}1 " "$sha256" \
	'%%%\x0a' '%00' '18446744073709551615' >"$work/words"

tests/fuzz/journal "$work/new" "$work/seeds" -dict="$work/words" -max_len=16384 -timeout=20 \
	-max_total_time="${FUZZ_SECONDS:-10}" -artifact_prefix=tests/fuzz/ -print_final_stats=1 -error_exitcode=1 \
	-verbosity=0
