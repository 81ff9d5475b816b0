/*
 * The thread calls write(BLOCKS, made, True), and that calls a function of the host's, such as gpg.GPGWriteFile. BLOCKS is the
 * Follower. It does the work of the host's dup_temp.SrcIter, and also waits for the file to grow. It ends when
 * follower_wait() says that the file is complete.
 *
 * The thread is one of Python's threading. gpg is forked from it, so Python has to know it. Python's handlers of signals
 * run in the main thread, as ever. It refers to this until it ends, so that neither goes before the other.
 *
 * The GIL guards everything but reader.
 */
#include "archive/follower.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "filesystem.h"
#include "follow.h"
#include "log.h"

#include "python/errors.h"
#include "python/gil.h"
#include "python/hostlog.h"
#include "python/object.h"

/* Bytes of a block, as of the host's SrcIter. */
#define BLOCK (128 * 1024)

/* Bytes that are left to others in that file system, which may be somebody's home. */
#define SPARED ((uint64_t)1024 * 1024)

struct follower {
	PyObject_HEAD
	PyObject *path; /* bytes: of the file, for messages */
	PyObject *made; /* bytes: of its other form */
	PyObject *write;
	double later; /* seconds */
	int fd;
	bool has_reader;
	struct stage_follow reader;
	unsigned long long size; /* bytes that were given to write */
	PyObject *error;         /* what went wrong: an exception, or NULL */
	PyObject *thread;        /* until it has ended; NULL also where none could be started */
};

static PyTypeObject *follower_type;

/* Takes the pending exception, without the frames of it, which refer to this. The first one is what counts. */
static void
keep_error(struct follower *self)
{
	PyObject *type, *value, *traceback;

	PyErr_Fetch(&type, &value, &traceback);
	PyErr_NormalizeException(&type, &value, &traceback);
	if (value)
		PyException_SetTraceback(value, Py_None);
	if (!self->error)
		self->error = Py_XNewRef(value);
	Py_XDECREF(type);
	Py_XDECREF(value);
	Py_XDECREF(traceback);
}

/* In the thread. */
static PyObject *
follower_run(PyObject *object, PyObject *unused)
{
	struct follower *self = (struct follower *)object;
	PyObject *result;

	(void)unused;
	Py_BEGIN_ALLOW_THREADS
	stage_follow_wait(&self->reader, self->later);
	Py_END_ALLOW_THREADS
	result = PyObject_CallFunctionObjArgs(self->write, self, self->made, Py_True, NULL);
	if (!result)
		keep_error(self);
	/* there may be no space for it and the next one */
	if (self->error)
		(void)unlink(PyBytes_AsString(self->made));
	Py_XDECREF(result);
	Py_RETURN_NONE;
}

static PyMethodDef run_method = {"run", follower_run, METH_NOARGS, "run()\n--\n\n"};

/* threading.Thread(target=..., name=..., daemon=True), which is started: 0, or -1 with an exception. */
static int
start_thread(struct follower *self)
{
	PyObject *run = PyCFunction_New(&run_method, (PyObject *)self), *type = NULL;
	PyObject *none = PyTuple_New(0), *named, *started = NULL;

	named = Py_BuildValue("{sOsssO}", "target", run, "name", "stagedir", "daemon", Py_True);
	if (run && none && named)
		type = object_attribute("threading", "Thread");
	if (type)
		self->thread = PyObject_Call(type, none, named);
	if (self->thread)
		started = PyObject_CallMethod(self->thread, "start", NULL);
	if (!started)
		Py_CLEAR(self->thread); /* and with it its reference to this */
	if (!started && !PyErr_Occurred())
		PyErr_SetString(PyExc_RuntimeError, "there are no threads");
	Py_XDECREF(type);
	Py_XDECREF(run);
	Py_XDECREF(none);
	Py_XDECREF(named);
	Py_XDECREF(started);
	return started ? 0 : -1;
}

/* when is "again" or "at the end". */
static void
tell_error(const struct follower *self, const char *path, const char *when)
{
	PyObject *text = PyObject_Str(self->error);
	const char *utf8 = text ? PyUnicode_AsUTF8AndSize(text, NULL) : NULL;

	if (!utf8)
		errors_swallow();
	stage_log_line(&hostlog, STAGE_INFO, "another form of %s is made %s: %s", path, when,
		utf8 ? utf8 : "an error without words");
	Py_XDECREF(text);
}

/* Opens the file, and starts the thread: 0, or -1 with an exception. */
static int
begin(struct follower *self)
{
	struct stage_error error;

	self->fd = open(PyBytes_AsString(self->path), O_RDONLY | O_CLOEXEC);
	if (self->fd < 0) {
		PyErr_SetFromErrnoWithFilenameObject(PyExc_OSError, self->path);
		return -1;
	}
	if (stage_follow_init(&self->reader, self->fd, PyBytes_AsString(self->path), &error) < 0) {
		errors_raise(&error);
		return -1;
	}
	self->has_reader = true;
	if (start_thread(self) == 0)
		return 0;
	if (!PyErr_ExceptionMatches(PyExc_RuntimeError))
		return -1;
	keep_error(self);
	tell_error(self, PyBytes_AsString(self->path), "at the end");
	return 0;
}

PyObject *
follower_new(PyObject *path, PyObject *write, PyObject *made, double later)
{
	struct follower *self = (struct follower *)PyType_GenericAlloc(follower_type, 0);

	if (!self)
		return NULL;
	self->fd = -1;
	self->path = Py_NewRef(path);
	self->write = Py_NewRef(write);
	self->made = Py_NewRef(made);
	self->later = later;
	if (begin(self) < 0)
		Py_CLEAR(self);
	return (PyObject *)self;
}

/*
 * Where the run ends early, the interpreter waits for gpg to end before it ends this thread, and gpg
 * waits for more to read: nobody will say that the file is complete. Where nobody can tell, it has ended.
 */
static bool
is_run_over(void)
{
	PyObject *thread = object_call("threading", "main_thread", "()");
	PyObject *lives = thread ? PyObject_CallMethod(thread, "is_alive", NULL) : NULL;
	bool is_over = lives != Py_True;

	if (!lives)
		errors_swallow();
	Py_XDECREF(thread);
	Py_XDECREF(lives);
	return is_over;
}

/* Without the GIL. A file system that cannot tell has space. */
static bool
is_short_of_space(int fd)
{
	uint64_t bytes;

	return stage_filesystem_free(fd, &bytes) == 0 && bytes < SPARED;
}

/* What is made meanwhile must not take the space that the host's own files need. */
static void
spare_space(struct follower *self)
{
	bool is_short;

	Py_BEGIN_ALLOW_THREADS
	is_short = is_short_of_space(self->fd);
	Py_END_ALLOW_THREADS
	if (!is_short || self->error)
		return;
	errno = ENOSPC;
	PyErr_SetFromErrnoWithFilenameObject(PyExc_OSError, self->made);
	keep_error(self);
	stage_follow_abandon(&self->reader);
}

/* The next bytes of the file, which are waited for; b'' at its end, or once it is given up. */
static PyObject *
read_block(struct follower *self)
{
	PyObject *bytes = PyBytes_FromStringAndSize(NULL, BLOCK), *shorter;
	struct stage_error error;
	size_t count = 0;
	int code;

	if (!bytes)
		return NULL;
	spare_space(self);
	for (;;) {
		Py_BEGIN_ALLOW_THREADS
		code = stage_follow_read(&self->reader, PyBytes_AsString(bytes), BLOCK,
			STAGE_FOLLOW_LOOK, &count, &error);
		Py_END_ALLOW_THREADS
		if (code != STAGE_E_AGAIN)
			break;
		if (is_run_over())
			stage_follow_complete(&self->reader);
	}
	if (code < 0) {
		/* not for write, which may end the run for it (duplicity 3.0.4: GPGWriteFile) */
		errors_raise(&error);
		keep_error(self);
	}
	self->size += count;
	if (count == BLOCK)
		return bytes;
	shorter = PyBytes_FromStringAndSize(PyBytes_AsString(bytes), (Py_ssize_t)count);
	Py_DECREF(bytes);
	return shorter;
}

static PyObject *
follower_next(PyObject *object)
{
	struct follower *self = (struct follower *)object;
	PyObject *bytes;

	bytes = read_block(self);
	if (!bytes)
		return NULL;
	if (PyBytes_Size(bytes) == 0) {
		Py_DECREF(bytes);
		return NULL;
	}
	return object_call("duplicity.dup_temp", "Block", "(N)", bytes);
}

/* Is all of the file at path in what was made, and is that still there? */
static bool
is_whole(const struct follower *self, const char *path)
{
	struct stat stat, made;
	bool is;

	Py_BEGIN_ALLOW_THREADS
	is = lstat(path, &stat) == 0 && (unsigned long long)stat.st_size == self->size &&
	     lstat(PyBytes_AsString(self->made), &made) == 0;
	Py_END_ALLOW_THREADS
	return is;
}

/* Waits until the thread has ended: 0, or -1 with an exception. */
static int
join(struct follower *self)
{
	PyObject *joined = PyObject_CallMethod(self->thread, "join", NULL);

	if (!joined)
		return -1;
	Py_DECREF(joined);
	Py_CLEAR(self->thread);
	/* a file that is removed then gives its space back */
	gil_close(self->fd);
	self->fd = -1;
	return 0;
}

int
follower_abandon(PyObject *object)
{
	struct follower *self = (struct follower *)object;

	if (!self->thread)
		return 0;
	stage_follow_abandon(&self->reader);
	if (join(self) < 0)
		return -1;
	Py_BEGIN_ALLOW_THREADS(void)
	unlink(PyBytes_AsString(self->made));
	Py_END_ALLOW_THREADS
	return 0;
}

int
follower_wait(PyObject *object, const char *path)
{
	struct follower *self = (struct follower *)object;

	if (!self->thread)
		return 0;
	stage_log_line(&hostlog, STAGE_DEBUG, "%llu bytes of %s were read while it was written",
		self->size, PyBytes_AsString(self->path));
	if (!self->error) /* it may have given up */
		stage_follow_complete(&self->reader);
	if (join(self) < 0)
		return -1;
	if (self->error)
		tell_error(self, path, "again");
	return !self->error && is_whole(self, path);
}

static PyObject *
follower_get_read_size(PyObject *self, PyObject *unused)
{
	(void)self;
	(void)unused;
	return PyLong_FromLong(BLOCK);
}

static PyObject *
follower_get_footer(PyObject *self, PyObject *unused)
{
	(void)self;
	(void)unused;
	return PyBytes_FromStringAndSize("", 0);
}

/* Nobody reads any more: the thread refers to this. */
static void
follower_dealloc(PyObject *object)
{
	struct follower *self = (struct follower *)object;
	PyTypeObject *type = Py_TYPE(object);
	freefunc release = (freefunc)PyType_GetSlot(type, Py_tp_free);

	if (self->has_reader)
		stage_follow_release(&self->reader);
	if (self->fd >= 0)
		gil_close(self->fd);
	Py_XDECREF(self->path);
	Py_XDECREF(self->made);
	Py_XDECREF(self->write);
	Py_XDECREF(self->error);
	Py_XDECREF(self->thread);
	release(object);
	Py_DECREF(type);
}

static PyMethodDef methods[] = {
	{"get_read_size", follower_get_read_size, METH_NOARGS, "get_read_size()\n--\n\n"},
	{"get_footer", follower_get_footer, METH_NOARGS, "get_footer()\n--\n\n"},
	{0},
};

static char documentation[] = "Blocks of a file that the host still writes.";

static PyType_Slot slots[] = {
	{Py_tp_doc, documentation},
	{Py_tp_dealloc, (void *)follower_dealloc},
	{Py_tp_iter, (void *)PyObject_SelfIter},
	{Py_tp_iternext, (void *)follower_next},
	{Py_tp_methods, methods},
	{0, NULL},
};

static PyType_Spec specification = {
	.name = "_stagedir.Follower",
	.basicsize = sizeof(struct follower),
	.flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION,
	.slots = slots,
};

int
follower_add_type(PyObject *module)
{
	if (!follower_type)
		follower_type = (PyTypeObject *)PyType_FromSpec(&specification);
	return follower_type ? PyModule_AddType(module, follower_type) : -1;
}
