# shellcheck shell=bash
# lib.sh - for the scripts of this folder, which source it: pinned packages in a folder of their own, never in the system.
#
# A script calls packages, works, and ends with holds or changed. Exit statuses: 0 the finding holds, 1 the behaviour
# has changed, 77 it cannot be tried here (not root, or the archive has the version no more).
#
# It runs in mount and process namespaces of its own: what is mounted, or still runs, goes with it.
set -u
export LC_ALL=C

cannot() {
	echo "cannot be tried: $*"
	exit 77
}

if [ -z "${FINDING_ALONE:-}" ]; then
	[ "$(id -u)" -eq 0 ] || cannot "needs root, for namespaces, mounts and chroot"
	FINDING_ALONE=1 exec unshare --mount --pid --fork --kill-child --mount-proc bash "$0" "$@"
fi
unset FINDING_ALONE

work=$(mktemp -d "${TMPDIR:-/tmp}/finding-XXXXXX") || exit 1
root=$work/root

# remove_all FOLDER - with what is mounted in it, the last mounted first
remove_all() {
	local point

	awk -v at="$1/" 'index($5, at) == 1 { print $5 }' /proc/self/mountinfo | tac | while read -r point; do
		umount "$point" 2>/dev/null || umount -l "$point"
	done
	rm -rf --one-file-system "$1"
}
trap 'remove_all "$work"' EXIT
trap 'exit 1' HUP INT TERM

holds() {
	echo "finding holds: $*"
	exit 0
}

changed() {
	echo "changed: $*"
	exit 1
}

# packages SUITE PACKAGE=VERSION... - makes $root: these packages of Debian, and what they depend on, unpacked only. No
# script of a package is run. A version that is not given is the suite's.
packages() {
	local suite=$1 apt=$work/apt-$1 deb

	shift
	mkdir -p "$apt/lists/partial" "$apt/archives/partial" "$root"
	: >"$apt/status"
	echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg]" \
		"${DEBIAN_MIRROR:-http://deb.debian.org/debian} $suite main" >"$apt/sources"
	if [ "$suite" != "${suite%-backports}" ]; then
		sed "s/$suite/${suite%-backports}/" "$apt/sources" >"$apt/more"
		cat "$apt/more" >>"$apt/sources"
	fi
	cat >"$apt/conf" <<-CONF
		Dir::Etc::sourcelist "$apt/sources";
		Dir::Etc::sourceparts "/dev/null";
		Dir::Etc::preferencesparts "/dev/null";
		Dir::State::lists "$apt/lists";
		Dir::State::status "$apt/status";
		Dir::Cache "$apt";
		Dir::Cache::archives "$apt/archives";
		APT::Sandbox::User "root";
		APT::Install-Recommends "false";
		Acquire::Languages "none";
		Acquire::Check-Valid-Until "false";
		Debug::NoLocking "true";
	CONF
	if ! APT_CONFIG=$apt/conf apt-get -qq update >"$work/log" 2>&1 ||
		! APT_CONFIG=$apt/conf apt-get -qq -y --download-only install base-files "$@" >>"$work/log" 2>&1; then
		cannot "$(tail -1 "$work/log")"
	fi
	# merged /usr, as an installed system has it
	mkdir -p "$root"/usr/bin "$root"/usr/sbin "$root"/usr/lib "$root"/usr/lib64
	ln -sfn usr/bin "$root/bin"
	ln -sfn usr/sbin "$root/sbin"
	ln -sfn usr/lib "$root/lib"
	ln -sfn usr/lib64 "$root/lib64"
	for deb in "$apt"/archives/*.deb; do
		# tar keeps a link to a folder where dpkg-deb -x would not
		dpkg-deb --fsys-tarfile "$deb" | tar -C "$root" -x --keep-directory-symlink ||
			cannot "$deb: does not unpack"
	done
	rm -rf "$apt"
	mkdir -p "$root"/proc "$root"/dev "$root"/tmp "$root"/root "$root"/data
	mount -t proc proc "$root/proc"
	mount --bind /dev "$root/dev"
	mount -t tmpfs -o mode=1777 tmpfs "$root/dev/shm" || cannot "no tmpfs on /dev/shm"
}

# no_packages - $root is no more; packages makes another
no_packages() {
	remove_all "$root"
}

# inside COMMAND... - runs it in $root, in the folder /data, with nothing of the caller's environment.
inside() {
	chroot "$root" /usr/bin/env -i -C /data PATH=/usr/sbin:/usr/bin HOME=/root LC_ALL=C.UTF-8 "$@"
}

# duplicity ARGUMENT... - the one of $root, unencrypted, archive directory "backup"; what it says goes to $work/said.
duplicity() {
	inside python3 /usr/bin/duplicity "$@" --no-encryption --name backup >"$work/said" 2>&1
}

# duplicity_killed EVENT PATTERN ARGUMENT... - the same, ended by SIGKILL just before the first event of that name, as
# Python audits them, whose first argument matches. Nothing of duplicity is changed.
duplicity_killed() {
	mkdir -p "$root/site"
	cat >"$root/site/sitecustomize.py" <<-'PYTHON'
		import os
		import re
		import signal
		import sys


		def look(event, args):
		    if event == os.environ['AT_EVENT'] and isinstance(args[0], (str, bytes)):
		        if re.search(os.environ['AT_NAME'], os.fsdecode(args[0])):
		            os.kill(os.getpid(), signal.SIGKILL)


		sys.addaudithook(look)
	PYTHON
	inside AT_EVENT="$1" AT_NAME="$2" PYTHONPATH=/site python3 /usr/bin/duplicity "${@:3}" \
		--no-encryption --name backup >"$work/said" 2>&1
	[ $? -eq 137 ] || cannot "duplicity was not ended at $1 of $2: $(tail -1 "$work/said")"
}
