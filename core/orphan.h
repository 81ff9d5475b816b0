/*
 * orphan - finds the staging directories that dead runs left, and removes them
 *
 * A staging directory is live while its flock(2) is held (dir.h). If it is of this user, of this machine
 * or of one without an id, and its lock can be had, it is an orphan: its run is gone. No process id is
 * looked at, so none can be mistaken. Directories of other users are left alone; so are those of other
 * machines that share the root, and all on a file system whose locks prove nothing (FUSE, NFS and
 * others), until the run, at its end, or the operator has released one to this machine.
 *
 * Reclaiming an orphan removes the regular files of this user whose names only stagedir gives (naming.h),
 * one by one, and then the directory, if it is empty. Anything else in it is named in a warning and stays,
 * and so does the directory. Some orphans are left as they are:
 *	- one with files that wait for hand-off (spool.h);
 *	- one whose journal cannot be read, if there is anything else in it;
 *	- one with a damaged record and a staged file without one: the record may have been that file's.
 *
 * Any thread, and any number of processes, may do this at once, also while runs begin and end.
 */
#ifndef STAGEDIR_ORPHAN_H
#define STAGEDIR_ORPHAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "error.h"
#include "log.h"

#pragma GCC visibility push(default)

enum stage_owner {
	STAGE_OWNER_LIVE,          /* its run lives */
	STAGE_OWNER_DEAD,          /* an orphan */
	STAGE_OWNER_OTHER_USER,    /* cannot be looked into */
	STAGE_OWNER_OTHER_MACHINE, /* another machine made it, or one that could not lock it (NFS) */
	STAGE_OWNER_UNKNOWN,       /* no lock proves anything here */
};

/* A staging directory as it was found. */
struct stage_found {
	char *path;
	enum stage_owner owner;
	bool proven;  /* a lock proves that no run lives in it, whoever made it */
	pid_t pid;    /* of the run that made it; for people, it proves nothing */
	uid_t uid;    /* whose it is */
	uint64_t age; /* seconds since it was made */
	/*
	 * files in it that wait for hand-off (spool.h), or may: a damaged record may have been theirs. 1
	 * if that cannot be found out
	 */
	size_t waiting;
	/* all three are 0 if it cannot be looked into */
	size_t files;     /* files of ours */
	uint64_t bytes;   /* the sum of their sizes */
	size_t strangers; /* anything else */
};

/*
 * Finds the staging directories in root. Returns 0 and an array, sorted by path, that the caller frees.
 * STAGE_E_SYSTEM: root cannot be read (ENOENT: it does not exist); STAGE_E_MEMORY.
 */
int stage_orphan_list(const char *root, struct stage_found **ret_list, size_t *ret_count,
	struct stage_error *error);

/* Frees *list and sets it to NULL. Keeps errno. */
void stage_orphan_list_free(struct stage_found **list, size_t count);

/* "live", "orphan", "other user", "other machine", "unknown" */
const char *stage_orphan_owner_name(enum stage_owner owner);

struct stage_reclaimed {
	size_t directories; /* removed */
	size_t files;       /* removed, from these directories and from others */
	uint64_t bytes;     /* the sum of their sizes */
	size_t left;        /* things in orphans that could not or must not be removed */
	size_t waiting;     /* directories that were left, since files in them wait */
};

/*
 * Reclaims every orphan in root and adds to *total, which the caller has set to 0 before the first root.
 * Each orphan is one line in log (STAGE_NOTICE), and so is each thing left in it (STAGE_WARNING). So
 * is a directory with files where nobody can tell whether its run is dead (STAGE_NOTICE).
 * Goes on past an orphan that cannot be removed. Returns 0, or as list does.
 */
int stage_orphan_reclaim(const char *root, const struct stage_log *log,
	struct stage_reclaimed *total, struct stage_error *error);

/*
 * Releases a staging directory of this user to this machine, because the operator says so. It is one of
 * another machine, or on a file system whose locks prove nothing (FUSE, NFS). From then on it is an orphan
 * like others: its waiting files are handed off, the rest is removed. sure: the caller knows that its run
 * is gone, even if no lock proves it. STAGE_E_BUSY: a live run has it, whatever the caller knows.
 * STAGE_E_ARGUMENT: path is no absolute path of a staging directory of this user; or nobody can tell
 * whether its run lives, and the caller is not sure. STAGE_E_SYSTEM, ENOENT if it is gone;
 * STAGE_E_MEMORY.
 */
int stage_orphan_release(const char *path, bool sure, struct stage_error *error);

#pragma GCC visibility pop

#endif
