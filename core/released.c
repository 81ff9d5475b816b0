#include "released.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "naming.h"

/* A file of this user's alone: whoever else could make one could do anything here. */
static bool
counts(const struct stage_lockdir *held, const char *name)
{
	bool this_machine, this_boot;
	struct stat stat;

	return stage_naming_is_released(name, &this_machine, &this_boot) && this_machine &&
	       (held->proves || this_boot) &&
	       fstatat(held->fd, name, &stat, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(stat.st_mode) &&
	       stat.st_uid == geteuid();
}

bool
stage_released_is(const struct stage_lockdir *held)
{
	struct dirent *entry;
	bool found = false;
	DIR *stream;
	int fd;

	fd = openat(held->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	stream = fd < 0 ? NULL : fdopendir(fd);
	if (!stream) {
		if (fd >= 0)
			close(fd);
		return false;
	}
	while (!found && (entry = readdir(stream)))
		found = counts(held, entry->d_name);
	closedir(stream);
	return found;
}

int
stage_released_set(const struct stage_lockdir *held, const char *path, struct stage_error *error)
{
	char name[STAGE_RELEASED_NAME_MAX];
	int fd, code;

	code = stage_naming_released(name, error);
	if (code < 0)
		return code;
	fd = openat(held->fd, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0 && errno != EEXIST)
		return stage_error_set(
			error, STAGE_E_SYSTEM, errno, "cannot make %s/%s", path, name);
	if (fd >= 0)
		close(fd);
	return 0;
}

bool
stage_released_take(const struct stage_lockdir *held)
{
	char name[STAGE_RELEASED_NAME_MAX];

	return stage_naming_released(name, NULL) == 0 && counts(held, name) &&
	       unlinkat(held->fd, name, 0) == 0;
}
