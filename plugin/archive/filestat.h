/*
 * filestat - the type FileStat: what lstat(2) has told of a file, in the place of os.stat_result
 *
 * It has the attributes st_* that os.lstat() gives, and makes each when it is asked. A path of a walk has one as its
 * stat; C code reads the struct itself.
 *
 * All functions are called with the GIL held.
 */
#ifndef STAGEDIR_FILESTAT_H
#define STAGEDIR_FILESTAT_H

#include <Python.h>

#include <sys/stat.h>

/* Adds FileStat to the module: 0, or -1 with an exception. */
int filestat_add_type(PyObject *module);

/* A new reference; NULL with an exception. */
PyObject *filestat_new(const struct stat *stat);

/* The struct of a FileStat, as long as that lives; NULL, without an exception, of any other object. */
const struct stat *filestat_get(PyObject *object);

#endif
