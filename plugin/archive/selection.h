/*
 * selection - the type Selection: what is selected of the source, in the place of the host's generator for it
 *
 * It gives what the host's selection.Select.Iterate() gives where that logs no step: the same paths in the same order,
 * the same warnings and counts. For whoever asks for it, directories are read ahead (core/walk.h): all that is
 * there where everything is selected; where the host's selection functions choose, they are called for each path in its turn, and no
 * directory is read before they have chosen it.
 *
 * C code that needs no object of each path takes them by selection_next():
 *
 *	while ((code = selection_next(walk, &found)) == 1) {
 *		if (found->entry && is_unchanged(found->relative, found->entry->stat))
 *			continue;
 *		path = selection_make_path(walk);
 *		...
 *	}
 *
 * All functions are called with the GIL held, which is given up while the disk is waited for.
 */
#ifndef STAGEDIR_SELECTION_H
#define STAGEDIR_SELECTION_H

#include <Python.h>

#include <stdbool.h>

#include "walk.h"

/* Adds Selection to the module: 0, or -1 with an exception. */
int selection_add_type(PyObject *module);

/* Is it a Selection? */
bool selection_check(PyObject *object);

/* What was found; valid until the next one is looked for. */
struct selection_found {
	/* NULL: there is a path of the host's alone, such as that of the source itself. Otherwise the type is one
	 * that a backup can have, and a link has its target. */
	const struct stage_walk_entry *entry;

	/* The entry's path below the source: parts with a slash between them. NULL without an entry. */
	const char *relative;
};

/* The next one: 1; 0 at the end, -1 with an exception. */
int selection_next(PyObject *walk, const struct selection_found **ret_found);

/* The host's Path of what was found last. A new reference, NULL with an exception. */
PyObject *selection_make_path(PyObject *walk);

/*
 * Has it look ahead: whoever takes its paths looks at each again before it opens it. Without this call it gives what
 * the host's generator gives. To be called before the first path is asked for.
 */
void selection_look_ahead(PyObject *object);

/*
 * Has small files read ahead from now on, as all of them will be. Nothing happens once the second path was given, or where
 * object is no Selection.
 */
void selection_read_ahead(PyObject *object);

/*
 * What the file that was found last has in it (stage_walk_take_content()); NULL: it was not read. path is what was made of it,
 * or NULL where nothing was.
 */
struct stage_content *selection_take_content(PyObject *object, PyObject *path);

#endif
