# sigarchive.py FOLDER - _stagedir.read_signatures and combine_signatures beside the host's own diffdir.sigtar2path_iter and
# combine_path_iters, with archives that are made in FOLDER.
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
from duplicity import diffdir
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


def packed(members, form=tarfile.PAX_FORMAT):
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode='w', format=form, encoding='utf-8', errors='surrogateescape') as archive:
        for info, data in members:
            archive.addfile(info, io.BytesIO(data))
    return stream.getvalue()


def written(name, content):
    name = os.path.join(folder, name)
    with open(name, 'wb') as file:
        file.write(content)
    return name


def tell(ropath, reads):
    stat = ropath.stat and {**vars(ropath.stat), 'st_mode': ropath.stat.st_mode}
    content = None
    if ropath.fileobj and reads:
        file = ropath.open('rb')
        content = file.read(3) + file.read()
        file.close()
    attributes = {key: value for key, value in vars(ropath).items() if key not in ('stat', 'fileobj', 'opened')}
    return type(ropath), attributes, stat, bool(ropath.fileobj), content, [type(part) for part in ropath.index]


def outcome(make, files, reads=lambda at: True):
    """What an iterator of paths gives, and how it ends."""
    opened = [gzip.GzipFile(name, 'rb') for name in files]
    found = []
    try:
        for at, ropath in enumerate(make(opened)):
            found.append(tell(ropath, reads(at)))
    except Exception as error:
        return found, error
    check(all(file.closed for file in opened), 'a file is still open')
    return found, None


def stock(opened):
    return diffdir.combine_path_iters([diffdir.sigtar2path_iter(file) for file in opened])


def ours(opened):
    return _stagedir.combine_signatures([_stagedir.read_signatures(file) for file in opened])


def one_of_ours(opened):
    return _stagedir.read_signatures(opened[0])


def check_same(files, reads=lambda at: True):
    expected, error = outcome(stock, files, reads)
    for make in (ours, one_of_ours) if len(files) == 1 else (ours,):
        found, our_error = outcome(make, files, reads)
        check(found == expected, f'{len(found)} and {len(expected)} paths differ:',
              next((both for both in zip(found, expected) if both[0] != both[1]), 'one has more'))
        check(error is None and our_error is None, repr(error), repr(our_error))
    return expected


LONG = '/'.join(['x' * 90, 'y' * 120, 'z' * 250])
ODD = os.fsdecode(b'bytes-\xff\xfe/\x80\xc3')
ALL = [
    member('snapshot/', tarfile.DIRTYPE),
    member('signature/a', data=b'signature of a'),
    member('snapshot/b', tarfile.DIRTYPE, mode=0o2755),
    member('signature/b/empty'),
    member('signature/b/large', data=random.Random(1).randbytes(300000)),
    member('snapshot/b/link', tarfile.SYMTYPE, linkname='../to/it'),
    member('snapshot/b/loop', tarfile.SYMTYPE, linkname='l' * 300),
    member('signature/b/n\new\tline', data=b'x' * 512),
    member('deleted/b/p'),
    member('signature/b.c', data=b'x' * 511, mtime=0, uname='', gname='root'),
    member('snapshot/c/block', tarfile.BLKTYPE, devmajor=8, devminor=300000 & 0o7777777),
    member('snapshot/c/character', tarfile.CHRTYPE, devmajor=5, devminor=7),
    member('snapshot/c/fifo', tarfile.FIFOTYPE, mode=0o1),
    member('snapshot/d', tarfile.AREGTYPE),
    member('signature/' + LONG, data=b'long'),
    member('signature/' + ODD, data=b'odd'),
    member('snapshot/' + ODD + '/link', tarfile.SYMTYPE, linkname=ODD, uname='umlaut-\xe4'),
    member('signature/\xe4\u20ac\U0001f600', data=b'not ascii'),
    member('signature/z', data=b'z' * 70000, mtime=0o77777777777, uid=0o7777777, gid=0o7777777),
]
LARGE = [
    member('signature/zz', data=b'zz', mtime=2 ** 34, uid=3000000, gid=2 ** 32 - 2),
]


def whole_archives():
    for number, form in enumerate((tarfile.PAX_FORMAT, tarfile.GNU_FORMAT)):
        tar = packed(ALL + LARGE, form)
        name = written('whole', gzip.compress(tar))
        found = check_same([name])
        check(len(found) == len(ALL) + 1, 'few are compared')
        check_same([name], lambda at: False)
        check_same([name], lambda at: at % 2)
        config.numeric_owner = True
        check_same([name])
        config.numeric_owner = False
        # several members, as stagedir writes them, and zeros between
        pieces = [gzip.compress(tar[at:at + 7001]) for at in range(0, len(tar), 7001)]
        check_same([written('pieces', bytes(100 * number).join(pieces))])
    short = [(info, data) for info, data in ALL if len(info.name) < 90 and len(info.linkname) < 90]
    check_same([written('ustar', gzip.compress(packed(short, tarfile.USTAR_FORMAT)))])
    # without the tar's end, and without anything
    members = packed(ALL).rstrip(b'\0')
    check_same([written('endless', gzip.compress(members + bytes(-len(members) % 512)))])
    for content in b'', gzip.compress(b''), gzip.compress(bytes(10240)), gzip.compress(packed([])):
        check(check_same([written('nothing', content)]) == [], 'something is in it')


def times():
    # as a number with a fraction, which old versions of Python wrote
    check_same([written('float', gzip.compress(packed([member('signature/a', mtime=1600000000.75)])))])


def chains():
    generator = random.Random(2)
    names = sorted({'/'.join(generator.choice(['a', 'a b', 'b', 'ab', 'a.', '\xe4', 'c' * 120]) for part in range(generator.randint(1, 4)))
                    for name in range(60)}, key=lambda name: os.fsencode(name).split(b'/'))
    for count in 2, 3, 17:
        files = []
        for number in range(count):
            members = [member(f'signature/{name}', data=f'{number} {name}'.encode()) if generator.random() < 0.8 else
                       member(f'deleted/{name}') for name in names if generator.random() < 0.6]
            files.append(written(f'chain-{number}', gzip.compress(packed(members))))
        check(len(check_same(files)) > 30, 'few are compared')
        check_same(files, lambda at: at % 3 == 0)


def exceptions():
    for members, kind, words in (
            ([member('snapshot/a', tarfile.LNKTYPE, linkname='b')], path.PathException, 'Hard links not supported yet'),
            ([member('snapshot/a', tarfile.CONTTYPE)], path.PathException, 'Unknown tarinfo type'),
            ([member('snapshot/a', b'Z')], path.PathException, 'Unknown tarinfo type'),
            ([member('other/a')], diffdir.DiffDirException, 'Bad tarinfo name'),
            ([member('a')], diffdir.DiffDirException, 'Bad tarinfo name')):
        name = written('refused', gzip.compress(packed([member('signature/0')] + members)))
        expected, error = outcome(stock, [name])
        found, our_error = outcome(ours, [name])
        check(found == expected, 'other paths before', error)
        check(type(error) is kind and type(our_error) is kind, repr(error), repr(our_error))
        check(words in str(error) and words in str(our_error), repr(error), repr(our_error))
    # the host has no words for it
    name = written('refused', gzip.compress(packed([member('signature/0', mtime=-5)])))
    check(outcome(stock, [name])[1] is not None, 'a time before 1970 is read')
    check(type(outcome(ours, [name])[1]) is diffdir.DiffDirException, 'a time before 1970 is read')


def damage():
    """Whatever is done to an archive: all that was there is found, or what is wrong is said with its name."""
    generator = random.Random(3)
    whole = gzip.compress(packed(ALL))
    name = written('damaged', whole)
    all_paths = outcome(ours, [name])[0]
    told = 0
    for turn in range(300):
        content = bytearray(whole)
        if turn % 3 == 0:
            del content[generator.randrange(1, len(content)):]
        else:
            for flip in range(generator.randint(1, 3)):
                content[generator.randrange(10, len(content))] ^= 1 << generator.randrange(8)
        found, error = outcome(ours, [written('damaged', content)])
        if error is None:
            check(found == all_paths, 'damage went by')
            continue
        told += 1
        check(isinstance(error, (diffdir.DiffDirException, path.PathException)), repr(error))
        check('damaged' in str(error), str(error))
    check(told > 290, told, 'were told of')


def left_to_host():
    name = written('whole', gzip.compress(packed(ALL)))
    for file in (open(name, 'rb'), io.BytesIO(b''), gzip.GzipFile(fileobj=io.BytesIO(gzip.compress(b''))), object(), None, 5):
        check(_stagedir.read_signatures(file) is None, file, 'is read')
    begun = gzip.GzipFile(name, 'rb')
    begun.read(1)
    check(_stagedir.read_signatures(begun) is None, 'one that was read is')
    check(_stagedir.read_signatures(gzip.GzipFile(os.path.join(folder, 'new'), 'wb')) is None, 'one that is written is read')
    shifted = open(name, 'rb', buffering=0)
    shifted.read(1)
    check(_stagedir.read_signatures(gzip.GzipFile(fileobj=shifted)) is None, 'one from the middle of a file is')
    fresh = _stagedir.read_signatures(gzip.GzipFile(name, 'rb'))
    for readers in ([], None, [1], [fresh, 1], [iter([])]):
        check(_stagedir.combine_signatures(readers) is None, readers, 'are combined')
    next(fresh)
    check(_stagedir.combine_signatures([fresh]) is None, 'one that has begun is combined')


def passed():
    """A signature is there until the next path is asked for, and the reader is an iterator in all else."""
    name = written('whole', gzip.compress(packed(ALL)))
    reader = _stagedir.read_signatures(gzip.GzipFile(name, 'rb'))
    check(iter(reader) is reader, 'is no iterator')
    next(reader)
    first = next(reader)
    next(reader)
    try:
        first.fileobj.read()
        check(False, 'read too late')
    except ValueError:
        pass
    combined = _stagedir.read_signatures(gzip.GzipFile(name, 'rb'))
    check(_stagedir.combine_signatures([combined]) is not None, 'not combined')
    check(list(combined) == [], 'is read twice')
    threads = threading.active_count()
    del reader, combined, first
    gc.collect()
    check(threading.active_count() == threads, 'a thread of Python')


def count_descriptors():
    return len(os.listdir('/proc/self/fd'))


if sys.getfilesystemencoding() != 'utf-8':
    check(_stagedir.read_signatures(gzip.GzipFile(written('other', gzip.compress(b'')), 'rb')) is None, 'is read')
    sys.exit(wrong > 0)
before = count_descriptors()
for test in whole_archives, times, chains, exceptions, damage, left_to_host, passed:
    test()
gc.collect()
check(count_descriptors() == before, 'descriptors are left')
sys.exit(wrong > 0)
