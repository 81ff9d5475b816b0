/*
 * module - the extension module _stagedir: what its parts share
 *
 * The module is loaded by stagebackend.py and offers the host the tracked staging directory
 * (directory.c), the removal of what dead runs left (reclaim.c) and the question which URLs are to
 * be staged (targets.c). It is built with the limited API of Python 3.11, so that one file serves
 * every later Python 3, and it is not unloaded.
 *
 * All functions here are called with the GIL held. None keeps it while the core works: the core's
 * own locks come after it.
 */
#ifndef STAGEDIR_MODULE_H
#define STAGEDIR_MODULE_H

#include <Python.h>

#include <stdbool.h>

#include "error.h"
#include "log.h"
#include "settings.h"

/* Lines of the core go to duplicity.log, at the host's levels. hostlog.c */
extern const struct stage_log host_log;

/*
 * Raises what a host's user should see for *error, returns NULL: of duplicity.errors UserError for
 * what the user can mend, FatalBackendException for a directory that was swapped, both of which end
 * a run with one line and code 23; OSError, MemoryError, ValueError, RuntimeError otherwise.
 * module.c
 */
PyObject *raise_error(const struct stage_error *error);

/*
 * An attribute of one of the host's modules, such as ("duplicity.config", "temproot"); a new
 * reference, NULL without an exception where the module is not loaded or has no such attribute (at
 * interpreter exit it may be gone). module.c
 */
PyObject *host_attribute(const char *module, const char *name);

/*
 * Forgets a pending exception that cannot be passed on. One that is to end the run - Ctrl-C met
 * Python code that was called from here - is not lost: the host sees it as another Ctrl-C. module.c
 */
void swallow_exception(void);

/*
 * The bytes of a path given as str or bytes, as os.fsencode() does it; a new bytes object, NULL
 * with an exception otherwise. module.c
 */
PyObject *path_bytes(PyObject *path);

/* config.temproot as bytes, which the option --tempdir sets; NULL without an exception if unset. */
PyObject *host_tempdir(void);

/* Adds TemporaryDirectory to the module: 0, or -1 with an exception. directory.c */
int directory_add_type(PyObject *module);

/* Cleans up every TemporaryDirectory of this process that is still open. directory.c */
void directory_cleanup_all(void);

/*
 * Has signals, exec and the end of the interpreter clean up. May be called again. Never fails.
 * endings.c
 */
void endings_watch(void);

/*
 * Between the two, which nest, SIGTERM and SIGHUP wait: a directory that is being made is not yet
 * in the list of those to clean up, one that is being cleaned up is half gone, and the core's log
 * runs Python, which is where handlers are called. endings.c
 */
void endings_hold(void);
void endings_release(void);

/* _stagedir.watch_endings(). endings.c */
PyObject *watch_endings(PyObject *module, PyObject *unused);

/* _stagedir.reclaim(archive_dir=None). reclaim.c */
PyObject *reclaim(PyObject *module, PyObject *arguments);

/* _stagedir.check_settings() and _stagedir.take_over(url). targets.c */
PyObject *check_settings(PyObject *module, PyObject *unused);
PyObject *take_over(PyObject *module, PyObject *url);

#endif
