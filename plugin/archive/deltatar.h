/*
 * deltatar - the members of a volume, made of the host's paths, one at a time
 *
 * All functions are called with the GIL held, and give it up while they read or write.
 */
#ifndef STAGEDIR_DELTATAR_H
#define STAGEDIR_DELTATAR_H

#include <Python.h>

#include <stdint.h>

#include "tar.h"

#include "archive/member.h"

/* The host reads so much at a time, and a piece of a file in a volume has so much. */
#define DELTATAR_PIECE ((size_t)64 * 1024)

/* Zeroed, it is closed. References to objects are its own. */
struct deltatar {
	PyObject *input_iter;      /* paths; NULL until it is open */
	PyObject *diffdir;         /* the host's module */
	struct stage_tar *archive; /* NULL until it is open */
	unsigned char *piece;      /* what was read of a file */
	struct member path;

	/* Where the archive's bytes go while a block is made. */
	stage_tar_write write;
	void *context;
	uint64_t written;

	/* What the last member was made of: its index (its own reference), or, where there is no object, its path below
	 * the source, which is valid until the next one is made. */
	PyObject *index;
	const char *index_path;

	/* The file that is not yet at its end. */
	PyObject *fp, *ropath;
	long next_piece; /* 0: no file is */
};

/* Opens it. Its members are made of the paths that input gives. 0, or -1 with an exception. */
int deltatar_open(struct deltatar *tar, PyObject *input);

/*
 * Makes the next member, or a piece of one: its bytes go to tar->write, and tar->written counts them.
 * Returns 1; 0: there is no further one; -1 with an exception, or none, if write has filled *error.
 */
int deltatar_make(struct deltatar *tar, struct stage_error *error);

/* Closes it, even if it is half open. It may be opened again. */
void deltatar_close(struct deltatar *tar);

#endif
