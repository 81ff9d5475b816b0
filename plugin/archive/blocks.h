/*
 * blocks - the type DeltaTarBlockIter: blocks of a tar archive, in the place of the host's class
 *
 * All functions are called with the GIL held.
 */
#ifndef STAGEDIR_BLOCKS_H
#define STAGEDIR_BLOCKS_H

#include <Python.h>

#include <stdbool.h>

#include "tar.h"

#include "archive/deltatar.h"

/* Adds DeltaTarBlockIter to the module: 0, or -1 with an exception. */
int blocks_add_type(PyObject *module);

/* Is it a DeltaTarBlockIter? */
bool blocks_check(PyObject *object);

/*
 * Writes its next block by write, which is called without the GIL, and makes no object of it. Returns 1; 0:
 * there is no further block; -1 with an exception, or without one if write has failed.
 */
int blocks_write_next(
	PyObject *blocks, stage_tar_write write, void *context, struct stage_error *error);

/* deltas_flush() of its input. To be called when a volume ends. */
int blocks_flush(PyObject *blocks);

#endif
