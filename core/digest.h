/*
 * digest - what a sealed file is known by: its size and its SHA-256 (FIPS 180-4, by libcrypto)
 *
 * Not installed. Any thread.
 */
#ifndef STAGEDIR_DIGEST_H
#define STAGEDIR_DIGEST_H

#include <stdint.h>

#include "error.h"

#define STAGE_DIGEST_BYTES 32
#define STAGE_DIGEST_HEX (2 * STAGE_DIGEST_BYTES + 1) /* with the NUL */

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

#endif
