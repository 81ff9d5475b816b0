# _stagespawn.py - gpg is started without copying the process
#
# Copyright (C) 2026 the authors of stagedir
# SPDX-License-Identifier: GPL-2.0-or-later

"""
duplicity starts gpg by fork(2), and runs Python in the child until gpg takes its place. Here it is posix_spawn(3), which never
copies the process. After a fork each page that either of them writes to is copied, for each gpg of a run; and the child has but
one of the threads, while any of the others may have held a lock.

Where that fails the host forks, and says what is wrong. A child of that fork which cannot become gpg ends: with duplicity alone
it goes on as a second duplicity, up to whoever catches the exception.

The pipes are inherited by their own gpg alone. With duplicity each program that is started meanwhile inherits them.

Importing this changes nothing.
"""

import contextlib
import os
import sys
import threading

from duplicity import gpginterface


def spawning(stock):
    """gpginterface.GnuPG._attach_fork_exec, without a fork where that can be."""
    def _attach_fork_exec(self, gnupg_commands, args, create_fhs, attach_fhs):
        process = gpginterface.Process()
        try:
            _attach(process, create_fhs, attach_fhs)
            actions, options = _plan(process)
            command = [self.call, *options, *self.options.get_args(), *gnupg_commands, *args]
            process.pid = os.posix_spawnp(command[0], command, os.environ, file_actions=actions)
        except Exception:
            _close(process)
            return _fork(stock, self, gnupg_commands, args, create_fhs, attach_fhs)
        process.thread = threading.Thread(target=gpginterface.threaded_waitpid, name=f'wait{process.pid}', args=(process,))
        process.thread.start()
        return self._as_parent(process)
    return _attach_fork_exec


def _fork(stock, *arguments):
    parent = os.getpid()
    try:
        return stock(*arguments)
    except BaseException as error:
        if os.getpid() != parent:
            os.write(2, f'gpg cannot be started: {error}\n'.encode(errors='replace'))  # what the host shows of gpg's
            os._exit(127)
        raise


def _attach(process, create_fhs, attach_fhs):
    """Fills process._pipes as the host does. What is made here is inherited by nobody."""
    for name in create_fhs:
        reads, writes = os.pipe()
        if gpginterface._fd_modes[name] in ('w', 'wb'):
            process._pipes[name] = gpginterface.Pipe(writes, reads, 0)
        else:
            process._pipes[name] = gpginterface.Pipe(reads, writes, 0)
    for name, file in attach_fhs.items():
        process._pipes[name] = gpginterface.Pipe(file.fileno(), file.fileno(), 1)


def _plan(process):
    """What is done to descriptors before gpg begins, and the options that name them. To duplicate one to itself has it inherited."""
    actions = [(os.POSIX_SPAWN_DUP2, process._pipes[name].child, getattr(sys, f'__{name}__').fileno())
               for name in gpginterface._stds]
    options = []
    for name, pipe in process._pipes.items():
        if name not in gpginterface._stds:
            actions.append((os.POSIX_SPAWN_DUP2, pipe.child, pipe.child))
            options += [gpginterface._fd_options[name], str(pipe.child)]
    return actions, options


def _close(process):
    for pipe in process._pipes.values():
        for descriptor in () if pipe.direct else (pipe.parent, pipe.child):
            with contextlib.suppress(OSError):
                os.close(descriptor)
