# extension.py PART... - uses the extension in ways that the host does not: each part in a process of its own, which a
# crash would end. Prints what is wrong; status 1 where something is.
#
#	unopened CLASS	objects that never went through __init__, or failed in it, or went through it twice
#	helpers FOLDER	a Form, a Pipe, and what is asked of files of the archive directory
#	guard FOLDER	what of the host is not as it was proved
#	tempdir FOLDER	a relative --tempdir, and a run whose working directory is changed
#	swapped FOLDER	a further temp root, below FOLDER, that is replaced after it was vetted
#	resumed FOLDER	lists that change while what a dead run has left is handed off
#	forks -		two threads that fork at once
#	reasons -	what is told where nobody can tell whether this run can go on with a backup
import errno
import faulthandler
import fcntl
import gzip
import hashlib
import os
import resource
import signal
import sys
import tempfile
import threading
import time

from duplicity import config
from duplicity import diffdir  # which the extension asks for what is not its own
from duplicity import gpg
from duplicity import log
from duplicity import path
from duplicity import tempdir
from duplicity.backends import _stagedir
from duplicity.backends import _stagehost
from duplicity.backends import _stagerepair
from duplicity.backends._stageguard import units
from duplicity.errors import BackendException

log.setup()
tempdir.TemporaryDirectory = _stagedir.TemporaryDirectory
diffdir.stats = None
wrong = 0


def complain(*words):
    global wrong
    wrong += 1
    print(*words)


def must_raise(what, *kinds):
    """Calls what, which must raise one of these."""
    def check(*arguments):
        try:
            result = what(*arguments)
        except kinds:
            return
        except BaseException as error:
            complain(f'{what}{arguments} raises {error!r}')
        else:
            complain(f'{what}{arguments} returns {result!r}')
    return check


# How each class is opened, and what is called with which arguments. Arguments are right but for the object.
def upload(*arguments):
    return _stagedir.UPLOAD_DONE, ''


STAGINGS = []


def make_volume(size=1):
    """A Volume that is not begun."""
    STAGINGS.append(_stagedir.Staging('file:///target', os.getcwd(), upload, upload, 1, 0.0))
    return STAGINGS[-1].volume(size)


class Signatures:
    def write(self, data):
        return len(data)


OPENED = {
    'TemporaryDirectory': lambda: (),
    'Staging': lambda: ('file:///target', os.getcwd(), upload, upload, 1, 0.0),
    'Deltas': lambda: (iter(()), iter(()), Signatures()),
    'DeltaTarBlockIter': lambda: (iter(()),),
    'Form': lambda: (tempfile.gettempdir(), 'name', upload),
    'Pipe': lambda: (os.pipe()[1], make_volume(), 1 << 30),
    'FetchAhead': lambda: (tempdir.default(), 'file:///target', os.getcwd(), [(0, b'x'), (0, b'y')], upload, upload),
}
FAILING = {
    'TemporaryDirectory': (b'/nowhere/at/all',),
    'Staging': ('file:///target', os.getcwd(), upload, upload, 'many', 0.0),
    'Deltas': (1, 2, Signatures()),
    'DeltaTarBlockIter': (1,),
    'Form': (tempfile.gettempdir(), 'name', upload, '/nowhere/at/all'),
    'Pipe': (1, __file__, 'much'),
    'FetchAhead': (1, 'file:///target', os.getcwd(), [], upload, upload),
}
CALLS = {
    'TemporaryDirectory': (('dir',), ('mktemp',), ('mkstemp',), ('mkstemp_file',), ('forget', b'/x'), ('check',), ('cleanup',)),
    'Staging': (('begin', 'full'), ('volume', 1), ('put', '/x', 'x', 'x', 1), ('sync',), ('check',), ('drain',), ('adopt',), ('confirmed',),
                ('resume', [], [], None)),
    'Deltas': (('__next__',),),
    'DeltaTarBlockIter': (('__next__',), ('get_read_size',), ('get_previous_index',), ('queue_index_data', None),
                          ('remember_next_index',), ('recall_index',), ('get_footer',)),
    'Form': (('made',), ('abandon',), ('sync',), ('rename', 'x'), ('replace', 'x')),
    'Pipe': (('written', 1),),
    'FetchAhead': (('next',), ('done',), ('failed',), ('take', b'x'), ('got', b'x', b'/x'), ('pause',), ('hold',), ('release',),
                   ('stop',)),
}


def call_all(made, name):
    for method, *arguments in CALLS[name]:
        must_raise(getattr(made, method), ValueError)(*arguments)


def check_unopened(name):
    kind = getattr(_stagedir, name)
    methods = {method for method in vars(kind) if callable(getattr(kind, method)) and not method.startswith('__')}
    missing = methods - {method for method, *_arguments in CALLS[name]}
    if missing:
        complain(f'{name} has methods that are not called here: {missing}')
    call_all(kind.__new__(kind), name)
    failed = kind.__new__(kind)
    collate, diffdir.collate2iters = diffdir.collate2iters, None  # what Deltas asks for last
    for _again in range(3):
        must_raise(failed.__init__, Exception)(*FAILING[name])
        call_all(failed, name)
    diffdir.collate2iters = collate
    made = kind(*OPENED[name]())
    for _again in range(3):
        must_raise(made.__init__, RuntimeError)(*OPENED[name]())
    for attribute in vars(kind):
        getattr(kind.__new__(kind), attribute, None)  # of those that may be missing
    use_unopened(name, kind)
    if name == 'TemporaryDirectory':
        made.cleanup()
        must_raise(made.__init__, RuntimeError)()
    if name == 'Staging':
        check_staging(made)
    if name == 'FetchAhead':
        check_fetching(made)


def check_fetching(made):
    """Calls in the wrong order, and with what was never announced, do nothing."""
    made.done()
    made.failed()
    made.release()
    must_raise(made.take, TypeError)('x')
    must_raise(made.got, TypeError)(1, 2)
    must_raise(_stagedir.FetchAhead, Exception)(tempdir.default(), 'file:///target', os.getcwd(), [1], upload, upload)
    must_raise(_stagedir.FetchAhead, Exception)(tempdir.default(), 'file:///target', os.getcwd(), [(0, 'x')], upload, upload)
    for name in b'x', b'never':
        if made.take(name) is not None:
            complain('a volume that was not fetched is there')
        made.got(name, b'/nowhere')
        made.got(name, os.fsencode(__file__))
        made.release()
    name, file = made.next()
    if name != b'y' or not _stagedir.remove(file):
        complain('the file of a volume is not tracked')
    made.done()  # though there is none
    if made.next() is not None:
        complain('a volume that could not be fetched is fetched again')
    made.stop()
    made.stop()
    tempdir.default().cleanup()


def check_staging(made):
    """One that was opened, and has ended with its directory, is not opened again."""
    made.check()
    made.drain()
    check_volume(made)
    tempdir.default().cleanup()
    must_raise(made.__init__, RuntimeError)(*OPENED['Staging']())


def check_volume(staging):
    """What is not a volume, and calls in the wrong order, are refused; one that was written is staged, once."""
    must_raise(_stagedir.Volume, TypeError)()
    must_raise(object.__new__, TypeError)(_stagedir.Volume)
    must_raise(staging.put, TypeError)(b'/x', 'x', 'x', 1)
    first = staging.volume(1)
    if _stagedir.find_volume(first.path) is not first or _stagedir.find_volume(first.path + b'x') is not None:
        complain('a volume is not found by just its path')
    for method, *arguments in ('sha1',), ('set_sha1', bytes(20)), ('__reduce__',):
        must_raise(getattr(first, method), Exception)(*arguments)
    must_raise(first.begin, OSError)()  # its file is not there
    must_raise(staging.put, _stagedir.StagingError)(first, 'x', 'x', 1)
    second = staging.volume(1)
    must_raise(first.begin, Exception)()
    if _stagedir.find_volume(first.path) is not None:
        complain('a volume that nobody wants is found')
    first.remove()
    check_download(second)
    write_other(second)
    must_raise(second.begin, Exception)()
    if second.sha1() != hashlib.sha1(b'abc').digest():
        complain('a volume of another process has another SHA-1')
    must_raise(second.set_sha1, ValueError)(b'')
    if staging.put(second, 'x', 'x', 1) != 3:
        complain('a volume of 3 bytes has not 3 bytes')
    must_raise(staging.put, _stagedir.StagingError)(second, 'x', 'x', 1)
    second.remove()
    staging.drain()


def check_download(volume):
    """The host downloads a volume to a path for a new one, when it goes on with an encrypted backup, and hashes that."""
    with open(volume.path, 'wb') as file:
        file.write(b'downloaded')
    downloaded = path.Path(volume.path)
    downloaded.stage_volume = volume
    get_hash = _stagehost._hash_meanwhile(gpg.get_hash)
    if get_hash('SHA1', downloaded) != hashlib.sha1(b'downloaded').hexdigest():
        complain('what was downloaded has another SHA-1')
    if volume.is_begun:
        complain('what was downloaded counts as a volume that was made')


def write_other(volume):
    with open(volume.path, 'wb') as file:
        volume.begin()
        file.write(b'abc')


def use_unopened(name, kind):
    """Where other parts of the extension are given one."""
    if name == 'Deltas':
        blocks = _stagedir.DeltaTarBlockIter(kind.__new__(kind))
        must_raise(next, ValueError)(blocks)
        must_raise(_stagedir.gzip_write_file, ValueError)(blocks, 'file')
        blocks.get_footer()
        must_raise(kind(iter([1]), iter(()), Signatures()).__next__, Exception)()
    if name == 'DeltaTarBlockIter':
        must_raise(_stagedir.gzip_write_file, ValueError)(kind.__new__(kind), 'file')
        blocks = kind(iter(()))
        for offset in -1, -10239, -(1 << 63), (1 << 63) - 1:
            blocks.offset = offset
            expected = 10240 - offset % 10240
            if len(blocks.get_footer()) != expected:
                complain(f'the footer at {offset} has not {expected} bytes')
        must_raise(delattr, TypeError)(blocks, 'offset')
        must_raise(object.__new__, TypeError)(kind)
        must_raise(_stagedir.SourceFile, TypeError)()
        must_raise(_stagedir.SourceFile.__new__, TypeError)(_stagedir.SourceFile)
        must_raise(object.__new__, TypeError)(_stagedir.SourceFile)


def follow(folder, size, write):
    """
    Makes a Form of a file that gets so many bytes meanwhile. write makes it beside, and where that was not all of the file,
    copy_blocks() makes it again. The Form, and whether it was made again.
    """
    again = []

    def write_once(blocks, made, beside):
        if beside:
            write(blocks, made, beside)
            return
        again.append(os.path.exists(made))
        copy_blocks(blocks, made, beside)

    growing = os.path.join(folder, 'growing')
    with open(growing, 'wb', buffering=0) as file:
        form = _stagedir.Form(folder, b'growing.part', write_once, growing, 0.0)
        for start in range(0, size, 100000):
            file.write(bytes(min(100000, size - start)))
    os.rename(growing, growing + '.part')
    for _again in range(2):
        if os.stat(form.made()).st_size != size:
            complain(f'of {size} bytes {os.stat(form.made()).st_size} are in the form that {write} has made')
    if len(again) > 1:
        complain(f'the form is made {len(again)} times again')
    return form, again


def copy_blocks(blocks, made, beside):
    with open(made, 'wb') as file:
        for block in iter(blocks.__next__, None):  # the host's SrcIter has no __iter__
            file.write(block.data)


def fail_at_end(blocks, made, beside):
    copy_blocks(blocks, made, beside)
    raise OSError(28, 'no space')


def leave(blocks, made, beside):
    copy_blocks(iter([next(blocks)]), made, beside)


def check_abandoned_form(source):
    """A Form that is abandoned while its file grows takes no space and has no thread; it can be made again."""
    folder, name = os.path.split(source)
    growing = os.path.join(folder, 'growing')
    with open(growing, 'wb', buffering=0) as file:
        form = _stagedir.Form(folder, name, copy_blocks, growing, 0.0)
        file.write(bytes(1000000))
        for _again in range(2):
            form.abandon()
            if threading.active_count() != 1:
                complain('a thread makes a form that was abandoned')
            if any(files for _path, _folders, files in os.walk(folder) if _path != folder):
                complain('a form that was abandoned is still there')
    os.unlink(growing)
    if os.stat(form.made()).st_size != os.stat(source).st_size:
        complain('a form that was abandoned is not made again')
    form.abandon()
    if any(files for _path, _folders, files in os.walk(folder) if _path != folder):
        complain('a form that was made and abandoned is still there')


def check_form(folder):
    """What becomes of a Form."""
    must_raise(_stagedir.Form, OSError)(folder, 'growing.part', copy_blocks, os.path.join(folder, 'nothing'), 0.0)
    source, named = os.path.join(folder, 'growing.part'), os.path.join(folder, 'named')
    os.chmod(source, 0o640)
    form = follow(folder, 1, copy_blocks)[0]
    os.unlink(form.made())  # as a backend does that moves it
    os.chmod(source, 0o640)
    if form.sync() is not form or os.stat(form.made()).st_mode & 0o777 != 0o640:
        complain(f'the form has not the permissions of the file: {os.stat(form.made())}')
    form.rename('named')
    if os.stat(named).st_size != 1 or not os.path.exists(source):
        complain('the form is not beside the file by its name')
    must_raise(form.rename, OSError)('named')  # it is no longer there
    form = _stagedir.Form(folder, 'growing.part', copy_blocks)
    form.made()
    form.replace(b'named')
    if os.stat(named).st_size != 1 or os.path.exists(source):
        complain('the form is not in the place of the file')
    os.rename(named, source)
    form = _stagedir.Form(folder, 'growing.part', fail_at_end)
    must_raise(form.made, OSError)()
    must_raise(form.made, OSError)()  # what it has left is not taken for all of the form
    check_abandoned_form(source)
    child = os.fork()
    if not child:
        try:
            form.replace('named')
        except RuntimeError:
            os._exit(0)
        os._exit(1)
    if os.waitpid(child, 0)[1]:
        complain('a child may change the form of its parent')
    del form
    if os.listdir(folder) != ['growing.part']:
        complain(f'forms have left {os.listdir(folder)}')


def check_no_space(folder):
    """Which files could not be written for want of space."""
    name = os.path.join(folder, 'name')
    for number in errno.ENOSPC, errno.EDQUOT:
        told = _stagedir.no_space(os.fsencode(name), number)
        if not told or not told.startswith(f'no space left in {folder} to write'):
            complain(f'of a file that has met error {number} it is told {told}')
    for other, number in (name, errno.EACCES), (name, 0), ('/nowhere/at/all', errno.ENOSPC), ('name', errno.ENOSPC):
        if _stagedir.no_space(other, number) is not None:
            complain(f'{other} with error {number}: {_stagedir.no_space(other, number)}')
    must_raise(_stagedir.no_space, TypeError)(1, errno.ENOSPC)
    must_raise(_stagedir.no_space, TypeError)(name, None)


def check_helpers(folder):
    for size in 0, 1, 128 * 1024, 3000000:
        if follow(folder, size, copy_blocks)[1]:
            complain(f'the form of {size} bytes is made again')
    if follow(folder, 1000, fail_at_end)[1] != [False]:
        complain('a form that failed is not made again, or is still there')
    if not follow(folder, 3000000, leave)[1] or not follow(folder, 1, lambda blocks, made, beside: None)[1]:
        complain('a form that was not made of all of the file is not made again')
    check_form(folder)
    check_no_space(folder)

    reading, writing = os.pipe()
    volume = os.path.join(folder, 'growing.part')
    os.unlink(volume)
    gpgs = make_volume(5 << 20)
    must_raise(_stagedir.Pipe(writing, gpgs, 5 << 20).written, ValueError)(1)  # it is not begun
    with open(gpgs.path, 'wb'):
        gpgs.begin()
    pipe = _stagedir.Pipe(writing, gpgs, 5 << 20)
    pipe.written(1)  # the size of the volume is far from the limit
    wide = fcntl.fcntl(writing, fcntl.F_GETPIPE_SZ)
    os.truncate(gpgs.path, 2 << 20)
    pipe.written(2 << 20)
    narrow = fcntl.fcntl(writing, fcntl.F_GETPIPE_SZ)
    if narrow != 1 << 16 or wide < narrow:
        complain(f'the pipe has {wide} bytes, and at the end of the volume {narrow}')
    os.unlink(gpgs.path)
    try:
        _stagedir.Pipe(writing, gpgs, 1).written(1)
        complain('a volume that is gone is not missed')
    except OSError as error:
        if error.filename != gpgs.path:  # by which the host knows that it is its own file
            complain(f'a volume that is gone is told as {error.filename!r}, not as {gpgs.path!r}')
    pipe.written(4 << 20)  # it is not looked at any more

    for asked in (_stagedir.compare, volume, __file__), (_stagedir.compare, __file__, volume), (_stagedir.is_ended, volume), \
            (_stagedir.read_manifest, volume), (_stagedir.sync, volume), (_stagedir.sync, __file__, volume):
        must_raise(asked[0], OSError)(*asked[1:])
    must_raise(_stagedir.compare, TypeError)(__file__)
    if _stagedir.compare(__file__, __file__) != 'whole' or _stagedir.compare(__file__, '/dev/null') != 'in part' or \
            _stagedir.compare('/dev/null', __file__) is not None:
        complain('files are not compared as they are')
    with open(volume, 'w', encoding='ascii') as file:
        file.write('Volume 3:\n    Hash SHA1 ' + 40 * 'a' + '\nFilelist 0\n')
    if _stagedir.read_manifest(volume) != (3, 40 * 'a', True):
        complain(f'a manifest tells {_stagedir.read_manifest(volume)}')
    with open(volume, 'w', encoding='ascii') as file:
        file.write('Volume three\n')
    if _stagedir.read_manifest(volume) != (0, None, False):
        complain(f'what is no manifest tells {_stagedir.read_manifest(volume)}')

    must_raise(_stagedir.expand, _stagedir.StagingError)(volume, volume + '.expanded')
    os.unlink(volume + '.expanded')
    must_raise(_stagedir.expand, OSError)(volume + '.not-there', volume + '.expanded')
    must_raise(_stagedir.expand, TypeError)(volume)
    with open(volume, 'wb') as file:
        file.write(gzip.compress(b'expanded'))
    _stagedir.expand(volume, volume + '.expanded')
    with open(volume + '.expanded', 'rb') as file:
        if file.read() != b'expanded':
            complain('a file is not expanded to what it was')
    os.unlink(volume + '.expanded')
    for archived in (), [1], [('manifest',)], [('manifest', 'x')], [(1, b'x')]:
        must_raise(_stagedir.mending_plan, TypeError)(archived, [], b'.gz')
    must_raise(_stagedir.mending_plan, TypeError)([], [b'x'], b'.gz')
    left = [('partial manifest', b'm.part'), ('partial signatures', b's.part')]
    if _stagedir.mending_plan(left, [], b'.gz') or _stagedir.mending_plan(left, [('manifest', b'M')], b'.gz') != [
            ('if_ended', b's.part', None), ('if_stored', b'm.part', b'M'), ('rename', b'm.part', b'm'),
            ('compress', b's.part', b's.gz')]:
        complain('what is to be done is not as it is written')

    # of a backup of millions of files
    with open(volume, 'wb') as file:
        file.write(b'Volume 1:\n    Hash SHA1 ' + 40 * b'b' + b'\nFilelist 1\n')
        file.truncate(300 << 20)
        file.seek(0, os.SEEK_END)
        file.write(b'\n')
    if _stagedir.read_manifest(volume) != (1, 40 * 'b', True):
        complain(f'a large manifest tells {_stagedir.read_manifest(volume)}')
    os.truncate(volume, 0)

    # of a directory as well as can be
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (0, limits[1]))
    try:
        _stagedir.sync(folder)
        must_raise(_stagedir.sync, OSError)(volume)
    except OSError as error:
        complain(f'a directory that cannot be opened ends the run: {error}')
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)
    _stagedir.sync(folder)


def check_guard(folder):
    """Of the module tempdir of a made-up version, what of it is named."""
    source = b'def default():\n    pass\n'
    folder = os.path.join(folder, os.fsdecode(b'\xe9'))  # a name that is no UTF-8
    os.mkdir(folder)
    table = os.path.join(folder, 'table')
    with open(table, 'w', encoding='ascii') as file:
        file.write(f'9.9 tempdir {hashlib.sha256(source).hexdigest()[:16]} default:{units(source)["default"]}\n')
    with open(os.path.join(folder, 'tempdir.py'), 'wb') as file:
        file.write(source)

    def asked(*names):
        reason = _stagedir.why_unproved('9.9', folder, table)
        expected = f'duplicity 9.9 is not as it was proved with stagedir: {", ".join(names)} differs' if names else ''
        if reason != expected:
            complain(f'{reason!r} in the place of {expected!r}')

    stock = tempdir.default
    asked()
    tempdir.default = None
    asked('tempdir.default')
    del tempdir.default
    asked('tempdir.default')
    tempdir.default, tempdir.__file__ = stock, os.path.join(folder, 'tempdir.py')
    asked()
    tempdir.default = asked  # of another file
    asked('tempdir.default')
    tempdir.default = stock
    with open(os.path.join(folder, 'tempdir.py'), 'ab') as file:
        file.write(b'default = None\n')
    asked('tempdir')


def check_tempdir(folder):
    """The same root, wherever the run has gone since."""
    os.mkdir(os.path.join(folder, 'relative'))
    os.chdir(folder)
    config.temproot = 'relative'
    first = _stagedir.TemporaryDirectory()
    os.chdir('/')
    os.environ['TMPDIR'] = '/nowhere'
    second = _stagedir.TemporaryDirectory()
    third = _stagedir.TemporaryDirectory('relative')
    for made in first, second, third:
        if os.path.realpath(os.path.dirname(made.dir())) != os.path.realpath(os.path.join(folder, 'relative')):
            complain(f'{made.dir()} is not in {folder}/relative')
        made.cleanup()


def check_further(folder):
    """A directory in a further root is asked for as well, before a path in it is relied upon."""
    config.select, config.volsize = (), 1 << 62  # a backup with volumes that no root has room for
    first = _stagedir.TemporaryDirectory()
    name = first.mktemp()
    made = [os.path.join(folder, entry) for entry in os.listdir(folder)]
    if len(made) != 1:
        complain(f'in {folder} there are {made}')
    first.check()
    os.rename(made[0], made[0] + '.moved')
    must_raise(first.check, BackendException)()
    os.rename(made[0] + '.moved', made[0])
    first.check()
    first.forget(name)
    first.cleanup()


class Swapping:
    """A selection that, when it is asked whether a temp root is backed up, replaces that."""

    def __init__(self, root, victim):
        self.root, self.victim, self.swapped = root, victim, False

    def Select(self, found):
        if os.fsdecode(found.name) == self.root and not self.swapped:
            self.swapped = True
            os.rename(self.root, self.root + '.moved')
            os.symlink(self.victim, self.root)
        return 0


def check_swapped(folder):
    root, victim = os.path.join(folder, 'further'), os.path.join(folder, 'victim')
    os.mkdir(victim)
    os.chmod(victim, 0o777)  # vetted when roots are ranked again, it is refused
    os.utime(victim, (1, 1))
    staging = _stagedir.Staging(*OPENED['Staging']())
    staging.volume(1)
    config.local_path = path.Path(os.fsencode(folder))
    config.select = Swapping(root, victim)
    staging.volume(1 << 60)  # no root has room for that
    if not config.select.swapped:
        complain(f'{root} was never looked at')
    for there in victim, root + '.moved':
        if os.listdir(there):
            complain(f'{os.listdir(there)} was left in {there}')
    if os.stat(victim).st_mtime != 1:
        complain(f'{victim}, which was never vetted, was used')


def stage_and_die(folder):
    """Stages two volumes, and is killed when both are sealed."""
    def die(local_name, *rest):
        journal = os.path.join(os.path.dirname(local_name), b'journal')
        while True:
            with open(journal, 'rb') as file:
                if file.read().count(b'staged-') >= 2:
                    os.kill(os.getpid(), signal.SIGKILL)
            time.sleep(0.01)
    staging = _stagedir.Staging('file:///target', folder, die, die, 1, 0.0)
    for number in 1, 2:
        volume = staging.volume(1)
        write_other(volume)
        with open(os.path.join(folder, 'manifest'), 'a', encoding='ascii') as manifest:
            manifest.write(f'Volume {number}:\n    Hash SHA1 {volume.sha1().hex()}\n')
        staging.put(volume, f'vol{number}', 'manifest', number)
    staging.drain()


def check_resumed(folder):
    """The log, which is Python, may take away what it is called for."""
    child = os.fork()
    if child == 0:
        stage_and_die(folder)
    os.waitpid(child, 0)
    staging = _stagedir.Staging('file:///target', folder, upload, upload, 1, 0.0)
    names = [name for name, _path in staging.adopt()]
    if names != [b'vol1', b'vol2']:
        complain(f'{names} wait for a later run')
    backups, stored, stock = [f'backup {os.getpid()}' for _name in names], [], log.Log
    for wrong_backups, wrong_stored, answer in ([], [], None), ([1, 2], [], None), (backups, [1], None), (backups, [()], None), \
            (backups, [], 1), (backups, [], ()), (backups, [], (True, 1)):
        must_raise(staging.resume, TypeError, ValueError)(wrong_backups, wrong_stored, lambda *_volume, answer=answer: answer)

    def forget(*arguments, **keywords):
        backups.clear()
        return stock(*arguments, **keywords)
    log.Log = forget
    if staging.resume(backups, stored, lambda name, local_name: None) != names or backups:
        complain(f'not both are handed off, or {backups} is left')
    log.Log = stock
    staging.drain()
    _stagedir.reclaim(folder)
    tempdir.default().cleanup()


def check_reasons(_nothing):
    """What went wrong is told in one line, whatever the error says."""
    framed = '===== Begin GnuPG log =====\n{}===== End GnuPG log =====\n'
    for error, told in (
            (OSError(errno.ENOENT, 'No such file', 'name'), "[Errno 2] No such file: 'name'"),
            (gpg.GPGError('GPG Failed\n' + framed.format('gpg: one\ngpg: two\n\n')), 'gpg: two'),
            (gpg.GPGError('GPG Failed\n' + framed.format('')), 'GPG Failed'),
            (gpg.GPGError(framed.format('')), 'GPGError'),
            (gpg.GPGError(), 'GPGError'),
            (gpg.GPGError(' \n'), 'GPGError'),
            (OSError(), 'OSError')):
        def fail(_name, _path, error=error):
            raise error
        _stagerepair._reason = fail
        try:
            answer = _stagerepair._why_not_to_go_on('name', 'path')
        except Exception as raised:
            answer = raised
        if answer != (False, told):
            complain(f'{error!r} is told as {answer!r}')


def check_forks(_nothing):
    """Two threads fork at once, and Python hands its lock from one to the other in the middle of that."""
    def fork_often():
        for _ in range(300):
            child = os.fork()
            if not child:
                os._exit(0)
            os.waitpid(child, 0)
    faulthandler.dump_traceback_later(120, exit=True)  # where they wait for each other
    sys.setswitchinterval(1e-6)
    threads = [threading.Thread(target=fork_often) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    faulthandler.cancel_dump_traceback_later()


part, argument = sys.argv[1:]
{'unopened': check_unopened, 'helpers': check_helpers, 'guard': check_guard, 'tempdir': check_tempdir,
 'swapped': check_swapped, 'further': check_further, 'resumed': check_resumed, 'reasons': check_reasons,
 'forks': check_forks}[part](argument)
sys.exit(1 if wrong else 0)
