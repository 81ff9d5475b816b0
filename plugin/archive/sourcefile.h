/*
 * sourcefile - the object SourceFile: a file that is backed up
 *
 * Whatever is read of it is counted in the host's statistics and gets into a signature, which is added
 * to an archive when all of it was read and it is closed.
 *
 * All functions are called with the GIL held, and give it up while they read or compute.
 */
#ifndef STAGEDIR_SOURCEFILE_H
#define STAGEDIR_SOURCEFILE_H

#include <Python.h>

#include <stdbool.h>
#include <stddef.h>

/* Adds SourceFile to the module: 0, or -1 with an exception. */
int sourcefile_add_type(PyObject *module);

/*
 * Opens the file of a path of the host's. Its signature goes to signatures (signatures.h); diffdir is
 * the host's module. A new reference, NULL with an exception.
 */
PyObject *sourcefile_new(PyObject *path, PyObject *signatures, PyObject *diffdir);

/* What path.open("rb") of the host gives: a new reference, NULL with an exception. */
PyObject *sourcefile_open_host(PyObject *path);

/* Is it a SourceFile? */
bool sourcefile_check(PyObject *object);

/*
 * Reads as many bytes of a SourceFile as there are, up to size. What cannot be read is warned of
 * as the host does it, and is as good as the end of the file. -1 with an exception.
 */
Py_ssize_t sourcefile_read(PyObject *file, unsigned char *buffer, size_t size);

/* Closes a SourceFile, having read what is left of it. 0, or -1 with an exception. */
int sourcefile_close(PyObject *file);

#endif
