/*
 * Disk space for what is being written. A volume has it allocated when it is begun, so that no other
 * process can take it; what is not reserved, and what a file system cannot allocate, is met as an
 * error of writing. In the main thread either waits for storage, which gives room back with each
 * volume that it takes.
 */
#include "staging/space.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "allocate.h"
#include "dir.h"
#include "log.h"
#include "regular.h"

#include "python/gil.h"
#include "python/hostlog.h"
#include "python/object.h"
#include "staging/staging.h"

static bool
is_on(const char *path, dev_t device)
{
	struct stat stat;

	return path && lstat(path, &stat) == 0 && stat.st_dev == device;
}

/* Does it stage on that file system? Without the GIL, in the main thread, which alone changes its lists. */
static bool
stages_on(const struct staging *self, dev_t device)
{
	size_t i;

	for (i = 0; i < self->places.count; i++)
		if (is_on(stage_dir_path(self->places.list[i].dir), device))
			return true;
	for (i = 0; i < self->adopted_count; i++)
		if (is_on(stage_spool_path(self->adopted[i]), device))
			return true;
	return false;
}

/* Is a file in its queue? */
static bool
has_waiting(struct staging *self, size_t *ret_count)
{
	uint64_t bytes;

	*ret_count = 0;
	if (self->handoff)
		stage_handoff_waiting(self->handoff, ret_count, &bytes);
	return *ret_count > 0;
}

/* Does it stage on the file system of fd? */
static bool
stages_beside(const struct staging *self, int fd)
{
	struct stat stat;
	bool beside;

	Py_BEGIN_ALLOW_THREADS
	beside = fstat(fd, &stat) == 0 && stages_on(self, stat.st_dev);
	Py_END_ALLOW_THREADS
	return beside;
}

/* One that is to hand off something from the file system of fd: a new reference. NULL: none. */
static struct staging *
find_waiting(int fd, size_t *ret_count)
{
	struct staging *self = staging_all, *next;

	/* what is looked at is held, since the GIL is given up; with its end others may go */
	Py_XINCREF((PyObject *)self);
	while (self) {
		if (has_waiting(self, ret_count) && stages_beside(self, fd))
			return self;
		next = self->next;
		Py_XINCREF((PyObject *)next);
		Py_DECREF((PyObject *)self);
		self = next;
	}
	return NULL;
}

bool
space_wait(int fd)
{
	struct staging *self;
	struct stage_error error;
	size_t count;
	int code;

	/* the main thread may close the queue while another waits for it */
	if (getpid() != gettid())
		return false;
	self = find_waiting(fd, &count);
	if (!self)
		return false;
	stage_log_line(&hostlog, STAGE_INFO,
		"waiting for room to write a file: %zu staged volumes are still to be handed off",
		count);
	code = staging_wait(self, count, -1, &error);
	Py_DECREF((PyObject *)self);
	return code == 0;
}

struct staging *
space_reserving(const char *path)
{
	struct staging *self;

	for (self = staging_all; self; self = self->next)
		if (self->reserved && strcmp(self->reserved, path) == 0)
			return self;
	return NULL;
}

/* Allocates what self has reserved: 0, or -1 as space_begin(). */
static int
allocate(const struct staging *self, int fd)
{
	const uint64_t bytes = self->reserved_bytes;
	bool allocated;
	int sys_errno;

	do {
		Py_BEGIN_ALLOW_THREADS
		allocated = stage_allocate(fd, bytes);
		sys_errno = errno;
		Py_END_ALLOW_THREADS
	} while (!allocated && space_wait(fd));
	errno = sys_errno;
	return allocated ? 0 : -1;
}

int
space_begin(int fd, const char *path)
{
	struct staging *self = space_reserving(path);
	int result;

	if (!self)
		return 0;
	Py_INCREF((PyObject *)self); /* the GIL is given up */
	result = allocate(self, fd);
	if (result == 0)
		volume_follow(self, fd);
	Py_DECREF((PyObject *)self);
	return result;
}

static int
begin_at(const char *path)
{
	int fd, result, sys_errno;

	Py_BEGIN_ALLOW_THREADS
	result = stage_regular_open(AT_FDCWD, path, O_WRONLY, &fd, NULL);
	sys_errno = errno;
	Py_END_ALLOW_THREADS
	if (result < 0) {
		errno = sys_errno;
		return -1;
	}
	result = space_begin(fd, path);
	sys_errno = errno;
	gil_close(fd);
	errno = sys_errno;
	return result;
}

PyObject *
space_begin_volume(PyObject *module, PyObject *path)
{
	PyObject *bytes = object_path_bytes(path);
	bool is_volume;
	int result;

	(void)module;
	if (!bytes)
		return NULL;
	is_volume = space_reserving(PyBytes_AsString(bytes)) != NULL;
	result = is_volume ? begin_at(PyBytes_AsString(bytes)) : 0;
	if (result < 0 && !PyErr_Occurred())
		PyErr_SetFromErrnoWithFilenameObject(PyExc_OSError, path);
	Py_DECREF(bytes);
	return result < 0 ? NULL : PyBool_FromLong(is_volume);
}
