# killed.sh - SIGKILL at 20 moments spread over a run: the next run leaves nothing of either, completes the
# backup, and stock finds it in order. What a dead run left elsewhere, and by `stagedir gc`.
. "${srcdir:-.}/tests/lib/lib.sh" || exit 1
. "$srcdir/tests/lib/moments.sh" || exit 1

make_source 12
fresh
measure plugged duplicity full --volsize 1 --no-encryption "$source" "stage+file://$target"
orphans=0 statuses=''
for moment in {1..20}; do
	fresh
	interrupt KILL "$moment" --no-encryption
	statuses="$statuses $status"
	[ "$status" -eq 137 ] || [ -z "$running" ] || fail "SIGKILL at $moment/20: exit status $status"
	[ -z "$(ls "$root")" ] || orphans=$((orphans + 1))
	go_on "SIGKILL at $moment/20" --no-encryption
done
note "SIGKILL: a run has $calls calls; $orphans of 20 left a staging directory; statuses:$statuses"
[ "$orphans" -ge 10 ] || fail "only $orphans of 20 killed runs left a staging directory: nothing is proved"

fresh
measure plugged duplicity full --volsize 200 --no-encryption "$source" "stage+file://$target"

# leave ROOT OPTION... - a run with these options is killed while its one volume is made in ROOT: none waits for storage.
leave() {
	local where=$1

	shift
	fresh
	start_until $((staging_call + (calls - staging_call) / 2)) left \
		plugged duplicity full --volsize 200 --no-encryption "$@" "$source" "stage+file://$target"
	find "$where" -mindepth 2 -type f | grep -q . || fail "nothing is made in $where"
	! find "$where" -name 'staged-*' | grep . || fail "a volume is staged already in $where"
	kill -KILL "$pid"
	end "$pid"
	[ -n "$(ls "$where")" ] || fail "a run that was killed has left nothing in $where"
}

# another ranked root, and one that only --tempdir named
mkdir "$work/second" "$work/third"
configure "temp_root = $work/second" "temp_root = $root" 'avoid_tmpfs = no'
leave "$work/second"
configure "temp_root = $root" "temp_root = $work/second" 'avoid_tmpfs = no'
go_on 'a death in another root' --no-encryption
is_empty "$work/second" 'the run after a death in another root'
leave "$work/third" --tempdir "$work/third"
expect 0 next plugged duplicity full --no-encryption --tempdir "$work/third" "$source" "stage+file://$target"
is_empty "$work/third" 'the next run with --tempdir'
leave "$root"
expect 0 next plugged duplicity full --no-encryption --tempdir "$work/third" "$source" "stage+file://$target"
nothing_left 'a run with --tempdir after a death in a ranked root'

# in the archive directory: a run that only reads reclaims, too
fresh
expect 0 full plugged duplicity full --no-encryption "$source" "stage+file://$target"
leave "$root" >/dev/null
orphan=$(staging_dirs "$root" | head -n 1) # a spool that has no journal yet may be beside it
mkdir -p "$(archive_of "file://$target")"
mv "$orphan" "$(archive_of "file://$target")/"
expect 0 status plugged duplicity collection-status --no-encryption "stage+file://$target"
nothing_left 'collection-status after a death in the archive directory'

# what is not ours stays, is named, and is in nobody's way
leave "$root"
orphan=$(staging_dirs "$root" | head -n 1) # a spool that has no journal yet may be beside it
echo keep >"$orphan/keep-me"
ln -s /etc/passwd "$orphan/link"
mkdir "$orphan/folder"
expect 0 next plugged duplicity full --no-encryption "$source" "stage+file://$target"
has next "$orphan/keep-me"
has next "$orphan/link"
has next "$orphan/folder"
[ "$(find "$orphan" -mindepth 1 | sort | sed 's,.*/,,' | tr '\n' ' ')" = 'folder keep-me link ' ] ||
	fail "in the orphan there is now: $(find "$orphan" -mindepth 1)"
rm -r "$orphan"

# stagedir gc, in the roots and where it is told
leave "$root"
expect 0 gc plugged "$STAGEDIR" gc
[ -z "$(staging_dirs "$root")" ] || fail "stagedir gc has left $(staging_dirs "$root")"
leave "$work/third" --tempdir "$work/third"
plugged "$STAGEDIR" gc >"$logs/gc" 2>&1
[ -n "$(ls "$work/third")" ] || fail 'stagedir gc looks where nobody told it to'
expect 0 gc plugged "$STAGEDIR" gc "$work/third"
[ -z "$(staging_dirs "$work/third")" ] || fail "stagedir gc DIR has left $(staging_dirs "$work/third")"
finish
