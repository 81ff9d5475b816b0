# stagebackend.py - registers stagedir with duplicity
#
# Copyright (C) 2026 the authors of stagedir
# SPDX-License-Identifier: GPL-2.0-or-later

"""
stagedir's place in duplicity: the backend prefix `stage` (stage+sftp://host/dir), and URLs without it
that stagedir.conf takes over. The host imports this file in every run of every user, so importing it
registers and does nothing else; the extension module is loaded when a backend is opened.
"""

import contextlib
import datetime
import errno
import fcntl
import filecmp
import gzip
import inspect
import os
import re
import select
import shutil
import sys
import threading
import time
import zlib

from duplicity import backend
from duplicity import config
from duplicity import diffdir
from duplicity import dup_temp
from duplicity import file_naming
from duplicity import gpg
from duplicity import log
from duplicity import path
from duplicity import tempdir
from duplicity import util
from duplicity.errors import BackendException
from duplicity.errors import FatalBackendException
from duplicity.errors import InvalidBackendURL
from duplicity.errors import TemporaryLoadException
from duplicity.errors import UserError

PREFIX = 'stage'

# Was what is replaced in the host replaced already?
_installed = False

# Calls of get_backend() that are under way: what another backend wraps is not taken over, and has no
# archive directory.
_depth = 0


@contextlib.contextmanager
def _nested():
    global _depth
    _depth += 1
    try:
        yield
    finally:
        _depth -= 1


# Where the hosts differ: duplicity 0.8.22 and 3.0.4. What one has otherwise than the other is asked for here, by what is
# there, and nowhere else.

# The options for asynchrony of the host's own, which can lose volumes, or takes them past every prefix.
_ASYNCHRONY = 'async_concurrency', 'concurrency'

# Of the code that makes a volume and signatures out of paths: names for one thing that is called otherwise.
_SAME = {'join', 'major', 'sys', 'version_info', 'os', 'util', 'XXX', 'NotImplementedError', 'tarfile', 'dup_tarfile',
         'int', 'do_not_restore_ownership', 'restore_ownership'}


def _command_line():
    """The module that names and sets the archive directory; None where there is no command line."""
    return sys.modules.get('duplicity.commandline') or sys.modules.get('duplicity.cli_util')


def _verifies():
    """Is this run one that verifies a backup?"""
    return getattr(config, 'action', None) == 'verify' or getattr(_command_line(), 'verify', None)


def _adds_gio():
    """Does the host put a prefix of its own, gio+, before every URL?"""
    return getattr(config, 'use_gio', False)


def _is_pool_child():
    """
    Is this one of the processes that a host has for its own asynchrony? It is given what was staged already, and an end
    of it is not the end of the run.
    """
    process = sys.modules.get('multiprocessing.process')
    return process is not None and process.parent_process() is not None


def _wrong_size(remote_filename, size, stored):
    """What the host tells front ends where storage has a file in another size: a code, and in words."""
    name = util.escape(remote_filename)
    if not hasattr(backend.BackendWrapper, 'validate'):
        return log.ErrorCode.volume_wrong_size, f'{name} {size} {stored}'
    reason = _('%s Remote filesize %d for %s does not match local size %d') % (datetime.datetime.now(), stored, name, size)
    return _not_valid(remote_filename, f'{reason}.')


def _not_valid(remote_filename, reason):
    """The same where the backend itself, in a host that asks it, says that a file is not as it was put."""
    return log.ErrorCode.backend_validation_failed, f'{util.escape(remote_filename)}: {reason}'


def _extension():
    """The extension module. Raises BackendException where it cannot be loaded."""
    try:
        from duplicity.backends import _stagedir
    except ImportError as error:
        raise BackendException(f'stagedir is not installed completely: {error}')
    return _stagedir


def _prefixes(url):
    """The prefixes of a URL: ['par2', 'stage'] for par2+stage+file:///dir."""
    return url.partition('://')[0].split('+')[:-1]


def _unprefixed(url):
    """url without our prefix, also where that stands behind others."""
    scheme, separator, rest = url.partition('://')
    kept = [prefix for prefix in _prefixes(url) if prefix != PREFIX]
    return '+'.join(kept + [scheme.split('+')[-1]]) + separator + rest


def _without_password(url):
    return re.sub('(://[^/@:]*):[^/]*@', r'\1:***@', url)


def _without_credentials(url):
    return re.sub('(://[^/@:]*):[^/]*@', r'\1@', url)  # with the user, who is part of where it leads


def _share_archive_dir(url):
    """Points the host at the archive directory that the plain URL has, unless --name chose one."""
    plain = _unprefixed(url)
    cli = _command_line()
    if plain == url or cli is None:
        return
    if not config.backup_name:
        # a host that chooses the archive directory after the backend
        config.backup_name = cli.generate_default_backup_name(plain)
    elif config.backup_name == cli.generate_default_backup_name(url):
        unused = config.archive_dir_path
        config.backup_name = cli.generate_default_backup_name(plain)
        cli.set_archive_dir(cli.expand_archive_dir(config.archive_dir, config.backup_name))
        try:
            os.rmdir(unused.name)  # the host has just made it; it goes only if it is empty
        except OSError:
            pass
        log.Info(f'Using archive dir: {config.archive_dir_path.uc_name}')


def _is_taken_over(url):
    """Does the configuration say that this URL is to be staged, though it does not itself?"""
    if PREFIX in _prefixes(url) or not backend.is_backend_url(url):
        return False
    try:
        return _extension().take_over(url)
    except (BackendException, UserError) as error:
        # nobody has asked for us with this URL: a backup without us is better than none
        log.Warn(f'stagedir does not know whether to take {_without_password(url)} over: {error}')
        return False


def get_backend(url):
    """duplicity.backend.get_backend, for staged URLs too."""
    if _depth or _is_pool_child():
        return _get_backend(url)
    _share_archive_dir(url)
    if _is_taken_over(url):
        url = f'{PREFIX}+{url}'
    with _nested():
        if _adds_gio() and url.startswith(PREFIX + '+'):
            # --gio adds a prefix of its own, which must come behind ours
            url = f'{PREFIX}+gio+{url[len(PREFIX) + 1:]}'
            wrapper = backend.BackendWrapper(backend.get_backend_object(url))
        else:
            wrapper = _get_backend(url)
    if tempdir.TemporaryDirectory is not _host_directory:
        # before the host takes the lock of the archive directory, so that no file of it stays either
        _extension().watch_endings()
    return wrapper


def _remove_first(delete):
    """A delete() of the host's temporary paths that removes by descriptor what is tracked; not what was staged."""
    def delete_tracked(path):
        if _extension().remove(path.name) or not os.path.lexists(path.name):
            path.setdata()
        else:
            delete(path)
    return delete_tracked


def _new_tempduppath(new):
    """dup_temp.new_tempduppath, which has volumes made where there is room for them."""
    def new_tempduppath(parseresults):
        target = _target()
        if target and target.stages_ahead() and parseresults.volume_number:
            return dup_temp.TempDupPath(target.volume_path(), parseresults=parseresults)
        return new(parseresults)
    return new_tempduppath


def _tell_no_space(write):
    """A function of the host that writes a file, which says where there was no space for it."""
    def write_or_tell(block_iter, filename, *arguments, **keywords):
        try:
            return write(block_iter, filename, *arguments, **keywords)
        except (OSError, gpg.GPGError) as error:
            folder = os.path.dirname(os.fsdecode(filename))
            if not os.path.isdir(folder):
                raise
            free = os.statvfs(folder).f_bavail * os.statvfs(folder).f_frsize
            # gpg tells its reasons on standard error only
            if getattr(error, 'errno', None) not in (errno.ENOSPC, errno.EDQUOT) and free > 64 * 1024:
                raise
            if _target():
                _target().check()  # what storage refuses is never handed off, and gives no room back
            log.FatalError(f'no space left in {folder} to write a file of this backup: {free} bytes are free. Make room '
                           'there, or name another temp_root in stagedir.conf; stagedir status tells what lies there, '
                           'stagedir flush and stagedir gc may free some', log.ErrorCode.not_enough_freespace)
    return write_or_tell


# The host has its ends of gpg's pipes inherited by whatever is started meanwhile, which then keeps them open.
_starting_gpg = threading.Lock()


def _hash_meanwhile(stock):
    """gpg.get_hash, which knows the SHA-1 of a volume that is to be staged: it was taken while that was written."""
    def get_hash(hash, path, hex=1):
        taken = _extension().volume_sha1(path.name) if hash == 'SHA1' else None
        if taken is None:
            return stock(hash, path, hex)
        return taken.hex() if hex else taken
    return get_hash


class _Pipe:
    """
    The pipe to the gpg that makes a volume. It is wide, so that gpg goes on while small files are read. Towards the end of
    the volume it is as all are: the host does not count what is in it, and lets the volume grow by that.
    """
    _WIDE = 1 << 20  # bytes; what the kernel allows everybody
    _NARROW = 1 << 16

    def __init__(self, descriptor, volume):
        self._descriptor = descriptor
        self._volume = volume
        self._looks_at = 0  # bytes written
        self._is_wide = self._set_size(self._WIDE) == 0  # there is a limit for all pipes of a user

    def _set_size(self, size):
        """0, or an errno: EBUSY where more is in it."""
        try:
            fcntl.fcntl(self._descriptor, fcntl.F_SETPIPE_SZ, size)
        except OSError as error:
            return error.errno
        return 0

    def written(self, count):
        """To be called when so many bytes were written."""
        if self._is_wide and count >= self._looks_at:
            self._looks_at = count + self._WIDE
            if os.stat(self._volume).st_size + 4 * self._WIDE > config.volsize:
                self._narrow()

    def _narrow(self):
        gone = select.poll()
        gone.register(self._descriptor, 0)
        while self._set_size(self._NARROW) == errno.EBUSY and not gone.poll(1):
            pass  # a millisecond each, until gpg has read most of it, or is dead
        self._is_wide = False


def _allocating(stock):
    """
    gpg.GPGFile, which begins a volume only when the disk space for it is its own; there may be several at once.
    """
    class GPGFile(stock):
        may_be_several = True
        _pipe = None

        def __init__(self, encrypt, encrypt_path, profile):
            if encrypt:
                _check_staging()  # it is opened by its path
            with _starting_gpg:
                stock.__init__(self, encrypt, encrypt_path, profile)
                os.set_inheritable((self.gpg_input if encrypt else self.gpg_output).fileno(), False)
            if encrypt:
                try:
                    if _extension().allocate(encrypt_path.name):
                        self._pipe = _Pipe(self.gpg_input.fileno(), encrypt_path.name)
                except BaseException:
                    self.close()  # or gpg would never end
                    raise

        def write(self, buf):
            result = stock.write(self, buf)
            if self._pipe:
                self._pipe.written(self.byte_count)
            return result
    return GPGFile


def _leave_space(check):
    """
    dup_main.check_resources, which for a backup that stages ahead leaves it to that to find space: it hands off first
    what dead runs have left, and waits for what other runs give back.
    """
    def check_resources(action):
        volsize = config.volsize
        if _target() and _backs_up() and _extension().stages_ahead():
            config.volsize = 0  # of which this space is a multiple
        try:
            check(action)
        finally:
            config.volsize = volsize
    return check_resources


def _target():
    """The StageBackend that this run backs up to: none in a replication, or behind another prefix."""
    target = getattr(config.backend, 'backend', None)
    return target if isinstance(target, StageBackend) and not getattr(config, 'src_backend', None) else None


def _backs_up():
    """Does this run make a backup? The host selects files for that, and to verify one."""
    return getattr(config, 'select', None) is not None and not _verifies()


def _staging_directory():
    """The host's default directory if it is one of ours: one that was made before stays the host's."""
    directory = tempdir.default()
    return None if isinstance(directory, _host_directory) else directory


def _check_staging():
    """Raises FatalBackendException if the staging directory is no longer at its path."""
    directory = _staging_directory()
    if directory:
        directory.check()


def _replacements(extension):
    """
    What is replaced in the host: where it is, its name, the signature that it must have, or None where it is another one
    for other reasons, what makes the other of it.
    """
    size = 200 * 1024 * 1024
    known = _knows_paths()
    return (
        (tempdir, 'TemporaryDirectory', '(temproot=None)', lambda stock: extension.TemporaryDirectory),
        (dup_temp, 'new_tempduppath', '(parseresults)', _new_tempduppath),
        (dup_temp.TempPath, 'delete', '(self)', _remove_first),
        (dup_temp.TempDupPath, 'delete', '(self)', _remove_first),
        (dup_temp, 'FileobjHooked', '(fileobj, tdp=None, dirpath=None, partname=None, permname=None, remname=None)',
         _following),
        (gpg, 'get_hash', '(hash, path, hex=1)', _hash_meanwhile),
        (gpg, 'GPGFile', '(encrypt, encrypt_path, profile)', _allocating),
        (gpg, 'GPGWriteFile', f'(block_iter, filename, profile, size={size}, max_footer_size=16384)', _tell_no_space),
        (gpg, 'GzipWriteFile', f'(block_iter, filename, size={size}, gzipped=True)',
         lambda stock: _tell_no_space(extension.gzip_write_file)),
        (gpg, 'PlainWriteFile', f'(block_iter, filename, size={size}, gzipped=False)', _tell_no_space),
        (sys.modules.get('duplicity.dup_main'), 'check_resources', '(action)', _leave_space),
        (diffdir, 'DeltaTarBlockIter', '(input_iter)' if known else None, lambda stock: extension.DeltaTarBlockIter),
        (diffdir, 'get_delta_iter', '(new_iter, sig_iter, sig_fileobj=None)' if known else None, _delta_iter(extension)),
    )


def _delta_iter(extension):
    """diffdir.get_delta_iter, by the extension where signatures are written and not every step is to be logged."""
    def make(stock):
        def get_delta_iter(new_iter, sig_iter, sig_fileobj=None):
            if sig_fileobj and log.getverbosity() < log.DEBUG:
                return extension.Deltas(new_iter, sig_iter, sig_fileobj)
            return stock(new_iter, sig_iter, sig_fileobj)
        return get_delta_iter
    return make


def _uses():
    """
    A checksum of what the host's code reads and calls that makes a volume and signatures out of paths: the extension
    does the same in its place, to the host's objects. Where a name is one for the same thing in all versions it is not
    counted.
    """
    path_type = diffdir.ROPath
    functions = [diffdir.get_delta_iter, diffdir.get_delta_path, diffdir.log_delta_path, path_type.__init__,
                 path_type.get_tarinfo, path_type.get_ropath, path_type.copy_attribs, diffdir.Path.open]
    for kind in (diffdir.FileWithReadCounter, diffdir.FileWithSignature, diffdir.TarBlockIter, diffdir.DeltaTarBlockIter):
        functions += filter(inspect.isfunction, vars(kind).values())
    codes = [function.__code__ for function in functions]
    names = []
    for code in codes:  # which grows
        codes += filter(inspect.iscode, code.co_consts)
        names += code.co_names
    return zlib.crc32(' '.join(sorted(set(names) - _SAME)).encode())


def _knows_paths():
    """Is the host's code known that makes a volume and signatures out of paths?"""
    try:
        return _uses() == 583508270  # duplicity 0.8.22 and 3.0.4
    except AttributeError:
        return False


def _signature(function):
    try:
        return str(inspect.signature(function))
    except (TypeError, ValueError):
        return ' of which no signature can be told'


def _install(extension):
    """Has the host stage in our directory, and write by our writers, from now on. What is not as known stays."""
    global _installed
    if _installed:
        return
    _installed = True
    unknown = []
    for owner, name, signature, make in _replacements(extension):
        stock = getattr(owner, name, None)
        if stock is None:
            continue
        if _signature(stock) == signature:
            setattr(owner, name, make(stock))
        else:
            unknown.append(name + _signature(stock))
    if unknown:
        log.Notice(f'stagedir does not know this version of duplicity: {", ".join(unknown)} stays as it is')


# The end of a backup. Out of each of its partial files in the archive directory (X.sigtar.part, X.manifest.part) the
# host makes a copy to store, stores it, removes the copy, and makes the final file; first of the signatures, then of
# the manifest. A run that is ended meanwhile leaves two forms of one thing, and every later run, with the plugin or
# without, ends in an assertion (duplicity 0.8.22: get_sorted_chains, "Cannot set filename"). What is proved to be
# derived from a partial file that is still there is mended; anything else is left to the host, and that assertion.
#
# Killed between the two, a run also leaves final signatures beside a partial manifest. Stock takes these for those of the
# backup before, and what is behind the newest volume then never gets into the backup (duplicity 0.8.22, 3.0.4). So both
# become final when both are stored.
#
# Other forms of the partial files, to store and final, are made by threads while the host still writes them: encrypting
# signatures takes an eighth of the time that volumes take, and would come behind them.

# What the signatures of a backup are called, as file_naming types.
_SIGNATURES = {'full': 'full-sig', 'inc': 'new-sig'}


def _sync(path):
    """Has a file, or the names in a directory, on disk."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _compress(blocks, made):
    gpg.GzipWriteFile(blocks, made, size=sys.maxsize)


def _encrypt(blocks, made):
    gpg.GPGWriteFile(blocks, made, config.gpg_profile, size=sys.maxsize)


def _expand(blocks, made):
    with gzip.GzipFile(fileobj=blocks.source) as source, open(made, 'wb') as target:
        shutil.copyfileobj(source, target)


class _Follower:
    """
    A thread that reads a file while it is still written, until finish() is called: it calls consume with this, an iterator
    of blocks as dup_temp.SrcIter is one.
    """
    _SECONDS = 0.05  # between two looks

    def __init__(self, filename, consume, later=0):
        """It begins so many seconds later, unless finish() is called before."""
        self.source = open(filename, 'rb')
        self.size = 0  # bytes of the file that were read
        self._consume = consume
        self._later = later
        self._complete = threading.Event()
        self._result = self._error = None
        self._thread = threading.Thread(target=self._run, name='stagedir', daemon=True)
        try:
            self._thread.start()
        except RuntimeError:
            self.source.close()
            raise

    def _run(self):
        self._complete.wait(self._later)
        try:
            self._result = self._consume(self)
        except BaseException as error:
            self._error = error

    def __iter__(self):
        return self

    def __next__(self):
        while True:
            # where the run ends early, the interpreter waits for gpg to end, which waits for more
            complete = self._complete.is_set() or not threading.main_thread().is_alive()
            data = self.source.read(self.get_read_size())
            if data:
                self.size += len(data)
                return dup_temp.Block(data)
            if complete:
                raise StopIteration
            self._complete.wait(self._SECONDS)

    def get_read_size(self):
        return 128 * 1024

    def get_footer(self):
        return b''

    def finish(self):
        """Returns what consume did when it has met the end, or raises what went wrong in the thread."""
        self._complete.set()
        self._thread.join()
        self.source.close()
        if self._error:
            raise self._error
        return self._result


class _OtherForm:
    """
    Another form of the file at filename, in a temporary file of the archive directory, made by write(BLOCKS, PATH) in a
    thread while the host still appends to the file, until finish() is called. It begins some seconds later: where there is
    one gpg for each CPU, that of the volume, which is waited for, is not held up by the keys of others.
    """

    def __init__(self, archive, filename, write, later=0):
        self._archive = archive
        self._directory = tempdir.TemporaryDirectory(archive.name)
        self.name = self._directory.mktemp()
        self._follower = _Follower(filename, lambda blocks: write(blocks, self.name), later)

    @property
    def size(self):
        """How many bytes of the file were read."""
        return self._follower.size

    def finish(self):
        """Returns itself when all is written, or raises what went wrong in the thread."""
        self._follower.finish()
        return self

    def sync(self, filename):
        """Has it on disk, with the mode of the file at filename."""
        os.chmod(self.name, os.stat(filename).st_mode & 0o777)
        _sync(self.name)

    def rename(self, new_name):
        """Gives it a name in the archive directory."""
        os.rename(self.name, self._archive.append(new_name).name)
        self._directory.forget(self.name)

    def replace(self, name, new_name):
        """Puts it, as new_name, in the place of the file called name."""
        self.rename(new_name)
        os.unlink(self._archive.append(name).name)
        with contextlib.suppress(OSError):  # some file systems cannot
            _sync(self._archive.name)  # a final manifest beside partial signatures is mended by nobody


def _remake(name, write):
    """The other form of a file of the archive directory that the host no longer writes, on disk."""
    archive = config.archive_dir_path
    form = _OtherForm(archive, archive.append(name).name, write).finish()
    form.sync(archive.append(name).name)
    return form


def _may_encrypt_meanwhile():
    """Not where gpg may ask somebody for a passphrase, one at a time."""
    return getattr(gpg.GPGFile, 'may_be_several', False) and not config.use_agent


def _following(stock):
    """
    dup_temp.FileobjHooked, whose other forms are made while it is written: unless the host goes on with a partial file,
    which it may write again.
    """
    class FileobjHooked(stock):
        _signatures = []  # their final forms and names, until they are shown together with their manifest

        def __init__(self, fileobj, tdp=None, dirpath=None, partname=None, permname=None, remname=None):
            stock.__init__(self, fileobj, tdp, dirpath, partname, permname, remname)
            self._forms = {}
            if tdp and file_naming.parse(permname).compressed:
                self._forms[_compress] = _OtherForm(dirpath, self.name, _compress)
            remote = file_naming.parse(remname) if tdp else None
            if remote and remote.encrypted and _may_encrypt_meanwhile():
                # one behind the other
                self._forms[_encrypt] = _OtherForm(dirpath, self.name, _encrypt, later=2 if remote.manifest else 1)

        def _form(self, write):
            filename = self.dirpath.append(self.partname).name
            form = self._forms.get(write)
            if not form or form.finish().size != os.stat(filename).st_size:
                form = self._forms[write] = _OtherForm(self.dirpath, filename, write)
            return form.finish()

        def to_remote(self):
            parsed = file_naming.parse(self.remname)
            if parsed.type in _SIGNATURES.values() and parsed.compressed:
                config.backend.put(path.Path(self._form(_compress).name), self.remname)
            elif parsed.encrypted:
                form = self._form(_encrypt)
                if parsed.manifest:
                    form.sync(self.dirpath.append(self.partname).name)  # for what it proves
                form.rename(self.remname)
                copy = self.dirpath.append(self.remname)
                config.backend.put(copy)
                # Nothing but the copy of a manifest proves to a later run that what is stored is the partial manifest.
                if not parsed.manifest:
                    copy.delete()
            else:
                stock.to_remote(self)

        def to_final(self):
            parsed = file_naming.parse(self.permname)
            if parsed.type in _SIGNATURES.values() and parsed.compressed:
                form = self._form(_compress)
                form.sync(self.dirpath.append(self.partname).name)
                self._signatures.append((form, self.partname, self.permname))
                return
            while self._signatures:
                form, *names = self._signatures.pop()
                form.replace(*names)
            stock.to_final(self)
            if parsed.manifest and self.remname != self.permname:
                self.dirpath.append(self.remname).delete()
    return FileobjHooked


_METADATA = re.compile(br'\.(manifest|sigtar|m|st)(\.part|\.p)?(\.gpg|\.gz|\.g|\.z)?$')


def _metadata(name):
    """What a manifest or signature file is of, in whatever form; None for any other. Is it partial?"""
    parsed = file_naming.parse(name) if _METADATA.search(name) else None
    if not parsed or parsed.volume_number:
        return None, False
    return (parsed.type, parsed.time, parsed.start_time, parsed.end_time), bool(parsed.partial)


def _signatures_of(backup):
    """What the signatures of a backup are known by, which is known by the same as its manifest."""
    return (_SIGNATURES[backup[0]],) + backup[1:]


def _backup_of(identity):
    """The backup that a manifest or signature file is of."""
    types = {signatures: backup for backup, signatures in _SIGNATURES.items()}
    return (types.get(identity[0], identity[0]),) + identity[1:]


def _volume(name):
    """Which backup a file is a volume of, and its number; None and 0 for any other file."""
    parsed = file_naming.parse(name)
    if not parsed or not parsed.volume_number:
        return None, 0
    return (parsed.type, parsed.time, parsed.start_time, parsed.end_time), parsed.volume_number


# What is stored of a file.
_WHOLE = 'whole'
_IN_PART = 'in part'


def _begins(whole, part):
    """Is the file at part the beginning of the file at whole?"""
    with open(whole, 'rb') as one, open(part, 'rb') as other:
        for piece in iter(lambda: other.read(64 * 1024), b''):
            if one.read(len(piece)) != piece:
                return False
    return True


class _PartialManifest:
    """
    What a partial manifest tells: how many volumes the backup has, the SHA-1 of the last, and whether that is all. The host
    ends a manifest by the list of changed files, the number of which stands above them (duplicity 0.8.22, 3.0.4).
    """

    def __init__(self, filename):
        self.volumes = 0
        self.sha1 = None
        left = -1
        with open(filename, 'rb') as lines:
            for line in lines:
                heading = re.match(br'(Volume|Filelist) (\d+)', line)
                digest = re.match(br' +Hash SHA1 ([0-9a-f]{40})\n', line)
                if heading and heading[1] == b'Volume':
                    self.volumes, left = int(heading[2]), -1
                elif heading:
                    left = int(heading[2])
                elif left >= 0:
                    left -= line.endswith(b'\n')
                elif digest:
                    self.sha1 = digest[1].decode()
        self.is_complete = left == 0


def _archived():
    """The partial files in the archive directory, and the others, by what they are of."""
    partial, other = {}, {}
    for name in config.archive_dir_path.listdir():
        identity, is_partial = _metadata(name)
        if identity:
            (partial if is_partial else other).setdefault(identity, []).append(name)
    return partial, other


class StageBackend(backend.Backend):
    """
    Wraps the backend of a URL. All that the host puts is made in the tracked staging directory, which
    opening this puts in the place of the host's. Volumes of a backup are staged: a put returns at once,
    and they are handed off in order by a thread of the extension (_upload). Everything else waits until
    that is done and then goes to the wrapped backend, which so is never called by two threads at once.
    """

    # what the host calls, where the wrapped backend has it
    _WAITING = ('_delete', '_delete_list', '_query', '_query_list', '_validate', '_close', '_retry_cleanup',
                'pre_process_download', 'pre_process_download_batch')

    def __init__(self, parsed_url):
        backend.Backend.__init__(self, parsed_url)
        extension = _extension()
        extension.check_settings()
        # before the wrapped backend is built: some make a file there when they are
        _install(extension)
        with _nested():
            self.wrapped = backend.get_backend_object(parsed_url.url_string)
        if self.wrapped is None:
            raise InvalidBackendURL(f'{PREFIX}+ must be followed by a URL, not by {parsed_url.url_string}')
        self._extension = extension
        self._first_list = True
        self._staging = None
        self._newest = None  # name and size of the volume that was staged last
        self._failure = None  # what ends the run, as arguments of log.FatalError()

    def __getattr__(self, name):
        # The host offers what hasattr() finds, so this has just what the wrapped backend has - but for
        # _move, after which wrappers (par2) would look for a file that is gone.
        if name in ('_move', 'wrapped') or name.startswith('__'):
            raise AttributeError(name)
        attribute = getattr(self.wrapped, name)
        return self._after_drain(name, attribute) if name in self._WAITING else attribute

    def __reduce__(self):
        # a host with a pool pickles its configuration, and leaves out what says so
        raise TypeError('what stages cannot be pickled: it has threads and locked directories')

    def _after_drain(self, name, function):
        def call(*arguments, **keywords):
            newest, size = self._newest or (None, None)
            if newest and arguments and arguments[0] in (newest, [newest]):
                if name == '_query':
                    return {'size': size}
                if name == '_query_list':
                    return {newest: {'size': size}}
                if name == '_validate':
                    return True, ''
            self._drain()
            return function(*arguments, **keywords)
        return call

    def _put(self, source_path, remote_filename):
        # what is put, and got, is opened by its path, here and in the host
        _check_staging()
        if self._stage(source_path, remote_filename):
            return
        self._drain()
        if self._staging:
            # The end of a backup: what is stored from here on says that it is complete. If the power fails then, its
            # signatures and manifest must be in the archive directory, which the host never syncs.
            self._staging.sync()
        self.wrapped._put(source_path, remote_filename)
        _check_staging()

    def _get(self, remote_filename, local_path):
        self._drain()
        _check_staging()
        self.wrapped._get(remote_filename, local_path)
        _check_staging()

    def _list(self):
        self._drain()
        names = self.wrapped._list()
        # the first call under the lock of the archive directory, and the last before anything is made
        if self._first_list and not config.dry_run:
            self._leave_asynchrony()
            if self is _target():
                self._begin()
                if self._resume(names):
                    names = self.wrapped._list()
            self._extension.reclaim(config.archive_dir_path.name)
            if self is _target():
                stored = [os.fsencode(name) for name in names]
                self._mend_archive(stored)
                if self._give_up_signatures(stored):
                    names = self.wrapped._list()
        self._first_list = False
        return names

    # Staging ahead

    def stages_ahead(self):
        return self._staging is not None and self._extension.stages_ahead()

    def _leave_asynchrony(self):
        """Switches the host's own asynchrony off."""
        ahead = self is _target() and self._extension.stages_ahead()
        for option in _ASYNCHRONY:
            if getattr(config, option, 0):
                does = 'stages volumes ahead in the place of' if ahead else 'does without'
                log.Notice(f'stagedir {does} what {option} = {getattr(config, option)} asks for')
                setattr(config, option, 0)

    def _begin(self):
        """Stages ahead from now on."""
        wanted = _backs_up() or 'STAGEDIR_FLUSH' in os.environ  # that is how stagedir flush calls the host
        if not self._staging and wanted and _staging_directory():
            self._staging = self._extension.Staging(
                _without_credentials(self.parsed_url.url_string), config.archive_dir_path.name, self._upload,
                config.num_retries, config.backend_retry_delay)

    def _guarded(self, function, *arguments):
        """Calls the extension. What cannot be handed off ends the run as it would have without staging ahead."""
        try:
            return function(*arguments)
        except self._extension.StagingError as error:
            code, text = error.args
            if code == 'STAGE_E_HANDOFF' and self._failure:
                log.FatalError(*self._failure)
            room = code == 'STAGE_E_NO_ROOM'
            log.FatalError(text, log.ErrorCode.not_enough_freespace if room else log.ErrorCode.backend_error)

    def check(self):
        """Ends the run if something cannot be handed off."""
        if self._staging:
            self._guarded(self._staging.check)

    def _drain(self):
        if self._staging:
            self._guarded(self._staging.drain)

    def volume_path(self):
        """A path for the next volume of the backup. Waits while there are too many, or there is no room."""
        return self._guarded(self._staging.volume, config.volsize)

    def _stage(self, source_path, remote_filename):
        """Stages a volume. False for anything else, and where the host made it elsewhere."""
        parsed = file_naming.parse(remote_filename) if self.stages_ahead() else None
        if not parsed or not parsed.volume_number or os.fsencode(remote_filename).endswith(b'.par2'):
            return False
        manifest = file_naming.get(parsed.type, manifest=True, partial=True)
        size = self._guarded(self._staging.put, source_path.name, remote_filename, manifest, parsed.volume_number)
        if size is None:
            return False
        self._newest = remote_filename, size
        return True

    def _resume(self, names):
        """Hands off what dead runs have staged, if it still fits what is in storage. True if there was any."""
        staged = self._guarded(self._staging.adopt) if self._staging else []
        stored = {}
        for name in names:
            identity, number = _volume(os.fsencode(name))
            stored.setdefault(identity, set()).add(number)
        certain = {_volume(name) for name in self._staging.confirmed()} if staged else set()
        verdicts = [self._judge_staged(stored, certain, *_volume(name)) for name in staged]
        if staged:
            self._guarded(self._staging.resume, verdicts)
            self._drain()
        return bool(staged)

    def _judge_staged(self, stored, certain, identity, number):
        """
        What to do with a volume that a dead run has staged, in order of their numbers. The host trusts every volume in
        storage that has another behind it: such a one is never touched, and none is put behind one that may be there
        in part. The last one may be, unless it was confirmed.
        """
        if identity is None:
            return self._extension.RESUME_LEAVE
        numbers = stored.setdefault(identity, set())
        last = max(numbers, default=0)
        if number < last and number in numbers:
            return self._extension.RESUME_STORED
        if number > last + 1 or (number == last + 1 and last and (identity, last) not in certain):
            return self._extension.RESUME_GAP
        numbers.add(number)
        certain.add((identity, number))
        return self._extension.RESUME_HAND_OFF

    # In the thread of the extension from here on: never raises, as nobody there could end the run

    def _upload(self, local_name, remote_filename, size, attempt):
        """One attempt to hand a volume off: a verdict, and in words why it is not done."""
        extension = self._extension
        try:
            if attempt > 1 and hasattr(self.wrapped, '_retry_cleanup'):
                self.wrapped._retry_cleanup()
            log.Info(f'Handing off {os.fsdecode(remote_filename)}')
            local = path.Path(local_name)
            self.wrapped._put(local, remote_filename)
            confirmed, reason, told = self._confirm(remote_filename, size, local)
            if confirmed:
                self._failure = None
                return extension.UPLOAD_DONE, ''
            text = _('File %s was corrupted during upload.') % os.fsdecode(remote_filename)
            self._failure = text, *told
            return extension.UPLOAD_RETRY, f'{text} {reason}'
        except BaseException as error:
            return self._judge(error, remote_filename, attempt)

    def _judge(self, error, remote_filename, attempt):
        """What the host does about an error of a put: BackendWrapper's retry()."""
        extension = self._extension
        name = error.__class__.__name__
        text = f'{name}: {util.uexc(error)}'
        if isinstance(error, FatalBackendException) or not isinstance(error, Exception):
            code = error.code if isinstance(error, SystemExit) else log.ErrorCode.user_error
            self._failure = text, code, name
            return extension.UPLOAD_GIVE_UP, text
        code = backend._get_code_from_exception(self.wrapped, 'put', error)
        extra = f'put {util.escape(remote_filename)}'
        self._failure = (_('Giving up after %s attempts. %s: %s') % (attempt, name, util.uexc(error)), code, extra)
        if code == log.ErrorCode.backend_not_found:
            return extension.UPLOAD_GIVE_UP, text
        later = isinstance(error, TemporaryLoadException)
        return extension.UPLOAD_RETRY_LATER if later else extension.UPLOAD_RETRY, text

    def _confirm(self, remote_filename, size, local):
        """
        Has storage got the file? With a reason where it has not, for people, and what the host tells front ends.
        What cannot be told is taken for a yes.
        """
        if hasattr(self.wrapped, '_validate'):
            confirmed, reason = self.wrapped._validate(remote_filename, size, source_path=local)
            return confirmed, reason, None if confirmed else _not_valid(remote_filename, reason)
        wrapper = backend.BackendWrapper(self.wrapped)
        for seconds in (1, 2, 4, 0):
            stored = wrapper.query_info([remote_filename])[remote_filename]['size']
            if stored in (None, size):
                return True, '', None
            time.sleep(seconds)  # storage may know of a file only a moment later
        reason = f'{stored} bytes are stored, of {size}' if stored >= 0 else 'it is not in storage'
        return False, reason, _wrong_size(remote_filename, size, stored)

    # The end of a backup

    def _mend_archive(self, names):
        partial, other = _archived()
        stored = {_metadata(name)[0]: name for name in names} if partial else {}
        for identity in partial:
            manifest = _backup_of(identity)
            signatures = _signatures_of(manifest)
            if manifest in stored:
                if identity == manifest and self._is_stored(partial[identity][0], stored[identity], names):
                    self._finish_signatures(partial.get(signatures, []), other.get(signatures, []))
                    self._finish_manifest(partial[identity][0], other.get(identity, []))
            elif manifest in partial:
                if signatures not in partial:
                    self._reopen_signatures(other.get(signatures, []), os.path.splitext(partial[manifest][0])[1])
                for name in other.get(identity, []):
                    log.Notice(f'removing {os.fsdecode(name)}: a run was ended while it was made of the partial file')
                    config.archive_dir_path.append(name).delete()

    def _give_up_signatures(self, names):
        """
        Removes from storage the signatures of a backup that lacks its manifest, and that the host gives up, as it has one
        volume at most. It forgets them then: every later run, also to verify or restore, would end in an assertion
        (duplicity 0.8.22, 3.0.4: get_sorted_chains, "len(chain_list) == 2").
        """
        partial, _other = _archived()
        backups = [identity for identity in partial if identity[0] in _SIGNATURES] if _backs_up() else []
        stored = {_metadata(name)[0]: name for name in names} if backups else {}
        given_up = []
        for identity in backups:
            signatures = _signatures_of(identity)
            volumes = sum(_volume(name)[0] == identity for name in names)
            if identity not in stored and signatures in stored and volumes < 2:
                log.Notice(f'removing {os.fsdecode(stored[signatures])} from storage: its backup was ended before its manifest '
                           'was stored, and is begun anew')
                given_up.append(stored[signatures])
        if given_up:
            backend.BackendWrapper(self.wrapped).delete(given_up)
        return given_up

    def _reopen_signatures(self, names, extension):
        """Makes partial ones of final signatures, as stock leaves them, beside a partial manifest."""
        archive = config.archive_dir_path
        final = file_naming.get_suffix(False, True)
        for name in names:
            if not name.endswith(final):
                continue
            try:
                expanded = _remake(name, _expand)
            except (EOFError, zlib.error, gzip.BadGzipFile) as error:
                log.Warn(f'{os.fsdecode(name)} in the archive directory is damaged: {error}')  # which ends the host
                continue
            log.Notice(f'{os.fsdecode(name)} is of a backup that is not complete, and is made partial again')
            expanded.replace(name, name[:-len(final)] + extension)

    def _is_stored(self, partial, stored, names):
        """
        Is a backup, the manifest of which is stored last, to be finished: is what is stored the partial manifest, or the
        copy of it that was made to be stored? If it is the beginning of that, its upload was cut off, by storage that shows
        what it has of a file, and it is stored again. Otherwise the archive directory may be an old one.
        """
        archive = config.archive_dir_path
        manifest = _PartialManifest(archive.append(partial).name)
        # of an encrypted backup nothing goes to storage that is not, whatever storage shows
        encrypted = bool(file_naming.parse(stored).encrypted)
        proof = archive.append(stored if encrypted else partial)
        found = self._compare_stored(stored, proof) if manifest.is_complete and proof.exists() else None
        if found == _IN_PART and encrypted == bool(config.encryption) and self._has_all(stored, manifest, names):
            log.Notice(f'storing {os.fsdecode(stored)} again: it was stored in part')
            self._store_copy(proof, stored)
            found = self._compare_stored(stored, proof)
        if found == _WHOLE:
            log.Notice(f'finishing the backup of {os.fsdecode(stored)}: it was ended when all of it was stored')
        else:
            log.Warn(f'{os.fsdecode(stored)} in storage and {os.fsdecode(partial)} in the archive directory differ')
        return found == _WHOLE

    def _compare_stored(self, stored, proof):
        """What is stored of proof: _WHOLE, _IN_PART, or None, where it is something else, or nobody can tell."""
        fetched = dup_temp.new_temppath()
        try:
            self._get(stored, fetched)
            if not os.path.exists(fetched.name) or not proof.getsize():
                return None
            if filecmp.cmp(fetched.name, proof.name, shallow=False):
                return _WHOLE
            # a download that was cut off must not pass for an upload that was
            size = backend.BackendWrapper(self.wrapped).query_info([stored])[stored]['size']
            cut_off = size in (None, os.stat(fetched.name).st_size) and _begins(proof.name, fetched.name)
            return _IN_PART if cut_off else None
        finally:
            fetched.delete()

    def _has_all(self, stored, manifest, names):
        """
        Is all in storage that a manifest tells of? That the archive directory is of this very backup and no older one is
        shown by the last volume, which is the one that a restarted run makes again.
        """
        identity = _metadata(stored)[0]
        volumes = {_volume(name)[1]: name for name in names if _volume(name)[0] == identity}
        signed = any(_metadata(name)[0] == _signatures_of(identity) for name in names)
        if not signed or not volumes or set(volumes) != set(range(1, manifest.volumes + 1)):
            return False
        last = dup_temp.new_temppath()
        try:
            self._get(volumes[manifest.volumes], last)
            return gpg.get_hash('SHA1', last) == manifest.sha1
        finally:
            last.delete()

    def _store_copy(self, source, name):
        """Stores a copy of a file that is needed here: some backends move what they are given."""
        copy = dup_temp.new_temppath()
        try:
            shutil.copyfile(source.name, copy.name)
            copy.setdata()
            backend.BackendWrapper(self.wrapped).put(copy, name)
        finally:
            copy.delete()

    def _finish_signatures(self, partial, copies):
        """Makes final signatures of partial ones, in the place of any copies."""
        archive = config.archive_dir_path
        for name in partial:
            for copy in copies:
                archive.append(copy).delete()
            final = os.path.splitext(name)[0] + file_naming.get_suffix(False, True)
            _remake(name, _compress).replace(name, final)

    def _finish_manifest(self, partial, copies):
        final = os.path.splitext(partial)[0]
        for name in copies:
            if name != final:
                config.archive_dir_path.append(name).delete()
        config.archive_dir_path.append(partial).rename(config.archive_dir_path.append(final))


def _open(parsed_url):
    """The factory of the prefix. In a child of the host's pool, the wrapped backend alone."""
    if _is_pool_child():
        return backend.get_backend_object(parsed_url.url_string)
    return StageBackend(parsed_url)


_get_backend = backend.get_backend
_host_directory = tempdir.TemporaryDirectory
backend.get_backend = get_backend
backend.register_backend_prefix(PREFIX, _open)
