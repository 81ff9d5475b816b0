/*
 * digest - the size and the SHA-256 by which a sealed file is known (FIPS 180-4, by libcrypto)
 *
 * stage_digest_read() takes them of a file. A digester takes them of bytes that come in pieces, and can
 * take their SHA-1, too.
 *
 * Not installed. Any thread; one at a time for one digester.
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
 * Reads fd from offset 0 to its end. The offset of fd stays (pread(2)). path is for messages.
 * STAGE_E_SYSTEM; STAGE_E_MEMORY.
 */
int stage_digest_read(
	int fd, const char *path, struct stage_digest *ret_digest, struct stage_error *error);

/* Writes sha256 in lower case hexadecimal digits. */
void stage_digest_to_hex(const struct stage_digest *digest, char ret_hex[STAGE_DIGEST_HEX]);

struct stage_digester;

/*
 * The caller frees. sha1: take that, too. NULL: there is no memory, or libcrypto is not allowed to do it.
 * The other functions fail for no other reason, or because they are called in the wrong order.
 */
struct stage_digester *stage_digester_new(bool sha1);

/* 0, or -1. */
int stage_digester_add(struct stage_digester *digester, const void *data, size_t size);

/*
 * 0, or -1. ret_sha1 must be NULL if no SHA-1 is taken, and only then. Afterwards both add and end are
 * refused.
 */
int stage_digester_end(struct stage_digester *digester, struct stage_digest *ret_digest,
	unsigned char ret_sha1[STAGE_SHA1_BYTES]);

/* NULL is no error. */
void stage_digester_free(struct stage_digester *digester);

#endif
