#!/bin/bash
# duplicity-exit-status.sh - a full disk is 53 in the log and 50 in the exit status.
#
# Software: duplicity 3.0.4-1+b1 (Debian 13) and 3.1.0-2+b1 (Debian sid), --log-file, a target with no room.
# A guess:  duplicity ends with the code of the error that its log says it gave up for (3.0.4 and all before do): 53 for
#           ENOSPC, 51 for EACCES, 52 for what is not found.
# Seen (2026-11):
#     3.0.4: log "ERROR 53 put", then nothing; exit status 53
#     3.1.0: log "ERROR 53 put", then "ERROR 50 BackendException"; exit status 50
# A wrapper that tells a full disk by the exit status sees a general fault of the backend from there on; a reader
# of the log must keep the first ERROR, not the last.
. "$(dirname "$0")/lib.sh" || exit 1

# fails SUITE VERSION - the exit status, and the codes in the log
fails() {
	local status

	packages "$1" "duplicity=$2" coreutils
	mkdir "$root/data/target"
	mount -t tmpfs -o size=1m tmpfs "$root/data/target" || cannot "no tmpfs"
	head -c 3000000 /dev/urandom >"$root/data/data"
	inside python3 /usr/bin/duplicity full --no-encryption --volsize 1 --num-retries 1 --log-file log \
		/data file:///data/target >/dev/null 2>&1
	status=$?
	seen="exit $status, log $(sed -n 's/^ERROR //p' "$root/data/log" | xargs)"
	echo "duplicity $2: $seen"
}

fails trixie 3.0.4-1+b1
[ "$seen" = "exit 53, log 53 put" ] || changed "3.0.4: $seen"
no_packages
fails sid 3.1.0-2+b1
[ "$seen" = "exit 50, log 53 put 50 BackendException" ] || changed "3.1.0: $seen"
holds "a put that failed with ENOSPC is 53 in the log of 3.1.0, and its exit status is 50"
