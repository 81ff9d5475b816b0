# _stageguard.py - is this duplicity one that stagedir was proved with?
#
# Copyright (C) 2026 the authors of stagedir
# SPDX-License-Identifier: GPL-2.0-or-later

"""
Compares the host with the versions that stagedir was proved with. Those are in the file _stageproved.txt, one line a
module of a version: version, module, checksum of the file, and for each unit of it NAME:CHECKSUM of its text. A unit is a
function, a method, or what else is in a class (its name) or in the module (no name). tests/prove.py writes the file.

A file that is the same is not looked at any closer. Where it differs the units are compared: comments between them and
functions that stagedir does not rely on may differ. Importing this changes nothing, and imports nothing of the host's.
"""

import ast
import hashlib
import inspect
import os
import sys
import zlib

TABLE = '_stageproved.txt'

# The modules that stagedir replaces, imitates or relies on; a version has those that it has.
RELIED = ('asyncscheduler', 'backend', 'backend_pool', 'cached_ops', 'cli_main', 'cli_util', 'commandline', 'config', 'diffdir',
          'dup_collections', 'dup_main', 'dup_temp', 'dup_time', 'errors', 'file_naming', 'gpg', 'gpginterface', 'librsync', 'log',
          'manifest', 'path', 'progress', 'robust', 'selection', 'statistics', 'tempdir', 'util')

# What may have been replaced in memory as well, by a program that runs the host: what stagedir replaces or imitates.
IN_MEMORY = {
    'diffdir': None,
    'dup_main': ('Restart', 'check_resources', 'do_backup', 'write_multivol'),
    'dup_temp': None,
    'gpg': None,
    'log': ('Log',),
    'path': ('ROPath', 'Path', 'DupPath'),
    'tempdir': None,
}

# So many names are in a notice.
_NAMED = 6


def file_checksum(source):
    return hashlib.sha256(source).hexdigest()[:16]


def units(source):
    """What a module is made of: the checksums of its units, by name."""
    lines = source.splitlines(keepends=True)
    found = {}

    def add(name, first, last):
        found[name] = zlib.crc32(b''.join(lines[first - 1:last]), found.get(name, 0))

    def walk(nodes, name):
        for node in nodes:
            first = min([node.lineno] + [decorator.lineno for decorator in getattr(node, 'decorator_list', ())])
            inner = f'{name}.{node.name}' if name and hasattr(node, 'name') else getattr(node, 'name', name)
            if isinstance(node, ast.ClassDef):
                add(inner, first, node.body[0].lineno - 1)
                walk(node.body, inner)
            else:
                add(inner if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) else name, first, node.end_lineno)

    walk(ast.parse(source).body, '')
    return {name: f'{checksum:08x}' for name, checksum in found.items()}


def _table():
    """The table: {version: {module: (checksum of the file, {unit: checksum})}}."""
    versions = {}
    with open(os.path.join(os.path.dirname(__file__), TABLE), encoding='ascii') as lines:
        for line in lines:
            if line.startswith('#'):
                continue
            version, module, checksum, *found = line.split()
            versions.setdefault(version, {})[module] = checksum, dict(unit.rsplit(':', 1) for unit in found)
    return versions


def _differing(module, known, folder):
    """The names of those units of a module that are not as they are known."""
    path = os.path.join(folder, module + '.py')
    checksum, known_units = known
    try:
        with open(path, 'rb') as file:
            source = file.read()
        if file_checksum(source) == checksum:
            return []
        found = units(source)
    except (OSError, SyntaxError, ValueError):
        return [f'{module} (which cannot be read)']
    names = sorted(name for name in {**known_units, **found} if known_units.get(name) != found.get(name))
    return [f'{module}.{name}' if name else module for name in names]


def _is_replaced(module, unit):
    """Is a function of a module, in memory, not the one of its file? Of what is no function nothing can be told."""
    owner, _, name = unit.rpartition('.')
    value = vars(getattr(module, owner) if owner else module).get(name)
    code = getattr(inspect.unwrap(value), '__code__', None) if inspect.isfunction(value) else None
    return value is None or bool(code and os.path.basename(code.co_filename) != os.path.basename(module.__file__))


def _replaced(known):
    """The names of what somebody else has replaced in memory."""
    found = []
    for name, wanted in IN_MEMORY.items():
        module = sys.modules.get(f'duplicity.{name}')
        for unit in known.get(name, ('', {}))[1] if module else ():
            if unit and (not wanted or unit.partition('.')[0] in wanted) and _is_replaced(module, unit):
                found.append(f'{name}.{unit}')
    return found


def why_unproved(version, folder):
    """Why the host of this version, whose package is in folder, is none that was proved; '' where it is one."""
    try:
        versions = _table()
    except (OSError, ValueError) as error:
        return f'stagedir is not installed completely: {error}'
    if version not in versions:
        return f'duplicity {version} was not proved with stagedir, as {", ".join(versions)} were'
    names = _replaced(versions[version])
    for module, known in versions[version].items():
        names += [name for name in _differing(module, known, folder) if name not in names]
    if not names:
        return ''
    more = f' and {len(names) - _NAMED} more' if len(names) > _NAMED else ''
    return f'duplicity {version} is not as it was proved with stagedir: {", ".join(names[:_NAMED])}{more} differ' + \
        ('' if len(names) > 1 else 's')
