# moments.sh - sourced by the tests that end a run at moments spread over it

target=$work/target
source=$work/source

# fresh - no backup, no archive directory.
fresh() {
	rm -rf --one-file-system "$target" "$XDG_CACHE_HOME/duplicity"
}

# measure OPTION... - how many milliseconds an undisturbed full backup takes: $length; how many volumes it has: $volumes.
measure() {
	local before

	fresh
	before=$(milliseconds)
	expect 0 undisturbed plugged duplicity full --volsize 1 "$@" "$source" "stage+file://$target"
	length=$(($(milliseconds) - before))
	volumes=$(find "$target" -name '*.difftar.*' | wc -l)
	nothing_left 'an undisturbed run'
}

# make_source MILLISECONDS OPTION... - a tree that takes about so long to back up, of 4 to 60 MB. Sets $length.
make_source() {
	local wanted=$1 few files i

	shift
	rm -rf "$source"
	mkdir "$source"
	for i in {1..60}; do
		head -c 1000000 /dev/urandom >"$source/$i"
	done
	mkdir "$work/aside"
	mv "$source"/??* "$work/aside/"
	# the first run may start an agent of gpg
	measure "$@"
	measure "$@"
	few=$length
	mv "$work/aside/"[12]? "$source/"
	measure "$@"
	[ "$length" -gt "$few" ] || length=$((few + 1))
	files=$((9 + 20 * (wanted - few) / (length - few)))
	[ "$files" -ge 4 ] || files=4
	mv "$work/aside"/* "$source/"
	for ((i = files + 1; i <= 60; i++)); do
		rm "$source/$i"
	done
	rmdir "$work/aside"
	measure "$@"
}

# progressed COUNT - are at least so many volumes stored, and is the next one being staged? Or is the run over?
progressed() {
	[ -e "/proc/$pid/fd/0" ] || return 0
	[ "$(find "$target" -name '*.difftar.*' 2>/dev/null | wc -l)" -ge "$1" ] &&
		find "$root" -mindepth 2 -type f | grep -q .
}

# stands_still - is the run stopped, or over?
stands_still() {
	! grep -q '^State:.*[^TZ] (' "/proc/$pid/status" 2>/dev/null
}

# interrupt SIGNAL MOMENT OPTION... - starts a full backup, sends SIGNAL after MOMENT/21 of $length; or with
# staging=yes, so that it meets the run staging however busy the machine is, after MOMENT/21 of $volumes are stored.
# Sets $status, and $running where the signal came before the end.
interrupt() {
	local signal=$1 delay=$((length * $2 / 21)) count=$((volumes * $2 / 21))

	shift 2
	start interrupted plugged duplicity full --volsize 1 "$@" "$source" "stage+file://$target"
	if [ -n "${staging-}" ]; then
		wait_for 20 progressed "$count" || fail "$count of $volumes volumes are never stored"
		delay=0
	fi
	sleep "$((delay / 1000)).$(printf %03d $((delay % 1000)))"
	# stopped, so that what is told of it is still so when the signal comes
	kill -STOP "$pid" 2>/dev/null
	wait_for 20 stands_still || fail "$pid cannot be stopped"
	running=yes
	# its last words, or its end
	grep -q -a -F 'Backup Statistics' "$logs/interrupted" && running=
	grep -q '^State:.*[^Z] (' "/proc/$pid/status" 2>/dev/null || running=
	kill -s "$signal" "$pid" 2>/dev/null
	kill -CONT "$pid" 2>/dev/null
	end "$pid"
	forgive "SIG$signal"
}

# forgive WHAT - removes, and tells of, what is left by a run that was ended within a moment of the interpreter's, plugin or
# not: Python tries whether it can write in $TMPDIR, before the plugin is there (tempfile: _get_default_tempdir).
forgive() {
	local file

	for file in $(find "$root" -maxdepth 1 -type f -size -2 -regextype posix-extended -regex '.*/[a-z0-9_]{8}'); do
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
