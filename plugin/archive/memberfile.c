#include "archive/memberfile.h"

#include <stdlib.h>

/* Memory is had in such steps: a damaged archive may tell of a member of any size. */
#define STEP ((size_t)1024 * 1024)

struct file {
	PyObject_HEAD
	PyObject *source;
	const struct memberfile_source *functions;
	unsigned long long number;
};

static PyTypeObject *type;

PyObject *
memberfile_new(
	PyObject *source, const struct memberfile_source *functions, unsigned long long number)
{
	struct file *file = PyObject_New(struct file, type);

	if (!file)
		return NULL;
	file->source = Py_NewRef(source);
	file->functions = functions;
	file->number = number;
	return (PyObject *)file;
}

/* Reads up to wanted bytes behind *used of *bytes: 0, or -1 with an exception. */
static int
read_on(struct file *file, char **bytes, size_t *used, size_t wanted)
{
	size_t count = 1, step;
	char *grown;

	while (count > 0 && *used < wanted) {
		step = wanted - *used < STEP ? wanted - *used : STEP;
		grown = realloc(*bytes, *used + step);
		if (!grown) {
			PyErr_NoMemory();
			return -1;
		}
		*bytes = grown;
		if (file->functions->read(
			    file->source, file->number, *bytes + *used, step, &count) < 0)
			return -1;
		*used += count;
	}
	return 0;
}

static PyObject *
file_read(PyObject *self, PyObject *arguments)
{
	PyObject *result = NULL, *length = Py_None;
	Py_ssize_t size = -1;
	char *bytes = NULL;
	size_t used = 0;

	if (!PyArg_ParseTuple(arguments, "|O:read", &length))
		return NULL;
	if (length != Py_None)
		size = PyLong_AsSsize_t(length);
	if (PyErr_Occurred())
		return NULL;
	if (read_on((struct file *)self, &bytes, &used, size < 0 ? SIZE_MAX : (size_t)size) == 0)
		result = PyBytes_FromStringAndSize(bytes, (Py_ssize_t)used);
	free(bytes);
	return result;
}

static PyObject *
file_close(PyObject *self, PyObject *unused)
{
	struct file *file = (struct file *)self;

	(void)unused;
	if (file->functions->close && file->functions->close(file->source, file->number) < 0)
		return NULL;
	Py_RETURN_NONE;
}

static void
file_dealloc(PyObject *self)
{
	PyTypeObject *own = Py_TYPE(self);

	Py_CLEAR(((struct file *)self)->source);
	((freefunc)PyType_GetSlot(own, Py_tp_free))(self);
	Py_DECREF(own);
}

static PyMethodDef methods[] = {
	{"read", file_read, METH_VARARGS, "read(length=-1)\n--\n\n"},
	{"close", file_close, METH_NOARGS, "close()\n--\n\n"},
	{NULL, NULL, 0, NULL},
};

static char documentation[] = "The content of a member of an archive that is being read.";

static PyType_Slot slots[] = {
	{Py_tp_doc, documentation},
	{Py_tp_dealloc, (void *)file_dealloc},
	{Py_tp_methods, methods},
	{0, NULL},
};

static PyType_Spec specification = {
	.name = "_stagedir.MemberFile",
	.basicsize = sizeof(struct file),
	.flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION,
	.slots = slots,
};

int
memberfile_add_type(PyObject *module)
{
	if (!type)
		type = (PyTypeObject *)PyType_FromSpec(&specification);
	return type ? PyModule_AddType(module, type) : -1;
}
