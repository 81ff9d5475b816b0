# boot.sh ROOT UNIT - boots the systemd that is installed in ROOT, in namespaces of its own, until UNIT ends, which has
# SuccessAction=exit and FailureAction=exit. The exit status is 0 if it ended well. UNIT is not installed by this script. Takes root, and
# a cgroup2 file system that can be written. No setting of the kernel is changed: /proc/sys and /sys are read-only.
set -eu

root=$1 unit=$2
if [ -z "${STAGE_BOOT_INSIDE:-}" ]; then
	group=$(findmnt -n -t cgroup2 -o TARGET | head -n 1)/stagedir-boot-$RANDOM
	mkdir "$group"
	status=0
	(
		echo 0 >"$group/cgroup.procs"
		STAGE_BOOT_INSIDE=yes exec unshare --mount --pid --fork --uts --ipc --cgroup --kill-child -- bash "$0" "$@"
	) || status=$?
	find "$group" -depth -type d -exec rmdir {} + || true
	exit $status
fi

mount --bind "$root" "$root"
mount -t proc proc "$root/proc"
mount --bind "$root/proc/sys" "$root/proc/sys"
mount -o remount,bind,ro "$root/proc/sys"
mount -t sysfs -o ro sysfs "$root/sys"
mount -t tmpfs -o mode=0755 tmpfs "$root/sys/fs/cgroup"
mount -t cgroup2 cgroup2 "$root/sys/fs/cgroup"
mount -t tmpfs -o mode=0755 tmpfs "$root/run"
mount -t tmpfs -o mode=0755 tmpfs "$root/dev"
for device in full:1:7 null:1:3 random:1:8 tty:5:0 urandom:1:9 zero:1:5; do
	IFS=: read -r name major minor <<<"$device"
	mknod -m 0666 "$root/dev/$name" c "$major" "$minor"
done
mkdir "$root/dev/pts"
mount -t devpts -o newinstance,ptmxmode=0666 devpts "$root/dev/pts"
ln -s pts/ptmx "$root/dev/ptmx"
mkdir -m 1777 "$root/dev/shm"
ln -s /proc/self/fd "$root/dev/fd"
# Units with namespaces of their own need more than chroot: the root of the mounts. Credentials need it shared.
cd "$root"
pivot_root . .
umount -l .
mount --make-rshared /
exec env -i container=stagedir PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 \
	/lib/systemd/systemd --log-target=journal --show-status=no --unit="$unit" </dev/null >/dev/null 2>&1
