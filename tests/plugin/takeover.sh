# takeover.sh - the configuration decides whether plain URLs are staged, and a broken one is never guessed at.
. "${srcdir:-.}/tests/lib/lib.sh" || exit 1

mkdir "$work/source"
head -c 300000 /dev/urandom >"$work/source/file"
target=$work/target
archive=$(archive_of "file://$target")

# full URL - a full backup, with everything logged, by the plugin.
full() {
	rm -rf "$target" "$XDG_CACHE_HOME/duplicity"
	expect 0 full plugged duplicity full -v9 --no-encryption "$work/source" "$1"
	nothing_left "a backup to $1"
	[ "$(ls "$XDG_CACHE_HOME/duplicity")" = "$(basename "$archive")" ] ||
		fail "$1: the archive directory is not the one of the plain URL: $(ls "$XDG_CACHE_HOME/duplicity")"
}

staged() {
	says full "Using temporary directory $root/stagedir-"
	says full "Using temporary directory $archive/stagedir-"
	has_not full "$root/duplicity-"
	has_not full -tempdir
}

untouched() {
	says full "Using temporary directory $root/duplicity-.*-tempdir"
	has_not full "/stagedir-"
}

common=("temp_root = $root" 'avoid_tmpfs = no')
note 'targets = stage+, the default'
configure "${common[@]}"
full "file://$target"
untouched
full "stage+file://$target"
staged
configure "${common[@]}" 'targets = stage+'
full "file://$target"
untouched

note 'no configuration file at all'
mv "$STAGEDIR_CONFIG" "$work/aside"
(
	unset STAGEDIR_CONFIG
	full "file://$target"
	untouched
	exit "$failures"
)
failures=$((failures + $?))
mv "$work/aside" "$STAGEDIR_CONFIG"

note 'patterns'
for pattern in '*' 'file://*' "file://$work/*" "file://$target"; do
	configure "${common[@]}" 'targets = sftp://*' "targets = $pattern"
	full "file://$target"
	staged
	full "stage+file://$target"
	staged
done
configure "${common[@]}" 'targets = sftp://*' 'targets = file:///elsewhere/*'
full "file://$target"
untouched

note 'all commands of a plain URL that is taken over'
configure "${common[@]}" 'targets = *'
full "file://$target"
for command in "verify --compare-data --no-encryption file://$target $work/source" "list-current-files file://$target" \
	"collection-status file://$target" "restore --no-encryption file://$target $work/restored" "cleanup --no-encryption file://$target"; do
	# shellcheck disable=SC2086 # no word of it holds a space
	expect 0 taken-over plugged duplicity $command
	nothing_left "$command"
done
same_tree "$work/source" "$work/restored" 'restored from a target that was taken over'
expect 0 stock stock duplicity verify --compare-data --no-encryption "file://$target" "$work/source"

note 'broken files'
# broken LINE-NUMBER TEXT WHAT LINE... - exit code 23 and one line that says where, which text, what is wrong.
broken() {
	local line=$1 text=$2 what=$3

	shift 3
	configure "$@"
	rm -rf "$target" "$XDG_CACHE_HOME/duplicity"
	expect 23 broken plugged duplicity full --no-encryption "$work/source" "stage+file://$target"
	says broken "$STAGEDIR_CONFIG.*\\b$line\\b"
	has broken "$text"
	says broken "$what"
	has_not broken Traceback
	[ ! -e "$target" ] || [ -z "$(ls "$target")" ] || fail 'a backup was made in spite of a broken configuration'
	nothing_left 'a broken configuration'
}
# nobody asked for stagedir here, so the backup is made, without it and with a warning
plain_with_broken() {
	printf '%s\n' 'temproot = /tmp' >"$STAGEDIR_CONFIG"
	rm -rf "$target" "$XDG_CACHE_HOME/duplicity"
	expect 0 plain-with-broken plugged duplicity full --no-encryption -v5 "$work/source" "file://$target"
	says plain-with-broken 'does not know whether to take .*:1: "temproot = /tmp": unknown key'
	says plain-with-broken 'Using temporary directory .*/duplicity-.*-tempdir'
	rm -rf "$target" "$XDG_CACHE_HOME/duplicity"
}
plain_with_broken
broken 2 'temproot' 'temp_root.*min_free.*avoid_tmpfs.*targets' '# first' 'temproot = /tmp'
broken 3 '12 bananas' '[Bb]ytes|K, M, G' "${common[@]}" 'min_free = 12 bananas'
broken 2 'maybe' 'yes.*no' "temp_root = $root" 'avoid_tmpfs = maybe'
broken 3 'avoid_tmpfs' 'twice|already|again' "${common[@]}" 'avoid_tmpfs = no'
broken 1 'no-equals-sign' '=' 'no-equals-sign' "${common[@]}"
broken 1 'STAGEDIR_TEST_NOT_SET' 'not set' 'temp_root = $STAGEDIR_TEST_NOT_SET/tmp'

configure "${common[@]}"
chmod 0666 "$STAGEDIR_CONFIG"
expect 23 writable plugged duplicity full --no-encryption "$work/source" "stage+file://$target"
has writable "$STAGEDIR_CONFIG"
says writable 'writ'
# a plain URL is backed up without us
# plain_without TEXT - with one warning that holds TEXT.
plain_without() {
	rm -rf "$target" "$XDG_CACHE_HOME/duplicity"
	expect 0 plain plugged duplicity full --no-encryption -v5 "$work/source" "file://$target"
	says plain "does not know whether to take file://$target over: .*$1"
	[ "$(grep -c 'does not know whether' "$logs/plain")" -eq 1 ] || fail 'a plain URL is warned of more than once'
	says plain 'Using temporary directory .*/duplicity-.*-tempdir'
	nothing_left "a plain URL: $1"
	expect 0 stock stock duplicity verify --compare-data --no-encryption "file://$target" "$work/source"
}
plain_without 'others may write it'
chmod 0644 "$STAGEDIR_CONFIG"

export STAGEDIR_CONFIG=$work/no-such-file
plain_without "$work/no-such-file"
expect 23 missing plugged duplicity full --no-encryption "$work/source" "stage+file://$target"
has missing "$work/no-such-file"
nothing_left 'a missing configuration file'
finish
