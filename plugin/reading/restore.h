/*
 * restore - a tree is restored: members of a source are written by core/unpack.h
 *
 * All is done, told and counted as the host's patchdir.Write_ROPaths does it. Errors are told when they are known: behind
 * those of other members that came later. Functions are called with the GIL held, which is given up for every call into
 * the file system.
 */
#ifndef STAGEDIR_RESTORE_H
#define STAGEDIR_RESTORE_H

#include <Python.h>

#include <stdbool.h>

#include "reading/membersource.h"

struct restore_options {
	bool owners;         /* set them */
	bool ignores_errors; /* of attributes */
	bool tells;          /* of each path that is written */
	bool tells_folders;  /* of each folder that is made, too */
};

/*
 * Writes what source gives below base_path, a Path of the host's. The first member must be the base itself, a folder.
 * 1; 0 where there is something at base_path but an empty folder: nothing was asked of the source then, and the host's
 * own may go on. -1 with an exception that ends the run.
 */
int restore_write(PyObject *base_path, const struct membersource *source,
	const struct restore_options *options);

/* For Python: write_tree(base_path, rop_iter, owners, ignores_errors, tells, tells_folders). */
PyObject *restore_write_tree(PyObject *self, PyObject *arguments);

#endif
