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
import functools
import inspect
import os
import subprocess
import sys
import threading

import duplicity
from duplicity import (backend, config, diffdir, dup_collections, dup_temp, gpg, gpginterface, log, patchdir, progress, selection,
                       tempdir, util)
from duplicity.backends import _stageprogress
from duplicity.errors import BackendException

# Was what is replaced in the host replaced already? And why not all of it?
_installed = False
_why_unproved = ''
_replaced = []  # where it is, its name, and the host's own

# What the host makes its files in without us.
stock_directory = tempdir.TemporaryDirectory

# Where the hosts differ. What one has otherwise than the others is asked for here, by what is there, and nowhere else.

# The options for asynchrony of the host's own, which can lose volumes, or takes them past every prefix.
ASYNCHRONY = 'async_concurrency', 'concurrency'


def command_line():
    """The module that names and sets the archive directory; None where there is no command line."""
    return sys.modules.get('duplicity.commandline') or sys.modules.get('duplicity.cli_util')


def backs_up():
    """Does this run make a backup? The host selects files for that, and to verify one."""
    verifies = getattr(config, 'action', None) == 'verify' or getattr(command_line(), 'verify', None)
    return getattr(config, 'select', None) is not None and not verifies


def adds_gio():
    """Does the host put a prefix of its own, gio+, before every URL?"""
    return getattr(config, 'use_gio', False)


def _is_late():
    """Is this duplicity 3.0.6 or later, where much of the begin and of the end of a run is otherwise?"""
    return hasattr(config, 'first_colstats')


def lists_storage():
    """Does the host list storage in this run? From 3.0.6 on it does not with --no-check-remote."""
    return getattr(config, 'check_remote', True) or not _is_late()


def ignores_errors():
    """Was --ignore-errors given? 2.1.4 forgets it."""
    return config.ignore_errors or '--ignore-errors' in sys.argv


def has_run():
    """Is the host's program run? Not where its modules are used as a library: then there is nothing to stage for."""
    return 'duplicity.dup_main' in sys.modules


class Failure:
    """How the host ends a run whose file storage refuses for good."""

    def __init__(self, text, code, extra, last=None):
        """text, code and extra are of log.FatalError(); last is the line behind it, of hosts that have one."""
        self._fatal = text, code, extra
        self._last = last

    def end_run(self):
        def hide(text, code, extra):  # the text of an error may quote the URL
            return extension().without_secrets(text), code, extension().without_secrets(extra)
        if not self._last:
            log.FatalError(*hide(*self._fatal))
        log.Error(*hide(*self._fatal))
        log.FatalError(*hide(*self._last))


def giving_up(attempts, error, code, remote_filename):
    """The Failure of a put that was tried so often: what BackendWrapper's retry() says, and how the program then ends."""
    name, text = error.__class__.__name__, util.uexc(error)
    told = _('Giving up after %s attempts. %s: %s')
    last = None
    if _is_late():
        told = _('Giving up after %s attempts. %s: %s. (for trace back: set log level DEBUG)')
        at_end = error if isinstance(error, BackendException) else BackendException(str(error))
        name_at_end = at_end.__class__.__name__
        last = f'{name_at_end}: {util.uexc(at_end)}', log.ErrorCode.backend_error, name_at_end
    return Failure(told % (attempts, name, text), code, f'put {util.escape(remote_filename)}', last)


def not_retried(error):
    """The Failure of an error that the host does not try again."""
    name = error.__class__.__name__
    code = log.ErrorCode.backend_error if _is_late() else log.ErrorCode.user_error
    return Failure(f'{name}: {util.uexc(error)}', getattr(error, 'code', code) if isinstance(error, SystemExit) else code, name)


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
    """A staged backend, as what is replaced in the host knows it: StageBackend, whose methods tell what they do."""


def target():
    """The Target that this run backs up to: none in a replication, or behind another prefix."""
    found = getattr(config.backend, 'backend', None)
    return found if isinstance(found, Target) and not getattr(config, 'src_backend', None) else None


def _stages_ahead():
    """Are the volumes of this run staged ahead?"""
    staged = target()
    return staged is not None and staged.stages_ahead()


def fetches_ahead(backend):
    """Are volumes that the host announces fetched ahead by this Target? Not where another backend is around it."""
    return backend is target() and not backs_up() and not _why_unproved and extension().stages_ahead()


def staging_directory():
    """The host's default directory if it is one of ours: one that was made before stays the host's."""
    directory = tempdir.default()
    return None if isinstance(directory, stock_directory) else directory


def check_staging():
    """Raises FatalBackendException if the staging directory is no longer at its path."""
    directory = staging_directory()
    if directory:
        directory.check()


# What the configuration takes over is backed up as without stagedir where that has to refuse: nobody has asked for us with
# such a URL. What was asked for is refused.

# Was a URL opened that says itself that it is to be staged?
asked_for = False
# Why a run was left to the host; None: it was not.
gave_way = None
_taken_over = []  # the backends, as the host has them, of URLs that do not


def take_over(wrapper):
    """Tells of the backend, as the host has it, of a plain URL."""
    if gave_way:
        wrapper.backend = wrapper.backend.wrapped
    else:
        _taken_over.append(wrapper)


def give_way(error):
    """Has the host go on as without us, by its own backends and in its own temporary directory."""
    global gave_way
    gave_way = str(error)
    while _replaced:
        setattr(*_replaced.pop())
    while _taken_over:
        wrapper = _taken_over.pop()
        wrapper.backend = wrapper.backend.wrapped
    log.Warn(f'this run is made as without stagedir: {gave_way}')


def _may_give_way():
    return not asked_for and not gave_way and not any(wrapper.backend.is_staging() for wrapper in _taken_over)


# What is replaced in the host


def _directory(stock):
    """tempdir.TemporaryDirectory: ours, or where there can be none and it may be the host's, the host's."""
    def TemporaryDirectory(temproot=None):
        try:
            return extension().TemporaryDirectory(temproot)
        except Exception as error:
            # another temproot is a folder of the host's own
            if temproot != config.temproot or not _may_give_way():
                raise
            give_way(error)
        return stock(temproot)
    return TemporaryDirectory


def volume_of(host_path):
    """The Volume that a path of the host's was made for; None: it is of another file."""
    return getattr(host_path, 'stage_volume', None)


def _remove_first(delete):
    """A delete() of the host's temporary paths that removes by descriptor what is tracked; not what was staged."""
    def delete_tracked(path):
        if volume_of(path):
            volume_of(path).remove()
            path.setdata()
        elif extension().remove(path.name):
            path.setdata()
        else:
            delete(path)
    return delete_tracked


def _new_tempduppath(new):
    """dup_temp.new_tempduppath, which has volumes made where there is room for them."""
    def new_tempduppath(parseresults):
        staged = target()
        if staged and staged.stages_ahead() and parseresults.volume_number:
            volume = staged.new_volume()
            if volume:
                path = dup_temp.TempDupPath(volume.path, parseresults=parseresults)
                path.stage_volume = volume
                return path
        return new(parseresults)
    return new_tempduppath


def _tell_no_space(write, waits=False):
    """
    A function of the host that writes a file, and that ends the run in one line where it cannot be written. beside: a thread makes
    the file; if that fails, it is made again (_stagedir.Form). waits: write takes whether it may wait for space.
    """
    @functools.wraps(write)
    def write_or_tell(block_iter, filename, *arguments, beside=False, **keywords):
        if waits:
            keywords['waits'] = not beside
        encrypting.file = None
        try:
            return write(block_iter, filename, *arguments, **keywords)
        except (OSError, gpg.GPGError) as error:
            told = None if beside else extension().no_space(filename, getattr(error, 'errno', None) or 0)
            if not told:
                if not beside and isinstance(error, OSError) and error.filename == filename:
                    _end_for_file(filename, error.strerror)
                raise
            if _is_in_archive(os.fsencode(filename)):
                _end_for_archive(error, is_full=True)
            _end_for_space(told)
        except BaseException:
            # the host has it end for an Exception only, and the interpreter waits for it
            if encrypting.file:
                with contextlib.suppress(Exception):
                    encrypting.file.gpg_input.close()
            raise
    return write_or_tell


def _is_in_archive(name):
    return config.archive_dir_path is not None and name.startswith(config.archive_dir_path.name + b'/')


def _end_for_space(told):
    if target():
        target().check()  # what storage refuses is never handed off, and gives no room back
    log.FatalError(told, log.ErrorCode.not_enough_freespace)


def _end_for_file(name, reason):
    log.FatalError(f'cannot write {os.fsdecode(name)}: {reason}', log.ErrorCode.exception)


# What is short then is the machine's: it is told of a path, or of none, and has nothing to do with it.
_OF_MACHINE = errno.EAGAIN, errno.EMFILE, errno.ENFILE, errno.ENOMEM


def end_where_it_lies(error, of_archive):
    """
    Ends the run in one line for an OSError in the archive directory, or in a staging directory; returns for any other.
    of_archive: an error without a path is of the archive directory.
    """
    if error.errno in _OF_MACHINE:
        return
    # what is written is the second of two; there the space is short
    names = [os.fsencode(name) for name in (error.filename2, error.filename) if isinstance(name, (str, bytes))]
    if not names and of_archive:
        _end_for_archive(error)
    for name in names[:1] if error.errno in (errno.ENOSPC, errno.EDQUOT) else names:
        if _is_in_archive(name):
            _end_for_archive(error)
        if os.path.basename(os.path.dirname(name)).startswith(b'stagedir-'):
            told = extension().no_space(name, error.errno or 0)
            if told:
                _end_for_space(told)
            _end_for_file(name, error.strerror)


def _end_for_archive(error, is_full=False):
    """Ends the run in one line, as something cannot be made, written or read in the archive directory."""
    folder = config.archive_dir_path.name
    if is_full or getattr(error, 'errno', None) in (errno.ENOSPC, errno.EDQUOT):
        free = 'none that anybody can tell of'
        with contextlib.suppress(OSError):
            system = os.statvfs(folder)
            free = f'{system.f_bavail * system.f_frsize} bytes and {system.f_favail} inodes'
        log.FatalError(f'no space left in the archive directory {os.fsdecode(folder)}: {free} are free (a quota may allow less). '
                       'Make room there, or name another one by --archive-dir', log.ErrorCode.not_enough_freespace)
    reason = f'{os.fsdecode(error.filename)}: {error.strerror}' if error.filename else error.strerror or str(error)
    log.FatalError(f'the archive directory {os.fsdecode(folder)} cannot be used: {reason}', log.ErrorCode.exception)


# file: the GPGFile that this thread writes.
encrypting = threading.local()


def _hash_meanwhile(stock):
    """
    gpg.get_hash, which knows the SHA-1 of a volume that is to be staged: it was taken while that was written; and that of one
    that was fetched ahead.
    """
    def get_hash(hash, path, hex=1):
        digest = getattr(path, 'stage_digest', None) if hash == 'SHA1' else None
        taken = digest.sha1() if digest else None
        if taken:
            return taken.hex() if hex else taken
        volume = volume_of(path) if hash == 'SHA1' else None
        if not volume or not volume.is_begun:  # to such a path the host downloads, too
            return stock(hash, path, hex)
        if not path.exists():  # the host, which has just looked at it, would ask what is not there for its size
            _end_for_file(path.name, 'somebody has removed it')
        taken = volume.sha1()
        if taken is None:
            taken = stock(hash, path, False)
            volume.set_sha1(taken)
        return taken.hex() if hex else taken
    return get_hash


def _dying_with_run(stock):
    """
    Backend.__subprocess_popen, whose program does not outlive the run: of one that is killed too, it would go on to write
    where the next run works. What a backend starts by a terminal of its own (pexpect) is hung up by the kernel. The price:
    Python then forks and does not vfork (doc/DUPLICITY.md).
    """
    def subprocess_popen(self, args):
        args[0] = util.which(args[0])
        process = subprocess.Popen(args, stdout=subprocess.PIPE, stderr=subprocess.PIPE, universal_newlines=True,
                                   preexec_fn=functools.partial(extension().die_with, os.getpid()))
        output, errors = process.communicate()
        return process.returncode, output, errors
    return subprocess_popen


def _leave_asynchrony(ahead):
    """Switches the host's own asynchrony off."""
    for option in ASYNCHRONY:
        if getattr(config, option, 0):
            does = 'stages volumes ahead in the place of' if ahead else 'does without'
            log.Notice(f'stagedir {does} what {option} = {getattr(config, option)} asks for')
            setattr(config, option, 0)


def _noting_errors(stock):
    """log.Log, which also notes the errors: the last one is why the run ends."""
    def Log(s, verb_level, code=1, *arguments, **keywords):
        if verb_level == log.ERROR:
            with contextlib.suppress(Exception):
                extension().note_error(os.fsdecode(s) if isinstance(s, bytes) else str(s), code)
        stock(s, verb_level, code, *arguments, **keywords)
    return Log


def _begin_run(action):
    if not asked_for:
        tempdir.default()  # if that is refused, then before anything is done
    staged = target()
    if staged:
        staged.begin(action)
    if gave_way:
        return
    _leave_asynchrony(bool(staged and extension().stages_ahead()))
    if staged and backs_up() and not _why_unproved:
        from duplicity.backends import _stagegpg  # which needs the extension
        _stagegpg.prove_ahead()
    extension().reclaim(config.archive_dir_path.name)
    extension().clear_leftovers(config.archive_dir_path.name)  # signatures are put from there


def _begin_first(check):
    """
    dup_main.check_resources, the one place where a run begins: every action comes here with the lock of the archive
    directory, before it looks at that directory or at storage. The host asks here for free space, a multiple of volsize. A
    backup that stages ahead finds space by itself, so for it the host is told to ask for none.
    """
    def check_resources(action):
        if not config.dry_run:
            _begin_run(action)
        volsize = config.volsize
        if target() and backs_up() and extension().stages_ahead():
            config.volsize = 0  # check() then asks for no space
        try:
            check(action)
        finally:
            config.volsize = volsize
    return check_resources


def _restart_unlisted(stock):
    """dup_main.Restart, which the host makes from the volumes that it found in storage: where it did not look, we tell."""
    class Restart(stock):
        def __init__(self, last_backup):
            if target() and not lists_storage() and not last_backup.volume_name_dict:
                target().name_stored(last_backup)
            stock.__init__(self, last_backup)
    return Restart


def _harmless():
    """
    What is replaced in any host: where it is, its name, the signature that it must have, what makes the other of it. It
    only has the host make its files elsewhere, remove them by descriptor, and tell where there was no space for them.
    """
    size = 200 * 1024 * 1024
    return (
        (tempdir, 'TemporaryDirectory', '(temproot=None)', _directory),
        (dup_temp.TempPath, 'delete', '(self)', _remove_first),
        (dup_temp.TempDupPath, 'delete', '(self)', _remove_first),
        (gpg, 'GPGWriteFile', f'(block_iter, filename, profile, size={size}, max_footer_size=16384)', _tell_no_space),
        (gpg, 'GzipWriteFile', f'(block_iter, filename, size={size}, gzipped=True)', _tell_no_space),
        (gpg, 'PlainWriteFile', f'(block_iter, filename, size={size}, gzipped=False)', _tell_no_space),
    )


def _proved():
    """What is replaced besides in a host that was proved, and is as it was: where it is, its name, what makes the other."""
    from duplicity.backends import _stageend, _stagefetch, _stagefiles, _stagegpg, _stagespawn  # which need the extension
    return (
        (dup_temp, 'new_tempduppath', _new_tempduppath),
        (dup_temp, 'FileobjHooked', _stageend.following),
        (dup_temp, 'get_fileobj_duppath', _stageend.sparing),
        (backend.Backend, '_Backend__subprocess_popen', _dying_with_run),
        (gpg, 'get_hash', _hash_meanwhile),
        (gpginterface.GnuPG, '_attach_fork_exec', _stagespawn.spawning),
        (dup_collections.BackupSet, 'get_manifest', _stagefetch.remembering_hashes),
        (gpg, 'config', lambda stock: _stagegpg.Config()),
        (gpg, 'GPGFile', _stagegpg.starting),
        (gpg, 'GPGWriteFile', lambda stock: _tell_no_space(_stagegpg.writing(stock.__wrapped__))),
        (gpg, 'GzipWriteFile', lambda stock: _tell_no_space(extension().gzip_write_file, waits=True)),
        (sys.modules['duplicity.dup_main'], 'check_resources', _begin_first),
        (sys.modules['duplicity.dup_main'], 'Restart', _restart_unlisted),
        (sys.modules['duplicity.dup_main'], 'list_current', _stagefiles.listing),
        # when what is staged, or fetched, ahead is told of
        (log, 'Log', lambda stock: _stageprogress.holding(_stagefetch.telling_in_turn(_noting_errors(stock)), _stages_ahead)),
        (progress, 'ProgressTracker', lambda stock: _stageprogress.tracking(stock, _stages_ahead)),
        (diffdir, 'DeltaTarBlockIter', lambda stock: extension().DeltaTarBlockIter),
        (diffdir, 'get_delta_iter', _stagefiles.comparing),
        (selection.Select, 'Iterate', _stagefiles.selecting),
        (diffdir, 'sigtar2path_iter', _stagefiles.reading_signatures),
        (diffdir, 'combine_path_iters', _stagefiles.combining_signatures),
        (diffdir, 'collate2iters', _stagefiles.pairing),
        (patchdir, 'difftar2path_iter', _stagefiles.reading_volumes),
        (patchdir, 'tarfiles2rop_iter', _stagefiles.patching),
        (patchdir, 'Write_ROPaths', _stagefiles.writing_trees),
    )


def _signature(function):
    try:
        return str(inspect.signature(function))
    except (TypeError, ValueError):
        return ''


def why_unproved():
    """Why this host is none that stagedir was proved with; '' where it is one. Known once install() was called."""
    return _why_unproved


def _replace(owner, name, make):
    stock = getattr(owner, name)
    setattr(owner, name, make(stock))
    _replaced.append((owner, name, stock))


def install():
    """
    Has the host stage in our directory, and write by our writers, from now on. In a host that was not proved only that is
    done which cannot harm, and one line says so.
    """
    global _installed, _why_unproved
    if _installed:
        return
    _installed = True
    table = os.path.join(os.path.dirname(__file__), '_stageproved.txt')
    _why_unproved = extension().why_unproved(duplicity.__version__, os.path.dirname(tempdir.__file__), table)
    for owner, name, signature, make in _harmless():
        if _signature(getattr(owner, name, None)) == signature:
            _replace(owner, name, make)
    if not _why_unproved:
        for owner, name, make in _proved():
            _replace(owner, name, make)
    else:
        log.Notice(f'{_why_unproved}. On are the tracked temporary directory and its removal; off are staging ahead, '
                   'hand-off and mending of what dead runs left, and the faster writers: the backup is made as without stagedir')
