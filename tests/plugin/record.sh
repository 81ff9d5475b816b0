# record.sh - what a run leaves for people: its record, its hooks, its metrics, and the answer to SIGUSR1; and that none of
# these ends a backup.
. "${srcdir:-.}/tests/lib/lib.sh" || exit 1
. "$srcdir/tests/lib/odd.sh" || exit 1

mkdir "$source"
head -c 4000000 /dev/urandom | split -b 1M - "$source/"
options=(--no-encryption --volsize 1)
runs=$XDG_STATE_HOME/stagedir/runs
metrics=$work/stagedir.prom
keep=30

# a hook that writes what it finds, for people and for `told`
cat >"$work/hook" <<'END'
#!/bin/sh
env | sort >"$HOME/.hook.$STAGEDIR_EVENT"
mv "$HOME/.hook.$STAGEDIR_EVENT" "$HOME/hook.$STAGEDIR_EVENT" # whoever sees it, sees all
END
chmod +x "$work/hook"

# settings LINE... - the configuration file with these lines, too.
settings() {
	configure "temp_root = $root" 'avoid_tmpfs = no' 'retries = 2' 'backoff = 0' "metrics = $metrics" \
		"keep_runs = $keep" \
		"on_start = $work/hook" "on_success = $work/hook" "on_failure = $work/hook" "on_waiting = $work/hook" "$@"
}

# newest - the record of the last run; words - the words of its lines, in order.
newest() {
	find "$runs" -type f | sort | tail -n 1
}

words() {
	cut -d ' ' -f 2 "$(newest)" | tr '\n' ' '
}

count() {
	grep -c "^[0-9a-f]* $1 " "$(newest)"
}

# told EVENT NAME VALUE - what a hook has found in its environment.
told() {
	grep -q -x -F -e "STAGEDIR_$2=$3" "$HOME/hook.$1" && return
	fail "the hook of $1 has not found $2=$3"
	cat "$HOME/hook.$1" >&2
}

# figure ERE - is this line in the metrics?
figure() {
	grep -q -E -e "^$1\$" "$metrics" && return
	fail "there is no line like $1 in the metrics"
	cat "$metrics" >&2
}

# has_gone PID - has it ended? Nobody may reap it.
has_gone() {
	! grep -q '^State:[^Z]*$' "/proc/$1/status" 2>/dev/null
}

# began_anew - nothing of the run before.
began_anew() {
	rm -f "$HOME"/hook.*
	fresh_odd
}

settings
expect 0 full env PASSPHRASE=hidden-one FTP_PASSWORD=hidden-two "$IN_TREE" duplicity full "${options[@]}" "$source" "stage+$url"
has_not full WARNING
[ "$(stat -c %a "$runs") $(stat -c %a "$(newest)")" = '700 600' ] || fail 'the record is not private'
[ "$(words | cut -d ' ' -f 1-2)" = 'stagedir-run begun' ] || fail "the record begins with $(words)"
[ "$(words | awk '{ print $NF }')" = ended ] || fail "the record ends otherwise: $(words)"
volumes=$(stored | wc -w)
for word in volume made sealed upload confirmed; do
	[ "$(count $word)" -eq "$volumes" ] || fail "$volumes volumes, and $(count $word) lines \"$word\""
done
[ "$(count root)" -eq 1 ] || fail "$(count root) roots"
grep -q " begun [0-9]* [0-9]* full $url " "$(newest)" || fail 'the record names no target'
grep -q ' ended [0-9]* done 0 %$' "$(newest)" || fail 'the record tells another end'
sizes=$(awk '$2 == "confirmed" { sum += $5 } END { print sum }' "$(newest)")
[ "$sizes" -eq "$(find "$storage" -name '*.vol*' -printf '%s\n' | awk '{ sum += $1 } END { print sum }')" ] ||
	fail "the record has $sizes confirmed bytes"
told start TARGET "$url"
told success TARGET "$url"
told success RESULT 'done'
told success STORED_VOLUMES "$volumes"
told success STORED_BYTES "$sizes"
told success RECORD "$(newest)"
[ ! -e "$HOME/hook.failure" ] && [ ! -e "$HOME/hook.waiting" ] || fail 'there are hooks of what has not happened'
grep -l hidden "$HOME"/hook.* && fail 'a hook has got a secret'
figure "stagedir_last_run_success\{target=\"$url\"\} 1"
figure "stagedir_last_success_timestamp_seconds\{target=\"$url\"\} 1[0-9.]*"
figure "stagedir_last_run_stored_bytes\{target=\"$url\"\} $sizes"
figure "stagedir_root_free_bytes\{root=\"$root\"\} [0-9]*"
[ "$(stat -c %a "$metrics")" = 644 ] || fail 'the collector cannot read the metrics'
is_empty "$root" 'a run with a record'

note 'an outage: attempts that fail, a run that fails, what waits'
began_anew
set_odd down
run down plugged duplicity full "${options[@]}" "$source" "stage+$url"
[ "$status" -ge 50 ] || fail "exit status $status of a run whose storage is down"
[ "$(count failed)" -eq 2 ] || fail "$(count failed) attempts have failed by the record"
grep -q " ended [0-9]* storage $status " "$(newest)" || fail 'the record does not tell why the run ended'
told failure RESULT storage
told failure STATUS "$status"
[ ! -e "$HOME/hook.success" ] || fail 'a run that has failed is told as one that succeeded'
figure "stagedir_last_run_success\{target=\"$url\"\} 0"
figure "stagedir_failed_runs\{target=\"$url\",kind=\"storage\"\} 1"
waiting=$(staged | wc -l)
[ "$waiting" -gt 0 ] || fail 'nothing waits'
figure "stagedir_waiting_volumes\{target=\"$url\"\} $waiting"
figure "stagedir_waiting_oldest_timestamp_seconds\{target=\"$url\"\} 1[0-9]*"
figure "stagedir_last_success_timestamp_seconds\{target=\"$url\"\} 1[0-9.]*"
unset_odd down
rm -f "$HOME"/hook.*
expect 0 next plugged duplicity full "${options[@]}" "$source" "stage+$url"
[ "$(count adopted)" -eq "$waiting" ] || fail "$(count adopted) volumes were adopted by the record, of $waiting"
figure "stagedir_failed_runs\{target=\"$url\",kind=\"storage\"\} 1"

note 'waiting: for storage that hangs; SIGUSR1; a run that is killed'
began_anew
settings 'waiting_time = 1' 'max_volumes = 2'
set_odd hang vol1.
start hung plugged duplicity full "${options[@]}" "$source" "stage+$url"
wait_for 20 test -e "$HOME/hook.waiting" || fail 'nobody is told that a run waits'
told waiting WAITS_FOR storage
"$STAGEDIR" watch --json "stage+$url" >"$logs/watch" 2>&1 &
watcher=$!
wait_for 20 have_said watch '"waits_for": "storage"' || fail 'watch does not show the run that waits'
kill -USR1 "$pid"
wait_for 20 have_said hung '; waits for storage since ' || fail 'SIGUSR1 has no answer'
says hung '^full to odd:[^ ]*: 2 volumes, [0-9.]*M made.*; 2 volumes, [0-9.]*M wait \(at most 2\); duplicity-full[^ ]*vol1[^ ]* moves since'
kill -KILL "$pid"
end "$pid"
wait "$watcher" || fail "watch ends with $?"
tail -n 1 "$logs/watch" >"$logs/last"
has last '"state": "killed"'
has last "\"target\": \"$url\""
words | grep -q 'waits $' || fail "the record of a run that was killed while it waited: $(words)"
unset_odd hang

note 'SIGTERM, Ctrl-C'
began_anew
for signal in TERM INT; do
	settings
	began_anew
	set_odd hang vol2.
	start "$signal" plugged duplicity full "${options[@]}" "$source" "stage+$url"
	wait_for 20 have_logged ' put ' && wait_for 20 have_staged 2 || fail "$signal: nothing is staged"
	kill "-$signal" "$pid"
	# an upload that is under way is waited for after Ctrl-C
	[ "$signal" = TERM ] || { wait_for 20 have_said "$signal" 'waiting for the upload' && unset_odd hang; }
	end "$pid"
	wait_for 20 test -e "$HOME/hook.failure" || fail "$signal: there is no hook"
	unset_odd hang
	[ "$signal" = TERM ] && result='signal 143' || result='interrupted 4'
	grep -q " ended [0-9]* $result " "$(newest)" || fail "$signal: the record ends with $(tail -n 1 "$(newest)")"
done
figure "stagedir_failed_runs\{target=\"$url\",kind=\"signal\"\} 1"
figure "stagedir_failed_runs\{target=\"$url\",kind=\"interrupted\"\} 1"
figure "stagedir_failed_runs\{target=\"$url\",kind=\"killed\"\} 1"

note 'a signal while an end hook is waited for ends that alone'
for signal in TERM INT; do
	began_anew
	printf '#!/bin/sh\nsleep 1000 & echo $! >"$HOME/hook.sleeps"\nwait\n' >"$work/sleeps"
	chmod +x "$work/sleeps"
	configure "temp_root = $root" 'avoid_tmpfs = no' 'keep_runs = 30' "on_success = $work/sleeps" 'hook_timeout = 900'
	start "late.$signal" plugged duplicity full "${options[@]}" "$source" "stage+$url"
	wait_for 60 test -s "$HOME/hook.sleeps" || fail "$signal: there is no hook"
	kill "-$signal" "$pid"
	end "$pid"
	[ "$status" -eq 0 ] || fail "$signal while a hook is waited for: exit status $status"
	has "late.$signal" 'the command of on_success in stagedir.conf is ended: a signal came while it was waited for'
	grep -q ' ended [0-9]* done 0 ' "$(newest)" || fail "$signal: the record ends with $(tail -n 1 "$(newest)")"
	sleeps=$(cat "$HOME/hook.sleeps")
	wait_for 20 has_gone "$sleeps" || fail "$signal: what the hook has started still runs"
done

note 'SIGUSR1 behind the end of a run ends nothing'
began_anew
settings
mkdir "$work/site"
# functions that were registered first are called last: the run has ended
cat >"$work/site/sitecustomize.py" <<'END'
import atexit, os, runpy, signal
runpy.run_path(os.environ['SITE'])  # of the tests: this one is found in its place
def late():
    if signal.getsignal(signal.SIGUSR1) != signal.SIG_DFL:  # of programs that duplicity starts
        os.kill(os.getpid(), signal.SIGUSR1)
    print('SIGUSR1 was sent, and ignored:', signal.getsignal(signal.SIGUSR1) == signal.SIG_IGN)
atexit.register(late)
END
expect 0 late env SITE="$srcdir/tests/lib/site/sitecustomize.py" PYTHONPATH="$work/site${PYTHONPATH:+:$PYTHONPATH}" "$IN_TREE" duplicity full "${options[@]}" "$source" "stage+$url"
has late 'SIGUSR1 was sent, and ignored: True'

note 'what cannot be done is one warning, and the backup is made'
began_anew
configure "temp_root = $root" 'avoid_tmpfs = no' 'keep_runs = 30' "metrics = $work/nowhere/stagedir.prom" 'on_success = exit 3' \
	'on_start = trap "" ALRM; while :; do sleep 1; done' 'hook_timeout = 1'
chmod 0777 "$XDG_STATE_HOME/stagedir"
expect 0 odd plugged duplicity full "${options[@]}" "$source" "stage+$url"
chmod 0700 "$XDG_STATE_HOME/stagedir"
has odd "there is no record of this run: others may write to $XDG_STATE_HOME/stagedir"
has odd 'the command of on_start in stagedir.conf failed: it took more than the 1 seconds of hook_timeout, and was ended'
has odd 'the command of on_success in stagedir.conf failed: it ended with exit status 3'
has odd "there are no metrics of this run: cannot write $work/nowhere/stagedir.prom: No such file or directory"
[ "$(grep -c '^WARNING\|failed:\|there is no' "$logs/odd")" -le 8 ] || fail 'there are more warnings than failures'

note 'with one volume at a time a run waits for storage, not for its end'
began_anew
rm -r "$runs"
settings 'max_volumes = 1'
waits() {
	grep -q ' waits [0-9]* [a-z]* ' "$runs"/*
} 2>/dev/null
set_odd hang vol1.
start one plugged duplicity full "${options[@]}" "$source" "stage+$url"
wait_for 60 waits || fail 'the record tells of no wait'
grep -q ' waits [0-9]* storage ' "$(newest)" || fail "the record tells of another wait: $(grep ' waits ' "$(newest)")"
unset_odd hang
end "$pid"
[ "$status" -eq 0 ] || fail "exit status $status"

note 'no records'
began_anew
rm -r "$XDG_STATE_HOME"
keep=0
settings
expect 0 none plugged duplicity full "${options[@]}" "$source" "stage+$url"
[ ! -e "$XDG_STATE_HOME" ] || fail 'a record was made that nobody wants'
told success STORED_VOLUMES "$volumes"
figure "stagedir_last_run_success\{target=\"$url\"\} 1"
figure "stagedir_last_run_made_volumes\{target=\"$url\"\} $volumes"
keep=2
settings
for run in 1 2 3; do
	expect 0 "keep.$run" plugged duplicity full "${options[@]}" "$source" "stage+$url"
done
[ "$(find "$runs" -type f | wc -l)" -eq 2 ] || fail "$(find "$runs" -type f | wc -l) records are kept, of 2"

note 'by default nothing is kept, and nothing is said'
rm -r "$XDG_STATE_HOME"
: >"$work/no-folder"
configure "temp_root = $root" 'avoid_tmpfs = no'
expect 0 default plugged env XDG_STATE_HOME="$work/no-folder" duplicity full "${options[@]}" "$source" "stage+$url"
has_not default 'record'
has_not default WARNING
expect 0 default.home plugged duplicity full "${options[@]}" "$source" "stage+$url"
[ ! -e "$XDG_STATE_HOME" ] || fail 'a folder was made by default'
finish
