/*
 * The host has no functions that only tell of an error: it has some that call another function, and tell of what that
 * raises. They are given one that raises what is to be told.
 */
#include "reading/hostwords.h"

#include "python/object.h"

int
hostwords_init(struct hostwords *words, PyObject *base_path)
{
	words->base_path = Py_NewRef(base_path);
	words->writer = object_call("duplicity.patchdir", "ROPath_IterWriter", "(O)", base_path);
	return words->writer ? 0 : -1;
}

void
hostwords_release(struct hostwords *words)
{
	Py_CLEAR(words->writer);
	Py_CLEAR(words->base_path);
}

int
hostwords_writing(const struct hostwords *words, PyObject *ropath)
{
	PyObject *index = PyObject_GetAttr(ropath, object_name_index), *result = NULL;

	if (index)
		result = PyObject_CallMethod(
			words->writer, "can_fast_process", "(OO)", index, ropath);
	Py_XDECREF(index);
	return object_done(result);
}

int
hostwords_making(PyObject *name)
{
	PyObject *shown = object_call("os", "fsdecode", "(O)", name);
	PyObject *text =
		object_text("Making directory %s", shown ? Py_BuildValue("(N)", shown) : NULL);
	PyObject *result = text ? object_call("duplicity.log", "Info", "(N)", text) : NULL;

	return object_done(result);
}

int
hostwords_skipping(const struct hostwords *words, PyObject *ropath)
{
	PyObject *index = PyObject_GetAttr(ropath, object_name_index), *result = NULL;

	if (index)
		result = PyObject_CallMethod(words->writer, "log_prev_error", "(O)", index);
	Py_XDECREF(index);
	return object_done(result);
}

/* By an IterTreeReducer of the host's that has come as far as to before: it does nothing else then. */
int
hostwords_disorder(const struct hostwords *words, PyObject *before, PyObject *ropath)
{
	PyObject *class = object_attribute("duplicity.patchdir", "ROPath_IterWriter");
	PyObject *index = PyObject_GetAttr(ropath, object_name_index), *reducer = NULL,
		 *result = NULL;

	if (class && index)
		reducer = object_call(
			"duplicity.patchdir", "IterTreeReducer", "(O[O])", class, words->base_path);
	if (reducer && PyObject_SetAttr(reducer, object_name_index, before) == 0)
		result = PyObject_CallFunctionObjArgs(reducer, index, ropath, NULL);
	Py_XDECREF(reducer);
	Py_XDECREF(index);
	Py_XDECREF(class);
	return object_done(result);
}

static PyObject *
raise_itself(PyObject *self, PyObject *arguments)
{
	(void)arguments;
	PyErr_SetObject((PyObject *)Py_TYPE(self), self);
	return NULL;
}

static PyMethodDef raise_method = {"raise_itself", raise_itself, METH_VARARGS,
	"raise_itself(*arguments)\n--\n\nRaises its self."};

/* A function that raises the pending exception, which is no longer pending. NULL with another exception. */
static PyObject *
raiser(void)
{
	PyObject *type, *value, *traceback, *function = NULL;

	PyErr_Fetch(&type, &value, &traceback);
	PyErr_NormalizeException(&type, &value, &traceback);
	if (value && traceback)
		PyException_SetTraceback(value, traceback);
	if (value)
		function = PyCFunction_New(&raise_method, value);
	Py_XDECREF(type);
	Py_XDECREF(value);
	Py_XDECREF(traceback);
	return function;
}

int
hostwords_failed(const struct hostwords *words, PyObject *index)
{
	PyObject *function = raiser(), *handler = NULL, *result = NULL;

	if (function)
		handler = PyObject_GetAttrString(words->writer, "on_error");
	if (handler && index)
		result = object_call("duplicity.robust", "check_common_error", "(OO(O))", handler,
			function, index);
	else if (handler)
		result = object_call(
			"duplicity.robust", "check_common_error", "(OO())", handler, function);
	Py_XDECREF(handler);
	Py_XDECREF(function);
	return object_done(result);
}

int
hostwords_attribute_failed(const struct hostwords *words, PyObject *index)
{
	PyObject *function = raiser(), *result = NULL;

	if (!function)
		return -1;
	result = object_call("duplicity.util", "maybe_ignore_errors", "(O)", function);
	Py_DECREF(function);
	return result ? object_done(result) : hostwords_failed(words, index);
}
