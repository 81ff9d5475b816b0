#include "reading/ropaths.h"

#include "python/object.h"

static int
next(void *context, const struct stage_entry **ret_entry)
{
	struct ropaths *ropaths = context;
	int known;

	Py_CLEAR(ropaths->bytes);
	Py_CLEAR(ropaths->file);
	Py_XDECREF(ropaths->path);
	ropaths->path = PyIter_Next(ropaths->iterator);
	if (!ropaths->path)
		return PyErr_Occurred() ? -1 : 0;
	if (hostpath_read_index(&ropaths->read, ropaths->path) < 0)
		return -1;
	known = hostpath_read(&ropaths->read, ropaths->path);
	if (known < 0)
		return -1;
	if (known == 0)
		ropaths->read.entry.type = STAGE_ENTRY_NONE;
	if (ropaths->read.entry.type != STAGE_ENTRY_LINK)
		ropaths->read.entry.target_length = 0;
	*ret_entry = &ropaths->read.entry;
	return 1;
}

static PyObject *
path(void *context)
{
	const struct ropaths *ropaths = context;

	return Py_NewRef(ropaths->path);
}

static int
read_bytes(void *context, size_t wanted, const void **ret_bytes, size_t *ret_size)
{
	struct ropaths *ropaths = context;
	PyObject *size;
	char *bytes;
	Py_ssize_t length;

	if (!ropaths->file)
		ropaths->file = PyObject_CallMethod(ropaths->path, "open", "s", "rb");
	if (!ropaths->file)
		return -1;
	Py_XDECREF(ropaths->bytes);
	ropaths->bytes = NULL;
	size = PyLong_FromSize_t(wanted);
	if (size)
		ropaths->bytes =
			PyObject_CallMethodObjArgs(ropaths->file, object_name_read, size, NULL);
	Py_XDECREF(size);
	if (!ropaths->bytes || PyBytes_AsStringAndSize(ropaths->bytes, &bytes, &length) < 0)
		return -1;
	*ret_bytes = bytes;
	*ret_size = (size_t)length;
	return 0;
}

/* The host closes a file in the same way, wherever it is in it. */
static int
end(void *context)
{
	const struct ropaths *ropaths = context;
	PyObject *failed = PyObject_CallMethodObjArgs(ropaths->file, object_name_close, NULL);
	PyObject *type;
	int is = failed ? PyObject_IsTrue(failed) : -1;

	Py_XDECREF(failed);
	if (is <= 0)
		return is;
	type = object_attribute("duplicity.path", "PathException");
	PyErr_SetString(type ? type : PyExc_RuntimeError, "Error closing file object");
	Py_XDECREF(type);
	return -1;
}

void
ropaths_init(struct ropaths *ropaths, PyObject *iterator)
{
	*ropaths = (struct ropaths){
		.source = {.next = next,
			.path = path,
			.read = read_bytes,
			.end = end,
			.pass = end,
			.context = ropaths},
		.iterator = iterator,
	};
}

void
ropaths_release(struct ropaths *ropaths)
{
	Py_CLEAR(ropaths->bytes);
	Py_CLEAR(ropaths->file);
	Py_CLEAR(ropaths->path);
	hostpath_release(&ropaths->read);
}
