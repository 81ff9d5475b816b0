# readers.sh - each OpenPGP program that Debian has reads what is encrypted by a packet of ours: every byte. It consists of the
# packets that are named here. Where it is cut or damaged it is refused, as what gpg makes alone is.
#
# A reader that misreads what gpg alone has made of the same data is told of, and makes of ours what it makes of that.
. "${srcdir:-.}/tests/lib/lib.sh" || exit 1

gpg=(gpg --batch --quiet --no-tty --pinentry-mode loopback --trust-model always)
source=$work/source
messages=$work/messages
plain=$work/plain
# not a fifth of a second for each message
quick=(--s2k-count 65536)

# Readers, a word each, are programs; what a package is called where it is not as the program.
readers='gpg1 rnp sq sqop gosop rsop gpg-sq'
package_of() {
	[ "$1" = gpg1 ] && echo gnupg1 || echo "$1"
}

need gpg gnupg
here=
for reader in $readers; do
	package=$(package_of "$reader")
	if command -v "$reader" >/dev/null; then
		here="$here $reader"
		note "$package $(dpkg-query -W -f '${Version}' "$package" 2>/dev/null)"
	elif [[ $reader = rsop || $reader = gpg-sq ]] && ! apt-cache show "$package" >/dev/null 2>&1; then
		note "not tested: Debian has no $package here"
	else
		die "the program $reader is missing (Debian: apt-get install $package)"
	fi
done

mkdir -p "$source/small" "$messages" "$plain" "$work/rnp"
mkdir -m 0700 "$work/gpg1"
seq 1 200000 >"$source/numbers"
head -c 1500000 /dev/urandom >"$source/random"
head -c 3000000 /dev/zero >"$source/zeros"
# signatures of more than 64 KiB in each version of duplicity
for number in {1..100}; do
	echo "$number" >"$source/small/$number"
done
export PASSPHRASE='tricky "pass"'
# of this name for gosop's sake
printf %s "$PASSPHRASE" >"$work/passphrase"

# make_key NAME - without a passphrase; prints the fingerprint. Keys for signatures alone and for encryption alone, as gpg
# makes them by default.
make_key() {
	local fingerprint

	"${gpg[@]}" --passphrase '' --quick-generate-key "$1@example.org" rsa2048 sign never >"$logs/key-$1" 2>&1 &&
		fingerprint=$("${gpg[@]}" --list-keys --with-colons "$1@example.org" | sed -n 's/^fpr:*\([0-9A-F]*\):$/\1/p') &&
		"${gpg[@]}" --passphrase '' --quick-add-key "$fingerprint" rsa2048 encr never >>"$logs/key-$1" 2>&1 ||
		die "no key can be made: $(cat "$logs/key-$1")"
	echo "$fingerprint"
}
one=$(make_key one) && two=$(make_key two) && three=$(make_key three) || exit 1
"${gpg[@]}" --export-secret-keys "$one" >"$work/secret-key"
"${gpg[@]}" --export-secret-keys "$three" >"$work/secret-hidden"
for key in key hidden; do
	gpg1 --homedir "$work/gpg1" --batch --quiet --import "$work/secret-$key" >"$logs/import-$key" 2>&1 ||
		fail "gpg1 takes no secret key: $(cat "$logs/import-$key")"
done

# stock_message KIND <DATA - as gpg makes it alone.
stock_message() {
	case $1 in
	passphrase) set -- --passphrase-file "$work/passphrase" "${quick[@]}" --symmetric ;;
	key) set -- --recipient "$one" --encrypt ;;
	hidden) set -- --recipient "$one" --recipient "$two" --hidden-recipient "$three" --encrypt ;;
	esac
	"${gpg[@]}" "$@"
}

# Where sq asks for a passphrase it asks a terminal.
cat >"$work/ask.py" <<-'END'
	import os
	import sys

	import pexpect

	child = pexpect.spawn(sys.argv[1], sys.argv[2:], timeout=600)
	child.expect('(?i)password')
	child.sendline(os.environ['PASSPHRASE'])
	child.expect(pexpect.EOF)
	child.close()
	sys.exit(128 if child.exitstatus is None else child.exitstatus)
END

# read_by READER KIND FILE - to standard output.
read_by() {
	local options secret=$work/secret-$2

	case $1:$2 in
	gpg:*) "${gpg[@]}" --passphrase-file "$work/passphrase" --decrypt "$3" ;;
	gpg-sq:*) gpg-sq --batch --no-tty --pinentry-mode loopback --passphrase-file "$work/passphrase" --decrypt "$3" ;;
	gpg1:*) gpg1 --homedir "$work/gpg1" --batch --quiet --no-tty --passphrase-file "$work/passphrase" --decrypt "$3" ;;
	rnp:passphrase) rnp --homedir "$work/rnp" --notty --password "$PASSPHRASE" --output - --decrypt "$3" ;;
	rnp:*)
		options=()
		! rnp --help 2>&1 | grep -q -e --allow-hidden || options=(--allow-hidden)
		rnp --homedir "$work/rnp" --notty --keyfile "$secret" ${options[@]+"${options[@]}"} --output - --decrypt "$3"
		;;
	sq:passphrase)
		if sq decrypt --help | grep -q -e --password-file; then
			sq decrypt --password-file "$work/passphrase" "$3"
		else
			rm -f "$work/asked"
			"$HOST_PYTHON" "$work/ask.py" sq decrypt --output "$work/asked" "$3" >&2 && cat "$work/asked"
		fi
		;;
	sq:*)
		if sq decrypt --help | grep -q -e --recipient-file; then
			sq decrypt --recipient-file "$secret" "$3"
		else
			sq decrypt --recipient-key "$secret" "$3"
		fi
		;;
	*:passphrase) "$1" decrypt --with-password="$work/passphrase" <"$3" ;;
	*) "$1" decrypt "$secret" <"$3" ;;
	esac
}

# is_read KIND FILE DATA - by each reader.
is_read() {
	local kind=$1 file=$2 data=$3 log reader why

	for reader in $here; do
		log=read-$reader-$kind
		if read_by "$reader" "$kind" "$file" >"$work/read" 2>"$logs/$log" </dev/null && cmp -s "$work/read" "$data"; then
			count=$((count + 1))
			continue
		fi
		stock_message "$kind" <"$data" >"$work/control" || fail "gpg makes no message for $kind"
		if read_by "$reader" "$kind" "$work/control" >"$work/read-control" 2>"$logs/control-$reader-$kind" </dev/null &&
			cmp -s "$work/read-control" "$data"; then
			fail "$reader does not read ${file##*/} ($kind), and reads what gpg makes of the same data"
			show "$logs/$log"
		elif ! cmp -s "$work/read" "$work/read-control"; then
			fail "$reader makes another thing of ${file##*/} ($kind) than of what gpg makes of the same data"
			show "$logs/$log"
		else
			why=$(tail -n 1 "$logs/control-$reader-$kind")
			misread["$reader, $kind"]=${why:-other bytes}
		fi
	done
}

# packets FILE - a word or two for each.
packets() {
	"${gpg[@]}" --passphrase-file "$work/passphrase" --list-packets "$1" 2>"$logs/packets" |
		sed -n -E -e 's/^:pubkey enc packet: .* keyid 0+$/for a hidden key/p' -e 's/^:pubkey enc packet: .*/for a key/p' \
			-e 's/^:symkey enc packet: .*/for a passphrase/p' -e 's/^:compressed packet: /compressed /p' \
			-e 's/^:(aead encrypted packet: cipher=).*/\1/p' -e 's/^:encrypted data packet:/encrypted/p' \
			-e 's/^:literal data packet:/literal/p' -e 's/^\tmode (b) .* (created 0), (name="").*/\1 \2 \3/p' \
			-e 's/^\traw data: unknown length/in pieces/p' -e 's/^\traw data: .* bytes/in one piece/p' -e '/^:/p' |
		tr '\n' ' ' | sed -e 's/aead encrypted packet: cipher=/encrypted/' -e 's/ $//'
}

# consists KIND FILE EXPECTED
consists() {
	local found

	found=$(packets "$2")
	[ "$found" = "$3" ] && return
	fail "${2##*/} ($1) does not consist of \"$3\", but of \"$found\""
	show "$logs/packets"
}

# backup KIND full|incremental OPTION... - to $messages/KIND; all data as gpg reads them to $plain/KIND.
backup() {
	local kind=$1 command=$2 file

	shift 2
	mkdir -p "$messages/$kind" "$plain/$kind"
	expect 0 "$kind" plugged duplicity "$command" --volsize 1 "$@" "$source" "stage+file://$messages/$kind"
	has_not "$kind" 'gpg compresses what it encrypts'
	nothing_left "$kind"
	for file in "$messages/$kind"/*.gpg; do
		read_by gpg "$kind" "$file" >"$plain/$kind/${file##*/}" 2>"$logs/gpg" || fail "gpg does not read $file: $(cat "$logs/gpg")"
	done
}

declare -A misread
count=0
backup passphrase full --gpg-options="${quick[*]}"
backup key full --encrypt-key "$one"
backup hidden full --encrypt-key "$one" --encrypt-key "$two" --hidden-encrypt-key "$three"

note 'every byte, by every reader'
for kind in passphrase key hidden; do
	for file in "$messages/$kind"/*.gpg; do
		is_read "$kind" "$file" "$plain/$kind/${file##*/}"
	done
done
note "$count messages were read as gpg reads them"
for reader in "${!misread[@]}"; do
	note "not tested: $reader: it misreads what gpg alone has made, and ours alike (${misread[$reader]})"
done

note 'packets'
large='encrypted compressed algo=1 literal b created 0 name="" in pieces'
small='encrypted compressed algo=1 literal b created 0 name="" in one piece'
while read -r kind recipients; do
	consists "$kind" "$(echo "$messages/$kind"/*.vol1.difftar.gpg)" "$recipients $large"
	consists "$kind" "$(echo "$messages/$kind"/*.sigtar.gpg)" "$recipients $large"
	consists "$kind" "$(echo "$messages/$kind"/*.manifest.gpg)" "$recipients $small"
done <<-END
	passphrase for a passphrase
	key for a key
	hidden for a key for a key for a hidden key
END

note 'what is cut, or has a bit that is another'
# damage FILE FOLDER - cut at each byte of its last 1024, and a bit flipped at 60 places: the first 20 bytes, and evenly on.
cat >"$work/damage.py" <<-'END'
	import sys

	with open(sys.argv[1], 'rb') as file:
	    message = file.read()


	def write(name, data):
	    with open(f'{sys.argv[2]}/{name}', 'wb') as file:
	        file.write(data)


	for size in range(max(1, len(message) - 1024), len(message)):
	    write(f'cut-{size}', message[:size])
	for number in range(60):
	    place = number if number < 20 else 20 + (number - 20) * (len(message) - 21) // 39
	    data = bytearray(message)
	    data[place] ^= 1 << number * 5 % 8
	    write(f'bit-{place}', data)
END

# judge READER FOLDER - a line for each of its files: "refused", or the exit status where it is 0 or that of a crash. As many at
# once as there are processors. A length that is another may make packets of the rest that a reader passes over: it then
# gives nothing, and says nothing, of ours as of stock's.
judge() {
	local part parts

	parts=$(nproc)
	for ((part = 1; part <= parts; part++)); do
		find "$2" -type f | sort | sed -n "$part~${parts}p" | while read -r file; do
			bytes=$(read_by "$1" passphrase "$file" 2>/dev/null </dev/null | wc -c && exit "${PIPESTATUS[0]}")
			status=$?
			[ "$status:$bytes" != 0:0 ] || status=refused
			[ "$status" = 0 ] || [ "$status" = refused ] || [ "$status" -ge 128 ] || status=refused
			echo "$status ${file##*/}"
		done &
	done
	wait
}

head -c 3000 /dev/urandom >>"$source/numbers"
backup passphrase incremental --gpg-options="${quick[*]}"
file=$(echo "$messages/passphrase"/*-inc.*.vol1.difftar.gpg)
name=${file##*/}
size=$(stat -c %s "$file")
[ "$size" -lt 20000 ] || fail "$name is not small: $size bytes"
stock_message passphrase <"$plain/passphrase/$name" >"$work/control"
mkdir "$work/ours" "$work/stock-alone"
"$HOST_PYTHON" "$work/damage.py" "$file" "$work/ours" &&
	"$HOST_PYTHON" "$work/damage.py" "$work/control" "$work/stock-alone" || die "$name was not damaged"
# of stock's, and for another reader, every eighth
for made_by in ours stock-alone; do
	mkdir "$work/some-$made_by"
	find "$work/$made_by" -type f | sort | sed -n '1~8p' | xargs cp -t "$work/some-$made_by"
done
for reader in gpg:ours gpg:some-stock-alone gosop:some-ours; do
	folder=$work/${reader#*:}
	made_by=${reader#*:}
	reader=${reader%:*}
	judge "$reader" "$folder" >"$work/judged"
	damaged=$(find "$folder" -type f | wc -l)
	refused=$(grep -c '^refused ' "$work/judged")
	note "$reader, $made_by, $size bytes: $damaged damaged, $refused refused"
	[ "$damaged" = "$refused" ] || {
		fail "$reader does not refuse all that is damaged ($made_by)"
		grep -v '^refused ' "$work/judged" >"$work/others"
		show "$work/others"
	}
done

finish
