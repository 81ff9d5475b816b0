/*
 * currentpath - the path of the source that comes next, for whoever goes through it beside what a backup has
 *
 * It is an entry (entry.h). An object is made of it when it is taken; before, where it is not of a Selection, or where a Selection
 * has one of the host's alone.
 *
 *	struct currentpath current = CURRENTPATH_NONE;
 *
 *	currentpath_begin(&current, paths);
 *	while (currentpath_fetch(&current) == 0 && currentpath_is_there(&current))
 *		if (currentpath_read(&current) > 0 && ...current.there.entry...)
 *			currentpath_pass(&current);
 *		else
 *			path = currentpath_take(&current);
 *	currentpath_release(&current);
 *
 * All functions are called with the GIL held.
 */
#ifndef STAGEDIR_CURRENTPATH_H
#define STAGEDIR_CURRENTPATH_H

#include <Python.h>

#include <stdbool.h>

#include "archive/hostpath.h"
#include "archive/selection.h"

struct currentpath {
	PyObject *paths;
	PyObject *path; /* NULL: none was made */
	struct hostpath there;

	/* No object was made: it is what the Selection has found last, with all that is in an entry. NULL: another one. */
	const struct selection_found *found;

	bool ended; /* there are no more */
};

#define CURRENTPATH_NONE ((struct currentpath){.paths = NULL})

/* Of an iterable of paths: 0, or -1 with an exception. */
int currentpath_begin(struct currentpath *current, PyObject *paths);

/*
 * Sees to a path, unless one is there, or there are no more: 0, or -1 with an exception. Its index is known then, in
 * current->there.entry, and lasts until the next call that sees to one.
 */
int currentpath_fetch(struct currentpath *current);

bool currentpath_is_there(const struct currentpath *current);

/* Knows what else is in the entry: 1; 0 if it has a type that entries do not know, or -1 with an exception. */
int currentpath_read(struct currentpath *current);

/* The path goes to the caller: a new reference, NULL with an exception. */
PyObject *currentpath_take(struct currentpath *current);

/* Nobody wants it. */
void currentpath_pass(struct currentpath *current);

void currentpath_release(struct currentpath *current);

#endif
