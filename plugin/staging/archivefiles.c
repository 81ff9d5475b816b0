#include "staging/archivefiles.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "leftover.h"
#include "listing.h"
#include "log.h"

#include "duplicity/archive.h"
#include "duplicity/manifest.h"
#include "duplicity/mending.h"
#include "python/errors.h"
#include "python/hostlog.h"
#include "python/object.h"

PyObject *
archivefiles_compare(PyObject *module, PyObject *arguments)
{
	enum archive_part found = ARCHIVE_OTHER;
	PyObject *whole, *part;
	struct stage_error error;
	int code;

	(void)module;
	if (!PyArg_ParseTuple(arguments, "O&O&:compare", PyUnicode_FSConverter, &whole,
		    PyUnicode_FSConverter, &part))
		return NULL;
	Py_BEGIN_ALLOW_THREADS
	code = archive_compare(PyBytes_AsString(whole), PyBytes_AsString(part), &found, &error);
	Py_END_ALLOW_THREADS
	Py_DECREF(whole);
	Py_DECREF(part);
	if (code < 0)
		return errors_raise(&error);
	if (found == ARCHIVE_OTHER)
		Py_RETURN_NONE;
	return PyUnicode_FromString(found == ARCHIVE_WHOLE ? "whole" : "in part");
}

PyObject *
archivefiles_expand(PyObject *module, PyObject *arguments)
{
	PyObject *source, *made;
	struct stage_error error;
	int code;

	(void)module;
	if (!PyArg_ParseTuple(arguments, "O&O&:expand", PyUnicode_FSConverter, &source,
		    PyUnicode_FSConverter, &made))
		return NULL;
	Py_BEGIN_ALLOW_THREADS
	code = archive_expand(PyBytes_AsString(source), PyBytes_AsString(made), &error);
	Py_END_ALLOW_THREADS
	Py_DECREF(source);
	Py_DECREF(made);
	if (code < 0)
		return errors_raise(&error);
	Py_RETURN_NONE;
}

/* Takes one (KIND, NAME), whose text stays the tuple's. 0, or -1 with an exception. */
static int
parse_file(PyObject *item, bool is_stored, struct mending_file *ret_file)
{
	static const char partial[] = "partial ";
	const char *kind;

	if (!item || !PyTuple_Check(item)) {
		PyErr_SetString(PyExc_TypeError, "a file is a tuple (KIND, NAME)");
		return -1;
	}
	*ret_file = (struct mending_file){.is_stored = is_stored};
	if (!PyArg_ParseTuple(item, "sy", &kind, &ret_file->name))
		return -1;
	ret_file->is_partial = strncmp(kind, partial, sizeof(partial) - 1) == 0;
	kind += ret_file->is_partial ? sizeof(partial) - 1 : 0;
	ret_file->kind = strcmp(kind, "manifest") == 0     ? MENDING_MANIFEST
			 : strcmp(kind, "signatures") == 0 ? MENDING_SIGNATURES
			 : strcmp(kind, "proof") == 0      ? MENDING_PROOF
							   : MENDING_VOLUME;
	return 0;
}

/* Calls mending_plan() for what is in two lists. 0, or -1 with an exception. */
static int
make_plan(PyObject *archived, PyObject *stored, const char *suffix, struct mending_plan *ret_plan)
{
	Py_ssize_t first = PyList_Size(archived), count = first + PyList_Size(stored), i;
	struct mending_file *files = calloc((size_t)count + 1, sizeof(*files));
	struct stage_error error;
	int code = 0;

	if (!files) {
		PyErr_NoMemory();
		return -1;
	}
	for (i = 0; i < count && code == 0; i++)
		code = parse_file(
			i < first ? PyList_GetItem(archived, i) : PyList_GetItem(stored, i - first),
			i >= first, &files[i]);
	if (code == 0) {
		code = mending_plan(files, (size_t)count, suffix, ret_plan, &error);
		if (code < 0)
			errors_raise(&error);
	}
	free(files);
	return code < 0 ? -1 : 0;
}

PyObject *
archivefiles_mending_plan(PyObject *module, PyObject *arguments)
{
	static const char *const steps[] = {
		[MENDING_CHECK_PROOF] = "check_proof",
		[MENDING_IF_ENDED] = "if_ended",
		[MENDING_IF_STORED] = "if_stored",
		[MENDING_REMOVE] = "remove",
		[MENDING_RENAME] = "rename",
		[MENDING_COMPRESS] = "compress",
		[MENDING_EXPAND] = "expand",
		[MENDING_GIVE_UP] = "give_up",
	};
	PyObject *archived, *stored, *list, *item;
	struct mending_plan plan = {0};
	const char *suffix;
	size_t i;

	(void)module;
	if (!PyArg_ParseTuple(arguments, "O!O!y:mending_plan", &PyList_Type, &archived,
		    &PyList_Type, &stored, &suffix) ||
		make_plan(archived, stored, suffix, &plan) < 0)
		return NULL;
	list = PyList_New(0);
	for (i = 0; list && i < plan.count; i++) {
		const struct mending_step *step = &plan.steps[i];

		item = Py_BuildValue("(syy)", steps[step->what], step->name, step->to);
		if (!item || PyList_Append(list, item) < 0)
			Py_CLEAR(list);
		Py_XDECREF(item);
	}
	mending_release(&plan);
	return list;
}

PyObject *
archivefiles_is_ended(PyObject *module, PyObject *path)
{
	PyObject *bytes = object_path_bytes(path);
	struct stage_error error;
	bool is_ended = false;
	int code;

	(void)module;
	if (!bytes)
		return NULL;
	Py_BEGIN_ALLOW_THREADS
	code = archive_is_ended(PyBytes_AsString(bytes), &is_ended, &error);
	Py_END_ALLOW_THREADS
	Py_DECREF(bytes);
	return code < 0 ? errors_raise(&error) : PyBool_FromLong(is_ended);
}

PyObject *
archivefiles_read_manifest(PyObject *module, PyObject *path)
{
	struct manifest_summary summary = {0};
	PyObject *bytes = object_path_bytes(path);
	struct stage_error error;
	const char *sha1;
	int code;

	(void)module;
	if (!bytes)
		return NULL;
	Py_BEGIN_ALLOW_THREADS
	code = manifest_summarize(PyBytes_AsString(bytes), &summary, &error);
	Py_END_ALLOW_THREADS
	Py_DECREF(bytes);
	/* of what is no manifest nothing is known */
	if (code < 0 && code != STAGE_E_DAMAGED)
		return errors_raise(&error);
	sha1 = strchr(summary.hash, ' ');
	return Py_BuildValue("kzN", summary.volumes, sha1 ? sha1 + 1 : NULL,
		PyBool_FromLong(summary.is_complete));
}

PyObject *
archivefiles_sync(PyObject *module, PyObject *arguments)
{
	PyObject *path, *given = Py_None, *like = NULL;
	struct stage_error error;
	int code;

	(void)module;
	if (!PyArg_ParseTuple(arguments, "O&|O:sync", PyUnicode_FSConverter, &path, &given))
		return NULL;
	if (given != Py_None && !(like = object_path_bytes(given))) {
		Py_DECREF(path);
		return NULL;
	}
	Py_BEGIN_ALLOW_THREADS
	code = archive_sync(PyBytes_AsString(path), like ? PyBytes_AsString(like) : NULL, &error);
	Py_END_ALLOW_THREADS
	Py_DECREF(path);
	Py_XDECREF(like);
	if (code < 0)
		return errors_raise(&error);
	Py_RETURN_NONE;
}

/* Without the GIL. Returns 0, or the errno of what could not be removed. */
static int
clear_leftovers(const char *path)
{
	struct stage_listing listing;
	const struct dirent *entry;
	struct stat stat;
	int fd, failed = 0;

	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? 0 : errno;
	stage_listing_open(&listing, fd);
	while (!failed && (entry = stage_listing_next(&listing)))
		if (stage_leftover_is_of_host(entry->d_name) &&
			stage_leftover_is(fd, entry->d_name, &stat))
			failed = stage_leftover_remove(fd, entry->d_name);
	if (stage_listing_close(&listing) < 0)
		failed = errno;
	close(fd);
	return failed;
}

PyObject *
archivefiles_clear_leftovers(PyObject *module, PyObject *path)
{
	PyObject *bytes = object_path_bytes(path);
	int failed;

	(void)module;
	if (!bytes)
		return NULL;
	Py_BEGIN_ALLOW_THREADS
	failed = clear_leftovers(PyBytes_AsString(bytes));
	Py_END_ALLOW_THREADS
	if (failed)
		stage_log_line(&hostlog, STAGE_INFO,
			"cannot remove what backends have left in %s: %s", PyBytes_AsString(bytes),
			stage_error_errno_text(failed));
	Py_DECREF(bytes);
	Py_RETURN_NONE;
}
