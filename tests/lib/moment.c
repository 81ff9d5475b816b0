/*
 * moment - has a process stop itself at a moment that does not depend on how fast it is
 *
 * To be loaded by LD_PRELOAD into a run of the host: into a program whose name begins with "python",
 * and into nothing that this starts. Those of its calls are counted that open a file, or change one,
 * or change a directory. With the call of number $MOMENT_AT, before it has any effect, the process
 * stops as by SIGSTOP. Where it ends by itself the file $MOMENT_COUNT gets two numbers: of the call
 * that made the first staging directory (0: there was none), and of the last call.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

static pid_t process; /* 0 where this one is not counted */
static atomic_long count, staging;
static long at;
static const char *result;

__attribute__((constructor)) static void
begin(void)
{
	const char *number = getenv("MOMENT_AT");

	if (strncmp(program_invocation_short_name, "python", 6) != 0)
		return;
	process = getpid();
	at = number ? strtol(number, NULL, 10) : 0;
	result = getenv("MOMENT_COUNT");
	unsetenv("LD_PRELOAD");
}

__attribute__((destructor)) static void
end(void)
{
	FILE *out;

	if (!result || process != getpid())
		return;
	process = 0;
	out = fopen(result, "we");
	if (!out || fprintf(out, "%ld %ld\n", atomic_load(&staging), atomic_load(&count)) < 0 ||
		fclose(out) != 0)
		abort();
}

static void
step(void)
{
	if (process && process == getpid() && atomic_fetch_add(&count, 1) + 1 == at)
		kill(process, SIGSTOP);
}

/* A call that makes a directory. */
static void
step_to_directory(const char *path)
{
	const char *name = strrchr(path, '/');
	long none = 0;

	step();
	if (strncmp(name ? name + 1 : path, "stagedir-", 9) == 0)
		atomic_compare_exchange_strong(&staging, &none, atomic_load(&count));
}

/* What stands before the C library's. */
#pragma GCC visibility push(default)

/* A function of that name, which calls the library's behind BEFORE. */
#define STEP(before, type, name, parameters, arguments)                                            \
	type name parameters;                                                                      \
	type name parameters                                                                       \
	{                                                                                          \
		type(*real) parameters;                                                            \
                                                                                                   \
		*(void **)&real = dlsym(RTLD_NEXT, #name);                                         \
		before;                                                                            \
		return real arguments;                                                             \
	}

STEP(step(), ssize_t, write, (int fd, const void *data, size_t size), (fd, data, size))
STEP(step(), int, ftruncate64, (int fd, off64_t size), (fd, size))
STEP(step(), int, fsync, (int fd), (fd))
STEP(step_to_directory(path), int, mkdir, (const char *path, mode_t mode), (path, mode))
STEP(step_to_directory(path), int, mkdirat, (int dir, const char *path, mode_t mode),
	(dir, path, mode))
STEP(step(), int, rmdir, (const char *path), (path))
STEP(step(), int, unlink, (const char *path), (path))
STEP(step(), int, unlinkat, (int dir, const char *path, int flags), (dir, path, flags))
STEP(step(), int, link, (const char *old, const char *new), (old, new))
STEP(step(), int, linkat, (int from, const char *old, int to, const char *new, int flags),
	(from, old, to, new, flags))
STEP(step(), int, rename, (const char *old, const char *new), (old, new))
STEP(step(), int, renameat, (int from, const char *old, int to, const char *new),
	(from, old, to, new))
STEP(step(), int, renameat2,
	(int from, const char *old, int to, const char *new, unsigned int flags),
	(from, old, to, new, flags))

static int
open_at(int dir, const char *path, int flags, va_list rest)
{
	bool makes = (flags & O_CREAT) || (flags & O_TMPFILE) == O_TMPFILE;
	mode_t mode = makes ? va_arg(rest, mode_t) : 0;
	int (*real)(int, const char *, int, ...);

	*(void **)&real = dlsym(RTLD_NEXT, "openat64");
	step();
	return real(dir, path, flags, mode);
}

/* One that opens a file, which takes a mode where it makes one. */
#define STEP_TO_OPEN(name, parameters, dir)                                                        \
	int name parameters;                                                                       \
	int name parameters                                                                        \
	{                                                                                          \
		va_list rest;                                                                      \
		int fd;                                                                            \
                                                                                                   \
		va_start(rest, flags);                                                             \
		fd = open_at(dir, path, flags, rest);                                              \
		va_end(rest);                                                                      \
		return fd;                                                                         \
	}

STEP_TO_OPEN(open, (const char *path, int flags, ...), AT_FDCWD)
STEP_TO_OPEN(open64, (const char *path, int flags, ...), AT_FDCWD)
STEP_TO_OPEN(openat, (int dir, const char *path, int flags, ...), dir)
STEP_TO_OPEN(openat64, (int dir, const char *path, int flags, ...), dir)
