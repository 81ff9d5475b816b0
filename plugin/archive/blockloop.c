#include "archive/blockloop.h"

#include "archive/blocks.h"
#include "archive/deltatar.h"
#include "python/errors.h"
#include "python/object.h"

/*
 * A block of the host's tar files is what was read, and in front of it a header, padded to 512
 * bytes each: of pax's form, with a path of 4 KiB and names of an owner in it, 6.5 KiB.
 */
#define TAR_HEADER_MAX ((uint64_t)8 * 1024)

int
blockloop_bytes(PyObject *number, uint64_t *ret_bytes)
{
	PyObject *whole;
	long long bytes;
	int overflow;

	if (!PyNumber_Check(number)) {
		PyErr_SetString(PyExc_TypeError, "a size must be a number");
		return -1;
	}
	whole = PyNumber_Long(number);
	if (!whole)
		return -1;
	bytes = PyLong_AsLongLongAndOverflow(whole, &overflow);
	Py_DECREF(whole);
	if (bytes == -1 && PyErr_Occurred())
		return -1;
	*ret_bytes = overflow > 0 ? INT64_MAX : bytes > 0 ? (uint64_t)bytes : 0;
	return 0;
}

/* Does the iterator give blocks of a tar file? Where that cannot be told, it does not. */
static bool
gives_tar(PyObject *block_iter)
{
	PyObject *type = NULL;
	int is;

	if (blocks_check(block_iter))
		return true;
	type = object_attribute("duplicity.diffdir", "TarBlockIter");
	is = type ? PyObject_IsInstance(block_iter, type) : 0;

	Py_XDECREF(type);
	if (is < 0)
		errors_swallow();
	return is > 0;
}

static int
raise_error(const struct blockloop *loop, const struct stage_error *error)
{
	/* a handler of a signal may have raised already, while room was waited for */
	if (!PyErr_Occurred())
		loop->fail(loop->context, error);
	return -1;
}

/* What the iterator reads next at most. */
static int
read_size(PyObject *block_iter, uint64_t *ret_bytes)
{
	PyObject *size;
	int code;

	if (blocks_check(block_iter)) {
		*ret_bytes = DELTATAR_PIECE;
		return 0;
	}
	size = PyObject_CallMethod(block_iter, "get_read_size", NULL);
	code = size ? blockloop_bytes(size, ret_bytes) : -1;
	Py_XDECREF(size);
	return code;
}

/* Is there room for what is read next? 1, 0, or -1 with an exception. */
static int
has_room(const struct blockloop *loop, uint64_t spared)
{
	struct stage_error error;
	uint64_t bytes = 0;
	bool fits = false;
	int code;

	if (read_size(loop->block_iter, &bytes) < 0)
		return -1;
	Py_BEGIN_ALLOW_THREADS
	code = loop->fits(loop->context, bytes + spared, &fits, &error);
	Py_END_ALLOW_THREADS
	return code < 0 ? raise_error(loop, &error) : fits;
}

int
blockloop_write(const struct blockloop *loop, PyObject *data)
{
	struct stage_error error;
	Py_buffer view;
	int code;

	if (PyObject_GetBuffer(data, &view, PyBUF_SIMPLE) < 0)
		return -1;
	Py_BEGIN_ALLOW_THREADS
	code = loop->write(loop->context, view.buf, (size_t)view.len, &error);
	Py_END_ALLOW_THREADS
	PyBuffer_Release(&view);
	return code < 0 ? raise_error(loop, &error) : 0;
}

/* Marks the exception that the iterator has raised in the place of a block. Returns -1. */
static int
fail_of_source(void)
{
	PyObject *type, *value, *traceback;

	PyErr_Fetch(&type, &value, &traceback);
	PyErr_NormalizeException(&type, &value, &traceback);
	/* one that takes no attributes is not marked */
	if (value && PyObject_SetAttrString(value, "is_of_source", Py_True) < 0)
		PyErr_Clear();
	PyErr_Restore(type, value, traceback);
	return -1;
}

/* As write_block(), without making objects of blocks. It may run no Python code, so that it looks for signals
 * itself. */
static int
write_tar_block(const struct blockloop *loop)
{
	struct stage_error error = {.code = 0};
	int code;

	if (PyErr_CheckSignals() < 0)
		return -1;
	code = blocks_write_next(loop->block_iter, loop->write, loop->context, &error);
	if (code < 0 && error.code == 0)
		return fail_of_source();
	return code < 0 ? raise_error(loop, &error) : code;
}

/* Writes the iterator's next block: 1, 0 where there is none, -1 with an exception. */
static int
write_block(const struct blockloop *loop)
{
	PyObject *block = PyIter_Next(loop->block_iter), *data;
	int code;

	if (!block)
		return PyErr_Occurred() ? fail_of_source() : 0;
	data = PyObject_GetAttrString(block, "data");
	Py_DECREF(block);
	if (!data)
		return -1;
	code = blockloop_write(loop, data);
	Py_DECREF(data);
	return code < 0 ? -1 : 1;
}

int
blockloop_run(const struct blockloop *loop)
{
	bool is_tar = blocks_check(loop->block_iter);
	uint64_t spared = loop->spared;
	int code;

	if (!PyIter_Check(loop->block_iter)) {
		PyErr_SetString(PyExc_TypeError, "the blocks to write are no iterator");
		return -1;
	}
	if (loop->counts_headers && gives_tar(loop->block_iter))
		spared += TAR_HEADER_MAX;
	for (;;) {
		code = has_room(loop, spared);
		if (code != 1)
			return code;
		code = is_tar ? write_tar_block(loop) : write_block(loop);
		if (code != 1)
			return code < 0 ? -1 : 1;
	}
}
