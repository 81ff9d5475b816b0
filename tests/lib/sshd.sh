# sshd.sh - sourced by the tests that need a real server: an sshd of their own on loopback, which takes a key of theirs.
# Sets $server, the beginning of its sftp:// URLs.

# shellcheck disable=SC2034,SC2154 # variables of lib.sh and of the test
need ssh-keygen openssh-client
sshd=$(PATH=$PATH:/usr/sbin:/usr/local/sbin command -v sshd) ||
	die 'the program sshd is missing (Debian: apt-get install openssh-server)'
"$HOST_PYTHON" -c 'import paramiko' 2>"$logs/paramiko" ||
	die 'the Python package paramiko is missing (Debian: apt-get install python3-paramiko)'
# sshd wants its empty directory when it is root's
if am_root && [ ! -d /run/sshd ]; then
	mkdir -m 0755 /run/sshd
fi

mkdir -m 0700 "$HOME/.ssh" "$work/sshd"
ssh-keygen -q -t ed25519 -N '' -f "$work/sshd/host-key"
ssh-keygen -q -t ed25519 -N '' -f "$HOME/.ssh/id_ed25519"
cp "$HOME/.ssh/id_ed25519.pub" "$work/sshd/authorized-keys"

free_port() {
	"$HOST_PYTHON" -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

answers() {
	ssh-keyscan -p "$port" -T 2 127.0.0.1 2>/dev/null | grep -q ssh-ed25519
}

# start_sshd - on $port, as configured. Sets $sshd_pid.
start_sshd() {
	"$sshd" -D -e -f "$work/sshd/config" >>"$logs/sshd" 2>&1 &
	sshd_pid=$!
}

# Another program may take the port before sshd does.
for attempt in 1 2 3 4 5; do
	port=$(free_port)
	cat >"$work/sshd/config" <<END
ListenAddress 127.0.0.1
Port $port
HostKey $work/sshd/host-key
AuthorizedKeysFile $work/sshd/authorized-keys
PidFile none
StrictModes no
UsePAM no
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitRootLogin prohibit-password
Subsystem sftp internal-sftp
END
	start_sshd
	wait_for 5 answers && break
	kill "$sshd_pid" 2>/dev/null
	[ "$attempt" -lt 5 ] || { show "$logs/sshd"; die 'sshd does not start'; }
done
echo "[127.0.0.1]:$port $(cut -d ' ' -f 1-2 "$work/sshd/host-key.pub")" >"$HOME/.ssh/known_hosts"
server=sftp://$(id -un)@127.0.0.1:$port
