# restore.py FOLDER - _stagedir.write_tree beside the host's own patchdir.Write_ROPaths, with paths that no backup has: in a wrong
# order, without the folders that they are in, with content that cannot be read; and with names and links that lead out of
# FOLDER, where ours must refuse. As whoever runs it.
#
# Whatever is wrong is a line on standard error, and status 1.
import contextlib
import gettext
import gzip
import io
import os
import shutil
import signal
import stat
import sys
import tarfile

gettext.install('duplicity', names=['ngettext'])

from duplicity import config, log, patchdir, path  # noqa: E402
from duplicity.backends import _stagefiles, _stagehost  # noqa: E402

folder = os.fsencode(sys.argv[1])
base = os.path.join(folder, b'base')
stock = patchdir.Write_ROPaths
plugged = _stagefiles.writing_trees(stock)
OWNER = os.geteuid(), os.getegid()
wrong = 0


def check(condition, *words):
    global wrong
    if not condition:
        wrong += 1
        print(f'line {sys._getframe(1).f_lineno}:', *words, file=sys.stderr)


class Content(io.BytesIO):
    """Content that fails, as it is said, when so many bytes were read."""
    def __init__(self, data, error=None, closes=None):
        super().__init__(data)
        self.error, self.closes = error, closes

    def read(self, size=-1):
        data = super().read(size)
        if not data and self.error:
            raise self.error[0](*self.error[1:])  # a new one: it would keep what the host has open
        return data

    def close(self):
        super().close()
        return self.closes


def member(name, kind, content=None, mode=0o640, **attributes):
    made = path.ROPath(tuple(name.split(b'/')) if name else ())
    made.type, made.mode, made.stat = kind, mode, path.StatResult()
    made.stat.st_uid, made.stat.st_gid = OWNER
    made.stat.st_mtime, made.stat.st_size = 1000000000, 0
    for attribute, value in attributes.items():
        setattr(made, attribute, value)
    if kind == 'reg':
        made.stat.st_size = len(content.getvalue())
        made.setfileobj(content)
    return made


def a_folder(name=b''):
    return member(name, 'dir', mode=0o750)


def a_file(name, data=b'data', *arguments):
    return member(name, 'reg', Content(data, *arguments))


def a_link(name, target):
    return member(name, 'sym', symtext=target)


def listed():
    """What is in the base: names, types, modes, the times of all but links and what has the time of now, and contents."""
    found = [open(base, 'rb').read()] if os.path.isfile(base) else []
    for where, folders, files in os.walk(base):
        for name in [b'.'] + folders + files:
            one = os.path.join(where, name)
            known = os.lstat(one)
            found.append((one, stat.filemode(known.st_mode), known.st_mtime if known.st_mtime == 1000000000 else None,
                          open(one, 'rb').read() if stat.S_ISREG(known.st_mode) else None))
    return sorted(found)


def written(write, members, is_deep=False):
    """What a function makes of them: the end of it, what is in the base, what it has said."""
    shutil.rmtree(base, ignore_errors=True)
    with contextlib.suppress(OSError):
        os.unlink(base)
    said = []

    def say(text, level, *arguments, **keywords):
        if level <= log.getverbosity():
            said.append(text)
    log.Log, logged = say, log.Log
    try:
        end = write(path.Path(base), members())
    except Exception as error:
        end = repr(error)
    finally:
        log.Log = logged
    tree = None if is_deep else listed()
    order = [line for line in said if line.startswith(('Writing', 'Making'))]
    return end, tree, order, sorted(set(said) - set(order))


def same(*members):
    """Both make the same of them."""
    for verbosity in (log.NOTICE, log.INFO):
        log.setverbosity(verbosity)
        of_stock, ours = (written(write, lambda: iter([make() for make in members])) for write in (stock, plugged))
        for one, other in zip(of_stock, ours):
            check(one == other, sys._getframe(1).f_lineno, one, other)
        check(of_stock[1], 'nothing was written')


def later(function, *arguments):
    return lambda: function(*arguments)


log.setup()
io_error, other_error = (OSError, 5, 'Input/output error'), (ValueError, 'none of the list')
root = later(a_folder)

same(root)
same(root, later(a_file, b'a'), later(a_folder, b'b'), later(a_file, b'b/c', b'x' * 300000), later(a_link, b'l', b'/x'))
# members in a wrong order, twice, without a folder
same(root, later(a_file, b'b'), later(a_file, b'a'), later(a_file, b'b'), later(a_folder), later(a_file, b'c'))
same(root, later(a_folder, b'a/b/c'), later(a_file, b'a/b/d'), later(a_file, b'b/c'), later(a_file, b'c'), later(a_file, b'c/d'))
same(root, later(a_file, b'a'), later(a_folder, b'a/b'), later(a_file, b'a/b/c'), later(a_file, b'd'))
# names that are too long
same(root, later(a_file, b'a' * 256), later(a_folder, b'b' * 256), later(a_file, b'b' * 256 + b'/c'), later(a_link, b'd' * 256, b'x'))
same(root, later(a_link, b'a', b''), later(a_link, b'b', b'x' * 4096), later(a_file, b'c'))
# content that cannot be read, in small files and in large ones
for size in (0, 10, 300000):
    same(root, later(a_folder, b'a'), later(a_file, b'a/b', b'x' * size, io_error), later(a_file, b'a/c'))
    same(root, later(a_file, b'b', b'x' * size, None, 'it is not closed'), later(a_file, b'c'))
    same(root, later(a_folder, b'a'), later(a_file, b'a/b', b'x' * size, (path.PathException, 'of a path')), later(a_file, b'a/c'))
    same(root, later(a_folder, b'a'), later(a_file, b'a/b'), later(a_file, b'a/c', b'x' * size, other_error), later(a_file, b'd'))
    same(root, later(a_file, b'a', b'x' * size, (OSError, 28, 'No space left on device')), later(a_file, b'd'))
# what is no folder, and nothing at all
same(later(a_file, b''))
same(later(a_folder, b'a'), later(a_file, b'a/b'))


class Stranger(Content):
    """While it is read, somebody makes a folder."""
    def read(self, size=-1):
        with contextlib.suppress(FileExistsError):
            os.mkdir(os.path.join(base, b'b'))
        return super().read(size)


# a folder that is there already, as where names in upper and lower case are the same
of_stock, ours = (written(write, lambda: iter([a_folder(), member(b'a', 'reg', Stranger(b'data')), a_folder(b'b'), a_file(b'b/c')]))[:2]
                  for write in (stock, plugged))
check(of_stock[1] == ours[1] and all('AssertionError' in end for end in (of_stock[0], ours[0])), of_stock, ours)


class Counted(Content):
    reads = 0

    def read(self, size=-1):
        Counted.reads += 1
        return super().read(size)


# of a file that was put together the size is that of its last delta
large = member(b'a', 'reg', Counted(b'x' * 1000000))
large.stat.st_size = 11
end, tree, _order, said = written(plugged, lambda: iter([a_folder(), large]))
check(end == 1 and tree[1][3] == b'x' * 1000000, end, said)
check(Counted.reads < 30, Counted.reads, 'reads of a file of 1 MB')

# Ctrl-C while a large file comes out of a volume: it ends there
info = tarfile.TarInfo('snapshot/')
info.type = tarfile.DIRTYPE
volume = info.tobuf(tarfile.PAX_FORMAT)
info = tarfile.TarInfo('snapshot/large')
info.size = 200000000
with gzip.open(os.path.join(folder, b'volume'), 'wb', 1) as file:
    file.write(volume + info.tobuf(tarfile.PAX_FORMAT) + bytes(info.size + -info.size % 512))
volumes = patchdir.TarFile_FromFileobjs(iter([gzip.open(os.path.join(folder, b'volume'))]))
paths = _stagehost.extension().patched_paths([_stagehost.extension().read_volumes(volumes)], b'')
signal.signal(signal.SIGALRM, lambda *arguments: signal.default_int_handler(*arguments))
signal.setitimer(signal.ITIMER_REAL, 0.01)
try:
    plugged(path.Path(os.path.join(folder, b'interrupted')), paths)
    check(False, 'it is not interrupted')
except KeyboardInterrupt:
    large = os.path.join(folder, b'interrupted', b'large')
    check(not os.path.exists(large) or os.stat(large).st_size < info.size, 'it is interrupted when all is written')
shutil.rmtree(os.path.join(folder, b'interrupted'), ignore_errors=True)
os.unlink(os.path.join(folder, b'volume'))

# From here on stock is not asked: it writes where it is led to.
outside = os.path.join(folder, b'outside')
os.mkdir(outside)
log.setverbosity(log.NOTICE)
evil = (root, later(a_link, b'a', b'../outside'), later(a_file, b'a/b'), later(a_folder, b'a/c'), later(a_file, b'a/c/d'),
        later(a_file, b'b/../../outside/e'), later(a_folder, b'..'), later(a_file, b'../outside'), later(a_file, b'x//y'))
end, tree, _order, said = written(plugged, lambda: iter(sorted((make() for make in evil), key=lambda one: one.index)))
check(end == 1, end)
check(os.listdir(outside) == [], 'something was written outside')
check(len([line for line in said if line.startswith('Error ')]) == 5, said)
check(len([line for line in said if line.startswith('Skipping ')]) == 2, said)
check(sorted(os.listdir(base)) == [b'a'] and sorted(os.listdir(folder)) == [b'base', b'outside'], os.listdir(base))

# A tree that is deeper than a path can be long.
names = [b'/'.join([b'deeper'] * depth) for depth in range(700)]
end, tree, _order, said = written(plugged, lambda: iter([a_folder(name) for name in names] + [a_file(b'deeper.file')]), is_deep=True)
check(end == 1 and not said, end, said[:3])
os.chdir(base)
for depth in range(699):
    os.chdir(b'deeper')
check(stat.S_IMODE(os.stat('.').st_mode) == 0o750 and os.stat('.').st_mtime == 1000000000, 'the deepest one is not as it was')
os.chdir(folder)
with contextlib.suppress(OSError):
    shutil.rmtree(base)
config.ignore_errors = True
same(root, later(a_file, b'a', b'', io_error))

sys.exit(wrong > 0)
