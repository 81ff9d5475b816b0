# smallarchive.sh - an archive directory that is just large enough for duplicity itself is large enough with the plugin: what is
# made there besides is given up where it takes the space. One that is too small for duplicity ends in one line.
. "${srcdir:-.}/tests/lib/lib.sh" || exit 1
. "$srcdir/tests/lib/odd.sh" || exit 1

needs_root 'mounts need root'
need gpg gnupg
export PASSPHRASE='a passphrase'
configure "temp_root = $root" 'avoid_tmpfs = no' 'retries = 2' 'backoff = 0'

# Names that do not compress, which are in the signatures and in the manifest; none is so long that libarchive, unlike Python,
# has it twice in a header.
mkdir "$source"
(cd "$source" && "$HOST_PYTHON" -c '
import os
for i in range(4000):
    with open(os.urandom(40).hex(), "w") as file:
        file.write(str(i))
')
touch -d '2020-02-02 02:02:02' "$source"/* # the host takes what was changed within a second for the same

# mount_archive KIB [INODES], unmount_archive
mount_archive() {
	mount -t tmpfs -o "size=${1}k,nr_inodes=${2-0},mode=0700" tmpfs "$XDG_CACHE_HOME" || die "cannot mount a tmpfs of $1 KiB"
	mounts+=("$XDG_CACHE_HOME")
}

unmount_archive() {
	umount "$XDG_CACHE_HOME" || die 'the archive directory cannot be unmounted'
	unset 'mounts[-1]'
}

# size_of PATTERN - KiB of the files with such names in the archive directory.
size_of() {
	find "$XDG_CACHE_HOME" -type f -name "$1" -printf '%k\n' | awk '{ sum += $1 } END { print sum + 0 }'
}

# measure OPTION... - how much a stock backup has in the archive directory at once: $most, KiB. That is when it stores its
# signatures, or when it compresses them.
measure() {
	local stored all

	fresh_odd
	set_odd hang .sigtar
	start measured stock duplicity full --volsize 1 "$@" "$source" "$url"
	wait_for 60 have_logged .sigtar || die 'stock stores no signatures'
	all=$(size_of '*')
	stored=$(find "$XDG_CACHE_HOME" -name '*.sigtar.g*' -printf '%k\n')
	unset_odd hang
	end "$pid"
	[ "$status" -eq 0 ] || die "stock ends with $status"
	most=$(size_of '*.sigtar.gz')
	[ "$most" -gt "$stored" ] || most=$stored
	most=$((all - stored + most))
}

# fits KIB STATUS LOG HOW OPTION... - a full backup, by `plugged` or `stock`, in an archive directory of this size.
fits() {
	local size=$1 wanted=$2 log=$3 how=$4 to=$url

	shift 4
	[ "$how" = stock ] || to=stage+$url
	fresh_odd
	mount_archive "$size"
	expect "$wanted" "$log" "$how" duplicity full -v5 --volsize 1 "$@" "$source" "$to"
}

for options in --no-encryption ''; do
	what=${options:-encrypted}
	# shellcheck disable=SC2086 # none, or one
	measure $options
	note "$what: stock has $most KiB in the archive directory"
	most=$((most + 16)) # for a block here or there
	# shellcheck disable=SC2086
	fits "$most" 0 stock stock $options
	unmount_archive
	# shellcheck disable=SC2086
	fits "$most" 0 "$what" plugged $options
	nothing_left "$what"
	has_not "$what" Traceback
	# shellcheck disable=SC2086
	expect 0 verify stock duplicity verify --compare-data $options "$url" "$source"
	unmount_archive
	# shellcheck disable=SC2086
	expect 0 verify stock duplicity verify --compare-data $options "$url" "$source"

	# too small for the signatures themselves, where stock may hang (3.1.0), and for what is made of them
	for size in $((most / 3)) $((most - 200)); do
		# shellcheck disable=SC2086
		fits "$size" 35 small plugged $options
		has_not small Traceback
		says small "^no space left in the archive directory $XDG_CACHE_HOME/duplicity/[0-9a-f]*: [0-9]+ bytes"
		nothing_left "$what, too small"
		unmount_archive
	done
done

# As few inodes as stock has enough in.
inodes=4 status=1
while [ "$status" -ne 0 ] && [ "$inodes" -lt 40 ]; do
	inodes=$((inodes + 1))
	fresh_odd
	mount_archive 10000 "$inodes"
	run stock stock duplicity full --no-encryption "$source" "$url"
	unmount_archive
done
note "stock has enough in $inodes inodes"
fresh_odd
mount_archive 10000 "$inodes"
expect 0 inodes plugged duplicity full --no-encryption "$source" "stage+$url"
nothing_left 'few inodes'
expect 0 verify stock duplicity verify --compare-data --no-encryption "$url" "$source"
unmount_archive
fresh_odd
mount_archive 10000 $((inodes - 1))
expect 35 inodes plugged duplicity full --no-encryption "$source" "stage+$url"
has_not inodes Traceback
says inodes "^no space left in the archive directory .* and 0 inodes are free"
unmount_archive

# Something else that goes wrong there: the place of the final manifest is taken.
fresh_odd
set_odd hang .manifest
start other plugged duplicity full --no-encryption "$source" "stage+$url"
wait_for 60 have_logged .manifest || fail 'no manifest is stored'
for partial in "$XDG_CACHE_HOME"/duplicity/*/duplicity-full.*.manifest.part; do
	mkdir "${partial%.part}"
done
unset_odd hang
end "$pid"
[ "$status" -eq 30 ] || { fail "exit status $status where the manifest cannot be final"; show "$logs/other"; }
has_not other Traceback
says other "^the archive directory $XDG_CACHE_HOME/duplicity/[0-9a-f]* cannot be used: .*manifest.*: Is a directory"
[ -d "${partial%.part}" ] || fail 'what is in the place of a final file is removed'
finish
