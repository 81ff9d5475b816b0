#include "staging/home.h"

#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

static int
open_home(const char *home)
{
	return open(home, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

/* True when it is on disk. */
static bool
sync_file(int dirfd, const char *name)
{
	bool synced;
	int fd;

	fd = openat(dirfd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (fd < 0)
		return false;
	synced = fsync(fd) == 0;
	close(fd);
	return synced;
}

bool
home_sync_manifest(const char *home, const char *manifest)
{
	int dirfd = open_home(home);
	bool synced;

	if (dirfd < 0)
		return false;
	synced = sync_file(dirfd, manifest) && fsync(dirfd) == 0;
	close(dirfd);
	return synced;
}

void
home_sync(const char *home)
{
	int dirfd = open_home(home);
	DIR *stream = dirfd < 0 ? NULL : fdopendir(dirfd);
	const struct dirent *entry;

	if (!stream) {
		if (dirfd >= 0)
			close(dirfd);
		return;
	}
	while ((entry = readdir(stream)))
		if (entry->d_type == DT_REG || entry->d_type == DT_UNKNOWN)
			(void)sync_file(dirfd, entry->d_name);
	(void)fsync(dirfd);
	closedir(stream);
}
