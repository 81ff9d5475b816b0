/*
 * Any bytes as what gpg --unwrap gives: as they are; and deflated, in a compressed packet. The same is read with a thread and
 * without, and of no message more than it can hold.
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

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	check(data, size);
	check_compressed(data, size);
	return 0;
}
