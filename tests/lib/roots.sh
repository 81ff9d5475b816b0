# roots.sh - roots of Debian's releases, made by debootstrap and kept between runs. For bash scripts that are run as root, with
# mounts of their own (unshare --mount): `. tests/lib/roots.sh || exit 1`. The script has a function `note`, and sets
#	$host		which root: debian12, backports (bookworm with duplicity of its backports), debian13, sid
#	$root		the folder of it
# before it calls
#	open_root	$root is there, upgraded where it was old, and /proc, /sys and /dev are mounted. It is locked for as long
#			as the script runs.
#	in_root		a command in it: `in_root apt-get -qq update`
#	mount_all, unmount_all
#			mount and unmount /proc, /sys and /dev
#
# What is not done to its end is begun anew: a script makes the file "$root/$begun" before it installs something, and removes
# it after.

# shellcheck disable=SC2154 # host and root are the caller's
# The first is in a root while something is installed in it; the second tells when it was last made or upgraded.
begun=.stagedir-begun complete=.stagedir-complete

# suite_of HOST, days_of HOST - the release of Debian, and for how many days it is good without an upgrade.
suite_of() {
	case $1 in
	debian12 | backports) echo bookworm ;;
	debian13) echo trixie ;;
	sid) echo sid ;;
	*) return 1 ;;
	esac
}

days_of() {
	[ "$1" = sid ] && echo 1 || echo 14
}

# The mirror that the system's own packages come from, the proxy that it uses, and whether it takes old lists.
# shellcheck disable=SC2016 # it is apt that replaces this
mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Origin: Debian' 'Label: Debian' 2>/dev/null |
	grep '^http' | head -n 1)
mirror=${mirror:-http://deb.debian.org/debian}
proxy='' valid_until=''
command -v apt-config >/dev/null &&
	eval "$(apt-config shell proxy Acquire::http::Proxy valid_until Acquire::Check-Valid-Until)"
export http_proxy="${proxy:-${http_proxy:-}}"
[ -n "$http_proxy" ] || unset http_proxy

# in_root COMMAND... - in $root, with nothing of the caller's environment but what the tests are told. The compiler of sid
# moves: a new warning of it is no error.
in_root() {
	local name kept=()

	for name in CI STAGE_TEST_ROUNDS STAGE_TEST_SEED RUNS http_proxy; do
		[ -z "${!name:-}" ] || [ "$name:$host" = CI:sid ] || kept+=("$name=${!name}")
	done
	chroot "$root" env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8 \
		DEBIAN_FRONTEND=noninteractive ${kept[@]+"${kept[@]}"} "$@"
}

# What is removed is what was begun here.
empty_root() {
	[ -n "$(ls -A "$root")" ] || return 0
	if [ ! -e "$root/$begun" ] && [ ! -e "$root/$complete" ]; then
		note "$root is not empty, and was not made by this script"
		return 1
	fi
	note "$root is not complete, and is made anew"
	: >"$root/$begun"
	find "$root" -xdev -mindepth 1 ! -path "$root/$begun" -delete
}

make_root() {
	empty_root || return 1
	note "making $root from $mirror"
	: >"$root/$begun"
	debootstrap --variant=minbase "$(suite_of "$host")" "$root" "$mirror" >"$root/debootstrap.log" || {
		note "debootstrap failed: $(tail -n 5 "$root/debootstrap.log")"
		return 1
	}
	: >"$root/$complete"
	# it is made anew if it is not made to its end, so nothing has to be synced on the way
	echo force-unsafe-io >"$root/etc/dpkg/dpkg.cfg.d/stagedir"
	# no package starts a server
	printf '#!/bin/sh\nexit 101\n' >"$root/usr/sbin/policy-rc.d"
	chmod 0755 "$root/usr/sbin/policy-rc.d"
	# the lists of a mirror that lags behind are past their date
	[ "$host" != sid ] && [ "$valid_until" != false ] ||
		echo 'Acquire::Check-Valid-Until "false";' >"$root/etc/apt/apt.conf.d/90stagedir"
	if [ "$host" = backports ]; then
		echo "deb $mirror bookworm-backports main" >"$root/etc/apt/sources.list.d/backports.list"
		printf '%s\n' 'Package: duplicity' 'Pin: release n=bookworm-backports' 'Pin-Priority: 990' \
			>"$root/etc/apt/preferences.d/backports"
	fi
}

mount_all() {
	mount -t proc proc "$root/proc" && mount -t sysfs sysfs "$root/sys" && mount --rbind /dev "$root/dev" &&
		mount -t tmpfs -o mode=1777 tmpfs "$root/dev/shm" && cp /etc/resolv.conf "$root/etc/resolv.conf"
}

unmount_all() {
	umount -R -l "$root/dev" "$root/sys" "$root/proc"
}

# upgrade - of a root that is old. Without a network what is there is tested.
upgrade() {
	[ -n "$(find "$root/$complete" -mtime "+$(($(days_of "$host") - 1))")" ] || return 0
	if ! in_root apt-get -qq update; then
		note "$root is not upgraded, as the mirror was not reached"
		return 0
	fi
	note "upgrading $root"
	: >"$root/$begun"
	in_root apt-get -qq full-upgrade -y --no-install-recommends >"$root/upgrade.log" 2>&1 || {
		note "the upgrade failed: $(tail -n 5 "$root/upgrade.log")"
		return 1
	}
	: >"$root/$complete"
	rm "$root/$begun"
}

open_root() {
	local lock

	mkdir -p "$root"
	exec {lock}<"$root"
	flock -n "$lock" || { note "waiting for another run in $root" && flock "$lock"; }
	[ -e "$root/$complete" ] && [ ! -e "$root/$begun" ] || make_root || return 1
	mount_all || return 1
	if ! upgrade; then
		unmount_all && make_root && mount_all || return 1
	fi
	rm -f "$root/$begun"
}
