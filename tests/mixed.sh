# mixed.sh - both hosts on one target: this one, and that of the Debian 13 root $DEBIAN13_ROOT, in which /src is built.
# Run by debian13.sh, in its namespace of mounts.
. "${srcdir:-.}/tests/plugin/lib.sh" || exit 1
. "$srcdir/tests/plugin/odd.sh" || exit 1

: "${DEBIAN13_ROOT:?}" "${EXTENSION:?}"

# The same paths are in both, so a target has one URL, and one archive directory.
mkdir -p "$DEBIAN13_ROOT$work"
mount --bind "$work" "$DEBIAN13_ROOT$work" || die "cannot mount in $DEBIAN13_ROOT"
mounts+=("$DEBIAN13_ROOT$work")

# and it is the same machine: what a dead run of another one has staged is left alone
[ -s /etc/machine-id ] || die 'this machine has no /etc/machine-id'
touch "$DEBIAN13_ROOT/etc/machine-id"
mount --bind /etc/machine-id "$DEBIAN13_ROOT/etc/machine-id" || die "cannot mount in $DEBIAN13_ROOT"
mounts+=("$DEBIAN13_ROOT/etc/machine-id")

root_environment=(PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C HOME="$HOME" GNUPGHOME="$GNUPGHOME"
	XDG_CACHE_HOME="$XDG_CACHE_HOME" XDG_CONFIG_HOME="$XDG_CONFIG_HOME" TMPDIR="$TMPDIR"
	STAGEDIR_CONFIG="$STAGEDIR_CONFIG" PYTHONPATH=/src/tests/plugin/site PYTHONDONTWRITEBYTECODE=1)

in_root() {
	chroot "$DEBIAN13_ROOT" env -i "${root_environment[@]}" ${PASSPHRASE+PASSPHRASE="$PASSPHRASE"} "$@"
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

make_tree "$source"
options=(--no-encryption --volsize 1)
chain begun-here plugged other_plugged plugged other_plugged other_plugged plugged
chain begun-there other_plugged plugged other_plugged plugged
options=(--volsize 1 --gpg-options '--s2k-mode 1')
export PASSPHRASE=secret
chain encrypted-here plugged other_plugged plugged
chain encrypted-there other_plugged plugged other_plugged
unset PASSPHRASE

# killed WHO OTHER - a run that is killed while volumes are staged; the other host goes on with it.
killed() {
	local command=("$IN_TREE")

	fresh_odd
	set_odd rate 500000
	[ "$1" = plugged ] || command=(chroot "$DEBIAN13_ROOT" env -i "${root_environment[@]}" /src/build/in-tree)
	"${command[@]}" duplicity full "${options[@]}" "$source" "stage+$url" >"$logs/killed" 2>&1 </dev/null &
	pid=$!
	wait_for 60 have_staged 2 || { fail "$1: nothing is staged"; show "$logs/killed"; }
	kill -KILL "$pid"
	end "$pid"
	[ "$status" -eq 137 ] || fail "$1: it was not killed, but ended with $status"
	unset_odd rate
	expect 0 went-on "$2" duplicity full "${options[@]}" "$source" "stage+$url"
	says went-on 'handing off the volume .* that a dead run staged'
	says went-on 'Restarting after volume [1-9]'
	nothing_left "$2, behind $1"
	for who in stock other_stock; do
		expect 0 verify "$who" duplicity verify --compare-data "${options[@]}" "$url" "$source"
	done
	note "$1 was killed, $2 went on"
}

rm -rf "$source"
mkdir "$source"
head -c 6000000 /dev/urandom | split -b 1M - "$source/"
options=(--no-encryption --volsize 1)
killed plugged other_plugged
killed other_plugged plugged

# The extension that was built here, under this Python, is loaded by that of the other root.
overlay=$work/overlay
cp "$EXTENSION" "$work/_stagedir.so"
in_root sh /src/plugin/overlay.sh /usr/lib/python3/dist-packages/duplicity "$overlay/duplicity" python3 \
	/src/plugin/{_stagearchive,_stagehost,_stageprogress,stagebackend}.py "$work/_stagedir.so"
with_ours() {
	in_root env PYTHONPATH="$overlay:/src/tests/plugin/site" "$@"
}
chain extension with_ours with_ours other_plugged with_ours
expect 0 loaded with_ours python3 -c 'import os, sys
from duplicity.backends import _stagedir
print(sys.version.split()[0], "loads", os.path.realpath(_stagedir.__file__))'
has loaded "loads $work/_stagedir.so"
note "$("$HOST_PYTHON" -V) built what Python $(cut -d ' ' -f 1,2 "$logs/loaded") in the other root"
finish
