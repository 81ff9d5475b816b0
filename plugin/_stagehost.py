# _stagehost.py - what stagedir asks of duplicity, and replaces in it
#
# Copyright (C) 2026 the authors of stagedir
# SPDX-License-Identifier: GPL-2.0-or-later

"""
The host, as the rest of the registration module sees it: where its versions differ, what its run does, and what of it
is replaced once a staged URL is opened. Importing this changes nothing.
"""

import contextlib
import datetime
import errno
import fcntl
import inspect
import os
import select
import sys
import threading
import zlib

from duplicity import backend
from duplicity import config
from duplicity import diffdir
from duplicity import dup_temp
from duplicity import gpg
from duplicity import log
from duplicity import progress
from duplicity import tempdir
from duplicity import util
from duplicity.backends import _stagearchive
from duplicity.backends import _stageprogress
from duplicity.errors import BackendException

# Was what is replaced in the host replaced already?
_installed = False

# What the host makes its files in without us.
stock_directory = tempdir.TemporaryDirectory

# Where the hosts differ: duplicity 0.8.22 and 3.0.4. What one has otherwise than the other is asked for here, by what is
# there, and nowhere else.

# The options for asynchrony of the host's own, which can lose volumes, or takes them past every prefix.
ASYNCHRONY = 'async_concurrency', 'concurrency'

# Of the code that makes a volume and signatures out of paths: names for one thing that is called otherwise.
_SAME = {'join', 'major', 'sys', 'version_info', 'os', 'util', 'XXX', 'NotImplementedError', 'tarfile', 'dup_tarfile',
         'int', 'do_not_restore_ownership', 'restore_ownership'}


def command_line():
    """The module that names and sets the archive directory; None where there is no command line."""
    return sys.modules.get('duplicity.commandline') or sys.modules.get('duplicity.cli_util')


def _verifies():
    """Is this run one that verifies a backup?"""
    return getattr(config, 'action', None) == 'verify' or getattr(command_line(), 'verify', None)


def adds_gio():
    """Does the host put a prefix of its own, gio+, before every URL?"""
    return getattr(config, 'use_gio', False)


def is_pool_child():
    """
    Is this one of the processes that a host has for its own asynchrony? It is given what was staged already, and an end
    of it is not the end of the run.
    """
    process = sys.modules.get('multiprocessing.process')
    return process is not None and process.parent_process() is not None


def wrong_size(remote_filename, size, stored):
    """What the host tells front ends where storage has a file in another size: a code, and in words."""
    name = util.escape(remote_filename)
    if not hasattr(backend.BackendWrapper, 'validate'):
        return log.ErrorCode.volume_wrong_size, f'{name} {size} {stored}'
    reason = _('%s Remote filesize %d for %s does not match local size %d') % (datetime.datetime.now(), stored, name, size)
    return not_valid(remote_filename, f'{reason}.')


def not_valid(remote_filename, reason):
    """The same where the backend itself, in a host that asks it, says that a file is not as it was put."""
    return log.ErrorCode.backend_validation_failed, f'{util.escape(remote_filename)}: {reason}'


def extension():
    """The extension module. Raises BackendException where it cannot be loaded."""
    try:
        from duplicity.backends import _stagedir
    except ImportError as error:
        raise BackendException(f'stagedir is not installed completely: {error}')
    return _stagedir


class Target:
    """A staged backend, as what is replaced in the host knows it."""

    def stages_ahead(self):
        """Are the volumes of this run staged ahead?"""
        raise NotImplementedError

    def volume_path(self):
        """A path for the next volume of the backup. Waits while there are too many, or there is no room."""
        raise NotImplementedError

    def check(self):
        """Ends the run if something cannot be handed off."""
        raise NotImplementedError


def target():
    """The Target that this run backs up to: none in a replication, or behind another prefix."""
    found = getattr(config.backend, 'backend', None)
    return found if isinstance(found, Target) and not getattr(config, 'src_backend', None) else None


def _stages_ahead():
    """Are the volumes of this run staged ahead?"""
    staged = target()
    return staged is not None and staged.stages_ahead()


def backs_up():
    """Does this run make a backup? The host selects files for that, and to verify one."""
    return getattr(config, 'select', None) is not None and not _verifies()


def staging_directory():
    """The host's default directory if it is one of ours: one that was made before stays the host's."""
    directory = tempdir.default()
    return None if isinstance(directory, stock_directory) else directory


def check_staging():
    """Raises FatalBackendException if the staging directory is no longer at its path."""
    directory = staging_directory()
    if directory:
        directory.check()


# What is replaced in the host


def _remove_first(delete):
    """A delete() of the host's temporary paths that removes by descriptor what is tracked; not what was staged."""
    def delete_tracked(path):
        if extension().remove(path.name):
            path.setdata()
        else:
            delete(path)
    return delete_tracked


def _new_tempduppath(new):
    """dup_temp.new_tempduppath, which has volumes made where there is room for them."""
    def new_tempduppath(parseresults):
        staged = target()
        if staged and staged.stages_ahead() and parseresults.volume_number:
            return dup_temp.TempDupPath(staged.volume_path(), parseresults=parseresults)
        return new(parseresults)
    return new_tempduppath


def _tell_no_space(write):
    """A function of the host that writes a file, which says where there was no space for it."""
    def write_or_tell(block_iter, filename, *arguments, **keywords):
        try:
            return write(block_iter, filename, *arguments, **keywords)
        except (OSError, gpg.GPGError) as error:
            if threading.current_thread() is not threading.main_thread():
                raise  # it is made again (_stagearchive._OtherForm)
            folder = os.path.dirname(os.fsdecode(filename))
            if not os.path.isdir(folder):
                raise
            free = os.statvfs(folder).f_bavail * os.statvfs(folder).f_frsize
            # gpg tells its reasons on standard error only
            if getattr(error, 'errno', None) not in (errno.ENOSPC, errno.EDQUOT) and free > 64 * 1024:
                raise
            if target():
                target().check()  # what storage refuses is never handed off, and gives no room back
            log.FatalError(f'no space left in {folder} to write a file of this backup: {free} bytes are free. Make room '
                           'there, or name another temp_root in stagedir.conf; stagedir status tells what lies there, '
                           'stagedir flush and stagedir gc may free some', log.ErrorCode.not_enough_freespace)
    return write_or_tell


# By how much the gpg of signatures is nicer (nice(2)) than that of the volumes, which compresses them on one CPU: nobody
# waits for it until they are done.
_NICE = 5

# The host has its ends of gpg's pipes inherited by whatever is started meanwhile, which then keeps them open.
_starting_gpg = threading.Lock()


def _hash_meanwhile(stock):
    """gpg.get_hash, which knows the SHA-1 of a volume that is to be staged: it was taken while that was written."""
    def get_hash(hash, path, hex=1):
        taken = extension().volume_sha1(path.name) if hash == 'SHA1' else None
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
    gpg.GPGFile, which begins a volume only when the disk space for it is its own; there may be several at once, of which
    that of the volume comes first.
    """
    class GPGFile(stock):
        may_be_several = True
        _pipe = None

        def __init__(self, encrypt, encrypt_path, profile):
            if encrypt:
                check_staging()  # it is opened by its path
            with _starting_gpg:
                stock.__init__(self, encrypt, encrypt_path, profile)
                os.set_inheritable((self.gpg_input if encrypt else self.gpg_output).fileno(), False)
            if encrypt:
                try:
                    if extension().begin_volume(encrypt_path.name):
                        self._pipe = _Pipe(self.gpg_input.fileno(), encrypt_path.name)
                    elif threading.current_thread() is not threading.main_thread():
                        with contextlib.suppress(OSError):  # it may be over
                            nice = os.getpriority(os.PRIO_PROCESS, 0) + _NICE
                            os.setpriority(os.PRIO_PROCESS, self.gpg_process.pid, nice)
                except BaseException:
                    with contextlib.suppress(gpg.GPGError):  # Ctrl-C has ended it as well, and is what counts
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
        if target() and backs_up() and extension().stages_ahead():
            config.volsize = 0  # of which this space is a multiple
        try:
            check(action)
        finally:
            config.volsize = volsize
    return check_resources


def _replacements():
    """
    What is replaced in the host: where it is, its name, the signature that it must have, or None where it is another one
    for other reasons, what makes the other of it.
    """
    size = 200 * 1024 * 1024
    known = _knows_paths()
    ours = extension()
    return (
        (tempdir, 'TemporaryDirectory', '(temproot=None)', lambda stock: ours.TemporaryDirectory),
        (dup_temp, 'new_tempduppath', '(parseresults)', _new_tempduppath),
        (dup_temp.TempPath, 'delete', '(self)', _remove_first),
        (dup_temp.TempDupPath, 'delete', '(self)', _remove_first),
        (dup_temp, 'FileobjHooked', '(fileobj, tdp=None, dirpath=None, partname=None, permname=None, remname=None)',
         _stagearchive.following),
        (gpg, 'get_hash', '(hash, path, hex=1)', _hash_meanwhile),
        (gpg, 'GPGFile', '(encrypt, encrypt_path, profile)', _allocating),
        (gpg, 'GPGWriteFile', f'(block_iter, filename, profile, size={size}, max_footer_size=16384)', _tell_no_space),
        (gpg, 'GzipWriteFile', f'(block_iter, filename, size={size}, gzipped=True)',
         lambda stock: _tell_no_space(ours.gzip_write_file)),
        (gpg, 'PlainWriteFile', f'(block_iter, filename, size={size}, gzipped=False)', _tell_no_space),
        (sys.modules.get('duplicity.dup_main'), 'check_resources', '(action)', _leave_space),
        # when what is staged ahead is told of: _stageprogress
        (log, 'Log', '(s, verb_level, code=1, extra=None, force_print=False, transfer_progress=False)',
         lambda stock: _stageprogress.holding(stock, _stages_ahead)),
        (progress, 'ProgressTracker', '()', lambda stock: _stageprogress.tracking(stock, _stages_ahead)),
        (diffdir, 'DeltaTarBlockIter', '(input_iter)' if known else None, lambda stock: ours.DeltaTarBlockIter),
        (diffdir, 'get_delta_iter', '(new_iter, sig_iter, sig_fileobj=None)' if known else None, _delta_iter),
    )


def _delta_iter(stock):
    """diffdir.get_delta_iter, by the extension where signatures are written and not every step is to be logged."""
    def get_delta_iter(new_iter, sig_iter, sig_fileobj=None):
        if sig_fileobj and log.getverbosity() < log.DEBUG:
            return extension().Deltas(new_iter, sig_iter, sig_fileobj)
        return stock(new_iter, sig_iter, sig_fileobj)
    return get_delta_iter


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


def install():
    """Has the host stage in our directory, and write by our writers, from now on. What is not as known stays."""
    global _installed
    if _installed:
        return
    _installed = True
    unknown = []
    for owner, name, signature, make in _replacements():
        stock = getattr(owner, name, None)
        if stock is None:
            continue
        if _signature(stock) == signature:
            setattr(owner, name, make(stock))
        else:
            unknown.append(name + _signature(stock))
    if unknown:
        log.Notice(f'stagedir does not know this version of duplicity: {", ".join(unknown)} stays as it is')
