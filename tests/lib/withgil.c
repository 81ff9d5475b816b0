/*
 * withgil - names the calls that may wait for a disk and are made while Python's other threads stand still
 *
 * To be loaded by LD_PRELOAD into a host with the plugin. Each call of the functions below that is made by
 * _stagedir.abi3.so, in a thread that holds the interpreter's lock (the GIL), is a line in the file $WITHGIL:
 *
 *	FUNCTION OFFSET
 *
 * with the offset in _stagedir.abi3.so behind the call, for addr2line(1). Nothing else changes.
 */
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define EXPORTED __attribute__((visibility("default")))

/* Does this thread hold the GIL? Asked of the interpreter that has loaded us, if it is one. */
static int
has_gil(void)
{
	static int (*check)(void);

	if (!check)
		*(void **)&check = dlsym(RTLD_DEFAULT, "PyGILState_Check");
	return check && check();
}

static void
look(const char *function, const void *caller)
{
	const char *name = getenv("WITHGIL");
	int before = errno;
	char line[128];
	Dl_info found;
	int length;
	long fd;

	if (!name || !dladdr(caller, &found) || !strstr(found.dli_fname, "/_stagedir.abi3.so") ||
		!has_gil())
		goto done;
	length = snprintf(line, sizeof(line), "%s 0x%lx\n", function,
		(unsigned long)((const char *)caller - (const char *)found.dli_fbase) - 1);
	fd = syscall(SYS_openat, AT_FDCWD, name, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0 || syscall(SYS_write, fd, line, length) != length)
		abort();
	syscall(SYS_close, fd);
done:
	errno = before;
}

#define WATCH(type, function, parameters, ...)                                                     \
	EXPORTED type function parameters;                                                         \
	type function parameters                                                                   \
	{                                                                                          \
		static type(*real) parameters;                                                     \
                                                                                                   \
		if (!real)                                                                         \
			*(void **)&real = dlsym(RTLD_NEXT, #function);                             \
		look(#function, __builtin_return_address(0));                                      \
		return real(__VA_ARGS__);                                                          \
	}

WATCH(int, close, (int fd), fd)
WATCH(ssize_t, read, (int fd, void *data, size_t size), fd, data, size)
WATCH(ssize_t, pread, (int fd, void *data, size_t size, off_t at), fd, data, size, at)
WATCH(ssize_t, write, (int fd, const void *data, size_t size), fd, data, size)
WATCH(int, fsync, (int fd), fd)
WATCH(int, fdatasync, (int fd), fd)
WATCH(int, fallocate, (int fd, int mode, off_t at, off_t size), fd, mode, at, size)
WATCH(int, ftruncate, (int fd, off_t size), fd, size)
WATCH(int, flock, (int fd, int operation), fd, operation)
WATCH(int, fstat, (int fd, struct stat *stat), fd, stat)
WATCH(int, stat, (const char *path, struct stat *stat), path, stat)
WATCH(int, lstat, (const char *path, struct stat *stat), path, stat)
WATCH(int, fstatat, (int fd, const char *path, struct stat *stat, int flags), fd, path, stat, flags)
WATCH(int, fstatfs, (int fd, struct statfs *stat), fd, stat)
WATCH(int, fstatvfs, (int fd, struct statvfs *stat), fd, stat)
WATCH(int, faccessat, (int fd, const char *path, int mode, int flags), fd, path, mode, flags)
WATCH(ssize_t, readlinkat, (int fd, const char *path, char *data, size_t size), fd, path, data,
	size)
WATCH(int, mkdirat, (int fd, const char *path, mode_t mode), fd, path, mode)
WATCH(int, unlink, (const char *path), path)
WATCH(int, unlinkat, (int fd, const char *path, int flags), fd, path, flags)
WATCH(int, linkat, (int from_fd, const char *from, int to_fd, const char *to, int flags), from_fd,
	from, to_fd, to, flags)
WATCH(int, renameat, (int from_fd, const char *from, int to_fd, const char *to), from_fd, from,
	to_fd, to)
WATCH(int, renameat2,
	(int from_fd, const char *from, int to_fd, const char *to, unsigned int flags), from_fd,
	from, to_fd, to, flags)
WATCH(struct dirent *, readdir, (DIR * stream), stream)
WATCH(int, nanosleep, (const struct timespec *time, struct timespec *left), time, left)

static mode_t
mode_of(int flags, va_list list)
{
	return flags & (O_CREAT | O_TMPFILE) ? va_arg(list, mode_t) : 0;
}

EXPORTED int open(const char *path, int flags, ...);
int
open(const char *path, int flags, ...)
{
	va_list list;
	mode_t mode;

	va_start(list, flags);
	mode = mode_of(flags, list);
	va_end(list);
	look("open", __builtin_return_address(0));
	return (int)syscall(SYS_openat, AT_FDCWD, path, flags, mode);
}

EXPORTED int openat(int fd, const char *path, int flags, ...);
int
openat(int fd, const char *path, int flags, ...)
{
	va_list list;
	mode_t mode;

	va_start(list, flags);
	mode = mode_of(flags, list);
	va_end(list);
	look("openat", __builtin_return_address(0));
	return (int)syscall(SYS_openat, fd, path, flags, mode);
}
