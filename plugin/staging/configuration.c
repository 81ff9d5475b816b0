#include "staging/configuration.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "log.h"

#include "python/hostlog.h"
#include "python/object.h"

static const struct stage_settings *settings;
static char *folder; /* the working directory; NULL until it was asked for */

const struct stage_settings *
configuration_settings(struct stage_error *error)
{
	struct stage_settings *loaded;

	if (!settings && stage_settings_load(&loaded, error) == 0) {
		settings = loaded;
		if (settings->left_out)
			stage_log_line(&hostlog, STAGE_NOTICE, "%s", settings->left_out);
	}
	return settings;
}

PyObject *
configuration_host_tempdir(void)
{
	PyObject *temproot, *bytes = NULL;

	temproot = object_attribute("duplicity.config", "temproot");
	if (temproot && PyObject_IsTrue(temproot) == 1)
		bytes = object_path_bytes(temproot);
	Py_XDECREF(temproot);
	if (!bytes)
		PyErr_Clear();
	return bytes;
}

/* Where relative paths of the command line begin. */
static const char *
folder_of_run(struct stage_error *error)
{
	if (!folder)
		folder = getcwd(NULL, 0);
	if (!folder)
		stage_error_set(error, STAGE_E_SYSTEM, errno,
			"cannot tell the working directory, to which --tempdir is relative");
	return folder;
}

int
configuration_tempdir(PyObject **ret_tempdir, struct stage_error *error)
{
	PyObject *tempdir = configuration_host_tempdir(), *absolute;
	const char *begin;

	if (!tempdir || PyBytes_AsString(tempdir)[0] == '/') {
		*ret_tempdir = tempdir;
		return 0;
	}
	begin = folder_of_run(error);
	if (!begin) {
		Py_DECREF(tempdir);
		return error->code;
	}
	absolute = PyBytes_FromFormat("%s/%s", begin, PyBytes_AsString(tempdir));
	Py_DECREF(tempdir);
	if (!absolute) {
		PyErr_Clear();
		return stage_error_set(error, STAGE_E_MEMORY, 0, "no memory for --tempdir");
	}
	*ret_tempdir = absolute;
	return 0;
}
