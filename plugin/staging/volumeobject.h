/*
 * volumeobject - the type Volume: a volume of core/volume.h, as Python holds it
 *
 * Staging.volume() gives one. The path object that the host makes for it carries it as an attribute, and
 * the hooks in the host take it from there. GzipWriteFile and GPGFile get a file's name and nothing else.
 * There it is found by that name: volumeobject_find().
 *
 * How large a volume may become beside --volsize (the host's config.volsize)
 *
 *	without gpg		Never above --volsize. archive/writefile.c asks before each block whether it
 *				surely fits (has_room()), and core/gzip.h counts the worst case for bytes
 *				that are not compressed yet.
 *
 *	gpg encrypts		Never above --volsize. archive/packet.c asks in the same way, and leaves room for
 *				that by which a message is larger than what is encrypted.
 *
 *	gpg compresses		It may be above by the bytes that are in the pipe and in gpg when the host
 *				stops. The host's GPGWriteFile stops by the size of the file, 50 KiB below
 *				--volsize, and does not count them. archive/pipe.c makes the pipe 64 KiB in
 *				time; gpg's part has no limit. Volumes of 1 and 3 MiB were up to 52 KB above
 *				(measured, gpg 2.2.40). VOLUMEOBJECT_SLACK is room for that.
 *
 *	reserved		--volsize and VOLUMEOBJECT_SLACK: Staging.volume(). Nothing ends a volume that
 *				gets larger. It only has no space of its own beyond that.
 *
 * All functions are called with the GIL held, and give it up while they work.
 */
#ifndef STAGEDIR_VOLUMEOBJECT_H
#define STAGEDIR_VOLUMEOBJECT_H

#include <Python.h>

#include <stdbool.h>
#include <stdint.h>

#include "volume.h"

/* Bytes that are reserved for a volume beyond --volsize. */
#define VOLUMEOBJECT_SLACK ((uint64_t)256 * 1024)

/* Adds Volume to the module: 0, or -1 with an exception. */
int volumeobject_add_type(PyObject *module);

/*
 * A Volume that is to be made at path, with bytes reserved for it. directory, a TemporaryDirectory,
 * tracks path. NULL with an exception.
 */
PyObject *volumeobject_new(const char *path, PyObject *directory, uint64_t bytes, bool durable);

/*
 * The Volume of this process with just this path: a new reference; NULL, without an exception, if there
 * is none.
 */
PyObject *volumeobject_find(const char *path);

/* _stagedir.find_volume(path) */
PyObject *volumeobject_find_object(PyObject *module, PyObject *path);

/* The volume that a Volume holds, as long as that lives; NULL with an exception for any other object. */
struct stage_volume *volumeobject_of(PyObject *object);

/* The TemporaryDirectory of a Volume that is neither staged nor ended, borrowed; NULL otherwise. */
PyObject *volumeobject_directory(PyObject *volume);

/*
 * Begins a Volume, whose file fd has open for writing, as stage_volume_begin(), and allocates disk space as
 * volumeobject_ahead() does. 0, or -1 with an exception.
 */
int volumeobject_begin(PyObject *volume, int fd, enum stage_volume_writer writer, bool waits);

/*
 * Has disk space for the next bytes of a Volume allocated, as stage_volume_ahead(). waits: if there is not
 * enough, wait for hand-off to give some back (queue.h). If there never will be, the volume is written
 * without. 0, or -1 with an exception.
 */
int volumeobject_ahead(PyObject *volume, bool waits);

/* It is staged, or unwanted: it lets go of all that it holds. */
void volumeobject_end(PyObject *volume);

#endif
