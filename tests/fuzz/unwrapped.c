/*
 * Any bytes as what gpg --unwrap gives: as they are; and deflated, in a compressed packet. The same is read with a thread and
 * without, and of no message more than it can hold.
 *
 * Any bytes as a DEFLATE stream in a packet, and any bytes deflated with flushes between them: read as zlib inflates it in one
 * go. Of a damaged stream libdeflate may read on where zlib stops; up to there they are the same.
 */
#include "unwrapped.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <zlib.h>

/* DEFLATE makes at most so many bytes of one. */
#define RATIO_MAX 1032

/* What the longest input holds by that, as unwrapped.sh limits it, with what is put around it. */
#define DATA_MAX ((size_t)20000 * RATIO_MAX)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
require(bool condition, const char *what)
{
	if (!condition) {
		fprintf(stderr, "%s\n", what);
		abort();
	}
}

/* Reads a message, so many bytes at a time: a checksum. */
static uLong
read_all(const uint8_t *bytes, size_t size, bool ahead, size_t piece, int *ret_code)
{
	const struct stage_readahead_options options = {.path = "fuzz", .ahead = ahead};
	struct stage_readahead *readahead;
	struct stage_error error = {0};
	unsigned char buffer[5000];
	size_t count = 1, done = 0;
	uLong sum = 0;
	int fd = memfd_create("fuzz", MFD_CLOEXEC);

	require(fd >= 0 && write(fd, bytes, size) == (ssize_t)size && lseek(fd, 0, SEEK_SET) == 0,
		"no file");
	require(stage_unwrapped_open(fd, &options, &readahead, NULL) == 0, "not opened");
	while ((*ret_code = stage_readahead_read(readahead, buffer, piece, &count, &error)) == 0 &&
		count > 0) {
		sum = crc32(sum, buffer, (uInt)count);
		done += count;
	}
	require(*ret_code == 0 || error.message[0], "a failure without a message");
	require(*ret_code != STAGE_E_UNSUPPORTED || done == 0,
		"data of a message that is not supported");
	require(done <= size * RATIO_MAX, "more data than it can hold");
	stage_readahead_close(&readahead);
	return sum;
}

static void
check(const uint8_t *bytes, size_t size)
{
	int code, other;
	uLong sum = read_all(bytes, size, false, 5000, &code);

	require(read_all(bytes, size, true, 5000, &other) == sum && code == other, "they differ");
}

static void
check_compressed(const uint8_t *data, size_t size)
{
	size_t room = size + 1024;
	unsigned char *packet = malloc(room);
	z_stream stream = {0};

	require(packet && deflateInit2(&stream, 1, Z_DEFLATED, -15, 8, Z_DEFAULT_STRATEGY) == Z_OK,
		"no memory");
	memcpy(packet, "\xa3\x01", 2); /* of indeterminate length; ZIP */
	stream.next_in = (unsigned char *)(uintptr_t)data;
	stream.avail_in = (uInt)size;
	stream.next_out = packet + 2;
	stream.avail_out = (uInt)(room - 2);
	require(deflate(&stream, Z_FINISH) == Z_STREAM_END, "not compressed");
	check(packet, stream.total_out + 2);
	deflateEnd(&stream);
	free(packet);
}

/* The data that zlib inflates, of at most room bytes. Is that all of a stream, and is nothing behind it? */
static bool
inflate_all(const uint8_t *bytes, size_t size, unsigned char *to, size_t room, size_t *ret_size)
{
	z_stream stream = {.next_in = (unsigned char *)(uintptr_t)bytes,
		.avail_in = (uInt)size,
		.next_out = to,
		.avail_out = (uInt)room};
	int code;

	require(inflateInit2(&stream, -15) == Z_OK, "no memory");
	code = inflate(&stream, Z_FINISH);
	*ret_size = stream.total_out;
	inflateEnd(&stream);
	return code == Z_STREAM_END && stream.avail_in == 0;
}

/* Are these the data of the message, as far as they go? */
static void
compare(struct stage_readahead *readahead, const unsigned char *data, size_t size, bool is_whole)
{
	struct stage_error error = {0};
	unsigned char buffer[5000];
	size_t count = 1, done = 0, same;
	int code;

	while ((code = stage_readahead_read(readahead, buffer, sizeof(buffer), &count, &error)) ==
			0 &&
		count > 0) {
		same = done >= size ? 0 : count < size - done ? count : size - done;
		require(memcmp(buffer, data + done, same) == 0, "not zlib's data");
		done += count;
	}
	require(!is_whole || (code == 0 && done == size), "not as zlib inflates it");
	require(code == 0 || code == STAGE_E_DAMAGED, "another error");
}

/* A literal packet of indeterminate length, in a compressed one: the head of both, the inner one stored. */
#define HEAD                                                                                       \
	"\xa3\x01\x00\x07\x00\xf8\xff\xaf"                                                         \
	"b\0\0\0\0\0"
#define HEAD_SIZE (sizeof(HEAD) - 1)
#define OUTER_SIZE 2
#define LITERAL_SIZE 7

/* What comes behind the head is the rest of the stream. */
static void
check_stream(const uint8_t *rest, size_t size)
{
	const struct stage_readahead_options options = {.path = "fuzz"};
	static unsigned char data[DATA_MAX];
	unsigned char *packet = malloc(HEAD_SIZE + size);
	size_t found;
	struct stage_readahead *readahead;
	bool is_whole;
	int fd = memfd_create("fuzz", MFD_CLOEXEC);

	require(packet != NULL, "no memory");
	memcpy(packet, HEAD, HEAD_SIZE);
	memcpy(packet + HEAD_SIZE, rest, size);
	is_whole = inflate_all(
		packet + OUTER_SIZE, HEAD_SIZE - OUTER_SIZE + size, data, sizeof(data), &found);
	require(found >= LITERAL_SIZE, "no data of a stored block");
	require(write(fd, packet, HEAD_SIZE + size) == (ssize_t)(HEAD_SIZE + size) &&
			lseek(fd, 0, SEEK_SET) == 0,
		"no file");
	require(stage_unwrapped_open(fd, &options, &readahead, NULL) == 0, "not opened");
	compare(readahead, data + LITERAL_SIZE, found - LITERAL_SIZE, is_whole);
	stage_readahead_close(&readahead);
	free(packet);
}

/* The first byte is the level. Each piece of data begins with its length, and how it is flushed. */
static void
check_flushed(const uint8_t *data, size_t size)
{
	static const int flushes[] = {
		Z_NO_FLUSH, Z_SYNC_FLUSH, Z_FULL_FLUSH, Z_FULL_FLUSH, Z_BLOCK, Z_PARTIAL_FLUSH};
	z_stream stream = {0};
	size_t room = 20 * size + 1024, piece;
	unsigned char *bytes = malloc(room);

	require(bytes && deflateInit2(&stream, size ? data[0] % 10 : 0, Z_DEFLATED, -15, 8,
				 Z_DEFAULT_STRATEGY) == Z_OK,
		"no memory");
	stream.next_out = bytes;
	stream.avail_out = (uInt)room;
	for (size_t i = 1; i + 2 < size; i += piece) {
		piece = data[i] < size - i ? data[i] + 1U : size - i;
		stream.next_in = (unsigned char *)(uintptr_t)data + i;
		stream.avail_in = (uInt)piece;
		require(deflate(&stream, flushes[data[i + 1] % 6]) != Z_STREAM_ERROR &&
				stream.avail_out > 0,
			"not flushed");
	}
	require(deflate(&stream, Z_FINISH) == Z_STREAM_END, "not compressed");
	check_stream(bytes, stream.total_out);
	deflateEnd(&stream);
	free(bytes);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	check(data, size);
	check_compressed(data, size);
	check_stream(data, size);
	check_flushed(data, size);
	return 0;
}
