#include "regular.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

static int
open_file(int dirfd, const char *name, int flags)
{
	int fd;

	/* FUSE and NFS let a signal end it */
	do
		fd = openat(dirfd, name, flags | O_NOFOLLOW | O_CLOEXEC, 0600);
	while (fd < 0 && errno == EINTR);
	return fd;
}

int
stage_regular_open(int dirfd, const char *name, int flags, int *ret_fd, struct stat *ret_stat)
{
	struct stat stat;
	int fd, sys_errno;

	fd = open_file(dirfd, name, flags | O_NONBLOCK | O_NOCTTY);
	if (fd < 0) /* a link; a socket, or a FIFO to be written; a directory to be written */
		return errno == ELOOP || errno == ENXIO || errno == EISDIR ? STAGE_E_DAMAGED
									   : STAGE_E_SYSTEM;
	if (fstat(fd, &stat) < 0) {
		sys_errno = errno;
		close(fd);
		errno = sys_errno;
		return STAGE_E_SYSTEM;
	}
	if (!S_ISREG(stat.st_mode)) {
		close(fd);
		errno = S_ISDIR(stat.st_mode) ? EISDIR : ENXIO;
		return STAGE_E_DAMAGED;
	}
	*ret_fd = fd;
	if (ret_stat)
		*ret_stat = stat;
	return 0;
}

int
stage_regular_make(int dirfd, const char *name, int flags)
{
	return open_file(dirfd, name, flags | O_CREAT | O_EXCL);
}

bool
stage_regular_is_own(int dirfd, const char *name, struct stat *ret_stat)
{
	if (fstatat(dirfd, name, ret_stat, AT_SYMLINK_NOFOLLOW) < 0)
		return false;
	errno = 0;
	return S_ISREG(ret_stat->st_mode) && ret_stat->st_uid == geteuid();
}
