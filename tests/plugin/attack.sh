# attack.sh - what others on the machine can do to a temp root, before a run and during it: each ends in the
# promised error or has no effect. Other users, file systems and tmp cleaners take root to play; whoever is
# not root gets what can be tested without.
if [ "$(id -u)" -eq 0 ] && [ -z "${STAGE_TEST_NAMESPACE:-}" ] && unshare --mount true 2>/dev/null; then
	# mounts of ours are then gone with us, whatever happens
	STAGE_TEST_NAMESPACE=1 exec unshare --mount "$BASH" "$0"
fi
. "${srcdir:-.}/tests/lib/lib.sh" || exit 1

need setpriv util-linux
# others must come as far as to what they attack
chmod 0711 "$work"
other=4321
source=$work/source
target=$work/target
mkdir "$source"
for i in {1..12}; do
	head -c 1000000 /dev/urandom >"$source/$i"
done
full=(duplicity full --no-encryption --volsize 1 --backend-retry-delay 1)

fresh() {
	rm -rf --one-file-system "$target" "$XDG_CACHE_HOME/duplicity"
}

staged_or_over() {
	find "$1" -mindepth 2 -maxdepth 2 -path '*/stagedir-*' -type f | grep -q . || ! kill -0 "$pid" 2>/dev/null
}

# frozen ROOT OPTION... - starts a backup and stops it while files of it are staged in ROOT. Sets $pid, $staging.
frozen() {
	local where=$1 attempt

	shift
	for attempt in {1..10}; do
		fresh
		start attacked plugged "${full[@]}" "$@" "$source" "stage+file://$target"
		if wait_for 20 staged_or_over "$where"; then
			# later and later
			sleep "0.0$((attempt % 10))"
			kill -STOP "$pid"
			staging=$(staging_dirs "$where")
			[ -n "$staging" ] && [ -n "$(ls "$staging" 2>/dev/null)" ] && return
			kill -CONT "$pid"
		fi
		end "$pid"
	done
	die "no backup could be stopped while it had staged something in $where"
}

### a root that is not fit

# unfit NAME ROOT REASON - as the only root: exit code 23 and the reason in one line. Ranked first: it is passed
# over, with the reason in the log, and nothing is made in it.
unfit() {
	local name=$1 bad=$2 reason=$3

	note "a root that is $name"
	fresh
	expect 23 unfit plugged "${full[@]}" --tempdir "$bad" "$source" "stage+file://$target"
	says unfit "$bad.*$reason"
	has_not unfit Traceback
	[ "$(grep -c -E "$reason" "$logs/unfit")" -eq 1 ] || fail "$name: the reason is not said once, in one line"
	nothing_left "$name"
	fresh
	configure "temp_root = $bad" "temp_root = $root" 'avoid_tmpfs = no'
	expect 0 unfit plugged "${full[@]}" -v5 "$source" "stage+file://$target"
	says unfit "$bad.*$reason"
	says unfit "Using temporary directory $root/stagedir-"
	nothing_left "$name"
	configure "temp_root = $root" 'avoid_tmpfs = no'
	run roots plugged "$STAGEDIR" roots
}

mkdir "$work/open" "$work/group" "$work/above" "$work/above/below" "$work/readable"
chmod 0777 "$work/open" "$work/above"
chmod 0770 "$work/group"
ln -s "$work/above/below" "$work/link"
: >"$work/file"
unfit 'world-writable without the sticky bit' "$work/open" 'writable by everybody.*0777'
unfit 'writable by its group' "$work/group" 'writable by its group.*0770'
unfit 'below a world-writable directory' "$work/above/below" 'above is writable by everybody'
unfit 'a link that leads there' "$work/link" 'above is writable by everybody'
unfit 'missing' "$work/no/such/root" 'does not exist'
unfit 'a file' "$work/file" 'not a directory'
chmod 1777 "$work/open"
fresh
expect 0 sticky plugged "${full[@]}" -v5 --tempdir "$work/open" "$source" "stage+file://$target"
says sticky "Using temporary directory $work/open/stagedir-"
is_empty "$work/open" 'a run in a root with the sticky bit'

# the same of all reasons together
configure 'avoid_tmpfs = no'
expect 23 all plugged env TMPDIR="$work/link" "${full[@]}" --tempdir "$work/no/such/root" "$source" "stage+file://$target"
configure "temp_root = $root" 'avoid_tmpfs = no'

if am_root; then
	mkdir "$work/foreign" "$work/not-mine"
	chown $other "$work/foreign"
	ln -s "$root" "$work/foreign-link"
	chown -h $other "$work/foreign-link"
	unfit 'a link of another user' "$work/foreign-link" "foreign-link is a symbolic link of user $other, who could change it"
	unfit 'foreign' "$work/foreign" "belongs to user $other"
	mkdir "$work/foreign/below"
	unfit 'below a foreign directory' "$work/foreign/below" "foreign belongs to user $other"
	ln -s "$root" "$work/way" && chown -h $other "$work/way"
	mkdir "$root/in"
	fresh
	expect 23 unfit plugged "${full[@]}" --tempdir "$work/way/in" "$source" "stage+file://$target"
	says unfit "$work/way.*link of user $other"
	rmdir "$root/in"
	nothing_left 'a link of another user on the way'
else
	skip_part 'roots of other users need root (sudo make check TESTS=tests/plugin/attack.sh)'
fi

# a directory that this user may not write to
if ! am_root; then
	chmod 0500 "$work/readable"
	unfit 'not writable' "$work/readable" 'not writable'
fi

mount_tmpfs() {
	mkdir "$1"
	mount -t tmpfs -o "$2" none "$1" 2>"$logs/mount" || return 1
	mounts+=("$1")
}

if am_root && mount_tmpfs "$work/full" size=4m,mode=1777; then
	# filled to the last byte
	head -c 100000000 /dev/zero >"$work/full/filler" 2>/dev/null
	unfit 'full' "$work/full" 'free, fewer than'
	[ "$(ls "$work/full")" = filler ] || fail "in the full root there is: $(ls "$work/full")"
	rm "$work/full/filler"

	note 'a root that fills up during a run, and cannot allocate space'
	LD_PRELOAD=$(library noallocation) || exit 1
	export LD_PRELOAD
	frozen "$work/full" --tempdir "$work/full"
	unset LD_PRELOAD
	head -c 100000000 /dev/zero >"$work/full/filler" 2>/dev/null
	kill -CONT "$pid"
	end "$pid"
	[ "$status" -ne 0 ] && [ "$status" -lt 128 ] || fail "a run whose root was filled ended with $status"
	note "it ends with $status: $(grep -a -i -E 'space|room' "$logs/attacked" | tail -n 1)"
	says attacked '[Nn]o (space|room)'
	has_not attacked Traceback
	[ "$(ls "$work/full")" = filler ] || fail "a run that filled its root has left $(ls "$work/full")"
	rm "$work/full/filler"
	nothing_left 'a run that filled its root'

	mount_tmpfs "$work/ro" mode=1777 && mount -o remount,ro "$work/ro"
	unfit 'read-only' "$work/ro" '[Rr]ead-only'

	note 'memory, when a disk is wanted'
	mount_tmpfs "$work/memory" size=40m,mode=1777
	fresh
	configure "temp_root = $work/memory" "temp_root = $root" 'avoid_tmpfs = yes'
	case $(stat -f -c %T "$root") in
	tmpfs | ramfs) ;;
	*)
		expect 0 memory plugged "${full[@]}" -v5 "$source" "stage+file://$target"
		says memory "$work/memory.*tmpfs"
		says memory "Using temporary directory $root/stagedir-"
		;;
	esac
	nothing_left 'a run beside memory'
	configure "temp_root = $root" 'avoid_tmpfs = no'
elif am_root; then
	skip_part "roots that are full, read-only or memory need mount(8): $(cat "$logs/mount")"
else
	skip_part 'roots that are full, read-only or memory need root'
fi

### the directory of a run that lives

# swap NAME COMMAND... - COMMAND puts something else into the place of the staging directory of a stopped run,
# which then goes on: the victim is as it was, the run fails and names the directory.
swap() {
	local name=$1 bad=$work/swapped victim=$work/victim file

	shift
	note "the staging directory is swapped for $name"
	mkdir "$bad" "$victim"
	chmod "$mode" "$bad"
	frozen "$bad" --tempdir "$bad"
	for file in "$staging"/*; do
		echo "the victim's" >"$victim/$(basename "$file")"
	done
	# what is made next may hit one of these
	echo "the victim's" >"$victim/precious"
	chmod 0777 "$victim"
	list_tree "$victim" >"$work/victim.before"
	am_root && [ "$mode" = 0755 ] && chown $other "$bad"
	"$@" || fail "$name: the attack itself failed"
	kill -CONT "$pid"
	end "$pid"
	[ "$status" -ne 0 ] && [ "$status" -lt 128 ] || fail "$name: the run ended with $status"
	has attacked "$staging"
	note "it ends with $status: $(grep -a -F "$staging" "$logs/attacked" | tail -n 1)"
	list_tree "$victim" >"$work/victim.after"
	cmp -s "$work/victim.before" "$work/victim.after" || {
		fail "$name: the victim's directory is not as it was"
		diff <(tr '\n\0' '\1\n' <"$work/victim.before") <(tr '\n\0' '\1\n' <"$work/victim.after") | cat -v >&2
	}
	is_empty "$bad/aside" "a run whose directory was swapped for $name"
	nothing_left "a run whose directory was swapped for $name"
	am_root && chown 0 "$bad"
	rm -rf --one-file-system "$bad" "$victim"
	# the next run is none the worse
	expect 0 next plugged "${full[@]}" "$source" "stage+file://$target"
	expect 0 verify stock duplicity verify --compare-data --no-encryption "file://$target" "$source"
	nothing_left "the run after $name"
}

mode=0755 # of the temp root
attacker=()
am_root && attacker=(setpriv --reuid="$other" --regid="$other" --clear-groups)

# "aside" is no name of a staging directory
with_link() {
	"${attacker[@]}" sh -c 'mv "$1" "$2/aside" && ln -s "$3" "$1"' sh "$staging" "$work/swapped" "$work/victim"
}
with_directory() {
	"${attacker[@]}" sh -c 'mv "$1" "$2/aside" && mkdir "$1" && cp "$3"/* "$1"' sh "$staging" "$work/swapped" "$work/victim"
	cp -a "$staging" "$work/its-copy"
}
with_nothing() {
	"${attacker[@]}" sh -c 'mv "$1" "$2/aside"' sh "$staging" "$work/swapped"
}
if am_root; then
	swap 'a link to a victim' with_link
	swap 'a link to a victim, a second time' with_link
	swap 'a directory' with_directory
	swap 'nothing' with_nothing
	# where everybody may do that, as the settings allow, it is noticed as well
	mode=0777
	configure "temp_root = $root" 'avoid_tmpfs = no' 'allow_shared_root = yes'
	swap 'a link to a victim, in a folder for all' with_link
	swap 'a directory, in a folder for all' with_directory
	configure "temp_root = $root" 'avoid_tmpfs = no'
else
	skip_part 'a swap by another user needs root'
fi

# The host deletes by path what it has put, which was moved away then.
note 'the staging directory is swapped just when a file of it was staged'
mkdir "$work/parent"
expect 0 moved plugged python3 - "$work/parent" <<'EOF'
import os
import sys

from duplicity import dup_temp
from duplicity import tempdir
from duplicity.backends import _stagehost

_stagehost.install()
directory = tempdir.TemporaryDirectory(sys.argv[1])
ours, aside = directory.dir(), os.path.join(os.fsencode(sys.argv[1]), b'aside')
for kind in dup_temp.TempPath, dup_temp.TempDupPath:
    name = os.fsencode(directory.mktemp())
    temporary = kind(name)
    directory.forget(name)
    os.rename(ours, aside)
    os.mkdir(ours)
    open(name, 'wb').close()
    temporary.delete()
    assert os.path.exists(name), kind
    os.unlink(name)
    os.rmdir(ours)
    os.rename(aside, ours)
directory.cleanup()
EOF
is_empty "$work/parent" 'a directory that was swapped and is back'
rmdir "$work/parent"

# The name of a directory that is to be is not known before; that of one that a dead run had may be taken.
if am_root; then
	note 'a directory of another user with the name of ours'
	machine=$(basename "$staging" | cut -d - -f 2)
	chmod 1777 "$root"
	planted=$root/stagedir-$machine-1-aaaaaaaaaaaaaaaa
	"${attacker[@]}" sh -c 'mkdir "$1" && echo planted >"$1/mktemp-aaaaaaaaaaaaa-1"' sh "$planted"
	"${attacker[@]}" ln -s "$source" "$root/stagedir-$machine-1-bbbbbbbbbbbbbbbb"
	fresh
	expect 0 planted plugged "${full[@]}" "$source" "stage+file://$target"
	expect 0 gc plugged "$STAGEDIR" gc
	[ -f "$planted/mktemp-aaaaaaaaaaaaa-1" ] || fail "another user's directory was taken for an orphan of ours"
	[ -L "$root/stagedir-$machine-1-bbbbbbbbbbbbbbbb" ] || fail "another user's link was removed"
	[ "$(ls "$source" | wc -l)" -eq 12 ] || fail 'a link with the name of a staging directory was followed'
	rm -r "$planted" "$root/stagedir-$machine-1-bbbbbbbbbbbbbbbb"
	chmod 0755 "$root"
fi

### a tmp cleaner

if am_root; then
	cleaner=$(command -v systemd-tmpfiles || command -v systemd-tmpfiles.standalone) ||
		die 'the program systemd-tmpfiles is missing (Debian: apt-get install systemd, or systemd-standalone-tmpfiles)'
	note 'systemd-tmpfiles with an age of a second, all the time'
	mkdir -m 1777 "$work/cleaned"
	echo "d $work/cleaned 1777 root root 1s" >"$work/tmpfiles.conf"
	frozen "$work/cleaned" --tempdir "$work/cleaned"
	# the control: all alike, but that nobody holds a lock
	unlocked=$work/cleaned/$(basename "$staging" | sed 's/-[a-z2-7]*$/-cccccccccccccccc/')
	cp -a "$staging" "$unlocked"
	held=$(ls "$staging")
	(while [ ! -e "$work/done" ]; do "$cleaner" --clean "$work/tmpfiles.conf"; done) >"$logs/cleaner" 2>&1 &
	cleaner_pid=$!
	wait_for 20 [ ! -e "$unlocked" ] || {
		show "$logs/cleaner"
		die 'systemd-tmpfiles removes nothing at all: this proves nothing'
	}
	[ "$(ls "$staging")" = "$held" ] || fail "systemd-tmpfiles has removed what a run had staged: $held"
	kill -CONT "$pid"
	end "$pid"
	[ "$status" -eq 0 ] || {
		fail "beside systemd-tmpfiles a backup ended with $status"
		show "$logs/attacked"
	}
	: >"$work/done"
	wait "$cleaner_pid"
	expect 0 verify stock duplicity verify --compare-data --no-encryption "file://$target" "$source"
	is_empty "$work/cleaned" 'a run beside systemd-tmpfiles'
	nothing_left 'a run beside systemd-tmpfiles'
else
	skip_part 'systemd-tmpfiles beside a backup needs root'
fi
finish
