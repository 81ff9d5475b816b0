"""
verify.py FOLDER SEED - makes random differences in a tree that was backed up, the same ones for each number SEED: of
content with the time as before and without, of permissions, owners, times, types, targets of links; what is gone, and new.
"""

import os
import random
import shutil
import stat
import sys

folder = os.fsencode(sys.argv[1])
chance = random.Random(int(sys.argv[2]))


def all_paths():
    found = []
    for base, folders, files in os.walk(folder):
        folders.sort()
        found += [os.path.join(base, name) for name in sorted(folders + files)]
    return found


def remove(path):
    if os.path.isdir(path) and not os.path.islink(path):
        shutil.rmtree(path)
    else:
        os.remove(path)


def write(path):
    """One byte is another, or there are more, or fewer."""
    size = os.path.getsize(path)
    with open(path, 'r+b') as file:
        at = chance.choice((0, max(size - 1, 0), chance.randrange(size + 1)))
        how = chance.randrange(3)
        if how == 0:
            file.truncate(at)
        elif how == 1:
            file.seek(0, os.SEEK_END)
            file.write(bytes(chance.choice((1, 65536))))
        else:
            file.seek(at)
            byte = file.read(1) or b'\0'
            file.seek(at)
            file.write(bytes([byte[0] ^ 1]))


def change(path):
    looked = os.lstat(path)
    how = chance.randrange(9)
    if how == 0:
        remove(path)
    elif how == 1:
        remove(path)
        make = chance.choice((os.mkdir, os.mkfifo, lambda new: os.symlink(b'other', new), lambda new: open(new, 'x').close()))
        make(path)
    elif stat.S_ISLNK(looked.st_mode):
        target = os.readlink(path)
        remove(path)
        os.symlink(target + chance.choice((b'/', b'x')), path)
    elif how == 2:
        os.chmod(path, looked.st_mode ^ chance.choice((0o1, 0o40, 0o1000)))
    elif how == 3 and os.getuid() == 0:
        os.chown(path, looked.st_uid + chance.randrange(2), looked.st_gid + chance.randrange(2))
    elif how == 4:
        os.utime(path, (0, chance.choice((-1, -0.5, 0, 0.5, 1, looked.st_mtime + 0.9, looked.st_mtime + 1, 4e9))))
    elif how == 5 and stat.S_ISDIR(looked.st_mode):
        with open(os.path.join(path, b'new' + chance.choice((b'', b'.', b'\xff'))), 'w') as file:
            file.write('new')
    elif stat.S_ISREG(looked.st_mode):
        write(path)
        if chance.randrange(4):
            os.utime(path, ns=(looked.st_atime_ns, looked.st_mtime_ns))


for _ in range(chance.randrange(1, 25)):
    paths = all_paths()
    if paths:
        change(chance.choice(paths))
