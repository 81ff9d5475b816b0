#!/bin/bash
# duplicity-restore-ignoring-case.sh - restore onto a disk that ignores case: two files become one, two folders end it.
#
# Software: duplicity 0.8.22-1+b3 (Debian 12), 3.1.0-2+b1 (sid); exFAT as of exfat-fuse 1.3.0 and 1.4.0, exfatprogs.
# A guess:  names that differ by case alone cannot both be restored onto exFAT (a USB disk, most often), and restore says
#           which could not.
# Seen (2026-11), of both versions:
#           files "Notes" and "notes": exit 0, nothing is said, there is one file, with the content of the second.
#           folders "Mail" and "mail": exit 30, a traceback that ends with AssertionError; nothing behind it is restored.
# Who relies on the exit status of restore loses a file.
. "$(dirname "$0")/lib.sh" || exit 1

loop=
trap '[ -z "$loop" ] || losetup -d "$loop" 2>/dev/null; remove_all "$work"' EXIT

# restores SUITE VERSION
restores() {
	local url=file:///data/target disk=$root/data/disk seen said

	packages "$1" "duplicity=$2" coreutils dash exfat-fuse exfatprogs
	mkdir -p "$root/data/files" "$root/data/folders/Mail" "$root/data/folders/mail" "$root/data/target" "$disk"
	echo first >"$root/data/files/Notes"
	echo second >"$root/data/files/notes"
	echo one >"$root/data/folders/Mail/one"
	echo two >"$root/data/folders/mail/two"
	echo last >"$root/data/folders/z"
	truncate -s 64M "$root/data/image"
	inside mkfs.exfat image >"$work/log" 2>&1 || cannot "$(tail -n 1 "$work/log")"
	loop=$(losetup -f --show "$root/data/image" 2>"$work/log") || cannot "$(tail -n 1 "$work/log")"
	inside mount.exfat-fuse "$loop" /data/disk >"$work/log" 2>&1 || cannot "$(cat "$work/log")"
	duplicity full /data/files "$url" || cannot "$2: no backup"
	duplicity restore --numeric-owner "$url" /data/disk/files
	seen="$? $(ls "$disk/files" | wc -l) $(cat "$disk/files/notes")"
	said=$(grep -c -i notes "$work/said")
	rm -rf "$root/data/target"/*
	duplicity full --allow-source-mismatch /data/folders "$url" || cannot "$2: no second backup"
	duplicity restore --numeric-owner "$url" /data/disk/folders
	seen="$seen, $? $(grep -c AssertionError "$work/said") $(ls "$disk/folders" | tr '\n' ' ')"
	echo "duplicity $2: $seen($said lines of it)"
	umount "$disk"
	losetup -d "$loop" 2>/dev/null # it may be gone with the mount
	loop=
	[ "$seen, $said" = "0 1 second, 30 1 Mail , 0" ] || changed "duplicity $2: $seen, $said"
	no_packages
}

restores bookworm 0.8.22-1+b3
restores sid 3.1.0-2+b1
holds 'of two files one is restored, exit 0; two folders are an AssertionError'
