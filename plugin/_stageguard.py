# _stageguard.py - what of duplicity is not as stagedir was proved with it
#
# Copyright (C) 2026 the authors of stagedir
# SPDX-License-Identifier: GPL-2.0-or-later

"""
Names what differs in a module of the host whose file is not the one that stagedir was proved with. Imported only where
there is such a module, by the extension (plugin/staging/hostcheck.c), and by tests/prove.py, which writes the table:
_stageproved.txt, one line a module of a version: version, module, checksum of the file, and for each unit of it
NAME:CHECKSUM of its text. A unit is a function, a method, or what else is in a class (its name) or in the module (no name).
So comments between units, and functions that a version has beside them, may differ. This imports nothing of the host's.
"""

import ast
import os
import zlib


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


def differing(folder, module, known):
    """The names of those units of a module that are not as known tells: units as in the table."""
    try:
        with open(os.path.join(folder, module + '.py'), 'rb') as file:
            found = units(file.read())
    except (OSError, SyntaxError, ValueError):
        return [f'{module} (which cannot be read)']
    proved = dict(unit.rsplit(':', 1) for unit in known.split())
    names = sorted(name for name in {**proved, **found} if proved.get(name) != found.get(name))
    return [f'{module}.{name}' if name else module for name in names]
