/*
 * pipe - the object Pipe: the pipe to the gpg that makes a volume
 */
#ifndef STAGEDIR_PIPE_H
#define STAGEDIR_PIPE_H

#include <Python.h>

/* Adds Pipe to the module: 0, or -1 with an exception. */
int pipe_add_type(PyObject *module);

#endif
