# openpgp.sh - what is encrypted is compressed here, and gpg is given the packet: any gpg reads it, no volume is larger
# than it may be, and what gpg says is what it says in stock. Where something speaks against it gpg compresses, with one
# notice.
. "${srcdir:-.}/tests/lib/lib.sh" || exit 1
. "${srcdir:-.}/tests/lib/encrypted.sh" || exit 1

# as_ours WHAT - all of them are packets of ours, encrypted; gpg dates what it packs.
as_ours() {
	packets "$1" "$PASSPHRASE"
	grep -v -E '^([0-9a-f]{2} )+(d2|d4) a3 algo=1 cb created 0 name="" duplicity' "$work/packets.$1" >"$work/others" || return 0
	fail "$1: not as it should be packed"
	show "$work/others"
}

# as_gpgs WHAT - none of them is, and all are encrypted.
as_gpgs() {
	packets "$1" "$PASSPHRASE"
	grep -v -E '^([0-9a-f]{2} )+(d2|d4) ' "$work/packets.$1" >"$work/others"
	grep -F 'created 0' "$work/packets.$1" >>"$work/others"
	[ -s "$work/others" ] || return 0
	fail "$1: it was not left to gpg"
	show "$work/others"
}

note 'by a passphrase'
export PASSPHRASE=tricky\ \"pass\"
fresh
backup passphrase
has_not passphrase "$notice"
as_ours passphrase
sizes passphrase 192
restored passphrase
echo more >>"$source/numbers"
expect 0 increment plugged duplicity incremental "$source" "stage+$url"
as_ours increment
restored increment
expect 0 increment-stock stock duplicity incremental "$source" "$url"
expect 0 verify plugged duplicity verify "stage+$url" "$source"

note 'a message is made of pieces: gpg decrypts what was compressed by several threads'
for file in "$target"/*vol1.difftar.gpg; do
	"${gpg[@]}" --passphrase "$PASSPHRASE" -d "$file" 2>/dev/null | tar -t >/dev/null || fail "$file is no archive"
done

note 'options of gpg, and its files of options'
while read -r options reason; do
	fresh
	backup "option$options" --gpg-options="$options"
	has "option$options" "$notice --gpg-options has $reason"
	as_gpgs "option$options"
done <<-END
	--compress-algo=bzip2 compress-algo
	--compress-level=1 compress-level
	--compress-lev=1 compress-level
END
fresh
backup other-option --gpg-options='--cipher-algo AES192 --no-comments'
has_not other-option "$notice"
as_ours other-option
echo 'compress-level 9' >>"$GNUPGHOME/gpg.conf"
fresh
backup conf
has conf "$notice $GNUPGHOME/gpg.conf, line 2, has compress-level"
as_gpgs conf
restored conf
sed -i '$d' "$GNUPGHOME/gpg.conf"

note 'by keys: one, several, hidden ones; and signed, of which signed.sh has more'
export PASSPHRASE=abc
expired=$(make_key old "$PASSPHRASE" seconds=1)
one=$(make_key one "$PASSPHRASE" never)
two=$(make_key two "$PASSPHRASE" never)
three=$(make_key three "$PASSPHRASE" never)
fresh
backup key --encrypt-key "$one"
has_not key "$notice"
as_ours key
sizes key 192
restored key
fresh
backup keys --encrypt-key "$one" --encrypt-key "$two" --hidden-encrypt-key "$three"
as_ours keys
sizes keys 192
restored keys
fresh
backup agent --encrypt-key "$two" --use-agent
has_not agent "$notice"
as_ours agent

note 'what gpg says stays as it is'
export PASSPHRASE=abc
# compare WHAT ARGUMENT... - stock and plugged fail alike, and nothing is left.
compare() {
	local what=$1

	shift
	fresh
	learn "stock-$what" stock duplicity full "$@" "$source" "$url"
	[ "$wanted" != 0 ] || fail "stock does not fail: $what"
	fresh
	expect "$wanted" "ours-$what" plugged duplicity full "$@" "$source" "stage+$url"
	has_not "ours-$what" no-literal
	nothing_left "ours-$what"
	same_words "$what"
}
compare expired --encrypt-key "$expired"
compare unknown --encrypt-key 0123456789ABCDEF0123456789ABCDEF01234567

note 'a gpg that refuses, one that dies, one whose pipe is closed'
# A gpg that does something else than gpg where it encrypts for a packet.
wrapper() {
	cat >"$work/wrapper" <<-END
		#!/bin/bash
		case " \$* " in
		*" --no-literal "*) $1 ;;
		esac
		exec gpg "\$@"
	END
	chmod +x "$work/wrapper"
}
wrapper 'echo "gpg: invalid option --no-literal" >&2; exit 2'
fresh
backup refusing --gpg-binary "$work/wrapper"
has refusing "$notice a trial has failed"
as_gpgs refusing
restored refusing
wrapper 'gpg "$@" | tr x y; exit'
fresh
backup wrong --gpg-binary "$work/wrapper"
has wrong "$notice a trial has failed"
as_gpgs wrong
restored wrong
# the trial is the first one
for way in 'head -c 300000 | gpg "$@"; kill -KILL $$' 'head -c 300000 >/dev/null; echo "gpg: has had enough" >&2; exit 2'; do
	rm -f "$work/tried"
	wrapper "[ -e '$work/tried' ] || { : >'$work/tried'; exec gpg \"\$@\"; }; $way"
	fresh
	expect 31 dying plugged duplicity full --volsize 2 --gpg-binary "$work/wrapper" "$source" "stage+$url"
	has dying 'GPG Failed, see log below'
	has_not dying no-literal
	only_staged_left dying
	rm -rf "$root"/stagedir-*
done

note 'no gpg is started by a fork; where it cannot be started otherwise the host does it'
mkdir "$work/site"
cat >"$work/site/sitecustomize.py" <<'PYTHON'
import errno
import os
import sys

stock = getattr(os, os.environ['FAILS'])


def failing(*arguments, **more):
    if 'duplicity.backends._stagespawn' in sys.modules:  # before, the host has asked gpg for its version
        raise OSError(errno.EAGAIN, os.strerror(errno.EAGAIN))
    return stock(*arguments, **more)


setattr(os, os.environ['FAILS'], failing)
PYTHON
for fails in fork posix_spawnp; do
	fresh
	FAILS=$fails PYTHONPATH=$work/site backup "$fails"
	has_not "$fails" "$notice"
	as_ours "$fails"
	FAILS=$fails PYTHONPATH=$work/site expect 0 "verify-$fails" plugged duplicity verify --compare-data "stage+$url" "$source"
done

note 'a signal reaches a run whose gpg does not read'
rm -f "$work/tried"
wrapper "[ -e '$work/tried' ] || { : >'$work/tried'; exec gpg \"\$@\"; }; echo \$\$ >'$work/asleep'; exec sleep 600"
fresh
start asleep plugged duplicity full --volsize 2 --gpg-binary "$work/wrapper" "$source" "stage+$url"
has_slept() {
	[ -s "$work/asleep" ]
}
is_over() {
	! kill -0 "$pid" 2>/dev/null
}
wait_for 60 has_slept || fail 'gpg was never started'
kill "$pid"
wait_for 60 is_over || {
	fail 'the run goes on'
	kill -KILL "$pid"
}
end "$pid"
kill "$(cat "$work/asleep")"
nothing_left 'a run whose gpg does not read'

finish
