#include "module.h"

static struct stage_settings *
load_settings(void)
{
	struct stage_settings *settings;
	struct stage_error error;

	if (stage_settings_load(&settings, &error) < 0) {
		raise_error(&error);
		return NULL;
	}
	return settings;
}

PyObject *
check_settings(PyObject *module, PyObject *unused)
{
	struct stage_settings *settings = load_settings();

	(void)module;
	(void)unused;
	if (!settings)
		return NULL;
	stage_settings_free(&settings);
	Py_RETURN_NONE;
}

PyObject *
take_over(PyObject *module, PyObject *url)
{
	struct stage_settings *settings;
	PyObject *bytes;
	bool taken;

	(void)module;
	if (!stage_settings_exist())
		Py_RETURN_FALSE;
	bytes = path_bytes(url);
	if (!bytes)
		return NULL;
	settings = load_settings();
	if (!settings) {
		Py_DECREF(bytes);
		return NULL;
	}
	taken = stage_settings_take_over(settings, PyBytes_AsString(bytes));
	stage_settings_free(&settings);
	Py_DECREF(bytes);
	return PyBool_FromLong(taken);
}

PyObject *
stages_ahead(PyObject *module, PyObject *unused)
{
	struct stage_settings *settings = load_settings();
	bool ahead;

	(void)module;
	(void)unused;
	if (!settings)
		return NULL;
	ahead = settings->stage_ahead;
	stage_settings_free(&settings);
	return PyBool_FromLong(ahead);
}
