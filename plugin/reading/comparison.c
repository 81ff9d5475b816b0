/*
 * A pair is fetched from both sides, that of the backup first, as the host does it: so volumes are fetched, and warnings
 * come, in its order.
 */
#include "reading/comparison.h"

#include "archive/currentpath.h"
#include "python/object.h"
#include "reading/patchedpaths.h"
#include "reading/samecontent.h"

struct comparison {
	PyObject_HEAD
	PyObject *backup; /* the PatchedPaths */
	struct membersource source;
	const struct stage_entry *was; /* of it, and not given */
	bool source_ended;
	struct currentpath current;
	bool compares;
	PyObject *same; /* the pair that stands for two that are the same */
	bool ended, running;
};

static PyTypeObject *type, *same_type;

/* The path of two that are the same. */

static PyObject *
same_compare_verbose(PyObject *self, PyObject *unused)
{
	(void)self;
	(void)unused;
	Py_RETURN_TRUE;
}

static PyMethodDef same_methods[] = {
	{"compare_verbose", same_compare_verbose, METH_VARARGS,
		"compare_verbose(other, include_data=0)\n--\n\nTrue."},
	{NULL, NULL, 0, NULL},
};

static void
same_dealloc(PyObject *self)
{
	PyTypeObject *own = Py_TYPE(self);

	PyObject_Free(self);
	Py_DECREF(own);
}

static char same_documentation[] = "Stands for a path that was compared already, and is the same.";

static PyType_Slot same_slots[] = {
	{Py_tp_doc, same_documentation},
	{Py_tp_dealloc, (void *)same_dealloc},
	{Py_tp_methods, same_methods},
	{0, NULL},
};

static PyType_Spec same_specification = {
	.name = "_stagedir.SamePath",
	.basicsize = sizeof(PyObject),
	.flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION,
	.slots = same_slots,
};

/* ROPath.compare_data() where it was found out already that the data differs. */
static PyObject *
say_different(PyObject *self, PyObject *unused)
{
	(void)self;
	(void)unused;
	return PyLong_FromLong(0);
}

static PyMethodDef different = {"compare_data", say_different, METH_O, NULL};

/* Sees to a path of each side, unless there are no more: 0, or -1 with an exception. */
static int
fetch(struct comparison *self)
{
	int code;

	if (!self->was && !self->source_ended) {
		code = self->source.next(self->source.context, &self->was);
		if (code < 0)
			return -1;
		self->source_ended = code == 0;
	}
	return currentpath_fetch(&self->current);
}

/* Less than 0: the path of the backup comes first; 0: both are of one path. */
static int
order(const struct comparison *self)
{
	if (!self->was)
		return 1;
	return currentpath_is_there(&self->current)
		       ? stage_entry_order(self->was, &self->current.there.entry)
		       : -1;
}

/* The path of the source, as it is now: as the host would have found it. */
static PyObject *
take_current(struct comparison *self)
{
	PyObject *path = currentpath_take(&self->current), *done;

	if (!path)
		return NULL;
	done = PyObject_CallMethodObjArgs(path, object_name_setdata, NULL);
	if (!done && PyErr_ExceptionMatches(PyExc_Exception))
		PyErr_Clear(); /* then it is as it was */
	Py_XDECREF(done);
	if (PyErr_Occurred())
		Py_CLEAR(path);
	return path;
}

/* A pair of both, one or none of which may be None; consumes its arguments, NULL is a pending exception. */
static PyObject *
pair_of(PyObject *backup, PyObject *current)
{
	PyObject *pair = backup && current ? PyTuple_Pack(2, backup, current) : NULL;

	Py_XDECREF(backup);
	Py_XDECREF(current);
	return pair;
}

static PyObject *
take_backup(struct comparison *self)
{
	self->was = NULL;
	return self->source.path(self->source.context);
}

static PyObject *
give_both(struct comparison *self)
{
	PyObject *backup = take_backup(self);

	return pair_of(backup, backup ? take_current(self) : NULL);
}

/* A pair whose data differs. */
static PyObject *
give_different(struct comparison *self)
{
	PyObject *backup = take_backup(self), *compare_data = NULL;
	int code = -1;

	if (backup)
		compare_data = PyCFunction_New(&different, NULL);
	if (compare_data)
		code = PyObject_SetAttrString(backup, different.ml_name, compare_data);
	Py_XDECREF(compare_data);
	if (code < 0)
		Py_CLEAR(backup);
	return pair_of(backup, backup ? currentpath_take(&self->current) : NULL);
}

static PyObject *
give_same(struct comparison *self)
{
	self->was = NULL;
	currentpath_pass(&self->current);
	return Py_NewRef(self->same);
}

/* Compares the two of one path. */
static PyObject *
compare(struct comparison *self)
{
	int known = currentpath_read(&self->current);

	if (known < 0)
		return NULL;
	if (known == 0 || !stage_entry_is_same(self->was, &self->current.there.entry))
		return give_both(self);
	if (self->was->type != STAGE_ENTRY_FILE)
		return give_same(self);
	if (!self->current.found)
		return give_both(self);
	switch (samecontent_compare(&self->source, &self->current)) {
	case SAMECONTENT_YES:
		return give_same(self);
	case SAMECONTENT_NO:
		return give_different(self);
	case SAMECONTENT_UNKNOWN:
		return give_both(self);
	default:
		return NULL;
	}
}

/* The next path of either side is only counted. */
static PyObject *
count(struct comparison *self, int position)
{
	if (position <= 0)
		self->was = NULL;
	if (position >= 0)
		currentpath_pass(&self->current);
	return Py_NewRef(self->same);
}

static PyObject *
next_pair(struct comparison *self)
{
	int position;

	if (fetch(self) < 0 || (!self->was && !currentpath_is_there(&self->current)))
		return NULL;
	position = order(self);
	if (!self->compares)
		return count(self, position);
	if (position < 0)
		return pair_of(take_backup(self), Py_NewRef(Py_None));
	if (position > 0)
		return pair_of(Py_NewRef(Py_None), currentpath_take(&self->current));
	return compare(self);
}

static PyObject *
comparison_iternext(PyObject *object)
{
	struct comparison *self = (struct comparison *)object;
	PyObject *pair;

	if (self->running) {
		PyErr_SetString(PyExc_ValueError, "generator already executing");
		return NULL;
	}
	if (self->ended)
		return NULL;
	self->running = true;
	pair = next_pair(self);
	self->running = false;
	/* like a generator: after an exception there is nothing more */
	self->ended = !pair;
	return pair;
}

static void
comparison_dealloc(PyObject *object)
{
	struct comparison *self = (struct comparison *)object;
	PyTypeObject *own = Py_TYPE(object);

	currentpath_release(&self->current);
	Py_CLEAR(self->backup);
	Py_CLEAR(self->same);
	((freefunc)PyType_GetSlot(own, Py_tp_free))(object);
	Py_DECREF(own);
}

/* The Selection of a Select of the host's: a new reference; NULL, without an exception, where there is none. */
static PyObject *
selection_of(PyObject *select)
{
	PyObject *kind = object_attribute("duplicity.selection", "Select"), *inner = NULL;

	if (kind && Py_IS_TYPE(select, (PyTypeObject *)kind))
		inner = PyObject_GetAttrString(select, "iter");
	Py_XDECREF(kind);
	PyErr_Clear();
	if (inner && !selection_check(inner))
		Py_CLEAR(inner);
	return inner;
}

static PyObject *
new_same(void)
{
	PyObject *path = (PyObject *)PyObject_New(PyObject, same_type);
	PyObject *pair = path ? PyTuple_Pack(2, path, path) : NULL;

	Py_XDECREF(path);
	return pair;
}

static PyObject *
new_comparison(PyObject *backup, PyObject *selection, bool compares)
{
	struct comparison *self = PyObject_New(struct comparison, type);

	if (!self)
		return NULL;
	*self = (struct comparison){.ob_base = self->ob_base, .current = CURRENTPATH_NONE};
	self->backup = Py_NewRef(backup);
	self->source = patchedpaths_source(backup);
	self->compares = compares;
	self->same = new_same();
	if (!self->same || currentpath_begin(&self->current, selection) < 0)
		Py_CLEAR(self);
	else
		selection_look_ahead(selection);
	if (self && compares)
		selection_read_ahead(selection);
	return (PyObject *)self;
}

PyObject *
comparison_new(PyObject *module, PyObject *arguments)
{
	PyObject *backup, *current, *compare_data, *selection = NULL, *comparison;

	(void)module;
	if (!PyArg_ParseTuple(arguments, "OOO:compare_paths", &backup, &current, &compare_data))
		return NULL;
	if (patchedpaths_check(backup))
		selection = selection_of(current);
	if (!selection)
		Py_RETURN_NONE;
	comparison = new_comparison(backup, selection, compare_data != Py_False);
	Py_DECREF(selection);
	return comparison;
}

static char documentation[] =
	"What a chain of backups has beside what is there: an iterator of pairs of the host's paths. It is made by\n"
	"compare_paths().";

static PyType_Slot slots[] = {
	{Py_tp_doc, documentation},
	{Py_tp_dealloc, (void *)comparison_dealloc},
	{Py_tp_iter, (void *)PyObject_SelfIter},
	{Py_tp_iternext, (void *)comparison_iternext},
	{0, NULL},
};

static PyType_Spec specification = {
	.name = "_stagedir.Comparison",
	.basicsize = sizeof(struct comparison),
	.flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION,
	.slots = slots,
};

int
comparison_add_type(PyObject *module)
{
	if (!type)
		type = (PyTypeObject *)PyType_FromSpec(&specification);
	if (!same_type)
		same_type = (PyTypeObject *)PyType_FromSpec(&same_specification);
	if (!type || !same_type || PyModule_AddType(module, same_type) < 0)
		return -1;
	return PyModule_AddType(module, type);
}
