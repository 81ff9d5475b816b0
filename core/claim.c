#include "claim.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "locks.h"
#include "naming.h"
#include "released.h"

static int
fail_foreign(const char *path, const char *why, struct stage_error *error)
{
	return stage_error_set(error, STAGE_E_ARGUMENT, 0, "the spool %s %s", path, why);
}

static int
fail_live(const char *path, struct stage_error *error)
{
	return stage_error_set(
		error, STAGE_E_BUSY, 0, "the spool %s is in use by a live run", path);
}

static int
fail_unproven(const struct stage_lockdir *held, const char *path, struct stage_error *error)
{
	if (held->lock == STAGE_LOCK_UNSUPPORTED)
		return fail_foreign(path,
			"cannot be locked, so that nobody can tell whether its run lives", error);
	if (stage_naming_is_shared(held->name))
		return fail_foreign(
			path, "was made where locks do not prove that its run is gone", error);
	return stage_error_set(error, STAGE_E_ARGUMENT, 0,
		"the spool %s is on a file system (%s) whose locks do not prove that its run is gone",
		path, stage_locks_kind(held->fd));
}

enum stage_owner
stage_claim_owner(const struct stage_lockdir *held, bool this_machine)
{
	bool proven = held->proves && held->lock != STAGE_LOCK_UNSUPPORTED, released;

	if (held->stat.st_uid != geteuid())
		return STAGE_OWNER_OTHER_USER;
	released = (!this_machine || !proven) && stage_released_is(held);
	if (!this_machine && !released)
		return STAGE_OWNER_OTHER_MACHINE;
	if (held->lock == STAGE_LOCK_TAKEN)
		return STAGE_OWNER_LIVE;
	return proven || released ? STAGE_OWNER_DEAD : STAGE_OWNER_UNKNOWN;
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

/* Opens the directory at path, which is in root, and looks whether it is locked. */
static int
find(struct stage_lockdir *held, const char *root, const char *path, struct stage_error *error)
{
	const char *name = strrchr(path, '/') + 1;
	int root_fd, code = 0;

	root_fd = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (root_fd < 0)
		return stage_error_set(
			error, STAGE_E_SYSTEM, errno, "cannot open the temp root %s", root);
	if (stage_lockdir_look(held, root_fd, name) < 0)
		code = fail_to_find(root_fd, name, path, error);
	close(root_fd);
	if (code == 0 && held->stat.st_uid != geteuid())
		code = fail_foreign(path, "is another user's", error);
	return code;
}

int
stage_claim_take(struct stage_lockdir *held, const char *path, struct stage_error *error)
{
	bool proven = held->proves;

	switch (stage_lockdir_take(held)) {
	case STAGE_LOCK_TAKEN:
		return fail_live(path, error);
	case STAGE_LOCK_UNSUPPORTED:
		proven = false;
		break;
	case STAGE_LOCK_OURS:
		break;
	}
	if (proven || stage_released_take(held))
		return 0;
	return fail_unproven(held, path, error);
}

void
stage_claim_leave(const struct stage_lockdir *held, const char *path)
{
	bool this_machine;
	pid_t pid;

	stage_naming_is_dir(held->name, &pid, &this_machine);
	if (this_machine && held->proves && held->lock != STAGE_LOCK_UNSUPPORTED)
		return;
	if (!stage_released_is(held))
		stage_released_set(held, path, NULL);
}

/* The path of the temp root that path, of a staging directory, is in; the caller frees. */
static int
root_of(const char *path, char **ret_root, bool *ret_this_machine, struct stage_error *error)
{
	const char *slash = strrchr(path, '/');
	pid_t pid;

	if (path[0] != '/' || !stage_naming_is_dir(slash + 1, &pid, ret_this_machine))
		return stage_error_set(error, STAGE_E_ARGUMENT, 0,
			"%s is not the absolute path of a staging directory", path);
	*ret_root = strndup(path, slash == path ? 1 : (size_t)(slash - path));
	if (!*ret_root)
		return stage_error_set(error, STAGE_E_MEMORY, 0, "no memory to look for %s", path);
	return 0;
}

/* Claims what find() has found. Nobody else can take it over while we look where it is. */
static int
claim(struct stage_lockdir *held, const char *path, struct stage_error *error)
{
	int code, failed;

	code = stage_claim_take(held, path, error);
	if (code < 0)
		return code;
	failed = stage_lockdir_look_at(held, path);
	if (!failed)
		return 0;
	stage_claim_leave(held, path);
	if (failed == ESTALE) /* whoever had it before has just removed it */
		return stage_error_set(error, STAGE_E_SYSTEM, ENOENT, "the spool %s is gone", path);
	return stage_error_set(error, STAGE_E_SYSTEM, failed,
		"cannot tell whether the spool %s is where it was", path);
}

/* Opens the directory, and claims it if it is a dead run's. */
static int
hold(struct stage_lockdir *held, const char *root, const char *path, bool this_machine,
	struct stage_error *error)
{
	int code;

	code = find(held, root, path, error);
	if (code < 0)
		return code;
	switch (stage_claim_owner(held, this_machine)) {
	case STAGE_OWNER_LIVE:
	case STAGE_OWNER_DEAD:
		break; /* the claim tells */
	case STAGE_OWNER_OTHER_USER:
	case STAGE_OWNER_OTHER_MACHINE:
		return fail_foreign(path, "is another machine's", error);
	case STAGE_OWNER_UNKNOWN:
		return fail_unproven(held, path, error);
	}
	return claim(held, path, error);
}

/* Opens the directory at path, claimed or not. */
static int
open_at(const char *path, bool claimed, struct stage_lockdir *held, char **ret_root,
	struct stage_error *error)
{
	bool this_machine;
	char *root;
	int code;

	code = root_of(path, &root, &this_machine, error);
	if (code < 0)
		return code;
	code = claimed ? hold(held, root, path, this_machine, error)
		       : find(held, root, path, error);
	if (code == 0)
		*ret_root = root;
	else
		free(root);
	return code;
}

int
stage_claim_hold(
	const char *path, struct stage_lockdir *held, char **ret_root, struct stage_error *error)
{
	return open_at(path, true, held, ret_root, error);
}

int
stage_claim_look(
	const char *path, struct stage_lockdir *held, char **ret_root, struct stage_error *error)
{
	return open_at(path, false, held, ret_root, error);
}

int
stage_claim_release(
	struct stage_lockdir *held, const char *path, bool sure, struct stage_error *error)
{
	switch (stage_lockdir_take(held)) {
	case STAGE_LOCK_TAKEN:
		return fail_live(path, error);
	case STAGE_LOCK_UNSUPPORTED:
		if (!sure)
			return fail_unproven(held, path, error);
		break;
	case STAGE_LOCK_OURS:
		if (!held->proves && !sure)
			return fail_unproven(held, path, error);
		break;
	}
	return stage_released_set(held, path, error);
}
