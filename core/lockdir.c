/*
 * The order in create is what makes it safe beside a reclaimer: between mkdir and flock the new
 * directory looks like an orphan. A reclaimer takes its lock first, so either it finds ours taken,
 * or we find its - or the directory gone - and start again with another name.
 */
#include "lockdir.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#include "locks.h"

/* A name collides never, a reclaimer hardly ever: so many failures have another reason. */
#define ATTEMPTS 16

/* Looks at a directory that somebody else is just looking at, before it is taken; 1 ms apart. */
#define TAKE_ATTEMPTS 100

static bool
same_inode(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

static enum stage_lock
try_lock(int fd, int operation)
{
	int result;

	do
		result = flock(fd, operation | LOCK_NB);
	while (result < 0 && errno == EINTR);
	if (result == 0)
		return STAGE_LOCK_OURS;
	return errno == EWOULDBLOCK ? STAGE_LOCK_TAKEN : STAGE_LOCK_UNSUPPORTED;
}

enum stage_lock
stage_lockdir_lock(struct stage_lockdir *held, int operation)
{
	held->lock = try_lock(held->fd, operation);
	return held->lock;
}

enum stage_lock
stage_lockdir_take(struct stage_lockdir *held)
{
	const struct timespec pause = {.tv_nsec = 1000 * 1000};
	int attempts;

	for (attempts = 0; attempts < TAKE_ATTEMPTS; attempts++) {
		if (stage_lockdir_lock(held, LOCK_EX) != STAGE_LOCK_TAKEN ||
			stage_lockdir_lock(held, LOCK_SH) == STAGE_LOCK_TAKEN)
			break;
		stage_lockdir_lock(held, LOCK_UN);
		held->lock = STAGE_LOCK_TAKEN;
		nanosleep(&pause, NULL);
	}
	if (held->lock == STAGE_LOCK_OURS && !stage_locks_exclude(held->fd))
		held->lock = STAGE_LOCK_UNSUPPORTED;
	return held->lock;
}

int
stage_lockdir_find(struct stage_lockdir *held, int root_fd, const char *name, int operation)
{
	strncpy(held->name, name, sizeof(held->name) - 1);
	held->name[sizeof(held->name) - 1] = '\0';
	held->root_fd = fcntl(root_fd, F_DUPFD_CLOEXEC, 3);
	if (held->root_fd < 0)
		goto failed;
	held->fd = openat(root_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (held->fd < 0 || fstat(held->fd, &held->stat) < 0)
		goto failed;
	held->proves = !stage_naming_is_shared(name) && stage_locks_prove(held->fd);
	held->lock = try_lock(held->fd, operation);
	return 0;

failed:
	stage_lockdir_release(held);
	return STAGE_E_SYSTEM;
}

bool
stage_lockdir_is_none(int sys_errno)
{
	return sys_errno == ENOENT || sys_errno == ENOTDIR || sys_errno == ELOOP ||
	       sys_errno == EACCES || sys_errno == EPERM;
}

int
stage_lockdir_look(struct stage_lockdir *held, int root_fd, const char *name)
{
	int code = stage_lockdir_find(held, root_fd, name, LOCK_SH);

	/* not a moment longer: somebody who takes it over would have to wait */
	if (code == 0 && held->lock == STAGE_LOCK_OURS)
		flock(held->fd, LOCK_UN);
	return code;
}

/*
 * What is to be said of the held directory after a look at where it should be: 0, ESTALE, or the errno
 * of a look that failed. A disk that cannot be read does not tell that somebody was there.
 */
static int
judge_look(const struct stage_lockdir *held, int result, const struct stat *now)
{
	if (result < 0)
		return errno == ENOENT || errno == ENOTDIR ? ESTALE : errno;
	return same_inode(now, &held->stat) ? 0 : ESTALE;
}

static int
look_in_root(const struct stage_lockdir *held)
{
	struct stat now;
	int result = fstatat(held->root_fd, held->name, &now, AT_SYMLINK_NOFOLLOW);

	return judge_look(held, result, &now);
}

/* Makes what was just created private: the umask may have taken bits, a setgid root adds one. */
static int
make_private(struct stage_lockdir *held)
{
	if (held->stat.st_uid != geteuid()) {
		errno = EPERM;
		return -1;
	}
	if ((held->stat.st_mode & 07777) == 0700)
		return 0;
	return fchmod(held->fd, 0700);
}

/* What is there of a new directory: 0 if it can be used, 1 to make another, or a code. */
static int
judge_new(struct stage_lockdir *held, const char *root, bool proven, struct stage_error *error)
{
	int failed;

	/* what could not be locked must bear the name that says so, also if it can be now */
	if (held->lock == STAGE_LOCK_TAKEN || (held->lock == STAGE_LOCK_UNSUPPORTED && proven))
		return 1;
	failed = look_in_root(held);
	if (failed == ESTALE)
		return 1;
	if (failed)
		return stage_error_set(error, STAGE_E_SYSTEM, failed,
			"cannot examine the new staging directory %s/%s", root, held->name);
	if (make_private(held) == 0 || held->is_lenient)
		return 0;
	return stage_error_set(error, STAGE_E_SYSTEM, errno,
		"cannot make the new staging directory %s/%s private", root, held->name);
}

/* Makes a directory with a new name, opens and locks it. Returns 1 to be called again. */
static int
attempt(struct stage_lockdir *held, int root_fd, const char *root, bool proven,
	struct stage_error *error)
{
	char name[STAGE_DIR_NAME_MAX];
	int code, sys_errno;

	code = stage_naming_dir(proven, name, error);
	if (code < 0)
		return code;
	if (mkdirat(root_fd, name, 0700) < 0) {
		if (errno == EEXIST)
			return 1;
		return stage_error_set(error, STAGE_E_SYSTEM, errno,
			"cannot make a staging directory in %s", root);
	}
	if (stage_lockdir_find(held, root_fd, name, LOCK_EX) < 0) {
		sys_errno = errno;
		if (unlinkat(root_fd, name, AT_REMOVEDIR) < 0 && errno == ENOENT)
			return 1; /* reclaimed before we could open it */
		return stage_error_set(error, STAGE_E_SYSTEM, sys_errno,
			"cannot open the new staging directory %s/%s", root, name);
	}
	if (held->lock == STAGE_LOCK_OURS && !stage_locks_exclude(held->fd))
		held->lock = STAGE_LOCK_UNSUPPORTED;
	code = judge_new(held, root, proven, error);
	if (code == 0)
		return 0;
	/* by its name, which nobody else can have made up, since comparing it may be what failed */
	unlinkat(root_fd, name, AT_REMOVEDIR);
	stage_lockdir_release(held);
	return code;
}

int
stage_lockdir_create(
	struct stage_lockdir *held, int root_fd, const char *root, struct stage_error *error)
{
	bool proven = stage_locks_prove(root_fd);
	int attempts, code;

	for (attempts = 0; attempts < ATTEMPTS; attempts++) {
		held->lock = STAGE_LOCK_OURS;
		code = attempt(held, root_fd, root, proven, error);
		if (code <= 0)
			return code;
		if (held->lock == STAGE_LOCK_UNSUPPORTED)
			proven = false;
	}
	return stage_error_set(error, STAGE_E_SYSTEM, EAGAIN,
		"%d new staging directories in %s were taken by another process", ATTEMPTS, root);
}

int
stage_lockdir_look_at(const struct stage_lockdir *held, const char *path)
{
	struct stat now;
	int result = lstat(path, &now);

	return judge_look(held, result, &now);
}

int
stage_lockdir_check_at(const struct stage_lockdir *held, const char *what, const char *path,
	struct stage_error *error)
{
	int failed = stage_lockdir_look_at(held, path);

	if (!failed)
		return 0;
	if (failed != ESTALE)
		return stage_error_set(error, STAGE_E_SYSTEM, failed,
			"cannot tell whether the %s %s is where it was", what, path);
	return stage_error_set(error, STAGE_E_SWAPPED, 0,
		"the %s %s was removed, moved or replaced by somebody else", what, path);
}

int
stage_lockdir_remove(const struct stage_lockdir *held)
{
	int failed = look_in_root(held);

	if (failed)
		return failed;
	if (unlinkat(held->root_fd, held->name, AT_REMOVEDIR) == 0)
		return 0;
	/* gone between the two calls is gone */
	return errno == ENOENT ? ESTALE : errno;
}

void
stage_lockdir_release(struct stage_lockdir *held)
{
	int saved_errno = errno;

	if (held->fd >= 0)
		close(held->fd);
	if (held->root_fd >= 0)
		close(held->root_fd);
	held->fd = held->root_fd = -1;
	errno = saved_errno;
}
