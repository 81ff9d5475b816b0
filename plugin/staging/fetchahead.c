/*
 * The methods for the fetching thread - next, done, failed - and those for the reader may run at once, as each gives up the
 * GIL while it waits. `places` and `file` are the fetching thread's, until the end: end() releases the places, unless the
 * thread is at work in them.
 */
#include "staging/fetchahead.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "prefetch.h"
#include "url.h"

#include "python/errors.h"
#include "python/object.h"
#include "staging/configuration.h"
#include "staging/directory.h"
#include "staging/places.h"

/* Seconds: between two looks for signals; for a fetch that is under way at the end. */
#define SLICE 0.1
#define GRACE 1.0

/* A size that is not known is the largest so far and this part of it more, and at least these bytes more. */
#define MORE_PART 8
#define MORE_BYTES ((uint64_t)64 * 1024)

struct fetchahead {
	PyObject_HEAD
	struct fetchahead *next; /* in `all` */
	pid_t owner;
	const struct stage_settings *settings;
	struct stage_prefetch *core; /* NULL until __init__ */
	char *target, *home;
	PyObject *size_of, *at_end;
	struct places places;
	struct reserved file; /* of the volume under way; its path is NULL where there is none */
	bool is_in_places, ended, no_more; /* is_in_places: the fetching thread is at work there */
};

static struct fetchahead *all; /* the GIL guards it */

/* The FetchAhead that an object is; NULL with an exception where it never went through __init__. */
static struct fetchahead *
opened(PyObject *object)
{
	struct fetchahead *self = (struct fetchahead *)object;

	if (self->core)
		return self;
	PyErr_SetString(PyExc_ValueError, "this FetchAhead was never opened");
	return NULL;
}

/* The size that storage tells; 0 where it does not. */
static uint64_t
ask_size(struct fetchahead *self, const char *name)
{
	PyObject *told = PyObject_CallFunction(self->size_of, "y", name);
	uint64_t size = 0;

	if (told && told != Py_None)
		size = PyLong_AsUnsignedLongLong(told);
	Py_XDECREF(told);
	if (PyErr_Occurred()) {
		errors_swallow();
		return 0;
	}
	return size;
}

/* How many bytes a volume is going to need. */
static uint64_t
size_to_reserve(struct fetchahead *self, const char *name)
{
	uint64_t size = self->places.max_staged ? ask_size(self, name) : 0, largest;

	if (size)
		return size;
	Py_BEGIN_ALLOW_THREADS
	largest = stage_prefetch_largest(self->core);
	Py_END_ALLOW_THREADS
	return largest + (largest / MORE_PART > MORE_BYTES ? largest / MORE_PART : MORE_BYTES);
}

/* What is held in the temp root of a place. */
static uint64_t
held_in(struct stage_prefetch *core, const struct place *place)
{
	const char *path = stage_dir_path(place->dir), *slash;
	uint64_t held = 0;
	char *root;

	if (!path || !(slash = strrchr(path, '/')))
		return 0;
	root = strndup(path, slash > path ? (size_t)(slash - path) : 1);
	if (root)
		held = stage_prefetch_held(core, root);
	free(root);
	return held;
}

/* Reserves bytes in the first place that has them. Returns as places_reserve(). */
static int
reserve(struct fetchahead *self, uint64_t bytes)
{
	struct stage_error error;
	bool others;
	size_t i;

	if (self->places.max_staged) {
		Py_BEGIN_ALLOW_THREADS
		for (i = 0; i < self->places.count; i++)
			self->places.list[i].held = held_in(self->core, &self->places.list[i]);
		Py_END_ALLOW_THREADS
	}
	self->places.spare = bytes;
	return places_reserve(&self->places, bytes, &self->file, &others, &error);
}

/* Opens a further place, where nothing that is ahead will give room back. */
static bool
open_next(struct fetchahead *self)
{
	static const struct places_next next = {.what = "volumes that are fetched ahead",
		.why = "the one before it has too little room",
		.good_only = true};
	struct stage_error error;
	size_t ahead;

	Py_BEGIN_ALLOW_THREADS
	ahead = stage_prefetch_ahead(self->core);
	Py_END_ALLOW_THREADS
	if (ahead || self->no_more)
		return false;
	self->no_more = places_open_next(&self->places, &next, &error) < 0;
	return !self->no_more;
}

/* Has self->file be the place for the volume under way. False: there is none now. */
static bool
find_room(struct fetchahead *self, const char *name)
{
	uint64_t bytes = size_to_reserve(self, name);
	int code = STAGE_E_CLOSED;

	if (!self->ended) {
		self->is_in_places = true;
		while ((code = reserve(self, bytes)) == STAGE_E_NO_ROOM && !self->ended &&
			open_next(self))
			;
		self->is_in_places = false;
	}
	if (code < 0 || !self->ended)
		return code == 0;
	free(self->file.path);
	self->file = (struct reserved){0};
	return false;
}

/* Gives the room of the volume under way back, and with removes its file. Its path is the caller's then, who frees it. */
static char *
end_file(struct fetchahead *self, bool removes)
{
	char *path = self->file.path;
	struct stage_error error;

	if (path && !self->ended) {
		self->is_in_places = true;
		if (removes)
			directory_remove_from(self->file.directory, path, &error);
		places_unreserve(&self->places, self->file.directory);
		self->is_in_places = false;
	}
	self->file = (struct reserved){0};
	return path;
}

static PyObject *
fetchahead_next(PyObject *object, PyObject *unused)
{
	struct fetchahead *self = opened(object);
	const char *name;
	int code;

	(void)unused;
	while (self) {
		Py_BEGIN_ALLOW_THREADS
		code = stage_prefetch_next(self->core, &name);
		Py_END_ALLOW_THREADS
		if (code < 0)
			Py_RETURN_NONE;
		if (find_room(self, name))
			return Py_BuildValue("yy", name, self->file.path);
		Py_BEGIN_ALLOW_THREADS
		stage_prefetch_put_back(self->core);
		Py_END_ALLOW_THREADS
	}
	return NULL;
}

static PyObject *
fetchahead_failed(PyObject *object, PyObject *unused)
{
	struct fetchahead *self = opened(object);

	(void)unused;
	if (!self)
		return NULL;
	free(end_file(self, true));
	Py_BEGIN_ALLOW_THREADS
	stage_prefetch_failed(self->core);
	Py_END_ALLOW_THREADS
	Py_RETURN_FALSE;
}

static PyObject *
fetchahead_done(PyObject *object, PyObject *unused)
{
	struct fetchahead *self = opened(object);
	struct stat stat;
	char *path;
	int code;

	(void)unused;
	if (!self)
		return NULL;
	if (!self->file.path)
		return fetchahead_failed(object, NULL);
	path = self->file.path;
	Py_BEGIN_ALLOW_THREADS
	code = lstat(path, &stat);
	Py_END_ALLOW_THREADS
	if (code < 0 || !S_ISREG(stat.st_mode))
		return fetchahead_failed(object, NULL);
	end_file(self, false);
	Py_BEGIN_ALLOW_THREADS
	code = stage_prefetch_done(self->core, path, (uint64_t)stat.st_size, NULL);
	Py_END_ALLOW_THREADS
	free(path);
	return PyBool_FromLong(code == 0);
}

static bool
take(struct fetchahead *self, const char *name, char **ret_path)
{
	bool is;

	Py_BEGIN_ALLOW_THREADS
	is = stage_prefetch_take(self->core, name, ret_path);
	Py_END_ALLOW_THREADS
	return is;
}

static void
hold(struct fetchahead *self)
{
	Py_BEGIN_ALLOW_THREADS
	stage_prefetch_hold(self->core);
	Py_END_ALLOW_THREADS
}

static void
release(struct fetchahead *self)
{
	Py_BEGIN_ALLOW_THREADS
	stage_prefetch_release(self->core);
	Py_END_ALLOW_THREADS
}

/* Waits until nothing is under way: 0, or -1 with an exception of a signal's handler, and the hold is over. */
static int
wait_held(struct fetchahead *self)
{
	int code;

	do {
		Py_BEGIN_ALLOW_THREADS
		code = stage_prefetch_wait(self->core, SLICE);
		Py_END_ALLOW_THREADS
		if (PyErr_CheckSignals() < 0) {
			release(self);
			return -1;
		}
	} while (code < 0);
	return 0;
}

static PyObject *
fetchahead_take(PyObject *object, PyObject *argument)
{
	struct fetchahead *self = opened(object);
	const char *name = self ? PyBytes_AsString(argument) : NULL;
	PyObject *result;
	char *path = NULL;

	if (!name)
		return NULL;
	hold(self);
	if (!take(self, name, &path)) {
		if (wait_held(self) < 0)
			return NULL;
		if (!take(self, name, &path))
			Py_RETURN_NONE; /* held */
	}
	release(self);
	result = PyBytes_FromString(path);
	free(path);
	return result;
}

static PyObject *
fetchahead_hold(PyObject *object, PyObject *unused)
{
	struct fetchahead *self = opened(object);

	(void)unused;
	if (!self)
		return NULL;
	hold(self);
	return wait_held(self) < 0 ? NULL : Py_NewRef(Py_None);
}

/* A method that does no more than this. */
static PyObject *
call(PyObject *object, void (*function)(struct stage_prefetch *core))
{
	struct fetchahead *self = opened(object);

	if (!self)
		return NULL;
	Py_BEGIN_ALLOW_THREADS
	function(self->core);
	Py_END_ALLOW_THREADS
	Py_RETURN_NONE;
}

static PyObject *
fetchahead_release(PyObject *object, PyObject *unused)
{
	(void)unused;
	return call(object, stage_prefetch_release);
}

static PyObject *
fetchahead_pause(PyObject *object, PyObject *unused)
{
	(void)unused;
	return call(object, stage_prefetch_pause);
}

static PyObject *
fetchahead_got(PyObject *object, PyObject *arguments)
{
	struct fetchahead *self = opened(object);
	const char *name, *path;
	struct stat stat;

	if (!self || !PyArg_ParseTuple(arguments, "yy:got", &name, &path))
		return NULL;
	Py_BEGIN_ALLOW_THREADS
	if (lstat(path, &stat) == 0)
		stage_prefetch_got(self->core, name, path, (uint64_t)stat.st_size);
	Py_END_ALLOW_THREADS
	Py_RETURN_NONE;
}

static void
end(struct fetchahead *self)
{
	PyObject *type, *value, *traceback;

	if (!self->core || self->ended || getpid() != self->owner)
		return;
	self->ended = true;
	PyErr_Fetch(&type, &value, &traceback);
	Py_BEGIN_ALLOW_THREADS
	stage_prefetch_stop(self->core);
	stage_prefetch_wait(self->core, GRACE);
	Py_END_ALLOW_THREADS
	if (!self->is_in_places)
		places_release(&self->places);
	if (object_done(PyObject_CallFunctionObjArgs(self->at_end, NULL)) < 0)
		errors_swallow();
	PyErr_Restore(type, value, traceback);
}

static PyObject *
fetchahead_stop(PyObject *object, PyObject *unused)
{
	struct fetchahead *self = opened(object);

	(void)unused;
	if (!self)
		return NULL;
	end(self);
	Py_RETURN_NONE;
}

void
fetchahead_end(const PyObject *directory)
{
	struct fetchahead *self = all, *next;

	/* the GIL is given up: the one at hand and the next are held */
	Py_XINCREF((PyObject *)self);
	while (self) {
		if (!directory ||
			(self->places.count && self->places.list[0].directory == directory))
			end(self);
		next = self->next;
		Py_XINCREF((PyObject *)next);
		Py_DECREF((PyObject *)self);
		self = next;
	}
}

/* Announces a list of (SET, NAME): 0, or -1 with an exception. */
static int
announce(struct stage_prefetch *core, PyObject *volumes)
{
	struct stage_error error;
	const char *name;
	Py_ssize_t i, set;

	for (i = 0; i < PyList_Size(volumes); i++) {
		if (!PyArg_ParseTuple(PyList_GetItem(volumes, i), "ny", &set, &name))
			return -1;
		if (stage_prefetch_announce(core, (size_t)set, name, &error) < 0) {
			errors_raise(&error);
			return -1;
		}
	}
	return 0;
}

/* What the settings and the host say: 0, or -1 with an exception. */
static int
open_parts(struct fetchahead *self, PyObject *directory, const char *url, const char *home)
{
	struct stage_error error;

	self->home = strdup(home);
	if (!self->home || stage_url_target(url, &self->target, &error) < 0) {
		PyErr_NoMemory();
		return -1;
	}
	self->places.about.target = self->target;
	self->places.about.home = self->home;
	self->places.max_staged = self->settings->max_staged;
	if (places_begin(&self->places, directory, &error) < 0) {
		errors_raise(&error);
		return -1;
	}
	return 0;
}

/* Takes core over once all is well. */
static int
open_all(struct fetchahead *self, struct stage_prefetch *core, PyObject *arguments)
{
	PyObject *directory, *url, *home, *volumes, *size_of, *at_end;
	int code;

	if (!PyArg_ParseTuple(arguments, "OO&O&O!OO:FetchAhead", &directory, PyUnicode_FSConverter,
		    &url, PyUnicode_FSConverter, &home, &PyList_Type, &volumes, &size_of, &at_end))
		return -1;
	code = announce(core, volumes);
	if (code == 0)
		code = open_parts(self, directory, PyBytes_AsString(url), PyBytes_AsString(home));
	Py_DECREF(url);
	Py_DECREF(home);
	if (code < 0)
		return -1;
	self->size_of = Py_NewRef(size_of);
	self->at_end = Py_NewRef(at_end);
	self->owner = getpid();
	self->core = core;
	self->next = all;
	all = self;
	return 0;
}

static int
fetchahead_init(PyObject *object, PyObject *arguments, PyObject *unused)
{
	struct fetchahead *self = (struct fetchahead *)object;
	struct stage_prefetch *core = NULL;
	struct stage_error error;
	int code;

	(void)unused;
	if (self->settings) {
		PyErr_SetString(PyExc_RuntimeError, "this FetchAhead was opened already");
		return -1;
	}
	self->settings = configuration_settings(&error);
	code = self->settings
		       ? stage_prefetch_new((size_t)self->settings->max_volumes - 1, &core, &error)
		       : error.code;
	if (code < 0) {
		errors_raise(&error);
		return -1;
	}
	code = open_all(self, core, arguments);
	if (code < 0)
		stage_prefetch_free(&core);
	return code;
}

static void
fetchahead_dealloc(PyObject *object)
{
	struct fetchahead *self = (struct fetchahead *)object, **link;
	PyTypeObject *type = Py_TYPE(object);
	freefunc free_object = (freefunc)PyType_GetSlot(type, Py_tp_free);

	for (link = &all; *link && *link != self; link = &(*link)->next)
		;
	if (*link)
		*link = self->next;
	end(self);
	/* of an __init__ that failed, or where the thread was at work in them */
	places_release(&self->places);
	free(self->file.path);
	/* the child of a fork has its locks, as another thread of the parent had them: there it is left alone */
	if (getpid() == self->owner)
		stage_prefetch_free(&self->core);
	Py_CLEAR(self->size_of);
	Py_CLEAR(self->at_end);
	free(self->target);
	free(self->home);
	free_object(object);
	Py_DECREF(type);
}

static PyMethodDef methods[] = {
	{"next", fetchahead_next, METH_NOARGS,
		"next()\n--\n\n"
		"For the thread that fetches. Waits until a volume may be fetched, and returns (NAME, PATH)\n"
		"(bytes): its name in storage, and a file to be made, which is tracked. None: no more."},
	{"done", fetchahead_done, METH_NOARGS,
		"done()\n--\n\nThe file of next() is complete; is it there?"},
	{"failed", fetchahead_failed, METH_NOARGS,
		"failed()\n--\n\nIt could not be fetched. The file is removed. False."},
	{"take", fetchahead_take, METH_O,
		"take(name)\n--\n\n"
		"The path (bytes) of a volume (bytes) that was fetched ahead, which is the caller's to remove.\n"
		"Waits where it is being fetched. None: the caller fetches it, and nobody else uses storage\n"
		"until he calls release(); before that got() or pause()."},
	{"got", fetchahead_got, METH_VARARGS,
		"got(name, path)\n--\n\nThe caller has fetched this volume (bytes) to path (bytes)."},
	{"pause", fetchahead_pause, METH_NOARGS,
		"pause()\n--\n\nThe caller could not: nothing is fetched ahead before he has got one."},
	{"hold", fetchahead_hold, METH_NOARGS,
		"hold()\n--\n\nFrom now on, until release(), nobody else uses storage. Waits for that."},
	{"release", fetchahead_release, METH_NOARGS, "release()\n--\n\nEnds a hold."},
	{"stop", fetchahead_stop, METH_NOARGS,
		"stop()\n--\n\nNothing is fetched ahead any more. One that is under way has a second."},
	{0},
};

static char documentation[] =
	"FetchAhead(directory, url, home, volumes, size_of, at_end)\n--\n\n"
	"Volumes that are fetched ahead of their turn, within max_volumes, max_staged and the room of the\n"
	"temp roots. directory is the host's TemporaryDirectory, home its archive directory. No secret of\n"
	"the URL is kept. volumes is a list of (SET, NAME): the number of a backup set, and a name (bytes)\n"
	"in storage, each set in its order. size_of(NAME) is called in the thread that fetches, and returns\n"
	"how many bytes it has in storage, or None. at_end() is called once, when nothing is fetched ahead any more.";

static PyType_Slot slots[] = {
	{Py_tp_doc, documentation},
	{Py_tp_new, (void *)PyType_GenericNew},
	{Py_tp_init, (void *)fetchahead_init},
	{Py_tp_dealloc, (void *)fetchahead_dealloc},
	{Py_tp_methods, methods},
	{0, NULL},
};

static PyType_Spec specification = {
	.name = "_stagedir.FetchAhead",
	.basicsize = sizeof(struct fetchahead),
	.flags = Py_TPFLAGS_DEFAULT,
	.slots = slots,
};

int
fetchahead_add_type(PyObject *module)
{
	PyObject *type = PyType_FromSpec(&specification);
	int result = type ? PyModule_AddType(module, (PyTypeObject *)type) : -1;

	Py_XDECREF(type);
	return result;
}
