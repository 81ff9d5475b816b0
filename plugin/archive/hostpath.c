#include "archive/hostpath.h"

#include <math.h>

#include "python/object.h"

/* The host's names of types, by ours. */
static const char *const types[] = {[STAGE_ENTRY_FILE] = "reg",
	[STAGE_ENTRY_DIRECTORY] = "dir",
	[STAGE_ENTRY_LINK] = "sym",
	[STAGE_ENTRY_FIFO] = "fifo",
	[STAGE_ENTRY_CHARACTER] = "chr",
	[STAGE_ENTRY_BLOCK] = "blk"};
#define TYPES (sizeof(types) / sizeof(types[0]))

const char *
hostpath_type(enum stage_entry_type type)
{
	return types[type];
}

int
hostpath_read_index(struct hostpath *path, PyObject *ropath)
{
	if (index_join(&path->index, ropath) < 0)
		return -1;
	path->entry.index = path->index.bytes;
	path->entry.index_length = path->index.length;
	return 0;
}

/* 1, 0 where it is none that we know, -1 with an exception. */
static int
read_type(struct stage_entry *entry, PyObject *ropath)
{
	PyObject *type = PyObject_GetAttr(ropath, object_name_type);
	int found = 0;
	size_t i;

	if (!type)
		return -1;
	for (i = STAGE_ENTRY_FILE; i < TYPES && !found; i++) {
		if (object_is(type, types[i])) {
			entry->type = (enum stage_entry_type)i;
			found = 1;
		}
	}
	Py_DECREF(type);
	return found;
}

static int
read_number(PyObject *object, PyObject *attribute, int64_t *ret_number)
{
	PyObject *value = PyObject_GetAttr(object, attribute);

	if (!value)
		return -1;
	*ret_number = PyLong_AsLongLong(value);
	Py_DECREF(value);
	return PyErr_Occurred() ? -1 : 0;
}

static int
read_time(PyObject *stat, int64_t *ret_time)
{
	PyObject *time = PyObject_GetAttr(stat, object_name_st_mtime);
	double seconds;

	if (!time)
		return -1;
	seconds = PyFloat_AsDouble(time);
	Py_DECREF(time);
	if (PyErr_Occurred())
		return -1;
	*ret_time = (int64_t)trunc(seconds);
	return 0;
}

static int
read_stat(struct stage_entry *entry, PyObject *ropath)
{
	PyObject *stat = PyObject_GetAttr(ropath, object_name_stat);
	int64_t size = 0;
	int code = -1;

	if (stat && read_number(stat, object_name_st_uid, &entry->uid) == 0 &&
		read_number(stat, object_name_st_gid, &entry->gid) == 0 &&
		read_number(stat, object_name_st_size, &size) == 0)
		code = read_time(stat, &entry->mtime);
	entry->size = (uint64_t)size;
	Py_XDECREF(stat);
	return code;
}

static int
read_target(struct hostpath *path, PyObject *ropath)
{
	PyObject *target = PyObject_GetAttr(ropath, object_name_symtext);
	char *bytes;
	Py_ssize_t length;

	Py_XDECREF(path->target);
	path->target = target;
	if (!target || PyBytes_AsStringAndSize(target, &bytes, &length) < 0)
		return -1;
	path->entry.target = bytes;
	path->entry.target_length = (size_t)length;
	return 0;
}

static int
read_device(struct stage_entry *entry, PyObject *ropath)
{
	PyObject *numbers = PyObject_GetAttr(ropath, object_name_devnums);
	long long major, minor;
	int code = -1;

	if (numbers && PyArg_ParseTuple(numbers, "LL", &major, &minor)) {
		entry->dev_major = major;
		entry->dev_minor = minor;
		code = 0;
	}
	Py_XDECREF(numbers);
	return code;
}

int
hostpath_read(struct hostpath *path, PyObject *ropath)
{
	struct stage_entry *entry = &path->entry;
	int known = read_type(entry, ropath);

	if (known <= 0)
		return known;
	if (read_number(ropath, object_name_mode, &entry->mode) < 0 || read_stat(entry, ropath) < 0)
		return -1;
	switch (entry->type) {
	case STAGE_ENTRY_LINK:
		return read_target(path, ropath) < 0 ? -1 : 1;
	case STAGE_ENTRY_CHARACTER:
	case STAGE_ENTRY_BLOCK:
		return read_device(entry, ropath) < 0 ? -1 : 1;
	default:
		return 1;
	}
}

void
hostpath_release(struct hostpath *path)
{
	index_release(&path->index);
	Py_CLEAR(path->target);
	path->entry = (struct stage_entry){0};
}

/* Sets an attribute to a new value, which this consumes; NULL is a pending exception. */
static int
set(PyObject *object, PyObject *attribute, PyObject *value)
{
	int code = value ? PyObject_SetAttr(object, attribute, value) : -1;

	Py_XDECREF(value);
	return code;
}

static int
set_stat(PyObject *ropath, const struct stage_entry *entry)
{
	PyObject *stat = object_call("duplicity.path", "StatResult", "()");

	if (!stat || set(stat, object_name_st_uid, PyLong_FromLongLong(entry->uid)) < 0 ||
		set(stat, object_name_st_gid, PyLong_FromLongLong(entry->gid)) < 0 ||
		set(stat, object_name_st_mtime, PyLong_FromLongLong(entry->mtime)) < 0 ||
		set(stat, object_name_st_size, PyLong_FromUnsignedLongLong(entry->size)) < 0)
		Py_CLEAR(stat);
	return set(ropath, object_name_stat, stat);
}

static int
set_attributes(PyObject *ropath, const struct stage_entry *entry)
{
	if (entry->type == STAGE_ENTRY_NONE)
		return 0;
	if (set(ropath, object_name_type, PyUnicode_InternFromString(types[entry->type])) < 0 ||
		set(ropath, object_name_mode, PyLong_FromLongLong(entry->mode)) < 0 ||
		set_stat(ropath, entry) < 0)
		return -1;
	switch (entry->type) {
	case STAGE_ENTRY_LINK:
		return set(ropath, object_name_symtext,
			PyBytes_FromStringAndSize(entry->target, (Py_ssize_t)entry->target_length));
	case STAGE_ENTRY_CHARACTER:
	case STAGE_ENTRY_BLOCK:
		return set(ropath, object_name_devnums,
			Py_BuildValue(
				"(LL)", (long long)entry->dev_major, (long long)entry->dev_minor));
	default:
		return 0;
	}
}

PyObject *
hostpath_new(const struct stage_entry *entry)
{
	PyObject *index = index_split(entry->index, entry->index_length), *ropath = NULL;

	if (index)
		ropath = object_call("duplicity.path", "ROPath", "(O)", index);
	Py_XDECREF(index);
	if (ropath && set_attributes(ropath, entry) < 0)
		Py_CLEAR(ropath);
	return ropath;
}

int
hostpath_set_difftype(PyObject *ropath, enum stage_member_kind kind)
{
	static const char *const names[] = {[STAGE_MEMBER_SNAPSHOT] = "snapshot",
		[STAGE_MEMBER_DIFF] = "diff",
		[STAGE_MEMBER_DELETED] = "deleted",
		[STAGE_MEMBER_SIGNATURE] = "signature"};
	PyObject *name = PyUnicode_InternFromString(names[kind]);
	int code = name ? PyObject_SetAttr(ropath, object_name_difftype, name) : -1;

	Py_XDECREF(name);
	return code;
}
