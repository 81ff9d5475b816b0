#!/bin/bash
# gpg-s2k-count.sh - the smallest count that gpg allows for --s2k-count is taken for none.
#
# Software: gpg 2.2.40-1.1+deb12u2 (Debian 12) and 2.4.7-21+deb13u1+b5 (Debian 13).
# A guess:  gpg(1): "This value may range between 1024 and 65011712 inclusive", so --s2k-count 1024 makes the passphrases
#           that are the quickest to check.
# Seen (2026-11), by gpg --list-packets:
#     --s2k-count 1024     count of the message is 65011712, the largest, or what gpg-agent has measured for this machine
#     --s2k-count 1025     1088
# So one that wants a quick key, for a test or a passphrase that is random anyway, gets the slowest: 0.3 s for each message.
# Why: a message has the count as one byte, and 1024 is the byte 0. That is also gpg's own mark for "no count was given".
. "$(dirname "$0")/lib.sh" || exit 1

# count_of OPTION... - of a message that is made with these
count_of() {
	inside sh -c 'echo data | gpg --batch --quiet --pinentry-mode loopback --passphrase abc "$@" --symmetric --output message --yes &&
		gpg --batch --list-packets --pinentry-mode loopback --passphrase abc message' sh "$@" 2>"$work/said" |
		sed -n 's/.*count \([0-9]*\) .*/\1/p'
}

# counts SUITE VERSION
counts() {
	local default least next

	packages "$1" "gpg=$2" "gpg-agent=$2" gpgconf coreutils dash sed
	default=$(count_of)
	least=$(count_of --s2k-count 1024)
	next=$(count_of --s2k-count 1025)
	echo "gpg $2: without the option $default, 1024 gives $least, 1025 gives $next"
	[ -n "$default" ] || cannot "gpg makes no message: $(tail -1 "$work/said")"
	[ "$least" -gt 65536 ] && [ "$next" = 1088 ] || changed "gpg $2: 1024 gives $least, 1025 gives $next"
	inside gpgconf --kill all >/dev/null 2>&1
	no_packages
}

counts bookworm 2.2.40-1.1+deb12u2
counts trixie 2.4.7-21+deb13u1+b5
holds "--s2k-count 1024 is the default count, and 1025 is the smallest one"
