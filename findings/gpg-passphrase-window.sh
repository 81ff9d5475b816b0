#!/bin/bash
# gpg-passphrase-window.sh - gpg compresses what it encrypts by a passphrase with a window of 8 KiB, what it encrypts to a key with 32.
#
# Software: gpg 2.2.40-1.1+deb12u2 (Debian 12) and 2.4.7-21+deb13u1+b5 (Debian 13).
# A guess:  whom a message is for changes its first packets, and the rest has the same size: it is the same DEFLATE at the same level.
# Seen (2026-11): 50 copies of 20,000 random bytes:
#     by a passphrase                      about 1,000,000 bytes, as large as the data
#     to a key                             below 30,000
#     by a passphrase, --compress-algo zlib below 30,000
#     to a key, --compress-algo zip        about 1,000,000
#     gzip -6                              below 30,000
# Files of /usr are 7 % larger by a passphrase.
# Why: with nobody's preferences gpg takes ZIP, with them ZLIB. To zlib it gives another window for each of the two.
. "$(dirname "$0")/lib.sh" || exit 1

# size_of OPTION... - of a message of the data
size_of() {
	inside sh -c 'gpg --batch --quiet --pinentry-mode loopback --passphrase abc --trust-model always "$@" <data | wc -c' sh "$@" 2>"$work/said"
}

# windows SUITE VERSION
windows() {
	local passphrase key zlib zip

	packages "$1" "gpg=$2" "gpg-agent=$2" gpgconf coreutils dash
	{ echo begin && head -c 19994 /dev/urandom; } >"$work/piece"
	for _ in {1..50}; do
		cat "$work/piece"
	done >"$root/data/data"
	inside gpg --batch --quiet --pinentry-mode loopback --passphrase abc --quick-generate-key one@example.org rsa2048 sign,encr never \
		2>"$work/said" || cannot "gpg makes no key: $(tail -1 "$work/said")"
	passphrase=$(size_of --symmetric)
	key=$(size_of --recipient one@example.org --encrypt)
	zlib=$(size_of --compress-algo zlib --symmetric)
	zip=$(size_of --compress-algo zip --recipient one@example.org --encrypt)
	echo "gpg $2: by a passphrase $passphrase, to a key $key; the other way round $zlib, $zip; gzip $(gzip -6 <"$root/data/data" | wc -c)"
	[ "$key" -gt 0 ] || cannot "gpg makes no message: $(tail -1 "$work/said")"
	[ "$passphrase" -gt 900000 ] && [ "$zip" -gt 900000 ] && [ "$key" -lt 40000 ] && [ "$zlib" -lt 40000 ] ||
		changed "gpg $2: the sizes are others"
	inside gpgconf --kill all >/dev/null 2>&1
	no_packages
}

windows bookworm 2.2.40-1.1+deb12u2
windows trixie 2.4.7-21+deb13u1+b5
holds "by a passphrase gpg compresses with a window of 8 KiB, to a key with 32 KiB"
