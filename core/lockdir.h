/*
 * lockdir - a staging directory itself, held by descriptor and lock
 *
 * dir.c makes one of its own, orphan.c finds those of others; both use this. A held directory is known by
 * device and inode. Its name is used only relative to the descriptor of its root, and only after the inode
 * there was compared.
 *
 * There are two kinds of flock(2), and each has a meaning of its own:
 *
 *	exclusive	a run lives, or somebody has taken the directory over; for as long as that is so
 *	shared		somebody looks whether a run lives; for two system calls, never while he reads
 *
 * Why looking takes a lock: the kernel cannot be asked "is it locked?" without one. /proc/locks hides the
 * locks of other containers. systemd-tmpfiles respects flock on the directory, and a second lock of another
 * kind would have to be kept in step with that. Any number may look at once, since shared locks do not
 * exclude one another. Somebody who wants to take over and is refused tries for the shared lock. If he gets
 * it, nobody lives there, and he waits for those who look (stage_lockdir_take()). If two take over at once,
 * one gets the exclusive lock.
 *
 * On some file systems no lock proves anything (locks.h). Nor does one on a directory that was made on such
 * a file system and is now seen below it, on the local disk. The member proves says so.
 *
 * Not installed. One thread at a time for a struct.
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

/* Set it to STAGE_LOCKDIR_NONE first. Then release it, whether create or find succeeded or not. */
struct stage_lockdir {
	int root_fd; /* duplicate of the caller's, O_PATH or better */
	int fd;
	enum stage_lock lock;
	bool proves;     /* if we have the lock, then nobody else has it, wherever he is */
	bool is_lenient; /* set it before create: one that cannot be made private is taken as it is */
	struct stat stat; /* as of create or find */
	char name[STAGE_DIR_NAME_MAX];
};

#define STAGE_LOCKDIR_NONE                                                                         \
	{                                                                                          \
		.root_fd = -1, .fd = -1                                                            \
	}

/*
 * Makes a directory 0700 with a new name in root_fd, opens and locks it. root is the root's path, for
 * messages. Returns 0 with held->lock OURS or UNSUPPORTED. If the lock proves nothing, as UNSUPPORTED
 * does, the name says so (naming.h). STAGE_E_SYSTEM. On failure nothing is left. One that the file system gives
 * another owner, or another mode that cannot be changed, is a failure unless held->is_lenient was set.
 */
int stage_lockdir_create(
	struct stage_lockdir *held, int root_fd, const char *root, struct stage_error *error);

/*
 * Opens the directory name in root_fd and tries for a lock, without waiting. operation is LOCK_SH or
 * LOCK_EX (flock(2)). Returns 0 with held->lock set; STAGE_E_SYSTEM, without a message: it is no
 * directory, cannot be opened, or is gone.
 */
int stage_lockdir_find(struct stage_lockdir *held, int root_fd, const char *name, int operation);

/*
 * Does this errno of find mean that there is nothing to hold: gone meanwhile, no directory, or another
 * user's? With any other errno there may be a staging directory.
 */
bool stage_lockdir_is_none(int sys_errno);

/*
 * Tries for another lock on the directory, without waiting, or gives the lock up (LOCK_UN). Sets and
 * returns held->lock. If that is TAKEN, the lock that was held before may be lost (flock(2)).
 */
enum stage_lock stage_lockdir_lock(struct stage_lockdir *held, int operation);

/*
 * Opens the directory as find does, and looks whether a run lives there: then held->lock is TAKEN. It is
 * OURS if an exclusive lock could be had, but no lock is held any more when this returns.
 */
int stage_lockdir_look(struct stage_lockdir *held, int root_fd, const char *name);

/*
 * Takes an exclusive lock on a directory that was found. Waits up to 0.1 s for those who only look. Sets
 * and returns held->lock. TAKEN: a run lives, or somebody else is about to take the directory over, or a
 * process that looks was stopped in the middle of it. UNSUPPORTED: also if the locks of the file system
 * exclude nobody.
 */
enum stage_lock stage_lockdir_take(struct stage_lockdir *held);

/*
 * Does path lead to the held directory now? A link at its end is not followed. Returns 0: yes; ESTALE: it
 * leads to something else, or nowhere; another errno: that cannot be found out.
 */
int stage_lockdir_look_at(const struct stage_lockdir *held, const char *path);

/*
 * The same, with an error. STAGE_E_SWAPPED: it does not; STAGE_E_SYSTEM: that cannot be found out. what
 * names the directory in the message, such as "spool".
 */
int stage_lockdir_check_at(const struct stage_lockdir *held, const char *what, const char *path,
	struct stage_error *error);

/*
 * Removes the directory, which must be empty, from its root. Returns 0 or an errno. ENOTEMPTY: it is not
 * empty; ESTALE: something else, or nothing, is in its place; another one: that cannot be found out, or it
 * cannot be removed.
 */
int stage_lockdir_remove(const struct stage_lockdir *held);

/* Closes the descriptors, which gives up the lock. Keeps errno. */
void stage_lockdir_release(struct stage_lockdir *held);

#endif
