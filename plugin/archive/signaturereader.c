/*
 * Like a generator it opens nothing before the first path is asked for, and has nothing more behind an
 * exception. Then it opens all archives by descriptors of its own, and closes the host's files.
 */
#include "archive/signaturereader.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "archive/hostpath.h"
#include "archive/index.h"
#include "archive/memberfile.h"
#include "archive/owners.h"
#include "gunzip.h"
#include "python/errors.h"
#include "python/hostfile.h"
#include "python/object.h"
#include "sigchain.h"

/* Compressed bytes from which on a thread inflates ahead, and how many threads may. */
#define AHEAD_BYTES ((off_t)64 * 1024)
#define AHEAD_MAX 8

struct reader {
	PyObject_HEAD
	PyObject *files; /* a list of the host's, the oldest first */
	struct stage_sigchain *chain;
	struct owners users, groups;
	struct stage_entry entry;
	enum stage_member_kind kind;
	unsigned long long number; /* counts the paths */
	PyThreadState *waiting;
	bool begun, ended, busy;
};

static PyTypeObject *type;

bool
signaturereader_check(PyObject *object)
{
	return Py_IS_TYPE(object, type);
}

static void
give_up_gil(void *context)
{
	((struct reader *)context)->waiting = PyEval_SaveThread();
}

static void
take_gil(void *context)
{
	PyEval_RestoreThread(((struct reader *)context)->waiting);
}

/* A reader of a new list of files, which this consumes; NULL is a pending exception. */
static PyObject *
new_reader(PyObject *files)
{
	struct reader *reader = NULL;

	if (files)
		reader = PyObject_New(struct reader, type);
	if (!reader) {
		Py_XDECREF(files);
		return NULL;
	}
	*reader = (struct reader){.ob_base = reader->ob_base, .files = files};
	return (PyObject *)reader;
}

PyObject *
signaturereader_read(PyObject *module, PyObject *file)
{
	int can = hostfile_is_gzip(file);

	(void)module;
	if (can > 0)
		can = index_is_utf8();
	if (can < 0)
		return NULL;
	return can ? new_reader(Py_BuildValue("[O]", file)) : Py_NewRef(Py_None);
}

/* Is it a list of readers that have not begun, and not empty? */
static bool
can_combine(PyObject *readers)
{
	Py_ssize_t count = PyList_Check(readers) ? PyList_Size(readers) : 0, i;

	for (i = 0; i < count; i++) {
		PyObject *item = PyList_GetItem(readers, i);

		if (!signaturereader_check(item) || ((struct reader *)item)->begun)
			return false;
	}
	return count > 0;
}

PyObject *
signaturereader_combine(PyObject *module, PyObject *readers)
{
	Py_ssize_t count, i;
	PyObject *files;

	(void)module;
	if (!can_combine(readers))
		Py_RETURN_NONE;
	files = PyList_New(0);
	count = PyList_Size(readers);
	for (i = 0; files && i < count; i++) {
		struct reader *part = (struct reader *)PyList_GetItem(readers, i);

		part->begun = part->ended = true; /* they are this one's now */
		if (PyList_SetSlice(files, PyList_Size(files), PyList_Size(files), part->files) < 0)
			Py_CLEAR(files);
	}
	return new_reader(files);
}

/* Its name for messages; a new bytes object, NULL with an exception. */
static PyObject *
name_of(PyObject *file)
{
	PyObject *name = PyObject_GetAttr(file, object_name_name), *bytes;

	if (!name)
		return NULL;
	bytes = object_path_bytes(name);
	Py_DECREF(name);
	return bytes;
}

/* Adds an archive of the open file fd to the chain, which takes it over. */
static int
add_archive(struct reader *reader, int fd, bool ahead, const char *path, struct stage_error *error)
{
	const struct stage_readahead_options options = {.path = path,
		.ahead = ahead,
		.waiting = {.begin = give_up_gil, .end = take_gil, .context = reader}};
	struct stage_sigarchive *archive = NULL;
	struct stage_readahead *readahead = NULL;
	int code;

	code = stage_gunzip_open(fd, &options, &readahead, error);
	if (code == 0)
		code = stage_sigarchive_open(readahead, path, &archive, error);
	if (code < 0) {
		stage_readahead_close(&readahead);
		return code;
	}
	code = stage_sigchain_add(reader->chain, archive, error);
	if (code < 0)
		stage_sigarchive_close(&archive);
	return code;
}

/*
 * A descriptor of its own of one of the host's files, which is closed: there may be as many archives as descriptors. -1 with
 * an exception.
 */
static int
take_descriptor(PyObject *file, PyObject *path, off_t *ret_size)
{
	int fd = fcntl(hostfile_descriptor(file), F_DUPFD_CLOEXEC, 0);
	struct stat stat;

	if (fd < 0 || fstat(fd, &stat) < 0)
		PyErr_SetFromErrnoWithFilenameObject(PyExc_OSError, path);
	else if (object_done(PyObject_CallMethodObjArgs(file, object_name_close, NULL)) == 0) {
		*ret_size = stat.st_size;
		return fd;
	}
	if (fd >= 0)
		close(fd);
	return -1;
}

/* Opens one of the host's files anew: 0, or -1 with an exception. *threads counts those that are left. */
static int
open_archive(struct reader *reader, PyObject *file, unsigned int *threads)
{
	PyObject *path = name_of(file);
	struct stage_error error;
	off_t size = 0;
	bool ahead;
	int fd = path ? take_descriptor(file, path, &size) : -1;

	if (fd < 0) {
		Py_XDECREF(path);
		return -1;
	}
	ahead = size >= AHEAD_BYTES && *threads > 0;
	*threads -= ahead;
	if (add_archive(reader, fd, ahead, PyBytes_AsString(path), &error) < 0)
		errors_raise(&error);
	Py_DECREF(path);
	return PyErr_Occurred() ? -1 : 0;
}

static int
begin(struct reader *reader)
{
	Py_ssize_t count = PyList_Size(reader->files), i;
	unsigned int threads = AHEAD_MAX;
	struct stage_error error;

	reader->begun = true;
	if (owners_begin(&reader->users, &reader->groups) < 0)
		return -1;
	if (stage_sigchain_new(&reader->chain, &error) < 0) {
		errors_raise(&error);
		return -1;
	}
	for (i = 0; i < count; i++)
		if (open_archive(reader, PyList_GetItem(reader->files, i), &threads) < 0)
			return -1;
	return 0;
}

/* Ends the threads, which may wait for a disk. */
static void
close_chain(struct reader *reader)
{
	struct stage_sigchain *chain = reader->chain;

	reader->chain = NULL;
	Py_BEGIN_ALLOW_THREADS
	stage_sigchain_close(&chain);
	Py_END_ALLOW_THREADS
}

/* Takes what was read over, with the owner that it has here: 1, or -1 with an exception. */
static int
take_entry(struct reader *reader, const struct stage_sigarchive_entry *found)
{
	reader->entry = found->entry;
	reader->kind = found->kind;
	reader->number++;
	if (found->kind == STAGE_MEMBER_DELETED)
		return 1;
	if (owners_find(&reader->users, found->user, found->user_length, &reader->entry.uid) < 0 ||
		owners_find(
			&reader->groups, found->group, found->group_length, &reader->entry.gid) < 0)
		return -1;
	return 1;
}

static int
go_on(struct reader *reader)
{
	const struct stage_sigarchive_entry *found;
	struct stage_error error;
	int code;

	if (!reader->begun && begin(reader) < 0)
		return -1;
	code = stage_sigchain_next(reader->chain, &found, &error);
	if (code < 0) {
		errors_raise_signatures(&error);
		return -1;
	}
	if (code > 0)
		return take_entry(reader, found);
	reader->ended = true;
	close_chain(reader);
	return 0;
}

int
signaturereader_next(PyObject *object, const struct stage_entry **ret_entry)
{
	struct reader *reader = (struct reader *)object;
	int code;

	if (reader->busy) {
		PyErr_SetString(PyExc_ValueError, "generator already executing");
		return -1;
	}
	if (reader->ended)
		return 0;
	reader->busy = true;
	code = go_on(reader);
	reader->busy = false;
	if (code < 0)
		reader->ended = true;
	if (code > 0)
		*ret_entry = &reader->entry;
	return code;
}

/* For a MemberFile. */
static int
read_content(
	PyObject *object, unsigned long long number, void *buffer, size_t size, size_t *ret_count)
{
	struct reader *reader = (struct reader *)object;
	struct stage_error error;

	if (reader->busy || !reader->chain || reader->number != number) {
		PyErr_SetString(
			PyExc_ValueError, "the signature of a path that was passed is gone");
		return -1;
	}
	reader->busy = true;
	if (stage_sigchain_read(reader->chain, buffer, size, ret_count, &error) < 0)
		errors_raise_signatures(&error);
	reader->busy = false;
	return PyErr_Occurred() ? -1 : 0;
}

static const struct memberfile_source content = {.read = read_content};

/* Gives a regular file the file object of its signature. */
static int
attach_file(PyObject *self, PyObject *ropath)
{
	const struct reader *reader = (const struct reader *)self;
	PyObject *file;
	int code;

	if (reader->entry.type != STAGE_ENTRY_FILE)
		return 0;
	file = memberfile_new(self, &content, reader->number);
	code = file ? PyObject_SetAttr(ropath, object_name_fileobj, file) : -1;
	Py_XDECREF(file);
	return code;
}

PyObject *
signaturereader_make_path(PyObject *self)
{
	const struct reader *reader = (const struct reader *)self;
	PyObject *ropath = hostpath_new(&reader->entry);

	if (ropath &&
		(hostpath_set_difftype(ropath, reader->kind) < 0 || attach_file(self, ropath) < 0))
		Py_CLEAR(ropath);
	return ropath;
}

static PyObject *
reader_next(PyObject *self)
{
	const struct stage_entry *entry;

	return signaturereader_next(self, &entry) > 0 ? signaturereader_make_path(self) : NULL;
}

static void
reader_dealloc(PyObject *self)
{
	struct reader *reader = (struct reader *)self;
	PyTypeObject *own = Py_TYPE(self);

	close_chain(reader);
	owners_release(&reader->users);
	owners_release(&reader->groups);
	Py_CLEAR(reader->files);
	((freefunc)PyType_GetSlot(own, Py_tp_free))(self);
	Py_DECREF(own);
}

static char documentation[] =
	"What a chain of backups knows of each path: an iterator of the host's ROPaths. It is made by\n"
	"read_signatures() and combine_signatures().";

static PyType_Slot slots[] = {
	{Py_tp_doc, documentation},
	{Py_tp_dealloc, (void *)reader_dealloc},
	{Py_tp_iter, (void *)PyObject_SelfIter},
	{Py_tp_iternext, (void *)reader_next},
	{0, NULL},
};

static PyType_Spec specification = {
	.name = "_stagedir.SignatureReader",
	.basicsize = sizeof(struct reader),
	.flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION,
	.slots = slots,
};

int
signaturereader_add_type(PyObject *module)
{
	if (!type)
		type = (PyTypeObject *)PyType_FromSpec(&specification);
	return type ? PyModule_AddType(module, type) : -1;
}
