#include "staging/archivefiles.h"

#include <stdlib.h>
#include <string.h>

#include "duplicity/archive.h"
#include "duplicity/manifest.h"
#include "python/errors.h"
#include "python/object.h"

/* Two paths; the second one is NULL where it is None or missing, if that is allowed. */
static int
parse_paths(PyObject *arguments, const char *format, PyObject **ret_first, PyObject **ret_second)
{
	PyObject *first = NULL, *second = Py_None;

	if (!PyArg_ParseTuple(arguments, format, PyUnicode_FSConverter, &first, &second))
		return -1;
	*ret_second = NULL;
	if (second != Py_None && !(*ret_second = object_path_bytes(second))) {
		Py_DECREF(first);
		return -1;
	}
	*ret_first = first;
	return 0;
}

PyObject *
archivefiles_compare(PyObject *module, PyObject *arguments)
{
	enum archive_part found = ARCHIVE_OTHER;
	PyObject *whole, *part;
	struct stage_error error;
	int code;

	(void)module;
	if (parse_paths(arguments, "O&O:compare", &whole, &part) < 0)
		return NULL;
	if (!part) {
		Py_DECREF(whole);
		PyErr_SetString(PyExc_TypeError, "compare() takes two paths");
		return NULL;
	}
	Py_BEGIN_ALLOW_THREADS
	code = archive_compare(PyBytes_AsString(whole), PyBytes_AsString(part), &found, &error);
	Py_END_ALLOW_THREADS
	Py_DECREF(whole);
	Py_DECREF(part);
	if (code < 0)
		return errors_raise(&error);
	if (found == ARCHIVE_OTHER)
		Py_RETURN_NONE;
	return PyUnicode_FromString(found == ARCHIVE_WHOLE ? "whole" : "in part");
}

PyObject *
archivefiles_is_ended(PyObject *module, PyObject *path)
{
	PyObject *bytes = object_path_bytes(path);
	struct stage_error error;
	bool is_ended = false;
	int code;

	(void)module;
	if (!bytes)
		return NULL;
	Py_BEGIN_ALLOW_THREADS
	code = archive_is_ended(PyBytes_AsString(bytes), &is_ended, &error);
	Py_END_ALLOW_THREADS
	Py_DECREF(bytes);
	return code < 0 ? errors_raise(&error) : PyBool_FromLong(is_ended);
}

PyObject *
archivefiles_read_manifest(PyObject *module, PyObject *path)
{
	struct manifest_summary summary = {0};
	PyObject *bytes = object_path_bytes(path);
	struct stage_error error;
	const char *sha1;
	int code;

	(void)module;
	if (!bytes)
		return NULL;
	Py_BEGIN_ALLOW_THREADS
	code = manifest_summarize(PyBytes_AsString(bytes), &summary, &error);
	Py_END_ALLOW_THREADS
	Py_DECREF(bytes);
	/* of what is no manifest nothing is known */
	if (code < 0 && code != STAGE_E_DAMAGED)
		return errors_raise(&error);
	sha1 = strchr(summary.hash, ' ');
	return Py_BuildValue("kzN", summary.volumes, sha1 ? sha1 + 1 : NULL,
		PyBool_FromLong(summary.is_complete));
}

PyObject *
archivefiles_sync(PyObject *module, PyObject *arguments)
{
	PyObject *path, *like;
	struct stage_error error;
	int code;

	(void)module;
	if (parse_paths(arguments, "O&|O:sync", &path, &like) < 0)
		return NULL;
	Py_BEGIN_ALLOW_THREADS
	code = archive_sync(PyBytes_AsString(path), like ? PyBytes_AsString(like) : NULL, &error);
	Py_END_ALLOW_THREADS
	Py_DECREF(path);
	Py_XDECREF(like);
	if (code < 0)
		return errors_raise(&error);
	Py_RETURN_NONE;
}
