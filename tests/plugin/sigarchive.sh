# sigarchive.sh - archives of signatures, as Python's tarfile writes them in all of its formats, are read as the host's own
# functions read them: the same paths with the same attributes and contents, of one archive and of several; of others the same
# exceptions; damage is told of, and nothing is taken for less than it is. What is not on disk is left to the host.
. "${srcdir:-.}/tests/lib/lib.sh" || exit 1

expect 0 archives plugged "$HOST_PYTHON" "$srcdir/tests/plugin/sigarchive.py" "$work"
[ ! -s "$logs/archives" ] || show "$logs/archives"
expect 0 latin env LC_ALL=POSIX PYTHONUTF8=0 PYTHONCOERCECLOCALE=0 "$IN_TREE" "$HOST_PYTHON" "$srcdir/tests/plugin/sigarchive.py" "$work"
finish
