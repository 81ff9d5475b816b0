/*
 * Pipe(fd, volume, limit): the pipe to the gpg that makes a Volume.
 *
 * gpg cannot be made to wait for disk space, but who feeds it can: as long as nothing is put into the pipe,
 * little comes out (core/volume.h: a step ahead).
 *
 * It is wide, so that gpg has work while small files are read. Towards the end of the volume it gets as
 * narrow as all pipes are: the host does not count the bytes in it, and the volume grows by them beyond
 * its limit (staging/volumeobject.h: how large a volume may become).
 *
 * The descriptor stays the caller's. For one thread at a time.
 */
#include "archive/pipe.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

#include "staging/volumeobject.h"

/* Bytes: what the kernel allows everybody, and what a pipe has (pipe(7)). */
#define WIDE (1 << 20)
#define NARROW (1 << 16)

struct pipe {
	PyObject_HEAD
	PyObject *volume; /* a Volume */
	int fd;
	unsigned long long limit;    /* the volume is to have so many bytes */
	unsigned long long looks_at; /* bytes written */
	bool is_wide;
};

/* There is a limit for all pipes of a user: then it is as it was. */
static int
pipe_init(PyObject *object, PyObject *arguments, PyObject *keywords)
{
	struct pipe *self = (struct pipe *)object;
	PyObject *volume;

	if (self->volume) {
		PyErr_SetString(PyExc_RuntimeError, "this Pipe was made already");
		return -1;
	}
	if (keywords && PyDict_Size(keywords)) {
		PyErr_SetString(PyExc_TypeError, "Pipe takes no keywords");
		return -1;
	}
	if (!PyArg_ParseTuple(arguments, "iOK:Pipe", &self->fd, &volume, &self->limit) ||
		!volumeobject_of(volume))
		return -1;
	self->volume = Py_NewRef(volume);
	self->is_wide = fcntl(self->fd, F_SETPIPE_SZ, WIDE) >= 0;
	return 0;
}

/* A millisecond each, until gpg has read most of it, or is dead: 0, or -1 with an exception, of a signal's handler. */
static int
narrow(struct pipe *self)
{
	struct pollfd gone = {.fd = self->fd}; /* POLLERR alone: nobody reads any more */
	bool busy;

	do {
		Py_BEGIN_ALLOW_THREADS
		busy = fcntl(self->fd, F_SETPIPE_SZ, NARROW) < 0 && errno == EBUSY &&
		       poll(&gone, 1, 1) <= 0;
		Py_END_ALLOW_THREADS
		if (PyErr_CheckSignals() < 0)
			return -1;
	} while (busy);
	self->is_wide = false;
	return 0;
}

/* As the host's own stat() of its file, whose path is bytes: by that it is known. */
static PyObject *
fail_to_look(const char *path)
{
	const int failed = errno;
	PyObject *bytes = PyBytes_FromString(path);

	errno = failed;
	if (bytes)
		PyErr_SetFromErrnoWithFilenameObject(PyExc_OSError, bytes);
	Py_XDECREF(bytes);
	return NULL;
}

static PyObject *
pipe_written(PyObject *object, PyObject *argument)
{
	struct pipe *self = (struct pipe *)object;
	unsigned long long count = PyLong_AsUnsignedLongLong(argument);
	const char *path;
	struct stat stat;

	if (PyErr_Occurred())
		return NULL;
	if (!self->volume) {
		PyErr_SetString(PyExc_ValueError, "this Pipe was never made");
		return NULL;
	}
	if (count < self->looks_at)
		Py_RETURN_NONE;
	self->looks_at = count + WIDE;
	if (volumeobject_ahead(self->volume, true) < 0)
		return NULL;
	if (!self->is_wide)
		Py_RETURN_NONE;
	path = stage_volume_path(volumeobject_of(self->volume));
	if (lstat(path, &stat) < 0)
		return fail_to_look(path);
	if ((unsigned long long)stat.st_size + 4ULL * WIDE > self->limit && narrow(self) < 0)
		return NULL;
	Py_RETURN_NONE;
}

static void
pipe_dealloc(PyObject *object)
{
	struct pipe *self = (struct pipe *)object;
	PyTypeObject *type = Py_TYPE(object);
	freefunc release = (freefunc)PyType_GetSlot(type, Py_tp_free);

	Py_XDECREF(self->volume);
	release(object);
	Py_DECREF(type);
}

static PyMethodDef methods[] = {
	{"written", pipe_written, METH_O,
		"written(count)\n--\n\n"
		"To be called when so many bytes in all were written to it. Waits for disk space while\n"
		"staged volumes are still handed off."},
	{0},
};

static char documentation[] =
	"Pipe(fd, volume, limit)\n--\n\n"
	"The pipe that fd writes to, wide until the file of the Volume has nearly limit bytes.";

static PyType_Slot slots[] = {
	{Py_tp_doc, documentation},
	{Py_tp_new, (void *)PyType_GenericNew},
	{Py_tp_init, (void *)pipe_init},
	{Py_tp_dealloc, (void *)pipe_dealloc},
	{Py_tp_methods, methods},
	{0, NULL},
};

static PyType_Spec specification = {
	.name = "_stagedir.Pipe",
	.basicsize = sizeof(struct pipe),
	.flags = Py_TPFLAGS_DEFAULT,
	.slots = slots,
};

int
pipe_add_type(PyObject *module)
{
	PyObject *type = PyType_FromSpec(&specification);
	int result = type ? PyModule_AddType(module, (PyTypeObject *)type) : -1;

	Py_XDECREF(type);
	return result;
}
