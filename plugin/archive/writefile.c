/*
 * gzip_write_file: the host's gpg.GzipWriteFile, by core/gzip in the place of zlib.
 *
 * The loop is the host's: it asks the iterator how much that reads next at most, and whether so much
 * fits; takes a block; writes it. Here "fits" is stricter, so that no file gets larger than its limit: the
 * host does not count the bytes that zlib has not given out yet. (staging/volumeobject.h: how large a volume
 * may become.)
 *
 * Waits and work are done without the GIL. Errors are raised as the host's own code would: OSError
 * with errno and name; what the iterator raises passes through as it is.
 */
#include "archive/writefile.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "gzip.h"
#include "output.h"

#include "archive/blocks.h"
#include "python/errors.h"
#include "python/gil.h"
#include "python/object.h"
#include "staging/configuration.h"
#include "staging/directory.h"
#include "staging/queue.h"
#include "staging/volumeobject.h"

/*
 * A block of the host's tar files is what was read, and in front of it a header, padded to 512
 * bytes each: of pax's form, with a path of 4 KiB and names of an owner in it, 6.5 KiB.
 */
#define TAR_HEADER_MAX ((uint64_t)8 * 1024)

/*
 * gpg tells its reasons on standard error only. If it has failed, and no more bytes than these are free, it had no space.
 */
#define NO_SPACE ((unsigned long long)64 * 1024)

#define FILE_MODE 0666 /* as open() of Python; the umask does the rest */

struct writer {
	PyObject *filename; /* as it was given */
	struct stage_output output;
	uint64_t limit;
	uint64_t header;         /* bytes that a block may have beyond what is read at most */
	struct stage_gzip *gzip; /* NULL: the file is not compressed */
	const struct stage_settings *settings;
	PyObject *volume;              /* the Volume that it is; NULL: none */
	struct stage_volume *wrote_to; /* its */
	bool waits;                    /* without space storage may be waited for */
};

static int
raise_errno(const struct writer *writer, int sys_errno)
{
	errno = sys_errno;
	PyErr_SetFromErrnoWithFilenameObject(PyExc_OSError, writer->filename);
	return -1;
}

/* A handler of a signal may have raised already, while room was waited for. */
static int
fail(const struct writer *writer, const struct stage_error *error)
{
	if (PyErr_Occurred())
		return -1;
	if (error->code == STAGE_E_SYSTEM)
		return raise_errno(writer, error->sys_errno);
	errors_raise(error);
	return -1;
}

/* In a call of the core, without the GIL; of the output. */
static bool
make_room(void *context)
{
	const struct writer *writer = context;
	PyGILState_STATE state = gil_enter();
	bool made = queue_wait_beside(writer->output.fd);

	PyGILState_Release(state);
	return made;
}

/* The same, of a volume: so that its digests are known when it is complete. */
static void
wrote(void *context, const void *data, size_t size)
{
	struct writer *writer = context;

	stage_volume_wrote(writer->wrote_to, data, size);
}

/* A number of bytes, as Python has it: what is less than 0 is 0, what is more than fits is as good as without end. */
static int
to_bytes(PyObject *number, uint64_t *ret_bytes)
{
	PyObject *whole;
	long long bytes;
	int overflow;

	if (!PyNumber_Check(number)) {
		PyErr_SetString(PyExc_TypeError, "a size must be a number");
		return -1;
	}
	whole = PyNumber_Long(number);
	if (!whole)
		return -1;
	bytes = PyLong_AsLongLongAndOverflow(whole, &overflow);
	Py_DECREF(whole);
	if (bytes == -1 && PyErr_Occurred())
		return -1;
	*ret_bytes = overflow > 0 ? INT64_MAX : bytes > 0 ? (uint64_t)bytes : 0;
	return 0;
}

/* Does the iterator give blocks of a tar file? Where that cannot be told, it does not. */
static bool
gives_tar(PyObject *block_iter)
{
	PyObject *type = NULL;
	int is;

	if (blocks_check(block_iter))
		return true;
	type = object_attribute("duplicity.diffdir", "TarBlockIter");
	is = type ? PyObject_IsInstance(block_iter, type) : 0;

	Py_XDECREF(type);
	if (is < 0)
		errors_swallow();
	return is > 0;
}

static int
open_gzip(struct writer *writer, const char *name)
{
	const struct stage_gzip_options options = {.limit = writer->limit ? writer->limit : 1,
		.level = writer->settings->gzip_level > 0 ? writer->settings->gzip_level : 0,
		.threads = (unsigned int)writer->settings->gzip_threads,
		.make_room = writer->output.make_room,
		.wrote = writer->output.wrote,
		.context = writer};
	struct stage_error error;
	int code;

	Py_BEGIN_ALLOW_THREADS
	code = stage_gzip_open(writer->output.fd, name, &options, &writer->gzip, &error);
	Py_END_ALLOW_THREADS
	return code < 0 ? fail(writer, &error) : 0;
}

/* As open(name, 'wb') does: a descriptor, or -1 with errno. */
static int
open_by_path(const char *name)
{
	int fd;

	Py_BEGIN_ALLOW_THREADS
	do
		fd = open(name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, FILE_MODE);
	while (fd < 0 && errno == EINTR);
	Py_END_ALLOW_THREADS
	return fd;
}

/* Opens the file: a descriptor, or -1 with an exception. One that is tracked where it is, wherever its path may lead. */
static int
open_file(const struct writer *writer, const char *name)
{
	struct stage_error error;
	int code, fd = -1;

	code = directory_create_tracked(name, &fd, &error);
	if (code == STAGE_E_UNTRACKED)
		fd = open_by_path(name);
	else if (code < 0)
		return fail(writer, &error);
	return fd < 0 ? raise_errno(writer, errno) : fd;
}

/* Opens the file, and begins the volume that it may be: whoever waits for compressing threads has time to take digests. name must live as long as writer. */
static int
begin_file(struct writer *writer, const char *name, bool gzipped)
{
	int fd = open_file(writer, name);

	if (fd < 0)
		return -1;
	writer->volume = volumeobject_find(name);
	if (writer->volume &&
		volumeobject_begin(writer->volume, fd,
			gzipped ? STAGE_VOLUME_OWN : STAGE_VOLUME_OTHER, writer->waits) < 0) {
		gil_close(fd);
		return -1;
	}
	writer->wrote_to = writer->volume && gzipped ? volumeobject_of(writer->volume) : NULL;
	writer->output = (struct stage_output){.fd = fd,
		.name = name,
		.make_room = writer->waits ? make_room : NULL,
		.wrote = writer->wrote_to ? wrote : NULL,
		.context = writer};
	return 0;
}

/* What the iterator reads next at most. */
static int
read_size(PyObject *block_iter, uint64_t *ret_bytes)
{
	PyObject *size;
	int code;

	if (blocks_check(block_iter)) {
		*ret_bytes = DELTATAR_PIECE;
		return 0;
	}
	size = PyObject_CallMethod(block_iter, "get_read_size", NULL);
	code = size ? to_bytes(size, ret_bytes) : -1;
	Py_XDECREF(size);
	return code;
}

/* Is there room for what is read next? 1, 0, or -1 with an exception. */
static int
has_room(struct writer *writer, PyObject *block_iter)
{
	struct stage_error error;
	uint64_t bytes = 0;
	bool fits = false;
	int code;

	if (read_size(block_iter, &bytes) < 0)
		return -1;
	if (!writer->gzip)
		return writer->output.size <= writer->limit &&
		       bytes <= writer->limit - writer->output.size;
	Py_BEGIN_ALLOW_THREADS
	code = stage_gzip_fits(writer->gzip, bytes + writer->header, &fits, &error);
	Py_END_ALLOW_THREADS
	return code < 0 ? fail(writer, &error) : fits;
}

/* Without the GIL. */
static int
pass_on(void *context, const void *data, size_t size, struct stage_error *error)
{
	struct writer *writer = context;

	if (writer->gzip)
		return stage_gzip_write(writer->gzip, data, size, error);
	return stage_output_write(&writer->output, data, size, error);
}

static int
write_bytes(struct writer *writer, const Py_buffer *view)
{
	struct stage_error error;
	int code;

	Py_BEGIN_ALLOW_THREADS
	code = pass_on(writer, view->buf, (size_t)view->len, &error);
	Py_END_ALLOW_THREADS
	return code < 0 ? fail(writer, &error) : 0;
}

/* As write_block(), without making objects of blocks. It may run no Python code, so that it looks for signals
 * itself. */
static int
write_tar_block(struct writer *writer, PyObject *blocks)
{
	struct stage_error error;
	int code;

	if (PyErr_CheckSignals() < 0)
		return -1;
	code = blocks_write_next(blocks, pass_on, writer, &error);
	return code < 0 ? fail(writer, &error) : code;
}

/* Writes the iterator's next block: 1, 0 where there is none, -1 with an exception. */
static int
write_block(struct writer *writer, PyObject *block_iter)
{
	PyObject *block = PyIter_Next(block_iter), *data;
	Py_buffer view;
	int code;

	if (!block)
		return PyErr_Occurred() ? -1 : 0;
	data = PyObject_GetAttrString(block, "data");
	Py_DECREF(block);
	if (!data)
		return -1;
	code = PyObject_GetBuffer(data, &view, PyBUF_SIMPLE);
	if (code == 0) {
		code = write_bytes(writer, &view);
		PyBuffer_Release(&view);
	}
	Py_DECREF(data);
	return code < 0 ? -1 : 1;
}

/* 1 when the iterator has come to its end, 0 when the file is full, -1 with an exception. */
static int
write_blocks(struct writer *writer, PyObject *block_iter)
{
	bool is_tar = blocks_check(block_iter);
	int code;

	if (!PyIter_Check(block_iter)) {
		PyErr_SetString(PyExc_TypeError, "the blocks to write are no iterator");
		return -1;
	}
	for (;;) {
		code = has_room(writer, block_iter);
		if (code != 1)
			return code;
		code = is_tar ? write_tar_block(writer, block_iter)
			      : write_block(writer, block_iter);
		if (code != 1)
			return code < 0 ? -1 : 1;
	}
}

/* Ends the file; with an exception pending it is left as it is. Returns result, or -1. */
static int
close_file(struct writer *writer, int result)
{
	struct stage_error error;
	int code, closed, sys_errno;

	Py_BEGIN_ALLOW_THREADS
	code = stage_gzip_close(&writer->gzip, result < 0, NULL, &error);
	closed = close(writer->output.fd);
	sys_errno = errno;
	Py_END_ALLOW_THREADS
	if (result >= 0 && code < 0)
		return fail(writer, &error);
	/* interrupted, it is closed all the same (close(2)) */
	if (result >= 0 && closed < 0 && sys_errno != EINTR)
		return raise_errno(writer, sys_errno);
	return result;
}

static int
write_file(struct writer *writer, PyObject *block_iter, const char *name, bool gzipped)
{
	struct stage_error error;
	int result;

	writer->settings = configuration_settings(&error);
	if (!writer->settings)
		return fail(writer, &error);
	if (begin_file(writer, name, gzipped) < 0)
		return -1;
	writer->header = gives_tar(block_iter) ? TAR_HEADER_MAX : 0;
	result = gzipped ? open_gzip(writer, name) : 0;
	if (result == 0)
		result = write_blocks(writer, block_iter);
	/* after a volume the host has its file of signatures synced */
	if (result >= 0 && blocks_check(block_iter) && blocks_flush(block_iter) < 0)
		result = -1;
	return close_file(writer, result);
}

PyObject *
writefile_gzip(PyObject *module, PyObject *arguments, PyObject *keywords)
{
	/* which Python does not change, but says so in later versions only */
	static const char *const names[] = {
		"block_iter", "filename", "size", "gzipped", "waits", NULL};
	struct writer writer = {.limit = (uint64_t)200 * 1024 * 1024};
	PyObject *block_iter, *size = NULL, *name;
	int gzipped = 1, waits = 1, result;

	(void)module;
	if (!PyArg_ParseTupleAndKeywords(arguments, keywords, "OO|Opp:gzip_write_file",
		    (char **)(uintptr_t)names, &block_iter, &writer.filename, &size, &gzipped,
		    &waits))
		return NULL;
	if (size && to_bytes(size, &writer.limit) < 0)
		return NULL;
	name = object_path_bytes(writer.filename);
	if (!name)
		return NULL;
	writer.waits = waits;
	result = write_file(&writer, block_iter, PyBytes_AsString(name), gzipped);
	Py_XDECREF(writer.volume);
	Py_DECREF(name);
	return result < 0 ? NULL : PyLong_FromLong(result);
}

/* The folder of a file: bytes, or NULL with an exception. */
static PyObject *
folder_of(PyObject *path)
{
	PyObject *bytes = object_path_bytes(path), *folder;
	const char *text, *slash;

	if (!bytes)
		return NULL;
	text = PyBytes_AsString(bytes);
	slash = strrchr(text, '/');
	folder = PyBytes_FromStringAndSize(text, slash == text ? 1 : slash ? slash - text : 0);
	Py_DECREF(bytes);
	return folder;
}

/* How many bytes are free there? False: it is no folder, or nobody can tell. */
static bool
get_free(const char *folder, unsigned long long *ret_bytes)
{
	struct statvfs system;
	struct stat status;
	bool is_known;

	Py_BEGIN_ALLOW_THREADS
	is_known = stat(folder, &status) == 0 && S_ISDIR(status.st_mode) &&
		   statvfs(folder, &system) == 0;
	Py_END_ALLOW_THREADS
	if (is_known)
		*ret_bytes = (unsigned long long)system.f_bavail * system.f_frsize;
	return is_known;
}

PyObject *
writefile_no_space(PyObject *module, PyObject *arguments)
{
	PyObject *filename, *folder, *shown, *text;
	unsigned long long free_bytes;
	int sys_errno;
	bool told;

	(void)module;
	if (!PyArg_ParseTuple(arguments, "Oi:no_space", &filename, &sys_errno))
		return NULL;
	folder = folder_of(filename);
	if (!folder)
		return NULL;
	told = get_free(PyBytes_AsString(folder), &free_bytes) &&
	       (sys_errno == ENOSPC || sys_errno == EDQUOT || free_bytes <= NO_SPACE);
	shown = told ? PyUnicode_DecodeFSDefault(PyBytes_AsString(folder)) : Py_NewRef(Py_None);
	Py_DECREF(folder);
	if (!told || !shown)
		return shown;
	text = PyUnicode_FromFormat(
		"no space left in %U to write a file of this backup: %llu bytes are free. Make room there, or name another temp_root in stagedir.conf; stagedir status tells what lies there, stagedir flush and stagedir gc may free some",
		shown, free_bytes);
	Py_DECREF(shown);
	return text;
}
