# room.sh - a small temp root: a backup that is much larger completes in it, two share it, the next ranked root is used
# when it is full for good, and where there is none the run ends with one message that tells all.
. "${srcdir:-.}/tests/lib/lib.sh" || exit 1
. "$srcdir/tests/lib/odd.sh" || exit 1


needs_root 'a small temp root cannot be mounted without root'
mount -t tmpfs -o size=60M,mode=0700 stage-test "$root" || die 'cannot mount a tmpfs'
mounts+=("$root")
options=(--no-encryption --no-compression --volsize 25)

# big DIR MIB - a source of so much that cannot be compressed.
big() {
	mkdir "$1"
	head -c "$(($2 * 1000000))" /dev/urandom | split -b 20M - "$1/"
}

# restores DIR URL SOURCE - is what stock restores equal?
restores() {
	expect 0 restore stock duplicity restore --no-encryption --volsize 25 "$2" "$1"
	same_tree "$3" "$1" 'a restored backup'
	rm -r "$1"
}

# fill_root - leaves nothing free in the temp root.
fill_root() {
	cat /dev/zero >"$root/filler" 2>/dev/null
}

big "$source" 400
set_odd rate 50000000
expect 0 large plugged duplicity full -v5 "${options[@]}" "$source" "stage+$url"
nothing_left 'a backup of 400 MB in a temp root of 60 MB'
has large 'waiting for room to stage'
has large 'are promised to other runs; 5'
restores "$work/restored" "$url" "$source"
note '400 MB were backed up in a temp root of 60 MB'

# two at once; the second one begins when there is no room for a volume, and may use the next root, which is ours too
mkdir "$work/second"
configure "temp_root = $root" "temp_root = $work/second" 'avoid_tmpfs = no'
cp -rl "$source" "$work/other"
other=$work/other-storage
mkdir "$other.control"
echo 50000000 >"$other.control/rate"
rm -rf "$storage" "$storage.log" "$XDG_CACHE_HOME/duplicity"
start first plugged duplicity full -v5 "${options[@]}" "$source" "stage+$url"
# shellcheck disable=SC2034 # by ${!log}
first=$pid
wait_for 20 have_staged 2 || fail 'never are two volumes staged in a temp root for two'
start second plugged duplicity full -v5 "${options[@]}" "$work/other" "stage+odd:///$other"
# shellcheck disable=SC2034
second=$pid
for log in first second; do
	end "${!log}"
	[ "$status" -eq 0 ] || {
		fail "the $log of two backups in one temp root ends with $status"
		show "$logs/$log"
	}
done
nothing_left 'two backups in one temp root'
grep -q 'waiting for room to stage' "$logs/first" "$logs/second" || fail 'neither of two backups had to wait for room'
expect 0 verify stock duplicity verify --compare-data "${options[@]}" "$url" "$source"
expect 0 verify stock duplicity verify --compare-data "${options[@]}" "odd:///$other" "$work/other"
rm -r "$source" "$work/other" "$other" "$other.control"
configure "temp_root = $root" 'avoid_tmpfs = no'
note 'two of 400 MB at once as well'

# a dead run has left so much that there is no room for a volume before that is handed off
big "$source" 60
fresh_odd
set_odd hang vol1.
start dead plugged duplicity full "${options[@]}" "$source" "stage+$url"
wait_for 10 sealed 2 || fail 'never are two volumes staged in a temp root for two'
kill -KILL "$pid"
end "$pid"
unset_odd hang
expect 0 next plugged duplicity full -v5 "${options[@]}" "$source" "stage+$url"
has next 'Restarting after volume 1,'
nothing_left 'a run after one that has left the temp root full'
restores "$work/restored" "$url" "$source"

# with max_volumes = 1 nothing is made while a volume is stored: when the root is filled then, nothing else gives room
# back, and what the volume has taken is too little for another one
fresh_odd
set_odd hang vol1.
configure "temp_root = $root" "temp_root = $work/second" 'avoid_tmpfs = no' 'max_volumes = 1'
start next plugged duplicity full -v5 "${options[@]}" "$source" "stage+$url"
wait_for 10 have_logged vol1 || fail 'no volume is ever stored'
fill_root
set_odd hang vol2.
wait_for 20 have_said next 'the next volumes are made in the temp root' || fail 'the next temp root is never used'
wait_for 10 have_logged .vol2. || fail 'no volume of the next temp root is stored'
[ "$(staged | wc -l)" -eq "$(staged | grep -c -F "$work/second/")" ] || fail "not staged in the next root: $(staged)"
unset_odd hang
end "$pid"
[ "$status" -eq 0 ] || {
	fail "a backup that goes on in the next temp root ends with $status"
	show "$logs/next"
}
has next "the next volumes are made in the temp root $work/second (temp_root)"
rm "$root/filler"
nothing_left 'a backup that went on in another root'
is_empty "$work/second" 'a backup that went on there'
restores "$work/restored" "$url" "$source"

# an orphan, for another storage, holds some of the root; and there is no further one
big "$work/other" 20
mkdir -p "$other.control"
: >"$other.control/down"
configure "temp_root = $root" 'avoid_tmpfs = no' 'max_volumes = 2' 'retries = 1'
expect 50 dead plugged duplicity full --no-encryption --no-compression --volsize 5 "$work/other" "stage+odd:///$other"
orphaned=$(find "$root" -type f -printf '%s\n' | awk '{ sum += $1 } END { printf "%d", sum }')
[ "$orphaned" -ge 4000000 ] || fail "a run whose storage is down leaves only $orphaned bytes"
configure "temp_root = $root" 'avoid_tmpfs = no' 'max_volumes = 1'
fresh_odd
set_odd hang vol1.
start full plugged duplicity full --tempdir "$root" "${options[@]}" "$source" "stage+$url"
wait_for 10 have_logged vol1 || fail 'no volume is ever stored'
fill_root
unset_odd hang
end "$pid"
[ "$status" -eq 35 ] || fail "without any room a run ends with $status instead of 35"
has_not full Traceback
for what in 'no temp root has room' 'no space left'; do
	[ "$(grep -c "$what" "$logs/full")" -eq 1 ] || fail "there is not one message that says: $what"
done
grep 'no temp root has room' "$logs/full" >"$logs/message"
says message "$root: 26476544 bytes are needed, [0-9]+ are free, but 0 of these are promised to other runs; 0 are staged"
says full 'no space left in .*: 0 bytes are free. Make room there, name another temp_root in stagedir.conf, or have smaller volumes'
said=$(sed -n 's/.* \([0-9]*\) lie in what dead runs left.*/\1/p' "$logs/message")
[ "${said:-0}" -ge 4000000 ] && [ "$said" -le "$orphaned" ] ||
	fail "${said:-nothing} is said to lie in what dead runs left, and it is $orphaned"
note "$(cat "$logs/message")"
rm "$root/filler"

# what a dead run staged under other names is not waited for: no run of these names will ever hand it off
fresh_odd
set_odd down
configure "temp_root = $root" 'avoid_tmpfs = no' 'max_volumes = 2' 'retries = 1'
expect 50 dead plugged duplicity full --file-prefix other- --no-encryption --volsize 5 "$source" "stage+$url"
[ "$(staged | wc -l)" -ge 2 ] || fail 'a run whose storage is down leaves nothing staged'
unset_odd down
fill_root
truncate -s -8M "$root/filler" # for the run itself, not for a volume
expect 35 full timeout 60 "$IN_TREE" duplicity full --tempdir "$root" "${options[@]}" "$source" "stage+$url"
has full 'is left there: with the options of this run'
has full 'no space left'
big "$work/few" 2
expect 0 few plugged duplicity full --tempdir "$root" "${options[@]}" "$work/few" "stage+odd:///$work/few-storage"
has few 'no temp root has room for a whole volume'
expect 0 verify stock duplicity verify --compare-data "${options[@]}" "odd:///$work/few-storage" "$work/few"
note 'a small backup is made where a whole volume has no room'
rm "$root/filler"
expect 0 next plugged duplicity full --file-prefix other- --no-encryption --volsize 5 "$source" "stage+$url"
fresh_odd
set_odd rate 25000000
configure "temp_root = $root" 'avoid_tmpfs = no' 'max_volumes = 1'

# in the middle of a volume, where the file system cannot allocate, and nothing is staged that could give room back
is_writing() {
	find "$root" -name 'mktemp-*' -size +1M | grep -q .
}
export PASSPHRASE=secret
for options in '' --no-encryption; do
	rm -rf --one-file-system "$storage" "$storage.log" "$XDG_CACHE_HOME/duplicity"
	LD_PRELOAD=$(library noallocation) || exit 1
	export LD_PRELOAD
	start middle plugged duplicity full $options --volsize 25 "$source" "stage+$url"
	unset LD_PRELOAD
	wait_for 10 is_writing || fail 'never is a volume written'
	fill_root
	end "$pid"
	[ "$status" -eq 35 ] || fail "without space for the rest of a volume a run ends with $status instead of 35"
	has_not middle Traceback
	says middle "no space left in $root/stagedir-[^ ]* to write a file of this backup: [0-9]+ bytes are free"
	[ -z "$(stored)" ] || fail "a volume that could not be written whole was stored: $(stored)"
	rm "$root/filler"
done
options=(--no-encryption --no-compression --volsize 25)

# what was stored, and what waits, is of use to the next runs
expect 0 next plugged duplicity full "${options[@]}" "$source" "stage+$url"
expect 0 verify stock duplicity verify --compare-data "${options[@]}" "$url" "$source"
rm "$other.control/down"
expect 0 next plugged duplicity full --no-encryption --no-compression --volsize 5 "$work/other" "stage+odd:///$other"
expect 0 verify stock duplicity verify --no-encryption --compare-data "odd:///$other" "$work/other"
nothing_left 'the runs after it'

# In the middle of a volume, while others are staged: nobody can take away the space of one that is begun, be it
# compressed here or by gpg. Where the file system cannot allocate it is written as storage gives room back.
have_stored() {
	[ "$(stored | wc -w)" -ge "$1" ]
}

# fill_in_the_middle WHAT OPTION... - a backup while which the root is full, until two more volumes are stored. It stops
# behind 21 MB of its source, which is in the middle of the third volume.
fill_in_the_middle() {
	local before preloaded=${LD_PRELOAD-} what=$1

	shift
	set_odd hang vol1.
	rm -rf --one-file-system "$storage" "$storage.log" "$XDG_CACHE_HOME/duplicity"
	export LD_PRELOAD="$halfway $preloaded" HALFWAY_SOURCE=$source HALFWAY_BYTES=21000000
	start middle plugged duplicity full -v5 --volsize 8 "$@" "$source" "stage+$url"
	export LD_PRELOAD=$preloaded
	wait_for 20 stands_still || fail "$what: never is a third volume written"
	[ "$(staged | wc -l)" -eq 2 ] || fail "$what: not two volumes are staged where it stops: $(staged)"
	find "$root" -name 'mktemp-*' | grep -q . || fail "$what: no volume is written where it stops"
	before=$(stored | wc -w)
	fill_root
	kill -CONT "$pid"
	[ -z "$preloaded" ] || wait_for 20 have_said middle 'waiting for room to write a file' ||
		fail "$what: it does not wait for room"
	unset_odd hang
	note "$what: filled the root with $(stat -c %s "$root/filler") bytes after $before volumes"
	wait_for 30 have_stored $((before + 3)) || fail "$what: nothing goes on in a full root"
	rm "$root/filler"
	end "$pid"
	[ "$status" -eq 0 ] || {
		fail "$what: a run ends with $status"
		show "$logs/middle"
	}
	expect 0 verify stock duplicity verify --compare-data "$@" "$url" "$source"
	nothing_left "$what"
}

halfway=$(library halfway) || exit 1
unset_odd rate
configure "temp_root = $root" 'avoid_tmpfs = no' 'max_volumes = 3'
fill_in_the_middle 'a volume' --no-encryption
LD_PRELOAD=$(library noallocation) || exit 1
export LD_PRELOAD
fill_in_the_middle 'a volume without allocation' --no-encryption
unset LD_PRELOAD

note 'storage is a folder of the same file system: a volume is moved there, and takes its room once'
mkdir "$work/small"
mount -t tmpfs -o size=40M,mode=0700 stage-test "$work/small" || die 'cannot mount a tmpfs'
mounts+=("$work/small")
mkdir -m 0700 "$work/small/root"
configure "temp_root = $work/small/root" 'avoid_tmpfs = no'
big "$work/once" 24
expect 0 moved plugged duplicity full --num-retries 1 "${options[@]}" "$work/once" "stage+file://$work/small/target"
nothing_left 'a backup into a folder of the same file system'
[ -z "$(ls -A "$work/small/root")" ] || fail 'something is left in the temp root'
restores "$work/restored" "file://$work/small/target" "$work/once"

# Of gpg's volumes only a disk's space can be had before: nothing is taken of memory that may not be needed.
need mkfs.ext4 e2fsprogs
truncate -s 70M "$work/disk"
mkfs.ext4 -q -F -m 0 -O ^has_journal -E lazy_itable_init=0,nodiscard "$work/disk" || die 'cannot make a file system'
mkdir -p "$work/mounted"
mount -o loop "$work/disk" "$work/mounted" 2>"$logs/mount" || {
	skip_part "a volume of gpg on a disk that is filled: $(cat "$logs/mount")"
	finish
}
mounts+=("$work/mounted")
root=$work/mounted/root
mkdir -m 0700 "$root"
configure "temp_root = $root" 'avoid_tmpfs = no' 'max_volumes = 3'
fill_in_the_middle 'a volume of gpg'
finish
