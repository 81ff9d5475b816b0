/*
 * errors - a failure becomes an exception, of the kind with which the host ends in the right way
 *
 * Every exception for a struct stage_error is raised here. StagingError is the module's own: _guarded() of
 * stagebackend.py ends the run for it. All functions are called with the GIL held.
 */
#ifndef STAGEDIR_ERRORS_H
#define STAGEDIR_ERRORS_H

#include <Python.h>

#include "error.h"

/* Adds StagingError to the module: 0, or -1 with an exception. */
int errors_add_type(PyObject *module);

/*
 * Raises the exception that the host's user should see for *error, returns NULL:
 *	UserError			of duplicity.errors: the user can mend it
 *	FatalBackendException		of duplicity.errors: a directory was swapped
 *	StagingError			it ends the staging of volumes
 *	OSError, MemoryError, ValueError, RuntimeError	otherwise
 * The first two end a run with one line and code 23.
 */
PyObject *errors_raise(const struct stage_error *error);

/* Raises StagingError for *error, returns NULL. */
PyObject *errors_raise_staging(const struct stage_error *error);

/*
 * Raises an exception that ends the run without a further try, while volumes are staged; returns NULL. A
 * full disk of ours counts as STAGE_E_NO_ROOM then.
 */
PyObject *errors_raise_final(const struct stage_error *error);

/*
 * Raises the exception that the host should see for a failure of an archive of signatures, returns NULL:
 * DiffDirException for a damaged one, PathException for what is not supported in it, otherwise as
 * errors_raise().
 */
PyObject *errors_raise_signatures(const struct stage_error *error);

/*
 * The same for a failure of a volume that is read: PatchDirException for one that is damaged, or has what no backup
 * writes (the message of the first kind says "is damaged: ", and gets an advice), PathException for what
 * is not supported in it, otherwise as errors_raise().
 */
PyObject *errors_raise_volumes(const struct stage_error *error);

/*
 * Forgets a pending exception that cannot be passed on. If it should end the run, since Ctrl-C came while
 * Python code was called from here, the host gets another Ctrl-C for it.
 */
void errors_swallow(void);

#endif
