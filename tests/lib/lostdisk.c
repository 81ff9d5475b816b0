/*
 * lostdisk - a disk that tells only at fsync(2) that it had no room for a staged volume
 *
 * To be loaded by LD_PRELOAD into a process that stages volumes. With $LOSTDISK "lose N", fsync() of
 * the Nth file named staged-... answers ENOSPC, once, and its first bytes are zeros from then on, as
 * they are on a disk that has not taken them when the page cache is dropped. With "keep N" it
 * answers the same, and the file is as it was. Whatever comes later is well, as the kernel has it.
 *
 * With "write ERRNO" each write(2) to a file named mktemp-... answers that, once it has 1 MB.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

__attribute__((visibility("default"))) int fsync(int fd);
__attribute__((visibility("default"))) ssize_t write(int fd, const void *data, size_t size);

/* Is this the first fsync() of the Nth file? */
static bool
is_the_one(int fd, unsigned long number)
{
	static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
	static unsigned long count;
	static ino_t last;
	struct stat stat;
	bool result = false;

	if (fstat(fd, &stat) < 0)
		abort();
	pthread_mutex_lock(&lock);
	if (stat.st_ino != last) {
		last = stat.st_ino;
		result = ++count == number;
	}
	pthread_mutex_unlock(&lock);
	return result;
}

/* fd may be for reading only. */
static void
lose(const char *path)
{
	static const char zeros[65536];
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0 || write(fd, zeros, sizeof(zeros)) != (ssize_t)sizeof(zeros))
		abort();
	close(fd);
}

/* The path of what fd has open; is its name one of these? */
static bool
is_named(int fd, const char *begin, char path[PATH_MAX])
{
	const char *base;
	ssize_t length;
	char link[64];

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	length = readlink(link, path, PATH_MAX - 1);
	path[length > 0 ? length : 0] = '\0';
	base = strrchr(path, '/');
	return base && strncmp(base + 1, begin, strlen(begin)) == 0;
}

ssize_t
write(int fd, const void *data, size_t size)
{
	static ssize_t (*real)(int, const void *, size_t);
	const char *what = getenv("LOSTDISK");
	char path[PATH_MAX];
	struct stat stat;

	if (!real)
		*(void **)&real = dlsym(RTLD_NEXT, "write");
	if (!what || what[0] != 'w' || !is_named(fd, "mktemp-", path) || fstat(fd, &stat) < 0 ||
		stat.st_size < 1000000)
		return real(fd, data, size);
	errno = (int)strtol(strchr(what, ' '), NULL, 10);
	return -1;
}

int
fsync(int fd)
{
	static int (*real)(int);
	const char *what = getenv("LOSTDISK");
	char path[PATH_MAX];

	if (!real)
		*(void **)&real = dlsym(RTLD_NEXT, "fsync");
	if (!what || what[0] == 'w' || !is_named(fd, "staged-", path) ||
		!is_the_one(fd, strtoul(strchr(what, ' '), NULL, 10)))
		return real(fd);
	if (real(fd) < 0)
		abort();
	if (what[0] == 'l')
		lose(path);
	errno = ENOSPC;
	return -1;
}
