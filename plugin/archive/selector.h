/*
 * selector - what the host's selection says to a path: its functions, and its warnings
 *
 * All functions are called with the GIL held.
 */
#ifndef STAGEDIR_SELECTOR_H
#define STAGEDIR_SELECTOR_H

#include <Python.h>

/* Does what the host's Select.Select() does with these selection functions (a list), where it logs nothing: 0 the path
 * is left out, 1 it is selected, 2 it is where something in it is. -1 with an exception. */
int selector_judge(PyObject *functions, PyObject *path);

/* Warns of a selected path that cannot be read, and counts an error. 0, or -1 with an exception. */
int selector_warn_unreadable(PyObject *path, PyObject *diffdir);

/* Says in the log that a path is selected for the sake of what is in it. 0, or -1 with an exception. */
int selector_log_deferred(PyObject *path);

/* The path as the host makes it, where it refuses or warns: handler is for that. None or a path, a new reference; NULL
 * with an exception. */
PyObject *selector_append(PyObject *handler, PyObject *folder, const char *name);

#endif
