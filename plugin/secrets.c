/*
 * The secrets of this process: those of all URLs that it has opened. The GIL guards them. They are
 * never freed, as a thread may still upload when the interpreter ends.
 */
#include "module.h"

#include <stdlib.h>
#include <string.h>

#include "secrets.h"
#include "url.h"

static struct stage_secrets *secrets;

/* The bytes of a str, whatever is in it; a NUL becomes a blank. The caller frees. */
static char *
text_of(PyObject *object)
{
	PyObject *bytes = PyUnicode_AsEncodedString(object, "utf-8", "surrogateescape");
	Py_ssize_t length, i;
	char *text, *copy = NULL;

	if (!bytes && PyErr_ExceptionMatches(PyExc_UnicodeError)) {
		PyErr_Clear();
		bytes = PyUnicode_AsEncodedString(object, "utf-8", "backslashreplace");
	}
	if (!bytes)
		return NULL;
	if (PyBytes_AsStringAndSize(bytes, &text, &length) == 0) {
		copy = malloc((size_t)length + 1);
		if (!copy)
			PyErr_NoMemory();
		for (i = 0; copy && i <= length; i++)
			copy[i] = text[i] || i == length ? text[i] : ' ';
	}
	Py_DECREF(bytes);
	return copy;
}

/* A str of text, which is freed. */
static PyObject *
make_str(char *text)
{
	PyObject *object;

	object = PyUnicode_DecodeUTF8(text, (Py_ssize_t)strlen(text), "surrogateescape");
	free(text);
	return object;
}

int
secrets_hide(const char *text, char **ret_text, struct stage_error *error)
{
	return stage_secrets_hide(secrets, text, ret_text, error);
}

PyObject *
keep_secrets(PyObject *module, PyObject *url)
{
	char *text = text_of(url);
	struct stage_error error;
	int code;

	(void)module;
	if (!text)
		return NULL;
	code = stage_secrets_add(&secrets, text, &error);
	free(text);
	if (code < 0)
		return raise_error(&error);
	Py_RETURN_NONE;
}

PyObject *
without_secrets(PyObject *module, PyObject *object)
{
	char *text = text_of(object), *hidden;
	struct stage_error error;
	int code;

	(void)module;
	if (!text)
		return NULL;
	code = secrets_hide(text, &hidden, &error);
	free(text);
	return code < 0 ? raise_error(&error) : make_str(hidden);
}

PyObject *
shown_url(PyObject *module, PyObject *url)
{
	char *text = text_of(url), *shown;
	struct stage_error error;
	int code;

	(void)module;
	if (!text)
		return NULL;
	code = stage_url_display(text, &shown, &error);
	free(text);
	return code < 0 ? raise_error(&error) : make_str(shown);
}
