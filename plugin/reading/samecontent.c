#include "reading/samecontent.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "python/gil.h"

/* So much is compared at a time, as the host does it. */
#define BLOCK ((size_t)64 * 1024)

/* The content of a file of the source. */
struct file {
	struct stage_content *content; /* read ahead; NULL: it is read by fd */
	size_t taken;
	int fd;
};

static bool
is_same_time(const struct timespec *a, const struct timespec *b)
{
	return a->tv_sec == b->tv_sec && a->tv_nsec == b->tv_nsec;
}

/* Is an open file still the one that was looked at, and as it was then? Whatever is changed of a file sets its ctime. */
static bool
is_unchanged(int fd, const struct stat *looked)
{
	struct stat now;

	return fstat(fd, &now) == 0 && S_ISREG(now.st_mode) && now.st_dev == looked->st_dev &&
	       now.st_ino == looked->st_ino && now.st_size == looked->st_size &&
	       is_same_time(&now.st_ctim, &looked->st_ctim) &&
	       is_same_time(&now.st_mtim, &looked->st_mtim);
}

static int
open_unchanged(const struct stage_walk_entry *entry)
{
	/* in its place there may be a pipe by now, for whose writer the call would wait */
	int fd = open(entry->path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);

	if (fd >= 0 && !is_unchanged(fd, entry->stat)) {
		close(fd);
		return -1;
	}
	return fd;
}

static bool
open_file(struct file *file, const struct currentpath *current)
{
	*file = (struct file){.fd = -1};
	file->content = selection_take_content(current->paths, NULL);
	if (file->content)
		return true;
	Py_BEGIN_ALLOW_THREADS
	file->fd = open_unchanged(current->found->entry);
	Py_END_ALLOW_THREADS
	return file->fd >= 0;
}

static void
close_file(struct file *file)
{
	stage_content_free(&file->content);
	if (file->fd >= 0)
		gil_close(file->fd);
}

/* Reads size bytes, fewer at the end of the file: how many, or -1 with errno. */
static ssize_t
fill(int fd, unsigned char *buffer, size_t size)
{
	size_t got = 0;
	ssize_t more = 1;

	while (got < size && more != 0) {
		more = read(fd, buffer + got, size - got);
		if (more < 0 && errno != EINTR)
			return -1;
		got += more > 0 ? (size_t)more : 0;
	}
	return (ssize_t)got;
}

/* Does the file go on with these bytes? Where there are none: is this its end? 1, 0, or -1 with errno. */
static int
goes_on(struct file *file, const void *bytes, size_t size)
{
	size_t wanted = size > 0 ? size : 1;
	unsigned char buffer[BLOCK];
	const unsigned char *found;
	ssize_t count;

	if (file->content) {
		found = file->content->bytes + file->taken;
		count = (ssize_t)(file->content->size - file->taken);
		if ((size_t)count > wanted)
			count = (ssize_t)wanted;
		file->taken += (size_t)count;
	} else {
		found = buffer;
		count = fill(file->fd, buffer, wanted);
	}
	if (count < 0)
		return -1;
	return (size_t)count == size && (size == 0 || memcmp(found, bytes, size) == 0);
}

/* 1: the block of both is the same, 0: it is not, -1 with an exception. *ret_size is 0 at the end of both. */
static int
compare_block(const struct membersource *source, struct file *file, size_t *ret_size)
{
	const void *bytes;
	size_t size;
	int same, sys_errno;

	if (PyErr_CheckSignals() < 0 || source->read(source->context, BLOCK, &bytes, &size) < 0)
		return -1;
	Py_BEGIN_ALLOW_THREADS
	same = goes_on(file, bytes, size);
	sys_errno = errno;
	Py_END_ALLOW_THREADS
	if (same < 0) {
		errno = sys_errno;
		PyErr_SetFromErrno(PyExc_OSError);
	}
	*ret_size = size;
	return same;
}

enum samecontent
samecontent_compare(const struct membersource *source, const struct currentpath *current)
{
	struct file file;
	size_t size = 1;
	int same = 1;

	if (!open_file(&file, current))
		return SAMECONTENT_UNKNOWN;
	while (same == 1 && size > 0)
		same = compare_block(source, &file, &size);
	close_file(&file);
	if (same < 0 || source->pass(source->context) < 0)
		return SAMECONTENT_FAILED;
	return same == 1 ? SAMECONTENT_YES : SAMECONTENT_NO;
}
