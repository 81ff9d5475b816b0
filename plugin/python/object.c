#include "python/object.h"

#include <stdarg.h>

#define OBJECT_NAME(name) PyObject *object_name_##name;
OBJECT_NAMES(OBJECT_NAME)
#undef OBJECT_NAME

int
object_intern_names(void)
{
#define OBJECT_NAME(name)                                                                          \
	if (!object_name_##name && !(object_name_##name = PyUnicode_InternFromString(#name)))      \
		return -1;
	OBJECT_NAMES(OBJECT_NAME)
#undef OBJECT_NAME
	return 0;
}

bool
object_is(PyObject *string, const char *value)
{
	return PyUnicode_Check(string) && PyUnicode_CompareWithASCIIString(string, value) == 0;
}

int
object_count(PyObject *diffdir, PyObject *name, Py_ssize_t count)
{
	PyObject *stats = PyObject_GetAttr(diffdir, object_name_stats);
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
object_call(const char *module, const char *function, const char *format, ...)
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
object_text(const char *text, PyObject *arguments)
{
	PyObject *translated = NULL, *result = NULL;

	if (arguments)
		translated = object_call("builtins", "_", "(s)", text);
	if (translated)
		result = PyUnicode_Format(translated, arguments);
	Py_XDECREF(translated);
	Py_XDECREF(arguments);
	return result;
}

PyObject *
object_attribute(const char *module, const char *name)
{
	PyObject *module_name, *object = NULL, *attribute = NULL;

	module_name = PyUnicode_FromString(module);
	if (module_name)
		object = PyImport_GetModule(module_name);
	if (object)
		attribute = PyObject_GetAttrString(object, name);
	Py_XDECREF(module_name);
	Py_XDECREF(object);
	if (!attribute)
		PyErr_Clear();
	return attribute;
}

PyObject *
object_path_bytes(PyObject *path)
{
	PyObject *bytes;

	return PyUnicode_FSConverter(path, &bytes) ? bytes : NULL;
}

int
object_done(PyObject *result)
{
	Py_XDECREF(result);
	return result ? 0 : -1;
}
