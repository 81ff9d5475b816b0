/*
 * noallocation - to be loaded by LD_PRELOAD: no file system can allocate space (fallocate(2)), as on
 * NFS before 4.2
 */
#include <errno.h>
#include <sys/types.h>

int fallocate(int fd, int mode, off_t offset, off_t size) __attribute__((visibility("default")));
int fallocate64(int fd, int mode, off_t offset, off_t size) __attribute__((visibility("default")));

int
fallocate(int fd, int mode, off_t offset, off_t size)
{
	(void)fd;
	(void)mode;
	(void)offset;
	(void)size;
	errno = EOPNOTSUPP;
	return -1;
}

int
fallocate64(int fd, int mode, off_t offset, off_t size)
{
	return fallocate(fd, mode, offset, size);
}
