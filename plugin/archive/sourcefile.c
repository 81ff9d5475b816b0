/*
 * It is read as the host's own classes read theirs, call for call, so that a file that shrinks,
 * grows or fails meanwhile is in the backup what it would be by the host. But the file of an
 * ordinary path is opened without Python's file object, which would cost as much as all else; a
 * path of another kind is asked for its file, and that for its bytes.
 */
#include "archive/sourcefile.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "signature.h"

#include "archive/signatures.h"
#include "python/errors.h"
#include "python/gil.h"
#include "python/object.h"

/* What the host reads at a time of what is left when it closes a file. */
#define REST ((size_t)32 * 1024)

struct sourcefile {
	PyObject_HEAD
	PyObject *infile, *path, *signatures, *diffdir;
	struct stage_signature *signature;
	struct stage_content *content; /* all that is in it, if it was read ahead; fd is -1 then */
	size_t given;                  /* of it */
	int fd;                        /* -1 where infile is to be asked, which otherwise is NULL */
	bool at_end, ended;
};

static PyTypeObject *type;

bool
sourcefile_check(PyObject *object)
{
	return Py_IS_TYPE(object, type);
}

PyObject *
sourcefile_open_host(PyObject *path)
{
	PyObject *mode = PyUnicode_InternFromString("rb"), *file = NULL;

	if (mode)
		file = PyObject_CallMethodObjArgs(path, object_name_open, mode, NULL);
	Py_XDECREF(mode);
	return file;
}

/* Is what the host would open just the file of the path's name? 1, 0, or -1 with an exception. */
static int
is_plain(const struct sourcefile *file)
{
	PyObject *kind = PyObject_GetAttrString(file->diffdir, "Path");
	PyObject *fileobj = PyObject_GetAttr(file->path, object_name_fileobj);
	PyObject *opened = PyObject_GetAttr(file->path, object_name_opened);
	int is = -1;

	if (kind && fileobj && opened)
		is = Py_IS_TYPE(file->path, (PyTypeObject *)kind) && fileobj == Py_None &&
		     opened == Py_None;
	Py_XDECREF(opened);
	Py_XDECREF(fileobj);
	Py_XDECREF(kind);
	return is;
}

/* As Python's open() does it, which takes no directories. Without the GIL. -1: errno. */
static int
open_reading(const char *name)
{
	int fd = open(name, O_RDONLY | O_CLOEXEC);
	struct stat stat;

	if (fd < 0 || fstat(fd, &stat) < 0 || !S_ISDIR(stat.st_mode))
		return fd;
	close(fd);
	errno = EISDIR;
	return -1;
}

/* Opens the path's name: 0, or -1 with the exception that Python's open() raises. */
static int
open_plain(struct sourcefile *file)
{
	PyObject *name = PyObject_GetAttr(file->path, object_name_name);
	PyObject *bytes = name ? object_path_bytes(name) : NULL;
	int sys_errno = 0;

	while (bytes && file->fd < 0 && !PyErr_Occurred()) {
		Py_BEGIN_ALLOW_THREADS
		file->fd = open_reading(PyBytes_AsString(bytes));
		sys_errno = errno;
		Py_END_ALLOW_THREADS
		errno = sys_errno;
		if (file->fd < 0 && sys_errno != EINTR)
			PyErr_SetFromErrnoWithFilenameObject(PyExc_OSError, name);
		else
			PyErr_CheckSignals();
	}
	Py_XDECREF(bytes);
	Py_XDECREF(name);
	return PyErr_Occurred() ? -1 : 0;
}

static int
open_file(struct sourcefile *file)
{
	int plain = is_plain(file);

	if (plain < 0)
		return -1;
	if (plain)
		return file->content ? 0 : open_plain(file);
	stage_content_free(&file->content);
	file->infile = sourcefile_open_host(file->path);
	return file->infile ? 0 : -1;
}

/* 0, or -1 with an exception. */
static int
close_file(struct sourcefile *file)
{
	PyObject *result;
	int fd = file->fd;

	if (file->infile) {
		result = PyObject_CallMethodObjArgs(file->infile, object_name_close, NULL);
		Py_XDECREF(result);
		return result ? 0 : -1;
	}
	file->fd = -1;
	if (fd >= 0 && gil_close(fd) < 0 && errno != EINTR) {
		PyErr_SetFromErrno(PyExc_OSError);
		return -1;
	}
	return 0;
}

/* The host's block size for a file of the path's size; 0 with an exception. */
static size_t
block_length_for(const struct sourcefile *file)
{
	PyObject *stat = PyObject_GetAttr(file->path, object_name_stat);
	PyObject *size = stat ? PyObject_GetAttr(stat, object_name_st_size) : NULL;
	PyObject *length = NULL;
	size_t block_length = 0;

	if (size)
		length = PyObject_CallMethodObjArgs(
			file->diffdir, object_name_get_block_size, size, NULL);
	if (length)
		block_length = PyLong_AsSize_t(length);
	Py_XDECREF(length);
	Py_XDECREF(size);
	Py_XDECREF(stat);
	return PyErr_Occurred() ? 0 : block_length;
}

static int
begin_signature(struct sourcefile *file)
{
	struct stage_signature_options options = {.magic = STAGE_SIGNATURE_MD4, .strong_length = 8};
	struct stage_error error;

	options.block_length = block_length_for(file);
	if (PyErr_Occurred())
		return -1;
	if (stage_signature_open(&options, &file->signature, &error) == 0)
		return 0;
	errors_raise(&error);
	return -1;
}

PyObject *
sourcefile_new(
	PyObject *path, PyObject *signatures, PyObject *diffdir, struct stage_content *content)
{
	struct sourcefile *file = PyObject_New(struct sourcefile, type);

	if (!file) {
		stage_content_free(&content);
		return NULL;
	}
	file->infile = NULL;
	file->path = Py_NewRef(path);
	file->signatures = Py_NewRef(signatures);
	file->diffdir = Py_NewRef(diffdir);
	file->signature = NULL;
	file->content = content;
	file->given = 0;
	file->fd = -1;
	file->at_end = file->ended = false;
	if (open_file(file) < 0 || begin_signature(file) < 0)
		Py_CLEAR(file);
	return (PyObject *)file;
}

static void
sourcefile_dealloc(PyObject *self)
{
	struct sourcefile *file = (struct sourcefile *)self;
	PyTypeObject *own = Py_TYPE(self);

	if (file->fd >= 0)
		gil_close(file->fd);
	stage_content_free(&file->content);
	stage_signature_close(&file->signature);
	Py_CLEAR(file->infile);
	Py_CLEAR(file->path);
	Py_CLEAR(file->signatures);
	Py_CLEAR(file->diffdir);
	PyObject_Free(self);
	Py_DECREF(own);
}

/* Fills the buffer as far as the file goes. Without the GIL. -1: errno, and *got bytes so far. */
static int
fill(int fd, unsigned char *buffer, size_t size, size_t *got)
{
	ssize_t more = 1;

	while (*got < size && more > 0) {
		more = read(fd, buffer + *got, size - *got);
		if (more > 0)
			*got += (size_t)more;
	}
	return more < 0 ? -1 : 0;
}

static Py_ssize_t
read_content(struct sourcefile *file, unsigned char *buffer, size_t size)
{
	size_t left = file->content->size - file->given;

	file->at_end = left < size;
	if (left < size)
		size = left;
	memcpy(buffer, file->content->bytes + file->given, size);
	file->given += size;
	return (Py_ssize_t)size;
}

/* -1 with an exception: OSError, as of Python's own file, or that of a signal's handler. */
static Py_ssize_t
read_descriptor(struct sourcefile *file, unsigned char *buffer, size_t size)
{
	int code, sys_errno;
	size_t got = 0;

	for (;;) {
		Py_BEGIN_ALLOW_THREADS
		code = fill(file->fd, buffer, size, &got);
		sys_errno = errno;
		Py_END_ALLOW_THREADS
		if (code == 0) {
			file->at_end = got < size;
			return (Py_ssize_t)got;
		}
		errno = sys_errno;
		if (sys_errno != EINTR) {
			PyErr_SetFromErrno(PyExc_OSError);
			return -1;
		}
		if (PyErr_CheckSignals() < 0)
			return -1;
	}
}

static Py_ssize_t
read_object(PyObject *infile, unsigned char *buffer, size_t size)
{
	PyObject *wanted = PyLong_FromSize_t(size), *bytes = NULL;
	Py_ssize_t got = -1;
	char *data;

	if (wanted)
		bytes = PyObject_CallMethodObjArgs(infile, object_name_read, wanted, NULL);
	if (bytes && PyBytes_AsStringAndSize(bytes, &data, &got) == 0) {
		if ((size_t)got > size) {
			PyErr_SetString(PyExc_ValueError, "a file gave more than it was asked for");
			got = -1;
		} else
			memcpy(buffer, data, (size_t)got);
	}
	Py_XDECREF(bytes);
	Py_XDECREF(wanted);
	return got;
}

/* The host's own words. Ends the pending exception if it is one that the host goes on after. */
static int
warn(const struct sourcefile *file)
{
	PyObject *kind, *value, *traceback, *name = NULL, *reason = NULL, *text = NULL;
	PyObject *result = NULL;

	if (!PyErr_ExceptionMatches(PyExc_OSError))
		return -1;
	PyErr_Fetch(&kind, &value, &traceback);
	PyErr_NormalizeException(&kind, &value, &traceback);
	reason = object_call("duplicity.util", "uexc", "(O)", value);
	if (reason)
		name = PyObject_GetAttr(file->infile ? file->infile : file->path, object_name_name);
	if (name)
		text = object_call("os", "fsdecode", "(O)", name);
	if (text)
		text = object_text(
			"Error %s getting delta for %s", Py_BuildValue("(ON)", reason, text));
	if (text)
		result = object_call("duplicity.log", "Warn", "(O)", text);
	Py_XDECREF(result);
	Py_XDECREF(text);
	Py_XDECREF(name);
	Py_XDECREF(reason);
	Py_XDECREF(traceback);
	Py_XDECREF(value);
	Py_XDECREF(kind);
	return result ? 0 : -1;
}

/* What was read gets into the signature. */
static int
sign(struct sourcefile *file, const unsigned char *buffer, size_t size)
{
	struct stage_error error;
	int code;

	if (size == 0)
		return 0;
	Py_BEGIN_ALLOW_THREADS
	code = stage_signature_update(file->signature, buffer, size, &error);
	Py_END_ALLOW_THREADS
	if (code < 0)
		errors_raise(&error);
	return code;
}

static Py_ssize_t
read_any(struct sourcefile *file, unsigned char *buffer, size_t size)
{
	if (file->content)
		return read_content(file, buffer, size);
	return file->infile ? read_object(file->infile, buffer, size)
			    : read_descriptor(file, buffer, size);
}

Py_ssize_t
sourcefile_read(PyObject *self, unsigned char *buffer, size_t size)
{
	struct sourcefile *file = (struct sourcefile *)self;
	Py_ssize_t got = read_any(file, buffer, size);

	if (got < 0) {
		if (warn(file) < 0)
			return -1;
		got = 0;
	}
	if (object_count(file->diffdir, object_name_SourceFileSize, got) < 0 ||
		sign(file, buffer, (size_t)got) < 0)
		return -1;
	return got;
}

static int
hand_over_signature(struct sourcefile *file)
{
	struct stage_error error;
	const unsigned char *bytes;
	size_t size;

	if (stage_signature_end(file->signature, &bytes, &size, &error) < 0) {
		errors_raise(&error);
		return -1;
	}
	return signatures_add(file->signatures, file->path, STAGE_MEMBER_SIGNATURE, bytes, size);
}

int
sourcefile_close(PyObject *self)
{
	struct sourcefile *file = (struct sourcefile *)self;
	unsigned char buffer[REST];
	Py_ssize_t got = 0;

	if (!file->ended) {
		/* an end that was seen is one */
		while (!file->at_end && (got = sourcefile_read(self, buffer, sizeof(buffer))) > 0)
			continue;
		if (got < 0)
			return -1;
		file->ended = true;
		if (hand_over_signature(file) < 0)
			return -1;
	}
	return close_file(file);
}

static PyObject *
read_all(PyObject *self)
{
	PyObject *all = PyBytes_FromString(""), *more;
	unsigned char buffer[REST];
	Py_ssize_t got;

	do {
		got = sourcefile_read(self, buffer, sizeof(buffer));
		more = got < 0 ? NULL : PyBytes_FromStringAndSize((char *)buffer, got);
		if (!more)
			Py_CLEAR(all);
		else
			PyBytes_ConcatAndDel(&all, more);
	} while (all && got > 0);
	return all;
}

/* read(length=-1) */
static PyObject *
sourcefile_read_method(PyObject *self, PyObject *arguments)
{
	Py_ssize_t length = -1, got;
	PyObject *bytes, *shorter;

	if (!PyArg_ParseTuple(arguments, "|n:read", &length))
		return NULL;
	if (length < 0)
		return read_all(self);
	bytes = PyBytes_FromStringAndSize(NULL, length);
	if (!bytes)
		return NULL;
	got = sourcefile_read(self, (unsigned char *)PyBytes_AsString(bytes), (size_t)length);
	if (got == length)
		return bytes;
	shorter = got < 0 ? NULL : PyBytes_FromStringAndSize(PyBytes_AsString(bytes), got);
	Py_DECREF(bytes);
	return shorter;
}

/* close(), which returns None: the host asserts that it is false */
static PyObject *
sourcefile_close_method(PyObject *self, PyObject *unused)
{
	(void)unused;
	return sourcefile_close(self) < 0 ? NULL : Py_NewRef(Py_None);
}

static PyMethodDef methods[] = {
	{"read", sourcefile_read_method, METH_VARARGS, "read(length=-1)\n--\n\n"},
	{"close", sourcefile_close_method, METH_NOARGS, "close()\n--\n\n"},
	{0},
};

static char documentation[] =
	"A file that is backed up: what is read of it is counted, and gets into a signature.";

static PyType_Slot slots[] = {
	{Py_tp_doc, documentation},
	{Py_tp_dealloc, (void *)sourcefile_dealloc},
	{Py_tp_methods, methods},
	{0, NULL},
};

static PyType_Spec specification = {
	.name = "_stagedir.SourceFile",
	.basicsize = sizeof(struct sourcefile),
	.flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION,
	.slots = slots,
};

int
sourcefile_add_type(PyObject *module)
{
	if (!type)
		type = (PyTypeObject *)PyType_FromSpec(&specification);
	return type ? PyModule_AddType(module, type) : -1;
}
