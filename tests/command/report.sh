#!/bin/sh
# stagedir report, on records of runs that never were (tests/lib/records.py): its page says what the record does, takes nothing
# of it for markup, and stays small. Arguments name the tests to run; none means all.
. "${srcdir:-.}/tests/command/lib.sh" || exit 1
unset XDG_STATE_HOME STATE_DIRECTORY

# make_record KIND [BEGIN [VOLUMES]]: sets $record to its name, $runs to its folder
make_record()
{
	runs=$HOME/.local/state/stagedir/runs
	mkdir -p "$runs"
	record=$("$python" "$srcdir/tests/lib/records.py" "$runs" "$@") || fail "a record of $1" 'none'
}

# agrees [CHECK ...]: the page in $work/out says what $record does
agrees()
{
	"$python" "$srcdir/tests/lib/page.py" "$work/out" "$runs/$record" "$@" 2>"$work/why" ||
		fail 'the page to agree with its record' "$(cat "$work/why")"
}

test_figures()
{
	for kind in plain outage slow killed failed odd; do
		make_record "$kind"
		run 0 report "$record"
		agrees
	done
	# one reason, whatever file it names
	make_record flaky
	run 0 report "$record"
	agrees 'len(rows("failures")) == 1 and column("failures", 2) == [24]'
	for volumes in 0 1; do
		make_record plain 1796004000250 "$volumes"
		run 0 report "$record"
		agrees "len(rows('files')) == $volumes"
	done
}

# How it ended is said in words.
test_ends()
{
	make_record plain 1000
	run 0 report
	agrees '"Done" in text("state")'
	make_record failed 2000
	run 0 report
	agrees '"Failed: storage" in text("state") and "Giving up" in text("state") and "50" in text("state")'
	make_record killed 3000
	run 0 report
	agrees '"Killed" in text("state")' '"killed" in "".join(rows("runs")[0].itertext())'
	# as long as the lock is held the run lives
	exec 9<"$runs/$record"
	flock -n 9 || fail 'the lock' 'none'
	run 0 report
	exec 9<&-
	says out 'Still running'
	says out 'running</td>'
}

test_which()
{
	run 1 report
	says err 'there are no records of runs'
	make_record plain 1000
	first=$record
	make_record outage 1796004000250
	run 0 report
	says out "of the record <code>$record</code>"
	run 0 report "$first"
	says out "of the record <code>$first</code>"
	# with what a target is called by, with and without its prefix and secrets
	for url in sftp://backup@storage.example/srv/backup stage+sftp://backup:secret@storage.example/srv/backup; do
		run 0 report "$url"
		says out "of the record <code>$record</code>"
		says_not out secret
	done
	run 1 report sftp://me:secret@elsewhere/
	says err 'no record is of a run to sftp://me:***@elsewhere'
	run 1 report 20200101T000000.000Z-1
	says err "there is no record \"20200101T000000.000Z-1\" in $runs; allowed are the name of a record, such as $record, and the URL of a target"
	for name in ../runs/"$record" /etc/passwd ''; do
		run 1 report "$name"
		says err 'there is no record'
	done
	run 2 report "$first" "$record"
	says err 'report takes one run'
	run 2 report -o
	says err 'option -o needs a value'
	run 2 report --json
	says err 'allowed after report are --output and --help'
}

# Nothing that stands in a record can be anything but text.
test_odd()
{
	make_record odd
	run 0 report
	agrees '"alert" in text("state") and "\\x1b" in text("state") and "\\xff" in text("state")' \
		'any("<script>" in "".join(row.itertext()) for row in rows("failures"))'
	says_not out '<script'
	grep -q -a -P '[\x00-\x08\x0b-\x1f]|\xe2\x80\xae' "$work/out" && fail 'no characters that steer' 'some'
	return 0
}

# Thousands of volumes: lines of many files, which are told; the size is bounded.
test_many()
{
	make_record outage 1796004000250 5000
	run 0 report
	agrees 'len(rows("files")) <= 120' '"5000 files: a line stands for 42" in text("grouped")'
	[ "$(stat -c %s "$work/out")" -lt 250000 ] || fail 'a page of less than 250000 bytes' "$(stat -c %s "$work/out")"
	for day in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16; do
		make_record plain $((day * 86400000)) 2
	done
	run 0 report
	[ "$(grep -c 'scope="row" class="when"' "$work/out")" = 15 ] || fail '15 runs' 'others'
}

test_damaged()
{
	make_record plain 1000
	other=$record
	make_record outage
	# of the third volume nobody knows that it was made
	sed -i '/ made .*vol3/s/vol3/vol9/' "$runs/$record"
	run 0 report
	agrees 'record["damaged"] == 1' '"1 of its lines" in text("damaged")'
	# half a line, as a full disk leaves it, behind which the run went on
	make_record outage 1796004000250
	sed -i '9s/......$/%%%/' "$runs/$record"
	run 0 report
	# the beginning is gone
	sed -i '2s/full/fall/' "$runs/$record"
	run 1 report "$record"
	says err "the record $record does not tell of which run it is"
	says_not out html
	# of a later version; other pages name it, and are made
	printf '%s stagedir-run 2\n' "$("$python" -c 'import zlib; print("%08x" % zlib.crc32(b"stagedir-run 2"))')" >"$runs/$record"
	run 1 report "$record"
	says err "$record is no record of a run, or one of another version"
	run 0 report "$other"
	says out "cannot be read: $record is no record"
	# words that a later version adds are passed over
	make_record plain 1796004000250
	"$python" -c '
import sys, zlib
text = b"comet 1796004003000 7"
open(sys.argv[1], "ab").write(b"%08x %s\n" % (zlib.crc32(text), text))' "$runs/$record"
	run 0 report
	agrees '"damaged" not in by_id'
}

test_file()
{
	make_record plain
	(umask 000 && run 0 report -o "$work/page") || exit 1
	[ ! -s "$work/out" ] || fail 'nothing on standard output' 'something'
	[ "$(stat -c %a "$work/page")" = 600 ] || fail 'mode 600' "$(stat -c %a "$work/page")"
	mv "$work/page" "$work/other/page"
	: >"$work/page"
	chmod 0644 "$work/page"
	run 0 report "--output=$work/page" "$record"
	cmp -s -n 5000 "$work/page" "$work/other/page" || fail 'the same page' 'another'
	[ "$(stat -c %a "$work/page")" = 600 ] || fail 'mode 600' "$(stat -c %a "$work/page")"
	# nothing but a regular file is replaced
	ln -s "$work/page" "$work/root/link"
	mkfifo "$work/root/fifo"
	for path in link fifo; do
		run 1 report -o "$work/root/$path"
		says err "cannot write $work/root/$path: it is no regular file"
	done
	run 1 report -o "$work/root"
	run 1 report -o "$work/missing/page"
	says err "cannot write $work/missing/page: No such file"
	[ "$(ls -A "$work/root")" = "fifo
link" ] || fail 'nothing else beside' "$(ls -A "$work/root")"
	run 0 report -o -
	says out '<!DOCTYPE html>'
}

# A terminal is no place for a page.
test_terminal()
{
	make_record plain
	script -q -e -c "'$stagedir' report" /dev/null >"$work/out" 2>&1 </dev/null
	came=$?
	[ "$came" = 2 ] || fail 'exit status 2' "$came"
	says out 'a page is not for a terminal; -o FILE writes it to a file'
	script -q -e -c "'$stagedir' report -o -" /dev/null >"$work/out" 2>&1 </dev/null || fail 'exit status 0' "$?"
	says out '<!DOCTYPE html>'
}

if [ $# -eq 0 ]; then
	set -- figures ends which odd many damaged file terminal
fi
run_tests "$@"
echo "PASS: report.sh: $*"
