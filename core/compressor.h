/*
 * compressor - one block of data becomes one member of a gzip file
 *
 * A member (RFC 1952) is a gzip file by itself; behind each other they are one, too. A member never
 * has more than STAGE_MEMBER_MAX() bytes: what compression would make longer is stored as it is. It
 * tells neither a time nor a name, so that it depends on the data and the level alone, and on the
 * library that compressed it.
 *
 * That is libdeflate, or zlib where it is missing (HAVE_LIBDEFLATE). Neither can begin a block with
 * what it has learnt from the one before, so that blocks are better not small.
 *
 * Not installed. A compressor is for one thread at a time.
 */
#ifndef STAGEDIR_COMPRESSOR_H
#define STAGEDIR_COMPRESSOR_H

#include <stddef.h>

struct stage_compressor;

/* The best level; that of zlib is 9, and does for all above it. */
#define STAGE_LEVEL_MAX 12

/* DEFLATE (RFC 1951) stores up to so many bytes at a time, and needs 5 more for that; a member has
 * a header of 10 bytes and a trailer of 8. */
#define STAGE_STORED_MAX 65535
#define STAGE_MEMBER_MAX(size)                                                                     \
	((size) + 18 + 5 * (((size) + STAGE_STORED_MAX - 1) / STAGE_STORED_MAX + ((size) == 0)))

/* Bytes that a buffer for it must have: a library may want some more while it works. */
#define STAGE_MEMBER_ROOM(size) (STAGE_MEMBER_MAX(size) + 64)

/* level is from 1, fast, to STAGE_LEVEL_MAX, small. NULL for want of memory. */
struct stage_compressor *stage_compressor_new(int level);

/*
 * Compresses size bytes, fewer than 4 GiB, to member, which has STAGE_MEMBER_ROOM(size) bytes.
 * Returns the bytes of the member. Allocates nothing, cannot fail.
 */
size_t stage_compressor_run(struct stage_compressor *compressor, const unsigned char *data,
	size_t size, unsigned char *member);

/* NULL is no error. */
void stage_compressor_free(struct stage_compressor *compressor);

#endif
