# resumed.sh - backups of some 30 volumes to slow storage, killed by SIGKILL at random calls and continued, and
# killed again, until they are complete: no volume that was staged or stored is made again but the newest, the result
# is in order, nothing is left. Continued by stock as well, which knows nothing of what is staged.
#
# STAGE_TEST_ROUNDS=200 for more than CI has time for; STAGE_TEST_ENCRYPTED=1 encrypts in each of them; STAGE_TEST_SEED=N repeats
# the choices of another run.
. "${srcdir:-.}/tests/lib/lib.sh" || exit 1
. "$srcdir/tests/lib/standing.sh" || exit 1
. "$srcdir/tests/lib/moments.sh" || exit 1

need gpg gnupg
rounds=${STAGE_TEST_ROUNDS:-12}
seed=${STAGE_TEST_SEED:-$RANDOM}
RANDOM=$seed
note "$rounds rounds, seed $seed"

url=odd://$target
archive=$(archive_of "$url")
rate=15000000
export PYTHONPATH=$srcdir/tests/lib/site PASSPHRASE=secret
kills=0 resumes=0 refused=0

# options_of ENCRYPTED - sets the array of options.
options_of() {
	options=(--volsize 1)
	if [ "$1" ]; then
		# what makes gpg slow is not what is tested
		options+=(--gpg-options '--compress-algo none --s2k-mode 1')
	else
		options+=(--no-encryption)
	fi
}

# keep NAME, bring_back NAME - the target and the archive directory. Without a name: none.
keep() {
	mkdir "$work/$1"
	cp -a "$target" "$work/$1/target"
	cp -a "$archive" "$work/$1/archive"
}

bring_back() {
	rm -rf --one-file-system "$target" "$target.control" "$target.log" "$XDG_CACHE_HOME/duplicity"
	mkdir -p "$target.control" "$XDG_CACHE_HOME/duplicity"
	if [ "$1" ]; then
		cp -a "$work/$1/target" "$target"
		cp -a "$work/$1/archive" "$archive"
	fi
}

# a source, and backups of an earlier state of it
mkdir -p "$source/small"
for i in {1..300}; do
	head -c 1000 /dev/urandom >"$source/small/a-file-that-has-a-long-name-$i"
done
head -c 5000000 /dev/urandom >"$source/early"
touch -d '2020-02-02 02:02:02' "$source"/small/* # the host takes what was changed within a second for the same
for encrypted in '' yes; do
	bring_back ''
	options_of "$encrypted"
	expect 0 base stock duplicity full "${options[@]}" "$source" "$url"
	keep "base$encrypted"
done
for i in {1..25}; do
	head -c $((900000 + RANDOM * 8)) /dev/urandom >"$source/late-$i"
	echo changed >>"$source/small/a-file-that-has-a-long-name-$i"
done

# undisturbed: how many calls does it have?
declare -A staging_calls all_calls
for encrypted in '' yes; do
	bring_back ''
	echo "$rate" >"$target.control/rate"
	options_of "$encrypted"
	since=$(date +%s%N)
	measure plugged duplicity "${options[@]}" "$source" "stage+$url"
	milliseconds=$((($(date +%s%N) - since) / 1000000))
	staging_calls[_$encrypted]=$staging_call
	all_calls[_$encrypted]=$calls
done
# storage is to take longer than making the volumes does on this machine, as busy as it is now
[ $((25000000 * 700 / milliseconds)) -ge "$rate" ] || rate=$((25000000 * 700 / milliseconds))
note "storage takes $rate bytes a second; undisturbed, a run has ${all_calls[_]} calls, with encryption ${all_calls[_yes]}," \
	"and makes $(find "$target" -name '*.vol*' | wc -l) volumes"

# choose_call WHO - at which call a run is killed: $call.
choose_call() {
	local staging=${staging_calls[_$encrypted]}

	call=$((1 + RANDOM % ${all_calls[_$encrypted]}))
	# it takes a while to begin, with nothing to lose but itself
	[ "$call" -gt "$staging" ] || [ $((RANDOM % 4)) -eq 0 ] || call=$((call + staging))
	if [ "$staged" -gt 0 ] && [ "$1" = plugged ] && [ $((RANDOM % 3)) -eq 0 ]; then
		# while it resumes: storage takes some 30 calls for a volume
		call=$((staging + RANDOM % (staged * 30)))
	fi
}

# attempt WHO KILLED - a run of it, which is ended if KILLED. Sets $status, and where the backup then stands.
attempt() {
	local who=$1 killed=$2 call=0 prefix=

	[ "$who" = stock ] || prefix=stage+
	if [ "$killed" ]; then
		choose_call "$who"
		start_until "$call" run "$who" duplicity "${options[@]}" "$source" "$prefix$url"
		kill -KILL "$pid" 2>/dev/null
	else
		start run "$who" duplicity "${options[@]}" "$source" "$prefix$url"
	fi
	end "$pid"
	cp "$logs/run" "$logs/run-$((++runs))"
	[ "$killed" ] && [ "$status" -eq 137 ] && kills=$((kills + 1))
	if [ "$who" = plugged ]; then
		[ "$staged" -eq 0 ] || resumes=$((resumes + 1))
		goes_on run "$what"
	fi
	if [ "$status" -ne 0 ] && ! { [ "$killed" ] && [ "$status" -eq 137 ]; }; then
		if [ "$who $status $ended" = 'stock 30 ended' ]; then
			refused=$((refused + 1)) # by an assertion of its own: the next run with the plugin mends it
		else
			fail "$what: exit status $status of $who duplicity"
			show "$logs/run"
		fi
	fi
	stand "$what"
	what="$what; $who ${killed:+killed at call $call, }$status: $state, $highest stored or staged, $staged staged, $ended"
	# what stock leaves is nobody's but the administrator's
	[ "$who" = plugged ] || rm -rf "$root"/duplicity-*-tempdir "$archive"/duplicity-*-tempdir
}

for ((round = 1; round <= rounds; round++)); do
	failed=$failures runs=0 base='' encrypted='' pieces=''
	if [ $((round % 5)) -eq 2 ] || [ -n "${STAGE_TEST_ENCRYPTED:-}" ]; then
		encrypted=yes
	fi
	[ $((round % 3)) -ne 2 ] || base=base$encrypted
	bring_back "$base"
	options_of "$encrypted"
	echo "$rate" >"$target.control/rate"
	[ $((round / 2 % 2)) -eq 0 ] || pieces=yes
	[ -z "$pieces" ] || : >"$target.control/pieces"
	what="round $round, ${base:+increment, }${encrypted:+encrypted, }${pieces:+in pieces}"

	stand "$what"
	attempt plugged killed
	before=$staged
	case $((round % 4)) in
	1) attempt stock '' ;;
	3) attempt stock killed ;;
	*) before= ;;
	esac
	if [ "$before" ] && [ "$status" -eq 0 ]; then
		# stock has completed it, and left what the killed run has left
		expect 0 stale.verify stock duplicity verify --compare-data "${options[@]}" "$url" "$source"
		expect 0 stale plugged duplicity "${options[@]}" "$source" "stage+$url"
		[ "$before" -eq 0 ] || says stale 'discarding the volume .* that a dead run staged'
	fi
	while [ "$status" -ne 0 ]; do
		killed=
		[ $((round % 2)) -ne 0 ] || [ $((RANDOM % 3)) -eq 0 ] || killed=yes
		attempt plugged "$killed"
		[ "$runs" -lt 30 ] || die "no end of it: $what"
	done
	in_order "$what" "${options[@]}"
	if [ $((round % 8)) -eq 2 ]; then
		expect 0 restore stock duplicity restore "${options[@]}" "$url" "$work/restored"
		same_tree "$source" "$work/restored" "$what"
		rm -rf "$work/restored"
	fi
	[ "$failures" -eq "$failed" ] || {
		echo "$what" >&2
		[ -z "${STAGE_TEST_KEEP:-}" ] || cp -a "$logs" "$work/logs-$round"
	}
	[ "${STAGE_TEST_ROUNDS:-}" ] && note "$what"
done
note "$kills kills, $resumes runs found something staged; stock refused $refused times what was ended at its end"
[ "$resumes" -ge $((rounds / 3)) ] || fail "only $resumes runs found something staged: nothing is proved"
finish
