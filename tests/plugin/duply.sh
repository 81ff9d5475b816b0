# duply.sh - duply, a front end of the host: a profile whose TARGET has the prefix, and one of before that the configuration
# takes over. Backup, verify, restore and purge.
. "${srcdir:-.}/tests/lib/lib.sh" || exit 1

need duply duply
source=$work/source

# profile NAME TARGET - as duply keeps it; the settings that it demands and no more.
profile() {
	(umask 077 && mkdir -p "$XDG_CONFIG_HOME" "$HOME/.duply/$1")
	cat >"$HOME/.duply/$1/conf" <<-END
		GPG_KEY='disabled'
		TARGET='$2'
		SOURCE='$source'
		MAX_AGE=1s
		VERBOSITY=5
		TEMP_DIR='$TMPDIR'
		PYTHON='$HOST_PYTHON'
	END
	chmod 0600 "$HOME/.duply/$1/conf"
}

# with_duply STATUS LOG PROFILE COMMAND... - duply, which calls the host with the plugin.
with_duply() {
	local wanted=$1 log=$2

	shift 2
	expect "$wanted" "$log" plugged duply "$@"
	nothing_left "duply $*"
}

# life NAME - of a profile; NAME-stock is one for the same target without the plugin. A purge keeps the newest full backup.
life() {
	rm -rf "$source"
	make_tree "$source"
	with_duply 0 "$1-full" "$1" backup
	says "$1-full" "Using temporary directory $root/stagedir-"
	with_duply 0 "$1-verify" "$1" verify --compare-data
	change_tree "$source"
	# the host takes times of seconds for its names
	sleep 1.1
	with_duply 0 "$1-inc" "$1" backup
	has "$1-inc" 'Last full backup date:'
	says "$1-inc" "Using temporary directory $root/stagedir-"
	with_duply 0 "$1-status" "$1" status
	with_duply 0 "$1-list" "$1" list
	# duply 2.4.1 knows no option of duplicity 2 or later for this
	learn "$1-fetch-stock" duply "$1-stock" fetch plain/numbers "$work/fetched-$1-stock"
	with_duply "$wanted" "$1-fetch" "$1" fetch plain/numbers "$work/fetched-$1"
	if [ "$wanted" -eq 0 ]; then
		cmp "$source/plain/numbers" "$work/fetched-$1" || fail "$1: fetched is something else"
	else
		note "this duply cannot fetch a file with this host, plugin or not: exit status $wanted"
	fi
	with_duply 0 "$1-restore" "$1" restore "$work/restored-$1"
	same_tree "$source" "$work/restored-$1" "$1, restored by duply"
	sleep 1.1
	with_duply 0 "$1-second" "$1" full
	[ "$(find "$work/target-$1" -name 'duplicity-full.*.manifest' | wc -l)" -eq 2 ] || fail "$1: there are not two full backups"
	sleep 1.1
	with_duply 0 "$1-purge" "$1" purge --force
	[ "$(find "$work/target-$1" -name '*.manifest' | wc -l)" -eq 1 ] ||
		fail "$1: purged, there is: $(ls "$work/target-$1")"
	with_duply 0 "$1-cleanup" "$1" cleanup --force
	expect 0 "$1-stock" stock duplicity restore --no-encryption "file://$work/target-$1" "$work/restored-$1-stock"
	same_tree "$source" "$work/restored-$1-stock" "$1, restored by stock without duply"
	note "$1: $(grep -a -o -m 1 'Start duply.*time' "$logs/$1-full")"
}

profile prefix-stock "file://$work/target-prefix"
profile before-stock "file://$work/target-before"
profile prefix "stage+file://$work/target-prefix"
life prefix
profile before "file://$work/target-before"
configure "temp_root = $root" 'avoid_tmpfs = no' 'targets = *'
life before
finish
