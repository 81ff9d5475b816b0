# shellcheck shell=sh disable=SC2034
# What the tests of the command share: directories that are made for it, how it is run and what it has said. To be sourced.
#
# STAGEDIR is the command (default: the one on PATH), MAKE_SPOOL the program tests/lib/spool.c.
# The command always looks in /var/tmp and /tmp too, where other runs live: what is looked for here is named by its path,
# and no test counts the live runs of the machine.

stagedir=${STAGEDIR:-stagedir}
make_spool=${MAKE_SPOOL:?is the program that makes spools, built by make check}
python=${HOST_PYTHON:-python3}
current=start
base=$(mktemp -d) || exit 1
holders=

clean_up()
{
	for holder in $holders; do
		kill "$holder" 2>/dev/null
		wait "$holder" 2>/dev/null
	done
	chmod -R u+rwx "$base"
	rm -rf "$base"
}
trap clean_up EXIT
trap 'exit 1' HUP INT TERM

# fail EXPECTED CAME
fail()
{
	printf '%s: %s: expected %s; came: %s\n' "${0##*/}" "$current" "$1" "$2" >&2
	for stream in out err; do
		[ -s "$work/$stream" ] && sed "s/^/  $stream: /" "$work/$stream" >&2
	done
	exit 1
}

# The environment of a test: a private folder, no configuration but its own.
begin()
{
	current=$1
	work=$base/$1
	mkdir -p "$work/home" "$work/cache/duplicity" "$work/root" "$work/other"
	HOME=$work/home
	XDG_CACHE_HOME=$work/cache
	XDG_CONFIG_HOME=$work/config
	TMPDIR=$work/root
	unset TEMP TMP XDG_STATE_HOME STATE_DIRECTORY
	STAGEDIR_CONFIG=$work/stagedir.conf
	export HOME XDG_CACHE_HOME XDG_CONFIG_HOME TMPDIR STAGEDIR_CONFIG
	: >"$STAGEDIR_CONFIG"
	chmod 0644 "$STAGEDIR_CONFIG"
}

# run STATUS ARGUMENTS...: leaves the output in $work/out and $work/err
run()
{
	expected=$1
	shift
	"$stagedir" "$@" >"$work/out" 2>"$work/err"
	came=$?
	[ "$came" -eq "$expected" ] || fail "exit status $expected of stagedir $*" "$came"
}

# says FILE TEXT: some line of it holds TEXT
says()
{
	grep -qF -e "$2" "$work/$1" || fail "\"$2\" in $1" "something else"
}

says_not()
{
	grep -qF -e "$2" "$work/$1" && fail "no \"$2\" in $1" "it"
	return 0
}

# holds CONDITION [ARGUMENT...]: $work/out is JSON, read as `it`, of which the Python expression is true;
# found(path) is the entry with that path, queue(path) the spool, arg(n) the bytes of an argument, busy() the files that live
# runs elsewhere on the machine have
holds()
{
	"$python" -m json.tool "$work/out" >/dev/null || fail "JSON" "something else"
	"$python" -c '
import json, os, sys
it = json.load(open(sys.argv[1]))
def arg(n):
    return os.fsencode(sys.argv[n + 2])
def found(path):
    entries = [e for e in it.get("directories") or it.get("roots") or []
               if os.fsencode(e["path"]) == os.fsencode(path)]
    assert len(entries) < 2, "twice: %r" % path
    return entries[0] if entries else None
def queue(path):
    return next((e for e in it["queues"] if os.fsencode(e["path"]) == os.fsencode(path)), None)
def busy():
    files = [os.fsencode(f["path"]) for f in it["files"] if f["result"] == "busy"]
    assert not any(path.startswith(os.fsencode(os.environ["TMPDIR"])) for path in files), files
    return files
sys.exit(0 if eval(sys.argv[2]) else 1)' "$work/out" "$@" || fail "$*" "something else"
}

there()
{
	[ -e "$1" ] || [ -L "$1" ] || fail "$1 to be there" "it is gone"
}

gone()
{
	[ -e "$1" ] || [ -L "$1" ] && fail "$1 to be gone" "it is there"
	return 0
}

# What lies in the roots of the test, so that two states of it can be compared.
snapshot()
{
	ls -lR --time-style=full-iso "$work/root" "$work/other"
}

# The digits of this machine in the name of a staging directory, as core/naming.c makes them.
machine()
{
	"$python" -c '
import re, socket
try:
    name = open("/etc/machine-id", "rb").read(32)
except OSError:
    name = b""
if not re.fullmatch(b"[0-9a-f]{32}", name):
    name = socket.gethostname().encode()
value = 0xcbf29ce484222325
for byte in name:
    value = (value ^ byte) * 0x100000001b3 % 2 ** 64
print("%016x" % value)'
}
machine=$(machine)

# orphan ROOT LETTER: makes one with two files, 3000 bytes, in ROOT; sets $orphan
orphan()
{
	orphan=$1/stagedir-$machine-4194303-aaaaaaaaaaaaaaa$2
	mkdir -m 0700 "$orphan"
	head -c 1000 /dev/zero >"$orphan/mktemp-abcdefghijklm-1"
	head -c 2000 /dev/zero >"$orphan/mkstemp-abcdefghijklm-2"
}

# live ROOT: makes one, held by a process with a password among its arguments; sets $live and $holder
live()
{
	sh -c '
		dir=$1/stagedir-$2-$$-bbbbbbbbbbbbbbbb
		mkdir -m 0700 "$dir"
		echo content >"$dir/mkstemp-abcdefghijklm-1"
		exec 9<"$dir"
		flock -x 9
		echo "$dir" >"$3.new" && mv "$3.new" "$3"
		exec "$4" -c "import time; time.sleep(60)" full stage+ftp://me:s@cret@host/dir
	' sh "$1" "$machine" "$work/held" "$python" &
	holder=$!
	holders="$holders $holder"
	while [ ! -e "$work/held" ]; do
		kill -0 "$holder" 2>/dev/null || fail "a process that holds a lock" "none"
		sleep 0.1
	done
	live=$(cat "$work/held")
	# the shell has become the interpreter once its arguments say so
	while ! grep -q cret "/proc/$holder/cmdline"; do
		sleep 0.1
	done
}

# The partial manifest of a backup, and what a volume's note is. spool() makes volumes of 10000, 20000... bytes.
part=duplicity-full.20261123T101112Z.manifest.part
hash=0123456789abcdef0123456789abcdef01234567

# manifest NUMBER...: the archive directory $archive, with a partial manifest of these volumes
manifest()
{
	archive=$work/cache/duplicity/0a1b2c
	mkdir -p "$archive"
	for number; do
		printf 'Volume %s:\n    StartingPath   . \n    EndingPath     a/b 3\n    Hash SHA1 %s\n' "$number" "$hash"
	done >"$archive/$part"
}

# spool ROOT TARGET NUMBER...: a dead run's, with these volumes; sets $spool. `volume NUMBER` is the path of one
spool()
{
	in=$1
	for_target=$2
	shift 2
	count=$#
	while [ "$count" -gt 0 ]; do
		set -- "$@" "volume$1=${1}0000=$1 SHA1 $hash $part"
		shift
		count=$((count - 1))
	done
	"$make_spool" "$in" "$for_target" "$archive" "$@" >"$work/spool" || fail 'a spool' 'none'
	spool=$(head -n 1 "$work/spool")
}

# volume COUNT: the path of the volume that was put as such in the spool that was made last
volume()
{
	sed -n "$(($1 + 1))p" "$work/spool"
}

# damage FILE: turns a byte, and leaves the size
damage()
{
	printf '#' | dd of="$1" bs=1 seek=100 conv=notrunc status=none
}

# host STATUS SCRIPT: $DUPLICITY is a program that notes its arguments in $work/arguments, does this, ends so
host()
{
	DUPLICITY=$work/host
	export DUPLICITY
	rm -f "$work/arguments"
	# shellcheck disable=SC2016
	printf '#!/bin/sh\n{ for a; do echo "$a"; done; echo; } >>"%s"\n%s\nexit %s\n' \
		"$work/arguments" "$2" "$1" >"$DUPLICITY"
	chmod 0755 "$DUPLICITY"
}

# run_tests NAME...: test_NAME of each, in an environment of its own
run_tests()
{
	for name; do
		begin "$name"
		"test_$name"
	done
}

# Orphans of somebody's real runs that cannot be removed would change every exit status.
begin start
if ! "$stagedir" gc --dry-run >"$work/out" 2>"$work/err"; then
	cat "$work/out" "$work/err"
	echo "${0##*/}: skipped: there is something in /var/tmp or /tmp that gc cannot remove" >&2
	exit 77
fi
