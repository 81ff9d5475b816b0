/*
 * compressor - one block of data becomes one member of a gzip file, or a part of a DEFLATE stream
 *
 * A member (RFC 1952) is a gzip file by itself. Several members behind each other are one, too. A member
 * has at most STAGE_MEMBER_MAX() bytes: data that compression would make longer are stored as they are.
 * It holds neither a time nor a name. So it depends only on the data, the level, the library, and with ISA-L on
 * the processor.
 *
 * A part is raw DEFLATE (RFC 1951), as deflater.h tells. A part that would be longer than stored is stored.
 *
 * Not installed. A compressor is for one thread at a time.
 */
#ifndef STAGEDIR_COMPRESSOR_H
#define STAGEDIR_COMPRESSOR_H

#include <stddef.h>

#include "deflater.h"

struct stage_compressor;

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

/* Bytes that a buffer for a member or a part must have: a library may need some more while it works. */
#define STAGE_ROOM_BESIDE 64
#define STAGE_MEMBER_ROOM(size) (STAGE_MEMBER_MAX(size) + STAGE_ROOM_BESIDE)

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
