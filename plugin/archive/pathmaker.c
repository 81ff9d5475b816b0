#include "archive/pathmaker.h"

#include <sys/sysmacros.h>

#include "archive/filestat.h"
#include "python/object.h"

/* util.fsdecode() where the host has it, else os.fsdecode(). */
static PyObject *
find_decoder(void)
{
	PyObject *decode = object_attribute("duplicity.util", "fsdecode"), *os;

	if (decode)
		return decode;
	os = PyImport_ImportModule("os");
	decode = os ? PyObject_GetAttrString(os, "fsdecode") : NULL;
	Py_XDECREF(os);
	return decode;
}

/* Does the host's function decode each byte of ASCII as such? 1, 0, or -1 with an exception. */
static int
decodes_ascii(PyObject *decode)
{
	char all[127];
	PyObject *bytes, *decoded = NULL, *wanted = NULL;
	int is = -1, i;

	for (i = 0; i < 127; i++)
		all[i] = (char)(i + 1);
	bytes = PyBytes_FromStringAndSize(all, sizeof(all));
	if (bytes)
		decoded = PyObject_CallFunctionObjArgs(decode, bytes, NULL);
	if (decoded)
		wanted = PyUnicode_FromStringAndSize(all, sizeof(all));
	if (wanted)
		is = PyObject_RichCompareBool(decoded, wanted, Py_EQ);
	Py_XDECREF(wanted);
	Py_XDECREF(decoded);
	Py_XDECREF(bytes);
	return is;
}

int
pathmaker_open(struct pathmaker *maker, PyObject *root)
{
	int is;

	maker->type = Py_NewRef((PyObject *)Py_TYPE(root));
	maker->base = PyObject_GetAttr(root, object_name_base);
	maker->decode = find_decoder();
	if (!maker->base || !maker->decode || (is = decodes_ascii(maker->decode)) < 0)
		return -1;
	maker->ascii_is_plain = is == 1;
	maker->has_devnums = PyObject_HasAttr(root, object_name_devnums);
	return 0;
}

void
pathmaker_close(struct pathmaker *maker)
{
	Py_CLEAR(maker->type);
	Py_CLEAR(maker->base);
	Py_CLEAR(maker->decode);
}

/* What the host calls a type; NULL: nothing, it refuses it. */
static PyObject *
kind_of(mode_t mode)
{
	switch (mode & S_IFMT) {
	case S_IFREG:
		return object_name_reg;
	case S_IFDIR:
		return object_name_dir;
	case S_IFLNK:
		return object_name_sym;
	case S_IFIFO:
		return object_name_fifo;
	case S_IFCHR:
		return object_name_chr;
	case S_IFBLK:
		return object_name_blk;
	default:
		return NULL;
	}
}

bool
pathmaker_can(const struct stage_walk_entry *entry)
{
	return entry->failed == 0 && kind_of(entry->stat->st_mode) &&
	       (!S_ISLNK(entry->stat->st_mode) || entry->target);
}

PyObject *
pathmaker_index(PyObject *parent, const char *name)
{
	Py_ssize_t size = PyTuple_Size(parent), i;
	PyObject *index = PyTuple_New(size + 1), *last = PyBytes_FromString(name);

	if (!index || !last) {
		Py_XDECREF(index);
		Py_XDECREF(last);
		return NULL;
	}
	for (i = 0; i < size; i++)
		PyTuple_SetItem(index, i, Py_NewRef(PyTuple_GetItem(parent, i)));
	PyTuple_SetItem(index, size, last);
	return index;
}

static bool
is_ascii(const char *text, size_t size)
{
	size_t i;

	for (i = 0; i < size; i++)
		if ((unsigned char)text[i] >= 0x80)
			return false;
	return true;
}

/* Sets an attribute to a new reference, which this consumes. 0, or -1 with an exception, also where it is NULL. */
static int
set(PyObject *path, PyObject *name, PyObject *value)
{
	int code = value ? PyObject_GenericSetAttr(path, name, value) : -1;

	Py_XDECREF(value);
	return code;
}

static int
set_name(const struct pathmaker *maker, PyObject *path, const struct stage_walk_entry *entry)
{
	PyObject *name = PyBytes_FromStringAndSize(entry->path, (Py_ssize_t)entry->path_length);
	PyObject *text;

	if (!name)
		return -1;
	if (maker->ascii_is_plain && is_ascii(entry->path, entry->path_length))
		text = PyUnicode_FromStringAndSize(entry->path, (Py_ssize_t)entry->path_length);
	else
		text = PyObject_CallFunctionObjArgs(maker->decode, name, NULL);
	if (set(path, object_name_name, name) < 0) {
		Py_XDECREF(text);
		return -1;
	}
	return set(path, object_name_uc_name, text);
}

static PyObject *
numbers_of(const struct stat *stat)
{
	if (S_ISCHR(stat->st_mode) || S_ISBLK(stat->st_mode))
		return Py_BuildValue("(II)", major(stat->st_rdev), minor(stat->st_rdev));
	return Py_NewRef(Py_None);
}

static int
set_stat(const struct pathmaker *maker, PyObject *path, const struct stage_walk_entry *entry)
{
	const struct stat *stat = entry->stat;
	bool is_device = S_ISCHR(stat->st_mode) || S_ISBLK(stat->st_mode);

	if (set(path, object_name_stat, filestat_new(stat)) < 0 ||
		set(path, object_name_type, Py_NewRef(kind_of(stat->st_mode))) < 0 ||
		set(path, object_name_mode, PyLong_FromLong((long)(stat->st_mode & 07777))) < 0)
		return -1;
	if ((maker->has_devnums || is_device) &&
		set(path, object_name_devnums, numbers_of(stat)) < 0)
		return -1;
	if (!S_ISLNK(stat->st_mode))
		return 0;
	return set(path, object_name_symtext, PyBytes_FromString(entry->target));
}

PyObject *
pathmaker_make(const struct pathmaker *maker, PyObject *index, const struct stage_walk_entry *entry)
{
	PyObject *path = PyType_GenericAlloc((PyTypeObject *)maker->type, 0);

	if (!path)
		return NULL;
	if (set(path, object_name_opened, Py_NewRef(Py_None)) < 0 ||
		set(path, object_name_fileobj, Py_NewRef(Py_None)) < 0 ||
		set(path, object_name_index, Py_NewRef(index)) < 0 ||
		set_stat(maker, path, entry) < 0 ||
		set(path, object_name_base, Py_NewRef(maker->base)) < 0 ||
		set_name(maker, path, entry) < 0)
		Py_CLEAR(path);
	return path;
}
