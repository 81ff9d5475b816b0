/*
 * mending - what becomes of the files that a run left in the archive directory, when it was ended
 *
 * At the end of a backup the host stores its signatures, then its manifest. Then it makes final files of
 * the partial ones in the archive directory (_stageend.py). A run that is ended meanwhile leaves two forms
 * of one thing, at which the host ends in an assertion. This is the plan for one backup:
 *
 *	the manifest is stored		The backup is complete, if the partial files are. The manifest becomes
 *					final, then the signatures do, as at the end of a run: signatures that
 *					are final beside a partial manifest would pass for those of the backup
 *					before.
 *	it is not, there is a		The backup is not complete. Files that were made of a partial one are
 *	partial manifest		removed. If only final signatures are there, as stock leaves them, they
 *					become partial ones again.
 *	else				Nobody was ended here. Nothing is done.
 *
 *	mending_plan(files, count, ".gz", &plan, &error);
 *	...carry out its steps in order...
 *	mending_release(&plan);
 *
 * Nothing here knows Python, or looks at a file. Only the host knows the meaning of a name
 * (file_naming.parse).
 */
#ifndef STAGEDIR_MENDING_H
#define STAGEDIR_MENDING_H

#include <stdbool.h>
#include <stddef.h>

#include "error.h"

enum mending_kind {
	MENDING_MANIFEST,
	MENDING_SIGNATURES,
	MENDING_PROOF, /* that what is stored is the partial manifest (_stageend.py) */
	MENDING_VOLUME,
};

/* A file of the backup, in the archive directory or in storage. */
struct mending_file {
	const char *name;
	enum mending_kind kind;
	bool is_partial;
	bool is_stored;
};

enum mending_do {
	MENDING_CHECK_PROOF, /* remove it, unless it is of the manifest named to, as that is now */
	MENDING_IF_ENDED,  /* go on only if the file of signatures is complete (archive_is_ended) */
	MENDING_IF_STORED, /* go on only if storage has the partial manifest as the file named to */
	MENDING_REMOVE,    /* to says why, for people, where they are to be told */
	MENDING_RENAME,    /* and have the names on disk before the next step */
	MENDING_COMPRESS,  /* make the file named to of it, and remove it */
	MENDING_EXPAND,    /* the same, the other way */
	MENDING_GIVE_UP,   /* remove it from storage, if this run makes a backup; to says why */
};

struct mending_step {
	enum mending_do what;
	const char *name; /* of the caller's files */
	char *to;         /* or NULL */
};

/* Zeroed memory is a plan without steps. */
struct mending_plan {
	struct mending_step *steps;
	size_t count;
};

/*
 * Makes the plan for one backup. files are all that there are of it; suffix is that of compressed
 * signatures. The names must live as long as the plan. STAGE_E_MEMORY.
 */
int mending_plan(const struct mending_file *files, size_t count, const char *suffix,
	struct mending_plan *ret_plan, struct stage_error *error);

/* Frees the steps. */
void mending_release(struct mending_plan *plan);

#endif
