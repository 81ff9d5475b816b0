#include "tests.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "digest.h"

static void
digest_of(const void *bytes, size_t size, const char *expected)
{
	char hex[STAGE_DIGEST_HEX];
	struct stage_digest digest;
	int fd;

	make_file_bytes(in_dir("data"), bytes, size, 0600);
	fd = open(in_dir("data"), O_RDONLY | O_CLOEXEC);
	REQUIRE(fd >= 0);
	WORKS(stage_digest_read(fd, "data", &digest, &failure));
	stage_digest_to_hex(&digest, hex);
	CU_ASSERT_STRING_EQUAL(hex, expected);
	CHECK(digest.size == size);
	close(fd);
	unlink(in_dir("data"));
}

/* Of FIPS 180-4's examples; the others by another program (sha256sum). */
static void
known(void)
{
	const size_t size = 1024 * 1024 + 1;
	unsigned char *bytes = malloc(size);
	size_t i;

	REQUIRE(bytes != NULL);
	digest_of("", 0, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
	digest_of("abc", 3, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	digest_of("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", 56,
		"248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
	for (i = 0; i < size; i++)
		bytes[i] = (unsigned char)(i % 251);
	digest_of(bytes, size, "5769f52bc3eef28afa39c6fc68cadb7d0bd69812ae3a3d71452f519ec3c7aa56");
	/* whole pieces, and one byte less */
	digest_of(bytes, size - 1,
		"631b84027d6b9e52b539c4e8373622d23032dfadc64d60af87339c9037e4f769");
	digest_of(bytes, size - 2,
		"8b55c6a2d3444092a316985030e00c1e6f8608eaf912c896dee7c374d440ed11");
	free(bytes);
}

/* Of the same bytes in pieces, an empty one among them. */
static void
in_pieces(void)
{
	static const unsigned char sha1[] = {0xa9, 0x99, 0x3e, 0x36};
	unsigned char told[STAGE_SHA1_BYTES];
	char hex[STAGE_DIGEST_HEX];
	struct stage_digester *digester;
	struct stage_digest digest;
	int with;

	for (with = 0; with <= 1; with++) {
		digester = stage_digester_new(with);
		REQUIRE(digester != NULL);
		CHECK(stage_digester_add(digester, "ab", 2) == 0);
		CHECK(stage_digester_add(digester, "", 0) == 0);
		CHECK(stage_digester_add(digester, "c", 1) == 0);
		CHECK(stage_digester_end(digester, &digest, with ? told : NULL) == 0);
		stage_digester_free(digester);
		stage_digest_to_hex(&digest, hex);
		CHECK(digest.size == 3);
		CU_ASSERT_STRING_EQUAL(
			hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	}
	CHECK(memcmp(told, sha1, sizeof(sha1)) == 0);
	stage_digester_free(NULL);
}

/* What has ended is ended, and a digest is told only where it was taken. */
static void
wrong_order(void)
{
	unsigned char sha1[STAGE_SHA1_BYTES] = {1};
	struct stage_digester *digester;
	struct stage_digest digest;
	int with;

	for (with = 0; with <= 1; with++) {
		digester = stage_digester_new(with);
		REQUIRE(digester != NULL);
		CHECK(stage_digester_add(digester, "abc", 3) == 0);
		CHECK(stage_digester_end(digester, &digest, with ? NULL : sha1) == -1);
		CHECK(stage_digester_end(digester, &digest, with ? sha1 : NULL) == 0);
		CHECK(digest.size == 3 && digest.sha256[0] == 0xba);
		digest = (struct stage_digest){.size = 4711};
		CHECK(stage_digester_add(digester, "d", 1) == -1);
		CHECK(stage_digester_add(digester, "", 0) == -1);
		CHECK(stage_digester_end(digester, &digest, with ? sha1 : NULL) == -1);
		CHECK(digest.size == 4711);
		stage_digester_free(digester);
		CHECK(sha1[0] == (with ? 0xa9 : 1));
	}
}

static void
offset_stays(void)
{
	struct stage_digest digest;
	int fd;

	make_file(in_dir("data"), "abc", 0600);
	fd = open(in_dir("data"), O_RDONLY | O_CLOEXEC);
	REQUIRE(fd >= 0 && lseek(fd, 2, SEEK_SET) == 2);
	WORKS(stage_digest_read(fd, "data", &digest, &failure));
	CHECK(digest.size == 3 && digest.sha256[0] == 0xba);
	CHECK(lseek(fd, 0, SEEK_CUR) == 2);
	close(fd);
	unlink(in_dir("data"));
}

/* A failure says which file, and leaves the result alone. */
static void
unreadable(void)
{
	struct stage_digest digest = {.size = 4711};
	int ends[2];

	FAILS(stage_digest_read(-1, "some/path", &digest, &failure), STAGE_E_SYSTEM);
	CHECK(failure.sys_errno == EBADF);
	HAS(failure.message, "some/path");
	REQUIRE(pipe2(ends, O_CLOEXEC) == 0);
	FAILS(stage_digest_read(ends[0], "a pipe", &digest, &failure), STAGE_E_SYSTEM);
	CHECK(failure.sys_errno == ESPIPE);
	CHECK(stage_digest_read(ends[0], "a pipe", &digest, NULL) == STAGE_E_SYSTEM);
	CHECK(digest.size == 4711);
	close(ends[0]);
	close(ends[1]);
}

static const struct test tests[] = {
	{"known", known},
	{"in_pieces", in_pieces},
	{"wrong_order", wrong_order},
	{"offset_stays", offset_stays},
	{"unreadable", unreadable},
	{NULL, NULL},
};

const struct suite suite_digest = {"digest", tests};
