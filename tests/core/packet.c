#define ZLIB_CONST
#include "packet.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#define PIECE ((size_t)64 * 1024)

static unsigned char *
refuse(unsigned char *data, const char *why, const char **ret_why)
{
	free(data);
	*ret_why = why;
	return NULL;
}

unsigned char *
packet_inflate(const unsigned char *stream, size_t size, size_t *ret_size, const char **ret_why)
{
	size_t room = 1 << 16;
	unsigned char *data = malloc(room), *larger;
	z_stream zlib = {.next_in = stream, .avail_in = (uInt)size};
	int code;

	if (!data || inflateInit2(&zlib, -15) != Z_OK)
		return refuse(data, "no memory", ret_why);
	do {
		if (zlib.total_out == room) {
			larger = realloc(data, room *= 2);
			if (!larger)
				abort();
			data = larger;
		}
		zlib.next_out = data + zlib.total_out;
		zlib.avail_out = (uInt)(room - zlib.total_out);
		code = inflate(&zlib, Z_NO_FLUSH);
	} while (code == Z_OK || (code == Z_BUF_ERROR && zlib.avail_out == 0));
	inflateEnd(&zlib);
	if (code != Z_STREAM_END)
		return refuse(data, "it does not unpack", ret_why);
	if (zlib.avail_in > 0)
		return refuse(data, "something is behind the end of the stream", ret_why);
	*ret_size = zlib.total_out;
	return data;
}

/* A final length in the shortest form; 0 bytes taken: there is none. */
static size_t
take_length(const unsigned char *at, size_t left, size_t *ret_length)
{
	if (left >= 1 && at[0] < 192) {
		*ret_length = at[0];
		return 1;
	}
	if (left >= 2 && at[0] < 224) {
		*ret_length = (((size_t)at[0] - 192) << 8) + at[1] + 192;
		return 2;
	}
	if (left >= 5 && at[0] == 255) {
		*ret_length =
			(size_t)at[1] << 24 | (size_t)at[2] << 16 | (size_t)at[3] << 8 | at[4];
		return *ret_length < 8384 ? 0 : 5;
	}
	return 0;
}

/* Takes the lengths out: the body is moved together. False: they are not as promised. */
static bool
join_pieces(unsigned char *literal, size_t size, size_t *ret_size)
{
	size_t at = 1, joined = 0, length, taken;
	bool last = false;

	while (!last) {
		if (at < size && literal[at] == 0xf0) {
			length = PIECE;
			taken = 1;
		} else {
			taken = take_length(literal + at, size - at, &length);
			last = true;
			if (length >= PIECE)
				return false;
		}
		at += taken;
		if (taken == 0 || length > size - at)
			return false;
		memmove(literal + joined, literal + at, length);
		joined += length;
		at += length;
	}
	*ret_size = joined;
	return at == size;
}

unsigned char *
packet_read(const unsigned char *packet, size_t size, size_t *ret_size, const char **ret_why)
{
	static const unsigned char header[] = {'b', 0, 0, 0, 0, 0};
	unsigned char *literal;
	size_t length;

	if (size < 2 || memcmp(packet, "\xa3\x01", 2) != 0)
		return refuse(NULL, "it is no compressed packet", ret_why);
	if (memcmp(packet + size - 2, "\x03\x00", 2) != 0)
		return refuse(NULL, "no empty block at the end", ret_why);
	literal = packet_inflate(packet + 2, size - 2, &length, ret_why);
	if (!literal)
		return NULL;
	if (length < 1 || literal[0] != 0xcb)
		return refuse(literal, "no literal packet in it", ret_why);
	if (!join_pieces(literal, length, &length))
		return refuse(literal, "its lengths are wrong", ret_why);
	if (length < sizeof(header) || memcmp(literal, header, sizeof(header)) != 0)
		return refuse(literal, "it is not binary without name and date", ret_why);
	*ret_size = length - sizeof(header);
	memmove(literal, literal + sizeof(header), *ret_size);
	return literal;
}
