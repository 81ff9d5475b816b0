# looking.sh - who looks at what dead runs left changes nothing and keeps nobody out; what a damaged journal may have told
# of stays until gc says that it removes it; and whatever a backup or flush passes over is told.
. "${srcdir:-.}/tests/lib/lib.sh" || exit 1
. "$srcdir/tests/lib/odd.sh" || exit 1

[ -n "${MAKE_SPOOL:-}" ] || die 'MAKE_SPOOL is not set; run make check'
mkdir "$source"
head -c 8000000 /dev/urandom | split -b 1M - "$source/"
options=(--no-encryption --volsize 1)
configure "temp_root = $root" 'avoid_tmpfs = no' 'retries = 1' 'backoff = 0'
archives=$XDG_CACHE_HOME/duplicity

# leave_staged ARGUMENT... - a run is killed when storage has two volumes, and 4 more are staged, which are in $spool.
leave_staged() {
	rm -rf --one-file-system "${root:?}"/*
	fresh_odd
	set_odd hang vol3.
	start killed plugged duplicity full "${options[@]}" "$@" "$source" "stage+$url"
	wait_for 60 sealed 6 || fail 'a run does not stage 4 volumes'
	kill -KILL "$pid"
	end "$pid"
	unset_odd hang
	rm -f "$storage.log"
	spool=$(spools "$root")
	# what is not sealed is of no interest here
	find "$root" -mindepth 1 -maxdepth 1 ! -path "$spool" -exec rm -r {} +
	staged | tail -n +5 | xargs -r rm
	[ "$(staged | wc -l)" -eq 4 ] || die "$(staged | wc -l) volumes are staged instead of 4"
}

# picture - all that could change by being looked at.
picture() {
	ls -lAR --time-style=full-iso "$root"
	find "$root" -type f -print0 | sort -z | xargs -0 -r sha256sum
}

# turn NUMBER - one bit of the record of the staged file that was sealed as such. Sets $turned, that file.
turn() {
	turned=$spool/$("$HOST_PYTHON" - "$spool/journal" "$1" <<-'END'
		import sys

		path, number = sys.argv[1], int(sys.argv[2])
		lines = open(path, 'rb').read().split(b'\n')
		staged = [i for i, line in enumerate(lines) if line[9:].startswith(b'staged ')]
		line = lines[staged[number - 1]]
		print(line.split()[2].decode())
		lines[staged[number - 1]] = line[:-1] + bytes([line[-1] ^ 1])
		open(path, 'wb').write(b'\n'.join(lines))
	END
	)
}

# total KEY LOG - a number of the total of gc --json.
total() {
	"$HOST_PYTHON" -c 'import json, sys
print(json.load(open(sys.argv[2]))["total"][sys.argv[1]])' "$1" "$logs/$2"
}

# gc_keeps_its_word WHAT - does it remove what its dry run has said, in all sums?
gc_keeps_its_word() {
	local key

	"$STAGEDIR" gc -n --json >"$logs/gc-dry"
	picture >"$work/after"
	cmp -s "$work/before" "$work/after" || fail "$1: a dry run of gc changes something"
	"$STAGEDIR" gc --json >"$logs/gc-real"
	for key in directories files bytes left waiting; do
		[ "$(total "$key" gc-dry)" = "$(total "$key" gc-real)" ] ||
			fail "$1: $key is $(total "$key" gc-real), and $(total "$key" gc-dry) by the dry run"
	done
}

# A bit turns in the record of a staged volume.
leave_staged
turn 4
: >"$spool/staged-abcdefghijklm-99" # of a volume that was never sealed
picture >"$work/before"
expect 1 verify "$STAGEDIR" verify
has verify 'records of its journal are damaged; 2 volumes, '
expect 0 status "$STAGEDIR" status
says status 'record of its journal is damaged; 2 volumes, .* stay until "stagedir gc" removes them'
run status-json "$STAGEDIR" status --json
run dry "$STAGEDIR" gc -n
has dry 'the record that may have told of it is damaged: nobody can tell what it is'
run flush-dry "$STAGEDIR" flush -n
picture >"$work/after"
cmp -s "$work/before" "$work/after" || {
	fail 'looking changes something'
	diff "$work/before" "$work/after" >&2
}
note 'looking at a damaged spool changes nothing'

# neither a flush nor a backup removes it
expect 0 flush plugged env DUPLICITY="$DUPLICITY" "$STAGEDIR" flush
has flush 'cannot be handed off: damaged records of the journal may have been theirs'
[ -e "$turned" ] || fail 'flush removes what a damaged record has told of'
expect 0 backup plugged duplicity full "${options[@]}" "$source" "stage+$url"
[ -e "$turned" ] || fail 'a backup removes what a damaged record has told of'
[ "$(staged | wc -l)" -eq 2 ] || fail "a backup leaves $(staged | wc -l) staged files instead of 2"
expect 0 stock stock duplicity verify --compare-data "${options[@]}" "$url" "$source"
picture >"$work/before"
gc_keeps_its_word 'a damaged record alone'
[ -e "$turned" ] && fail 'gc leaves what it says that it removes'
is_empty "$root" 'gc'

# gc where something else waits, too: it stays, and what goes is what was said
leave_staged
turn 6
head -c 5000 /dev/zero >"$spool/staged-abcdefghijklm-99"
head -c 700 /dev/zero >"$spool/room"
picture >"$work/before"
gc_keeps_its_word 'a damaged record beside what waits'
[ -e "$turned" ] && fail 'gc leaves what a damaged record has told of'
[ "$(staged | wc -l)" -eq 3 ] || fail "gc leaves $(staged | wc -l) staged files instead of 3"
[ "$(total bytes gc-real)" -gt 900000 ] || fail 'gc forgets to count what it has removed'
leave_staged
head -c 5000 /dev/zero >"$spool/staged-abcdefghijklm-99"
picture >"$work/before"
gc_keeps_its_word 'a file that was never sealed beside what waits'
[ "$(total bytes gc-real)" -eq 5000 ] || fail "gc counts $(total bytes gc-real) bytes of a file of 5000"
note 'gc removes what it says'

# An archive directory that is not there - on a disk that is not mounted, in another container - tells nothing.
leave_staged
mv "$archives" "$work/elsewhere"
expect 1 away-gc "$STAGEDIR" gc
has away-gc 'is it on a disk that is not mounted here?'
expect 1 away-flush plugged env DUPLICITY="$DUPLICITY" "$STAGEDIR" flush
has away-flush 'cannot be looked at'
[ ! -e "$archives" ] || fail 'flush makes an archive directory'
[ "$(staged | wc -l)" -eq 4 ] || fail "without the archive directory $(staged | wc -l) of 4 staged volumes are left"
mv "$work/elsewhere" "$archives"
expect 0 away plugged duplicity full "${options[@]}" "$source" "stage+$url"
says away 'handing off the volume'
nothing_left 'a backup with its archive directory again'

# A backup begins while somebody reads what it needs, for as long as he likes.
leave_staged
reads=()
for what in verify 'gc -n' gc; do
	: >"$work/pause"
	rm -f "$work/pause.reached"
	# shellcheck disable=SC2086 # a command and its option
	LD_PRELOAD=$(library paused) STAGE_TEST_PAUSE=$work/pause "$STAGEDIR" $what >"$logs/reader-${what%% *}" 2>&1 &
	reads+=("$!")
	wait_for 20 test -e "$work/pause.reached" || fail "$what does not begin to read"
done
run status "$STAGEDIR" status
says status '^staged '
expect 0 meanwhile plugged duplicity full "${options[@]}" "$source" "stage+$url"
for number in 3 4 5 6; do
	says meanwhile "handing off the volume duplicity-full\.[0-9TZ]*\.vol$number\.difftar\.gz that a dead run staged"
done
has_not meanwhile 'waiting: '
nothing_left 'a backup while somebody reads'
rm "$work/pause"
for pid in "${reads[@]}"; do
	wait "$pid" || fail "what had read meanwhile ends with $?"
done
has reader-verify 'was handed off, or removed, while it was looked at'
has_not reader-verify damaged:
expect 0 stock stock duplicity verify --compare-data "${options[@]}" "$url" "$source"
note 'a backup takes over what is being read'

# amount - of what is staged, as a notice has it.
amount() {
	find "$root" -name 'staged-*' -printf '%s\n' |
		awk '{ sum += $1 } END { printf "%d volumes, %d bytes, wait", NR, sum }'
}

# A lock that stays: it is told, and the run goes on without.
leave_staged
flock "$spool" sleep 60 &
locked=$!
expect 0 locked plugged duplicity full "${options[@]}" "$source" "stage+$url"
has locked "$(amount) for this run, and must be passed over: the spool $spool is in use by a live run"
kill "$locked"

# The same archive directory for another URL, the same URL with another archive directory.
leave_staged --name mine
run spelled plugged duplicity full --name mine "${options[@]}" "$source" "stage+odd://$storage/../storage"
has spelled "$(amount) in $spool with the archive directory of this run, but for another URL, $url: a backup to that one"
leave_staged --name mine
expect 0 named plugged duplicity full --name other "${options[@]}" "$source" "stage+$url"
has named "$(amount) for the URL of this run in $spool, but with another archive directory, $archives/mine"
# an archive directory has one inode, and perhaps many names
leave_staged --name mine
ln -s "$archives" "$work/archives"
expect 0 linked plugged duplicity full --archive-dir "$work/archives" --name mine "${options[@]}" "$source" "stage+$url"
says linked 'handing off the volume duplicity-full\.[0-9TZ]*\.vol3\.'
expect 0 other "$STAGEDIR" flush file:///elsewhere
has other 'nothing waits that a dead run left for this URL'

# a journal that nobody can read
leave_staged
: >"$spool/journal"
expect 0 unreadable plugged duplicity full "${options[@]}" "$source" "stage+$url"
says unreadable "nobody can tell what waits in $spool: .* 4 staged files without a record \([0-9]+ bytes\) stay there"
[ "$(staged | wc -l)" -eq 4 ] || fail 'what an unreadable journal told of is gone'

# another machine's: it is told, by a backup and by flush, and taken over by who knows better
leave_staged
other=$root/stagedir-0123456789abcdef-${spool#*stagedir-*-}
mv "$spool" "$other"
expect 0 flush plugged env DUPLICITY="$DUPLICITY" "$STAGEDIR" flush
says flush "4 volumes, .* for $url, wait in $other and are left alone: another machine made it; .*\"stagedir adopt $other\""
expect 0 elsewhere plugged duplicity full --dry-run "${options[@]}" "$source" "stage+$url"
expect 0 status "$STAGEDIR" status
has status "stagedir adopt $other"
expect 0 adopt-dry "$STAGEDIR" adopt -n --json "$other"
[ "$(find "$other" -name 'released-*')" ] && fail 'a dry run of adopt changes something'
expect 0 adopt "$STAGEDIR" adopt "$url"
says adopt "^adopted +other machine +4 .* $other"
expect 0 again "$STAGEDIR" adopt "$other"
has again "it is this machine's already"
expect 0 adopted plugged duplicity full "${options[@]}" "$source" "stage+$url"
says adopted 'handing off the volume duplicity-full\.[0-9TZ]*\.vol3\.'
nothing_left 'a backup with what was adopted'
expect 0 stock stock duplicity verify --compare-data "${options[@]}" "$url" "$source"
leave_staged
mv "$spool" "$other"
expect 0 told plugged duplicity full "${options[@]}" "$source" "stage+$url"
has told "$(amount) for $url in $other and must stay there, as another machine made it; once you know that its run is gone"
has told "\"stagedir adopt $other\""
[ "$(staged | wc -l)" -eq 4 ] || fail "another machine's volumes were removed"
note 'what is passed over is told'

# adopt says why it does not
expect 2 usage "$STAGEDIR" adopt
expect 2 usage "$STAGEDIR" adopt a b
has usage 'adopt takes one staging directory or URL'
expect 1 nothing "$STAGEDIR" adopt "$root/stagedir-no"
has nothing 'is no staging directory'
expect 1 nothing "$STAGEDIR" adopt file:///elsewhere
has nothing 'nothing that a run left waits for this URL'
flock "$other" sleep 60 &
locked=$!
wait_for 20 eval '! flock -n "$other" true' || fail 'nobody locks it'
expect 1 live "$STAGEDIR" adopt --yes "$other"
has live 'in use by a live run'
kill "$locked"
finish
