/*
 * targets - which URLs are to be staged, as stagedir.conf says
 */
#ifndef STAGEDIR_TARGETS_H
#define STAGEDIR_TARGETS_H

#include <Python.h>

/* _stagedir.check_settings(), _stagedir.take_over(url), _stagedir.stages_ahead() */
PyObject *targets_check_settings(PyObject *module, PyObject *unused);
PyObject *targets_take_over(PyObject *module, PyObject *url);
PyObject *targets_stages_ahead(PyObject *module, PyObject *unused);

#endif
