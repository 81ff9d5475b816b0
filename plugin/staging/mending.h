/*
 * mending - what Python asks about files of the archive directory (duplicity/archive.h, duplicity/manifest.h)
 */
#ifndef STAGEDIR_MENDING_H
#define STAGEDIR_MENDING_H

#include <Python.h>

/* _stagedir.compare(whole, part), is_ended(path), read_manifest(path) and sync(path, like=None) */
PyObject *mending_compare(PyObject *module, PyObject *arguments);
PyObject *mending_is_ended(PyObject *module, PyObject *path);
PyObject *mending_read_manifest(PyObject *module, PyObject *path);
PyObject *mending_sync(PyObject *module, PyObject *arguments);

#endif
