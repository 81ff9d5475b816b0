/*
 * Deltas: the host's diffdir.get_delta_iter(), where signatures are written.
 *
 * It compares what is there with what the last backup has seen, path by path, gives a ROPath for
 * each difference, and adds to the archive of signatures on the way. Which paths there are, in which
 * order they meet, what is equal, what an error is that a backup goes on after, statistics: all of
 * that are calls of the host's own functions.
 *
 * The host's log_delta_path() is here, its get_delta_path() in deltapath.c; lines of the log are the host's where
 * they are written, and not made where they are not.
 *
 * In a full backup there is nothing to compare with. Then no pairs are made, and most paths are fresh (fresh.h).
 */
#include "archive/deltas.h"

#include <stdbool.h>

#include "archive/collation.h"
#include "archive/deltapath.h"
#include "archive/filestat.h"
#include "archive/fresh.h"
#include "archive/selection.h"
#include "archive/signaturereader.h"
#include "archive/signatures.h"
#include "python/object.h"

#define LOG_INFO 5 /* from that on the host names each file */

struct deltas {
	PyObject_HEAD
	PyObject *selection; /* of what is there: a Selection, or any other iterator */
	PyObject *
		old; /* the iterator of what was there, where that is to be found out; NULL once it is */
	struct collation *pairs;      /* of a path that is there and one that was; NULL: none was */
	struct deltapath_maker maker; /* its signatures are NULL until __init__ has ended */
	bool names_files, ended;

	/* In a full backup: what was found last, and not yet given. */
	const struct selection_found *found;
	struct fresh *fresh; /* NULL before the first path, and where it cannot be used */
};

static PyTypeObject *type;

/* The host's statistics object. */
static PyObject *
call_stats(struct deltas *deltas, PyObject *method, PyObject *path)
{
	PyObject *stats = PyObject_GetAttr(deltas->maker.diffdir, object_name_stats),
		 *result = NULL;

	if (stats)
		result = PyObject_CallMethodObjArgs(stats, method, path, NULL);
	Py_XDECREF(stats);
	return result;
}

static int
log_deleted(PyObject *path)
{
	PyObject *bytes, *name = NULL, *text = NULL, *codes = NULL, *code = NULL, *extra = NULL;
	PyObject *result = NULL;

	bytes = PyObject_CallMethodObjArgs(path, object_name_get_relative_path, NULL);
	if (bytes)
		name = object_call("os", "fsdecode", "(O)", bytes);
	if (name)
		text = object_text("D %s", Py_BuildValue("(N)", name));
	if (text)
		codes = object_attribute("duplicity.log", "InfoCode");
	if (codes)
		code = PyObject_GetAttrString(codes, "diff_file_deleted");
	if (code)
		extra = object_call("duplicity.util", "escape", "(O)", bytes);
	if (extra)
		result = object_call("duplicity.log", "Info", "(OOO)", text, code, extra);
	Py_XDECREF(extra);
	Py_XDECREF(code);
	Py_XDECREF(codes);
	Py_XDECREF(text);
	Py_XDECREF(bytes);
	return object_done(result);
}

/* A path that was there: is it one that the backup before had? 1, 0, or -1 with an exception. */
static int
was_there(PyObject *path, PyObject *index)
{
	PyObject *exists;
	int is;

	if (path == Py_None)
		return 0;
	exists = PyObject_CallMethodObjArgs(path, object_name_exists, NULL);
	is = exists ? PyObject_IsTrue(exists) : -1;
	Py_XDECREF(exists);
	/* not the base: old versions could have written so */
	return is == 1 ? PyObject_Size(index) != 0 : is;
}

/* What is there no longer: a ROPath of it, NULL without an exception where it never was. */
static PyObject *
make_deleted(struct deltas *deltas, PyObject *path)
{
	PyObject *index = NULL, *ropath = NULL;
	int was = 0;

	if (path != Py_None) {
		index = PyObject_GetAttr(path, object_name_index);
		was = index ? was_there(path, index) : -1;
	}
	if (was == 1 && (!deltas->names_files || log_deleted(path) == 0))
		ropath = PyObject_CallFunctionObjArgs(deltas->maker.ropath_type, index, NULL);
	Py_XDECREF(index);
	if (ropath &&
		(signatures_add(deltas->maker.signatures, ropath, STAGE_MEMBER_DELETED, NULL, 0) <
				0 ||
			object_done(call_stats(deltas, object_name_add_deleted_file, path)) < 0))
		Py_CLEAR(ropath);
	return ropath;
}

/* The host's log_delta_path(), which is called where there is something to log. */
static int
note_delta(struct deltas *deltas, PyObject *delta, PyObject *path)
{
	PyObject *stats, *difftype, *result = NULL;
	bool is_new;

	if (deltas->names_files) {
		stats = PyObject_GetAttr(deltas->maker.diffdir, object_name_stats);
		if (stats)
			result = object_call(
				"duplicity.diffdir", "log_delta_path", "(OOO)", delta, path, stats);
		Py_XDECREF(stats);
		return object_done(result);
	}
	difftype = PyObject_GetAttr(delta, object_name_difftype);
	if (!difftype)
		return -1;
	is_new = object_is(difftype, "snapshot");
	Py_DECREF(difftype);
	return object_done(call_stats(
		deltas, is_new ? object_name_add_new_file : object_name_add_changed_file, path));
}

/* A function that raises the exception that it is bound to. */
static PyObject *
raise_bound(PyObject *exception, PyObject *arguments)
{
	(void)arguments;
	PyErr_SetObject((PyObject *)Py_TYPE(exception), exception);
	return NULL;
}
static PyMethodDef raising = {"get_delta_path", raise_bound, METH_VARARGS, NULL};

/*
 * The pending exception is the host's to judge: it says so in its log and counts an error, or
 * passes it on. 0, or -1 with an exception.
 */
static int
judge_exception(struct deltas *deltas, PyObject *path, PyObject *old)
{
	PyObject *kind, *value, *traceback, *function, *handler = NULL, *result = NULL;

	PyErr_Fetch(&kind, &value, &traceback);
	PyErr_NormalizeException(&kind, &value, &traceback);
	if (traceback)
		PyException_SetTraceback(value, traceback);
	function = PyCFunction_New(&raising, value);
	if (function)
		handler = PyObject_GetAttrString(deltas->maker.diffdir, "delta_iter_error_handler");
	if (handler)
		result = object_call("duplicity.robust", "check_common_error", "(OO(OO))", handler,
			function, path, old);
	Py_XDECREF(handler);
	Py_XDECREF(function);
	Py_XDECREF(traceback);
	Py_XDECREF(value);
	Py_XDECREF(kind);
	return object_done(result) < 0 ? -1
				       : object_count(deltas->maker.diffdir, object_name_Errors, 1);
}

/* Is path other than old? 1, 0, or -1 with an exception. */
static int
differs(PyObject *path, PyObject *old)
{
	return old == Py_None ? 1 : PyObject_RichCompareBool(path, old, Py_NE);
}

static int
is_there(PyObject *path)
{
	PyObject *kind;
	int is;

	if (path == Py_None)
		return 0;
	kind = PyObject_GetAttr(path, object_name_type);
	is = kind ? PyObject_IsTrue(kind) : -1;
	Py_XDECREF(kind);
	return is;
}

/*
 * The host looks at a path right before it opens it. What was looked at ahead, and not read since, is looked at again:
 * it may be gone. A directory is not: what was in it when it was looked at comes next, and nothing may come below what is
 * none. 0, or -1 with an exception.
 */
static int
look_again(struct deltas *deltas, PyObject *path)
{
	PyObject *stat = PyObject_GetAttr(path, object_name_stat);
	const struct stat *ahead = stat ? filestat_get(stat) : NULL;
	bool may_differ = ahead && !S_ISDIR(ahead->st_mode);

	Py_XDECREF(stat);
	if (!stat)
		return -1;
	if (may_differ)
		deltas->maker.content = selection_take_content(deltas->selection, path);
	if (!may_differ || deltas->maker.content)
		return 0;
	return object_done(PyObject_CallMethodObjArgs(path, object_name_setdata, NULL));
}

/* The delta of a path that differs; as compare(). */
static PyObject *
make_and_note(struct deltas *deltas, PyObject *path, PyObject *old)
{
	PyObject *delta = NULL;
	int is = look_again(deltas, path) < 0 ? 1 : is_there(path);

	if (is == 0)
		return make_deleted(deltas, old);
	if (is < 0)
		return NULL;
	if (!PyErr_Occurred())
		delta = deltapath_make(&deltas->maker, path, old);
	stage_content_free(&deltas->maker.content); /* of what was not opened */
	if (!delta)
		judge_exception(deltas, path, old);
	else if (note_delta(deltas, delta, path) < 0)
		Py_CLEAR(delta);
	return delta;
}

/* The delta of a pair; NULL without an exception where there is none. */
static PyObject *
compare(struct deltas *deltas, const struct pair *pair)
{
	int is = is_there(pair->path), other;

	if (is <= 0)
		return is < 0 ? NULL : make_deleted(deltas, pair->old);
	if (pair->old ==
		Py_None) /* of the source itself, which is first: there is no backup yet, all is read */
		selection_read_ahead(deltas->selection);
	other = pair->differs ? 1 : differs(pair->path, pair->old);
	if (other > 0)
		return make_and_note(deltas, pair->path, pair->old);
	if (other == 0)
		object_done(call_stats(deltas, object_name_add_unchanged_file, pair->path));
	return NULL;
}

/* What was there, where that is anything: a new reference. NULL without an exception where nothing was. */
static PyObject *
find_old(struct deltas *deltas)
{
	PyObject *first = PyIter_Next(deltas->old), *all = NULL;

	if (first)
		all = object_call("itertools", "chain", "([O]O)", first, deltas->old);
	Py_XDECREF(first);
	return all;
}

/* Before the first pair, where it is not known yet whether anything was there. */
static int
begin(struct deltas *deltas)
{
	PyObject *old = find_old(deltas);

	if (old)
		deltas->pairs = collation_new(deltas->maker.diffdir, deltas->selection, old);
	else if (!PyErr_Occurred() && !deltas->names_files)
		deltas->fresh = fresh_new(deltas->maker.diffdir, deltas->maker.signatures);
	Py_XDECREF(old);
	Py_CLEAR(deltas->old);
	return PyErr_Occurred() ? -1 : 0;
}

/* The next path of the source as a pair, where nothing was; as collation_next(). */
static int
next_new(struct deltas *deltas, struct pair *ret_pair)
{
	int code = deltas->found ? 1 : selection_next(deltas->selection, &deltas->found);

	deltas->found = NULL;
	if (code != 1)
		return code;
	*ret_pair = (struct pair){.path = selection_make_path(deltas->selection),
		.old = Py_NewRef(Py_None),
		.differs = true};
	if (ret_pair->path)
		return 1;
	collation_release_pair(ret_pair);
	return -1;
}

static int
next_pair(struct deltas *deltas, struct pair *ret_pair)
{
	if (deltas->old && begin(deltas) < 0)
		return -1;
	if (deltas->pairs)
		return collation_next(deltas->pairs, ret_pair);
	if (fresh_flush(deltas->fresh) < 0)
		return -1;
	return next_new(deltas, ret_pair);
}

/* After the last pair. */
static void
finish(struct deltas *deltas)
{
	PyObject *stats = PyObject_GetAttr(deltas->maker.diffdir, object_name_stats);
	int code = -1;

	deltas->ended = true;
	if (stats)
		code = object_done(PyObject_CallMethodObjArgs(stats, object_name_close, NULL));
	Py_XDECREF(stats);
	if (code == 0)
		signatures_end(deltas->maker.signatures);
}

static PyObject *
deltas_next(PyObject *self)
{
	struct deltas *deltas = (struct deltas *)self;
	struct pair pair;
	PyObject *delta;

	if (!deltas->maker.signatures) {
		PyErr_SetString(PyExc_ValueError, "this Deltas was never opened");
		return NULL;
	}
	stage_content_free(&deltas->maker.content); /* of what was fresh */
	while (!deltas->ended && next_pair(deltas, &pair) > 0) {
		delta = compare(deltas, &pair);
		collation_release_pair(&pair);
		if (delta)
			return delta;
		if (PyErr_Occurred())
			break;
	}
	/* like a generator: after an exception there is nothing more */
	if (!deltas->ended && !PyErr_Occurred())
		finish(deltas);
	deltas->ended = true;
	return NULL;
}

/* The content of what was found, which is a directory or a file: false where it was not read ahead. */
static bool
has_content(struct deltas *deltas)
{
	if (S_ISDIR(deltas->found->entry->stat->st_mode))
		return true;
	deltas->maker.content = selection_take_content(deltas->selection, NULL);
	return deltas->maker.content;
}

/* As deltas_next_fresh(). */
static int
find_fresh(struct deltas *deltas, struct deltas_fresh *ret_fresh)
{
	int code = deltas->found ? 1 : selection_next(deltas->selection, &deltas->found);

	if (code != 1) {
		deltas->found = NULL;
		return code;
	}
	if (!fresh_can(deltas->found) || !has_content(deltas))
		return 0;
	ret_fresh->index = deltas->found->relative;
	code = fresh_add(deltas->fresh, deltas->found, deltas->maker.content, &ret_fresh->member);
	deltas->found = NULL;
	ret_fresh->bytes = deltas->maker.content ? deltas->maker.content->bytes : NULL;
	ret_fresh->size = deltas->maker.content ? deltas->maker.content->size : 0;
	return code < 0 ? -1 : 1;
}

int
deltas_next_fresh(PyObject *iterator, struct deltas_fresh *ret_fresh)
{
	struct deltas *deltas = (struct deltas *)iterator;
	int code;

	if (!Py_IS_TYPE(iterator, type) || !deltas->fresh || deltas->ended)
		return 0;
	stage_content_free(&deltas->maker.content);
	code = find_fresh(deltas, ret_fresh);
	deltas->ended = code < 0;
	return code;
}

static int
find_verbosity(struct deltas *deltas)
{
	PyObject *level = object_call("duplicity.log", "getverbosity", "()");

	if (!level)
		return -1;
	deltas->names_files = PyLong_AsLong(level) >= LOG_INFO;
	Py_DECREF(level);
	return PyErr_Occurred() ? -1 : 0;
}

/* Where new paths come from, without the host's Select between. */
static PyObject *
find_selection(PyObject *new_iter)
{
	PyObject *inner = PyObject_GetAttrString(new_iter, "iter");

	if (inner && selection_check(inner)) {
		selection_look_ahead(inner);
		return inner;
	}
	PyErr_Clear();
	Py_XDECREF(inner);
	return Py_NewRef(new_iter);
}

/* A Selection and an iterator of the host's begin later: there may be nothing to compare with. */
static int
open_pairs(struct deltas *deltas, PyObject *old)
{
	if (selection_check(deltas->selection) && !signaturereader_check(old))
		deltas->old = PyObject_GetIter(old);
	else
		deltas->pairs = collation_new(deltas->maker.diffdir, deltas->selection, old);
	return PyErr_Occurred() ? -1 : 0;
}

static void
release(struct deltas *deltas)
{
	fresh_free(&deltas->fresh);
	Py_CLEAR(deltas->selection);
	Py_CLEAR(deltas->old);
	collation_free(&deltas->pairs);
	stage_content_free(&deltas->maker.content);
	Py_CLEAR(deltas->maker.diffdir);
	Py_CLEAR(deltas->maker.ropath_type);
	Py_CLEAR(deltas->maker.signatures);
}

static int
deltas_init(PyObject *self, PyObject *arguments, PyObject *keywords)
{
	static const char *const names[] = {"new_iter", "sig_iter", "sig_fileobj", NULL};
	struct deltas *deltas = (struct deltas *)self;
	PyObject *new_iter, *sig_iter, *file;

	if (!PyArg_ParseTupleAndKeywords(arguments, keywords, "OOO:Deltas",
		    (char **)(uintptr_t)names, &new_iter, &sig_iter, &file))
		return -1;
	if (deltas->maker.signatures) {
		PyErr_SetString(PyExc_RuntimeError, "this Deltas was opened already");
		return -1;
	}
	release(deltas); /* of an __init__ that failed */
	deltas->maker.diffdir = PyImport_ImportModule("duplicity.diffdir");
	if (!deltas->maker.diffdir)
		return -1;
	deltas->maker.ropath_type = PyObject_GetAttrString(deltas->maker.diffdir, "ROPath");
	deltas->selection = find_selection(new_iter);
	if (!deltas->maker.ropath_type || open_pairs(deltas, sig_iter) < 0 ||
		find_verbosity(deltas) < 0)
		return -1;
	deltas->maker.signatures = signatures_new(file);
	return deltas->maker.signatures ? 0 : -1;
}

static void
deltas_dealloc(PyObject *self)
{
	PyTypeObject *own = Py_TYPE(self);

	release((struct deltas *)self);
	((freefunc)PyType_GetSlot(own, Py_tp_free))(self);
	Py_DECREF(own);
}

static char documentation[] =
	"Deltas(new_iter, sig_iter, sig_fileobj)\n--\n\n"
	"Does what the host's diffdir.get_delta_iter() does, where there is a file for signatures.";

static PyType_Slot slots[] = {
	{Py_tp_doc, documentation},
	{Py_tp_new, (void *)PyType_GenericNew},
	{Py_tp_init, (void *)deltas_init},
	{Py_tp_dealloc, (void *)deltas_dealloc},
	{Py_tp_iter, (void *)PyObject_SelfIter},
	{Py_tp_iternext, (void *)deltas_next},
	{0, NULL},
};

static PyType_Spec specification = {
	.name = "_stagedir.Deltas",
	.basicsize = sizeof(struct deltas),
	.flags = Py_TPFLAGS_DEFAULT,
	.slots = slots,
};

int
deltas_flush(PyObject *object)
{
	struct deltas *deltas = (struct deltas *)object;

	if (!Py_IS_TYPE(object, type) || !deltas->maker.signatures)
		return 0;
	return fresh_flush(deltas->fresh) < 0 ? -1 : signatures_flush(deltas->maker.signatures);
}

int
deltas_add_type(PyObject *module)
{
	if (!type)
		type = (PyTypeObject *)PyType_FromSpec(&specification);
	return type ? PyModule_AddType(module, type) : -1;
}
