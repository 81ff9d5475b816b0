# readahead.sh - what a restore or a verify reads is fetched ahead into the staging directory, in the order of need, within the
# budget; errors are told as stock tells them, and no end leaves anything. Storage is odd://, which logs each get.

. "${srcdir:-.}/tests/lib/lib.sh" || exit 1
. "${srcdir:-.}/tests/lib/odd.sh" || exit 1

restored=$work/restored
retries="--num-retries 2 --backend-retry-delay 0"
offers --backend-retry-delay || retries='--num-retries 2'

# chain OPTION... - a full backup of eight volumes of 1 MB, and an increment of three, by stock.
chain() {
	local i

	fresh_odd
	rm -rf --one-file-system "$source"
	mkdir "$source"
	for ((i = 1; i <= 8; i++)); do
		head -c 1000000 /dev/urandom >"$source/$i"
	done
	expect 0 full stock duplicity full --volsize 1 "$@" "$source" "$url" || die 'no backup can be made'
	for i in 2 5 8; do
		head -c 900000 /dev/urandom >"$source/$i.added"
	done
	expect 0 increment stock duplicity incremental --volsize 1 "$@" "$source" "$url" || die 'no increment can be made'
	rm "$storage.log"
}

# gets - the names of the volumes that were asked for, in order.
gets() {
	sed -n 's/^[^ ]* get \([^ ]*\.vol.*\)$/\1/p' "$storage.log"
}

# restoring LOG [OPTION...] - starts a restore with the plugin. Sets $pid.
restoring() {
	local log=$1

	shift
	rm -rf --one-file-system "$restored" "$storage.log"
	# shellcheck disable=SC2086 # words
	start "$log" plugged duplicity restore $retries "$@" "stage+$url" "$restored"
}

# restore LOG WHO [OPTION...] - restores, and sets $status.
restore() {
	local log=$1 who=$2 prefix=

	shift 2
	[ "$who" = stock ] || prefix=stage+
	rm -rf --one-file-system "$restored" "$storage.log"
	# shellcheck disable=SC2086 # words
	run "$log" "$who" duplicity restore $retries "$@" "$prefix$url" "$restored"
}

# told LOG - what a run has said, without what differs from run to run, the lines of a traceback, and lines like $unsaid.
told() {
	grep -a -v -E -e "${unsaid:-^$}" -e '^(  |Deleting |Using temporary directory|Temp has |Args:|Running|Main action|Linux|/usr)' \
		-e '^(Removing still remembered|Backend is |Import of|Log file|Releasing lockfile|Acquiring lockfile|-*$|=*$)' \
		-e 'sing (backup name|archive dir)|Collecting|staging directory|temp root|stagedir|duplicity [0-9]|GPG binary' "$logs/$1" |
		sed -E -e 's/stage\+//g' -e 's,/[^ ]*mktemp-[^ ]*,TEMP,g' -e 's/[0-9]{2}:[0-9]{2}:[0-9]{2}/TIME/g' -e 's/ at 0x[0-9a-f]+/ at ADDRESS/g'
}

# same_words A B WHAT
same_words() {
	diff <(told "$1") <(told "$2") >"$work/words" && return
	fail "$3: stock says other things"
	head -n 20 "$work/words" | cat -v >&2
}

# like_stock WHAT [OPTION...] - a restore ends as stock's does, by the same words.
like_stock() {
	local what=$1

	shift
	eval "${setting:-:}"
	restore stock.restore stock -v5 "$@"
	wanted=$status
	eval "${setting:-:}"
	restore plugged.restore plugged -v5 "$@"
	[ "$status" -eq "$wanted" ] || {
		fail "$what: exit status $status instead of stock's $wanted"
		show "$logs/plugged.restore"
	}
	same_words stock.restore plugged.restore "$what"
	nothing_left "$what"
}

begun() {
	[ "$(gets 2>/dev/null | wc -l)" -ge "$1" ]
}

# whole_chain WHAT OPTION... - restore and verify are stock's, and so is the order of what is said.
whole_chain() {
	local what=$1

	shift
	note "$what"
	restore stock.restore stock -v5 "$@"
	[ "$status" -eq 0 ] || die "$what: stock cannot restore"
	gets | sort >"$work/stock.gets"
	restore plugged.restore plugged -v5 "$@"
	[ "$status" -eq 0 ] || {
		fail "$what: exit status $status"
		show "$logs/plugged.restore"
	}
	same_tree "$source" "$restored" "$what"
	same_words stock.restore plugged.restore "$what: restore"
	gets | sort | cmp -s "$work/stock.gets" - || fail "$what: not what stock gets"
	nothing_left "$what: restore"
	expect 0 stock.verify stock duplicity verify --compare-data -v5 "$@" "$url" "$source"
	expect 0 plugged.verify plugged duplicity verify --compare-data -v5 "$@" "stage+$url" "$source"
	same_words stock.verify plugged.verify "$what: verify"
	nothing_left "$what: verify"
}

# highest WORD FIELD - the highest number in this field of the lines of the log with this word.
highest() {
	awk -v word="$1" -v field="$2" '$2 == word && $field > most { most = $field } END { print most + 0 }' "$storage.log"
}

# A gpg that waits until it may go on: so the reader stands still while volumes are fetched ahead.
cat >"$work/gpg" <<-END
	#!/bin/sh
	case " \$* " in
	*' --decrypt '*)
		while [ -e $work/held ]; do
			sleep 0.02
		done
		;;
	esac
	exec gpg "\$@"
END
chmod +x "$work/gpg"

export PASSPHRASE=secret
chain
# how much is in a volume hangs on how quick gpg is; and stock does not count a last volume without a member
unsaid='^Processed volume '
whole_chain 'encrypted'
unsaid=

note 'ahead of a reader that stands still'
for volumes in 2 4; do
	configure "temp_root = $root" "avoid_tmpfs = no" "max_volumes = $volumes"
	: >"$work/held"
	restoring ahead --gpg-binary "$work/gpg"
	wait_for 6 begun "$volumes" || fail "max_volumes = $volumes: only $(gets | wc -l) volumes are fetched"
	# the first volume of each backup, then the second
	gets >"$work/ahead.gets"
	rm "$work/held"
	end "$pid"
	[ "$status" -eq 0 ] || fail "max_volumes = $volumes: exit status $status"
	same_tree "$source" "$restored" "max_volumes = $volumes"
	nothing_left "max_volumes = $volumes"
done
sed -E 's/.*-(full|inc)\..*\.(vol[0-9]+)\..*/\1 \2/' "$work/ahead.gets" | tr '\n' ',' >"$work/order"
[ "$(cat "$work/order")" = 'full vol1,inc vol1,full vol2,inc vol2,' ] || fail "the order ahead is $(cat "$work/order")"

unset PASSPHRASE
retries="$retries --no-encryption"
chain --no-encryption
whole_chain 'not encrypted' --no-encryption

note 'the budget'
set_odd holds "$root"
restore stock.restore stock
held=$(highest holds 3)
for volumes in 1 2 3; do
	configure "temp_root = $root" "avoid_tmpfs = no" "max_volumes = $volumes"
	restore budget plugged
	[ "$status" -eq 0 ] || fail "max_volumes = $volumes: exit status $status"
	[ "$(highest holds 3)" -le "$((held + volumes - 1))" ] ||
		fail "max_volumes = $volumes: $(highest holds 3) files lie beside one that is got, with stock $held"
	same_tree "$source" "$restored" "max_volumes = $volumes"
done
largest=$(find "$storage" -name '*.difftar.gz' -printf '%s\n' | sort -n | tail -n 1)
budget=$((3 * largest + 1000))
configure "temp_root = $root" "avoid_tmpfs = no" "max_staged = $budget" "max_volumes = 100"
restore budget plugged
[ "$status" -eq 0 ] || fail "max_staged: exit status $status"
[ "$(highest holds 4)" -gt "$largest" ] || fail 'max_staged: nothing is ahead'
awk -v folder="$storage" -v budget="$budget" '
	$2 == "get" { name = $3 }
	$2 == "holds" && name ~ /vol/ {
		asked = "stat -c %s " folder "/" name
		asked | getline size
		close(asked)
		if ($4 + size > budget) { print name ": " $4 " + " size " bytes"; exit 1 }
	}' "$storage.log" || fail "max_staged = $budget is not kept"
same_tree "$source" "$restored" 'max_staged'
configure "temp_root = $root" "avoid_tmpfs = no" "stage_ahead = no"
restore stock.restore stock
gets >"$work/stock.gets"
restore none plugged
gets | cmp -s "$work/stock.gets" - || fail 'stage_ahead = no: the order of gets is not stock'"'"'s'
configure "temp_root = $root" "avoid_tmpfs = no"
unset_odd holds

note 'parts'
part=--file-to-restore
offers "$part" || part=--path-to-restore
for file in 1 3 5.added 8 nothing; do
	restore stock.restore stock "$part" "$file"
	wanted=$status
	gets | sort >"$work/stock.gets"
	restore plugged.restore plugged "$part" "$file"
	[ "$status" -eq "$wanted" ] || fail "$file: exit status $status instead of $wanted"
	gets | sort | cmp -s "$work/stock.gets" - || fail "$file: not what stock gets"
	[ "$wanted" -ne 0 ] || cmp -s "$source/$file" "$restored" || fail "$file is another"
	nothing_left "$file"
done

note 'a backend that talks'
set_odd getsays
like_stock 'a backend that talks'
set_odd getsays "$(basename "$storage"/duplicity-full.*.vol5.difftar.gz)"
like_stock 'a backend that ends the run'
unset_odd getsays

note 'errors'
set_odd nogets .vol5.
like_stock 'one volume that storage does not give'
[ "$(grep -c 'failed .*full.*\.vol5\.' "$storage.log")" -ge 2 ] || fail 'a volume is not tried again'
unset_odd nogets
setting='set_odd getfail .vol6.'
eval "$setting"
restore once plugged
[ "$status" -eq 0 ] || fail "an error that is over when the turn comes: exit status $status"
same_tree "$source" "$restored" 'an error that is over when the turn comes'
setting=
volume=$(echo "$storage"/duplicity-full.*.vol4.difftar.gz)
mv "$volume" "$work/volume"
like_stock 'a volume is missing'
cp "$work/volume" "$volume"
printf wrong | dd of="$volume" bs=1 seek=5000 conv=notrunc status=none
like_stock 'a wrong hash'
like_stock 'a wrong hash, ignored' --ignore-errors
mv "$work/volume" "$volume"

note 'storage goes down in the middle'
for who in stock plugged; do
	rm -rf --one-file-system "$restored" "$storage.log"
	set_odd gethang .vol3.
	prefix=
	[ $who = stock ] || prefix=stage+
	# shellcheck disable=SC2086 # words
	start "$who.restore" $who duplicity restore -v5 $retries "$prefix$url" "$restored"
	wait_for 6 have_logged .vol3. || fail "$who: never gets to its third volume"
	set_odd nogets /
	unset_odd gethang
	end "$pid"
	eval "${who}_status=$status"
	unset_odd nogets
done
# shellcheck disable=SC2154 # by eval
[ "$stock_status" -eq "$plugged_status" ] || fail "down: exit status $plugged_status instead of $stock_status"
grep -a -e 'ttempt' "$logs/stock.restore" | sed 's/inc.*vol/vol/; s/full.*vol/vol/' >"$work/stock.words"
grep -a -e 'ttempt' "$logs/plugged.restore" | sed 's/inc.*vol/vol/; s/full.*vol/vol/' >"$work/plugged.words"
[ -s "$work/stock.words" ] || fail 'down: stock says nothing of it'
cmp -s "$work/stock.words" "$work/plugged.words" || {
	fail 'down: other words'
	diff "$work/stock.words" "$work/plugged.words"
}
nothing_left 'storage that went down'

note 'ends'
for signal in INT TERM HUP KILL; do
	set_odd gethang .vol4.
	restoring ended
	wait_for 6 have_logged .vol4. || fail "$signal: never gets to its fourth volume"
	kill -s "$signal" "$pid"
	end "$pid"
	[ "$status" -ne 0 ] || fail "$signal: exit status 0"
	[ "$signal" = KILL ] || nothing_left "SIG$signal"
	[ "$signal" != KILL ] || [ -n "$(find "$root" -type f)" ] || fail 'a kill leaves nothing that could be removed'
	unset_odd gethang
	restore again plugged
	[ "$status" -eq 0 ] || fail "after SIG$signal: exit status $status"
	nothing_left "a restore after SIG$signal"
done

note 'roots with little room'
if am_root; then
	mkdir "$work/small" "$work/large"
	mount -t tmpfs -o size=3m none "$work/small" && mounts+=("$work/small")
	configure "temp_root = $work/small" "temp_root = $work/large" "avoid_tmpfs = no"
	set_odd holds "$work/large"
	unset TMPDIR
	restore small plugged
	export TMPDIR=$root
	[ "$status" -eq 0 ] || fail "a further root: exit status $status"
	same_tree "$source" "$restored" 'a further root'
	has small "volumes that are fetched ahead are made in the temp root $work/large"
	[ "$(highest holds 3)" -gt 0 ] || fail 'a further root: nothing is fetched into it'
	is_empty "$work/small" 'a restore' && is_empty "$work/large" 'a restore'
	unset_odd holds
	configure "temp_root = $root"
	restore small plugged --tempdir "$work/small" --volsize 1
	[ "$status" -eq 0 ] || fail "a small root alone: exit status $status"
	same_tree "$source" "$restored" 'a small root alone'
	is_empty "$work/small" 'a restore'
else
	skip_part 'small roots are mounted by root only'
fi

finish
