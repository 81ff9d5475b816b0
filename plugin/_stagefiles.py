# _stagefiles.py - the host's functions that go through files, by the extension
#
# Copyright (C) 2026 the authors of stagedir
# SPDX-License-Identifier: GPL-2.0-or-later

"""
What is selected of the source and compared with what earlier backups know of it, what a restore reads of volumes and what it
writes. Each function here makes the other of one of the host's, which goes on to do what it alone can: where every step is
logged, and where an option changes what is read or written on the way.

Importing this changes nothing.
"""

import codecs
import functools
import itertools
import logging
import os
import sys
import types

from duplicity import config, log, patchdir
from duplicity.backends._stagehost import extension, ignores_errors

_lists = False  # Is this list-current-files?


def _restores_owners():
    """Are owners restored?"""
    return getattr(config, 'restore_ownership', not getattr(config, 'do_not_restore_ownership', False))


def _tells_of_folders():
    """Does the host tell of each folder that it makes, at the level INFO? 3.0.6 and later do at DEBUG."""
    return 'Info' in patchdir.Path.mkdir.__code__.co_names


def comparing(stock):
    """diffdir.get_delta_iter, by the extension where signatures are written and not every step is to be logged."""
    def get_delta_iter(new_iter, sig_iter, sig_fileobj=None):
        if sig_fileobj and log.getverbosity() < log.DEBUG:
            return extension().Deltas(new_iter, sig_iter, sig_fileobj)
        return stock(new_iter, sig_iter, sig_fileobj)
    return get_delta_iter


def selecting(stock):
    """selection.Select.Iterate, by the extension for the source, where not every step is to be logged."""
    code = next(code for code in stock.__code__.co_consts if getattr(code, 'co_name', None) == 'error_handler')

    def Iterate(self, path):
        iterator = stock(self, path)
        if (path is not config.local_path or log.getverbosity() >= log.DEBUG or config.rename
                or getattr(self, 'files_from', None) is not None):
            return iterator
        handler = types.FunctionType(code, stock.__globals__)
        return extension().Selection(path, self.selection_functions, iterator, handler, config.copy_links)
    return Iterate


def reading_signatures(stock):
    """diffdir.sigtar2path_iter, by the extension where it can read the archive and not every step is to be logged."""
    def sigtar2path_iter(sigtarobj):
        ours = extension().read_signatures(sigtarobj) if log.getverbosity() < log.DEBUG else None
        return stock(sigtarobj) if ours is None else ours
    return sigtar2path_iter


def combining_signatures(stock):
    """diffdir.combine_path_iters, by the extension where it reads all archives."""
    def combine_path_iters(path_iter_list):
        ours = extension().combine_signatures(path_iter_list)
        if ours is None:
            return stock(path_iter_list)
        return _listed(ours) if _lists else ours
    return combine_path_iters


def listing(stock):
    """
    dup_main.list_current, which gets no path whose line can be made, and logged, with many others: of the signatures it asks
    for paths, and does nothing but log a line for each.
    """
    def list_current(col_stats):
        global _lists
        _lists = True
        try:
            stock(col_stats)
        finally:
            _lists = False
    return list_current


def _listed(reader):
    """The paths of a SignatureReader that the host is to log; the lines of the others are logged on the way."""
    handlers = _handlers_of_lines()
    formatters = {type(handler.formatter) for handler in handlers}
    if not handlers or not formatters <= {log.PrettyProgressFormatter, log.MachineFormatter} or getattr(log, 'PREFIX', ''):
        return reader  # a time, or whatever it is, is written before each line
    for_programs = log.MachineFormatter in formatters
    if for_programs and getattr(config, 'old_filenames', False):
        return reader  # which also name times otherwise
    encodings = [sys.getfilesystemencoding(), *(handler.stream.encoding for handler in handlers)]
    only_ascii = any(codecs.lookup(encoding).name != 'utf-8' for encoding in encodings)
    return extension().list_paths(reader, functools.partial(_say, handlers), only_ascii, for_programs)


def _handlers_of_lines():
    """Those of the log that write lines of list-current-files; none where the lines of two of them get into one file."""
    handlers = [handler for handler in log._logger.handlers + logging.getLogger().handlers if handler.filter(_line('-'))]
    try:
        files = {os.fstat(handler.stream.fileno())[1:3] for handler in handlers if handler.stream.encoding}
    except (AttributeError, OSError, ValueError):
        return []  # it is no file
    return handlers if len(files) == len(handlers) else []


def _line(text, control=''):
    """A record of the log, as log.Log() makes it of a line of list-current-files."""
    return logging.makeLogRecord({'levelno': log.DupToLoggerLevel(log.INFO), 'levelName': log.LevelName(log.INFO),
                                  'transferProgress': False, 'msg': text, 'controlLine': control})


def _say(handlers, lines, control, last):
    """Logs many lines (plugin/archive/listedpaths.h)."""
    for handler in handlers:
        handler.handle(_line(last if type(handler.formatter) is log.MachineFormatter else lines, control))


def reading_volumes(stock):
    """
    patchdir.difftar2path_iter, by the extension where it can read the volumes and not every step is to be logged. Not with
    --ignore-errors: of a volume that is damaged the host takes what it can.
    """
    def difftar2path_iter(diff_tarfile):
        reads = log.getverbosity() < log.DEBUG and not ignores_errors()
        ours = extension().read_volumes(diff_tarfile) if reads else None
        return stock(diff_tarfile) if ours is None else ours
    return difftar2path_iter


def patching(stock):
    """patchdir.tarfiles2rop_iter, by the extension where it reads the volumes of all backups."""
    def tarfiles2rop_iter(tarfile_list, restrict_index=()):
        readers = [patchdir.difftar2path_iter(tarfile) for tarfile in tarfile_list]
        ours = extension().patched_paths(readers, b'/'.join(restrict_index))
        return stock(tarfile_list, restrict_index) if ours is None else ours
    return tarfiles2rop_iter


def pairing(stock):
    """
    diffdir.collate2iters, by the extension for a verify, where it reads the volumes and has selected the source. Not with
    --copy-links: a loop of links ends where the host has a path with too many of them.
    """
    def collate2iters(riter1, riter2):
        ours = None if config.copy_links else extension().compare_paths(riter1, riter2, config.compare_data)
        return stock(riter1, riter2) if ours is None else ours
    return collate2iters


def _begins_with_folder(rop_iter):
    """Is the first path the base of all, and a folder? And an iterator of all paths, that one too."""
    if isinstance(rop_iter, extension().PatchedPaths):
        return rop_iter.begins_with_folder(), rop_iter
    rop_iter = iter(rop_iter)
    first = list(itertools.islice(rop_iter, 1))
    return bool(first and first[0].index == () and first[0].isdir()), itertools.chain(first, rop_iter)


def writing_trees(stock):
    """
    patchdir.Write_ROPaths, by the extension where a folder is restored to a new place, or into an empty folder, where no path
    is to be changed on the way, and not every step is to be logged.
    """
    def Write_ROPaths(base_path, rop_iter):
        if log.getverbosity() >= log.DEBUG or config.force or config.rename or config.copy_links:
            return stock(base_path, rop_iter)
        begins, members = _begins_with_folder(rop_iter)
        if begins:
            tells = log.getverbosity() >= log.INFO
            written = extension().write_tree(base_path, members, _restores_owners(), config.ignore_errors, tells,
                                             tells and _tells_of_folders())
            if written is not None:
                return written
        return stock(base_path, members)
    return Write_ROPaths
