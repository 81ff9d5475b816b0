#include "dir_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "locks.h"
#include "path.h"

/* Where no lock will tell that this run is gone, somebody has to. */
static void
warn_of_locks(const struct stage_dir *dir, const char *root)
{
	if (dir->held.lock == STAGE_LOCK_UNSUPPORTED)
		stage_log_line(&dir->log, STAGE_WARNING,
			"the file system of %s cannot lock a directory: cleaners of temporary files may touch %s, and if this run is killed it stays until \"stagedir "
			"adopt\" says that it is gone",
			root, dir->path);
	else if (!dir->held.proves)
		stage_log_line(&dir->log, STAGE_WARNING,
			"the locks of the file system of %s (%s) do not prove whether a run lives: if this one is killed, what it leaves there is neither handed off nor removed before \"stagedir adopt\" says that it is gone",
			root, stage_locks_kind(dir->held.fd));
}

static int
open_at(int root_fd, const char *root, bool is_lenient, const struct stage_log *log,
	struct stage_dir **ret_dir, struct stage_error *error)
{
	struct stage_lockdir held = {.root_fd = -1, .fd = -1, .is_lenient = is_lenient};
	struct stage_dir *dir;
	char *absolute;
	int code;

	dir = calloc(1, sizeof(*dir));
	if (!dir)
		return stage_error_set(
			error, STAGE_E_MEMORY, 0, "no memory for a staging directory");
	code = stage_lockdir_create(&held, root_fd, root, error);
	if (code < 0)
		goto failed;
	absolute = stage_path_absolute(root);
	if (absolute)
		dir->path = stage_path_join(absolute, held.name);
	free(absolute);
	if (!dir->path) {
		code = stage_error_set(error, STAGE_E_SYSTEM, errno,
			"cannot tell the path of a staging directory in %s", root);
		goto failed;
	}
	code = pthread_mutex_init(&dir->lock, NULL);
	if (code) {
		code = stage_error_set(error, STAGE_E_SYSTEM, code, "cannot make a lock");
		goto failed;
	}
	dir->owner = getpid();
	dir->held = held;
	if (log)
		dir->log = *log;
	if (!is_lenient)
		warn_of_locks(dir, root);
	*ret_dir = dir;
	return 0;

failed:
	if (held.fd >= 0)
		stage_lockdir_remove(&held);
	stage_lockdir_release(&held);
	free(dir->path);
	free(dir);
	return code;
}

static int
open_path(const char *root, bool is_lenient, const struct stage_log *log,
	struct stage_dir **ret_dir, struct stage_error *error)
{
	int root_fd, code;

	root_fd = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (root_fd < 0)
		return stage_error_set(error, STAGE_E_SYSTEM, errno,
			"cannot open the directory %s to stage in", root);
	code = open_at(root_fd, root, is_lenient, log, ret_dir, error);
	close(root_fd);
	return code;
}

int
stage_dir_open(const char *root, const struct stage_log *log, struct stage_dir **ret_dir,
	struct stage_error *error)
{
	return open_path(root, false, log, ret_dir, error);
}

int
stage_dir_open_lenient(const char *root, const struct stage_log *log, struct stage_dir **ret_dir,
	struct stage_error *error)
{
	return open_path(root, true, log, ret_dir, error);
}

static void
log_choice(const struct stage_roots *roots, const struct stage_root *chosen,
	const struct stage_log *log)
{
	const struct stage_root *root;

	for (root = roots->list; root < chosen; root++)
		/* that a root somebody asked for is not used must not go unseen */
		stage_log_line(log, strcmp(root->origin, "default") ? STAGE_NOTICE : STAGE_INFO,
			"temp root %s (%s) is not used: %s", root->path, root->origin,
			root->reason ? root->reason : "it failed");
	stage_log_line(
		log, STAGE_INFO, "staging in temp root %s (%s)", chosen->path, chosen->origin);
	if (chosen->state != STAGE_ROOT_GOOD)
		stage_log_line(log, STAGE_WARNING,
			"staging in %s for want of a better temp root: %s", chosen->path,
			chosen->reason ? chosen->reason : "it is a last resort");
}

int
stage_dir_open_root(const struct stage_root *root, const struct stage_log *log,
	struct stage_dir **ret_dir, struct stage_error *error)
{
	struct stage_dir *dir;
	int code;

	code = open_at(root->fd, root->path, false, log, &dir, error);
	if (code < 0)
		return code;
	code = stage_dir_check_in_place(dir, error);
	if (code == 0)
		*ret_dir = dir;
	else
		stage_dir_close(&dir);
	return code;
}

int
stage_dir_open_ranked(const struct stage_roots *roots, const struct stage_log *log,
	struct stage_dir **ret_dir, struct stage_error *error)
{
	const struct stage_root *root = NULL;
	struct stage_error failure;
	int code = STAGE_E_NO_ROOT;

	while ((root = stage_roots_next(roots, root))) {
		code = stage_dir_open_root(root, log, ret_dir, &failure);
		if (code == 0) {
			log_choice(roots, root, log);
			return 0;
		}
		stage_log_line(log, STAGE_WARNING, "temp root %s (%s) failed: %s", root->path,
			root->origin, failure.message);
	}
	if (!roots->chosen)
		return stage_roots_none(roots, error);
	if (error)
		*error = failure; /* of the last one that was tried */
	return code;
}
