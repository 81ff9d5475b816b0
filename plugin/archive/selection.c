/*
 *	(not begun) --root--> (root) --> in its directories --> (ended)
 *
 * A directory is entered when what comes after it is asked for, as by the host's generator. One that is selected only
 * if something in it is, is deferred: it is entered at once, and given before the first path that is selected.
 */
#include "archive/selection.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "archive/pathmaker.h"
#include "archive/selector.h"
#include "python/errors.h"
#include "python/object.h"

/* A directory that is entered. */
struct level {
	PyObject *path, *index;
};

struct selection {
	PyObject_HEAD
	PyObject *root, *functions, *handler, *diffdir;
	PyObject *stock; /* the host's generator, where there is nothing to walk through; or NULL */
	struct pathmaker maker;
	bool follow, looks_ahead, reads, begun, ended, running;

	struct stage_walk *tree;
	struct level *levels;
	size_t depth, room;

	/* What was found last. */
	struct selection_found found;
	struct stage_walk_entry entry;
	PyObject *path, *index; /* NULL until they are made */
	bool enters;            /* the next call goes into it */

	bool is_host_made; /* the path of this entry */

	/* Directories that wait for something in them. Once there is, these are given: how many were, and the one
	 * that was given last, if it is one of them (borrowed). */
	PyObject *deferred, *shown;
	Py_ssize_t given;
	bool gives_deferred;
};

static PyTypeObject *type;

bool
selection_check(PyObject *object)
{
	return type && Py_IS_TYPE(object, type);
}

static void
forget_path(struct selection *self)
{
	Py_CLEAR(self->path);
	Py_CLEAR(self->index);
}

static PyObject *
index_of(struct selection *self)
{
	if (!self->index)
		self->index =
			pathmaker_index(self->levels[self->depth - 1].index, self->entry.name);
	return self->index;
}

/* The path of the entry: a borrowed reference, NULL with an exception. */
static PyObject *
path_of(struct selection *self)
{
	if (!self->path && index_of(self))
		self->path = pathmaker_make(&self->maker, self->index, &self->entry);
	return self->path;
}

PyObject *
selection_make_path(PyObject *object)
{
	struct selection *self = (struct selection *)object;
	PyObject *path = self->shown ? self->shown : path_of(self);

	return path ? Py_NewRef(path) : NULL;
}

/* Puts a directory on the stack. */
static int
push(struct selection *self, PyObject *path, PyObject *index)
{
	struct level *grown;

	if (self->depth == self->room) {
		grown = realloc(self->levels, (2 * self->room + 16) * sizeof(*grown));
		if (!grown) {
			PyErr_NoMemory();
			return -1;
		}
		self->levels = grown;
		self->room = 2 * self->room + 16;
	}
	self->levels[self->depth++] = (struct level){Py_NewRef(path), Py_NewRef(index)};
	return 0;
}

static void
pop(struct selection *self)
{
	struct level *level = &self->levels[--self->depth];

	Py_CLEAR(level->path);
	Py_CLEAR(level->index);
}

/* Goes into the directory that was found last. */
static int
enter(struct selection *self)
{
	struct stage_error error;
	PyObject *path = path_of(self);
	PyObject *index = path ? PyObject_GetAttr(path, object_name_index) : NULL;
	int code = index ? push(self, path, index) : -1;

	Py_XDECREF(index);
	if (code == 0 && stage_walk_enter(self->tree, &error) < 0) {
		errors_raise(&error);
		code = -1;
	}
	return code;
}

/* Opens the source. */
static int
open_tree(struct selection *self)
{
	const struct stage_walk_options options = {.follow = self->follow,
		.descends = PyList_Size(self->functions) == 0,
		.reads = self->reads && PyList_Size(self->functions) == 0};
	PyObject *index = PyObject_GetAttr(self->root, object_name_index);
	char *base = NULL;
	struct stage_error error;
	int code = -1;

	if (index && pathmaker_open(&self->maker, self->root) == 0 &&
		(base = PyBytes_AsString(self->maker.base)))
		code = push(self, self->root, index);
	Py_XDECREF(index);
	if (code == 0 && stage_walk_open(base, &options, &self->tree, &error) < 0) {
		errors_raise(&error);
		code = -1;
	}
	return code;
}

/* The names of a directory that could not be listed, as the host lists it: it warns, if it fails again. */
static int
list_by_host(struct selection *self)
{
	PyObject *names = object_call(
		"duplicity.robust", "listpath", "(O)", self->levels[self->depth - 1].path);
	Py_ssize_t count = names ? PyList_Size(names) : -1, i;
	const char **all = count > 0 ? calloc((size_t)count, sizeof(*all)) : NULL;
	struct stage_error error;
	int code = 0;

	if (count > 0 && !all)
		PyErr_NoMemory();
	for (i = 0; all && i < count && !PyErr_Occurred(); i++)
		all[i] = PyBytes_AsString(PyList_GetItem(names, i));
	if (all && !PyErr_Occurred())
		code = stage_walk_set_names(self->tree, all, (size_t)count, &error);
	if (code < 0)
		errors_raise(&error);
	free((void *)all);
	Py_XDECREF(names);
	return PyErr_Occurred() ? -1 : 0;
}

/* What could not be looked at is the host's: 1 with a path, 0 where it has told of it, -1 with an exception. */
static int
make_by_host(struct selection *self)
{
	self->path = selector_append(
		self->handler, self->levels[self->depth - 1].path, self->entry.name);
	if (self->path != Py_None)
		return self->path ? 1 : -1;
	Py_CLEAR(self->path);
	return 0;
}

/* What the entry is, by its path where the host has made that. */
static bool
is_of_type(const struct selection *self, mode_t format, const char *name)
{
	PyObject *kind;
	bool is;

	if (!self->is_host_made)
		return (self->entry.stat->st_mode & S_IFMT) == format;
	kind = PyObject_GetAttr(self->path, object_name_type);
	is = kind && object_is(kind, name);
	Py_XDECREF(kind);
	return is;
}

static bool
is_readable(const struct selection *self, bool is_directory)
{
	if (!self->is_host_made)
		return self->entry.is_readable;
	return !(is_directory || is_of_type(self, S_IFREG, "reg")) ||
	       access(self->entry.path, R_OK) == 0;
}

/* An entry: 1, it is found; 0, it is not; -1 with an exception. */
static int
consider(struct selection *self)
{
	bool is_directory;
	int judged = 1;

	if (PyList_Size(self->functions) > 0)
		judged = path_of(self) ? selector_judge(self->functions, self->path) : -1;
	if (judged <= 0)
		return judged;
	is_directory = is_of_type(self, S_IFDIR, "dir");
	if (!is_readable(self, is_directory))
		return path_of(self) ? selector_warn_unreadable(self->path, self->diffdir) : -1;
	if (judged == 1) {
		self->enters = is_directory;
		self->gives_deferred = PyList_Size(self->deferred) > 0;
		self->given = 0;
		return 1;
	}
	if (!is_directory)
		return 0;
	return PyList_Append(self->deferred, self->path) < 0 ? -1 : enter(self);
}

/* Takes the entry that the tree has given. As consider(). */
static int
take(struct selection *self)
{
	int made = 1;

	forget_path(self);
	self->is_host_made = !pathmaker_can(&self->entry);
	if (self->is_host_made)
		made = make_by_host(self);
	return made == 1 ? consider(self) : made;
}

/* The end of a directory. */
static int
leave(struct selection *self)
{
	Py_ssize_t count = PyList_Size(self->deferred);

	pop(self);
	return count > 0 ? PyList_SetSlice(self->deferred, count - 1, count, NULL) : 0;
}

/* A step of the tree; without the GIL where the disk may be waited for. -1 with an exception. */
static int
step(struct selection *self)
{
	struct stage_error error;
	int code;

	if (stage_walk_is_ready(self->tree))
		code = stage_walk_next(self->tree, &self->entry, &error);
	else {
		if (PyErr_CheckSignals() < 0)
			return -1;
		Py_BEGIN_ALLOW_THREADS
		code = stage_walk_next(self->tree, &self->entry, &error);
		Py_END_ALLOW_THREADS
	}
	if (code < 0)
		errors_raise(&error);
	return code < 0 ? -1 : code;
}

/* As selection_next(). */
static int
search(struct selection *self)
{
	int found = 0, code = 1;

	while (found == 0 && (code = step(self)) > 0) {
		if (code == STAGE_WALK_ENTRY)
			found = take(self);
		else if (code == STAGE_WALK_LEAVE)
			found = leave(self);
		else
			found = list_by_host(self);
	}
	return code < 0 ? -1 : found;
}

/* Gives the next directory that has waited, or, behind the last one, what it has waited for. 1, or -1 with an exception. */
static int
give_deferred(struct selection *self)
{
	Py_ssize_t count = PyList_Size(self->deferred);

	self->shown = NULL;
	if (self->given < count) {
		self->shown = PyList_GetItem(self->deferred, self->given++);
		return selector_log_deferred(self->shown) < 0 ? -1 : 1;
	}
	self->gives_deferred = false;
	return PyList_SetSlice(self->deferred, 0, count, NULL) < 0 ? -1 : 1;
}

/* The source itself is given first. Where it is no directory, or nobody looks again, the host's own generator has all there is. */
static int
begin(struct selection *self)
{
	PyObject *kind = PyObject_GetAttr(self->root, object_name_type);
	bool is_directory = kind && object_is(kind, "dir");

	Py_XDECREF(kind);
	if (!kind)
		return -1;
	self->begun = true;
	if (!is_directory || !self->looks_ahead)
		return 0;
	Py_CLEAR(self->stock);
	self->path = Py_NewRef(self->root);
	return 1;
}

static int
next_of_stock(struct selection *self)
{
	forget_path(self);
	self->path = PyIter_Next(self->stock);
	return self->path ? 1 : PyErr_Occurred() ? -1 : 0;
}

static int
find(struct selection *self)
{
	int code = 0;

	if (!self->begun && (code = begin(self)) != 0)
		return code;
	if (self->stock)
		return next_of_stock(self);
	if (!self->tree)
		code = open_tree(self);
	else if (self->enters)
		code = enter(self);
	self->enters = false;
	return code < 0 ? -1 : search(self);
}

void
selection_look_ahead(PyObject *object)
{
	((struct selection *)object)->looks_ahead = true;
}

void
selection_read_ahead(PyObject *object)
{
	if (selection_check(object))
		((struct selection *)object)->reads = true;
}

struct stage_content *
selection_take_content(PyObject *object, PyObject *path)
{
	struct selection *self = (struct selection *)object;
	struct stage_content *content;

	if (!selection_check(object) || self->running || !self->tree || self->shown ||
		self->path != path)
		return NULL;
	self->running = true;
	Py_BEGIN_ALLOW_THREADS
	content = stage_walk_take_content(self->tree);
	Py_END_ALLOW_THREADS
	self->running = false;
	return content;
}

/* Says what was found. */
static void
describe(struct selection *self)
{
	const char *relative;

	self->found = (struct selection_found){0};
	if (self->depth == 0 || self->shown || self->is_host_made)
		return;
	relative = self->entry.path + PyBytes_Size(self->maker.base);
	self->found.entry = &self->entry;
	self->found.relative = *relative == '/' ? relative + 1 : relative;
}

int
selection_next(PyObject *object, const struct selection_found **ret_found)
{
	struct selection *self = (struct selection *)object;
	int code;

	if (!self->deferred || self->running) {
		PyErr_SetString(PyExc_ValueError, "this Selection is not open, or is running");
		return -1;
	}
	if (self->ended)
		return 0;
	self->running = true;
	code = self->gives_deferred ? 1 : find(self);
	if (code == 1 && self->gives_deferred)
		code = give_deferred(self);
	self->running = false;
	/* like a generator: after an exception there is nothing more */
	self->ended = code != 1;
	if (code == 1)
		describe(self);
	else
		stage_walk_close(&self->tree); /* its threads end */
	*ret_found = &self->found;
	return code;
}

static PyObject *
selection_iternext(PyObject *self)
{
	const struct selection_found *found;

	return selection_next(self, &found) == 1 ? selection_make_path(self) : NULL;
}

static int
selection_init(PyObject *object, PyObject *arguments, PyObject *keywords)
{
	static const char *const names[] = {
		"root", "functions", "stock", "handler", "follow", NULL};
	struct selection *self = (struct selection *)object;
	PyObject *root, *functions, *stock, *handler;
	int follow;

	if (!PyArg_ParseTupleAndKeywords(arguments, keywords, "OO!OOp:Selection",
		    (char **)(uintptr_t)names, &root, &PyList_Type, &functions, &stock, &handler,
		    &follow))
		return -1;
	if (self->root) {
		PyErr_SetString(PyExc_RuntimeError, "this Selection was opened already");
		return -1;
	}
	self->root = Py_NewRef(root);
	self->functions = Py_NewRef(functions);
	self->stock = Py_NewRef(stock);
	self->handler = Py_NewRef(handler);
	self->follow = follow;
	self->diffdir = PyImport_ImportModule("duplicity.diffdir");
	if (self->diffdir)
		self->deferred = PyList_New(0);
	return self->deferred ? 0 : -1;
}

static void
selection_dealloc(PyObject *object)
{
	struct selection *self = (struct selection *)object;
	PyTypeObject *own = Py_TYPE(object);

	Py_BEGIN_ALLOW_THREADS
	stage_walk_close(&self->tree);
	Py_END_ALLOW_THREADS
	while (self->depth > 0)
		pop(self);
	free(self->levels);
	pathmaker_close(&self->maker);
	forget_path(self);
	Py_CLEAR(self->deferred);
	Py_CLEAR(self->diffdir);
	Py_CLEAR(self->handler);
	Py_CLEAR(self->stock);
	Py_CLEAR(self->functions);
	Py_CLEAR(self->root);
	((freefunc)PyType_GetSlot(own, Py_tp_free))(object);
	Py_DECREF(own);
}

static PyObject *
selection_look_ahead_method(PyObject *self, PyObject *unused)
{
	(void)unused;
	selection_look_ahead(self);
	Py_RETURN_NONE;
}

static PyMethodDef methods[] = {
	{"look_ahead", selection_look_ahead_method, METH_NOARGS,
		"look_ahead()\n--\n\nWhoever takes the paths looks at each again before it opens it."},
	{NULL, NULL, 0, NULL},
};

static char documentation[] =
	"Selection(root, functions, stock, handler, follow)\n--\n\n"
	"Gives what the host's selection.Select.Iterate() gives where it logs no step. root: the Path of the\n"
	"source; functions: the list of selection functions; stock: the host's generator, not begun;\n"
	"handler: the function that the host has for files that cannot be looked at; follow: links too.";

static PyType_Slot slots[] = {
	{Py_tp_doc, documentation},
	{Py_tp_new, (void *)PyType_GenericNew},
	{Py_tp_init, (void *)selection_init},
	{Py_tp_dealloc, (void *)selection_dealloc},
	{Py_tp_iter, (void *)PyObject_SelfIter},
	{Py_tp_iternext, (void *)selection_iternext},
	{Py_tp_methods, methods},
	{0, NULL},
};

static PyType_Spec specification = {
	.name = "_stagedir.Selection",
	.basicsize = sizeof(struct selection),
	.flags = Py_TPFLAGS_DEFAULT,
	.slots = slots,
};

int
selection_add_type(PyObject *module)
{
	if (!type)
		type = (PyTypeObject *)PyType_FromSpec(&specification);
	return type ? PyModule_AddType(module, type) : -1;
}
