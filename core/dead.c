#include "dead.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#include "naming.h"

/* Looks at a spool that somebody else is just looking at, before it is busy; 1 ms apart. */
#define HOLD_ATTEMPTS 100

/*
 * Locks the directory if nobody else holds it. Those who only look at it (orphan.c) have a shared
 * lock, and not for long: they are waited for.
 */
static enum stage_lock
lock_idle(struct stage_held *held)
{
	const struct timespec pause = {.tv_nsec = 1000 * 1000};
	int attempts;

	for (attempts = 0; attempts < HOLD_ATTEMPTS; attempts++) {
		if (stage_held_lock(held, LOCK_EX) != STAGE_LOCK_TAKEN ||
			stage_held_lock(held, LOCK_SH) == STAGE_LOCK_TAKEN)
			break;
		stage_held_lock(held, LOCK_UN);
		held->lock = STAGE_LOCK_TAKEN;
		nanosleep(&pause, NULL);
	}
	return held->lock;
}

static int
fail_foreign(const char *path, const char *why, struct stage_error *error)
{
	return stage_error_set(error, STAGE_E_ARGUMENT, 0, "the spool %s %s", path, why);
}

/* Tells why the directory name in root_fd could not be opened. */
static int
fail_to_find(int root_fd, const char *name, const char *path, struct stage_error *error)
{
	int sys_errno = errno;
	struct stat stat;

	if (sys_errno == ENOTDIR || sys_errno == ELOOP)
		return fail_foreign(path, "is not a directory", error);
	if (sys_errno == EACCES && fstatat(root_fd, name, &stat, AT_SYMLINK_NOFOLLOW) == 0 &&
		stat.st_uid != geteuid())
		return fail_foreign(path, "is another user's", error);
	return stage_error_set(error, STAGE_E_SYSTEM, sys_errno, "cannot open the spool %s", path);
}

/* Opens the directory name in root, and locks it if it can. */
static int
find(struct stage_held *held, const char *root, const char *name, const char *path,
	struct stage_error *error)
{
	int root_fd, code = 0;

	root_fd = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (root_fd < 0)
		return stage_error_set(
			error, STAGE_E_SYSTEM, errno, "cannot open the temp root %s", root);
	if (stage_held_find(held, root_fd, name, LOCK_EX) < 0)
		code = fail_to_find(root_fd, name, path, error);
	close(root_fd);
	return code;
}

/* Holds the directory if it is a dead run's. */
static int
hold(struct stage_held *held, const char *root, const char *name, const char *path,
	struct stage_error *error)
{
	int code, failed;

	code = find(held, root, name, path, error);
	if (code < 0)
		return code;
	if (held->stat.st_uid != geteuid())
		return fail_foreign(path, "is another user's", error);
	switch (held->lock == STAGE_LOCK_TAKEN ? lock_idle(held) : held->lock) {
	case STAGE_LOCK_UNSUPPORTED:
		return fail_foreign(path,
			"cannot be locked, so that nobody can tell whether its run lives", error);
	case STAGE_LOCK_TAKEN:
		return stage_error_set(
			error, STAGE_E_BUSY, 0, "the spool %s is in use by a live run", path);
	case STAGE_LOCK_OURS:
		break;
	}
	failed = stage_held_look_at(held, path);
	if (failed == ESTALE) /* whoever had it before us has just removed it */
		return stage_error_set(error, STAGE_E_SYSTEM, ENOENT, "the spool %s is gone", path);
	if (failed)
		return stage_error_set(error, STAGE_E_SYSTEM, failed,
			"cannot tell whether the spool %s is where it was", path);
	return 0;
}

int
stage_dead_hold(
	const char *path, struct stage_held *held, char **ret_root, struct stage_error *error)
{
	const char *slash = strrchr(path, '/');
	bool this_machine;
	char *root;
	pid_t pid;
	int code;

	if (path[0] != '/' || !stage_naming_is_dir(slash + 1, &pid, &this_machine) || !this_machine)
		return stage_error_set(error, STAGE_E_ARGUMENT, 0,
			"%s is not the absolute path of a staging directory of this machine", path);
	root = strndup(path, slash == path ? 1 : (size_t)(slash - path));
	if (!root)
		return stage_error_set(error, STAGE_E_MEMORY, 0, "no memory to look for %s", path);
	code = hold(held, root, slash + 1, path, error);
	if (code == 0)
		*ret_root = root;
	else
		free(root);
	return code;
}
