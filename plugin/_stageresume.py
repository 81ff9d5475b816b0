# _stageresume.py - what of a dead run's volumes is handed off when a run begins
#
# Copyright (C) 2026 the authors of stagedir
# SPDX-License-Identifier: GPL-2.0-or-later

"""
Judges the volumes that dead runs have staged, by what is in storage and by whether this run could go on with their backup.
Importing this changes nothing.

The host goes on with a backup of which storage has two volumes or more, and begins it anew otherwise. Where it goes on, it
trusts every volume that has another behind it, and asks little else: it does not see that the source is another one, nor, of
what is encrypted to keys, that these are others; and where it does see that it cannot decrypt the first volume, this run and
every later one end. So volumes are handed off behind fewer than two only where source, encryption and keys are those of this
run. Otherwise they are discarded, or, where nobody can tell, left; and the host begins anew.
"""

import copy
import io
import os
import re
import subprocess

from duplicity import config
from duplicity import dup_temp
from duplicity import file_naming
from duplicity import gpg
from duplicity import log
from duplicity import manifest
from duplicity import path
from duplicity.backends import _stagearchive
from duplicity.backends import _stagehost

# Volumes in storage from which on the host goes on with a backup.
_GOES_ON = 2

# Bytes at the beginning of a manifest that name machine and directory, at most: a path in which all is quoted.
_HEADING = 20000


class Stored:
    """
    What is in storage when the run begins: names, as storage lists them. Where neither the host lists it (--no-check-remote)
    nor storage lets us, names are those that dead runs have recorded as confirmed, and is_listed is False.
    """

    def __init__(self, wrapped, staging):
        self._wrapped = wrapped
        self._confirmed = staging.confirmed() if staging else []
        self._handed_off = []
        self.look()

    def look(self):
        """Looks, again."""
        names = self._list()
        self.is_listed = names is not None
        self.names = self._recorded() if names is None else names
        self._volumes = {}
        for name in self.names:
            identity, number = _stagearchive.volume(name)
            self._volumes.setdefault(identity, {})[number] = name
        self._certain = {_stagearchive.volume(name) for name in self._confirmed + self._handed_off}

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
        names = set()
        for name in self._confirmed + self._handed_off:
            last = _stagearchive.volume(name)[1]
            names.update(re.sub(br'(?<=\.vol)\d+(?=\.)', b'%d' % number, name) for number in range(1, last + 1))
        return sorted(names)

    def volumes_of(self, backup_set):
        """The names of the volumes of a BackupSet, by number."""
        identity = backup_set.type, backup_set.time, backup_set.start_time, backup_set.end_time
        return self._volumes.get(identity, {})

    def judge(self, staged):
        """A verdict for each of what Staging.adopt() gives: a name and a path, in order of the numbers of the volumes."""
        obstacles = {}
        verdicts = []
        for name, local_path in staged:
            identity, number = _stagearchive.volume(name)
            if identity not in obstacles:
                count = sum(_stagearchive.volume(other)[0] == identity for other, _path in staged)
                obstacles[identity] = self._obstacle(identity, name, local_path, count)
            verdict = obstacles[identity]
            verdicts.append(self._verdict(identity, number, name) if verdict is None else verdict)
        return verdicts

    def _verdict(self, identity, number, name):
        """
        The host trusts every volume in storage that has another behind it: such a one is never touched, and none is put
        behind one that may be there in part. The last one may be, unless it was confirmed.
        """
        extension = _stagehost.extension()
        volumes = self._volumes.setdefault(identity, {})
        last = max(volumes, default=0)
        if number < last and number in volumes:
            return extension.RESUME_STORED
        if number > last + 1 or (number == last + 1 and last and (identity, last) not in self._certain):
            return extension.RESUME_GAP
        volumes[number] = name
        self._certain.add((identity, number))
        self._handed_off.append(name)
        return extension.RESUME_HAND_OFF

    def _obstacle(self, identity, name, local_path, count):
        """The verdict for all volumes of a backup that is not to be gone on with, which is said; None where it is."""
        extension = _stagehost.extension()
        these = f'{count} staged volume{"s" if count > 1 else ""}, {os.fsdecode(name)} {"and behind" if count > 1 else "alone"},'
        if identity is None:
            log.Notice(f'the volume {os.fsdecode(name)} that a dead run staged is left there: with the options of this run '
                       '(--file-prefix, --short-filenames) that is no name of a volume')
            return extension.RESUME_LEAVE
        if len(self._volumes.get(identity, {})) >= _GOES_ON:
            return None
        if not _stagehost.backs_up():
            log.Notice(f'{these} are left there: storage has fewer than {_GOES_ON} volumes of their backup, so that the next '
                       'backup decides, by its options and keys, whether it goes on with it')
            return extension.RESUME_LEAVE
        try:
            reason = _why_not_to_go_on(identity, name, local_path)
        except (gpg.GPGError, OSError, _CannotTell) as error:
            log.Notice(f'{these} are left there, and the backup is begun anew, as nobody can tell whether this run could go on with '
                       f'it: {str(error).strip().splitlines()[-1]}')
            return extension.RESUME_LEAVE
        if reason:
            log.Notice(f'discarding {these} that a dead run left, and beginning the backup anew: {reason}')
            return extension.RESUME_DISCARD
        return None


class _CannotTell(Exception):
    """Why it cannot be told whether this run could go on with a backup."""


def _why_not_to_go_on(identity, name, local_path):
    """Why this run could not go on with a backup that has this staged volume; None if it can."""
    encrypted = bool(config.encryption)
    if not _has_source(identity):
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


def _has_source(identity):
    """
    Is the partial manifest of a backup one of the directory that this run backs up? The name of its machine does not count: a
    container has another one each time.
    """
    wanted = io.BytesIO()
    manifest.Manifest(fh=wanted).set_dirinfo()
    with _stagearchive.partial_manifest(identity).open('rb') as file:
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
