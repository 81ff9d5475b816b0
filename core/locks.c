#include "locks.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <sys/file.h>
#include <sys/vfs.h>
#include <unistd.h>

/* By what statfs(2) tells; the numbers are the kernel's, and for ever. */
static const struct kind {
	unsigned long number;
	const char *name;
	bool proves;
} kinds[] = {
	{0xef53, "ext", true}, /* ext2, ext3, ext4 */
	{0x58465342, "XFS", true},
	{0x9123683e, "Btrfs", true},
	{0x01021994, "tmpfs", true},
	{0x858458f6, "ramfs", true},
	{0x794c7630, "overlayfs", true}, /* to mount an upper directory twice is undefined anyway */
	{0xf2f52010, "F2FS", true},
	{0x2fc12fc1, "ZFS", true},
	{0xca451a4e, "bcachefs", true},
	{0x3153464a, "JFS", true},
	{0x52654973, "ReiserFS", true},
	{0x3434, "NILFS", true},
	{0x24051905, "UBIFS", true},
	{0x65735546, "FUSE", false}, /* virtiofs too */
	{0x6969, "NFS", false},
	{0xff534d42, "CIFS", false},
	{0xfe534d42, "SMB", false},
	{0x517b, "SMB", false},
	{0x01021997, "9p", false},
	{0x5346414f, "AFS", false},
	{0x6b414653, "AFS", false},
	{0x00c36400, "Ceph", false},
	{0x0bd00bd0, "Lustre", false},
	{0x01161970, "GFS2", false},
	{0x7461636f, "OCFS2", false},
	{0x47504653, "GPFS", false},
	{0x786f4256, "vboxsf", false},
	{0xbacbacbc, "vmhgfs", false},
	{0xf15f, "eCryptfs", false},
};

/* NULL where the kind is not known, or cannot be told. */
static const struct kind *
find_kind(int fd)
{
	struct statfs statfs;
	int result;
	size_t i;

	do
		result = fstatfs(fd, &statfs);
	while (result < 0 && errno == EINTR);
	/* the type is signed here, and unsigned there: 32 bits of it count */
	for (i = 0; result == 0 && i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (((unsigned long)statfs.f_type & 0xffffffff) == kinds[i].number)
			return &kinds[i];
	return NULL;
}

bool
stage_locks_prove(int fd)
{
	const struct kind *kind = find_kind(fd);

	return kind && kind->proves;
}

bool
stage_locks_exclude(int fd)
{
	int other, result, sys_errno;

	other = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (other < 0)
		return true; /* want of descriptors says nothing of the file system */
	do
		result = flock(other, LOCK_SH | LOCK_NB);
	while (result < 0 && errno == EINTR);
	sys_errno = errno;
	close(other);
	return result < 0 && sys_errno == EWOULDBLOCK;
}

const char *
stage_locks_kind(int fd)
{
	const struct kind *kind = find_kind(fd);

	return kind ? kind->name : "another kind";
}
