# library.sh - duplicity used as a library, with all URLs taken over: a program that opens a backend, and one that also
# makes a backup. Without a run of the host there is nothing to stage for.
. "${srcdir:-.}/tests/lib/lib.sh" || exit 1

configure "temp_root = $root" 'avoid_tmpfs = no' 'targets = *'
mkdir "$work/source" "$work/target"
echo content >"$work/source/file"
cat >"$work/library.py" <<'END'
import os
import sys

from duplicity import backend
from duplicity import config
from duplicity import log
from duplicity import path

log.setup()
backend.import_backends()
for url in sys.argv[2:]:
    storage = backend.get_backend(url)
    before = storage.list()
    storage.put(path.Path(sys.argv[1]), b'a name')
    assert sorted(storage.list()) == sorted(before + [b'a name']), storage.list()
    got = path.Path(sys.argv[1] + '.got')
    storage.get(b'a name', got)
    assert got.get_data() == path.Path(sys.argv[1]).get_data()
    assert storage.query_info([b'a name'])[b'a name']['size'] == 8
    storage.delete([b'a name'])
    assert storage.list() == before
    storage.close()
print('done')
END
expect 0 library plugged "$HOST_PYTHON" "$work/library.py" "$work/source/file" "file://$work/target" \
	"stage+file://$work/target"
[ "$(cat "$logs/library")" = 'done' ] || { fail 'it is not quiet'; show "$logs/library"; }
nothing_left 'a library'

# a program that runs the host's own program, too, and then lists and deletes
cat >"$work/program.py" <<'END'
import sys

from duplicity import backend
from duplicity import dup_main
from duplicity import log
from duplicity import tempdir

folder, url = sys.argv[1:]
log.setup()
sys.argv = ['duplicity', 'full', '--no-encryption', folder, url]
try:
    dup_main.main()
finally:
    tempdir.default().cleanup()
log.setup()
storage = backend.get_backend(url)
names = storage.list()
assert len(names) >= 3, names
storage.delete([name for name in names if b'difftar' in name])
assert len(storage.list()) == len(names) - 1
storage.close()
tempdir.default().cleanup()
print('done')
END
expect 0 program plugged "$HOST_PYTHON" "$work/program.py" "$work/source" "file://$work/target"
has program 'done'
has program 'Backup Statistics'
nothing_left 'a program that makes a backup'
expect 0 program plugged "$HOST_PYTHON" "$work/program.py" "$work/source" "stage+file://$work/other"
nothing_left 'a program that makes a backup of its own accord'
finish
