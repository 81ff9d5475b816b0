#include "archive/form.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "archive/follower.h"
#include "duplicity/archive.h"
#include "python/errors.h"
#include "python/object.h"

struct form {
	PyObject_HEAD
	PyObject *folder;    /* bytes */
	PyObject *source;    /* bytes: the path of the file */
	PyObject *write;     /* write(BLOCKS, MADE, BESIDE) */
	PyObject *directory; /* a TemporaryDirectory in folder */
	PyObject *made;      /* bytes: the path of the form; NULL until __init__ has succeeded */
	PyObject *follower;  /* until it was waited for; NULL: there is none */
	pid_t owner;
};

/* The path of name (str or bytes) in the archive directory: bytes, or NULL with an exception. */
static PyObject *
path_in(PyObject *folder, PyObject *name)
{
	PyObject *bytes = object_path_bytes(name), *path;

	if (!bytes)
		return NULL;
	path = PyBytes_FromFormat("%s/%s", PyBytes_AsString(folder), PyBytes_AsString(bytes));
	Py_DECREF(bytes);
	return path;
}

/* followed: bytes, or NULL. 0, or -1 with an exception. */
static int
open_form(struct form *self, PyObject *name, PyObject *followed, double later)
{
	PyObject *made;

	self->source = path_in(self->folder, name);
	if (!self->source)
		return -1;
	self->directory =
		object_call("duplicity.tempdir", "TemporaryDirectory", "(O)", self->folder);
	made = self->directory ? PyObject_CallMethod(self->directory, "mktemp", NULL) : NULL;
	if (made && followed &&
		!(self->follower = follower_new(followed, self->write, made, later)))
		Py_CLEAR(made);
	self->made = made;
	return made ? 0 : -1;
}

static void
form_clear(struct form *self)
{
	Py_CLEAR(self->follower);
	Py_CLEAR(self->made);
	Py_CLEAR(self->directory);
	Py_CLEAR(self->write);
	Py_CLEAR(self->source);
	Py_CLEAR(self->folder);
}

static int
form_init(PyObject *object, PyObject *arguments, PyObject *keywords)
{
	struct form *self = (struct form *)object;
	PyObject *folder, *name, *write, *followed = Py_None, *bytes = NULL;
	double later = 0;
	int code = 0;

	if (self->made) {
		PyErr_SetString(PyExc_RuntimeError, "this Form was made already");
		return -1;
	}
	if (keywords && PyDict_Size(keywords)) {
		PyErr_SetString(PyExc_TypeError, "Form takes no keywords");
		return -1;
	}
	if (!PyArg_ParseTuple(arguments, "OOO|Od:Form", &folder, &name, &write, &followed, &later))
		return -1;
	if (followed != Py_None && !(bytes = object_path_bytes(followed)))
		return -1;
	self->owner = getpid();
	self->write = Py_NewRef(write);
	self->folder = object_path_bytes(folder);
	code = self->folder ? open_form(self, name, bytes, later) : -1;
	if (code < 0)
		form_clear(self);
	Py_XDECREF(bytes);
	return code;
}

static bool
is_open(const struct form *self)
{
	struct stage_error error;

	if (!self->made) {
		PyErr_SetString(PyExc_ValueError, "this Form was never made");
		return false;
	}
	if (getpid() == self->owner)
		return true;
	stage_error_set(&error, STAGE_E_FORKED, 0, "%s is made by process %ld, not by its child",
		PyBytes_AsString(self->made), (long)self->owner);
	errors_raise(&error);
	return false;
}

/* A backend may have moved what it was given to store. */
static bool
is_there(const struct form *self)
{
	struct stat stat;
	bool is;

	Py_BEGIN_ALLOW_THREADS
	is = lstat(PyBytes_AsString(self->made), &stat) == 0;
	Py_END_ALLOW_THREADS
	return is;
}

/* What write has left by failing must not be taken for the form of the whole file. */
static void
remove_part(struct form *self)
{
	PyObject *type, *value, *traceback;

	PyErr_Fetch(&type, &value, &traceback);
	Py_BEGIN_ALLOW_THREADS(void)
	unlink(PyBytes_AsString(self->made));
	Py_END_ALLOW_THREADS
	PyErr_Restore(type, value, traceback);
}

/* Has write make the form of the whole file, as the host does: 0, or -1 with an exception. */
static int
make_whole(struct form *self)
{
	PyObject *path = object_call("duplicity.path", "Path", "(O)", self->source), *result = NULL;
	PyObject *blocks = path ? object_call("duplicity.dup_temp", "SrcIter", "(O)", path) : NULL;

	if (blocks)
		result = PyObject_CallFunctionObjArgs(
			self->write, blocks, self->made, Py_False, NULL);
	if (!result)
		remove_part(self);
	Py_XDECREF(path);
	Py_XDECREF(blocks);
	Py_XDECREF(result);
	return result ? 0 : -1;
}

/* Some backends store a file with the permissions that it has: those of the host's own file. Not every file system can. */
static void
lend_mode(const struct form *self)
{
	const char *made = PyBytes_AsString(self->made);
	struct stat model, stat;

	Py_BEGIN_ALLOW_THREADS
	if (lstat(PyBytes_AsString(self->source), &model) == 0 && lstat(made, &stat) == 0 &&
		S_ISREG(stat.st_mode) && ((stat.st_mode ^ model.st_mode) & 0777))
		(void)chmod(made, model.st_mode & 0777);
	Py_END_ALLOW_THREADS
}

/* Makes the form, unless all of the file is in it: 0, or -1 with an exception. */
static int
make(struct form *self)
{
	PyObject *follower = Py_XNewRef(self->follower);
	int whole;

	if (follower)
		whole = follower_wait(follower, PyBytes_AsString(self->source));
	else
		whole = is_there(self);
	Py_XDECREF(follower);
	if (whole < 0)
		return -1;
	Py_CLEAR(self->follower);
	if (!whole && make_whole(self) < 0)
		return -1;
	lend_mode(self);
	return 0;
}

static PyObject *
form_made(PyObject *object, PyObject *unused)
{
	struct form *self = (struct form *)object;

	(void)unused;
	return is_open(self) && make(self) == 0 ? Py_NewRef(self->made) : NULL;
}

static PyObject *
form_abandon(PyObject *object, PyObject *unused)
{
	struct form *self = (struct form *)object;
	PyObject *follower;
	int code;

	(void)unused;
	if (!is_open(self))
		return NULL;
	follower = Py_XNewRef(self->follower);
	code = follower ? follower_abandon(follower) : 0;
	Py_XDECREF(follower);
	if (code < 0)
		return NULL;
	Py_CLEAR(self->follower);
	remove_part(self);
	Py_RETURN_NONE;
}

static PyObject *
form_sync(PyObject *object, PyObject *unused)
{
	struct form *self = (struct form *)object;
	struct stage_error error;
	int code;

	(void)unused;
	if (!is_open(self) || make(self) < 0)
		return NULL;
	Py_BEGIN_ALLOW_THREADS
	code = archive_sync(PyBytes_AsString(self->made), PyBytes_AsString(self->source), &error);
	Py_END_ALLOW_THREADS
	return code < 0 ? errors_raise(&error) : Py_NewRef(object);
}

/* 0, or -1 with an exception. */
static int
rename_to(struct form *self, PyObject *name)
{
	PyObject *path = path_in(self->folder, name), *forgotten = NULL;
	int code;

	if (!path)
		return -1;
	Py_BEGIN_ALLOW_THREADS
	code = rename(PyBytes_AsString(self->made), PyBytes_AsString(path));
	Py_END_ALLOW_THREADS
	if (code < 0)
		PyErr_SetFromErrnoWithFilenameObjects(PyExc_OSError, self->made, path);
	else
		forgotten = PyObject_CallMethod(self->directory, "forget", "O", self->made);
	Py_DECREF(path);
	Py_XDECREF(forgotten);
	return forgotten ? 0 : -1;
}

static PyObject *
form_rename(PyObject *object, PyObject *name)
{
	struct form *self = (struct form *)object;

	return is_open(self) && rename_to(self, name) == 0 ? Py_NewRef(Py_None) : NULL;
}

/* The file is removed by os.unlink(): there a test ends the run (mend.sh). */
static PyObject *
form_replace(PyObject *object, PyObject *name)
{
	struct form *self = (struct form *)object;

	if (!is_open(self) || rename_to(self, name) < 0)
		return NULL;
	return object_call("os", "unlink", "(O)", self->source);
}

static void
form_dealloc(PyObject *object)
{
	PyTypeObject *type = Py_TYPE(object);
	freefunc release = (freefunc)PyType_GetSlot(type, Py_tp_free);

	form_clear((struct form *)object);
	release(object);
	Py_DECREF(type);
}

static PyMethodDef methods[] = {
	{"made", form_made, METH_NOARGS,
		"made()\n--\n\n"
		"The path (bytes) of the form, with all of the file in it. It is made where it is not there:\n"
		"its gpg was killed, the disk was full, or a backend has moved what it was given to store."},
	{"abandon", form_abandon, METH_NOARGS,
		"abandon()\n--\n\n"
		"Gives its disk space back. made() makes it again."},
	{"sync", form_sync, METH_NOARGS,
		"sync()\n--\n\n"
		"Has it on disk, with the permissions of the file; makes it first, as made() does. Returns the Form."},
	{"rename", form_rename, METH_O,
		"rename(name)\n--\n\nGives it a name in the archive directory."},
	{"replace", form_replace, METH_O,
		"replace(name)\n--\n\nGives it a name in the archive directory, and removes the file."},
	{0},
};

static char documentation[] =
	"Form(folder, name, write, followed=None, later=0)\n--\n\n"
	"Another form of the file of this name in folder, made by write(BLOCKS, MADE, BESIDE). followed is the path of the\n"
	"file while it is written: then a thread makes the form meanwhile, and begins so many seconds later.";

static PyType_Slot slots[] = {
	{Py_tp_doc, documentation},
	{Py_tp_new, (void *)PyType_GenericNew},
	{Py_tp_init, (void *)form_init},
	{Py_tp_dealloc, (void *)form_dealloc},
	{Py_tp_methods, methods},
	{0, NULL},
};

static PyType_Spec specification = {
	.name = "_stagedir.Form",
	.basicsize = sizeof(struct form),
	.flags = Py_TPFLAGS_DEFAULT,
	.slots = slots,
};

int
form_add_type(PyObject *module)
{
	PyObject *type = PyType_FromSpec(&specification);
	int result = type ? PyModule_AddType(module, (PyTypeObject *)type) : -1;

	Py_XDECREF(type);
	return result;
}
