/*
 * urlsecrets - the secrets of the URLs that this process has opened, hidden in texts (core/redact.h)
 */
#ifndef STAGEDIR_URLSECRETS_H
#define STAGEDIR_URLSECRETS_H

#include <Python.h>

#include "error.h"

/*
 * A copy of a text that others wrote, without the secrets of the URLs that this process has opened. 0 or a
 * code. The GIL must be held.
 */
int urlsecrets_hide(const char *text, char **ret_text, struct stage_error *error);

/* _stagedir.keep_secrets(url), _stagedir.without_secrets(text), _stagedir.shown_url(url) */
PyObject *urlsecrets_keep(PyObject *module, PyObject *url);
PyObject *urlsecrets_without(PyObject *module, PyObject *text);
PyObject *urlsecrets_shown_url(PyObject *module, PyObject *url);

#endif
