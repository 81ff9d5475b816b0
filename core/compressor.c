#define ZLIB_CONST
#include "compressor.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

/* Where what is stored is told to be the last of its member. */
#define STORED_LAST 1

static unsigned char *
put_little_endian(unsigned char *to, uint32_t value, size_t bytes)
{
	for (; bytes; bytes--, value >>= 8)
		*to++ = (unsigned char)value;
	return to;
}

/* A member that holds data as it is. */
static size_t
store(const unsigned char *data, size_t size, unsigned char *member)
{
	/* by DEFLATE, no flags, no time, nothing about the level, on an unknown system */
	static const unsigned char header[] = {0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255};
	unsigned char *to = member + sizeof(header);
	const unsigned char *from = data;
	size_t left = size, piece;

	memcpy(member, header, sizeof(header));
	do {
		piece = left < STAGE_STORED_MAX ? left : STAGE_STORED_MAX;
		left -= piece;
		*to++ = left ? 0 : STORED_LAST;
		to = put_little_endian(to, (uint32_t)piece, 2);
		to = put_little_endian(to, ~(uint32_t)piece, 2);
		if (piece)
			memcpy(to, from, piece);
		from += piece;
		to += piece;
	} while (left);
	to = put_little_endian(to, (uint32_t)crc32_z(0, data, size), 4);
	to = put_little_endian(to, (uint32_t)size, 4);
	return (size_t)(to - member);
}

#ifdef HAVE_LIBDEFLATE

#include <libdeflate.h>

struct stage_compressor {
	struct libdeflate_compressor *libdeflate;
};

static int
set_up(struct stage_compressor *compressor, int level)
{
	compressor->libdeflate = libdeflate_alloc_compressor(level);
	return compressor->libdeflate ? 0 : -1;
}

/* 0 where room is too small. */
static size_t
compress_to(struct stage_compressor *compressor, const unsigned char *data, size_t size,
	unsigned char *member, size_t room)
{
	return libdeflate_gzip_compress(compressor->libdeflate, data, size, member, room);
}

static void
tear_down(struct stage_compressor *compressor)
{
	libdeflate_free_compressor(compressor->libdeflate);
}

#else

#define ZLIB_LEVEL_MAX 9
#define GZIP_WINDOW (15 + 16) /* bits of the largest one, and 16 for gzip's header and trailer */
#define MEMORY_LEVEL 8        /* zlib's default */

struct stage_compressor {
	z_stream zlib;
};

static int
set_up(struct stage_compressor *compressor, int level)
{
	return deflateInit2(&compressor->zlib, level < ZLIB_LEVEL_MAX ? level : ZLIB_LEVEL_MAX,
		       Z_DEFLATED, GZIP_WINDOW, MEMORY_LEVEL, Z_DEFAULT_STRATEGY) == Z_OK
		       ? 0
		       : -1;
}

static size_t
compress_to(struct stage_compressor *compressor, const unsigned char *data, size_t size,
	unsigned char *member, size_t room)
{
	z_stream *zlib = &compressor->zlib;

	deflateReset(zlib);
	zlib->next_in = data;
	zlib->avail_in = (uInt)size;
	zlib->next_out = member;
	zlib->avail_out = (uInt)room;
	return deflate(zlib, Z_FINISH) == Z_STREAM_END ? zlib->total_out : 0;
}

static void
tear_down(struct stage_compressor *compressor)
{
	deflateEnd(&compressor->zlib);
}

#endif

struct stage_compressor *
stage_compressor_new(int level)
{
	struct stage_compressor *compressor = calloc(1, sizeof(*compressor));

	if (compressor && set_up(compressor, level) < 0) {
		free(compressor);
		compressor = NULL;
	}
	return compressor;
}

size_t
stage_compressor_run(struct stage_compressor *compressor, const unsigned char *data, size_t size,
	unsigned char *member)
{
	size_t length = compress_to(compressor, data, size, member, STAGE_MEMBER_ROOM(size));

	if (length == 0 || length > STAGE_MEMBER_MAX(size))
		length = store(data, size, member);
	return length;
}

void
stage_compressor_free(struct stage_compressor *compressor)
{
	if (!compressor)
		return;
	tear_down(compressor);
	free(compressor);
}
