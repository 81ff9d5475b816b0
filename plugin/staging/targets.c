#include "staging/targets.h"

#include "python/errors.h"
#include "python/object.h"
#include "staging/configuration.h"

static const struct stage_settings *
settings_or_raise(void)
{
	const struct stage_settings *settings;
	struct stage_error error;

	settings = configuration_settings(&error);
	if (!settings)
		errors_raise(&error);
	return settings;
}

PyObject *
targets_check_settings(PyObject *module, PyObject *unused)
{
	(void)module;
	(void)unused;
	return settings_or_raise() ? Py_NewRef(Py_None) : NULL;
}

PyObject *
targets_take_over(PyObject *module, PyObject *url)
{
	const struct stage_settings *settings = settings_or_raise();
	PyObject *bytes = settings ? object_path_bytes(url) : NULL;
	bool taken;

	(void)module;
	if (!bytes)
		return NULL;
	taken = stage_settings_take_over(settings, PyBytes_AsString(bytes));
	Py_DECREF(bytes);
	return PyBool_FromLong(taken);
}

PyObject *
targets_stages_ahead(PyObject *module, PyObject *unused)
{
	const struct stage_settings *settings = settings_or_raise();

	(void)module;
	(void)unused;
	return settings ? PyBool_FromLong(settings->stage_ahead) : NULL;
}
