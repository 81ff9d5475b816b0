/*
 * follower - the object Follower: another form of a file, made while the host still writes it
 */
#ifndef STAGEDIR_FOLLOWER_H
#define STAGEDIR_FOLLOWER_H

#include <Python.h>

/* Adds Follower to the module: 0, or -1 with an exception. */
int follower_add_type(PyObject *module);

#endif
