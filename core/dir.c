#include "dir_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

int
stage_dir_check_in_place(const struct stage_dir *dir, struct stage_error *error)
{
	return stage_lockdir_check_at(&dir->held, "staging directory", dir->path, error);
}

int
stage_dir_enter(struct stage_dir *dir, struct stage_error *error)
{
	if (getpid() != dir->owner)
		return stage_error_set(error, STAGE_E_FORKED, 0,
			"the staging directory %s belongs to process %ld, not to its child",
			dir->path, (long)dir->owner);
	pthread_mutex_lock(&dir->lock);
	if (!atomic_load(&dir->closed))
		return 0;
	pthread_mutex_unlock(&dir->lock);
	return stage_error_set(error, STAGE_E_CLOSED, 0,
		"the staging directory %s was cleaned up already", dir->path);
}

void
stage_dir_leave(struct stage_dir *dir)
{
	pthread_mutex_unlock(&dir->lock);
}

int
stage_dir_check(struct stage_dir *dir, struct stage_error *error)
{
	int code;

	code = stage_dir_enter(dir, error);
	if (code < 0)
		return code;
	code = stage_dir_check_in_place(dir, error);
	stage_dir_leave(dir);
	return code;
}

const char *
stage_dir_path(struct stage_dir *dir)
{
	return atomic_load(&dir->closed) ? NULL : dir->path;
}

int
stage_dir_root(struct stage_dir *dir, int *ret_fd, char **ret_path, struct stage_error *error)
{
	size_t length = (size_t)(strrchr(dir->path, '/') - dir->path);
	char *path;
	int code, fd;

	code = stage_dir_enter(dir, error);
	if (code < 0)
		return code;
	fd = fcntl(dir->held.root_fd, F_DUPFD_CLOEXEC, 3);
	if (fd < 0)
		code = stage_error_set(
			error, STAGE_E_SYSTEM, errno, "cannot hold the temp root of %s", dir->path);
	stage_dir_leave(dir);
	if (code < 0)
		return code;
	path = strndup(dir->path, length ? length : 1); /* the root directory keeps its slash */
	if (!path) {
		close(fd);
		return stage_error_set(error, STAGE_E_MEMORY, 0, "no memory for a path");
	}
	*ret_fd = fd;
	*ret_path = path;
	return 0;
}
