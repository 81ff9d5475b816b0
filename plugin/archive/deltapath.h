/*
 * deltapath - what differs becomes one of the host's ROPaths: its get_delta_path()
 *
 * All functions are called with the GIL held.
 */
#ifndef STAGEDIR_DELTAPATH_H
#define STAGEDIR_DELTAPATH_H

#include <Python.h>

#include "walk.h"

/* What it takes to make them; the caller's. */
struct deltapath_maker {
	PyObject *diffdir, *ropath_type; /* the host's module, and its class */
	PyObject *signatures;            /* their archive (signatures.h) */

	/* All that is in the next file, if that was read ahead. Set to NULL where it is used. */
	struct stage_content *content;
};

/*
 * The ROPath of a path that differs from old, or has none (None). One with content has, when it is read, its signature
 * written. NULL with an exception.
 */
PyObject *deltapath_make(struct deltapath_maker *maker, PyObject *path, PyObject *old);

#endif
