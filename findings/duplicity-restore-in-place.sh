#!/bin/bash
# duplicity-restore-in-place.sh - restore over a folder that holds files: refused, done unasked, or not to be had at all.
#
# Software: duplicity 0.8.22-1+b3 (Debian 12), 2.1.4-3~bpo12+1 (its backports), 3.0.4-1+b1 (Debian 13), 3.1.0-2+b1 (sid).
# A guess:  restore refuses a folder that is not empty, and --force overrules that ("Proceed even if data loss might
#           result. Duplicity will let the user know when this option is required", says the manual of them all).
# Seen (2026-11), with a folder that holds a "file" of the user's, other than the "file" in the backup:
#               restore                   restore --force           restore --force, into the empty current folder
#     0.8.22    exit 11, file is kept     exit 0, overwritten       exit 0
#     2.1.4     exit 0, overwritten       exit 0, overwritten       exit 0
#     3.0.4     exit 0, overwritten       exit 0, overwritten       exit 0
#     3.1.0     exit 11, file is kept     exit 11, file is kept     exit 11
# A script that rests on the refusal loses files with the versions in the middle. One that restores in place by --force
# fails with the newest.
. "$(dirname "$0")/lib.sh" || exit 1

# restores SUITE VERSION WANTED
restores() {
	local url=file:///data/target folder=$root/data/folder seen

	packages "$1" "duplicity=$2" coreutils dash
	mkdir -p "$root/data/source" "$root/data/target" "$folder" "$root/data/empty"
	echo stored >"$root/data/source/file"
	echo own >"$folder/file"
	duplicity full /data/source "$url" || cannot "$2: no backup"
	duplicity restore "$url" /data/folder
	seen="$? $(cat "$folder/file")"
	echo own >"$folder/file"
	duplicity restore --force "$url" /data/folder
	seen="$seen, $? $(cat "$folder/file")"
	inside sh -c "cd empty && exec python3 /usr/bin/duplicity restore --force --no-encryption --name backup $url ." \
		>"$work/said" 2>&1
	seen="$seen, $?"
	echo "duplicity $2: $seen"
	[ "$seen" = "$3" ] || changed "duplicity $2: $seen"
	no_packages
}

restores bookworm 0.8.22-1+b3 "11 own, 0 stored, 0"
restores bookworm-backports 2.1.4-3~bpo12+1 "0 stored, 0 stored, 0"
restores trixie 3.0.4-1+b1 "0 stored, 0 stored, 0"
restores sid 3.1.0-2+b1 "11 own, 11 own, 11"
holds "2.1.4 and 3.0.4 overwrite without --force, 3.1.0 does not even with it"
