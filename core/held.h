/*
 * held - a staging directory itself, held by descriptor and lock
 *
 * What dir.c (its own, new directory) and orphan.c (somebody's, found one) have in common. A held
 * directory is known by device and inode; its name is looked at only relative to the descriptor of
 * the root that it is in, and only after the inode there was compared.
 *
 * Not installed. Not locked between threads: one thread at a time for a struct.
 */
#ifndef STAGEDIR_HELD_H
#define STAGEDIR_HELD_H

#include <stdbool.h>
#include <sys/stat.h>

#include "error.h"
#include "naming.h"

enum stage_lock {
	STAGE_LOCK_OURS,        /* we hold it now */
	STAGE_LOCK_TAKEN,       /* somebody else holds it */
	STAGE_LOCK_UNSUPPORTED, /* the file system does not lock directories */
};

/* Release every struct that was set to STAGE_HELD_NONE, whether create or find succeeded or not. */
struct stage_held {
	int root_fd; /* duplicate of the caller's, O_PATH or better */
	int fd;
	enum stage_lock lock;
	struct stat stat; /* as of create or find */
	char name[STAGE_DIR_NAME_MAX];
};

#define STAGE_HELD_NONE                                                                            \
	{                                                                                          \
		.root_fd = -1, .fd = -1                                                            \
	}

/*
 * Makes a directory 0700 with a new name in root_fd, opens and locks it. root is its path, for
 * messages. Returns 0 with held->lock OURS, or UNSUPPORTED and a name that says so (naming.h);
 * STAGE_E_SYSTEM. On failure nothing is left.
 */
int stage_held_create(
	struct stage_held *held, int root_fd, const char *root, struct stage_error *error);

/*
 * Opens the directory name in root_fd and tries for a lock of the kind that flock(2) calls
 * operation (LOCK_SH or LOCK_EX) without waiting. Returns 0 with held->lock set; STAGE_E_SYSTEM,
 * without a message, where it is not a directory, cannot be opened or is gone.
 */
int stage_held_find(struct stage_held *held, int root_fd, const char *name, int operation);

/*
 * Tries for another lock on the directory, or gives it up (LOCK_UN), as find does. Sets and returns
 * held->lock; where it is TAKEN, the one that was held may be lost (flock(2)).
 */
enum stage_lock stage_held_lock(struct stage_held *held, int operation);

/*
 * Looks whether path leads to the held directory now; a link at its end is not followed. Returns 0;
 * ESTALE where it leads to something else, or nowhere; another errno where that cannot be told.
 */
int stage_held_look_at(const struct stage_held *held, const char *path);

/*
 * The same, and where it does not says so in *error: STAGE_E_SWAPPED, or STAGE_E_SYSTEM where it
 * cannot be told. what it is is for the message.
 */
int stage_held_check_at(const struct stage_held *held, const char *what, const char *path,
	struct stage_error *error);

/*
 * Removes the directory, which must be empty, from its root. Returns 0 or an errno: ENOTEMPTY where
 * it is not empty, ESTALE where something else, or nothing, is in its place; another one where that
 * cannot be told, or it cannot be removed.
 */
int stage_held_remove(const struct stage_held *held);

/* Closes the descriptors, which gives up the lock. Keeps errno. */
void stage_held_release(struct stage_held *held);

#endif
