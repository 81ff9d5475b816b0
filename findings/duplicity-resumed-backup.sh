#!/bin/bash
# duplicity-resumed-backup.sh - a file changed between an interrupted backup and its continuation is not stored, and no
# increment after it stores it either.
#
# Software: duplicity 0.8.22-1+b3 (Debian 12) and 3.1.0-2+b1 (Debian sid), file:// storage, nothing special.
# A guess:  what changes while a backup lies interrupted is at worst missed by its continuation; the next increment sees
#           that it changed, and stores it.
# Seen (2026-11), the same in both: a full backup of "a" (small) and "b" (several volumes) is killed when it begins
# volume 4. Then "a" gets a new line, and a file "a2" is made.
#     the same command again:    "Restarting backup at volume ...", exit 0
#     verify --compare-data:     exit 1, a and a2 differ
#     incremental, twice:        exit 0, "ChangedFiles 0"
#     verify --compare-data:     exit 1, a and a2 differ still; they do until the next full backup
# Why: the continuation walks from the start and skips what earlier volumes hold, but writes the signatures of all it
# walks over, from the files as they are now. The increment finds "a" and "a2" as their signatures say: unchanged.
. "$(dirname "$0")/lib.sh" || exit 1

# resumed SUITE VERSION
resumed() {
	local source=$root/data/source url=file:///data/target status seen

	packages "$1" "duplicity=$2" coreutils
	mkdir "$source" "$root/data/target"
	echo "first line" >"$source/a"
	touch -d 2026-01-01 "$source/a"
	head -c 5000000 /dev/urandom >"$source/b"
	duplicity_killed open '/data/target/.*vol4' full --volsize 1 /data/source "$url"
	echo "second line" >>"$source/a"
	touch -d 2026-02-01 "$source/a"
	echo "made later" >"$source/a2"

	duplicity full --volsize 1 /data/source "$url" || changed "$2: the continuation failed"
	grep -q "Restarting backup at volume" "$work/said" || changed "$2: no continuation, but a new start"
	for run in 1 2; do
		sleep 1
		duplicity incremental /data/source "$url" || changed "$2: the increment failed"
		seen=$(grep -E '^(NewFiles|ChangedFiles)' "$work/said" | xargs)
		echo "duplicity $2, increment $run: $seen"
	done
	duplicity verify --compare-data "$url" /data/source
	status=$?
	echo "duplicity $2, verify: exit $status"
	grep "Difference found" "$work/said"
	if [ "$status" -ne 1 ] || ! grep -q "Difference found: File a " "$work/said" ||
		! grep -q "Difference found.*a2$" "$work/said"; then
		changed "$2: the increments stored the files"
	fi
}

resumed bookworm 0.8.22-1+b3
no_packages
resumed sid 3.1.0-2+b1
holds "what changed before a continued backup was continued is in no increment"
