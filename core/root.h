/*
 * root - which directory to stage in: ranks and vets temp roots, and says why one was refused
 *
 * The rank: if the host's command line names a root, that one alone. Otherwise temp_root of the settings
 * in its order, then $TMPDIR, $TEMP and $TMP as they were when these were read, /var/tmp, /tmp.
 *
 * A root may be used if
 *	- it is a directory, or a symbolic link to one, and may be written and searched;
 *	- it, each directory and each link on its path, and on the path of any link on the way, belongs to
 *	  somebody who is relied upon where it is (root, the user; owner.h). No such directory is writable by
 *	  others, unless its sticky bit is set: there nobody can replace what is not his. Then nobody else can
 *	  change where the path leads, and a link is as good as a mount. allow_shared_root lets directories be
 *	  that everybody may write: what is swapped in them is then noticed (dir.h), but no longer prevented;
 *	- min_free bytes of it are free for this user.
 * A directory that is named more than once, also by way of links, has the better rank.
 * Two kinds are a last resort, used when there is no better one: a root that is memory (with
 * avoid_tmpfs), and, after these, one that lies inside of the tree that is being backed up.
 * stage_roots_next() gives the roots that may be used, the best first. Whoever looks for one asks it.
 *
 *	struct stage_roots *roots;
 *
 *	code = stage_roots_rank(settings, &(struct stage_root_request){.source = "/home"}, &roots,
 *		&error);
 *	...
 *	code = stage_dir_open_ranked(roots, log, &dir, &error);	(dir.h)
 *	stage_roots_free(&roots);
 *
 * A root that was vetted is held by a descriptor, and used by that: if it is replaced afterwards, the
 * other directory is not used. Any thread may call everything here.
 */
#ifndef STAGEDIR_ROOT_H
#define STAGEDIR_ROOT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "error.h"
#include "settings.h"

#pragma GCC visibility push(default)

/* The best first. */
enum stage_root_state {
	STAGE_ROOT_GOOD,
	STAGE_ROOT_TMPFS,     /* last resort: memory */
	STAGE_ROOT_IN_SOURCE, /* last resort: inside of the tree that is backed up */
	STAGE_ROOT_REFUSED,
};

struct stage_root {
	char *path; /* absolute, as it was named */
	char *real; /* the same without links, "." and ".."; NULL if it could not be walked */
	/* who named it: "--tempdir", "temp_root", "TMPDIR", "TEMP", "TMP" or "default" */
	const char *origin;
	enum stage_root_state state;
	char *reason;        /* why it is not good, as a message (error.h); NULL if it is good */
	uint64_t free_bytes; /* for this user; 0 where it could not be asked */
	int fd;              /* O_PATH; -1 where refused */
};

/* Owns its roots. Any field may be read, none changed. */
struct stage_roots {
	struct stage_root *list; /* in order of rank */
	size_t count;
	/* the first of stage_roots_next(); NULL: all are refused */
	const struct stage_root *chosen;
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
	 * Does the backup leave out this path inside of source? Then a root there is as good as one
	 * outside. May be NULL.
	 */
	bool (*excluded)(void *context, const char *path);
	void *context;
};

/*
 * Vets all roots. Returns 0 even if all were refused; STAGE_E_MEMORY; STAGE_E_SYSTEM if the working
 * directory is needed and has no name. request may be NULL for an empty one. The caller frees.
 */
int stage_roots_rank(const struct stage_settings *settings,
	const struct stage_root_request *request, struct stage_roots **ret_roots,
	struct stage_error *error);

/*
 * The roots that may be used, the best first: by state, and of one state by rank. before NULL gives the
 * first, and each one gives the next. NULL at the end.
 */
const struct stage_root *stage_roots_next(
	const struct stage_roots *roots, const struct stage_root *before);

/* "good", "tmpfs", "in source", "refused". */
const char *stage_root_state_name(enum stage_root_state state);

/* Returns STAGE_E_NO_ROOT, with a message that has the reasons of all refused roots. */
int stage_roots_none(const struct stage_roots *roots, struct stage_error *error);

/* Closes the descriptors, frees *roots, sets it to NULL; NULL in it is no error. Keeps errno. */
void stage_roots_free(struct stage_roots **roots);

#pragma GCC visibility pop

#endif
