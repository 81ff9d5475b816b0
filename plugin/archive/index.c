#include "archive/index.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "python/object.h"

/* Appends one name; sees to room for a slash and a NUL more. */
static int
append(struct index *index, PyObject *name, bool first)
{
	Py_ssize_t length;
	size_t room;
	char *bytes, *grown;

	if (PyBytes_AsStringAndSize(name, &bytes, &length) < 0)
		return -1;
	room = index->length + (size_t)length + 3;
	if (room > index->room) {
		grown = realloc(index->bytes, room + 256);
		if (!grown) {
			PyErr_NoMemory();
			return -1;
		}
		index->bytes = grown;
		index->room = room + 256;
	}
	if (!first)
		index->bytes[index->length++] = '/';
	memcpy(index->bytes + index->length, bytes, (size_t)length);
	index->length += (size_t)length;
	index->bytes[index->length] = '\0';
	return 0;
}

static int
join_names(struct index *index, PyObject *names)
{
	Py_ssize_t count = PyTuple_Size(names), i;

	index->length = 0;
	for (i = 0; i < count; i++)
		if (append(index, PyTuple_GetItem(names, i), i == 0) < 0)
			return -1;
	return count < 0 ? -1 : 0;
}

int
index_join(struct index *index, PyObject *ropath)
{
	PyObject *names = PyObject_GetAttr(ropath, object_name_index), *tuple = NULL;
	int code = -1;

	if (names)
		tuple = PySequence_Tuple(names); /* it is a list where --rename changed it */
	if (tuple)
		code = join_names(index, tuple);
	Py_XDECREF(tuple);
	Py_XDECREF(names);
	return code;
}

static Py_ssize_t
count_names(const char *bytes, size_t length)
{
	Py_ssize_t count = length > 0;
	size_t i;

	for (i = 0; i < length; i++)
		count += bytes[i] == '/';
	return count;
}

PyObject *
index_split(const char *bytes, size_t length)
{
	Py_ssize_t count = count_names(bytes, length), i;
	PyObject *names = PyTuple_New(count), *name;
	const char *end;
	size_t part;

	for (i = 0; names && i < count; i++) {
		end = memchr(bytes, '/', length);
		part = end ? (size_t)(end - bytes) : length;
		name = PyBytes_FromStringAndSize(bytes, (Py_ssize_t)part);
		if (!name || PyTuple_SetItem(names, i, name) < 0)
			Py_CLEAR(names);
		if (end) {
			bytes += part + 1;
			length -= part + 1;
		}
	}
	return names;
}

int
index_is_utf8(void)
{
	PyObject *encoding = object_call("sys", "getfilesystemencoding", "()");
	int is = encoding ? object_is(encoding, "utf-8") : -1;

	Py_XDECREF(encoding);
	return is;
}

void
index_release(struct index *index)
{
	free(index->bytes);
	*index = (struct index){0};
}
