#!/bin/sh
# The operator's command where volumes wait: status, verify, gc and flush, beside live runs and killed ones. Arguments name
# the tests to run; none means all.
. "${srcdir:-.}/tests/command/lib.sh" || exit 1

test_waiting()
{
	manifest 1 2 3
	spool "$work/root" sftp://host/dir 2 3 4
	run 0 status
	says out 'staged'
	says out '3 volumes, 87.9K, for sftp://host/dir'
	says out '0 orphaned, 1 in which dead runs left what waits'
	says out "for sftp://host/dir, in $spool (run "
	says out 'a later run could not hand it off: volume 4 was made again since, or is not in'
	says out '1 of these cannot be handed off any more; "stagedir gc" removes them'
	says out '2 volumes, 48.8K, wait for sftp://host/dir; the next backup to it, or "stagedir flush", hands them'
	run 0 status --json
	holds 'found(arg(1))["state"] == "staged"' "$spool"
	holds 'len(queue(arg(1))["files"]) == 3 and queue(arg(1))["bytes"] == 90000' "$spool"
	holds 'queue(arg(1))["target"] == "sftp://host/dir" and queue(arg(1))["state"] == "dead"' "$spool"
	holds '[f["resumable"] for f in queue(arg(1))["files"]] == [True, True, False]' "$spool"
	holds '[f["state"] for f in queue(arg(1))["files"]] == ["staged"] * 3' "$spool"
	holds '[f["name"] for f in queue(arg(1))["files"]] == ["volume2", "volume3", "volume4"]' "$spool"
	holds 'os.fsencode(queue(arg(1))["files"][1]["path"]) == arg(2)' "$spool" "$(volume 2)"
	# the backup is complete
	rm "$archive/$part"
	run 0 status
	says out 'is complete, or was begun anew'
	says out '3 of these cannot be handed off any more'
	says_not out 'hands them off'
}

test_failures()
{
	manifest 1
	odd=$(printf 'no route\n\033[1m')
	"$make_spool" "$work/root" "$(printf 'sftp://h/\nd\033')" "$archive" \
		"$(printf 'odd\377')=100=1 SHA1 $hash $part=$odd" >"$work/spool"
	spool=$(head -n 1 "$work/spool")
	run 0 status
	says out 'for sftp://h/\x0ad\x1b'
	says out 'ago: no route\x0a\x1b[1m'
	says out 'odd\xff'
	run 0 status --json
	holds 'queue(arg(1))["files"][0]["attempts"] == 3' "$spool"
	holds 'queue(arg(1))["files"][0]["failure"] == "no route\n\x1b[1m"' "$spool"
	holds 'queue(arg(1))["files"][0]["failure_age"] < 60' "$spool"
	holds 'os.fsencode(queue(arg(1))["files"][0]["name"]) == b"odd\xff"' "$spool"
	run 0 flush -n
	says out 'to sftp://h/\x0ad\x1b'
}

# held_spool: as spool, of a run that lives until descriptor 7 is closed
held_spool()
{
	mkfifo "$work/hold"
	: >"$work/spool"
	STAGE_TEST_HOLD=1 "$make_spool" "$work/root" sftp://host/dir "$archive" \
		"volume1=100=1 SHA1 $hash $part" "volume2=200=2 SHA1 $hash $part" \
		<"$work/hold" >"$work/spool" &
	holder=$!
	holders="$holders $holder"
	exec 7>"$work/hold"
	while [ "$(wc -l <"$work/spool")" -lt 3 ]; do
		kill -0 "$holder" 2>/dev/null || fail 'a live spool' 'none'
		sleep 0.1
	done
	spool=$(head -n 1 "$work/spool")
}

test_live_spool()
{
	manifest 1 2
	held_spool
	run 0 status --json
	holds 'found(arg(1))["state"] == "live" and queue(arg(1))["state"] == "live"' "$spool"
	holds '[f["state"] for f in queue(arg(1))["files"]] == ["moving", "staged"]' "$spool"
	run 0 status
	says out "for sftp://host/dir, in $spool (run $holder, live)"
	says out "$(grep -c '^live ' "$work/out") live, 0 orphaned"
	[ "$(grep '^live ' "$work/out" | grep -cF " $work/root/")" -eq 2 ] || fail 'two live directories' 'others'
	damage "$(volume 1)"
	run 0 verify
	says out 'busy'
	says out "$(grep -c '^busy ' "$work/out") of live runs, not checked"
	[ "$(grep '^busy ' "$work/out" | grep -cF "$spool/")" -eq 2 ] || fail 'two files that are busy' 'others'
	rm "$archive/$part"
	run 0 gc
	there "$(volume 1)"
	host 0 ''
	run 0 flush
	says out '2 volumes for sftp://host/dir: the live run'
	gone "$work/arguments"
	exec 7>&-
	wait "$holder"
	there "$(volume 1)"
	run 0 gc
	gone "$spool"
}

# What was never sealed goes, whatever happens to the rest.
test_killed_spool()
{
	manifest 1 2
	held_spool
	kill -9 "$holder"
	wait "$holder" 2>/dev/null
	exec 7>&-
	: >"$spool/staged-abcdefghijklm-9"
	run 0 gc -n
	there "$spool/staged-abcdefghijklm-9"
	run 0 gc
	gone "$spool/staged-abcdefghijklm-9"
	there "$(volume 1)"
	there "$(volume 2)"
}

test_verify()
{
	manifest 1 2 3
	spool "$work/root" sftp://host/dir 1 2
	run 0 verify
	says out '2 volumes, 29.3K, ok; 0 damaged, 0 missing, 0 unreadable'
	damage "$(volume 2)"
	good=$(volume 1)
	bad=$(volume 2)
	spool "$work/other" sftp://host/dir 3
	run 1 verify --json "$work/other"
	says err "$bad (volume2) has changed since it was sealed"
	holds 'it["total"] == {"ok": 2, "damaged": 1, "missing": 0, "unreadable": 0, "busy": len(busy())}'
	holds '{os.fsencode(f["path"]): f["result"] for f in it["files"] if f["result"] != "busy"} == {
	    arg(1): "ok", arg(2): "damaged", arg(3): "ok"}' "$good" "$bad" "$(volume 1)"
	run 1 verify
	says out 'damaged'
	says out 'its SHA-256 is another'
	truncate -s 5 "$bad"
	run 1 verify
	says err 'has 5 bytes, and had 20000'
	there "$bad"
	there "$good"
	# what somebody has removed is told, by whoever looks
	rm "$bad"
	run 1 verify --json "$work/root"
	says err "$bad (volume2) is missing"
	holds 'it["total"] == {"ok": 1, "damaged": 0, "missing": 1, "unreadable": 0, "busy": len(busy())}'
	run 1 verify
	says out ' missing'
	run 0 status
	says out "volume2 is missing: it waits by its journal, and somebody has removed $bad"
	run 0 status --json
	holds 'queue(arg(1))["missing"] == 1' "${bad%/*}"
	rm "$good"
	run 1 verify
	says err "$good (volume1) is missing"
}

test_gc_waiting()
{
	manifest 1 2 3 4 5
	spool "$work/root" sftp://host/dir 2 3 4
	run 0 gc
	says out '3 volumes, 87.9K, wait for sftp://host/dir; "stagedir flush" hands them off'
	says out '3 volumes wait for hand-off'
	there "$(volume 3)"
	# nothing behind a damaged one can be handed off
	damage "$(volume 2)"
	snapshot >"$work/before"
	run 0 gc -n
	says out 'would be removed'
	says out 'has changed since it was sealed'
	says out 'volume 3 is damaged, and without it volume 4 cannot be handed off'
	snapshot >"$work/after"
	cmp -s "$work/before" "$work/after" || fail 'nothing changed' "$(diff "$work/before" "$work/after")"
	run 0 gc --json
	holds '[f["removed"] for f in queue(arg(1))["files"]] == [False, True, True]' "$spool"
	holds '[f["waits"] for f in queue(arg(1))["files"]] == [True, False, False]' "$spool"
	holds 'queue(arg(1))["files"][0]["reason"] is None' "$spool"
	holds 'not found(arg(1))["removed"] and found(arg(1))["waiting"] == 1' "$spool"
	holds 'found(arg(1))["files"] == 2 and it["total"]["bytes"] == 70000' "$spool"
	there "$(volume 1)"
	gone "$(volume 2)"
	gone "$(volume 3)"
	# made again: 1 is known as it is, 2 is not any more
	manifest 1 2 3 1
	run 0 gc
	says out 'volume 2 was made again since, or is not in'
	gone "$spool"
	# what cannot be found out removes nothing
	manifest 1
	spool "$work/root" sftp://host/dir 1
	rm "$archive/$part"
	ln -s "$part" "$archive/$part"
	run 1 gc
	says err "$(volume 1): cannot read the partial manifest"
	there "$(volume 1)"
	rm "$archive/$part"
	: >"$spool/journal"
	run 1 gc
	says err 'nobody can tell what waits in'
	there "$(volume 1)"
	run 1 verify
	says err 'nobody can tell what waits in'
	run 0 status
	says out 'nobody can tell what waits in it'
	run 1 flush
	says err 'nobody can tell what waits in'
}

# A record of no archive directory is not a damaged one: what waits there may be wanted by whoever put it.
test_gc_without_archive_directory()
{
	"$make_spool" "$work/root" sftp://host/dir '' volume1=100=note volume2=200=note >"$work/spool"
	spool=$(head -n 1 "$work/spool")
	run 1 gc
	says err "$(volume 1): its journal names no archive directory"
	says err "if nobody wants it, remove $spool"
	there "$(volume 1)"
	run 0 status
	says out 'its journal names no archive directory'
	says_not out 'hands them off'
	says_not out 'cannot be handed off any more'
	run 1 flush
	says err 'nobody can tell which backup it is of'
	sed -i 's/ volume2 / volume3 /' "$spool/journal"
	run 1 gc
	says err "$(volume 1): its journal names no archive directory"
	says out 'the record that may have told of it is damaged'
	there "$(volume 1)"
	gone "$(volume 2)"
	sed -i 's/sftp:/sftq:/' "$spool/journal"
	run 0 gc
	says out 'the record of its target is damaged or missing'
	gone "$spool"
}

test_flush()
{
	manifest 1 2 3
	run 0 flush
	says out 'nothing waits that a dead run left'
	spool "$work/root" sftp://host/dir 1 2
	first=$spool
	spool "$work/root" file:///srv 7
	useless=$spool
	spool "$work/other" sftp://host/dir 3
	host 0 "[ -n \"\$STAGEDIR_FLUSH\" ] && rm -r '$first'"
	run 0 flush --dry-run
	says out 'would hand off 2 volumes, 29.3K, to sftp://host/dir'
	says out "STAGEDIR_FLUSH=1 $work/host collection-status --archive-dir $work/cache/duplicity --name 0a1b2c stage+sftp://host/dir"
	says out '1 volume for file:///srv cannot be handed off any more; "stagedir gc" tells why'
	gone "$work/arguments"
	run 0 flush sftp://host/di
	says out 'nothing waits that a dead run left for this URL'
	gone "$work/arguments"
	run 0 flush
	says out 'nothing waits for sftp://host/dir any more'
	printf '%s\n' collection-status --archive-dir "$work/cache/duplicity" --name 0a1b2c \
		stage+sftp://host/dir '' | cmp -s - "$work/arguments" ||
		fail 'these arguments' "$(cat "$work/arguments")"
	# a directory that only an option names; a URL with credentials; a failure, with and without need
	host 31 ''
	run 1 flush stage+sftp://me:s@cret@host/dir -- --tempdir "$work/other" --ssh-options '-oX y'
	says err '1 volume, 29.3K, still waits for sftp://host/dir: duplicity ended with exit status 31'
	says_not out cret
	says_not err cret
	printf '%s\n' collection-status --tempdir "$work/other" --ssh-options '-oX y' --archive-dir \
		"$work/cache/duplicity" --name 0a1b2c stage+sftp://me:s@cret@host/dir '' |
		cmp -s - "$work/arguments" || fail 'these arguments' "$(cat "$work/arguments")"
	run 0 flush -n sftp://me:s@cret@host/dir -- "--tempdir=$work/other"
	says out 'stage+sftp://me:***@host/dir'
	host 31 "rm -r '$spool'"
	run 0 flush -- "--tempdir=$work/other"
	says out 'nothing waits for sftp://host/dir any more; after the hand-off duplicity ended with exit status 31'
	there "$useless"
	spool "$work/root" sftp://host/dir 3
	# shellcheck disable=SC2016
	host 0 'kill -KILL $$'
	run 1 flush
	says err 'duplicity was ended by signal 9'
	DUPLICITY=$work/none run 1 flush
	says err 'none could not be run: No such file'
}

# A Ctrl-C reaches the host too; flush waits for it and goes on with no other target.
test_interrupted()
{
	manifest 1
	spool "$work/root" file:///one 1
	spool "$work/root" file:///two 1
	# shellcheck disable=SC2016
	host 0 'trap "exit 4" INT; kill -INT $PPID; sleep 1'
	env --default-signal=INT "$stagedir" flush >"$work/out" 2>"$work/err"
	came=$?
	[ "$came" -eq 1 ] || fail 'exit status 1' "$came"
	says err 'interrupted'
	[ "$(grep -c collection "$work/arguments")" -eq 1 ] || fail 'one call' "$(cat "$work/arguments")"
}

[ $# -gt 0 ] || set -- waiting failures live_spool killed_spool verify gc_waiting gc_without_archive_directory flush interrupted
run_tests "$@"
