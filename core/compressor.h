/*
 * compressor - one block of data becomes one member of a gzip file, or a part of a DEFLATE stream
 *
 * A member (RFC 1952) is a gzip file by itself. Several members behind each other are one, too. A member
 * has at most STAGE_MEMBER_MAX() bytes: data that compression would make longer are stored as they are.
 * It holds neither a time nor a name. So it depends only on the data, the level, and the library.
 *
 * A part is raw DEFLATE (RFC 1951) that ends on a byte and is not the end of the stream. So parts behind each
 * other are one stream, which an empty last block ends: STAGE_STREAM_END. zlib makes such parts itself.
 * libdeflate makes complete streams alone. Of these the mark of the last block is cleared, where lastblock.h
 * finds it, and an empty stored block fills up the last byte. Of a large block, two such streams
 * are made. If what lastblock.h counts is not the data, the part is stored.
 *
 * The library is libdeflate, or zlib where that is missing (HAVE_LIBDEFLATE). Each block is compressed
 * without knowledge of the one before, so small blocks compress worse.
 *
 * Not installed. A compressor is for one thread at a time.
 */
#ifndef STAGEDIR_COMPRESSOR_H
#define STAGEDIR_COMPRESSOR_H

#include <stddef.h>

struct stage_compressor;

/* The best level. zlib's best is 9, which it uses for all above. */
#define STAGE_LEVEL_MAX 12

/*
 * The level by which files are about as large as by zlib's 6, the level of gzip(1) and of duplicity.
 * Measured: files of /usr, 480 MB, by libdeflate's 5 are 1.000 of zlib's 6 (bin 0.995, C headers 1.017), in
 * a fourth of the CPU time; by its 6 they are 0.992 (0.989, 1.004), in a fifth more CPU time than its 5.
 */
#ifdef HAVE_LIBDEFLATE
#define STAGE_LEVEL_DEFAULT 5
#else
#define STAGE_LEVEL_DEFAULT 6
#endif

/* DEFLATE (RFC 1951) stores up to so many bytes at a time, and needs 5 more for that; a member has
 * a header of 10 bytes and a trailer of 8. */
#define STAGE_STORED_MAX 65535
#define STAGE_MEMBER_MAX(size)                                                                     \
	((size) + 18 + 5 * (((size) + STAGE_STORED_MAX - 1) / STAGE_STORED_MAX + ((size) == 0)))

#define STAGE_PART_MAX(size) (STAGE_MEMBER_MAX(size) - 18)

/* An empty last block, by the fixed code, and how many bytes it has. */
#define STAGE_STREAM_END "\x03\x00"
#define STAGE_STREAM_END_SIZE 2

/* Bytes that a buffer for a member or a part must have: a library may need some more while it works. */
#define STAGE_MEMBER_ROOM(size) (STAGE_MEMBER_MAX(size) + 64)

/* level is from 1, fast, to STAGE_LEVEL_MAX, small. NULL: there is no memory. */
struct stage_compressor *stage_compressor_new(int level);

/*
 * Compresses size bytes, fewer than 4 GiB, to member, which has STAGE_MEMBER_ROOM(size) bytes.
 * Returns the bytes of the member. Allocates nothing, cannot fail.
 */
size_t stage_compressor_run(struct stage_compressor *compressor, const unsigned char *data,
	size_t size, unsigned char *member);

/* The same for a part, which has at most STAGE_PART_MAX(size) bytes. */
size_t stage_compressor_part(struct stage_compressor *compressor, const unsigned char *data,
	size_t size, unsigned char *part);

/* NULL is no error. */
void stage_compressor_free(struct stage_compressor *compressor);

#endif
