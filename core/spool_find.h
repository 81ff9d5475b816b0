/*
 * spool_find - finds the spools in a temp root, live ones too, and the files that wait in them
 *
 *	stage_spool_find(root, &list, &count, &error);
 *	...
 *	stage_spool_find_free(&list, count);
 *
 * It reads the journals and changes nothing. A live run may change its spool after it was read.
 *
 * Threads: any.
 */
#ifndef STAGEDIR_SPOOL_FIND_H
#define STAGEDIR_SPOOL_FIND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "error.h"
#include "orphan.h"

#pragma GCC visibility push(default)

/* A file as it stands in a journal. */
struct stage_spool_entry {
	char *path, *name, *note;
	uint64_t size;
	int64_t sealed; /* seconds since 1970 */
	unsigned int attempts;
	int64_t failed; /* the last failed attempt, in seconds since 1970; 0: there is none */
	char *failure;  /* why it failed; "": there is none */
};

/* A spool as it was found. */
struct stage_spool_found {
	char *path;
	char *target;    /* in its target form (url.h), whatever the journal has */
	char *home;      /* "" if there is none */
	bool has_target; /* the record of target and home is there, and not damaged */
	enum stage_owner owner;
	bool proven;                    /* no run lives in it: as in struct stage_found */
	pid_t pid;                      /* of the run that made it; for people, it proves nothing */
	uint64_t age;                   /* seconds since it was made */
	struct stage_spool_entry *list; /* the files that wait, in order */
	size_t count;
	uint64_t bytes; /* the sum of their sizes */
	/*
	 * Files that wait by the journal and do not exist: somebody has removed them. Only if no run
	 * lives in it, since a live run may have handed one off just now.
	 */
	struct stage_spool_entry *missing;
	size_t missing_count;
	size_t damaged;  /* records that cannot be read */
	size_t unlisted; /* files of which these, or an unreadable journal, may have told */
	uint64_t unlisted_bytes;
	char *unreadable; /* why there is no target, home or list; NULL otherwise */
};

/*
 * Finds this user's staging directories in root that have a journal, live ones too. A spool whose run was
 * ended before it had begun to write the journal is left out. Returns 0 and an array, sorted by path, that
 * the caller frees. STAGE_E_SYSTEM: root cannot be read (ENOENT: it does not exist); STAGE_E_MEMORY.
 */
int stage_spool_find(const char *root, struct stage_spool_found **ret_list, size_t *ret_count,
	struct stage_error *error);

/* Frees *list and sets it to NULL. Keeps errno. */
void stage_spool_find_free(struct stage_spool_found **list, size_t count);

#pragma GCC visibility pop

#endif
