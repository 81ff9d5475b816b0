# _stagearchive.py - the end of a backup in duplicity's archive directory
#
# Copyright (C) 2026 the authors of stagedir
# SPDX-License-Identifier: GPL-2.0-or-later

"""
The signatures and the manifest of a backup: how they get their other forms, when they become final, and how a later run
mends what one that was ended meanwhile has left. Importing this changes nothing.
"""

import contextlib
import copy
import filecmp
import gzip
import os
import re
import shutil
import sys
import threading
import zlib

from duplicity import backend
from duplicity import config
from duplicity import dup_temp
from duplicity import file_naming
from duplicity import gpg
from duplicity import log
from duplicity import path
from duplicity import tempdir

# The end of a backup. Out of each of its partial files in the archive directory (X.sigtar.part, X.manifest.part) the
# host makes a copy to store, stores it, removes the copy, and makes the final file; first of the signatures, then of
# the manifest. A run that is ended meanwhile leaves two forms of one thing, and every later run, with the plugin or
# without, ends in an assertion (duplicity 0.8.22: get_sorted_chains, "Cannot set filename"). What is proved to be
# derived from a partial file that is still there is mended; anything else is left to the host, and that assertion.
#
# Killed between the two, a run also leaves final signatures beside a partial manifest. Stock takes these for those of the
# backup before, and what is behind the newest volume then never gets into the backup (duplicity 0.8.22 to 3.1.0). So both
# become final when both are stored, the manifest first: a final manifest beside partial signatures, which are complete then,
# is a complete backup to all of them.
#
# Other forms of the partial files, to store and final, are made by threads while the host still writes them: encrypting
# signatures takes an eighth of the time that volumes take, and would come behind them.

# An encrypted copy of the partial manifest stays in the archive directory until the manifest is final: nothing else proves to
# a later run that what is stored is that manifest. The host, which would take it for a second manifest (duplicity 3.1.0 ends
# with 5), does not know its name: this, the size of the partial manifest, and the name in storage. A partial manifest only
# grows: where it has another size, the host has gone on since, and the copy proves nothing any more.
_PROOF = b'stagedir-proof.'


def _proof_name(manifest, stored):
    """The name of the proof that the manifest at this path is what is stored by that name."""
    return b'%s%d.%s' % (_PROOF, os.stat(manifest).st_size, stored)


def _proof_of(name):
    """What a proof is of, as _metadata() tells."""
    return _metadata(name[len(_PROOF):].partition(b'.')[2])[0]


# What the signatures of a backup are called, as file_naming types.
_SIGNATURES = {'full': 'full-sig', 'inc': 'new-sig'}


def _sync(path):
    """Has a file, or the names in a directory, on disk."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _sync_directory(path):
    with contextlib.suppress(OSError):  # some file systems cannot
        _sync(path)


# What makes another form of a file, of its blocks. beside: in a thread, beside the host.


def _compress(blocks, made, beside=False):
    gpg.GzipWriteFile(blocks, made, size=sys.maxsize, beside=beside)


def _encrypt(blocks, made, beside=False):
    profile = copy.copy(config.gpg_profile)
    profile.made_beside = beside
    gpg.GPGWriteFile(blocks, made, profile, size=sys.maxsize, beside=beside)


def _expand(blocks, made):
    with gzip.GzipFile(fileobj=blocks.fp) as source, open(made, 'wb') as target:
        shutil.copyfileobj(source, target)


class _Follower:
    """
    Reads a file while it is still written, in a thread, until wait() is called: it calls consume with this, an iterator of
    blocks as dup_temp.SrcIter is one.
    """
    _SECONDS = 0.05  # between two looks
    # Bytes at the end of a growing file that are not read yet: they may be there before what is in them, see core/follow.c.
    _UNSETTLED = 256 * 1024

    def __init__(self, filename, consume, later=0):
        """It begins so many seconds later, unless wait() is called before."""
        self.source = open(filename, 'rb', buffering=0)
        self.size = 0  # bytes of the file that were read
        self._consume = consume
        self._later = later
        self._complete = threading.Event()
        self._error = None
        self._thread = threading.Thread(target=self._run, name='stagedir', daemon=True)
        try:
            self._thread.start()
        except RuntimeError:
            self.source.close()
            raise

    def _run(self):
        self._complete.wait(self._later)
        try:
            self._consume(self)
        except BaseException as error:
            self._error = error.with_traceback(None)  # which refers to this

    def __iter__(self):
        return self

    def __next__(self):
        try:
            data = self._next_piece()
        except OSError as error:  # not for consume, which may end the run for it (duplicity 3.0.4: GPGWriteFile)
            self._error = error.with_traceback(None)
            data = b''
        if not data:
            raise StopIteration
        self.size += len(data)
        return dup_temp.Block(data)

    def _next_piece(self):
        """Waits for it; b'' at the end."""
        while True:
            # where the run ends early, the interpreter waits for gpg to end, which waits for more
            complete = self._complete.is_set() or not threading.main_thread().is_alive()
            if complete or self._is_settled(self.get_read_size()):
                data = self.source.read(self.get_read_size())
                if data or complete:
                    return data
            self._complete.wait(self._SECONDS)

    def _is_settled(self, size):
        """Are so many bytes more there, and as they will stay?"""
        return os.fstat(self.source.fileno()).st_size >= self.size + size + self._UNSETTLED

    def get_read_size(self):
        return 128 * 1024

    def get_footer(self):
        return b''

    def wait(self):
        """Waits until consume has met the end of the file. What went wrong in reading or in it, or None."""
        if not self._complete.is_set():
            log.Debug(f'{self.size} bytes of {os.fsdecode(self.source.name)} were read while it was written')
        self._complete.set()
        self._thread.join()
        self.source.close()
        return self._error


class _OtherForm:
    """
    Another form of the file at filename, in a temporary file of the archive directory, made by write(BLOCKS, PATH): at
    once, or beside(), in a thread while the host still appends to the file.
    """

    def __init__(self, archive):
        self._archive = archive
        self._directory = tempdir.TemporaryDirectory(archive.name)
        self.name = self._directory.mktemp()
        self._follower = None

    @classmethod
    def beside(cls, archive, filename, write, later=0):
        """
        It begins some seconds later: where there is one gpg for each CPU, that of the volume, which is waited for, is not
        held up by the keys of others.
        """
        form = cls(archive)
        made = form.name  # what follows does not refer to the form, whose directory goes with its last reference

        def write_or_remove(blocks):
            try:
                write(blocks, made, beside=True)
            except BaseException:
                with contextlib.suppress(OSError):
                    os.unlink(made)  # there may be no space for it and the next one
                raise

        form._follower = _Follower(filename, write_or_remove, later)
        return form

    @classmethod
    def of(cls, archive, filename, write):
        """Of a file that the host no longer writes."""
        form = cls(archive)
        write(dup_temp.SrcIter(path.Path(filename)), form.name)
        return form

    def is_whole(self, filename):
        """
        Waits for what is made beside. Is all of the file in it? Not where its gpg was killed, or the disk full for a while;
        and some backends move what they are given to store.
        """
        if not self._follower:
            return os.path.exists(self.name)
        error = self._follower.wait()
        if error:
            log.Info(f'another form of {os.fsdecode(filename)} is made again: {error}')
            return False
        return self._follower.size == os.stat(filename).st_size and os.path.exists(self.name)

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


def _remake(name, write):
    """The other form of a file of the archive directory that the host no longer writes, on disk."""
    archive = config.archive_dir_path
    form = _OtherForm.of(archive, archive.append(name).name, write)
    form.sync(archive.append(name).name)
    return form


def _may_encrypt_meanwhile():
    """Not where gpg may ask somebody for a passphrase, one at a time."""
    return getattr(gpg.GPGFile, 'may_be_several', False) and not config.use_agent


def following(stock):
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
                self._make_beside(_compress)
            remote = file_naming.parse(remname) if tdp else None
            if remote and remote.encrypted and _may_encrypt_meanwhile():
                # one behind the other
                self._make_beside(_encrypt, later=2 if remote.manifest else 1)

        def _make_beside(self, write, later=0):
            try:
                self._forms[write] = _OtherForm.beside(self.dirpath, self.name, write, later)
            except RuntimeError as error:
                log.Info(f'another form of {os.fsdecode(self.name)} is made at the end: {error}')

        def _form(self, write):
            filename = self.dirpath.append(self.partname).name
            form = self._forms.pop(write, None)
            if not form or not form.is_whole(filename):
                form = None  # goes before there is another
                form = _OtherForm.of(self.dirpath, filename, write)
            self._forms[write] = form
            return form

        def to_remote(self):
            parsed = file_naming.parse(self.remname)
            if parsed.type in _SIGNATURES.values() and parsed.compressed:
                config.backend.put(path.Path(self._form(_compress).name), self.remname)
            elif parsed.encrypted and parsed.manifest:
                form = self._form(_encrypt)
                form.sync(self.dirpath.append(self.partname).name)  # for what it proves
                proof = _proof_name(self.dirpath.append(self.partname).name, self.remname)
                form.rename(proof)
                config.backend.put(self.dirpath.append(proof), self.remname)
            elif parsed.encrypted:
                config.backend.put(path.Path(self._form(_encrypt).name), self.remname)
            else:
                stock.to_remote(self)

        def to_final(self):
            parsed = file_naming.parse(self.permname)
            if parsed.type in _SIGNATURES.values() and parsed.compressed:
                form = self._form(_compress)
                form.sync(self.dirpath.append(self.partname).name)
                self._signatures.append((form, self.partname, self.permname))
                return
            stock.to_final(self)
            if not parsed.manifest:
                return
            if self.remname != self.permname:
                self.dirpath.append(_proof_name(self.dirpath.append(self.permname).name, self.remname)).delete()
            if self._signatures:
                _sync_directory(self.dirpath.name)  # the manifest comes first, after a power cut too
            while self._signatures:
                form, *names = self._signatures.pop()
                form.replace(*names)
    return FileobjHooked


_METADATA = re.compile(br'\.(manifest|sigtar|m|st)(\.part|\.p)?(\.gpg|\.p7m|\.gz|\.g|\.z)?$')


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


def volume(name):
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


def _is_ended(name):
    """Is a partial signature file of the archive directory complete: does it end as a tar file does, by two empty blocks?"""
    with config.archive_dir_path.append(name).open('rb') as file:
        if file.seek(0, os.SEEK_END) < 1024:
            return False
        file.seek(-1024, os.SEEK_END)
        return not file.read().strip(b'\0')


def _proofs():
    """The names of copies of manifests in the archive directory that prove what is stored."""
    return [name for name in config.archive_dir_path.listdir() if name.startswith(_PROOF)]


def _proves(name):
    """Does a proof of this name still belong to a partial manifest?"""
    manifest = _archived()[0].get(_proof_of(name))
    stored = name[len(_PROOF):].partition(b'.')[2]
    return bool(manifest) and name == _proof_name(config.archive_dir_path.append(manifest[0]).name, stored)


def is_interrupted():
    """Is there a partial file, or a proof of one, in the archive directory: was a backup begun and not ended?"""
    return bool(_archived()[0] or any(map(_proof_of, _proofs())))


def partial_manifest(identity):
    """The path of the partial manifest of a backup, which is there."""
    return config.archive_dir_path.append(_archived()[0][identity][0])


class Mending:
    """
    Mends the archive directory, and storage, at the begin of a run. storage is the backend that is not staged, in the
    host's wrapper. What it does not give, or take, in as many attempts as the host makes, nobody can tell: the run goes on, as
    it may not need it.
    """

    def __init__(self, storage):
        self._storage = storage
        self.backend = storage.backend  # as the host's retry() asks for it

    @backend.retry('get', fatal=False)
    def _get(self, name, local):
        """Was it fetched? Otherwise what is there is of a download that was cut off."""
        self.backend._get(name, local)
        return os.path.exists(local.name)

    @backend.retry('put', fatal=False)
    def _put(self, local, name):
        self.backend._put(local, name)

    def mend(self, names):
        partial, other = _archived()
        stored = {_metadata(name)[0]: name for name in names} if partial else {}
        for identity in partial:
            manifest = _backup_of(identity)
            signatures = _signatures_of(manifest)
            if manifest not in partial:
                if manifest in other and manifest in stored and all(map(_is_ended, partial[identity])):
                    self._finish_signatures(partial[identity], other.get(identity, []))
            elif manifest in stored:
                if identity != manifest:
                    continue
                # a host that has gone on with the backup since, and was ended, has begun its signatures anew
                are_ended = all(map(_is_ended, partial.get(signatures, [])))
                if are_ended and self._is_stored(partial[identity][0], stored[identity], names):
                    self._finish_manifest(partial[identity][0], other.get(identity, []))
                    _sync_directory(config.archive_dir_path.name)  # first, as in to_final()
                    self._finish_signatures(partial.get(signatures, []), other.get(signatures, []))
            else:
                if signatures not in partial:
                    self._reopen_signatures(other.get(signatures, []), os.path.splitext(partial[manifest][0])[1])
                for name in other.get(identity, []):
                    log.Notice(f'removing {os.fsdecode(name)}: a run was ended while it was made of the partial file')
                    config.archive_dir_path.append(name).delete()
        for name in _proofs():
            if _proof_of(name) and not _proves(name):
                config.archive_dir_path.append(name).delete()

    def give_up_signatures(self, names):
        """
        Removes from storage the signatures of a backup that lacks its manifest, and that the host gives up, as it has one
        volume at most. It forgets them then: every later run, also to verify or restore, would end in an assertion
        (duplicity 0.8.22, 3.0.4: get_sorted_chains, "len(chain_list) == 2").
        """
        partial, _other = _archived()
        backups = [identity for identity in partial if identity[0] in _SIGNATURES]
        stored = {_metadata(name)[0]: name for name in names} if backups else {}
        given_up = []
        for identity in backups:
            signatures = _signatures_of(identity)
            volumes = sum(volume(name)[0] == identity for name in names)
            if identity not in stored and signatures in stored and volumes < 2:
                log.Notice(f'removing {os.fsdecode(stored[signatures])} from storage: its backup was ended before its manifest '
                           'was stored, and is begun anew')
                given_up.append(stored[signatures])
        if given_up:
            self._storage.delete(given_up)
        return given_up

    def _reopen_signatures(self, names, extension):
        """Makes partial ones of final signatures, as stock leaves them, beside a partial manifest."""
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
        proof = archive.append(_proof_name(archive.append(partial).name, stored) if encrypted else partial)
        if not proof.exists():
            proof = archive.append(stored)  # as the host itself, and stagedir 0.1.0, has it
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
            if not self._get(stored, fetched) or not proof.getsize():
                return None
            if filecmp.cmp(fetched.name, proof.name, shallow=False):
                return _WHOLE
            # a download that was cut off must not pass for an upload that was
            size = self._storage.query_info([stored])[stored]['size']
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
        volumes = {volume(name)[1]: name for name in names if volume(name)[0] == identity}
        signed = any(_metadata(name)[0] == _signatures_of(identity) for name in names)
        if not signed or not volumes or set(volumes) != set(range(1, manifest.volumes + 1)):
            return False
        last = dup_temp.new_temppath()
        try:
            return bool(self._get(volumes[manifest.volumes], last)) and gpg.get_hash('SHA1', last) == manifest.sha1
        finally:
            last.delete()

    def _store_copy(self, source, name):
        """Stores a copy of a file that is needed here: some backends move what they are given."""
        copy = dup_temp.new_temppath()
        try:
            shutil.copyfile(source.name, copy.name)
            copy.setdata()
            self._put(copy, name)
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
