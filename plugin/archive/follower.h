/*
 * follower - the type Follower: another form of a file, made by a thread while the host still writes the file
 *
 * It is the iterator of the file's blocks that write is given. It cannot be made from Python; form.c makes it.
 *
 * All functions are called with the GIL held, and give it up while they wait.
 */
#ifndef STAGEDIR_FOLLOWER_H
#define STAGEDIR_FOLLOWER_H

#include <Python.h>

/* Adds Follower to the module: 0, or -1 with an exception. */
int follower_add_type(PyObject *module);

/*
 * Starts a thread, which calls write(BLOCKS, made, True) so many seconds later, or when the file is complete.
 * path and made are bytes. Where write raises, what was made is removed. A new reference, also where there is
 * no thread to be had: that is logged. NULL with an exception. The thread gives up where little space is left.
 */
PyObject *follower_new(PyObject *path, PyObject *write, PyObject *made, double later);

/*
 * The file is complete, and is at this path by now: waits until write has met its end. 1: all of the file is in
 * what was made. 0: it is not; the error is logged. -1 with an exception: then it may be called again.
 */
int follower_wait(PyObject *follower, const char *path);

/* Nobody wants the other form any more: waits until the thread has ended, and removes it. 0, or -1 with an exception. */
int follower_abandon(PyObject *follower);

#endif
