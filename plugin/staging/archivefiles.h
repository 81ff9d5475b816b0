/*
 * archivefiles - functions for Python on files of the archive directory (duplicity/archive.h, duplicity/manifest.h)
 */
#ifndef STAGEDIR_ARCHIVEFILES_H
#define STAGEDIR_ARCHIVEFILES_H

#include <Python.h>

/* _stagedir.compare(whole, part), is_ended(path), read_manifest(path) and sync(path, like=None) */
PyObject *archivefiles_compare(PyObject *module, PyObject *arguments);
PyObject *archivefiles_is_ended(PyObject *module, PyObject *path);
PyObject *archivefiles_read_manifest(PyObject *module, PyObject *path);
PyObject *archivefiles_sync(PyObject *module, PyObject *arguments);

#endif
