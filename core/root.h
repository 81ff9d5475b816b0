/*
 * root - which directory to stage in: ranks and vets temp roots and says why one was refused
 *
 * The rank: the root that the host was told on its command line, and then nothing else; otherwise
 * temp_root of the settings in its order, $TMPDIR as of when these were read, /var/tmp, /tmp.
 *
 * A root is taken if
 *	- it is a directory, not a symbolic link to one, and may be written and searched;
 *	- it and each directory on its path - also on that of any link on the way - is owned by root
 *	  or by the user, and is not writable by others unless its sticky bit is set: nobody else
 *	  can then replace what is on the path;
 *	- min_free bytes of it are free for this user.
 * A root that is memory (with avoid_tmpfs) or lies inside of the tree that is being backed up is a
 * last resort: taken when there is no better one, the former before the latter.
 *
 *	struct stage_roots *roots;
 *
 *	code = stage_roots_rank(settings, &(struct stage_root_request){.source = "/home"}, &roots,
 *		&error);
 *	...
 *	code = stage_dir_open_ranked(roots, log, &dir, &error);	(dir.h)
 *	stage_roots_free(&roots);
 *
 * Vetting holds the directory that was vetted by a descriptor, and it is used by that descriptor: a
 * root that is replaced afterwards is not the one that is used. Any thread may call everything
 * here.
 */
#ifndef STAGEDIR_ROOT_H
#define STAGEDIR_ROOT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "error.h"
#include "settings.h"

#pragma GCC visibility push(default)

enum stage_root_state {
	STAGE_ROOT_GOOD,
	STAGE_ROOT_TMPFS,     /* last resort: memory */
	STAGE_ROOT_IN_SOURCE, /* last resort: inside of what is backed up */
	STAGE_ROOT_REFUSED,
};

struct stage_root {
	char *path;         /* absolute */
	const char *origin; /* who named it: "--tempdir", "temp_root", "TMPDIR" or "default" */
	enum stage_root_state state;
	char *reason; /* why it is not good, NULL where it is; in the form of a message, error.h */
	uint64_t free_bytes; /* for this user; 0 where it could not be asked */
	int fd;              /* O_PATH; -1 where refused */
};

/* Owns its roots. Any field may be read, none changed. */
struct stage_roots {
	struct stage_root *list; /* in order of rank */
	size_t count;
	struct stage_root
		*chosen; /* into list: the first of the best state; NULL: all are refused */
};

struct stage_root_request {
	/*
	 * The root of the command line, NULL where there is none. Relative to the working
	 * directory.
	 */
	const char *tempdir;

	/* The tree that is being backed up, NULL where there is none. */
	const char *source;

	/*
	 * Is a root inside of it left out of the backup, and so as good as one outside? May be
	 * NULL.
	 */
	bool (*excluded)(void *context, const char *path);
	void *context;
};

/*
 * Vets all roots. Returns 0 even if all were refused; STAGE_E_MEMORY; STAGE_E_SYSTEM where the
 * working directory is needed and has no name. request may be NULL for an empty one. The caller
 * frees.
 */
int stage_roots_rank(const struct stage_settings *settings,
	const struct stage_root_request *request, struct stage_roots **ret_roots,
	struct stage_error *error);

/* "good", "tmpfs", "in source", "refused". */
const char *stage_root_state_name(enum stage_root_state state);

/*
 * Writes STAGE_E_NO_ROOT with the reason of every refused root in one message to *error, returns
 * it.
 */
int stage_roots_none(const struct stage_roots *roots, struct stage_error *error);

/* Closes the descriptors, frees *roots, sets it to NULL; NULL in it is no error. Keeps errno. */
void stage_roots_free(struct stage_roots **roots);

#pragma GCC visibility pop

#endif
