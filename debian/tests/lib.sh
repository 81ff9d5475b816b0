# lib.sh - what the tests of the package share. Sourced with $source, the folder of the source. Sets $work, a private folder
# that is removed at the end, and in it a storage, odd://$work/target: a folder that hangs and fails when files in
# $work/target.control say so (tests/lib/site/sitecustomize.py).
# shellcheck shell=sh

work=$(mktemp -d "${AUTOPKGTEST_TMP:-${TMPDIR:-/tmp}}/stagedir-test.XXXXXX")
url=odd://$work/target
run=
tidy_up() {
	[ -z "$run" ] || kill -9 "$run" 2>/dev/null || true
	rm -rf "$work"
}
trap tidy_up EXIT
trap 'exit 1' INT TERM HUP
mkdir "$work/source" "$work/target" "$work/target.control"

PASSPHRASE=secret
PYTHONPATH=${source:?}/tests/lib/site${PYTHONPATH:+:$PYTHONPATH}
PYTHONDONTWRITEBYTECODE=1
export PASSPHRASE PYTHONPATH PYTHONDONTWRITEBYTECODE

die() {
	echo "FAIL: $*" >&2
	[ ! -s "$work/log" ] || tail -n 30 "$work/log" >&2
	exit 1
}

begin_backup() {
	exec duplicity --volsize 1 --num-retries 1 "$work/source" "stage+$url" >"$work/log" 2>&1
}

backup() {
	(begin_backup)
}

# how_many_wait - volumes that are finished and have not gone to storage.
how_many_wait() {
	stagedir status --json | grep -o '"state": *"staged"' | wc -l
}

# kill_while HANGS - a backup is killed when a volume is on its way to a storage that hangs, and others wait behind it.
kill_while() {
	echo "$1" >"$work/target.control/hang"
	begin_backup &
	run=$!
	until [ "$(how_many_wait)" -ge 2 ]; do
		kill -0 "$run" 2>/dev/null || die 'the backup ended before two volumes waited for storage'
		sleep 0.1
	done
	kill -9 "$run"
	wait "$run" 2>/dev/null && die 'the backup was not killed'
	run=
	rm "$work/target.control/hang"
	# a child of it that is about to become another program holds its lock for a moment
	tries=0
	until stagedir status >"$work/status" && grep -q "wait for $url" "$work/status"; do
		tries=$((tries + 1))
		[ $tries -lt 300 ] || die "stagedir status does not name what waits: $(cat "$work/status")"
		sleep 0.1
	done
}

# restores WHAT - by the plain URL of the folder: no part of the plugin is in that.
restores() {
	rm -rf "$work/restored"
	duplicity restore "file://$work/target" "$work/restored" >"$work/log" 2>&1 || die "$1 does not restore"
	diff -r "$work/source" "$work/restored" || die "$1 restores other files"
}
