# quota.sh - a temp root with a quota below --volsize, which statvfs(3) does not show (btrfs) or does (xfs): a small backup
# is made there, the next temp root is used where there is one, and a volume that the quota has no room for ends the run
# with one line. In little memory a small backup on a tmpfs is made: none is taken ahead.
. "${srcdir:-.}/tests/lib/lib.sh" || exit 1

needs_root 'a file system with quotas cannot be mounted without root'
need mkfs.btrfs btrfs-progs
need mkfs.xfs xfsprogs
source=$work/source
url=file://$work/storage
mkdir "$source"
head -c 3000000 /dev/urandom >"$source/file"
big=$work/big
mkdir "$big"
head -c 90000000 /dev/urandom | split -b 10M - "$big/"
export PASSPHRASE=secret

# mounted KIND SIZE OPTIONS - $disk is a file system of that kind. False where it is not to be had.
mounted() {
	disk=$work/$1
	mkdir "$disk"
	truncate -s "$2" "$disk.image"
	"mkfs.$1" -q "$disk.image" || die "cannot make a file system: $1"
	mount -o "loop$3" "$disk.image" "$disk" 2>"$logs/mount" || {
		skip_part "$1: $(cat "$logs/mount")"
		return 1
	}
	mounts+=("$disk")
}

# fresh - no storage, and no archive directory.
fresh() {
	rm -rf --one-file-system "$work/storage" "$XDG_CACHE_HOME/duplicity"
}

# backs_up KIND REASON - backups in $root, which has a quota of 40 MB, with volumes of 200; the reason that is told.
backs_up() {
	local options

	configure "temp_root = $root" 'avoid_tmpfs = no'
	for options in --no-encryption ''; do
		fresh
		# shellcheck disable=SC2086 # none or one
		expect 0 small plugged duplicity full --tempdir "$root" $options "$source" "stage+$url"
		has small 'no temp root has room for a whole volume'
		# shellcheck disable=SC2086
		expect 0 again plugged duplicity incremental --tempdir "$root" $options "$source" "stage+$url"
		# shellcheck disable=SC2086
		expect 0 verify stock duplicity verify --compare-data $options "$url" "$source"
	done
	nothing_left "small backups on $1"
	# there is another one
	fresh
	mkdir -p "$work/second"
	configure "temp_root = $root" "temp_root = $work/second" 'avoid_tmpfs = no'
	expect 0 next plugged duplicity full --no-encryption "$big" "stage+$url"
	has next "the next volumes are made in the temp root $work/second"
	expect 0 verify stock duplicity verify --compare-data --no-encryption "$url" "$big"
	is_empty "$work/second" 'a backup in the next temp root'
	# volumes that fit one at a time
	fresh
	configure "temp_root = $root" 'avoid_tmpfs = no'
	expect 0 fit plugged duplicity full --tempdir "$root" --no-encryption --volsize 15 "$big" "stage+$url"
	has_not fit 'no temp root has room'
	expect 0 verify stock duplicity verify --compare-data --no-encryption "$url" "$big"
	# and one that does not
	for options in --no-encryption ''; do
		fresh
		# shellcheck disable=SC2086
		expect 35 large plugged duplicity full --tempdir "$root" $options "$big" "stage+$url"
		has_not large Traceback
		says large "no space left in $root/[^ ]* to write a file of this backup: $2[.] Make room there"
		[ "$(grep -c 'no space left' "$logs/large")" -eq 1 ] || fail "$1: not one line tells that the space has ended"
	done
	nothing_left "a run that found no room on $1"
	note "$1: a quota of 40 MB, volumes of 200"
}

if mounted btrfs 400M ''; then
	btrfs quota enable "$disk" && btrfs subvolume create "$disk/root" >"$logs/btrfs" &&
		btrfs qgroup limit 40M "$disk/root" || die 'cannot set a quota: btrfs'
	root=$disk/root
	chmod 0700 "$root"
	backs_up btrfs 'a quota allows no more'
fi
if mounted xfs 400M ,prjquota; then
	root=$disk/root
	mkdir -m 0700 "$root"
	xfs_quota -x -c "project -s -p $root 7" -c 'limit -p bhard=40m 7' "$disk" >"$logs/xfs" || die 'cannot set a quota: xfs'
	backs_up xfs '[0-9]+ bytes are free'
fi

# a small disk that is nearly full: a file has not all that was free when it was asked
need mkfs.ext4 e2fsprogs
if mounted ext4 60M ''; then
	root=$disk/root
	mkdir -m 0700 "$root"
	configure "temp_root = $root" 'avoid_tmpfs = no'
	head -c 100000000 /dev/zero >"$disk/filler" 2>"$logs/filler"
	for free in 5 6 7; do
		truncate -s -"$free"M "$disk/filler"
		for options in --no-encryption ''; do
			fresh
			# shellcheck disable=SC2086
			expect 0 small plugged duplicity full --tempdir "$root" $options "$source" "stage+$url"
			has small 'no temp root has room for a whole volume'
			# shellcheck disable=SC2086
			expect 0 verify stock duplicity verify --compare-data $options "$url" "$source"
		done
	done
	nothing_left 'small backups on a disk that is nearly full'
	note 'a disk that is nearly full'
fi

# memory_group - $group may have 150 MB of memory. False where it is not to be had.
memory_group() {
	group=/sys/fs/cgroup/memory/stagedir-test-$$
	if [ -w /sys/fs/cgroup/memory/memory.limit_in_bytes ]; then
		mkdir "$group" && echo 150M >"$group/memory.limit_in_bytes"
		return
	fi
	group=/sys/fs/cgroup/stagedir-test-$$
	[ -w /sys/fs/cgroup/cgroup.subtree_control ] && mkdir "$group" || return
	[ -w "$group/memory.max" ] && echo 150M >"$group/memory.max" || {
		rmdir "$group"
		return 1
	}
}

# in_group COMMAND... - by a process of $group.
in_group() (
	echo "$BASHPID" >"$group/cgroup.procs"
	"$@"
)

# a temp root of memory, of which a whole volume would take more than the group may have
if memory_group 2>"$logs/group"; then
	root=$work/memory
	mkdir "$root"
	mount -t tmpfs -o size=400M,mode=0700 stage-test "$root" || die 'cannot mount a tmpfs'
	mounts+=("$root")
	configure "temp_root = $root" 'avoid_tmpfs = no'
	for options in --no-encryption ''; do
		fresh
		# shellcheck disable=SC2086
		expect 0 memory in_group plugged duplicity full $options "$source" "stage+$url"
		# shellcheck disable=SC2086
		expect 0 verify stock duplicity verify --compare-data $options "$url" "$source"
	done
	note 'a small backup, with volumes of 200 MB, in 150 MB of memory'
	wait_for 10 rmdir "$group" || fail 'what was started for a backup in a group is still there'
else
	skip_part "a group that may have little memory: $(cat "$logs/group")"
fi
finish
