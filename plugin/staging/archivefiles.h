/*
 * archivefiles - functions for Python on files of the archive directory (duplicity/archive.h, duplicity/manifest.h,
 * duplicity/mending.h)
 */
#ifndef STAGEDIR_ARCHIVEFILES_H
#define STAGEDIR_ARCHIVEFILES_H

#include <Python.h>

/*
 * _stagedir.compare(whole, part), expand(source, made), is_ended(path), mending_plan(archived, stored, suffix),
 * read_manifest(path), sync(path, like=None) and clear_leftovers(path)
 */
PyObject *archivefiles_compare(PyObject *module, PyObject *arguments);
PyObject *archivefiles_expand(PyObject *module, PyObject *arguments);
PyObject *archivefiles_is_ended(PyObject *module, PyObject *path);
PyObject *archivefiles_mending_plan(PyObject *module, PyObject *arguments);
PyObject *archivefiles_read_manifest(PyObject *module, PyObject *path);
PyObject *archivefiles_sync(PyObject *module, PyObject *arguments);
PyObject *archivefiles_clear_leftovers(PyObject *module, PyObject *path);

#endif
