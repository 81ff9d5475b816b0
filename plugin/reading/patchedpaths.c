#include "reading/patchedpaths.h"

#include <string.h>

#include "archive/index.h"
#include "python/object.h"
#include "reading/ropaths.h"
#include "reading/volumereader.h"

/* So much of a file is read at a time. */
#define PIECE ((size_t)64 * 1024)

/* A backup of the chain, and the path of it that comes next. */
struct part {
	PyObject *reader;
	struct stage_difftar_entry found; /* its index is below the path that is restored */
	bool has_found, ended;
};

struct patched {
	PyObject_HEAD
	char *below; /* in the heap of Python */
	size_t below_length;
	struct part *parts; /* the same */
	size_t count;

	/* The member that was given last: of this part alone; or NULL, and it was put together by the host. */
	struct part *whole;
	PyObject *together; /* the host's generator of one path */
	struct ropaths ropaths;
	bool is_ahead; /* it was looked at, and is to be given again */

	unsigned char *piece; /* in the heap of Python */
};

static PyTypeObject *type;

bool
patchedpaths_check(PyObject *object)
{
	return Py_IS_TYPE(object, type);
}

/* Is the path of an entry the one that is restored, or below it? Then it is made relative to that. */
static bool
is_below(const struct patched *self, struct stage_entry *entry)
{
	size_t length = self->below_length;

	if (length == 0)
		return true;
	if (entry->index_length < length || memcmp(entry->index, self->below, length) != 0)
		return false;
	if (entry->index_length > length && entry->index[length] != '/')
		return false;
	length += entry->index_length > length;
	entry->index += length;
	entry->index_length -= length;
	return true;
}

/* Sees to the next path of a part: 0, or -1 with an exception. */
static int
fetch(const struct patched *self, struct part *part)
{
	const struct stage_difftar_entry *found;
	int code;

	while (!part->has_found && !part->ended) {
		code = volumereader_next(part->reader, &found);
		if (code < 0)
			return -1;
		part->ended = code == 0;
		if (code == 0)
			return 0;
		part->found = *found;
		part->has_found = is_below(self, &part->found.entry);
	}
	return 0;
}

/* The first path of all that were found; NULL: there is none. */
static const struct stage_entry *
first_of(const struct patched *self)
{
	const struct stage_entry *first = NULL;
	size_t i;

	for (i = 0; i < self->count; i++) {
		const struct stage_entry *entry = &self->parts[i].found.entry;

		if (self->parts[i].has_found && (!first || stage_entry_order(entry, first) < 0))
			first = entry;
	}
	return first;
}

/* The ROPath of what a part has found: a new reference, NULL with an exception. */
static PyObject *
path_of(const struct patched *self, const struct part *part)
{
	const struct stage_entry *entry = &part->found.entry;
	PyObject *ropath = volumereader_make_path(part->reader), *index;

	if (!ropath || self->below_length == 0)
		return ropath;
	index = index_split(entry->index, entry->index_length);
	if (!index || PyObject_SetAttr(ropath, object_name_index, index) < 0)
		Py_CLEAR(ropath);
	Py_XDECREF(index);
	return ropath;
}

/* Puts an iterator of the one path of a part into a list, before the others: 0, or -1 with an exception. */
static int
put_first(const struct patched *self, const struct part *part, PyObject *iterators)
{
	PyObject *ropath = path_of(self, part), *one = NULL, *iterator = NULL;
	int code = -1;

	if (ropath)
		one = PyTuple_Pack(1, ropath);
	if (one)
		iterator = PyObject_GetIter(one);
	if (iterator)
		code = PyList_Insert(iterators, 0, iterator);
	Py_XDECREF(iterator);
	Py_XDECREF(one);
	Py_XDECREF(ropath);
	return code;
}

/*
 * Goes through the versions of a path, the newest first, up to one that is no delta, and takes all of them from their parts.
 * Those that count come into the list, if more than one does, or if the host has to say what is wrong; *ret_only is the one
 * otherwise. 0, or -1 with an exception.
 */
static int
choose(struct patched *self, const struct stage_entry *first, struct part **ret_only,
	PyObject *list)
{
	bool is_whole = false;
	size_t i = self->count;

	*ret_only = NULL;
	while (i-- > 0) {
		struct part *part = &self->parts[i];

		if (!part->has_found || (&part->found.entry != first &&
						stage_entry_order(&part->found.entry, first) != 0))
			continue;
		if (&part->found.entry != first)
			part->has_found = false;
		if (is_whole)
			continue;
		is_whole = part->found.kind != STAGE_MEMBER_DIFF;
		if (is_whole && PyList_Size(list) == 0)
			*ret_only = part;
		else if (put_first(self, part, list) < 0)
			return -1;
	}
	return 0;
}

/* No longer the first: compared with by choose() until its end. */
static void
take_first(struct patched *self, const struct stage_entry *first)
{
	size_t i;

	for (i = 0; i < self->count; i++)
		if (&self->parts[i].found.entry == first)
			self->parts[i].has_found = false;
}

/* Has the host put a path together of versions: 1; 0 where there is none, and it has warned; -1 with an exception. */
static int
put_together(struct patched *self, PyObject *iterators, const struct stage_entry **ret_entry)
{
	self->together =
		object_call("duplicity.patchdir", "integrate_patch_iters", "(O)", iterators);
	if (!self->together)
		return -1;
	ropaths_init(&self->ropaths, self->together);
	return self->ropaths.source.next(&self->ropaths, ret_entry);
}

static void
forget_last(struct patched *self)
{
	self->whole = NULL;
	if (self->together)
		ropaths_release(&self->ropaths);
	Py_CLEAR(self->together);
}

/* What there is of the first path of all: as next_member(). */
static int
give(struct patched *self, const struct stage_entry *first, const struct stage_entry **ret_entry)
{
	PyObject *list = PyList_New(0);
	struct part *only;
	int code = list ? choose(self, first, &only, list) : -1;

	take_first(self, first);
	if (code == 0 && !only)
		code = put_together(self, list, ret_entry);
	else if (code == 0 && only->found.kind != STAGE_MEMBER_DELETED) {
		self->whole = only;
		*ret_entry = &only->found.entry;
		code = 1;
	}
	Py_XDECREF(list);
	return code;
}

static int
next_member(struct patched *self, const struct stage_entry **ret_entry)
{
	const struct stage_entry *first;
	int code = 0;
	size_t i;

	while (code == 0) {
		if (PyErr_CheckSignals() < 0)
			return -1;
		forget_last(self);
		for (i = 0; i < self->count; i++)
			if (fetch(self, &self->parts[i]) < 0)
				return -1;
		first = first_of(self);
		if (!first)
			return 0;
		code = give(self, first, ret_entry);
	}
	return code;
}

/* The functions of the source. */

static int
source_next(void *context, const struct stage_entry **ret_entry)
{
	struct patched *self = context;

	if (!self->is_ahead)
		return next_member(self, ret_entry);
	self->is_ahead = false;
	*ret_entry = self->whole ? &self->whole->found.entry : &self->ropaths.read.entry;
	return 1;
}

static PyObject *
source_path(void *context)
{
	struct patched *self = context;

	return self->whole ? path_of(self, self->whole) : self->ropaths.source.path(&self->ropaths);
}

static int
source_read(void *context, size_t wanted, const void **ret_bytes, size_t *ret_size)
{
	struct patched *self = context;

	if (!self->whole)
		return self->ropaths.source.read(&self->ropaths, wanted, ret_bytes, ret_size);
	*ret_bytes = self->piece;
	return volumereader_read(
		self->whole->reader, self->piece, wanted < PIECE ? wanted : PIECE, ret_size);
}

static int
source_end(void *context)
{
	struct patched *self = context;

	return self->whole ? 0 : self->ropaths.source.end(&self->ropaths);
}

static int
source_pass(void *context)
{
	struct patched *self = context;

	return self->whole ? volumereader_pass(self->whole->reader)
			   : self->ropaths.source.pass(&self->ropaths);
}

struct membersource
patchedpaths_source(PyObject *object)
{
	return (struct membersource){.next = source_next,
		.path = source_path,
		.read = source_read,
		.end = source_end,
		.pass = source_pass,
		.context = object};
}

static PyObject *
patched_iternext(PyObject *object)
{
	const struct stage_entry *entry;

	return source_next(object, &entry) > 0 ? source_path(object) : NULL;
}

static PyObject *
patched_begins_with_folder(PyObject *object, PyObject *unused)
{
	struct patched *self = (struct patched *)object;
	const struct stage_entry *entry;
	int code = source_next(object, &entry);

	(void)unused;
	if (code < 0)
		return NULL;
	self->is_ahead = code > 0;
	return PyBool_FromLong(
		code > 0 && entry->index_length == 0 && entry->type == STAGE_ENTRY_DIRECTORY);
}

static void
patched_dealloc(PyObject *object)
{
	struct patched *self = (struct patched *)object;
	PyTypeObject *own = Py_TYPE(object);

	forget_last(self);
	while (self->count > 0) {
		self->count--;
		Py_CLEAR(self->parts[self->count].reader);
	}
	PyMem_Free(self->parts);
	PyMem_Free(self->below);
	PyMem_Free(self->piece);
	((freefunc)PyType_GetSlot(own, Py_tp_free))(object);
	Py_DECREF(own);
}

/* Takes the readers, and where it is to be restored from: 0, or -1 with an exception. */
static int
set_up(struct patched *self, PyObject *readers, PyObject *below)
{
	Py_ssize_t count = PyList_Size(readers), length = PyBytes_Size(below), i;

	self->below = PyMem_Malloc((size_t)length + 1);
	self->piece = PyMem_Malloc(PIECE);
	self->parts = PyMem_Calloc((size_t)count + 1, sizeof(*self->parts));
	if (!self->below || !self->piece || !self->parts) {
		PyErr_NoMemory();
		return -1;
	}
	memcpy(self->below, PyBytes_AsString(below), (size_t)length);
	self->below_length = (size_t)length;
	for (i = 0; i < count; i++)
		self->parts[self->count++].reader = Py_NewRef(PyList_GetItem(readers, i));
	return 0;
}

PyObject *
patchedpaths_new(PyObject *module, PyObject *arguments)
{
	PyObject *readers, *below;
	struct patched *self;
	Py_ssize_t i;

	(void)module;
	if (!PyArg_ParseTuple(arguments, "O!S:patched_paths", &PyList_Type, &readers, &below))
		return NULL;
	for (i = 0; i < PyList_Size(readers); i++)
		if (!volumereader_check(PyList_GetItem(readers, i)))
			Py_RETURN_NONE;
	self = PyObject_New(struct patched, type);
	if (!self)
		return NULL;
	*self = (struct patched){.ob_base = self->ob_base};
	if (set_up(self, readers, below) < 0)
		Py_CLEAR(self);
	return (PyObject *)self;
}

static PyMethodDef methods[] = {
	{"begins_with_folder", patched_begins_with_folder, METH_NOARGS,
		"begins_with_folder()\n--\n\nIs the first path the base of all, and a folder? It is still to come."},
	{NULL, NULL, 0, NULL},
};

static char documentation[] =
	"What a chain of backups has of each path: an iterator of the host's ROPaths. It is made by\n"
	"patched_paths().";

static PyType_Slot slots[] = {
	{Py_tp_doc, documentation},
	{Py_tp_dealloc, (void *)patched_dealloc},
	{Py_tp_iter, (void *)PyObject_SelfIter},
	{Py_tp_iternext, (void *)patched_iternext},
	{Py_tp_methods, methods},
	{0, NULL},
};

static PyType_Spec specification = {
	.name = "_stagedir.PatchedPaths",
	.basicsize = sizeof(struct patched),
	.flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION,
	.slots = slots,
};

int
patchedpaths_add_type(PyObject *module)
{
	if (!type)
		type = (PyTypeObject *)PyType_FromSpec(&specification);
	return type ? PyModule_AddType(module, type) : -1;
}
