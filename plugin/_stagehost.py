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
import inspect
import os
import sys
import threading

import duplicity
from duplicity import backend, config, diffdir, dup_temp, gpg, log, progress, tempdir, util
from duplicity.backends import _stageprogress
from duplicity.errors import BackendException

# Was what is replaced in the host replaced already? And why not all of it?
_installed = False
_why_unproved = ''

# What the host makes its files in without us.
stock_directory = tempdir.TemporaryDirectory

# Where the hosts differ. What one has otherwise than the others is asked for here, by what is there, and nowhere else.

# The options for asynchrony of the host's own, which can lose volumes, or takes them past every prefix.
ASYNCHRONY = 'async_concurrency', 'concurrency'


def command_line():
    """The module that names and sets the archive directory; None where there is no command line."""
    return sys.modules.get('duplicity.commandline') or sys.modules.get('duplicity.cli_util')


def _verifies():
    """Is this run one that verifies a backup?"""
    return getattr(config, 'action', None) == 'verify' or getattr(command_line(), 'verify', None)


def adds_gio():
    """Does the host put a prefix of its own, gio+, before every URL?"""
    return getattr(config, 'use_gio', False)


def _is_late():
    """Is this duplicity 3.0.6 or later, where much of the begin and of the end of a run is otherwise?"""
    return hasattr(config, 'first_colstats')


def lists_storage():
    """Does the host list storage in this run? From 3.0.6 on it does not with --no-check-remote."""
    return getattr(config, 'check_remote', True) or not _is_late()


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
            path = dup_temp.TempDupPath(volume.path, parseresults=parseresults)
            path.stage_volume = volume
            return path
        return new(parseresults)
    return new_tempduppath


def _tell_no_space(write, waits=False):
    """
    A function of the host that writes a file, and that ends the run where there was no space for it. beside: a thread makes
    the file; if that fails, it is made again (_stagedir.Form). waits: write takes whether it may wait for space.
    """
    def write_or_tell(block_iter, filename, *arguments, beside=False, **keywords):
        if waits:
            keywords['waits'] = not beside
        try:
            return write(block_iter, filename, *arguments, **keywords)
        except (OSError, gpg.GPGError) as error:
            told = None if beside else extension().no_space(filename, getattr(error, 'errno', None) or 0)
            if not told:
                raise
            if target():
                target().check()  # what storage refuses is never handed off, and gives no room back
            log.FatalError(told, log.ErrorCode.not_enough_freespace)
    return write_or_tell


# By how much the gpg of signatures is nicer (nice(2)) than that of the volumes, which compresses them on one CPU: nobody
# waits for it until they are done.
_NICE = 5

# The host has its ends of gpg's pipes inherited by whatever is started meanwhile, which then keeps them open.
_starting_gpg = threading.Lock()


def _hash_meanwhile(stock):
    """gpg.get_hash, which knows the SHA-1 of a volume that is to be staged: it was taken while that was written."""
    def get_hash(hash, path, hex=1):
        volume = volume_of(path) if hash == 'SHA1' else None
        if not volume or not volume.is_begun:  # to such a path the host downloads, too
            return stock(hash, path, hex)
        taken = volume.sha1()
        if taken is None:
            taken = stock(hash, path, False)
            volume.set_sha1(taken)
        return taken.hex() if hex else taken
    return get_hash


def _allocating(stock):
    """
    gpg.GPGFile, which begins a volume only when the disk space for it is its own; there may be several at once, of which
    that of the volume comes first.
    """
    class GPGFile(stock):
        _pipe = None

        def __init__(self, encrypt, encrypt_path, profile):
            if encrypt:
                check_staging()  # it is opened by its path
            with _starting_gpg:
                stock.__init__(self, encrypt, encrypt_path, profile)
                os.set_inheritable((self.gpg_input if encrypt else self.gpg_output).fileno(), False)
            if encrypt:
                try:
                    volume = extension().find_volume(encrypt_path.name)  # the host makes this path of a name
                    if volume:
                        volume.begin()
                        self._pipe = extension().Pipe(self.gpg_input.fileno(), encrypt_path.name, config.volsize)
                    elif getattr(profile, 'made_beside', False):
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


def _leave_asynchrony(ahead):
    """Switches the host's own asynchrony off."""
    for option in ASYNCHRONY:
        if getattr(config, option, 0):
            does = 'stages volumes ahead in the place of' if ahead else 'does without'
            log.Notice(f'stagedir {does} what {option} = {getattr(config, option)} asks for')
            setattr(config, option, 0)


def _begin_run():
    staged = target()
    _leave_asynchrony(bool(staged and extension().stages_ahead()))
    if staged:
        staged.begin()
    extension().reclaim(config.archive_dir_path.name)


def _begin_first(check):
    """
    dup_main.check_resources, the one place where a run begins: every action comes here with the lock of the archive
    directory, before it looks at that directory or at storage. The host asks here for free space, a multiple of volsize. A
    backup that stages ahead finds space by itself, so for it the host is told to ask for none.
    """
    def check_resources(action):
        if not config.dry_run:
            _begin_run()
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
        (tempdir, 'TemporaryDirectory', '(temproot=None)', lambda stock: extension().TemporaryDirectory),
        (dup_temp.TempPath, 'delete', '(self)', _remove_first),
        (dup_temp.TempDupPath, 'delete', '(self)', _remove_first),
        (gpg, 'GPGWriteFile', f'(block_iter, filename, profile, size={size}, max_footer_size=16384)', _tell_no_space),
        (gpg, 'GzipWriteFile', f'(block_iter, filename, size={size}, gzipped=True)', _tell_no_space),
        (gpg, 'PlainWriteFile', f'(block_iter, filename, size={size}, gzipped=False)', _tell_no_space),
    )


def _proved():
    """What is replaced besides in a host that was proved, and is as it was: where it is, its name, what makes the other."""
    from duplicity.backends import _stageend  # which needs the extension
    return (
        (dup_temp, 'new_tempduppath', _new_tempduppath),
        (dup_temp, 'FileobjHooked', _stageend.following),
        (gpg, 'get_hash', _hash_meanwhile),
        (gpg, 'GPGFile', _allocating),
        (gpg, 'GzipWriteFile', lambda stock: _tell_no_space(extension().gzip_write_file, waits=True)),
        (sys.modules['duplicity.dup_main'], 'check_resources', _begin_first),
        (sys.modules['duplicity.dup_main'], 'Restart', _restart_unlisted),
        # when what is staged ahead is told of: _stageprogress
        (log, 'Log', lambda stock: _stageprogress.holding(stock, _stages_ahead)),
        (progress, 'ProgressTracker', lambda stock: _stageprogress.tracking(stock, _stages_ahead)),
        (diffdir, 'DeltaTarBlockIter', lambda stock: extension().DeltaTarBlockIter),
        (diffdir, 'get_delta_iter', _delta_iter),
    )


def _delta_iter(stock):
    """diffdir.get_delta_iter, by the extension where signatures are written and not every step is to be logged."""
    def get_delta_iter(new_iter, sig_iter, sig_fileobj=None):
        if sig_fileobj and log.getverbosity() < log.DEBUG:
            return extension().Deltas(new_iter, sig_iter, sig_fileobj)
        return stock(new_iter, sig_iter, sig_fileobj)
    return get_delta_iter


def _signature(function):
    try:
        return str(inspect.signature(function))
    except (TypeError, ValueError):
        return ''


def why_unproved():
    """Why this host is none that stagedir was proved with; '' where it is one. Known once install() was called."""
    return _why_unproved


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
        stock = getattr(owner, name, None)
        if _signature(stock) == signature:
            setattr(owner, name, make(stock))
    if not _why_unproved:
        for owner, name, make in _proved():
            setattr(owner, name, make(getattr(owner, name)))
    else:
        log.Notice(f'{_why_unproved}. On are the tracked temporary directory and its removal; off are staging ahead, '
                   'hand-off and mending of what dead runs left, and the faster writers: the backup is made as without stagedir')
