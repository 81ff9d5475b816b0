/*
 * errors - how a failure gets to the host's user: as an exception, of the kind that the host ends in the right way
 *
 * All raising for a struct stage_error is here. StagingError is the module's own: _guarded() of
 * stagebackend.py turns it into the end of the run. All functions are called with the GIL held.
 */
#ifndef STAGEDIR_ERRORS_H
#define STAGEDIR_ERRORS_H

#include <Python.h>

#include "error.h"

/* Adds StagingError to the module: 0, or -1 with an exception. */
int errors_add_type(PyObject *module);

/*
 * Raises what a host's user should see for *error, returns NULL: of duplicity.errors UserError for
 * what the user can mend, FatalBackendException for a directory that was swapped, both of which end
 * a run with one line and code 23; OSError, MemoryError, ValueError, RuntimeError otherwise; and
 * StagingError for what ends the staging of volumes.
 */
PyObject *errors_raise(const struct stage_error *error);

/* Raises StagingError for *error, returns NULL. */
PyObject *errors_raise_staging(const struct stage_error *error);

/*
 * Raises, where volumes are staged, what ends the run and is not tried again, returns NULL. To the
 * host a disk of ours that is full is want of space (STAGE_E_NO_ROOM).
 */
PyObject *errors_raise_final(const struct stage_error *error);

/*
 * Forgets a pending exception that cannot be passed on. One that is to end the run - Ctrl-C met
 * Python code that was called from here - is not lost: the host sees it as another Ctrl-C.
 */
void errors_swallow(void);

#endif
