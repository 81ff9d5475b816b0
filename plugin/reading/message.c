#include "reading/message.h"

#include <stdbool.h>
#include <stdlib.h>

#include "python/errors.h"
#include "unwrapped.h"

/* Seconds between two looks for signals. */
#define SLICE 0.1

struct message {
	PyObject_HEAD
	PyObject *file;
	struct stage_readahead *readahead; /* NULL: closed */
	PyThreadState *waiting;
	bool busy;
};

static PyTypeObject *type;

static void
give_up_gil(void *context)
{
	((struct message *)context)->waiting = PyEval_SaveThread();
}

static void
take_gil(void *context)
{
	PyEval_RestoreThread(((struct message *)context)->waiting);
}

static PyObject *
message_new(PyTypeObject *subtype, PyObject *arguments, PyObject *keywords)
{
	struct stage_readahead_options options = {.ahead = true,
		.leaves_open = true,
		.waiting = {.begin = give_up_gil, .end = take_gil}};
	struct stage_error error;
	struct message *message;
	PyObject *file;
	int fd;

	(void)keywords;
	if (!PyArg_ParseTuple(arguments, "Oy:Message", &file, &options.path))
		return NULL;
	fd = PyObject_AsFileDescriptor(file);
	if (fd < 0)
		return NULL;
	message = (struct message *)((allocfunc)PyType_GetSlot(subtype, Py_tp_alloc))(subtype, 0);
	if (!message)
		return NULL;
	message->file = Py_NewRef(file);
	options.waiting.context = message;
	if (stage_unwrapped_open(fd, &options, &message->readahead, &error) < 0) {
		errors_raise(&error);
		Py_CLEAR(message);
	}
	return (PyObject *)message;
}

static void
end(struct message *message)
{
	struct stage_readahead *readahead = message->readahead;

	message->readahead = NULL;
	if (!readahead)
		return;
	Py_BEGIN_ALLOW_THREADS
	stage_readahead_close(&readahead);
	Py_END_ALLOW_THREADS
}

/* Reads size bytes, fewer at the end. An error; STAGE_E_AGAIN with an exception of a signal's handler. */
static int
read_all(struct message *message, char *bytes, size_t size, size_t *ret_count,
	struct stage_error *error)
{
	size_t done = 0, part = 1;
	int code = 0;

	while (done < size && part > 0) {
		code = stage_readahead_read_soon(
			message->readahead, SLICE, bytes + done, size - done, &part, error);
		if (code == STAGE_E_AGAIN && PyErr_CheckSignals() == 0)
			continue;
		if (code < 0)
			return code;
		done += part;
	}
	*ret_count = done;
	return 0;
}

/* Up to size bytes, a new bytes object, fewer at the end; None: gpg has to decrypt it. */
static PyObject *
read_bytes(struct message *message, Py_ssize_t size)
{
	char *bytes = malloc((size_t)size + 1);
	PyObject *result = NULL;
	struct stage_error error;
	size_t count = 0;
	int code;

	if (!bytes)
		return PyErr_NoMemory();
	code = read_all(message, bytes, (size_t)size, &count, &error);
	if (code == 0)
		result = PyBytes_FromStringAndSize(bytes, (Py_ssize_t)count);
	else if (code == STAGE_E_UNSUPPORTED || code == STAGE_E_DAMAGED)
		result = Py_NewRef(Py_None);
	else if (code != STAGE_E_AGAIN)
		errors_raise(&error);
	free(bytes);
	return result;
}

static PyObject *
message_read(PyObject *self, PyObject *length)
{
	struct message *message = (struct message *)self;
	Py_ssize_t size = PyLong_AsSsize_t(length);
	PyObject *bytes;

	if (PyErr_Occurred())
		return NULL;
	if (size < 0 || message->busy || !message->readahead) {
		PyErr_SetString(
			PyExc_ValueError, "length is below 0, or the message is closed or in use");
		return NULL;
	}
	message->busy = true;
	bytes = read_bytes(message, size);
	message->busy = false;
	return bytes;
}

static PyObject *
message_close(PyObject *self, PyObject *unused)
{
	struct message *message = (struct message *)self;

	(void)unused;
	if (message->busy) {
		PyErr_SetString(PyExc_ValueError, "the message is in use");
		return NULL;
	}
	end(message);
	Py_RETURN_NONE;
}

static void
message_dealloc(PyObject *self)
{
	PyTypeObject *own = Py_TYPE(self);

	end((struct message *)self);
	Py_CLEAR(((struct message *)self)->file);
	((freefunc)PyType_GetSlot(own, Py_tp_free))(self);
	Py_DECREF(own);
}

static PyMethodDef methods[] = {
	{"read", message_read, METH_O,
		"read(length)\n--\n\nUp to length bytes, fewer at the end; None: gpg has to decrypt it."},
	{"close", message_close, METH_NOARGS, "close()\n--\n\n"},
	{NULL, NULL, 0, NULL},
};

static char documentation[] =
	"Message(file, name)\n--\n\nThe data of a message, as gpg --unwrap gives it to file.";

static PyType_Slot slots[] = {
	{Py_tp_doc, documentation},
	{Py_tp_new, (void *)message_new},
	{Py_tp_dealloc, (void *)message_dealloc},
	{Py_tp_methods, methods},
	{0, NULL},
};

static PyType_Spec specification = {
	.name = "_stagedir.Message",
	.basicsize = sizeof(struct message),
	.flags = Py_TPFLAGS_DEFAULT,
	.slots = slots,
};

int
message_add_type(PyObject *module)
{
	if (!type)
		type = (PyTypeObject *)PyType_FromSpec(&specification);
	return type ? PyModule_AddType(module, type) : -1;
}
