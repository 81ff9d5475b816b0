# signals.sh - SIGINT, SIGTERM and SIGHUP at 20 moments spread over a run each, and SIGTERM once more over
# an encrypted run: nothing is left but staged volumes, the status is the promised one, and the next run goes on
# with the backup and leaves nothing at all.
. "${srcdir:-.}/tests/lib/lib.sh" || exit 1
. "$srcdir/tests/lib/moments.sh" || exit 1

need gpg gnupg

# promised SIGNAL STATUS - is this how a run may end?
promised() {
	case $1:$2 in
	*:0) [ -z "$running" ] ;;
	# the host's own code; before the host is there to give it, Python dies by the signal
	INT:4 | INT:130) ;;
	TERM:143 | HUP:129) ;;
	*) return 1 ;;
	esac
}

# swallowed SIGNAL - has the interpreter itself lost Ctrl-C? It does, plugin or not, when that comes in a callback of
# which it ignores exceptions (the import system has some). The run then ends as if nothing had been.
swallowed() {
	[ "$1" = INT ] && grep -q '^Exception ignored in' "$logs/interrupted" &&
		grep -q '^KeyboardInterrupt' "$logs/interrupted" && [ "$status" -eq 0 ]
}

# sweep SIGNAL EVERY OPTION... - a signal at each moment of a full backup, which is gone on with after each
# EVERY of them: that takes as long as a whole run.
sweep() {
	local signal=$1 every=$2 moment ended=0 statuses=

	shift 2
	for moment in {1..20}; do
		fresh
		interrupt "$signal" "$moment" "$@"
		statuses="$statuses $status"
		if swallowed "$signal"; then
			note "SIG$signal at $moment/20 was lost by the interpreter"
		else
			promised "$signal" "$status" || {
				fail "SIG$signal at $moment/20: exit status $status"
				show "$logs/interrupted"
			}
			[ "$status" -eq 130 ] || has_not interrupted Traceback
		fi
		[ "$status" -eq 0 ] || ended=$((ended + 1))
		only_staged_left "SIG$signal at $moment/20"
		[ $((moment % every)) -ne 0 ] || go_on "SIG$signal at $moment/20" "$@"
	done
	note "SIG$signal $*: a run has $calls calls; statuses:$statuses"
	[ "$ended" -ge 10 ] || fail "SIG$signal: only $ended of 20 runs were ended by it"
}

make_source 8
fresh
measure plugged duplicity full --volsize 1 --no-encryption "$source" "stage+file://$target"
for signal in INT TERM HUP; do
	sweep "$signal" 4 --no-encryption
done
export PASSPHRASE=secret
# gpg would take most of the time for making a key out of the passphrase, anew for each file
quick=--gpg-options=--s2k-count=65536
fresh
measure plugged duplicity full --volsize 1 "$quick" "$source" "stage+file://$target"
sweep TERM 5 "$quick"
finish
