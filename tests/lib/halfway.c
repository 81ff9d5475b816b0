/*
 * halfway - has a backup stop itself in the middle of its source, wherever the machine's speed has it by then
 *
 * To be loaded by LD_PRELOAD into a run of the host: into a program whose name begins with "python", and into nothing
 * that this starts, but beside what else is preloaded. It counts the bytes that are read of files below $HALFWAY_SOURCE,
 * a path without links. With the read(2) that comes to $HALFWAY_BYTES the process stops as by SIGSTOP.
 */
#include <dlfcn.h>
#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

static pid_t process; /* 0 where this one is not counted */
static atomic_long left;
static const char *source;

__attribute__((constructor)) static void
begin(void)
{
	const char *bytes = getenv("HALFWAY_BYTES");

	source = getenv("HALFWAY_SOURCE");
	if (!source || !bytes || strncmp(program_invocation_short_name, "python", 6) != 0)
		return;
	process = getpid();
	atomic_store(&left, strtol(bytes, NULL, 10));
	unsetenv("LD_PRELOAD");
}

static bool
is_of_source(int fd)
{
	char link[64], path[4096];
	ssize_t length;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	length = readlink(link, path, sizeof(path) - 1);
	if (length < 0)
		return false;
	path[length] = '\0';
	return strncmp(path, source, strlen(source)) == 0 && path[strlen(source)] == '/';
}

ssize_t read(int fd, void *data, size_t size) __attribute__((visibility("default")));

ssize_t
read(int fd, void *data, size_t size)
{
	static ssize_t (*real)(int, void *, size_t);
	ssize_t got;
	long before;

	if (!real)
		*(void **)&real = dlsym(RTLD_NEXT, "read");
	got = real(fd, data, size);
	if (got > 0 && process && process == getpid() && is_of_source(fd)) {
		before = atomic_fetch_sub(&left, got);
		if (before > 0 && before <= got)
			kill(process, SIGSTOP);
	}
	return got;
}
