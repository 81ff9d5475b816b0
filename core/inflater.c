#include "inflater.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "compressor.h"
#include "parallel.h"

/* For inflateInit2(): the largest window, and a gzip header and trailer around it. */
#define WINDOW_BITS (15 + 16)

/* A member that is inflated as a whole: its bytes, and those of its data. */
#define WHOLE_MAX STAGE_PARALLEL_BLOCK
#define WHOLE_MEMBER_MAX STAGE_MEMBER_MAX(WHOLE_MAX)

/* Of smaller files there may be hundreds at once. */
#define LARGE_FILE (4 * 1024 * 1024)

struct stage_inflater {
	int fd;
	bool leaves_open;
	char *path;
	off_t offset;
	unsigned char *input; /* NULL before the first call that fills */
	size_t input_size;
	z_stream stream; /* its next_in and avail_in are what is left of the input */
	bool initialised, in_member, is_first;

	/* of members that are inflated as a whole */
	struct libdeflate_decompressor *whole; /* NULL: zlib does it */
	unsigned char *data;                   /* of the last one */
	size_t data_size, data_taken;
};

static int
damaged(const struct stage_inflater *inflater, const char *reason, struct stage_error *error)
{
	return stage_error_set(
		error, STAGE_E_DAMAGED, 0, "%s is damaged: %s", inflater->path, reason);
}

/* Reads behind what is left of the input, which has room: 1, 0 at the end of the file, or an error. */
static int
read_on(struct stage_inflater *inflater, struct stage_error *error)
{
	z_stream *stream = &inflater->stream;
	ssize_t got;

	memmove(inflater->input, stream->next_in, stream->avail_in);
	do
		got = pread(inflater->fd, inflater->input + stream->avail_in,
			inflater->input_size - stream->avail_in, inflater->offset);
	while (got < 0 && errno == EINTR);
	if (got < 0)
		return stage_error_set(
			error, STAGE_E_SYSTEM, errno, "cannot read %s", inflater->path);
	inflater->offset += got;
	stream->next_in = inflater->input;
	stream->avail_in += (uInt)got;
	return got > 0;
}

/* Sees to input: 1, 0 at the end of the file, or an error. */
static int
refill(struct stage_inflater *inflater, struct stage_error *error)
{
	return inflater->stream.avail_in > 0 ? 1 : read_on(inflater, error);
}

#ifdef HAVE_LIBDEFLATE

#include <libdeflate.h>

/* Where there is no memory for it, zlib does it. */
static void
set_up_whole(struct stage_inflater *inflater)
{
	struct stat status;

	if (inflater->data || fstat(inflater->fd, &status) < 0 || status.st_size <= LARGE_FILE)
		return;
	inflater->data = malloc(WHOLE_MAX);
	if (inflater->data)
		inflater->whole = libdeflate_alloc_decompressor();
	if (inflater->whole && inflater->input_size < WHOLE_MEMBER_MAX)
		inflater->input_size = WHOLE_MEMBER_MAX;
}

static void
tear_down_whole(struct stage_inflater *inflater)
{
	if (inflater->whole)
		libdeflate_free_decompressor(inflater->whole);
	inflater->whole = NULL;
}

/* Inflates the member that begins in the input, if it is not too large, and nothing is wrong. zlib meets what is. */
static bool
inflate_whole(struct stage_inflater *inflater, struct stage_error *error)
{
	z_stream *stream = &inflater->stream;
	size_t used;

	/* where it is not complete, it is tried again with all that it may have */
	if (stream->avail_in < WHOLE_MEMBER_MAX / 2 && read_on(inflater, error) < 0)
		return false;
	while (libdeflate_gzip_decompress_ex(inflater->whole, stream->next_in, stream->avail_in,
		       inflater->data, WHOLE_MAX, &used,
		       &inflater->data_size) != LIBDEFLATE_SUCCESS) {
		inflater->data_size = 0;
		if (stream->avail_in >= WHOLE_MEMBER_MAX || read_on(inflater, error) <= 0)
			return false;
	}
	stream->next_in += used;
	stream->avail_in -= (uInt)used;
	inflater->data_taken = 0;
	return true;
}

#else

static void
set_up_whole(struct stage_inflater *inflater)
{
	(void)inflater;
}

static void
tear_down_whole(struct stage_inflater *inflater)
{
	(void)inflater;
}

static bool
inflate_whole(struct stage_inflater *inflater, struct stage_error *error)
{
	(void)inflater;
	(void)error;
	return false;
}

#endif

/* Goes to the next member: 1, 0 where there is none, or an error. */
static int
begin_member(struct stage_inflater *inflater, struct stage_error *error)
{
	z_stream *stream = &inflater->stream;
	int code;

	while ((code = refill(inflater, error)) > 0) {
		if (inflater->is_first || *stream->next_in != 0)
			break;
		stream->next_in++;
		stream->avail_in--;
	}
	if (code <= 0)
		return code;
	inflater->is_first = false;
	if (inflater->whole && inflate_whole(inflater, error))
		return 1;
	tear_down_whole(inflater);
	inflateReset(stream);
	inflater->in_member = true;
	return 1;
}

/* Goes on with a member until the buffer is full: 1, or an error. */
static int
inflate_member(struct stage_inflater *inflater, struct stage_error *error)
{
	int code = refill(inflater, error), result;

	if (code <= 0)
		return code < 0 ? code : damaged(inflater, "it was cut", error);
	result = inflate(&inflater->stream, Z_NO_FLUSH);
	if (result == Z_STREAM_END)
		inflater->in_member = false;
	else if (result == Z_MEM_ERROR)
		return stage_error_set(
			error, STAGE_E_MEMORY, 0, "no memory to read %s", inflater->path);
	else if (result != Z_OK && result != Z_BUF_ERROR)
		return damaged(inflater,
			inflater->stream.msg ? inflater->stream.msg : "it is no gzip file", error);
	return 1;
}

/* What is left of a member that was inflated as a whole. */
static void
take_data(struct stage_inflater *inflater)
{
	z_stream *stream = &inflater->stream;
	size_t part = inflater->data_size - inflater->data_taken;

	if (part > stream->avail_out)
		part = stream->avail_out;
	memcpy(stream->next_out, inflater->data + inflater->data_taken, part);
	inflater->data_taken += part;
	stream->next_out += part;
	stream->avail_out -= (uInt)part;
}

/* Looks at the file, which may wait for the disk. */
static int
begin(struct stage_inflater *inflater, struct stage_error *error)
{
	set_up_whole(inflater);
	inflater->input = malloc(inflater->input_size);
	if (!inflater->input)
		return stage_error_set(
			error, STAGE_E_MEMORY, 0, "no memory to read %s", inflater->path);
	inflater->stream.next_in = inflater->input;
	return 1;
}

int
stage_inflater_fill(struct stage_inflater *inflater, unsigned char *buffer, size_t size,
	size_t *ret_used, struct stage_error *error)
{
	z_stream *stream = &inflater->stream;
	int code = inflater->input ? 1 : begin(inflater, error);

	stream->next_out = buffer;
	stream->avail_out = (uInt)size;
	while (code > 0 && stream->avail_out > 0) {
		if (inflater->data_taken < inflater->data_size)
			take_data(inflater);
		else if (!inflater->in_member)
			code = begin_member(inflater, error);
		else
			code = inflate_member(inflater, error);
	}
	*ret_used = size - stream->avail_out;
	return code;
}

int
stage_inflater_new(int fd, bool leaves_open, const char *path, size_t piece,
	struct stage_inflater **ret_inflater, struct stage_error *error)
{
	struct stage_inflater *inflater = calloc(1, sizeof(*inflater));

	if (inflater) {
		inflater->fd = fd;
		inflater->leaves_open = leaves_open;
		inflater->is_first = true;
		inflater->input_size = piece;
		inflater->path = strdup(path);
		inflater->initialised = inflateInit2(&inflater->stream, WINDOW_BITS) == Z_OK;
	}
	if (inflater && inflater->path && inflater->initialised) {
		*ret_inflater = inflater;
		return 0;
	}
	if (inflater)
		stage_inflater_free(inflater);
	else if (!leaves_open)
		close(fd);
	return stage_error_set(error, STAGE_E_MEMORY, 0, "no memory to read %s", path);
}

void
stage_inflater_free(struct stage_inflater *inflater)
{
	if (!inflater)
		return;
	if (inflater->initialised)
		inflateEnd(&inflater->stream);
	tear_down_whole(inflater);
	free(inflater->data);
	free(inflater->input);
	free(inflater->path);
	if (!inflater->leaves_open)
		close(inflater->fd);
	free(inflater);
}
