/*
 * TemporaryDirectory: the contract of duplicity.tempdir.TemporaryDirectory on top of core/dir. All
 * that are open in this process are in a list, for the ends that a run can come to (exits.c); the
 * GIL guards it. An object owns no other Python object, so there is no cycle that could delay its
 * end.
 */
#include "staging/directory.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "dir.h"
#include "log.h"
#include "root.h"

#include "python/errors.h"
#include "python/exits.h"
#include "python/hostlog.h"
#include "python/object.h"
#include "staging/configuration.h"
#include "staging/elsewhere.h"
#include "staging/roots.h"

typedef struct directory {
	PyObject_HEAD
	struct stage_dir *dir; /* NULL until __init__ */
	bool is_default;       /* of the host's files; it did not choose the root itself */
	bool is_further;       /* in another root, of volumes or of what elsewhere.h has there */
	struct directory *next;
} directory;

static directory *all;
static PyTypeObject *type;
static void (*before_cleanup)(PyObject *directory);

static void
enlist(directory *self)
{
	self->next = all;
	all = self;
}

static void
delist(directory *self)
{
	directory **link;

	for (link = &all; *link; link = &(*link)->next) {
		if (*link == self) {
			*link = self->next;
			return;
		}
	}
}

static void
cleanup_all(enum exits_how how)
{
	directory *self = all, *next;

	(void)how;
	/* The log may run Python, and so drop other objects: the one at hand and the next are
	 * held. The GIL is kept: whoever is in the core now needs it only once it is out again. */
	Py_XINCREF((PyObject *)self);
	while (self) {
		stage_dir_cleanup(self->dir);
		next = self->next;
		Py_XINCREF((PyObject *)next);
		Py_DECREF((PyObject *)self);
		self = next;
	}
}

static int
open_ranked(struct stage_dir **ret_dir, struct stage_error *error)
{
	struct stage_roots *roots = NULL;
	int code;

	code = roots_rank(&roots, error);
	if (code < 0)
		return code;
	Py_BEGIN_ALLOW_THREADS
	code = stage_dir_open_ranked(roots, &hostlog, ret_dir, error);
	stage_roots_free(&roots);
	Py_END_ALLOW_THREADS
	return code;
}

static int
open_direct(PyObject *root, struct stage_dir **ret_dir, struct stage_error *error)
{
	const char *path = PyBytes_AsString(root);
	int code;

	Py_BEGIN_ALLOW_THREADS
	code = stage_dir_open_lenient(path, &hostlog, ret_dir, error);
	Py_END_ALLOW_THREADS
	return code;
}

/* The host passes its --tempdir as temproot, but also a directory of its own, as it does the archive. */
static bool
is_left_to_us(PyObject *temproot)
{
	PyObject *tempdir = configuration_host_tempdir();
	bool is = !temproot ||
		  (tempdir && strcmp(PyBytes_AsString(temproot), PyBytes_AsString(tempdir)) == 0);

	Py_XDECREF(tempdir);
	return is;
}

/* An open_function */
static int
open_for_host(void *context, struct stage_dir **ret_dir, struct stage_error *error)
{
	PyObject *temproot = context;

	return is_left_to_us(temproot) ? open_ranked(ret_dir, error)
				       : open_direct(temproot, ret_dir, error);
}

typedef int (*open_function)(void *context, struct stage_dir **ret_dir, struct stage_error *error);

/* Opens the directory of self, which has none, and enlists it. */
static int
open_by(directory *self, open_function function, void *context, struct stage_error *error)
{
	struct stage_dir *dir = NULL;
	int code;

	exits_watch();
	exits_hold();
	code = function(context, &dir, error);
	if (code == 0) {
		self->dir = dir;
		enlist(self);
	}
	exits_release();
	if (code == 0)
		stage_log_line(
			&hostlog, STAGE_INFO, "Using temporary directory %s", stage_dir_path(dir));
	return code;
}

static int
directory_init(PyObject *object, PyObject *arguments, PyObject *keywords)
{
	static char temproot_keyword[] = "temproot";
	static char *names[] = {temproot_keyword, NULL};
	directory *self = (directory *)object;
	PyObject *temproot = Py_None, *bytes = NULL;
	struct stage_error error;
	int code;

	if (!PyArg_ParseTupleAndKeywords(
		    arguments, keywords, "|O:TemporaryDirectory", names, &temproot))
		return -1;
	if (self->dir) {
		PyErr_SetString(PyExc_RuntimeError, "this TemporaryDirectory is open already");
		return -1;
	}
	if (temproot != Py_None && !(bytes = object_path_bytes(temproot)))
		return -1;
	self->is_default = is_left_to_us(bytes);
	code = open_by(self, open_for_host, bytes, &error);
	Py_XDECREF(bytes);
	if (code < 0) {
		errors_raise(&error);
		return -1;
	}
	return 0;
}

/* An open_function */
static int
open_vetted(void *context, struct stage_dir **ret_dir, struct stage_error *error)
{
	const struct stage_root *root = context;
	int code;

	Py_BEGIN_ALLOW_THREADS
	code = stage_dir_open_root(root, &hostlog, ret_dir, error);
	Py_END_ALLOW_THREADS
	return code;
}

PyObject *
directory_open_root(const struct stage_root *root, struct stage_error *error)
{
	PyObject *object = PyType_GenericAlloc(type, 0);
	struct stage_root copy = *root; /* the context of an open_function may be changed */

	if (!object) {
		PyErr_Clear();
		stage_error_set(error, STAGE_E_MEMORY, 0, "no memory for a staging directory");
	} else if (open_by((directory *)object, open_vetted, &copy, error) < 0) {
		Py_CLEAR(object);
	}
	if (object)
		((directory *)object)->is_further = true;
	return object;
}

static void
directory_dealloc(PyObject *object)
{
	directory *self = (directory *)object;
	PyTypeObject *own = Py_TYPE(object);
	freefunc release = (freefunc)PyType_GetSlot(own, Py_tp_free);

	if (self->dir) {
		delist(self); /* nobody else sees it any more */
		Py_BEGIN_ALLOW_THREADS
		stage_dir_close(&self->dir);
		Py_END_ALLOW_THREADS
	}
	release(object);
	Py_DECREF(own);
}

/*
 * The directory of this process that a path is of, tracked or not: a new reference, since it is used
 * without the GIL. NULL where there is none.
 */
static directory *
giving(const char *path)
{
	directory *self = all;

	while (self && !stage_dir_contains(self->dir, path))
		self = self->next;
	Py_XINCREF((PyObject *)self);
	return self;
}

/* The directory of an object that __init__ has been through, or NULL with an exception. */
static struct stage_dir *
opened(PyObject *object)
{
	directory *self = (directory *)object;

	if (!self->dir)
		PyErr_SetString(PyExc_ValueError, "this TemporaryDirectory was never opened");
	return self->dir;
}

/* The same, or one where there is more room for the next file. */
static struct stage_dir *
roomy(PyObject *object)
{
	struct stage_dir *dir = opened(object);

	return dir && ((directory *)object)->is_default ? elsewhere_choose(object, dir) : dir;
}

static PyObject *
directory_dir(PyObject *object, PyObject *unused)
{
	struct stage_dir *dir = opened(object);
	const char *path;

	(void)unused;
	if (!dir)
		return NULL;
	/* the host has tempfile make files there, too */
	if (((directory *)object)->is_default)
		dir = elsewhere_find(object, dir);
	path = stage_dir_path(dir);
	if (!path)
		Py_RETURN_NONE;
	return PyUnicode_DecodeFSDefault(path);
}

static PyObject *
directory_mktemp(PyObject *object, PyObject *unused)
{
	struct stage_dir *dir = roomy(object);
	struct stage_error error;
	PyObject *result;
	char *path;
	int code;

	(void)unused;
	if (!dir)
		return NULL;
	Py_BEGIN_ALLOW_THREADS
	code = stage_dir_mktemp(dir, &path, &error);
	Py_END_ALLOW_THREADS
	if (code < 0)
		return errors_raise(&error);
	result = PyBytes_FromString(path);
	free(path);
	return result;
}

/* What mkstemp() and mkstemp_file() have in common: a file, and its name as str. */
static PyObject *
make_file(PyObject *object, int *ret_fd)
{
	struct stage_dir *dir = roomy(object);
	struct stage_error error;
	PyObject *name;
	char *path;
	int code;

	if (!dir)
		return NULL;
	Py_BEGIN_ALLOW_THREADS
	code = stage_dir_mkstemp(dir, ret_fd, &path, &error);
	Py_END_ALLOW_THREADS
	if (code < 0)
		return errors_raise(&error);
	name = PyUnicode_DecodeFSDefault(path);
	free(path);
	if (!name)
		close(*ret_fd);
	return name;
}

static PyObject *
directory_mkstemp(PyObject *object, PyObject *unused)
{
	PyObject *name;
	int fd;

	(void)unused;
	name = make_file(object, &fd);
	return name ? Py_BuildValue("(iN)", fd, name) : NULL;
}

static PyObject *
directory_mkstemp_file(PyObject *object, PyObject *unused)
{
	PyObject *name, *file;
	int fd;

	(void)unused;
	name = make_file(object, &fd);
	if (!name)
		return NULL;
	file = PyFile_FromFd(fd, NULL, "r+", -1, NULL, NULL, NULL, 1);
	if (!file) {
		/*
		 * fd may be closed already: for want of memory, rather lose it than close another's
		 */
		Py_DECREF(name);
		return NULL;
	}
	return Py_BuildValue("(NN)", file, name);
}

static PyObject *
directory_forget(PyObject *object, PyObject *name)
{
	struct stage_dir *dir = opened(object);
	struct stage_error error;
	directory *other;
	PyObject *bytes;
	const char *path;
	int code;

	if (!dir || !(bytes = object_path_bytes(name)))
		return NULL;
	path = PyBytes_AsString(bytes);
	other = giving(path);
	if (other)
		dir = other->dir;
	Py_BEGIN_ALLOW_THREADS
	code = stage_dir_forget(dir, path, &error);
	/* the contract makes it a hint: a mistake with it is told, and harms nothing */
	if (code < 0 && code != STAGE_E_FORKED)
		stage_log_line(&hostlog, code == STAGE_E_CLOSED ? STAGE_DEBUG : STAGE_WARNING,
			"Attempt to forget unknown tempfile - this is probably a bug: %s",
			error.message);
	Py_END_ALLOW_THREADS
	Py_XDECREF((PyObject *)other);
	Py_DECREF(bytes);
	Py_RETURN_NONE;
}

struct stage_dir *
directory_dir_of(PyObject *object)
{
	directory *self;

	for (self = all; self; self = self->next)
		if ((PyObject *)self == object)
			return self->dir;
	return NULL;
}

int
directory_create_tracked(const char *path, int *ret_fd, struct stage_error *error)
{
	directory *self = giving(path);
	int code;

	if (!self)
		return stage_error_set(error, STAGE_E_UNTRACKED, 0,
			"%s is in no staging directory of this process", path);
	Py_BEGIN_ALLOW_THREADS
	code = stage_dir_create(self->dir, path, ret_fd, error);
	Py_END_ALLOW_THREADS
	Py_DECREF((PyObject *)self);
	return code == STAGE_E_CLOSED ? STAGE_E_UNTRACKED : code;
}

int
directory_remove_from(PyObject *object, const char *path, struct stage_error *error)
{
	struct stage_dir *dir = directory_dir_of(object);
	int code;

	if (!dir)
		return 0;
	Py_INCREF(object); /* the GIL is given up */
	Py_BEGIN_ALLOW_THREADS
	code = stage_dir_remove(dir, path, error);
	Py_END_ALLOW_THREADS
	Py_DECREF(object);
	return code == STAGE_E_SYSTEM || code == STAGE_E_FORKED ? code : 0;
}

PyObject *
directory_remove(PyObject *module, PyObject *name)
{
	PyObject *bytes = object_path_bytes(name);
	struct stage_error error;
	directory *self;
	const char *path;
	int code;

	(void)module;
	if (!bytes)
		return NULL;
	path = PyBytes_AsString(bytes);
	self = giving(path);
	if (!self) {
		Py_DECREF(bytes);
		Py_RETURN_FALSE;
	}
	code = directory_remove_from((PyObject *)self, path, &error);
	Py_DECREF((PyObject *)self);
	Py_DECREF(bytes);
	if (code < 0)
		return errors_raise(&error);
	Py_RETURN_TRUE;
}

/* A list of an object and of all that are further ones, which so live while the GIL is given up; NULL with an exception. */
static PyObject *
with_further(PyObject *object)
{
	PyObject *list = PyList_New(0);
	directory *self;
	int failed = list ? PyList_Append(list, object) : -1;

	for (self = all; !failed && self; self = self->next)
		if (self->is_further)
			failed = PyList_Append(list, (PyObject *)self);
	if (failed)
		Py_CLEAR(list);
	return list;
}

static int
check_one(const directory *self, struct stage_error *error)
{
	int code;

	Py_BEGIN_ALLOW_THREADS
	code = stage_dir_check(self->dir, error);
	Py_END_ALLOW_THREADS
	return code;
}

static PyObject *
directory_check(PyObject *object, PyObject *unused)
{
	PyObject *checked = opened(object) ? with_further(object) : NULL;
	struct stage_error error;
	Py_ssize_t i;
	int code = 0;

	(void)unused;
	if (!checked)
		return NULL;
	for (i = 0; code == 0 && i < PyList_Size(checked); i++) {
		code = check_one((directory *)PyList_GetItem(checked, i), &error);
		if (i > 0 && code == STAGE_E_CLOSED)
			code = 0; /* nothing is in it any more */
	}
	Py_DECREF(checked);
	return code < 0 ? errors_raise(&error) : Py_NewRef(Py_None);
}

static PyObject *
directory_cleanup(PyObject *object, PyObject *unused)
{
	struct stage_dir *dir = opened(object);

	(void)unused;
	if (!dir)
		return NULL;
	if (before_cleanup)
		before_cleanup(object);
	Py_BEGIN_ALLOW_THREADS
	stage_dir_cleanup(dir);
	Py_END_ALLOW_THREADS
	/* of a signal's handler that ran meanwhile */
	if (PyErr_Occurred())
		return NULL;
	Py_RETURN_NONE;
}

/* pickle skips what raises TypeError, and the host pickles all that its configuration refers to */
static PyObject *
directory_reduce(PyObject *object, PyObject *unused)
{
	(void)object;
	(void)unused;
	PyErr_SetString(PyExc_TypeError, "a TemporaryDirectory belongs to one process");
	return NULL;
}

static PyMethodDef methods[] = {
	{"dir", directory_dir, METH_NOARGS,
		"dir()\n--\n\nThe absolute path as str; None once cleanup has begun."},
	{"mktemp", directory_mktemp, METH_NOARGS,
		"mktemp()\n--\n\n"
		"A path, as bytes, that was never given before. The file is not made. Tracked."},
	{"mkstemp", directory_mkstemp, METH_NOARGS,
		"mkstemp()\n--\n\nAn open descriptor and the path, as str, of a new file. Tracked."},
	{"mkstemp_file", directory_mkstemp_file, METH_NOARGS,
		"mkstemp_file()\n--\n\nThe same with a file object, open for reading and writing."},
	{"forget", directory_forget, METH_O,
		"forget(fname)\n--\n\n"
		"Stops tracking a path (str or bytes), after the file was deleted or moved away."},
	{"check", directory_check, METH_NOARGS,
		"check()\n--\n\n"
		"Raises FatalBackendException if the directory, or one that was made in a further root, was\n"
		"moved, removed or replaced."},
	{"cleanup", directory_cleanup, METH_NOARGS,
		"cleanup()\n--\n\n"
		"Removes the tracked files and the directory. Failures are logged; nothing is raised but\n"
		"by handlers of signals."},
	{"__reduce__", directory_reduce, METH_NOARGS, "Raises TypeError."},
	{0},
};

static char documentation[] =
	"TemporaryDirectory(temproot=None)\n--\n\n"
	"The tracked, securely created directory of duplicity.tempdir, on top of libstagedir.\n\n"
	"temproot (str or bytes) is the directory to make it in; None, or what --tempdir says, has\n"
	"the root chosen and vetted as stagedir.conf says. Raises UserError where there is none.\n"
	"Any thread may call any method; a child of fork() may call cleanup(), which does nothing.";

static PyType_Slot slots[] = {
	{Py_tp_doc, documentation},
	{Py_tp_new, (void *)PyType_GenericNew},
	{Py_tp_init, (void *)directory_init},
	{Py_tp_dealloc, (void *)directory_dealloc},
	{Py_tp_methods, methods},
	{0, NULL},
};

static PyType_Spec specification = {
	.name = "_stagedir.TemporaryDirectory",
	.basicsize = sizeof(directory),
	.flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE,
	.slots = slots,
};

void
directory_before_cleanup(void (*function)(PyObject *directory))
{
	before_cleanup = function;
}

int
directory_add_type(PyObject *module)
{
	exits_register(cleanup_all);
	if (!type)
		type = (PyTypeObject *)PyType_FromSpec(&specification);
	return type ? PyModule_AddType(module, type) : -1;
}
