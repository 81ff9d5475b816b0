#!/bin/sh
# The operator's command: what it prints, its exit codes, and that it removes what it should and no more.
# STAGEDIR is the command (default: the one on PATH), MAKE_SPOOL the program tests/lib/spool.c. Arguments
# name the tests to run; none means all.
#
# The command always looks in /var/tmp and /tmp too, so what is looked for here is named by its path.

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
	printf 'command.sh: %s: expected %s; came: %s\n' "$current" "$1" "$2" >&2
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
# found(path) is the entry with that path, queue(path) the spool, arg(n) the bytes of an argument
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

test_usage()
{
	run 0 --help
	says out 'usage: stagedir roots'
	for command in roots status verify gc flush adopt; do
		run 0 "$command" --help
		says out "usage: stagedir $command"
		says out 'Exit code'
		run 0 "$command" -h
	done
	run 0 --version
	says out 'stagedir '
	run 2
	says err 'usage: stagedir'
	run 2 rooots
	says err 'stagedir: unknown command "rooots"; there are roots, status, verify, gc, flush and adopt'
	run 2 --json
	says err 'stagedir: unknown option --json; allowed before a command are --help and --version'
	run 2 gc --force
	says err 'stagedir: unknown option --force; allowed after gc are --dry-run, --json and --help'
	run 2 status -nx
	says err 'stagedir: unknown option -n;'
	run 2 gc -nx
	says err 'stagedir: unknown option -x;'
	run 2 gc --dry-run=yes
	says err 'stagedir: option --dry-run=yes takes no value'
	run 2 roots here
	says err 'roots takes no argument, but was given "here"'
	run 2 verify --dry-run
	says err 'unknown option --dry-run; allowed after verify are --json and --help'
	run 2 flush --json
	says err 'unknown option --json; allowed after flush are --dry-run and --help'
	run 2 flush file:///a file:///b
	says err 'flush takes one URL, but was given "file:///b" too'
	[ -s "$work/out" ] && fail 'nothing on standard output' "$(cat "$work/out")"
	return 0
}

test_settings()
{
	orphan "$work/root" a
	printf 'min_free = 1M\nmin_fre = 2M\n' >"$STAGEDIR_CONFIG"
	for command in roots status verify gc flush; do
		run 3 "$command"
		says err "stagedir: $STAGEDIR_CONFIG:2: \"min_fre = 2M\": unknown key"
	done
	STAGEDIR_CONFIG=$work/missing run 3 gc
	says err "$work/missing"
	there "$orphan/mktemp-abcdefghijklm-1"
}

test_roots()
{
	mkdir "$work/open" "$work/good"
	chmod 0777 "$work/open"
	odd="$work/$(printf 'new\nline')"
	printf 'temp_root = %s\n' "$work/none" "$work/open" "$work/good" >"$STAGEDIR_CONFIG"
	echo 'avoid_tmpfs = no' >>"$STAGEDIR_CONFIG"
	TMPDIR=$odd run 0 roots
	says out 'RANK  STATE'
	says out 'good, chosen'
	says out 'does not exist'
	says out '(chmod go-w)'
	says out 'new\x0aline'
	TMPDIR=$odd run 0 roots --json
	holds 'os.fsencode(it["chosen"]) == arg(1)' "$work/good"
	holds '[r["rank"] for r in it["roots"]] == list(range(1, len(it["roots"]) + 1))'
	holds 'found(arg(1))["state"] == "refused" and found(arg(1))["free"] is None' "$work/none"
	holds '"chmod" in found(arg(1))["reason"]' "$work/open"
	holds 'found(arg(1))["state"] == "good" and found(arg(1))["chosen"] is True' "$work/good"
	holds 'found(arg(1))["free"] > 0 and found(arg(1))["reason"] is None' "$work/good"
	holds 'found(arg(1))["origin"] == "temp_root"' "$work/good"
	holds 'found(arg(1))["origin"] == "TMPDIR"' "$odd"
	holds 'found("/var/tmp")["origin"] == "default"'
	echo 'min_free = 16777215T' >>"$STAGEDIR_CONFIG"
	run 1 roots
	says err 'stagedir: no temp root can be used'
	says out 'fewer than the'
	run 1 roots --json
	holds 'it["chosen"] is None'
}

test_status()
{
	orphan "$work/root" a
	live "$work/root"
	other=$work/root/stagedir-0123456789abcdef-12-cccccccccccccccc
	mkdir "$other"
	touch "$orphan/a stranger" "$work/root/stagedir-no-such-name" "$work/other/file"
	run 0 status
	says out "$orphan"
	says out '2.9K'
	says out 'full stage+ftp://me:***@host/dir'
	says_not out cret
	says out 'for information'
	run 0 status --json
	says_not out cret
	holds 'found(arg(1))["state"] == "orphan" and found(arg(1))["pid"] == 4194303' "$orphan"
	holds 'found(arg(1))["files"] == 2 and found(arg(1))["bytes"] == 3000' "$orphan"
	holds 'found(arg(1))["strangers"] == 1 and found(arg(1))["command"] is None' "$orphan"
	holds 'found(arg(1))["uid"] == os.geteuid() and found(arg(1))["age"] < 3600' "$orphan"
	holds 'found(arg(1))["state"] == "live" and found(arg(1))["pid"] == int(arg(2))' "$live" "$holder"
	holds 'found(arg(1))["command"][-2:] == ["full", "stage+ftp://me:***@host/dir"]' "$live"
	holds 'found(arg(1))["state"] == "other machine"' "$other"
	holds 'not [e for e in it["directories"] if "no-such-name" in e["path"]]'
}

test_places()
{
	orphan "$work/root" a
	mkdir "$work/cache/duplicity/backup"
	orphan "$work/cache/duplicity/backup" b
	archived=$orphan
	orphan "$work/other" c
	ln -s "$work/other" "$work/cache/duplicity/link"
	ln -s "$work/root" "$work/again"
	run 0 status --json
	holds 'found(arg(1)) is not None' "$archived"
	holds 'found(arg(1)) is None' "$orphan"
	holds 'not [p for p in it["places"] if p.endswith("/link")]'
	# each directory once, by whatever paths it is named; a relative one becomes absolute
	(cd "$work" && run 0 status --json other ./other// again root) || exit 1
	holds 'found(arg(1)) is not None' "$orphan"
	holds 'len(it["places"]) == len(set(os.stat(p).st_ino for p in it["places"]))'
	holds 'len([e for e in it["directories"] if e["path"].endswith("aaa")]) == 1'
	# ~/.cache where XDG_CACHE_HOME is unset
	mkdir -p "$work/home/.cache/duplicity/mine"
	orphan "$work/home/.cache/duplicity/mine" d
	(unset XDG_CACHE_HOME && run 0 status) || exit 1
	says out "$orphan"
	says_not out "$archived"
	# a DIR must be there and be one; a root must not
	TMPDIR=$work/none run 0 status
	run 1 status "$work/none"
	says err "stagedir: cannot look for staging directories in $work/none: No such file"
	run 1 status "$work/other" "$STAGEDIR_CONFIG"
	says err "$STAGEDIR_CONFIG: Not a directory"
	says out "$work/other/stagedir-"
	run 1 gc "$orphan"
	says err 'is a staging directory; name the directory that it is in'
}

snapshot()
{
	ls -lR --time-style=full-iso "$work/root" "$work/other"
}

test_dry_run()
{
	orphan "$work/root" a
	first=$orphan
	orphan "$work/other" b
	live "$work/other"
	snapshot >"$work/before"
	run 0 gc --dry-run "$work/other"
	says out 'would be removed'
	says out 'its run lives'
	says out 'would remove '
	run 0 gc -n --json "$work/other"
	holds 'it["dry_run"] is True and it["total"]["left"] == 0'
	holds 'found(arg(1))["removed"] and found(arg(1))["bytes"] == 3000' "$first"
	holds 'found(arg(1))["removed"] and found(arg(1))["files"] == 2' "$orphan"
	holds 'not found(arg(1))["removed"] and found(arg(1))["reason"]' "$live"
	touch "$orphan/a stranger"
	snapshot >"$work/before"
	run 1 gc --dry-run --json "$work/other"
	holds 'not found(arg(1))["removed"] and found(arg(1))["left"] == 1' "$orphan"
	holds 'it["total"]["left"] == 2'
	snapshot >"$work/after"
	cmp -s "$work/before" "$work/after" || fail 'nothing changed' "$(diff "$work/before" "$work/after")"
}

test_gc()
{
	orphan "$work/root" a
	first=$orphan
	orphan "$work/other" b
	live "$work/other"
	other=$work/root/stagedir-0123456789abcdef-12-cccccccccccccccc
	mkdir "$other"
	touch "$work/root/stagedir-no-such-name"
	run 0 gc --json "$work/other"
	holds 'it["dry_run"] is False and it["total"]["left"] == 0 and it["warnings"] == []'
	holds 'it["total"]["directories"] >= 2 and it["total"]["files"] >= 4'
	holds 'found(arg(1))["removed"] and found(arg(1))["bytes"] == 3000' "$first"
	holds 'found(arg(1))["state"] == "live" and not found(arg(1))["removed"]' "$live"
	holds 'found(arg(1))["state"] == "other machine" and not found(arg(1))["removed"]' "$other"
	gone "$first"
	gone "$orphan"
	there "$live/mkstemp-abcdefghijklm-1"
	there "$other"
	there "$work/root/stagedir-no-such-name"
	kill "$holder"
	wait "$holder" 2>/dev/null
	run 0 gc "$work/other"
	says out 'removed'
	says out "$live"
	gone "$live"
}

test_strangers()
{
	orphan "$work/root" a
	long=$(head -c 255 /dev/zero | tr '\0' x)
	touch "$orphan/$(printf 'new\nline')" "$orphan/$(printf 'bad\377byte')" "$orphan/$long" \
		"$orphan/mktemp-abcdefghijklm-01"
	ln -s /etc/passwd "$orphan/mktemp-abcdefghijklm-7"
	mkdir "$orphan/mkstemp-abcdefghijklm-8"
	run 1 gc
	says err 'new\x0aline was not made by stagedir'
	says err 'bad\xffbyte was not made by stagedir'
	says err "$long was not made by stagedir"
	[ "$(grep -vc '^stagedir: ' "$work/err")" -eq 0 ] || fail 'one line each' "$(cat "$work/err")"
	gone "$orphan/mktemp-abcdefghijklm-1"
	gone "$orphan/mkstemp-abcdefghijklm-2"
	there "$orphan/$long"
	there "$orphan/mktemp-abcdefghijklm-7"
	there "$orphan/mkstemp-abcdefghijklm-8"
	run 1 gc --json
	holds 'found(arg(1))["left"] == 6 and not found(arg(1))["removed"]' "$orphan"
	holds 'len([w for w in it["warnings"] if "was not made by" in w]) == 6'
	rm -r "${orphan:?}"/*
	run 0 gc
	gone "$orphan"
}

test_odd_places()
{
	odd="$work/$(printf 'new\nline \377\303\050\355\240\200 "quoted\\" \342\202\254 \033[1m')"
	mkdir "$odd"
	orphan "$odd" a
	run 0 status "$odd"
	says out 'new\x0aline \xff\xc3(\xed\xa0\x80 "quoted\" € \x1b[1m/stagedir-'
	run 0 status --json "$odd"
	says out 'new\nline \udcff\udcc3(\udced\udca0\udc80 \"quoted\\\" € \u001b[1m/stagedir-'
	holds 'found(arg(1))["state"] == "orphan"' "$orphan"
	run 0 gc --json "$odd"
	holds 'found(arg(1))["removed"]' "$orphan"
	gone "$orphan"
}

test_output()
{
	if [ -w /dev/full ]; then
		for command in roots 'roots --json' status 'status --json' 'gc -n' --help --version; do
			# shellcheck disable=SC2086
			"$stagedir" $command >/dev/full 2>"$work/err"
			came=$?
			[ "$came" -eq 1 ] || fail "exit status 1 of $command with a full disk" "$came"
			says err 'stagedir: cannot write to standard output: No space left on device'
		done
	fi
	"$stagedir" roots >&- 2>"$work/err"
	came=$?
	[ "$came" -eq 1 ] || fail 'exit status 1 with standard output closed' "$came"
	# a reader that has gone before anything is written
	mkfifo "$work/pipe"
	: <"$work/pipe" &
	reader=$!
	exec 8>"$work/pipe"
	wait "$reader"
	"$stagedir" roots >&8 2>"$work/err"
	came=$?
	exec 8>&-
	[ "$came" -eq 1 ] || fail 'exit status 1 with a closed pipe' "$came"
	says err 'stagedir: cannot write to standard output: Broken pipe'
}

# as_nobody STATUS ARGUMENTS...
as_nobody()
{
	expected=$1
	shift
	setpriv --reuid=65534 --regid=65534 --clear-groups "$stagedir" "$@" >"$work/out" 2>"$work/err"
	came=$?
	[ "$came" -eq "$expected" ] || fail "exit status $expected of stagedir $* for user 65534" "$came"
}

test_other_user()
{
	if [ "$(id -u)" -ne 0 ] ||
		! setpriv --reuid=65534 --regid=65534 --clear-groups "$stagedir" --version >"$work/out" 2>&1
	then
		echo 'command.sh: other_user: skipped: needs root, and a build that user 65534 may run' >&2
		return 0
	fi
	chmod 0755 "$base" "$work"
	chown 65534 "$work/home" "$work/cache" "$work/cache/duplicity"
	orphan "$work/other" a
	chmod 0700 "$work/root"
	as_nobody 1 status --json "$work/other"
	says err "stagedir: cannot look for staging directories in $work/root: Permission denied"
	holds 'found(arg(1))["state"] == "other user" and found(arg(1))["files"] is None' "$orphan"
	as_nobody 1 gc --json "$work/other"
	holds 'not found(arg(1))["removed"] and "user" in found(arg(1))["reason"]' "$orphan"
	there "$orphan/mktemp-abcdefghijklm-1"
	# and root leaves alone what is a user's
	chown -R 65534 "$orphan"
	run 0 gc --json "$work/other"
	holds 'found(arg(1))["state"] == "other user" and not found(arg(1))["removed"]' "$orphan"
	there "$orphan/mktemp-abcdefghijklm-1"
}

# As test_other_user, where this is not root, whom no mode keeps out.
test_unreadable()
{
	[ "$(id -u)" -ne 0 ] || return 0
	chmod 0000 "$work/root"
	run 1 status
	says err "stagedir: cannot look for staging directories in $work/root: Permission denied"
}

test_waiting()
{
	manifest 1 2 3
	spool "$work/root" sftp://host/dir 2 3 4
	run 0 status
	says out 'staged'
	says out '3 volumes, 87.9K, for sftp://host/dir'
	says out '0 orphaned, 1 in which dead runs left what waits'
	says out "for sftp://host/dir, in $spool (run "
	says out 'a later run could not hand it off: volume 4 was made again since, or is not in'
	says out '1 of these cannot be handed off any more; "stagedir gc" removes them'
	says out '2 volumes, 48.8K, wait for sftp://host/dir; the next backup to it, or "stagedir flush", hands them'
	run 0 status --json
	holds 'found(arg(1))["state"] == "staged"' "$spool"
	holds 'len(queue(arg(1))["files"]) == 3 and queue(arg(1))["bytes"] == 90000' "$spool"
	holds 'queue(arg(1))["target"] == "sftp://host/dir" and queue(arg(1))["state"] == "dead"' "$spool"
	holds '[f["resumable"] for f in queue(arg(1))["files"]] == [True, True, False]' "$spool"
	holds '[f["state"] for f in queue(arg(1))["files"]] == ["staged"] * 3' "$spool"
	holds '[f["name"] for f in queue(arg(1))["files"]] == ["volume2", "volume3", "volume4"]' "$spool"
	holds 'os.fsencode(queue(arg(1))["files"][1]["path"]) == arg(2)' "$spool" "$(volume 2)"
	# the backup is complete
	rm "$archive/$part"
	run 0 status
	says out 'is complete, or was begun anew'
	says out '3 of these cannot be handed off any more'
	says_not out 'hands them off'
}

test_failures()
{
	manifest 1
	odd=$(printf 'no route\n\033[1m')
	"$make_spool" "$work/root" "$(printf 'sftp://h/\nd\033')" "$archive" \
		"$(printf 'odd\377')=100=1 SHA1 $hash $part=$odd" >"$work/spool"
	spool=$(head -n 1 "$work/spool")
	run 0 status
	says out 'for sftp://h/\x0ad\x1b'
	says out 'ago: no route\x0a\x1b[1m'
	says out 'odd\xff'
	run 0 status --json
	holds 'queue(arg(1))["files"][0]["attempts"] == 3' "$spool"
	holds 'queue(arg(1))["files"][0]["failure"] == "no route\n\x1b[1m"' "$spool"
	holds 'queue(arg(1))["files"][0]["failure_age"] < 60' "$spool"
	holds 'os.fsencode(queue(arg(1))["files"][0]["name"]) == b"odd\xff"' "$spool"
	run 0 flush -n
	says out 'to sftp://h/\x0ad\x1b'
}

# held_spool: as spool, of a run that lives until descriptor 7 is closed
held_spool()
{
	mkfifo "$work/hold"
	: >"$work/spool"
	STAGE_TEST_HOLD=1 "$make_spool" "$work/root" sftp://host/dir "$archive" \
		"volume1=100=1 SHA1 $hash $part" "volume2=200=2 SHA1 $hash $part" \
		<"$work/hold" >"$work/spool" &
	holder=$!
	holders="$holders $holder"
	exec 7>"$work/hold"
	while [ "$(wc -l <"$work/spool")" -lt 3 ]; do
		kill -0 "$holder" 2>/dev/null || fail 'a live spool' 'none'
		sleep 0.1
	done
	spool=$(head -n 1 "$work/spool")
}

test_live_spool()
{
	manifest 1 2
	held_spool
	run 0 status --json
	holds 'found(arg(1))["state"] == "live" and queue(arg(1))["state"] == "live"' "$spool"
	holds '[f["state"] for f in queue(arg(1))["files"]] == ["moving", "staged"]' "$spool"
	run 0 status
	says out '2 live, 0 orphaned'
	damage "$(volume 1)"
	run 0 verify
	says out 'busy'
	says out '2 of live runs, not checked'
	rm "$archive/$part"
	run 0 gc
	there "$(volume 1)"
	host 0 ''
	run 0 flush
	says out '2 volumes for sftp://host/dir: the live run'
	gone "$work/arguments"
	exec 7>&-
	wait "$holder"
	there "$(volume 1)"
	run 0 gc
	gone "$spool"
}

# What was never sealed goes, whatever happens to the rest.
test_killed_spool()
{
	manifest 1 2
	held_spool
	kill -9 "$holder"
	wait "$holder" 2>/dev/null
	exec 7>&-
	: >"$spool/staged-abcdefghijklm-9"
	run 0 gc -n
	there "$spool/staged-abcdefghijklm-9"
	run 0 gc
	gone "$spool/staged-abcdefghijklm-9"
	there "$(volume 1)"
	there "$(volume 2)"
}

test_verify()
{
	manifest 1 2 3
	spool "$work/root" sftp://host/dir 1 2
	run 0 verify
	says out '2 volumes, 29.3K, ok; 0 damaged, 0 missing, 0 unreadable'
	damage "$(volume 2)"
	good=$(volume 1)
	bad=$(volume 2)
	spool "$work/other" sftp://host/dir 3
	run 1 verify --json "$work/other"
	says err "$bad (volume2) has changed since it was sealed"
	holds 'it["total"] == {"ok": 2, "damaged": 1, "missing": 0, "unreadable": 0, "busy": 0}'
	holds '{os.fsencode(f["path"]): f["result"] for f in it["files"]} == {
	    arg(1): "ok", arg(2): "damaged", arg(3): "ok"}' "$good" "$bad" "$(volume 1)"
	run 1 verify
	says out 'damaged'
	says out 'its SHA-256 is another'
	truncate -s 5 "$bad"
	run 1 verify
	says err 'has 5 bytes, and had 20000'
	there "$bad"
	there "$good"
	# what somebody has removed is told, by whoever looks
	rm "$bad"
	run 1 verify --json "$work/root"
	says err "$bad (volume2) is missing"
	holds 'it["total"] == {"ok": 1, "damaged": 0, "missing": 1, "unreadable": 0, "busy": 0}'
	run 1 verify
	says out ' missing'
	run 0 status
	says out "volume2 is missing: it waits by its journal, and somebody has removed $bad"
	run 0 status --json
	holds 'queue(arg(1))["missing"] == 1' "${bad%/*}"
	rm "$good"
	run 1 verify
	says err "$good (volume1) is missing"
}

test_gc_waiting()
{
	manifest 1 2 3 4 5
	spool "$work/root" sftp://host/dir 2 3 4
	run 0 gc
	says out '3 volumes, 87.9K, wait for sftp://host/dir; "stagedir flush" hands them off'
	says out '3 volumes wait for hand-off'
	there "$(volume 3)"
	# nothing behind a damaged one can be handed off
	damage "$(volume 2)"
	snapshot >"$work/before"
	run 0 gc -n
	says out 'would be removed'
	says out 'has changed since it was sealed'
	says out 'volume 3 is damaged, and without it volume 4 cannot be handed off'
	snapshot >"$work/after"
	cmp -s "$work/before" "$work/after" || fail 'nothing changed' "$(diff "$work/before" "$work/after")"
	run 0 gc --json
	holds '[f["removed"] for f in queue(arg(1))["files"]] == [False, True, True]' "$spool"
	holds '[f["waits"] for f in queue(arg(1))["files"]] == [True, False, False]' "$spool"
	holds 'queue(arg(1))["files"][0]["reason"] is None' "$spool"
	holds 'not found(arg(1))["removed"] and found(arg(1))["waiting"] == 1' "$spool"
	holds 'found(arg(1))["files"] == 2 and it["total"]["bytes"] == 70000' "$spool"
	there "$(volume 1)"
	gone "$(volume 2)"
	gone "$(volume 3)"
	# made again: 1 is known as it is, 2 is not any more
	manifest 1 2 3 1
	run 0 gc
	says out 'volume 2 was made again since, or is not in'
	gone "$spool"
	# what cannot be found out removes nothing
	manifest 1
	spool "$work/root" sftp://host/dir 1
	rm "$archive/$part"
	ln -s "$part" "$archive/$part"
	run 1 gc
	says err "$(volume 1): cannot read the partial manifest"
	there "$(volume 1)"
	rm "$archive/$part"
	: >"$spool/journal"
	run 1 gc
	says err 'nobody can tell what waits in'
	there "$(volume 1)"
	run 1 verify
	says err 'nobody can tell what waits in'
	run 0 status
	says out 'nobody can tell what waits in it'
	run 1 flush
	says err 'nobody can tell what waits in'
}

test_flush()
{
	manifest 1 2 3
	run 0 flush
	says out 'nothing waits that a dead run left'
	spool "$work/root" sftp://host/dir 1 2
	first=$spool
	spool "$work/root" file:///srv 7
	useless=$spool
	spool "$work/other" sftp://host/dir 3
	host 0 "[ -n \"\$STAGEDIR_FLUSH\" ] && rm -r '$first'"
	run 0 flush --dry-run
	says out 'would hand off 2 volumes, 29.3K, to sftp://host/dir'
	says out "STAGEDIR_FLUSH=1 $work/host collection-status --archive-dir $work/cache/duplicity --name 0a1b2c stage+sftp://host/dir"
	says out '1 volume for file:///srv cannot be handed off any more; "stagedir gc" tells why'
	gone "$work/arguments"
	run 0 flush sftp://host/di
	says out 'nothing waits that a dead run left for this URL'
	gone "$work/arguments"
	run 0 flush
	says out 'nothing waits for sftp://host/dir any more'
	printf '%s\n' collection-status --archive-dir "$work/cache/duplicity" --name 0a1b2c \
		stage+sftp://host/dir '' | cmp -s - "$work/arguments" ||
		fail 'these arguments' "$(cat "$work/arguments")"
	# a directory that only an option names; a URL with credentials; a failure, with and without need
	host 31 ''
	run 1 flush stage+sftp://me:s@cret@host/dir -- --tempdir "$work/other" --ssh-options '-oX y'
	says err '1 volume, 29.3K, still waits for sftp://host/dir: duplicity ended with exit status 31'
	says_not out cret
	says_not err cret
	printf '%s\n' collection-status --tempdir "$work/other" --ssh-options '-oX y' --archive-dir \
		"$work/cache/duplicity" --name 0a1b2c stage+sftp://me:s@cret@host/dir '' |
		cmp -s - "$work/arguments" || fail 'these arguments' "$(cat "$work/arguments")"
	run 0 flush -n sftp://me:s@cret@host/dir -- "--tempdir=$work/other"
	says out 'stage+sftp://me:***@host/dir'
	host 31 "rm -r '$spool'"
	run 0 flush -- "--tempdir=$work/other"
	says out 'nothing waits for sftp://host/dir any more; after the hand-off duplicity ended with exit status 31'
	there "$useless"
	spool "$work/root" sftp://host/dir 3
	# shellcheck disable=SC2016
	host 0 'kill -KILL $$'
	run 1 flush
	says err 'duplicity was ended by signal 9'
	DUPLICITY=$work/none run 1 flush
	says err 'none could not be run: No such file'
}

# A Ctrl-C reaches the host too; flush waits for it and goes on with no other target.
test_interrupted()
{
	manifest 1
	spool "$work/root" file:///one 1
	spool "$work/root" file:///two 1
	# shellcheck disable=SC2016
	host 0 'trap "exit 4" INT; kill -INT $PPID; sleep 1'
	env --default-signal=INT "$stagedir" flush >"$work/out" 2>"$work/err"
	came=$?
	[ "$came" -eq 1 ] || fail 'exit status 1' "$came"
	says err 'interrupted'
	[ "$(grep -c collection "$work/arguments")" -eq 1 ] || fail 'one call' "$(cat "$work/arguments")"
}

# Orphans of somebody's real runs that cannot be removed would change every exit status.
begin start
if ! "$stagedir" gc --dry-run >"$work/out" 2>"$work/err"; then
	cat "$work/out" "$work/err"
	echo 'command.sh: skipped: there is something in /var/tmp or /tmp that gc cannot remove' >&2
	exit 77
fi

[ $# -gt 0 ] || set -- usage settings roots status places dry_run gc strangers odd_places output \
	other_user unreadable waiting failures live_spool killed_spool verify gc_waiting flush interrupted
for name; do
	begin "$name"
	"test_$name"
done
