/*
 * nospace - whether a file of the host's could not be written for want of space, and what there is none of
 */
#ifndef STAGEDIR_NOSPACE_H
#define STAGEDIR_NOSPACE_H

#include <Python.h>

/* _stagedir.no_space(filename, errno) */
PyObject *nospace_tell(PyObject *module, PyObject *arguments);

#endif
