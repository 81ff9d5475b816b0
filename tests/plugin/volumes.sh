# volumes.sh - volumes, as Python's tarfile writes their members in all of its formats, are read as the host's own functions read
# them: the same paths with the same attributes and contents, and the next volume asked for at the same moment; the same
# exceptions; damage is told of.
. "${srcdir:-.}/tests/lib/lib.sh" || exit 1

expect 0 volumes plugged "$HOST_PYTHON" "$srcdir/tests/plugin/volumes.py" "$work"
[ ! -s "$logs/volumes" ] || show "$logs/volumes"
expect 0 latin env LC_ALL=POSIX PYTHONUTF8=0 PYTHONCOERCECLOCALE=0 "$IN_TREE" "$HOST_PYTHON" "$srcdir/tests/plugin/volumes.py" "$work"
finish
