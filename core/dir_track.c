#include "dir_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "path.h"
#include "regular.h"

/*
 * A check of the path costs half as much as making a file. One right after another tells nothing
 * more: a swap a moment later would not be seen either. Nanoseconds.
 */
#define CHECK_INTERVAL (10 * 1000 * 1000)

/* Names that may be in use already before mkstemp gives up. */
#define ATTEMPTS 16

/* Does the path still lead here? For those who give out names, at most every CHECK_INTERVAL. */
static int
check_lately(struct stage_dir *dir, struct stage_error *error)
{
	struct timespec now;
	int code;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
	if ((now.tv_sec - dir->checked.tv_sec) * 1000000000L + now.tv_nsec - dir->checked.tv_nsec <
		CHECK_INTERVAL)
		return 0;
	code = stage_dir_check_in_place(dir, error);
	if (code == 0)
		dir->checked = now;
	return code;
}

/* Makes up a name and tracks it. */
static int
track_new(struct stage_dir *dir, enum stage_file_kind kind, char ret_name[STAGE_FILE_NAME_MAX],
	struct stage_error *error)
{
	int code;

	code = stage_naming_file(kind, &dir->random, dir->names_made + 1, ret_name, error);
	if (code < 0)
		return code;
	dir->names_made++;
	return stage_nameset_add(&dir->names, ret_name, error);
}

static int
path_of(const struct stage_dir *dir, const char *name, char **ret_path, struct stage_error *error)
{
	*ret_path = stage_path_join(dir->path, name);
	return *ret_path ? 0
			 : stage_error_set(
				   error, STAGE_E_MEMORY, 0, "no memory for the path of %s", name);
}

int
stage_dir_mktemp(struct stage_dir *dir, char **ret_path, struct stage_error *error)
{
	char name[STAGE_FILE_NAME_MAX];
	char *path = NULL;
	int code;

	code = stage_dir_enter(dir, error);
	if (code < 0)
		return code;
	code = check_lately(dir, error);
	if (code == 0)
		code = track_new(dir, STAGE_MKTEMP, name, error);
	if (code == 0) {
		code = path_of(dir, name, &path, error);
		if (code < 0)
			stage_nameset_remove(&dir->names, name);
	}
	stage_dir_leave(dir);
	if (code < 0)
		return code;
	stage_log_line(&dir->log, STAGE_DEBUG, "Registering (mktemp) temporary file %s", path);
	*ret_path = path;
	return 0;
}

/* Tracks first, then makes: at no moment is there a file that cleanup would not know. */
static int
make_file(struct stage_dir *dir, char ret_name[STAGE_FILE_NAME_MAX], int *ret_fd,
	struct stage_error *error)
{
	int attempt, code, fd, sys_errno = EEXIST;

	for (attempt = 0; attempt < ATTEMPTS; attempt++) {
		code = track_new(dir, STAGE_MKSTEMP, ret_name, error);
		if (code < 0)
			return code;
		fd = stage_regular_make(dir->held.fd, ret_name, O_RDWR);
		if (fd >= 0) {
			*ret_fd = fd;
			return 0;
		}
		sys_errno = errno;
		stage_nameset_remove(&dir->names, ret_name);
		/*
		 * a file of that name, 65 random bits and a count, was made by somebody: not ours
		 */
		if (sys_errno != EEXIST)
			break;
	}
	return stage_error_set(
		error, STAGE_E_SYSTEM, sys_errno, "cannot make a file in %s", dir->path);
}

int
stage_dir_mkstemp(struct stage_dir *dir, int *ret_fd, char **ret_path, struct stage_error *error)
{
	char name[STAGE_FILE_NAME_MAX];
	char *path = NULL;
	int code, fd = -1;

	code = stage_dir_enter(dir, error);
	if (code < 0)
		return code;
	code = check_lately(dir, error);
	if (code == 0)
		code = make_file(dir, name, &fd, error);
	if (code == 0) {
		code = path_of(dir, name, &path, error);
		if (code < 0) {
			close(fd);
			unlinkat(dir->held.fd, name, 0);
			stage_nameset_remove(&dir->names, name);
		}
	}
	stage_dir_leave(dir);
	if (code < 0)
		return code;
	stage_log_line(&dir->log, STAGE_DEBUG, "Registering (mkstemp) temporary file %s", path);
	*ret_fd = fd;
	*ret_path = path;
	return 0;
}

bool
stage_dir_contains(const struct stage_dir *dir, const char *path)
{
	size_t length = strlen(dir->path);

	return strncmp(path, dir->path, length) == 0 && path[length] == '/' && path[length + 1] &&
	       !strchr(path + length + 1, '/');
}

/* The name in a path that is tracked, checked; NULL and an error for any other. */
static const char *
tracked_name(const struct stage_dir *dir, const char *path, struct stage_error *error)
{
	const char *name = stage_dir_contains(dir, path) ? strrchr(path, '/') + 1 : NULL;

	if (name && stage_nameset_contains(&dir->names, name))
		return name;
	stage_error_set(error, STAGE_E_UNTRACKED, 0,
		"%s is not tracked by the staging directory %s", path, dir->path);
	return NULL;
}

int
stage_dir_create(struct stage_dir *dir, const char *path, int *ret_fd, struct stage_error *error)
{
	const char *name;
	int code;

	code = stage_dir_enter(dir, error);
	if (code < 0)
		return code;
	name = tracked_name(dir, path, error);
	if (!name)
		code = STAGE_E_UNTRACKED;
	else if (stage_regular_open(dir->held.fd, name, O_WRONLY | O_CREAT | O_TRUNC, ret_fd, NULL))
		code = stage_error_set(error, STAGE_E_SYSTEM, errno, "cannot open %s", path);
	stage_dir_leave(dir);
	return code;
}

int
stage_dir_forget(struct stage_dir *dir, const char *path, struct stage_error *error)
{
	const char *name;
	int code;

	code = stage_dir_enter(dir, error);
	if (code < 0)
		return code;
	name = tracked_name(dir, path, error);
	if (name)
		stage_nameset_remove(&dir->names, name);
	stage_dir_leave(dir);
	if (!name)
		return STAGE_E_UNTRACKED;
	stage_log_line(&dir->log, STAGE_DEBUG, "Forgetting temporary file %s", path);
	return 0;
}

int
stage_dir_remove(struct stage_dir *dir, const char *path, struct stage_error *error)
{
	const char *name;
	int code;

	code = stage_dir_enter(dir, error);
	if (code < 0)
		return code;
	name = tracked_name(dir, path, error);
	if (!name)
		code = STAGE_E_UNTRACKED;
	else if (unlinkat(dir->held.fd, name, 0) < 0 && errno != ENOENT)
		code = stage_error_set(error, STAGE_E_SYSTEM, errno, "cannot remove %s", path);
	else
		stage_nameset_remove(&dir->names, name);
	stage_dir_leave(dir);
	return code;
}

/* Can nobody but this user make a name in the directory? */
static bool
is_private(int dirfd)
{
	struct stat stat;

	return fstatat(dirfd, ".", &stat, 0) == 0 && stat.st_uid == geteuid() &&
	       !(stat.st_mode & (S_IWGRP | S_IWOTH));
}

/*
 * rename(2) into a private directory, after a look. Nobody can make the name between the two calls but this
 * user, whose runs give none twice (naming.h).
 */
static int
rename_after_look(int from_fd, const char *from, int to_fd, const char *to)
{
	struct stat stat;

	if (fstatat(to_fd, to, &stat, AT_SYMLINK_NOFOLLOW) == 0)
		errno = EEXIST;
	else if (errno == ENOENT)
		return renameat(from_fd, from, to_fd, to);
	return -1;
}

/* The same by a hard link, which never replaces, and needs no private directory. */
static int
rename_by_link(int from_fd, const char *from, int to_fd, const char *to)
{
	int sys_errno;

	if (linkat(from_fd, from, to_fd, to, 0) < 0)
		return -1;
	if (unlinkat(from_fd, from, 0) == 0)
		return 0;
	sys_errno = errno;
	unlinkat(to_fd, to, 0);
	errno = sys_errno;
	return -1;
}

/* Does an error of renameat2(2) say that there is no RENAME_NOREPLACE here, or may it? */
static bool
may_be_unsupported(int sys_errno)
{
	return sys_errno == EINVAL || sys_errno == ENOSYS || sys_errno == EOPNOTSUPP ||
	       sys_errno == EPERM;
}

/*
 * rename(2) that fails with EEXIST rather than replace, also where the kernel or the file system cannot do
 * that at once: bindfs, fuse2fs and other FUSE file systems answer EINVAL. Some of these have no hard links
 * either. Behind bindfs the two names of a file are two files to its cache and to locks. So a link is only
 * made where others could make the name.
 */
static int
rename_exclusive(int from_fd, const char *from, int to_fd, const char *to)
{
	if (renameat2(from_fd, from, to_fd, to, RENAME_NOREPLACE) == 0)
		return 0;
	if (!may_be_unsupported(errno))
		return -1;
	if (is_private(to_fd))
		return rename_after_look(from_fd, from, to_fd, to);
	return rename_by_link(from_fd, from, to_fd, to);
}

int
stage_dir_move(struct stage_dir *dir, const char *path, int to_dirfd, const char *to_name,
	struct stage_error *error)
{
	const char *name;
	int code;

	code = stage_dir_enter(dir, error);
	if (code < 0)
		return code;
	name = tracked_name(dir, path, error);
	if (!name)
		code = STAGE_E_UNTRACKED;
	else if (rename_exclusive(dir->held.fd, name, to_dirfd, to_name) < 0)
		code = stage_error_set(
			error, STAGE_E_SYSTEM, errno, "cannot move %s to %s", path, to_name);
	else
		stage_nameset_remove(&dir->names, name);
	stage_dir_leave(dir);
	return code;
}
