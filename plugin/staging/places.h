/*
 * places - the temp roots in which a run makes its volumes
 *
 * The first place is the host's own staging directory. Where its root is full, and nothing that
 * could free room there is under way, the next volume is made in the next ranked root: a further
 * place, with a staging directory of its own. Each place has a spool, made when the first volume of
 * it is, in which its finished volumes wait (spool.h).
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
};

/* Zeroed memory has no place. */
struct places {
	struct places *next; /* of this process, that have a place */
	struct place *list;
	size_t count;
	struct stage_spool_about about; /* of its spools; the strings are the owner's */
	bool durable;
	uint64_t max_staged; /* bytes a root, 0 for no limit */
};

/*
 * Reserves room for a file of so many bytes in the first place that has it, and gives its path,
 * which the caller frees, and the TemporaryDirectory that tracks it, borrowed; the file is not made. The host's directory becomes the first place if
 * there is none yet. STAGE_E_NO_ROOM with the message of the first place where there is none;
 * *ret_others then tells whether another live run may give some back. Errors besides: of
 * stage_spool_reserve(), stage_spool_open() and stage_dir_mktemp(); STAGE_E_ARGUMENT where the
 * host's directory is not ours.
 */
int places_reserve(struct places *places, uint64_t bytes, char **ret_path, PyObject **ret_directory,
	bool *ret_others, struct stage_error *error);

/*
 * Opens a further place: in the best ranked root, on another file system than those that there are.
 * STAGE_E_NO_ROOT where there is none.
 */
int places_open_next(struct places *places, struct stage_error *error);

/*
 * Moves path, which a TemporaryDirectory tracks, into the spool of its place. STAGE_E_UNTRACKED where
 * that is none of these places; errors besides: of stage_spool_accept().
 */
int places_accept(struct places *places, const PyObject *directory, const char *path,
	const char *name, const char *note, struct stage_spool **ret_spool,
	struct stage_spool_file **ret_file, struct stage_error *error);

/* Is path the spool of a place of this process? */
bool places_have_spool(const char *path);

/* Closes the spools - what is sealed stays - and lets go of the directories. */
void places_release(struct places *places);

#endif
