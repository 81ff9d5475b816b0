#!/bin/bash
# valgrind-inherited-descriptors.sh - a descriptor of the caller's is an error of the program that valgrind runs.
#
# Software: valgrind 3.19.0 (Debian 12), 3.24.0 (Debian 13), 3.27.1 (Debian sid), --track-fds=yes --error-exitcode=9.
# A guess:  descriptors that the program has opened and not closed count; those that it was started with are only
#           listed, as "<inherited from parent>" says. And the exit status is the same in each version.
# Seen (2026-11), of a program that opens nothing, started with descriptor 5 open:
#     3.19.0: listed as inherited; exit status 0
#     3.24.0: listed as inherited; exit status 9
#     3.27.1: not listed; exit status 0
# With the valgrind of Debian 13 a test that passed before and will pass again fails where make, a terminal or a CI runner
# leaves a descriptor open. A harness that is to work with each must close what it inherits before it starts valgrind.
. "$(dirname "$0")/lib.sh" || exit 1

# runs SUITE VERSION - sets $seen: is descriptor 5 listed, and the exit status with it and without
runs() {
	packages "$1" "valgrind=$2" libc6-dbg coreutils dash
	inside valgrind --quiet --track-fds=yes --error-exitcode=9 --log-file=log /usr/bin/true 5</dev/null
	inherits=$?
	listed=no
	grep -A1 'file descriptor 5' "$root/data/log" | grep -q 'inherited from parent' && listed=yes
	inside valgrind --quiet --track-fds=yes --error-exitcode=9 --log-file=log /usr/bin/true </dev/null >"$work/said" 2>&1
	alone=$?
	seen="$listed, exit $inherits, without it $alone"
	echo "valgrind $2: listed $seen"
	no_packages
}

# what the script itself has inherited
for fd in /proc/self/fd/*; do
	fd=${fd##*/}
	[ "$fd" -le 2 ] || [ "$fd" -eq 255 ] || eval "exec $fd>&-"
done
runs bookworm 1:3.19.0-1
[ "$seen" = 'yes, exit 0, without it 0' ] || changed "3.19.0: listed $seen"
runs trixie 1:3.24.0-3
[ "$seen" = 'yes, exit 9, without it 0' ] || changed "3.24.0: listed $seen"
runs sid 1:3.27.1-0.2
[ "$seen" = 'no, exit 0, without it 0' ] || changed "3.27.1: listed $seen"
holds "an inherited descriptor is an error to valgrind 3.24.0, and none to 3.19.0 and 3.27.1"
