# selection.py FOLDER - _stagedir.Selection beside the host's own selection.Select.Iterate(), on the tree in FOLDER, with
# each option of selection: the same paths in the same order, with the same attributes; the same lines of the log, the same
# count of errors. As whoever runs it.
#
# Whatever is wrong is a line on standard error, and status 1.
import gettext
import io
import os
import sys

gettext.install('duplicity', names=['ngettext'])

from duplicity import config, diffdir, log, path, selection  # noqa: E402
from duplicity.backends import _stagedir, _stagefiles  # noqa: E402

folder = sys.argv[1]
stock = selection.Select.Iterate
plugged = _stagefiles.selecting(stock)
STAT = ['st_mode', 'st_ino', 'st_dev', 'st_nlink', 'st_uid', 'st_gid', 'st_size', 'st_mtime', 'st_ctime', 'st_mtime_ns',
        'st_ctime_ns', 'st_blksize', 'st_blocks', 'st_rdev']
wrong = 0


def check(condition, *words):
    global wrong
    if not condition:
        wrong += 1
        print(f'line {sys._getframe(1).f_lineno}:', *words, file=sys.stderr)


class Stats:
    Errors = 0


def described(found):
    """All that can be asked of a path, as a list."""
    values = vars(found).copy()
    stat = values.pop('stat')
    values['stat'] = stat and [getattr(stat, name) for name in STAT]
    values['asked'] = (type(found), found.exists(), found.isreg(), found.isdir(), found.issym(), found.isfifo(), found.issock(),
                       found.isdev(), found.get_relative_path(), str(found), repr(found))
    if stat:
        values['told'] = (found.getdevloc(), found.getsize(), found.getmtime(), found.getperms(), bool(stat),
                          found.get_tarinfo().get_info())
    return sorted(values.items())


def run(iterate, root, options, lists):
    """What an iteration gives: descriptions of paths, lines of the log, errors that were counted, an exception."""
    lines, given, error = [], [], None

    def note(text, level, *arguments, **keywords):
        if level < log.DEBUG:
            lines.append((text, level, arguments, keywords))
    base = path.Path(root)
    config.local_path = base
    diffdir.stats = Stats()
    select = selection.Select(base)
    log.Log, real = note, log.Log
    try:
        select.ParseArgs(options, [io.StringIO(text) for text in lists])
        base.setdata()
        select.iter = iterate(select, base)
        check(iterate is stock or type(select.iter) is _stagedir.Selection or getattr(select, 'files_from', None), options)
        if type(select.iter) is _stagedir.Selection:
            select.iter.look_ahead()
        for found in select:
            given.append(described(found))
    except (SystemExit, AssertionError, OSError) as raised:
        error = type(raised)
    finally:
        log.Log = real
    return given, lines, diffdir.stats.Errors, error


def compare(root, options=(), lists=()):
    wanted, got = run(stock, root, options, lists), run(plugged, root, options, lists)
    for i, what in enumerate(('paths', 'lines of the log', 'errors', 'exception')):
        if wanted[i] == got[i]:
            continue
        check(False, options, what)
        if i < 2:
            check(len(wanted[i]) == len(got[i]), len(wanted[i]), 'by stock,', len(got[i]), 'here')
            print(next(((a, b) for a, b in zip(wanted[i], got[i]) if a != b), ''), file=sys.stderr)
        else:
            print(wanted[i], got[i], file=sys.stderr)
    return wanted


def knows(option, *lists):
    """Does this host have the option?"""
    try:
        selection.Select(path.Path(folder)).ParseArgs([option], [io.StringIO(text) for text in lists])
    except (AssertionError, SystemExit):
        return False
    return True


log.setup()
log.setverbosity(log.INFO)
config.copy_links = False
all_of_it = compare(folder)
check(len(all_of_it[0]) > 300, 'there is next to nothing in', folder)
check(any('socket' in line[0] for line in all_of_it[1]), all_of_it[1])
check(os.geteuid() == 0 or all_of_it[2] > 1, 'all can be read')
inside = f'{folder}/a'
for options in (
        [('--exclude', f'{folder}/a')], [('--exclude', '**b')], [('--exclude', '**/a/**')],
        [('--include', f'{folder}/a/b'), ('--exclude', '**')], [('--include', '**.c'), ('--exclude', '**')],
        [('--include', f'{folder}/deep/*/*/c'), ('--exclude', '**')], [('--include', f'{folder}/closed'), ('--exclude', '**')],
        [('--include', f'{folder}/none'), ('--exclude', '**')], [('--exclude', 'ignorecase:**A')],
        [('--include', f'{folder}/deep/x'), ('--exclude', f'{folder}/deep'), ('--exclude', f'{folder}/a')],
        [('--exclude', f'{folder}/[ab]*')], [('--exclude', f'{folder}/many/1**')],
        [('--exclude-if-present', '.nobackup')], [('--exclude-if-present', '.nobackup'), ('--exclude', '**.c')],
        [('--exclude-device-files', None)], [('--exclude-other-filesystems', None)],
        [('--exclude-older-than', 1000000000)],
        [('--exclude-regexp', r'.*/b$')], [('--include-regexp', r'.*c'), ('--exclude-regexp', r'.*')]):
    compare(folder, options)
for options, text in (([('--exclude-filelist', 'list')], f'{folder}/a\n# no\n- {folder}/deep\n+ {folder}/many/11\n{folder}/many\n'),
                      ([('--include-filelist', 'list'), ('--exclude', '**')], f'{folder}/a/b\n{folder}/many/2*\n'),
                      ([('--files-from', 'list')], 'a/b\nmany/11\nnone\n')):
    if knows(options[0], text):
        compare(folder, options, [text])
for name in ('--filter-literal', '--filter-regexp', '--filter-ignorecase'):
    if knows((name, None)):
        compare(folder, [(name, None), ('--exclude', f'{folder}/a')])

# the source itself: a link, a file, a pipe, missing, empty, closed, with a slash behind it
for name in ('/link', '/a.b', '/pipe', '/none', '/empty', '/closed', '/', '/lost'):
    compare(folder + name)
config.copy_links = True
compare(folder)
compare(folder + '/link')
compare(folder, [('--exclude', '**/a/**')])
compare(f'{folder}-loops')
config.copy_links = False

# said where it is asked for, and steps of the host's own
log.setverbosity(6)
compare(folder, [('--include', f'{folder}/deep/*/*/c'), ('--exclude', '**')])
log.setverbosity(log.DEBUG)
base = config.local_path = path.Path(folder)
check(type(plugged(selection.Select(base), base)) is not _stagedir.Selection)
log.setverbosity(log.INFO)
check(type(plugged(selection.Select(path.Path(folder)), path.Path(folder))) is not _stagedir.Selection)


# what a selection function raises, and one that asks for the next path
def failing(found):
    raise KeyError(found.name)


iterator = _stagedir.Selection(base, [failing], iter(()), None, False)
iterator.look_ahead()
check(next(iterator) is base)
for kind in KeyError, StopIteration:
    try:
        next(iterator)
        check(False)
    except kind:
        pass
iterator = _stagedir.Selection(base, [lambda found: next(iterator)], iter(()), None, False)
iterator.look_ahead()
next(iterator)
try:
    next(iterator)
    check(False)
except ValueError:
    pass
try:
    next(_stagedir.Selection.__new__(_stagedir.Selection))
    check(False)
except ValueError:
    pass
sys.exit(wrong > 0)
