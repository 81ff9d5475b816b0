# lib.sh - what every test of the plugin starts with: `. "${srcdir:-.}/tests/lib/lib.sh" || exit 1`. Never without the
# exit: where this file is missing $work is empty, and what a test makes and removes would be in /.
#
# A test is one bash script that ends with `finish`. It gets
#	$work		a private directory that is removed at the end, mounts and children included; HOME, the
#			XDG folders, GNUPGHOME, TMPDIR and STAGEDIR_CONFIG all lie in it
#	$root		the temp root that the configuration file in it names
#	$logs		the output of what was run, a file each
#	plugged		runs its arguments with the plugin out of the build tree: `plugged duplicity ...`
#	stock		runs them without: the host as it was installed
# and the functions below. A check that fails prints why and is counted; `die` ends the test at once. What
# cannot be tested here is said by `skip_part`, and the test then ends as skipped (77), after all the rest.
#
# `make check TESTS=tests/plugin/cycle.sh` runs one test; STAGE_TEST_KEEP=1 keeps $work.

set -u
umask 022
LC_ALL=C
export LC_ALL

test_name=$(basename "$0" .sh)
failures=0
skipped=
mounts=()

die() {
	echo "FAIL: $test_name: $*" >&2
	exit 1
}

fail() {
	echo "FAIL: $test_name: $*" >&2
	failures=$((failures + 1))
}

skip_part() {
	echo "SKIP: $test_name: $*" >&2
	skipped=yes
}

note() {
	echo "$test_name ($SECONDS s): $*"
}

# The last line of a test.
finish() {
	if [ "$failures" -gt 0 ]; then
		echo "FAIL: $test_name: $failures checks failed" >&2
		exit 1
	fi
	if [ -n "$skipped" ]; then
		exit 77
	fi
	echo "PASS: $test_name ($SECONDS s)"
	exit 0
}

# need PROGRAM PACKAGE - the test cannot be run without it.
need() {
	command -v "$1" >/dev/null || die "the program $1 is missing (Debian: apt-get install $2)"
}

am_root() {
	[ "$(id -u)" -eq 0 ]
}

# needs_root WHY - the test ends here, as skipped, where it is not run by root.
needs_root() {
	am_root && return
	skip_part "$1"
	finish
}

# Removes everything that the test made and ends everything that it started.
tidy_up() {
	local status=$? pid mount

	trap - EXIT
	trap '' INT TERM HUP
	for pid in $(jobs -p); do
		kill -CONT "$pid" && kill "$pid"
	done 2>/dev/null
	wait 2>/dev/null
	if find "$work/gnupg" -mindepth 1 ! -name '*.conf' | grep -q .; then
		gpgconf --kill all
		gpgconf --remove-socketdir
	fi >/dev/null 2>&1
	for mount in ${mounts[@]+"${mounts[@]}"}; do
		# that of the last file may still be closed
		umount "$mount" 2>/dev/null || { sleep 2 && umount "$mount"; }
	done
	if [ -n "${STAGE_TEST_KEEP:-}" ]; then
		echo "$test_name: $work is kept" >&2
	else
		chmod -R u+rwx "$work" 2>/dev/null
		rm -rf --one-file-system "$work"
	fi
	exit "$status"
}

for variable in IN_TREE STAGEDIR DUPLICITY HOST_PYTHON; do
	[ -n "${!variable:-}" ] ||
		die "$variable is not set; run \`make check TESTS=tests/plugin/$test_name.sh\` in the build folder"
done
[ -f "$(dirname "$IN_TREE")/overlay/duplicity/.made" ] || die "$IN_TREE was not built yet; run make"

work=$(mktemp -d "${TMPDIR:-/var/tmp}/stage-$test_name.XXXXXX") || exit 1
trap tidy_up EXIT
trap 'exit 1' INT TERM HUP
root=$work/root
logs=$work/logs
mkdir "$work/home" "$work/cache" "$work/etc" "$root" "$logs"
mkdir -m 0700 "$work/gnupg"
export HOME=$work/home XDG_CACHE_HOME=$work/cache XDG_CONFIG_HOME=$work/etc XDG_STATE_HOME=$work/state GNUPGHOME=$work/gnupg
# nothing here is so secret that gpg would have to work for a third of a second on each passphrase
echo 's2k-count 65536' | tee "$GNUPGHOME/gpg.conf" >"$GNUPGHOME/gpg-agent.conf"
unset TEMP TMP STATE_DIRECTORY
export TMPDIR=$root STAGEDIR_CONFIG=$work/stagedir.conf
unset PASSPHRASE SIGN_PASSPHRASE FTP_PASSWORD PYTHONPATH
cd "$work" || exit 1

# configure LINE... - writes the configuration file.
configure() {
	printf '%s\n' "$@" >"$STAGEDIR_CONFIG"
}
# tmpfs is as good as a disk here: TMPDIR of whoever runs the tests may be one
configure "temp_root = $root" "avoid_tmpfs = no"

# change_host FOLDER MODULE LINE... - has a host that is run with PYTHONPATH=FOLDER another MODULE: the lines of Python,
# to which it is `module`, are run behind its own.
change_host() {
	local folder=$1 name=$2

	shift 2
	mkdir "$folder"
	printf '%s\n' "$@" >"$folder/change.py"
	cat >"$folder/sitecustomize.py" <<-END
		import importlib.abc
		import importlib.util
		import sys


		class Finder(importlib.abc.MetaPathFinder):
		    def find_spec(self, name, path, target=None):
		        if name != '$name':
		            return None
		        sys.meta_path.remove(self)
		        spec = importlib.util.find_spec(name)
		        execute = spec.loader.exec_module

		        def changed(module):
		            execute(module)
		            with open('$folder/change.py') as file:
		                exec(file.read(), {'module': module})
		        spec.loader.exec_module = changed
		        return spec


		sys.meta_path.insert(0, Finder())
	END
}

# library NAME - what make check has made of NAME.c, to be preloaded.
library() {
	local library

	library=$(dirname "$IN_TREE")/tests/lib/.libs/$1.so
	[ -e "$library" ] || die "$library was not built yet; run make check"
	printf '%s\n' "$library"
}

plugged() {
	"$IN_TREE" "$@"
}

# stock duplicity ARG...
stock() {
	shift
	"$DUPLICITY" "$@"
}

# start LOG COMMAND... - in the background, with the signals as a program has them that an administrator
# starts (bash ignores SIGINT in the background). Sets $pid, which is COMMAND's own.
start() {
	local log=$logs/$1

	shift
	(
		if [ "$1" = plugged ]; then
			shift
			exec env --default-signal=INT,TERM,HUP "$IN_TREE" "$@"
		fi
		shift 2
		exec env --default-signal=INT,TERM,HUP "$DUPLICITY" "$@"
	) >"$log" 2>&1 </dev/null &
	pid=$!
}

# end PID - waits for what was started, keeps its exit status in $status.
end() {
	# bash would tell of every death by a signal
	wait "$1" 2>/dev/null
	status=$?
}

# run LOG COMMAND... - runs COMMAND, keeps its output in $logs/LOG and its exit status in $status.
run() {
	local log=$logs/$1

	shift
	"$@" >"$log" 2>&1 </dev/null
	status=$?
}

# offers WORD - has the stock host this option, or command?
offers() {
	[ -e "$work/help" ] || "$DUPLICITY" --help >"$work/help" 2>&1
	grep -q -w -F -e "$1" "$work/help"
}

# knows WORD - the same, and where it has not says so: what hangs on it cannot be tested in this host.
knows() {
	offers "$1" && return
	note "not tested, as this host has no $1"
	return 1
}

show() {
	sed "s/^/    ${1##*/}: /" <"$1" | tail -n 30 | cat -v >&2
}

# expect STATUS LOG COMMAND... - the same, and the exit status must be this one.
expect() {
	local wanted=$1 log=$2

	shift
	run "$@"
	[ "$status" -eq "$wanted" ] && return
	shift
	fail "exit status $status instead of $wanted of: $*"
	show "$logs/$log"
	return 1
}

# learn LOG COMMAND... - what the stock host makes of something that does not end alike in all versions: keeps the exit status
# of COMMAND, which is a run of stock, in $wanted for expect.
learn() {
	run "$@"
	wanted=$status
	[ "$wanted" -lt 128 ] && return
	fail "the stock host dies: exit status $wanted of: $*"
	show "$logs/$1"
	return 1
}

# has LOG TEXT, has_not LOG TEXT - a fixed string in (one line of) the output that was kept.
has() {
	grep -q -a -F -e "$2" "$logs/$1" && return
	fail "\"$2\" is not in the output $1"
	show "$logs/$1"
	return 1
}

has_not() {
	grep -q -a -F -e "$2" "$logs/$1" || return 0
	fail "\"$2\" is in the output $1"
	show "$logs/$1"
	return 1
}

# says LOG ERE - the same for an extended regular expression.
says() {
	grep -q -a -E -e "$2" "$logs/$1" && return
	fail "nothing like \"$2\" is in the output $1"
	show "$logs/$1"
	return 1
}

# is_empty DIR WHAT
is_empty() {
	local rest

	rest=$(find "$1" -mindepth 1 | cat -v)
	[ -z "$rest" ] && return
	fail "$1 is not empty after $2: $rest"
	return 1
}

# Nothing of a run that has ended is left: in the temp root, in any archive directory.
nothing_left() {
	is_empty "$root" "$1"
	nothing_left_in_archive "$1"
}

# The same for all archive directories; what proves to the next run that the manifest is stored stays there as long as there
# are partial files.
nothing_left_in_archive() {
	local rest

	rest=$(find "$XDG_CACHE_HOME" \( -name 'stagedir-*' -o -name 'duplicity-*-tempdir' -o -name 'lockfile' \
		-o -name 'mktemp-*' -o -name 'mkstemp-*' \) \
		! \( -name 'stagedir-proof.*' -execdir sh -c 'ls | grep -q -E "\.p(art)?\$"' ';' \) | cat -v)
	[ -z "$rest" ] && return
	fail "left in the archive directory by $1: $rest"
	return 1
}

# spools ROOT, staging_dirs ROOT - the staging directories in it that hold volumes for storage, and the others.
spools() {
	find "$1" -mindepth 2 -maxdepth 2 -path '*/stagedir-*/journal' -printf '%h\n' | sort
}

staging_dirs() {
	find "$1" -mindepth 1 -maxdepth 1 -name 'stagedir-*' ! -exec test -e '{}/journal' ';' -print | sort
}

# only_staged_left WHAT - the same for a run that was ended: but staged volumes may wait for the next one.
only_staged_left() {
	local rest

	rest=$(find "$root" -mindepth 1 ! -path "$root/stagedir-*/journal" ! -path "$root/stagedir-*/staged-*" \
		! -exec test -e '{}/journal' ';' | cat -v)
	[ -z "$rest" ] || fail "$root holds more than staged volumes after $1: $rest"
	nothing_left_in_archive "$1" && [ -z "$rest" ]
}

# archive_of URL - the archive directory that the host has for a plain URL.
archive_of() {
	echo "$XDG_CACHE_HOME/duplicity/$(printf %s "$1" | md5sum | cut -d ' ' -f 1)"
}

# list_tree DIR - one record for everything in DIR, each with a NUL at its end: type, mode, owner, mtime in
# whole seconds, name, target of a link; then the digest of the content of each file. The host keeps no
# mtime of a link, no hard links, no fractions of a second, and makes 1970 of a time before it.
list_tree() {
	(
		cd "$1" || exit
		find . -type l -printf '%y %U:%G %P -> %l\0' -o -printf '%y %m %U:%G %T@ %P\0' |
			sed -z -E -e 's/^([^ ]+ [^ ]+ [^ ]+ -?[0-9]+)\.[0-9]+ /\1 /' \
				-e 's/^([^ ]+ [^ ]+ [^ ]+) -[0-9]+ /\1 0 /' | sort -z
		find . -type f -print0 | sort -z | xargs -0 -r sha256sum -z --
	)
}

# same_tree A B WHAT
same_tree() {
	list_tree "$1" >"$work/tree.a" || fail "$3: cannot list $1"
	list_tree "$2" >"$work/tree.b" || fail "$3: cannot list $2"
	cmp -s "$work/tree.a" "$work/tree.b" && return
	fail "$3: $1 and $2 differ"
	# a newline in a name is made visible, so that a record is a line
	diff <(tr '\n\0' '\1\n' <"$work/tree.a") <(tr '\n\0' '\1\n' <"$work/tree.b") |
		head -n 20 | cat -v >&2
	return 1
}

# make_tree DIR - everything odd that a source tree may hold.
make_tree() {
	local long

	long=$(printf 'l%.0s' {1..255})
	mkdir -p "$1" && cd "$1" || die "cannot make $1"
	mkdir -p plain/deep/deeper 'with space' $'new\nline' -- -rf $'bytes-\xff\xfe' .hidden empty-directory
	seq 1 20000 >plain/numbers
	head -c 700000 /dev/urandom >plain/random
	head -c 150000 /dev/urandom >plain/deep/random
	: >empty
	: >plain/deep/deeper/empty
	echo newline >$'new\nline/na\nme\n'
	echo bytes >$'bytes-\xff\xfe/\x80\xc3'
	echo control >$'tab\tbell\adel\x7f'
	echo quotes >"it's \"quoted\" \\ \$HOME *?[a]"
	echo umlaut >$'\xc3\xa4'
	echo long >"$long"
	mkdir "plain/$long" && echo longer >"plain/$long/$long"
	echo dash >./-n
	echo dash >./--help
	echo 'option' >-rf/--force
	echo dot >.hidden/...
	printf 'no newline at the end' >'with space/ leading and trailing '
	ln -s numbers plain/link
	ln -s /nowhere/at/all dangling
	ln -s . plain/deep/self
	ln -s $'new\nline' $'link\nto'
	ln plain/numbers plain/deep/hard-link
	mkfifo fifo
	echo script >script && chmod 0755 script
	echo set >set-id && chmod 6711 set-id
	mkdir sticky && chmod 1777 sticky
	echo read >read-only && chmod 0400 read-only
	mkdir closed && echo in >closed/file && chmod 0500 closed
	if am_root; then
		echo secret >mode-000 && chmod 0 mode-000
		echo other >other && chown 1234:4321 other
		ln -s elsewhere other-link && chown -h 1234:4321 other-link
		mkdir other-directory && chown 65534:65534 other-directory
	fi
	touch -d '2001-02-03 04:05:06.789' plain/numbers
	touch -d '1969-12-31 00:00:00 UTC' empty
	touch -d '1955-11-05 06:15:00 UTC' script plain/deep
	touch -d '1970-01-01 00:00:00 UTC' $'new\nline'
	touch -d '2037-01-01 00:00:00 UTC' $'bytes-\xff\xfe'
	cd "$work" || exit 1
}

# change_tree DIR - what an incremental backup can meet.
change_tree() {
	cd "$1" || die "cannot enter $1"
	echo appended >>plain/numbers
	rm plain/deep/hard-link && echo 'not linked any more' >plain/deep/hard-link
	printf changed | dd of=plain/random bs=1 seek=350000 conv=notrunc status=none
	# size and second would be as before: the host would not see it
	touch -d '2003-03-03 03:03:03' plain/random
	rm -r -- -rf .hidden/...
	echo 'a directory was here' >-rf
	rm ./-n && mkdir ./-n && echo 'a file was here' >./-n/file
	rm dangling && echo 'a link was here' >dangling
	mv $'tab\tbell\adel\x7f' $'moved\n\xfe'
	ln -sfn /elsewhere plain/link
	chmod 0640 script
	touch -d '1960-02-29 12:00:00 UTC' empty
	head -c 300000 /dev/urandom >$'new\nline/grown'
	rmdir empty-directory
	mkdir added && echo added >$'added/\xe2\x82'
	cd "$work" || exit 1
}

# kinds_of DIR - how many files of each kind are in an archive directory or a target: names without dates.
kinds_of() {
	find "$1" -type f -printf '%P\n' 2>/dev/null |
		sed -E 's/[0-9]{8}T[0-9]{6}Z/TIME/g; s/vol[0-9]+/volN/' | sort | uniq -c
}

# wait_for SECONDS COMMAND... - until COMMAND succeeds; on an idle machine that takes at most so long, and a busy one has ten
# times as long.
wait_for() {
	local end=$((SECONDS + 10 * $1))

	shift
	until "$@"; do
		[ "$SECONDS" -lt "$end" ] || return 1
		sleep 0.02
	done
}

# stands_still - for wait_for: is the run $pid stopped, or over?
stands_still() {
	! grep -q '^State:.*[^TZ] (' "/proc/$pid/status" 2>/dev/null
}

milliseconds() {
	local now=$EPOCHREALTIME

	echo $((${now%[.,]*} * 1000 + 10#${now#*[.,]} / 1000))
}
