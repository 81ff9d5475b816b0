/*
 *	between files --next path--> in a file (fp), as long as pieces of 64 KiB are full
 *	      ^                            |
 *	      +------- a shorter piece ----+
 */
#include "archive/deltatar.h"

#include <stdlib.h>
#include <string.h>

#include "archive/deltas.h"
#include "archive/sourcefile.h"
#include "python/errors.h"
#include "python/object.h"

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
	PyObject *bytes = PyObject_CallMethod(tar->fp, "read", "n", (Py_ssize_t)DELTATAR_PIECE);
	Py_ssize_t got = -1;
	char *data;

	if (bytes && PyBytes_AsStringAndSize(bytes, &data, &got) == 0) {
		if ((size_t)got > DELTATAR_PIECE) {
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

	got = ours ? sourcefile_read(tar->fp, tar->piece, DELTATAR_PIECE) : read_host_file(tar);
	if (got >= 0 && (size_t)got < DELTATAR_PIECE &&
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
	if (size < 0 || (size_t)size < DELTATAR_PIECE)
		leave_file(tar);
	if (size < 0)
		return -1;
	if ((size_t)size == DELTATAR_PIECE) {
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
	if ((size_t)size < DELTATAR_PIECE)
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

/* Makes a member of one of the host's paths. */
static int
make_of_path(struct deltatar *tar, struct stage_error *error)
{
	PyObject *ropath = next_path(tar);
	int code;

	if (!ropath)
		return PyErr_Occurred() ? -1 : 0;
	code = tar->fp ? continue_file(tar, error) : begin_path(tar, ropath, error);
	if (code == 0) {
		tar->index = PyObject_GetAttr(ropath, object_name_index);
		code = tar->index ? 0 : -1;
	}
	Py_DECREF(ropath);
	return code < 0 ? -1 : 1;
}

/* Makes one of what is new; 0 where there is none. */
static int
make_of_fresh(struct deltatar *tar, struct stage_error *error)
{
	struct deltas_fresh fresh;
	int code = tar->fp ? 0 : deltas_next_fresh(tar->input_iter, &fresh);

	if (code != 1)
		return code;
	tar->index_path = fresh.index;
	Py_BEGIN_ALLOW_THREADS
	code = stage_tar_add(tar->archive, &fresh.member, fresh.bytes, fresh.size, error);
	Py_END_ALLOW_THREADS
	return code < 0 ? -1 : 1;
}

int
deltatar_make(struct deltatar *tar, struct stage_error *error)
{
	int code;

	tar->written = 0;
	Py_CLEAR(tar->index);
	tar->index_path = NULL;
	code = make_of_fresh(tar, error);
	return code ? code : make_of_path(tar, error);
}

int
deltatar_open(struct deltatar *tar, PyObject *input)
{
	struct stage_error error;

	deltatar_close(tar);
	tar->input_iter = PyObject_GetIter(input);
	tar->diffdir = PyImport_ImportModule("duplicity.diffdir");
	if (!tar->input_iter || !tar->diffdir)
		return -1;
	tar->piece = malloc(DELTATAR_PIECE);
	if (!tar->piece) {
		PyErr_NoMemory();
		return -1;
	}
	if (stage_tar_open(pass_on, tar, &tar->archive, &error) == 0)
		return 0;
	errors_raise(&error);
	return -1;
}

void
deltatar_close(struct deltatar *tar)
{
	stage_tar_close(&tar->archive);
	free(tar->piece);
	tar->piece = NULL;
	member_release(&tar->path);
	leave_file(tar);
	Py_CLEAR(tar->index);
	Py_CLEAR(tar->diffdir);
	Py_CLEAR(tar->input_iter);
}
