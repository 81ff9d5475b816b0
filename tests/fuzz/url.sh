#!/bin/sh
# What is made of URLs under libFuzzer, with AddressSanitizer and UBSan, for FUZZ_SECONDS: a third of what
# journal.sh has. What makes it fail is left in tests/fuzz of the build, to be given to tests/fuzz/url again.
# libFuzzer's own exit status for that is 77, which make check takes for a test that was skipped.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
mkdir -p "$work/new" "$work/seeds" tests/fuzz

printf %s 'stage+sftp://me@corp.com:se%3Acret@[::1]:22/dir;a=b?token=x&mode=y#long-fragment' >"$work/seeds/all"
printf %s 'rclone://:sftp,pass="a,b",host=h:dir' >"$work/seeds/remote"
printf %s 'sftp://me:se/cret@host/dir,sftp:/me:secret@host a:b://c' >"$work/seeds/late"
printf 'stage+\r\rs\rftp://me@host/dir;a=b?mode=x' >"$work/seeds/returns"

printf '"%s"\n' 'stage+' 'par2+' 'rclone' 'sftp' 'file' '://' '//' 'mode=' 'token=' ',pass=' '%40' '%00' '::' \
	>"$work/words"

tests/fuzz/url "$work/new" "$work/seeds" -dict="$work/words" -max_len=512 -timeout=20 \
	-max_total_time=$((${FUZZ_SECONDS:-10} / 3)) -artifact_prefix=tests/fuzz/ -print_final_stats=1 -error_exitcode=1 -verbosity=0
