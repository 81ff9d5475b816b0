# forms.sh - what of a backup is stored and kept besides its volumes is encrypted and compressed while the volumes are
# made: it is the same as what the host makes of it, gpg is asked for a passphrase by one at a time. What goes wrong
# meanwhile is made again at the end; what goes wrong then ends the run as the host does.
. "${srcdir:-.}/tests/lib/lib.sh" || exit 1

need gpg gnupg

source=$work/source
target=$work/target
url=file://$target
archive=$(archive_of "$url")
mkdir "$source"
for i in {1..5}; do
	head -c 1000000 /dev/urandom >"$source/file-$i"
done
# so many that signatures, two blocks of tar for each, are read while they are written
mkdir "$source/small"
for i in {1..2000}; do
	echo "$i" >"$source/small/$i"
done
printf '%s' 'a name' >"$source/with a newline
and more"

touch -d '2020-02-02 02:02:02' "$source"/* "$source"/small/* # the host takes what was changed within a second for the same

# A gpg that counts how often it encrypts, and how often at once, and is killed on the way where it is to be.
cat >"$work/gpg" <<END
#!/bin/bash
case " \$* " in
*" --s2k-count "*) ;; # the trial
*" --symmetric "* | *" --encrypt "*)
	n=1
	until mkdir "$work/encrypts/\$n" 2>/dev/null; do
		n=\$((n + 1))
	done
	: >"$work/running/\$n"
	ls "$work/running" | wc -l >"$work/encrypts/\$n/at-once"
	# the first volume is not done before something else is encrypted
	for i in {1..1200}; do
		[ "\$n" = 1 ] && [ -e "$work/holds" ] && [ ! -e "$work/encrypts/2" ] || break
		sleep 0.1
	done
	left=\$(cat "$work/fails")
	if [ "\$left" -gt 0 ] && [[ \$(readlink /proc/\$\$/fd/1) = "\$(cat "$work/folder")"/* ]]; then
		echo \$((left - 1)) >"$work/fails"
		echo "gpg: this one was told to fail" >&2
		head -c 200000 | gpg "\$@"
		rm "$work/running/\$n"
		kill -KILL \$\$
	fi
	gpg "\$@"
	status=\$?
	rm "$work/running/\$n"
	exit \$status
	;;
esac
exec gpg "\$@"
END
chmod +x "$work/gpg"

# fresh [FOLDER TIMES] - nothing is stored, and so many encryptions into that folder are to fail.
fresh() {
	rm -rf "$target" "$XDG_CACHE_HOME/duplicity" "$work/encrypts" "$work/running"
	mkdir "$work/encrypts" "$work/running"
	echo "${1-}" >"$work/folder"
	echo "${2-0}" >"$work/fails"
}

# encrypts NUMBER - was so much begun?
encrypts() {
	[ -d "$work/encrypts/$1" ]
}

most_at_once() {
	sort -n "$work"/encrypts/*/at-once | tail -n 1
}

gpg_is_gone() {
	! pgrep -f "$work/gpg" >/dev/null
}

# same_content NAME - is what is stored of the newest backup what is in the archive directory? Each takes its own reader.
same_content() {
	local stored kept

	for stored in "$target"/*.sigtar* "$target"/*.manifest*; do
		kept=$archive/$(basename "$stored" .gpg)
		case $kept in
		*.sigtar) kept=$kept.gz ;;
		esac
		[ -e "$kept" ] || {
			fail "$1: there is no $kept"
			continue
		}
		cmp <(decrypted "$stored") <(decrypted "$kept") || fail "$1: $stored is not $kept"
	done
}

decrypted() {
	case $1 in
	*.gpg) gpg --batch --quiet --pinentry-mode loopback --passphrase "${PASSPHRASE-}" -d "$1" 2>>"$logs/gpg" ;;
	*.gz) gunzip -c "$1" ;;
	*) cat "$1" ;;
	esac
}

# round NAME OPTION... - a full backup and an increment.
round() {
	local name=$1

	shift
	fresh
	expect 0 "$name" plugged duplicity full --volsize 1 --gpg-binary "$work/gpg" "$@" "$source" "stage+$url"
	nothing_left "$name"
	same_content "$name"
	sleep 1
	echo more >>"$source/file-1"
	expect 0 "$name" plugged duplicity incremental --volsize 1 --gpg-binary "$work/gpg" "$@" "$source" "stage+$url"
	nothing_left "$name"
	same_content "$name, an increment"
	expect 0 verify stock duplicity verify --compare-data "$@" "$url" "$source"
	rm -rf "$XDG_CACHE_HOME/duplicity"
	expect 0 verify stock duplicity verify --compare-data "$@" "$url" "$source"
}

round plain --no-encryption
round plain-uncompressed --no-encryption --no-compression
export PASSPHRASE='with a space, a "quote" and a $'
touch "$work/holds"
round symmetric
rm "$work/holds"
[ "$(most_at_once)" -ge 2 ] || fail 'signatures are not encrypted while volumes are'
gpg --batch --quiet --pinentry-mode loopback --passphrase "$PASSPHRASE" --quick-generate-key 'stagedir test <test@example.org>' \
	rsa2048 encr,sign never >"$logs/gpg" 2>&1 || { show "$logs/gpg"; die 'gpg makes no key'; }
key=$(gpg --batch --quiet --list-keys --with-colons | sed -n -e '/^fpr/{s/^fpr:*//; s/:.*//; p; q}')
round signed --encrypt-sign-key "$key"
# gpg may ask for it then
gpgconf --kill gpg-agent
gpg-connect-agent /bye >"$logs/agent" 2>&1
round agent --encrypt-key "$key" --use-agent
[ "$(most_at_once)" -eq 1 ] || fail 'gpg encrypts more than one file at once where it may ask for a passphrase'

# followed NAME HOW OPTION... - nothing has to read a volume again when it is complete, to tell its digests: it was HOW
# while it was written.
followed() {
	local name=$1 how=$2 known volumes

	shift 2
	fresh
	expect 0 "$name" plugged duplicity full -v9 --volsize 1 "$@" "$source" "stage+$url"
	known=$(grep -a -c "was $how while it was written" "$logs/$name")
	volumes=$(find "$target" -name '*.vol*' | wc -l)
	[ "$known" -eq "$volumes" ] || fail "$name: $known of $volumes volumes were $how while they were written"
	case $name in
	*-uncompressed) ;; # nothing has another form
	*) says "$name" '[1-9][0-9]{5,} bytes of .* were read while it was written' ;;
	esac
}

followed followed-plain digested --no-encryption
followed followed-uncompressed read --no-encryption --no-compression
followed followed-encrypted read

# failing STATUS NAME FOLDER TIMES - a backup that ends so; the next one does not fail.
failing() {
	fresh "$3" "$4"
	expect "$1" failing plugged duplicity full -v5 --volsize 1 --gpg-binary "$work/gpg" "$source" "stage+$url"
	has failing 'this one was told to fail'
	nothing_left "$2"
	[ "$1" -eq 0 ] || expect 0 after plugged duplicity full --volsize 1 "$source" "stage+$url"
	same_content "$2"
	expect 0 verify stock duplicity verify --compare-data "$url" "$source"
}

failing 31 'the gpg of a volume fails' "$root" 1
failing 0 'the gpg of signatures is killed' "$archive" 1
says failing "another form of $archive/duplicity-[^/]*\.part is made again: "
failing 31 'the gpg of signatures fails again' "$archive" 9
fresh "$archive" 9
expect 31 failing stock duplicity full --volsize 1 --gpg-binary "$work/gpg" "$source" "$url"

# Ctrl-C that comes while gpg is started, and that gpg does not see
cat >"$work/interrupting" <<END
#!/bin/bash
case " \$* " in
*" --symmetric "*)
	n=1
	until mkdir "$work/encrypts/\$n" 2>/dev/null; do
		n=\$((n + 1))
	done
	[ "\$n" -ne "\$(cat "$work/fails")" ] || kill -INT "\$PPID"
	;;
esac
exec gpg "\$@"
END
chmod +x "$work/interrupting"
for number in 1 2 3 4; do
	fresh '' "$number"
	run interrupted timeout -s KILL 120 "$IN_TREE" env --default-signal=INT duplicity full --volsize 1 \
		--gpg-binary "$work/interrupting" "$source" "stage+$url"
	[ "$status" -ne 0 ] && [ "$status" -ne 137 ] || fail "a run that is interrupted while gpg is started ends with $status"
	expect 0 after plugged duplicity full --volsize 1 "$source" "stage+$url"
	nothing_left "a run that was interrupted while gpg was started"
done

# what is made meanwhile goes with a run that is ended; Ctrl-C goes to gpg as well, without which stock never ends
for signal in INT TERM KILL; do
	fresh
	setsid env --default-signal=INT,TERM,HUP "$IN_TREE" duplicity full --volsize 1 --gpg-binary "$work/gpg" "$source" \
		"stage+$url" >"$logs/ended" 2>&1 </dev/null &
	pid=$!
	wait_for 10 encrypts 4 || fail 'four files are never encrypted'
	if [ "$signal" = INT ]; then
		kill -INT -- "-$pid"
	else
		kill "-$signal" "$pid"
	fi
	end "$pid"
	[ "$status" -ne 0 ] || fail "a run that gets SIG$signal ends with 0"
	wait_for 2 gpg_is_gone || fail "gpg goes on after SIG$signal"
	expect 0 after plugged duplicity full --volsize 1 "$source" "stage+$url"
	nothing_left "a run after SIG$signal"
	expect 0 verify stock duplicity verify --compare-data "$url" "$source"
done
finish
