/*
 * What is in small files, read ahead.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "walk_internal.h"

void
stage_content_free(struct stage_content **content)
{
	int saved_errno = errno;

	free(*content);
	*content = NULL;
	errno = saved_errno;
}

static bool
is_same_time(const struct timespec *a, const struct timespec *b)
{
	return a->tv_sec == b->tv_sec && a->tv_nsec == b->tv_nsec;
}

/* Is it the file that was looked at, and as it was then? */
static bool
is_same(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_mode == b->st_mode &&
	       a->st_uid == b->st_uid && a->st_gid == b->st_gid && a->st_size == b->st_size &&
	       is_same_time(&a->st_mtim, &b->st_mtim) && is_same_time(&a->st_ctim, &b->st_ctim);
}

/* Reads so many bytes. */
static bool
fill(int fd, unsigned char *buffer, size_t size)
{
	size_t got = 0;
	ssize_t more;

	while (got < size) {
		more = read(fd, buffer + got, size - got);
		if (more <= 0)
			return false;
		got += (size_t)more;
	}
	return true;
}

/* A file of /proc, or of a network, may have more than its size says. */
static bool
is_at_end(int fd)
{
	char byte;

	return read(fd, &byte, 1) == 0;
}

/* NULL: whatever is the matter, the caller will see. */
static struct stage_content *
read_file(const char *path, const struct stat *looked)
{
	size_t size = (size_t)looked->st_size;
	struct stage_content *content = malloc(sizeof(*content) + size);
	int fd = content ? open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK) : -1;
	struct stat before, after;

	if (fd < 0 || fstat(fd, &before) < 0 || !is_same(&before, looked) ||
		!fill(fd, content->bytes, size) || !is_at_end(fd) || fstat(fd, &after) < 0 ||
		!is_same(&after, looked))
		stage_content_free(&content);
	else
		content->size = size;
	if (fd >= 0)
		close(fd);
	return content;
}

void
stage_walk_read_chunk(struct folder *folder, size_t chunk)
{
	size_t count = stage_walk_chunk_size(folder, chunk), length, i;
	struct known *known = folder->chunks[chunk].known;
	char path[PATH_MAX];
	const char *name;

	memcpy(path, folder->path, folder->path_length);
	length = folder->path_length;
	if (length > 0 && path[length - 1] != '/')
		path[length++] = '/';
	for (i = 0; i < count; i++) {
		name = folder->names[chunk * STAGE_WALK_CHUNK + i];
		if (known[i].failed || !S_ISREG(known[i].stat.st_mode) || !known[i].is_readable ||
			known[i].stat.st_size > (off_t)STAGE_WALK_CONTENT_MAX)
			continue;
		memcpy(path + length, name, strlen(name) + 1);
		known[i].content = read_file(path, &known[i].stat);
		if (known[i].content)
			folder->chunks[chunk].bytes += known[i].content->size;
	}
}
