# debian13.sh DIST check|bench - the other host: duplicity 3.0.4 under Python 3.13, in a root of Debian 13 that debootstrap
# makes. Run by `make check-debian13` and `make bench-debian13`, as root. The folder DIST, what make distdir made, is built
# in it, and tested: the unit tests once, as they do not depend on the host, and all tests of the plugin; then what takes
# both hosts: mixed.sh. Or it is measured.
#
#	STAGE_DEBIAN13_ROOT	where the root is kept between runs; /var/cache/stagedir/debian13 by default
#	STAGE_DEBIAN13_TESTS	the tests to run, instead of all
#	STAGE_DEBIAN13_JOBS	how many at once; one more than there are processors by default, as many of them wait
#	STAGE_TEST_ROUNDS	how often what is random is repeated; 2 by default, as the same is done outside as well
#	BENCHMARKS, RUNS	what to measure, and how often, as for `make bench`
set -eu

what=${2-}

die() {
	printf '%s-debian13: %s\n' "$what" "$*" >&2
	exit 1
}

note() {
	printf '%s-debian13 (%s s): %s\n' "$what" "$SECONDS" "$*"
}

case $what in
check | bench) ;;
*) die "what is '$what'? allowed are check and bench" ;;
esac
[ "$(id -u)" = 0 ] || die 'NOT TESTED: it takes root, for debootstrap, mount and chroot'
# Mounts and processes of their own: whatever ends this script, nothing stays mounted and nothing runs on.
if [ -z "${STAGE_DEBIAN13_INSIDE:-}" ]; then
	STAGE_DEBIAN13_INSIDE=yes exec unshare --mount --pid --fork --kill-child -- bash "$0" "$@"
fi
unset STAGE_DEBIAN13_INSIDE
trap 'exit 130' INT TERM HUP

dist=$(cd "$1" && pwd)
top=$(cd "$(dirname "$0")/.." && pwd)
jobs=${STAGE_DEBIAN13_JOBS:-$(($(nproc) + 1))}
export STAGE_TEST_ROUNDS="${STAGE_TEST_ROUNDS:-2}"
root=${STAGE_DEBIAN13_ROOT:-/var/cache/stagedir/debian13}
complete=.stagedir-complete begun=.stagedir-begun

# The mirror that the system's own packages come from, and the proxy that it uses.
# shellcheck disable=SC2016 # it is apt that replaces this
mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Origin: Debian' 'Label: Debian' 2>/dev/null |
	grep '^http' | head -n 1)
mirror=${mirror:-http://deb.debian.org/debian}
proxy=
command -v apt-config >/dev/null && eval "$(apt-config shell proxy Acquire::http::Proxy)"
export http_proxy="${proxy:-${http_proxy:-}}"
[ -n "$http_proxy" ] || unset http_proxy

# in_root COMMAND... - with nothing of the caller's environment but what the tests are told.
in_root() {
	local name kept=()

	for name in CI STAGE_TEST_ROUNDS STAGE_TEST_SEED RUNS http_proxy; do
		[ -z "${!name:-}" ] || kept+=("$name=${!name}")
	done
	chroot "$root" env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8 \
		DEBIAN_FRONTEND=noninteractive ${kept[@]+"${kept[@]}"} "$@"
}

make_root() {
	command -v debootstrap >/dev/null || die 'debootstrap is missing (apt-get install debootstrap)'
	if [ -n "$(ls -A "$root")" ]; then
		# what is removed is what was begun here
		[ -e "$root/$begun" ] || die "$root is not empty, and was not made by this script"
		note "$root is not complete, and is made anew"
		find "$root" -xdev -mindepth 1 -delete
	fi
	note "making $root from $mirror"
	: >"$root/$begun"
	debootstrap --variant=minbase trixie "$root" "$mirror" >"$root/debootstrap.log" ||
		{ tail -n 20 "$root/debootstrap.log" >&2; die 'debootstrap failed'; }
	# no package starts a server
	printf '#!/bin/sh\nexit 101\n' >"$root/usr/sbin/policy-rc.d"
	chmod 0755 "$root/usr/sbin/policy-rc.d"
}

mount_all() {
	mount -t proc proc "$root/proc"
	mount -t sysfs sysfs "$root/sys"
	mount --rbind /dev "$root/dev"
	mount -t tmpfs -o mode=1777 tmpfs "$root/dev/shm"
	cp /etc/resolv.conf "$root/etc/resolv.conf"
}

mkdir -p "$root"
exec 9<"$root"
flock -n 9 || { note "waiting for another run in $root" && flock 9; }
mount --make-rprivate /
[ -e "$root/$complete" ] || make_root
mount_all || die "cannot mount in $root"

rm -rf --one-file-system "$root/src"
cp -a "$dist" "$root/src"
chown -R 0:0 "$root/src"
# made there, by that system's tools
rm "$root/src/configure" "$root/src/Makefile.in"

# All tests of the plugin, from the one list of them.
all_tests() {
	printf 'tests/core-tests '
	(cd "$dist" && sed -n -e '/^plugin_tests = /,/[^\\]$/s,^\t\(tests/plugin/[a-z0-9]*\.sh\).*,\1,p' tests/plugin/Makemodule.am) |
		tr '\n' ' '
}

check() {
	in_root /src/bootstrap check -j"$jobs" TESTS="${STAGE_DEBIAN13_TESTS:-$(all_tests)}" \
		check_PROGRAMS='tests/core-tests tests/spool' check_SCRIPTS= || status=$?
	# why something was not tested there
	find "$root/src/build/tests" -name '*.log' -exec grep -a -h -i -E '^SKIP: |not tested' {} + | sort -u || true
}

# Of the same files as outside.
bench() {
	mkdir -p "$root/mnt/usr"
	mount --bind /usr "$root/mnt/usr"
	mount -o remount,bind,ro "$root/mnt/usr"
	in_root BENCH_ROOT=/mnt /src/bootstrap bench ${BENCHMARKS:+BENCHMARKS="$BENCHMARKS"} || status=$?
}

note "building for: $what"
status=0
$what
: >"$root/$complete"
hosts=$(in_root python3 -c 'import sys, duplicity
print(f"duplicity {duplicity.__version__}, Python {sys.version.split()[0]}")')
note "Debian 13, $hosts: $([ $status = 0 ] && echo all passed || echo FAILED)"
[ "$what" = check ] || exit $status

note 'chains of both hosts'
DEBIAN13_ROOT=$root bash "$top/tests/mixed.sh" || status=1
exit $status
