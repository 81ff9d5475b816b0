# volumes.py FOLDER - _stagedir.read_volumes beside the host's own patchdir.difftar2path_iter, with volumes that are made in
# FOLDER.
#
# Whatever is wrong is a line on standard error, and status 1.
import gc
import gzip
import io
import os
import random
import sys
import tarfile
import threading

from duplicity import config
from duplicity import dup_temp
from duplicity import errors
from duplicity import patchdir
from duplicity import path
from duplicity.backends import _stagedir

folder = sys.argv[1]
wrong = 0
config.numeric_owner = False


def check(condition, *words):
    global wrong
    if not condition:
        wrong += 1
        print(f'line {sys._getframe(1).f_lineno}:', *words, file=sys.stderr)


def member(name, kind=tarfile.REGTYPE, data=b'', **attributes):
    info = tarfile.TarInfo(name)
    info.type, info.size = kind, len(data)
    info.mtime, info.uid, info.gid, info.uname, info.gname, info.mode = 1600000000, 1, 2, 'daemon', 'nobody at all', 0o640
    for attribute, value in attributes.items():
        setattr(info, attribute, value)
    return info, data


def packed(members, form=tarfile.PAX_FORMAT, ended=False):
    """A tar archive, as the host makes volumes: without the tar's end."""
    stream = io.BytesIO()
    for info, data in members:
        stream.write(info.tobuf(form, 'utf-8', 'surrogateescape'))
        stream.write(data + bytes(-len(data) % 512))
    return stream.getvalue() + bytes(10240 if ended else 0)


def written(name, content):
    name = os.path.join(folder, name)
    with open(name, 'wb') as file:
        file.write(content)
    return name


class Forward:
    """A file object as a GPGFile is one: it is read, and goes forward."""
    def __init__(self, content):
        self._content, self._at, self.name = io.BytesIO(content), 0, path.Path(b'/some/where')

    def read(self, length=-1):
        return self._content.read(length)

    def tell(self):
        return self._content.tell()

    def seek(self, offset):
        assert offset >= self.tell()
        self._content.seek(offset)

    def close(self):
        self._content.close()


def as_gzip(name, content):
    return gzip.GzipFile(written(name, gzip.compress(content, 1)), 'rb')


def as_plain(name, content):
    return open(written(name, content), 'rb')


def as_forward(name, content):
    return Forward(content)


def outcome(make, volumes, kind, reads):
    """What an iterator of paths gives, with the volumes that it asks for and closes meanwhile; and how it ends."""
    events = []

    def files():
        for number, content in enumerate(volumes):
            events.append(f'get {number}')
            if isinstance(content, Exception):
                yield content
                continue
            file = dup_temp.FileobjHooked(kind(f'volume-{number}', content))
            file.addhook(lambda number=number: events.append(f'close {number}'))
            yield file
            events.append(f'processed {number}')
    try:
        for at, ropath in enumerate(make(patchdir.TarFile_FromFileobjs(files()))):
            events.append(tell(ropath, reads, at))
    except Exception as error:
        return events, error
    return events, None


def tell(ropath, reads, at):
    stat = ropath.stat and {**vars(ropath.stat), 'st_mode': ropath.stat.st_mode}
    content = None
    if ropath.fileobj and reads(at):
        file = ropath.open('rb')
        content = reads(at)(file)
        assert not file.close()
    attributes = {key: value for key, value in vars(ropath).items() if key not in ('stat', 'fileobj', 'opened')}
    return type(ropath), attributes, stat, bool(ropath.fileobj), content, [type(part) for part in ropath.index]


def read_all(file):
    return file.read()


def read_in_blocks(file):
    blocks = [file.read(64 * 1024)]
    while blocks[-1]:
        blocks.append(file.read(64 * 1024))
    return blocks


def read_in_bits(file):
    return [file.read(size) for size in (0, 1, 3, 700, 70000, 5, 0)] + [file.read(-1), file.read(), file.read(9)]


def read_little(file):
    return file.read(5)


WAYS = (lambda at: None, lambda at: read_all, lambda at: read_in_blocks, lambda at: read_in_bits, lambda at: read_little,
        lambda at: (read_little, None, read_all, read_in_bits)[at % 4])
KINDS = as_gzip, as_plain, as_forward


def stock(tar):
    return patchdir.difftar2path_iter(tar)


def ours(tar):
    reader = _stagedir.read_volumes(tar)
    check(reader is not None, 'it is left to the host')
    return reader


def check_same(volumes, kinds=KINDS, ways=WAYS):
    for kind in kinds:
        for reads in ways:
            expected, error = outcome(stock, volumes, kind, reads)
            found, our_error = outcome(ours, volumes, kind, reads)
            check(found == expected, kind.__name__, f'{len(found)} and {len(expected)} events differ:',
                  str(next((both for both in zip(found, expected) if both[0] != both[1]), 'one has more'))[:500])
            check(error is None and our_error is None, repr(error), repr(our_error))
    return paths_of(expected)


def paths_of(events):
    return [event for event in events if not isinstance(event, str)]


def parts(kind, name, *sizes, first=1):
    """A file in parts of these sizes."""
    return [member(f'multivol_{kind}/{name}/{number}', data=random.Random(number).randbytes(size))
            for number, size in enumerate(sizes, first)]


LONG = '/'.join(['x' * 90, 'y' * 120, 'z' * 250])
ODD = os.fsdecode(b'bytes-\xff\xfe/\x80\xc3')
ALL = [
    member('snapshot/', tarfile.DIRTYPE),
    member('snapshot/a', data=b'content of a'),
    member('snapshot/b', tarfile.DIRTYPE, mode=0o2755),
    member('diff/b/delta', data=b'a delta'),
    member('snapshot/b/empty'),
    *parts('snapshot', 'b/large', 65536, 65536, 65536, 1234),
    member('snapshot/b/link', tarfile.SYMTYPE, linkname='../to/it'),
    member('snapshot/b/loop', tarfile.SYMTYPE, linkname='l' * 300),
    *parts('diff', 'b/m', 65536, 65536),
    member('snapshot/b/n\new\tline', data=b'x' * 512),
    member('deleted/b/p'),
    *parts('snapshot', 'b/one', 65536),
    *parts('snapshot', 'b/one\nmore', 65536, 0, 7),
    member('snapshot/b.c', data=b'x' * 511, mtime=0, uname='', gname='root'),
    member('snapshot/c/block', tarfile.BLKTYPE, devmajor=8, devminor=300000 & 0o7777777),
    member('snapshot/c/character', tarfile.CHRTYPE, devmajor=5, devminor=7),
    member('snapshot/c/fifo', tarfile.FIFOTYPE, mode=0o1),
    member('snapshot/d', tarfile.AREGTYPE),
    *parts('snapshot', LONG, 65536, 10),
    member('snapshot/' + ODD, data=b'odd'),
    *parts('diff', ODD + '/parts', 100, 200),
    member('snapshot/' + ODD + '/link', tarfile.SYMTYPE, linkname=ODD, uname='umlaut-\xe4'),
    member('snapshot/\xe4\u20ac\U0001f600', data=b'not ascii'),
    member('deleted/y', mode=0),
    member('snapshot/z', data=b'z' * 70000, mtime=0o77777777777, uid=0o7777777, gid=0o7777777),
    member('snapshot/zz', data=b'zz', mtime=2 ** 34, uid=3000000, gid=2 ** 32 - 2),
    *parts('snapshot', 'zzz', 65536, 65536),
]


def whole():
    found = check_same([packed(ALL)])
    check(len(found) == 27, f'{len(found)} are compared')
    check(check_same([packed(ALL, ended=True)]) == found, 'with the end')
    check(check_same([packed(ALL, tarfile.GNU_FORMAT)], ways=WAYS[-1:]) == found, 'in another format')
    check(check_same([packed(ALL[:9]), packed(ALL[9:], ended=True)]) == found, 'in two')
    # each member in a volume of its own
    check(check_same([packed([one]) for one in ALL]) == found, 'one by one')
    config.numeric_owner = True
    check(check_same([packed(ALL)], ways=WAYS[-1:]) != found, 'the owner is the same')
    config.numeric_owner = False
    short = [(info, data) for info, data in ALL if len(info.name) < 90 and len(info.linkname) < 90 and info.uid < 0o7777777]
    check_same([packed(short, tarfile.USTAR_FORMAT)])


def by_chance():
    generator = random.Random(7)
    for turn in range(12):
        cuts = sorted(generator.sample(range(1, len(ALL)), generator.randint(1, 8)))
        volumes = [packed(ALL[start:end]) for start, end in zip([0] + cuts, cuts + [len(ALL)])]
        check_same(volumes, kinds=[KINDS[turn % 3]], ways=[WAYS[-1], generator.choice(WAYS)])


def nothing():
    for volumes in [], [b''], [bytes(10240)], [b'', packed(ALL)]:
        check_same(volumes)
    # where the host reads no further, and does not close the empty one
    expected, error = outcome(stock, [packed(ALL)], as_gzip, WAYS[2])
    for volumes in [packed(ALL), b''], [packed(ALL[:3]), b'', packed(ALL[3:])], [packed(ALL[:7]), b'', b'', packed(ALL[7:])]:
        found, error = outcome(ours, volumes, as_gzip, WAYS[2])
        check(error is None, repr(error))
        check(paths_of(found) == paths_of(expected), 'what is behind nothing is lost')


def bad_volumes():
    """With --ignore-errors the host gives these in the place of volumes, where it has them."""
    if not hasattr(errors, 'BadVolumeException'):
        return
    bad = errors.BadVolumeException('bad')
    for volumes in [bad], [bad, packed(ALL)], [packed(ALL[:8]), bad, bad, packed(ALL[8:])], [packed(ALL), bad]:
        check_same(volumes)


def names():
    for name in ('snapshot/.', 'snapshot/', 'diff//a', 'snapshot/a/./b', 'deleted/..a', 'snapshot/a../b', 'snapshot/...',
                 'multivol_diff/a/1/2', 'multivol_snapshot/./1', 'multivol_snapshot/1', 'multivol_snapshot//1',
                 'multivol_snapshot/a//1', 'snapshot/multivol_diff/1', 'snapshot/a/ '):
        check_same([packed([member(name, data=b'content')])], kinds=[as_plain])
    check_same([packed([member('snapshot/a', tarfile.DIRTYPE), member('multivol_diff/b/1', tarfile.SYMTYPE, linkname='b')])])


def exceptions():
    refused = [([member('snapshot/a', tarfile.LNKTYPE, linkname='b')], path.PathException, 'Hard links not supported yet'),
               ([member('deleted/a', tarfile.LNKTYPE, linkname='b')], path.PathException, 'Hard links not supported yet'),
               ([member('snapshot/a', tarfile.CONTTYPE)], path.PathException, 'Unknown tarinfo type'),
               ([member('snapshot/a', b'Z')], path.PathException, 'Unknown tarinfo type')]
    for name in 'other/a', 'a', 'signature/a', 'multivol_diff/a', 'multivol_snapshot/a/1x', 'multivol_snapshot/', 'snapshot':
        refused.append(([member(name)], patchdir.PatchDirException, f'Unrecognized diff entry {name}'))
    for name in 'snapshot/..', 'snapshot/a/../b', 'diff/../../a', 'deleted/..', 'multivol_diff/../1', 'multivol_snapshot/a/../1':
        refused.append(([member(name)], patchdir.PatchDirException, f"Tar entry {name} contains '..'.  Security violation"))
    for members, kind, words in refused:
        for before in [member('snapshot/0', data=b'0')], parts('snapshot', '0', 65536, 5):
            for reads in WAYS[:2]:
                expected, error = outcome(stock, [packed(before + members)], as_gzip, reads)
                found, our_error = outcome(ours, [packed(before + members)], as_gzip, reads)
                check(found == expected, 'other paths before', error)
                check(type(error) is kind and type(our_error) is kind, repr(error), repr(our_error))
                check(words in str(error) and words in str(our_error), repr(error), repr(our_error))


def failures():
    """An exception of the host's comes through as it is, and nothing comes behind it."""
    class Failure(BaseException):
        pass

    class Failing(Forward):
        def read(self, length=-1):
            raise Failure('read')

    class NotClosing(Forward):
        def close(self):
            raise Failure('close')

    class Complaining(Forward):
        def close(self):
            return 1

    def files(last):
        yield Forward(packed(parts('snapshot', 'a', 65536)))
        if last is None:
            raise Failure('files')
        yield last
        yield Forward(packed(ALL))

    for last, words in ((None, 'files'), (Failing(b''), 'read'), (NotClosing(packed(ALL[:1])), 'close'),
                        (Complaining(packed(ALL[:1])), None)):
        reader = ours(patchdir.TarFile_FromFileobjs(files(last)))
        try:
            for ropath in reader:
                pass
            check(False, 'no exception')
        except Failure as error:
            check(str(error) == words, repr(error))
        except AssertionError:
            check(words is None, 'an assertion')
        check(next(reader, None) is None, 'there is something behind an exception')
    reader = ours(patchdir.TarFile_FromFileobjs(files(None)))
    first = next(reader)
    for expected in Failure, OSError:
        try:
            first.fileobj.read()
            check(False, 'no exception')
        except expected:
            pass


def damage():
    """Whatever is done to a volume: all that was there is found, or what is wrong is said with its name."""
    generator = random.Random(3)
    content = packed(ALL)
    compressed = gzip.compress(content)
    every, error = outcome(ours, [content], as_gzip, WAYS[0])
    told = 0
    for turn in range(200):
        damaged = bytearray(compressed)
        if turn % 3 == 0:
            del damaged[generator.randrange(1, len(damaged)):]
        else:
            for flip in range(generator.randint(1, 3)):
                damaged[generator.randrange(10, len(damaged))] ^= 1 << generator.randrange(8)
        found, error = outcome(ours, [damaged], lambda name, content: gzip.GzipFile(written(name, content), 'rb'), WAYS[0])
        if error is None:
            check(found == every, 'damage went by')
            continue
        told += 1
        check(isinstance(error, (patchdir.PatchDirException, path.PathException)), repr(error))
        check('damaged' in str(error) and 'volume-0' in str(error), str(error))
    check(told > 190, told, 'were told of')

    class Worse(Forward):
        def close(self):
            raise RuntimeError('gpg has failed')
    # what the host's file has to say at its end is the better reason
    found, error = outcome(ours, [content[:5000]], lambda name, content: Worse(content), WAYS[1])
    check(isinstance(error, RuntimeError), repr(error))
    found, error = outcome(ours, [content[:5000]], as_forward, WAYS[1])
    check(isinstance(error, patchdir.PatchDirException) and '/some/where' in str(error), repr(error))


def left_to_host():
    tar = patchdir.TarFile_FromFileobjs(iter([Forward(packed(ALL))]))
    next(tar)
    for other in tar, object(), None, iter([]), patchdir.TarFile_FromFileobjs([]), patchdir.TarFile_FromFileobjs(None):
        check(_stagedir.read_volumes(other) is None, other, 'is read')
    begun = as_gzip('begun', packed(ALL))
    begun.read(512)
    shifted = as_plain('shifted', bytes(512) + packed(ALL))
    shifted.read(512)
    for file, count in (begun, 26), (shifted, 27), (gzip.GzipFile(fileobj=io.BytesIO(gzip.compress(packed(ALL)))), 27):
        # not by their descriptors
        found = list(ours(patchdir.TarFile_FromFileobjs(iter([file]))))
        check(len(found) == count and file.closed, f'{len(found)} paths', file)


def passed():
    """The content is there until the next path is asked for, and the reader is an iterator in all else."""
    reader = ours(patchdir.TarFile_FromFileobjs(iter([as_gzip('whole', packed(ALL))])))
    check(iter(reader) is reader, 'is no iterator')
    next(reader)
    first = next(reader)
    next(reader)
    try:
        first.fileobj.read()
        check(False, 'read too late')
    except ValueError:
        pass
    first.fileobj.close()
    check(len(list(patchdir.filter_path_iter(reader, (b'b',)))) == 10, 'filtered')

    readers = []

    def nested():
        next(readers[0])
        yield
    readers.append(ours(patchdir.TarFile_FromFileobjs(nested())))
    try:
        next(readers[0])
        check(False, 'nested')
    except ValueError:
        pass
    threads = threading.active_count()
    readers.clear()
    del reader, first
    gc.collect()
    check(threading.active_count() == threads, 'a thread of Python')


def many():
    """Many backups in step, as a restore reads a chain: not one descriptor more than the host's own."""
    before = count_descriptors()
    large = packed([member('snapshot/a', data=random.Random(1).randbytes(300000)), *ALL])
    readers = [ours(patchdir.TarFile_FromFileobjs(iter([as_gzip(f'many-{number}', large)]))) for number in range(30)]
    for reader in readers:
        next(reader)
    check(count_descriptors() == before + 30, f'{count_descriptors() - before} descriptors for 30 volumes')
    for together in zip(*readers):
        check(len({ropath.index for ropath in together}) == 1, 'they differ')


def count_descriptors():
    return len(os.listdir('/proc/self/fd'))


if sys.getfilesystemencoding() != 'utf-8':
    check(_stagedir.read_volumes(patchdir.TarFile_FromFileobjs(iter([]))) is None, 'is read')
    sys.exit(wrong > 0)
before = count_descriptors()
for test in whole, by_chance, nothing, bad_volumes, names, exceptions, failures, damage, left_to_host, passed, many:
    test()
gc.collect()
check(count_descriptors() == before, 'descriptors are left')
sys.exit(wrong > 0)
