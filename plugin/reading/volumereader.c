/*
 * Like a generator it asks for nothing before the first path is asked for, and has nothing more behind an exception.
 */
#include "reading/volumereader.h"

#include <errno.h>

#include "archive/hostpath.h"
#include "archive/index.h"
#include "archive/memberfile.h"
#include "archive/owners.h"
#include "python/errors.h"
#include "python/object.h"
#include "reading/volumesource.h"

struct reader {
	PyObject_HEAD
	PyObject *files; /* the host's iterator of file objects */
	struct volumesource source;
	struct stage_difftar *difftar;
	struct owners users, groups;
	struct stage_difftar_entry entry;
	unsigned long long number; /* counts the paths */
	bool begun, ended, busy;
};

static PyTypeObject *type;

bool
volumereader_check(PyObject *object)
{
	return Py_IS_TYPE(object, type);
}

/* An exception is pending, and says why. */
static int
tell_exception(struct stage_error *error)
{
	return stage_error_set(error, STAGE_E_SYSTEM, EIO, "volumes are not read behind an error");
}

/* Does the object stand for a volume that is passed over, as the user has asked for? 1, 0, or -1 with an exception. */
static int
is_bad(PyObject *file)
{
	PyObject *bad = object_attribute("duplicity.errors", "BadVolumeException");
	int is = bad ? PyObject_IsInstance(file, bad) : 0;

	Py_XDECREF(bad);
	return is;
}

/* The next file object: a new reference; NULL behind the last, or with an exception. */
static PyObject *
next_file(struct reader *reader)
{
	PyObject *file;
	int is = 1;

	while (is > 0) {
		file = PyIter_Next(reader->files);
		if (!file)
			return NULL;
		is = is_bad(file);
		if (is == 0)
			return file;
		Py_DECREF(file);
	}
	return NULL;
}

static int
next_volume(void *context, struct stage_tarsource *ret_source, const char **ret_path,
	struct stage_error *error)
{
	struct reader *reader = context;
	PyObject *file;
	int code;

	if (volumesource_close(&reader->source) < 0)
		return tell_exception(error);
	file = next_file(reader);
	if (!file)
		return PyErr_Occurred() ? tell_exception(error) : 0;
	code = volumesource_open(&reader->source, file, ret_source);
	Py_DECREF(file);
	if (code < 0)
		return tell_exception(error);
	*ret_path = volumesource_name(&reader->source);
	return 1;
}

/* Raises the exception of a failure, unless one is pending that says more. */
static void
raise(struct reader *reader, const struct stage_error *error)
{
	if (!PyErr_Occurred() && error->code == STAGE_E_DAMAGED)
		volumesource_explain(&reader->source);
	if (!PyErr_Occurred())
		errors_raise_volumes(error);
}

/* Is there an attribute that is None? 1, 0, or -1 with an exception. */
static int
has_none(PyObject *object, const char *name)
{
	PyObject *value = PyObject_GetAttrString(object, name);
	int is = value ? value == Py_None : -1;

	Py_XDECREF(value);
	return is;
}

/* Is it a TarFile_FromFileobjs, of which nothing was read? 1, 0, or -1 with an exception. */
static int
is_fresh(PyObject *tarfile)
{
	PyObject *kind = object_attribute("duplicity.patchdir", "TarFile_FromFileobjs");
	int is = kind && Py_IS_TYPE(tarfile, (PyTypeObject *)kind);

	Py_XDECREF(kind);
	if (is > 0)
		is = has_none(tarfile, "current_fp");
	if (is > 0)
		is = has_none(tarfile, "tar_iter");
	return is > 0 ? index_is_utf8() : is;
}

/* A reader of the files that an iterator gives, which this consumes. */
static PyObject *
new_reader(PyObject *files)
{
	struct reader *reader;

	if (!files || !PyIter_Check(files)) {
		Py_XDECREF(files);
		return files ? Py_NewRef(Py_None) : NULL;
	}
	reader = PyObject_New(struct reader, type);
	if (!reader) {
		Py_DECREF(files);
		return NULL;
	}
	*reader = (struct reader){
		.ob_base = reader->ob_base, .files = files, .source = VOLUMESOURCE_NONE};
	return (PyObject *)reader;
}

PyObject *
volumereader_read_volumes(PyObject *module, PyObject *tarfile)
{
	int can = is_fresh(tarfile);

	(void)module;
	if (can < 0)
		return NULL;
	if (!can)
		Py_RETURN_NONE;
	return new_reader(PyObject_GetAttrString(tarfile, "fileobj_iter"));
}

static int
begin(struct reader *reader)
{
	struct stage_error error;

	reader->begun = true;
	if (owners_begin(&reader->users, &reader->groups) < 0)
		return -1;
	if (stage_difftar_new(next_volume, reader, &reader->difftar, &error) < 0) {
		errors_raise(&error);
		return -1;
	}
	return 0;
}

/* Takes what was read over, with the owner that it has here: 1, or -1 with an exception. */
static int
take_entry(struct reader *reader, const struct stage_difftar_entry *found)
{
	struct stage_difftar_entry *entry = &reader->entry;

	*entry = *found;
	reader->number++;
	if (owners_find(&reader->users, entry->user, entry->user_length, &entry->entry.uid) < 0 ||
		owners_find(&reader->groups, entry->group, entry->group_length, &entry->entry.gid) <
			0)
		return -1;
	return 1;
}

static int
go_on(struct reader *reader)
{
	const struct stage_difftar_entry *found;
	struct stage_error error;
	int code;

	if (!reader->begun && begin(reader) < 0)
		return -1;
	code = stage_difftar_next(reader->difftar, &found, &error);
	if (code < 0) {
		raise(reader, &error);
		return -1;
	}
	if (code > 0)
		return take_entry(reader, found);
	reader->ended = true;
	reader->number++;
	return 0;
}

/* Begins a call: false, with an exception, while another one runs. */
static bool
enter(struct reader *reader)
{
	if (reader->busy) {
		PyErr_SetString(PyExc_ValueError, "generator already executing");
		return false;
	}
	reader->busy = true;
	return true;
}

int
volumereader_next(PyObject *object, const struct stage_difftar_entry **ret_entry)
{
	struct reader *reader = (struct reader *)object;
	int code;

	if (!enter(reader))
		return -1;
	code = reader->ended ? 0 : go_on(reader);
	reader->busy = false;
	if (code < 0)
		reader->ended = true;
	if (code > 0)
		*ret_entry = &reader->entry;
	return code;
}

int
volumereader_read(PyObject *object, void *buffer, size_t size, size_t *ret_count)
{
	struct reader *reader = (struct reader *)object;
	struct stage_error error;
	int code = 0;

	if (!enter(reader))
		return -1;
	*ret_count = 0;
	if (reader->difftar)
		code = stage_difftar_read(reader->difftar, buffer, size, ret_count, &error);
	if (code < 0)
		raise(reader, &error);
	reader->busy = false;
	return code < 0 ? -1 : 0;
}

int
volumereader_pass(PyObject *object)
{
	struct reader *reader = (struct reader *)object;
	struct stage_error error;
	int code = 0;

	if (!enter(reader))
		return -1;
	if (reader->difftar)
		code = stage_difftar_pass(reader->difftar, &error);
	if (code < 0)
		raise(reader, &error);
	reader->busy = false;
	return code < 0 ? -1 : 0;
}

static int
read_content(
	PyObject *self, unsigned long long number, void *buffer, size_t size, size_t *ret_count)
{
	if (((struct reader *)self)->number != number) {
		PyErr_SetString(PyExc_ValueError, "the content of a path that was passed is gone");
		return -1;
	}
	return volumereader_read(self, buffer, size, ret_count);
}

static int
close_content(PyObject *self, unsigned long long number)
{
	const struct reader *reader = (const struct reader *)self;

	return reader->number == number ? volumereader_pass(self) : 0;
}

static const struct memberfile_source content = {.read = read_content, .close = close_content};

static int
attach_file(PyObject *self, PyObject *ropath)
{
	PyObject *file = memberfile_new(self, &content, ((struct reader *)self)->number);
	int code = file ? PyObject_SetAttr(ropath, object_name_fileobj, file) : -1;

	Py_XDECREF(file);
	return code;
}

static int
set_rest(PyObject *self, PyObject *ropath)
{
	const struct stage_difftar_entry *entry = &((struct reader *)self)->entry;
	int code = hostpath_set_difftype(ropath, entry->kind);

	if (code == 0 && entry->kind == STAGE_MEMBER_DELETED)
		code = PyObject_SetAttr(ropath, object_name_type, Py_None);
	else if (code == 0 && entry->entry.type == STAGE_ENTRY_FILE)
		code = attach_file(self, ropath);
	return code;
}

PyObject *
volumereader_make_path(PyObject *self)
{
	struct stage_entry entry = ((struct reader *)self)->entry.entry;
	PyObject *ropath;

	/* the host's has the attributes of a file */
	if (entry.type == STAGE_ENTRY_NONE)
		entry.type = STAGE_ENTRY_FILE;
	ropath = hostpath_new(&entry);
	if (ropath && set_rest(self, ropath) < 0)
		Py_CLEAR(ropath);
	return ropath;
}

static PyObject *
reader_next(PyObject *self)
{
	const struct stage_difftar_entry *entry;

	return volumereader_next(self, &entry) > 0 ? volumereader_make_path(self) : NULL;
}

static void
reader_dealloc(PyObject *self)
{
	struct reader *reader = (struct reader *)self;
	PyTypeObject *own = Py_TYPE(self);

	stage_difftar_free(&reader->difftar);
	volumesource_release(&reader->source);
	owners_release(&reader->users);
	owners_release(&reader->groups);
	Py_CLEAR(reader->files);
	((freefunc)PyType_GetSlot(own, Py_tp_free))(self);
	Py_DECREF(own);
}

static char documentation[] =
	"The paths of one backup, read out of its volumes: an iterator of the host's ROPaths. It is made by\n"
	"read_volumes().";

static PyType_Slot slots[] = {
	{Py_tp_doc, documentation},
	{Py_tp_dealloc, (void *)reader_dealloc},
	{Py_tp_iter, (void *)PyObject_SelfIter},
	{Py_tp_iternext, (void *)reader_next},
	{0, NULL},
};

static PyType_Spec specification = {
	.name = "_stagedir.VolumeReader",
	.basicsize = sizeof(struct reader),
	.flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION,
	.slots = slots,
};

int
volumereader_add_type(PyObject *module)
{
	if (!type)
		type = (PyTypeObject *)PyType_FromSpec(&specification);
	return type ? PyModule_AddType(module, type) : -1;
}
