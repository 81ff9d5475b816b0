/*
 * signature - the librsync signature of a file, computed from its bytes as they pass
 *
 * A signature holds a weak and a strong checksum of each block of a file. By these one finds, without
 * the file, which of its blocks are in a later file. It begins with a header of 12 bytes and has 4 +
 * strong_length bytes for each block. The last block may be shorter. rdiff(1) writes and reads it, too.
 *
 *	const struct stage_signature_options options = {
 *		.magic = STAGE_SIGNATURE_MD4, .block_length = 2048, .strong_length = 8};
 *
 *	stage_signature_open(&options, &signature, &error);
 *	while ((size = read(fd, data, sizeof(data))) > 0)
 *		stage_signature_update(signature, data, size, &error);
 *	stage_signature_end(signature, &bytes, &length, &error);
 *	stage_signature_close(&signature);
 *
 * It depends on the bytes alone, not on how they were cut.
 *
 * Memory: the signature, 4 + strong_length bytes for each block, twice that while it grows; and up to one
 * block of data. A file that is smaller than a block needs no more than its own size.
 *
 * librsync ends the process (abort(3)) if it cannot get memory. So it allocates only twice: its state of
 * less than a KiB, when a signature is opened, and a copy of the last block, when it ends. Whole blocks
 * are given to it where they lie. Before both it is tried whether that much memory can be had. If not:
 * STAGE_E_MEMORY. Another thread could still take the memory in between.
 *
 * Errors: the first one is kept, and every later call fails with it. A call after the end, or of one that
 * is closed (NULL), is STAGE_E_ARGUMENT.
 *
 * Threads: a signature is for one thread at a time. Forks: it is plain memory.
 */
#ifndef STAGEDIR_SIGNATURE_H
#define STAGEDIR_SIGNATURE_H

#include <stddef.h>
#include <stdint.h>

#include "error.h"

#pragma GCC visibility push(default)

/* The first bytes of a signature. They name its strong checksum: MD4, up to 16 bytes of it, or BLAKE2, up
 * to 32. */
#define STAGE_SIGNATURE_MD4 UINT32_C(0x72730136)
#define STAGE_SIGNATURE_BLAKE2 UINT32_C(0x72730137)

/* The longest block: librsync counts in int. */
#define STAGE_SIGNATURE_BLOCK_MAX ((size_t)1 << 30)

struct stage_signature;

struct stage_signature_options {
	uint32_t magic;
	size_t block_length;
	size_t strong_length;
};

/* Begins one. STAGE_E_ARGUMENT: an option is 0 or out of the ranges above; STAGE_E_MEMORY. */
int stage_signature_open(const struct stage_signature_options *options,
	struct stage_signature **ret_signature, struct stage_error *error);

/* Takes size bytes. STAGE_E_MEMORY; STAGE_E_ARGUMENT once it has ended. */
int stage_signature_update(struct stage_signature *signature, const void *data, size_t size,
	struct stage_error *error);

/*
 * Ends it, and gives the signature of all bytes that were taken. It stays the struct's, until that is
 * closed. May be called again. STAGE_E_MEMORY.
 */
int stage_signature_end(struct stage_signature *signature, const unsigned char **ret_bytes,
	size_t *ret_size, struct stage_error *error);

/* Frees *signature, which may be NULL, and sets it to NULL. Keeps errno. */
void stage_signature_close(struct stage_signature **signature);

#pragma GCC visibility pop

#endif
