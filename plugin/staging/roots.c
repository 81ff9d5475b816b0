#include "staging/roots.h"

#include <errno.h>

#include "log.h"
#include "orphan.h"
#include "root.h"

#include "python/errors.h"
#include "python/hostlog.h"
#include "python/object.h"
#include "staging/configuration.h"

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
