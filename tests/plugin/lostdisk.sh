# lostdisk.sh - a disk that tells only at fsync(2) that it had no room for a volume, as thin ones and servers do: what it
# did not take is never stored. The run ends with an error that names it, nothing behind it is handed off, the next run
# makes it again. What it did take is handed off, and the record of that is good for the run after a crash.
if [ "$(id -u)" -eq 0 ] && [ -z "${STAGE_TEST_NAMESPACE:-}" ] && unshare --mount true 2>/dev/null; then
	# what others unshare meanwhile must not keep our disk in use
	STAGE_TEST_NAMESPACE=1 exec unshare --mount "$BASH" "$0"
fi
. "${srcdir:-.}/tests/lib/lib.sh" || exit 1
. "$srcdir/tests/lib/odd.sh" || exit 1

mkdir "$source"
head -c 40000000 /dev/urandom | split -b 2M - "$source/"
options=(--no-encryption --no-compression --volsize 4)

# lost_one WHAT [TRUSTED] - a run is over in which a volume was lost: what is stored is right, of the first TRUSTED volumes.
lost_one() {
	local file name trusted=${2-all}

	[ "$status" -eq 35 ] || {
		fail "$1: a run that has lost a volume ends with $status instead of 35"
		show "$logs/lost"
	}
	says lost 'vol[0-9]+\.difftar is lost: the disk did not take the staged file [^ ]*/staged-[^ ]*, and '
	says lost 'What the disk said: No space left on device'
	has_not lost Traceback
	note "$1: $(grep -o -a '[^ ]* is lost: .*' "$logs/lost" | head -n 1)"
	note "$1: stored: $(stored); staged: $(staged | wc -l)"
	# the manifest of the run has the digests of what was made
	for file in "$storage"/*.vol*; do
		[ -e "$file" ] || continue
		name=$(basename "$file")
		name=${name#*.vol}
		[ "$trusted" = all ] || [ "${name%%.*}" -le "$trusted" ] || continue
		grep -q -a "$(sha1sum <"$file" | cut -d ' ' -f 1)" "$(archive_of "$url")"/*.manifest* ||
			fail "$1: volume ${name%%.*} is stored, and is not what was made"
	done
	[ -z "$(find "$storage" -name '*.manifest')" ] || fail "$1: the backup is said to be complete"
}

# completed WHAT - the next run completes the backup, and stock finds it in order.
completed() {
	expect 0 next plugged duplicity full "${options[@]}" "$source" "stage+$url"
	says next 'Restarting after volume|Restart is impossible...starting backup from beginning'
	nothing_left "the run after $1"
	expect 0 verify stock duplicity verify --compare-data "${options[@]}" "$url" "$source"
}

# with_disk WHAT LOG - starts a backup to a disk that has no room for a volume.
with_disk() {
	LOSTDISK=$1 LD_PRELOAD=$(library lostdisk) || exit 1
	export LD_PRELOAD LOSTDISK
	start "$2" plugged duplicity full -v5 "${options[@]}" "$source" "stage+$url"
	unset LD_PRELOAD LOSTDISK
}

is_over_or_lost() {
	have_said lost 'is lost: ' || [ "$(puts | wc -l)" -gt 4 ] || ! kill -0 "$pid" 2>/dev/null
}

# a disk that fails, or is made read-only, while a volume is written: one line, and not that of storage
for number in 5 30; do
	reason=$("$HOST_PYTHON" -c 'import os, sys; print(os.strerror(int(sys.argv[1])))' "$number")
	fresh_odd
	with_disk "write $number" failing
	end "$pid"
	[ "$status" -eq 30 ] || fail "$reason: a run ends with $status instead of 30"
	says failing "cannot write $root/[^ ]*/mktemp-[^ ]*: $reason"
	has_not failing Traceback
	expect 0 next plugged duplicity full "${options[@]}" "$source" "stage+$url"
	nothing_left "the run after one whose disk has failed ($reason)"
	expect 0 verify stock duplicity verify --compare-data "${options[@]}" "$url" "$source"
done
note 'a disk that fails, or is read-only, is told'

configure "temp_root = $root" 'avoid_tmpfs = no' 'max_volumes = 8'
for number in 1 3; do
	fresh_odd
	with_disk "lose $number" lost
	wait_for 60 is_over_or_lost || fail "that volume $number was lost is never said"
	end "$pid"
	lost_one "volume $number"
	completed "a run that has lost volume $number"
done

# What was written is there: the volume is handed off, with a warning. The run is killed when the next ones are staged.
fresh_odd
set_odd hang vol2.
with_disk 'keep 1' killed
wait_for 60 have_logged 'put duplicity-full' && wait_for 60 sealed 3 || fail 'never are three volumes staged'
wait_for 60 have_logged 'vol2.' || fail 'a volume that the disk has is not handed off'
kill -KILL "$pid"
end "$pid"
says killed 'vol1\.difftar is not staged, it would not survive an end of this run: .*No space left on device'
[ "$(stored)" = '1 ' ] || fail "stored before the run was killed: $(stored)"
unset_odd hang
completed 'one that was killed when a volume that could not be sealed was stored'
has_not next 'not certain'
says next 'handing off the volume [^ ]*vol2\.'

# thin_disk - a file system of 400 MB on a disk that has 30: $root is in it. False where that is not to be had.
thin_disk() {
	mkdir -p "$work/pool" "$work/thin"
	mount -t tmpfs -o size=30M,mode=0700 stage-test "$work/pool" || die 'cannot mount a tmpfs'
	mounts=("$work/pool")
	truncate -s 400M "$work/pool/disk"
	# without a journal, which would be the first to have no room
	mkfs.ext4 -q -F -m 0 -O ^has_journal -E lazy_itable_init=0,nodiscard "$work/pool/disk" ||
		die 'cannot make a file system'
	mount -o loop "$work/pool/disk" "$work/thin" 2>"$logs/mount" || return
	mounts=("$work/thin" "$work/pool")
	root=$work/thin/root
	mkdir -m 0700 "$root"
	# what the file system needs for itself is there before the disk is full
	for i in {1..200}; do
		mkdir "$root/$i" && echo "$i" >"$root/$i/file"
	done
	sync -f "$root"
	rm -r "${root:?}"/*
}

needs_root 'a disk that has less room than its file system cannot be mounted without root'
need mkfs.ext4 e2fsprogs
thin_disk || {
	skip_part "no disk that has less room than its file system: $(cat "$logs/mount")"
	finish
}

# somebody else is told first: only a descriptor from before the file was written hears of it as well
"$MAKE_SPOOL" --told "$root" 60000000 >"$logs/told" 2>&1 || fail "told: $(cat "$logs/told")"
while read -r line; do
	note "$line"
done <"$logs/told"
says told '^held: fsync: (No space left on device|Input/output error): cannot make the staged file .* durable: '
is_empty "$root" 'staging on a disk without room'
umount "$work/thin" && wait_for 20 umount "$work/pool" || die 'cannot unmount a disk'
thin_disk || die "no second disk: $(cat "$logs/mount")"

# drop_cache - as the kernel may at any time for want of memory. What is still to be written would stay.
drop_cache() {
	# shellcheck disable=SC2046 # a word each
	"$HOST_PYTHON" - $(staged) <<-'END'
		import os
		import sys

		os.sync()
		for name in sys.argv[1:]:
		    try:
		        fd = os.open(name, os.O_RDONLY)
		    except FileNotFoundError:
		        continue
		    os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
		    os.close(fd)
	END
}

not_staged() {
	have_said lost 'is not staged' || ! kill -0 "$pid" 2>/dev/null
}

configure "temp_root = $root" 'avoid_tmpfs = no' 'max_volumes = 12'
export TMPDIR=$root
fresh_odd
set_odd hang vol1.
start lost plugged duplicity full -v5 "${options[@]}" "$source" "stage+$url"
wait_for 60 not_staged || fail 'a disk of 30 MB has room for 40'
sleep 1
drop_cache
unset_odd hang
end "$pid"
lost_one 'a disk of 30 MB'
mount -o remount,size=300M "$work/pool" || die 'cannot give the disk more room'
completed 'a disk of 30 MB'

# Nobody waits for the disk: that it did not take a volume is known when storage has been given something else. It is the
# last one there, which no run trusts.
umount "$work/thin" && wait_for 20 umount "$work/pool" || die 'cannot unmount a disk'
thin_disk || die "no third disk: $(cat "$logs/mount")"
configure "temp_root = $root" 'avoid_tmpfs = no' 'max_volumes = 12' 'durable = no'
fresh_odd
set_odd hang vol1.
start lost plugged duplicity full -v5 "${options[@]}" "$source" "stage+$url"
wait_for 60 sealed 10 || fail 'never are ten volumes staged'
sync -f "$root" 2>>"$logs/sync"
drop_cache
unset_odd hang
end "$pid"
last=$(stored | tr ' ' '\n' | tail -n 1)
lost_one 'durable = no' $((last - 1))
mount -o remount,size=300M "$work/pool" || die 'cannot give the disk more room'
completed 'durable = no'
finish
