/*
 * orphan - staging directories that dead runs left, and how to be rid of them
 *
 * A staging directory is live while its flock(2) is held (dir.h). One of this user and this machine
 * whose lock can be had is an orphan: its run is gone. No process id is looked at, so none can be
 * mistaken. Directories of other users, and of other machines that share the root, are left alone;
 * and so is every directory on a file system whose locks prove nothing (FUSE, NFS and others), until
 * the run that ends, or the operator, has released it.
 *
 * Reclaiming an orphan removes the regular files of this user in it whose names only stagedir gives
 * (naming.h), one by one, and the directory itself once it is empty. Whatever else lies in it is
 * named in a warning and stays, and so does the directory. An orphan with files that wait for
 * hand-off is left as it is: it is for whoever hands them off (spool.h). So is one whose journal
 * cannot be read, if there is anything else in it; and one of which a record is damaged, if there is a
 * staged file that it may have told of.
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
	STAGE_OWNER_OTHER_MACHINE, /* made by another machine, or one that could not lock it (NFS) */
	STAGE_OWNER_UNKNOWN,       /* no lock could prove here that its run is gone */
};

/* A staging directory as it was found. */
struct stage_found {
	char *path;
	enum stage_owner owner;
	bool proven;  /* no run lives in it, whoever made it: a lock says so that proves it */
	pid_t pid;    /* of the run that made it; for people, it proves nothing */
	uid_t uid;    /* whose it is */
	uint64_t age; /* seconds since it was made */
	/*
	 * files in it that wait for hand-off (spool.h), or of which a damaged record may tell; 1 where
	 * nobody can tell
	 */
	size_t waiting;
	size_t files;     /* ours in it, */
	uint64_t bytes;   /* the sum of their sizes, */
	size_t strangers; /* and whatever else; all three 0 where it cannot be looked into */
};

/*
 * Finds the staging directories in root. Returns 0 and an array that the caller frees, sorted by
 * path; STAGE_E_SYSTEM where root cannot be read (ENOENT where there is none), STAGE_E_MEMORY.
 */
int stage_orphan_list(const char *root, struct stage_found **ret_list, size_t *ret_count,
	struct stage_error *error);

/* Frees *list and sets it to NULL. Keeps errno. */
void stage_orphan_list_free(struct stage_found **list, size_t count);

/* "live", "orphan", "other user", "other machine", "unknown" */
const char *stage_orphan_owner_name(enum stage_owner owner);

struct stage_reclaimed {
	size_t directories; /* that are gone */
	size_t files;       /* removed from them and from those that stay */
	uint64_t bytes;     /* the sum of their sizes */
	size_t left;        /* things in orphans that could not or must not be removed */
	size_t waiting;     /* directories that were left for the sake of files that wait */
};

/*
 * Reclaims every orphan in root and adds to *total, which the caller has set to 0 before the first
 * root. Each orphan is one line in log (STAGE_NOTICE), each thing left in it too (STAGE_WARNING).
 * So is one that nobody can tell to be one, with files in it (STAGE_NOTICE).
 * Goes on past an orphan that cannot be removed. Returns 0, or as list does.
 */
int stage_orphan_reclaim(const char *root, const struct stage_log *log,
	struct stage_reclaimed *total, struct stage_error *error);

/*
 * Releases a staging directory of this user to this machine, as the operator wants it: one of another
 * machine, or one on a file system whose locks prove nothing (FUSE, NFS). From then on it is an orphan
 * like others: what waits in it is handed off, the rest removed. sure: the caller knows that its run
 * is gone, where no lock proves it. STAGE_E_BUSY: a live run has it, whatever the caller knows.
 * STAGE_E_ARGUMENT: path is no absolute path of a staging directory of this user, or nobody can tell
 * whether its run lives, and the caller is not sure. STAGE_E_SYSTEM, ENOENT where it is gone;
 * STAGE_E_MEMORY.
 */
int stage_orphan_release(const char *path, bool sure, struct stage_error *error);

#pragma GCC visibility pop

#endif
