/*
 * collation - what is there beside what was there: pairs of paths, in their order
 *
 * As the host's collate2iters() gives them. Where the old side is a SignatureReader, pairs are found and
 * compared as entries (entry.h): what has not changed is counted, and no object is made of its old side; where
 * the new side is a Selection, none of either.
 *
 *	while ((code = collation_next(collation, &pair)) > 0) {
 *		...
 *		collation_release_pair(&pair);
 *	}
 *	collation_free(&collation);
 *
 * Unchanged files are added to the host's statistics in batches, but before any other of its code may look at
 * them: before a pair is given, and at the end. Its progress, which looks at any time, sees them a few files
 * late.
 *
 * All functions are called with the GIL held.
 */
#ifndef STAGEDIR_COLLATION_H
#define STAGEDIR_COLLATION_H

#include <Python.h>

#include <stdbool.h>

struct collation;

struct pair {
	PyObject *path, *old; /* one of them may be None */
	bool differs;         /* they were compared already */
};

/* Of the iterators new_iter and sig_iter. diffdir is the host's module. NULL with an exception. */
struct collation *collation_new(PyObject *diffdir, PyObject *new_iter, PyObject *sig_iter);

/* The next pair: 1, 0 behind the last, or -1 with an exception. */
int collation_next(struct collation *collation, struct pair *ret_pair);

void collation_release_pair(struct pair *pair);

/* Frees *collation, which may be NULL, and sets it to NULL. */
void collation_free(struct collation **collation);

#endif
