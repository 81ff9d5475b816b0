/*
 * paused - a reader of staged files that stands still
 *
 * To be loaded by LD_PRELOAD into a process that reads staged files: when it has opened the first one, the
 * file "$STAGE_TEST_PAUSE.reached" is made, and it does not go on while "$STAGE_TEST_PAUSE" is there.
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

__attribute__((visibility("default"))) int openat(int dirfd, const char *path, int flags, ...);
__attribute__((visibility("default"), alias("openat"))) int openat64(
	int dirfd, const char *path, int flags, ...);

static void
stand_still(void)
{
	const char *pause = getenv("STAGE_TEST_PAUSE");
	static bool done;
	char reached[4096];

	if (!pause || done)
		return;
	done = true;
	snprintf(reached, sizeof(reached), "%s.reached", pause);
	close(open(reached, O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
	while (access(pause, F_OK) == 0)
		usleep(10000);
}

int
openat(int dirfd, const char *path, int flags, ...)
{
	static int (*real)(int, const char *, int, ...);
	va_list arguments;
	mode_t mode = 0;
	int fd;

	if (!real)
		*(void **)&real = dlsym(RTLD_NEXT, "openat");
	va_start(arguments, flags);
	if (flags & O_CREAT)
		mode = va_arg(arguments, mode_t);
	va_end(arguments);
	fd = real(dirfd, path, flags, mode);
	if (fd >= 0 && strncmp(path, "staged-", strlen("staged-")) == 0)
		stand_still();
	return fd;
}
