#!/bin/bash
# ext4-thin-fsync.sh - blocks that fallocate reserved on a thin device run out, and only some of those who ask are told.
#
# Software: e2fsprogs 1.47.0-2+b2 (Debian 12), Linux 6.18 (ext4 on a loop device), a sparse image on a tmpfs that is
# smaller than the image. The kernel is the one that runs: its version is printed.
# A guess:  after posix_fallocate succeeded there is no ENOSPC any more; if writing back fails all the same, fsync goes on
#           failing until the data is written, and what is not on the disk cannot be read back.
# Seen (2026-11), 24 MiB on a file system of 64 MiB, 16 MiB behind it:
#     posix_fallocate, 24 writes:             all succeed
#     fsync, three times, one descriptor:     No space left on device; Input/output error; success
#     fsync, another, opened before:          No space left on device
#     fsync, another, opened afterwards:      success
#     read back:                              all 24 MiB right
#     the same after POSIX_FADV_DONTNEED:     no error, and several MiB are zeros
# So a writer that tries fsync again, or a checker that opens the file after somebody else's fsync, is told that all is
# stored, and a comparison agrees as long as the pages stay in memory.
# Why: a page that could not be written is marked clean all the same; an error is told once to each descriptor that was
# open when it came (here two came, one after the other); and a reserved block that was never written reads as zeros.
. "$(dirname "$0")/lib.sh" || exit 1

packages bookworm e2fsprogs=1.47.0-2+b2 python3 coreutils
mkdir "$root/data/behind" "$root/data/disk"
mount -t tmpfs -o size=16m tmpfs "$root/data/behind"
truncate -s 64m "$root/data/behind/image"
inside mke2fs -q -t ext4 -E nodiscard,lazy_itable_init=0,lazy_journal_init=0 behind/image || cannot "mke2fs failed"
mount -o loop "$root/data/behind/image" "$root/data/disk" 2>/dev/null || cannot "no loop device"

cat >"$root/data/sync.py" <<'PYTHON'
import os

mib, count, name = 1 << 20, 24, 'disk/file'
data = os.urandom(mib)


def sync(fd):
    try:
        os.fsync(fd)
        return 'success'
    except OSError as error:
        return error.strerror


def compare(fd):
    found = [os.pread(fd, mib, i * mib) for i in range(count)]
    wrong = [block for block in found if block != data]
    zeros = [block for block in wrong if block.endswith(bytes(4096))]
    return f'{len(wrong)} wrong, {len(zeros)} with zeros'


writer = os.open(name, os.O_RDWR | os.O_CREAT)
before = os.open(name, os.O_RDWR)
os.posix_fallocate(writer, 0, count * mib)
for i in range(count):
    os.pwrite(writer, data, i * mib)
print('writer:', '; '.join(sync(writer) for _ in range(3)))
print('opened before:', sync(before))
after = os.open(name, os.O_RDWR)
print('opened afterwards:', sync(after))
print('read back:', compare(after))
os.posix_fadvise(after, 0, 0, os.POSIX_FADV_DONTNEED)
print('from the disk:', compare(after))
PYTHON

uname -sr
inside python3 sync.py >"$work/seen" 2>&1
cat "$work/seen"
wanted="writer: No space left on device; Input/output error; success
opened before: No space left on device
opened afterwards: success
read back: 0 wrong, 0 with zeros"
[ "$(head -4 "$work/seen")" = "$wanted" ] || changed "other answers"
lost=$(sed -n 's/^from the disk: \([0-9]*\) wrong, \([0-9]*\) with zeros$/\1 \2/p' "$work/seen")
if [ -z "$lost" ] || [ "${lost% *}" -eq 0 ] || [ "${lost#* }" -eq 0 ]; then
	changed "nothing was lost, or reading failed"
fi
holds "fsync after a failed fsync succeeds, a later descriptor is told nothing, and the data reads right until dropped"
