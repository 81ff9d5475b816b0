# _stageend.py - the end of a backup: its signatures and its manifest are stored, and become final
#
# Copyright (C) 2026 the authors of stagedir
# SPDX-License-Identifier: GPL-2.0-or-later

"""
duplicity writes partial files in the archive directory: X.sigtar.part and X.manifest.part. At the end of a backup it
makes a copy of each to store, stores it, removes the copy, and makes the final file. The signatures come first, then the
manifest. following() returns the class that does this with stagedir.

A run that is ended meanwhile leaves two forms of one thing. Every later run, with the plugin or without, then ends in an
assertion (duplicity 0.8.22: get_sorted_chains, "Cannot set filename"). _stagerepair.py mends what is proved to be derived
from a partial file that is still there. It leaves anything else to the host, and to that assertion.

A run that is killed between the two also leaves final signatures beside a partial manifest. The host takes these for the
signatures of the backup before. Then what is behind the newest volume never gets into the backup (duplicity 0.8.22 to
3.1.0). So here both become final when both are stored, and the manifest comes first, whatever fails and however short space
is. A final manifest beside partial signatures is a complete backup to every duplicity: these signatures are complete.

The forms to store and the final ones (_stagedir.Form) are made by threads while the host still writes the partial files.
Encrypting signatures takes an eighth of the time that volumes take, and would come behind them.

Importing this needs the extension, and changes nothing.
"""

import contextlib
import copy
import errno
import io
import os
import re
import shutil
import sys
import weakref

from duplicity import config, dup_temp, file_naming, gpg, log, path
from duplicity.backends import _stagedir, _stagehost

# The proof of a manifest: its encrypted copy, which stays in the archive directory until the manifest is final. Nothing
# else proves to a later run that what is stored is that manifest. Its name is this prefix, the size of the partial
# manifest, and the name in storage. The host does not know that name: it would take the copy for a second manifest
# (duplicity 3.1.0 ends with 5). A partial manifest only grows: if it has another size, the host has gone on since, and
# the copy proves nothing any more.
PROOF = b'stagedir-proof.'


def proof_name(manifest, stored):
    """The name of the proof that the manifest at this path is what is stored by that name."""
    return b'%s%d.%s' % (PROOF, os.stat(manifest).st_size, stored)


# The backup that signatures are of, as file_naming types.
BACKUP_OF = {'full-sig': 'full', 'new-sig': 'inc'}


def may_be_interrupted():
    """May there be a partial file, or a proof of one, in the archive directory, as a backup was begun and not ended?"""
    return any(re.search(br'\.p(art)?(\.|$)', name) or name.startswith(PROOF) for name in config.archive_dir_path.listdir())


# What makes a _stagedir.Form. beside: in a thread, beside the host. What fails is made as the host makes it, which tells why.


def compress(blocks, made, beside):
    gpg.GzipWriteFile(blocks, made, size=sys.maxsize, beside=True)


def _encrypt(blocks, made, beside):
    profile = copy.copy(config.gpg_profile)
    profile.made_beside = beside
    try:
        gpg.GPGWriteFile(blocks, made, profile, size=sys.maxsize, beside=True)
    except gpg.GPGError as error:
        # here, as what was made so far is about to go
        if _stagedir.no_space(made, 0):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), made) from error
        raise


def _copy(blocks, made, beside):
    with open(made, 'wb') as target:
        shutil.copyfileobj(blocks.fp, target)


def _is_full(error):
    return getattr(error, 'errno', None) in (errno.ENOSPC, errno.EDQUOT)


def telling(function, of_archive=False):
    """
    A function which ends the run in one line where something cannot be made or written in the archive directory, or in a
    staging directory. of_archive: it works in the archive directory alone, which is where an error without a path is then.
    """
    def function_or_end(*arguments, **keywords):
        try:
            return function(*arguments, **keywords)
        except OSError as error:
            _stagehost.end_where_it_lies(error, of_archive)
            raise
    return function_or_end


def telling_of_archive(function):
    return telling(function, True)


def _telling_if_there(method):
    """The same of a FileobjHooked, which may also be of a file elsewhere."""
    ending = telling_of_archive(method)

    def method_or_end(self, *arguments):
        return (ending if self.dirpath else method)(self, *arguments)
    return method_or_end


def sparing(stock):
    """dup_temp.get_fileobj_duppath: if there is no space, or no inode, for its file, it comes before what is made beside."""
    @telling_of_archive
    def get_fileobj_duppath(*arguments, **keywords):
        try:
            return stock(*arguments, **keywords)
        except OSError as error:
            if not _is_full(error):
                raise
            dup_temp.FileobjHooked._be_frugal(error)
        return stock(*arguments, **keywords)
    return get_fileobj_duppath


class _Sparing(io.RawIOBase):
    """
    A file that the host writes in the archive directory. If there is no space for it, what is there beside what the host
    itself would have there goes, and writing goes on.
    """
    _is_lost = False  # could such a file not be written? Then the run is about to end, and Python not to write what it has left

    def __init__(self, raw, ways):
        self._raw = raw
        self._ways = ways  # functions that make room
        self.name = raw.name

    def write(self, data):
        ways = list(self._ways)
        while not _Sparing._is_lost:
            try:
                return self._raw.write(data)
            except OSError as error:
                if not _is_full(error) or not ways:
                    _Sparing._is_lost = True
                    raise
                ways.pop(0)(error)
        return len(data)

    def writable(self):
        return True

    def seekable(self):
        return self._raw.seekable()

    def seek(self, *arguments):
        return self._raw.seek(*arguments)

    def tell(self):
        return self._raw.tell()

    def fileno(self):
        return self._raw.fileno()

    def close(self):
        if not self.closed:
            try:
                io.RawIOBase.close(self)
            finally:
                self._raw.close()


def _hand_off(_error):
    """What is staged may lie in the same file system."""
    if _stagehost.target():
        _stagehost.target().drain()


def following(stock):
    """
    dup_temp.FileobjHooked, whose other forms are made while it is written. Not if the host goes on with a partial file (tdp
    is None then): it may write that again. They are there besides what the host has in the archive directory. If there is no
    space for that, all of it is given up, for the whole run: what is stored and what becomes final is then made as the host
    makes it. A form that fails for another reason is made by the host, and the others stay. In both cases signatures become
    final behind their manifest.
    """
    class FileobjHooked(stock):
        _kept_back = []  # the FileobjHooked of signatures that are stored, until their manifest is final
        _all = weakref.WeakSet()
        _is_frugal = False  # is nothing there besides what the host has?

        def __init__(self, fileobj, tdp=None, dirpath=None, partname=None, permname=None, remname=None):
            if dirpath and isinstance(fileobj, io.BufferedWriter):
                fileobj = io.BufferedWriter(_Sparing(fileobj.detach(), (FileobjHooked._be_frugal, _hand_off)))
            stock.__init__(self, fileobj, tdp, dirpath, partname, permname, remname)
            self._forms = {}  # by the function that makes them
            FileobjHooked._all.add(self)
            if not tdp or FileobjHooked._is_frugal:
                return
            try:
                self._make_beside()
            except OSError as error:
                FileobjHooked._have_failed(error)

        def _make_beside(self):
            if file_naming.parse(self.permname).compressed:
                self._form(compress, self.name)
            remote = file_naming.parse(self.remname)
            # not where gpg may ask somebody for a passphrase, one at a time
            if remote and remote.encrypted and not config.use_agent:
                # Where there is one gpg for each CPU, that of the volume, which is waited for, is not held up by the keys of
                # these; and one of them is behind the other.
                self._form(_encrypt, self.name, 2 if remote.manifest else 1)

        def _form(self, write, *followed):
            if write not in self._forms:
                self._forms[write] = _stagedir.Form(self.dirpath.name, self.partname, write, *followed)
            return self._forms[write]

        @staticmethod
        def _be_frugal(error):
            """Gives up all that the host would not have in the archive directory."""
            if FileobjHooked._is_frugal:
                return
            FileobjHooked._is_frugal = True
            log.Info(f'from here on the archive directory holds what duplicity itself has there, and no more: {error}')
            for other in list(FileobjHooked._all):
                while other._forms:
                    other._forms.popitem()[1].abandon()

        @staticmethod
        def _have_failed(error):
            """A form could not be made: that is why the host makes this one, or, if there is no space, everything."""
            if _is_full(error):
                FileobjHooked._be_frugal(error)
            else:
                log.Info(f'another form of a file in the archive directory is made as duplicity makes it: {error}')

        @staticmethod
        def _finish_signatures():
            while FileobjHooked._kept_back:
                signatures = FileobjHooked._kept_back.pop()
                form = signatures._forms.pop(compress, None)
                if form:
                    form.replace(signatures.permname)
                else:
                    signatures._compress_at_end()

        def _compress_at_end(self):
            """As stock.to_final(), also where both forms of the signatures are more than there is space for by now."""
            partial, final = self.dirpath.append(self.partname), self.dirpath.append(self.permname)
            try:
                compress(dup_temp.SrcIter(partial), final.name, False)
                partial.delete()
            except OSError as error:
                with contextlib.suppress(OSError):
                    os.unlink(final.name)
                if not _is_full(error):
                    raise
                self._compress_elsewhere(partial, final)

        @staticmethod
        def _compress_elsewhere(partial, final):
            """
            Storage has all of the backup, and the manifest is final. So if the run is killed here, and neither form stays, every
            duplicity downloads the signatures.
            """
            made = dup_temp.new_temppath()
            compress(dup_temp.SrcIter(partial), made.name, False)
            folder = _stagedir.TemporaryDirectory(config.archive_dir_path.name)
            try:
                with open(partial.name, 'r+b') as freed:
                    partial.delete()
                    freed.truncate(0)  # whoever has it open, such as what has failed above, keeps no space
                copied = folder.mktemp()
                shutil.copyfile(made.name, copied)
                _stagedir.sync(copied)
                os.rename(copied, final.name)
                folder.forget(copied)
            finally:
                folder.cleanup()
                made.delete()

        write = _telling_if_there(stock.write)
        flush = _telling_if_there(stock.flush)
        close = _telling_if_there(stock.close)
        to_partial = _telling_if_there(stock.to_partial)

        @telling
        def to_remote(self):
            source = self._to_store()
            if not source:
                self._as_stock(stock.to_remote, self.remname)
                return
            try:
                config.backend.put(source, self.remname)
            finally:
                if isinstance(source, dup_temp.TempPath):
                    source.delete()
            self._forms = {write: form for write, form in self._forms.items() if write == compress}

        def _to_store(self):
            """The file to be stored, as a Path; None where the host is to make it."""
            parsed = file_naming.parse(self.remname)
            write = _encrypt if parsed.encrypted else compress if parsed.compressed else _copy
            is_proof = bool(parsed.encrypted and parsed.manifest)
            try:
                if not FileobjHooked._is_frugal:
                    return self._made_to_store(write, is_proof)
            except (OSError, gpg.GPGError) as error:
                self._drop(write)
                FileobjHooked._have_failed(error)
                if _is_full(error):
                    _hand_off(error)
            if FileobjHooked._is_frugal and FileobjHooked._kept_back:
                return self._spared_to_store(write, is_proof)
            return None

        def _made_to_store(self, write, is_proof):
            form = self._form(write)
            if not is_proof:
                return path.Path(form.made())
            proof = proof_name(self.dirpath.append(self.partname).name, self.remname)
            form.sync().rename(proof)
            return self.dirpath.append(proof)

        def _spared_to_store(self, write, is_proof):
            """
            The manifest to be stored, where space is short. The host has compressed signatures there by now, and here the
            partial ones still are, which are larger. So the manifest may have to be made in the staging directory. Then a run
            that is killed leaves no proof of it, as the host leaves none.
            """
            partial = self.dirpath.append(self.partname)
            proof = self.dirpath.append(proof_name(partial.name, self.remname))
            try:
                if not is_proof:
                    return self._made_to_store(write, False)
                write(dup_temp.SrcIter(partial), proof.name, False)  # without the inode of a folder
                with open(proof.name, 'rb') as made:
                    os.fsync(made.fileno())
                return proof
            except (OSError, gpg.GPGError) as error:
                self._drop(write)
                with contextlib.suppress(OSError):
                    os.unlink(proof.name)
                if not _is_full(error):
                    return None
            made = dup_temp.new_temppath()
            write(dup_temp.SrcIter(partial), made.name, False)
            made.setdata()
            return made

        def _drop(self, write):
            form = self._forms.pop(write, None)
            if form:
                form.abandon()

        def _as_stock(self, method, made):
            """
            As the host does it; but if that fails, what it has made does not stay. A manifest does, unless it could not be made:
            it is the proof of what may be stored by now.
            """
            try:
                method(self)
            except BaseException as error:
                here = isinstance(error, (OSError, gpg.GPGError)) or \
                    getattr(error, 'code', None) == log.ErrorCode.not_enough_freespace
                if self.dirpath.append(self.partname).exists() and (here or not file_naming.parse(made).manifest):
                    with contextlib.suppress(OSError):
                        os.unlink(self.dirpath.append(made).name)
                raise

        @telling_of_archive
        def to_final(self):
            parsed = file_naming.parse(self.permname)
            if parsed.type in BACKUP_OF and parsed.compressed:
                self._keep_back()
                return
            self._as_stock(stock.to_final, self.permname)
            if parsed.manifest:
                self._end_backup()

        def _keep_back(self):
            """Signatures become final later on. What they are to be then is made now, unless the host is to make it."""
            FileobjHooked._kept_back.append(self)
            if FileobjHooked._is_frugal:
                return
            try:
                self._form(compress).sync()
            except (OSError, gpg.GPGError) as error:
                self._drop(compress)
                FileobjHooked._have_failed(error)

        def _end_backup(self):
            """The manifest is final: its proof goes, and its signatures become final."""
            if self.remname != self.permname:
                self.dirpath.append(proof_name(self.dirpath.append(self.permname).name, self.remname)).delete()
            if self._kept_back:
                _stagedir.sync(self.dirpath.name)  # the manifest comes first, after a power cut too
            FileobjHooked._finish_signatures()
    return FileobjHooked
