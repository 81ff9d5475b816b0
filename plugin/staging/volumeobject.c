/*
 * All Volumes that live are in a list, which the GIL guards. The core's volume in each has a lock of its
 * own, so that one may be ended while another thread writes it.
 */
#include "staging/volumeobject.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "durable.h"
#include "regular.h"

#include "python/errors.h"
#include "python/gil.h"
#include "python/hostlog.h"
#include "python/object.h"
#include "staging/directory.h"
#include "staging/queue.h"

struct volume {
	PyObject_HEAD
	struct volume *next; /* of this process */
	struct stage_volume *volume;
	PyObject *directory; /* that tracks its file; NULL once it is staged or ended */
	dev_t device;        /* of its file, once it is begun */
};

static struct volume *all;
static PyTypeObject *type;

PyObject *
volumeobject_new(const char *path, PyObject *directory, uint64_t bytes, bool durable)
{
	allocfunc allocate = (allocfunc)PyType_GetSlot(type, Py_tp_alloc);
	struct stage_error error;
	struct volume *self;

	self = (struct volume *)allocate(type, 0);
	if (!self)
		return NULL;
	if (stage_volume_new(path, bytes, durable, &hostlog, &self->volume, &error) < 0) {
		Py_DECREF((PyObject *)self);
		return errors_raise(&error);
	}
	self->directory = Py_NewRef(directory);
	self->next = all;
	all = self;
	return (PyObject *)self;
}

PyObject *
volumeobject_find(const char *path)
{
	struct volume *self;

	for (self = all; self; self = self->next)
		if (self->directory && strcmp(stage_volume_path(self->volume), path) == 0)
			return Py_NewRef((PyObject *)self);
	return NULL;
}

PyObject *
volumeobject_find_object(PyObject *module, PyObject *path)
{
	PyObject *bytes = object_path_bytes(path), *found;

	(void)module;
	if (!bytes)
		return NULL;
	found = volumeobject_find(PyBytes_AsString(bytes));
	Py_DECREF(bytes);
	return found ? found : Py_NewRef(Py_None);
}

struct stage_volume *
volumeobject_of(PyObject *object)
{
	if (Py_IS_TYPE(object, type))
		return ((struct volume *)object)->volume;
	PyErr_Format(PyExc_TypeError, "a Volume is wanted, not %R", object);
	return NULL;
}

PyObject *
volumeobject_directory(PyObject *volume)
{
	return ((struct volume *)volume)->directory;
}

static bool
is_full(const struct stage_error *error)
{
	return error->code == STAGE_E_SYSTEM && stage_durable_is_full(error->sys_errno);
}

/* A handler of a signal may have raised already, while room was waited for. */
static int
fail(const struct volume *self, const struct stage_error *error)
{
	PyObject *path;

	if (PyErr_Occurred())
		return -1;
	if (error->code != STAGE_E_SYSTEM) {
		errors_raise(error);
		return -1;
	}
	path = PyBytes_FromString(stage_volume_path(self->volume));
	errno = error->sys_errno;
	if (path)
		PyErr_SetFromErrnoWithFilenameObject(PyExc_OSError, path);
	Py_XDECREF(path);
	return -1;
}

int
volumeobject_begin(PyObject *object, int fd, enum stage_volume_writer writer, bool waits)
{
	struct volume *self = (struct volume *)object;
	struct stage_error error;
	struct stat stat;
	int code;

	Py_BEGIN_ALLOW_THREADS
	code = fstat(fd, &stat) < 0
		       ? stage_error_set(&error, STAGE_E_SYSTEM, errno, "cannot look at a volume")
		       : stage_volume_begin(self->volume, fd, writer, &error);
	Py_END_ALLOW_THREADS
	if (code < 0)
		return fail(self, &error);
	self->device = stat.st_dev;
	return volumeobject_ahead(object, waits);
}

int
volumeobject_ahead(PyObject *object, bool waits)
{
	struct volume *self = (struct volume *)object;
	struct stage_error error;
	int code;

	do {
		Py_BEGIN_ALLOW_THREADS
		code = stage_volume_ahead(self->volume, &error);
		Py_END_ALLOW_THREADS
	} while (code < 0 && is_full(&error) && waits && queue_wait_beside(self->device));
	if (code == 0)
		return 0;
	if (!is_full(&error) || PyErr_Occurred())
		return fail(self, &error);
	stage_volume_without(self->volume);
	stage_log_line(
		&hostlog, STAGE_INFO, "the volume is written all the same: %s", error.message);
	return 0;
}

void
volumeobject_end(PyObject *object)
{
	struct volume *self = (struct volume *)object;

	Py_BEGIN_ALLOW_THREADS
	stage_volume_end(self->volume);
	Py_END_ALLOW_THREADS
	Py_CLEAR(self->directory);
}

static PyObject *
volume_path(PyObject *self, void *unused)
{
	(void)unused;
	return PyBytes_FromString(stage_volume_path(((struct volume *)self)->volume));
}

static PyObject *
volume_is_begun(PyObject *object, void *unused)
{
	struct volume *self = (struct volume *)object;
	bool is;

	(void)unused;
	Py_BEGIN_ALLOW_THREADS
	is = stage_volume_is_begun(self->volume);
	Py_END_ALLOW_THREADS
	return PyBool_FromLong(is);
}

/* Opens the file, which somebody else has open for writing: a descriptor, or -1 with an exception. */
static int
open_file(const struct volume *self)
{
	struct stage_error error;
	int fd = -1;

	Py_BEGIN_ALLOW_THREADS
	if (stage_regular_open(AT_FDCWD, stage_volume_path(self->volume), O_WRONLY, &fd, NULL) < 0)
		stage_error_set(&error, STAGE_E_SYSTEM, errno, "cannot open a volume");
	Py_END_ALLOW_THREADS
	return fd < 0 ? fail(self, &error) : fd;
}

static PyObject *
volume_begin_other(PyObject *object, PyObject *unused)
{
	int fd = open_file((struct volume *)object), result;

	(void)unused;
	if (fd < 0)
		return NULL;
	result = volumeobject_begin(object, fd, STAGE_VOLUME_OTHER, true);
	gil_close(fd);
	return result < 0 ? NULL : Py_NewRef(Py_None);
}

static PyObject *
volume_sha1(PyObject *object, PyObject *unused)
{
	struct volume *self = (struct volume *)object;
	unsigned char sha1[STAGE_SHA1_BYTES];
	struct stage_error error;
	int code;

	(void)unused;
	Py_BEGIN_ALLOW_THREADS
	code = stage_volume_complete(self->volume, &error);
	if (code == 0)
		code = stage_volume_sha1(self->volume, sha1, &error);
	Py_END_ALLOW_THREADS
	if (code == STAGE_E_AGAIN)
		Py_RETURN_NONE;
	return code < 0 ? errors_raise(&error)
			: PyBytes_FromStringAndSize((const char *)sha1, STAGE_SHA1_BYTES);
}

static PyObject *
volume_set_sha1(PyObject *object, PyObject *bytes)
{
	struct volume *self = (struct volume *)object;
	struct stage_error error;
	Py_ssize_t size;
	char *sha1;
	int code;

	if (PyBytes_AsStringAndSize(bytes, &sha1, &size) < 0)
		return NULL;
	if (size != STAGE_SHA1_BYTES) {
		PyErr_Format(
			PyExc_ValueError, "a SHA-1 has %d bytes, not %zd", STAGE_SHA1_BYTES, size);
		return NULL;
	}
	Py_BEGIN_ALLOW_THREADS
	code = stage_volume_set_sha1(self->volume, (const unsigned char *)sha1, &error);
	Py_END_ALLOW_THREADS
	return code < 0 ? errors_raise(&error) : Py_NewRef(Py_None);
}

static PyObject *
volume_remove(PyObject *object, PyObject *unused)
{
	struct volume *self = (struct volume *)object;
	PyObject *directory = Py_XNewRef(self->directory);
	struct stage_error error;
	int code = 0;

	(void)unused;
	volumeobject_end(object);
	if (directory)
		code = directory_remove_from(directory, stage_volume_path(self->volume), &error);
	Py_XDECREF(directory);
	return code < 0 ? errors_raise(&error) : Py_NewRef(Py_None);
}

/* pickle skips what raises TypeError, and the host pickles all that its configuration refers to */
static PyObject *
volume_reduce(PyObject *object, PyObject *unused)
{
	(void)object;
	(void)unused;
	PyErr_SetString(PyExc_TypeError, "a Volume belongs to one process");
	return NULL;
}

static void
volume_dealloc(PyObject *object)
{
	struct volume *self = (struct volume *)object, **link;
	freefunc release = (freefunc)PyType_GetSlot(type, Py_tp_free);

	for (link = &all; *link && *link != self; link = &(*link)->next)
		;
	if (*link)
		*link = self->next;
	Py_BEGIN_ALLOW_THREADS
	stage_volume_free(&self->volume);
	Py_END_ALLOW_THREADS
	Py_CLEAR(self->directory);
	release(object);
	Py_DECREF((PyObject *)type);
}

static PyMethodDef methods[] = {
	{"begin", volume_begin_other, METH_NOARGS,
		"begin()\n--\n\n"
		"Begins a volume that another process (gpg) writes, once it was opened for that: has disk\n"
		"space allocated, and follows it while it is written. Without space waits while staged\n"
		"volumes are still handed off. gzip_write_file() begins its own."},
	{"sha1", volume_sha1, METH_NOARGS,
		"sha1()\n--\n\n"
		"The SHA-1 (bytes) of a volume that is not written any more; None where it is not known."},
	{"set_sha1", volume_set_sha1, METH_O,
		"set_sha1(sha1)\n--\n\nTells a SHA-1 (bytes) that was not known."},
	{"remove", volume_remove, METH_NOARGS,
		"remove()\n--\n\n"
		"Removes the file, by descriptor, and forgets it, unless it is staged: what its path\n"
		"leads to then may be another's."},
	{"__reduce__", volume_reduce, METH_NOARGS, "Raises TypeError."},
	{0},
};

static PyGetSetDef attributes[] = {
	{"path", volume_path, NULL, "Where it is to be made (bytes).", NULL},
	{"is_begun", volume_is_begun, NULL,
		"Was it begun, and is it still wanted? False also where something else is at its path.",
		NULL},
	{0},
};

static char documentation[] = "A volume that is made to be staged: of Staging.volume().";

static PyType_Slot slots[] = {
	{Py_tp_doc, documentation},
	{Py_tp_dealloc, (void *)volume_dealloc},
	{Py_tp_getset, attributes},
	{Py_tp_methods, methods},
	{0, NULL},
};

static PyType_Spec specification = {
	.name = "_stagedir.Volume",
	.basicsize = sizeof(struct volume),
	.flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION,
	.slots = slots,
};

int
volumeobject_add_type(PyObject *module)
{
	if (!type)
		type = (PyTypeObject *)PyType_FromSpec(&specification);
	return type ? PyModule_AddType(module, type) : -1;
}
