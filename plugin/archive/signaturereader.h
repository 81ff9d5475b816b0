/*
 * signaturereader - the type SignatureReader: what a chain of backups knows of each path
 *
 * It has the place of the host's generators sigtar2path_iter() and combine_path_iters(), behind increments,
 * dry runs and list-current-files. To Python it is an iterator of the host's ROPaths. Deltas takes entries
 * instead, and has a ROPath made of those that differ:
 *
 *	while ((code = signaturereader_next(reader, &entry)) > 0)
 *		if (...)
 *			ropath = signaturereader_make_path(reader);
 *
 * Archives are read (sigchain.h) if they are gzip files in the archive directory, as the host's gzip.GzipFile
 * has opened them. That is where the host has them, whatever storage has: sync_archive() sees to it. Any other
 * file object, such as a GPGFile, is left to the host's own functions. So are all where names are not encoded
 * in UTF-8: there the bytes in an archive are not those of the name.
 *
 * All functions are called with the GIL held; it is given up while the disk or the inflating thread is waited
 * for.
 */
#ifndef STAGEDIR_SIGNATUREREADER_H
#define STAGEDIR_SIGNATUREREADER_H

#include <Python.h>

#include <stdbool.h>

#include "entry.h"

/* Adds SignatureReader to the module: 0, or -1 with an exception. */
int signaturereader_add_type(PyObject *module);

/* Python: read_signatures(sigtarobj), a SignatureReader or None. */
PyObject *signaturereader_read(PyObject *module, PyObject *file);

/* Python: combine_signatures(path_iter_list), a SignatureReader or None. */
PyObject *signaturereader_combine(PyObject *module, PyObject *readers);

/* Is object a SignatureReader? */
bool signaturereader_check(PyObject *object);

/*
 * Goes to the next path: 1, 0 behind the last, or -1 with an exception. The entry has the owner that the path
 * has here. It lasts until the next call.
 */
int signaturereader_next(PyObject *reader, const struct stage_entry **ret_entry);

/* A new ROPath of the path that it is at. The signature can be read of it until the next call. */
PyObject *signaturereader_make_path(PyObject *reader);

#endif
