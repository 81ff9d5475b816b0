# mixed.sh HOST=ROOT... - all hosts on one target: this machine's, called here, and those of these roots, in each of which
# /src is built. Run by hosts.sh, in its namespace of mounts.
. "${srcdir:-.}/tests/lib/lib.sh" || exit 1
. "$srcdir/tests/lib/odd.sh" || exit 1

: "${EXTENSION:?}"
[ $# -gt 0 ] || die 'no root was named'
[ -s /etc/machine-id ] || die 'this machine has no /etc/machine-id'

declare -A root_of
hosts=(here)
# mount_in HOST PATH - what is there outside is there in the root.
mount_in() {
	mount --bind "$2" "${root_of[$1]}$2" || die "cannot mount in ${root_of[$1]}"
	mounts+=("${root_of[$1]}$2")
}

# The same paths are in all, so a target has one URL, and one archive directory; and it is the same machine: what a dead run
# of another one has staged is left alone.
for argument; do
	host=${argument%%=*}
	hosts+=("$host")
	root_of[$host]=${argument#*=}
	mkdir -p "${root_of[$host]}$work"
	touch "${root_of[$host]}/etc/machine-id"
	mount_in "$host" "$work"
	mount_in "$host" /etc/machine-id
done

root_environment=(PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C HOME="$HOME" GNUPGHOME="$GNUPGHOME"
	XDG_CACHE_HOME="$XDG_CACHE_HOME" XDG_CONFIG_HOME="$XDG_CONFIG_HOME" TMPDIR="$TMPDIR"
	STAGEDIR_CONFIG="$STAGEDIR_CONFIG" PYTHONPATH=/src/tests/lib/site PYTHONDONTWRITEBYTECODE=1)

# in_root HOST COMMAND...
in_root() {
	local in=${root_of[$1]}

	shift
	chroot "$in" env -i "${root_environment[@]}" ${PASSPHRASE+PASSPHRASE="$PASSPHRASE"} "$@"
}

# plugged_in HOST, stock_in HOST duplicity ARG... - with and without the plugin.
plugged_in() {
	local host=$1

	shift
	case $host in
	here) plugged "$@" ;;
	# the extension that was built here, in the root HOST
	ours:*) in_root "${host#*:}" env PYTHONPATH="$work/overlay-${host#*:}:/src/tests/lib/site" "$@" ;;
	*) in_root "$host" /src/build/in-tree "$@" ;;
	esac
}

stock_in() {
	local host=$1

	shift
	case $host in
	here) stock "$@" ;;
	*) in_root "$host" "$@" ;;
	esac
}

# chain NAME HOST... - a chain of backups that these make in turn, which every host restores without the plugin.
chain() {
	local name=$1 url=file://$work/$1 time=1600000000 host

	shift
	for host; do
		time=$((time + 1000))
		echo "$time" >"$source/turn"
		# two turns within a second would look alike
		touch -d "@$time" "$source/turn"
		head -c 600000 /dev/urandom >"$source/new"
		touch -d "@$time" "$source/new"
		expect 0 "$name.$time" plugged_in "$host" duplicity "${options[@]}" --current-time "$time" "$source" "stage+$url"
		has "$name.$time" 'Local and Remote metadata are synchronized, no sync needed.'
		nothing_left "$name, a turn of $host"
	done
	[ "$(find "$work/$name" -name 'duplicity-inc.*.manifest*' | wc -l)" -eq $(($# - 1)) ] ||
		fail "$name: these are not one full backup and $(($# - 1)) behind it: $(ls "$work/$name")"
	for host in "${hosts[@]}"; do
		expect 0 "$name.restore" stock_in "$host" duplicity restore "${options[@]}" --archive-dir "$work/archive-$host" "$url" \
			"$work/restored"
		same_tree "$source" "$work/restored" "$name, restored by $host"
		chmod -R u+rwx "$work/restored" && rm -rf "$work/restored"
		expect 0 "$name.verify" stock_in "$host" duplicity verify --compare-data "${options[@]}" --archive-dir "$work/archive-$host" \
			"$url" "$source"
	done
	note "$name: $*"
}

# each_after_each - $walk, in which each host comes after each other one.
each_after_each() {
	local i j count=${#hosts[@]}

	walk=(here)
	for ((i = 0; i < count; i++)); do
		for ((j = i + 1; j < count; j++)); do
			walk+=("${hosts[j]}" "${hosts[i]}")
		done
		[ $((i + 1)) -ge "$count" ] || walk+=("${hosts[i + 1]}")
	done
}

# from HOST - $walk, all hosts once and the first again, begun by HOST.
from() {
	local i begin

	walk=()
	for ((begin = 0; begin < ${#hosts[@]}; begin++)); do
		[ "${hosts[begin]}" != "$1" ] || break
	done
	for ((i = 0; i <= ${#hosts[@]}; i++)); do
		walk+=("${hosts[(begin + i) % ${#hosts[@]}]}")
	done
}

make_tree "$source"
options=(--no-encryption --volsize 1)
each_after_each
chain begun-here "${walk[@]}"
for host in "${hosts[@]:1}"; do
	from "$host"
	chain "begun-in-$host" "${walk[@]}"
done
options=(--volsize 1 --gpg-options '--s2k-mode 1')
export PASSPHRASE=secret
for host in "${hosts[@]}"; do
	from "$host"
	chain "encrypted-in-$host" "${walk[@]}"
done
unset PASSPHRASE

# killed HOST OTHER - a run that is killed while volumes are staged; the other host goes on with it.
killed() {
	local command=("$IN_TREE") host

	fresh_odd
	set_odd rate 500000
	[ "$1" = here ] || command=(chroot "${root_of[$1]}" env -i "${root_environment[@]}" /src/build/in-tree)
	"${command[@]}" duplicity full "${options[@]}" "$source" "stage+$url" >"$logs/killed" 2>&1 </dev/null &
	pid=$!
	wait_for 60 sealed 3 || { fail "$1: nothing is staged"; show "$logs/killed"; }
	kill -KILL "$pid"
	end "$pid"
	[ "$status" -eq 137 ] || fail "$1: it was not killed, but ended with $status"
	unset_odd rate
	expect 0 went-on plugged_in "$2" duplicity full "${options[@]}" "$source" "stage+$url"
	says went-on 'handing off the volume .* that a dead run staged'
	says went-on 'Restarting after volume [1-9]'
	nothing_left "$2, behind $1"
	for host in "$1" "$2"; do
		expect 0 verify stock_in "$host" duplicity verify --compare-data "${options[@]}" "$url" "$source"
	done
	note "killed in $1, $2 went on"
}

rm -rf "$source"
mkdir "$source"
head -c 6000000 /dev/urandom | split -b 1M - "$source/"
options=(--no-encryption --volsize 1)
for one in "${hosts[@]}"; do
	for other in "${hosts[@]}"; do
		[ "$one" = "$other" ] || killed "$one" "$other"
	done
done

# The extension that was built here, under this Python, is loaded by that of each root.
cp "$EXTENSION" "$work/_stagedir.abi3.so"
for host in "${hosts[@]:1}"; do
	expect 0 overlay in_root "$host" sh -c "sh /src/plugin/overlay.sh /usr/lib/python3/dist-packages/duplicity \
		'$work/overlay-$host/duplicity' python3 /src/plugin/*.py /src/plugin/_stageproved.txt '$work/_stagedir.abi3.so'"
	expect 0 loaded plugged_in "ours:$host" python3 -c 'import os, sys
from duplicity.backends import _stagedir
print(sys.version.split()[0], "loads", os.path.realpath(_stagedir.__file__))'
	has loaded "loads $work/_stagedir.abi3.so"
	note "$("$HOST_PYTHON" -V) built what Python $(cut -d ' ' -f 1,2 "$logs/loaded") in $host"
	chain "extension-in-$host" "ours:$host" "ours:$host" "$host" "ours:$host"
done
finish
