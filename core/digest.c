#include "digest.h"

#include <errno.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <unistd.h>

/* Bytes for a pread(2): enough for the calls to cost nothing beside the digest. */
#define PIECE (256 * 1024)

struct stage_digester {
	EVP_MD_CTX *sha256, *sha1; /* sha1: NULL where it is not wanted */
	uint64_t size;
	bool ended;
};

struct stage_digester *
stage_digester_new(bool sha1)
{
	struct stage_digester *digester = calloc(1, sizeof(*digester));

	if (!digester)
		return NULL;
	digester->sha256 = EVP_MD_CTX_new();
	if (sha1)
		digester->sha1 = EVP_MD_CTX_new();
	/* libcrypto does not say why it fails */
	if (!digester->sha256 || EVP_DigestInit_ex(digester->sha256, EVP_sha256(), NULL) != 1 ||
		(sha1 && (!digester->sha1 ||
				 EVP_DigestInit_ex(digester->sha1, EVP_sha1(), NULL) != 1))) {
		stage_digester_free(digester);
		return NULL;
	}
	return digester;
}

int
stage_digester_add(struct stage_digester *digester, const void *data, size_t size)
{
	/* versions of libcrypto differ in what they do then */
	if (digester->ended)
		return -1;
	if (EVP_DigestUpdate(digester->sha256, data, size) != 1)
		return -1;
	if (digester->sha1 && EVP_DigestUpdate(digester->sha1, data, size) != 1)
		return -1;
	digester->size += size;
	return 0;
}

int
stage_digester_end(struct stage_digester *digester, struct stage_digest *ret_digest,
	unsigned char ret_sha1[STAGE_SHA1_BYTES])
{
	if (digester->ended || !ret_sha1 != !digester->sha1)
		return -1;
	digester->ended = true;
	if (EVP_DigestFinal_ex(digester->sha256, ret_digest->sha256, NULL) != 1)
		return -1;
	if (digester->sha1 && EVP_DigestFinal_ex(digester->sha1, ret_sha1, NULL) != 1)
		return -1;
	ret_digest->size = digester->size;
	return 0;
}

void
stage_digester_free(struct stage_digester *digester)
{
	if (!digester)
		return;
	EVP_MD_CTX_free(digester->sha256);
	EVP_MD_CTX_free(digester->sha1);
	free(digester);
}

/* Reads fd to its end into the digester. */
static int
feed(struct stage_digester *digester, int fd, unsigned char *buffer)
{
	ssize_t got;

	while ((got = pread(fd, buffer, PIECE, (off_t)digester->size)) != 0) {
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return STAGE_E_SYSTEM;
		if (stage_digester_add(digester, buffer, (size_t)got) < 0)
			return STAGE_E_MEMORY;
	}
	return 0;
}

int
stage_digest_read(
	int fd, const char *path, struct stage_digest *ret_digest, struct stage_error *error)
{
	struct stage_digester *digester = stage_digester_new(false);
	unsigned char *buffer = malloc(PIECE);
	struct stage_digest digest;
	int code = STAGE_E_MEMORY;

	if (digester && buffer)
		code = feed(digester, fd, buffer);
	if (code == 0 && stage_digester_end(digester, &digest, NULL) < 0)
		code = STAGE_E_MEMORY;
	if (code == STAGE_E_SYSTEM)
		stage_error_set(error, code, errno, "cannot read %s", path);
	else if (code < 0)
		stage_error_set(error, code, 0, "no memory for the digest of %s", path);
	else
		*ret_digest = digest;
	free(buffer);
	stage_digester_free(digester);
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
