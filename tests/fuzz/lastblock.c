/*
 * Bytes of any kind as a DEFLATE stream: the last block is found where zlib finds it, wherever zlib accepts
 * the stream. Random bytes hardly ever are one: so the input is also compressed, and the stream that comes of
 * it is damaged where the input says. Of two streams at once, the same is found.
 */
#include "lastblock.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "../core/lastblock_run.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
require(bool condition, const char *what)
{
	if (!condition) {
		fprintf(stderr, "%s\n", what);
		abort();
	}
}

/* Beside a stream that is longer or shorter, in either order. */
static void
check_both(const unsigned char *stream, size_t size, bool found, const struct stage_lastblock *last)
{
	static const unsigned char other[] = "\0\1\0\xfe\xffx\x4b\x4c\x4c\x4c\x4c\x4c\4\0";
	struct stage_lastblock first = {0}, second = {0}, alone = {0};

	require(stage_lastblock_find(other, sizeof(other) - 1, &alone), "the other one is refused");
	require(stage_lastblock_find_both(
			stream, size, other, sizeof(other) - 1, &first, &second) == found,
		"not the same beside another one");
	require(!found || (memcmp(&first, last, sizeof(first)) == 0 &&
				  memcmp(&second, &alone, sizeof(alone)) == 0),
		"another last block beside another one");
	require(stage_lastblock_find_both(stream, size, stream, size, &first, &second) == found,
		"not the same beside itself");
	require(!found || (memcmp(&first, last, sizeof(first)) == 0 &&
				  memcmp(&second, last, sizeof(second)) == 0),
		"another last block beside itself");
}

static bool
check(const unsigned char *stream, size_t size)
{
	struct stage_lastblock ours = {0}, theirs = {0};
	bool found = stage_lastblock_find(stream, size, &ours),
	     expected = lastblock_by_zlib(stream, size, &theirs);

	require(!expected || found, "a stream that is refused");
	require(!expected || (ours.header == theirs.header && ours.end == theirs.end &&
				     ours.size == theirs.size),
		"another last block");
	require(!found || (ours.header < ours.end && ours.end <= 8 * (uint64_t)size),
		"a last block that is not in the stream");
	check_both(stream, size, found, &ours);
	return found;
}

/* Two of the bytes say how, and where it is damaged. */
static void
check_compressed(const uint8_t *data, size_t size)
{
	size_t room = compressBound((uLong)size) + 1000;
	unsigned char *stream = malloc(room), *copy;
	z_stream zlib = {.next_in = (unsigned char *)(uintptr_t)data, .avail_in = (uInt)size / 2};

	require(stream &&
			deflateInit2(&zlib, data[0] % 10, Z_DEFLATED, -15, 8, data[0] % 5) == Z_OK,
		"no memory");
	zlib.next_out = stream;
	zlib.avail_out = (uInt)room;
	deflate(&zlib, Z_BLOCK);
	zlib.avail_in += (uInt)(size - size / 2);
	require(deflate(&zlib, Z_FINISH) == Z_STREAM_END, "no room");
	room = zlib.total_out;
	deflateEnd(&zlib);
	/* nothing may be read behind it */
	copy = realloc(stream, room);
	require(copy != NULL, "no memory");
	require(check(copy, room), "a whole stream that is refused");
	copy[data[1] % room] ^= (unsigned char)(1 << data[1] / 32);
	check(copy, room);
	check(copy, room * data[1] / 256);
	free(copy);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	check(data, size);
	if (size >= 2)
		check_compressed(data, size);
	return 0;
}
