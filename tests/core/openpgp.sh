#!/bin/bash
# What openpgp.c makes, as others read it: gpg takes it for its own, as it is and encrypted, and Python's zlib unpacks it.
# Of 0 bytes to some blocks: around the lengths of a length, of a piece and of a block.
packet=$PWD/tests/packet
code=0
work=$(mktemp -d "${TMPDIR:-/tmp}/openpgp-XXXXXX")
export GNUPGHOME=$work/gnupg
trap '{ gpgconf --kill all; gpgconf --remove-socketdir; } >/dev/null 2>&1; rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
mkdir -m 0700 "$GNUPGHOME"

gpg() {
	command gpg --batch --quiet --passphrase x --pinentry-mode loopback --s2k-count 65536 "$@"
}
fail() {
	echo "$*" >&2
	code=1
}

# the content of each packet, by Python alone
cat >"$work/read.py" <<'EOT'
import sys, zlib

packet = sys.stdin.buffer.read()
assert packet[:2] == b"\xa3\x01" and packet[-2:] == b"\x03\0", "no compressed packet with an empty block at its end"
stream = zlib.decompressobj(-15)
literal = stream.decompress(packet[2:]) + stream.flush()
assert stream.eof and not stream.unused_data and literal[0] == 0xCB, "no literal packet"
at, body = 1, b""
while True:
    first = literal[at]
    if 224 <= first < 255:
        size, header = 1 << (first & 31), 1
    elif first < 192:
        size, header = first, 1
    elif first < 224:
        size, header = (first - 192 << 8) + literal[at + 1] + 192, 2
    else:
        size, header = int.from_bytes(literal[at + 1 : at + 5], "big"), 5
    body += literal[at + header : at + header + size]
    at += header + size
    if not 224 <= first < 255:
        break
assert at == len(literal) and body[:6] == b"b\0\0\0\0\0", "other pieces"
sys.stdout.buffer.write(body[6:])
EOT

# check LEVEL THREADS - the data are in $work/data
check() {
	"$packet" "$1" "$2" <"$work/data" >"$work/packet" || fail "$name: no packet"
	"$HOST_PYTHON" "$work/read.py" <"$work/packet" >"$work/read" || fail "$name: Python reads no packet"
	cmp "$work/data" "$work/read" || fail "$name: Python reads other data"
	gpg --no-literal --compress-algo none --symmetric --output "$work/message" --yes <"$work/packet" 2>"$work/told" ||
		fail "$name: gpg does not take it: $(cat "$work/told")"
	gpg --decrypt <"$work/message" >"$work/read" 2>"$work/told" || fail "$name: gpg does not decrypt it: $(cat "$work/told")"
	cmp "$work/data" "$work/read" || fail "$name: gpg reads other data"
	grep -i -e warning -e mangled -e invalid "$work/told" && fail "$name: gpg is not content"
	gpg --list-packets <"$work/message" >"$work/list" 2>/dev/null || fail "$name: gpg does not list it"
	grep -q -F ':compressed packet: algo=1' "$work/list" && grep -q -F ':literal data packet:' "$work/list" ||
		fail "$name: not the packets that gpg lists: $(cat "$work/list")"
}

# text, random bytes, zeros, one behind the other, far more than is taken of it
for _ in 1 2 3; do
	cat "$0" "$packet"
	head -c 200000 "$packet" | gpg --symmetric
	head -c 300000 /dev/zero
done >"$work/all"

for size in 0 1 185 186 8377 8378 65529 65530 65536 131066 524272 524273 524274 1000000; do
	name="$size bytes"
	head -c "$size" "$work/all" >"$work/data"
	[ "$(wc -c <"$work/data")" = "$size" ] || fail "$name: there are not so many"
	check 5 2
done
cp "$work/all" "$work/data"
for level in 1 6 9 12; do
	name="level $level"
	check "$level" 3
done
exit $code
