#include "archive/deltapath.h"

#include "archive/hostpath.h"
#include "archive/member.h"
#include "archive/signatures.h"
#include "archive/sourcefile.h"
#include "python/object.h"

static int
copy_attribute(PyObject *from, PyObject *to, PyObject *name)
{
	PyObject *value = PyObject_GetAttr(from, name);
	int code = value ? PyObject_SetAttr(to, name, value) : -1;

	Py_XDECREF(value);
	return code;
}

/* What get_ropath() and copy_attribs() of the host make of a path; its stat may be shared. */
static PyObject *
copy_path(struct deltapath_maker *maker, PyObject *path, PyObject *kind)
{
	PyObject *index = PyObject_GetAttr(path, object_name_index), *copy = NULL;
	int code = -1;

	if (index)
		copy = PyObject_CallFunctionObjArgs(maker->ropath_type, index, NULL);
	Py_XDECREF(index);
	if (copy && copy_attribute(path, copy, object_name_type) == 0 &&
		copy_attribute(path, copy, object_name_mode) == 0)
		code = copy_attribute(path, copy, object_name_stat);
	if (code == 0 && object_is(kind, "sym"))
		code = copy_attribute(path, copy, object_name_symtext);
	if (code == 0 && (object_is(kind, "chr") || object_is(kind, "blk")))
		code = copy_attribute(path, copy, object_name_devnums);
	if (code < 0)
		Py_CLEAR(copy);
	return copy;
}

/* Does the backup before have a signature of this file? 1, 0, or -1 with an exception. */
static int
has_signature(PyObject *old)
{
	PyObject *isreg, *difftype;
	int is;

	if (old == Py_None)
		return 0;
	isreg = PyObject_CallMethodObjArgs(old, object_name_isreg, NULL);
	is = isreg ? PyObject_IsTrue(isreg) : -1;
	Py_XDECREF(isreg);
	if (is != 1)
		return is;
	difftype = PyObject_GetAttr(old, object_name_difftype);
	is = difftype ? object_is(difftype, "signature") : -1;
	Py_XDECREF(difftype);
	return is;
}

/* The file of a path, to be read: as it is, or what makes it of the one that the old signature is
 * of. The old one is opened first, as the host does. */
static PyObject *
open_source(struct deltapath_maker *maker, PyObject *path, PyObject *old)
{
	PyObject *old_file = NULL, *source, *delta;

	if (old && !(old_file = sourcefile_open_host(old)))
		return NULL;
	source = sourcefile_new(path, maker->signatures, maker->diffdir, maker->content);
	maker->content = NULL;
	if (!source || !old_file) {
		Py_XDECREF(old_file);
		return source;
	}
	delta = object_call("duplicity.librsync", "DeltaFile", "(OO)", old_file, source);
	Py_DECREF(source);
	Py_DECREF(old_file);
	return delta;
}

/* Gives the copy of a regular file what is read for it. */
static int
attach_source(struct deltapath_maker *maker, PyObject *delta, PyObject *path, PyObject *old)
{
	int differs = has_signature(old), code = -1;
	PyObject *source;

	if (differs < 0 || hostpath_set_difftype(
				   delta, differs ? STAGE_MEMBER_DIFF : STAGE_MEMBER_SNAPSHOT) < 0)
		return -1;
	source = open_source(maker, path, differs ? old : NULL);
	if (source)
		code = PyObject_SetAttr(delta, object_name_fileobj, source);
	Py_XDECREF(source);
	return code;
}

/* What has no content is among the signatures as it is. */
static int
add_without_content(struct deltapath_maker *maker, PyObject *delta, PyObject *path)
{
	PyObject *stat, *size = NULL;
	int code = -1;

	if (hostpath_set_difftype(delta, STAGE_MEMBER_SNAPSHOT) < 0 ||
		signatures_add(maker->signatures, path, STAGE_MEMBER_SNAPSHOT, NULL, 0) < 0)
		return -1;
	stat = PyObject_GetAttr(path, object_name_stat);
	if (stat)
		size = PyObject_GetAttr(stat, object_name_st_size);
	if (size)
		code = object_count(
			maker->diffdir, object_name_SourceFileSize, PyLong_AsSsize_t(size));
	Py_XDECREF(size);
	Py_XDECREF(stat);
	return PyErr_Occurred() ? -1 : code;
}

PyObject *
deltapath_make(struct deltapath_maker *maker, PyObject *path, PyObject *old)
{
	PyObject *kind = PyObject_GetAttr(path, object_name_type), *delta = NULL;
	int code = -1;

	if (kind && member_warn_of_time(path) == 0)
		delta = copy_path(maker, path, kind);
	if (delta)
		code = object_is(kind, "reg") ? attach_source(maker, delta, path, old)
					      : add_without_content(maker, delta, path);
	Py_XDECREF(kind);
	if (code < 0)
		Py_CLEAR(delta);
	return delta;
}
