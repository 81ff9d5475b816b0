/*
 * configuration - what a run was told when it began: stagedir.conf, and where it was begun
 *
 * A run lasts for hours, and what it was told must not change under it: somebody edits the file for
 * the next run, or the file system that it is on is gone for a while. So each is asked once, by
 * whoever needs it first - when the first backend is opened (targets.h) - and kept for the life
 * of the process. Free space, and so the rank of the temp roots, is asked anew: that is to change.
 *
 * Ownership: what is returned is the module's own. It is never freed and never changed.
 * Threads: with the GIL, which is kept: the environment is read, which Python changes under it.
 * Forks: a child has what its parent had read. A child of exec, or of the host's pool, asks again.
 */
#ifndef STAGEDIR_CONFIGURATION_H
#define STAGEDIR_CONFIGURATION_H

#include <Python.h>

#include "error.h"
#include "settings.h"

/*
 * The settings of this process; NULL with *error, as of stage_settings_load(), where they cannot be
 * read. An error is not kept: no run begins with it, and the file may have been mended when the next
 * backend is opened.
 */
const struct stage_settings *configuration_settings(struct stage_error *error);

/* config.temproot as bytes, as the option --tempdir sets it; NULL without an exception if unset. */
PyObject *configuration_host_tempdir(void);

/*
 * The host's --tempdir, absolute, as bytes: a relative one is in the folder that was the working
 * directory when this was called first. *ret_tempdir is a new reference, NULL where there is no such
 * option; 0, or a code with *error where that folder cannot be told.
 */
int configuration_tempdir(PyObject **ret_tempdir, struct stage_error *error);

#endif
