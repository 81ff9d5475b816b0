/*
 * lockdir - a staging directory itself, held by descriptor and lock
 *
 * What dir.c (its own, new directory) and orphan.c (somebody's, found one) have in common. A held
 * directory is known by device and inode; its name is looked at only relative to the descriptor of
 * the root that it is in, and only after the inode there was compared.
 *
 * The lock has two meanings, and flock(2) two kinds for them, so that none can be taken for the other
 *
 *	exclusive	a run lives, or somebody has taken the directory over: for as long as that is so
 *	shared		somebody looks whether it is: for two system calls, and never while he reads
 *
 * The kernel has no question "is it locked?" that takes nothing, which all of the others respect:
 * systemd-tmpfiles goes by flock on the directory, /proc/locks hides what other containers hold, and a
 * second lock of another kind would have to be kept in step with the first. Shared locks do not
 * exclude one another, so any number may look at once. Who wants to take over, and is refused, asks
 * for the shared lock: if that is to be had, nobody lives there and somebody looks, who is waited for
 * (stage_lockdir_take()). Exclusive is exclusive: of two that take over at once one gets it.
 *
 * On some file systems no lock proves anything (locks.h), nor on a directory that was made on one and
 * is seen from below it, on the local disk: proves tells.
 *
 * Not installed. Not locked between threads: one thread at a time for a struct.
 */
#ifndef STAGEDIR_LOCKDIR_H
#define STAGEDIR_LOCKDIR_H

#include <stdbool.h>
#include <sys/stat.h>

#include "error.h"
#include "naming.h"

enum stage_lock {
	STAGE_LOCK_OURS,        /* we hold it now */
	STAGE_LOCK_TAKEN,       /* somebody else holds it */
	STAGE_LOCK_UNSUPPORTED, /* the file system does not lock directories */
};

/* Release every struct that was set to STAGE_LOCKDIR_NONE, whether create or find succeeded or not. */
struct stage_lockdir {
	int root_fd; /* duplicate of the caller's, O_PATH or better */
	int fd;
	enum stage_lock lock;
	bool proves;      /* that we have the lock means that nobody else has, wherever he is */
	struct stat stat; /* as of create or find */
	char name[STAGE_DIR_NAME_MAX];
};

#define STAGE_LOCKDIR_NONE                                                                         \
	{                                                                                          \
		.root_fd = -1, .fd = -1                                                            \
	}

/*
 * Makes a directory 0700 with a new name in root_fd, opens and locks it. root is its path, for
 * messages. Returns 0 with held->lock OURS or UNSUPPORTED; where its lock proves nothing, which is so
 * for the latter, the name says it (naming.h). STAGE_E_SYSTEM. On failure nothing is left.
 */
int stage_lockdir_create(
	struct stage_lockdir *held, int root_fd, const char *root, struct stage_error *error);

/*
 * Opens the directory name in root_fd and tries for a lock of the kind that flock(2) calls
 * operation (LOCK_SH or LOCK_EX) without waiting. Returns 0 with held->lock set; STAGE_E_SYSTEM,
 * without a message, where it is not a directory, cannot be opened or is gone.
 */
int stage_lockdir_find(struct stage_lockdir *held, int root_fd, const char *name, int operation);

/*
 * Is this the errno of a find that met nothing we could hold: gone meanwhile, no directory, or another
 * user's? Anything else may hide a staging directory.
 */
bool stage_lockdir_is_none(int sys_errno);

/*
 * Tries for another lock on the directory, or gives it up (LOCK_UN), as find does. Sets and returns
 * held->lock; where it is TAKEN, the one that was held may be lost (flock(2)).
 */
enum stage_lock stage_lockdir_lock(struct stage_lockdir *held, int operation);

/*
 * Opens it likewise, and looks whether somebody lives there: lock is TAKEN, or OURS where an exclusive
 * lock could be had; it is not had any more when this returns.
 */
int stage_lockdir_look(struct stage_lockdir *held, int root_fd, const char *name);

/*
 * Takes an exclusive lock on what was found. Those who only look have theirs for moments, and are
 * waited for: at most 0.1 s. TAKEN: a run lives, or somebody is about to take the directory over, or
 * who looks was stopped in the middle of it. A file system whose locks exclude nobody is
 * UNSUPPORTED. Sets and returns held->lock.
 */
enum stage_lock stage_lockdir_take(struct stage_lockdir *held);

/*
 * Looks whether path leads to the held directory now; a link at its end is not followed. Returns 0;
 * ESTALE where it leads to something else, or nowhere; another errno where that cannot be told.
 */
int stage_lockdir_look_at(const struct stage_lockdir *held, const char *path);

/*
 * The same, and where it does not says so in *error: STAGE_E_SWAPPED, or STAGE_E_SYSTEM where it
 * cannot be told. what it is is for the message.
 */
int stage_lockdir_check_at(const struct stage_lockdir *held, const char *what, const char *path,
	struct stage_error *error);

/*
 * Removes the directory, which must be empty, from its root. Returns 0 or an errno: ENOTEMPTY where
 * it is not empty, ESTALE where something else, or nothing, is in its place; another one where that
 * cannot be told, or it cannot be removed.
 */
int stage_lockdir_remove(const struct stage_lockdir *held);

/* Closes the descriptors, which gives up the lock. Keeps errno. */
void stage_lockdir_release(struct stage_lockdir *held);

#endif
