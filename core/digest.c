#include "digest.h"

#include <errno.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <unistd.h>

/* Bytes for a pread(2): enough for the calls to cost nothing beside the digest. */
#define PIECE (256 * 1024)

/* Reads fd to its end into context. */
static int
feed(EVP_MD_CTX *context, int fd, unsigned char *buffer, uint64_t *ret_size)
{
	uint64_t size = 0;
	ssize_t got;

	while ((got = pread(fd, buffer, PIECE, (off_t)size)) != 0) {
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return STAGE_E_SYSTEM;
		if (EVP_DigestUpdate(context, buffer, (size_t)got) != 1)
			return STAGE_E_MEMORY;
		size += (uint64_t)got;
	}
	*ret_size = size;
	return 0;
}

int
stage_digest_read(
	int fd, const char *path, struct stage_digest *ret_digest, struct stage_error *error)
{
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	unsigned char *buffer = malloc(PIECE);
	struct stage_digest digest;
	int code = 0;

	/* libcrypto does not say why it fails; memory is all that SHA-256 can want */
	if (!context || !buffer || EVP_DigestInit_ex(context, EVP_sha256(), NULL) != 1)
		code = STAGE_E_MEMORY;
	if (code == 0)
		code = feed(context, fd, buffer, &digest.size);
	if (code == 0 && EVP_DigestFinal_ex(context, digest.sha256, NULL) != 1)
		code = STAGE_E_MEMORY;
	if (code == STAGE_E_SYSTEM)
		stage_error_set(error, code, errno, "cannot read %s", path);
	else if (code < 0)
		stage_error_set(error, code, 0, "no memory for the digest of %s", path);
	else
		*ret_digest = digest;
	free(buffer);
	EVP_MD_CTX_free(context);
	return code;
}

void
stage_digest_to_hex(const struct stage_digest *digest, char ret_hex[STAGE_DIGEST_HEX])
{
	static const char digits[] = "0123456789abcdef";
	size_t i;

	for (i = 0; i < STAGE_DIGEST_BYTES; i++) {
		*ret_hex++ = digits[digest->sha256[i] >> 4];
		*ret_hex++ = digits[digest->sha256[i] & 15];
	}
	*ret_hex = '\0';
}
