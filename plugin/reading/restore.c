/*
 * Members go from the source to the unpack, one after another; what the unpack has to tell is told between them.
 */
#include "reading/restore.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "archive/hostpath.h"
#include "python/errors.h"
#include "python/gil.h"
#include "python/object.h"
#include "reading/hostwords.h"
#include "reading/patchedpaths.h"
#include "reading/ropaths.h"

#include "listing.h"
#include "umask.h"
#include "unpack.h"

/* So much content is read at a time, as the host does it. */
#define PIECE ((size_t)65536)

struct restore {
	const struct membersource *source;
	struct restore_options options;
	struct hostwords words;
	struct stage_unpack *unpack;
	PyObject *name; /* of the base */
	int base_fd;
	bool is_lost;        /* there is no base, and so nothing is written */
	struct index before; /* of the last member */
};

/* Opens the base if it is an empty folder. -1 if it is none; sets errno where there is nothing at all. */
static int
open_empty(const char *name)
{
	int fd = open(name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC), saved_errno;
	struct stage_listing listing;
	bool is_empty;

	if (fd < 0)
		return -1;
	stage_listing_open(&listing, fd);
	is_empty = !stage_listing_next(&listing);
	if (stage_listing_close(&listing) == 0 && is_empty)
		return fd;
	saved_errno = ENOTEMPTY;
	close(fd);
	errno = saved_errno;
	return -1;
}

/* Sets base_fd: 1; 0 where the base is no empty folder; -1 with errno ENOENT where there is none. */
static int
open_base(struct restore *restore)
{
	const char *name = PyBytes_AsString(restore->name);
	int fd, sys_errno;

	Py_BEGIN_ALLOW_THREADS
	fd = open_empty(name);
	sys_errno = errno;
	Py_END_ALLOW_THREADS
	restore->base_fd = fd;
	if (fd >= 0)
		return 1;
	return sys_errno == ENOENT ? -1 : 0;
}

/* The index of an entry, as the host has it: a new tuple. */
static PyObject *
index_of(const struct stage_entry *entry)
{
	return index_split(entry->index, entry->index_length);
}

/* Has the host make the base. 0; -1 with an exception. Where that fails, and is told of, there is none. */
static int
make_base(struct restore *restore, PyObject *base_path)
{
	PyObject *index = PyTuple_New(0), *path = NULL, *made = NULL;
	int code = -1;

	if (index)
		path = PyObject_CallMethod(base_path, "new_index", "(O)", index);
	if (path)
		made = PyObject_CallMethod(path, "mkdir", NULL);
	if (made) {
		code = 0;
	} else if (index) {
		restore->is_lost = true;
		code = hostwords_failed(&restore->words, index);
	}
	Py_XDECREF(made);
	Py_XDECREF(path);
	Py_XDECREF(index);
	return code;
}

/* Path of a member, as the host has it: new bytes. */
static PyObject *
path_of(const struct restore *restore, const struct stage_entry *entry)
{
	const char *base = PyBytes_AsString(restore->name);
	bool joins = entry->index_length > 0 && *base && base[strlen(base) - 1] != '/';
	PyObject *path = PyBytes_FromFormat("%s%s", base, joins ? "/" : "");

	if (path)
		PyBytes_ConcatAndDel(&path,
			PyBytes_FromStringAndSize(entry->index, (Py_ssize_t)entry->index_length));
	return path;
}

static PyObject *
path_error(PyObject *arguments)
{
	PyObject *type = object_attribute("duplicity.path", "PathException"), *error = NULL;

	if (type && arguments)
		error = PyObject_CallObject(type, arguments);
	else if (!PyErr_Occurred())
		PyErr_SetString(PyExc_RuntimeError, "duplicity has no PathException");
	Py_XDECREF(type);
	Py_XDECREF(arguments);
	return error;
}

/* Path.mkdir(): what went wrong is not in it. */
static PyObject *
folder_error(PyObject *path)
{
	PyObject *shown = object_call("os", "fsdecode", "(O)", path), *arguments = NULL;

	if (shown)
		arguments = Py_BuildValue(
			"(Ni)", PyUnicode_FromFormat("Error creating directory %U", shown), 7);
	Py_XDECREF(shown);
	return path_error(arguments);
}

/*
 * A folder that is there already, as in a file system that ignores case: the host asserts that it is the base, which ends the
 * run. What is below would be lost otherwise.
 */
static PyObject *
existing_error(const struct stage_entry *entry)
{
	PyObject *index = index_of(entry), *error = NULL;

	if (index)
		error = PyObject_CallFunction(PyExc_AssertionError, "(O)", index);
	Py_XDECREF(index);
	return error;
}

/* Path.makedev(), which starts a program for it. */
static PyObject *
device_error(const struct stage_entry *entry, PyObject *path)
{
	PyObject *command = Py_BuildValue("[sOsNN]", "mknod", path,
		entry->type == STAGE_ENTRY_CHARACTER ? "c" : "b",
		PyUnicode_FromFormat("%lld", (long long)entry->dev_major),
		PyUnicode_FromFormat("%lld", (long long)entry->dev_minor));
	PyObject *arguments = NULL;

	if (command)
		arguments = Py_BuildValue("(N)", PyUnicode_FromFormat("Error running %S", command));
	Py_XDECREF(command);
	return path_error(arguments);
}

/* The host looks at a path before it does anything, and so fails where the path itself is too long. */
static bool
is_too_long(const struct stage_unpack_failed *failed)
{
	return failed->sys_errno == ENAMETOOLONG && failed->entry->target_length < PATH_MAX;
}

/* The exception that the host's own would have met: a new reference; NULL with another one. */
static PyObject *
error_of(const struct restore *restore, const struct stage_unpack_failed *failed)
{
	PyObject *reason = object_call("os", "strerror", "(i)", failed->sys_errno);
	PyObject *path = path_of(restore, failed->entry), *error = NULL;

	if (!reason || !path)
		error = NULL;
	else if (failed->call == STAGE_UNPACK_WRITE)
		error = PyObject_CallFunction(PyExc_OSError, "(iO)", failed->sys_errno, reason);
	else if (failed->call == STAGE_UNPACK_MKDIR && failed->sys_errno == EEXIST)
		error = existing_error(failed->entry);
	else if (failed->call == STAGE_UNPACK_MKDIR && !is_too_long(failed))
		error = folder_error(path);
	else if (failed->call == STAGE_UNPACK_MKNOD && !is_too_long(failed))
		error = device_error(failed->entry, path);
	else if (failed->call == STAGE_UNPACK_SYMLINK && !is_too_long(failed))
		error = PyObject_CallFunction(PyExc_OSError, "(iOyOO)", failed->sys_errno, reason,
			failed->entry->target, Py_None, path);
	else
		error = PyObject_CallFunction(
			PyExc_OSError, "(iOO)", failed->sys_errno, reason, path);
	Py_XDECREF(path);
	Py_XDECREF(reason);
	return error;
}

static int
tell_failure(const struct restore *restore, const struct stage_unpack_failed *failed)
{
	bool is_attribute = failed->call >= STAGE_UNPACK_CHOWN;
	bool is_end = is_attribute && failed->entry->type == STAGE_ENTRY_DIRECTORY;
	PyObject *error = error_of(restore, failed);
	PyObject *index = error && !is_end ? index_of(failed->entry) : NULL;
	int code = -1;

	if (error && (index || is_end)) {
		PyErr_SetObject((PyObject *)Py_TYPE(error), error);
		code = is_attribute ? hostwords_attribute_failed(&restore->words, index)
				    : hostwords_failed(&restore->words, index);
	}
	Py_XDECREF(index);
	Py_XDECREF(error);
	return code;
}

/* Tells what has failed until now. 0; -1 with an exception that ends the run. */
static int
tell_failures(const struct restore *restore)
{
	struct stage_unpack_failed failed;

	while (stage_unpack_failure(restore->unpack, &failed))
		if (tell_failure(restore, &failed) < 0)
			return -1;
	return 0;
}

/* Gives a file's content to the unpack: 1; 0 where the file has failed; -1 with an exception. */
static int
pass_content(const struct restore *restore)
{
	const struct membersource *source = restore->source;
	struct stage_error error;
	const void *bytes;
	size_t size;
	int code;

	for (;;) {
		if (source->read(source->context, PIECE, &bytes, &size) < 0)
			return -1;
		if (size == 0)
			return source->end(source->context) < 0 ? -1 : 1;
		Py_BEGIN_ALLOW_THREADS
		code = stage_unpack_write(restore->unpack, bytes, size, &error);
		Py_END_ALLOW_THREADS
		if (code < 0)
			errors_raise(&error);
		if (code < 0 || PyErr_CheckSignals() < 0)
			return -1;
		if (code > 0)
			return 0;
	}
}

/* The content of a file. What is wrong with it is the file's own matter, where the host takes it for that. */
static int
write_content(const struct restore *restore, const struct stage_entry *entry)
{
	int content = pass_content(restore), code;
	PyObject *type, *value, *traceback, *index;
	struct stage_error error;

	PyErr_Fetch(&type, &value, &traceback);
	Py_BEGIN_ALLOW_THREADS
	code = stage_unpack_end(restore->unpack, content == 1, &error);
	Py_END_ALLOW_THREADS
	if (code < 0 && !type) {
		errors_raise(&error);
		return -1;
	}
	PyErr_Restore(type, value, traceback);
	if (content >= 0)
		return 0;
	index = index_of(entry);
	code = index ? hostwords_failed(&restore->words, index) : -1;
	Py_XDECREF(index);
	return code;
}

static int
add(const struct restore *restore, const struct stage_entry *entry)
{
	struct stage_error error;
	int code;

	Py_BEGIN_ALLOW_THREADS
	code = stage_unpack_add(restore->unpack, entry, &error);
	Py_END_ALLOW_THREADS
	if (code < 0)
		errors_raise(&error);
	return code;
}

/* Calls one of the functions that tell of a path. */
static int
tell(const struct restore *restore,
	int (*function)(const struct hostwords *words, PyObject *ropath))
{
	PyObject *path = restore->source->path(restore->source->context);
	int code = path ? function(&restore->words, path) : -1;

	Py_XDECREF(path);
	return code;
}

static int
tell_disorder(const struct restore *restore)
{
	PyObject *path = restore->source->path(restore->source->context);
	PyObject *before = index_split(restore->before.bytes, restore->before.length);
	int code = path && before ? hostwords_disorder(&restore->words, before, path) : -1;

	Py_XDECREF(before);
	Py_XDECREF(path);
	return code;
}

/* With such a name the host does not come as far as to make it. */
static bool
has_long_name(const struct stage_entry *entry)
{
	const char *slash = memrchr(entry->index, '/', entry->index_length);
	const char *name = slash ? slash + 1 : entry->index;

	return entry->index + entry->index_length - name > NAME_MAX;
}

static int
tell_folder(const struct restore *restore, const struct stage_entry *entry)
{
	PyObject *path = path_of(restore, entry);
	int code = path ? hostwords_making(path) : -1;

	Py_XDECREF(path);
	return code;
}

static int
write_member(const struct restore *restore, const struct stage_entry *entry)
{
	const struct restore_options *options = &restore->options;
	bool is_folder = entry->type == STAGE_ENTRY_DIRECTORY;

	if (restore->is_lost || stage_unpack_is_lost(restore->unpack, entry))
		return tell(restore, hostwords_skipping);
	if (options->tells && tell(restore, hostwords_writing) < 0)
		return -1;
	if (is_folder && options->tells_folders && !has_long_name(entry) &&
		tell_folder(restore, entry) < 0)
		return -1;
	if (add(restore, entry) < 0)
		return -1;
	if (entry->type == STAGE_ENTRY_FILE && write_content(restore, entry) < 0)
		return -1;
	return tell_failures(restore);
}

/* Does it come after the last one? Keeps its index. 1, 0, -1 with an exception. */
static int
is_in_order(struct restore *restore, const struct stage_entry *entry)
{
	const struct stage_entry before = {
		.index = restore->before.bytes ? restore->before.bytes : "",
		.index_length = restore->before.length,
	};
	char *grown;

	if (stage_entry_order(&before, entry) >= 0)
		return 0;
	if (entry->index_length >= restore->before.room) {
		grown = realloc(restore->before.bytes, entry->index_length + 256);
		if (!grown) {
			PyErr_NoMemory();
			return -1;
		}
		restore->before.bytes = grown;
		restore->before.room = entry->index_length + 256;
	}
	memcpy(restore->before.bytes, entry->index, entry->index_length);
	restore->before.bytes[entry->index_length] = '\0';
	restore->before.length = entry->index_length;
	return 1;
}

static int
write_members(struct restore *restore)
{
	const struct membersource *source = restore->source;
	const struct stage_entry *entry;
	int code, in_order;

	while ((code = source->next(source->context, &entry)) > 0) {
		if (PyErr_CheckSignals() < 0)
			return -1;
		in_order = is_in_order(restore, entry);
		if (in_order < 0)
			return -1;
		if ((in_order ? write_member(restore, entry) : tell_disorder(restore)) < 0)
			return -1;
	}
	return code;
}

/* Opens the unpack and gives it the base. */
static int
begin(struct restore *restore)
{
	struct stage_unpack_options options = {.owners = restore->options.owners,
		.ignores_errors = restore->options.ignores_errors};
	const struct membersource *source = restore->source;
	const struct stage_entry *entry;
	struct stage_error error;
	int code;

	if (source->next(source->context, &entry) <= 0)
		return PyErr_Occurred() ? -1 : 0;
	if (restore->is_lost)
		return 0;
	Py_BEGIN_ALLOW_THREADS
	options.mask = stage_umask();
	code = stage_unpack_open(restore->base_fd, &options, &restore->unpack, &error);
	Py_END_ALLOW_THREADS
	if (code < 0) {
		errors_raise(&error);
		return -1;
	}
	return add(restore, entry);
}

/* Waits for all, and tells of it. An exception that is pending stays so. */
static int
finish(struct restore *restore, bool is_whole)
{
	PyObject *type, *value, *traceback;
	struct stage_error error;
	int code;

	if (!restore->unpack)
		return is_whole ? 0 : -1;
	PyErr_Fetch(&type, &value, &traceback);
	Py_BEGIN_ALLOW_THREADS
	code = stage_unpack_finish(restore->unpack, is_whole, &error);
	Py_END_ALLOW_THREADS
	if (code < 0)
		errors_raise(&error);
	else
		code = tell_failures(restore);
	if (is_whole)
		return code;
	PyErr_Clear();
	PyErr_Restore(type, value, traceback);
	return -1;
}

static void
release(struct restore *restore)
{
	Py_BEGIN_ALLOW_THREADS
	stage_unpack_close(&restore->unpack);
	if (restore->base_fd >= 0)
		close(restore->base_fd);
	Py_END_ALLOW_THREADS
	index_release(&restore->before);
	hostwords_release(&restore->words);
	Py_CLEAR(restore->name);
}

/* 1, 0, -1 as restore_write(). */
static int
prepare(struct restore *restore, PyObject *base_path)
{
	PyObject *name = PyObject_GetAttr(base_path, object_name_name);
	int code;

	if (name)
		restore->name = object_path_bytes(name);
	Py_XDECREF(name);
	if (!restore->name || hostwords_init(&restore->words, base_path) < 0)
		return -1;
	code = open_base(restore);
	if (code >= 0)
		return code;
	if (make_base(restore, base_path) < 0)
		return -1;
	if (restore->is_lost)
		return 1;
	return open_base(restore) == 1;
}

int
restore_write(PyObject *base_path, const struct membersource *source,
	const struct restore_options *options)
{
	struct restore restore = {.source = source, .options = *options, .base_fd = -1};
	PyObject *updated;
	int code = prepare(&restore, base_path);
	bool is_whole;

	if (code == 1) {
		is_whole = begin(&restore) == 0 && write_members(&restore) == 0;
		code = finish(&restore, is_whole) == 0 ? 1 : -1;
	}
	release(&restore);
	if (code != 1)
		return code;
	updated = PyObject_CallMethodObjArgs(base_path, object_name_setdata, NULL);
	return object_done(updated) < 0 ? -1 : 1;
}

PyObject *
restore_write_tree(PyObject *self, PyObject *arguments)
{
	int owners, ignores_errors, tells, tells_folders, code;
	struct restore_options options;
	PyObject *base_path, *iterator;
	struct membersource source;
	struct ropaths ropaths;

	(void)self;
	if (!PyArg_ParseTuple(arguments, "OOpppp:write_tree", &base_path, &iterator, &owners,
		    &ignores_errors, &tells, &tells_folders))
		return NULL;
	options = (struct restore_options){.owners = owners,
		.ignores_errors = ignores_errors,
		.tells = tells,
		.tells_folders = tells_folders};
	if (patchedpaths_check(iterator)) {
		source = patchedpaths_source(iterator);
		code = restore_write(base_path, &source, &options);
	} else {
		ropaths_init(&ropaths, iterator);
		code = restore_write(base_path, &ropaths.source, &options);
		ropaths_release(&ropaths);
	}
	if (code < 0)
		return NULL;
	if (code == 0)
		Py_RETURN_NONE;
	return PyLong_FromLong(1);
}
