# standing.sh - sourced by the tests that end runs of a backup and go on with it. They set
#	$url		the target without prefix
#	$target		the folder that it is
#	$archive	the archive directory
# The host redoes the newest volume of those that storage has, and makes none of the others again. What is staged
# counts as stored, as it is handed off before the host looks.

# shellcheck disable=SC2034,SC2154 # variables of lib.sh and of the test
# stand - where does a backup stand whose run is dead? Sets $state, $highest, $after, $staged and $ended, see standing.py.
stand() {
	read -r state highest after staged ended < <("$HOST_PYTHON" "$srcdir/tests/lib/standing.py" \
		standing "$target" "$archive" "$root" 2>"$logs/standing") || die 'standing.py prints nothing'
	[ ! -s "$logs/standing" ] || { fail "$1: what is in storage is not sound"; show "$logs/standing"; }
}

# goes_on LOG WHAT - the run of this output went on where the last stand() said, if it got so far.
goes_on() {
	local went_on

	went_on=$(sed -n -E 's/^Restarting after volume ([0-9]+),.*/\1/p' "$logs/$1")
	[ "$went_on" ] || ! grep -q -a -F -e 'Restart is impossible' -e 'Backup Statistics' "$logs/$1" || went_on=0
	# a run that is ended early says nothing
	if [ "$state" = partial ] && [ "$went_on" ] && [ "$went_on" -ne "$after" ]; then
		fail "$2: goes on after volume $went_on, not $after, with $highest stored or staged"
		show "$logs/$1"
	fi
}

# in_order WHAT OPTION... - what is in storage is what the manifests say, and stock finds it in order.
in_order() {
	local what=$1

	shift
	nothing_left "$what"
	"$HOST_PYTHON" "$srcdir/tests/lib/standing.py" sets "$target" "$archive" >"$logs/sets" 2>&1 ||
		{ fail "$what: volumes and manifests differ"; show "$logs/sets"; }
	expect 0 verify stock duplicity verify --compare-data "$@" "$url" "$source"
	nothing_left "stock's verify after $what"
}
