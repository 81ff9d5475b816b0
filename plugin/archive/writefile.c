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
#include <unistd.h>

#include "gzip.h"
#include "output.h"

#include "archive/blockloop.h"
#include "archive/blocks.h"
#include "python/errors.h"
#include "python/gil.h"
#include "python/object.h"
#include "staging/configuration.h"
#include "staging/directory.h"
#include "staging/queue.h"
#include "staging/volumeobject.h"

#define FILE_MODE 0666 /* as open() of Python; the umask does the rest */

struct writer {
	PyObject *filename; /* as it was given */
	struct stage_output output;
	uint64_t limit;
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
	struct stat stat;
	bool made = fstat(writer->output.fd, &stat) == 0 && queue_wait_beside(stat.st_dev);

	PyGILState_Release(state);
	return made;
}

/* The same, of a volume: its digests are known when it is complete, and disk space is allocated a step ahead. */
static void
wrote(void *context, const void *data, size_t size)
{
	struct writer *writer = context;

	stage_volume_wrote(writer->wrote_to, data, size);
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

/*
 * Opens the file, and begins the volume that it may be: whoever waits for compressing threads has time to take
 * digests. name must live as long as writer.
 */
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
	writer->wrote_to = writer->volume ? volumeobject_of(writer->volume) : NULL;
	writer->output = (struct stage_output){.fd = fd,
		.name = name,
		.make_room = writer->waits ? make_room : NULL,
		.wrote = writer->wrote_to ? wrote : NULL,
		.context = writer};
	return 0;
}

/* Of the loop. */
static int
fits(void *context, uint64_t bytes, bool *ret_fits, struct stage_error *error)
{
	struct writer *writer = context;

	if (writer->gzip)
		return stage_gzip_fits(writer->gzip, bytes, ret_fits, error);
	*ret_fits = writer->output.size <= writer->limit &&
		    bytes <= writer->limit - writer->output.size;
	return 0;
}

/* Of the loop. */
static int
pass_on(void *context, const void *data, size_t size, struct stage_error *error)
{
	struct writer *writer = context;

	if (writer->gzip)
		return stage_gzip_write(writer->gzip, data, size, error);
	return stage_output_write(&writer->output, data, size, error);
}

/* Of the loop. */
static void
raise_for_loop(void *context, const struct stage_error *error)
{
	fail(context, error);
}

static int
write_blocks(struct writer *writer, PyObject *block_iter)
{
	const struct blockloop loop = {.block_iter = block_iter,
		.counts_headers = writer->gzip != NULL,
		.fits = fits,
		.write = pass_on,
		.fail = raise_for_loop,
		.context = writer};

	return blockloop_run(&loop);
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
	if (size && blockloop_bytes(size, &writer.limit) < 0)
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
