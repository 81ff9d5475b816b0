#!/bin/bash
# duplicity-no-check-remote.sh - not checking the remote manifest means not looking at storage at all.
#
# Software: duplicity 3.1.0-2+b1 (Debian sid), file:// storage.
# A guess:  --no-check-remote leaves out what its manual says: "Turn off validation of the remote manifest". What is in
#           storage is still found, as it is by its names alone, and needs no private key.
# Seen (2026-11):
#     a full backup killed at volume 4, the same command again:
#         without the option: "Restarting backup at volume 3", exit 0
#         with the option:    "The first volume failed to upload before termination" (three are in storage), and all is
#                             stored again from volume 1, under another time, exit 0; the three stay there
#     then the archive directory is lost:
#         incremental:        "Old signatures not found and incremental specified", exit 17 (without the option: exit 0)
#         backup:             "No signatures found, switching to full backup", exit 0
#     collection-status then: exit 0, one set of 0 volumes; without the option three, of 3, 4 and 1
# Debian's NEWS of 3.0.6.3 tells all to use the option who have no private key on the machine.
. "$(dirname "$0")/lib.sh" || exit 1

url=file:///data/target
packages sid duplicity=3.1.0-2+b1 coreutils
mkdir "$root/data/source"
head -c 5000000 /dev/urandom >"$root/data/source/data"

# continued OPTION... - is a killed backup continued?
continued() {
	rm -rf "$root/data/target" "$root/root/.cache"
	mkdir "$root/data/target"
	duplicity_killed open '/data/target/.*vol4' full --volsize 1 "$@" /data/source "$url"
	sleep 1
	duplicity full --volsize 1 -v5 "$@" /data/source "$url" || changed "$*: the second run failed"
	said=$(grep -o -E 'Restarting backup at volume [0-9]+|Writing .*vol1[.]' "$work/said" | sed 's/[0-9]\{8\}T[0-9]*Z/TIME/' | xargs)
	echo "killed, again, ${*:-no option}: $said"
}

continued
case $said in
"Restarting backup at volume "*) ;;
*) changed "without the option: $said" ;;
esac
continued --no-check-remote
[ "$said" = "Writing duplicity-full.TIME.vol1." ] || changed "with the option: $said"
grep "first volume failed to upload" "$work/said" || changed "with the option, it gives no reason"

rm -rf "$root/root/.cache"
duplicity incremental --no-check-remote --dry-run /data/source "$url"
status=$?
echo "archive directory lost, incremental with the option: exit $status"
[ "$status" -eq 17 ] || changed "incremental with the option: exit $status"
sleep 1
duplicity backup --no-check-remote /data/source "$url" || changed "backup with the option: exit $?"
grep "switching to full" "$work/said" || changed "backup with the option: no full backup"
fulls=$(find "$root/data/target" -name '*-full.*manifest' | wc -l)
duplicity collection-status --no-check-remote "$url" || changed "collection-status with the option: exit $?"
# told OPTION... - how many backup sets and volumes collection-status tells of
told() {
	duplicity collection-status "$@" "$url" || changed "collection-status $*: exit $?"
	told=$(sed -n 's/^\(Number\|Total number\) of contained .*: //p' "$work/said" | xargs)
	echo "full backups in storage: $fulls; sets and volumes told of, ${*:-no option}: $told"
}

told
[ "$fulls $told" = "2 1 3 1 4 1 1" ] || changed "without the option"
told --no-check-remote
[ "$fulls $told" = "2 1 0" ] || changed "with the option"
holds "with --no-check-remote a killed backup is begun anew, and a lost archive directory means a second full backup"
