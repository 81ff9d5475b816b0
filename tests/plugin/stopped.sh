# stopped.sh - SIGINT, SIGTERM and SIGHUP while a backup waits: for room, for the last uploads, for another attempt. It is
# over within 2 s of a machine that does nothing else, after Ctrl-C with the upload that is under way, and what is staged is
# kept for the next run.
. "${srcdir:-.}/tests/lib/lib.sh" || exit 1
. "$srcdir/tests/lib/odd.sh" || exit 1

options=(--no-encryption --volsize 1)
mkdir "$source"

# settings LINE... - the configuration file with these lines, too.
settings() {
	configure "temp_root = $root" 'avoid_tmpfs = no' "$@"
}

# volumes COUNT - a source of so many.
volumes() {
	rm -f "$source"/*
	head -c "$(($1 * 970000 - 300000))" /dev/urandom | split -b 700K - "$source/"
}

# is_calm - was the main thread of the run asleep at ten looks in a row? Then it has nothing more to do: one that a busy
# machine gives no time is not asleep.
is_calm() {
	local stat

	read -r stat <"/proc/$pid/stat"
	stat=${stat##*) }
	[ "${stat%% *}" = S ] || calm=0
	calm=$((calm + 1))
	[ "$calm" -gt 10 ]
}

# slowness - how many times longer than alone does a computation take here, now? A whole number.
slowness() {
	"$HOST_PYTHON" -c 'import math, time
begun = time.monotonic()
while time.process_time() < 0.1:
    pass
print(math.ceil((time.monotonic() - begun) / 0.09))'
}

# begin KIND - starts a backup, until it waits in this way.
begin() {
	fresh_odd
	case $1 in
	room | hang) # for a place in the queue, and an upload that does not come to an end by itself
		volumes 6
		settings 'max_volumes = 2'
		set_odd hang vol1.
		set=2 ;;
	drain) # for the uploads of all volumes, before it stores the signature
		volumes 3
		settings 'max_volumes = 4'
		set_odd hang vol1.
		set=3 ;;
	delay) # for the second attempt
		volumes 6
		settings 'max_volumes = 2' 'retries = 5' 'backoff = 60'
		set_odd down
		set=2 ;;
	esac
	set_odd pieces
	start stopped plugged duplicity full -v5 "${options[@]}" "$source" "stage+$url"
	wait_for 20 sealed "$set" || fail "$1: never are $set volumes staged"
	[ "$1" != delay ] || wait_for 10 have_said stopped 'attempt 1 of 5' || fail 'there is no first attempt'
	calm=0
	wait_for 20 is_calm || fail "$1: the run never waits"
	[ "$(stored | wc -w)" -le 1 ] || fail "$1: the moment is gone, stored is $(stored)"
}

# end_within MILLISECONDS WHAT - ends the backup's wait: $status; from the signal, at $since, or from when the upload that
# was under way came to its end, it may take so long on a machine that does nothing else.
end_within() {
	local stored_at took times_slower

	end "$pid"
	took=$(milliseconds)
	stored_at=$(sed -n 's/^\([0-9]*\)\.\([0-9]*\) done .*/\1\2/p' "$storage.log" | tail -n 1)
	[ "${stored_at:-0}" -le "$since" ] || since=$stored_at
	took=$((took - since))
	[ "$took" -le "$1" ] || {
		times_slower=$(slowness)
		note "$2: it takes $took ms to end, on a machine that is $times_slower times slower"
		[ "$took" -le "$(($1 * times_slower))" ] || fail "$2: that is too long"
	}
	times="$times $took"
}

# go_on WHAT - everything that was staged is still there, storage is well again, the next run completes the backup and
# makes nothing again but the newest.
go_on() {
	local sequence

	has_not stopped Traceback
	[ "$(staged | wc -l)" -eq "$((set - $(grep -c ' done ' "$storage.log")))" ] ||
		fail "$1: staged is $(staged), of $set volumes, and stored $(stored)"
	says stopped 'volumes?, [0-9]+ bytes, stays? staged for odd:'
	expect 0 check plugged "$STAGEDIR" verify
	unset_odd rate down hang pieces
	: >"$storage.log"
	expect 0 next plugged duplicity full "${options[@]}" "$source" "stage+$url"
	has next "Restarting after volume $((set - 1)),"
	nothing_left "the run after $1"
	sequence=$(puts | numbers)
	[ "$(echo "$sequence" | tr ' ' '\n' | sort -n | uniq -d)" = "$set" ] ||
		fail "$1: the next run stores the volumes $sequence"
	expect 0 verify stock duplicity verify --compare-data "${options[@]}" "$url" "$source"
}

# finish_upload - the one that is under way, for which the run says that it waits.
finish_upload() {
	wait_for 5 have_said stopped 'waiting for the upload that is under way; Ctrl-C ends it' ||
		fail 'it is not said what a run waits for after Ctrl-C'
	unset_odd hang
}

for signal in INT TERM HUP; do
	times=
	for kind in room drain delay; do
		begin "$kind"
		since=$(milliseconds)
		begun=$(puts | wc -l)
		kill -s "$signal" "$pid"
		case $signal:$kind in
		INT:room | INT:drain) finish_upload ;;
		esac
		end_within 2000 "SIG$signal ($kind)"
		case $signal:$status in
		INT:4 | TERM:143 | HUP:129) ;;
		*)
			fail "SIG$signal ($kind): exit status $status"
			show "$logs/stopped" ;;
		esac
		[ "$(puts | wc -l)" -eq "$begun" ] || fail "SIG$signal ($kind): another upload was begun"
		[ "$signal" = INT ] || [ "$(grep -c ' done ' "$storage.log")" -eq 0 ] ||
			fail "SIG$signal ($kind): it came too late, something was stored"
		go_on "SIG$signal ($kind)"
	done
	note "SIG$signal: a run that waits for room, the last uploads, another attempt ends in$times ms"
done

# once more, of who does not want to wait for the upload either
for second in INT TERM; do
	times=
	begin hang
	kill -s INT "$pid"
	wait_for 5 have_said stopped 'waiting for the upload that is under way; Ctrl-C ends it' ||
		fail 'it is not said what a run waits for after Ctrl-C'
	sleep 1
	grep -q '^State:.*[^Z] (' "/proc/$pid/status" || fail 'after Ctrl-C the upload that is under way is not waited for'
	since=$(milliseconds)
	kill -s "$second" "$pid"
	end_within "$([ "$second" = INT ] && echo 1000 || echo 2000)" "SIGINT, then SIG$second"
	case $second:$status in
	INT:130 | TERM:143) ;;
	*) fail "SIGINT, then SIG$second: exit status $status" ;;
	esac
	go_on "SIGINT, then SIG$second"
	note "SIGINT, then SIG$second: it ends in$times ms"
done
finish
