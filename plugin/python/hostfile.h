/*
 * hostfile - file objects of the host's, behind which there is a file on disk that can be read in their place
 *
 * All functions are called with the GIL held.
 */
#ifndef STAGEDIR_HOSTFILE_H
#define STAGEDIR_HOSTFILE_H

#include <Python.h>

/* The descriptor of a file object; -1 without an exception where it has none. */
int hostfile_descriptor(PyObject *file);

/* Is it a gzip.GzipFile of a file on disk, of which nothing was read? 1, 0, or -1 with an exception. */
int hostfile_is_gzip(PyObject *file);

/* Is it what open(path, 'rb') makes of a file on disk, of which nothing was read? 1, 0, or -1 with an exception. */
int hostfile_is_plain(PyObject *file);

#endif
