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
import importlib.util
import os
import sys

import duplicity

try:
    from duplicity import backend, config, file_naming, log, path, tempdir, util
    from duplicity.errors import BackendException, FatalBackendException, InvalidBackendURL, TemporaryLoadException, UserError
    from duplicity.backends import _stagehost, _stageprogress
    # imported only where they are needed, when a run is under way
    for name in '_stageend', '_stagefetch', '_stagefiles', '_stagegpg', '_stageguard', '_stagerepair', '_stagespawn':
        if not importlib.util.find_spec(f'duplicity.backends.{name}'):
            raise ImportError(f'there is no {name}.py')
except ImportError as error:
    # The host tells of this in its debug lines only. Modules of its own that are not there: it is of another make.
    print(f'stagedir does nothing in duplicity {getattr(duplicity, "__version__", "of an unknown version")}, which it does not '
          f'know, or it is not installed completely: {error}', file=sys.stderr)
    raise

PREFIX = 'stage'

# Calls of get_backend() that are under way: what another backend wraps is not taken over, and has no
# archive directory.
_depth = 0
# Is the next URL that is opened one that the configuration takes over?
_is_plain = False


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
        with contextlib.suppress(OSError):
            os.rmdir(unused.name)  # the host has just made it; it goes only if it is empty
        log.Info(f'Using archive dir: {config.archive_dir_path.uc_name}')


def _is_taken_over(url):
    """Does the configuration say that this URL is to be staged, though it does not itself?"""
    if PREFIX in _prefixes(url) or not backend.is_backend_url(url) or _stagehost.gave_way:
        return False
    try:
        return _stagehost.extension().take_over(url)
    except (BackendException, UserError) as error:
        # nobody has asked for us with this URL: a backup without us is better than none
        log.Warn(f'stagedir does not know whether to take {_shown(url)} over: {error}')
        return False


def _is_alone():
    """Is the wrapped backend used alone: in a child of the host's pool, or in a program that has the host as a library?"""
    return _stagehost.is_pool_child() or not _stagehost.has_run()


def _get_staged(url):
    """duplicity.backend.get_backend, for a URL that may have our prefix."""
    with _nested():
        if _stagehost.adds_gio() and url.startswith(PREFIX + '+'):
            # --gio adds a prefix of its own, which must come behind ours
            url = f'{PREFIX}+gio+{url[len(PREFIX) + 1:]}'
            return backend.BackendWrapper(backend.get_backend_object(url))
        return _get_backend(url)


def _take_over(url):
    """The same for a plain URL that is to be staged. It is not where that cannot be done."""
    global _is_plain
    try:
        _prepare(url)
    except Exception as error:
        _stagehost.give_way(error)
        return _get_backend(url)
    _is_plain = True
    try:
        wrapper = _get_staged(f'{PREFIX}+{url}')
    finally:
        _is_plain = False
    _stagehost.take_over(wrapper)
    return wrapper


def _prepare(url):
    """What is done before the backend of a URL is opened: some make a file when they are."""
    extension = _stagehost.extension()
    extension.keep_secrets(url)
    extension.check_settings()
    _stagehost.install()
    return extension


def get_backend(url):
    """duplicity.backend.get_backend, for staged URLs too."""
    if _depth or _is_alone():
        return _get_backend(url)
    _share_archive_dir(url)
    wrapper = _take_over(url) if _is_taken_over(url) else _get_staged(url)
    if tempdir.TemporaryDirectory is not _stagehost.stock_directory:
        # before the host takes the lock of the archive directory, so that no file of it stays either
        _stagehost.extension().watch_endings()
    return wrapper


class StageBackend(backend.Backend, _stagehost.Target):
    """
    Wraps the backend of a URL. All that the host puts is made in the tracked staging directory, which
    opening this puts in the place of the host's. Volumes of a backup are staged: a put returns at once,
    and they are handed off in order by a thread of the extension (_upload). Everything else waits until
    that is done and then goes to the wrapped backend, which so is never called by two threads at once. In a restore and a verify
    volumes are fetched ahead by a thread (_stagefetch.Fetching), for which everything else waits in the same way.
    """

    # what the host calls, where the wrapped backend has it
    _WAITING = ('_delete', '_delete_list', '_query', '_query_list', '_validate', '_close', '_retry_cleanup',
                'pre_process_download')

    def __init__(self, parsed_url, is_plain=False):
        backend.Backend.__init__(self, parsed_url)
        extension = _prepare(parsed_url.url_string)
        self._is_plain = is_plain  # the configuration takes it over
        with _nested():
            self.wrapped = backend.get_backend_object(parsed_url.url_string)
        if self.wrapped is None:
            raise InvalidBackendURL(f'{PREFIX}+ must be followed by a URL, not by '
                                    f'{extension.shown_url(parsed_url.url_string)}')
        self._extension = extension
        self._reclaimed = False
        self._staging = None
        self._stored = None  # what was found in storage when the run began, where it had to be looked at
        self._newest = None  # name and size of the volume that was staged last
        self._failure = None  # a _stagehost.Failure, which ends the run
        self._has_no_room = False  # the host makes the volumes
        self._fetching = None  # a _stagefetch.Fetching

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
            self.drain()
            if 'delete' in name:
                # some make a folder to delete by: it is in the staging directory only once that is there
                _stagehost.staging_directory()
            if name == '_close' and self._fetching:
                self._fetching.stop()
            with self._alone():
                return function(*arguments, **keywords)
        return call

    def _alone(self):
        """Waits until nothing is fetched ahead, and nothing is meanwhile."""
        return self._fetching.alone() if self._fetching else contextlib.nullcontext()

    def _put(self, source_path, remote_filename):
        # what is put, and got, is opened by its path, here and in the host
        _stagehost.check_staging()
        if self._stage(source_path, remote_filename):
            return
        self.drain()
        if self._staging:
            # The end of a backup: what is stored from here on says that it is complete. If the power fails then, its
            # signatures and manifest must be in the archive directory, which the host never syncs.
            self._staging.sync()
            _stageprogress.at_once(remote_filename)
        with self._alone():
            self.wrapped._put(source_path, remote_filename)
        _stagehost.check_staging()

    def _get(self, remote_filename, local_path):
        self.drain()
        _stagehost.check_staging()
        if self._fetching:
            self._fetching.get(remote_filename, local_path)
        else:
            self.wrapped._get(remote_filename, local_path)
        _stagehost.check_staging()

    def pre_process_download_batch(self, remote_filenames):
        """The host announces what it is going to get: the volumes of a restore or a verify are fetched ahead."""
        self.drain()
        with self._alone():
            if hasattr(self.wrapped, 'pre_process_download_batch'):
                self.wrapped.pre_process_download_batch(remote_filenames)
        directory = _stagehost.staging_directory() if _stagehost.fetches_ahead(self) else None
        if not directory:
            return
        from duplicity.backends import _stagefetch
        volumes = _stagefetch.volumes_of(remote_filenames)
        if not volumes:
            return
        if self._fetching:
            self._fetching.stop()
        with contextlib.suppress(Exception):  # the host gets them all without
            self._fetching = _stagefetch.Fetching(self._extension, directory, self.wrapped, self.parsed_url.url_string, volumes)

    def volume_behind(self, local_name):
        """The path of the volume behind the one at a path (bytes) in its backup, if it may be read now; else None."""
        return self._fetching.behind(local_name) if self._fetching else None

    def _list(self):
        self.drain()
        self._reclaim_once()
        with self._alone():
            return self.wrapped._list()

    def _reclaim_once(self):
        """In a host that was not proved, where no run begins: what dead runs left for nobody is still removed."""
        if _stagehost.why_unproved() and not self._reclaimed and not config.dry_run:
            self._reclaimed = True
            waiting = self._extension.reclaim(*filter(None, [config.archive_dir_path and config.archive_dir_path.name]))
            if waiting:
                log.Notice('volumes that dead runs staged wait in the temp roots; stagedir status shows them, and a run of '
                           'a duplicity that stagedir was proved with hands them off')

    # Staging ahead

    def begin(self, action):
        """Begins the run: what dead runs have left is handed off, and mended, before the host looks at either place."""
        if _stagehost.backs_up() or 'STAGEDIR_FLUSH' in os.environ:  # that is how stagedir flush calls the host
            if _stagehost.staging_directory():
                self._staging = self._extension.Staging(
                    self.parsed_url.url_string, config.archive_dir_path.name, self._upload, self._confirm,
                    config.num_retries, config.backend_retry_delay)
                self._staging.begin(action if _stagehost.backs_up() else 'flush')
        staged = self._adopt() if self._staging else []
        if _stagehost.gave_way:
            return
        from duplicity.backends import _stageend  # which needs the extension
        if not staged and not _stageend.may_be_interrupted():
            return
        from duplicity.backends import _stagerepair  # which no other run needs
        if staged or _stagerepair.is_interrupted():
            self._stored = self._guarded(_stagerepair.repair, self.wrapped, self._staging, staged)

    def _adopt(self):
        """What dead runs have left to be handed off. A plain URL is left to the host where that cannot be told."""
        try:
            return self._staging.adopt()
        except self._extension.StagingError as error:
            if not self._is_plain:
                self._end_run(error)
            self._staging = None
            _stagehost.give_way(error.args[1])
            return []

    def name_stored(self, backup_set):
        """Tells a BackupSet that is to be continued what storage has of it, where the host does not list it."""
        if self._stored:
            backup_set.volume_name_dict.update(self._stored.volumes_of(backup_set))

    def stages_ahead(self):
        """Are the volumes of this run staged ahead?"""
        return self.is_staging() and not self._has_no_room and self._extension.stages_ahead()

    def is_staging(self):
        """Has the run begun to stage volumes?"""
        return self._staging is not None

    def _guarded(self, function, *arguments):
        """Calls the extension. What cannot be handed off ends the run as it would have without staging ahead."""
        try:
            return function(*arguments)
        except self._extension.StagingError as error:
            self._end_run(error)

    def _end_run(self, error):
        code, text = error.args
        if code == 'STAGE_E_HANDOFF' and self._failure:
            self._failure.end_run()
        room = code == 'STAGE_E_NO_ROOM'
        log.FatalError(text, log.ErrorCode.not_enough_freespace if room else log.ErrorCode.backend_error)

    def check(self):
        """Ends the run if something cannot be handed off."""
        if self._staging:
            self._guarded(self._staging.check)

    def drain(self):
        """Waits until all that is staged is handed off."""
        if self._staging:
            self._guarded(self._staging.drain)

    def new_volume(self):
        """
        The next Volume of the backup. Waits while there are too many, or there is no room. None if there never will be
        and the URL is plain: from now on the host makes the volumes, where and as it does without us.
        """
        try:
            return self._staging.volume(config.volsize)
        except UserError as error:  # the settings never allow one
            if not self._is_plain:
                raise
            reason = error
        except self._extension.StagingError as error:
            if not self._is_plain or error.args[0] != 'STAGE_E_NO_ROOM':
                self._end_run(error)
            reason = error.args[1]
        self.drain()
        self._has_no_room = True
        log.Warn(f'from here on this backup is made as without stagedir: {reason}')
        return None

    def _stage(self, source_path, remote_filename):
        """Stages a volume. False for anything else, and where the host made it elsewhere."""
        volume = _stagehost.volume_of(source_path)
        parsed = file_naming.parse(remote_filename) if volume and self.stages_ahead() else None
        if not parsed or not parsed.volume_number or os.fsencode(remote_filename).endswith(b'.par2'):
            return False
        manifest = file_naming.get(parsed.type, manifest=True, partial=True)
        _stageprogress.put(remote_filename, source_path.getsize())
        size = self._guarded(self._staging.put, volume, remote_filename, manifest, parsed.volume_number)
        if size is None:
            return False
        self._newest = remote_filename, size
        return True

    # In the thread of the extension from here on: never raises, as nobody there could end the run

    def _upload(self, local_name, remote_filename, size, attempt):
        """One attempt to hand a volume off: a verdict, and in words why it is not done."""
        try:
            if attempt > 1 and hasattr(self.wrapped, '_retry_cleanup'):
                self.wrapped._retry_cleanup()
            with contextlib.suppress(Exception):  # what is told of a volume is no reason to store it again
                _stageprogress.begins(remote_filename)
            log.Info(f'Handing off {os.fsdecode(remote_filename)}')
            source = path.Path(local_name)
            if not self._move_into_folder(source, remote_filename):
                self.wrapped._put(source, remote_filename)
        except BaseException as error:
            return self._judge(error, remote_filename, attempt)
        return self._confirm(local_name, remote_filename, size, attempt)

    def _move_into_folder(self, source_path, remote_filename):
        """
        Where storage is a folder of the same file system, a volume is renamed, as the host does with its own: nothing is
        written twice. False: it is to be put. A run that is killed right behind it has a file in storage that is complete.
        """
        is_folder = type(self.wrapped).__module__ == 'duplicity.backends.localbackend'
        return is_folder and self.wrapped._move(source_path, remote_filename) is True

    def _confirm(self, local_name, remote_filename, size, attempt):
        """Has storage got the file? A verdict, as of _upload(). What cannot be told is taken for a yes."""
        extension = self._extension
        try:
            if hasattr(self.wrapped, '_validate'):
                verdict = extension.UPLOAD_RETRY
                confirmed, reason = self.wrapped._validate(remote_filename, size, source_path=path.Path(local_name))
                told = None if confirmed else _stagehost.not_valid(remote_filename, reason)
            else:
                verdict = extension.UPLOAD_UNCONFIRMED  # storage may know of a file only a moment later
                stored = backend.BackendWrapper(self.wrapped).query_info([remote_filename])[remote_filename]['size']
                confirmed = stored in (None, size)
                if not confirmed:
                    reason = f'{stored} bytes are stored, of {size}' if stored >= 0 else 'it is not in storage'
                    told = _stagehost.wrong_size(remote_filename, size, stored)
        except BaseException as error:
            return self._judge(error, remote_filename, attempt)
        if confirmed:
            self._failure = None
            with contextlib.suppress(Exception):
                _stageprogress.is_stored(remote_filename)
            return extension.UPLOAD_DONE, ''
        text = _('File %s was corrupted during upload.') % os.fsdecode(remote_filename)
        self._failure = _stagehost.Failure(text, *told)
        return verdict, f'{text} {reason}'

    def _judge(self, error, remote_filename, attempt):
        """What the host does about an error of a put: BackendWrapper's retry()."""
        extension = self._extension
        text = f'{error.__class__.__name__}: {util.uexc(error)}'
        if isinstance(error, FatalBackendException) or not isinstance(error, Exception):
            self._failure = _stagehost.not_retried(error)
            return extension.UPLOAD_GIVE_UP, text
        code = backend._get_code_from_exception(self.wrapped, 'put', error)
        self._failure = _stagehost.giving_up(attempt, error, code, remote_filename)
        if code == log.ErrorCode.backend_not_found:
            return extension.UPLOAD_GIVE_UP, text
        later = isinstance(error, TemporaryLoadException)
        return extension.UPLOAD_RETRY_LATER if later else extension.UPLOAD_RETRY, text


def _open(parsed_url):
    """The factory of the prefix."""
    global _is_plain
    if _is_alone():
        return backend.get_backend_object(parsed_url.url_string)
    is_plain, _is_plain = _is_plain, False  # what it wraps may have the prefix
    if not is_plain:
        _stagehost.asked_for = True
        if _stagehost.gave_way:
            raise UserError(_stagehost.gave_way)
    return StageBackend(parsed_url, is_plain)


_get_backend = backend.get_backend
backend.get_backend = get_backend
backend.register_backend_prefix(PREFIX, _open)
