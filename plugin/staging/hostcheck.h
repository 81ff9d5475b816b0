/*
 * hostcheck - is this duplicity one that stagedir was proved with?
 *
 * Its files are compared with the table (duplicity/proved.h). So are, in memory, the functions that
 * stagedir replaces or imitates: a program that runs the host may have replaced them itself.
 */
#ifndef STAGEDIR_HOSTCHECK_H
#define STAGEDIR_HOSTCHECK_H

#include <Python.h>

/* _stagedir.why_unproved(version, folder, table) */
PyObject *hostcheck_why_unproved(PyObject *module, PyObject *arguments);

#endif
