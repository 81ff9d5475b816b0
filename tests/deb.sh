# deb.sh DIST - the package for Debian: built in a clean root of each release that HOST names, checked by lintian, and tried in
# another clean root. Run by `make deb`, as root. The folder DIST, what make distdir made, is the upstream source.
#
#	make deb				for Debian 12
#	make deb HOST='debian12 debian13 sid'	for these, in this order
#
#	STAGE_DEB_ROOTS		what the names of the kept roots begin with; /var/cache/stagedir-deb- by default
#
# The packages are in the folder deb/HOST of the build. Their version gets ~deb12 or ~deb13 behind it, so that an upgrade of
# Debian upgrades the package too. The root of a release is a bare Debian, and nothing is installed in it: each build and each
# trial is made in a layer on top (overlayfs), which is thrown away.
set -eu

what=deb hosts=${HOST:-debian12}

die() {
	printf '%s: %s\n' "$what" "$*" >&2
	exit 1
}

note() {
	printf '%s (%s s): %s\n' "$what" "$SECONDS" "$*"
}

[ "$(id -u)" = 0 ] || die 'NOT BUILT: it takes root, for debootstrap, mount and chroot'
command -v debootstrap >/dev/null || die 'NOT BUILT: debootstrap is missing (apt-get install debootstrap)'
# Mounts and processes of their own: whatever ends this script, nothing stays mounted and nothing runs on.
if [ -z "${STAGE_DEB_INSIDE:-}" ]; then
	STAGE_DEB_INSIDE=yes exec unshare --mount --pid --fork --kill-child -- bash "$0" "$@"
fi
unset STAGE_DEB_INSIDE
trap 'exit 130' INT TERM HUP

dist=$(cd "$1" && pwd)
roots=${STAGE_DEB_ROOTS:-/var/cache/stagedir-deb-}
. "$dist/tests/lib/roots.sh" || exit 1
for host in $hosts; do
	case $host in
	debian12 | debian13 | sid) ;;
	*) die "what is HOST=$host? allowed are debian12, debian13, sid" ;;
	esac
done

# install_in_root PACKAGE... - a package or a file of one, and what it depends on.
install_in_root() {
	in_root apt-get -qq install -y --no-install-recommends -o Dpkg::Use-Pty=0 "$@" >"$to/apt.log" 2>&1 || {
		tail -n 20 "$to/apt.log" >&2
		return 1
	}
}

# close_layer - $layer is thrown away.
close_layer() {
	! mountpoint -q "$layer/root" || umount -R -l "$layer/root"
	rm -rf --one-file-system "$layer"
}

# open_layer NAME - $root becomes a layer over the root of $host.
open_layer() {
	layer=$roots$host.$1
	close_layer
	mkdir -p "$layer/upper" "$layer/work" "$layer/root"
	mount -t overlay overlay -o "lowerdir=$base,upperdir=$layer/upper,workdir=$layer/work" "$layer/root"
	root=$layer/root
	mount_all
	in_root apt-get -qq update
}

# version - of the package, for $host.
version() {
	local release

	release=$(sed -n 's/^VERSION_ID="\(.*\)"/\1/p' "$root/etc/os-release")
	sed -n -e "s/^stagedir (\(.*\)) .*/\1${release:+~deb$release}/p" -e 1q "$dist/debian/changelog"
}

# copy_source - DIST, as the tarball of a release, and unpacked.
copy_source() {
	local name=${dist##*/}

	mkdir "$root/build"
	tar -C "${dist%/*}" --sort=name --owner=0 --group=0 -cJf "$root/build/${name/-/_}.orig.tar.xz" "$name"
	tar -C "$root/build" -xf "$root/build/${name/-/_}.orig.tar.xz"
	source=/build/$name
	sed -i "1s/(.*)/($version)/" "$root$source/debian/changelog"
}

# build - by another user than root, who can write nothing but the source.
build() {
	open_layer build
	version=$(version)
	copy_source
	note "$host: building stagedir $version"
	install_in_root dpkg-dev lintian
	in_root sh -c "cd $source && apt-get -qq build-dep -y --no-install-recommends -o Dpkg::Use-Pty=0 ./" >"$to/apt.log" 2>&1 || {
		tail -n 20 "$to/apt.log" >&2
		return 1
	}
	in_root useradd -m builder
	in_root chown -R builder: /build
	in_root runuser -u builder -- sh -c "cd $source && dpkg-buildpackage -us -uc" >"$to/build.log" 2>&1 || {
		tail -n 40 "$to/build.log" >&2
		return 1
	}
	cp "$root"/build/stagedir*"$version"* "$root"/build/*.orig.tar.xz "$to/"
	note "$host: lintian"
	in_root runuser -u builder -- sh -c 'lintian --fail-on error,warning --info /build/*.changes' >"$to/lintian.log" 2>&1 || {
		cat "$to/lintian.log" >&2
		return 1
	}
	close_layer
}

# files - all that there are in $root, but what apt and dpkg keep for themselves. Byte code has no time of its own.
files() {
	(cd "$root" && find . -xdev \( -path ./var/lib/apt -o -path ./var/lib/dpkg -o -path ./var/cache -o -path ./var/log \
		-o -path ./deb -o -path ./proc -o -path ./sys -o -path ./dev \) -prune -o -print | sort)
}

# nothing_left - the package is purged, with what was installed for it, and $root is as it was before.
nothing_left() {
	in_root apt-get -qq purge -y --autoremove stagedir >"$to/purge.log" 2>&1
	! grep -q 'files of backups wait' "$to/purge.log" || die "$host: purging the package tells of what is not there"
	files >"$to/after"
	diff "$to/before" "$to/after" >&2 || die "$host: this is left when the package has been purged"
	! in_root dpkg-query -W stagedir 2>/dev/null || die "$host: dpkg knows the package that was purged"
}

# newer PACKAGE VERSION - the same package, with another version.
newer() {
	dpkg-deb -R "$1" "$root/deb/newer"
	sed -i "s/^Version: .*/Version: $2/" "$root/deb/newer/DEBIAN/control"
	dpkg-deb --root-owner-group -b "$root/deb/newer" "$root/deb/newer.deb" >/dev/null
	rm -r "$root/deb/newer"
}

# plain_backup - of the root's /etc, by the package, to storage that is a folder; restored without the plugin.
plain_backup() {
	in_root sh -euc '
		duplicity full --no-encryption /etc stage+file:///srv/plain
		duplicity verify --compare-data --no-encryption file:///srv/plain /etc
		rm -rf /srv/plain /root/.cache/duplicity' >"$to/run.log" 2>&1 || {
		cat "$to/run.log" >&2
		return 1
	}
}

# units - as they are installed, in a systemd that is booted: debian/tests/units.
units() {
	install_in_root systemd
	printf '%s\n' '[Unit]' SuccessAction=exit FailureAction=exit SuccessActionExitStatus=0 FailureActionExitStatus=1 '[Service]' \
		Type=oneshot 'ExecStart=sh /deb/source/debian/tests/units' Environment=HOME=/root \
		StandardOutput=truncate:/deb/units.log StandardError=inherit >"$root/etc/systemd/system/stagedir-test.service"
	bash "$dist/tests/lib/boot.sh" "$root" stagedir-test.service || {
		cat "$root/deb/units.log" >&2
		return 1
	}
	cat "$root/deb/units.log"
}

# staged_and_purged - the package is purged while volumes wait: they stay, and are told; with the package again they are handed off.
staged_and_purged() {
	local folder

	in_root sh -euc 'mkdir -p /srv/waits.control && echo vol3 >/srv/waits.control/hang
		head -c 5000000 /dev/urandom >/srv/random
		PYTHONPATH=/deb/source/tests/lib/site duplicity full --no-encryption --volsize 1 /srv/random stage+odd:///srv/waits \
			>/dev/null 2>&1 &
		until [ "$(stagedir status --json | grep -o "\"state\": *\"staged\"" | wc -l)" -ge 2 ]; do
			kill -0 $! && sleep 0.1
		done
		kill -9 $!'
	folder=$(cd "$root" && find var/tmp -name 'staged-*' -printf '/%h\n' | sort -u)
	in_root apt-get -qq purge -y stagedir >"$to/purge.log" 2>&1
	grep -q -F "$folder" "$to/purge.log" || die "$host: purging the package does not tell of $folder: $(cat "$to/purge.log")"
	[ -n "$(find "$root$folder" -name 'staged-*')" ] || die "$host: purging the package removes what waits in $folder"
	install_in_root /deb/stagedir.deb
	in_root sh -euc 'rm /srv/waits.control/hang
		export PYTHONPATH=/deb/source/tests/lib/site
		stagedir flush
		duplicity --no-encryption --volsize 1 /srv/random stage+odd:///srv/waits
		duplicity verify --compare-data --no-encryption file:///srv/waits /srv/random
		rm -rf /srv/waits /srv/waits.control /srv/waits.log /srv/random /root/.cache/duplicity' >"$to/run.log" 2>&1 || {
		cat "$to/run.log" >&2
		return 1
	}
}

try() {
	open_layer try
	note "$host: trying stagedir $version"
	mkdir "$root/deb"
	cp "$to"/stagedir_"$version"_*.deb "$root/deb/stagedir.deb"
	cp -a "$dist" "$root/deb/source"
	install_in_root duplicity
	in_root apt-get -qq autoremove -y >/dev/null 2>&1
	# what duplicity and gpg leave by themselves is none of the package's
	in_root sh -euc 'mkdir /root/.cache && duplicity --version && gpg --list-keys' >/dev/null 2>&1
	files >"$to/before"

	install_in_root /deb/stagedir.deb
	in_root dpkg --verify stagedir
	in_root sh -c "cd /deb/source && nice sh debian/tests/continued"
	plain_backup

	note "$host: upgrade, removal, purge"
	echo 'min_free = 1M' >>"$root/etc/stagedir.conf"
	newer "$root/deb/stagedir.deb" "$version+newer"
	install_in_root /deb/newer.deb
	grep -q '^min_free = 1M$' "$root/etc/stagedir.conf" || die "$host: an upgrade changes stagedir.conf"
	plain_backup
	in_root apt-get -qq remove -y stagedir >"$to/purge.log" 2>&1
	[ -e "$root/etc/stagedir.conf" ] || die "$host: removing the package removes stagedir.conf"
	nothing_left
	install_in_root /deb/stagedir.deb
	staged_and_purged
	nothing_left
	install_in_root /deb/stagedir.deb
	units
	close_layer
}

for host in $hosts; do
	base=$roots$host to=${builddir:?}/deb/$host
	rm -rf "$to"
	mkdir -p "$to"
	root=$base
	open_root || die "$host: NOT BUILT"
	unmount_all
	build
	try
	rm -f "$to/apt.log" "$to/run.log" "$to/before" "$to/after"
	note "$host: $(cd "$to" && echo *.deb): built, without errors and warnings of lintian, installed, used, upgraded, purged"
done
