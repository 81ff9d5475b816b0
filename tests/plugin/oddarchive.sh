# oddarchive.sh - an archive directory where files belong to another user, whoever makes them, or where chmod(2) is refused: by
# bindfs, and on exfat. Backups there are what they are elsewhere: complete, increments, killed and gone on with, encrypted
# or not. No traceback, and no line more than elsewhere.
. "${srcdir:-.}/tests/lib/lib.sh" || exit 1
. "$srcdir/tests/lib/odd.sh" || exit 1

needs_root 'mounts need root'
need gpg gnupg
need bindfs bindfs
need mkfs.exfat exfatprogs
need mount.exfat-fuse exfat-fuse
mkdir "$source" "$work/behind"
head -c 4000000 /dev/urandom | split -b 1M - "$source/"
touch -d '2020-02-02 02:02:02' "$source"/* # the host takes what was changed within a second for the same
export PASSPHRASE='a passphrase'
configure "temp_root = $root" 'avoid_tmpfs = no' 'retries = 2' 'backoff = 0'

# kill_at WHAT LOG COMMAND... - a run is killed when it stores a file of this name.
kill_at() {
	local name=$1 log=$2

	shift 2
	set_odd hang "$name"
	start "$log" "$@"
	wait_for 60 have_logged "$name" || fail "a run stores no $name"
	kill -KILL "$pid"
	end "$pid"
	unset_odd hang
}

# quiet LOG - a run tells nothing of the odd archive directory.
quiet() {
	has_not "$1" Traceback
	has_not "$1" 'do not prove'
	has_not "$1" 'ermission'
	has_not "$1" 'not permitted'
}

# round WHAT OPTION... - full and increment, beside stock and by stock in turn; killed at a volume, and at its very end.
round() {
	local what=$1 kind

	shift
	fresh_odd
	expect 0 full plugged duplicity full --volsize 1 "$@" "$source" "stage+$url" || return
	quiet full
	echo more >>"$source/aa"
	sleep 1
	expect 0 inc plugged duplicity inc --volsize 1 "$@" "$source" "stage+$url"
	quiet inc
	nothing_left "$what: backups"
	expect 0 verify stock duplicity verify --compare-data "$@" "$url" "$source"
	echo more >>"$source/ab"
	sleep 1
	expect 0 inc stock duplicity inc --volsize 1 "$@" "$source" "$url"
	for kind in .vol3. .sigtar .manifest; do
		fresh_odd
		kill_at "$kind" killed plugged duplicity full --volsize 1 "$@" "$source" "stage+$url"
		expect 0 after plugged duplicity full --volsize 1 "$@" "$source" "stage+$url"
		quiet after
		expect 0 verify stock duplicity verify --compare-data "$@" "$url" "$source"
		[ "$kind" != .vol3. ] || says after 'RESTART|handing off the volume'
	done
	note "$what: passed"
}

both() {
	round "$1" --no-encryption
	round "$1, encrypted"
	umount "$XDG_CACHE_HOME" || die "$1: cannot be unmounted"
	unset 'mounts[-1]'
}

for options in '--force-user=4711 --force-group=4711' --chmod-deny; do
	# shellcheck disable=SC2086 # several
	bindfs $options "$work/behind" "$XDG_CACHE_HOME" 2>"$logs/bindfs" || {
		skip_part "bindfs cannot mount here: $(head -n 1 "$logs/bindfs")"
		continue
	}
	mounts+=("$XDG_CACHE_HOME")
	: >"$XDG_CACHE_HOME/probe"
	case $options in
	*user*) [ "$(stat -c %u "$XDG_CACHE_HOME/probe")" = 4711 ] || fail "files do not belong to another: $options" ;;
	esac
	case $options in
	*deny*) ! chmod 0600 "$XDG_CACHE_HOME/probe" 2>/dev/null || fail "chmod is not refused: $options" ;;
	esac
	rm "$XDG_CACHE_HOME/probe"
	both "bindfs $options"
done

truncate -s 64M "$work/exfat"
mkfs.exfat "$work/exfat" >"$logs/mkfs" 2>&1 || { show "$logs/mkfs"; die 'no exfat can be made'; }
if loop=$(losetup -f --show "$work/exfat" 2>"$logs/losetup") &&
	mount.exfat-fuse -o uid=4711,gid=4711,umask=022 "$loop" "$XDG_CACHE_HOME" >"$logs/mount" 2>&1; then
	mounts+=("$XDG_CACHE_HOME")
	both exfat
else
	skip_part "exfat cannot be mounted here: $(cat "$logs/losetup" "$logs/mount" 2>/dev/null | head -n 1)"
fi
[ -z "${loop-}" ] || losetup -d "$loop"
finish
