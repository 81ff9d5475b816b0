#!/bin/bash
# duplicity-progress-snapshot.sh - the progress that --progress keeps for a continued backup is written and never read.
#
# Software: duplicity 0.8.22-1+b3 (Debian 12), 2.1.4-3~bpo12+1 (its backports); 3.0.4-1+b1 (Debian 13) to compare.
# A guess:  the file "progress" in the archive directory, written at every volume, lets a continued backup go on from
#           the percentage it had: that is its one use.
# Seen (2026-11): a full backup with --progress is killed at volume 4 and run again.
#     0.8.22, 2.1.4: "cannot read stored progress info from previous backup: No such file or directory"; the file is
#                    there, and not empty; exit 0
#     3.0.4:         no such warning
# Why: the folder's name is bytes and is formatted into a str, so the path begins with b' and is nowhere. Any error is
# swallowed with this warning, and no run ever failed. (Had the path been right: the pickle is opened as text.)
. "$(dirname "$0")/lib.sh" || exit 1

# goes_on SUITE VERSION - what the second run warns of; empty for nothing
goes_on() {
	local url=file:///data/target

	packages "$1" "duplicity=$2" coreutils
	mkdir "$root/data/source" "$root/data/target"
	head -c 5000000 /dev/urandom >"$root/data/source/data"
	duplicity_killed open '/data/target/.*vol4' full --progress --volsize 1 /data/source "$url"
	[ -s "$root/root/.cache/duplicity/backup/progress" ] || changed "$2: no progress was kept"
	duplicity full --progress --volsize 1 /data/source "$url" || changed "$2: the second run failed"
	grep -q "Restarting backup at volume" "$work/said" || changed "$2: a new start"
	warned=$(grep "stored progress" "$work/said")
	echo "duplicity $2: ${warned:-no warning}"
	no_packages
}

for version in bookworm=0.8.22-1+b3 bookworm-backports=2.1.4-3~bpo12+1; do
	goes_on "${version%%=*}" "${version#*=}"
	case $warned in
	*"cannot read stored progress info"*"No such file or directory"*) ;;
	*) changed "${version#*=}: ${warned:-no warning}" ;;
	esac
done
goes_on trixie 3.0.4-1+b1
[ -z "$warned" ] || changed "3.0.4: $warned"
holds "0.8.22 and 2.1.4 keep the progress of a backup in a file that they never find again"
