/*
 * gpg tells its reasons on standard error only, and not that of a full disk. So where a file of its could not be written,
 * it is asked what the file system has left, and whether it has refused the volume space before (core/volume.h).
 */
#include "archive/nospace.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "durable.h"
#include "filesystem.h"

#include "python/object.h"
#include "staging/volumeobject.h"

/* Where gpg has failed, and no more bytes than these are free, it had no space. */
#define NO_SPACE ((uint64_t)64 * 1024)

struct left {
	uint64_t bytes;
	bool files; /* more files can be made */
};

/* The folder of a file: bytes, or NULL with an exception. */
static PyObject *
folder_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	return PyBytes_FromStringAndSize(path, slash == path ? 1 : slash ? slash - path : 0);
}

/* What is left there? False: it is no folder, or nobody can tell. */
static bool
look(const char *folder, struct left *ret_left)
{
	bool is_known;
	int fd;

	Py_BEGIN_ALLOW_THREADS
	fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	is_known = fd >= 0 && stage_filesystem_free(fd, &ret_left->bytes) == 0;
	ret_left->files = !is_known || stage_filesystem_has_files(fd);
	if (fd >= 0)
		close(fd);
	Py_END_ALLOW_THREADS
	return is_known;
}

/* The errno with which a volume at path was refused space; 0 for none. */
static int
refusal_of(const char *path)
{
	PyObject *volume = volumeobject_find(path);
	int refusal = volume ? stage_volume_refusal(volumeobject_of(volume)) : 0;

	Py_XDECREF(volume);
	return refusal;
}

/* Tells what there is none of; NULL with an exception. */
static PyObject *
tell(PyObject *folder, int sys_errno, const struct left *left)
{
	PyObject *shown = PyUnicode_DecodeFSDefault(PyBytes_AsString(folder)), *text;
	char reason[64];

	if (!shown)
		return NULL;
	if (sys_errno == EDQUOT)
		snprintf(reason, sizeof(reason), "a quota allows no more");
	else if (!left->files)
		snprintf(reason, sizeof(reason), "no inodes are free");
	else
		snprintf(reason, sizeof(reason), "%llu bytes are free",
			(unsigned long long)left->bytes);
	text = PyUnicode_FromFormat(
		"no space left in %U to write a file of this backup: %s. Make room there, name another temp_root in stagedir.conf, or have smaller volumes (--volsize); stagedir status tells what lies there, stagedir flush and stagedir gc may free some",
		shown, reason);
	Py_DECREF(shown);
	return text;
}

static PyObject *
tell_of(const char *path, int sys_errno)
{
	PyObject *folder = folder_of(path), *result = NULL;
	struct left left;

	if (!folder)
		return NULL;
	if (!sys_errno)
		sys_errno = refusal_of(path);
	if (look(PyBytes_AsString(folder), &left) &&
		(stage_durable_is_full(sys_errno) || left.bytes <= NO_SPACE || !left.files))
		result = tell(folder, sys_errno, &left);
	else
		result = Py_NewRef(Py_None);
	Py_DECREF(folder);
	return result;
}

PyObject *
nospace_tell(PyObject *module, PyObject *arguments)
{
	PyObject *filename, *path, *result;
	int sys_errno;

	(void)module;
	if (!PyArg_ParseTuple(arguments, "Oi:no_space", &filename, &sys_errno))
		return NULL;
	path = object_path_bytes(filename);
	if (!path)
		return NULL;
	result = tell_of(PyBytes_AsString(path), sys_errno);
	Py_DECREF(path);
	return result;
}
