# selection.sh - what is selected of a source in C is what the host's own generator selects: paths, order, attributes,
# warnings, errors; with each option of selection, of one odd tree, as root and as somebody who may not read all of it.
# A run of the host uses it.
if [ "$(id -u)" -eq 0 ] && [ -z "${STAGE_TEST_NAMESPACE:-}" ] && unshare --mount true 2>/dev/null; then
	# a file system of its own is seen by nobody else
	STAGE_TEST_NAMESPACE=1 exec unshare --mount "$BASH" "$0"
fi
. "${srcdir:-.}/tests/lib/lib.sh" || exit 1

source=$work/source
mkdir -p "$source"/{a,a-b,a/left,deep/x/y/z,deep/u/v,empty,many,kept,searched}
touch "$source"/{a/b,a/left/c.c,a.b,a-b/b,'a b',deep/x/y/c,deep/x/y/z/d,deep/u/v/c,deep/u/e.c,z}
touch "$source/$(printf '\377\376')" "$source/$(printf 'gr\303\274n')" "$source/new
line" "$source/many/$(printf '%0200d' 1)"
(cd "$source/many" && touch $(seq 300))
touch "$source/kept/.nobackup" "$source/kept/file"
touch -d 1960-01-01 "$source/deep/old"
touch -d '2020-01-01 00:00:00.999999999' "$source/deep/rounded"
ln -s a "$source/link"
ln -s none "$source/lost"
ln -s "$(printf '%01000d' 1)" "$source/long"
ln -s loop "$source/loop"
mkfifo "$source/pipe"
# with --copy-links as deep as the kernel follows links
mkdir "$source-loops"
touch "$source-loops/file"
ln -s . "$source-loops/self"
chmod 4755 "$source/a.b"
"$HOST_PYTHON" -c 'import os, socket, sys; os.chdir(sys.argv[1]); socket.socket(socket.AF_UNIX).bind("socket")' "$source"
mkdir "$source/closed" "$source/listed"
touch "$source/closed/a" "$source/listed/a" "$source/listed/b" "$source/unread"
if [ "$(id -u)" -eq 0 ]; then
	mknod "$source/character" c 5 7
	mknod "$source/block" b 259 1048575
	mkdir "$source/other"
	mount -t tmpfs none "$source/other" && touch "$source/other/file"
fi
chmod 700 "$source/closed"
chmod 711 "$source/searched"
chmod 744 "$source/listed"
chmod 600 "$source/unread"

# beside WHO COMMAND... - the comparison, by COMMAND
beside() {
	local who=$1

	shift
	"$@" "$IN_TREE" "$HOST_PYTHON" "$srcdir/tests/plugin/selection.py" "$source" >"$logs/$who" 2>&1 ||
		fail "$who: $(tail -n 20 "$logs/$who" | cut -c 1-2000)"
}

beside self env
if [ "$(id -u)" -eq 0 ]; then
	chmod 755 "$work"
	nobody=(setpriv --reuid 65534 --regid 65534 --clear-groups env HOME=/nonexistent)
	if "${nobody[@]}" test -r "$source"; then
		beside nobody "${nobody[@]}"
	else
		echo "selection: $source is closed to others: what may not be read is not tested" >&2
	fi
fi

# a full backup, an increment and a verify of the host come to it
mkdir "$work/site"
cat >"$work/site/sitecustomize.py" <<'END'
import atexit
import sys


def tell():
    config = sys.modules.get('duplicity.config')
    print('SELECTED BY', type(config.select.iter).__name__, file=sys.stderr)


atexit.register(tell)
END
# comes_to ACTION ARGUMENT... - the host does, in a run of this action
comes_to() {
	expect 0 "$1" env PYTHONPATH="$work/site" "$IN_TREE" duplicity "$@" --no-encryption
	has "$1" 'SELECTED BY Selection'
}

comes_to full "$source" "stage+file://$work/target"
comes_to inc "$source" "stage+file://$work/target"
comes_to verify "stage+file://$work/target" "$source"
! mountpoint -q "$source/other" || umount "$source/other"
finish
