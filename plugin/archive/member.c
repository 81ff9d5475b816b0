/*
 * What the host's ROPath.get_tarinfo() puts into a tar header, read from the path itself.
 */
#include "archive/member.h"

#include <math.h>
#include <string.h>

#include "archive/filestat.h"
#include "python/object.h"
#include "entry.h"

/* Names of owners by their numbers, as bytes: the host looks each up once, too. */
static PyObject *users, *groups;

/* The name of an owner by the host's function; "" where it has none. A borrowed reference. */
static PyObject *
look_up(PyObject *names, PyObject *id, const char *function)
{
	PyObject *entry = object_call("duplicity.cached_ops", function, "(O)", id);
	PyObject *name = NULL, *bytes = NULL;

	if (entry)
		name = PySequence_GetItem(entry, 0);
	else if (PyErr_ExceptionMatches(PyExc_KeyError)) {
		PyErr_Clear();
		name = PyUnicode_FromString("");
	}
	if (name)
		bytes = PyUnicode_EncodeFSDefault(name);
	if (bytes && PyDict_SetItem(names, id, bytes) < 0)
		Py_CLEAR(bytes);
	Py_XDECREF(bytes); /* the dictionary keeps it */
	Py_XDECREF(name);
	Py_XDECREF(entry);
	return bytes;
}

/* The name of an owner, which is looked up once. NULL with an exception. */
static const char *
name_of(PyObject *id, PyObject **names, const char *function)
{
	PyObject *name = NULL;

	if (*names || (*names = PyDict_New()))
		name = PyDict_GetItemWithError(*names, id);
	if (*names && !name && !PyErr_Occurred())
		name = look_up(*names, id, function);
	return name ? PyBytes_AsString(name) : NULL;
}

/* Reads number and name of an owner from a stat. */
static int
read_owner(PyObject *stat, PyObject *attribute, PyObject **names, const char *function,
	uint64_t *ret_id, const char **ret_name)
{
	PyObject *id = PyObject_GetAttr(stat, attribute);
	const char *name = id ? name_of(id, names, function) : NULL;

	if (name) {
		*ret_name = name;
		*ret_id = PyLong_AsUnsignedLongLong(id);
	}
	Py_XDECREF(id);
	return PyErr_Occurred() ? -1 : 0;
}

/* The owner that was asked for last: most files of a tree have the same. */
struct last {
	uint64_t id;
	const char *name; /* NULL: none was */
};

static const char *
name_of_number(uint64_t number, struct last *last, PyObject **names, const char *function)
{
	PyObject *id;

	if (last->name && last->id == number)
		return last->name;
	id = PyLong_FromUnsignedLongLong(number);
	last->name = id ? name_of(id, names, function) : NULL;
	last->id = number;
	Py_XDECREF(id);
	return last->name;
}

int
member_name_owner(struct stage_member *member)
{
	static struct last user, group;

	member->user = name_of_number(member->uid, &user, &users, "getpwuid");
	if (member->user)
		member->group = name_of_number(member->gid, &group, &groups, "getgrgid");
	return member->user && member->group ? 0 : -1;
}

/* The time of a path's stat, with what there is behind the point. */
static int
read_time(PyObject *stat, double *ret_time)
{
	const struct stat *plain = filestat_get(stat);
	PyObject *time;

	if (plain) {
		*ret_time = stage_entry_seconds(&plain->st_mtim);
		return 0;
	}
	time = PyObject_GetAttr(stat, object_name_st_mtime);
	if (!time)
		return -1;
	*ret_time = PyFloat_AsDouble(time);
	Py_DECREF(time);
	return PyErr_Occurred() ? -1 : 0;
}

static int
warn_of_time(PyObject *ropath)
{
	PyObject *tarinfo = PyObject_CallMethodObjArgs(ropath, object_name_get_tarinfo, NULL);

	Py_XDECREF(tarinfo);
	return tarinfo ? 0 : -1;
}

int
member_warn_of_time(PyObject *ropath)
{
	PyObject *stat = PyObject_GetAttr(ropath, object_name_stat);
	double time = 0;
	int code = stat ? read_time(stat, &time) : -1;

	Py_XDECREF(stat);
	return code < 0 || time >= 0 ? code : warn_of_time(ropath);
}

static int
read_stat(struct member *path, PyObject *ropath, enum member_use use)
{
	PyObject *stat = PyObject_GetAttr(ropath, object_name_stat);
	struct stage_member *member = &path->member;
	double time = 0;
	int code = -1;

	if (stat &&
		read_owner(stat, object_name_st_uid, &users, "getpwuid", &member->uid,
			&member->user) == 0 &&
		read_owner(stat, object_name_st_gid, &groups, "getgrgid", &member->gid,
			&member->group) == 0)
		code = read_time(stat, &time);
	Py_XDECREF(stat);
	if (code < 0)
		return -1;
	time = trunc(time);
	if (time < 0 && use == MEMBER_VOLUME && warn_of_time(ropath) < 0)
		return -1;
	member->mtime = time > 0 ? (int64_t)time : 0;
	return 0;
}

static int
read_mode(struct stage_member *member, PyObject *ropath)
{
	PyObject *mode = PyObject_GetAttr(ropath, object_name_mode);

	if (!mode)
		return -1;
	member->mode = (unsigned int)PyLong_AsUnsignedLong(mode);
	Py_DECREF(mode);
	return PyErr_Occurred() ? -1 : 0;
}

static int
read_target(struct member *path, PyObject *ropath)
{
	PyObject *target = PyObject_GetAttr(ropath, object_name_symtext);

	if (!target)
		return -1;
	path->target = object_path_bytes(target);
	Py_DECREF(target);
	if (!path->target)
		return -1;
	path->member.target = PyBytes_AsString(path->target);
	return 0;
}

static int
read_device(struct stage_member *member, PyObject *ropath)
{
	PyObject *numbers = PyObject_GetAttr(ropath, object_name_devnums);
	int code = -1;

	if (numbers)
		code = PyArg_ParseTuple(numbers, "II", &member->dev_major, &member->dev_minor) ? 0
											       : -1;
	Py_XDECREF(numbers);
	return code;
}

/* What the path is of. None is of what is no longer there. */
static int
read_type(struct member *path, PyObject *type)
{
	static const struct {
		const char *name;
		enum stage_member_type type;
	} types[] = {{"reg", STAGE_MEMBER_FILE}, {"dir", STAGE_MEMBER_DIRECTORY},
		{"sym", STAGE_MEMBER_LINK}, {"fifo", STAGE_MEMBER_FIFO},
		{"chr", STAGE_MEMBER_CHARACTER}, {"blk", STAGE_MEMBER_BLOCK}};
	size_t i;

	path->is_deleted = type == Py_None;
	path->is_file = object_is(type, "reg");
	for (i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		if (path->is_deleted || object_is(type, types[i].name)) {
			path->member.type = types[i].type;
			return 0;
		}
	}
	PyErr_Format(PyExc_ValueError, "Unrecognized type %S", type);
	return -1;
}

/* The whole index; in a volume the name of a directory ends with a slash. */
static int
read_name(struct member *path, PyObject *ropath, enum member_use use)
{
	struct index *name = &path->name;
	bool slash = use == MEMBER_VOLUME && path->member.type == STAGE_MEMBER_DIRECTORY;

	if (index_join(name, ropath) < 0)
		return -1;
	if (name->length == 0) {
		path->member.name = slash ? "./" : "";
		return 0;
	}
	if (slash)
		memcpy(name->bytes + name->length, "/", sizeof("/"));
	path->member.name = name->bytes;
	return 0;
}

int
member_read(struct member *path, PyObject *ropath, enum member_use use)
{
	PyObject *type = PyObject_GetAttr(ropath, object_name_type);
	int code = -1;

	path->member = (struct stage_member){0};
	Py_CLEAR(path->target);
	if (type)
		code = read_type(path, type);
	Py_XDECREF(type);
	if (code < 0 || read_name(path, ropath, use) < 0)
		return -1;
	if (path->is_deleted)
		return 0; /* all else is 0 */
	if (read_mode(&path->member, ropath) < 0 || read_stat(path, ropath, use) < 0)
		return -1;
	switch (path->member.type) {
	case STAGE_MEMBER_LINK:
		return read_target(path, ropath);
	case STAGE_MEMBER_CHARACTER:
	case STAGE_MEMBER_BLOCK:
		return read_device(&path->member, ropath);
	default:
		return 0;
	}
}

void
member_release(struct member *path)
{
	index_release(&path->name);
	Py_CLEAR(path->target);
}
