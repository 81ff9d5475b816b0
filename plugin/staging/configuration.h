/*
 * configuration - the settings of a run, and its --tempdir, as they were when it began
 *
 * A run lasts for hours, and its settings must not change meanwhile: somebody may edit the file for the
 * next run, or its file system may be gone for a while. So they are read once, when the first backend is
 * opened (targets.h), and kept for the life of the process. Free space, and with it the rank of the temp
 * roots, is asked anew each time.
 *
 * Ownership: all results are the module's own, never freed and never changed.
 * Threads: with the GIL, which is kept: the environment is read, and Python changes that under the GIL.
 * Forks: a child has its parent's settings. A child of exec, or of the host's pool, reads them again.
 */
#ifndef STAGEDIR_CONFIGURATION_H
#define STAGEDIR_CONFIGURATION_H

#include <Python.h>

#include "error.h"
#include "settings.h"

/*
 * The settings of this process; NULL with *error, as of stage_settings_load(), if they cannot be read. That
 * the user's file was left out is told when they are read.
 * An error is not kept: no run begins with it, and somebody may mend the file before the next backend is
 * opened.
 */
const struct stage_settings *configuration_settings(struct stage_error *error);

/* config.temproot as bytes, as the option --tempdir sets it; NULL without an exception if unset. */
PyObject *configuration_host_tempdir(void);

/*
 * The host's --tempdir, absolute, as bytes. A relative one is in the working directory of the first call.
 * *ret_tempdir is a new reference, NULL without that option. Returns 0, or a code with *error if the
 * working directory cannot be found out.
 */
int configuration_tempdir(PyObject **ret_tempdir, struct stage_error *error);

#endif
