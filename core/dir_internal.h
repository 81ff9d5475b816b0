/*
 * dir_internal - a staging directory as its own files know it
 *
 *	dir.c		who may use it, and where it is
 *	dir_open.c	it is made, in the best root
 *	dir_track.c	names are given out, tracked and forgotten
 *	dir_cleanup.c	tracked files are removed, then the directory
 *
 * States of a struct stage_dir, which only go down:
 *
 *	open	names are given out and tracked
 *
 *	closed	cleanup has taken the names away from the struct, and removes them without the lock
 *
 * lock guards everything but owner, path and log; it guards held and names in `open` only. closed is
 * atomic as well, so that stage_dir_path() needs no lock. A child of fork() must never take the lock,
 * since the thread that held it may not exist there.
 *
 * Not installed.
 */
#ifndef STAGEDIR_DIR_INTERNAL_H
#define STAGEDIR_DIR_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <sys/types.h>
#include <time.h>

#include "dir.h"
#include "lockdir.h"
#include "nameset.h"
#include "naming.h"

struct stage_dir {
	pid_t owner;
	char *path;
	struct stage_log log;

	pthread_mutex_t lock;
	atomic_bool closed;
	struct stage_lockdir held;
	struct stage_nameset names;
	struct stage_random random;
	uint64_t names_made;     /* so far, for a count that never repeats */
	struct timespec checked; /* when the path was last seen to lead here */
};

/*
 * Takes the lock; every use of a guarded member stands between this and leave. STAGE_E_FORKED,
 * STAGE_E_CLOSED: the lock is not held.
 */
int stage_dir_enter(struct stage_dir *dir, struct stage_error *error);
void stage_dir_leave(struct stage_dir *dir);

/* As stage_dir_check(), for a caller that has entered, or has the directory alone. */
int stage_dir_check_in_place(const struct stage_dir *dir, struct stage_error *error);

#endif
