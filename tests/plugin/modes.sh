# modes.sh - the permissions of what storage gets, by backends that store a file with those that it has here (pexpect+sftp,
# pexpect+scp and rsync, by a real sshd on loopback): volumes, signatures and manifests have those that stock's have. With
# each umask, encrypted or not.
. "${srcdir:-.}/tests/lib/lib.sh" || exit 1

need gpg gnupg
need rsync rsync
"$HOST_PYTHON" -c 'import pexpect' 2>"$logs/pexpect" ||
	die 'the Python package pexpect is missing (Debian: apt-get install python3-pexpect)'
. "$srcdir/tests/lib/sshd.sh" || exit 1

source=$work/source
mkdir "$source"
head -c 2500000 /dev/urandom | split -b 500000 - "$source/"
touch -d '2020-02-02 02:02:02' "$source"/* # the host takes what was changed within a second for the same
export PASSPHRASE='a passphrase'
# ssh does not look at $HOME
options=(--volsize 1 --num-retries 2 --ssh-options
	"-oUserKnownHostsFile=$HOME/.ssh/known_hosts -oIdentityFile=$HOME/.ssh/id_ed25519 -oBatchMode=yes -oLogLevel=ERROR")
# The sftp client of 3.0 takes every path for one below the folder in which a session begins.
login=$(getent passwd "$(id -un)" | cut -d : -f 6)
configure "temp_root = $root" 'avoid_tmpfs = no' 'retries = 2' 'backoff = 0'

# aim SCHEME HOW - sets $target and $url, which are empty and HOW's own.
aim() {
	target=$work/target-$1-$2
	url=$1://${server#*://}/$(realpath -m --relative-to="$login" "$target")
	rm -rf --one-file-system "$target" "$XDG_CACHE_HOME/duplicity"
	mkdir -m 0755 "$target"
}

# modes_of FOLDER - each permission of each kind of file in it.
modes_of() {
	find "$1" -type f -printf '%m %f\n' | sed -E -e 's/[0-9]{8}T[0-9]{6}Z/TIME/g' -e 's/vol[0-9]+/volN/' | sort -u
}

# backups LOG HOW PREFIX OPTION... - full, and an increment.
backups() {
	local log=$1 how=$2 prefix=$3

	shift 3
	expect 0 "$log" "$how" duplicity full "${options[@]}" "$@" "$source" "$prefix$url"
	touch -d "2020-02-02 02:02:02" "$source/aa"
	sleep 1
	echo more >>"$source/ab"
	expect 0 "$log" "$how" duplicity inc "${options[@]}" "$@" "$source" "$prefix$url"
}

for scheme in pexpect+sftp pexpect+scp rsync; do
	for umask in 022 027; do
		encryption=
		[ "$umask" != 022 ] || encryption=--no-encryption
		umask "$umask"
		aim "$scheme" stock
		# shellcheck disable=SC2086 # none, or one
		backups stock stock '' $encryption
		wanted=$(modes_of "$target")
		[ "$(wc -l <<<"$wanted")" -ge 6 ] || fail "$scheme, $umask: stock has stored less than six kinds of files: $wanted"
		aim "$scheme" plugged
		# shellcheck disable=SC2086
		backups plugged plugged stage+ $encryption
		umask 022
		found=$(modes_of "$target")
		[ "$found" = "$wanted" ] ||
			fail "$scheme, umask $umask: the permissions in storage are not stock's: $(diff <(echo "$wanted") <(echo "$found"))"
		nothing_left "$scheme"
	done
	note "$scheme: passed"
done
finish
