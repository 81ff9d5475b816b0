#!/bin/bash
# gosop-binary.sh - gosop of Debian 12 changes bytes that are not UTF-8, and says that all went well.
#
# Software: gosop 0.0~git20221115.92fc880-1+b6 (Debian 12); 1.1.0-3+b1 (Debian 13) is right.
# A guess:  sop encrypt and sop decrypt are for binary data, unless --as=text is given: what is decrypted is what was
#           encrypted.
# Seen (2026-11): each byte that is not UTF-8 comes back as EF BF BD, the exit status is 0, nothing is said. "a FF 00 b" comes
#           back as "a EF BF BD 00 b". The message is right: gpg decrypts it to the same four bytes.
# So a binary file, such as a backup, that is decrypted by it is spoilt, and longer than it was. One that checks a reader of OpenPGP
#           with text does not see it.
. "$(dirname "$0")/lib.sh" || exit 1

# back SUITE VERSION - four bytes, encrypted and decrypted by gosop, in hexadecimal
back() {
	packages "$1" "gosop=$2" coreutils dash
	back=$(inside sh -c 'printf passphrase >passphrase && printf "a\377\000b" |
		gosop encrypt --no-armor --with-password=passphrase >message &&
		gosop decrypt --with-password=passphrase <message | od -An -tx1' 2>"$work/said" | tr -d ' \n')
	[ -n "$back" ] || cannot "gosop $2 gives nothing: $(tail -n 1 "$work/said")"
	echo "gosop $2: 61ff0062 comes back as $back"
	no_packages
}

back bookworm 0.0~git20221115.92fc880-1+b6
[ "$back" = 61efbfbd0062 ] || changed "gosop of Debian 12 gives $back"
back trixie 1.1.0-3+b1
[ "$back" = 61ff0062 ] || changed "gosop of Debian 13 gives $back"
holds "gosop of Debian 12 spoils binary data in silence, that of Debian 13 does not"
