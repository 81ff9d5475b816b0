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
import os
import time

from duplicity import backend
from duplicity import config
from duplicity import file_naming
from duplicity import log
from duplicity import path
from duplicity import tempdir
from duplicity import util
from duplicity.errors import BackendException
from duplicity.errors import FatalBackendException
from duplicity.errors import InvalidBackendURL
from duplicity.errors import TemporaryLoadException
from duplicity.errors import UserError

try:
    from duplicity.backends import _stagearchive
    from duplicity.backends import _stagehost
except ImportError as incomplete:
    log.Warn(f'stagedir is not installed completely: {incomplete}')  # the host tells it in its debug lines only
    raise

PREFIX = 'stage'

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


def _prefixes(url):
    """The prefixes of a URL: ['par2', 'stage'] for par2+stage+file:///dir."""
    return url.partition('://')[0].split('+')[:-1]


def _unprefixed(url):
    """url without our prefix, also where that stands behind others."""
    scheme, separator, rest = url.partition('://')
    kept = [prefix for prefix in _prefixes(url) if prefix != PREFIX]
    return '+'.join(kept + [scheme.split('+')[-1]]) + separator + rest


def _shown(url):
    """The URL without its secrets; its scheme alone where the extension is missing, which knows them."""
    try:
        return _stagehost.extension().shown_url(url)
    except BackendException:
        return url.partition(':')[0] + ':...'


def _share_archive_dir(url):
    """Points the host at the archive directory that the plain URL has, unless --name chose one."""
    plain = _unprefixed(url)
    cli = _stagehost.command_line()
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
        return _stagehost.extension().take_over(url)
    except (BackendException, UserError) as error:
        # nobody has asked for us with this URL: a backup without us is better than none
        log.Warn(f'stagedir does not know whether to take {_shown(url)} over: {error}')
        return False


def get_backend(url):
    """duplicity.backend.get_backend, for staged URLs too."""
    if _depth or _stagehost.is_pool_child():
        return _get_backend(url)
    _share_archive_dir(url)
    if _is_taken_over(url):
        url = f'{PREFIX}+{url}'
    with _nested():
        if _stagehost.adds_gio() and url.startswith(PREFIX + '+'):
            # --gio adds a prefix of its own, which must come behind ours
            url = f'{PREFIX}+gio+{url[len(PREFIX) + 1:]}'
            wrapper = backend.BackendWrapper(backend.get_backend_object(url))
        else:
            wrapper = _get_backend(url)
    if tempdir.TemporaryDirectory is not _stagehost.stock_directory:
        # before the host takes the lock of the archive directory, so that no file of it stays either
        _stagehost.extension().watch_endings()
    return wrapper


class StageBackend(backend.Backend, _stagehost.Target):
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
        extension = _stagehost.extension()
        extension.keep_secrets(parsed_url.url_string)
        extension.check_settings()
        # before the wrapped backend is built: some make a file there when they are
        _stagehost.install()
        with _nested():
            self.wrapped = backend.get_backend_object(parsed_url.url_string)
        if self.wrapped is None:
            raise InvalidBackendURL(f'{PREFIX}+ must be followed by a URL, not by '
                                    f'{extension.shown_url(parsed_url.url_string)}')
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
        _stagehost.check_staging()
        if self._stage(source_path, remote_filename):
            return
        self._drain()
        if self._staging:
            # The end of a backup: what is stored from here on says that it is complete. If the power fails then, its
            # signatures and manifest must be in the archive directory, which the host never syncs.
            self._staging.sync()
        self.wrapped._put(source_path, remote_filename)
        _stagehost.check_staging()

    def _get(self, remote_filename, local_path):
        self._drain()
        _stagehost.check_staging()
        self.wrapped._get(remote_filename, local_path)
        _stagehost.check_staging()

    def _list(self):
        self._drain()
        names = self.wrapped._list()
        # the first call under the lock of the archive directory, and the last before anything is made
        if self._first_list and not config.dry_run:
            self._leave_asynchrony()
            if self is _stagehost.target():
                self._begin()
                if self._resume(names):
                    names = self.wrapped._list()
            self._extension.reclaim(config.archive_dir_path.name)
            if self is _stagehost.target():
                stored = [os.fsencode(name) for name in names]
                mending = _stagearchive.Mending(backend.BackendWrapper(self.wrapped), self._get)
                mending.mend(stored)
                if _stagehost.backs_up() and mending.give_up_signatures(stored):
                    names = self.wrapped._list()
        self._first_list = False
        return names

    # Staging ahead

    def stages_ahead(self):
        return self._staging is not None and self._extension.stages_ahead()

    def _leave_asynchrony(self):
        """Switches the host's own asynchrony off."""
        ahead = self is _stagehost.target() and self._extension.stages_ahead()
        for option in _stagehost.ASYNCHRONY:
            if getattr(config, option, 0):
                does = 'stages volumes ahead in the place of' if ahead else 'does without'
                log.Notice(f'stagedir {does} what {option} = {getattr(config, option)} asks for')
                setattr(config, option, 0)

    def _begin(self):
        """Stages ahead from now on."""
        wanted = _stagehost.backs_up() or 'STAGEDIR_FLUSH' in os.environ  # that is how stagedir flush calls the host
        if not self._staging and wanted and _stagehost.staging_directory():
            self._staging = self._extension.Staging(
                self.parsed_url.url_string, config.archive_dir_path.name, self._upload, config.num_retries,
                config.backend_retry_delay)

    def _guarded(self, function, *arguments):
        """Calls the extension. What cannot be handed off ends the run as it would have without staging ahead."""
        try:
            return function(*arguments)
        except self._extension.StagingError as error:
            code, text = error.args
            if code == 'STAGE_E_HANDOFF' and self._failure:
                # the text of an error may quote the URL
                text, code, extra = self._failure
                log.FatalError(self._extension.without_secrets(text), code, self._extension.without_secrets(extra))
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
            identity, number = _stagearchive.volume(os.fsencode(name))
            stored.setdefault(identity, set()).add(number)
        certain = {_stagearchive.volume(name) for name in self._staging.confirmed()} if staged else set()
        verdicts = [self._judge_staged(stored, certain, *_stagearchive.volume(name)) for name in staged]
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
            return confirmed, reason, None if confirmed else _stagehost.not_valid(remote_filename, reason)
        wrapper = backend.BackendWrapper(self.wrapped)
        for seconds in (1, 2, 4, 0):
            stored = wrapper.query_info([remote_filename])[remote_filename]['size']
            if stored in (None, size):
                return True, '', None
            time.sleep(seconds)  # storage may know of a file only a moment later
        reason = f'{stored} bytes are stored, of {size}' if stored >= 0 else 'it is not in storage'
        return False, reason, _stagehost.wrong_size(remote_filename, size, stored)

def _open(parsed_url):
    """The factory of the prefix. In a child of the host's pool, the wrapped backend alone."""
    if _stagehost.is_pool_child():
        return backend.get_backend_object(parsed_url.url_string)
    return StageBackend(parsed_url)


_get_backend = backend.get_backend
backend.get_backend = get_backend
backend.register_backend_prefix(PREFIX, _open)
