#!/usr/bin/python3
# prove.py FOLDER... - writes plugin/_stageproved.txt anew to standard output: what the packages duplicity in these folders
# are made of. A version belongs there when all tests of the plugin pass with it: see _stageguard.py.
import hashlib
import os
import re
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'plugin'))
import _stageguard  # noqa: E402

# The modules that stagedir replaces, imitates or relies on; a version has those that it has.
RELIED = ('asyncscheduler', 'backend', 'backend_pool', 'cached_ops', 'cli_main', 'cli_util', 'commandline', 'config', 'diffdir',
          'dup_collections', 'dup_main', 'dup_tarfile', 'dup_temp', 'dup_time', 'errors', 'file_naming', 'gpg', 'gpginterface',
          'librsync', 'log', 'manifest', 'patchdir', 'path', 'progress', 'robust', 'selection', 'statistics', 'tarfile',
          'tempdir', 'util')


def read(*names):
    with open(os.path.join(*names), 'rb') as file:
        return file.read()


def version_of(folder):
    return re.search(rb"__version__[^=\n]*= *u?['\"]([^'\"]+)['\"]", read(folder, '__init__.py'))[1].decode()


print('# The versions of duplicity that stagedir was proved with. Written by tests/prove.py, read by duplicity/proved.c, which '
      'says how.')
for folder in sorted(sys.argv[1:], key=lambda name: [int(part) for part in version_of(name).split('.')]):
    for module in RELIED:
        if os.path.exists(os.path.join(folder, module + '.py')):
            source = read(folder, module + '.py')
            units = sorted(_stageguard.units(source).items())
            print(version_of(folder), module, hashlib.sha256(source).hexdigest()[:16], *(f'{name}:{crc}' for name, crc in units))
