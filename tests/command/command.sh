#!/bin/sh
# The operator's command: what it prints, its exit codes, and that it removes what it should and no more. Arguments name
# the tests to run; none means all.
. "${srcdir:-.}/tests/command/lib.sh" || exit 1

test_usage()
{
	run 0 --help
	says out 'usage: stagedir roots'
	for command in roots status watch verify gc flush adopt report; do
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
	says err 'stagedir: unknown command "rooots"; there are roots, status, watch, verify, gc, flush, adopt and report'
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

[ $# -gt 0 ] || set -- usage settings roots status places dry_run gc strangers odd_places output other_user unreadable
run_tests "$@"
