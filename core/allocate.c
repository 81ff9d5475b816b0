#include "allocate.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <sys/stat.h>
#include <unistd.h>

#include "durable.h"
#include "filesystem.h"

/* Less than this is not tried for. */
#define LEAST_BYTES ((uint64_t)64 * 1024)

/* As stage_allocate(), on any file system. Not posix_fallocate(3), which writes where the file system cannot allocate. */
static bool
allocate(int fd, uint64_t offset, uint64_t bytes)
{
	int result;

	if (bytes == 0 || offset > INT64_MAX || bytes > INT64_MAX - offset)
		return true;
	do
		result = fallocate(fd, FALLOC_FL_KEEP_SIZE, (off_t)offset, (off_t)bytes);
	while (result < 0 && errno == EINTR);
	return result == 0 || !stage_durable_is_full(errno);
}

bool
stage_allocate(int fd, uint64_t offset, uint64_t bytes)
{
	uint64_t room;

	if (stage_filesystem_free(fd, &room) == 0 && room < bytes) {
		errno = ENOSPC;
		return false;
	}
	return stage_filesystem_is_memory(fd) || allocate(fd, offset, bytes);
}

uint64_t
stage_allocate_possible(int fd, uint64_t bytes)
{
	uint64_t room;

	if (stage_filesystem_free(fd, &room) < 0)
		room = bytes;
	if (stage_filesystem_is_memory(fd) || stage_filesystem_is_layered(fd))
		return room < bytes ? room : bytes;
	while (bytes >= LEAST_BYTES && (bytes > room || !allocate(fd, 0, bytes))) {
		stage_allocate_end(fd);
		bytes /= 2;
	}
	stage_allocate_end(fd);
	return bytes < LEAST_BYTES ? 0 : bytes;
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
