# _stageprogress.py - what duplicity tells of its progress, told when it happens
#
# Copyright (C) 2026 the authors of stagedir
# SPDX-License-Identifier: GPL-2.0-or-later

"""
To put a volume that is staged is over at once. What the host then says of it - lines for people and for front ends
(--log-fd), --progress, the statistics at the end - would be of a transfer that has not begun. It is held back here until
that begins, or until storage has confirmed the volume.

The host puts a volume in its main thread: put(), and at_once() for what is not staged. The thread that hands off calls
begins() and is_stored(), in the same order. holding() and tracking() make what is in the place of the host's own.
Importing this changes nothing.
"""

import contextlib
import os
import threading
import time
import types

from duplicity import diffdir, log, progress


class _Volume:
    """A volume that the host has put, until storage has confirmed it."""

    def __init__(self, size, lines):
        self.size = size
        self.sent = 0  # bytes of it that storage was sent, at the most in all attempts
        self.first_lines = lines  # what the host has said, as arguments of log.Log()
        self.last_lines = []
        self.snapshot = None  # its number, once the host has asked for a snapshot of the progress


# Guards what both threads change; never held while something is written. It can be taken again, as a signal's handler may
# log in the midst.
_lock = threading.RLock()
_volumes = {}  # by name in storage
_newest = None  # the one that was put last, until storage has confirmed it
_lines = []  # what the host says of the one that it puts next
_under_way = None  # the one that is handed off
_last_stored = None  # when storage has confirmed the last one
_are_over = False  # something was put since that is not staged: volumes come first
_log = log.Log  # the host's own


def put(remote_filename, size):
    """The host puts a volume, which is to be staged."""
    global _are_over, _lines, _newest
    with _lock:
        _are_over = False
        _newest = _volumes[os.fsencode(remote_filename)] = _Volume(size, _lines)
        _lines = []
    _tell_tracker('has_put', size)


def at_once(remote_filename):
    """The host puts something that is not staged, and all that was is stored: it goes to storage now."""
    global _are_over, _lines, _newest
    with _lock:
        _are_over = True  # so another backend that this one goes through may say the same
        volume = _volumes.pop(os.fsencode(remote_filename), None)  # it was to be staged, and could not be
        _newest = None
        lines = volume.first_lines if volume else _lines
        _lines = []
    _say(lines)
    # the host took the end of reading for the end
    if _last_stored and diffdir.stats and diffdir.stats.EndTime:
        diffdir.stats.EndTime = max(diffdir.stats.EndTime, _last_stored)


def begins(remote_filename):
    """An attempt to hand a volume off begins."""
    global _under_way
    _under_way = volume = _volumes.get(os.fsencode(remote_filename))
    if volume:
        with _lock:
            lines, volume.first_lines = volume.first_lines, []
        _say(lines)
        progress.report_transfer(volume.sent, volume.size)


def is_stored(remote_filename):
    """Storage has confirmed a volume."""
    global _last_stored, _newest, _under_way
    _last_stored = time.time()
    volume = _volumes.get(os.fsencode(remote_filename))
    if volume:
        progress.report_transfer(volume.size, volume.size)  # few backends tell it themselves
        lines = True
        while lines:  # it is pending until all is said: what the host says of it now comes behind
            with _lock:
                lines, volume.last_lines = volume.last_lines, []
                if not lines:
                    del _volumes[os.fsencode(remote_filename)]
                    _newest = None if volume is _newest else _newest
            _say(lines)
        if volume.snapshot:
            _tell_tracker('take_snapshot', volume.snapshot)
    _under_way = None


def _say(lines):
    for arguments in lines:
        _log(*arguments)


def _tell_tracker(name, argument):
    """Calls a method that only the tracker has that tracking() makes."""
    method = getattr(progress.tracker, name, None)
    if method:
        method(argument)


def holding(stock, stages_ahead):
    """log.Log, which in the main thread holds back what is said of volumes."""
    begin, generic = log.InfoCode.synchronous_upload_begin, log.InfoCode.generic
    done, processed = log.InfoCode.synchronous_upload_done, log.InfoCode.progress
    # "Writing NAME" has no code of its own
    head, _unused, tail = _('Writing %s').partition('%s')

    def is_of_next(s, level, code):
        if code != generic:
            return code == begin
        return (level == log.INFO and isinstance(s, str) and s.startswith(head) and s.endswith(tail)
                and bool(head or tail) and not _are_over)

    def hold(code, arguments):
        """Holds a line back. False if it comes at the right time."""
        if threading.current_thread() is not threading.main_thread() or not stages_ahead():
            return False
        with _lock:
            if code in (begin, generic):
                _lines.append(arguments)
            elif _newest:
                _newest.last_lines.append(arguments)
            else:
                return False
        return True

    def Log(s, verb_level, code=1, extra=None, force_print=False, transfer_progress=False):
        arguments = s, verb_level, code, extra, force_print, transfer_progress
        # from DEBUG on there are several for each file
        of_volume = verb_level < log.DEBUG and (code in (done, processed) or is_of_next(s, verb_level, code))
        if not of_volume or not hold(code, arguments):
            stock(*arguments)
    return Log


def tracking(stock, stages_ahead):
    """
    progress.ProgressTracker, which compares what storage was sent with what all volumes will be: what was made of the
    source so far, and as much for each byte of it that is not read yet. The host compares with the size of the source,
    and in an increment with what is read of it, which is ahead. The rest is the host's: no percentage is less than the
    one before, and the last one is left for signatures and manifest.
    """
    class ProgressTracker(stock):
        _source = None  # statistics of a run that reads nothing
        _read_before = 0.0  # by the run that is continued
        _put = 0  # bytes

        def set_evidence(self, stats, is_full):
            self._source = stats
            stock.set_evidence(self, stats, is_full or stages_ahead())

        def set_start_volume(self, volume):
            stock.set_start_volume(self, volume)
            self._read_before = self._read()

        def _read(self):
            """How much of the source is read, from 0 to 1. Rather too little: what is told is never taken back."""
            now, whole = diffdir.stats, self._source
            if now.EndTime:
                return 1.0
            # the first counts a file when it is begun, the second also what has not changed
            pairs = ((now.NewFileSize + now.ChangedFileSize, whole.NewFileSize + whole.ChangedFileSize),
                     (now.SourceFileSize, whole.SourceFileSize))
            return min(part / all_of_it if all_of_it else 0.0 for part, all_of_it in pairs)

        def has_put(self, size):
            self._put += size
            share = (self._read() - self._read_before) / (1 - self._read_before) if self._read_before < 1 else 1
            if share > 0:
                self.total_stats = types.SimpleNamespace(NewFileSize=self._put / min(share, 1), ChangedFileSize=0)

        def annotate_written_bytes(self, bytecount):
            volume = _under_way
            if volume:
                # what a further attempt sends again is counted once; so is what a wrapper sends beside
                bytecount = volume.sent = max(volume.sent, min(bytecount, volume.size))
            stock.annotate_written_bytes(self, bytecount)

        def snapshot_progress(self, volume):
            with _lock:
                pending = _newest
                if pending:
                    pending.snapshot = volume
            if not pending:
                self.take_snapshot(volume)

        def take_snapshot(self, volume):
            with contextlib.suppress(OSError):  # the backup does not depend on it
                stock.snapshot_progress(self, volume)
    return ProgressTracker
