# leftover.sh - what a dead run has staged: what of it is damaged, or of no use any more, is never handed off; the rest
# is, once, by a run that backs up to the same storage, and by no other. STAGE_TEST_LONG=1 damages it in more ways.
. "${srcdir:-.}/tests/lib/lib.sh" || exit 1
. "$srcdir/tests/lib/odd.sh" || exit 1

mkdir "$source"
head -c 8000000 /dev/urandom | split -b 1M - "$source/"
options=(--no-encryption --volsize 1)
configure "temp_root = $root" 'avoid_tmpfs = no' 'max_volumes = 3' 'retries = 1'

# leave - a run is killed that has stored the volumes 1 and 2, and staged 3 to 5: $spool.
leave() {
	fresh_odd
	leave_again
}

# leave_again - the same on top of what is there.
leave_again() {
	set_odd hang vol3.
	start dead plugged duplicity full "${options[@]}" "$source" "stage+$url"
	wait_for 20 sealed 5 || fail 'never are three volumes staged'
	kill -KILL "$pid"
	end "$pid"
	unset_odd hang
	spool=$(dirname "$(find "$root" -name journal)")
	[ "$(stored)" = '1 2 ' ] || [ -n "${1-}" ] || fail "stored is: $(stored)"
	: >"$storage.log"
}

# file_of NUMBER - that volume's file in the spool.
file_of() {
	find "$spool" -name "staged-*-$(($1))"
}

# stores WHAT VOLUMES - the next run stores these volumes, in this order, and completes. "N ..." at the end: from there on to
# the last that the backup has, of which some may be of stock's size.
stores() {
	local wanted=$2 last

	expect 0 next plugged duplicity full "${options[@]}" "$source" "stage+$url"
	last=$(stored | wc -w)
	case $wanted in
	*' ...') wanted=$(seq -s ' ' "${wanted% ...}" "$last") ;;
	esac
	[ "$(puts | numbers)" = "$wanted " ] || fail "after $1 the volumes $(puts | numbers)are stored, not $wanted"
}

# next WHAT VOLUMES - the same, and leaves nothing.
next() {
	stores "$1" "$2"
	nothing_left "the run after $1"
	expect 0 verify stock duplicity verify --compare-data "${options[@]}" "$url" "$source"
}

# said_first LOG TEXT - was this said before anything was handed off?
said_first() {
	local said handed

	said=$(grep -n -a -F -m 1 -e "$2" "$logs/$1" | cut -d : -f 1)
	handed=$(grep -n -a -F -m 1 -e 'handing off' "$logs/$1" | cut -d : -f 1)
	[ -n "$said" ] || fail "\"$2\" is not in the output $1"
	[ -z "$handed" ] || [ "${said:-0}" -lt "$handed" ] || fail "$2 is said only when something is handed off"
}

leave
next 'a death' '3 4 5 5 6 7 8 9'
has next 'Restarting after volume 4,'

for number in 3 4 5; do
	case $number in
	3) sequence='2 3 4 5 6 7 8 9' ;;
	4) sequence='3 3 4 5 6 7 8 9' ;;
	5) sequence='3 4 4 5 6 7 8 9' ;;
	esac
	for damage in flipped cut missing; do
		# each volume, in each way, but not each in each way
		case $number$damage${STAGE_TEST_LONG:+-long} in
		?flipped | 3cut | 4missing | *-long) leave ;;
		*) continue ;;
		esac
		file=$(file_of "$number")
		case $damage in
		flipped)
			printf '\x55' | dd of="$file" bs=1 seek=500000 conv=notrunc status=none
			printf '\xaa' | dd of="$file" bs=1 seek=500001 conv=notrunc status=none
			said='has changed since it was sealed: its SHA-256 is another' ;;
		cut)
			truncate -s -1 "$file"
			said='and had 9' ;;
		missing)
			rm "$file"
			said='is gone' ;;
		esac
		next "volume $number is $damage" "$sequence"
		grep -a -F -e "$file" "$logs/next" >"$logs/said"
		says said "vol$number\.difftar\.gz" && has said "$said" && said_first next "$file"
	done
done
note 'damaged volumes are named, and made again'

# a record that cannot be read any more, and a journal without its beginning, or any content
leave
sed -i -E "s/(staged $(basename "$(file_of 4)") [0-9])/\\10/" "$spool/journal"
file=$(file_of 4)
stores 'a record is damaged' '3 3 4 5 6 7 8 9'
has next "$spool/journal: 1 damaged record"
[ "$(find "$root" -type f | sort)" = "$(printf '%s\n' "$spool/journal" "$file" | sort)" ] ||
	fail "a record is damaged: there is left $(find "$root" -type f)"
expect 0 gc "$STAGEDIR" gc
nothing_left 'gc after a record is damaged'
expect 0 verify stock duplicity verify --compare-data "${options[@]}" "$url" "$source"
for damage in beginning target content; do
	leave
	case $damage in
	beginning) sed -i 's/stagedir 1$/stagedir 2/' "$spool/journal" ;;
	target) sed -i '2s/target odd/target Odd/' "$spool/journal" ;;
	content) head -c 3000 /dev/urandom >"$spool/journal" ;;
	esac
	expect 0 next plugged duplicity full "${options[@]}" "$source" "stage+$url"
	[ "$(puts | numbers)" = '2 3 4 5 6 7 8 9 ' ] || fail "a journal without $damage: volumes $(puts | numbers)are stored"
	has next "nobody can tell what waits in $spool: "
	[ "$(ls "$root")" = "$(basename "$spool")" ] || fail "a journal without $damage: there is left $(ls "$root")"
	expect 0 verify stock duplicity verify --compare-data "${options[@]}" "$url" "$source"
	rm -r "$spool"
done
note 'damaged journals are named, and nothing of them is handed off'

# discarded - the last run says so of all that was staged, and why.
discarded() {
	[ "$(grep -c 'discarding the volume .* that a dead run staged: .* complete, or was begun anew' "$logs/next")" -eq 3 ] ||
		fail 'it is not said of the three volumes that they are discarded, and why' || show "$logs/next"
}

# volume 3 was being stored, in the file itself, and what was staged of it is damaged: nothing may follow it
fresh_odd
set_odd pieces
leave_again more
truncate -s 500000 "$storage"/*.vol3.*
printf '\x55\xaa' | dd of="$(file_of 3)" bs=1 seek=500000 conv=notrunc status=none
next 'volume 3 is stored in part' '3 4 5 6 7 8 9'
has next 'it is not certain that storage has the one before it'

# with options by which names in storage are none of volumes, nobody can tell what may follow what
options+=(--file-prefix pp-)
fresh_odd
leave_again more
expect 1 flush plugged env DUPLICITY="$DUPLICITY" "$STAGEDIR" flush
has flush 'is left there: with the options of this run (--file-prefix'
[ -z "$(puts)" ] || fail "without its prefix $(puts) was handed off"
expect 0 flush plugged env DUPLICITY="$DUPLICITY" "$STAGEDIR" flush -- --file-prefix pp-
[ "$(puts | numbers)" = '3 4 5 ' ] || fail "with its prefix the volumes $(puts | numbers)were handed off, not 3 to 5"
: >"$storage.log"
next 'stagedir flush' '5 6 7 8 9'
unset 'options[-1]' 'options[-1]'
note 'nothing is put behind what may be stored in part'

# stock has gone on, and completed the backup
leave
expect 0 stock stock duplicity full "${options[@]}" "$source" "$url"
: >"$storage.log"
next 'stock has completed the backup' '1 2 3 4 5 6 7 8 9'
discarded

# stock has removed what there was of it
leave
expect 0 stock stock duplicity cleanup --force "${options[@]}" "$url"
next 'stock has removed the backup' '1 2 3 4 5 6 7 8 9'
discarded
# and has begun another one
leave
sleep 1
expect 0 stock stock duplicity cleanup --force "${options[@]}" "$url"
set_odd fail vol4.
expect 50 stock stock duplicity full "${options[@]}" --num-retries 1 "$source" "$url"
: >"$storage.log"
next 'stock has begun another backup' '3 ...'
discarded
note 'what stock has completed or begun anew is discarded'

# a run for another storage leaves it alone, and so do those that only read, with storage that takes nothing; these
# read an older backup, as the host cannot restore one that is not complete, with the plugin or without
fresh_odd
expect 0 before plugged duplicity full "${options[@]}" "$source" "stage+$url"
complete=$(date +%s)
sleep 1 # the host names a backup by the second
leave_again more
ls -l "$spool" >"$work/spool.before"
cp "$spool/journal" "$work/journal.before"
other=$work/other-storage
expect 0 other plugged duplicity full "${options[@]}" "$source" "stage+odd:///$other"
set_odd down
expect 0 list plugged duplicity list-current-files --no-encryption "stage+$url"
expect 0 status plugged duplicity collection-status --no-encryption "stage+$url"
expect 0 verify plugged duplicity verify --time "$complete" --compare-data --no-encryption "stage+$url" "$source"
expect 0 restore plugged duplicity restore --time "$complete" --no-encryption "stage+$url" "$work/restored"
same_tree "$source" "$work/restored" 'what is restored beside a dead run'
[ -z "$(puts)" ] || fail "a run that reads has put $(puts)"
ls -l "$spool" | diff "$work/spool.before" - >&2 || fail 'runs that were not for it have changed what is staged'
cmp "$spool/journal" "$work/journal.before" || fail 'runs that were not for it have changed the journal'
unset_odd down
next 'all of these' '3 4 5 5 6 7 8 9'
expect 0 verify stock duplicity verify --compare-data "${options[@]}" "odd:///$other" "$source"
finish
