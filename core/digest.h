/*
 * digest - what a sealed file is known by: its size and its SHA-256 (FIPS 180-4, by libcrypto)
 *
 * Of a file that lies there by stage_digest_read(); of bytes that come in pieces by a digester,
 * which can tell their SHA-1, too.
 *
 * Not installed. Any thread; for one digester one at a time.
 */
#ifndef STAGEDIR_DIGEST_H
#define STAGEDIR_DIGEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "error.h"

#define STAGE_DIGEST_BYTES 32
#define STAGE_DIGEST_HEX (2 * STAGE_DIGEST_BYTES + 1) /* with the NUL */
#define STAGE_SHA1_BYTES 20

struct stage_digest {
	uint64_t size; /* bytes that were read */
	unsigned char sha256[STAGE_DIGEST_BYTES];
};

/*
 * Reads fd from offset 0 to its end (pread(2): the offset of fd stays) and tells what was there.
 * path is for messages. STAGE_E_SYSTEM; STAGE_E_MEMORY.
 */
int stage_digest_read(
	int fd, const char *path, struct stage_digest *ret_digest, struct stage_error *error);

/* Writes sha256 in lower case hexadecimal digits. */
void stage_digest_to_hex(const struct stage_digest *digest, char ret_hex[STAGE_DIGEST_HEX]);

struct stage_digester;

/*
 * The caller frees. NULL for want of memory, or where libcrypto is forbidden to do it, which is all
 * that can fail in the others, too, besides a call in the wrong order.
 */
struct stage_digester *stage_digester_new(bool sha1);

/* 0, or -1. */
int stage_digester_add(struct stage_digester *digester, const void *data, size_t size);

/*
 * 0, or -1. ret_sha1 is NULL for one without, and only for that. Nothing can be added afterwards, and
 * it is told once: both are refused.
 */
int stage_digester_end(struct stage_digester *digester, struct stage_digest *ret_digest,
	unsigned char ret_sha1[STAGE_SHA1_BYTES]);

/* NULL is no error. */
void stage_digester_free(struct stage_digester *digester);

#endif
