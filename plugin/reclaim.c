#include "module.h"

#include <errno.h>

#include "orphan.h"
#include "root.h"

/* Reclaims in one directory; one that is not there or may not be read has no orphans of ours. */
static void
reclaim_in(const char *path, struct stage_reclaimed *total)
{
	struct stage_error error;

	if (stage_orphan_reclaim(path, &host_log, total, &error) < 0 && error.sys_errno != ENOENT)
		stage_log_line(&host_log, STAGE_INFO, "%s", error.message);
}

static int
reclaim_in_roots(const struct stage_settings *settings, const char *tempdir,
	struct stage_reclaimed *total, struct stage_error *error)
{
	struct stage_root_request request = {.tempdir = tempdir};
	struct stage_roots *roots;
	size_t i;
	int code;

	code = stage_roots_rank(settings, &request, &roots, error);
	if (code < 0)
		return code;
	/* refused ones too: a root that is full, say, is so perhaps because of what lies in it */
	for (i = 0; i < roots->count; i++)
		reclaim_in(roots->list[i].path, total);
	stage_roots_free(&roots);
	return 0;
}

/* The dead run may have had other options than this one, so both kinds of root are looked at. */
static int
reclaim_everywhere(const char *tempdir, const char *archive_dir, struct stage_error *error)
{
	struct stage_reclaimed total = {0};
	struct stage_settings *settings;
	int code;

	code = stage_settings_load(&settings, error);
	if (code < 0)
		return code;
	code = reclaim_in_roots(settings, NULL, &total, error);
	if (code == 0 && tempdir)
		code = reclaim_in_roots(settings, tempdir, &total, error);
	if (code == 0 && archive_dir)
		reclaim_in(archive_dir, &total);
	stage_settings_free(&settings);
	return code;
}

PyObject *
reclaim(PyObject *module, PyObject *arguments)
{
	PyObject *archive_dir = Py_None, *archive_bytes = NULL, *tempdir;
	struct stage_error error;
	int code;

	(void)module;
	if (!PyArg_ParseTuple(arguments, "|O:reclaim", &archive_dir))
		return NULL;
	if (archive_dir != Py_None && !(archive_bytes = path_bytes(archive_dir)))
		return NULL;
	tempdir = host_tempdir();
	{
		const char *root = tempdir ? PyBytes_AsString(tempdir) : NULL;
		const char *archive = archive_bytes ? PyBytes_AsString(archive_bytes) : NULL;

		Py_BEGIN_ALLOW_THREADS
		code = reclaim_everywhere(root, archive, &error);
		Py_END_ALLOW_THREADS
	}
	Py_XDECREF(tempdir);
	Py_XDECREF(archive_bytes);
	if (code < 0)
		return raise_error(&error);
	Py_RETURN_NONE;
}
