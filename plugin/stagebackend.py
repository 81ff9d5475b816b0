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
import filecmp
import os
import re
import sys

from duplicity import backend
from duplicity import config
from duplicity import dup_temp
from duplicity import file_naming
from duplicity import log
from duplicity import tempdir
from duplicity.errors import BackendException
from duplicity.errors import InvalidBackendURL
from duplicity.errors import UserError

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


def _share_archive_dir(url):
    """Points the host at the archive directory that the plain URL has, unless --name chose one."""
    plain = _unprefixed(url)
    cli = sys.modules.get('duplicity.commandline') or sys.modules.get('duplicity.cli_util')
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
    if _depth:
        return _get_backend(url)
    _share_archive_dir(url)
    if _is_taken_over(url):
        url = f'{PREFIX}+{url}'
    with _nested():
        if config.use_gio and url.startswith(PREFIX + '+'):
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
    """A delete() of the host's temporary paths that removes by descriptor what the directory tracks."""
    def delete_tracked(path):
        directory = _staging_directory()
        if directory and directory.remove(path.name):
            path.setdata()
        else:
            delete(path)
    return delete_tracked


def _staging_directory():
    """The host's default directory if it is one of ours: one that was made before stays the host's."""
    directory = tempdir.default()
    return None if isinstance(directory, _host_directory) else directory


def _check_staging():
    """Raises FatalBackendException if the staging directory is no longer at its path."""
    directory = _staging_directory()
    if directory:
        directory.check()


def _install_directory(extension):
    """Has the host stage in our directory from now on."""
    if tempdir.TemporaryDirectory is _host_directory:
        tempdir.TemporaryDirectory = extension.TemporaryDirectory
        for temporary in (dup_temp.TempPath, dup_temp.TempDupPath):
            temporary.delete = _remove_first(temporary.delete)


# The end of a backup. Out of each of its partial files in the archive directory (X.sigtar.part, X.manifest.part) the
# host makes a copy to store, stores it, removes the copy, and makes the final file; first of the signatures, then of
# the manifest. A run that is ended meanwhile leaves two forms of one thing, and every later run, with the plugin or
# without, ends in an assertion (duplicity 0.8.22: get_sorted_chains, "Cannot set filename"). What is proved to be
# derived from a partial file that is still there is mended; anything else is left to the host, and that assertion.

_METADATA = re.compile(br'\.(manifest|sigtar|m|st)(\.part|\.p)?(\.gpg|\.gz|\.g|\.z)?$')


def _metadata(name):
    """What a manifest or signature file is of, in whatever form; None for any other. Is it partial?"""
    parsed = file_naming.parse(name) if _METADATA.search(name) else None
    if not parsed or parsed.volume_number:
        return None, False
    return (parsed.type, parsed.time, parsed.start_time, parsed.end_time), bool(parsed.partial)


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
    opening this puts in the place of the host's; the calls themselves go to the wrapped backend.
    """

    def __init__(self, parsed_url):
        backend.Backend.__init__(self, parsed_url)
        extension = _extension()
        extension.check_settings()
        # before the wrapped backend is built: some make a file there when they are
        _install_directory(extension)
        with _nested():
            self.wrapped = backend.get_backend_object(parsed_url.url_string)
        if self.wrapped is None:
            raise InvalidBackendURL(f'{PREFIX}+ must be followed by a URL, not by {parsed_url.url_string}')
        self._extension = extension
        self._first_list = True

    def __getattr__(self, name):
        # The host offers what hasattr() finds, so this has just what the wrapped backend has - but for
        # _move, after which wrappers (par2) would look for a file that is gone.
        if name in ('_move', 'wrapped') or name.startswith('__'):
            raise AttributeError(name)
        return getattr(self.wrapped, name)

    def _put(self, source_path, remote_filename):
        # what is put, and got, is opened by its path, here and in the host
        _check_staging()
        self.wrapped._put(source_path, remote_filename)
        _check_staging()

    def _get(self, remote_filename, local_path):
        _check_staging()
        self.wrapped._get(remote_filename, local_path)
        _check_staging()

    def _list(self):
        names = self.wrapped._list()
        # the first call under the lock of the archive directory, and the last before anything is made
        if self._first_list and not config.dry_run:
            self._extension.reclaim(config.archive_dir_path.name)
            # the archive directory is that of this backend, and not of a source to replicate, or of a part
            if getattr(config.backend, 'backend', None) is self and not getattr(config, 'src_backend', None):
                self._mend_archive(map(os.fsencode, names))
        self._first_list = False
        return names

    def _mend_archive(self, names):
        partial, other = _archived()
        stored = {_metadata(name)[0]: name for name in names} if partial else {}
        for identity in partial:
            manifest = ({'full-sig': 'full', 'new-sig': 'inc'}.get(identity[0], identity[0]),) + identity[1:]
            if identity == manifest and manifest in stored:
                self._finish_manifest(partial[identity][0], stored[identity], other.get(identity, []))
            elif manifest in partial and manifest not in stored:
                for name in other.get(identity, []):
                    log.Notice(f'removing {os.fsdecode(name)}: a run was ended while it was made of the partial file')
                    config.archive_dir_path.append(name).delete()

    def _finish_manifest(self, partial, stored, copies):
        """
        Finishes a backup, the manifest of which is stored last, if what is stored is the partial manifest, or the copy
        of it that was made to be stored. Otherwise it was stored in part, or the archive directory is an old one.
        """
        fetched = dup_temp.new_temppath()
        try:
            self._get(stored, fetched)
            proofs = [config.archive_dir_path.append(name) for name in [partial] + copies if name in (partial, stored)]
            proved = any(filecmp.cmp(fetched.name, proof.name, shallow=False) for proof in proofs)
        finally:
            fetched.delete()
        if not proved:
            log.Warn(f'{os.fsdecode(stored)} in storage and {os.fsdecode(partial)} in the archive directory differ')
            return
        log.Notice(f'finishing the backup of {os.fsdecode(stored)}: it was ended when all of it was stored')
        final = config.archive_dir_path.append(re.sub(br'\.(part|p)$', b'', partial))
        for name in copies:
            if name != final.index[-1]:
                config.archive_dir_path.append(name).delete()
        config.archive_dir_path.append(partial).rename(final)


_get_backend = backend.get_backend
_host_directory = tempdir.TemporaryDirectory
backend.get_backend = get_backend
backend.register_backend_prefix(PREFIX, StageBackend)
