# gzipwriter.py FOLDER [SMALL] - _stagedir.gzip_write_file beside the host's own gpg.GzipWriteFile, called as the host
# calls it. Makes files in FOLDER; SMALL is a file system of 40 MB that may be filled.
#
# Whatever is wrong is a line on standard error, and status 1.
import errno
import gzip
import inspect
import os
import random
import subprocess
import sys
import threading
import time

from duplicity import config
from duplicity import diffdir
from duplicity import gpg
from duplicity import tempdir
from duplicity.backends import _stagedir

KIB = 1024
READ = 64 * KIB
UNFILLED = READ + 28  # bytes below its size at which a file counts as full
write = _stagedir.gzip_write_file
stock = gpg.GzipWriteFile
folder = sys.argv[1]
wrong = 0


def check(condition, *words):
    global wrong
    if not condition:
        wrong += 1
        print(f'line {sys._getframe(1).f_lineno}:', *words, file=sys.stderr)


def raises(kind, *arguments, **keywords):
    """What a call raises, which is to be of this kind; None if it raises nothing."""
    try:
        write(*arguments, **keywords)
    except BaseException as error:
        check(type(error) is kind, f'{type(error)} in the place of {kind}: {error}')
        return error
    check(False, f'no {kind}')
    return None


def content(path):
    with open(path, 'rb') as file:
        return file.read()


class Block:
    def __init__(self, data):
        self.data = data


class Blocks:
    """As the iterators of the host: blocks, and how much the next one may have; all that was taken."""

    def __init__(self, data, sizes=(READ,), exact=True):
        self.data, self.sizes, self.exact = data, sizes, exact
        self.offset = self.calls = 0
        self.size = READ

    def get_read_size(self):
        self.size = self.sizes[self.calls % len(self.sizes)]
        self.calls += 1
        return self.size

    def __next__(self):
        if self.offset >= len(self.data):
            raise StopIteration
        size = self.size if self.exact else random.randint(1, max(1, self.size))
        data = self.data[self.offset:self.offset + size]
        self.offset += len(data)
        return Block(data)


class Endless(Blocks):
    def __init__(self, make):
        Blocks.__init__(self, b'')
        self.make, self.taken = make, 0

    def __next__(self):
        self.taken += READ
        return Block(self.make())


def unpack(path):
    """As three readers see it: they are to agree."""
    with gzip.open(path) as file:
        data = file.read()
    check(subprocess.run(['zcat'], stdin=open(path, 'rb'), capture_output=True, check=True).stdout == data,
          'zcat and gzip differ')
    return data


def text(size):
    line = b'drwxr-xr-x %d root root 4096 file-%d of a backup\n'
    data = b''
    while len(data) < size:
        data += b''.join(line % (random.randrange(99), random.randrange(10 ** 6)) for _ in range(1000))
    return data[:size]


def test_signature():
    """The host's, and one parameter that only our own callers know."""
    expected = str(inspect.signature(stock)).replace(')', ', waits=True)')
    check(str(inspect.signature(write)) == expected, inspect.signature(write))


def test_content():
    path = os.path.join(folder, 'content')
    for size in 0, 1, READ - 1, READ, 512 * KIB, 3000 * KIB + 1:
        for make in text, os.urandom:
            data = make(size)
            for name in path, os.fsencode(path):
                check(write(Blocks(data), name) == 1, 'not at its end')
                check(unpack(path) == data, f'{size} bytes differ')
            check(write(Blocks(data), path, sys.maxsize) == 1, 'not at its end')
            check(write(block_iter=Blocks(data), filename=path, size=10 ** 30, gzipped=True) == 1, 'not at its end')
            check(unpack(path) == data, 'differs')
            # what was there before is gone
            check(write(Blocks(data), path, gzipped=False) == 1 and content(path) == data, 'a plain file differs')
    check(type(write(Blocks(b''), path)) is int, 'not an int')
    for kind in bytearray, memoryview:
        check(write(Blocks(kind(b'abc' * READ)), path) == 1 and unpack(path) == b'abc' * READ, 'differs')


def test_sizes():
    path, beside = os.path.join(folder, 'sizes'), os.path.join(folder, 'beside')
    sizes = [0, 1, 4096, READ - 1, READ, READ + 1, 5000, 128 * KIB]
    data = os.urandom(2000 * KIB) + text(4000 * KIB)
    for size in 0, 1, 100, READ, 400000, 10 ** 6, 2 ** 20:
        blocks = Blocks(data)
        result = write(blocks, path, size)
        check(result == 0, f'at its end: {size}')
        full = max(size, 23)
        check(os.path.getsize(path) <= full, f'{os.path.getsize(path)} of {size}')
        check(size < UNFILLED or os.path.getsize(path) + UNFILLED > size, f'only {os.path.getsize(path)} of {size}')
        check(unpack(path) == data[:blocks.offset], f'{size} differs')
        # reads of many sizes, in part answered by less
        blocks = Blocks(data, sizes, exact=False)
        write(blocks, path, size)
        check(os.path.getsize(path) <= full, f'{os.path.getsize(path)} of {size}')
        check(unpack(path) == data[:blocks.offset], f'{size} differs')
        # a plain file is cut where the host cuts it
        ours, theirs = Blocks(data, sizes), Blocks(data, sizes)
        check(write(ours, path, size, False) == stock(theirs, beside, size, False), 'other results')
        check(ours.offset == theirs.offset and ours.calls == theirs.calls, f'plain: {ours.offset}, {theirs.offset}')
        check(content(path) == content(beside), 'plain files differ')


def test_as_the_host_tests_it():
    """GPGWriteFile_Helper of the host's test_gpg.py."""
    class Helper(Blocks):
        def get_read_size(self):
            self.size = READ if random.randrange(2) else random.randrange(READ)
            return self.size

        def __next__(self):
            return Block(os.urandom(self.size))
    path = os.path.join(folder, 'helper')
    for _ in range(20):
        write(Helper(b''), path, 400 * 1000)
        size = os.path.getsize(path)
        check(400 * 1000 - UNFILLED <= size <= 400 * 1000, size)


def test_tar_headers():
    """Blocks of the host's tar files are longer than what is read; the file is not, all the same."""
    class Tar(Endless, diffdir.TarBlockIter):
        pass
    path = os.path.join(folder, 'tar')
    for size in range(2 ** 20, 2 ** 20 + READ, 3001):
        check(write(Tar(lambda: os.urandom(READ + 6656)), path, size) == 0, 'at its end')
        check(size - READ - 8300 < os.path.getsize(path) <= size, f'{os.path.getsize(path)} of {size}')


def test_exceptions():
    path = os.path.join(folder, 'exceptions')
    descriptors = len(os.listdir('/proc/self/fd'))

    class Odd(Exception):
        pass
    for at in 0, 1, 20:
        for error in Odd('x'), KeyboardInterrupt(), SystemExit(5), OSError(errno.ENOSPC, 'of the source'), MemoryError():
            for gzipped in True, False:
                class Failing(Endless):
                    def __next__(self):
                        if self.taken == at * READ:
                            raise error
                        return Endless.__next__(self)
                check(raises(type(error), Failing(lambda: bytes(READ)), path, sys.maxsize, gzipped) is error, 'another')

    class NoSize(Blocks):
        def get_read_size(self):
            raise Odd('no size')
    raises(Odd, NoSize(b''), path)
    raises(TypeError, Endless(lambda: 'text'), path)
    raises(AttributeError, iter([b'no size']), path)
    raises(TypeError, Blocks([]), 5.5)
    raises(TypeError, Blocks(b''), path, 'large')
    raises(TypeError, 5)
    raises(TypeError, Blocks(b''), path, size=1, other=2)
    for name in path + '/missing', os.fsencode(path) + b'/missing':
        check(raises(NotADirectoryError, Blocks(b''), name).filename == name, 'another name')
    error = raises(FileNotFoundError, Blocks(b''), folder + '/a/b')
    check(error.filename == folder + '/a/b' and error.errno == errno.ENOENT, error)
    raises(IsADirectoryError, Blocks(b''), folder)
    error = raises(OSError, Endless(lambda: os.urandom(READ)), '/dev/full')
    check(error.errno == errno.ENOSPC and error.filename == '/dev/full', repr(error))
    error = raises(OSError, Endless(lambda: os.urandom(READ)), '/dev/full', 10 ** 9, False)
    check(error.errno == errno.ENOSPC and error.filename == '/dev/full', repr(error))
    # too little to be written before the end
    error = raises(OSError, Blocks(b'x'), b'/dev/full')
    check(error.errno == errno.ENOSPC and error.filename == b'/dev/full', repr(error))
    check(len(os.listdir('/proc/self/fd')) == descriptors, 'descriptors are left open')


def test_modes():
    for mask in 0o022, 0o077, 0:
        before = os.umask(mask)
        names = [os.path.join(folder, f'{name}-{mask}') for name in ('ours', 'theirs')]
        write(Blocks(b'x'), names[0])
        stock(Blocks(b'x'), names[1])
        os.umask(before)
        check(os.stat(names[0]).st_mode == os.stat(names[1]).st_mode, 'modes differ')


def test_interpreter_goes_on():
    """Other threads of the interpreter run while one is compressed."""
    counted = [0, True]

    def count():
        while counted[1]:
            counted[0] += 1
            time.sleep(0.001)
    thread = threading.Thread(target=count)
    thread.start()
    write(Blocks(text(20000 * KIB), [20000 * KIB]), os.path.join(folder, 'busy'))
    at_end = counted[0]
    counted[1] = False
    thread.join()
    # a writer that kept the GIL would leave it one or two, however long that takes
    check(at_end > 10, f'{at_end} turns of another thread')


def test_memory_is_given_back():
    def resident():
        with open('/proc/self/statm') as file:
            return int(file.read().split()[1]) * 4096
    path = os.path.join(folder, 'many')
    data = text(1500 * KIB)
    for run in range(60):
        write(Blocks(data), path)
        if run == 20:
            before = resident()
    check(resident() < before + 2 * 1024 * KIB, f'{resident() - before} bytes more after 40 files')


def fill(path):
    with open(path, 'wb', buffering=0) as file:
        try:
            while True:
                file.write(bytes(4096))
        except OSError:
            pass


def test_room():
    """On a full file system it waits until storage has taken what is staged there, and no longer."""
    small = sys.argv[2]
    config.temproot = small
    tempdir.TemporaryDirectory = _stagedir.TemporaryDirectory
    may_go, uploads = threading.Event(), []

    def upload(local_name, name, size, attempt):
        may_go.wait(30)
        uploads.append(name)
        return _stagedir.UPLOAD_DONE, ''

    class Filling(Endless):
        def __next__(self):
            if self.taken == 3 * 1024 * KIB:
                fill(filler)
                threading.Timer(0.5, may_go.set).start()
            if self.taken == 12 * 1024 * KIB:
                raise StopIteration
            return Endless.__next__(self)

    filler = os.path.join(small, 'filler')
    second = os.path.join(small, 'file')  # no volume, which would have its space before it is written
    staging = _stagedir.Staging('test://', folder, upload, upload, 1, 0)
    for number, gzipped in (1, True), (2, False):
        may_go.clear()
        first = staging.volume(15 * 1024 * KIB)
        write(Blocks(os.urandom(15 * 1024 * KIB)), first.path, sys.maxsize)
        check(staging.put(first, f'vol{number}', 'none', number) > 15 * 1024 * KIB, 'not staged')
        since = time.monotonic()
        check(write(Filling(lambda: os.urandom(READ)), second, 15 * 1024 * KIB, gzipped) == 1, 'not at its end')
        check(len(uploads) == number, uploads)
        check(time.monotonic() - since > 0.4, 'did not wait')
        data = unpack(second) if gzipped else content(second)
        check(len(data) == 12 * 1024 * KIB, 'differs')
        if gzipped:
            os.unlink(second)
            os.unlink(filler)
    # nothing is staged any more: nothing is waited for
    error = raises(OSError, Endless(lambda: os.urandom(READ)), second, sys.maxsize)
    check(error.errno == errno.ENOSPC and error.filename == second, repr(error))
    os.unlink(filler)
    staging.drain()
    tempdir.default().cleanup()


def test_room_of_one_that_goes():
    """A Staging that goes while its upload is under way, when nobody has it any more, is nobody to wait for."""
    small = sys.argv[2]
    config.temproot = small
    tempdir.TemporaryDirectory = _stagedir.TemporaryDirectory
    uploading, may_go = threading.Event(), threading.Event()

    def upload(local_name, name, size, attempt):
        uploading.set()
        may_go.wait(30)
        return _stagedir.UPLOAD_DONE, ''
    held = [_stagedir.Staging('test://', folder, upload, upload, 1, 0)]
    volume = held[0].volume(KIB)
    write(Blocks(os.urandom(KIB)), volume.path, sys.maxsize)
    check(held[0].put(volume, 'vol1', 'none', 1) > KIB, 'not staged')
    uploading.wait(30)
    going = threading.Thread(target=held.pop)
    going.start()
    while held:
        time.sleep(0.01)
    filler = os.path.join(small, 'filler')
    fill(filler)
    error = raises(OSError, Endless(lambda: os.urandom(READ)), os.path.join(small, 'file'), sys.maxsize)
    check(error.errno == errno.ENOSPC, repr(error))
    may_go.set()
    going.join()
    os.unlink(filler)
    os.unlink(os.path.join(small, 'file'))
    tempdir.default().cleanup()


def main():
    random.seed(1)
    for name, test in sorted(globals().items()):
        if name.startswith('test_') and ('_room' not in name or len(sys.argv) > 2):
            test()
    sys.exit(wrong > 0)


main()
