#include "compressor.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define GZIP_HEADER_SIZE 10

static unsigned char *
put_little_endian(unsigned char *to, uint32_t value, size_t bytes)
{
	for (; bytes; bytes--, value >>= 8)
		*to++ = (unsigned char)value;
	return to;
}

/* By DEFLATE, no name or other flags, no time, an unknown system. */
static unsigned char *
put_gzip_header(unsigned char *to)
{
	static const unsigned char header[GZIP_HEADER_SIZE] = {
		0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255};

	memcpy(to, header, sizeof(header));
	return to + sizeof(header);
}

static unsigned char *
put_gzip_trailer(unsigned char *to, const unsigned char *data, size_t size)
{
	to = put_little_endian(to, stage_deflater_crc32(data, size), 4);
	return put_little_endian(to, (uint32_t)size, 4);
}

/* Stored blocks that hold data as it is. */
static unsigned char *
put_stored(unsigned char *to, const unsigned char *data, size_t size, enum stage_deflate_end end)
{
	size_t piece;

	do {
		piece = size < STAGE_STORED_MAX ? size : STAGE_STORED_MAX;
		size -= piece;
		*to++ = (unsigned char)(size == 0 && end == STAGE_DEFLATE_STREAM);
		to = put_little_endian(to, (uint32_t)piece, 2);
		to = put_little_endian(to, ~(uint32_t)piece, 2);
		if (piece)
			memcpy(to, data, piece);
		data += piece;
		to += piece;
	} while (size);
	return to;
}

struct stage_compressor {
	struct stage_deflater *deflater;
};

struct stage_compressor *
stage_compressor_new(int level)
{
	struct stage_compressor *compressor = calloc(1, sizeof(*compressor));

	if (!compressor)
		return NULL;
	compressor->deflater = stage_deflater_new(level);
	if (!compressor->deflater) {
		free(compressor);
		return NULL;
	}
	return compressor;
}

/* Compressed where that is no longer than stored, else stored. to has room for either, and 64 bytes. */
static unsigned char *
put_deflated(struct stage_compressor *compressor, const unsigned char *data, size_t size,
	enum stage_deflate_end end, unsigned char *to)
{
	size_t most = STAGE_PART_MAX(size), used;

	used = stage_deflater_run(
		compressor->deflater, data, size, end, to, most + STAGE_ROOM_BESIDE);
	return used > 0 && used <= most ? to + used : put_stored(to, data, size, end);
}

size_t
stage_compressor_run(struct stage_compressor *compressor, const unsigned char *data, size_t size,
	unsigned char *member)
{
	unsigned char *to = put_gzip_header(member);

	to = put_deflated(compressor, data, size, STAGE_DEFLATE_STREAM, to);
	return (size_t)(put_gzip_trailer(to, data, size) - member);
}

size_t
stage_compressor_part(struct stage_compressor *compressor, const unsigned char *data, size_t size,
	unsigned char *part)
{
	return (size_t)(put_deflated(compressor, data, size, STAGE_DEFLATE_PART, part) - part);
}

void
stage_compressor_free(struct stage_compressor *compressor)
{
	if (!compressor)
		return;
	stage_deflater_free(compressor->deflater);
	free(compressor);
}
