# gil.sh - nothing that may wait for a disk or a network is done while all other Python threads stand still: one of them
# uploads. Backups are made with a library that watches such calls of the extension (withgil.c).
. "${srcdir:-.}/tests/lib/lib.sh" || exit 1
. "$srcdir/tests/lib/odd.sh"
need addr2line binutils

mkdir "$source"
make_tree "$source/tree"
head -c 5000000 /dev/urandom >"$source/file"
touch -d '2020-02-02 02:02:02' "$source/file" # the host takes what was changed within a second for the same
export WITHGIL=$work/withgil
: >"$WITHGIL"
watch=$(library withgil)
extension=$(dirname "$IN_TREE")/plugin/.libs/_stagedir.abi3.so

# watched LOG COMMAND ARGUMENT... - a command of duplicity that must work.
watched() {
	local log=$1

	shift
	expect 0 "$log" plugged env LD_PRELOAD="$watch" duplicity "$@"
}

# The file is read once, before there is another thread; what the environment says about it Python may change.
places() {
	sort "$WITHGIL" | uniq -c | while read -r count function offset; do
		printf '%s %s times: ' "$function" "$count"
		addr2line -s -p -f -i -e "$extension" "$offset" | tr '\n' ' '
		echo
	done | grep -v ' at settings_file\.c:'
}

nothing_watched() {
	local found

	found=$(places)
	[ -z "$found" ] || fail "with the GIL, in $1:"$'\n'"$found"
	: >"$WITHGIL"
}

configure "temp_root = $root" 'avoid_tmpfs = no' "metrics = $work/stagedir.prom" 'keep_runs = 30' 'on_start = exit 0' 'on_success = exit 0' \
	'on_failure = exit 0'

note 'it is seen that the settings are read'
watched full full --no-encryption --volsize 1 "$source" "stage+$url"
[ -s "$WITHGIL" ] || fail 'no call at all is seen'
nothing_watched 'a full backup'

note 'other commands'
echo more >>"$source/file"
watched incremental incremental --no-encryption --volsize 1 "$source" "stage+$url"
nothing_watched 'an increment'
watched verify verify --compare-data --no-encryption "stage+$url" "$source"
nothing_watched 'a verify'
watched restored restore --no-encryption "stage+$url" "$work/restored"
nothing_watched 'a restore'
PASSPHRASE=secret watched encrypted full --volsize 1 --name other "$source" "stage+file://$work/encrypted"
nothing_watched 'an encrypted backup'

note 'a run that takes over what a dead one has left'
fresh_odd
set_odd hang .vol2.
start killed plugged duplicity full --no-encryption --volsize 1 "$source" "stage+$url"
wait_for 60 have_staged 2 || fail 'nothing is staged'
wait_for 60 sealed 3 || fail 'no volume is sealed behind the one that is stored'
kill -KILL "$pid"
end "$pid"
unset_odd hang
watched resumed full -v5 --no-encryption --volsize 1 "$source" "stage+$url"
has resumed 'that a dead run staged'
nothing_watched 'a run that goes on'
nothing_left 'a run that goes on'

note 'one that ends without its volumes stored'
fresh_odd
set_odd down
expect 50 failed plugged env LD_PRELOAD="$watch" duplicity full --num-retries 1 --no-encryption --volsize 1 "$source" "stage+$url"
nothing_watched 'a run that fails'
unset_odd down
finish
