#include "filesystem.h"

#include <errno.h>
#include <linux/magic.h>
#include <sys/statvfs.h>
#include <sys/vfs.h>

static int
ask(int fd, struct statvfs *ret_system)
{
	int result;

	do
		result = fstatvfs(fd, ret_system);
	while (result < 0 && errno == EINTR);
	return result;
}

int
stage_filesystem_free(int fd, uint64_t *ret_bytes)
{
	struct statvfs system;
	int result = ask(fd, &system);

	if (result == 0)
		*ret_bytes = (uint64_t)system.f_bavail * system.f_frsize;
	return result;
}

bool
stage_filesystem_has_files(int fd)
{
	struct statvfs system;

	return ask(fd, &system) < 0 || system.f_files == 0 || system.f_favail > 0;
}

/* 0 where it cannot be asked. */
static unsigned long
type_of(int fd)
{
	struct statfs system;

	return fstatfs(fd, &system) == 0 ? (unsigned long)system.f_type : 0;
}

bool
stage_filesystem_is_memory(int fd)
{
	const unsigned long type = type_of(fd);

	return type == TMPFS_MAGIC || type == RAMFS_MAGIC;
}

bool
stage_filesystem_is_layered(int fd)
{
	return type_of(fd) == OVERLAYFS_SUPER_MAGIC;
}

static bool
same_time(struct timespec a, struct timespec b)
{
	return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

bool
stage_filesystem_same_times(const struct stat *a, const struct stat *b)
{
	return same_time(a->st_mtim, b->st_mtim) && same_time(a->st_ctim, b->st_ctim);
}
