/*
 * directory - the type TemporaryDirectory: the contract of duplicity.tempdir on top of core/dir
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

/* The directory of a TemporaryDirectory, valid as long as that; NULL for any other object. */
struct stage_dir *directory_dir_of(PyObject *object);

/*
 * Vets the temp roots as for the host's directory: with its --tempdir and source. The caller frees,
 * without the GIL.
 */
int directory_rank_roots(struct stage_roots **ret_roots, struct stage_error *error);

/*
 * A TemporaryDirectory in a root that was vetted, by its descriptor, as stage_dir_open_root(): a new
 * reference, NULL with *error and without an exception.
 */
PyObject *directory_open_root(const struct stage_root *root, struct stage_error *error);

/*
 * Opens a file that a TemporaryDirectory of this process tracks, as stage_dir_create(); the caller
 * closes it. STAGE_E_UNTRACKED where none does.
 */
int directory_create_tracked(const char *path, int *ret_fd, struct stage_error *error);

/*
 * Removes a file of a TemporaryDirectory, by descriptor, and forgets it; what is not tracked any more
 * is left alone. STAGE_E_SYSTEM, STAGE_E_FORKED.
 */
int directory_remove_from(PyObject *directory, const char *path, struct stage_error *error);

/* _stagedir.remove(fname) */
PyObject *directory_remove(PyObject *module, PyObject *name);

/*
 * Has function called before the cleanup() of any TemporaryDirectory, which it may hold up; with the
 * exception that is being handled, if any. For whoever makes volumes there, who is one.
 */
void directory_before_cleanup(void (*function)(PyObject *directory));

#endif
