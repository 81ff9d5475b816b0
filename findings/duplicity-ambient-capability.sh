#!/bin/bash
# duplicity-ambient-capability.sh - a user who may read all files by an ambient capability gets a backup without most of them.
#
# Software: duplicity 0.8.22-1+b3 (Debian 12) and 3.0.4-1+b1 (Debian 13), Linux, setpriv of util-linux.
# A guess:  a backup by a user with CAP_DAC_READ_SEARCH as an ambient capability, as systemd's AmbientCapabilities= gives it,
#           holds all files: that user can open each of them. If one were left out, the backup would fail.
# Seen (2026-11), the same in both, of a folder 0700 of root with a file in it:
#     cat of the file by that user:      works
#     duplicity full by that user:       exit 0, "Errors 1"; the folder's file is not in the backup
#     the same with the secure bit no_setuid_fixup:   exit 0, "Errors 0"; it is
# Why: duplicity asks by access(2) whether it can read a file or a folder. access() checks with the real user, and where that is
# not root the kernel forgets the effective capabilities for this call, unless SECBIT_NO_SETUID_FIXUP is set (access(2),
# capabilities(7)). To open it would have worked.
. "$(dirname "$0")/lib.sh" || exit 1

# as_user COMMAND... - inside, by user 1000 with that capability, and what $secure adds
as_user() {
	# shellcheck disable=SC2086 # one option or none
	inside HOME=/data/home setpriv --reuid 1000 --regid 1000 --clear-groups --inh-caps +dac_read_search \
		--ambient-caps +dac_read_search $secure "$@"
}

# backed_up - how duplicity ended, how many errors it counted, whether the file is in the backup
backed_up() {
	local status=0

	rm -rf "$root/data/home" "$root/data/target"
	mkdir "$root/data/home" "$root/data/target"
	chown 1000:1000 "$root/data/home" "$root/data/target"
	as_user python3 /usr/bin/duplicity full --no-encryption /data/source file:///data/target >"$work/said" 2>&1 || status=$?
	echo "exit $status, $(grep '^Errors ' "$work/said"), $(zcat "$root"/data/target/*difftar.gz | tar -t 2>/dev/null | grep -c secret/file) file"
}

# ambient SUITE VERSION
ambient() {
	local found secure=

	packages "$1" "duplicity=$2" util-linux coreutils
	mkdir -p "$root/data/source/secret"
	echo content >"$root/data/source/secret/file"
	chmod 0700 "$root/data/source/secret"
	[ "$(as_user cat /data/source/secret/file)" = content ] || cannot 'the capability does not let a user read'
	found=$(backed_up)
	echo "duplicity $2, an ambient capability: $found"
	[ "$found" = 'exit 0, Errors 1, 0 file' ] || changed "duplicity $2: $found"
	secure='--securebits +no_setuid_fixup'
	found=$(backed_up)
	echo "duplicity $2, and no_setuid_fixup: $found"
	[ "$found" = 'exit 0, Errors 0, 1 file' ] || changed "duplicity $2, with no_setuid_fixup: $found"
	no_packages
}

ambient bookworm 0.8.22-1+b3
ambient trixie 3.0.4-1+b1
holds 'what a user can read by an ambient capability alone is left out of the backup, which ends with 0'
