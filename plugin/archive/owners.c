#include "archive/owners.h"

#include <string.h>

#include "python/object.h"

int
owners_begin(struct owners *users, struct owners *groups)
{
	PyObject *numeric = object_attribute("duplicity.config", "numeric_owner");
	int is = numeric ? PyObject_IsTrue(numeric) : 0;

	Py_XDECREF(numeric);
	if (is == 0) {
		users->function = "getpwnam";
		groups->function = "getgrnam";
	}
	return is < 0 ? -1 : 0;
}

/* The third field of what the host finds; None where it finds nothing. A new reference. */
static PyObject *
look_up(const struct owners *owners, const char *name, size_t length)
{
	PyObject *string = PyUnicode_DecodeFSDefaultAndSize(name, (Py_ssize_t)length);
	PyObject *found = NULL, *id;

	if (string)
		found = object_call("duplicity.cached_ops", owners->function, "(O)", string);
	Py_XDECREF(string);
	if (!found && string && PyErr_ExceptionMatches(PyExc_KeyError)) {
		PyErr_Clear();
		found = Py_NewRef(Py_None);
	}
	if (!found || found == Py_None)
		return found;
	id = PySequence_GetItem(found, 2);
	Py_DECREF(found);
	return id;
}

/* The same, with what is known. A borrowed reference. */
static PyObject *
know(struct owners *owners, const char *name, size_t length)
{
	PyObject *key, *id;

	if (!owners->known && !(owners->known = PyDict_New()))
		return NULL;
	key = PyBytes_FromStringAndSize(name, (Py_ssize_t)length);
	if (!key)
		return NULL;
	id = PyDict_GetItemWithError(owners->known, key);
	if (!id && !PyErr_Occurred() && (id = look_up(owners, name, length))) {
		if (PyDict_SetItem(owners->known, key, id) < 0)
			Py_CLEAR(id);
		Py_XDECREF(id); /* the dictionary keeps it */
	}
	Py_DECREF(key);
	return id;
}

static bool
is_last(const struct owners *owners, const char *name, size_t length)
{
	return owners->has_last && owners->last_length == length &&
	       memcmp(owners->last, name, length) == 0;
}

int
owners_find(struct owners *owners, const char *name, size_t length, int64_t *id)
{
	PyObject *found;

	if (!owners->function)
		return 0;
	if (!is_last(owners, name, length)) {
		found = know(owners, name, length);
		if (!found)
			return -1;
		owners->has_last = length <= sizeof(owners->last);
		if (owners->has_last)
			memcpy(owners->last, name, length);
		owners->last_length = length;
		owners->last_found = found != Py_None;
		owners->last_id = owners->last_found ? PyLong_AsLongLong(found) : 0;
		if (PyErr_Occurred())
			return -1;
	}
	if (owners->last_found)
		*id = owners->last_id;
	return 0;
}

void
owners_release(struct owners *owners)
{
	Py_CLEAR(owners->known);
	*owners = (struct owners){0};
}
