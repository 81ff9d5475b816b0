/*
 * DeltaTarBlockIter: the host's class of that name, whose blocks are members of a tar archive.
 *
 * All that the host calls and reads of one is here: what a restart skips by, and where a volume
 * begins and ends in a file that is in several. A block is made in two ways: as an object with its
 * bytes, for the host, which gives them to gpg, and without one for gzip_write_file.
 */
#include "archive/blocks.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <structmember.h>

#include "archive/deltas.h"
#include "archive/index.h"
#include "python/errors.h"
#include "python/object.h"

#define RECORD 10240

/* A block at its largest: a piece of a file with its header. */
#define BLOCK_MAX (DELTATAR_PIECE + STAGE_TAR_HEADER_MAX + 8192)

struct blocks {
	PyObject_HEAD
	struct deltatar tar;

	/* As of the host's class; NULL is None, 0 of a number of a piece too. */
	long long offset;
	PyObject *previous_index, *remember_value, *queued_data;
	char *previous_path; /* of which the index is made when it is asked for; NULL: there was no block without one */
	size_t path_room;
	long previous_block, remember_block;
	char remember_next;
};

static PyTypeObject *type;

/* Takes over value, a reference. */
static void
put(PyObject **where, PyObject *value)
{
	PyObject *before = *where;

	*where = value;
	Py_XDECREF(before);
}

bool
blocks_check(PyObject *object)
{
	return type && Py_IS_TYPE(object, type);
}

/* What an object is; NULL with an exception where it never went through __init__. */
static struct blocks *
opened(PyObject *object)
{
	struct blocks *self = (struct blocks *)object;

	if (self->tar.archive)
		return self;
	PyErr_SetString(PyExc_ValueError, "this DeltaTarBlockIter was never opened");
	return NULL;
}

/* Keeps a path whose index may be asked for. */
static int
keep_path(struct blocks *self, const char *path)
{
	size_t size = strlen(path) + 1;
	char *grown;

	if (size > self->path_room) {
		grown = realloc(self->previous_path, 2 * size);
		if (!grown) {
			PyErr_NoMemory();
			return -1;
		}
		self->previous_path = grown;
		self->path_room = 2 * size;
	}
	memcpy(self->previous_path, path, size);
	return 0;
}

/* The index of the last block; NULL with an exception, and without one where there was none. Borrowed. */
static PyObject *
previous_index(struct blocks *self)
{
	if (!self->previous_index && self->previous_path)
		self->previous_index =
			index_split(self->previous_path, strlen(self->previous_path));
	return self->previous_index;
}

/* Remembers what the host may ask after a block. */
static int
note_block(struct blocks *self)
{
	PyObject *index;

	if (self->tar.index_path && keep_path(self, self->tar.index_path) < 0)
		return -1;
	self->offset += (long long)self->tar.written;
	put(&self->previous_index, Py_XNewRef(self->tar.index));
	self->previous_block = self->tar.next_piece;
	if (self->remember_next) {
		index = previous_index(self);
		if (!index)
			return -1;
		put(&self->remember_value, Py_NewRef(index));
		self->remember_block = self->tar.next_piece;
		self->remember_next = false;
	}
	return 0;
}

/* Makes a block that goes to write: 1, 0 where there is none, -1 as blocks_write_next(). */
static int
make_block(struct blocks *self, stage_tar_write write, void *context, struct stage_error *error)
{
	int result;

	self->tar.write = write;
	self->tar.context = context;
	result = deltatar_make(&self->tar, error);
	return result == 1 && note_block(self) < 0 ? -1 : result;
}

/* Writes what the host had put back. */
static int
write_queued(PyObject *queued, stage_tar_write write, void *context, struct stage_error *error)
{
	PyObject *data = PyObject_GetAttr(queued, object_name_data);
	Py_ssize_t size;
	char *bytes;
	int code = -1;

	if (data && PyBytes_AsStringAndSize(data, &bytes, &size) == 0) {
		Py_BEGIN_ALLOW_THREADS
		code = write(context, bytes, (size_t)size, error);
		Py_END_ALLOW_THREADS
	}
	Py_XDECREF(data);
	return code < 0 ? -1 : 1;
}

int
blocks_write_next(PyObject *blocks, stage_tar_write write, void *context, struct stage_error *error)
{
	struct blocks *self = opened(blocks);
	PyObject *queued = self ? self->queued_data : NULL;
	int code;

	if (!self)
		return -1;
	if (!queued)
		return make_block(self, write, context, error);
	self->queued_data = NULL;
	code = write_queued(queued, write, context, error);
	Py_DECREF(queued);
	return code;
}

int
blocks_flush(PyObject *blocks)
{
	struct blocks *self = opened(blocks);

	return self ? deltas_flush(self->tar.input_iter) : -1;
}

/* A block that is made an object. */
struct block {
	unsigned char *bytes;
	size_t used, room;
};

static int
keep(void *context, const void *data, size_t size, struct stage_error *error)
{
	struct block *block = context;

	if (block->used + size > block->room)
		return stage_error_set(error, STAGE_E_ARGUMENT, 0, "a tar header is too large");
	memcpy(block->bytes + block->used, data, size);
	block->used += size;
	return 0;
}

/* The host's TarBlock. */
static PyObject *
make_object(struct blocks *self, const struct block *block)
{
	PyObject *index = previous_index(self), *result, *data;

	if (!index)
		return NULL;
	data = PyBytes_FromStringAndSize((char *)block->bytes, (Py_ssize_t)block->used);
	if (!data)
		return NULL;
	result = PyObject_CallMethod(self->tar.diffdir, "TarBlock", "OO", index, data);
	Py_DECREF(data);
	return result;
}

static PyObject *
blocks_next(PyObject *object)
{
	struct blocks *self = opened(object);
	struct block block = {.room = BLOCK_MAX};
	PyObject *result = self ? self->queued_data : NULL;
	struct stage_error error;
	int code;

	if (!self)
		return NULL;
	if (result) {
		self->queued_data = NULL;
		return result;
	}
	block.bytes = malloc(block.room);
	if (!block.bytes)
		return PyErr_NoMemory();
	code = make_block(self, keep, &block, &error);
	if (code == 1)
		result = make_object(self, &block);
	else if (code < 0 && !PyErr_Occurred())
		errors_raise(&error);
	free(block.bytes);
	return result;
}

static PyObject *
or_none(PyObject *object)
{
	return Py_NewRef(object ? object : Py_None);
}

static PyObject *
number_or_none(long number)
{
	return number ? PyLong_FromLong(number) : Py_NewRef(Py_None);
}

static PyObject *
get_read_size(PyObject *object, PyObject *unused)
{
	(void)unused;
	return opened(object) ? PyLong_FromSize_t(DELTATAR_PIECE) : NULL;
}

static PyObject *
get_previous_index(PyObject *object, PyObject *unused)
{
	struct blocks *self = opened(object);
	PyObject *index = self ? previous_index(self) : NULL;

	(void)unused;
	if (!self || PyErr_Occurred())
		return NULL;
	return Py_BuildValue("(NN)", or_none(index), number_or_none(self->previous_block));
}

static PyObject *
queue_index_data(PyObject *object, PyObject *block)
{
	struct blocks *self = opened(object);

	if (!self)
		return NULL;
	put(&self->queued_data, block == Py_None ? NULL : Py_NewRef(block));
	return Py_NewRef(Py_None);
}

static PyObject *
remember_next_index(PyObject *object, PyObject *unused)
{
	struct blocks *self = opened(object);

	(void)unused;
	if (!self)
		return NULL;
	self->remember_next = true;
	Py_CLEAR(self->remember_value);
	self->remember_block = 0;
	return Py_NewRef(Py_None);
}

static PyObject *
recall_index(PyObject *object, PyObject *unused)
{
	const struct blocks *self = opened(object);

	(void)unused;
	if (!self)
		return NULL;
	return Py_BuildValue(
		"(NN)", or_none(self->remember_value), number_or_none(self->remember_block));
}

/* At least one zero, up to a multiple of a record: as the host's, which asks for it at the end of a
 * volume that goes to gpg. */
static PyObject *
get_footer(PyObject *object, PyObject *unused)
{
	static const char zeros[RECORD];
	struct blocks *self = (struct blocks *)object;
	Py_ssize_t size;

	(void)unused;
	if (blocks_flush(object) < 0)
		return NULL;
	/* the host may set offset to anything; what is left of it is not negative, as in Python */
	size = RECORD - (Py_ssize_t)((self->offset % RECORD + RECORD) % RECORD);
	self->offset = 0;
	return PyBytes_FromStringAndSize(zeros, size);
}

static int
blocks_init(PyObject *object, PyObject *arguments, PyObject *keywords)
{
	static const char *const names[] = {"input_iter", NULL};
	struct blocks *self = (struct blocks *)object;
	PyObject *input;

	if (!PyArg_ParseTupleAndKeywords(
		    arguments, keywords, "O:DeltaTarBlockIter", (char **)(uintptr_t)names, &input))
		return -1;
	if (self->tar.archive) {
		PyErr_SetString(PyExc_RuntimeError, "this DeltaTarBlockIter was opened already");
		return -1;
	}
	return deltatar_open(&self->tar, input);
}

static void
blocks_dealloc(PyObject *object)
{
	struct blocks *self = (struct blocks *)object;
	PyTypeObject *own = Py_TYPE(object);

	deltatar_close(&self->tar);
	Py_CLEAR(self->previous_index);
	free(self->previous_path);
	Py_CLEAR(self->remember_value);
	Py_CLEAR(self->queued_data);
	((freefunc)PyType_GetSlot(own, Py_tp_free))(object);
	Py_DECREF(own);
}

static PyObject *
get_number(PyObject *self, void *where)
{
	return number_or_none(*(const long *)(const void *)((const char *)self + (size_t)where));
}

static PyObject *
get_process_waiting(PyObject *self, void *unused)
{
	(void)unused;
	return PyBool_FromLong(((const struct blocks *)self)->tar.fp != NULL);
}

static PyObject *
get_index(PyObject *self, void *unused)
{
	PyObject *index = previous_index((struct blocks *)self);

	(void)unused;
	return PyErr_Occurred() ? NULL : or_none(index);
}

static PyGetSetDef attributes[] = {
	{"previous_index", get_index, NULL, NULL, NULL},
	{"previous_block", get_number, NULL, NULL, (void *)offsetof(struct blocks, previous_block)},
	{"remember_block", get_number, NULL, NULL, (void *)offsetof(struct blocks, remember_block)},
	{"process_next_vol_number", get_number, NULL, NULL,
		(void *)offsetof(struct blocks, tar.next_piece)},
	{"process_waiting", get_process_waiting, NULL, NULL, NULL},
	{0},
};

static PyMemberDef members[] = {
	{"input_iter", T_OBJECT, offsetof(struct blocks, tar.input_iter), READONLY, NULL},
	{"offset", T_LONGLONG, offsetof(struct blocks, offset), 0, NULL},
	{"remember_next", T_BOOL, offsetof(struct blocks, remember_next), READONLY, NULL},
	{"remember_value", T_OBJECT, offsetof(struct blocks, remember_value), READONLY, NULL},
	{"queued_data", T_OBJECT, offsetof(struct blocks, queued_data), READONLY, NULL},
	{0},
};

static PyMethodDef methods[] = {
	{"get_read_size", get_read_size, METH_NOARGS, "get_read_size()\n--\n\n"},
	{"get_previous_index", get_previous_index, METH_NOARGS, "get_previous_index()\n--\n\n"},
	{"queue_index_data", queue_index_data, METH_O, "queue_index_data(data)\n--\n\n"},
	{"remember_next_index", remember_next_index, METH_NOARGS, "remember_next_index()\n--\n\n"},
	{"recall_index", recall_index, METH_NOARGS, "recall_index()\n--\n\n"},
	{"get_footer", get_footer, METH_NOARGS, "get_footer()\n--\n\n"},
	{0},
};

static char documentation[] = "DeltaTarBlockIter(input_iter)\n--\n\n"
			      "Does what the host's diffdir.DeltaTarBlockIter does.";

static PyType_Slot slots[] = {
	{Py_tp_doc, documentation},
	{Py_tp_new, (void *)PyType_GenericNew},
	{Py_tp_init, (void *)blocks_init},
	{Py_tp_dealloc, (void *)blocks_dealloc},
	{Py_tp_iter, (void *)PyObject_SelfIter},
	{Py_tp_iternext, (void *)blocks_next},
	{Py_tp_methods, methods},
	{Py_tp_members, members},
	{Py_tp_getset, attributes},
	{0, NULL},
};

static PyType_Spec specification = {
	.name = "_stagedir.DeltaTarBlockIter",
	.basicsize = sizeof(struct blocks),
	.flags = Py_TPFLAGS_DEFAULT,
	.slots = slots,
};

int
blocks_add_type(PyObject *module)
{
	if (!type)
		type = (PyTypeObject *)PyType_FromSpec(&specification);
	return type ? PyModule_AddType(module, type) : -1;
}
