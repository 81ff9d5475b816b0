/*
 * What kind of exception an error becomes is in one switch, so that a new code cannot be forgotten.
 */
#include "python/errors.h"

#include <errno.h>
#include <string.h>

#include "python/object.h"

static PyObject *staging_error;

void
errors_swallow(void)
{
	bool ends_the_run = PyErr_Occurred() && !PyErr_ExceptionMatches(PyExc_Exception);

	PyErr_Clear();
	if (ends_the_run)
		PyErr_SetInterrupt();
}

static void
raise_os_error(const struct stage_error *error)
{
	PyObject *arguments;

	/* OSError chooses its subclass by errno */
	arguments = Py_BuildValue("(is)", error->sys_errno, error->message);
	if (arguments)
		PyErr_SetObject(PyExc_OSError, arguments);
	Py_XDECREF(arguments);
}

/* Raises one of the host's exceptions. */
static void
raise_host_error(const char *module, const char *name, const struct stage_error *error)
{
	PyObject *type = object_attribute(module, name);

	PyErr_SetString(type ? type : PyExc_RuntimeError, error->message);
	Py_XDECREF(type);
}

PyObject *
errors_raise_staging(const struct stage_error *error)
{
	PyObject *arguments;

	arguments = Py_BuildValue("(ss)", stage_error_code_name(error->code), error->message);
	if (arguments)
		PyErr_SetObject(staging_error, arguments);
	Py_XDECREF(arguments);
	return NULL;
}

PyObject *
errors_raise(const struct stage_error *error)
{
	switch (error->code) {
	case STAGE_E_SETTING:
	case STAGE_E_NO_ROOT:
		raise_host_error("duplicity.errors", "UserError", error);
		break;
	case STAGE_E_SWAPPED:
		/* any other the host would try again, while a path leads who knows where */
		raise_host_error("duplicity.errors", "FatalBackendException", error);
		break;
	case STAGE_E_SYSTEM:
		raise_os_error(error);
		break;
	case STAGE_E_MEMORY:
		PyErr_SetString(PyExc_MemoryError, error->message);
		break;
	case STAGE_E_ARGUMENT:
	case STAGE_E_CLOSED:
	case STAGE_E_UNTRACKED:
		PyErr_SetString(PyExc_ValueError, error->message);
		break;
	case STAGE_E_NO_ROOM:
	case STAGE_E_HANDOFF:
	case STAGE_E_DAMAGED:
		return errors_raise_staging(error);
	case STAGE_E_FORKED:
	case STAGE_E_AGAIN:
	case STAGE_E_BUSY:
	case STAGE_E_UNSUPPORTED:
	case STAGE_OK:
		PyErr_SetString(PyExc_RuntimeError, error->message);
		break;
	}
	return NULL;
}

PyObject *
errors_raise_final(const struct stage_error *error)
{
	struct stage_error full = *error;

	switch (error->code) {
	case STAGE_E_SETTING:
	case STAGE_E_MEMORY:
	case STAGE_E_SWAPPED:
		return errors_raise(error);
	case STAGE_E_SYSTEM:
		/* of our own disk, not of storage: to the host that is want of space, too */
		if (error->sys_errno == ENOSPC || error->sys_errno == EDQUOT)
			full.code = STAGE_E_NO_ROOM;
		return errors_raise_staging(&full);
	default:
		/* any other exception the host would try again, or swallow */
		return errors_raise_staging(error);
	}
}

PyObject *
errors_raise_signatures(const struct stage_error *error)
{
	struct stage_error advice = *error;

	if (error->code == STAGE_E_DAMAGED) {
		stage_error_set(&advice, error->code, 0,
			"%s. Remove this file, and duplicity fetches it from storage again",
			error->message);
		raise_host_error("duplicity.diffdir", "DiffDirException", &advice);
	} else if (error->code == STAGE_E_UNSUPPORTED) {
		raise_host_error("duplicity.path", "PathException", error);
	} else {
		errors_raise(error);
	}
	return NULL;
}

PyObject *
errors_raise_volumes(const struct stage_error *error)
{
	struct stage_error advice = *error;

	if (error->code == STAGE_E_DAMAGED && strstr(error->message, " is damaged: "))
		stage_error_set(&advice, error->code, 0,
			"%s. With --ignore-errors duplicity goes on with what it can read",
			error->message);
	if (error->code == STAGE_E_DAMAGED)
		raise_host_error("duplicity.patchdir", "PatchDirException", &advice);
	else if (error->code == STAGE_E_UNSUPPORTED)
		raise_host_error("duplicity.path", "PathException", error);
	else
		errors_raise(error);
	return NULL;
}

int
errors_add_type(PyObject *module)
{
	if (!staging_error)
		staging_error = PyErr_NewException("_stagedir.StagingError", NULL, NULL);
	return staging_error ? PyModule_AddObjectRef(module, "StagingError", staging_error) : -1;
}
