# standing.py - how far a backup has got, told from what lies around when its run is dead. Knows nothing of the product
# but the format of its journals (core/journal.h).
#
#	standing.py standing TARGET ARCHIVE ROOT
#		prints STATE HIGHEST AFTER STAGED ENDED. STATE: `complete` when storage has the manifest; `partial` while the
#		archive directory has one; else `none`. HIGHEST: the volume up to which all are in storage or staged. AFTER:
#		the one after which the host has to go on, as it redoes the newest; 0: it begins from scratch. STAGED:
#		how many staged volumes of it are still what the manifest tells of. ENDED: `ended` when the host was about
#		to make final files of its partial ones, after which it cannot go on by itself; else `-`.
#		There may be two partial manifests after a power cut, which takes back that the host has removed one. It
#		gives up both, and begins from scratch, if each has one volume at most.
#	standing.py sets TARGET ARCHIVE
#		checks that each backup in storage has just the volumes of its manifest.
#
# Whatever is wrong is a line on standard error, and status 1. The target and the archive directory are folders.
import glob
import hashlib
import os
import re
import sys
import urllib.parse
import zlib

wrong = 0


def complain(*words):
    global wrong
    wrong += 1
    print(*words, file=sys.stderr)


def sha1(path):
    with open(path, 'rb') as file:
        return hashlib.sha1(file.read()).hexdigest()


def read_manifest(path):
    """The volumes of a manifest {number: hash}, and all hashes that each number ever had."""
    volumes, ever, number = {}, {}, None
    with open(path, 'rb') as file:
        for line in file:
            header = re.match(br'Volume (\d+):', line)
            value = re.match(br' +Hash SHA1 ([0-9a-f]{40})$', line)
            if header:
                number = int(header[1])
                # one that is made again has done with those behind it
                volumes = {other: text for other, text in volumes.items() if other < number}
            elif value and number:
                volumes[number] = value[1].decode()
                ever.setdefault(number, set()).add(volumes[number])
    return volumes, ever


def volumes_in(folder, backup):
    """{number: path} of the volumes of a backup, which is the beginning of their names."""
    found = {}
    for name in os.listdir(folder):
        match = re.match(re.escape(backup) + r'\.vol(\d+)\.difftar(\.gz|\.gpg)?$', name)
        if match:
            found[int(match[1])] = os.path.join(folder, name)
    return found


def read_journal(path):
    """{file: name in storage} of what waits."""
    waits = {}
    with open(path, 'rb') as file:
        for line in file:
            crc, _, text = line.rstrip(b'\n').partition(b' ')
            if not line.endswith(b'\n') or line.endswith(b'%%%\n') or crc != b'%08x' % zlib.crc32(text):
                continue
            words = [urllib.parse.unquote(word) for word in text.decode().split(' ')]
            if words[0] == 'staged':
                waits[words[1]] = words[5]
            elif words[0] in ('confirmed', 'stored', 'forgotten'):
                waits.pop(words[1], None)
    return waits


def staged_in(root, backup, volumes):
    """Numbers of the staged volumes that the manifest still tells of."""
    numbers = set()
    for journal in glob.glob(f'{glob.escape(root)}/stagedir-*/journal'):
        for file, name in read_journal(journal).items():
            match = re.match(re.escape(backup) + r'\.vol(\d+)\.', name)
            path = os.path.join(os.path.dirname(journal), file)
            if match and os.path.exists(path) and sha1(path) == volumes.get(int(match[1])):
                numbers.add(int(match[1]))
    return numbers


def backup_of(manifest):
    return manifest[:-len('.manifest.part')]


def has_volumes(target, archive, root, manifest):
    """The volumes of a partial manifest that are stored, {number: path}, and the numbers of those that are staged."""
    backup = backup_of(manifest)
    return volumes_in(target, backup), staged_in(root, backup, read_manifest(f'{archive}/{manifest}')[0])


def forms_of(folder, pattern):
    return [name for name in os.listdir(folder) if re.search(pattern, name)] if os.path.isdir(folder) else []


def standing(target, archive, root):
    partial = forms_of(archive, r'\.manifest\.part$')
    if not partial:
        newest = max(forms_of(archive, r'\.manifest$'), default=None)
        if newest and forms_of(target, '^' + re.escape(newest)):
            return 'complete', max(read_manifest(f'{archive}/{newest}')[0]), 0, 0, '-'
        return 'none', 0, 0, 0, '-'
    if len(partial) > 1 and any(sum(map(len, has_volumes(target, archive, root, name))) > 1 for name in partial):
        complain('two partial manifests, and the host goes on with one of them:', *partial)
    manifest = max(partial)
    backup = backup_of(manifest)
    volumes, ever = read_manifest(f'{archive}/{manifest}')
    stored, staged = has_volumes(target, archive, root, manifest)
    complete = {number for number, path in stored.items() if sha1(path) in ever.get(number, ())}
    newest = max(stored, default=0)
    for number in range(1, newest):
        # the host trusts all but the newest
        if number not in stored or sha1(stored[number]) != volumes.get(number):
            complain(f'{backup}: volume {newest} is in storage, and volume {number} is not, or is another')
    highest = 0
    while highest + 1 in complete or highest + 1 in staged:
        highest += 1
    if newest > highest + 1:
        complain(f'{backup}: volume {newest} is in storage, and volume {highest + 1} is neither there nor staged')
    # of the newest there may be a part
    after = max(highest, newest, 1) - 1
    is_stored = forms_of(target, '^' + re.escape(backup) + r'\.manifest')
    signatures = backup.replace('full.', 'full-signatures.').replace('inc.', 'new-signatures.')
    ended = is_stored or forms_of(archive, '^' + re.escape(backup) + r'\.manifest(\.gpg|\.gz)?$') or \
        forms_of(archive, '^' + re.escape(signatures) + r'\.sigtar(\.gpg|\.gz)?$')
    return 'complete' if is_stored else 'partial', highest, after, len(staged), 'ended' if ended else '-'


def check_sets(target, archive):
    # not what a run that was killed had begun to store: a name with a point in front
    backups = {name.split('.vol')[0] for name in forms_of(target, r'^[^.].*\.vol\d+\.')}
    for backup in backups:
        manifest = f'{archive}/{backup}.manifest'
        if not os.path.exists(manifest):
            complain(f'{backup}: there are volumes and no manifest')
            continue
        volumes, stored = read_manifest(manifest)[0], volumes_in(target, backup)
        if sorted(volumes) != list(range(1, len(volumes) + 1)) or sorted(stored) != sorted(volumes):
            complain(f'{backup}: the manifest has the volumes {sorted(volumes)}, storage {sorted(stored)}')
        for number, path in stored.items():
            if sha1(path) != volumes.get(number):
                complain(f'{path} has another hash than in the manifest')
    if not backups:
        complain(f'there is no backup in {target}')


if sys.argv[1] == 'standing':
    print(*standing(*sys.argv[2:]))
else:
    check_sets(*sys.argv[2:])
sys.exit(1 if wrong else 0)
