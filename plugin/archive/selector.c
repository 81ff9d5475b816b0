#include "archive/selector.h"

#include <stdbool.h>

#include "python/object.h"

/* What a function answers: -2 None, -1 with an exception. */
static int
ask(PyObject *function, PyObject *path)
{
	PyObject *answer = PyObject_CallFunctionObjArgs(function, path, NULL);
	long number = -2;

	if (!answer)
		return -1;
	if (answer != Py_None) {
		number = PyLong_AsLong(answer);
		if (number < 0 || number > 2) {
			if (!PyErr_Occurred())
				PyErr_Format(PyExc_AssertionError, "%R", answer);
			number = -1;
		}
	}
	Py_DECREF(answer);
	return (int)number;
}

int
selector_judge(PyObject *functions, PyObject *path)
{
	Py_ssize_t count = PyList_Size(functions), i;
	bool scans = false;
	int answer = -2;

	if (count < 0)
		return -1;
	for (i = 0; i < count && answer != 0 && answer != 1; i++) {
		answer = ask(PyList_GetItem(functions, i), path);
		if (answer == -1)
			return -1;
		scans = scans || answer == 2;
	}
	if (scans && answer != 1)
		return 2;
	return answer < 0 ? 1 : answer;
}

/* A text of the host's with the path's name in it. A new reference, NULL with an exception. */
static PyObject *
text_with_name(const char *text, PyObject *path)
{
	PyObject *name = PyObject_GetAttr(path, object_name_uc_name);

	return name ? object_text(text, Py_BuildValue("(N)", name)) : NULL;
}

int
selector_warn_unreadable(PyObject *path, PyObject *diffdir)
{
	PyObject *text = text_with_name("Error accessing possibly locked file %s", path);
	PyObject *codes = NULL, *code = NULL, *name = NULL, *extra = NULL, *result = NULL;

	if (text)
		codes = object_attribute("duplicity.log", "WarningCode");
	if (codes)
		code = PyObject_GetAttrString(codes, "cannot_read");
	if (code)
		name = PyObject_GetAttr(path, object_name_name);
	if (name)
		extra = object_call("duplicity.util", "escape", "(O)", name);
	if (extra)
		result = object_call("duplicity.log", "Warn", "(OOO)", text, code, extra);
	Py_XDECREF(extra);
	Py_XDECREF(name);
	Py_XDECREF(code);
	Py_XDECREF(codes);
	Py_XDECREF(text);
	return object_done(result) < 0 ? -1 : object_count(diffdir, object_name_Errors, 1);
}

int
selector_log_deferred(PyObject *path)
{
	PyObject *text = text_with_name("Selecting %s", path), *result = NULL;

	if (text)
		result = object_call("duplicity.log", "Log", "(Oi)", text, 6);
	Py_XDECREF(text);
	return object_done(result);
}

PyObject *
selector_append(PyObject *handler, PyObject *folder, const char *name)
{
	PyObject *append = PyObject_GetAttrString((PyObject *)Py_TYPE(folder), "append");
	PyObject *path = NULL;

	if (append)
		path = object_call("duplicity.robust", "check_common_error", "(OO(Oy))", handler,
			append, folder, name);
	Py_XDECREF(append);
	return path;
}
