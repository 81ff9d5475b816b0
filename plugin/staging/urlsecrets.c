/*
 * The secrets of all URLs that this process has opened. The GIL guards them. They are
 * never freed, as a thread may still upload when the interpreter ends.
 */
#include "staging/urlsecrets.h"

#include <stdlib.h>
#include <string.h>

#include "redact.h"
#include "url.h"

#include "python/errors.h"

static struct stage_redact *secrets;

/*
 * How Python spells what is no text: a byte that is not UTF-8, such as one of a command line, is a
 * surrogate in a str. The first makes that byte of it again, and refuses other surrogates; the second
 * takes them all, and is for texts that are to be a str again.
 */
#define AS_BYTES "surrogateescape"
#define AS_TEXT "surrogatepass"

/* A str in UTF-8; a NUL becomes a blank. The caller frees. NULL with an exception. */
static char *
text_of(PyObject *object, const char *errors)
{
	PyObject *bytes = PyUnicode_AsEncodedString(object, "utf-8", errors);
	Py_ssize_t length, i;
	char *text, *copy = NULL;

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
	Py_ssize_t length = (Py_ssize_t)strlen(text);
	PyObject *object = PyUnicode_DecodeUTF8(text, length, AS_TEXT);

	if (!object && PyErr_ExceptionMatches(PyExc_UnicodeError)) {
		PyErr_Clear(); /* a secret was a part of a character */
		object = PyUnicode_DecodeUTF8(text, length, "replace");
	}
	free(text);
	return object;
}

int
urlsecrets_hide(const char *text, char **ret_text, struct stage_error *error)
{
	return stage_redact_hide(secrets, text, ret_text, error);
}

PyObject *
urlsecrets_keep(PyObject *module, PyObject *url)
{
	static const char *const spellings[] = {AS_TEXT, AS_BYTES};
	struct stage_error error;
	size_t i;

	(void)module;
	for (i = 0; i < sizeof(spellings) / sizeof(spellings[0]); i++) {
		char *text = text_of(url, spellings[i]);
		int code;

		if (!text && i > 0 && PyErr_ExceptionMatches(PyExc_UnicodeError)) {
			PyErr_Clear();
			break;
		}
		if (!text)
			return NULL;
		code = stage_redact_add(&secrets, text, &error);
		free(text);
		if (code < 0)
			return errors_raise(&error);
	}
	Py_RETURN_NONE;
}

PyObject *
urlsecrets_without(PyObject *module, PyObject *object)
{
	char *text = text_of(object, AS_TEXT), *hidden;
	struct stage_error error;
	int code;

	(void)module;
	if (!text)
		return NULL;
	code = urlsecrets_hide(text, &hidden, &error);
	free(text);
	return code < 0 ? errors_raise(&error) : make_str(hidden);
}

PyObject *
urlsecrets_shown_url(PyObject *module, PyObject *url)
{
	char *text = text_of(url, AS_TEXT), *shown;
	struct stage_error error;
	int code;

	(void)module;
	if (!text)
		return NULL;
	code = stage_url_display(text, &shown, &error);
	free(text);
	return code < 0 ? errors_raise(&error) : make_str(shown);
}
