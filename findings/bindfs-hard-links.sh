#!/bin/bash
# bindfs-hard-links.sh - behind bindfs two hard links are one file to stat, and two files to locks and to the cache.
#
# Software: bindfs 1.14.7-1 with libfuse 3.14.0 (Debian 12), Linux 6; default options.
# A guess:  a mount that hands out the inode numbers of the source has one inode for a file, so a lock taken through
#           one name of it holds for the other, and what is written through one is read through the other.
# Seen (2026-11), in one mount, "a" and "b" being links to one file:
#     stat: same device and inode, 2 links
#     flock of a, then of b by another process: got, got
#     b opened and read, 30 bytes written over through a, fsync, b read again: the old bytes
#     b closed and opened again: the new bytes
# Without bindfs the second lock is refused and the new bytes are read.
# Why: libfuse's path layer numbers nodes by path, and st_ino is only passed on for show. The kernel so has two inodes,
# each with locks and cached pages of its own. Opening drops the pages; an open descriptor keeps them.
. "$(dirname "$0")/lib.sh" || exit 1

packages bookworm bindfs=1.14.7-1 libfuse3-3=3.14.0-4 python3 coreutils

cat >"$root/data/links.py" <<'PYTHON'
import fcntl
import os
import sys

a, b = sys.argv[1] + '/a', sys.argv[1] + '/b'


def lock(name):
    try:
        fcntl.flock(os.open(name, os.O_RDWR), fcntl.LOCK_EX | fcntl.LOCK_NB)
        return 'got'
    except BlockingIOError:
        return 'refused'


with open(a, 'w') as new:
    new.write('old' * 10)
os.link(a, b)
print('one' if os.path.samefile(a, b) else 'two', os.stat(b).st_nlink)
print(lock(a), flush=True)
child = os.fork()
if child == 0:
    print(lock(b), flush=True)
    os._exit(0)
os.waitpid(child, 0)

reader, writer = os.open(b, os.O_RDONLY), os.open(a, os.O_WRONLY)
os.pread(reader, 30, 0)
os.pwrite(writer, b'new' * 10, 0)
os.fsync(writer)
print(os.pread(reader, 3, 0).decode())
os.close(reader)
print(os.pread(os.open(b, os.O_RDONLY), 3, 0).decode())
PYTHON

mkdir "$root/data/source" "$root/data/mount" "$root/data/plain"
inside bindfs source mount || cannot "bindfs does not mount"
plain=$(inside python3 links.py plain | xargs)
seen=$(inside python3 links.py mount | xargs)
echo "plain folder: $plain"
echo "bindfs:       $seen"
[ "$plain" = "one 2 got refused new new" ] || cannot "the plain folder does not behave either"
[ "$seen" = "one 2 got got old new" ] || changed "bindfs: $seen"
holds "two links to a file, one inode by stat, are locked twice, and an open one reads old bytes"
