/*
 * directory - the type TemporaryDirectory, in the place of duplicity's: a staging directory (core/dir.h)
 *
 * All functions are called with the GIL held, and give it up while they work.
 */
#ifndef STAGEDIR_DIRECTORY_H
#define STAGEDIR_DIRECTORY_H

#include <Python.h>

#include "dir.h"
#include "error.h"
#include "root.h"

/* Adds TemporaryDirectory to the module: 0, or -1 with an exception. */
int directory_add_type(PyObject *module);

/* The directory of a TemporaryDirectory, valid as long as that lives; NULL for any other object. */
struct stage_dir *directory_dir_of(PyObject *object);

/*
 * Makes a TemporaryDirectory in a root that was vetted, as stage_dir_open_root() does. A new reference;
 * NULL with *error and without an exception.
 */
PyObject *directory_open_root(const struct stage_root *root, struct stage_error *error);

/*
 * Opens a file that a TemporaryDirectory of this process tracks, as stage_dir_create() does. The caller
 * closes it. STAGE_E_UNTRACKED: none tracks it.
 */
int directory_create_tracked(const char *path, int *ret_fd, struct stage_error *error);

/*
 * Removes a tracked file of a TemporaryDirectory, by descriptor, and forgets it. Leaves a file alone that
 * is not tracked any more. STAGE_E_SYSTEM, STAGE_E_FORKED.
 */
int directory_remove_from(PyObject *directory, const char *path, struct stage_error *error);

/* _stagedir.remove(fname) */
PyObject *directory_remove(PyObject *module, PyObject *name);

/*
 * Has function called before the cleanup() of any TemporaryDirectory. It may take its time. The exception
 * that is being handled, if any, is still there. There is one such function: that of end.c.
 */
void directory_before_cleanup(void (*function)(PyObject *directory));

#endif
