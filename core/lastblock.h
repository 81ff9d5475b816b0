/*
 * lastblock - finds where the last block of a DEFLATE stream begins, and where the stream ends
 *
 * With that, streams of a library that makes only complete ones are joined to one: the mark of the last
 * block is cleared, and another block follows (compressor.c).
 *
 *	if (stage_lastblock_find(stream, size, &last) && last.size == expected)
 *		stream[last.header / 8] &= ~(1 << last.header % 8);
 *
 * It reads the stream as inflate(3) does, but unpacks nothing: it only counts. So it needs no window, and
 * 0.06 of the time in which libdeflate's level 5 has made the stream (zlib's inflate(3) needs 0.3). It also
 * does not see whether distances lead to before the data. All else that zlib refuses, it refuses. Any bytes
 * may be given.
 *
 * Not installed. Allocates nothing (18 KiB on the stack, 36 KiB for two streams). Any number of threads.
 */
#ifndef STAGEDIR_LASTBLOCK_H
#define STAGEDIR_LASTBLOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bits are counted from the start of the stream, in each byte from the lowest one (RFC 1951, 3.1.1). */
struct stage_lastblock {
	uint64_t header; /* the first bit of the last block, which marks it as the last */
	uint64_t end;    /* the first bit behind it */
	uint64_t size;   /* bytes that the stream unpacks to */
};

/* False: these bytes do not begin with a complete DEFLATE stream. What is behind it is not looked at. */
bool stage_lastblock_find(
	const unsigned char *stream, size_t size, struct stage_lastblock *ret_last);

/* The same for two streams, in 0.7 of the time of two calls. False: one of them is none. */
bool stage_lastblock_find_both(const unsigned char *stream, size_t size, const unsigned char *other,
	size_t other_size, struct stage_lastblock *ret_last, struct stage_lastblock *ret_other);

#endif
