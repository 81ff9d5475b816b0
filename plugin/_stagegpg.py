# _stagegpg.py - the gpg that duplicity encrypts by: what it is given, and whether it may be given that
#
# Copyright (C) 2026 the authors of stagedir
# SPDX-License-Identifier: GPL-2.0-or-later

"""
duplicity has gpg compress what it encrypts. gpg does that by one thread, and slowly. Here it is given a compressed packet
that is ready (core/openpgp.h), and only encrypts. Keys, ciphers and signatures stay gpg's alone.

Where it is to sign, a gpg of its own does that, before: gpg --sign makes the packets that a message of gpg --sign --encrypt has
inside of its compressed packet (plugin/archive/signing.h). Its digest is the one that gpg chooses without recipients.

Such a packet takes options of gpg that are hardly used, so nothing is relied upon: a message that is made this way by this
gpg, with the user's options and a throw-away passphrase, is decrypted by it first. Where that fails, or where something
that the user has said would be overridden, gpg compresses as ever. No trial signs, as the user might be asked for a passphrase.

What gpg decrypts it would inflate as well, in the same thread. It is asked for what was encrypted (--unwrap), and a thread of
C's inflates that (core/unwrapped.h). Of anything but data that are only encrypted, such as a signed message, gpg makes all, as
ever: only gpg can check a signature.

Before gpg gives anything it makes a key of the passphrase, for some tenths of a second. So that of the volume behind the one that is
read is started before its turn comes, once that volume is there and has the hash that the manifest names (_stagefetch.py). It
decrypts as much as its pipe takes, and waits. What it says is told when the turn comes.

Importing this needs the extension, and changes nothing.
"""

import contextlib
import copy
import errno
import fcntl
import io
import locale
import os
import secrets
import signal
import sys
import tempfile
import threading

from duplicity import config, dup_temp, gpg, gpginterface, log, path, tempdir
from duplicity.backends import _stagedir, _stagehost

# Behind the user's own.
_UNCOMPRESSED = '--compress-algo', 'none'
_OPTIONS = '--no-literal', *_UNCOMPRESSED

_UNWRAP = '--unwrap'
_UNWRAP_SINCE = 2, 2  # versions of gpg

# So much is read of a message at once.
_PIECE_BYTES = 1024 * 1024

# A message of the proof keeps no secret: gpg need not take a fifth of a second to make a key of its passphrase.
_QUICK = '--s2k-count', '65536'

# So much may gpg decrypt before anybody reads it: it works on while what it gave is compared, or written. A user has a limit
# for all pipes, 64 MiB, and a chain has a gpg for each of its backups.
_PIPE_BYTES = 256 * 1024

# By how much the gpg of signatures is nicer (nice(2)) than that of the volumes, where it compresses them: nobody waits for
# it until they are done.
_NICE = 5

# The host has its ends of gpg's pipes inherited by whatever is started meanwhile, which then keeps them open.
_starting = threading.Lock()

# values: what the gpg that this thread starts has instead of what is in config.
_instead = threading.local()

_ahead = {}  # the GPGFile, by path, of a volume whose turn is to come; at most one

_unwrapping = True  # False once there was a message, or a gpg, for which that was in vain

_proving = threading.Lock()
_proved = {}  # by gpg and its options: why it compresses itself, and how many keys the options name


class Config:
    """
    config, as the host's module gpg has it. A gpg that is made here has options of its own; other threads, and other modules
    of the host, see what the user has said all the while.
    """

    def __getattr__(self, name):
        values = getattr(_instead, 'values', {})
        return values[name] if name in values else getattr(config, name)

    def __setattr__(self, name, value):
        setattr(config, name, value)


@contextlib.contextmanager
def _options(profile, options):
    """The gpg that this thread starts within this has these options behind the user's, and what a trial has."""
    values = _instead.values = {}
    if options:
        values['gpg_options'] = ' '.join((config.gpg_options or '', *options))
    if getattr(profile, 'is_trial', False):
        values['use_agent'] = False  # which would ask the user for a passphrase
    try:
        yield
    finally:
        _instead.values = {}


@contextlib.contextmanager
def _undisturbed(end):
    """
    Ctrl-C waits until this is over, and until end() was called. If it comes while gpg is started, nobody has the pipe that
    would have to be closed for gpg to end, and the interpreter waits for gpg (all; gpginterface).
    """
    handler = signal.getsignal(signal.SIGINT)
    if threading.current_thread() is not threading.main_thread() or not callable(handler):
        yield
        return
    came = []
    signal.signal(signal.SIGINT, lambda *arguments: came.append(arguments))
    try:
        yield
    finally:  # also where gpg could not be started, as Ctrl-C has ended it
        signal.signal(signal.SIGINT, handler)
        if came:
            end()
            handler(*came[0])


def starting(stock):
    """
    gpg.GPGFile, which starts one gpg at a time, and has disk space allocated for a volume a step ahead of it (core/volume.h).
    There may be several at once, of which that of the volume comes first.
    """
    class GPGFile(stock):
        _pipe = _message = None
        _takes_packet = False
        _looks_ahead = True  # for the volume behind this one
        stage_signer = None  # the Signer that signs what is encrypted
        stage_volume = None  # the Volume that it makes

        def __init__(self, encrypt, encrypt_path, profile):
            if not encrypt:
                if not self._go_on(encrypt_path, profile):
                    self._decrypt(encrypt_path, profile, _unwraps(profile))
                return
            _stagehost.check_staging()  # it is opened by its path
            options = getattr(profile, 'stage_options', ())
            self._start(True, encrypt_path, profile, options)
            _stagehost.encrypting.file = self
            self._takes_packet = bool(options)
            try:
                self._begin(encrypt_path.name, getattr(profile, 'made_beside', False))
            except BaseException:
                self._end()
                raise

        def _start(self, encrypt, encrypt_path, profile, options):
            with _starting, _options(profile, options), _undisturbed(self._end):
                stock.__init__(self, encrypt, encrypt_path, profile)
                os.set_inheritable((self.gpg_input if encrypt else self.gpg_output).fileno(), False)

        def _decrypt(self, encrypt_path, profile, unwraps):
            self._of = encrypt_path, profile
            self._start(False, encrypt_path, profile, (_UNWRAP,) if unwraps else ())
            with contextlib.suppress(OSError):
                fcntl.fcntl(self.gpg_output.fileno(), fcntl.F_SETPIPE_SZ, _PIPE_BYTES)
            if unwraps:
                try:
                    self._message = _stagedir.Message(self.gpg_output, os.fsencode(encrypt_path.name))
                except Exception:  # there is no thread, or no memory
                    self._decrypt_as_ever()

        def _go_on(self, encrypt_path, profile):
            """Has the gpg that was started ahead for this file go on; False: there is none."""
            started = _ahead.pop(encrypt_path.name, None)
            if not started:
                return False
            # one that has failed may have met what is over by now
            if started._of[1] is not profile or bool(started._message) != _unwraps(profile) or started.gpg_process.returned:
                started.stop()
                return False
            vars(self).update(vars(started), name=encrypt_path, _of=(encrypt_path, profile))
            return True

        def _look_ahead(self):
            """Starts the gpg of the volume behind this one, once this one has given as much as half of its size."""
            # an agent may ask for a passphrase, and does so when the host would have it
            target = None if _ahead or config.use_agent else _stagehost.target()
            with contextlib.suppress(Exception):  # its turn will tell
                if target and self.byte_count >= os.path.getsize(self.name.name) // 2:
                    behind = target.volume_behind(self.name.name)
                    if behind:
                        self._looks_ahead = False
                        _ahead[behind] = GPGFile(False, path.Path(behind), self._of[1])

        def stop(self):
            """Nobody will read on, and it is not waited for what is left."""
            if self.gpg_process.returned is None:
                with contextlib.suppress(OSError):
                    os.kill(self.gpg_process.pid, signal.SIGTERM)
            with contextlib.suppress(Exception):
                if self._message:
                    self._message.close()
                self._message = None
                self.gpg_output.close()
                self.gpg_output = io.BytesIO()  # the host would read on to the end of what a program of gpg's still writes
            self._end()

        def _end(self):
            """Nobody will write to it any more, or read."""
            with contextlib.suppress(Exception):  # Ctrl-C has ended it as well, or it was never there
                self.close()  # or gpg would never end

        def _begin(self, name, made_beside):
            self.stage_volume = _stagedir.find_volume(name)  # the host makes this path of a name
            if self.stage_volume:
                self.stage_volume.begin()
                if not self._takes_packet:
                    self._pipe = _stagedir.Pipe(self.gpg_input.fileno(), self.stage_volume, config.volsize)
            elif made_beside:
                _be_nice(self.gpg_process)

        def read(self, length=-1):
            data = self._read(length)
            if data and self._looks_ahead:
                self._look_ahead()
            return data

        def _read(self, length):
            if not self._message:
                return stock.read(self, length)
            pieces = self._read_message(length)
            if pieces is None:
                given = self.byte_count
                self._decrypt_as_ever()
                stock.seek(self, given)
                return stock.read(self, length)
            self.byte_count += sum(map(len, pieces))
            return b''.join(pieces)

        def _read_message(self, length):
            """Bytes objects; None where gpg has to decrypt it as ever."""
            pieces, left = [], sys.maxsize if length is None or length < 0 else length
            while left > 0:
                piece = self._message.read(min(left, _PIECE_BYTES))
                if piece is None or not piece and not self.byte_count and not pieces and self._knows_no_unwrap():
                    return None
                if not piece:
                    break
                pieces.append(piece)
                left -= len(piece)
            return pieces

        def _knows_no_unwrap(self):
            """Nothing came of it: is that why?"""
            self._message.close()
            self._message = None
            try:
                self.gpg_process.wait()
            except Exception:
                try:
                    self.gpg_failed()
                except gpg.GPGError as error:  # if it is another failure the host will meet it when it closes this
                    return _UNWRAP in str(error)
            return False

        def _decrypt_as_ever(self):
            global _unwrapping
            _unwrapping = _unwrapping and self.byte_count > 0  # what has begun well was only damaged
            self._end()
            self._message = None
            self._decrypt(*self._of, False)

        def close(self):
            if self._message:
                self._message.close()
            return stock.close(self)

        def write(self, buf):
            result = stock.write(self, buf)
            if self._pipe:
                self._pipe.written(self.byte_count)
            return result

        def gpg_failed(self):
            try:
                return stock.gpg_failed(self)
            except gpg.GPGError as error:
                if not self._takes_packet:
                    raise
                # gpg notes that an option of ours is not for normal use; what the user sees is its reason
                lines = [line for line in str(error).splitlines(keepends=True) if _OPTIONS[0] not in line]
                if self.stage_signer:
                    lines[2:2] = self.stage_signer.said()  # behind the two lines of the head
                raise gpg.GPGError(''.join(lines)) from None
    return GPGFile


def end_ahead():
    """Nothing that was started ahead is read any more."""
    while _ahead:
        _ahead.popitem()[1].stop()


def _unwraps(profile):
    """May gpg be asked to unwrap? Whether a signature is there is not known before."""
    return (_unwrapping and not profile.sign_key and not getattr(config, 'use_gpgsm', False)
            and not getattr(profile, 'is_trial', False) and profile.gpg_version >= _UNWRAP_SINCE)


def _be_nice(process):
    with contextlib.suppress(OSError):  # it may be over
        nice = os.getpriority(os.PRIO_PROCESS, 0) + _NICE
        os.setpriority(os.PRIO_PROCESS, process.pid, nice)


class _Signer:
    """The gpg that signs, with the options that the host gives one that signs and encrypts. One thread may use it."""
    gpg_input = gpg_output = _process = None
    _has_signed = False

    def __init__(self, profile):
        self._stderr = tempfile.TemporaryFile(dir=tempdir.default().dir())
        self._said = None
        try:
            with _starting, _undisturbed(self.end):
                self._start(profile)
        except BaseException:
            self.end()
            raise
        if getattr(profile, 'made_beside', False):
            _be_nice(self._process)

    def _start(self, profile):
        gnupg = gpginterface.GnuPG()
        if config.gpg_binary is not None:
            gnupg.call = config.gpg_binary
        gnupg.options.meta_interactive = 0
        gnupg.options.default_key = profile.sign_key
        gnupg.options.extra_args += ['--no-secmem-warning', '--ignore-mdc-error']
        if not config.use_agent:
            gnupg.options.extra_args.append('--pinentry-mode=loopback')
        gnupg.options.extra_args += [*(config.gpg_options or '').split(), *_UNCOMPRESSED]
        # pipes of the host's would be inherited by others
        theirs, ours = os.pipe()
        self.gpg_input = os.fdopen(ours, 'wb', 0)
        with os.fdopen(theirs, 'rb', 0) as stdin:
            ours, theirs = os.pipe()
            self.gpg_output = os.fdopen(ours, 'rb', 0)
            with os.fdopen(theirs, 'wb', 0) as stdout:
                self._process = gnupg.run(['--sign'], create_fhs=[] if config.use_agent else ['passphrase'],
                                          attach_fhs={'stdin': stdin, 'stdout': stdout, 'stderr': self._stderr})
        if not config.use_agent:
            with self._process.handles['passphrase'] as file:
                file.write(_passphrase(profile))

    def said(self):
        """Its lines on standard error, until it was ended before its time."""
        if self._said is not None:
            return self._said
        size = os.fstat(self._stderr.fileno()).st_size
        said = os.pread(self._stderr.fileno(), size, 0)  # it may still write, and shares the position
        lines = said.decode(locale.getpreferredencoding(), 'replace').splitlines()
        return [f'{line.strip()}\n' for line in lines]

    def wait(self):
        """OSError where it has failed. All was written, and its output read."""
        self._process.wait()
        self._has_signed = True

    def end(self):
        """Nobody will write to it any more, or read. It is waited for, and asks for no passphrase to sign what was cut off."""
        if self._said is None:
            self._said = self.said()
        if self._process and not self._has_signed and self._process.returned is None:
            with contextlib.suppress(OSError):
                os.kill(self._process.pid, signal.SIGTERM)
        for file in self.gpg_input, self.gpg_output:
            if file:
                file.close()
        if self._process:
            with contextlib.suppress(OSError):
                self._process.wait()
        self._stderr.close()


def _passphrase(profile):
    """The one that the host gives a gpg that encrypts."""
    return profile.sign_key and profile.signing_passphrase or profile.passphrase or ''


def writing(stock):
    """gpg.GPGWriteFile, which gives gpg a packet where it may."""
    def GPGWriteFile(block_iter, filename, profile, size=200 * 1024 * 1024, max_footer_size=16 * 1024):
        why_not, keys = _judge(profile)
        if why_not:
            return stock(block_iter, filename, profile, size, max_footer_size)
        keys += len(profile.recipients) + len(profile.hidden_recipients) + 1
        taking = _taking_packets(profile, sign_key=None, passphrase=_passphrase(profile))
        if not profile.sign_key:
            return _write(block_iter, filename, taking, size, max_footer_size, keys)
        signer = None
        try:
            signer = _Signer(profile)
            return _write(block_iter, filename, taking, size, max_footer_size, keys, signer)
        finally:
            if signer:
                signer.end()
    return GPGWriteFile


def _taking_packets(profile, **attributes):
    taking = copy.copy(profile)
    taking.stage_options = _OPTIONS
    vars(taking).update(attributes)
    return taking


def _write(block_iter, filename, profile, size, footer_max, keys, signer=None):
    """The host's GPGWriteFile, whose loop is in C."""
    file = gpg.GPGFile(True, path.Path(filename), profile)
    file.stage_signer = signer
    try:
        try:
            ended = _stagedir.write_packet(block_iter, filename, file.gpg_input.fileno(), size, footer_max, keys,
                                           file.stage_volume, signer=signer,
                                           to_keys=bool(profile.recipients or profile.hidden_recipients),
                                           threads=1 if getattr(profile, 'made_beside', False) else 0)
            if signer:
                _wait_for(signer)
        except Exception as error:
            is_of_source = getattr(error, 'is_of_source', False)  # plugin/archive/blockloop.h
            if isinstance(error, BrokenPipeError) and not is_of_source:
                file.gpg_failed()
            # since 2.1.4 the host says so of every error of what it reads
            if is_of_source and hasattr(gpg, 'log'):
                log.FatalError(f'Read error on {os.fsdecode(filename)}: {error}')
            raise
        file.close()
        return ended
    except Exception:
        file.close()  # ensure that gpg ends
        raise


def _wait_for(signer):
    try:
        signer.wait()
    except OSError as error:
        raise BrokenPipeError(errno.EPIPE, str(error)) from None


def _judge(profile):
    """The reason to leave compression to gpg, or ''; and how many keys gpg's options name."""
    if not config.compression or getattr(config, 'use_gpgsm', False):
        return 'so it was asked to', 0
    options, use_agent = config.gpg_options or '', config.use_agent
    by_passphrase = not (profile.recipients or profile.hidden_recipients)
    asks_twice = bool(profile.sign_key and by_passphrase and use_agent)
    asked = config.gpg_binary, options, bool(profile.sign_key), asks_twice, profile.gpg_version
    with _proving:
        if asked not in _proved:
            _proved[asked] = _prove(profile, options, asks_twice)
            if _proved[asked][0]:
                log.Notice(f'gpg compresses what it encrypts, on one CPU, as without stagedir: {_proved[asked][0]}')
        return _proved[asked]


def prove_ahead():
    """Has a thread make the trial while duplicity looks at storage; whoever encrypts first waits for what comes of it."""
    def judge():
        with contextlib.suppress(Exception):  # the run may end meanwhile, and who encrypts tries it again
            _judge(config.gpg_profile)
    if config.encryption:
        threading.Thread(target=judge, name='trial of gpg', daemon=True).start()


def _prove(profile, options, asks_twice):
    if asks_twice:
        return 'it signs, and asks the agent for two passphrases', 0
    if profile.sign_key and profile.gpg_version < (2, 1):
        return 'it signs, and is older than 2.1', 0
    try:
        why_not, keys = _stagedir.gpg_against(os.fsencode(options), *profile.gpg_version, bool(profile.sign_key))
        return why_not or _try(profile), keys
    except Exception as error:
        lines = [line for line in str(error).splitlines() if not line.startswith('=====')]
        return f"a trial has failed: {' '.join(lines)}", 0


class _Trial:
    """Blocks of what a trial message holds, for ever: some can be compressed and some cannot; there are several parts."""

    def __init__(self):
        self.given = []

    def __next__(self):
        block = secrets.token_bytes(16 * 1024) + bytes(48 * 1024)
        self.given.append(block)
        return dup_temp.Block(block)

    def get_read_size(self):
        return 64 * 1024

    def get_footer(self):
        return b''


def _try(profile):
    """Makes a message as it would be made, and decrypts it: why not, or ''."""
    trial = _taking_packets(profile, sign_key=None, passphrase=secrets.token_hex(16), recipients=[], hidden_recipients=[],
                            is_trial=True, stage_options=_OPTIONS + _QUICK)
    blocks, size = _Trial(), 256 * 1024
    name = tempdir.default().mktemp()
    try:
        _write(blocks, name, trial, size, 0, 1)
        if os.stat(name).st_size > size:
            return 'its messages are larger than they should be'
        message = gpg.GPGFile(False, path.Path(name), trial)
        try:
            found = message.read()
        finally:
            message.close()
    finally:
        _stagedir.remove(name)
    return '' if found == b''.join(blocks.given) else 'what it decrypts is not what was encrypted'
