# concurrent.sh - two backups and, all the while, `stagedir gc` and `stagedir status` on one root: no live run
# is touched, both backups complete.
. "${srcdir:-.}/tests/lib/lib.sh" || exit 1

for name in one two; do
	mkdir "$work/$name"
	for i in {1..30}; do
		head -c 1000000 /dev/urandom >"$work/$name/$i"
	done
done

# again LOG COMMAND... - until the file $work/done is there; the output of those that fail is in LOG.failed, too.
again() {
	local log=$logs/$1 rounds=0

	shift
	: >"$log.failed"
	while [ ! -e "$work/done" ]; do
		"$@" >"$log.now" 2>&1 || { echo "exit status $?:" && cat "$log.now"; } >>"$log.failed"
		cat "$log.now" >>"$log"
		rounds=$((rounds + 1))
	done
	echo "$rounds" >"$log.rounds"
}
again gc plugged "$STAGEDIR" gc &
gc=$!
again status plugged "$STAGEDIR" status &
show_status=$!

pids=()
for name in one two; do
	start "$name-run" plugged duplicity full --no-encryption --volsize 1 "$work/$name" "stage+file://$work/$name-target"
	pids+=("$pid")
done
for pid in "${pids[@]}"; do
	end "$pid"
	[ "$status" -eq 0 ] || fail "a backup ended with $status"
done
# and two at once, of which one is stopped for so long that it may look dead, while a third one begins
start one-run plugged duplicity full --no-encryption --volsize 1 "$work/one" "stage+file://$work/one-target"
stopped=$pid
wait_for 10 eval 'find "$root" -mindepth 2 -type f | grep -q .' || fail 'nothing is ever staged'
# A directory that is stopped between being made and being locked is taken for an orphan, and made again.
is_stopped_with_all_locked() {
	local folder

	kill -STOP "$stopped"
	wait_for 5 grep -q '^State:.T' "/proc/$stopped/status" || return
	for folder in "$root"/*/; do
		if flock -n "$folder" true; then
			kill -CONT "$stopped"
			return 1
		fi
	done
}
wait_for 10 is_stopped_with_all_locked || fail 'a live run does not lock its directories'
before=$(find "$root" -mindepth 1 | sort)
expect 0 two-run plugged duplicity full --no-encryption --volsize 1 "$work/two" "stage+file://$work/two-target"
after=$(find "$root" -mindepth 1 | sort)
[ "$before" = "$after" ] || fail "a live run that was stopped had staged: $before; now there is: $after"
kill -CONT "$stopped"
end "$stopped"
[ "$status" -eq 0 ] || fail "the backup that was stopped ended with $status"

: >"$work/done"
wait "$gc" "$show_status"
note "stagedir gc was run $(cat "$logs/gc.rounds") times, stagedir status $(cat "$logs/status.rounds") times"
[ "$(cat "$logs/gc.rounds")" -ge 10 ] || fail 'stagedir gc was run too rarely to prove anything'
grep -q live "$logs/status" || fail 'stagedir status never shows a live run'
# Between mkdir and flock a directory looks dead, and one that is empty may go: its run makes another (held.c).
# Other tests leave orphans in other roots.
grep -E '^removed +[a-z]' "$logs/gc" | grep -F " $work/" | grep -v -E '^removed +orphan +[0-9]+ +0 ' >&2 &&
	fail 'stagedir gc has removed files of a live run'
grep -q '^left  *live' "$logs/gc" || fail 'stagedir gc has never met a live run'
for log in gc status; do
	[ -s "$logs/$log.failed" ] || continue
	fail "stagedir $log has failed beside live runs"
	show "$logs/$log.failed"
done
nothing_left 'two backups and gc'
for name in one two; do
	expect 0 verify stock duplicity verify --compare-data --no-encryption "file://$work/$name-target" "$work/$name"
done
finish
