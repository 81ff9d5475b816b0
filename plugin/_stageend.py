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
3.1.0). So here both become final when both are stored, and the manifest comes first. A final manifest beside partial
signatures is a complete backup to every duplicity: these signatures are complete.

The forms to store and the final ones (_stagedir.Form) are made by threads while the host still writes the partial files.
Encrypting signatures takes an eighth of the time that volumes take, and would come behind them.

Importing this needs the extension, and changes nothing.
"""

import copy
import os
import re
import sys

from duplicity import config, file_naming, gpg, path
from duplicity.backends import _stagedir

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


# What makes a _stagedir.Form. beside: in a thread, beside the host.


def compress(blocks, made, beside):
    gpg.GzipWriteFile(blocks, made, size=sys.maxsize, beside=beside)


def _encrypt(blocks, made, beside):
    profile = copy.copy(config.gpg_profile)
    profile.made_beside = beside
    gpg.GPGWriteFile(blocks, made, profile, size=sys.maxsize, beside=beside)


def following(stock):
    """
    dup_temp.FileobjHooked, whose other forms are made while it is written. Not if the host goes on with a partial file (tdp
    is None then): it may write that again.
    """
    class FileobjHooked(stock):
        _kept_back = []  # compressed signatures that are stored, and their names, until their manifest is final

        def __init__(self, fileobj, tdp=None, dirpath=None, partname=None, permname=None, remname=None):
            stock.__init__(self, fileobj, tdp, dirpath, partname, permname, remname)
            self._forms = {}  # by the function that makes them
            if not tdp:
                return
            if file_naming.parse(permname).compressed:
                self._form(compress, self.name)
            remote = file_naming.parse(remname)
            # not where gpg may ask somebody for a passphrase, one at a time
            if remote and remote.encrypted and not config.use_agent:
                # Where there is one gpg for each CPU, that of the volume, which is waited for, is not held up by the keys of
                # these; and one of them is behind the other.
                self._form(_encrypt, self.name, 2 if remote.manifest else 1)

        def _form(self, write, *followed):
            if write not in self._forms:
                self._forms[write] = _stagedir.Form(self.dirpath.name, self.partname, write, *followed)
            return self._forms[write]

        def to_remote(self):
            parsed = file_naming.parse(self.remname)
            if parsed.encrypted and parsed.manifest:
                proof = proof_name(self.dirpath.append(self.partname).name, self.remname)
                self._form(_encrypt).sync().rename(proof)
                config.backend.put(self.dirpath.append(proof), self.remname)
            elif parsed.encrypted:
                config.backend.put(path.Path(self._form(_encrypt).made()), self.remname)
            elif parsed.type in BACKUP_OF and parsed.compressed:
                config.backend.put(path.Path(self._form(compress).made()), self.remname)
            else:
                stock.to_remote(self)

        def to_final(self):
            parsed = file_naming.parse(self.permname)
            if parsed.type in BACKUP_OF and parsed.compressed:
                self._kept_back.append((self._form(compress).sync(), self.permname))
                return
            stock.to_final(self)
            if parsed.manifest:
                self._end_backup()

        def _end_backup(self):
            """The manifest is final: its proof goes, and its signatures become final."""
            if self.remname != self.permname:
                self.dirpath.append(proof_name(self.dirpath.append(self.permname).name, self.remname)).delete()
            if self._kept_back:
                _stagedir.sync(self.dirpath.name)  # the manifest comes first, after a power cut too
            while self._kept_back:
                form, name = self._kept_back.pop()
                form.replace(name)
    return FileobjHooked
