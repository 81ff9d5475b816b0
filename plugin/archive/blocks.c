/*
 * DeltaTarBlockIter: the host's class of that name, whose blocks are members of a tar archive.
 *
 * All that the host calls and reads of one is here: what a restart skips by, and where a volume
 * begins and ends in a file that is in several. A block is made in two ways: as an object with its
 * bytes, for the host, which gives them to gpg, and without one for gzip_write_file.
 *
 *	between files --next path--> in a file (fp), as long as pieces of 64 KiB are full
 *	      ^                            |
 *	      +------- a shorter piece ----+
 */
#include <Python.h>

#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <structmember.h>

#include "archive/archive.h"
#include "archive/member.h"
#include "python/errors.h"
#include "python/object.h"

#define RECORD 10240

/* A block at its largest: a piece of a file with its header. */
#define BLOCK_MAX (ARCHIVE_PIECE + STAGE_VOLUME_HEADER_MAX + 8192)

struct deltatar {
	PyObject_HEAD
	PyObject *input_iter;
	PyObject *diffdir;
	struct stage_tar *archive; /* NULL until __init__ has ended */
	unsigned char *piece;      /* what was read of a file */
	struct member path;

	/* Where the archive's bytes go while a block is made. */
	stage_tar_write write;
	void *context;
	uint64_t written;

	/* As of the host's class; NULL is None, 0 of a number of a piece too. */
	long long offset;
	PyObject *previous_index, *remember_value, *queued_data;
	long previous_block, remember_block;
	char remember_next;
	PyObject *fp, *ropath; /* of the file that is not yet at its end */
	long next_piece;
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
static struct deltatar *
opened(PyObject *object)
{
	struct deltatar *tar = (struct deltatar *)object;

	if (tar->archive)
		return tar;
	PyErr_SetString(PyExc_ValueError, "this DeltaTarBlockIter was never opened");
	return NULL;
}

/* Without the GIL. */
static int
pass_on(void *context, const void *data, size_t size, struct stage_error *error)
{
	struct deltatar *tar = context;

	tar->written += size;
	return tar->write(tar->context, data, size, error);
}

/* Of a file of the host's, such as its DeltaFile. */
static Py_ssize_t
read_host_file(struct deltatar *tar)
{
	PyObject *bytes = PyObject_CallMethod(tar->fp, "read", "n", (Py_ssize_t)ARCHIVE_PIECE);
	Py_ssize_t got = -1;
	char *data;

	if (bytes && PyBytes_AsStringAndSize(bytes, &data, &got) == 0) {
		if ((size_t)got > ARCHIVE_PIECE) {
			PyErr_SetString(PyExc_ValueError, "a file gave more than it was asked for");
			got = -1;
		} else
			memcpy(tar->piece, data, (size_t)got);
	}
	Py_XDECREF(bytes);
	return got;
}

static int
close_host_file(PyObject *fp)
{
	PyObject *result = PyObject_CallMethodObjArgs(fp, object_name_close, NULL);
	PyObject *kind;
	int is = result ? PyObject_IsTrue(result) : -1;

	Py_XDECREF(result);
	if (is == 1) {
		kind = object_attribute("duplicity.diffdir", "DiffDirException");
		PyErr_SetString(kind ? kind : PyExc_OSError, "Error closing file");
		Py_XDECREF(kind);
	}
	return is == 0 ? 0 : -1;
}

/* Reads the next piece: its size, less than that of a full one at the end, when the file is closed.
 * -1 with an exception. */
static Py_ssize_t
read_piece(struct deltatar *tar)
{
	bool ours = sourcefile_check(tar->fp);
	Py_ssize_t got;

	got = ours ? sourcefile_read(tar->fp, tar->piece, ARCHIVE_PIECE) : read_host_file(tar);
	if (got >= 0 && (size_t)got < ARCHIVE_PIECE &&
		(ours ? sourcefile_close(tar->fp) : close_host_file(tar->fp)) < 0)
		return -1;
	if (got < 0 || object_count(tar->diffdir, object_name_RawDeltaSize, got) < 0)
		return -1;
	return got;
}

/* Writes a member: -1 with an exception, or without one where the function that it goes to has
 * filled *error. */
static int
add_member(struct deltatar *tar, size_t size, struct stage_error *error)
{
	int code;

	Py_BEGIN_ALLOW_THREADS
	code = stage_tar_add(tar->archive, &tar->path.member, tar->piece, size, error);
	Py_END_ALLOW_THREADS
	return code < 0 ? -1 : 0;
}

/* What the members of a path are: a difference, or the thing itself. */
static int
read_kind(struct deltatar *tar, PyObject *ropath)
{
	PyObject *difftype;
	bool is_diff;

	if (tar->path.is_deleted) {
		tar->path.member.kind = STAGE_MEMBER_DELETED;
		return 0;
	}
	difftype = PyObject_GetAttr(ropath, object_name_difftype);
	if (!difftype)
		return -1;
	is_diff = object_is(difftype, "diff");
	if (!is_diff && !object_is(difftype, "snapshot"))
		PyErr_Format(PyExc_AssertionError, "Unknown difftype %S", difftype);
	Py_DECREF(difftype);
	tar->path.member.kind = is_diff ? STAGE_MEMBER_DIFF : STAGE_MEMBER_SNAPSHOT;
	return PyErr_Occurred() ? -1 : 0;
}

/* Numbers the member; in pieces even the base has a name. */
static void
set_piece(struct deltatar *tar, long number)
{
	tar->path.member.piece = (uint64_t)number;
	if (!*tar->path.member.name)
		tar->path.member.name = ".";
}

static void
leave_file(struct deltatar *tar)
{
	Py_CLEAR(tar->fp);
	Py_CLEAR(tar->ropath);
	tar->next_piece = 0;
}

/* A path with content: one block has it all, or is the first of its pieces. */
static int
begin_file(struct deltatar *tar, PyObject *ropath, struct stage_error *error)
{
	Py_ssize_t size;

	leave_file(tar);
	tar->fp = PyObject_CallMethod(ropath, "open", "s", "rb");
	size = tar->fp ? read_piece(tar) : -1;
	if (size < 0 || (size_t)size < ARCHIVE_PIECE)
		leave_file(tar);
	if (size < 0)
		return -1;
	if ((size_t)size == ARCHIVE_PIECE) {
		set_piece(tar, 1);
		tar->ropath = Py_NewRef(ropath);
		tar->next_piece = 2;
	}
	return add_member(tar, (size_t)size, error);
}

static int
continue_file(struct deltatar *tar, struct stage_error *error)
{
	Py_ssize_t size;

	if (member_read(&tar->path, tar->ropath, MEMBER_VOLUME) < 0 ||
		read_kind(tar, tar->ropath) < 0)
		return -1;
	set_piece(tar, tar->next_piece);
	size = read_piece(tar);
	if (size < 0)
		return -1;
	if ((size_t)size < ARCHIVE_PIECE)
		leave_file(tar);
	else
		tar->next_piece++;
	return add_member(tar, (size_t)size, error);
}

/* Has the path content? Then its fileobj is something. 1, 0, or -1 with an exception. */
static int
has_content(const struct deltatar *tar, PyObject *ropath)
{
	PyObject *fileobj;
	int has;

	if (tar->path.is_deleted)
		return 0;
	fileobj = PyObject_GetAttr(ropath, object_name_fileobj);
	has = fileobj ? PyObject_IsTrue(fileobj) : -1;
	Py_XDECREF(fileobj);
	return has;
}

static int
begin_path(struct deltatar *tar, PyObject *ropath, struct stage_error *error)
{
	int has;

	if (member_read(&tar->path, ropath, MEMBER_VOLUME) < 0 || read_kind(tar, ropath) < 0)
		return -1;
	has = has_content(tar, ropath);
	if (has < 0)
		return -1;
	return has ? begin_file(tar, ropath, error) : add_member(tar, 0, error);
}

/* A new reference; what is made for a piece of a file counts as its path. */
static PyObject *
next_path(struct deltatar *tar)
{
	return tar->fp ? Py_NewRef(tar->ropath) : PyIter_Next(tar->input_iter);
}

/* Remembers what the host may ask after a block. */
static int
note_block(struct deltatar *tar, PyObject *ropath)
{
	PyObject *index = PyObject_GetAttr(ropath, object_name_index);

	if (!index)
		return -1;
	tar->offset += (long long)tar->written;
	put(&tar->previous_index, index);
	tar->previous_block = tar->next_piece;
	if (tar->remember_next) {
		put(&tar->remember_value, Py_NewRef(index));
		tar->remember_block = tar->next_piece;
		tar->remember_next = false;
	}
	return 0;
}

/* Makes a block: 1, 0 where there is none, -1 as add_member(). */
static int
make_block(struct deltatar *tar, struct stage_error *error)
{
	PyObject *ropath = next_path(tar);
	int code;

	if (!ropath)
		return PyErr_Occurred() ? -1 : 0;
	tar->written = 0;
	code = tar->fp ? continue_file(tar, error) : begin_path(tar, ropath, error);
	if (code == 0)
		code = note_block(tar, ropath);
	Py_DECREF(ropath);
	return code < 0 ? -1 : 1;
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
	struct deltatar *tar = opened(blocks);
	PyObject *queued = tar ? tar->queued_data : NULL;
	int code;

	if (!tar)
		return -1;
	if (queued) {
		tar->queued_data = NULL;
		code = write_queued(queued, write, context, error);
		Py_DECREF(queued);
		return code;
	}
	tar->write = write;
	tar->context = context;
	return make_block(tar, error);
}

int
blocks_flush(PyObject *blocks)
{
	struct deltatar *tar = opened(blocks);

	return tar ? deltas_flush(tar->input_iter) : -1;
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
make_object(struct deltatar *tar, const struct block *block)
{
	PyObject *result, *data;

	data = PyBytes_FromStringAndSize((char *)block->bytes, (Py_ssize_t)block->used);
	if (!data)
		return NULL;
	result = PyObject_CallMethod(tar->diffdir, "TarBlock", "OO", tar->previous_index, data);
	Py_DECREF(data);
	return result;
}

static PyObject *
blocks_next(PyObject *self)
{
	struct deltatar *tar = opened(self);
	struct block block = {.room = BLOCK_MAX};
	PyObject *result = tar ? tar->queued_data : NULL;
	struct stage_error error;
	int code;

	if (!tar)
		return NULL;
	if (result) {
		tar->queued_data = NULL;
		return result;
	}
	block.bytes = malloc(block.room);
	if (!block.bytes)
		return PyErr_NoMemory();
	tar->write = keep;
	tar->context = &block;
	code = make_block(tar, &error);
	if (code == 1)
		result = make_object(tar, &block);
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
get_read_size(PyObject *self, PyObject *unused)
{
	(void)unused;
	return opened(self) ? PyLong_FromSize_t(ARCHIVE_PIECE) : NULL;
}

static PyObject *
get_previous_index(PyObject *self, PyObject *unused)
{
	const struct deltatar *tar = opened(self);

	(void)unused;
	if (!tar)
		return NULL;
	return Py_BuildValue(
		"(NN)", or_none(tar->previous_index), number_or_none(tar->previous_block));
}

static PyObject *
queue_index_data(PyObject *self, PyObject *block)
{
	struct deltatar *tar = opened(self);

	if (!tar)
		return NULL;
	put(&tar->queued_data, block == Py_None ? NULL : Py_NewRef(block));
	return Py_NewRef(Py_None);
}

static PyObject *
remember_next_index(PyObject *self, PyObject *unused)
{
	struct deltatar *tar = opened(self);

	(void)unused;
	if (!tar)
		return NULL;
	tar->remember_next = true;
	Py_CLEAR(tar->remember_value);
	tar->remember_block = 0;
	return Py_NewRef(Py_None);
}

static PyObject *
recall_index(PyObject *self, PyObject *unused)
{
	const struct deltatar *tar = opened(self);

	(void)unused;
	if (!tar)
		return NULL;
	return Py_BuildValue(
		"(NN)", or_none(tar->remember_value), number_or_none(tar->remember_block));
}

/* At least one zero, up to a multiple of a record: as the host's, which asks for it at the end of a
 * volume that goes to gpg. */
static PyObject *
get_footer(PyObject *self, PyObject *unused)
{
	static const char zeros[RECORD];
	struct deltatar *tar = (struct deltatar *)self;
	Py_ssize_t size;

	(void)unused;
	if (blocks_flush(self) < 0)
		return NULL;
	/* the host may set offset to anything; what is left of it is not negative, as in Python */
	size = RECORD - (Py_ssize_t)((tar->offset % RECORD + RECORD) % RECORD);
	tar->offset = 0;
	return PyBytes_FromStringAndSize(zeros, size);
}

/* What an __init__ that failed has left. */
static void
forget_half(struct deltatar *tar)
{
	free(tar->piece);
	tar->piece = NULL;
	Py_CLEAR(tar->diffdir);
	Py_CLEAR(tar->input_iter);
}

static int
blocks_init(PyObject *self, PyObject *arguments, PyObject *keywords)
{
	static const char *const names[] = {"input_iter", NULL};
	struct deltatar *tar = (struct deltatar *)self;
	struct stage_error error;
	PyObject *input;

	if (!PyArg_ParseTupleAndKeywords(
		    arguments, keywords, "O:DeltaTarBlockIter", (char **)(uintptr_t)names, &input))
		return -1;
	if (tar->archive) {
		PyErr_SetString(PyExc_RuntimeError, "this DeltaTarBlockIter was opened already");
		return -1;
	}
	forget_half(tar);
	tar->input_iter = PyObject_GetIter(input);
	tar->diffdir = PyImport_ImportModule("duplicity.diffdir");
	if (!tar->input_iter || !tar->diffdir)
		return -1;
	tar->piece = malloc(ARCHIVE_PIECE);
	if (!tar->piece) {
		PyErr_NoMemory();
		return -1;
	}
	if (stage_tar_open(pass_on, tar, &tar->archive, &error) == 0)
		return 0;
	errors_raise(&error);
	return -1;
}

static void
blocks_dealloc(PyObject *self)
{
	struct deltatar *tar = (struct deltatar *)self;
	PyTypeObject *own = Py_TYPE(self);

	stage_tar_close(&tar->archive);
	forget_half(tar);
	member_release(&tar->path);
	Py_CLEAR(tar->fp);
	Py_CLEAR(tar->ropath);
	Py_CLEAR(tar->previous_index);
	Py_CLEAR(tar->remember_value);
	Py_CLEAR(tar->queued_data);
	((freefunc)PyType_GetSlot(own, Py_tp_free))(self);
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
	return PyBool_FromLong(((const struct deltatar *)self)->fp != NULL);
}

static PyGetSetDef attributes[] = {
	{"previous_block", get_number, NULL, NULL,
		(void *)offsetof(struct deltatar, previous_block)},
	{"remember_block", get_number, NULL, NULL,
		(void *)offsetof(struct deltatar, remember_block)},
	{"process_next_vol_number", get_number, NULL, NULL,
		(void *)offsetof(struct deltatar, next_piece)},
	{"process_waiting", get_process_waiting, NULL, NULL, NULL},
	{0},
};

static PyMemberDef members[] = {
	{"input_iter", T_OBJECT, offsetof(struct deltatar, input_iter), READONLY, NULL},
	{"offset", T_LONGLONG, offsetof(struct deltatar, offset), 0, NULL},
	{"previous_index", T_OBJECT, offsetof(struct deltatar, previous_index), READONLY, NULL},
	{"remember_next", T_BOOL, offsetof(struct deltatar, remember_next), READONLY, NULL},
	{"remember_value", T_OBJECT, offsetof(struct deltatar, remember_value), READONLY, NULL},
	{"queued_data", T_OBJECT, offsetof(struct deltatar, queued_data), READONLY, NULL},
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
	.basicsize = sizeof(struct deltatar),
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
