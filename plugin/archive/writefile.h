/*
 * writefile - the host's gpg.GzipWriteFile: blocks to a gzip file that does not outgrow a limit
 */
#ifndef STAGEDIR_WRITEFILE_H
#define STAGEDIR_WRITEFILE_H

#include <Python.h>

/* _stagedir.gzip_write_file(...) */
PyObject *writefile_gzip(PyObject *module, PyObject *arguments, PyObject *keywords);

#endif
