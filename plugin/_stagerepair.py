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

import contextlib
import copy
import os
import re
import shutil
import subprocess

from duplicity import backend, config, dup_temp, file_naming, gpg, log, manifest, path
from duplicity.backends import _stagedir, _stageend, _stagehost

# Bytes at the beginning of a manifest that name machine and directory, at most: a path in which all is quoted.
_HEADING = 20000

_METADATA = re.compile(br'\.(manifest|sigtar|m|st)(\.part|\.p)?(\.gpg|\.p7m|\.gz|\.g|\.z)?$')


def _parse(name):
    """
    What the host takes a file for: the backup that it is a part of, a kind, as mending_plan() knows it, and the number of a
    volume. (None, None, 0): it is none of these. A proof is of the manifest whose name is in its own.
    """
    if name.startswith(_stageend.PROOF):
        backup, kind, _number = _parse(_of_proof(name))
        return (backup, 'proof', 0) if kind == 'manifest' else (None, None, 0)
    parsed = file_naming.parse(name)
    if not parsed or not (parsed.volume_number or _METADATA.search(name)):
        return None, None, 0
    backup = _stageend.BACKUP_OF.get(parsed.type, parsed.type), parsed.time, parsed.start_time, parsed.end_time
    if parsed.volume_number:
        return backup, 'volume', parsed.volume_number
    return backup, ('partial ' if parsed.partial else '') + ('manifest' if parsed.manifest else 'signatures'), 0


def _of_proof(name):
    """The name in storage of the manifest that a proof is of."""
    return name[len(_stageend.PROOF):].partition(b'.')[2]


def _archived():
    """The files of backups in the archive directory, (KIND, NAME), by backup."""
    found = {}
    for name in config.archive_dir_path.listdir():
        backup, kind, number = _parse(name)
        if backup and not number:
            found.setdefault(backup, []).append((kind, name))
    return found


def is_interrupted():
    """Was a backup begun and not ended?"""
    return any(kind == 'proof' or kind.startswith('partial ') for files in _archived().values() for kind, _name in files)


def repair(wrapped, staging, staged):
    """
    Hands off what is to be, of what Staging.adopt() gives, and mends. Of the backend that is not staged. Returns the Stored, as
    the host is to find it.
    """
    stored = Stored(wrapped, staging)
    if staged:
        stored.resume(staged)
        staging.drain()
        stored.look()
    if stored.is_listed:
        _stageend.telling(Mending(wrapped, stored).mend)()
    return stored


@contextlib.contextmanager
def _temporary():
    """A path for a while."""
    made = dup_temp.new_temppath()
    try:
        yield made
    finally:
        made.delete()


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
        self._archive = config.archive_dir_path

    @backend.retry('get', fatal=False)
    def _get(self, name, local):
        """Was it fetched? Otherwise what is there is of a download that was cut off."""
        self.backend._get(name, local)
        return os.path.exists(local.name)

    @backend.retry('put', fatal=False)
    def _put(self, local, name):
        self.backend._put(local, name)

    def mend(self):
        """Carries out the plan for each backup, by the method of each step: plugin/duplicity/mending.h tells what they do."""
        suffix = file_naming.get_suffix(False, True)
        for backup, files in _archived().items():
            for step, name, to in _stagedir.mending_plan(files, self._stored.files(backup), suffix):
                if getattr(self, f'_{step}')(name, to) is False:
                    break

    @_stageend.telling_of_archive
    def _check_proof(self, name, manifest):
        if name != _stageend.proof_name(self._archive.append(manifest).name, _of_proof(name)):
            self._archive.append(name).delete()

    @_stageend.telling_of_archive
    def _if_ended(self, name, _to):
        return _stagedir.is_ended(self._archive.append(name).name)

    @_stageend.telling_of_archive
    def _remove(self, name, why):
        if why:
            log.Notice(f'removing {os.fsdecode(name)}: {os.fsdecode(why)}')
        self._archive.append(name).delete()

    @_stageend.telling_of_archive
    def _rename(self, name, to):
        self._archive.append(name).rename(self._archive.append(to))
        _stagedir.sync(self._archive.name)

    @_stageend.telling_of_archive
    def _compress(self, name, to):
        _stagedir.Form(self._archive.name, name, _stageend.compress).sync().replace(to)

    @_stageend.telling_of_archive
    def _expand(self, name, to):
        def expand(_blocks, made, _beside):
            _stagedir.expand(self._archive.append(name).name, made)
        try:
            expanded = _stagedir.Form(self._archive.name, name, expand).sync()
        except _stagedir.StagingError as error:
            log.Warn(error.args[1])  # the host ends, as it cannot read it either
            return
        log.Notice(f'{os.fsdecode(name)} is of a backup that is not complete, and is made partial again')
        expanded.replace(to)

    def _give_up(self, name, why):
        if _stagehost.backs_up():
            log.Notice(f'removing {os.fsdecode(name)} from storage: {os.fsdecode(why)}')
            self._storage.delete([name])

    def _if_stored(self, partial, stored):
        """
        Is a backup, the manifest of which is stored last, to be finished: is what is stored the partial manifest, or the
        copy of it that was made to be stored? If it is the beginning of that, its upload was cut off, by storage that shows
        what it has of a file, and it is stored again. Otherwise the archive directory may be an old one.
        """
        manifest = self._archive.append(partial)
        last, sha1, is_complete = _stageend.telling_of_archive(_stagedir.read_manifest)(manifest.name)
        # of an encrypted backup nothing goes to storage that is not, whatever storage shows
        encrypted = bool(file_naming.parse(stored).encrypted)
        proof = self._archive.append(_stageend.proof_name(manifest.name, stored)) if encrypted else manifest
        if not proof.exists():
            proof = self._archive.append(stored)  # as the host itself, and stagedir 0.1.0, has it
        found = self._compare_stored(stored, proof) if is_complete and proof.exists() else None
        if found == 'in part' and encrypted == bool(config.encryption) and self._has_all(_parse(stored)[0], last, sha1):
            log.Notice(f'storing {os.fsdecode(stored)} again: it was stored in part')
            with _temporary() as copied:  # some backends move what they are given
                shutil.copyfile(proof.name, copied.name)
                copied.setdata()
                self._put(copied, stored)
            found = self._compare_stored(stored, proof)
        if found == 'whole':
            log.Notice(f'finishing the backup of {os.fsdecode(stored)}: it was ended when all of it was stored')
        else:
            log.Warn(f'{os.fsdecode(stored)} in storage and {os.fsdecode(partial)} in the archive directory differ')
        return found == 'whole'

    def _compare_stored(self, stored, proof):
        """What is stored of proof: 'whole', 'in part', or None, where it is something else, or nobody can tell."""
        with _temporary() as fetched:
            if not self._get(stored, fetched) or not proof.getsize():
                return None
            found = _stagedir.compare(proof.name, fetched.name)
            # a download that was cut off must not pass for an upload that was
            size = self._storage.query_info([stored])[stored]['size'] if found == 'in part' else None
            return found if size in (None, os.stat(fetched.name).st_size) else None

    def _has_all(self, backup, last, sha1):
        """
        Is all in storage that a manifest tells of? That the archive directory is of this very backup and no older one is
        shown by the last volume, which is the one that a restarted run makes again.
        """
        volumes = self._stored.volumes(backup)
        if not self._stored.has_signatures(backup) or not volumes or set(volumes) != set(range(1, last + 1)):
            return False
        with _temporary() as fetched:
            return bool(self._get(volumes[last], fetched)) and gpg.get_hash('SHA1', fetched) == sha1


class Stored:
    """
    What is in storage when the run begins: names, as storage lists them. Where neither the host lists it (--no-check-remote)
    nor storage lets us, these are the names that dead runs have recorded as confirmed, and is_listed is False.
    """

    def __init__(self, wrapped, staging):
        self._wrapped = wrapped
        self._staging = staging
        self._confirmed = staging.confirmed() if staging else []
        self.look()

    def look(self):
        """Looks, again."""
        names = self._list()
        self.is_listed = names is not None
        self._found = {}
        for name in self._recorded() if names is None else names:
            backup, kind, number = _parse(name)
            self._found.setdefault(backup, {})[kind, number] = name

    def _list(self):
        if _stagehost.lists_storage():
            return config.backend.list()  # with the attempts and the errors of the host's
        try:
            return [os.fsencode(name) for name in self._wrapped._list()]
        except Exception as error:
            reason = _stagedir.without_secrets(str(error))
            log.Info(f'storage is not listed; what dead runs have recorded tells what it has: {reason}')
            return None

    def _recorded(self):
        """As volumes are stored one behind the other, storage has all before one that was confirmed."""
        return sorted({re.sub(br'(?<=\.vol)\d+(?=\.)', b'%d' % number, name)
                       for name in self._confirmed for number in range(1, _parse(name)[2] + 1)})

    def files(self, backup):
        """The files of a backup, (KIND, NAME)."""
        return [(kind, name) for (kind, _number), name in self._found.get(backup, {}).items()]

    def has_signatures(self, backup):
        return ('signatures', 0) in self._found.get(backup, {})

    def volumes(self, backup):
        """The names of the volumes of a backup, by number."""
        return {number: name for (_kind, number), name in self._found.get(backup, {}).items() if number}

    def volumes_of(self, backup_set):
        return self.volumes((backup_set.type, backup_set.time, backup_set.start_time, backup_set.end_time))

    def resume(self, staged):
        """Hands off what is to be, of (NAME, PATH), in order of the numbers of the volumes."""
        backups = [_parse(name)[0] for name, _path in staged]
        certain = set(map(_parse, self._confirmed))
        stored = [(repr(backup), number, (backup, 'volume', number) in certain)
                  for backup in self._found for number in self.volumes(backup)]
        self._confirmed += self._staging.resume([repr(backup) if backup else '' for backup in backups], stored,
                                                _why_not_to_go_on if _stagehost.backs_up() else None)


class _CannotTell(Exception):
    """Why it cannot be told whether this run could go on with a backup."""


def _why_not_to_go_on(name, local_path):
    """Why this run could not go on with the backup that has this staged volume, as Staging.resume() asks."""
    try:
        reason = _reason(name, local_path)
    except (gpg.GPGError, OSError, _CannotTell) as error:
        return False, _last_line(error)
    return reason and (True, reason)


def _last_line(error):
    """What an error says, in one line: the last one of gpg's log, which the host frames, and its kind where it says nothing."""
    lines = [line for line in str(error).splitlines() if line.strip() and not line.startswith('=====')]
    return lines[-1].strip() if lines else type(error).__name__


def _reason(name, local_path):
    encrypted = bool(config.encryption)
    if not _has_source(_parse(name)[0]):
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
    line = b'\nLocaldir %s\n' % manifest.Quote(config.local_path.name)
    name = dict(_archived().get(backup, [])).get('partial manifest')
    if not name:
        raise _CannotTell('with the options of this run (--file-prefix-manifest) its partial manifest is not known')
    with config.archive_dir_path.append(name).open('rb') as file:
        return line in b'\n' + file.read(_HEADING)


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
    with _temporary() as probe:
        message = gpg.GPGFile(True, probe, config.gpg_profile)
        message.write(b'stagedir')
        message.close()
        wanted = _keys_of(probe.name)
    if not wanted or not all(key.strip(b'0') for key in wanted):
        raise _CannotTell('gpg does not tell to which keys this run encrypts')
    return None if _keys_of(local_path) == wanted else 'they are encrypted to other keys than those of this run'


def _keys_of(message):
    """The ids of the keys to which a message is encrypted, sorted; all zeros where one is hidden."""
    command = [config.gpg_binary or 'gpg', *(config.gpg_options or '').split(), '--batch', '--no-tty', '--status-fd', '1',
               '--list-only', '--decrypt', message]
    told = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False)
    return sorted(re.findall(rb'^\[GNUPG:\] ENC_TO ([0-9A-F]+) ', told.stdout, re.MULTILINE))
