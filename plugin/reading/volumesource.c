#include "reading/volumesource.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "gunzip.h"
#include "python/errors.h"
#include "python/hostfile.h"
#include "python/object.h"

/* Compressed bytes from which on a thread inflates ahead, and how many threads may. */
#define AHEAD_BYTES ((off_t)64 * 1024)
#define AHEAD_MAX 8

/* Bytes that are read at once of a plain file, and asked for by read(). */
#define PLAIN_BYTES ((size_t)64 * 1024)
#define ASKED_BYTES (256 * 1024)

static unsigned int threads; /* that there are; the GIL guards it */

static void
give_up_gil(void *context)
{
	((struct volumesource *)context)->waiting = PyEval_SaveThread();
}

static void
take_gil(void *context)
{
	PyEval_RestoreThread(((struct volumesource *)context)->waiting);
}

/* The next bytes of a plain file: 0, or an error. */
static int
read_plain(struct volumesource *source, struct stage_error *error)
{
	ssize_t got;

	Py_BEGIN_ALLOW_THREADS
	do
		got = pread(source->fd, source->buffer, PLAIN_BYTES, source->offset);
	while (got < 0 && errno == EINTR);
	Py_END_ALLOW_THREADS
	if (got < 0)
		return stage_error_set(error, STAGE_E_SYSTEM, errno, "cannot read the volume %s",
			volumesource_name(source));
	source->offset += got;
	source->bytes = source->buffer;
	source->size = (size_t)got;
	return 0;
}

/* The next bytes that the host's read() gives: 0, or an error with an exception. */
static int
ask(struct volumesource *source, struct stage_error *error)
{
	PyObject *length = PyLong_FromLong(ASKED_BYTES), *block = NULL;
	Py_ssize_t size;
	char *bytes;

	if (length)
		block = PyObject_CallMethodObjArgs(source->file, object_name_read, length, NULL);
	Py_XDECREF(length);
	if (!block || PyBytes_AsStringAndSize(block, &bytes, &size) < 0) {
		Py_XDECREF(block);
		return stage_error_set(error, STAGE_E_SYSTEM, EIO, "cannot read the volume %s",
			volumesource_name(source));
	}
	Py_XDECREF(source->block);
	source->block = block;
	source->bytes = bytes;
	source->size = (size_t)size;
	return 0;
}

/* Sees to bytes: 1, 0 at the end, or an error. */
static int
refill(struct volumesource *source, struct stage_error *error)
{
	int code;

	if (source->taken < source->size)
		return 1;
	if (source->ended)
		return 0;
	source->size = source->taken = 0;
	code = source->fd >= 0 ? read_plain(source, error) : ask(source, error);
	if (code < 0)
		return code;
	source->ended = source->size == 0;
	return !source->ended;
}

/* Takes size bytes; without a buffer it forgets them. */
static int
take(struct volumesource *source, char *buffer, uint64_t size, uint64_t *ret_count,
	struct stage_error *error)
{
	uint64_t done = 0;
	size_t part;
	int code = 1;

	while (done < size && (code = refill(source, error)) > 0) {
		part = source->size - source->taken;
		if (part > size - done)
			part = (size_t)(size - done);
		if (buffer)
			memcpy(buffer + done, source->bytes + source->taken, part);
		source->taken += part;
		done += part;
	}
	*ret_count = done;
	return code < 0 ? code : 0;
}

static int
read_bytes(void *context, void *buffer, size_t size, size_t *ret_count, struct stage_error *error)
{
	uint64_t count;
	int code = take(context, buffer, size, &count, error);

	*ret_count = (size_t)count;
	return code;
}

static int
skip_bytes(void *context, uint64_t size, uint64_t *ret_count, struct stage_error *error)
{
	return take(context, NULL, size, ret_count, error);
}

/* The file object that the host has put its hooks around; a new reference, NULL with an exception. */
static PyObject *
inner_file(PyObject *file)
{
	PyObject *hooked = object_attribute("duplicity.dup_temp", "FileobjHooked");
	int is = hooked ? PyObject_IsInstance(file, hooked) : 0;

	Py_XDECREF(hooked);
	if (is < 0)
		return NULL;
	return is ? PyObject_GetAttr(file, object_name_fileobj) : Py_NewRef(file);
}

/* A new bytes object; a file without a name has that of no file. */
static PyObject *
name_of(PyObject *file)
{
	PyObject *name = PyObject_GetAttr(file, object_name_name), *outer, *bytes = NULL;

	if (name && !PyUnicode_Check(name) && !PyBytes_Check(name)) {
		outer = name; /* a path of the host's */
		name = PyObject_GetAttr(outer, object_name_name);
		Py_DECREF(outer);
	}
	if (name && (PyUnicode_Check(name) || PyBytes_Check(name)))
		bytes = object_path_bytes(name);
	Py_XDECREF(name);
	PyErr_Clear();
	return bytes ? bytes : PyBytes_FromString("without a name");
}

static int
open_gzip(struct volumesource *source, int fd, struct stage_tarsource *ret_bytes)
{
	struct stage_readahead_options options = {.path = volumesource_name(source),
		.leaves_open = true,
		.waiting = {.begin = give_up_gil, .end = take_gil, .context = source}};
	struct stage_error error;
	struct stat stat;

	options.ahead = threads < AHEAD_MAX && fstat(fd, &stat) == 0 && stat.st_size >= AHEAD_BYTES;
	if (stage_gunzip_open(fd, &options, &source->readahead, &error) < 0) {
		errors_raise_volumes(&error);
		return -1;
	}
	source->ahead = options.ahead;
	threads += source->ahead;
	*ret_bytes = stage_tarreader_readahead(source->readahead);
	return 0;
}

static int
open_plain(struct volumesource *source, int fd)
{
	source->buffer = malloc(PLAIN_BYTES);
	if (!source->buffer) {
		PyErr_NoMemory();
		return -1;
	}
	source->fd = fd;
	return 0;
}

int
volumesource_open(struct volumesource *source, PyObject *file, struct stage_tarsource *ret_bytes)
{
	PyObject *inner = inner_file(file);
	int is = inner ? hostfile_is_gzip(inner) : -1;

	if (is < 0)
		goto failed;
	*source = VOLUMESOURCE_NONE;
	source->name = name_of(file);
	if (!source->name)
		goto failed;
	source->file = Py_NewRef(file);
	*ret_bytes = (struct stage_tarsource){read_bytes, skip_bytes, source};
	if (is > 0)
		is = open_gzip(source, hostfile_descriptor(inner), ret_bytes);
	else if ((is = hostfile_is_plain(inner)) > 0)
		is = open_plain(source, hostfile_descriptor(inner));
	if (is < 0)
		goto failed;
	Py_DECREF(inner);
	return 0;

failed:
	Py_XDECREF(inner);
	return -1;
}

const char *
volumesource_name(const struct volumesource *source)
{
	return PyBytes_AsString(source->name);
}

/* Ends it; the host's file, a reference of the caller's, which may be NULL. */
static PyObject *
end(struct volumesource *source)
{
	struct stage_readahead *readahead = source->readahead;
	PyObject *file = source->file;

	source->readahead = NULL;
	source->file = NULL;
	if (readahead) {
		/* its thread may wait for a disk */
		Py_BEGIN_ALLOW_THREADS
		stage_readahead_close(&readahead);
		Py_END_ALLOW_THREADS
		threads -= source->ahead;
	}
	free(source->buffer);
	Py_CLEAR(source->block);
	Py_CLEAR(source->name);
	*source = VOLUMESOURCE_NONE;
	return file;
}

static int
close_file(PyObject *file)
{
	PyObject *result = PyObject_CallMethodObjArgs(file, object_name_close, NULL);
	int is = result ? PyObject_IsTrue(result) : -1;

	Py_XDECREF(result);
	if (is > 0)
		PyErr_SetString(PyExc_AssertionError, "a volume was not closed");
	return is == 0 ? 0 : -1;
}

int
volumesource_explain(struct volumesource *source)
{
	PyObject *file;
	int code;

	if (!source->file || source->readahead || source->fd >= 0)
		return 0;
	file = end(source);
	code = close_file(file);
	Py_DECREF(file);
	return code;
}

int
volumesource_close(struct volumesource *source)
{
	PyObject *file = end(source);
	int code = file ? close_file(file) : 0;

	Py_XDECREF(file);
	return code;
}

void
volumesource_release(struct volumesource *source)
{
	Py_XDECREF(end(source));
}
