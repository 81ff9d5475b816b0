# beside.sh - what backends make beside a staged file, and the programs that they start: par2 and rsync, in runs that are
# killed in the midst of them. No program outlives its run; gc and the next run leave nothing, and end with 0.
. "${srcdir:-.}/tests/lib/lib.sh" || exit 1

need par2 par2
need rsync rsync
"$HOST_PYTHON" -c 'import pexpect' 2>"$logs/pexpect" ||
	die 'the Python package pexpect, which the host needs for par2, is missing (Debian: apt-get install python3-pexpect)'

# par2's threads wait for each other by spinning
export OMP_NUM_THREADS=1

target=$work/target
source=$work/source
mkdir "$source" "$work/bin"
for i in 1 2 3 4; do
	head -c 1000000 /dev/urandom >"$source/$i"
done

# The real programs. One whose arguments have the word in the file hold is, when it is done, alive for ever, as if it was not.
for program in par2 rsync; do
	real=$(command -v "$program")
	cat >"$work/bin/$program" <<-END
		#!/bin/bash
		"$real" "\$@"
		status=\$?
		if [ -e "$work/hold" ] && [ "\$1" != --server ] && [[ "\$*" == *"\$(cat "$work/hold")"* ]]; then
			echo \$\$ >"$work/held.new"
			mv "$work/held.new" "$work/held"
			exec -a "$program" sleep 3600
		fi
		exit \$status
	END
	chmod +x "$work/bin/$program"
done
# rsync goes to its host by this
cat >"$work/bin/ssh" <<-'END'
	#!/bin/bash
	while [[ "$1" == -* ]]; do shift; done
	shift
	exec bash -c "$*"
END
chmod +x "$work/bin/ssh"
# in front of the folder of the host, which plugged puts first
host=(plugged env "PATH=$work/bin:$(dirname "$DUPLICITY"):$PATH" duplicity)
backup=("${host[@]}" full --volsize 1 --no-encryption "$source")

# fresh - no backup, no archive directory.
fresh() {
	rm -rf --one-file-system "$target" "$XDG_CACHE_HOME/duplicity" "$work/hold" "$work/held" "$work/restored"
	mkdir "$target"
}

is_gone() {
	! kill -0 "$1" 2>/dev/null || grep -q '^State:[[:space:]]*Z' "/proc/$1/status" 2>/dev/null
}

held_or_ended() {
	[ -e "$work/held" ] || is_gone "$pid"
}

# die_at WORD WHAT COMMAND... - runs COMMAND, and kills it while it waits for the program whose arguments have WORD.
die_at() {
	local word=$1 what=$2 program

	shift 2
	printf %s "$word" >"$work/hold"
	rm -f "$work/held"
	start "$what" "$@"
	if ! wait_for 60 held_or_ended || [ ! -e "$work/held" ]; then
		kill -KILL "$pid"
		show "$logs/$what"
		die "$what: no program with \"$word\" was started"
	fi
	program=$(cat "$work/held")
	! is_gone "$program" || fail "$what: the program does not live while its run does"
	kill -KILL "$pid"
	end "$pid"
	if ! wait_for 60 is_gone "$program"; then
		fail "$what: the program outlives its run: $(tr '\0' ' ' <"/proc/$program/cmdline")"
		kill -KILL "$program"
	fi
	rm -f "$work/hold"
}

# gc WHAT - twice, as it ended with 1 for ever.
gc() {
	local turn

	for turn in 1 2; do
		expect 0 "gc-$turn" plugged "$STAGEDIR" gc
		has_not "gc-$turn" 'was not made by'
	done
	! find "$root" -name 'duplicity_temp.*' -o -name 'tmp????????' | grep . || fail "$1: gc leaves that"
}

# go_on URL PLAIN WHAT - the next run leaves nothing, and the backup is complete.
go_on() {
	expect 0 next "${host[@]}" full --volsize 1 --no-encryption "$source" "$1"
	has_not next 'was not made by'
	nothing_left "the run after $3"
	expect 0 restore stock duplicity restore --no-encryption "$2" "$work/restored"
	same_tree "$source" "$work/restored" "$3"
}

# leaves PATTERN WHAT - a dead run has left something of this name: otherwise nothing is proved.
leaves() {
	find "$root" -name "$1" | grep -q . || fail "$2: nothing like $1 is left in $root"
}

# par2: while a volume is handed off, in its spool; with and without gc before the next run
for gc in yes ''; do
	fresh
	die_at vol2.difftar.gz par2-volume "${backup[@]}" "stage+par2+file://$target"
	leaves 'duplicity_temp.*' 'a volume by par2'
	find "$root" -name '*.par2' | grep -q . || fail 'par2 had made nothing'
	[ -z "$gc" ] || gc 'a volume by par2'
	go_on "stage+par2+file://$target" "par2+file://$target" 'a volume by par2'
done

# where it is put at once: the manifest
fresh
die_at manifest par2-manifest "${backup[@]}" "stage+par2+file://$target"
gc 'a manifest by par2'
nothing_left 'gc after a manifest by par2'
go_on "stage+par2+file://$target" "par2+file://$target" 'a manifest by par2'

# signatures, which lie in the archive directory: the next run, whose lock it has then, removes what is beside them
fresh
die_at sigtar par2-signatures "${backup[@]}" "stage+par2+file://$target"
find "$XDG_CACHE_HOME" -name 'duplicity_temp.*' | grep -q . || fail 'nothing is left in the archive directory'
mkdir "$(archive_of "par2+file://$target")/duplicity_temp.x"
go_on "stage+par2+file://$target" "par2+file://$target" 'signatures by par2'
[ "$(find "$XDG_CACHE_HOME" -name 'duplicity_temp.*' -printf '%f\n')" = duplicity_temp.x ] ||
	fail "in the archive directory there is still $(find "$XDG_CACHE_HOME" -name 'duplicity_temp.*')"

# and around of ours
fresh
die_at vol1.difftar.gz par2-around "${backup[@]}" "par2+stage+file://$target"
leaves 'duplicity_temp.*' 'par2 around of stage'
gc 'par2 around of stage'
go_on "par2+stage+file://$target" "par2+file://$target" 'par2 around of stage'

# the real par2, in the midst of its work
fresh
head -c 20000000 /dev/urandom >"$source/large"
start par2-busy "${host[@]}" full --volsize 30 --no-encryption --par2-redundancy 100 "$source" "stage+par2+file://$target"
par2_lives() {
	busy=$(pgrep -f -- "par2 c .*$root/.*duplicity_temp" | tail -n 1)
	[ -n "$busy" ]
}
wait_for 60 par2_lives || fail 'par2 was not started'
kill -KILL "$pid"
end "$pid"
par2_is_gone() {
	! pgrep -f -- "par2 c .*$root/.*duplicity_temp" >/dev/null
}
wait_for 60 par2_is_gone || fail "par2 outlives its run: $(pgrep -af -- "par2 c .*$root")"
leaves 'duplicity_temp.*' 'a busy par2'
gc 'a busy par2'
rm "$source/large"
go_on "stage+par2+file://$target" "par2+file://$target" 'a busy par2'

# rsync: while a volume is handed off, and while it deletes by an empty folder of its own
fresh
die_at vol2.difftar.gz rsync-volume "${backup[@]}" "stage+rsync://localhost/$target"
gc 'a volume by rsync'
go_on "stage+rsync://localhost/$target" "file://$target" 'a volume by rsync'
fresh
expect 0 first "${host[@]}" full --no-encryption --current-time 1600000000 "$source" "stage+rsync://localhost/$target"
expect 0 second "${host[@]}" full --no-encryption --current-time 1700000000 "$source" "stage+rsync://localhost/$target"
die_at --delete rsync-delete "${host[@]}" remove-all-but-n-full 1 --force --no-encryption "stage+rsync://localhost/$target"
leaves 'tmp????????' 'deleting by rsync'
gc 'deleting by rsync'
nothing_left 'gc after deleting by rsync'
expect 0 remove "${host[@]}" remove-all-but-n-full 1 --force --no-encryption "stage+rsync://localhost/$target"
nothing_left 'deleting by rsync'

fresh
expect 0 whole "${backup[@]}" "stage+rsync://localhost/$target"
nothing_left 'a whole run'
finish
