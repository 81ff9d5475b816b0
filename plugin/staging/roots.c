#include "staging/roots.h"

#include <errno.h>

#include "log.h"
#include "orphan.h"
#include "root.h"

#include "python/errors.h"
#include "python/gil.h"
#include "python/hostlog.h"
#include "python/object.h"
#include "staging/configuration.h"

/* The tree that the host is about to back up, as bytes; NULL without an exception if it is not. */
static PyObject *
backup_source(void)
{
	PyObject *select, *local_path, *name = NULL;

	/* restore has a local path as well, but selects nothing */
	select = object_attribute("duplicity.config", "select");
	local_path = object_attribute("duplicity.config", "local_path");
	if (select && select != Py_None && local_path && local_path != Py_None)
		name = PyObject_GetAttrString(local_path, "name");
	if (name && !PyBytes_Check(name)) {
		Py_DECREF(name);
		name = NULL;
	}
	PyErr_Clear();
	Py_XDECREF(select);
	Py_XDECREF(local_path);
	return name;
}

/* Does the host's selection leave this path out of the backup? Called without the GIL. */
static bool
is_excluded(void *context, const char *path)
{
	PyObject *select, *path_type, *host_path = NULL, *verdict = NULL;
	PyGILState_STATE state = gil_enter();
	bool excluded;

	(void)context;
	select = object_attribute("duplicity.config", "select");
	path_type = object_attribute("duplicity.path", "Path");
	if (select && path_type)
		host_path = PyObject_CallFunction(path_type, "y", path);
	if (host_path)
		verdict = PyObject_CallMethod(select, "Select", "O", host_path);
	excluded = verdict && PyLong_Check(verdict) && PyLong_AsLong(verdict) == 0;
	errors_swallow();
	Py_XDECREF(select);
	Py_XDECREF(path_type);
	Py_XDECREF(host_path);
	Py_XDECREF(verdict);
	PyGILState_Release(state);
	return excluded;
}

int
roots_rank(struct stage_roots **ret_roots, struct stage_error *error)
{
	const struct stage_settings *settings = configuration_settings(error);
	struct stage_root_request request = {.excluded = is_excluded};
	PyObject *source, *tempdir;
	int code;

	if (!settings)
		return error->code;
	code = configuration_tempdir(&tempdir, error);
	if (code < 0)
		return code;
	source = backup_source();
	request.tempdir = tempdir ? PyBytes_AsString(tempdir) : NULL;
	request.source = source ? PyBytes_AsString(source) : NULL;
	Py_BEGIN_ALLOW_THREADS
	code = stage_roots_rank(settings, &request, ret_roots, error);
	Py_END_ALLOW_THREADS
	Py_XDECREF(source);
	Py_XDECREF(tempdir);
	return code;
}

/* Reclaims in one directory; one that is not there or may not be read has no orphans of ours. */
static void
reclaim_in(const char *path, struct stage_reclaimed *total)
{
	struct stage_error error;

	if (stage_orphan_reclaim(path, &hostlog, total, &error) < 0 && error.sys_errno != ENOENT)
		stage_log_line(&hostlog, STAGE_INFO, "%s", error.message);
}

/* Visits the roots that settings and, where it is not NULL, tempdir name. */
static int
visit_ranked(const struct stage_settings *settings, const char *tempdir, roots_visitor visit,
	void *context, struct stage_error *error)
{
	struct stage_root_request request = {.tempdir = tempdir};
	struct stage_roots *roots;
	size_t i;
	int code;

	Py_BEGIN_ALLOW_THREADS
	code = stage_roots_rank(settings, &request, &roots, error);
	Py_END_ALLOW_THREADS
	if (code < 0)
		return code;
	/* refused ones too: a root that is full, say, is so perhaps because of what lies in it */
	for (i = 0; code == 0 && i < roots->count; i++)
		code = visit(context, roots->list[i].path, error);
	Py_BEGIN_ALLOW_THREADS
	stage_roots_free(&roots);
	Py_END_ALLOW_THREADS
	return code;
}

int
roots_visit(roots_visitor visit, void *context, struct stage_error *error)
{
	const struct stage_settings *settings = configuration_settings(error);
	PyObject *tempdir;
	int code;

	if (!settings)
		return error->code;
	code = configuration_tempdir(&tempdir, error);
	if (code < 0)
		return code;
	code = visit_ranked(settings, NULL, visit, context, error);
	if (code == 0 && tempdir)
		code = visit_ranked(settings, PyBytes_AsString(tempdir), visit, context, error);
	Py_XDECREF(tempdir);
	return code;
}

static int
reclaim_root(void *total, const char *path, struct stage_error *error)
{
	(void)error;
	Py_BEGIN_ALLOW_THREADS
	reclaim_in(path, total);
	Py_END_ALLOW_THREADS
	return 0;
}

PyObject *
roots_reclaim(PyObject *module, PyObject *arguments)
{
	PyObject *archive_dir = Py_None, *archive_bytes = NULL;
	struct stage_reclaimed total = {0};
	struct stage_error error;
	int code;

	(void)module;
	if (!PyArg_ParseTuple(arguments, "|O:reclaim", &archive_dir))
		return NULL;
	if (archive_dir != Py_None && !(archive_bytes = object_path_bytes(archive_dir)))
		return NULL;
	code = roots_visit(reclaim_root, &total, &error);
	if (code == 0 && archive_bytes)
		reclaim_root(&total, PyBytes_AsString(archive_bytes), &error);
	Py_XDECREF(archive_bytes);
	if (code < 0)
		return errors_raise(&error);
	return PyLong_FromSize_t(total.waiting);
}
