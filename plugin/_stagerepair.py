# _stagerepair.py - the begin of a run behind one that was ended
#
# Copyright (C) 2026 the authors of stagedir
# SPDX-License-Identifier: GPL-2.0-or-later

"""
Hands off what dead runs have staged, and mends what one that was ended has left in the archive directory and in storage.
Imported only where there is something of the kind, and that changes nothing.

The host goes on with a backup if storage has two volumes of it or more. Otherwise it begins it anew. When it goes on, it
trusts every volume that has another behind it, and asks little else. It does not see that the source is another one, or
that volumes are encrypted to other keys. If it sees that it cannot decrypt the first volume, this run ends, and every later
one. So behind fewer than two volumes others are handed off only if source, encryption and keys are those of this run.
If not, they are discarded; if nobody can tell, they are left. In both cases the host begins anew.

Who else judges staged volumes: plugin/duplicity/stored.h.
"""

import copy
import gzip
import io
import os
import re
import shutil
import subprocess
import zlib

from duplicity import backend, config, dup_temp, file_naming, gpg, log, manifest, path
from duplicity.backends import _stageend, _stagehost

# Volumes in storage from which on the host goes on with a backup.
_GOES_ON = 2

# Bytes at the beginning of a manifest that name machine and directory, at most: a path in which all is quoted.
_HEADING = 20000

_METADATA = re.compile(br'\.(manifest|sigtar|m|st)(\.part|\.p)?(\.gpg|\.p7m|\.gz|\.g|\.z)?$')


def _parse(name):
    """
    Which backup the host takes a file for a part of, by (BACKUP, KIND), and the number of a volume, or whether another file
    is partial. KIND is 'volume', 'manifest', 'signatures', or None, where it is none of these.
    """
    parsed = file_naming.parse(name)
    if not parsed or not (parsed.volume_number or _METADATA.search(name)):
        return (None, None), 0
    backup = _stageend.BACKUP_OF.get(parsed.type, parsed.type), parsed.time, parsed.start_time, parsed.end_time
    if parsed.volume_number:
        return (backup, 'volume'), parsed.volume_number
    return (backup, 'manifest' if parsed.manifest else 'signatures'), bool(parsed.partial)


def _archived():
    """The partial files in the archive directory, and the others, by what they are; proofs apart."""
    partial, other = {}, {}
    for name in config.archive_dir_path.listdir():
        what, is_partial = _parse(name)
        if what[1] in ('manifest', 'signatures'):
            (partial if is_partial else other).setdefault(what, []).append(name)
    return partial, other


def _proofs():
    """The proofs in the archive directory, by what they are of and the name of that in storage."""
    names = (name for name in config.archive_dir_path.listdir() if name.startswith(_stageend.PROOF))
    stored = {name: name[len(_stageend.PROOF):].partition(b'.')[2] for name in names}
    return {name: (_parse(of)[0], of) for name, of in stored.items() if _parse(of)[0][1] == 'manifest'}


def is_interrupted():
    """Was a backup begun and not ended?"""
    return bool(_archived()[0] or _proofs())


def _expand(blocks, made, _beside):
    with gzip.GzipFile(fileobj=blocks.fp) as source, open(made, 'wb') as target:
        shutil.copyfileobj(source, target)


def _is_ended(name):
    return _stagehost.extension().is_ended(config.archive_dir_path.append(name).name)


def _remove(name, why):
    log.Notice(f'removing {os.fsdecode(name)}: {why}')
    config.archive_dir_path.append(name).delete()


class Mending:
    """
    Mends the archive directory, and storage, at the begin of a run. What storage does not give, or take, in as many attempts
    as the host makes, nobody can tell: the run goes on, as it may not need it.
    """

    def __init__(self, wrapped, stored):
        """Of the backend that is not staged, and the Stored that has been listed."""
        self.backend = wrapped  # as the host's retry() asks for it
        self._storage = backend.BackendWrapper(wrapped)
        self._stored = stored

    @backend.retry('get', fatal=False)
    def _get(self, name, local):
        """Was it fetched? Otherwise what is there is of a download that was cut off."""
        self.backend._get(name, local)
        return os.path.exists(local.name)

    @backend.retry('put', fatal=False)
    def _put(self, local, name):
        self.backend._put(local, name)

    def mend(self):
        partial, other = _archived()
        for backup in {what[0] for what in partial}:
            manifest, signatures = (backup, 'manifest'), (backup, 'signatures')
            pending = partial.get(signatures, [])
            stored = self._stored.name(manifest)
            if stored:
                # a host that has gone on with the backup since, and was ended, has begun its signatures anew
                if all(map(_is_ended, pending)) and self._has_manifest(partial.get(manifest), other.get(manifest, []), stored):
                    self._finish_signatures(pending, other.get(signatures, []))
            elif manifest in partial:
                if not pending:
                    self._reopen_signatures(other.get(signatures, []), os.path.splitext(partial[manifest][0])[1])
                for name in other.get(manifest, []) + (other.get(signatures, []) if pending else []):
                    _remove(name, 'a run was ended while it was made of the partial file')
        for name, (what, stored) in _proofs().items():
            manifest = _archived()[0].get(what)
            if not manifest or name != _stageend.proof_name(config.archive_dir_path.append(manifest[0]).name, stored):
                config.archive_dir_path.append(name).delete()

    def _has_manifest(self, partial, copies, stored):
        """Is the manifest final in the archive directory, as it is in storage? Where it can, it is made so."""
        archive = config.archive_dir_path
        if not partial:
            return bool(copies)
        if not self._is_stored(partial[0], stored):
            return False
        final = os.path.splitext(partial[0])[0]
        for name in copies:
            if name != final:
                archive.append(name).delete()
        archive.append(partial[0]).rename(archive.append(final))
        _stagehost.extension().sync(archive.name)  # first, as in to_final()
        return True

    def give_up_signatures(self):
        """
        Removes from storage the signatures of a backup that lacks its manifest, and that the host gives up, as it has one
        volume at most. It forgets them then: every later run, also to verify or restore, would end in an assertion
        (duplicity 0.8.22, 3.0.4: get_sorted_chains, "len(chain_list) == 2").
        """
        given_up = []
        for backup, kind in _archived()[0]:
            name = self._stored.name((backup, 'signatures'))
            if kind == 'manifest' and name and not self._stored.name((backup, kind)) and len(self._stored.volumes(backup)) < 2:
                log.Notice(f'removing {os.fsdecode(name)} from storage: its backup was ended before its manifest '
                           'was stored, and is begun anew')
                given_up.append(name)
        if given_up:
            self._storage.delete(given_up)

    def _reopen_signatures(self, names, extension):
        """Makes partial ones of final signatures, as stock leaves them, beside a partial manifest."""
        final = file_naming.get_suffix(False, True)
        for name in names:
            if not name.endswith(final):
                continue
            try:
                expanded = _stagehost.extension().Form(config.archive_dir_path.name, name, _expand).sync()
            except (EOFError, zlib.error, gzip.BadGzipFile) as error:
                log.Warn(f'{os.fsdecode(name)} in the archive directory is damaged: {error}')  # which ends the host
                continue
            log.Notice(f'{os.fsdecode(name)} is of a backup that is not complete, and is made partial again')
            expanded.replace(name[:-len(final)] + extension)

    def _finish_signatures(self, partial, copies):
        """Makes final signatures of partial ones, in the place of any copies."""
        archive = config.archive_dir_path
        for name in partial:
            for copy_of_it in copies:
                archive.append(copy_of_it).delete()
            form = _stagehost.extension().Form(archive.name, name, _stageend.compress).sync()
            form.replace(os.path.splitext(name)[0] + file_naming.get_suffix(False, True))

    def _is_stored(self, partial, stored):
        """
        Is a backup, the manifest of which is stored last, to be finished: is what is stored the partial manifest, or the
        copy of it that was made to be stored? If it is the beginning of that, its upload was cut off, by storage that shows
        what it has of a file, and it is stored again. Otherwise the archive directory may be an old one.
        """
        archive = config.archive_dir_path
        last, sha1, is_complete = _stagehost.extension().read_manifest(archive.append(partial).name)
        # of an encrypted backup nothing goes to storage that is not, whatever storage shows
        encrypted = bool(file_naming.parse(stored).encrypted)
        proof = archive.append(_stageend.proof_name(archive.append(partial).name, stored) if encrypted else partial)
        if not proof.exists():
            proof = archive.append(stored)  # as the host itself, and stagedir 0.1.0, has it
        found = self._compare_stored(stored, proof) if is_complete and proof.exists() else None
        if found == 'in part' and encrypted == bool(config.encryption) and self._has_all(_parse(stored)[0][0], last, sha1):
            log.Notice(f'storing {os.fsdecode(stored)} again: it was stored in part')
            self._store_copy(proof, stored)
            found = self._compare_stored(stored, proof)
        if found == 'whole':
            log.Notice(f'finishing the backup of {os.fsdecode(stored)}: it was ended when all of it was stored')
        else:
            log.Warn(f'{os.fsdecode(stored)} in storage and {os.fsdecode(partial)} in the archive directory differ')
        return found == 'whole'

    def _compare_stored(self, stored, proof):
        """What is stored of proof: 'whole', 'in part', or None, where it is something else, or nobody can tell."""
        fetched = dup_temp.new_temppath()
        try:
            if not self._get(stored, fetched) or not proof.getsize():
                return None
            found = _stagehost.extension().compare(proof.name, fetched.name)
            # a download that was cut off must not pass for an upload that was
            size = self._storage.query_info([stored])[stored]['size'] if found == 'in part' else None
            return found if size in (None, os.stat(fetched.name).st_size) else None
        finally:
            fetched.delete()

    def _has_all(self, backup, last, sha1):
        """
        Is all in storage that a manifest tells of? That the archive directory is of this very backup and no older one is
        shown by the last volume, which is the one that a restarted run makes again.
        """
        volumes = self._stored.volumes(backup)
        if not self._stored.name((backup, 'signatures')) or not volumes or set(volumes) != set(range(1, last + 1)):
            return False
        fetched = dup_temp.new_temppath()
        try:
            return bool(self._get(volumes[last], fetched)) and gpg.get_hash('SHA1', fetched) == sha1
        finally:
            fetched.delete()

    def _store_copy(self, source, name):
        """Stores a copy of a file that is needed here: some backends move what they are given."""
        copied = dup_temp.new_temppath()
        try:
            shutil.copyfile(source.name, copied.name)
            copied.setdata()
            self._put(copied, name)
        finally:
            copied.delete()


class Stored:
    """
    What is in storage when the run begins: names, as storage lists them. Where neither the host lists it (--no-check-remote)
    nor storage lets us, these are the names that dead runs have recorded as confirmed, and is_listed is False.
    """

    def __init__(self, wrapped, staging):
        self._wrapped = wrapped
        self._confirmed = staging.confirmed() if staging else []
        self.look()

    def look(self):
        """Looks, again."""
        names = self._list()
        self.is_listed = names is not None
        self._found = {}
        for name in self._recorded() if names is None else names:
            what, number = _parse(name)
            self._found.setdefault(what, {})[number] = name

    def _list(self):
        if _stagehost.lists_storage():
            return config.backend.list()  # with the attempts and the errors of the host's
        try:
            return [os.fsencode(name) for name in self._wrapped._list()]
        except Exception as error:
            reason = _stagehost.extension().without_secrets(str(error))
            log.Info(f'storage is not listed; what dead runs have recorded tells what it has: {reason}')
            return None

    def _recorded(self):
        """As volumes are stored one behind the other, storage has all before one that was confirmed."""
        return sorted({re.sub(br'(?<=\.vol)\d+(?=\.)', b'%d' % number, name)
                       for name in self._confirmed for number in range(1, _parse(name)[1] + 1)})

    def name(self, what):
        """The name of a manifest or of signatures; None where storage has none."""
        return self._found.get(what, {}).get(False)

    def volumes(self, backup):
        """The names of the volumes of a backup, by number."""
        return self._found.get((backup, 'volume'), {})

    def volumes_of(self, backup_set):
        return self.volumes((backup_set.type, backup_set.time, backup_set.start_time, backup_set.end_time))

    def resume(self, staging, staged):
        """Hands off what is to be, of what Staging.adopt() gives: (NAME, PATH), in order of the numbers of the volumes."""
        backups = [_parse(name)[0][0] for name, _path in staged]
        verdicts = {}
        for backup, (name, local_path) in zip(backups, staged):
            if backup not in verdicts:
                verdicts[backup] = self._judge(backup, name, local_path, backups.count(backup))
        certain = set(map(_parse, self._confirmed))
        stored = [(repr(what[0]), number, (what, number) in certain) for what, volumes in self._found.items()
                  for number in volumes if what[1] == 'volume']
        self._confirmed += staging.resume([(repr(backup), verdicts[backup]) for backup in backups], stored)

    def _judge(self, backup, name, local_path, count):
        """What becomes of all staged volumes of a backup: storage decides where it is gone on with, otherwise it is said."""
        extension = _stagehost.extension()
        these = f'{count} staged volume{"s" if count > 1 else ""}, {os.fsdecode(name)} {"and behind" if count > 1 else "alone"},'
        if backup is None:
            log.Notice(f'the volume {os.fsdecode(name)} that a dead run staged is left there: with the options of this run '
                       '(--file-prefix, --short-filenames) that is no name of a volume')
            return extension.RESUME_LEAVE
        if len(self.volumes(backup)) >= _GOES_ON:
            return extension.RESUME_JUDGE
        if not _stagehost.backs_up():
            log.Notice(f'{these} are left there: storage has fewer than {_GOES_ON} volumes of their backup, so that the next '
                       'backup decides, by its options and keys, whether it goes on with it')
            return extension.RESUME_LEAVE
        try:
            reason = _why_not_to_go_on(backup, name, local_path)
        except (gpg.GPGError, OSError, _CannotTell) as error:
            log.Notice(f'{these} are left there, and the backup is begun anew, as nobody can tell whether this run could go on with '
                       f'it: {str(error).strip().splitlines()[-1]}')
            return extension.RESUME_LEAVE
        if reason:
            log.Notice(f'discarding {these} that a dead run left, and beginning the backup anew: {reason}')
            return extension.RESUME_DISCARD
        return extension.RESUME_JUDGE


class _CannotTell(Exception):
    """Why it cannot be told whether this run could go on with a backup."""


def _why_not_to_go_on(backup, name, local_path):
    """Why this run could not go on with a backup that has this staged volume; None if it can."""
    encrypted = bool(config.encryption)
    if not _has_source(backup):
        return 'they are of another source'
    if bool(file_naming.parse(name).encrypted) != encrypted or \
            not name.endswith(file_naming.get_suffix(encrypted, config.compression)):
        return 'they are not encrypted and compressed as this run is to do it'
    if not encrypted:
        return None
    profile = config.gpg_profile
    if not profile.recipients and not profile.hidden_recipients:
        if _keys_of(local_path):
            return 'they are encrypted to keys, and this run encrypts by a passphrase'
        return _why_not_decrypted(local_path)
    # the host looks at no keys, and would mix them; without a key to sign by it does not decrypt either
    reason = _why_not_to_these(local_path)
    return reason or (_why_not_decrypted(local_path) if profile.sign_key else None)


def _has_source(backup):
    """
    Is the partial manifest of a backup one of the directory that this run backs up? The name of its machine does not count: a
    container has another one each time.
    """
    wanted = io.BytesIO()
    manifest.Manifest(fh=wanted).set_dirinfo()
    with config.archive_dir_path.append(_archived()[0][backup, 'manifest'][0]).open('rb') as file:
        return _localdir(file.read(_HEADING)) == _localdir(wanted.getvalue())


def _localdir(text):
    """The line of a manifest that names the directory, in the text at its beginning."""
    found = re.search(rb'^Localdir .*$', text, re.MULTILINE)
    return found and found[0]


def _passphrase():
    """What the host would take, without asking anybody."""
    profile = config.gpg_profile
    if profile.passphrase is not None:
        return profile.passphrase
    if profile.sign_key and profile.sign_key in profile.recipients + profile.hidden_recipients:
        return os.environ.get('PASSPHRASE', os.environ.get('SIGN_PASSPHRASE'))
    return os.environ.get('PASSPHRASE')


def _why_not_decrypted(local_path):
    profile = copy.copy(config.gpg_profile)
    profile.passphrase = _passphrase()
    if profile.passphrase is None and not config.use_agent:
        raise _CannotTell('the passphrase is not in the environment')
    volume = gpg.GPGFile(False, path.Path(local_path), profile)
    try:
        while volume.read(1 << 20):
            pass
        volume.close()
    except gpg.GPGError:
        return 'gpg does not decrypt them by the passphrase and the keys of this run'
    signed, wanted = volume.get_signature() or 'None', profile.sign_key or 'None'
    shorter = min(len(signed), len(wanted))
    return None if signed[-shorter:] == wanted[-shorter:] else 'they are not signed by the key of this run'


def _why_not_to_these(local_path):
    probe = dup_temp.new_temppath()
    try:
        message = gpg.GPGFile(True, probe, config.gpg_profile)
        message.write(b'stagedir')
        message.close()
        wanted = _keys_of(probe.name)
    finally:
        probe.delete()
    if not wanted or not all(key.strip(b'0') for key in wanted):
        raise _CannotTell('gpg does not tell to which keys this run encrypts')
    return None if _keys_of(local_path) == wanted else 'they are encrypted to other keys than those of this run'


def _keys_of(message):
    """The ids of the keys to which a message is encrypted, sorted; all zeros where one is hidden."""
    command = [config.gpg_binary or 'gpg', *(config.gpg_options or '').split(), '--batch', '--no-tty', '--status-fd', '1',
               '--list-only', '--decrypt', message]
    told = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False)
    return sorted(re.findall(rb'^\[GNUPG:\] ENC_TO ([0-9A-F]+) ', told.stdout, re.MULTILINE))
