/*
 * A tar archive whose bytes are kept until there are enough of them for a call of the host's file to
 * cost nothing.
 */
#include "archive/signatures.h"

#include <stdlib.h>
#include <string.h>

#include "archive/member.h"
#include "python/errors.h"
#include "python/object.h"

/* So much is kept before it is written to the host's file: a few hundred small members. */
#define KEPT_MAX ((size_t)64 * 1024)

struct signatures {
	PyObject_HEAD
	PyObject *file;            /* the host's */
	struct stage_tar *archive; /* goes to: */
	char *written;             /* what is not yet in that file */
	size_t used, room;
	struct member path; /* of the member that is being added */
};

static PyTypeObject *type;

/* Takes what the archive gives out; without the GIL. */
static int
keep(void *context, const void *data, size_t size, struct stage_error *error)
{
	struct signatures *self = context;
	char *grown;

	if (self->used + size > self->room) {
		grown = realloc(self->written, 2 * (self->used + size));
		if (!grown)
			return stage_error_set(
				error, STAGE_E_MEMORY, 0, "no memory for a signature");
		self->written = grown;
		self->room = 2 * (self->used + size);
	}
	memcpy(self->written + self->used, data, size);
	self->used += size;
	return 0;
}

/* Memory that a large signature has needed is given back. */
static void
forget_written(struct signatures *self)
{
	if (self->room > 4 * KEPT_MAX) {
		free(self->written);
		self->written = NULL;
		self->room = 0;
	}
	self->used = 0;
}

/* Writes what was kept to the host's file. */
static int
write_out(struct signatures *self)
{
	PyObject *bytes, *result = NULL;

	if (self->used == 0)
		return 0;
	bytes = PyBytes_FromStringAndSize(self->written, (Py_ssize_t)self->used);
	if (bytes)
		result = PyObject_CallMethodObjArgs(self->file, object_name_write, bytes, NULL);
	forget_written(self);
	Py_XDECREF(bytes);
	Py_XDECREF(result);
	return result ? 0 : -1;
}

int
signatures_add_member(PyObject *signatures, const struct stage_member *member,
	const unsigned char *bytes, size_t size)
{
	struct signatures *self = (struct signatures *)signatures;
	struct stage_error error;

	if (stage_tar_add(self->archive, member, bytes, size, &error) < 0) {
		errors_raise(&error);
		return -1;
	}
	return self->used < KEPT_MAX ? 0 : write_out(self);
}

int
signatures_add(PyObject *signatures, PyObject *path, enum stage_member_kind kind,
	const unsigned char *bytes, size_t size)
{
	struct signatures *self = (struct signatures *)signatures;

	if (member_read(&self->path, path, MEMBER_SIGNATURE) < 0)
		return -1;
	self->path.member.kind = kind;
	return signatures_add_member(signatures, &self->path.member, bytes, size);
}

int
signatures_flush(PyObject *signatures)
{
	return write_out((struct signatures *)signatures);
}

int
signatures_end(PyObject *signatures)
{
	struct signatures *self = (struct signatures *)signatures;
	struct stage_error error;

	if (stage_tar_end(self->archive, &error) == 0)
		return write_out(self);
	errors_raise(&error);
	return -1;
}

static void
signatures_dealloc(PyObject *object)
{
	struct signatures *self = (struct signatures *)object;
	PyTypeObject *own = Py_TYPE(object);

	stage_tar_close(&self->archive);
	free(self->written);
	member_release(&self->path);
	Py_CLEAR(self->file);
	((freefunc)PyType_GetSlot(own, Py_tp_free))(object);
	Py_DECREF(own);
}

static PyType_Slot slots[] = {
	{Py_tp_dealloc, (void *)signatures_dealloc},
	{0, NULL},
};

static PyType_Spec specification = {
	.name = "_stagedir.Signatures",
	.basicsize = sizeof(struct signatures),
	.flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION,
	.slots = slots,
};

PyObject *
signatures_new(PyObject *file)
{
	struct signatures *self;
	struct stage_error error;

	if (!type)
		type = (PyTypeObject *)PyType_FromSpec(&specification);
	if (!type)
		return NULL;
	self = (struct signatures *)((allocfunc)PyType_GetSlot(type, Py_tp_alloc))(type, 0);
	if (!self)
		return NULL;
	self->file = Py_NewRef(file);
	if (stage_tar_open(keep, self, &self->archive, &error) == 0)
		return (PyObject *)self;
	Py_DECREF((PyObject *)self);
	return errors_raise(&error);
}
