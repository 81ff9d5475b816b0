#include "module.h"

#include "staging/configuration.h"

static const struct stage_settings *
settings_or_raise(void)
{
	const struct stage_settings *settings;
	struct stage_error error;

	settings = settings_of_run(&error);
	if (!settings)
		raise_error(&error);
	return settings;
}

PyObject *
check_settings(PyObject *module, PyObject *unused)
{
	(void)module;
	(void)unused;
	return settings_or_raise() ? Py_NewRef(Py_None) : NULL;
}

PyObject *
take_over(PyObject *module, PyObject *url)
{
	const struct stage_settings *settings = settings_or_raise();
	PyObject *bytes = settings ? path_bytes(url) : NULL;
	bool taken;

	(void)module;
	if (!bytes)
		return NULL;
	taken = stage_settings_take_over(settings, PyBytes_AsString(bytes));
	Py_DECREF(bytes);
	return PyBool_FromLong(taken);
}

PyObject *
stages_ahead(PyObject *module, PyObject *unused)
{
	const struct stage_settings *settings = settings_or_raise();

	(void)module;
	(void)unused;
	return settings ? PyBool_FromLong(settings->stage_ahead) : NULL;
}
