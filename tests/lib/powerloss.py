# powerloss.py - makes of directories what a disk would have of them after a power loss, from what powerloss.c recorded.
#
#	powerloss.py VARIANT SHADOW ROOT...
#
# VARIANT: `strict`, nothing but what was synced: a directory has the entries, a file the content of its last sync, and
# none where there was none. `empty`: what was made, renamed and removed since is so, but content that was not synced is
# missing; `zero`: and zeros are in its place. `mixed`: of each, one or the other, by chance ($POWERLOSS_SEED).
import os
import random
import shutil
import sys

variant, shadow, *roots = sys.argv[1:]
chance = random.Random(os.environ.get('POWERLOSS_SEED'))


def key_of(stat):
    return f'{stat.st_dev}-{stat.st_ino}'


def read(path):
    try:
        with open(path, 'rb') as file:
            return file.read()
    except FileNotFoundError:
        return None


def synced_entries(key):
    """{name: (key, type)} as of the last sync; of one that was never synced, nothing."""
    entries = {}
    for record in (read(f'{shadow}/dirs/{key}') or b'').split(b'\0')[:-1]:
        entry_key, kind, name = record.split(b' ', 2)
        entries[name] = entry_key.decode(), kind.decode()
    return entries


def present_entries(path):
    """The same as of the end. Sizes and paths go to `present`."""
    entries = {}
    for entry in os.scandir(path):
        stat = entry.stat(follow_symlinks=False)
        key = key_of(stat)
        kind = 'd' if entry.is_dir(follow_symlinks=False) else 'f' if entry.is_file(follow_symlinks=False) else '?'
        entries[entry.name] = key, kind
        present[key] = entry.path
    return entries


present = {}


def content_of(key):
    synced = read(f'{shadow}/files/{key}') or b''
    last = read(present[key]) if key in present else synced
    how = variant if variant != 'mixed' else chance.choice(('strict', 'zero', 'all'))
    if how == 'all':
        return last
    return synced + bytes(max(0, len(last) - len(synced))) if how == 'zero' else synced


def entries_of(key):
    synced = synced_entries(key)
    last = present_entries(present[key]) if key in present else {}
    if variant == 'strict':
        return synced
    if variant != 'mixed':
        return last
    entries = {}
    for name in sorted(set(synced) | set(last)):
        which = chance.choice((synced, last))
        if name in which:
            entries[name] = which[name]
    return entries


def build(key, path):
    for name, (entry_key, kind) in entries_of(key).items():
        target = os.path.join(path, name)
        if kind == 'd':
            os.mkdir(target, 0o700)
            build(entry_key, target)
        elif kind == 'f':
            with open(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), 'wb') as file:
                file.write(content_of(entry_key))


for root in map(os.fsencode, roots):
    made = root + b'.made'
    os.mkdir(made, os.stat(root).st_mode & 0o7777)
    key = key_of(os.stat(root))
    present[key] = root
    build(key, made)
    shutil.rmtree(root)
    os.rename(made, root)
