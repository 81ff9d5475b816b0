#include "allocate.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <sys/stat.h>
#include <unistd.h>

#include "durable.h"

/* Not posix_fallocate(3), which writes where the file system cannot allocate. */
bool
stage_allocate(int fd, uint64_t bytes)
{
	int result;

	if (bytes == 0 || bytes > INT64_MAX)
		return true;
	do
		result = fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, (off_t)bytes);
	while (result < 0 && errno == EINTR);
	if (result == 0 || !stage_durable_is_full(errno))
		return true;
	stage_allocate_end(fd);
	return false;
}

void
stage_allocate_end(int fd)
{
	int saved_errno = errno, result;
	struct stat stat;

	if (fstat(fd, &stat) == 0)
		do
			result = ftruncate(fd, stat.st_size);
		while (result < 0 && errno == EINTR);
	errno = saved_errno;
}
