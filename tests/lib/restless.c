/*
 * restless - files that change, or fail, while they are read
 *
 * To be loaded by LD_PRELOAD into a process that reads files. What happens to a file its name says,
 * once it is read at OFFSET or behind:
 *
 *	fault-eio-OFFSET	cannot be read there, ever (EIO)
 *	fault-once-OFFSET	could not be read, once
 *	fault-shrink-OFFSET	is cut to OFFSET bytes and one before it is read further
 *	fault-grow-OFFSET	is 100000 bytes longer when it is read further
 *	fault-gone-		is removed before it is opened
 *	fault-denied-		cannot be opened (EACCES)
 *
 * Each happens once a file in the life of the process, but for the first and the last.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

__attribute__((visibility("default"))) ssize_t read(int fd, void *buffer, size_t size);
__attribute__((visibility("default"))) int open(const char *path, int flags, ...);
__attribute__((visibility("default"), alias("open"))) int open64(const char *path, int flags, ...);

/* Did it happen to the file of this inode? Marks it. */
static bool
happened(int fd)
{
	static ino_t seen[64];
	static size_t count;
	struct stat stat;
	size_t i;

	if (fstat(fd, &stat) < 0 || count == 64)
		return true;
	for (i = 0; i < count; i++)
		if (seen[i] == stat.st_ino)
			return true;
	seen[count++] = stat.st_ino;
	return false;
}

static void
grow(const char *path)
{
	static const char bytes[100000] = "grown";
	int fd = openat(AT_FDCWD, path, O_WRONLY | O_APPEND | O_CLOEXEC);

	if (fd < 0 || write(fd, bytes, sizeof(bytes)) != (ssize_t)sizeof(bytes))
		abort();
	close(fd);
}

/*
 * What is to happen before so many bytes are read? True: it fails, with errno. Of what is before OFFSET it is read up to
 * there: so it does not matter how much a reader asks for at once.
 */
static bool
fails(int fd, const char *path, const char *fault, size_t *size)
{
	const char *number = strrchr(fault, '-');
	off_t at = atol(number + 1), position = lseek(fd, 0, SEEK_CUR);

	if (position < at) {
		if (*size > (size_t)(at - position))
			*size = (size_t)(at - position);
		return false;
	}
	errno = EIO;
	if (strncmp(fault, "/fault-eio-", 11) == 0)
		return true;
	if (happened(fd))
		return false;
	if (strncmp(fault, "/fault-shrink-", 14) == 0 && truncate(path, at + 1) < 0)
		abort();
	if (strncmp(fault, "/fault-grow-", 12) == 0)
		grow(path);
	errno = EIO;
	return strncmp(fault, "/fault-once-", 12) == 0;
}

ssize_t
read(int fd, void *buffer, size_t size)
{
	static ssize_t (*real)(int, void *, size_t);
	char link[64], path[PATH_MAX];
	const char *fault;
	ssize_t length;
	int before = errno;

	if (!real)
		*(void **)&real = dlsym(RTLD_NEXT, "read");
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	length = readlink(link, path, sizeof(path) - 1);
	path[length > 0 ? length : 0] = '\0';
	fault = strstr(path, "/fault-");
	if (fault && fails(fd, path, fault, &size))
		return -1;
	errno = before;
	return real(fd, buffer, size);
}

static int
open_or_not(const char *path, int flags, mode_t mode)
{
	if ((flags & O_ACCMODE) == O_RDONLY && strstr(path, "/fault-gone-"))
		unlink(path);
	if (strstr(path, "/fault-denied-")) {
		errno = EACCES;
		return -1;
	}
	return openat(AT_FDCWD, path, flags, mode);
}

int
open(const char *path, int flags, ...)
{
	va_list list;
	mode_t mode;

	va_start(list, flags);
	mode = flags & O_CREAT ? va_arg(list, mode_t) : 0;
	va_end(list);
	return open_or_not(path, flags, mode);
}
