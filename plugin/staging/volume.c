/*
 * A volume that is to be staged is followed while it is written (core/follow.h). When it is complete
 * the host asks for its SHA-1, and sealing for its SHA-256: both are known then. Where it cannot be
 * followed, both are taken by those who want them.
 *
 * A descriptor from before it is written goes with the volume until that is sealed: by it alone the
 * kernel tells for certain of all that the disk could not take (core/spool.c).
 */
#include <Python.h>

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "log.h"
#include "regular.h"

#include "python/gil.h"
#include "python/hostlog.h"
#include "python/object.h"
#include "staging/space.h"
#include "staging/staging.h"

static void
say_why_not(const char *path, const struct stage_error *error)
{
	stage_log_line(&hostlog, STAGE_INFO, "%s is read again when it is complete: %s", path,
		error->message);
}

/* Opens for reading what fd has open. -1 where there is something else at path. Without the GIL. */
static int
open_again(int fd, const char *path)
{
	struct stat written, found;
	int again;

	if (stage_regular_open(AT_FDCWD, path, O_RDONLY, &again, &found) < 0)
		return -1;
	if (fstat(fd, &written) == 0 && written.st_dev == found.st_dev &&
		written.st_ino == found.st_ino)
		return again;
	close(again);
	return -1;
}

static void
close_written(struct staging *self)
{
	if (self->written_fd >= 0)
		close(self->written_fd);
	self->written_fd = -1;
}

void
volume_follow(struct staging *self, int fd)
{
	const char *path = self->reserved;
	struct stage_error error;
	int again, written_fd;

	if (!self->upload || self->ending || getpid() != self->owner)
		return;
	volume_unfollow(self);
	/* another one than the follower's: what a descriptor was told of the disk it is not told again */
	Py_BEGIN_ALLOW_THREADS
	written_fd = open_again(fd, path);
	again = written_fd < 0 ? -1 : open_again(fd, path);
	Py_END_ALLOW_THREADS
	self->written_fd = written_fd;
	if (again < 0)
		stage_error_set(&error, STAGE_E_SYSTEM, 0, "it cannot be opened for reading");
	else if (stage_follow_open(again, path, self->settings->durable, &self->follow, &error) ==
		 0)
		return;
	else
		gil_close(again);
	say_why_not(path, &error);
}

void
volume_unfollow(struct staging *self)
{
	struct stage_follow *follow = self->follow;

	self->follow = NULL;
	self->is_followed = false;
	close_written(self);
	Py_BEGIN_ALLOW_THREADS
	stage_follow_drop(&follow);
	Py_END_ALLOW_THREADS
}

void
volume_hold(struct staging *self, struct stage_spool_file *file)
{
	int fd = self->written_fd;

	self->written_fd = -1;
	if (fd < 0)
		return;
	Py_BEGIN_ALLOW_THREADS
	stage_spool_hold(file, fd);
	Py_END_ALLOW_THREADS
}

const struct stage_followed *
volume_followed(struct staging *self)
{
	struct stage_follow *follow = self->follow;
	struct stage_error error;
	int code;

	if (follow) {
		self->follow = NULL;
		Py_BEGIN_ALLOW_THREADS
		code = stage_follow_end(&follow, &self->followed, &error);
		Py_END_ALLOW_THREADS
		self->is_followed = code == 0;
		if (code < 0)
			say_why_not(self->reserved, &error);
		else
			stage_log_line(&hostlog, STAGE_DEBUG, "%s was read while it was written",
				self->reserved);
	}
	return self->is_followed ? &self->followed : NULL;
}

PyObject *
volume_sha1(PyObject *module, PyObject *path)
{
	const struct stage_followed *followed = NULL;
	PyObject *bytes = object_path_bytes(path);
	struct staging *self;

	(void)module;
	if (!bytes)
		return NULL;
	self = space_reserving(PyBytes_AsString(bytes));
	Py_DECREF(bytes);
	if (self) {
		Py_INCREF((PyObject *)self); /* the GIL is given up */
		followed = volume_followed(self);
	}
	bytes = followed ? PyBytes_FromStringAndSize((const char *)followed->sha1, STAGE_SHA1_BYTES)
			 : Py_NewRef(Py_None);
	Py_XDECREF((PyObject *)self);
	return bytes;
}
