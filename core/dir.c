/*
 * States of a struct stage_dir, which only go down:
 *
 *	open	names are given out and tracked
 *
 *	closed	cleanup has taken the names away from the struct, and removes them without the lock
 *
 * Everything but owner, path and log is guarded by lock, held and names in `open` only. closed is
 * atomic as well, so that path needs no lock: a child of fork() must never take it, since the
 * thread that held it may not exist there.
 */
#include "dir.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "claim.h"
#include "listing.h"
#include "lockdir.h"
#include "locks.h"
#include "nameset.h"
#include "naming.h"
#include "regular.h"
#include "removable.h"

/*
 * A look at the path costs half as much as making a file. One right after another tells nothing
 * more: a swap a moment later would not be seen either. Nanoseconds.
 */
#define LOOK_INTERVAL (10 * 1000 * 1000)

/* Names that may be in use already before mkstemp gives up. */
#define ATTEMPTS 16

struct stage_dir {
	pid_t owner;
	char *path;
	struct stage_log log;

	pthread_mutex_t lock;
	atomic_bool closed;
	struct stage_lockdir held;
	struct stage_nameset names;
	struct stage_random random;
	uint64_t given;         /* names so far */
	struct timespec looked; /* when the path was last seen to lead here */
};

/* An absolute spelling of root with one slash before name. */
static char *
join_path(const char *root, const char *name)
{
	char *path, *cwd = NULL;
	size_t length = strlen(root), name_size = strlen(name) + 1, cwd_length = 0;

	while (length > 1 && root[length - 1] == '/')
		length--;
	if (root[0] != '/') {
		cwd = getcwd(NULL, 0);
		if (!cwd)
			return NULL;
		cwd_length = strlen(cwd);
	}
	path = malloc(cwd_length + 1 + length + 1 + name_size);
	if (path) {
		char *end = path;

		if (cwd) {
			memcpy(end, cwd, cwd_length);
			end += cwd_length;
			*end++ = '/';
		}
		memcpy(end, root, length);
		end += length;
		if (end[-1] != '/')
			*end++ = '/';
		memcpy(end, name, name_size);
	}
	free(cwd);
	return path;
}

static int
open_at(int root_fd, const char *root, const struct stage_log *log, struct stage_dir **ret_dir,
	struct stage_error *error)
{
	struct stage_lockdir held = STAGE_LOCKDIR_NONE;
	struct stage_dir *dir;
	int code;

	dir = calloc(1, sizeof(*dir));
	if (!dir)
		return stage_error_set(
			error, STAGE_E_MEMORY, 0, "no memory for a staging directory");
	code = stage_lockdir_create(&held, root_fd, root, error);
	if (code < 0)
		goto failed;
	dir->path = join_path(root, held.name);
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
	if (held.lock == STAGE_LOCK_UNSUPPORTED)
		stage_log_line(log, STAGE_WARNING,
			"the file system of %s cannot lock a directory: cleaners of temporary files may touch %s, and if this run is killed it stays until \"stagedir "
			"adopt\" says that it is gone",
			root, dir->path);
	else if (!held.proves)
		stage_log_line(log, STAGE_WARNING,
			"the locks of the file system of %s (%s) do not prove whether a run lives: if this one is killed, what it leaves there is neither handed off nor removed before \"stagedir adopt\" says that it is gone",
			root, stage_locks_kind(held.fd));
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

int
stage_dir_open(const char *root, const struct stage_log *log, struct stage_dir **ret_dir,
	struct stage_error *error)
{
	int root_fd, code;

	root_fd = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (root_fd < 0)
		return stage_error_set(error, STAGE_E_SYSTEM, errno,
			"cannot open the directory %s to stage in", root);
	code = open_at(root_fd, root, log, ret_dir, error);
	close(root_fd);
	return code;
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

/* Does the path still lead to the directory that we hold? */
static int
check_in_place(const struct stage_dir *dir, struct stage_error *error)
{
	return stage_lockdir_check_at(&dir->held, "staging directory", dir->path, error);
}

int
stage_dir_open_root(const struct stage_root *root, const struct stage_log *log,
	struct stage_dir **ret_dir, struct stage_error *error)
{
	struct stage_dir *dir;
	int code;

	code = open_at(root->fd, root->path, log, &dir, error);
	if (code < 0)
		return code;
	code = check_in_place(dir, error);
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
	struct stage_error failure;
	int state, code = STAGE_E_NO_ROOT;
	size_t i;

	for (state = STAGE_ROOT_GOOD; state < STAGE_ROOT_REFUSED; state++) {
		for (i = 0; i < roots->count; i++) {
			const struct stage_root *root = &roots->list[i];

			if ((int)root->state != state)
				continue;
			code = stage_dir_open_root(root, log, ret_dir, &failure);
			if (code == 0) {
				log_choice(roots, root, log);
				return 0;
			}
			stage_log_line(log, STAGE_WARNING, "temp root %s (%s) failed: %s",
				root->path, root->origin, failure.message);
		}
	}
	if (!roots->chosen)
		return stage_roots_none(roots, error);
	if (error)
		*error = failure; /* of the last one that was tried */
	return code;
}

/* To be called first, and paired with leave(), by whatever uses what lock guards. */
static int
enter(struct stage_dir *dir, struct stage_error *error)
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

static void
leave(struct stage_dir *dir)
{
	pthread_mutex_unlock(&dir->lock);
}

/* Does the path still lead here? For those who give out names, at most every LOOK_INTERVAL. */
static int
check_lately(struct stage_dir *dir, struct stage_error *error)
{
	struct timespec now;
	int code;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
	if ((now.tv_sec - dir->looked.tv_sec) * 1000000000L + now.tv_nsec - dir->looked.tv_nsec <
		LOOK_INTERVAL)
		return 0;
	code = check_in_place(dir, error);
	if (code == 0)
		dir->looked = now;
	return code;
}

int
stage_dir_root(struct stage_dir *dir, int *ret_fd, char **ret_path, struct stage_error *error)
{
	size_t length = (size_t)(strrchr(dir->path, '/') - dir->path);
	char *path;
	int code, fd;

	code = enter(dir, error);
	if (code < 0)
		return code;
	fd = fcntl(dir->held.root_fd, F_DUPFD_CLOEXEC, 3);
	if (fd < 0)
		code = stage_error_set(
			error, STAGE_E_SYSTEM, errno, "cannot hold the temp root of %s", dir->path);
	leave(dir);
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

/* Makes up a name and tracks it. */
static int
track_new(struct stage_dir *dir, enum stage_file_kind kind, char ret_name[STAGE_FILE_NAME_MAX],
	struct stage_error *error)
{
	int code;

	code = stage_naming_file(kind, &dir->random, dir->given + 1, ret_name, error);
	if (code < 0)
		return code;
	dir->given++;
	return stage_nameset_add(&dir->names, ret_name, error);
}

static int
path_of(const struct stage_dir *dir, const char *name, char **ret_path, struct stage_error *error)
{
	*ret_path = join_path(dir->path, name);
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

	code = enter(dir, error);
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
	leave(dir);
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

	code = enter(dir, error);
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
	leave(dir);
	if (code < 0)
		return code;
	stage_log_line(&dir->log, STAGE_DEBUG, "Registering (mkstemp) temporary file %s", path);
	*ret_fd = fd;
	*ret_path = path;
	return 0;
}

bool
stage_dir_gives(const struct stage_dir *dir, const char *path)
{
	size_t length = strlen(dir->path);

	return strncmp(path, dir->path, length) == 0 && path[length] == '/' && path[length + 1] &&
	       !strchr(path + length + 1, '/');
}

/* The name in a path that is tracked, checked; NULL and an error for any other. */
static const char *
tracked_name(const struct stage_dir *dir, const char *path, struct stage_error *error)
{
	const char *name = stage_dir_gives(dir, path) ? strrchr(path, '/') + 1 : NULL;

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

	code = enter(dir, error);
	if (code < 0)
		return code;
	name = tracked_name(dir, path, error);
	if (!name)
		code = STAGE_E_UNTRACKED;
	else if (stage_regular_open(dir->held.fd, name, O_WRONLY | O_CREAT | O_TRUNC, ret_fd, NULL))
		code = stage_error_set(error, STAGE_E_SYSTEM, errno, "cannot open %s", path);
	leave(dir);
	return code;
}

int
stage_dir_forget(struct stage_dir *dir, const char *path, struct stage_error *error)
{
	const char *name;
	int code;

	code = enter(dir, error);
	if (code < 0)
		return code;
	name = tracked_name(dir, path, error);
	if (name)
		stage_nameset_remove(&dir->names, name);
	leave(dir);
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

	code = enter(dir, error);
	if (code < 0)
		return code;
	name = tracked_name(dir, path, error);
	if (!name)
		code = STAGE_E_UNTRACKED;
	else if (unlinkat(dir->held.fd, name, 0) < 0 && errno != ENOENT)
		code = stage_error_set(error, STAGE_E_SYSTEM, errno, "cannot remove %s", path);
	else
		stage_nameset_remove(&dir->names, name);
	leave(dir);
	return code;
}

int
stage_dir_check(struct stage_dir *dir, struct stage_error *error)
{
	int code;

	code = enter(dir, error);
	if (code < 0)
		return code;
	code = check_in_place(dir, error);
	leave(dir);
	return code;
}

/*
 * rename(2) that fails with EEXIST rather than replace, also where the kernel cannot do that at
 * once
 */
static int
rename_exclusive(int from_fd, const char *from, int to_fd, const char *to)
{
	int sys_errno;

	if (renameat2(from_fd, from, to_fd, to, RENAME_NOREPLACE) == 0)
		return 0;
	if (errno != EINVAL && errno != ENOSYS)
		return -1;
	if (linkat(from_fd, from, to_fd, to, 0) < 0)
		return -1;
	if (unlinkat(from_fd, from, 0) == 0)
		return 0;
	sys_errno = errno;
	unlinkat(to_fd, to, 0);
	errno = sys_errno;
	return -1;
}

int
stage_dir_move(struct stage_dir *dir, const char *path, int to_dirfd, const char *to_name,
	struct stage_error *error)
{
	const char *name;
	int code;

	code = enter(dir, error);
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
	leave(dir);
	return code;
}

const char *
stage_dir_path(struct stage_dir *dir)
{
	return atomic_load(&dir->closed) ? NULL : dir->path;
}

/* Removes the tracked files; the number that could not be. */
static size_t
remove_files(const struct stage_dir *dir, const struct stage_lockdir *held,
	const struct stage_nameset *names)
{
	size_t position = 0, left = 0;
	const char *name;

	while ((name = stage_nameset_next(names, &position))) {
		stage_log_line(&dir->log, STAGE_DEBUG,
			"Removing still remembered temporary file %s/%s", dir->path, name);
		if (unlinkat(held->fd, name, 0) == 0 || errno == ENOENT)
			continue;
		stage_log_line(&dir->log, STAGE_WARNING,
			"cannot remove the temporary file %s/%s: %s", dir->path, name,
			stage_error_errno_text(errno));
		left++;
	}
	return left;
}

/* Names what is in the directory and was never tracked; how many such things there are. */
static size_t
name_strangers(const struct stage_dir *dir, const struct stage_lockdir *held,
	const struct stage_nameset *names)
{
	struct stage_listing listing;
	const struct dirent *entry;
	bool machine, boot;
	size_t count = 0;

	stage_listing_open(&listing, held->fd);
	while ((entry = stage_listing_next(&listing))) {
		if (stage_naming_is_released(entry->d_name, &machine, &boot) ||
			stage_nameset_contains(names, entry->d_name))
			continue;
		stage_removable_leave(dir->path, entry->d_name, &dir->log);
		count++;
	}
	/* that the directory stays is told already */
	(void)stage_listing_close(&listing);
	return count;
}

static size_t
remove_directory(
	const struct stage_dir *dir, struct stage_lockdir *held, const struct stage_nameset *names)
{
	size_t left = 1;
	int failed;

	failed = stage_lockdir_remove(held);
	if (failed == 0)
		return 0;
	if (failed == ESTALE)
		stage_log_line(&dir->log, STAGE_WARNING,
			"the staging directory %s was removed, moved or replaced by somebody else; its files were removed, what stands in its place was left alone",
			dir->path);
	else
		stage_log_line(&dir->log, STAGE_WARNING,
			"cannot remove the staging directory %s: %s", dir->path,
			stage_error_errno_text(failed));
	/* by whoever can, where no lock will tell that this run is gone */
	if (failed != ESTALE)
		stage_claim_leave(held, dir->path);
	if (failed == ENOTEMPTY || failed == EEXIST)
		left += name_strangers(dir, held, names);
	return left;
}

size_t
stage_dir_cleanup(struct stage_dir *dir)
{
	struct stage_lockdir held;
	struct stage_nameset names;
	size_t left;

	if (enter(dir, NULL) < 0)
		return 0;
	/* from here on the names are this thread's alone: the log is called without the lock */
	atomic_store(&dir->closed, true);
	held = dir->held;
	names = dir->names;
	dir->held = (struct stage_lockdir)STAGE_LOCKDIR_NONE;
	dir->names = (struct stage_nameset){0};
	leave(dir);

	left = remove_files(dir, &held, &names);
	left += remove_directory(dir, &held, &names);
	stage_lockdir_release(&held);
	stage_nameset_release(&names);
	return left;
}

void
stage_dir_close(struct stage_dir **dir)
{
	int saved_errno = errno;

	if (!*dir)
		return;
	stage_dir_cleanup(*dir);
	/* what cleanup took is gone from here; in a child it took nothing */
	stage_lockdir_release(&(*dir)->held);
	if (getpid() == (*dir)->owner) {
		stage_nameset_release(&(*dir)->names);
		pthread_mutex_destroy(&(*dir)->lock);
	} else if (pthread_mutex_trylock(&(*dir)->lock) == 0) {
		/*
		 * otherwise a thread that does not exist here was changing them: they are in pieces
		 */
		stage_nameset_release(&(*dir)->names);
	}
	free((*dir)->path);
	free(*dir);
	*dir = NULL;
	errno = saved_errno;
}
