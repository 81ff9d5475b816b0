/*
 * patchedpaths - the type PatchedPaths: what a chain of backups has of each path, whole
 *
 * It has the place of the host's generator tarfiles2rop_iter(), behind restore and verify, where each backup of the chain is
 * read by a VolumeReader. To Python it is an iterator of the host's ROPaths. A restore takes members instead:
 *
 *	struct membersource source = patchedpaths_source(paths);
 *
 * Of each path the newest version counts, as in the host's normalize_ps(). A file that is whole in one of the backups goes
 * from its volume to the disk without an object of Python. One that is made of deltas is put together by the host's own
 * integrate_patch_iters(), which warns where that fails.
 *
 * A reader is asked for its next path when the one before has been given, or was too old to be: volumes are fetched in the
 * order in which the host fetches them.
 *
 * All functions are called with the GIL held, by one thread at a time.
 */
#ifndef STAGEDIR_PATCHEDPATHS_H
#define STAGEDIR_PATCHEDPATHS_H

#include <Python.h>

#include <stdbool.h>

#include "reading/membersource.h"

/* Adds PatchedPaths to the module: 0, or -1 with an exception. */
int patchedpaths_add_type(PyObject *module);

/*
 * Python: patched_paths(readers, below): readers is a list of VolumeReaders, that of the oldest backup first; below (bytes) is
 * the path that is restored, which becomes the base of all; b'' for everything. None: one of them is another iterator.
 */
PyObject *patchedpaths_new(PyObject *module, PyObject *arguments);

bool patchedpaths_check(PyObject *object);

/* The source lives as long as the object. */
struct membersource patchedpaths_source(PyObject *object);

#endif
