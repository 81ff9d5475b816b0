# _stageresume.py - what of a dead run's volumes is handed off when a run begins
#
# Copyright (C) 2026 the authors of stagedir
# SPDX-License-Identifier: GPL-2.0-or-later

"""
Judges the volumes that dead runs have staged, by what is in storage and by whether this run could go on with their backup.
Importing this changes nothing.

The host goes on with a backup of which storage has two volumes or more, and begins it anew otherwise. Where it goes on, it
trusts every volume that has another behind it; and it ends, in this run and in every later one, if the first volume is not
encrypted as this run is to encrypt, or cannot be decrypted by it. So volumes are handed off behind fewer than two only where
that is so; otherwise they are discarded, and the host begins anew.
"""

import copy
import os
import re
import subprocess

from duplicity import config
from duplicity import dup_temp
from duplicity import file_naming
from duplicity import gpg
from duplicity import log
from duplicity import path
from duplicity.backends import _stagearchive
from duplicity.backends import _stagehost

# Volumes in storage from which on the host goes on with a backup.
_GOES_ON = 2


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
            log.Info(f'storage is not listed; what dead runs have recorded tells what it has: {error}')
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
        reason = _why_not_to_go_on(name, local_path)
        if reason:
            log.Notice(f'discarding {these} that a dead run left, and beginning the backup anew: {reason}')
            return extension.RESUME_DISCARD
        return None


def _why_not_to_go_on(name, local_path):
    """Why this run could not go on with a backup that has this staged volume; None if it can."""
    encrypted = bool(config.encryption)
    if bool(file_naming.parse(name).encrypted) != encrypted or \
            not name.endswith(file_naming.get_suffix(encrypted, config.compression)):
        return 'they are not encrypted and compressed as this run is to do it'
    if not encrypted:
        return None
    profile = config.gpg_profile
    try:
        if (profile.recipients or profile.hidden_recipients) and not profile.sign_key:
            return _why_not_to_these(local_path)  # the host does not decrypt then, and would mix keys
        return _why_not_decrypted(local_path)
    except (gpg.GPGError, OSError) as error:
        return f'gpg cannot tell whether this run has their keys: {str(error).strip().splitlines()[-1:]}'


def _why_not_decrypted(local_path):
    profile = copy.copy(config.gpg_profile)
    if profile.passphrase is None:
        profile.passphrase = os.environ.get('PASSPHRASE')
    if profile.passphrase is None and not config.use_agent:
        return 'the passphrase, which they must have been encrypted by, is not in the environment'
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
    if not wanted:
        return 'gpg does not tell to which keys this run encrypts'
    return None if _keys_of(local_path) == wanted else 'they are encrypted to other keys than those of this run'


def _keys_of(message):
    """The ids of the keys to which a message is encrypted, sorted; none where one is hidden, or nobody can tell."""
    command = [config.gpg_binary or 'gpg', *(config.gpg_options or '').split(), '--batch', '--no-tty', '--status-fd', '1',
               '--list-only', '--decrypt', message]
    told = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False)
    keys = sorted(re.findall(rb'^\[GNUPG:\] ENC_TO ([0-9A-F]+) ', told.stdout, re.MULTILINE))
    return [] if any(not key.strip(b'0') for key in keys) else keys
