# severed.sh - the server dies while a backup goes to it: kill -9 of sshd and its sessions, which is up again a moment
# later. A backup through an sftp client that connects anew goes on, and is in order; one that keeps its connection
# ends as with stock, and the next run goes on from what is staged. Runs that are killed themselves go on as well.
# STAGE_TEST_ROUNDS=N for N rounds of the latter two; STAGE_TEST_SEED=N repeats the choices of another run.
. "${srcdir:-.}/tests/lib/lib.sh" || exit 1
. "$srcdir/tests/lib/sshd.sh" || exit 1
. "$srcdir/tests/lib/standing.sh" || exit 1

"$HOST_PYTHON" -c 'import pexpect' 2>"$logs/pexpect" ||
	die 'the Python package pexpect is missing (Debian: apt-get install python3-pexpect)'
need sftp openssh-client
seed=${STAGE_TEST_SEED:-$RANDOM}
RANDOM=$seed
note "seed $seed"

configure "temp_root = $root" 'avoid_tmpfs = no' 'backoff = 1' 'retries = 10'
source=$work/source
mkdir "$source"

# add_files FIRST LAST - a volume more for each.
add_files() {
	local i

	for ((i = $1; i <= $2; i++)); do
		head -c 1000000 /dev/urandom >"$source/file-$i"
	done
}

add_files 1 30
# the host has its own retries for what is no volume; ssh does not look at $HOME
options=(--volsize 1 --no-encryption --num-retries 10 --backend-retry-delay 1 --ssh-options
	"-oUserKnownHostsFile=$HOME/.ssh/known_hosts -oIdentityFile=$HOME/.ssh/id_ed25519 -oBatchMode=yes -oLogLevel=ERROR")

# The sftp client of 3.0 takes every path for one below the folder in which a session begins.
login=$(getent passwd "$(id -un)" | cut -d : -f 6)

# aim NAME PREFIX - a target of this name. Sets $target, $url, $archive.
aim() {
	target=$work/target-$1
	url=$2$server/$target
	[ -z "$2" ] || url=$2$server/$(realpath -m --relative-to="$login" "$target")
	archive=$(archive_of "$url")
}

# descendants PID... - they, and all that they started.
descendants() {
	local children

	[ $# -gt 0 ] || return
	printf '%s\n' "$@"
	children=$(ps -o pid= --ppid "$(printf '%s,' "$@" | sed 's/,$//')")
	# shellcheck disable=SC2086 # a word each
	descendants $children
}

kill_sshd() {
	# shellcheck disable=SC2046
	kill -KILL $(descendants "$sshd_pid") 2>/dev/null
	wait "$sshd_pid" 2>/dev/null
	sshd_kills=$((sshd_kills + 1))
}

# stored COUNT - are so many volumes, or is the run over?
stored() {
	! is_running || [ "$(find "$target" -name '*.vol*' 2>/dev/null | wc -l)" -ge "$1" ]
}

is_running() {
	[ -e "/proc/$pid/fd/0" ]
}

pause() {
	sleep "0.$(printf %03d $((RANDOM % $1)))"
}

note 'connects anew: one run'
aim anew pexpect+
sshd_kills=0
start anew plugged duplicity full "${options[@]}" "$source" "stage+$url"
while is_running; do
	# the host does not begin without a server
	wait_for 60 stored $((1 + 4 * sshd_kills)) || fail "no progress"
	pause 500
	is_running || break
	kill_sshd
	pause 700
	start_sshd
done
end "$pid"
[ "$status" -eq 0 ] || { fail "exit status $status"; show "$logs/anew"; }
wait_for 5 answers
note "sshd was killed $sshd_kills times"
[ "$sshd_kills" -ge 2 ] || fail 'that is not often enough to prove anything'
says anew 'attempt [0-9]+ of 10 to hand off'
url=file://$target # the client that connects anew takes its time
in_order 'a run with a server that dies' "${options[@]}"

# Does the client that keeps its connection make a new one where an upload failed, as that of 3.0?
"$HOST_PYTHON" -c 'import sys
import duplicity.backends.ssh_paramiko_backend as module
sys.exit(not hasattr(module.SSHParamikoBackend, "_retry_cleanup"))' 2>"$logs/paramiko" && connects=yes || connects=

# lose_connections - runs that end when the server does, and are continued.
lose_connections() {
	local run

	configure "temp_root = $root" 'avoid_tmpfs = no' 'backoff = 0' 'retries = 2'
	sshd_kills=0 status=1
	for run in 1 2 3 4 5 6 7 8; do
		stand 'a lost connection'
		start kept plugged duplicity "${options[@]}" "$source" "stage+$url"
		wait_for 60 stored $((highest + 2 + RANDOM % 10))
		pause 100
		if [ "$run" -lt 4 ] && is_running; then
			kill_sshd
			# a client that connects anew is to find nobody
			while [ "$connects" ] && is_running; do
				sleep 0.05
			done
			start_sshd
			wait_for 5 answers
		fi
		end "$pid"
		goes_on kept 'a lost connection'
		[ "$status" -ne 0 ] || break
		[ "$status" -eq 50 ] || { fail "exit status $status instead of 50"; show "$logs/kept"; }
		has kept 'Giving up after'
		# unless only the signatures and the manifest were left to be stored when the server died
		[ -z "$(spools "$root")" ] || has kept 'staged for'
	done
	note "$run runs, sshd was killed $sshd_kills times"
	[ "$sshd_kills" -ge 2 ] || fail 'that is not often enough to prove anything'
	in_order 'runs whose server died' "${options[@]}"
}

# kill_runs - runs that are killed, and continued.
kill_runs() {
	configure "temp_root = $root" 'avoid_tmpfs = no' 'backoff = 1'
	status=137
	while [ "$status" -ne 0 ]; do
		stand 'a killed run'
		start killed plugged duplicity "${options[@]}" "$source" "stage+$url"
		# killed behind its last file, it is complete
		[ "$state" = complete ] || {
			wait_for 60 stored $((highest + 1 + RANDOM % 20))
			pause 200
			kill -KILL "$pid" 2>/dev/null
		}
		end "$pid"
		goes_on killed 'a killed run'
		[ "$status" -eq 0 ] || [ "$status" -eq 137 ] || { fail "exit status $status"; show "$logs/killed"; break; }
	done
	in_order 'killed runs' "${options[@]}"
}

rounds=${STAGE_TEST_ROUNDS:-2}
# so many that two kills, each within the next 20 volumes, leave some to be stored
add_files 31 70
for ((round = 1; round <= rounds; round++)); do
	note "round $round: keeps its connection: ends, and is continued"
	aim "kept-$round" ''
	lose_connections
	rm -r "${target:?}" "$archive"
	note "round $round: killed runs"
	aim "killed-$round" ''
	kill_runs
	rm -r "${target:?}" "$archive"
done
finish
