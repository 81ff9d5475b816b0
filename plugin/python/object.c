#include "python/object.h"

#include <stdarg.h>

#define HOST_NAME(name) PyObject *host_name_##name;
HOST_NAMES(HOST_NAME)
#undef HOST_NAME

int
host_names_intern(void)
{
#define HOST_NAME(name)                                                                            \
	if (!host_name_##name && !(host_name_##name = PyUnicode_InternFromString(#name)))          \
		return -1;
	HOST_NAMES(HOST_NAME)
#undef HOST_NAME
	return 0;
}

bool
host_is(PyObject *string, const char *value)
{
	return PyUnicode_Check(string) && PyUnicode_CompareWithASCIIString(string, value) == 0;
}

int
host_count(PyObject *diffdir, PyObject *name, Py_ssize_t count)
{
	PyObject *stats = PyObject_GetAttr(diffdir, host_name_stats);
	PyObject *before = NULL, *more = NULL, *after = NULL;
	int code = -1;

	if (stats == Py_None) {
		Py_DECREF(stats);
		return 0;
	}
	if (stats)
		before = PyObject_GetAttr(stats, name);
	if (before)
		more = PyLong_FromSsize_t(count);
	if (more)
		after = PyNumber_Add(before, more);
	if (after)
		code = PyObject_SetAttr(stats, name, after);
	Py_XDECREF(after);
	Py_XDECREF(more);
	Py_XDECREF(before);
	Py_XDECREF(stats);
	return code;
}

PyObject *
host_call(const char *module, const char *function, const char *format, ...)
{
	PyObject *object = PyImport_ImportModule(module), *callable = NULL, *arguments = NULL;
	PyObject *result = NULL;
	va_list list;

	va_start(list, format);
	if (object)
		callable = PyObject_GetAttrString(object, function);
	if (callable)
		arguments = Py_VaBuildValue(format, list);
	va_end(list);
	if (arguments)
		result = PyObject_CallObject(callable, arguments);
	Py_XDECREF(arguments);
	Py_XDECREF(callable);
	Py_XDECREF(object);
	return result;
}

PyObject *
host_text(const char *text, PyObject *arguments)
{
	PyObject *translated = NULL, *result = NULL;

	if (arguments)
		translated = host_call("builtins", "_", "(s)", text);
	if (translated)
		result = PyUnicode_Format(translated, arguments);
	Py_XDECREF(translated);
	Py_XDECREF(arguments);
	return result;
}
