#!/bin/bash
# librsync-empty-base.sh - a delta against an empty file is larger than one against a file with nothing in common.
#
# Software: rdiff and librsync 2.3.2-1+b1 (Debian 12); 2.3.4-2 (Debian sid) to compare.
# A guess:  with nothing to match, a delta is the new data in a few large literals, whatever the base was: the empty
#           base is the simplest case, and costs least.
# Seen (2026-11), 1,000,000 random bytes:
#     base                             2.3.2: literals, delta      2.3.4: literals, delta
#     1,000,000 other random bytes       31    1,000,098             16    1,000,053
#     100 bytes                          31    1,000,098             16    1,000,053
#     empty                            3907    1,011,724              4    1,000,025
#     empty, rdiff -b 512              1954    1,005,865              4    1,000,025
# So whoever makes deltas for files that were empty (a log just rotated) is better off storing the data. 2.3.4 is what
# one would expect.
# Why: an empty signature sends delta down a path of its own. In 2.3.2 that writes a literal for each block of the
# signature's block length, which for an empty file is the least that librsync chooses, 256.
. "$(dirname "$0")/lib.sh" || exit 1

# delta BASE OPTION... - adds the number of literals and the size of the delta from BASE to $seen
delta() {
	local base=$1

	shift
	rm -f "$root/data/signature" "$root/data/delta"
	inside rdiff "$@" signature "$base" signature || changed "rdiff signature: exit $?"
	inside rdiff -s delta signature new delta 2>"$work/said" || changed "rdiff delta: exit $?"
	seen="$seen; $base ${*:+$* }$(sed -n 's/.*literal\[\([0-9]*\) cmds.*/\1/p' "$work/said") $(stat -c %s "$root/data/delta")"
}

# deltas SUITE VERSION WANTED
deltas() {
	local base

	packages "$1" "rdiff=$2" coreutils
	head -c 1000000 /dev/urandom >"$root/data/new"
	head -c 1000000 /dev/urandom >"$root/data/other"
	head -c 100 /dev/urandom >"$root/data/small"
	: >"$root/data/empty"
	seen=
	for base in other small empty "empty -b 512"; do
		# shellcheck disable=SC2086
		delta $base
	done
	seen=${seen#; }
	echo "rdiff $2: $seen"
	[ "$seen" = "$3" ] || changed "rdiff $2: $seen"
	no_packages
}

deltas bookworm 2.3.2-1+b1 "other 31 1000098; small 31 1000098; empty 3907 1011724; empty -b 512 1954 1005865"
deltas sid 2.3.4-2 "other 16 1000053; small 16 1000053; empty 4 1000025; empty -b 512 4 1000025"
holds "with librsync 2.3.2 a delta costs 98 bytes more than the data it holds, and 11,724 where the base is empty"
