# _stagefetch.py - volumes of a restore or verify are fetched ahead of their turn
#
# Copyright (C) 2026 the authors of stagedir
# SPDX-License-Identifier: GPL-2.0-or-later

"""
The thread that fetches ahead, by the wrapped backend, what the host has announced. What is next, whether there is room, and
where the files lie, the extension knows (_stagedir.FetchAhead, core/prefetch.h).

A volume that cannot be fetched ahead is left to the host: when its turn comes, the host's own thread fetches it, and tells
of errors, and tries again, as without stagedir. What a backend says while a volume is fetched ahead is told when its turn
comes.

Of each volume that is there a thread takes the SHA-1, which duplicity compares with that of the manifest. One that has it may be
decrypted ahead (_stagegpg.py).

Importing this changes nothing.
"""

import contextlib
import functools
import hashlib
import os
import threading

from duplicity import config, dup_temp, file_naming, log, path
from duplicity.backends import _stagegpg, _stagehost
from duplicity.errors import BackendException

# So much is read at once for a SHA-1.
_PIECE_BYTES = 1024 * 1024

# What manifests say of volumes: their hashes, by name, as a pair of kind and digits; None where they have none.
_hashes = {}

_own = threading.local()  # lines: what was said, while this thread fetches ahead


def telling_in_turn(stock):
    """log.Log, which keeps what is said by the thread that fetches ahead. An error is for the host to meet, and to tell of."""
    def Log(s, verb_level, *arguments, **keywords):
        lines = getattr(_own, 'lines', None)
        if lines is None:
            stock(s, verb_level, *arguments, **keywords)
            return
        lines.append(((s, verb_level) + arguments, keywords))
        if verb_level == log.ERROR:
            raise BackendException(s)
    return Log


def volumes_of(remote_filenames):
    """Those of these names that are volumes, as (SET, NAME): the number of the backup that it is of, and the name as bytes."""
    sets, volumes = {}, []
    for name in map(os.fsencode, remote_filenames):
        parsed = file_naming.parse(name)
        if parsed and parsed.volume_number:
            backup = parsed.type, parsed.time, parsed.start_time, parsed.end_time
            volumes.append((sets.setdefault(backup, len(sets)), name))
    return volumes


def remembering_hashes(stock):
    """dup_collections.BackupSet.get_manifest, which remembers the hashes of the volumes that are going to be read."""
    def get_manifest(self):
        manifest = stock(self)
        if _stagehost.target() and not _stagehost.backs_up():
            for number, info in manifest.volume_info_dict.items():
                if number in self.volume_name_dict:
                    _hashes[os.fsencode(self.volume_name_dict[number])] = info.get_best_hash()
        return manifest
    return get_manifest


class _Digest(threading.Thread):
    """Takes the SHA-1 of a file."""

    def __init__(self, local_name):
        super().__init__(name='stagedir takes a SHA-1', daemon=True)
        self._path = local_name  # _name is threading.Thread's
        self._taken = None  # with what is known of the file, which was read
        self.start()

    def run(self):
        with contextlib.suppress(Exception):  # then the host reads it, and tells of that
            with open(self._path, 'rb', buffering=0) as file:
                before = self._look(file.fileno())
                digest, piece = hashlib.sha1(usedforsecurity=False), bytearray(_PIECE_BYTES)
                while count := file.readinto(piece):
                    digest.update(memoryview(piece)[:count])
                self._taken = before, digest.digest()

    @staticmethod
    def _look(file):
        stat = os.stat(file)
        return stat.st_dev, stat.st_ino, stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns

    def sha1(self):
        """The SHA-1 (bytes), for which it is waited; None: it could not be read, or the file is another one now."""
        self.join()
        with contextlib.suppress(OSError):
            if self._taken and self._taken[0] == self._look(self._path):
                return self._taken[1]
        return None

    def is_of(self, pair):
        """Is this known to be the hash, as a manifest has it?"""
        return not self.is_alive() and pair is not None and pair[0] == 'SHA1' and (self.sha1() or b'').hex() == pair[1]


def _size_of(wrapped, name):
    """How many bytes a volume has in storage; None where that cannot be told. Not tried again: it is of no great use."""
    _own.lines = []
    try:
        if hasattr(wrapped, '_query_list'):
            size = wrapped._query_list([name])[name]['size']
        elif hasattr(wrapped, '_query'):
            size = wrapped._query(name)['size']
        else:
            return None
        return size if size and size > 0 else None
    except BaseException:
        return None
    finally:
        _own.lines = None


class Fetching:
    """Fetches volumes ahead. All methods are for the host's thread."""

    def __init__(self, extension, directory, wrapped, url, volumes):
        self._extension = extension
        self._wrapped = wrapped
        self._lines = {}  # what was said, by name
        self._there = {}  # a path and a _Digest, by name
        self._names = {}  # of volumes that are being read, or were, by path
        self._behind = {}  # names of the volumes behind them in their backups
        last = {}
        for backup, name in volumes:
            if backup in last:
                self._behind[last[backup]] = name
            last[backup] = name
        self._ahead = extension.FetchAhead(directory, url, config.archive_dir_path.name, volumes,
                                           functools.partial(_size_of, wrapped), _stagegpg.end_ahead)
        # not one that the interpreter waits for at its end
        threading.Thread(target=self._fetch, name='stagedir fetches ahead', daemon=True).start()

    def get(self, remote_filename, local_path):
        """_get() of a Backend. What was fetched ahead is not copied: local_path is then a path to it."""
        name = os.fsencode(remote_filename)
        found = None
        if isinstance(local_path, dup_temp.TempDupPath):
            found = self._ahead.take(name)
        else:
            self._ahead.hold()
        if found is None:
            self._get_now(name, remote_filename, local_path)
            self._names[os.fsencode(local_path.name)] = name
            return
        for arguments, keywords in self._lines.pop(name, ()):
            log.Log(*arguments, **keywords)
        unused = local_path.name
        path.Path.__init__(local_path, found)
        self._extension.remove(unused)
        self._names[found] = name
        local_path.stage_digest = self._there.pop(name, (None, None))[1]

    def behind(self, local_name):
        """The path of the volume behind the one at a path, if it is there, and is the one that the manifest names."""
        following = self._behind.get(self._names.get(local_name))
        found, digest = self._there.get(following, (None, None))
        return found if digest and digest.is_of(_hashes.get(following)) else None

    def _get_now(self, name, remote_filename, local_path):
        try:
            try:
                self._wrapped._get(remote_filename, local_path)
            except BaseException:
                self._ahead.pause()
                raise
            self._ahead.got(name, os.fsencode(local_path.name))
        finally:
            self._ahead.release()

    @contextlib.contextmanager
    def alone(self):
        """Nobody else uses the wrapped backend meanwhile."""
        self._ahead.hold()
        try:
            yield
        finally:
            self._ahead.release()

    def stop(self):
        """Nothing is fetched ahead any more. Waits for what is."""
        with self.alone():
            self._ahead.stop()
            self._there.clear()

    # In the thread that fetches, from here on: never raises, as nobody there could tell of it

    def _fetch(self):
        with contextlib.suppress(BaseException):
            try:
                while True:
                    following = self._ahead.next()
                    if not following:
                        return
                    self._fetch_one(*following)
            except BaseException:
                self._ahead.failed()  # the host waits for no volume that nobody fetches

    def _fetch_one(self, name, local_name):
        _own.lines = []
        try:
            self._wrapped._get(name, path.Path(local_name))
        except BaseException as error:
            # as the host has it clean up before a further attempt
            if hasattr(self._wrapped, '_retry_cleanup'):
                with contextlib.suppress(BaseException):
                    self._wrapped._retry_cleanup()
            failed = error
        else:
            failed = None
            if _own.lines:
                self._lines[name] = _own.lines
        finally:
            _own.lines = None
        if failed is None:
            with contextlib.suppress(RuntimeError):  # there is no thread: the host reads it when its turn comes
                self._there[name] = local_name, _Digest(local_name)
            if not self._ahead.done():
                self._there.pop(name, None)
        else:
            self._ahead.failed()
            log.Debug(self._extension.without_secrets(f'{os.fsdecode(name)} was not fetched ahead: {failed}'))
