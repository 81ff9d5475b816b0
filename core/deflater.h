/*
 * deflater - one block of data becomes raw DEFLATE (RFC 1951)
 *
 *	deflater = stage_deflater_new(level);
 *	used = stage_deflater_run(deflater, data, size, STAGE_DEFLATE_PART, to, room);
 *	stage_deflater_free(deflater);
 *
 * A part ends on a byte and is not the end of the stream. So parts behind each other are one stream, which an
 * empty last block ends: STAGE_STREAM_END.
 *
 * zlib makes parts itself; so does ISA-L. libdeflate makes complete streams alone. Of these the mark of the last
 * block is cleared, where lastblock.h finds it, and an empty stored block fills up the last byte. Of a large
 * block, two such streams are made. If what lastblock.h counts is not the data, there is no part.
 *
 * Which library it is: libdeflate, with ISA-L for the two fast levels (fastdeflate.h), where they were there when
 * this was built (HAVE_LIBDEFLATE, HAVE_ISAL), else zlib.
 *
 *	level	where ISA-L is there
 *	1	ISA-L's 2
 *	2	ISA-L's 3 for the first five eighths of a block. The rest by libdeflate's level 5; but by ISA-L, too, where
 *		it could make the first ones hardly smaller: what cannot be compressed is not tried harder.
 *		A block of less than 256 KiB is libdeflate's level 5.
 *	from 3	libdeflate
 *
 * Measured, files of /usr, 428 MB, parts of 512 KiB, beside gpg's own compression in size (zlib's level 6, a
 * window of 8 KiB, 14.6 s of CPU), without the time to read again and to join: level 1: 1.048, 1.1 s; level 2: 0.993,
 * 2.9 s; libdeflate's 1: 1.005, 2.9 s, its 2: 0.972, 4.2 s, its 3: 0.959, 4.6 s, its 5: 0.932, 5.9 s.
 *
 * Each block is compressed without knowledge of the one before, so small blocks compress worse.
 *
 * Not installed. A deflater is for one thread at a time.
 */
#ifndef STAGEDIR_DEFLATER_H
#define STAGEDIR_DEFLATER_H

#include <stddef.h>
#include <stdint.h>

/* The best level. zlib's best is 9, which it uses for all above. */
#define STAGE_LEVEL_MAX 12

/* An empty last block, by the fixed code, and how many bytes it has. */
#define STAGE_STREAM_END "\x03\x00"
#define STAGE_STREAM_END_SIZE 2

/* ISA-L takes no larger blocks. */
#define STAGE_DEFLATE_FAST_MAX ((size_t)512 * 1024)

/* What is made: a whole byte behind which more can follow, or the end of the stream. */
enum stage_deflate_end { STAGE_DEFLATE_PART, STAGE_DEFLATE_STREAM };

struct stage_deflater;

/* level is from 1, fast, to STAGE_LEVEL_MAX, small. NULL: there is no memory. */
struct stage_deflater *stage_deflater_new(int level);

/*
 * Compresses size bytes, fewer than 4 GiB. Returns the bytes that it made. 0: room is too small, or it cannot be
 * made; the data can be stored. Allocates nothing.
 */
size_t stage_deflater_run(struct stage_deflater *deflater, const unsigned char *data, size_t size,
	enum stage_deflate_end end, unsigned char *to, size_t room);

/* The CRC-32 of gzip (RFC 1952, 8), by the same library. */
uint32_t stage_deflater_crc32(const unsigned char *data, size_t size);

/* NULL is no error. */
void stage_deflater_free(struct stage_deflater *deflater);

#endif
