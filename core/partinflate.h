/*
 * partinflate - parts of a raw DEFLATE stream (RFC 1951) are inflated by libdeflate, where the stream has such parts
 *
 * libdeflate inflates faster than zlib, but complete streams alone. openpgp.h writes streams of parts: each was
 * compressed without knowledge of what is before it, ends on a byte, and holds at most 512 KiB of data.
 *
 *	parts = stage_partinflate_new();
 *	... the stream stands between two blocks, on a byte; size bytes of it are at hand
 *	found = stage_partinflate_run(parts, input, size, false, &part);
 *	if (found == STAGE_PARTINFLATE_NEEDS_MORE)
 *		... the same again, with more of the input, or is_all
 *	if (found == STAGE_PARTINFLATE_FOUND)
 *		... part.data are the next data, and the stream goes on part.used bytes on
 *	else
 *		... zlib inflates at least the next block
 *	stage_partinflate_free(&parts);
 *
 * A part ends with an empty stored block, whose last bytes are 00 00 ff ff. They can also come by chance. So each such place
 * is a candidate for the end of the part. Behind it a last block is put, stored, of 512 zeros. It is the end of a
 * part exactly if libdeflate then inflates all of the input, with the last zero, and the last block was that one:
 *
 * - The input begins between two blocks, and libdeflate refuses what refers to data from before. So, up to the
 *   candidate, it makes what zlib would make.
 * - A block by a Huffman code that reaches over the candidate does not end with the last zero. The code is read after at
 *   most 290 bytes of zeros. From there on zeros are the same symbol each time. If that is the end of the block, it
 *   comes before the last zero. If it is another one, the block never ends.
 * - A stored block that holds the candidate, and ends with the last zero by chance, leaves the candidate and the header of
 *   the zeros in the data. Data that end so are not taken.
 * - A block that begins within the header of the zeros, at another bit than the first, is one of these two, or is not the
 *   last one, or is longer than the input.
 *
 * Stored blocks that begin on a byte are given out as they are in the input, unless a part begins with them.
 *
 * libdeflate takes some codes that zlib refuses as incomplete. No writer makes them: data that were not damaged are the same.
 *
 * Measured: files of /usr, 400 MB, as openpgp.h makes a message of them, in 0.46 of zlib's CPU time.
 *
 * Memory: 600 KiB. One thread at a time. Not installed. Without HAVE_LIBDEFLATE there are no parts: zlib has all.
 */
#ifndef STAGEDIR_PARTINFLATE_H
#define STAGEDIR_PARTINFLATE_H

#include <stdbool.h>
#include <stddef.h>

#include "compressor.h"
#include "parallel.h"

/* So far DEFLATE refers back. */
#define STAGE_PARTINFLATE_WINDOW ((size_t)32 * 1024)

/* No part has more bytes: nothing behind them is looked at. */
#define STAGE_PARTINFLATE_INPUT STAGE_PART_MAX(STAGE_PARALLEL_BLOCK)

/* Bytes behind the input that must be there. They are written to, and are at the end as they were. */
#define STAGE_PARTINFLATE_BEHIND ((size_t)5 + 512)

struct stage_partinflate;

/* The last data that were inflated, for whoever goes on from there. */
struct stage_partinflate_window {
	unsigned char bytes[STAGE_PARTINFLATE_WINDOW];
	size_t size;
};

struct stage_partinflate_part {
	size_t used; /* bytes of the input */
	const unsigned char *
		data; /* in the input or in the object: until the next call, and while the input stays */
	size_t size; /* may be 0 */
};

enum stage_partinflate_found {
	STAGE_PARTINFLATE_NEEDS_MORE, /* more of the input has to be known; never with all, or with _INPUT bytes */
	STAGE_PARTINFLATE_FOUND,
	STAGE_PARTINFLATE_NONE, /* no part begins here, or it is damaged: zlib says why */
	STAGE_PARTINFLATE_NEVER /* the same, several times in a row: the stream seems to have no parts */
};

/* NULL: there is no memory, or no libdeflate. */
struct stage_partinflate *stage_partinflate_new(void);

/*
 * Looks for a part at the beginning of the input, of size bytes. is_all: nothing comes behind them. *ret_part is written where
 * one was found; then the window holds its data, too.
 */
enum stage_partinflate_found stage_partinflate_run(struct stage_partinflate *parts,
	unsigned char *input, size_t size, bool is_all, struct stage_partinflate_part *ret_part);

/* The window, which the caller fills whenever somebody else has inflated what came last. */
struct stage_partinflate_window *stage_partinflate_window(struct stage_partinflate *parts);

/* Frees *parts, which may be NULL, and sets it to NULL. */
void stage_partinflate_free(struct stage_partinflate **parts);

#endif
