/*
 * writefile - the host's gpg.GzipWriteFile: blocks to a gzip file that does not outgrow a limit; and whether a file of the
 * host's could not be written for want of space
 */
#ifndef STAGEDIR_WRITEFILE_H
#define STAGEDIR_WRITEFILE_H

#include <Python.h>

/* _stagedir.gzip_write_file(...) */
PyObject *writefile_gzip(PyObject *module, PyObject *arguments, PyObject *keywords);

/* _stagedir.no_space(filename, errno) */
PyObject *writefile_no_space(PyObject *module, PyObject *arguments);

#endif
