# mixed.sh - both hosts on one target: this one, and that of the Debian 13 root $DEBIAN13_ROOT, in which /src is built.
# Run by debian13.sh, in its namespace of mounts.
. "${srcdir:-.}/tests/plugin/lib.sh" || exit 1

: "${DEBIAN13_ROOT:?}" "${EXTENSION:?}"

# The same paths are in both, so a target has one URL, and one archive directory.
mkdir -p "$DEBIAN13_ROOT$work"
mount --bind "$work" "$DEBIAN13_ROOT$work" || die "cannot mount in $DEBIAN13_ROOT"
mounts+=("$DEBIAN13_ROOT$work")

in_root() {
	chroot "$DEBIAN13_ROOT" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C HOME="$HOME" GNUPGHOME="$GNUPGHOME" \
		XDG_CACHE_HOME="$XDG_CACHE_HOME" XDG_CONFIG_HOME="$XDG_CONFIG_HOME" TMPDIR="$TMPDIR" \
		STAGEDIR_CONFIG="$STAGEDIR_CONFIG" PYTHONDONTWRITEBYTECODE=1 ${PASSPHRASE+PASSPHRASE="$PASSPHRASE"} "$@"
}

# plugged and stock are this host with and without the plugin; these the other one.
other_plugged() {
	in_root /src/build/in-tree "$@"
}

other_stock() {
	in_root "$@"
}

# chain NAME WHO... - a chain of backups that these make in turn, which every host restores without the plugin.
chain() {
	local name=$1 url=file://$work/$1 time=1600000000 who

	shift
	for who; do
		time=$((time + 1000))
		echo "$time" >"$source/turn"
		# two turns within a second would look alike
		touch -d "@$time" "$source/turn"
		head -c 600000 /dev/urandom >"$source/new-$time"
		expect 0 "$name.$time" "$who" duplicity "${options[@]}" --current-time "$time" "$source" "stage+$url"
		has "$name.$time" 'Local and Remote metadata are synchronized, no sync needed.'
		nothing_left "$name, a turn of $who"
	done
	[ "$(find "$work/$name" -name 'duplicity-inc.*.manifest*' | wc -l)" -eq $(($# - 1)) ] ||
		fail "$name: these are not one full backup and $(($# - 1)) behind it: $(ls "$work/$name")"
	for who in stock other_stock; do
		expect 0 "$name.restore" "$who" duplicity restore "${options[@]}" --archive-dir "$work/archive-$who" "$url" \
			"$work/restored-$name-$who"
		same_tree "$source" "$work/restored-$name-$who" "$name, restored by $who"
		expect 0 "$name.verify" "$who" duplicity verify --compare-data "${options[@]}" --archive-dir "$work/archive-$who" \
			"$url" "$source"
	done
	note "$name: $*"
}

source=$work/source
make_tree "$source"
options=(--no-encryption --volsize 1)
chain begun-here plugged other_plugged plugged other_plugged other_plugged plugged
chain begun-there other_plugged plugged other_plugged plugged
options=(--volsize 1)
export PASSPHRASE=secret
chain encrypted-here plugged other_plugged plugged
chain encrypted-there other_plugged plugged other_plugged
unset PASSPHRASE

# The extension that was built here, under this Python, is loaded by that of the other root.
overlay=$work/overlay
cp "$EXTENSION" "$work/_stagedir.so"
in_root sh /src/plugin/overlay.sh /usr/lib/python3/dist-packages/duplicity "$overlay/duplicity" \
	/src/plugin/stagebackend.py "$work/_stagedir.so"
with_ours() {
	in_root env PYTHONPATH="$overlay" "$@"
}
options=(--no-encryption --volsize 1)
chain extension with_ours with_ours other_plugged with_ours
expect 0 loaded with_ours python3 -c 'import os, sys
from duplicity.backends import _stagedir
print(sys.version.split()[0], "loads", os.path.realpath(_stagedir.__file__))'
has loaded "loads $work/_stagedir.so"
note "$("$HOST_PYTHON" -V) built what Python $(cut -d ' ' -f 1,2 "$logs/loaded") in the other root"
finish
