#define ZLIB_CONST
#include "lastblock_run.h"

#include <stdlib.h>
#include <zlib.h>

/* What inflate(3) tells in data_type, after it stopped at a block (Z_BLOCK). */
#define UNUSED_BITS 63
#define IN_LAST 64
#define AT_BLOCK 128

bool
lastblock_by_zlib(const unsigned char *stream, size_t size, struct stage_lastblock *ret_last)
{
	static unsigned char unpacked[64 * 1024];
	struct stage_lastblock last = {0};
	z_stream zlib = {.next_in = stream, .avail_in = (uInt)size};
	uint64_t at;
	int code;

	if (inflateInit2(&zlib, -15) != Z_OK)
		abort();
	do {
		zlib.next_out = unpacked;
		zlib.avail_out = sizeof(unpacked);
		code = inflate(&zlib, Z_BLOCK);
		at = 8 * (uint64_t)zlib.total_in - (uint64_t)(zlib.data_type & UNUSED_BITS);
		if (zlib.data_type & AT_BLOCK)
			*(zlib.data_type & IN_LAST ? &last.end : &last.header) = at;
	} while (code == Z_OK);
	last.size = zlib.total_out;
	inflateEnd(&zlib);
	if (code == Z_STREAM_END)
		*ret_last = last;
	return code == Z_STREAM_END;
}
