/*
 * space - disk space for what is being written
 *
 * All functions are called with the GIL held, which they give up while they wait.
 */
#ifndef STAGEDIR_SPACE_H
#define STAGEDIR_SPACE_H

#include <Python.h>

#include <stdbool.h>

/*
 * Waits until storage has taken a staged file of this process, which gives room back on the file
 * system of what fd is. False where none is staged there or none is handed off any more, in any
 * other thread than the main one, or with an exception, raised by a signal's handler.
 */
bool space_wait(int fd);

/*
 * Begins the volume at path, which fd has open for writing and which is only appended to: has the
 * disk space allocated that Staging.volume() reserved for it, so that no other process can take it
 * any more, and follows it, so that its digests are known when it is complete. Nothing for any other
 * path. Waits while staged files may give room back: 0, or -1 with errno, or with an exception as
 * above.
 */
int space_begin(int fd, const char *path);

/* _stagedir.begin_volume(path) */
PyObject *space_begin_volume(PyObject *module, PyObject *path);

#endif
