#!/bin/bash
# duplicity-small-increment.sh - a kill at the end of a small increment makes the whole chain one that takes no more.
#
# Software: duplicity 0.8.22-1+b3 (Debian 12) and 3.1.0-2+b1 (Debian sid), file:// storage.
# A guess:  whenever a backup is killed, the same command continues it or begins it anew; if not, "cleanup --force"
#           removes what was left, or the archive directory is removed and made again from storage.
# Seen (2026-11), the same in both: an increment of one volume is killed when its signatures are stored and its manifest
# is not.
#     incremental again:         removes its one volume from storage ("Restart is impossible...starting backup from
#                                beginning"), then "Old signatures not found and incremental specified", exit 17
#     incremental, once more:    the same fatal error, exit 17
#     cleanup --force:           "No extraneous files found, nothing deleted", exit 0
#     incremental without its archive directory: exit 17
#     backup (which chooses):    a new full backup, exit 0
# Why: signatures without a backup set count as the newest signatures of the chain, and no backup chain ends where they
# do. Cleanup asks for sets that are incomplete and for orphans, and they are in neither list. With two volumes or more the
# same kill is continued.
. "$(dirname "$0")/lib.sh" || exit 1

# ends_with STATUS WHAT ARGUMENT... - for the duplicity of $version
ends_with() {
	local status=0

	duplicity "${@:3}" || status=$?
	echo "duplicity $version, $2: exit $status: $(grep -E 'Fatal|No extraneous|switching to full' "$work/said" | xargs)"
	[ "$status" -eq "$1" ] || changed "duplicity $version, $2: exit $status"
}

# small SUITE VERSION
small() {
	local url=file:///data/target

	version=$2
	packages "$1" "duplicity=$version" coreutils
	mkdir "$root/data/source" "$root/data/target"
	echo one >"$root/data/source/a"
	ends_with 0 "full" full /data/source "$url"
	sleep 1
	echo two >"$root/data/source/b"
	duplicity_killed os.remove 'sigtar\.part$' incremental /data/source "$url"
	ls "$root"/data/target/*-inc.*vol1* >/dev/null || cannot "the increment was killed too early"

	sleep 1
	ends_with 17 "incremental again" incremental /data/source "$url"
	ls "$root"/data/target/*-inc.* >/dev/null 2>&1 && changed "duplicity $version: the volume was not removed"
	sleep 1
	ends_with 17 "incremental once more" incremental /data/source "$url"
	ends_with 0 "cleanup" cleanup --force "$url"
	ls "$root"/data/target/*-new-signatures.* >/dev/null 2>&1 || changed "duplicity $version: cleanup removes signatures"
	rm -rf "$root/root/.cache"
	ends_with 17 "incremental with a new archive directory" incremental /data/source "$url"
	[ "$1" = bookworm ] && return
	ends_with 0 "backup" backup /data/source "$url"
	grep -q "switching to full" "$work/said" || changed "duplicity $version: no full backup"
}

small bookworm 0.8.22-1+b3
no_packages
small sid 3.1.0-2+b1
holds "an increment killed after its signatures were stored leaves a chain that no command but a full backup goes on from"
