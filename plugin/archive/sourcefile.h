/*
 * sourcefile - the type SourceFile: a file that is backed up
 *
 * All bytes that are read of it are counted in the host's statistics, and go into its signature. When all
 * was read and it is closed, the signature is added to an archive.
 *
 * All functions are called with the GIL held, and give it up while they read or compute.
 */
#ifndef STAGEDIR_SOURCEFILE_H
#define STAGEDIR_SOURCEFILE_H

#include <Python.h>

#include <stdbool.h>
#include <stddef.h>

#include "walk.h"

/* Adds SourceFile to the module: 0, or -1 with an exception. */
int sourcefile_add_type(PyObject *module);

/*
 * Opens the file of a path of the host's. Its signature goes to signatures (signatures.h); diffdir is
 * the host's module; content is what is in it, if that was read, or NULL, and is taken over. A new reference, NULL with an
 * exception.
 */
PyObject *sourcefile_new(
	PyObject *path, PyObject *signatures, PyObject *diffdir, struct stage_content *content);

/* Calls the host's path.open("rb"): a new reference, NULL with an exception. */
PyObject *sourcefile_open_host(PyObject *path);

/* Is it a SourceFile? */
bool sourcefile_check(PyObject *object);

/*
 * Reads up to size bytes of a SourceFile, and fewer only at its end. If it cannot be read, there is a
 * warning as the host's, and the file ends there. -1 with an exception.
 */
Py_ssize_t sourcefile_read(PyObject *file, unsigned char *buffer, size_t size);

/* Reads the rest of a SourceFile, and closes it. 0, or -1 with an exception. */
int sourcefile_close(PyObject *file);

#endif
