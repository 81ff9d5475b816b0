#include "durable.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

void
stage_durable_begin(int fd)
{
	(void)sync_file_range(fd, 0, 0, SYNC_FILE_RANGE_WRITE);
}

int
stage_durable_file(int fd)
{
	int result;

	do
		result = fsync(fd);
	while (result < 0 && errno == EINTR);
	return result;
}

int
stage_durable_folder(int fd)
{
	if (stage_durable_file(fd) == 0 || errno == EINVAL || errno == ENOTSUP)
		return 0;
	return -1;
}

int
stage_durable_folder_path(int fd, int below)
{
	int readable, result, sys_errno;

	readable = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (readable < 0)
		return syncfs(below);
	result = stage_durable_folder(readable);
	sys_errno = errno;
	close(readable);
	errno = sys_errno;
	return result;
}

bool
stage_durable_has_taken(int fd)
{
	if (sync_file_range(fd, 0, 1, SYNC_FILE_RANGE_WAIT_BEFORE) == 0)
		return true;
	/* what else there is - a file system without it, a filter of system calls - tells nothing of the disk */
	return errno != EIO && errno != ESTALE && !stage_durable_is_full(errno);
}

bool
stage_durable_is_full(int sys_errno)
{
	return sys_errno == ENOSPC || sys_errno == EDQUOT;
}
