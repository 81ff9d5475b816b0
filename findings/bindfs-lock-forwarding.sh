#!/bin/bash
# bindfs-lock-forwarding.sh - the option that makes locks reach further takes away those that worked.
#
# Software: bindfs 1.14.7-1 with libfuse 3.14.0 (Debian 12), Linux 6.
# A guess:  --enable-lock-forwarding only adds: a lock holds for the users of the source too. (The manual: "locking a
#           file in the bindfs mount will also lock the file in the source directory".)
# Seen (2026-11), one process holding a lock by its name in mount 1, a second one trying:
#                                default            --enable-lock-forwarding --multithreaded
#     flock, file, mount 1       refused            refused
#     flock, file, mount 2       got                refused
#     flock, folder, mount 1     refused            refused
#     flock, folder, mount 2     got                got
#     fcntl, file, mount 1       refused            got
#     fcntl, file, mount 2       got                refused
#     fcntl, file, source        got                refused
# So with the option fcntl locks hold against everybody but the other users of the same mount.
# Why: bindfs passes an fcntl lock on in its own name. A process never conflicts with itself, and all users of a mount
# are that one process. The kernel asks FUSE about locks of files only, never of folders.
. "$(dirname "$0")/lib.sh" || exit 1

packages bookworm bindfs=1.14.7-1 libfuse3-3=3.14.0-4 python3 coreutils

cat >"$root/data/lock.py" <<'PYTHON'
import fcntl
import os
import sys

kind, first, second = sys.argv[1:]


def lock(name):
    fd = os.open(name, os.O_RDONLY if os.path.isdir(name) else os.O_RDWR)
    call = fcntl.flock if kind == 'flock' else fcntl.lockf
    try:
        call(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return 'got'
    except BlockingIOError:
        return 'refused'


if lock(first) != 'got':
    sys.exit('the first lock is refused')
child = os.fork()
if child == 0:
    print(lock(second), flush=True)
    os._exit(0)
os.waitpid(child, 0)
PYTHON

mkdir -p "$root/data/source/folder" "$root/data/one" "$root/data/two"
echo data >"$root/data/source/file"

# tries OPTION... - all seven, in one line
tries() {
	local case mount

	for mount in one two; do
		inside bindfs "$@" /data/source "/data/$mount" || cannot "bindfs does not mount"
	done
	for case in flock:one/file flock:two/file flock:one/folder flock:two/folder fcntl:one/file fcntl:two/file fcntl:source/file; do
		inside timeout 60 python3 lock.py "${case%:*}" "one/${case##*/}" "${case#*:}"
	done | xargs
	for mount in one two; do
		umount "$root/data/$mount"
	done
}

default=$(tries)
forwarded=$(tries --enable-lock-forwarding --multithreaded)
echo "default:   $default"
echo "forwarded: $forwarded"
[ "$default" = "refused got refused got refused got got" ] || changed "default: $default"
[ "$forwarded" = "refused refused refused got got refused refused" ] || changed "forwarded: $forwarded"
holds "forwarding turns fcntl locks off between users of one mount, and never carries a folder's"
