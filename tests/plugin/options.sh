# options.sh - options that not every host has: --skip-if-no-change, --full-if-n-inc, --use-gpgsm. With each the plugin does
# what the stock host does in the same place: it ends the same, says the same, stores and keeps the same kinds of files.
# What hangs on an option that this host lacks is passed over, and named.
. "${srcdir:-.}/tests/lib/lib.sh" || exit 1
. "$srcdir/tests/lib/moments.sh" || exit 1

at=1600000000
signal=TERM
make_source 3
mkdir "$source/small"
for i in {1..300}; do
	echo "$i" >"$source/small/$i"
done

# change TEXT - changes a file. The host goes by the second of its time, and a change may come within one of the last.
changes=0
change() {
	echo "$1" >>"$source/small/1"
	changes=$((changes + 1))
	touch -d "@$((1500000000 + changes))" "$source/small/1"
}

# afresh - no backup of either.
afresh() {
	rm -rf "$work/A" "$work/B" "$XDG_CACHE_HOME/duplicity"
}

# told LOG - what it says, but for times, and sizes of what is compressed.
told() {
	grep -a -v -E '^((Start|End|Elapsed)Time|TotalDestinationSizeChange) ' "$logs/$1" | sed -E 's/[0-9]{8}T[0-9]{6}Z/TIME/g'
}

# kinds DIR - how many files of each kind are in it, but for volumes, which need not be cut in the same places.
kinds() {
	kinds_of "$1" | sed -E 's/^ *[0-9]+ (.*volN)/some \1/'
}

# both LOG OPTION... - a backup by stock to $work/A, one with the plugin to $work/B. Sets $wanted, the exit status of stock.
both() {
	local log=$1

	shift
	learn "$log-a" stock duplicity "$@" --volsize 1 --current-time $at "$source" "file://$work/A"
	expect "$wanted" "$log-b" plugged duplicity "$@" --volsize 1 --current-time $at "$source" "stage+file://$work/B"
	at=$((at + 1000))
	nothing_left "$log: $*"
	diff <(kinds "$work/A") <(kinds "$work/B") >&2 || fail "$log: they store other kinds of files: $*"
	diff <(kinds "$(archive_of "file://$work/A")") <(kinds "$(archive_of "file://$work/B")") >&2 ||
		fail "$log: they keep other kinds of files: $*"
	case " $* " in
	*' --jsonstat '*) ;; # is all in one line, with times
	*) diff -a <(told "$log-a") <(told "$log-b") >&2 || fail "$log: they do not say the same: $*" ;;
	esac
}

# done_by_both LOG OPTION... - the same, and it succeeds.
done_by_both() {
	both "$@"
	[ "$wanted" -eq 0 ] || {
		fail "exit status $wanted of the stock host: $*"
		show "$logs/$1-a"
	}
}

# have COUNT PATTERN - are so many files of this name stored, by both?
have() {
	local folder found

	for folder in "$work/A" "$work/B"; do
		found=$(find "$folder" -name "$2" | wc -l)
		[ "$found" -eq "$1" ] || fail "$folder has $found files $2, not $1"
	done
}

# in_order OPTION... - stock finds what the plugin stored in order, without what the archive directory knows.
in_order() {
	rm -rf "$(archive_of "file://$work/B")"
	expect 0 verify stock duplicity verify --compare-data "$@" "file://$work/B" "$source"
}

# keep_base, bring_base - of the plugin's backup.
keep_base() {
	rm -rf "$work/base"
	mkdir "$work/base"
	cp -a "$work/B" "$work/base/B"
	cp -a "$XDG_CACHE_HOME/duplicity" "$work/base/archives"
}

bring_base() {
	rm -rf "$work/B" "$XDG_CACHE_HOME/duplicity"
	cp -a "$work/base/B" "$work/B"
	cp -a "$work/base/archives" "$XDG_CACHE_HOME/duplicity"
}

# end_at CALL SIGNAL COMMAND... - a run that is ended at that call.
end_at() {
	local call=$1 signal=$2

	shift 2
	start_until "$call" ended "$@"
	kill -s "$signal" "$pid" 2>/dev/null
	kill -CONT "$pid" 2>/dev/null
	end "$pid"
	forgive "SIG$signal"
	# SIGKILL leaves more, which the next run removes
	[ "$signal" = KILL ] || only_staged_left "SIG$signal at call $call"
}

# skip OPTION... - an increment of nothing is not stored, and of nothing else than that.
skip() {
	afresh
	done_by_both full full "$@"
	done_by_both skip incremental "$@" --skip-if-no-change
	has skip-a 'Skipped volume upload'
	have 0 '*-inc.*'
	! offers --jsonstat || {
		done_by_both stats incremental "$@" --skip-if-no-change --jsonstat
		have 0 '*-inc.*'
	}
	change "$*"
	done_by_both unskipped incremental "$@" --skip-if-no-change
	have 1 '*-inc.*manifest*'
	done_by_both again incremental "$@" --skip-if-no-change
	have 1 '*-inc.*manifest*'
	in_order "$@"
}

export PASSPHRASE=secret
if knows --skip-if-no-change; then
	skip --no-encryption
	skip --no-encryption --no-compression
	skip
	# ended while what was made is thrown away
	keep_base
	increment=(plugged duplicity incremental --skip-if-no-change --volsize 1 "$source" "stage+file://$work/B")
	measure "${increment[@]}"
	for moment in 6 9 12 14 16 18 19 20; do
		[ "$signal" = KILL ] && signal=TERM || signal=KILL
		bring_base
		end_at "$(call_of "$moment")" "$signal" "${increment[@]}"
		expect 0 next "${increment[@]}"
		has next 'Skipped volume upload'
		nothing_left "the run after SIG$signal at $moment/20 of one that skips"
		have 1 '*-inc.*manifest*'
	done
	in_order
	note 'an increment of nothing is skipped'
fi

if knows --full-if-n-inc; then
	afresh
	for run in full inc inc full inc; do
		change "$run"
		done_by_both "$run" --no-encryption --full-if-n-inc 2
		last=$(find "$work/B" -name '*.manifest' -printf '%T@ %f\n' | sort -n | sed -n '$s/.* duplicity-\([a-z]*\).*/\1/p')
		[ "$last" = "$run" ] || fail "with --full-if-n-inc 2 a backup is $last instead of $run"
	done
	has full-a 'forcing full backup'
	have 2 '*full.*manifest'
	have 3 '*inc.*manifest'
	in_order --no-encryption
	# The newest increment counts where it is complete, and one that was ended is gone on with. The number of those that are
	# allowed is reached by the run that is ended, or was before.
	for number in 1 2; do
		for who in stock plugged; do
			name=$([ "$who" = stock ] && echo A || echo B)
			prefix=$([ "$who" = stock ] || echo stage+)
			rm -rf "$work/storage-$name"*
			options=(--no-encryption --volsize 1 --full-if-n-inc "$number")
			for i in 1 2; do
				PYTHONPATH=$srcdir/tests/lib/site expect 0 begun "$who" duplicity --current-time "$((at + i * 1000))" \
					"${options[@]}" "$source" "${prefix}odd://$work/storage-$name"
			done
			change "$number"
			head -c 3000000 /dev/urandom >"$source/more"
			mkdir -p "$work/storage-$name.control"
			echo vol3. >"$work/storage-$name.control/hang"
			rm "$work/storage-$name.log"
			export PYTHONPATH=$srcdir/tests/lib/site
			start ended "$who" duplicity --current-time "$((at + 3000))" "${options[@]}" "$source" \
				"${prefix}odd://$work/storage-$name"
			wait_for 20 grep -q ' put .*vol3\.' "$work/storage-$name.log" 2>/dev/null || fail "no third volume: $who, $number"
			kill -KILL "$pid"
			end "$pid"
			rm -r "$root"/duplicity-* "$work/storage-$name.control" 2>/dev/null
			run "next-$who" "$who" duplicity --current-time "$((at + 4000))" "${options[@]}" "$source" \
				"${prefix}odd://$work/storage-$name"
			echo "$number: $status $(grep -a -E 'restarting|forcing' "$logs/next-$who")" >>"$work/went-on-$name"
			expect 0 verify stock duplicity verify --compare-data --no-encryption "odd://$work/storage-$name" "$source"
			unset PYTHONPATH
		done
	done
	cat "$work/went-on-A"
	diff "$work/went-on-A" "$work/went-on-B" >&2 || fail 'runs that were ended are gone on with in another way'
	nothing_left 'runs that were ended'
	note 'full backups after so many increments'
fi

# make_certificate - one of its own signature, which gpgsm trusts: $certificate, its fingerprint.
make_certificate() {
	need gpgsm gpgsm
	echo disable-crl-checks >"$GNUPGHOME/gpgsm.conf"
	cat >"$work/parameters" <<-'END'
		Key-Type: RSA
		Key-Length: 2048
		Key-Usage: sign, encrypt
		Serial: random
		Name-DN: CN=stagedir test
		Hash-Algo: SHA256
	END
	{
		# the passphrase is empty
		gpgsm --batch --pinentry-mode loopback --passphrase-fd 3 --output "$work/certificate" \
			--generate-key "$work/parameters" 3</dev/null &&
			gpgsm --batch --import "$work/certificate"
	} >"$logs/gpgsm" 2>&1 || { show "$logs/gpgsm"; die 'gpgsm makes no certificate'; }
	certificate=$(gpgsm --batch --with-colons --list-keys | sed -n '/^fpr/{s/^fpr:*//; s/:.*//; p; q}')
	echo "$certificate S relax" >"$GNUPGHOME/trustlist.txt"
	gpgconf --kill gpg-agent
}

if knows --use-gpgsm; then
	make_certificate
	export PASSPHRASE=
	options=(--use-gpgsm --encrypt-key "$certificate")
	afresh
	done_by_both full full "${options[@]}"
	have 1 '*full.*manifest.p7m'
	change gpgsm
	head -c 3000000 /dev/urandom >"$source/more"
	keep_base
	done_by_both inc incremental "${options[@]}"
	have 1 '*inc.*manifest.p7m'
	have 1 '*new-signatures*.p7m'
	[ -z "$(find "$work/B" -type f ! -name '*.p7m')" ] || fail "not encrypted: $(find "$work/B" ! -name '*.p7m')"
	in_order "${options[@]}"
	expect 0 restore plugged duplicity restore "${options[@]}" "stage+file://$work/B" "$work/restored"
	same_tree "$source" "$work/restored" 'restored by gpgsm'
	note 'backups by gpgsm'
	bring_base
	increment=(plugged duplicity incremental --volsize 1 "${options[@]}" "$source" "stage+file://$work/B")
	measure "${increment[@]}"
	# the last calls store the signatures and the manifest, and have final ones
	for call in $(call_of 8) $(call_of 12) $(call_of 16) $(seq $((calls - 80)) 4 "$calls"); do
		[ "$signal" = KILL ] && signal=TERM || signal=KILL
		bring_base
		end_at "$call" "$signal" "${increment[@]}"
		expect 0 next "${increment[@]}" || note "that was after SIG$signal at call $call of $calls"
		nothing_left "the run after SIG$signal at call $call of $calls"
		expect 0 verify stock duplicity verify --compare-data "${options[@]}" "file://$work/B" "$source" ||
			note "that was after SIG$signal at call $call of $calls"
	done
	note 'backups by gpgsm that were ended'
fi
finish
