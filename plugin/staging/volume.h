/*
 * volume - the object Volume: one volume that is made to be staged (core/volume.h), as Python holds it
 *
 * Staging.volume() gives one. What the host makes of its path has it as an attribute, and the hooks in
 * the host take it from there. Only where the host hands on a file's name and nothing else, to
 * GzipWriteFile and to GPGFile, it is found by that name: volume_find().
 *
 * All functions are called with the GIL held, and give it up while they work.
 */
#ifndef STAGEDIR_STAGING_VOLUME_H
#define STAGEDIR_STAGING_VOLUME_H

#include <Python.h>

#include <stdbool.h>
#include <stdint.h>

#include <volume.h> /* of the core; in quotes it would be this file */

/* Adds Volume to the module: 0, or -1 with an exception. */
int volume_add_type(PyObject *module);

/*
 * A Volume that is to be made at path, which directory (a TemporaryDirectory) tracks, and for which
 * bytes are reserved. NULL with an exception.
 */
PyObject *volume_new(const char *path, PyObject *directory, uint64_t bytes, bool durable);

/*
 * The Volume of this process that is to be made at just this path: a new reference; NULL, without an
 * exception, where there is none.
 */
PyObject *volume_find(const char *path);

/* _stagedir.find_volume(path) */
PyObject *volume_find_object(PyObject *module, PyObject *path);

/* What a Volume holds, as long as it lives; NULL with an exception for any other object. */
struct stage_volume *volume_of(PyObject *object);

/* The TemporaryDirectory of a Volume that is neither staged nor ended, borrowed; NULL otherwise. */
PyObject *volume_directory(PyObject *volume);

/*
 * Begins a Volume of which fd has the file open for writing, as stage_volume_begin(). waits: where there
 * is no space, storage may be waited for to give some back (queue.h). 0, or -1 with an exception.
 */
int volume_begin(PyObject *volume, int fd, enum stage_volume_writer writer, bool waits);

/* It is staged, or nobody wants it any more: it lets go of all that it holds. */
void volume_end(PyObject *volume);

#endif
