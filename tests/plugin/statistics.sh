# statistics.sh - what a run tells of itself while volumes are staged ahead, on slow storage: the statistics at the end,
# --progress, and the lines that front ends read (--log-fd). They are of what storage has, not of what is staged.
. "${srcdir:-.}/tests/lib/lib.sh" || exit 1
. "$srcdir/tests/lib/odd.sh" || exit 1

options=(--no-encryption --no-compression --volsize 1)
json=()
offers --jsonstat && json=(--jsonstat)
# a storage that is tried again is tried at once
configure "temp_root = $root" 'avoid_tmpfs = no' 'backoff = 0'

told() {
	"$HOST_PYTHON" "$srcdir/tests/lib/told.py" "$@"
}

# back_up STATUS LOG WHO COMMAND ARG... - its --log-fd is kept in $logs/LOG.lines; $begun and $over are when.
back_up() {
	local wanted=$1 log=$2 who=$3 command=$4

	shift 4
	rm -f "$storage.log"
	begun=$EPOCHREALTIME
	"$who" duplicity "$command" "${options[@]}" --log-fd 9 "$@" 9>&1 >"$logs/$log" 2>&1 </dev/null |
		told read >"$logs/$log.lines"
	status=${PIPESTATUS[0]}
	over=$EPOCHREALTIME
	[ "$status" -eq "$wanted" ] && return
	fail "exit status $status of $log instead of $wanted"
	show "$logs/$log"
}

# make_source DATE - five volumes of files, large and small, of another time than before: the host would not see it
make_source() {
	rm -rf --one-file-system "$source"
	mkdir "$source"
	head -c 2000000 /dev/urandom >"$source/a"
	head -c 2000000 /dev/urandom | split -b 100000 - "$source/b"
	head -c 1000000 /dev/urandom >"$source/c"
	touch -d "$1" "$source"/* "$source"
}

# is_told LOG - everything that was told of a backup was so when it was told.
is_told() {
	local file

	told timely "$logs/$1.lines" "$storage.log" || fail "$1: lines"
	told progress "$logs/$1.lines" "$storage.log" "$rate" || fail "$1: progress"
	told statistics "$logs/$1" "$storage.log" "$begun" "$over" || fail "$1: statistics"
	[ ${#json[@]} -gt 0 ] || return
	for file in "$storage" "$(archive_of "$url")"; do
		file=$(find "$file" -name '*.jsonstat*' -newer "$work/before")
		told statistics "$file" "$storage.log" "$begun" "$over" || fail "$1: $file"
	done
}

rate=800000
set_odd tells

# What stock tells, on storage that is as quick as can be, is what is to be told.
make_source 2001-01-01
back_up 0 stock-full stock full -v5 "$source" "$url"
told volumes "$logs/stock-full.lines" >"$work/wanted"
fresh_odd
set_odd tells
set_odd rate $rate
touch "$work/before"
back_up 0 full plugged full -v5 --progress --progress-rate 1 ${json[@]+"${json[@]}"} "$source" "stage+$url"
is_told full
told volumes "$logs/full.lines" >"$work/found"
diff "$work/wanted" "$work/found" >&2 || fail 'stock (<) and plugin (>) tell different things of volumes'
in_order || fail 'the order is wrong'

# An increment, on storage that reports how far it is, as some do, of which it loses a volume on its way: what is sent again is not counted again.
make_source 2002-02-02
set_odd reports
set_odd breaks .vol3.
sleep 1.1 # for a name of its own
touch "$work/before"
back_up 0 inc plugged inc -v5 --progress --progress-rate 1 ${json[@]+"${json[@]}"} "$source" "stage+$url"
is_told inc
told snapshots "$logs/inc.lines" "$(archive_of "$url")/progress" || fail 'what an ended run would leave of --progress'
has inc 'breaks once'

# Storage fails for good at the third volume: nothing is told to be done that is not. The next run goes on from there.
configure "temp_root = $root" 'avoid_tmpfs = no' 'retries = 1'
make_source 2003-03-03
sleep 1.1
unset_odd rate
set_odd breaks .vol3.
back_up 50 broken plugged inc -v5 --progress "$source" "stage+$url"
told volumes "$logs/broken.lines" | sed -E -n 's/^[0-9 ]*(Writing|odd: [a-z]+|Processed).*vol(ume )?([0-9]+).*/\1 \3/p' |
	tr '\n' , >"$work/found"
[ "$(cat "$work/found")" = "$(printf '%s,' 'Writing 1' 'odd: put 1' 'odd: done 1' 'Processed 1' 'Writing 2' 'odd: put 2' \
	'odd: done 2' 'Processed 2' 'Writing 3' 'odd: put 3' 'odd: failed 3')" ] ||
	fail "of storage that fails is told: $(cat "$work/found")"
back_up 0 resumed plugged inc -v5 --progress --progress-rate 1 "$source" "stage+$url"
says resumed 'Restarting after volume [2-6],'
percentages=$(told percentages "$logs/resumed.lines") || fail "--progress of the next run goes back: $percentages"
[ "${percentages##* }" -eq 100 ] || fail "--progress of the next run ends with $percentages"
expect 0 verify stock duplicity verify --no-encryption --compare-data "$url" "$source"
nothing_left 'all of them'
finish
