/*
 * places - the temp roots in which a run makes its volumes
 *
 * The first place is the host's own staging directory. If its root is full, and no upload is under way
 * that will free room there, the next volume is made in the next best root (core/root.h): a further place,
 * with a staging directory of its own. Finished volumes wait in the spool of their place (spool.h), which
 * is made for its first volume.
 *
 * All functions are called with the GIL held; those that may take long give it up.
 */
#ifndef STAGEDIR_PLACES_H
#define STAGEDIR_PLACES_H

#include <Python.h>

#include <stdbool.h>
#include <stdint.h>

#include "dir.h"
#include "spool.h"

struct place {
	PyObject *directory;       /* the TemporaryDirectory that keeps dir open */
	struct stage_dir *dir;     /* its */
	struct stage_spool *spool; /* NULL until there is a volume */
	uint64_t possible;         /* bytes that it had, or seemed to have, when it had too few */
	uint64_t held; /* bytes of max_staged that files outside of the spool take; the owner's */
};

/* Zeroed memory has no place. */
struct places {
	struct places *next; /* in a list of all in this process that have a place */
	struct place *list;
	size_t count;
	struct stage_spool_about about; /* of its spools; the strings are the owner's */
	bool durable;
	uint64_t max_staged; /* bytes a root, 0 for no limit */
	uint64_t
		spare; /* bytes that must be free beside what is reserved, for files of the host's own */
};

/* Where a file is to be made. */
struct reserved {
	char *path;          /* the caller frees it */
	PyObject *directory; /* the TemporaryDirectory that tracks it, borrowed */
	uint64_t bytes;      /* that are reserved */
};

/*
 * Reserves room for a file of so many bytes, in the first place that has enough: by what is free, by what
 * other runs have reserved, and by what the file system allows to be allocated, which a quota may bound. The
 * file is not made. If there is no place yet, the host's directory becomes the first one. STAGE_E_NO_ROOM,
 * with the message of the first place: no place has enough; *ret_others then says whether another live run
 * may give some back. STAGE_E_ARGUMENT: the host's directory is not ours. Errors besides: of
 * stage_spool_reserve(), stage_spool_open() and stage_dir_mktemp().
 */
int places_reserve(struct places *places, uint64_t bytes, struct reserved *ret_reserved,
	bool *ret_others, struct stage_error *error);

/*
 * Reserves what there is, in the place that had most when places_reserve() found too little in each: nobody
 * knows that the file will be as large as it may. STAGE_E_NO_ROOM: there is next to nothing, or no place;
 * errors besides as of places_reserve().
 */
int places_reserve_most(
	struct places *places, struct reserved *ret_reserved, struct stage_error *error);

/* Gives back what was reserved in the place of a directory. The file stays tracked. */
void places_unreserve(struct places *places, const PyObject *directory);

/* Makes a TemporaryDirectory the first place, instead of the host's default one. */
int places_begin(struct places *places, PyObject *directory, struct stage_error *error);

/* What is to go to a further place, as the user is told: "WHAT are made in the temp root ..., as WHY". */
struct places_next {
	const char *what, *why;
	bool good_only; /* no root that is a last resort (core/root.h) */
};

/*
 * Opens a further place in the best root on a file system that has no place yet, and tells the user.
 * STAGE_E_NO_ROOT: there is no such root.
 */
int places_open_next(
	struct places *places, const struct places_next *next, struct stage_error *error);

/*
 * Moves path, which directory tracks, into the spool of its place. STAGE_E_UNTRACKED: directory is none of
 * these places; errors besides: of stage_spool_accept().
 */
int places_accept(struct places *places, const PyObject *directory, const char *path,
	const char *name, const char *note, struct stage_spool **ret_spool,
	struct stage_spool_file **ret_file, struct stage_error *error);

/* Is path the spool of a place of this process? */
bool places_have_spool(const char *path);

/* Closes the spools and lets go of the directories. Sealed files stay. */
void places_release(struct places *places);

#endif
