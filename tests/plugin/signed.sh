# signed.sh - what is signed and encrypted is compressed here: gpg signs, and another gpg encrypts the packet. A message has the
# packets that stock's has, gpg finds the signature good, stock restores and verifies it, no volume is larger than it may be,
# and what gpg says of a failure is said. Where something speaks against it gpg does it all, with one notice.
. "${srcdir:-.}/tests/lib/lib.sh" || exit 1
. "${srcdir:-.}/tests/lib/encrypted.sh" || exit 1

export PASSPHRASE=for\ what\ is\ encrypted SIGN_PASSPHRASE=to\ \"sign\"

expired=$(make_key old "$SIGN_PASSPHRASE" seconds=1)
signer=$(make_key signer "$SIGN_PASSPHRASE" never)
one=$(make_key one "$PASSPHRASE" never)
two=$(make_key two "$PASSPHRASE" never)
three=$(make_key three "$PASSPHRASE" never)

# stocks WHAT - as they are in stock's messages, which were listed as the packets "stock"; but for the algorithm, as stock has
# gpg's choice and an AEAD may be chosen by keys.
stocks() {
	sed -E 's/ (algo=[0-9]|duplicity.*)//g' "$work/packets.stock" | sort -u >"$work/stocks"
	sed -E 's/ (algo=[0-9]|duplicity.*)//g' "$work/packets.$1" | sort -u >"$work/ours"
	diff "$work/stocks" "$work/ours" >"$work/differences" || {
		fail "$1: the packets are not those of stock"
		show "$work/differences"
	}
	grep -v -E ' a3 algo=1 90 sigclass 0x00, .* cb name="" duplicity' "$work/packets.$1" >"$work/others" || return 0
	fail "$1: not as it should be packed"
	show "$work/others"
}

# good WHAT PASSPHRASE - gpg finds the signature of each file good.
good() {
	local file

	for file in "$target"/*.gpg; do
		"${gpg[@]}" --passphrase "$2" --status-fd 1 -o /dev/null --yes -d "$file" >"$logs/good" 2>&1
		has good "[GNUPG:] VALIDSIG $signer " || fail "$1: ${file##*/} is not signed as it should be"
	done
}

note 'one key encrypts, another one signs'
fresh
expect 0 stock stock duplicity full --volsize 2 --encrypt-key "$one" --sign-key "$signer" "$source" "$url"
packets stock "$PASSPHRASE"
fresh
backup one --encrypt-key "$one" --sign-key "$signer"
has_not one "$notice"
packets one "$PASSPHRASE"
stocks one
good one "$PASSPHRASE"
sizes one 384
restored one --encrypt-key "$one" --sign-key "$signer"
echo more >>"$source/numbers"
expect 0 increment plugged duplicity incremental --encrypt-key "$one" --sign-key "$signer" "$source" "stage+$url"
nothing_left increment
has_not increment "$notice"
good increment "$PASSPHRASE"
restored increment --encrypt-key "$one" --sign-key "$signer"

note 'several recipients, one of them hidden'
fresh
backup several --encrypt-key "$one" --encrypt-key "$two" --hidden-encrypt-key "$three" --sign-key "$signer"
has_not several "$notice"
sizes several 384
good several "$PASSPHRASE"
restored several --encrypt-key "$one" --encrypt-key "$two" --hidden-encrypt-key "$three" --sign-key "$signer"

note 'one key for both'
fresh
backup both --encrypt-sign-key "$signer"
has_not both "$notice"
good both "$SIGN_PASSPHRASE"
PASSPHRASE=$SIGN_PASSPHRASE restored both --encrypt-sign-key "$signer"

note 'by a passphrase, and signed'
encrypting=$PASSPHRASE
export PASSPHRASE=$SIGN_PASSPHRASE
fresh
expect 0 stock stock duplicity full --volsize 2 --sign-key "$signer" "$source" "$url"
packets stock "$PASSPHRASE"
fresh
backup symmetric --sign-key "$signer"
has_not symmetric "$notice"
packets symmetric "$PASSPHRASE"
stocks symmetric
good symmetric "$PASSPHRASE"
sizes symmetric 384
restored symmetric --sign-key "$signer"
export PASSPHRASE=$encrypting

note 'the agent has the passphrase'
fresh
echo allow-preset-passphrase >>"$GNUPGHOME/gpg-agent.conf"
echo x | "${gpg[@]}" --passphrase "$SIGN_PASSPHRASE" -u "$signer" --sign >/dev/null || fail 'the agent does not learn the passphrase'
# the trial is made without the agent, beside: whatever it is at then, the host asks nobody for a passphrase
mkdir "$work/slow"
cat >"$work/slow/sitecustomize.py" <<'END'
import os
import threading
import time



def late(stock):
    def start(*arguments, **more):
        if threading.current_thread() is not threading.main_thread():
            time.sleep(2)
        return stock(*arguments, **more)
    return start


os.fork, os.posix_spawnp = late(os.fork), late(os.posix_spawnp)
END
expect 0 agent env -u PASSPHRASE -u SIGN_PASSPHRASE PYTHONPATH="$work/slow" "$IN_TREE" duplicity full --volsize 2 --use-agent --encrypt-key "$one" \
	--sign-key "$signer" "$source" "stage+$url"
nothing_left agent
has_not agent "$notice"
good agent "$PASSPHRASE"
restored agent --encrypt-key "$one" --sign-key "$signer"

note 'options that speak against it'
while read -r options reason; do
	fresh
	backup "option$reason" --encrypt-key "$one" --sign-key "$signer" --gpg-options="$options"
	has "option$reason" "$notice --gpg-options has $reason"
	good "option$reason" "$PASSPHRASE"
done <<-END
	--local-user=$signer local-user
	--sig-notation=a@example.org=b sig-notation
END
fresh
backup other --encrypt-key "$one" --sign-key "$signer" --gpg-options='--cipher-algo AES192 --digest-algo SHA384'
has_not other "$notice"
good other "$PASSPHRASE"

note 'what gpg says stays as it is'
# compare WHAT ARGUMENT... - stock and plugged fail alike, and nothing is left. gpg names the operation that fails by its
# command, which is another one where it only signs.
compare() {
	local what=$1

	shift
	fresh
	learn "stock-$what" stock duplicity full "$@" "$source" "$url"
	[ "$wanted" != 0 ] || fail "stock does not fail: $what"
	fresh
	expect "$wanted" "ours-$what" plugged duplicity full "$@" "$source" "stage+$url"
	has_not "ours-$what" no-literal
	only_staged_left "ours-$what"
	same_words "$what" 's/^gpg: (\[stdin\]: )?(sign\+encrypt|signing|encryption) failed/gpg: failed/'
	rm -rf "$root"/stagedir-*
}
SIGN_PASSPHRASE=wrong compare wrong --encrypt-key "$one" --sign-key "$signer"
# another one signs than was asked for, if there is any
fresh
learn stock-expired stock duplicity full --encrypt-key "$one" --sign-key "$expired" "$source" "$url"
signer_of() {
	"${gpg[@]}" --passphrase "$PASSPHRASE" --status-fd 1 -o /dev/null --yes -d "$target"/*vol1.difftar.gpg 2>/dev/null |
		sed -n 's/.* VALIDSIG //p' | cut -d ' ' -f 1
}
by=$(signer_of)
fresh
expect "$wanted" ours-expired plugged duplicity full --encrypt-key "$one" --sign-key "$expired" "$source" "stage+$url"
only_staged_left ours-expired
[ "$(signer_of)" = "$by" ] || fail "not signed by $by, as by stock where the key has expired"
rm -rf "$root"/stagedir-*
compare recipient --encrypt-key "$expired" --sign-key "$signer"

note 'a gpg that dies, that has had enough, that gives nothing back'
# A gpg that does something else than gpg where it only signs ("sign"), or encrypts a packet ("encrypt").
wrapper() {
	cat >"$work/wrapper" <<-END
		#!/bin/bash
		case " \$* " in
		*" --no-literal "*) [ $1 != encrypt ] || { $2; } ;;
		*" --sign "*) [ $1 != sign ] || { $2; } ;;
		esac
		exec gpg "\$@"
	END
	chmod +x "$work/wrapper"
}
# dies WHAT - the backup fails as where gpg fails in stock.
dies() {
	fresh
	expect 31 "$1" plugged duplicity full --volsize 2 --gpg-binary "$work/wrapper" --encrypt-key "$one" --sign-key "$signer" \
		"$source" "stage+$url"
	has "$1" 'GPG Failed, see log below'
	has_not "$1" no-literal
	only_staged_left "$1"
	rm -rf "$root"/stagedir-*
	rm -f "$work/tried"
}
# the first one that encrypts is the trial
tried="[ -e '$work/tried' ] || { : >'$work/tried'; exec gpg \"\$@\"; }"
wrapper sign 'head -c 300000 | gpg "$@"; kill -KILL $$'
dies sign-killed
wrapper sign 'head -c 300000 >/dev/null; echo "gpg: has had enough" >&2; exit 2'
dies sign-enough
has sign-enough 'gpg: has had enough'
wrapper sign 'cat >/dev/null; exit'
dies sign-nothing
wrapper encrypt "$tried; head -c 300000 | gpg \"\$@\"; kill -KILL \$\$"
dies encrypt-killed
wrapper encrypt "$tried; head -c 300000 >/dev/null; echo 'gpg: has had enough' >&2; exit 2"
dies encrypt-enough
has encrypt-enough 'gpg: has had enough'
wrapper encrypt "$tried; cat >/dev/null; echo 'gpg: has had enough' >&2; exit 2"
dies encrypt-late
has encrypt-late 'gpg: has had enough'

note 'Ctrl-C while gpg signs: it reads no more, or has all and makes no end'
for reads in 'head -c 300000' cat; do
	rm -f "$work/waits"
	wrapper sign "$reads >/dev/null; echo \$\$ >'$work/pid'; mv '$work/pid' '$work/waits'; exec sleep 1000"
	fresh
	start interrupted plugged duplicity full --volsize 2 --gpg-binary "$work/wrapper" --encrypt-key "$one" \
		--sign-key "$signer" "$source" "stage+$url"
	host=$pid
	wait_for 30 test -e "$work/waits" || fail 'gpg does not come to its end'
	# as from a terminal, gpg gets it, too
	kill -INT "$host" "$(cat "$work/waits")"
	end "$host"
	[ "$status" != 0 ] || fail "a run that was interrupted ends well: $reads"
	only_staged_left interrupted
	rm -rf "$root"/stagedir-*
done

note 'no key is left that could sign'
expect 0 delete "${gpg[@]}" --yes --delete-secret-keys "$signer" "$one" "$two" "$three"
compare expired --encrypt-key "$one" --sign-key "$expired"
compare unknown --encrypt-key "$one" --sign-key 0123456789ABCDEF0123456789ABCDEF01234567

finish
