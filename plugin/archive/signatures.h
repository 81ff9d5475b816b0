/*
 * signatures - the archive of signatures of a backup, on its way to the host's file for them
 *
 * Deltas makes one; each SourceFile that it gives has a reference to it, and adds a signature when it
 * was read. It is an object for the sake of these references alone: Python code never sees it.
 *
 * All functions are called with the GIL held.
 */
#ifndef STAGEDIR_SIGNATURES_H
#define STAGEDIR_SIGNATURES_H

#include <Python.h>

#include <stddef.h>

#include "tar.h"

/* An archive that is written to file, by its write(). NULL with an exception. */
PyObject *signatures_new(PyObject *file);

/*
 * Adds a member: of this kind, what path (a ROPath of the host's) is, with these bytes. 0, or -1 with
 * an exception.
 */
int signatures_add(PyObject *signatures, PyObject *path, enum stage_member_kind kind,
	const unsigned char *bytes, size_t size);

/* Has what was added reach the host's file. 0, or -1 with an exception. */
int signatures_flush(PyObject *signatures);

/* Ends the archive, with all of it in the host's file. 0, or -1 with an exception. */
int signatures_end(PyObject *signatures);

#endif
