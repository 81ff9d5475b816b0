/*
 * signatures - writes the archive of signatures of a backup to the host's file for it
 *
 * Deltas makes one. Each SourceFile has a reference to it, and adds its signature when all of it was read.
 * It is a Python object only for these references: Python code never sees it.
 *
 * All functions are called with the GIL held.
 */
#ifndef STAGEDIR_SIGNATURES_H
#define STAGEDIR_SIGNATURES_H

#include <Python.h>

#include <stddef.h>

#include "tar.h"

/* An archive that is written by file.write(). NULL with an exception. */
PyObject *signatures_new(PyObject *file);

/*
 * Adds a member of this kind with these bytes. Its other properties are those of path, a ROPath of the
 * host. 0, or -1 with an exception.
 */
int signatures_add(PyObject *signatures, PyObject *path, enum stage_member_kind kind,
	const unsigned char *bytes, size_t size);

/* The same of a member whose other properties are known. */
int signatures_add_member(PyObject *signatures, const struct stage_member *member,
	const unsigned char *bytes, size_t size);

/* Flushes all members to the host's file. 0, or -1 with an exception. */
int signatures_flush(PyObject *signatures);

/* Ends the archive, and flushes it to the host's file. 0, or -1 with an exception. */
int signatures_end(PyObject *signatures);

#endif
