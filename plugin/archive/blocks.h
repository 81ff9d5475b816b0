/*
 * blocks - the object DeltaTarBlockIter: blocks of a tar archive, as the host's class of that name
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
 * Writes its next block, of which no object is made: 1, 0 where there is none, -1 with an exception,
 * or where write has failed, without one. write is called without the GIL.
 */
int blocks_write_next(
	PyObject *blocks, stage_tar_write write, void *context, struct stage_error *error);

/* As deltas_flush(), for what it is made of: to be called when a volume ends. */
int blocks_flush(PyObject *blocks);

#endif
