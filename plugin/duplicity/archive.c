#include "duplicity/archive.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "durable.h"
#include "output.h"
#include "regular.h"

/* Bytes at a time. */
#define PIECE ((size_t)16 * 1024)

/* Bytes of the two empty blocks at the end of a tar file. */
#define TAR_END 1024

static int
fail(const char *path, const char *what, struct stage_error *error)
{
	return stage_error_set(error, STAGE_E_SYSTEM, errno, "cannot %s %s", what, path);
}

static int
open_file(const char *path, struct stage_error *error)
{
	int fd = open(path, O_RDONLY | O_NOCTTY | O_CLOEXEC);

	return fd < 0 ? fail(path, "open", error) : fd;
}

/* As many bytes as there are from offset on, up to size; -1 with errno. */
static ssize_t
read_at(int fd, off_t offset, char *buffer, size_t size)
{
	size_t length = 0;
	ssize_t got;

	do {
		got = pread(fd, buffer + length, size - length, offset + (off_t)length);
		length += got > 0 ? (size_t)got : 0;
	} while (length < size && (got > 0 || (got < 0 && errno == EINTR)));
	return got < 0 ? -1 : (ssize_t)length;
}

static int
compare(int whole_fd, int part_fd, const char *whole, const char *part, enum archive_part *ret_part,
	struct stage_error *error)
{
	char ours[PIECE], theirs[PIECE];
	ssize_t got, has;
	off_t offset;

	for (offset = 0;; offset += got) {
		got = read_at(part_fd, offset, theirs, sizeof(theirs));
		if (got < 0)
			return fail(part, "read", error);
		/* one byte of what is behind its end tells whether there is more of the other */
		has = read_at(whole_fd, offset, ours, got ? (size_t)got : 1);
		if (has < 0)
			return fail(whole, "read", error);
		if (got == 0 || has < got || memcmp(ours, theirs, (size_t)got) != 0)
			break;
	}
	if (got == 0)
		*ret_part = has == 0 ? ARCHIVE_WHOLE : ARCHIVE_IN_PART;
	else
		*ret_part = ARCHIVE_OTHER;
	return 0;
}

int
archive_compare(
	const char *whole, const char *part, enum archive_part *ret_part, struct stage_error *error)
{
	int whole_fd, part_fd, code;

	whole_fd = open_file(whole, error);
	if (whole_fd < 0)
		return whole_fd;
	part_fd = open_file(part, error);
	if (part_fd < 0) {
		close(whole_fd);
		return part_fd;
	}
	code = compare(whole_fd, part_fd, whole, part, ret_part, error);
	close(part_fd);
	close(whole_fd);
	return code;
}

int
archive_is_ended(const char *path, bool *ret_is_ended, struct stage_error *error)
{
	static const char empty[TAR_END];
	char end[TAR_END];
	struct stat stat;
	ssize_t got = 0;
	int fd, code = 0;

	fd = open_file(path, error);
	if (fd < 0)
		return fd;
	if (fstat(fd, &stat) < 0)
		got = -1;
	else if (stat.st_size >= TAR_END)
		got = read_at(fd, stat.st_size - TAR_END, end, sizeof(end));
	if (got < 0)
		code = fail(path, "read", error);
	else
		*ret_is_ended = got == TAR_END && memcmp(end, empty, sizeof(end)) == 0;
	close(fd);
	return code;
}

static int
expand(gzFile file, int fd, const char *source, const char *target, struct stage_error *error)
{
	struct stage_output output = {.fd = fd, .name = target};
	int got, number, code = 0;
	const char *reason;
	char piece[PIECE];

	while (code == 0 && (got = gzread(file, piece, sizeof(piece))) > 0 && !gzdirect(file))
		code = stage_output_write(&output, piece, (size_t)got, error);
	if (code < 0)
		return code;
	if (got > 0) /* what is no gzip file passes through */
		return stage_error_set(error, STAGE_E_DAMAGED, 0, "%s is not compressed", source);
	reason = gzerror(file, &number);
	if (number == Z_ERRNO)
		return fail(source, "read", error);
	if (number != Z_OK)
		return stage_error_set(
			error, STAGE_E_DAMAGED, 0, "%s is damaged: %s", source, reason);
	return 0;
}

int
archive_expand(const char *source, const char *target, struct stage_error *error)
{
	int in, out, code;
	gzFile file;

	in = open_file(source, error);
	if (in < 0)
		return in;
	file = gzdopen(in, "rb");
	if (!file) {
		close(in);
		return stage_error_set(error, STAGE_E_MEMORY, 0, "no memory to expand %s", source);
	}
	out = stage_regular_make(AT_FDCWD, target, O_WRONLY);
	if (out < 0) {
		code = fail(target, "make", error);
	} else {
		code = expand(file, out, source, target, error);
		close(out);
	}
	gzclose_r(file);
	return code;
}

static bool
is_folder(const char *path)
{
	struct stat found;

	return stat(path, &found) == 0 && S_ISDIR(found.st_mode);
}

int
archive_sync(const char *path, const char *like, struct stage_error *error)
{
	struct stat stat, model;
	int fd, code = 0;

	fd = open_file(path, error);
	if (fd < 0)
		return is_folder(path) ? 0 : fd;
	if (like && lstat(like, &model) < 0)
		code = fail(like, "look at", error);
	else if (fstat(fd, &stat) < 0)
		code = fail(path, "look at", error);
	else if (like && ((stat.st_mode ^ model.st_mode) & 0777))
		(void)fchmod(fd, model.st_mode & 0777); /* not every file system has it */
	if (code == 0 && !S_ISDIR(stat.st_mode) && stage_durable_file(fd) < 0)
		code = fail(path, "sync", error);
	else if (code == 0 && S_ISDIR(stat.st_mode))
		(void)stage_durable_folder(fd);
	close(fd);
	return code;
}
