# moments.sh - sourced by the tests that end a run at moments spread over it. A moment is the Nth of the calls by which a
# run opens files and changes something, see moment.c: the same one on each machine, however busy that is.

# shellcheck disable=SC2034,SC2154 # variables of lib.sh and of the test
target=$work/target
source=$work/source
moment_library=$(library moment) || exit 1

# fresh - no backup, no archive directory.
fresh() {
	rm -rf --one-file-system "$target" "$XDG_CACHE_HOME/duplicity"
}

# make_source COUNT - a tree of which so many volumes of 1 MB are made.
make_source() {
	local i

	mkdir "$source"
	for ((i = 1; i <= $1; i++)); do
		head -c 1000000 /dev/urandom >"$source/$i"
	done
}

# measure COMMAND... - runs COMMAND undisturbed, which is a backup with the plugin and must succeed: how many calls it has,
# $calls, and which of them makes the first staging directory, $staging_call.
measure() {
	rm -f "$work/calls"
	export LD_PRELOAD=$moment_library MOMENT_COUNT=$work/calls
	unset MOMENT_AT
	expect 0 undisturbed "$@"
	unset LD_PRELOAD MOMENT_COUNT
	nothing_left 'an undisturbed run'
	read -r staging_call calls <"$work/calls" || die 'the calls of a run are not counted'
	[ "$staging_call" -gt 0 ] || die 'a run makes no staging directory'
}

# call_of MOMENT - the number of the call that is this moment, 1 to 20: a quarter of them are before the staging directory
# is made, the others spread over what is made in it.
call_of() {
	if [ "$1" -le 5 ]; then
		echo $((staging_call * $1 / 5))
	else
		echo $((staging_call + (calls - staging_call) * ($1 - 5) / 16))
	fi
}

# start_until CALL LOG COMMAND... - as start; it is stopped at this call of its. Sets $running if it was not over before.
start_until() {
	local call=$1

	shift
	export LD_PRELOAD=$moment_library MOMENT_AT=$call
	start "$@"
	unset LD_PRELOAD MOMENT_AT
	wait_for 60 stands_still || fail "a run never gets to its call $call"
	running=
	# its last words, or its end
	grep -q '^State:.*[^Z] (' "/proc/$pid/status" 2>/dev/null &&
		! grep -q -a -F 'Backup Statistics' "$logs/$1" && running=yes
}

# interrupt SIGNAL MOMENT OPTION... - starts a full backup, and sends SIGNAL at MOMENT, 1 to 20, as measured. Sets $status,
# and $running if the signal came before the end.
interrupt() {
	local signal=$1 call

	call=$(call_of "$2")
	shift 2
	start_until "$call" interrupted plugged duplicity full --volsize 1 "$@" "$source" "stage+file://$target"
	kill -s "$signal" "$pid" 2>/dev/null
	kill -CONT "$pid" 2>/dev/null
	end "$pid"
	forgive "SIG$signal"
}

# forgive WHAT - removes, and tells of, what is left by a run that was ended within a moment of the interpreter's, plugin or
# not: Python tries whether it can write in $TMPDIR, before the plugin is there (tempfile: _get_default_tempdir).
forgive() {
	local file

	find "$root" -maxdepth 1 -type f -size -2 -regextype posix-extended -regex '.*/[a-z0-9_]{8}' | while read -r file; do
		note "$1 came while Python tried whether it can write: $file"
		rm "$file"
	done
}

# go_on WHAT OPTION... - the next run completes the backup, leaves nothing, and stock finds it in order.
go_on() {
	local what=$1

	shift
	expect 0 next plugged duplicity full --volsize 1 "$@" "$source" "stage+file://$target"
	nothing_left "the run after $what"
	expect 0 verify stock duplicity verify --compare-data "$@" "file://$target" "$source"
	nothing_left "stock's verify after $what"
}
